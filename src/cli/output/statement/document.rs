//! The content of a statement in the words of its language, before it is rendered as text or HTML.

use crate::pb::Date;
use crate::pb::settlement::revision::Cause;
use crate::pb::settlement::{self as pb, Locality};

use super::book_words::BookWords;
use super::layers::{self, Layer};
use super::words::Lang;
use crate::cli::output::json::instant;

/// The content of a statement.
pub struct Document {
    /// Its language.
    pub lang: Lang,
    /// Notices above everything else: the settlement was reversed or adjudicated again.
    pub notices: Vec<String>,
    /// What the patient pays, in fen.
    pub patient: i64,
    /// The bill's total, in fen.
    pub total: i64,
    /// Person, hospital, days and policy: label and value.
    pub facts: Vec<(&'static str, String)>,
    /// The pools of the bill: name and amount in fen.
    pub pools: Vec<(String, i64)>,
    /// The layers in the order of payment.
    pub layers: Vec<Layer>,
    /// The layers that do not apply, and why.
    pub skipped: Vec<(String, String)>,
    /// The bill by code.
    pub bill: Vec<BillLine>,
    /// The amount of each payer in fen.
    pub payers: Vec<(String, i64)>,
    /// The changes of the newest revision from the previous one, by payer and for the patient, in fen.
    pub changes: Vec<(String, i64)>,
}

/// The items of one code.
pub struct BillLine {
    /// Code and name.
    pub name: String,
    /// Its class, with ratio and ceiling.
    pub class: String,
    /// Charges less refunds, in fen.
    pub net: i64,
    /// The part above the price ceiling, in fen.
    pub over_ceiling: i64,
    /// The preliminary self-payment, in fen.
    pub preliminary_self_pay: i64,
    /// The rest, in fen.
    pub rest: i64,
    /// The pool of the rest.
    pub pool: String,
}

fn date(day: Option<&Date>) -> String {
    day.map_or_else(String::new, |day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day))
}

impl Document {
    /// The statement of a settlement, by its newest revision, in the words of its policy book.
    pub fn from_settlement(view: &pb::GetSettlementResponse, words: &BookWords) -> Document {
        let lang = words.lang;
        let settlement = view.settlement.clone().unwrap_or_default();
        let first = settlement.split.clone().unwrap_or_default();
        let newest = view.revisions.last();
        let split = newest.and_then(|revision| revision.split.clone()).unwrap_or(first);
        let bill = settlement.derivation.clone().unwrap_or_default();
        let newest_derivation = newest.and_then(|revision| revision.derivation.clone());
        let derivation = newest_derivation.unwrap_or_else(|| bill.clone());
        let circumstances = derivation.circumstances.clone().unwrap_or_default();
        // A revision repeats a bill that is not that of the settlement.
        let codes = if derivation.codes.is_empty() { &bill.codes } else { &derivation.codes };
        let pools = split.pools.iter().filter(|pool| pool.amount_fen != 0);
        Document {
            lang,
            notices: notices(view, lang),
            patient: split.patient_fen,
            total: split.total_fen,
            facts: facts(&settlement, view.claim.as_ref(), &circumstances, newest, words),
            pools: pools.map(|pool| (words.word(&pool.pool), pool.amount_fen)).collect(),
            layers: derivation.layers.iter().map(|layer| layers::layer(layer, words)).collect(),
            skipped: derivation
                .skipped
                .iter()
                .map(|one| (layers::layer_name_and_id(&one.id, &one.name), lang.fixed_word(one.reason().word())))
                .collect(),
            bill: codes.iter().map(|code| bill_line(code, words)).collect(),
            payers: split.payers.iter().map(|share| (words.word(&share.payer), share.amount_fen)).collect(),
            changes: newest
                .and_then(|revision| revision.differences.as_ref())
                .map_or_else(Vec::new, |by| revision_differences(by, words)),
        }
    }

    /// The amount that all payers pay together, in fen.
    pub fn paid(&self) -> i64 {
        self.total - self.patient
    }
}

fn revision_differences(by: &pb::Differences, words: &BookWords) -> Vec<(String, i64)> {
    let payers = by.payers.iter().map(|share| (words.word(&share.payer), share.amount_fen));
    payers.chain([(words.lang.choose("个人", "patient").to_owned(), by.patient_fen)]).collect()
}

