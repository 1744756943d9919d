//! Half up to the fen is the only rounding in an adjudication.
//!
//! Policies, ratios, prices and quantities have up to the maximum number of decimals, and rates resolve to up to 20. The
//! model computes with exact fractions and rounds to the fen only where `semantics.md` says `half_up`. Any other rounding
//! shows as a difference of one fen, because many figures differ from a half only in their last decimal.

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{ClaimLimits, Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::policy::Book;
use onestop::reference::look_up;
use onestop::reference::table::ReferenceTable;
use proptest::prelude::*;
use proptest::sample::select;

use super::{CASES_WITHOUT_STORE, case_count, check_property, tables};
use crate::model;
use crate::support::as_model::{Cells, bill, is_split, plain, tables_from_rows};
use crate::support::claims::claim;

/// The figures of a policy of two layers, and two bills.
#[derive(Clone, Debug)]
struct Figures {
    prior_self_pay: String,
    rates: [String; 3],
    /// Operations on every rate: two factors and an addend, with at most 20 decimals in the result.
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

/// Price in micro yuan, quantity in 10^-4, and the deviation of the amount in fen.
type Line = (i64, i64, i64);

/// `0.5000000001 x 0.9999999998` is half less 2 of the 20th decimal.
const NEAR_ONE: &[&str] = &["0.9999999998", "1.0000000002", "0.9999999999"];

/// A share with at most this many decimals: any, or one next to zero, a half or one.
fn decimal_share(decimals: usize) -> impl Strategy<Value = String> {
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

/// A bill line; half of the amounts are a few fen, which are often next to a half fen.
fn bill_line() -> impl Strategy<Value = Line> {
    let price = prop_oneof![0..100_000_i64, 0..50_000_000_000_i64];
    let quantity = prop_oneof![Just(10_000), 1..30_000_i64, 1..1_000_000_i64];
    (price, quantity, -1..=1_i64)
}

fn figures() -> impl Strategy<Value = Figures> {
    let factors = (
        decimal_share(5),
        decimal_share(5),
        select(vec!["0", "0.0000000001", "-0.0000000001", "0.25", "-0.1"]),
        select(NEAR_ONE),
    );
    let deductible = (prop_oneof![0..200_i64, 0..10_000_000_i64], decimal_share(10));
    let bills = prop::collection::vec(prop::collection::vec(bill_line(), 1..=3), 2);
    let base_figures = (decimal_share(10), decimal_share(10), prop_oneof![0..50_000_i64, 0..50_000_000_000_i64]);
    (base_figures, [decimal_share(10), decimal_share(10), decimal_share(10)], factors, deductible, bills).prop_map(
        |(base_figures, rates, factors, deductible, bills)| Figures {
            prior_self_pay: base_figures.0,
            rates,
            factors: [factors.0, factors.1],
            more: factors.2.to_owned(),
            near_one: factors.3,
            deductible: deductible.0,
            deductible_factor: deductible.1,
            ratio: base_figures.1,
            ceiling: base_figures.2,
            bills,
        },
    )
}

/// The text of a number in units of 10^-decimals.
fn decimal_text(units: i64, decimals: usize) -> String {
    let unit = 10_i64.pow(decimals as u32);
    format!("{}.{:0decimals$}", units / unit, units % unit)
}

impl Figures {
    fn policy(&self) -> String {
        let [one, two, three] = &self.rates;
        format!(
            r#"format = 2
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
            decimal_text(self.deductible, 2),
            self.factors[0],
            self.factors[1],
            self.deductible_factor,
            self.more,
            self.near_one,
        )
    }

    fn rows(&self) -> Vec<Cells> {
        let ceiling = decimal_text(self.ceiling, 6);
        let rows: [(ReferenceTable, &[&str]); 4] = [
            (ReferenceTable::Hospitals, &["H3", "", "hospital", "tertiary", "370102", "", ""]),
            (ReferenceTable::Designations, &["H3", "2016-01-01", ""]),
            (ReferenceTable::Enrolments, &["P1", "2016-01-01", "resident", "370102", ""]),
            (ReferenceTable::Catalogue, &["B", "", "2016-01-01", "drug", "B", &self.ratio, &ceiling, ""]),
        ];
        rows.map(|(table, cells)| (table, cells.iter().map(|cell| (*cell).to_owned()).collect())).into()
    }

    fn claims(&self) -> impl Iterator<Item = RawClaim> + '_ {
        self.bills.iter().map(|lines| RawClaim {
            visit: "inpatient".to_owned(),
            items: lines.iter().map(raw_item).collect(),
            ..claim("C1", "P1", "1.00")
        })
    }
}

/// The item of a line; its amount may differ by one fen from price times quantity.
fn raw_item((price, quantity, off): &Line) -> RawItem {
    let (unit_price, quantity) = (UnitPrice(*price), Quantity(*quantity));
    let product = unit_price.times(quantity).expect("a small amount").fen();
    let amount = Money::from_fen((product + off).max(0));
    RawItem { code: "B".into(), quantity, unit_price, amount, day: None }
}

#[test]
fn half_up_to_the_fen_is_the_only_rounding_in_an_adjudication() {
    check_property(case_count(CASES_WITHOUT_STORE), &figures(), |figures| {
        let text = figures.policy();
        let book = Book::from_texts([("exact.toml", text.as_str())]).expect("a sound policy");
        let model_book = model::Book::read(&[("exact.toml".to_owned(), text)]);
        let cells = figures.rows();
        let (tables, persons) = tables::from_rows(tables::parsed(&cells));
        let model_tables = tables_from_rows(&cells);
        let (mut account, mut model_account) = (Account::default(), model::Account::default());
        for raw_claim in figures.claims() {
            let claim = raw_claim
                .clone()
                .validate(&ClaimLimits::default(), book.vocabulary(), onestop::domain::day::Day::LAST)
                .expect("a sound claim");
            let facts =
                look_up::facts(&claim, persons.get(&claim.person_id), &tables, book.vocabulary()).expect("known");
            let policy = &book.policies()[0];
            let input = AdjudicationInput { claim: &claim, facts: &facts, policy, continued: None };
            let (split, after) = adjudicate(input, &account).expect("small amounts");
            let (person, hospital) = (&model_tables.persons["P1"], &model_tables.hospitals["H3"]);
            let expected = model_book
                .settle(&bill(&raw_claim), person, hospital, &model_tables.catalogue, |_| model_account.clone())
                .expect("a settlement");
            prop_assert!(is_split(&split, &expected.0, "resident"), "{split:#?}\n{:#?}", expected.0);
            prop_assert_eq!(&plain(&after), &expected.1);
            prop_assert_eq!(invariants::check(&split), Ok(()));
            (account, model_account) = (after, expected.1);
        }
        Ok(())
    });
}
