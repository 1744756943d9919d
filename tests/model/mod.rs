//! A naive model of a settlement, written from `semantics.md` and `policy-format.md` alone, to which tests compare the
//! engine.
//!
//! Days are texts `YYYY-MM-DD`, which sort by date. Money is whole fen in the types of this module and an exact fraction
//! of yuan in computations.

mod fraction;
mod policy;
mod pools;
mod reading;
mod split;
mod terms;

use std::collections::BTreeMap;

pub use policy::Book;
pub use split::account_without;

/// The days from the first to before the second; `None` is unbounded.
pub type Days = (Option<String>, Option<String>);

/// A category or the kind of an approval, with its days from and until.
pub type DatedName = (String, Option<String>, Option<String>);

/// Rows by first day, of which one holds at a time, each with the day before which it ends if that is stated.
pub type Succession<T> = BTreeMap<Option<String>, (Option<String>, T)>;

#[derive(Clone, Debug)]
pub struct Enrolment {
    pub insurance: String,
    pub region: String,
}

#[derive(Clone, Debug)]
pub struct HospitalStatus {
    pub level: String,
    pub region: String,
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub enrolments: Succession<Enrolment>,
    pub categories: Vec<DatedName>,
    pub approvals: Vec<DatedName>,
}

impl Person {
    /// The insurance of the person on a day; empty without one.
    pub fn insurance_on(&self, day: &str) -> &str {
        on_day(&self.enrolments, day).map_or("", |enrolment| &enrolment.insurance)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Hospital {
    pub statuses: Succession<HospitalStatus>,
    pub designated: Vec<Days>,
}

#[derive(Clone, Debug)]
pub struct CatalogueRow {
    pub code: String,
    pub class: String,
    pub self_pay_ratio: Option<String>,
    pub price_ceiling: Option<String>,
    /// Prefixes of the region of the hospital; empty for every region.
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
    /// The day of the line, if it has one.
    pub day: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Bill {
    pub visit: String,
    pub emergency: bool,
    pub admitted: String,
    pub discharged: String,
    pub lines: Vec<Line>,
}

/// The accumulators of a person in one benefit year, without entries that are zero.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Account {
    pub admissions: u32,
    /// Base and deductible taken by ledger.
    pub ledgers: BTreeMap<String, (i64, i64)>,
    /// What each layer paid.
    pub paid: BTreeMap<String, i64>,
    /// The amount used by cap account: base or paid, by the kind of the cap.
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
    /// Cap account and amount cut of every cap of the layer, in order of application: base, then paid.
    pub cuts: Vec<(String, i64)>,
    /// Cap account, kind (`base` or `paid`) and annual amount (`None` if lifted), in file order.
    pub caps: Vec<(String, String, Option<i64>)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    pub policy: String,
    /// The benefit year.
    pub year: i32,
    pub total: i64,
    /// The amounts of all six pools, zero included.
    pub pools: BTreeMap<String, i64>,
    /// The considered layers in order.
    pub layers: Vec<Layer>,
    /// The amount of every payer of a considered layer, zero included.
    pub payers: BTreeMap<String, i64>,
    pub patient: i64,
}

/// The reason why a bill is not settled. The caller has found the hospital and the person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelRefusal {
    /// The hospital is not designated that day.
    HospitalNotDesignated,
    /// The person is not enrolled that day.
    PersonNotEnrolled,
    /// An outpatient visit without its approval.
    VisitNotApproved,
    /// The catalogue has no row for a code in that region on that day.
    UnknownItem,
    /// No policy is in force.
    NoPolicyInForce,
}

/// Whether the days include this day.
fn covers(days: &Days, day: &str) -> bool {
    let (from, until) = days;
    from.as_deref().is_none_or(|from| from <= day) && until.as_deref().is_none_or(|until| day < until)
}

/// The row of a succession that holds on this day: without a stated end it ends where the next row begins; a row whose
/// end is its first day is withdrawn, and is no next row either.
fn on_day<'a, T>(rows: &'a Succession<T>, day: &str) -> Option<&'a T> {
    let standing: Vec<_> = rows.iter().filter(|(from, (until, _))| until.is_none() || until != *from).collect();
    let days = |at: usize| {
        let (from, (until, _)) = standing[at];
        let next = standing.get(at + 1).and_then(|(next, _)| (*next).clone());
        (from.clone(), until.clone().or(next))
    };
    (0..standing.len()).find(|at| covers(&days(*at), day)).map(|at| &standing[at].1.1)
}

/// The names whose days include this day.
fn names_on_day<'a>(held: &'a [DatedName], day: &str) -> Vec<&'a str> {
    let on_day = |(_, from, until): &&DatedName| covers(&(from.clone(), until.clone()), day);
    held.iter().filter(on_day).map(|(what, _, _)| what.as_str()).collect()
}

/// The length of the longest prefix of the region.
fn longest_prefix(prefixes: &[String], region: &str) -> Option<usize> {
    prefixes.iter().filter(|prefix| region.starts_with(prefix.as_str())).map(String::len).max()
}
