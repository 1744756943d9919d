//! Checks what the files of a book say together: files that govern the same claims, accounts and ledgers.

use std::collections::HashSet;

use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::rule::{CapRule, LayerRule};

use super::document::Document;
use super::drawn_layers::{DrawnLayer, DrawnPolicy};

/// Two files with one id, or that govern one region on a common day or by different days.
pub(super) fn conflicts(documents: &[Document]) -> Vec<FileFault> {
    let mut faults = Vec::new();
    for (at, later) in documents.iter().enumerate() {
        for earlier in documents[..at].iter().filter(|earlier| earlier.sound && later.sound) {
            faults.extend(conflicts_with_preceding(earlier, later));
        }
    }
    faults
}

fn conflicts_with_preceding(preceding: &Document, document: &Document) -> Vec<FileFault> {
    let mut faults = Vec::new();
    let mut fault = |line, text| faults.push(FileFault::bilingual(&document.file, line, text));
    let file = &preceding.file;
    if preceding.id == document.id {
        let id = &document.id;
        fault(
            document.id_line,
            FaultText::new(format!("has the id `{id}`, as has {file}"), format!("与 {file} 同用 id `{id}`")),
        );
    }
    let insurance = &document.insurance;
    let known: HashSet<&String> = preceding.regions.iter().collect();
    let common = document.regions.iter().filter(|region| known.contains(region));
    for region in common.filter(|_| preceding.insurance == *insurance) {
        if preceding.benefit_year != document.benefit_year {
            let (own, other) = (document.benefit_year, preceding.benefit_year);
            let text = FaultText::new(
                format!("judges region {region} by {own}, {file} by {other}"),
                format!("对地区 {region} 按 {own} 日计年度，而 {file} 按 {other} 日"),
            );
            fault(document.benefit_year_line, text);
        }
        if preceding.in_force.overlaps(&document.in_force) {
            let text = FaultText::new(
                format!("governs {insurance} in region {region} on days that {file} governs too"),
                format!("对 {insurance}、地区 {region} 的执行期限与 {file} 重叠"),
            );
            fault(document.in_force_line, text);
        }
    }
    faults
}

/// Every layer of a book with its file.
fn layers<'a>(
    documents: &'a [Document],
    policies: &'a [DrawnPolicy],
) -> impl Iterator<Item = (&'a Document, &'a DrawnLayer)> + Clone {
    let files = documents.iter().zip(policies);
    files.flat_map(|(document, policy)| policy.layers.iter().map(move |layer| (document, layer)))
}

/// Accounts and ledgers that different layers use differently.
pub(super) fn disagreements(documents: &[Document], policies: &[DrawnPolicy]) -> Vec<FileFault> {
    let mut faults = account_faults(documents, policies);
    faults.extend(ledger_faults(documents, policies));
    faults
}

/// All caps on one account in one file state the same kind and limit; in a book an account has one kind, and is annual
/// or of one claim.
fn account_faults(documents: &[Document], policies: &[DrawnPolicy]) -> Vec<FileFault> {
    let caps = layers(documents, policies).flat_map(|(document, layer)| {
        let texts = layer.text.caps.iter().flat_map(|key| &key.value);
        texts.map(move |cap| (document, layer, cap))
    });
    let caps: Vec<_> = caps.collect();
    let mut faults = Vec::new();
    for (at, (document, layer, cap)) in caps.iter().enumerate() {
        let differs = |before: &&(&Document, &DrawnLayer, &super::schedule_reader::CapText)| {
            let (file, _, other) = before;
            let must_equal_limit = file.id == document.id;
            cap.rule.account == other.rule.account && !caps_are_consistent(&cap.rule, &other.rule, must_equal_limit)
        };
        if let Some((file, other, _)) = caps[..at].iter().find(differs) {
            let (one, account) = (&layer.rule.id, &cap.rule.account);
            let other = format!("{}#{}", file.id, other.rule.id);
            let text = FaultText::new(
                format!("layers `{other}` and `{one}` state different caps on the account `{account}`"),
                format!("层 `{other}` 与 `{one}` 对限额账户 `{account}` 的规定不一致"),
            );
            faults.push(FileFault::bilingual(&document.file, cap.limit_line, text));
        }
    }
    faults
}

fn caps_are_consistent(cap: &CapRule, other: &CapRule, must_equal_limit: bool) -> bool {
    let annual = |cap: &CapRule| matches!(cap.limit, crate::domain::rule::LimitRule::Annual(_));
    cap.kind == other.kind && annual(cap) == annual(other) && (!must_equal_limit || cap.limit == other.limit)
}

/// A ledger has the id of no layer of another ledger, and its layers agree on how it accumulates.
fn ledger_faults(documents: &[Document], policies: &[DrawnPolicy]) -> Vec<FileFault> {
    let all: Vec<_> = layers(documents, policies).collect();
    let mut faults = Vec::new();
    for (at, (document, layer)) in all.iter().enumerate() {
        let Some(ledger) = &layer.rule.ledger else { continue };
        let line = layer.text.ledger.as_ref().map_or(layer.line, |key| key.line);
        let ways = |rule: &LayerRule| (rule.period, rule.deductible_per, rule.bands_over_excess);
        let taken =
            all.iter().find(|(_, other)| other.rule.id == *ledger && other.rule.ledger.as_ref() != Some(ledger));
        if let Some((file, _)) = taken {
            let text = FaultText::new(
                format!("the ledger `{ledger}` has the id of a layer of {} that keeps another ledger", file.file),
                format!("账本 `{ledger}` 与 {} 中另用账本的层同名", file.file),
            );
            faults.push(FileFault::bilingual(&document.file, line, text));
        }
        let sharing = |other: &&(&Document, &DrawnLayer)| other.1.rule.ledger.as_ref() == Some(ledger);
        let differs = all[..at].iter().filter(sharing).find(|(_, other)| ways(&other.rule) != ways(&layer.rule));
        if let Some((file, other)) = differs {
            let other = format!("{}#{}", file.id, other.rule.id);
            let text = FaultText::new(
                format!(
                    "shares the ledger `{ledger}` with `{other}`, which has another period, deductible_per or bands_over"
                ),
                format!("与 `{other}` 共用账本 `{ledger}`，但 period、deductible_per 或 bands_over 不同"),
            );
            faults.push(FileFault::bilingual(&document.file, line, text));
        }
    }
    faults
}
