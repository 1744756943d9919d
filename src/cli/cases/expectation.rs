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
            let mut differences = Vec::new();
            check_expected_word(
                &mut differences,
                "reversed",
                expect.reversed.as_deref().unwrap_or("a split"),
                claim_id,
            );
            check_no_refusal_expected(&mut differences, expect, "a reversal");
            for (claim, expected) in &expect.revised {
                check_expected_revision(&mut differences, claim, expected, revisions.get(claim));
            }
            differences
        }
        StepResult::Refused { code, message } if expect.refused.as_deref() == Some(code) => {
            tracing::debug!(message, "refused as expected");
            Vec::new()
        }
        StepResult::Refused { code, message } => {
            let expected = expect.refused.as_deref().unwrap_or("no refusal");
            vec![format!("refused: want {expected}, got {code} ({message})")]
        }
    }
}

fn split_differences(expect: &Expect, sums: &SplitSums) -> Vec<String> {
    let mut differences = Vec::new();
    check_no_refusal_expected(&mut differences, expect, "a split");
    if let Some(claim) = &expect.reversed {
        check_expected_word(&mut differences, "reversed", claim, "a split");
    }
    if let Some(total) = &expect.total {
        check_expected_amount(&mut differences, "total", total, sums.total);
    }
    if let Some(patient) = &expect.patient {
        check_expected_amount(&mut differences, "patient", patient, sums.patient);
    }
    if let Some(notices) = &expect.notices {
        check_expected_word(&mut differences, "notices", &notices.join(", "), &sums.notices.join(", "));
    }
    let maps = [
        ("payers", &expect.payers, &sums.payers),
        ("layers", &expect.layers, &sums.layers),
        ("pools", &expect.pools, &sums.pools),
    ];
    for (field, expected, actual) in maps {
        compare_listed_amounts(&mut differences, field, expected, actual);
    }
    differences
}

fn check_expected_revision(
    differences: &mut Vec<String>,
    claim: &str,
    expected: &ExpectedRevision,
    actual: Option<&RevisionSums>,
) {
    let Some(actual) = actual else {
        differences.push(format!("revised.{claim}: want a revision, got none"));
        return;
    };
    if let Some(patient) = &expected.patient {
        check_expected_amount(differences, &format!("revised.{claim}.patient"), patient, actual.sums.patient);
    }
    let maps = [
        ("payers", &expected.payers, &actual.sums.payers),
        ("layers", &expected.layers, &actual.sums.layers),
        ("differences", &expected.differences, &actual.differences),
    ];
    for (field, expected, actual) in maps {
        compare_listed_amounts(differences, &format!("revised.{claim}.{field}"), expected, actual);
    }
}

/// A name that is absent from the result counts as 0.00.
fn compare_listed_amounts(
    differences: &mut Vec<String>,
    field: &str,
    expected: &BTreeMap<String, String>,
    actual: &BTreeMap<String, Money>,
) {
    for (name, expected) in expected {
        let actual = actual.get(name).copied().unwrap_or_default();
        check_expected_amount(differences, &format!("{field}.{name}"), expected, actual);
    }
}

fn check_no_refusal_expected(differences: &mut Vec<String>, expect: &Expect, actual: &str) {
    if let Some(status) = &expect.refused {
        check_expected_word(differences, "refused", status, actual);
    }
}

fn check_expected_amount(differences: &mut Vec<String>, field: &str, expected: &str, actual: Money) {
    // The texts were checked when the case was read.
    if expected.parse() != Ok(actual) {
        check_expected_word(
            differences,
            field,
            &expected.parse::<Money>().map_or_else(|_| expected.to_owned(), |m| m.to_string()),
            &actual.to_string(),
        );
    }
}

fn check_expected_word(differences: &mut Vec<String>, field: &str, expected: &str, actual: &str) {
    if expected != actual {
        differences.push(format!("{field}: want {expected}, got {actual}"));
    }
}
