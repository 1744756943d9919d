//! What a settlement passes on to one that continues it (section 4.3).

use std::collections::BTreeMap;

use super::policy::LayerRule;

/// The state at the opening of a claim or at its close.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Stay {
    layers: BTreeMap<String, Carried>,
    /// What fell into the pools over the parts of this stay.
    fell_into: BTreeMap<String, i64>,
    /// The use of every account of a cap per claim on this stay.
    per_claim: BTreeMap<String, i64>,
    /// The admissions of the year when this stay began.
    admissions: u32,
    /// The admissions of the year when the first of the stays began that transfers under files that credit connect.
    admissions_of_first: u32,
    /// Whether an admission is counted for this stay, or for one that a crediting transfer connects with it.
    counted: bool,
}

/// What a layer passes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Carried {
    base: i64,
    deductible_taken: i64,
    /// What of it was taken on this stay, without what a transfer credits.
    taken_on_stay: i64,
    /// The admissions by which the layer read a deductible list.
    admissions: u32,
    /// Whether a transfer under a file without the layer lies between its last part and the next.
    before_transfer: bool,
}

/// The values with which a layer begins a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// b: the base over what is continued.
    pub base: i64,
    /// k: the deductible taken over what is continued.
    pub deductible_taken: i64,
    /// t: the deductible taken on this stay.
    pub taken_on_stay: i64,
    /// The admissions by which a deductible list is read.
    pub admissions: u32,
}

impl Stay {
    /// The opening of a claim that continues none.
    pub fn first(admissions: u32) -> Stay {
        Stay { admissions, admissions_of_first: admissions, ..Stay::default() }
    }

    /// The opening of a further part of a stay that closed so.
    pub fn interim(&self) -> Stay {
        self.clone()
    }

    /// The opening of a stay after a transfer under a file, from one that closed so. The file decides for each of its
    /// layers, for those that are not considered too.
    pub fn transfer(&self, admissions: u32, file: &[LayerRule]) -> Stay {
        let file_credits = file.iter().any(|rule| rule.credits_transfers);
        let mut layers = self.layers.clone();
        layers.values_mut().for_each(|carried| carried.before_transfer = true);
        for rule in file {
            let (deductible_taken, admissions) = match self.layers.get(&rule.id) {
                _ if !rule.credits_transfers => (0, admissions),
                Some(carried) => (carried.deductible_taken, carried.admissions),
                None => (0, self.admissions_of_first),
            };
            let begun = Carried { base: 0, deductible_taken, taken_on_stay: 0, admissions, before_transfer: false };
            layers.insert(rule.id.clone(), begun);
        }
        Stay {
            layers,
            admissions,
            admissions_of_first: if file_credits { self.admissions_of_first } else { admissions },
            counted: self.counted,
            ..Stay::default()
        }
    }

    pub fn opening(&self, rule: &LayerRule) -> Opening {
        match self.layers.get(&rule.id) {
            // A further part is read as the first one was, whatever the file says of transfers by now.
            Some(carried) if !carried.before_transfer => Opening {
                base: carried.base,
                deductible_taken: carried.deductible_taken,
                taken_on_stay: carried.taken_on_stay,
                admissions: carried.admissions,
            },
            Some(carried) if rule.credits_transfers => Opening {
                base: 0,
                deductible_taken: carried.deductible_taken,
                taken_on_stay: 0,
                admissions: carried.admissions,
            },
            _ => Opening {
                base: 0,
                deductible_taken: 0,
                taken_on_stay: 0,
                admissions: if rule.credits_transfers { self.admissions_of_first } else { self.admissions },
            },
        }
    }

    /// Adds what fell into the pools with this claim.
    pub fn add_pools(&mut self, pools: &BTreeMap<String, i64>) {
        for (pool, amount) in pools {
            *self.fell_into.entry(pool.clone()).or_default() += amount;
        }
    }

    /// What fell into the pools over the parts of this stay so far.
    pub fn fell_into(&self) -> &BTreeMap<String, i64> {
        &self.fell_into
    }

    pub fn use_per_claim(&self, account: &str) -> i64 {
        self.per_claim.get(account).copied().unwrap_or(0)
    }

    pub fn add_use_per_claim(&mut self, account: &str, amount: i64) {
        *self.per_claim.entry(account.to_owned()).or_default() += amount;
    }

    /// Records the part of a layer in this claim.
    pub fn add_layer(&mut self, id: &str, opening: Opening, base: i64, deductible_taken: i64) {
        let carried = Carried {
            base: opening.base + base,
            deductible_taken: opening.deductible_taken + deductible_taken,
            taken_on_stay: opening.taken_on_stay + deductible_taken,
            admissions: opening.admissions,
            before_transfer: false,
        };
        self.layers.insert(id.to_owned(), carried);
    }

    /// Whether a claim that continues none, or one by `interim` or `transfer`, counts an admission, which it records.
    /// `file_credits` says whether a layer of the file credits transfers.
    pub fn count_admission(&mut self, kind: Option<&str>, file_credits: bool, countable: bool) -> bool {
        let counted_before = match kind {
            None => false,
            // Under a file that credits nothing it is a stay of its own, for what follows too.
            Some("transfer") => file_credits && self.counted,
            Some(_) => self.counted,
        };
        let counts = countable && !counted_before;
        self.counted = counted_before || counts;
        counts
    }
}
