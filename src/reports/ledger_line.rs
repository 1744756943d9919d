//! The lines of the ledger: what an entry adds to the sums, and what it takes from them.

use std::sync::Arc;

use crate::domain::claim::Claim;
use crate::domain::day::Day;
use crate::domain::facts::{Facts, Region};
use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::domain::split::Split;
use crate::domain::words::{Categories, Level, Pool, Visit};
use crate::store::rows::CommitPosition;

/// Whether a line is added to the sums or taken from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is added: a settlement, or what a revision decides.
    Plus,
    /// It is taken away: what is reversed, or what a revision replaces.
    Minus,
}

impl Sign {
    /// One, or minus one.
    pub const fn factor(self) -> i64 {
        match self {
            Sign::Plus => 1,
            Sign::Minus => -1,
        }
    }

    /// The amount with this sign.
    pub fn apply(self, amount: Money) -> Money {
        match self {
            Sign::Plus => amount,
            Sign::Minus => -amount,
        }
    }
}

/// The kind of the entry that a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A settlement: one line, added.
    Settlement,
    /// A reversal: one line, the revision in force taken away.
    Reversal,
    /// A revision: the one that was in force taken away, and the new one added.
    Revision,
}

/// What an entry adds to the sums, or takes from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// The position of the entry in the order of commits.
    pub position: CommitPosition,
    /// The entry.
    pub entry: EntryId,
    /// When the entry was committed.
    pub committed: Instant,
    /// The month in which the entry is booked.
    pub booked: Month,
    /// The kind of the entry.
    pub kind: LineKind,
    /// Whether the line is added or taken away.
    pub sign: Sign,
    /// What was decided, without a sign.
    pub decided: Decided,
}

/// What a settlement, or a revision of it, decided, as far as reports need it.
#[derive(Clone, PartialEq, Eq)]
pub struct Decided {
    /// The settlement.
    pub settlement: EntryId,
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// The day of settlement; a revision keeps that of its settlement.
    pub settled_on: Day,
    /// The day of discharge.
    pub discharged: Day,
    /// The region in which the person is insured.
    pub insured_region: Region,
    /// The region of the hospital.
    pub hospital_region: Region,
    /// The level of the hospital.
    pub level: Level,
    /// The categories that the person held.
    pub categories: Categories,
    /// The kind of the visit.
    pub visit: Visit,
    /// The insurance.
    pub insurance: Arc<str>,
    /// The benefit year.
    pub year: i32,
    /// The policy that decided it.
    pub policy: Arc<str>,
    /// The total of the bill.
    pub total: Money,
    /// How it falls into pools; only what is not zero.
    pub pools: Vec<(Pool, Money)>,
    /// What the layers pay, in the order of payment; only what is not zero.
    pub layers: Vec<LayerPayment>,
    /// What the patient pays.
    pub patient: Money,
}

crate::domain::ids::silent_debug!(Decided);

/// What a layer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerPayment {
    /// The layer.
    pub layer: Arc<str>,
    /// Who pays.
    pub payer: Arc<str>,
    /// The amount.
    pub pays: Money,
}

impl Decided {
    /// What a split of this claim decides from these facts.
    pub(super) fn new(
        settlement: EntryId,
        settled_on: Day,
        claim: &Claim,
        (facts, split): (&Facts, &Split),
    ) -> Decided {
        let circumstances = &split.circumstances;
        let pools = split.pools.iter().filter(|(_, amount)| *amount != Money::ZERO);
        let layers = split.layers.iter().filter(|layer| layer.pays != Money::ZERO);
        Decided {
            settlement,
            hospital_id: claim.hospital_id.clone(),
            person_id: claim.person_id.clone(),
            claim_id: claim.claim_id.clone(),
            settled_on,
            discharged: claim.discharged,
            insured_region: facts.person.insured_region.clone(),
            hospital_region: facts.hospital.region.clone(),
            level: circumstances.terms.level.clone(),
            categories: circumstances.terms.categories.clone(),
            visit: claim.visit.clone(),
            insurance: circumstances.account.insurance.clone(),
            year: circumstances.account.year,
            policy: circumstances.policy.id.clone(),
            total: split.total,
            pools: pools.map(|(pool, amount)| (pool.clone(), amount)).collect(),
            layers: layers
                .map(|layer| LayerPayment {
                    layer: layer.head().id.as_str().into(),
                    payer: layer.head().payer.clone(),
                    pays: layer.pays,
                })
                .collect(),
            patient: split.patient,
        }
    }

    /// What each payer pays, in the order of payment; only what is not zero.
    pub fn payers(&self) -> Vec<(Arc<str>, Money)> {
        let mut sums: Vec<(Arc<str>, Money)> = Vec::new();
        for LayerPayment { payer, pays, .. } in &self.layers {
            match sums.iter_mut().find(|(known, _)| known == payer) {
                Some((_, sum)) => *sum += *pays,
                None => sums.push((payer.clone(), *pays)),
            }
        }
        sums
    }
}
