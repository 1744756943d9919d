//! The figures of a policy and of its layers as texts, for tables of policies.

use std::sync::Arc;

use crate::cli::exit::CommandError;
use crate::cli::output::statement::{BookWords, Lang};
use crate::domain::day::Interval;
use crate::domain::decimal::ExactDecimal;
use crate::domain::fixed_words::{BenefitYear, CapKind, DeductiblePer, Period};
use crate::domain::money::Money;
use crate::domain::policy::Layer;
use crate::domain::resolution::resolve_terms;
use crate::domain::rule::PolicyRule;
use crate::domain::schedule::Deductible;
use crate::domain::share::ShareOfPools;
use crate::domain::terms::{Cap, Limit, Terms, TermsKey};
use crate::domain::word_meanings::{ClassRule, DiseaseRule, WordMeanings};
use crate::domain::words::{Pool, Visit};

/// The figures of a layer in some circumstances, by name; nothing where it does not apply.
///
/// # Errors
/// If a figure is not exact; a checked book has no such circumstances.
pub(super) fn figures(
    layer: &Layer,
    key: &TermsKey,
    words: &BookWords,
) -> Result<Option<Vec<(&'static str, String)>>, CommandError> {
    if layer.skip_by_circumstances(key).is_some() {
        return Ok(None);
    }
    let lang = words.lang;
    let terms = resolve_terms(&layer.rule, key).map_err(|inexact| CommandError::Usage(inexact.to_string()))?;
    let visits: Vec<_> = layer.rule.visits.iter().map(|visit: &Visit| word(words, visit.as_str())).collect();
    let pools: Vec<_> = layer.head.pools.iter().map(|pool| word(words, pool.as_str())).collect();
    Ok(Some(vec![
        (lang.choose("支付方", "payer"), word(words, &layer.head.payer)),
        (lang.choose("执行期限", "in force"), days_text(layer.rule.in_force, lang)),
        (lang.choose("就医类别", "visits"), visits.join("\n")),
        (lang.choose("费用", "pools"), pools.join("\n")),
        (lang.choose("累计方式", "adds up"), adds_up(layer, lang)),
        (lang.choose("先行自付", "patient first"), terms.prior_self_pay.percent()),
        (lang.choose("起付线", "deductible"), deductible(&terms, words)),
        (lang.choose("支付比例", "bands"), bands(&terms, lang)),
        (lang.choose("分段起算", "bands from"), bands_from(layer, lang).to_owned()),
        (lang.choose("累计账户", "ledger"), layer.rule.ledger.as_deref().unwrap_or(&layer.rule.id).to_owned()),
        (lang.choose("转院抵减", "credits transfer"), yes_or_no(layer.head.credits_transfer, lang).to_owned()),
        (lang.choose("封顶线", "cap"), caps(&terms, words)),
    ]))
}

/// What a policy says of itself and not of a layer, by name.
pub(super) fn policy_figures(rule: &PolicyRule, words: &BookWords) -> Vec<(&'static str, String)> {
    let lang = words.lang;
    let WordMeanings { pools, admission_visits, classes, diseases } = &rule.words;
    let lines = |texts: &[Arc<str>]| texts.join("\n");
    let visits = admission_visits.iter().map(|visit| word(words, visit.as_str())).collect::<Vec<_>>();
    let pools = pools.iter().map(|pool| word(words, pool.as_str())).collect::<Vec<_>>();
    let class = |rule: &ClassRule| {
        let first = if rule.first_share { lang.choose("，先行自付", ", patient first") } else { "" };
        let ceiling = if rule.ceiling { lang.choose("，限价", ", price ceiling") } else { "" };
        format!("{} → {}{first}{ceiling}", word(words, rule.class.as_str()), word(words, rule.pool.as_str()))
    };
    let disease = |rule: &DiseaseRule| format!("{}: {}", word(words, rule.disease.as_str()), rule.codes.join(" "));
    let year = match (lang, rule.benefit_year) {
        (Lang::Zh, BenefitYear::Discharge) => "按出院日",
        (Lang::Zh, BenefitYear::Admission) => "按入院日",
        (Lang::En, BenefitYear::Discharge) => "by day of discharge",
        (Lang::En, BenefitYear::Admission) => "by day of admission",
    };
    vec![
        (lang.choose("险种", "insurance"), word(words, &rule.insurance)),
        (lang.choose("参保地", "regions"), lines(&rule.regions)),
        (lang.choose("统筹区", "pooling"), lines(&rule.pooling)),
        (lang.choose("年度归属", "benefit year"), year.to_owned()),
        (lang.choose("计住院次数", "counts admissions"), visits.join("\n")),
        (lang.choose("费用类别", "all pools"), pools.join("\n")),
        (lang.choose("目录类别", "classes"), classes.iter().map(class).collect::<Vec<_>>().join("\n")),
        (lang.choose("病种", "diseases"), diseases.iter().map(disease).collect::<Vec<_>>().join("\n")),
    ]
}

