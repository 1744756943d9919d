//! Compares the result of a step with the expected one.

use std::collections::BTreeMap;

use crate::domain::money::Money;

use super::case::{Expect, ExpectedRevision};
use super::case_runner::{RevisionSums, SplitSums, StepResult};

/// The differences between an expected and an actual result; empty if there are none.
pub(super) fn differences(expect: &Expect, result: &StepResult) -> Vec<String> {
    match result {
        StepResult::Split(sums) => split_differences(expect, sums),
        StepResult::Reversed { claim_id, revisions } => {
            let mut found = Vec::new();
            compare(&mut found, "reversed", expect.reversed.as_deref().unwrap_or("a split"), claim_id);
            check_no_refusal_expected(&mut found, expect, "a reversal");
            for (claim, want) in &expect.revised {
                compare_revisions(&mut found, claim, want, revisions.get(claim));
            }
            found
        }
        StepResult::Refused { code, message } if expect.refused.as_deref() == Some(code) => {
            tracing::debug!(message, "refused as expected");
            Vec::new()
        }
        StepResult::Refused { code, message } => {
            let want = expect.refused.as_deref().unwrap_or("no refusal");
            vec![format!("refused: want {want}, got {code} ({message})")]
        }
    }
}

fn split_differences(expect: &Expect, sums: &SplitSums) -> Vec<String> {
    let mut found = Vec::new();
    check_no_refusal_expected(&mut found, expect, "a split");
    if let Some(claim) = &expect.reversed {
        compare(&mut found, "reversed", claim, "a split");
    }
    if let Some(total) = &expect.total {
        compare_amounts(&mut found, "total", total, sums.total);
    }
    if let Some(patient) = &expect.patient {
        compare_amounts(&mut found, "patient", patient, sums.patient);
    }
    if let Some(notices) = &expect.notices {
        compare(&mut found, "notices", &notices.join(", "), &sums.notices.join(", "));
    }
    let maps = [
        ("payers", &expect.payers, &sums.payers),
        ("layers", &expect.layers, &sums.layers),
        ("pools", &expect.pools, &sums.pools),
    ];
    for (kind, want, got) in maps {
        compare_maps(&mut found, kind, want, got);
    }
    found
}

fn compare_revisions(found: &mut Vec<String>, claim: &str, want: &ExpectedRevision, got: Option<&RevisionSums>) {
    let Some(got) = got else {
        found.push(format!("revised.{claim}: want a revision, got none"));
        return;
    };
    if let Some(patient) = &want.patient {
        compare_amounts(found, &format!("revised.{claim}.patient"), patient, got.sums.patient);
    }
    let maps = [
        ("payers", &want.payers, &got.sums.payers),
        ("layers", &want.layers, &got.sums.layers),
        ("differences", &want.differences, &got.differences),
    ];
    for (kind, want, got) in maps {
        compare_maps(found, &format!("revised.{claim}.{kind}"), want, got);
    }
}

/// A name that is absent from the result counts as 0.00.
fn compare_maps(found: &mut Vec<String>, kind: &str, want: &BTreeMap<String, String>, got: &BTreeMap<String, Money>) {
    for (name, want) in want {
        let got = got.get(name).copied().unwrap_or_default();
        compare_amounts(found, &format!("{kind}.{name}"), want, got);
    }
}

fn check_no_refusal_expected(found: &mut Vec<String>, expect: &Expect, got: &str) {
    if let Some(status) = &expect.refused {
        compare(found, "refused", status, got);
    }
}

fn compare_amounts(found: &mut Vec<String>, what: &str, want: &str, got: Money) {
    // The texts were checked when the case was read.
    if want.parse() != Ok(got) {
        compare(
            found,
            what,
            &want.parse::<Money>().map_or_else(|_| want.to_owned(), |m| m.to_string()),
            &got.to_string(),
        );
    }
}

fn compare(found: &mut Vec<String>, what: &str, want: &str, got: &str) {
    if want != got {
        found.push(format!("{what}: want {want}, got {got}"));
    }
}
