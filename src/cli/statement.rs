//! A settlement as text: with it and a pocket calculator every fen can be redone.

use std::fmt::Write;

use crate::domain::money::Money;
use crate::grpc::pb::settlement as pb;

use super::client;

fn yuan(fen: i64) -> Money {
    Money::from_fen(fen)
}

/// One line: what was paid by whom.
pub fn line(claim_id: &str, told: &str, split: &pb::Split) -> String {
    let mut line = format!("{claim_id} {told}: total {}", yuan(split.total_fen));
    for share in split.payers.iter().filter(|share| share.amount_fen != 0) {
        push(&mut line, format_args!(", {} {}", share.payer, yuan(share.amount_fen)));
    }
    push(&mut line, format_args!(", patient {}", yuan(split.patient_fen)));
    line
}

/// The whole statement.
pub fn text(settlement: &pb::Settlement) -> String {
    let mut out = String::new();
    let split = settlement.split.clone().unwrap_or_default();
    head(&mut out, settlement, &split.judged.clone().unwrap_or_default());
    bill(&mut out, &split);
    for layer in &split.layers {
        layer_text(&mut out, layer);
    }
    for skipped in &split.skipped {
        push(&mut out, format_args!("  – {} {}: {}\n", skipped.id, skipped.name, why(&skipped.reason)));
    }
    sums(&mut out, &split);
    out
}

/// Writing to a `String` cannot fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok());
}

fn head(out: &mut String, settlement: &pb::Settlement, judged: &pb::Judged) {
    push(out, format_args!("STATEMENT 结算单  {}\n", settlement.settlement_id));
    push(
        out,
        format_args!(
            "claim {}  hospital {} ({}, {}, referral {})  person {} [{}]\n",
            settlement.claim_id,
            settlement.hospital_id,
            judged.hospital_level,
            judged.locality,
            judged.referral,
            settlement.person_id,
            if judged.categories.is_empty() { "ordinary".to_owned() } else { judged.categories.join(", ") },
        ),
    );
    let day = judged.policy_day.unwrap_or_default();
    push(
        out,
        format_args!(
            "law {} as of {:04}-{:02}-{:02}, benefit year {}, {} earlier admissions\n\n",
            judged.policy_id, day.year, day.month, day.day, judged.benefit_year, judged.admissions_before,
        ),
    );
}

fn bill(out: &mut String, split: &pb::Split) {
    push(out, format_args!("  {:>12}  {:>10}  {:>10}  {:>12}  pool\n", "charged", "over limit", "first", "rest"));
    for code in &split.codes {
        let ratio = if code.self_pay_ratio.is_empty() { String::new() } else { format!(" × {}", code.self_pay_ratio) };
        let ceiling = code
            .price_ceiling_micro_yuan
            .map_or_else(String::new, |micro| format!(", ceiling {}", yuan(micro / 10_000)));
        push(
            out,
            format_args!(
                "  {:>12}  {:>10}  {:>10}  {:>12}  {} — {} {} (class {}{ratio}{ceiling})\n",
                yuan(code.net_fen),
                yuan(code.over_limit_fen),
                yuan(code.preliminary_self_pay_fen),
                yuan(code.rest_fen),
                code.pool,
                code.code,
                code.name,
                code.class,
            ),
        );
    }
    let pools = split.pools.unwrap_or_default();
    let filled: Vec<_> = client::pools(&pools).filter(|(_, fen)| *fen != 0).collect();
    let texts: Vec<_> = filled.iter().map(|(name, fen)| format!("{name} {}", yuan(*fen))).collect();
    push(out, format_args!("  {:>12}  total = {}\n\n", yuan(split.total_fen), texts.join(" + ")));
}

fn layer_text(out: &mut String, layer: &pb::Layer) {
    push(
        out,
        format_args!("  {} {}: {} pays {}{}\n", layer.id, layer.name, layer.payer, yuan(layer.pays_fen), from(layer)),
    );
    push(out, format_args!("      in its pools {}", yuan(layer.residual_fen)));
    if layer.prior_self_pay != "0" {
        push(out, format_args!(", the patient first bears {} of it", layer.prior_self_pay));
    }
    for cap in layer.caps.iter().filter(|cap| cap.of == "base" && cap.cut_fen != 0) {
        push(out, format_args!(", cap {} cuts {}", cap.account, yuan(cap.cut_fen)));
    }
    push(out, format_args!("; base {}", yuan(layer.base_fen)));
    if layer.period == "year" {
        let (before, after) = (yuan(layer.cumulative_before_fen), yuan(layer.cumulative_after_fen));
        push(out, format_args!(", the year's {before} becomes {after}"));
    }
    let (deductible, taken) = (yuan(layer.deductible_fen), yuan(layer.deductible_taken_fen));
    push(out, format_args!("; deductible {deductible}, of which {taken} now\n"));
    for band in layer.bands.iter().filter(|band| band.amount_after_fen != 0) {
        band_text(out, band);
    }
    for cap in layer.caps.iter().filter(|cap| cap.of == "paid") {
        cap_text(out, cap);
    }
    rules(out, layer);
}

/// Where the money was drawn from: its pools give in the order in which they are listed.
fn from(layer: &pb::Layer) -> String {
    let drawn = layer.drawn.iter().filter(|drawn| drawn.amount_fen != 0);
    let texts: Vec<_> = drawn.map(|drawn| format!("{} {}", drawn.pool, yuan(drawn.amount_fen))).collect();
    if texts.is_empty() { String::new() } else { format!(", from {}", texts.join(" + ")) }
}

fn band_text(out: &mut String, band: &pb::Band) {
    let top = band.upto_fen.map_or_else(|| "above".to_owned(), |fen| format!("to {}", yuan(fen)));
    push(
        out,
        format_args!("      {top}: {} × {} = {}", yuan(band.amount_after_fen), band.rate, yuan(band.pay_after_fen)),
    );
    if band.amount_before_fen != 0 {
        let (amount, pay) = (yuan(band.amount_before_fen), yuan(band.pay_before_fen));
        push(out, format_args!(", less before {amount} × {} = {pay}", band.rate));
    }
    out.push('\n');
}

fn cap_text(out: &mut String, cap: &pb::Cap) {
    let used = yuan(cap.used_before_fen);
    match cap.annual_fen {
        None => push(out, format_args!("      cap {} is lifted, {used} used before\n", cap.account)),
        Some(annual) => {
            push(
                out,
                format_args!(
                    "      cap {} {}, {used} used before, cuts {}\n",
                    cap.account,
                    yuan(annual),
                    yuan(cap.cut_fen)
                ),
            );
        }
    }
}

fn rules(out: &mut String, layer: &pb::Layer) {
    for cite in &layer.cites {
        push(out, format_args!("      § {} ({})\n", cite.text, cite.source));
    }
    if !layer.assumed.is_empty() {
        push(out, format_args!("      assumed, no public text gives it: {}\n", layer.assumed.join(", ")));
    }
}

fn why(reason: &str) -> &str {
    match reason {
        "not_in_force" => "not in force on the day",
        "other_visit" => "not for this kind of visit",
        "other_category" => "not for any category the person holds",
        other => other,
    }
}

fn sums(out: &mut String, split: &pb::Split) {
    out.push('\n');
    for share in &split.payers {
        push(out, format_args!("  {:>12}  {}\n", yuan(share.amount_fen), share.payer));
    }
    push(out, format_args!("  {:>12}  THE PATIENT PAYS 个人支付\n", yuan(split.patient_fen)));
    push(out, format_args!("  {:>12}  total 医疗费总额\n", yuan(split.total_fen)));
}
