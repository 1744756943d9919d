//! A settlement as JSON with its whole derivation: names as in the messages without their units, amounts in decimal
//! yuan as strings, rates as exact decimals, days as 2017-06-15.

use serde_json::{Value, json};

use crate::domain::claim::UnitPrice;
use crate::domain::money::Money;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::pb::settlement::revision::Cause;

use super::json::{hex, instant, notices, payer_amounts, yuan};

/// A settlement with its claim, revisions and reversal.
pub fn view(view: &pb::GetSettlementResponse) -> Value {
    let settlement = view.settlement.clone().unwrap_or_default();
    json!({
        "settlement_id": settlement.settlement_id, "claim_id": settlement.claim_id,
        "hospital_id": settlement.hospital_id, "person_id": settlement.person_id,
        "request_id": settlement.request_id, "commit_time": instant(settlement.commit_time.as_ref()),
        "book_digest": hex(&settlement.book_digest), "notices": notices(&settlement.notices),
        "split": split(&settlement.split.unwrap_or_default()), "derivation": settlement.derivation.as_ref().map(derivation),
        "claim": view.claim.as_ref().map(claim), "revisions": list(&view.revisions, revision),
        "reversal": view.reversal.as_ref().map(reversal),
    })
}

fn list<T>(all: &[T], one: impl Fn(&T) -> Value) -> Value {
    all.iter().map(one).collect()
}

fn day(day: Option<&Date>) -> Option<String> {
    day.map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day))
}

fn claim(claim: &pb::Claim) -> Value {
    json!({
        "visit": claim.visit, "emergency": claim.emergency, "admitted": day(claim.admitted.as_ref()),
        "discharged": day(claim.discharged.as_ref()), "items": list(&claim.items, item),
    })
}

fn item(item: &pb::Item) -> Value {
    // Ten-thousandths have a hundred millionths each: the same digits as of a price.
    let quantity = UnitPrice(item.quantity_e4.saturating_mul(100)).to_string();
    let price = UnitPrice(item.unit_price_micro_yuan).to_string();
    json!({ "code": item.code, "quantity": quantity, "unit_price": price, "amount": yuan(item.amount_fen) })
}

fn revision(revision: &pb::Revision) -> Value {
    let by = revision.differences.clone().unwrap_or_default();
    let (reversal_id, run_id) = match &revision.cause {
        Some(Cause::ReversalId(id)) => (Some(id), None),
        Some(Cause::RunId(id)) => (None, Some(id)),
        None => (None, None),
    };
    json!({
        "revision": revision.revision, "revision_id": revision.revision_id, "replaces_id": revision.replaces_id,
        "reversal_id": reversal_id, "run_id": run_id, "commit_time": instant(revision.commit_time.as_ref()),
        "book_digest": hex(&revision.book_digest), "split": split(&revision.split.clone().unwrap_or_default()),
        "derivation": revision.derivation.as_ref().map(derivation),
        "differences": { "payers": payer_amounts(&by.payers), "patient": yuan(by.patient_fen) },
    })
}

fn reversal(reversal: &pb::Reversal) -> Value {
    json!({
        "reversal_id": reversal.reversal_id, "request_id": reversal.request_id, "reason": reversal.reason,
        "commit_time": instant(reversal.commit_time.as_ref()),
    })
}

fn split(split: &pb::Split) -> Value {
    let pools = split.pools.iter().map(|pool| (pool.pool.clone(), Value::from(yuan(pool.amount_fen))));
    json!({
        "total": yuan(split.total_fen), "pools": pools.collect::<serde_json::Map<_, _>>(),
        "payers": payer_amounts(&split.payers), "patient": yuan(split.patient_fen),
    })
}

fn derivation(derivation: &pb::Derivation) -> Value {
    let skipped = |one: &pb::SkippedLayer| json!({ "id": one.id, "name": one.name, "reason": one.reason().word() });
    json!({
        "layers": list(&derivation.layers, layer), "skipped": list(&derivation.skipped, skipped),
        "circumstances": derivation.circumstances.as_ref().map(circumstances), "codes": list(&derivation.codes, code),
        "lines": list(&derivation.lines, |line| json!({
            "over_limit": yuan(line.over_limit_fen), "preliminary_self_pay": yuan(line.preliminary_self_pay_fen),
        })),
        "counted_admission": derivation.counted_admission, "opening": derivation.opening.as_ref().map(opening),
    })
}

