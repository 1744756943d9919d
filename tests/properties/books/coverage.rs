//! Counts what generated scenarios reach.

use std::collections::BTreeMap;

use super::scenario::{Call, Step};
use crate::model::Answer;

/// What a default run must reach.
const REACHED: &[&str] = &[
    "admission counted by first part",
    "admission counted by interim",
    "admission counted by transfer",
    "c0 above zero",
    "cap annual of base cut in first part",
    "cap annual of base cut in interim",
    "cap annual of base cut in transfer",
    "cap annual of paid cut in first part",
    "cap annual of paid cut in interim",
    "cap annual of paid cut in transfer",
    "cap lifted",
    "cap per_claim of base cut in first part",
    "cap per_claim of base cut in interim",
    "cap per_claim of base cut in transfer",
    "cap per_claim of paid cut in first part",
    "cap per_claim of paid cut in interim",
    "cap per_claim of paid cut in transfer",
    "corrected",
    "corrected with a part that continues it",
    "deductible taken in first part",
    "deductible taken in interim",
    "deductible taken in transfer",
    "in pool eligible",
    "in pool excluded",
    "in pool new_drug",
    "in pool over_limit",
    "in pool preliminary_self_pay",
    "layer paid in first part",
    "layer paid in interim",
    "layer paid in transfer",
    "named ledger paid",
    "on an edge",
    "overlapping stay",
    "policy gen",
    "policy next",
    "re-adjudicated",
    "refused LATER_SETTLEMENTS",
    "refused NOT_CONTINUABLE",
    "reversed",
    "settled first part",
    "settled interim",
    "settled transfer",
    "total zero",
];

/// How often each was reached.
#[derive(Default)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    fn count(&mut self, what: &str, reached: bool) {
        *self.0.entry(what.to_owned()).or_default() += u64::from(reached);
    }

    pub fn count_step(&mut self, (call, answer): &Step) {
        match answer {
            Err(refusals) => {
                refusals.iter().for_each(|refusal| self.count(&format!("refused {}", refusal.reason), true))
            }
            Ok(Answer::Reversed { .. }) => {
                let readjudicated = matches!(call, Call::Reverse { readjudicate: true, .. });
                self.count(if readjudicated { "re-adjudicated" } else { "reversed" }, true);
            }
            Ok(Answer::Settled { split, notices }) => {
                if let Call::Correct { is_continued, .. } = call {
                    self.count("corrected", true);
                    self.count("corrected with a part that continues it", *is_continued);
                }
                let claim = call.claim();
                let kind = claim.continues.as_ref().map_or("first part", |continues| continues.kind.as_str());
                self.count(&format!("settled {kind}"), true);
                self.count("overlapping stay", !notices.is_empty());
                self.count("total zero", split.total == 0);
                self.count(&format!("policy {}", split.policy), true);
                self.count(&format!("admission counted by {kind}"), split.counts_admission);
                split.pools.iter().for_each(|(pool, sum)| self.count(&format!("in pool {pool}"), *sum > 0));
                for layer in &split.layers {
                    self.count(&format!("layer paid in {kind}"), layer.pays > 0);
                    self.count(&format!("deductible taken in {kind}"), layer.deductible_taken > 0);
                    self.count("named ledger paid", layer.ledger != layer.id && layer.pays > 0);
                    let c1 = layer.c0 + layer.base;
                    self.count("on an edge", layer.base > 0 && layer.edges.contains(&c1));
                    self.count("c0 above zero", layer.c0 > 0);
                    for cap in &layer.caps {
                        let limit = if cap.per_claim { "per_claim" } else { "annual" };
                        let of = if cap.on_base { "base" } else { "paid" };
                        self.count(&format!("cap {limit} of {of} cut in {kind}"), cap.cut > 0);
                        self.count("cap lifted", cap.limit.is_none() && layer.pays > 0);
                    }
                }
            }
        }
    }

    /// Prints the counts and, if required, asserts that everything is reached.
    pub fn print_and_check(&self, required: bool) {
        self.0.iter().for_each(|(what, count)| println!("{count:>8}  {what}"));
        let missed: Vec<_> = REACHED.iter().filter(|what| self.0.get(**what).is_none_or(|count| *count == 0)).collect();
        assert!(missed.is_empty() || !required, "never reached: {missed:?}");
    }
}
