//! A second, naive model of a settlement, written from `semantics.md` and `policy-format.md` alone. Tests hold the
//! engine against it.
//!
//! Days are texts `YYYY-MM-DD`, which sort as the days do. Money is whole fen at the edge and an exact fraction of yuan
//! inside.

mod fraction;
mod policy;
mod pools;
mod reading;
mod split;
mod terms;

use std::collections::BTreeMap;

pub use policy::Book;
pub use split::take_out;

/// Half-open: from, until; `None` is open.
pub type Days = (Option<String>, Option<String>);

/// A category or the kind of an approval, from, until.
pub type Held = (String, Option<String>, Option<String>);

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub insurance: String,
    pub region: String,
    pub enrolled: Vec<Days>,
    pub categories: Vec<Held>,
    pub approvals: Vec<Held>,
}

#[derive(Clone, Debug, Default)]
pub struct Hospital {
    pub level: String,
    pub region: String,
    pub designated: Vec<Days>,
}

#[derive(Clone, Debug)]
pub struct CatalogueRow {
    pub code: String,
    pub class: String,
    pub self_pay_ratio: Option<String>,
    pub price_ceiling: Option<String>,
    /// Prefixes of the hospital's region; empty is everywhere.
    pub regions: Vec<String>,
    pub from: Option<String>,
    pub until: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub code: String,
    pub quantity_e4: i64,
    pub unit_price_micro: i64,
    pub amount_fen: i64,
}

#[derive(Clone, Debug)]
pub struct Bill {
    pub visit: String,
    pub emergency: bool,
    pub admitted: String,
    pub discharged: String,
    pub lines: Vec<Line>,
}

/// What a person has used of one benefit year. Entries that are zero are not held.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Account {
    pub admissions: u32,
    /// Layer id: base, paid.
    pub layers: BTreeMap<String, (i64, i64)>,
    /// Cap account: base or paid, by the kind of the cap.
    pub caps: BTreeMap<String, i64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layer {
    pub id: String,
    pub payer: String,
    pub base: i64,
    pub deductible: i64,
    pub deductible_taken: i64,
    pub pays: i64,
    /// Cap account and what it cut, one for every cap of the layer, in the order they act: base, then paid.
    pub cuts: Vec<(String, i64)>,
    /// Cap account, `base` or `paid`, annual (`None` is lifted), in file order.
    pub caps: Vec<(String, String, Option<i64>)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    pub policy: String,
    /// The benefit year.
    pub year: i32,
    pub total: i64,
    /// All six, also where nothing fell into them.
    pub pools: BTreeMap<String, i64>,
    /// Those considered, in order.
    pub layers: Vec<Layer>,
    /// Every payer of a layer considered, also one that pays nothing.
    pub payers: BTreeMap<String, i64>,
    pub patient: i64,
}

/// Why there is no settlement; that hospital and person are known is for the one who looks them up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum No {
    /// The hospital is not designated that day.
    Designation,
    /// The person is not enrolled that day.
    Enrolment,
    /// An outpatient visit without its approval.
    Approval,
    /// The catalogue does not hold a code there on that day.
    Code,
    /// No policy is in force.
    Policy,
}

fn covers(days: &Days, day: &str) -> bool {
    let (from, until) = days;
    from.as_deref().is_none_or(|from| from <= day) && until.as_deref().is_none_or(|until| day < until)
}

fn held_on<'a>(held: &'a [Held], day: &str) -> Vec<&'a str> {
    let on_day = |(_, from, until): &&Held| covers(&(from.clone(), until.clone()), day);
    held.iter().filter(on_day).map(|(what, _, _)| what.as_str()).collect()
}

/// The length of the longest of these prefixes that the region starts with.
fn longest_prefix(prefixes: &[String], region: &str) -> Option<usize> {
    prefixes.iter().filter(|prefix| region.starts_with(prefix.as_str())).map(String::len).max()
}
