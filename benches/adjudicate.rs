//! The time to adjudicate 20 items for a registered poor patient, beside straight-line code that computes the same
//! sums without their derivation.
//!
//! `cargo bench --bench adjudicate`

#![allow(missing_docs)]

#[allow(dead_code)]
mod bills;
mod straight_line;

use std::hint::black_box;
use std::time::Instant;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::policy::shipped;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 21;
const CLAIMS: usize = 2_000;

fn main() {
    let Ok(book) = shipped::book() else { return eprintln!("the shipped book is refused") };
    let Some(policy) = book.get("shandong-2017") else { return eprintln!("no policy") };
    let mut random = bills::Random(20);
    let bills: Vec<_> = (0..CLAIMS).map(|_| bills::bill(&mut random, 20)).collect();
    let account = Account::default();
    let (mut engine, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        engine.push(nanoseconds(|| {
            for bill in &bills {
                let matter = AdjudicationInput { claim: &bill.claim, facts: &bill.facts, policy, continued: None };
                black_box(adjudicate(matter, &account).is_ok());
            }
        }));
        limit.push(nanoseconds(|| {
            let mut sums = Vec::new();
            for bill in &bills {
                let mut year = straight_line::Year::default();
                black_box(straight_line::settle(&bill.lines, &bill.codes, &mut year, &mut sums));
            }
        }));
    }
    let (engine, limit) = (median(engine), median(limit));
    println!("adjudicate, 20 items, split with derivation: {engine:.0} ns");
    println!("straight-line, same sums, no derivation:     {limit:.0} ns");
    println!("ratio {:.1}; medians of {ROUNDS} alternating rounds of {CLAIMS} claims", engine / limit);
}

/// Nanoseconds a claim.
fn nanoseconds(round: impl FnOnce()) -> f64 {
    let start = Instant::now();
    round();
    start.elapsed().as_nanos() as f64 / CLAIMS as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
