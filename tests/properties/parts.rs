//! The parts of a stay pay what one stay pays, to the fen, where a layer has one pool and no prior self-pay; and they
//! count one admission.

use onestop::domain::claim::{RawClaim, RawContinues};
use onestop::domain::split::Split;
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::Book;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;

use super::{CASES_WITH_STORE, case_count, check_property};
use crate::support::claims::{claim, day, item, settle};
use crate::support::{import_tables, stamp};

/// Rates and limits that leave parts of a fen at every edge.
const LAW: &str = r#"
format = 2
id = "parts"
title = "parts"
insurance = "resident"
regions = ["37"]
in_force = { from = 2017-01-01, until = 2019-01-01 }
benefit_year = "discharge"
[sources]
law = "a law"
[[layer]]
id = "stay"
payer = "basic_fund"
visits = ["inpatient"]
pools = ["eligible"]
period = "admission"
cites = ["law"]
schedule = { all = { deductible = ["317.77", "100.01"], bands = [{ upto = "1000.03", rate = "33.333%" }, { upto = "2000.01", rate = "66.667%" }, { rate = "12.345%" }] } }
[[layer]]
id = "excluded"
payer = "basic_fund"
visits = ["inpatient"]
pools = ["excluded"]
period = "admission"
cites = ["law"]
schedule = { all = { bands = [{ upto = "333.33", rate = "77.777%" }, { rate = "88.889%" }] } }
"#;

/// What each layer pays, in fen.
fn pays(split: &Split) -> [i64; 2] {
    ["stay", "excluded"].map(|id| split.layers.iter().find(|layer| &*layer.head().id == id).map_or(0, |l| l.pays.fen()))
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// A part of a stay that began on 20 December and ends so many days later.
fn part(number: usize, days: usize, [eligible, excluded]: [i64; 2]) -> RawClaim {
    let continues = (number > 0).then(|| RawContinues {
        kind: "interim".to_owned(),
        hospital_id: "H3".to_owned(),
        claim_id: format!("C{}", number - 1),
    });
    let ends = ["2017-12-24", "2017-12-31", "2018-01-02", "2018-01-09"][days];
    RawClaim {
        admitted: day("2017-12-20"),
        discharged: day(ends),
        items: vec![item("A", &yuan(eligible)), item("C", &yuan(excluded))],
        continues,
        ..claim(&format!("C{number}"), "P1", "1.00")
    }
}

async fn settled(claims: Vec<RawClaim>) -> ([i64; 2], u32) {
    let book = Book::from_texts([("parts.toml", LAW)]).expect("a sound law");
    let engine = Engine::open(MemoryStore::default(), book, EngineSettings::default()).await.expect("an engine");
    import_tables(&engine).await;
    let (mut sums, mut admissions) = ([0, 0], 0);
    for (at, claim) in claims.into_iter().enumerate() {
        let split = engine.settle(settle(claim), stamp(1 + at as u64)).await.expect("a settlement").entry.body.split;
        let [stay, excluded] = pays(&split);
        sums = [sums[0] + stay, sums[1] + excluded];
        admissions += u32::from(split.counted_admission);
    }
    (sums, admissions)
}

#[test]
fn the_parts_of_a_stay_pay_what_one_stay_pays_also_over_new_year() {
    let amounts = || [1..150_000i64, 1..50_000i64];
    let parts = prop::collection::vec(amounts(), 2..=4);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    check_property(case_count(CASES_WITH_STORE), &parts, |parts| {
        let whole = parts.iter().fold([0, 0], |sum, part| [sum[0] + part[0], sum[1] + part[1]]);
        let one = part(0, parts.len() - 1, whole);
        let several = parts.iter().enumerate().map(|(at, amounts)| part(at, at, *amounts)).collect();
        let (one, several) = (runtime.block_on(settled(vec![one])), runtime.block_on(settled(several)));
        prop_assert_eq!(one, several);
        Ok(())
    });
}
