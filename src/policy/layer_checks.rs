//! Checks that the keys of a complete layer go together.

use crate::domain::file_fault::FaultText;
use crate::domain::fixed_words::{DeductiblePer, Period};
use crate::domain::rule::{DeductibleRule, LayerRule, Schedules};

use super::document::LayerText;
use super::toml_reader::Lined;

/// A fault and its line.
type LinedFault = (usize, FaultText);

/// The faults of a layer's keys taken together.
pub(super) fn layer_faults(rule: &LayerRule, text: &LayerText) -> Vec<LinedFault> {
    let mut faults = Vec::new();
    let mut check = |line: Option<usize>, fails: bool, en: &str, zh: &str| {
        if let Some(line) = line.filter(|_| fails) {
            faults.push((line, FaultText::new(en, zh)));
        }
    };
    let (period, per) = (rule.period, rule.deductible_per);
    let of_year = per == DeductiblePer::Year && period != Period::Year;
    check(
        line(&text.deductible_per),
        of_year,
        "`deductible_per` \"year\" goes with `period` \"year\"",
        "`deductible_per` = \"year\" 只能与 `period` = \"year\" 同用",
    );
    check(
        line(&text.ledger),
        period != Period::Year || per == DeductiblePer::Claim,
        "`ledger` goes with `period` \"year\" and `deductible_per` \"year\" or \"credited\"",
        "`ledger` 只能与 `period` = \"year\" 且 `deductible_per` 为 \"year\" 或 \"credited\" 同用",
    );
    let excess = per == DeductiblePer::Year || (period, per) == (Period::Admission, DeductiblePer::Claim);
    check(
        line(&text.bands_over_excess),
        !excess && !of_year,
        "`bands_over` goes with `deductible_per` \"year\", or with `period` \"admission\" and \"claim\"",
        "`bands_over` 只能与 `deductible_per` = \"year\"，或 `period` = \"admission\" 且按次（claim）的起付线同用",
    );
    check(
        line(&text.credits_transfer),
        per != DeductiblePer::Claim || rule.bands_over_excess,
        "`on_transfer` goes with `deductible_per` \"claim\" and without `bands_over`",
        "`on_transfer` 只能与 `deductible_per` = \"claim\" 同用，且不与 `bands_over` 同用",
    );
    faults.extend(share_faults(rule, text));
    faults.extend(overflow_faults(rule, text));
    faults
}

fn line<T>(key: &Option<Lined<T>>) -> Option<usize> {
    key.as_ref().map(|key| key.line)
}

/// Every schedule of a layer and its entries, with the line of its deductible.
pub(super) fn schedules<'a>(
    rule: &'a LayerRule,
    text: &'a LayerText,
) -> Vec<(&'a crate::domain::rule::ScheduleRule, usize)> {
    fn schedules_with_lines<'a>(
        schedules: &'a Schedules,
        lines: &'a [usize],
    ) -> impl Iterator<Item = (&'a crate::domain::rule::ScheduleRule, usize)> {
        schedules.iter().zip(lines.iter().copied())
    }
    let mut all = Vec::new();
    if let Some(own) = &text.schedule {
        all.extend(schedules_with_lines(&rule.schedule, &own.value.deductible_lines));
    }
    for entry in text.when.iter().flat_map(|key| &key.value) {
        let schedule = entry.entry.change.schedule.as_ref();
        all.extend(schedule.into_iter().flat_map(|schedule| schedules_with_lines(schedule, &entry.deductible_lines)));
    }
    for entry in text.for_.iter().flat_map(|key| &key.value) {
        let schedule = entry.entry.change.schedule.as_ref();
        all.extend(schedule.into_iter().flat_map(|schedule| schedules_with_lines(schedule, &entry.deductible_lines)));
    }
    all
}

/// A deductible that is a share of pools is that of one claim.
fn share_faults(rule: &LayerRule, text: &LayerText) -> Vec<LinedFault> {
    if rule.deductible_per == DeductiblePer::Claim {
        return Vec::new();
    }
    let shares = schedules(rule, text)
        .into_iter()
        .filter(|(schedule, _)| matches!(schedule.deductible, DeductibleRule::Share { .. }));
    let fault = |(_, line)| {
        let text = FaultText::new(
            "a deductible { share, of } goes with `deductible_per` \"claim\"",
            "按费用比例的起付线 { share, of } 只能与 `deductible_per` = \"claim\" 同用",
        );
        (line, text)
    };
    shares.map(fault).collect()
}

/// A cap overflows from the only pool of its layer.
fn overflow_faults(rule: &LayerRule, text: &LayerText) -> Vec<LinedFault> {
    let caps = text.caps.iter().flat_map(|key| &key.value);
    let overflows = caps.filter(|cap| cap.rule.overflow.is_some() && rule.pools.len() > 1);
    let fault = |line| {
        let text = FaultText::new(
            format!("`overflow` of a layer with {} pools: from which of them?", rule.pools.len()),
            format!("本层有 {} 个费用池，`overflow` 无法确定从哪一个溢出", rule.pools.len()),
        );
        (line, text)
    };
    overflows.map(|cap| fault(cap.overflow_line)).collect()
}
