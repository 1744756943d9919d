//! The number of allocations to adjudicate 20 items.
//!
//! `cargo bench --bench allocations`

#![allow(missing_docs)]

#[allow(dead_code)]
mod bills;
#[allow(dead_code)]
mod straight_line;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::policy::shipped;

const CLAIMS: usize = 1_000;

fn main() {
    let Ok(book) = shipped::book() else { return eprintln!("the shipped book is refused") };
    let Some(policy) = book.get("shandong-2017") else { return eprintln!("no policy") };
    let mut random = bills::Random(20);
    let (mut count, mut bytes) = (0, 0);
    for _ in 0..CLAIMS {
        let bill = bills::bill(&mut random, 20);
        let account = Account::default();
        let matter = AdjudicationInput { claim: &bill.claim, facts: &bill.facts, policy, continued: None };
        let used = allocation_counter::measure(|| drop(adjudicate(matter, &account)));
        count += used.count_total;
        bytes += used.bytes_total;
    }
    let each = |sum: u64| sum / CLAIMS as u64;
    println!("adjudicate, 20 items: {} allocations, {} bytes a claim", each(count), each(bytes));
}
