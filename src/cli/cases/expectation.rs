//! Compares the result of a step with the expected one.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::money::Money;

use super::case::{Expect, ExpectedRevision};
use super::step_result::{RevisionSums, SplitSums, StepResult};

/// A result that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step, from 1.
    step: usize,
    /// What differs, such as `payers.basic_fund`.
    field: String,
    /// What was expected.
    want: String,
    /// What came.
    got: String,
    /// The same in Chinese, where it differs.
    got_zh: Option<String>,
    /// The first step of the same person that was refused before, against what was expected.
    pub(super) refused_before: Option<usize>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { step, field, want, got, .. } = self;
        write!(f, "step {step} {field}: want {want}, got {got}")?;
        match self.refused_before {
            Some(refused) => write!(f, " (which may come of the refusal of step {refused})"),
            None => Ok(()),
        }
    }
}

impl Difference {
    /// The sentence in Chinese.
    pub(super) fn in_chinese(&self) -> String {
        let Difference { step, field, want, got, got_zh, refused_before } = self;
        let [want, got] = [want, got_zh.as_ref().unwrap_or(got)].map(|text| match text.as_str() {
            "a split" => "一笔结算",
            "a reversal" => "一次冲正",
            "a revision" => "重新结算的一版",
            "no refusal" => "不被拒绝",
            "none" => "没有",
            other => other,
        });
        let after = refused_before.map(|step| format!("（第 {step} 步被拒绝，此差异可能由此而来）"));
        format!("第 {step} 步 {field}：应为 {want}，实为 {got}{}", after.unwrap_or_default())
    }
}

/// The differences between an expected and an actual result; empty if there are none.
pub(super) fn differences(step: usize, expect: &Expect, result: &StepResult) -> Vec<Difference> {
    let mut comparison = Comparison { step, differences: Vec::new() };
    match result {
        StepResult::Split(sums) => comparison.compare_split(expect, sums),
        StepResult::Reversed { claim_id, revisions } => {
            comparison.compare_word("reversed", expect.reversed.as_deref().unwrap_or("a split"), claim_id);
            comparison.expect_no_refusal(expect, "a reversal");
            for (claim, expected) in &expect.revised {
                comparison.compare_revision(claim, expected, revisions.get(claim));
            }
        }
        StepResult::Refused { code, message, .. } if expect.refused.as_deref() == Some(code) => {
            tracing::debug!(message, "refused as expected");
        }
        StepResult::Refused { code, message, message_zh } => {
            let expected = expect.refused.as_deref().unwrap_or("no refusal");
            comparison.add("refused", expected, format!("{code} ({message})"));
            let last = comparison.differences.last_mut();
            last.into_iter().for_each(|last| last.got_zh = Some(format!("{code}（{message_zh}）")));
        }
    }
    comparison.differences
}

/// The differences of one step so far.
struct Comparison {
    step: usize,
    differences: Vec<Difference>,
}

impl Comparison {
    fn add(&mut self, field: impl Into<String>, want: impl Into<String>, got: impl Into<String>) {
        self.differences.push(Difference {
            step: self.step,
            field: field.into(),
            want: want.into(),
            got: got.into(),
            got_zh: None,
            refused_before: None,
        });
    }

    fn compare_split(&mut self, expect: &Expect, sums: &SplitSums) {
        self.expect_no_refusal(expect, "a split");
        if let Some(claim) = &expect.reversed {
            self.compare_word("reversed", claim, "a split");
        }
        if let Some(total) = &expect.total {
            self.compare_amount("total", total, sums.total);
        }
        if let Some(patient) = &expect.patient {
            self.compare_amount("patient", patient, sums.patient);
        }
        if let Some(notices) = &expect.notices {
            self.compare_word("notices", &notices.join(", "), &sums.notices.join(", "));
        }
        let maps = [
            ("payers", &expect.payers, &sums.payers),
            ("layers", &expect.layers, &sums.layers),
            ("pools", &expect.pools, &sums.pools),
        ];
        for (field, expected, actual) in maps {
            self.compare_listed_amounts(field, expected, actual);
        }
    }

    fn compare_revision(&mut self, claim: &str, expected: &ExpectedRevision, actual: Option<&RevisionSums>) {
        let Some(actual) = actual else {
            self.add(format!("revised.{claim}"), "a revision", "none");
            return;
        };
        if let Some(patient) = &expected.patient {
            self.compare_amount(&format!("revised.{claim}.patient"), patient, actual.sums.patient);
        }
        let maps = [
            ("payers", &expected.payers, &actual.sums.payers),
            ("layers", &expected.layers, &actual.sums.layers),
            ("differences", &expected.differences, &actual.differences),
        ];
        for (field, expected, actual) in maps {
            self.compare_listed_amounts(&format!("revised.{claim}.{field}"), expected, actual);
        }
    }

    /// A name of the book that is absent from the result counts as 0.00.
    fn compare_listed_amounts(
        &mut self,
        field: &str,
        expected: &BTreeMap<String, String>,
        actual: &BTreeMap<String, Money>,
    ) {
        for (name, expected) in expected {
            let actual = actual.get(name).copied().unwrap_or_default();
            self.compare_amount(&format!("{field}.{name}"), expected, actual);
        }
    }

    fn expect_no_refusal(&mut self, expect: &Expect, actual: &str) {
        if let Some(status) = &expect.refused {
            self.compare_word("refused", status, actual);
        }
    }

    fn compare_amount(&mut self, field: &str, expected: &str, actual: Money) {
        // The texts were checked when the case was read.
        if expected.parse() != Ok(actual) {
            let expected = expected.parse::<Money>().map_or_else(|_| expected.to_owned(), |money| money.to_string());
            self.compare_word(field, &expected, &actual.to_string());
        }
    }

    fn compare_word(&mut self, field: &str, expected: &str, actual: &str) {
        if expected != actual {
            self.add(field, expected, actual);
        }
    }
}
