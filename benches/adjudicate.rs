//! The time to adjudicate 20 items for a registered poor patient, beside straight-line code that computes the same
//! sums without their derivation.
//!
//! `cargo bench --bench adjudicate`

#![allow(missing_docs)]

#[allow(dead_code)]
mod bills;
#[allow(dead_code)]
mod measure;
mod straight_line;

use std::hint::black_box;

use measure::{Failed, Limits, cpu_micros, median, ratios};
use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::policy::shipped;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 21;
const CLAIMS: usize = 2_000;

/// How often a round takes all claims, so that it lasts 0.1 s: the kernel counts processor time of a thread that nothing
/// interrupts in ticks of 4 ms.
const ENGINE_PASSES: usize = 25;
const STRAIGHT_LINE_PASSES: usize = 125;

fn main() -> Result<(), Failed> {
    let book = shipped::book().map_err(|_| "the shipped book is refused")?;
    let policy = book.get("shandong-2017").ok_or("no policy")?;
    let mut random = bills::Random(20);
    let bills: Vec<_> = (0..CLAIMS).map(|_| bills::bill(&mut random, 20)).collect();
    let account = Account::default();
    let (mut engine, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        engine.push(nanoseconds(ENGINE_PASSES, || {
            for bill in &bills {
                let matter = AdjudicationInput { claim: &bill.claim, facts: &bill.facts, policy, continued: None };
                black_box(adjudicate(matter, &account).is_ok());
            }
        })?);
        limit.push(nanoseconds(STRAIGHT_LINE_PASSES, || {
            let mut sums = Vec::new();
            for bill in &bills {
                let mut year = straight_line::Year::default();
                black_box(straight_line::settle(&bill.lines, &bill.codes, &mut year, &mut sums));
            }
        })?);
    }
    let beside = [("cpu_us", median(&engine) / 1_000.0), ("handwritten_cpu_us", median(&limit) / 1_000.0)];
    let mut limits = Limits::default();
    limits.add("adjudicate_per_handwritten", &ratios(&engine, &limit), &beside);
    limits.write()
}

/// Nanoseconds of processor time a claim, in so many passes over all claims.
fn nanoseconds(passes: usize, pass: impl Fn()) -> Result<f64, Failed> {
    let start = cpu_micros(std::process::id())?;
    (0..passes).for_each(|_| pass());
    Ok((cpu_micros(std::process::id())? - start) * 1_000.0 / (passes * CLAIMS) as f64)
}
