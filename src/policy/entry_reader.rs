//! Reads the entries of a layer: their conditions and their changes.

use crate::domain::decimal::{ExactDecimal, ParseDecimalError};
use crate::domain::rate::parse_share;
use crate::domain::vocabulary::{Category, Level, Locality, Referral};

use super::rule::{CapChange, Condition, Entry, Operation};
use super::schedule_reader::read_schedules;
use super::source_reader::{Sources, read_assumed};
use super::toml_reader::TableReader;
use super::value_reader::{parse_amount_operand, parsed, words};

/// The keys of an entry that `assumed` may name.
const ENTRY_KEYS: &[&str] = &["if", "category", "schedule", "deductible", "rate", "cap", "prior_self_pay"];

/// A `when` entry.
pub(super) fn read_when(table: &TableReader<'_, '_>, sources: &Sources) -> Entry {
    let condition = table.table("if").map(|circumstances| {
        let condition = Condition::When {
            locality: words(&circumstances, "locality", Locality::ALL).unwrap_or_default(),
            referral: words(&circumstances, "referral", Referral::ALL).unwrap_or_default(),
            level: words(&circumstances, "level", Level::ALL).unwrap_or_default(),
        };
        if !["locality", "referral", "level"].iter().any(|key| circumstances.has(key)) {
            circumstances.source().fault(circumstances.line, "`if` names no circumstance");
        }
        circumstances.finish();
        condition
    });
    if !table.has("if") {
        table.missing("if");
    }
    read_entry(table, sources, condition.unwrap_or(Condition::For(Vec::new())))
}

/// A `for` entry.
pub(super) fn read_for(table: &TableReader<'_, '_>, sources: &Sources) -> Entry {
    if !table.has("category") {
        table.missing("category");
    }
    let categories = words(table, "category", Category::ALL).unwrap_or_default();
    read_entry(table, sources, Condition::For(categories))
}

fn read_entry(table: &TableReader<'_, '_>, sources: &Sources, condition: Condition) -> Entry {
    if !table.has("cites") {
        table.missing("cites");
    }
    let entry = Entry {
        condition,
        schedule: table.table("schedule").map(|schedule| read_schedules(&schedule)),
        deductible: read_operation(table, "deductible", parse_amount_operand),
        rate: read_operation(table, "rate", parse_share),
        cap: read_cap_change(table),
        prior_self_pay: read_operation(table, "prior_self_pay", parse_share),
        cites: sources.cites(table).unwrap_or_default(),
        assumed: read_assumed(table, ENTRY_KEYS),
    };
    table.finish();
    entry
}

fn read_cap_change(table: &TableReader<'_, '_>) -> Option<CapChange> {
    let word = table.text_if_text("cap");
    match word.as_deref() {
        Some("none") => Some(CapChange::Lift),
        Some(other) => {
            let message = format!("`cap` is `{other}`, neither \"none\" nor an operation");
            table.source().fault(table.line_of("cap"), message);
            None
        }
        None => read_operation(table, "cap", parse_amount_operand).map(CapChange::By),
    }
}

type ParseOperand = fn(&str) -> Result<ExactDecimal, ParseDecimalError>;

/// `{ set = … }`, `{ times = … }` or `{ plus = … }`; a factor is a share for every kind of figure.
fn read_operation(table: &TableReader<'_, '_>, key: &'static str, parse: ParseOperand) -> Option<Operation> {
    let inner = table.table(key)?;
    let figure = |name, parse: ParseOperand| inner.string(name).and_then(|text| parsed(&inner, name, &text, parse));
    let operations = [
        figure("set", parse).map(Operation::Set),
        figure("times", parse_share).map(Operation::Times),
        figure("plus", parse).map(Operation::Plus),
    ];
    let before = inner.source().fault_count();
    inner.finish();
    let unknown = inner.source().fault_count() > before;
    let named = ["set", "times", "plus"].iter().filter(|name| inner.has(name)).count();
    if named > 1 || named == 0 && !unknown {
        inner.source().fault(inner.line, format!("`{key}` wants one of `set`, `times` and `plus`"));
    }
    operations.into_iter().flatten().next()
}
