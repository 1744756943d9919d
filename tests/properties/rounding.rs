//! Half up to the fen is the only rounding on the way of a claim.
//!
//! Policies, ratios, prices and quantities have as many decimals as each may have, and rates resolve to as many as 20.
//! The model computes with exact fractions and rounds where `semantics.md` says `half_up`, to the fen, and nowhere
//! else: a rounding anywhere else shows as a fen, because many figures lie a last decimal beside a half.

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{ClaimLimits, Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::domain::vocabulary::Visit;
use onestop::policy::Book;
use onestop::reference::look_up;
use onestop::reference::table::ReferenceTable;
use proptest::prelude::*;
use proptest::sample::select;

use super::{CASES_WITHOUT_STORE, case_count, check_property, tables};
use crate::model;
use crate::support::as_model::{Cells, Tables, bill, is_split, plain};
use crate::support::claims::claim;

/// The figures of a policy of two layers, and two bills.
#[derive(Clone, Debug)]
struct Figures {
    prior_self_pay: String,
    rates: [String; 3],
    /// Operations on every rate: two factors and a sum, whose decimals add up to no more than 20.
    factors: [String; 2],
    more: String,
    /// A factor of 10 decimals near one, on the last rate.
    near_one: &'static str,
    deductible: i64,
    deductible_factor: String,
    ratio: String,
    ceiling: i64,
    bills: Vec<Vec<Line>>,
}

/// Price in micro yuan, quantity in 10^-4, and by how many fen the amount is off.
type Line = (i64, i64, i64);

/// `0.5000000001 x 0.9999999998` is half less 2 of the 20th decimal.
const NEAR_ONE: &[&str] = &["0.9999999998", "1.0000000002", "0.9999999999"];

/// A share of at most so many decimals: any, or one beside a half or an end.
fn share(decimals: usize) -> impl Strategy<Value = String> {
    let least = format!("0.{}1", "0".repeat(decimals - 1));
    let edges = vec![
        "0".to_owned(),
        "1".to_owned(),
        "0.5".to_owned(),
        least,
        format!("0.4{}", "9".repeat(decimals - 1)),
        format!("0.5{}1", "0".repeat(decimals.saturating_sub(2))),
        format!("0.{}", "9".repeat(decimals)),
    ];
    let any = (0..10u64.pow(decimals as u32)).prop_map(move |digits| format!("0.{digits:0decimals$}"));
    prop_oneof![1 => select(edges), 2 => any]
}

/// Half of the figures are a few fen, where one lies beside a half most often.
fn line() -> impl Strategy<Value = Line> {
    let price = prop_oneof![0..100_000_i64, 0..50_000_000_000_i64];
    let quantity = prop_oneof![Just(10_000), 1..30_000_i64, 1..1_000_000_i64];
    (price, quantity, -1..=1_i64)
}

fn figures() -> impl Strategy<Value = Figures> {
    let factors =
        (share(5), share(5), select(vec!["0", "0.0000000001", "-0.0000000001", "0.25", "-0.1"]), select(NEAR_ONE));
    let deductible = (prop_oneof![0..200_i64, 0..10_000_000_i64], share(10));
    let bills = prop::collection::vec(prop::collection::vec(line(), 1..=3), 2);
    let entered = (share(10), share(10), prop_oneof![0..50_000_i64, 0..50_000_000_000_i64]);
    (entered, [share(10), share(10), share(10)], factors, deductible, bills).prop_map(
        |(entered, rates, factors, deductible, bills)| Figures {
            prior_self_pay: entered.0,
            rates,
            factors: [factors.0, factors.1],
            more: factors.2.to_owned(),
            near_one: factors.3,
            deductible: deductible.0,
            deductible_factor: deductible.1,
            ratio: entered.1,
            ceiling: entered.2,
            bills,
        },
    )
}

/// Yuan with so many decimals.
fn yuan(units: i64, decimals: usize) -> String {
    let unit = 10_i64.pow(decimals as u32);
    format!("{}.{:0decimals$}", units / unit, units % unit)
}

impl Figures {
    fn policy(&self) -> String {
        let [one, two, three] = &self.rates;
        format!(
            r#"format = 1
id = "exact"
title = "exact"
insurance = "resident"
regions = ["37"]
in_force = {{ from = 2016-01-01 }}
benefit_year = "discharge"
[sources]
law = "the law"
[[layer]]
id = "first"
payer = "fund"
visits = ["inpatient"]
pools = ["eligible"]
period = "year"
prior_self_pay = "{}"
cites = ["law"]
schedule = {{ all = {{ deductible = "{}", bands = [{{ upto = "50", rate = "{one}" }}, {{ rate = "{two}" }}] }} }}
[[layer.when]]
if = {{ level = ["tertiary"] }}
rate = {{ times = "{}" }}
prior_self_pay = {{ times = "0.9999999999" }}
cites = ["law"]
[[layer.when]]
if = {{ level = ["tertiary"] }}
rate = {{ times = "{}" }}
deductible = {{ times = "{}" }}
cites = ["law"]
[[layer.when]]
if = {{ level = ["tertiary"] }}
rate = {{ plus = "{}" }}
cites = ["law"]
[[layer]]
id = "second"
payer = "insurer"
visits = ["inpatient"]
pools = ["eligible", "preliminary_self_pay"]
period = "admission"
cites = ["law"]
schedule = {{ all = {{ bands = [{{ rate = "{three}" }}] }} }}
[[layer.when]]
if = {{ level = ["tertiary"] }}
rate = {{ times = "{}" }}
cites = ["law"]
"#,
            self.prior_self_pay,
            yuan(self.deductible, 2),
            self.factors[0],
            self.factors[1],
            self.deductible_factor,
            self.more,
            self.near_one,
        )
    }

    fn rows(&self) -> Vec<Cells> {
        let ceiling = yuan(self.ceiling, 6);
        let rows: [(ReferenceTable, &[&str]); 5] = [
            (ReferenceTable::Hospitals, &["H3", "hospital", "tertiary", "370102"]),
            (ReferenceTable::Designations, &["H3", "2016-01-01", ""]),
            (ReferenceTable::Persons, &["P1", "resident", "370102"]),
            (ReferenceTable::Enrolments, &["P1", "2016-01-01", ""]),
            (ReferenceTable::Catalogue, &["B", "", "2016-01-01", "drug", "B", &self.ratio, &ceiling, ""]),
        ];
        rows.map(|(table, cells)| (table, cells.iter().map(|cell| (*cell).to_owned()).collect())).into()
    }

    fn claims(&self) -> impl Iterator<Item = RawClaim> + '_ {
        self.bills.iter().map(|lines| RawClaim {
            visit: Some(Visit::Inpatient),
            items: lines.iter().map(item).collect(),
            ..claim("C1", "P1", "1.00")
        })
    }
}

