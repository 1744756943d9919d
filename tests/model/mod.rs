//! A naive model of a settlement, written from `semantics.md` and `policy-format.md` alone, to which tests compare the
//! engine.
//!
//! Days are texts `YYYY-MM-DD`, which sort by date. Money is whole fen in the types of this module and an exact fraction
//! of yuan in computations.

mod account;
mod claim_checks;
mod facts;
mod fraction;
mod layer;
mod policy;
mod pools;
mod reading;
mod register;
mod split;
mod stay;
mod terms;
mod vocabulary;

use std::collections::BTreeMap;

pub use account::{Account, account_without};
pub use facts::Facts;
pub use policy::Book;
pub use register::{Answer, Live, Register};
pub use split::{Decision, Layer, Split};
pub use stay::Stay;

/// The days from the first to before the second; `None` is unbounded.
pub type Days = (Option<String>, Option<String>);

/// A category or the kind of an approval, with its days from and until.
pub type DatedName = (String, Option<String>, Option<String>);

/// Rows by first day, of which one holds at a time, each with the day before which it ends if that is stated.
pub type Succession<T> = BTreeMap<Option<String>, (Option<String>, T)>;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrolment {
    pub insurance: String,
    pub region: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HospitalStatus {
    pub level: String,
    pub region: String,
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub enrolments: Succession<Enrolment>,
    pub categories: Vec<DatedName>,
    pub approvals: Vec<DatedName>,
}

#[derive(Clone, Debug, Default)]
pub struct Hospital {
    pub statuses: Succession<HospitalStatus>,
    pub designated: Vec<Days>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
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

/// What the tables say.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub hospitals: BTreeMap<String, Hospital>,
    pub persons: BTreeMap<String, Person>,
    pub catalogue: Vec<CatalogueRow>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub code: String,
    pub quantity_e4: i64,
    pub unit_price_micro: i64,
    pub amount_fen: i64,
    pub day: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bill {
    pub visit: String,
    pub emergency: bool,
    pub admitted: String,
    pub discharged: String,
    pub diagnosis: Option<String>,
    pub lines: Vec<Line>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    pub claim_id: String,
    pub hospital_id: String,
    pub person_id: String,
    pub bill: Bill,
    pub total: Option<i64>,
    pub continues: Option<Continues>,
}

/// An earlier settlement that a claim continues; the kind is `interim` or `transfer`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Continues {
    pub kind: String,
    pub hospital_id: String,
    pub claim_id: String,
}

/// A status and a reason.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    pub status: &'static str,
    pub reason: &'static str,
}

impl Refusal {
    pub const fn already_exists(reason: &'static str) -> Refusal {
        Refusal { status: "ALREADY_EXISTS", reason }
    }

    pub const fn failed_precondition(reason: &'static str) -> Refusal {
        Refusal { status: "FAILED_PRECONDITION", reason }
    }

    pub const fn invalid_argument(reason: &'static str) -> Refusal {
        Refusal { status: "INVALID_ARGUMENT", reason }
    }

    pub const fn not_found(reason: &'static str) -> Refusal {
        Refusal { status: "NOT_FOUND", reason }
    }
}

/// All faults of the first stage that fails.
pub type Refusals = Vec<Refusal>;

/// The success of a stage without faults.
fn passed(faults: Refusals) -> Result<(), Refusals> {
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Whether the days include this day.
fn covers(days: &Days, day: &str) -> bool {
    let (from, until) = days;
    from.as_deref().is_none_or(|from| from <= day) && until.as_deref().is_none_or(|until| day < until)
}

/// The length of the longest prefix of the region.
fn longest_prefix(prefixes: &[String], region: &str) -> Option<usize> {
    prefixes.iter().filter(|prefix| region.starts_with(prefix.as_str())).map(String::len).max()
}
