//! Compares every split and every account with the model, on generated policies, tables and sequences of claims.

use std::collections::HashMap;

use crate::model::{self, Account};
use crate::support::as_model::{bill, is_split, plain, tables_from_rows};

use super::policy_text::policy_files;
use super::scenario::{Step, scenarios};
use super::{CASES_WITHOUT_STORE, case_count, check_property, tables};

#[test]
fn every_split_and_account_equals_that_of_the_model() {
    check_property(case_count(CASES_WITHOUT_STORE), &scenarios(), |scenario| {
        let texts: Vec<_> =
            policy_files(&scenario.policy).iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        let (book, model_tables) =
            (model::Book::read(&texts), tables_from_rows(&tables::cells(&scenario.catalogue, &scenario.persons)));
        let mut accounts: HashMap<(String, i32), Account> = HashMap::new();
        for step in scenario.adjudicate_all() {
            assert_model_agrees(&step, &book, &model_tables, &mut accounts);
        }
        Ok(())
    });
}

fn assert_model_agrees(
    step: &Step,
    book: &model::Book,
    tables: &model::Tables,
    accounts: &mut HashMap<(String, i32), Account>,
) {
    let (person, hospital) = (step.claim.person_id.as_str(), step.claim.hospital_id.as_str());
    let account = |year: i32| accounts.get(&(person.to_owned(), year)).cloned().unwrap_or_default();
    let decided = book.settle(
        &bill(&step.raw_claim),
        &tables.persons[person],
        &tables.hospitals[hospital],
        &tables.catalogue,
        account,
    );
    let (split, after) = decided.expect("a settlement");
    assert!(is_split(&step.split, &split, "resident"), "{:#?}\n{split:#?}", step.split);
    assert_eq!(plain(&step.after), after);
    assert_eq!(model::account_without(&after, &split), account(split.year));
    accounts.insert((person.to_owned(), split.year), after);
}