fn circumstances(facts: &pb::Circumstances) -> Value {
    json!({
        "policy_id": facts.policy_id, "policy_digest": hex(&facts.policy_digest),
        "policy_day": day(facts.policy_day.as_ref()), "insurance": facts.insurance,
        "benefit_year": facts.benefit_year, "hospital_level": facts.hospital_level, "locality": facts.locality().word(),
        "referral": facts.referral().word(), "categories": facts.categories, "admissions_before": facts.admissions_before,
        "tags": facts.tags, "diseases": facts.diseases,
    })
}

fn code(code: &pb::Code) -> Value {
    json!({
        "code": code.code, "name": code.name, "class": code.class,
        "unit_price": UnitPrice(code.unit_price_micro_yuan).to_string(), "self_pay_ratio": code.self_pay_ratio,
        "price_ceiling": code.price_ceiling_micro_yuan.map(|micro| UnitPrice(micro).to_string()),
        "net": yuan(code.net_fen), "over_limit": yuan(code.over_limit_fen),
        "preliminary_self_pay": yuan(code.preliminary_self_pay_fen), "rest": yuan(code.rest_fen), "pool": code.pool,
    })
}

fn layer(layer: &pb::Layer) -> Value {
    let accumulator = |sums: Option<&pb::Accumulator>| {
        let sums = sums.copied().unwrap_or_default();
        json!({
            "base": yuan(sums.base_fen), "paid": yuan(sums.paid_fen),
            "deductible_taken": yuan(sums.deductible_taken_fen),
        })
    };
    json!({
        "id": layer.id, "name": layer.name, "payer": layer.payer, "period": layer.period().word(),
        "drawn": list(&layer.drawn, |drawn| json!({ "pool": drawn.pool, "amount": yuan(drawn.amount_fen) })),
        "residual": yuan(layer.residual_fen), "prior_self_pay": layer.prior_self_pay, "base": yuan(layer.base_fen),
        "cumulative_before": yuan(layer.cumulative_before_fen), "cumulative_after": yuan(layer.cumulative_after_fen),
        "deductible": yuan(layer.deductible_fen), "deductible_taken": yuan(layer.deductible_taken_fen),
        "bands": list(&layer.bands, band), "caps": list(&layer.caps, cap), "pays": yuan(layer.pays_fen),
        "before": accumulator(layer.before.as_ref()), "after": accumulator(layer.after.as_ref()),
        "cites": list(&layer.cites, |cite| json!({ "source": cite.source, "text": cite.text })),
        "assumed": layer.assumed, "ledger": layer.ledger, "deductible_per": layer.deductible_per().word(),
        "deductible_credited": yuan(layer.deductible_credited_fen), "bands_over_excess": layer.bands_over_excess,
        "credits_transfer": layer.credits_transfer, "stay": layer.stay.as_ref().map(stay),
    })
}

fn stay(stay: &pb::StayUse) -> Value {
    json!({
        "base": yuan(stay.base_fen), "deductible_taken": yuan(stay.deductible_taken_fen),
        "deductible_taken_on_stay": yuan(stay.deductible_taken_on_stay_fen), "admissions": stay.admissions,
    })
}

fn opening(opening: &pb::Opening) -> Value {
    json!({
        "kind": opening.kind().word(), "settlement_id": opening.settlement_id, "admissions": opening.admissions,
        "credited_admissions": opening.credited_admissions, "counted_admission": opening.counted_admission,
        "pools": list(&opening.pools, |pool| json!({ "pool": pool.pool, "amount": yuan(pool.amount_fen) })),
        "caps": list(&opening.caps, |cap| json!({ "account": cap.account, "amount": yuan(cap.amount_fen) })),
    })
}

fn band(band: &pb::Band) -> Value {
    json!({
        "upto": band.upto_fen.map(yuan), "rate": band.rate, "amount_after": yuan(band.amount_after_fen),
        "pay_after": yuan(band.pay_after_fen), "amount_before": yuan(band.amount_before_fen),
        "pay_before": yuan(band.pay_before_fen),
    })
}

fn cap(cap: &pb::Cap) -> Value {
    json!({
        "account": cap.account, "of": cap.of().word(), "limit": cap.limit_fen.map(|fen| Money::from_fen(fen).to_string()),
        "per_claim": cap.per_claim, "overflow": cap.overflow,
        "used_before": yuan(cap.used_before_fen), "cut": yuan(cap.cut_fen),
    })
}
