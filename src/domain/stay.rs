//! The values of a stay in parts (`semantics`, section 4.3): what its layers have taken so far.

use super::fixed_words::ContinueKind;
use super::ids::EntryId;
use super::layer_head::LayerHead;
use super::money::Money;
use super::pools::Pools;
use super::short_text::ShortText;
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
    /// The admissions by which the layer reads a list of deductibles; `None` if the claim continues nothing.
    pub admissions: Option<u32>,
    /// Whether it took part before a transfer whose file does not hold it, and not since: this use counts only for a
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
    /// The admissions by which a layer that has no use reads a list of deductibles.
    pub admissions: u32,
    /// The same for a layer that credits transfers: as for the first of the stays that transfers under files that credit
    /// connect.
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

    /// The use of a layer on the stay so far. A layer that took part reads a list of deductibles as it did then,
    /// whatever its file says of transfers now.
    pub fn layer_use(&self, head: &LayerHead) -> StayUse {
        let counts = |known: &StayUse| head.credits_transfer || !known.before_transfer;
        let known = find(&self.layers, &head.id).filter(counts).unwrap_or_default();
        let of_stay = if head.credits_transfer { self.credited_admissions } else { self.admissions };
        StayUse { admissions: known.admissions.or(Some(of_stay)), before_transfer: false, ..known }
    }

    /// The use of an account of a limit of one claim.
    pub fn cap_used(&self, account: &ShortText) -> Money {
        find(&self.caps, account).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixed_words::{DeductiblePer, Period};
    use crate::domain::sums::{OutOfRange, update};

    fn head(credits_transfer: bool) -> LayerHead {
        LayerHead {
            id: "basic".into(),
            name: "basic".into(),
            payer: "basic_fund".into(),
            pools: vec!["eligible".into()],
            period: Period::Admission,
            shared_ledger: None,
            deductible_per: DeductiblePer::Claim,
            bands_over_excess: false,
            credits_transfer,
        }
    }

    /// The admissions by which the layer reads a list on a stay where it has this use: first if it credits transfers,
    /// then if it does not.
    fn admissions(uses: Option<StayUse>) -> [Option<u32>; 2] {
        let mut stay = Stay { admissions: 2, credited_admissions: 1, ..Stay::default() };
        if let Some(uses) = uses {
            update(&mut stay.layers, &"basic".into(), |_| Ok::<_, OutOfRange>(uses)).expect("an update");
        }
        [true, false].map(|credits| stay.layer_use(&head(credits)).admissions)
    }

    #[test]
    fn a_layer_that_took_part_reads_a_list_as_it_did_then() {
        let nothing_taken = StayUse { admissions: Some(0), ..StayUse::default() };
        assert_eq!(admissions(Some(nothing_taken)), [Some(0), Some(0)]);
        assert_eq!(admissions(Some(StayUse { before_transfer: true, ..nothing_taken })), [Some(0), Some(2)]);
        assert_eq!(admissions(None), [Some(1), Some(2)]);
    }
}
