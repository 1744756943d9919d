//! One layer of a statement: the derivation of its amount, step by step.

use crate::pb::settlement::{self as pb, CapKind, Period};

use super::amounts::yuan;
use super::book_words::BookWords;
use super::words::Lang;

/// One layer.
pub struct Layer {
    /// Its name, or its id where it has none.
    pub title: String,
    /// Its name and id.
    pub name: String,
    /// The payer, as the word in the messages.
    pub payer_word: String,
    /// The payer, in the words of the language.
    pub payer: String,
    /// The amount that it pays, in fen.
    pub pays: i64,
    /// The derivation, one step per line.
    pub steps: Vec<String>,
    /// The clauses that it cites.
    pub clauses: Vec<String>,
    /// The figures that are assumed, because no public text gives them.
    pub assumed: Option<String>,
}

/// The name and id of a layer, or only the id if it has no name.
pub fn layer_name_and_id(id: &str, name: &str) -> String {
    if name.is_empty() { id.to_owned() } else { format!("{name} ({id})") }
}

/// A share as written, in percent: `0.55` is `55%`.
pub fn percent(share: &str) -> String {
    let (whole, fraction) = share.split_once('.').unwrap_or((share, ""));
    let padded = format!("{fraction:0<2}");
    let (hundredths, rest) = padded.split_at_checked(2).unwrap_or((&padded, ""));
    let digits = format!("{whole}{hundredths}");
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    if rest.is_empty() { format!("{digits}%") } else { format!("{digits}.{rest}%") }
}

/// A layer of the messages as the statement shows it.
pub fn layer(layer: &pb::Layer, words: &BookWords) -> Layer {
    let lang = words.lang;
    let mut steps = vec![entering_step(layer, words)];
    steps.extend(layer.caps.iter().filter(|cap| cap.of() == CapKind::Base).map(|cap| cap_step(cap, words)));
    if layer.period() == Period::Year || layer.cumulative_before_fen != 0 {
        steps.push(cumulative_step(layer, lang));
    }
    steps.push(deductible_step(layer, lang));
    steps.extend(layer.bands.iter().filter(|band| band.amount_after_fen != 0).map(|band| band_step(band, lang)));
    steps.extend(layer.caps.iter().filter(|cap| cap.of() == CapKind::Paid).map(|cap| cap_step(cap, words)));
    steps.extend(drawn_step(layer, words));
    let assumed = (!layer.assumed.is_empty()).then(|| {
        let figures = lang.fixed_words(&layer.assumed);
        lang.choose(
            format!("假定（无公开文件依据）：{figures}"),
            format!("assumed, no public text gives it: {figures}"),
        )
    });
    let title = if layer.name.is_empty() { &layer.id } else { &layer.name };
    Layer {
        title: title.clone(),
        name: layer_name_and_id(&layer.id, &layer.name),
        payer_word: layer.payer.clone(),
        payer: words.word(&layer.payer),
        pays: layer.pays_fen,
        steps,
        clauses: layer.cites.iter().map(|cite| format!("{} ({})", cite.text, cite.source)).collect(),
        assumed,
    }
}

/// What is left in its pools, and what of it enters.
fn entering_step(layer: &pb::Layer, words: &BookWords) -> String {
    let lang = words.lang;
    let pools: Vec<String> = layer.drawn.iter().map(|drawn| drawn.pool.clone()).collect();
    let (pools, left, base) = (words.words(&pools), yuan(layer.residual_fen), yuan(layer.base_fen));
    let first = match layer.prior_self_pay.as_str() {
        "0" => String::new(),
        share => match lang {
            Lang::Zh => format!("，个人先行自付 {}", percent(share)),
            Lang::En => format!(", of which the patient first bears {}", percent(share)),
        },
    };
    match lang {
        Lang::Zh => format!("费用范围（{pools}）内余额 {left}{first}；纳入计算 {base}"),
        Lang::En => format!("left in its pools ({pools}) {left}{first}; enters {base}"),
    }
}

