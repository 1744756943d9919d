//! The values of a stay in parts (`semantics`, section 4.3): what its layers have taken so far.

use super::fixed_words::ContinueKind;
use super::ids::EntryId;
use super::layer_head::LayerHead;
use super::money::Money;
use super::pools::Pools;
use super::sums::{Sums, find};

/// What a layer has taken over what is continued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StayUse {
    /// Its base on this stay.
    pub base: Money,
    /// The deductible taken, also before transfers that credit it.
    pub taken: Money,
    /// The deductible taken on this stay.
    pub taken_on_stay: Money,
    /// Whether the deductible was taken before a transfer, after which the layer took no part yet: it counts only for a
    /// layer that credits transfers.
    pub before_transfer: bool,
}

/// The values with which a claim of a stay begins, or ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stay {
    /// By layer, in the order of their ids.
    pub layers: Sums<StayUse>,
    /// The use of each account of a limit of one claim, in the order of their names.
    pub caps: Sums<Money>,
    /// What fell into the pools.
    pub pools: Pools,
    /// The admissions by which deductible lists are read on this stay.
    pub admissions: u32,
    /// The admissions by which layers that credit transfers read them: as for the first of the stays.
    pub credited_admissions: u32,
    /// Whether an admission was counted.
    pub counted: bool,
}

/// How a claim continues an earlier settlement, and the values with which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// How.
    pub kind: ContinueKind,
    /// The settlement that it continues.
    pub settlement: EntryId,
    /// The values with which it begins.
    pub stay: Stay,
}

impl Stay {
    /// The values of a stay that continues nothing.
    pub fn first(admissions: u32) -> Stay {
        Stay { admissions, credited_admissions: admissions, ..Stay::default() }
    }

    /// The use of a layer on the stay so far.
    pub fn layer_use(&self, head: &LayerHead) -> StayUse {
        let known = find(&self.layers, &head.id).unwrap_or_default();
        let lapsed = known.before_transfer && !head.credits_transfer;
        StayUse { taken: if lapsed { Money::ZERO } else { known.taken }, before_transfer: false, ..known }
    }

    /// The use of an account of a limit of one claim.
    pub fn cap_used(&self, account: &str) -> Money {
        find(&self.caps, account).unwrap_or_default()
    }

    /// The number of admissions by which a layer reads a list of deductibles.
    pub fn admissions_for(&self, head: &LayerHead) -> u32 {
        if head.credits_transfer { self.credited_admissions } else { self.admissions }
    }
}
