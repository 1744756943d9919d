//! Reads the entries of a layer: their conditions and their changes.

use crate::domain::decimal::ExactDecimal;
use crate::domain::file_fault::FaultText;
use crate::domain::rate::parse_share;
use crate::domain::rule::{CapChange, Change, Conditions, ForEntry, Operation, WhenEntry};

use super::figure_reader::{RateFault, Sign, parse_rate, unreadable_fault};
use super::reading::Reading;
use super::schedule_reader::read_schedules;
use super::source_reader::read_assumed;
use super::toml_reader::{Lined, TableReader};
use super::value_reader::{distinct_words, lined_string, required_name};

/// The keys of an entry that `assumed` may name.
const ENTRY_KEYS: &[&str] = &["if", "category", "schedule", "deductible", "rate", "cap", "prior_self_pay"];

/// An entry with the lines of its parts.
#[derive(Clone, Debug)]
pub(super) struct EntryText<E> {
    /// The entry.
    pub entry: E,
    /// The line on which it begins.
    pub line: usize,
    /// The line of its categories.
    pub category_line: usize,
    /// The line of each deductible of its schedules.
    pub deductible_lines: Vec<usize>,
}

/// A `when` entry.
pub(super) fn read_when(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> EntryText<WhenEntry> {
    if !table.has("if") {
        table.add_missing("if");
    }
    let conditions = read_conditions(table, reading).unwrap_or_default();
    entry_text(table, reading, |change| WhenEntry { conditions, change })
}

/// A `for` entry.
pub(super) fn read_for(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> EntryText<ForEntry> {
    if !table.has("category") {
        table.add_missing("category");
    }
    let category = distinct_words(table, "category", &reading.categories()).unwrap_or_default();
    let group = table.has("group").then(|| required_name(table, "group")).flatten().map(|group| group.value.into());
    let conditions = read_conditions(table, reading).unwrap_or_default();
    entry_text(table, reading, |change| ForEntry { group, category, conditions, change })
}

/// The conditions of `if`, if there is one.
pub(super) fn read_conditions(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> Option<Conditions> {
    let inner = table.table("if")?;
    let before = inner.source().fault_count();
    let localities = distinct_words(&inner, "locality", &reading.localities()).unwrap_or_default();
    let mut locality: Vec<_> = localities.into_iter().flatten().copied().collect();
    locality.sort_unstable();
    locality.dedup();
    let conditions = Conditions {
        locality,
        referral: distinct_words(&inner, "referral", &reading.referrals()).unwrap_or_default(),
        level: distinct_words(&inner, "level", &reading.levels()).unwrap_or_default(),
        tag: distinct_words(&inner, "tag", &reading.tags()).unwrap_or_default(),
        disease: distinct_words(&inner, "disease", &reading.diseases()).unwrap_or_default(),
    };
    inner.finish();
    if conditions.is_empty() && inner.source().fault_count() == before {
        let text = FaultText::new("`if` names no circumstance", "`if` 未写明任何情形");
        inner.source().add_fault(inner.line, text);
    }
    Some(conditions)
}

fn entry_text<E>(table: &TableReader<'_, '_>, reading: &Reading<'_>, entry: impl FnOnce(Change) -> E) -> EntryText<E> {
    let schedule = table.table("schedule").map(|schedule| read_schedules(&schedule, reading));
    let deductible_lines = schedule.as_ref().map(|text| text.deductible_lines.clone()).unwrap_or_default();
    let change = Change {
        schedule: schedule.map(|text| text.rule),
        deductible: read_operation(table, "deductible", Operand::Amount, reading),
        rate: read_operation(table, "rate", Operand::Rate, reading),
        cap: read_cap_change(table, reading),
        prior_self_pay: read_operation(table, "prior_self_pay", Operand::Rate, reading),
        cites: reading.sources.cites(table).unwrap_or_default(),
        assumed: read_assumed(table, ENTRY_KEYS),
    };
    table.finish();
    EntryText { entry: entry(change), line: table.line, category_line: table.line_of("category"), deductible_lines }
}

fn read_cap_change(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> Option<CapChange> {
    let word = table.string_if_string("cap");
    match word.as_deref() {
        Some("none") => Some(CapChange::Lift),
        Some(other) => {
            let text = FaultText::new(
                format!("`cap` is `{other}`, neither \"none\" nor an operation"),
                format!("`cap` 为 `{other}`，既不是 \"none\" 也不是运算"),
            );
            table.source().add_fault(table.line_of("cap"), text);
            None
        }
        None => read_operation(table, "cap", Operand::Amount, reading).map(CapChange::By),
    }
}

/// What an operation acts on.
#[derive(Clone, Copy)]
enum Operand {
    Amount,
    Rate,
}

/// `{ set = … }`, `{ times = … }` or `{ plus = … }`; a factor is a number of any size for every kind of figure.
fn read_operation(
    table: &TableReader<'_, '_>,
    key: &'static str,
    operand: Operand,
    reading: &Reading<'_>,
) -> Option<Operation> {
    let inner = table.table(key)?;
    let figure = |name: &'static str| {
        let text = lined_string(&inner, name)?;
        match operand {
            Operand::Amount => reading.figures.amount(&inner, name, &text, Sign::Any),
            Operand::Rate => {
                let fault = |fault: RateFault| inner.source().add_fault(text.line, fault.text(name, &text.value));
                parse_rate(&text.value).map_err(fault).ok()
            }
        }
    };
    let operations =
        [figure("set").map(Operation::Set), factor(&inner).map(Operation::Times), figure("plus").map(Operation::Plus)];
    let before = inner.source().fault_count();
    inner.finish();
    let unknown = inner.source().fault_count() > before;
    let named = ["set", "times", "plus"].iter().filter(|name| inner.has(name)).count();
    if named > 1 || named == 0 && !unknown {
        let text = FaultText::new(
            format!("`{key}` wants one of `set`, `times` and `plus`"),
            format!("`{key}` 只能有一项运算：`set`、`times` 或 `plus`"),
        );
        inner.source().add_fault(inner.line, text);
    }
    operations.into_iter().flatten().next()
}

fn factor(inner: &TableReader<'_, '_>) -> Option<ExactDecimal> {
    let text: Lined<String> = lined_string(inner, "times")?;
    let fault = |error| inner.source().add_fault(text.line, unreadable_fault("times", &text.value, error));
    parse_share(&text.value).map_err(fault).ok()
}
