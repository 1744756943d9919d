//! Generates books: a policy of one to five layers with every feature of the format, and the policy of the next year,
//! which draws its layers.
//!
//! Amounts are small and rates are few, so that claims of similar size reach every edge and cap.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::entries::{ConditionsSpec, EntrySpec, ForSpec, conditions, entry, for_entry};
use super::words::{CATEGORIES, POOLS, VISITS};

/// A generated book.
#[derive(Clone, Debug)]
pub struct BookSpec {
    pub by_admission: bool,
    pub pooling: bool,
    /// The amount of the figure `income` in each of the two files, in fen.
    pub income: [i64; 2],
    pub accounts: Vec<AccountSpec>,
    pub ledgers: Vec<(Per, bool)>,
    pub layers: Vec<LayerSpec>,
    /// The schedule that the second file replaces, by layer.
    pub next_year: Vec<Option<ScheduleChoice>>,
    /// Whether the second file says otherwise of transfers, by layer, where it can.
    pub transfers_change: Vec<bool>,
}

/// Schedules for a layer whose deductible may be a share, or not.
#[derive(Clone, Debug)]
pub struct ScheduleChoice {
    pub plain: SchedulesSpec,
    pub share: Option<(&'static str, Vec<&'static str>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    Year,
    Claim,
    Credited,
}

/// A cap account.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    pub on_base: bool,
    pub limit: LimitSpec,
}

#[derive(Clone, Debug)]
pub enum LimitSpec {
    Annual(i64),
    AnnualShare(&'static str),
    PerClaim(i64),
    PerClaimShare(&'static str, Vec<&'static str>),
}

/// A generated layer.
#[derive(Clone, Debug)]
pub struct LayerSpec {
    pub payer: usize,
    /// Whether it is written in a library and included by `use`.
    pub drawn: bool,
    pub visits: Vec<&'static str>,
    pub pools: Vec<&'static str>,
    pub period: PeriodSpec,
    pub only: Vec<&'static str>,
    pub except: Vec<&'static str>,
    pub conditions: ConditionsSpec,
    pub days: Option<&'static str>,
    pub prior_self_pay: Option<&'static str>,
    pub schedule: ScheduleChoice,
    /// Indexes into the accounts of the book, each with a pool for its overflow.
    pub caps: Vec<(usize, Option<&'static str>)>,
    pub when: Vec<(ConditionsSpec, EntrySpec)>,
    pub for_: Vec<ForSpec>,
}

/// Period, deductible, ledger and bands of a layer.
#[derive(Clone, Debug)]
pub enum PeriodSpec {
    Admission {
        credited: bool,
        excess: bool,
        credits: bool,
    },
    Year {
        per: Per,
        excess: bool,
        credits: bool,
    },
    /// On the ledger at this index.
    Ledger(usize),
}

/// One schedule for all levels, two (one of them for `other` levels), or three.
pub type SchedulesSpec = Vec<ScheduleSpec>;

/// A schedule: deductibles, width in fen and rate of each closed band, and the rate of the open band.
#[derive(Clone, Debug)]
pub struct ScheduleSpec {
    pub deductibles: Vec<AmountSpec>,
    pub bands: Vec<(i64, &'static str)>,
    pub last: &'static str,
}

#[derive(Clone, Debug)]
pub enum AmountSpec {
    Fen(i64),
    Income,
    ShareOfIncome(&'static str),
}

/// Generates books.
pub fn books() -> impl Strategy<Value = BookSpec> {
    let layers = prop_oneof![2 => prop::collection::vec(layer(), 1..=2), 1 => prop::collection::vec(layer(), 3..=5)];
    let ledger = (prop_oneof![Just(Per::Year), Just(Per::Credited)], any::<bool>());
    let head = (any::<bool>(), any::<bool>(), [1..60_000_i64, 1..60_000_i64]);
    let accounts = prop::collection::vec(account(), 1..=4);
    let next = prop::collection::vec((option::weighted(0.3, schedules()), prop::bool::weighted(0.3)), 5);
    (head, accounts, prop::collection::vec(ledger, 2), layers, next).prop_map(
        |((by_admission, pooling, income), accounts, ledgers, layers, next)| BookSpec {
            by_admission,
            pooling,
            income,
            accounts,
            ledgers: ledgers.into_iter().map(|(per, excess)| (per, excess && per == Per::Year)).collect(),
            layers,
            transfers_change: next.iter().map(|(_, changes)| *changes).collect(),
            next_year: next.into_iter().map(|(schedules, _)| schedules).collect(),
        },
    )
}

fn account() -> impl Strategy<Value = AccountSpec> {
    let limit = || prop_oneof![1 => Just(0), 9 => 1..600_000_i64];
    let limits = prop_oneof![
        4 => limit().prop_map(LimitSpec::Annual),
        1 => share().prop_map(LimitSpec::AnnualShare),
        2 => limit().prop_map(LimitSpec::PerClaim),
        1 => (share(), non_empty(POOLS)).prop_map(|(share, pools)| LimitSpec::PerClaimShare(share, pools)),
    ];
    (any::<bool>(), limits).prop_map(|(on_base, limit)| AccountSpec { on_base, limit })
}

fn layer() -> impl Strategy<Value = LayerSpec> {
    let who = (categories(), categories(), option::weighted(0.2, conditions()), days());
    let head = (0..4_usize, prop::bool::weighted(0.2), visits(), pools(), period(), who);
    let cap = (0..4_usize, option::weighted(0.5, Just("over_cap")));
    let terms = (option::weighted(0.3, rate()), schedules(), prop::collection::vec(cap, 0..=3));
    let when = prop::collection::vec((conditions(), entry()), 0..=2);
    let for_ = prop::collection::vec(for_entry(), 0..=3);
    (head, terms, when, for_).prop_map(|(head, terms, when, for_)| {
        let (payer, drawn, visits, pools, period, (only, except, conditions, days)) = head;
        let (prior_self_pay, schedule, mut caps) = terms;
        caps.sort();
        caps.dedup_by_key(|(account, _)| *account);
        let single = pools.len() == 1 && pools[0] != "over_cap";
        caps.iter_mut().filter(|_| !single).for_each(|cap| cap.1 = None);
        let conditions = conditions.unwrap_or_default();
        LayerSpec {
            payer,
            drawn,
            visits,
            pools,
            period,
            only,
            except,
            conditions,
            days,
            prior_self_pay,
            schedule,
            caps,
            when,
            for_,
        }
    })
}

fn period() -> impl Strategy<Value = PeriodSpec> {
    let per = select(vec![Per::Year, Per::Claim, Per::Credited]);
    let flags = (any::<bool>(), any::<bool>());
    prop_oneof![
        3 => (prop::bool::weighted(0.2), flags).prop_map(|(credited, (excess, credits))| PeriodSpec::Admission {
            credited,
            excess: excess && !credits && !credited,
            credits: credits && !credited,
        }),
        3 => (per, any::<bool>(), any::<bool>()).prop_map(|(per, excess, credits)| PeriodSpec::Year {
            per,
            excess: excess && per == Per::Year,
            credits: credits && per == Per::Claim,
        }),
        2 => (0..2_usize).prop_map(PeriodSpec::Ledger),
    ]
}

/// Every visit, or some.
fn visits() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![2 => Just(VISITS.to_vec()), 1 => non_empty(VISITS)]
}

/// One pool, or some in any order.
fn pools() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![2 => Just(vec!["eligible"]), 1 => Just(vec!["over_cap"]), 2 => non_empty(POOLS).prop_shuffle()]
}

fn categories() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![6 => Just(Vec::new()), 1 => non_empty(CATEGORIES)]
}

fn days() -> impl Strategy<Value = Option<&'static str>> {
    let halves = ["{ from = 2016-01-01, until = 2017-07-01 }", "{ from = 2017-07-01, until = 2018-01-01 }"];
    option::weighted(0.15, select(halves.to_vec()))
}