/// A line's amount may be a fen off its price times its quantity.
fn item((price, quantity, off): &Line) -> RawItem {
    let (unit_price, quantity) = (UnitPrice(*price), Quantity(*quantity));
    let product = unit_price.times(quantity).expect("a small amount").fen();
    let amount = Money::from_fen((product + off).max(0));
    RawItem { code: "B".into(), quantity, unit_price, amount }
}

#[test]
fn half_up_to_the_fen_is_the_only_rounding_on_the_way_of_a_claim() {
    check_property(case_count(CASES_WITHOUT_STORE), &figures(), |figures| {
        let text = figures.policy();
        let book = Book::from_texts([("exact.toml", text.as_str())]).expect("a sound policy");
        let exact_book = model::Book::read(&[("exact.toml".to_owned(), text)]);
        let cells = figures.rows();
        let (tables, persons) = tables::from_rows(tables::parsed(&cells));
        let exact_tables = Tables::of(&cells);
        let (mut account, mut exact_account) = (Account::default(), model::Account::default());
        for raw in figures.claims() {
            let claim = raw.clone().validate(&ClaimLimits::default()).expect("a sound claim");
            let facts = look_up::facts(&claim, persons.get(&claim.person_id), &tables).expect("known");
            let policy = &book.policies()[0];
            let input = AdjudicationInput { claim: &claim, facts: &facts, policy };
            let (split, after) = adjudicate(input, &account).expect("small amounts");
            let (person, hospital) = (&exact_tables.persons["P1"], &exact_tables.hospitals["H3"]);
            let exact = exact_book
                .settle(&bill(&raw), person, hospital, &exact_tables.catalogue, |_| exact_account.clone())
                .expect("a settlement");
            prop_assert!(is_split(&split, &exact.0, "resident"), "{split:#?}\n{:#?}", exact.0);
            prop_assert_eq!(&plain(&after), &exact.1);
            prop_assert_eq!(invariants::check(&split), Ok(()));
            (account, exact_account) = (after, exact.1);
        }
        Ok(())
    });
}