/// A word as it is in English, and its name in Chinese: what is shown in English can be pasted into a file.
pub(super) fn word(words: &BookWords, word: &str) -> String {
    words.lang.choose(words.word(word), word.to_owned())
}

/// By what a layer adds up: its period, and what its deductible is per.
fn adds_up(layer: &Layer, lang: Lang) -> String {
    let (period, per) = (layer.head.period, layer.head.deductible_per);
    match lang {
        Lang::En => format!("{period}, {per}"),
        Lang::Zh => {
            let per = match per {
                DeductiblePer::Year => "起付线按年度",
                DeductiblePer::Claim => "起付线按每次",
                DeductiblePer::Credited => "起付线按每次，年内已扣的抵减",
            };
            format!("{}，{per}", period_text(period, lang))
        }
    }
}

/// Where the bands of a layer begin.
fn bands_from(layer: &Layer, lang: Lang) -> &'static str {
    match layer.head.bands_over_excess {
        true => lang.choose("起付线以上部分", "the deductible"),
        false => lang.choose("零", "zero"),
    }
}

fn yes_or_no(is: bool, lang: Lang) -> &'static str {
    if is { lang.choose("是", "yes") } else { lang.choose("否", "no") }
}

/// The period of a layer.
pub(super) fn period_text(period: Period, lang: Lang) -> String {
    match (lang, period) {
        (Lang::En, period) => format!("per {period}"),
        (Lang::Zh, Period::Year) => "按年度".to_owned(),
        (Lang::Zh, Period::Admission) => "按每次".to_owned(),
    }
}

/// The days of an interval; in Chinese with what its end means, which is the first day no longer in it.
pub(crate) fn days_text(days: Interval, lang: Lang) -> String {
    match (lang, days.from, days.until) {
        (Lang::En, ..) => days.to_string(),
        (Lang::Zh, None, None) => "不限".to_owned(),
        (Lang::Zh, Some(from), None) => format!("{from} 起"),
        (Lang::Zh, None, Some(until)) => format!("{until} 停止"),
        (Lang::Zh, Some(from), Some(until)) => format!("{from} 起，{until} 停止"),
    }
}

/// The deductible of some terms.
pub(super) fn deductible(terms: &Terms, words: &BookWords) -> String {
    match &terms.schedule.deductible {
        Deductible::Amounts(amounts) => {
            let texts: Vec<_> = amounts.iter().map(Money::to_string).collect();
            texts.join(words.lang.choose("，其后 ", ", then "))
        }
        Deductible::Share(share) => share_text(share, words),
    }
}

fn share_text(share: &ShareOfPools, words: &BookWords) -> String {
    let pools: Vec<_> = share.of.iter().map(|pool| word(words, pool.as_str())).collect();
    let plus = if share.plus == ExactDecimal::ZERO { String::new() } else { format!(" + {}", share.plus) };
    format!("{} × ({}){plus}", share.share, pools.join(" + "))
}

/// The bands of some terms, one a line.
pub(super) fn bands(terms: &Terms, lang: Lang) -> String {
    let bands = terms.schedule.bands.iter().map(|band| match band.upto {
        Some(upto) => {
            let rate = band.rate.percent();
            lang.choose(format!("至 {upto}：{rate}"), format!("to {upto}: {rate}"))
        }
        None if terms.schedule.bands.len() == 1 => band.rate.percent(),
        None => format!("{}{}", lang.choose("以上：", "above: "), band.rate.percent()),
    });
    bands.collect::<Vec<_>>().join("\n")
}

/// The caps of some terms, one a line.
pub(super) fn caps(terms: &Terms, words: &BookWords) -> String {
    let texts: Vec<_> = terms.caps.iter().map(|cap| cap_text(cap, words)).collect();
    if texts.is_empty() { words.lang.choose("不设", "none").to_owned() } else { texts.join("\n") }
}

fn cap_text(cap: &Cap, words: &BookWords) -> String {
    let lang = words.lang;
    let a_claim = lang.choose("每次", "a claim");
    let limit = match &cap.limit {
        Limit::Annual(None) => return lang.choose("不设".to_owned(), format!("no cap {} ({})", cap.kind, cap.account)),
        Limit::Annual(Some(annual)) => annual.to_string(),
        Limit::PerClaim(limit) => format!("{limit} {a_claim}"),
        Limit::ShareOfClaim(share) => format!("{} {a_claim}", share_text(share, words)),
    };
    let rest = |pool: &Pool| format!("{}{}", lang.choose("，超出部分转入 ", ", rest to "), word(words, pool.as_str()));
    let overflow = cap.overflow.as_ref().map(rest).unwrap_or_default();
    let kind = match (lang, cap.kind) {
        (Lang::En, kind) => kind.to_string(),
        (Lang::Zh, CapKind::Paid) => "支付".to_owned(),
        (Lang::Zh, CapKind::Base) => "纳入".to_owned(),
    };
    format!("{limit} {kind} ({}){overflow}", cap.account)
}