pub fn non_empty(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(all, 1..=all.len())
}

fn share() -> impl Strategy<Value = &'static str> {
    select(vec!["10%", "33.33%", "90%", "0.5%", "100%"])
}

/// Rates, some with a finite and some with a long product.
fn rate() -> impl Strategy<Value = &'static str> {
    select(vec!["0%", "100%", "55%", "62.5%", "33.3333%", "0.1234567891", "99.99999999%"])
}

fn amount() -> impl Strategy<Value = AmountSpec> {
    prop_oneof![
        1 => Just(AmountSpec::Fen(0)),
        1 => (1..=100_i64).prop_map(AmountSpec::Fen),
        4 => (100..60_000_i64).prop_map(AmountSpec::Fen),
        1 => Just(AmountSpec::Income),
        1 => share().prop_map(AmountSpec::ShareOfIncome),
    ]
}

pub fn schedules() -> impl Strategy<Value = ScheduleChoice> {
    let plain = prop_oneof![
        3 => prop::collection::vec(schedule(), 1),
        1 => prop::collection::vec(schedule(), 2),
        1 => prop::collection::vec(schedule(), 3),
    ];
    let shared = option::weighted(0.3, (share(), non_empty(POOLS)));
    (plain, shared).prop_map(|(plain, share)| ScheduleChoice { plain, share })
}

fn schedule() -> impl Strategy<Value = ScheduleSpec> {
    let band = (prop_oneof![1..=2_i64, 100..200_000_i64], rate());
    let parts = (prop::collection::vec(amount(), 1..=4), prop::collection::vec(band, 0..=3), rate());
    parts.prop_map(|(deductibles, bands, last)| ScheduleSpec { deductibles, bands, last })
}
