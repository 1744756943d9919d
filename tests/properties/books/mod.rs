//! Generated books with every feature of the format, and sequences of claims that continue, repeat and reverse each
//! other, in the engine and in the model.

mod adjudicator;
mod claims;
mod coverage;
mod engines;
mod entries;
mod policies;
mod policy_text;
mod retroactive;
mod scenario;
mod words;

use std::cell::RefCell;

use adjudicator::Adjudicator;
use coverage::Coverage;
use scenario::scenarios;

use super::{CASES_WITHOUT_STORE, case_count, check_property};

#[test]
fn every_split_of_a_generated_book_equals_that_of_the_model_also_over_the_parts_of_a_stay() {
    let coverage = RefCell::new(Coverage::default());
    check_property(case_count(CASES_WITHOUT_STORE), &scenarios(), |scenario| {
        let adjudicator = Adjudicator::new(&scenario);
        let mut register = scenario.register();
        for number in 0..scenario.calls.len() {
            let Some(step) = scenario.step(&mut register, number) else { continue };
            coverage.borrow_mut().count_step(&step);
            adjudicator.check(&step, &register);
        }
        Ok(())
    });
    // A chosen number of cases may be too small to reach everything.
    coverage.into_inner().print_and_check(std::env::var_os("ONESTOP_CASES").is_none());
}
