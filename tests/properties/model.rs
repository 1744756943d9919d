//! The engine's arithmetic against the model's, on generated policies, tables and sequences of claims: every split and
//! every account, figure for figure.

use std::collections::HashMap;

use crate::model::{self, Account};
use crate::support::as_model::{Tables, bill, is_split, plain};

use super::play::{Step, scenarios};
use super::policy_text::files;
use super::{PURE, cases, holds, tables};

#[test]
fn every_split_and_every_account_is_the_models() {
    holds(cases(PURE), &scenarios(), |scenario| {
        let texts: Vec<_> =
            files(&scenario.policy).iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        let (book, told) =
            (model::Book::read(&texts), Tables::of(&tables::cells(&scenario.catalogue, &scenario.persons)));
        let mut accounts: HashMap<(String, i32), Account> = HashMap::new();
        for step in scenario.play() {
            same(&step, &book, &told, &mut accounts);
        }
        Ok(())
    });
}

fn same(step: &Step, book: &model::Book, told: &Tables, accounts: &mut HashMap<(String, i32), Account>) {
    let (person, hospital) = (step.claim.person_id.as_str(), step.claim.hospital_id.as_str());
    let account = |year: i32| accounts.get(&(person.to_owned(), year)).cloned().unwrap_or_default();
    let decided =
        book.settle(&bill(&step.told), &told.persons[person], &told.hospitals[hospital], &told.catalogue, account);
    let (split, after) = decided.expect("a settlement");
    assert!(is_split(&step.split, &split, "resident"), "{:#?}\n{split:#?}", step.split);
    assert_eq!(plain(&step.after), after);
    assert_eq!(model::take_out(&after, &split, &bill(&step.told)), account(split.year));
    accounts.insert((person.to_owned(), split.year), after);
}
