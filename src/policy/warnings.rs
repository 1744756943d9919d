//! What a check warns of: a book that is in order, and yet probably not what was meant.

use std::collections::BTreeMap;

use crate::domain::day::Day;
use crate::domain::decimal::ExactDecimal;
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::rule::{Conditions, DeductibleRule, ForEntry, LayerRule};
use crate::domain::words::Category;

use super::document::Document;
use super::drawn_layers::{DrawnLayer, DrawnPolicy};
use super::entry_reader::EntryText;
use super::figure_reader::yuan;
use super::layer_checks::schedules;

/// All warnings of a book.
pub(super) fn warnings(documents: &[Document], policies: &[DrawnPolicy]) -> Vec<FileFault> {
    let mut warnings = days_without_a_file(documents);
    for (document, policy) in documents.iter().zip(policies) {
        for layer in &policy.layers {
            let found = for_entry_warnings(layer).into_iter().chain(deductibles_above_the_first_band(layer));
            let found = found.chain(registers_without_an_entry(layer));
            warnings.extend(found.map(|(line, text)| FileFault::bilingual(&document.file, line, text)));
        }
    }
    warnings.extend(names_used_once(documents, policies));
    warnings.sort();
    warnings.dedup();
    warnings
}

/// Days between two files of one insurance and region that no file covers.
fn days_without_a_file(documents: &[Document]) -> Vec<FileFault> {
    let mut by_region: BTreeMap<(&str, &str), Vec<&Document>> = BTreeMap::new();
    for document in documents {
        for region in &document.regions {
            by_region.entry((&document.insurance, region)).or_default().push(document);
        }
    }
    let mut warnings = Vec::new();
    for ((insurance, region), mut files) in by_region {
        files.sort_by_key(|file| file.in_force.from);
        for pair in files.windows(2) {
            let (Some(until), Some(from)) = (pair[0].in_force.until, pair[1].in_force.from) else { continue };
            if until < from && !is_covered_by_wider(documents, (insurance, region), (until, from)) {
                let text = FaultText::new(
                    format!("from {until} until {from} no file governs {insurance} in region {region}"),
                    format!("{until} 至 {from}（不含）期间，{insurance}、地区 {region} 没有适用的文件"),
                );
                warnings.push(FileFault::bilingual(&pair[1].file, pair[1].in_force_line, text));
            }
        }
    }
    warnings
}

/// Whether files of wider regions govern every day from one until another.
fn is_covered_by_wider(documents: &[Document], (insurance, region): (&str, &str), (from, until): (Day, Day)) -> bool {
    let is_wider = |prefix: &String| region.starts_with(prefix.as_str()) && prefix.len() < region.len();
    let wider = || documents.iter().filter(|file| file.insurance == insurance && file.regions.iter().any(is_wider));
    let mut open = from;
    while open < until {
        let Some(file) = wider().find(|file| file.in_force.contains(open)) else { return false };
        let Some(end) = file.in_force.until else { return true };
        open = end;
    }
    true
}

/// `for` entries that can never be reached, or that name a category outside `only`.
fn for_entry_warnings(layer: &DrawnLayer) -> Vec<(usize, FaultText)> {
    let entries = layer.text.for_.as_ref().map(|key| &key.value[..]).unwrap_or_default();
    let mut warnings = Vec::new();
    for (at, text) in entries.iter().enumerate() {
        let outside = text
            .entry
            .category
            .iter()
            .filter(|category| !layer.rule.only.is_empty() && !layer.rule.only.contains(category));
        let outside: Vec<&str> = outside.map(Category::as_str).collect();
        if !outside.is_empty() {
            let words = FaultText::new(
                format!("`only` of the layer lets nobody in as {}", outside.join(", ")),
                format!("本层 `only` 不含 {}", outside.join("、")),
            );
            warnings.push((text.category_line, words));
        } else if is_never_reached(&layer.rule, &entries[..at], text) {
            let words = FaultText::new(
                "this entry can never be reached: an earlier one, or the layer itself, leaves nobody for it",
                "此条永远不会适用：前面的条目或本层的条件已将其全部排除",
            );
            warnings.push((text.line, words));
        }
    }
    warnings
}

