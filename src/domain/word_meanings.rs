//! What the words of a policy book mean for a settlement.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::words::{ClassWord, Disease, Pool, Visit, WordSet};

/// A class of catalogue rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRule {
    /// The word.
    pub class: ClassWord,
    /// The pool into which its rest falls.
    pub pool: Pool,
    /// Whether its catalogue rows have a self-pay ratio, which the patient bears first.
    pub first_share: bool,
    /// Whether a price ceiling applies.
    pub ceiling: bool,
}

/// A disease and the codes of its diagnoses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiseaseRule {
    /// The word.
    pub disease: Disease,
    /// Prefixes of the codes of its diagnoses.
    pub codes: Vec<Arc<str>>,
}

/// What the words of a book mean for a settlement: the part of a vocabulary that a policy's digest covers, so that a
/// settlement can be recomputed from the policy alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordMeanings {
    /// All pools, in order.
    pub pools: Arc<[Pool]>,
    /// The visits whose settlements count an admission.
    pub admission_visits: Vec<Visit>,
    /// The classes of catalogue rows.
    pub classes: Vec<ClassRule>,
    /// The diseases.
    pub diseases: Vec<DiseaseRule>,
}

impl WordMeanings {
    /// The rule of a class.
    pub fn class(&self, class: &ClassWord) -> Option<&ClassRule> {
        self.classes.iter().find(|rule| rule.class == *class)
    }

    /// Whether a settlement of a visit counts an admission.
    pub fn counts_admission(&self, visit: &Visit) -> bool {
        self.admission_visits.contains(visit)
    }

    /// The diseases one of whose code prefixes begins this diagnosis.
    pub fn diseases_of(&self, diagnosis: &str) -> WordSet<Disease> {
        let begins = |rule: &&DiseaseRule| rule.codes.iter().any(|code| diagnosis.starts_with(&**code));
        self.diseases.iter().filter(begins).map(|rule| rule.disease.clone()).collect()
    }
}
