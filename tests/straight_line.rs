//! The engine agrees with straight-line code in whole fen on 10,000 random claims, and a split that is changed afterwards
//! breaks an invariant, which says of which layer and by which figures.

#[path = "../benches/bills.rs"]
#[allow(dead_code)]
mod bills;
#[path = "../benches/straight_line.rs"]
#[allow(clippy::module_inception)]
mod straight_line;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::domain::split::Split;
use onestop::policy::shipped;

const LAYERS: [&str; 8] = [
    "basic_inpatient",
    "critical_illness",
    "special_drug",
    "class_b_top_up",
    "commercial_supplement",
    "hospital_waiver",
    "medical_assistance",
    "further_assistance",
];

#[test]
fn the_engine_and_straight_line_code_agree_on_ten_thousand_random_claims() {
    let book = shipped::book().expect("the shipped book");
    let policy = book.get("shandong-2017").expect("the policy");
    let mut random = bills::Random(2017);
    let (mut account, mut year, mut sums) = (Account::default(), straight_line::Year::default(), Vec::new());
    for number in 0..10_000 {
        if number % 7 == 0 {
            (account, year) = (Account::default(), straight_line::Year::default());
        }
        let items = 1 + random.below(40) as usize;
        let bill = bills::bill(&mut random, items);
        let input = AdjudicationInput { claim: &bill.claim, facts: &bill.facts, policy, continued: None };
        let (split, after) = adjudicate(input, &account).expect("within range");
        let shares = straight_line::settle(&bill.lines, &bill.codes, &mut year, &mut sums);
        assert_eq!(shares_of_split(&split), shares, "claim {number}");
        account = after;
    }
}

fn shares_of_split(split: &Split) -> straight_line::Shares {
    let pays =
        |id: &str| split.layers.iter().filter(|layer| &*layer.head().id == id).map(|layer| layer.pays).sum::<Money>();
    straight_line::Shares {
        layers: LAYERS.map(|id| pays(id).fen()),
        pools: ["eligible", "preliminary_self_pay", "over_limit", "excluded", "special_drug", "transitional_drug"]
            .map(|pool| split.pools.get(&pool.into()).fen()),
        patient: split.patient.fen(),
    }
}

#[test]
fn a_broken_invariant_names_the_layer_and_its_figures() {
    let book = shipped::book().expect("the shipped book");
    let policy = book.get("shandong-2017").expect("the policy");
    let bill = bills::bill(&mut bills::Random(2017), 40);
    let input = AdjudicationInput { claim: &bill.claim, facts: &bill.facts, policy, continued: None };
    let (whole, _) = adjudicate(input, &Account::default()).expect("within range");
    let basic = whole.layers.iter().position(|layer| &*layer.head().id == "basic_inpatient").expect("the layer");
    let pays = whole.layers[basic].pays;
    let (cap, amounts) = whole.layers[basic].caps().next().expect("a cap");
    let limit = amounts.limit.expect("a limit");
    let broken = |change: &dyn Fn(&mut Split)| {
        let mut split = whole.clone();
        change(&mut split);
        invariants::check(&split).expect_err("a broken invariant").to_string()
    };
    let used = limit + pays;
    assert_eq!(
        broken(&|split| split.layers[basic].caps[0].before = limit),
        format!(
            "layer basic_inpatient: the cap on paid of the account {} is {limit}, and {used} would be used",
            cap.account
        )
    );
    let fen = Money::from_fen(1);
    let less = pays - fen;
    assert_eq!(
        broken(&|split| split.layers[basic].base = less),
        format!("layer basic_inpatient: it pays {pays}, more than its base of {less}")
    );
    assert_eq!(
        broken(&|split| split.layers[basic].drawn[0] += fen),
        format!("layer basic_inpatient: it drew {} from its pools, and pays {pays}", pays + fen)
    );
    assert_eq!(broken(&|split| split.patient += fen), "payers and patient do not add up to the total");
}