fn notices(view: &pb::GetSettlementResponse, lang: Lang) -> Vec<String> {
    let mut notices = Vec::new();
    if let Some(reversal) = &view.reversal {
        let when = instant(reversal.commit_time.as_ref()).unwrap_or_default();
        notices.push(match lang {
            Lang::Zh => format!("本结算已于 {when} 冲正，不再有效。原因：{}", reversal.reason),
            Lang::En => format!("REVERSED on {when}; no longer valid. Reason: {}", reversal.reason),
        });
    }
    if let Some(revision) = view.revisions.last() {
        let when = instant(revision.commit_time.as_ref()).unwrap_or_default();
        let (number, of_run) = (revision.revision, matches!(revision.cause, Some(Cause::RunId(_))));
        notices.push(match (lang, of_run) {
            (Lang::Zh, false) => {
                format!("本年度较早的一笔结算已冲正，本结算于 {when} 重新结算，此为第 {number} 版。")
            }
            (Lang::Zh, true) => {
                format!("参考表或政策更正后，本结算于 {when} 重新结算，此为第 {number} 版。")
            }
            (Lang::En, false) => format!(
                "Adjudicated again on {when}, because an earlier settlement of the year was reversed: revision {number}."
            ),
            (Lang::En, true) => format!(
                "Adjudicated again on {when}, after tables or policies were put right: revision {number}."
            ),
        });
    }
    notices
}

fn facts(
    settlement: &pb::Settlement,
    claim: Option<&pb::Claim>,
    circumstances: &pb::Circumstances,
    newest: Option<&pb::Revision>,
    words: &BookWords,
) -> Vec<(&'static str, String)> {
    let lang = words.lang;
    let claim = claim.cloned().unwrap_or_default();
    let place = format!(
        "{}{}{}",
        words.word(&circumstances.hospital_level),
        lang.choose("，", ", "),
        lang.fixed_word(circumstances.locality().word())
    );
    let leave = match circumstances.locality() {
        Locality::County | Locality::City => String::new(),
        _ => format!("{}{}", lang.choose("，", ", "), lang.fixed_word(circumstances.referral().word())),
    };
    let who = match &circumstances.categories[..] {
        [] => lang.choose("普通参保居民", "ordinary resident").to_owned(),
        held => words.words(held),
    };
    let days = format!("{} – {}", date(claim.admitted.as_ref()), date(claim.discharged.as_ref()));
    let law_day = date(circumstances.policy_day.as_ref());
    let law = match lang {
        Lang::Zh => format!("{}（{law_day} 执行），待遇年度 {}", circumstances.policy_id, circumstances.benefit_year),
        Lang::En => format!("{} as of {law_day}, benefit year {}", circumstances.policy_id, circumstances.benefit_year),
    };
    let committed = newest.map_or(settlement.commit_time.as_ref(), |revision| revision.commit_time.as_ref());
    vec![
        (lang.choose("参保人", "Person"), format!("{} [{who}]", settlement.person_id)),
        (lang.choose("医疗机构", "Hospital"), format!("{} ({place}{leave})", settlement.hospital_id)),
        (lang.choose("就医", "Visit"), format!("{}{}{days}", words.word(&claim.visit), lang.choose("，", ", "))),
        (lang.choose("就诊编号", "Claim"), settlement.claim_id.clone()),
        (lang.choose("险种", "Insurance"), words.word(&circumstances.insurance)),
        (lang.choose("政策", "Law"), law),
        (
            lang.choose("本年度此前住院次数", "Earlier admissions in the year"),
            circumstances.admissions_before.to_string(),
        ),
        (lang.choose("结算编号", "Settlement"), settlement.settlement_id.clone()),
        (lang.choose("结算时间", "Settled at"), instant(committed).unwrap_or_default()),
    ]
}

fn bill_line(code: &pb::Code, words: &BookWords) -> BillLine {
    let (lang, mut class) = (words.lang, words.word(&code.class));
    if !code.self_pay_ratio.is_empty() {
        class += &format!(" {}", layers::percent(&code.self_pay_ratio));
    }
    if let Some(micro) = code.price_ceiling_micro_yuan {
        let ceiling = crate::domain::claim::UnitPrice(micro);
        class += &format!("{} {ceiling}", lang.choose("，限价", ", ceiling"));
    }
    BillLine {
        name: format!("{} {}", code.code, code.name),
        class,
        net: code.net_fen,
        over_ceiling: code.over_limit_fen,
        preliminary_self_pay: code.preliminary_self_pay_fen,
        rest: code.rest_fen,
        pool: words.word(&code.pool),
    }
}
