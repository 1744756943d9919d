//! The words of a comparison in one language: what is compared, classes, figures, and the command that repairs a difference.

use crate::cli::output::json::{self, yuan};
use crate::cli::output::statement::Lang;
use crate::grpc::from_proto;
use crate::pb::Date;
use crate::pb::settlement as pb;

/// What is compared, as a heading.
pub(super) fn heading(span: &pb::ReconciledSpan, lang: Lang) -> String {
    let [from, until] = [span.settled_from, span.settled_until].map(|day| day_or_all(day, lang));
    let hospital = &span.hospital_id;
    lang.choose(
        format!("对账：{hospital}，{from} 起，{until} 停止"),
        format!("Reconciliation of {hospital}, from {from} until {until}"),
    )
}

/// A day; all days if there is none.
pub(super) fn day_or_all(day: Option<Date>, lang: Lang) -> String {
    match day {
        Some(Date { year, month, day }) => format!("{year:04}-{month:02}-{day:02}"),
        None => lang.choose("全部", "all days").to_owned(),
    }
}

/// A cutoff, exactly, so that a comparison can be repeated as of it.
pub(super) fn cutoff_text(cutoff: Option<&prost_types::Timestamp>) -> String {
    cutoff.and_then(from_proto::instant).map(json::china_time).unwrap_or_default()
}

/// The words of a comparison in one language.
pub(super) struct Words {
    pub(super) lang: Lang,
    /// The payers that are compared.
    pub(super) payers: Vec<String>,
    pub(super) compares_patient: bool,
}

impl Words {
    /// The words without payers.
    pub(super) fn new(lang: Lang) -> Words {
        Words { lang, payers: Vec::new(), compares_patient: false }
    }

    /// A figure of sums.
    pub(super) fn figure(&self, figure: pb::ReconciledFigure, payer: &str) -> String {
        match figure {
            pb::ReconciledFigure::Payer => payer.to_owned(),
            pb::ReconciledFigure::Settlements => self.lang.choose("笔数", "settlements").to_owned(),
            pb::ReconciledFigure::Patient => self.lang.choose("个人负担", "patient").to_owned(),
            pb::ReconciledFigure::Total | pb::ReconciledFigure::Unspecified => {
                self.lang.choose("总额", "total").to_owned()
            }
        }
    }

    /// The stable word of a figure.
    pub(super) fn figure_word(figure: pb::ReconciledFigure) -> String {
        figure.as_str_name().trim_start_matches("RECONCILED_FIGURE_").to_lowercase()
    }

    fn class(&self, class: pb::DifferenceClass) -> &'static str {
        use pb::DifferenceClass as Class;
        match class {
            Class::OnlyHere => self.lang.choose("仅此处有", "only here"),
            Class::OnlyThere => self.lang.choose("仅清单有", "only there"),
            Class::AmountDiffers => self.lang.choose("金额不一致", "amount differs"),
            Class::ReversedAfterCutoff => self.lang.choose("截止后冲正", "reversed after the cutoff"),
            Class::SettledTwiceThere => self.lang.choose("清单重复", "settled twice there"),
            Class::AnotherDay => self.lang.choose("日期不一致", "another day"),
            Class::RoundingThere => self.lang.choose("清单舍入", "rounding there"),
            Class::Unspecified => "",
        }
    }

    /// How the comparison ended.
    pub(super) fn summary_lines(&self, summary: &pb::ReconciliationSummary, found: u64) -> Vec<String> {
        let cutoff = cutoff_text(summary.cutoff_time.as_ref());
        let pb::ReconciliationSummary { rows, settlements, agreeing, .. } = summary;
        let mut lines = vec![self.lang.choose(
            format!("清单 {rows} 行，此处 {settlements} 笔（截止 {cutoff}），一致 {agreeing} 行"),
            format!("{rows} rows, {settlements} settlements here (cutoff {cutoff}), {agreeing} rows agree"),
        )];
        lines.extend(summary.differences.iter().map(|one| format!("{}: {}", self.class(one.class()), one.differences)));
        let sums = |totals: &Option<pb::Totals>| yuan(totals.as_ref().map_or(0, |totals| totals.total_fen));
        let (here, there) = (sums(&summary.here), sums(&summary.there));
        lines.push(match (found, self.lang) {
            (0, Lang::Zh) => format!("明细相符，总额 {here}"),
            (0, Lang::En) => format!("equal, total {here}"),
            (_, Lang::Zh) => format!("明细不符：{found} 处差异；总额此处 {here}，清单 {there}"),
            (_, Lang::En) => format!("{found} differences; total {here} here, {there} there"),
        });
        lines
    }

    /// A row of the table of differences.
    pub(super) fn row(&self, difference: &pb::ClaimDifference) -> [String; 5] {
        let row = difference.there.as_ref().map_or(String::new(), |there| there.row.to_string());
        let cause = self.lang.choose(&difference.message_zh, &difference.message);
        let repair = repair_command(difference);
        [
            row,
            difference.claim_id.clone(),
            self.class(difference.class()).to_owned(),
            self.figures(difference),
            format!("{cause}\n→ {repair}"),
        ]
    }

    /// The figures of both sides that differ; of one side alone the total.
    fn figures(&self, difference: &pb::ClaimDifference) -> String {
        let (here, there) = (difference.here.as_ref(), difference.there.as_ref());
        let (Some(here), Some(there)) = (here, there) else {
            let total = |total: i64| format!("{} {}", self.figure(pb::ReconciledFigure::Total, ""), yuan(total));
            let total = here.map(|here| total(here.total_fen)).or(there.map(|there| total(there.total_fen)));
            return total.unwrap_or_default();
        };
        let paid = |shares: &[pb::PayerShare], payer: &str| {
            shares.iter().find(|share| share.payer == payer).map_or(0, |share| share.amount_fen)
        };
        let total = [(pb::ReconciledFigure::Total, "", here.total_fen, there.total_fen)];
        let patient = (pb::ReconciledFigure::Patient, "", here.patient_fen, there.patient_fen);
        let amounts = total.into_iter().chain(Some(patient).filter(|_| self.compares_patient));
        let payers = self.payers.iter().map(|payer| {
            (pb::ReconciledFigure::Payer, payer.as_str(), paid(&here.payers, payer), paid(&there.payers, payer))
        });
        let differing = amounts.chain(payers).filter(|(_, _, here, there)| here != there);
        let mut lines: Vec<String> = differing
            .map(|(figure, payer, here, there)| {
                format!("{}\n{} / {}", self.figure(figure, payer), yuan(here), yuan(there))
            })
            .collect();
        if let Some(days) = there.settled_on.filter(|day| Some(*day) != here.settled_on) {
            lines.push(format!("{} / {}", day_text(here.settled_on), day_text(Some(days))));
        }
        lines.join("\n")
    }
}

/// A day, or zeros if there is none.
pub(super) fn day_text(day: Option<Date>) -> String {
    let day = day.unwrap_or_default();
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

/// The command that makes the call that repairs a difference.
fn repair_command(difference: &pb::ClaimDifference) -> String {
    let settlement = difference.here.as_ref().map(|here| here.settlement_id.as_str());
    match (difference.repair_call.as_str(), settlement) {
        ("GetSettlement", Some(id)) => format!("onestop show {id}"),
        ("GetSettlement", None) => "onestop list".to_owned(),
        ("Settle", _) => "onestop outcome; onestop settle".to_owned(),
        ("Correct", _) => "onestop correct".to_owned(),
        _ => "onestop reconcile".to_owned(),
    }
}
