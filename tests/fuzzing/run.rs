//! The targets as tests: a hundred thousand inputs each, every one made from a seed of its own, so that one that
//! fails is named by its seed and comes again exactly.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::reached::Reached;
use super::{Target, claim_messages, csv_rows, json_claims, policy_files, sealed_tokens, sequences};
use crate::support::random::Random;
use crate::support::seeds;

/// The inputs of each target.
const SEEDS: Range<u64> = 0..100_000;

/// An input that is not done by then hangs: it may take half a second, but a machine may be busy.
const HANGS: Duration = Duration::from_secs(60);

#[test]
fn claim_messages() {
    hold("claim_messages", &claim_messages::TARGET);
}

#[test]
fn json_claims() {
    hold("json_claims", &json_claims::TARGET);
}

#[test]
fn policy_files() {
    hold("policy_files", &policy_files::TARGET);
}

#[test]
fn csv_rows() {
    hold("csv_rows", &csv_rows::TARGET);
}

#[test]
fn sealed_tokens() {
    hold("sealed_tokens", &sealed_tokens::TARGET);
}

#[test]
fn sequences() {
    hold("sequences", &sequences::TARGET);
}

/// Takes every input; all together must have come to every class.
fn hold(name: &'static str, target: &Target) {
    let (seeds, watch) = (seeds::asked(SEEDS), Watch::over(name));
    let (mut reached, mut bytes) = (Reached::default(), 0);
    for seed in seeds.clone() {
        watch.seed.store(seed, Ordering::Relaxed);
        let input = (target.input)(&mut random(seed));
        bytes += input.len();
        (target.take)(&input, &mut reached);
    }
    println!("{name}: {} inputs, {bytes} bytes", seeds.end - seeds.start);
    reached.print_and_check(&if seeds == SEEDS { (target.classes)() } else { Vec::new() });
}

/// Seeds that follow one another have nothing in common.
fn random(seed: u64) -> Random {
    Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xf022)
}

/// Names the input that fails, and ends the process if one hangs.
struct Watch {
    name: &'static str,
    seed: Arc<AtomicU64>,
    _ended: mpsc::Sender<()>,
}

impl Watch {
    fn over(name: &'static str) -> Watch {
        let (ended, end) = mpsc::channel::<()>();
        let seed = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&seed);
        std::thread::spawn(move || {
            let mut before = None;
            while end.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
                let now = watched.load(Ordering::Relaxed);
                if before.replace(now) == Some(now) {
                    eprintln!("input {now} hangs: {}", again(name, now));
                    std::process::abort();
                }
            }
        });
        Watch { name, seed, _ended: ended }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed.load(Ordering::Relaxed);
            eprintln!("input {seed} fails: {}", again(self.name, seed));
        }
    }
}

fn again(name: &str, seed: u64) -> String {
    format!("ONESTOP_SEEDS={seed} cargo test --test onestop fuzzing::run::{name}")
}