/// Registers of `only` that no `for` entry names, where one entry lists those that keep the layer's terms: that list is
/// meant to be whole.
fn registers_without_an_entry(layer: &DrawnLayer) -> Option<(usize, FaultText)> {
    let only = layer.text.only.as_ref()?;
    let entries = || layer.rule.for_.iter();
    if !entries().any(|entry| entry.change.keeps_the_terms()) {
        return None;
    }
    let is_named = |category: &Category| entries().any(|entry| entry.category.contains(category));
    let missing: Vec<&str> = only.value.iter().filter(|known| !is_named(known)).map(Category::as_str).collect();
    (!missing.is_empty()).then(|| {
        let text = FaultText::new(
            format!("no `for` of the layer names {}, though one lists who keeps its terms", missing.join(", ")),
            format!("`only` 中的 {} 未列入任何 `for`，而已有 `for` 列明保留本层标准的人员", missing.join("、")),
        );
        (only.line, text)
    })
}

fn is_never_reached(rule: &LayerRule, before: &[EntryText<ForEntry>], text: &EntryText<ForEntry>) -> bool {
    let entry = &text.entry;
    let taken = |category: &Category| {
        let earlier = before.iter().map(|text| &text.entry).filter(|earlier| earlier.group == entry.group);
        rule.except.contains(category)
            || earlier
                .filter(|earlier| earlier.category.contains(category))
                .any(|earlier| covers(&earlier.conditions, &entry.conditions))
    };
    entry.category.iter().all(taken) || excludes(&rule.conditions, &entry.conditions)
}

/// Whether some conditions hold wherever others do.
fn covers(wide: &Conditions, narrow: &Conditions) -> bool {
    fn list<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
        wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|word| wide.contains(word))
    }
    list(&wide.locality, &narrow.locality)
        && list(&wide.referral, &narrow.referral)
        && list(&wide.level, &narrow.level)
        && list(&wide.tag, &narrow.tag)
        && list(&wide.disease, &narrow.disease)
}

/// Whether two conditions never hold together. A hospital may have several tags, a diagnosis several diseases.
fn excludes(one: &Conditions, other: &Conditions) -> bool {
    fn list<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        !one.is_empty() && !other.is_empty() && !one.iter().any(|word| other.contains(word))
    }
    list(&one.locality, &other.locality) || list(&one.referral, &other.referral) || list(&one.level, &other.level)
}

/// Deductibles above the first band's `upto`: that band can pay nothing.
fn deductibles_above_the_first_band(layer: &DrawnLayer) -> Vec<(usize, FaultText)> {
    if layer.rule.bands_over_excess {
        return Vec::new();
    }
    let above = schedules(&layer.rule, &layer.text).into_iter().filter_map(|(schedule, line)| {
        let upto = schedule.bands.first()?.upto?;
        let DeductibleRule::Amounts(amounts) = &schedule.deductible else { return None };
        let highest: ExactDecimal = amounts.iter().copied().max()?;
        (highest > upto).then(|| {
            let (highest, upto) = (yuan(highest), yuan(upto));
            let text = FaultText::new(
                format!("the deductible of {highest} lies above the first band, up to {upto}, which can pay nothing"),
                format!("起付线 {highest} 高于第一段上限 {upto}，该段不会支付任何金额"),
            );
            (line, text)
        })
    });
    above.collect()
}

/// A name with the place where it is used.
type Use<'a> = (&'a str, &'a str, usize);

/// Accounts and ledgers that are used once and differ from another by at most two letters.
fn names_used_once(documents: &[Document], policies: &[DrawnPolicy]) -> Vec<FileFault> {
    let (mut accounts, mut ledgers): (Vec<Use<'_>>, Vec<Use<'_>>) = (Vec::new(), Vec::new());
    for (document, policy) in documents.iter().zip(policies) {
        for layer in &policy.layers {
            for cap in layer.text.caps.iter().flat_map(|key| &key.value) {
                accounts.push((&cap.rule.account, &document.file, cap.account_line));
            }
            if let Some(ledger) = &layer.text.ledger {
                ledgers.push((&ledger.value, &document.file, ledger.line));
            }
        }
    }
    let mut warnings = used_once(&accounts, "account", "限额账户");
    warnings.extend(used_once(&ledgers, "ledger", "账本"));
    warnings
}

fn used_once(uses: &[Use<'_>], en: &str, zh: &str) -> Vec<FileFault> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    uses.iter().for_each(|(name, ..)| *counts.entry(name).or_default() += 1);
    let once = uses.iter().filter(|(name, ..)| counts.get(name) == Some(&1));
    let warning = |(name, file, line): &Use<'_>| {
        let near = |known: &&str| known != name && strsim::damerau_levenshtein(known, name) <= 2;
        let other = counts.keys().copied().find(|known| near(known))?;
        let text = FaultText::new(
            format!("the {en} `{name}` is used once; `{other}` is meant?"),
            format!("{zh} `{name}` 只用到一次；是否应为 `{other}`？"),
        );
        Some(FileFault::bilingual(*file, *line, text))
    };
    once.filter_map(warning).collect()
}