fn cumulative_step(layer: &pb::Layer, lang: Lang) -> String {
    let (before, after) = (yuan(layer.cumulative_before_fen), yuan(layer.cumulative_after_fen));
    match lang {
        Lang::Zh if layer.period() == Period::Year => format!("年度累计：此前 {before}，本次后 {after}"),
        Lang::Zh => format!("本次住院累计：此前 {before}，本次后 {after}"),
        Lang::En if layer.period() == Period::Year => {
            format!("in the year: {before} before this bill, {after} after it")
        }
        Lang::En => format!("on this stay: {before} before this bill, {after} after it"),
    }
}

fn deductible_step(layer: &pb::Layer, lang: Lang) -> String {
    let (whole, taken) = (yuan(layer.deductible_fen), yuan(layer.deductible_taken_fen));
    let credited = match layer.deductible_credited_fen {
        0 => String::new(),
        fen => lang.choose(format!("，此前已承担 {}", yuan(fen)), format!(", {} taken before", yuan(fen))),
    };
    match lang {
        Lang::Zh => format!("起付线 {whole}{credited}，本次承担 {taken}"),
        Lang::En => format!("deductible {whole}{credited}, of which {taken} by this bill"),
    }
}

fn band_step(band: &pb::Band, lang: Lang) -> String {
    let top = match (band.upto_fen, lang) {
        (Some(fen), Lang::Zh) => format!("至 {}", yuan(fen)),
        (Some(fen), Lang::En) => format!("up to {}", yuan(fen)),
        (None, _) => lang.choose("以上部分", "above").to_owned(),
    };
    let rate = percent(&band.rate);
    let after = format!("{} × {rate} = {}", yuan(band.amount_after_fen), yuan(band.pay_after_fen));
    if band.amount_before_fen == 0 {
        return format!("{top}{}{after}", lang.choose("：", ": "));
    }
    let before = format!("{} × {rate} = {}", yuan(band.amount_before_fen), yuan(band.pay_before_fen));
    match lang {
        Lang::Zh => format!("{top}：{after}，减去此前 {before}"),
        Lang::En => format!("{top}: {after}, less before {before}"),
    }
}

fn cap_step(cap: &pb::Cap, words: &BookWords) -> String {
    let lang = words.lang;
    let (account, used, cut) = (words.word(&cap.account), yuan(cap.used_before_fen), yuan(cap.cut_fen));
    let base = cap.of() == CapKind::Base;
    let claim = cap.per_claim;
    match (cap.limit_fen, lang) {
        (None, Lang::Zh) => format!("封顶线（{account}）：不设，此前已用 {used}"),
        (None, Lang::En) => format!("cap ({account}): lifted, {used} used before"),
        (Some(limit), Lang::Zh) => {
            let of = match (base, claim) {
                (true, false) => "年度纳入限额",
                (true, true) => "单次纳入限额",
                (false, false) => "封顶线",
                (false, true) => "单次封顶线",
            };
            format!("{of}（{account}）{}，此前已用 {used}，本次超出 {cut}{}", yuan(limit), overflow_text(cap, words))
        }
        (Some(limit), Lang::En) => {
            let of = if base { "cap on what enters" } else { "cap" };
            let per = if claim { "a claim" } else { "a year" };
            format!(
                "{of} ({account}) {} {per}, {used} used before, cuts {cut}{}",
                yuan(limit),
                overflow_text(cap, words)
            )
        }
    }
}

/// Where what a cap cut off goes, if it goes anywhere.
fn overflow_text(cap: &pb::Cap, words: &BookWords) -> String {
    if cap.overflow.is_empty() || cap.cut_fen == 0 {
        return String::new();
    }
    let pool = words.word(&cap.overflow);
    words.lang.choose(format!("，转入{pool}"), format!(", which moves to {pool}"))
}

/// The pools that a layer pays from, if there are several.
fn drawn_step(layer: &pb::Layer, words: &BookWords) -> Option<String> {
    let parts: Vec<_> = layer.drawn.iter().filter(|drawn| drawn.amount_fen != 0).collect();
    if parts.len() < 2 {
        return None;
    }
    let pools: Vec<_> =
        parts.iter().map(|drawn| format!("{} {}", words.word(&drawn.pool), yuan(drawn.amount_fen))).collect();
    Some(format!("{}{}", words.lang.choose("支付来源：", "paid from "), pools.join(" + ")))
}
