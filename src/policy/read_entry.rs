//! Reads the entries of a layer: when they hold, and what they change.

use crate::domain::decimal::{ExactDecimal, ParseDecimalError};
use crate::domain::rate::parse_share;
use crate::domain::vocabulary::{Category, Level, Locality, Referral};

use super::read::{Sources, assumed};
use super::read_schedule::schedules;
use super::read_values::{parse_amount_operand, parsed, words};
use super::rule::{CapChange, Condition, Entry, Operation};
use super::toml_text::TomlTable;

/// The keys of an entry that `assumed` may name.
const ENTRY_KEYS: &[&str] = &["if", "category", "schedule", "deductible", "rate", "cap", "prior_self_pay"];

/// An entry by circumstances.
pub(super) fn when(table: &TomlTable<'_, '_>, sources: &Sources) -> Entry {
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
    entry(table, sources, condition.unwrap_or(Condition::For(Vec::new())))
}

/// An entry by category.
pub(super) fn for_(table: &TomlTable<'_, '_>, sources: &Sources) -> Entry {
    if !table.has("category") {
        table.missing("category");
    }
    let categories = words(table, "category", Category::ALL).unwrap_or_default();
    entry(table, sources, Condition::For(categories))
}

fn entry(table: &TomlTable<'_, '_>, sources: &Sources, condition: Condition) -> Entry {
    if !table.has("cites") {
        table.missing("cites");
    }
    let entry = Entry {
        condition,
        schedule: table.table("schedule").map(|schedule| schedules(&schedule)),
        deductible: operation(table, "deductible", parse_amount_operand),
        rate: operation(table, "rate", parse_share),
        cap: cap_change(table),
        prior_self_pay: operation(table, "prior_self_pay", parse_share),
        cites: sources.cites(table).unwrap_or_default(),
        assumed: assumed(table, ENTRY_KEYS),
    };
    table.finish();
    entry
}

fn cap_change(table: &TomlTable<'_, '_>) -> Option<CapChange> {
    let word = table.text_if_text("cap");
    match word.as_deref() {
        Some("none") => Some(CapChange::Lift),
        Some(other) => {
            let told = format!("`cap` is `{other}`, neither \"none\" nor an operation");
            table.source().fault(table.line_of("cap"), told);
            None
        }
        None => operation(table, "cap", parse_amount_operand).map(CapChange::By),
    }
}

type ParseOperand = fn(&str) -> Result<ExactDecimal, ParseDecimalError>;

/// `{ set = … }`, `{ times = … }` or `{ plus = … }`; a factor is a share whatever the figure is.
fn operation(table: &TomlTable<'_, '_>, key: &'static str, parse: ParseOperand) -> Option<Operation> {
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
