//! The cost of each step of a settle, without network and disk. Compare their sum with the `settle` bench.
//!
//! `cargo bench --bench steps`

#![allow(missing_docs)]

#[allow(dead_code)]
mod bills;
#[allow(dead_code)]
mod straight_line;

use std::hint::black_box;
use std::time::Instant;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::ClaimLimits;
use onestop::domain::ids::{Digest, EntryId, RequestId};
use onestop::domain::invariants;
use onestop::domain::journal::{Entry, Instant as Committed, Link, Settlement};
use onestop::grpc::{from_proto, to_proto};
use onestop::journal::content::settle_content;
use onestop::journal::{ClaimMessage, decode_entry, encode_settlement};
use onestop::policy::shipped;
use prost::Message;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 15;
const CALLS: usize = 2_000;

fn main() {
    let Ok(book) = shipped::book() else { return eprintln!("the shipped book is refused") };
    let Some(policy) = book.get("shandong-2017") else { return eprintln!("no policy") };
    let bill = bills::bill(&mut bills::Random(5), 20);
    let raw = bill.raw_claim();
    let request = to_proto::claim(&raw).encode_to_vec();
    let input = AdjudicationInput { claim: &bill.claim, facts: &bill.facts, policy, continued: None };
    let Ok((split, _)) = adjudicate(input, &Account::default()) else { return eprintln!("out of range") };
    let entry = entry(&bill, split.clone());
    let message = ClaimMessage::from(&raw);
    let encoded = encode_settlement(&entry, &message);
    let sizes = [request.len(), encoded.record.len(), encoded.answer.len()];
    println!("request {} bytes, record {} bytes, answer {} bytes", sizes[0], sizes[1], sizes[2]);
    step("decode the request", || from_proto::claim(Some(&request)));
    step("digest of its content", || settle_content(&raw));
    step("check the claim by itself", || {
        raw.clone().validate(&ClaimLimits::default(), book.vocabulary(), onestop::domain::day::Day::LAST)
    });
    step("adjudicate", || adjudicate(input, &Account::default()));
    step("check the invariants", || invariants::check(&split));
    step("encode record and answer", || encode_settlement(&entry, &message));
    step("decode a record", || decode_entry(&encoded.record));
}

fn step<T>(name: &str, mut call: impl FnMut() -> T) {
    let mut figures: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box(call());
            }
            start.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    println!("{name:28} {:>8.0} ns", figures[ROUNDS / 2]);
}

fn entry(bill: &bills::Bill, split: onestop::domain::split::Split) -> Entry<Settlement> {
    Entry {
        id: EntryId([1; 16]),
        link: Link::default(),
        committed: Committed(1_497_500_000_000_000),
        request_id: bills::id("37010001-20170615-0001", RequestId::parse),
        content: Digest::blake3(b"content"),
        body: Settlement {
            claim: bill.claim.clone(),
            facts: bill.facts.clone(),
            book: Digest::blake3(b"book"),
            split,
            notices: Vec::new(),
        },
    }
}
