//! A part of the persons: their rows from all files, person by person in the order of commits.

use crate::domain::ids::{Digest, EntryId};
use crate::engine::impact::live::LiveSettlement;
use crate::store::StoreError;
use crate::store::keys::StoreKey;

use super::block::{Block, RowKind};

/// The rows of a part of the persons.
pub(in crate::engine::impact) struct Part {
    blocks: Vec<Block>,
    /// By person, then in the order of commits: the block, and the row in it.
    rows: Vec<(StoreKey, u32, u32)>,
}

/// The rows of a person.
#[derive(Clone, Copy)]
pub(in crate::engine::impact) struct PersonRows<'p> {
    blocks: &'p [Block],
    rows: &'p [(StoreKey, u32, u32)],
}

/// Where a row is.
type RowPlace = (u32, u32);

impl Part {
    pub(super) fn new(blocks: Vec<Block>) -> Part {
        let mut rows = Vec::with_capacity(blocks.iter().map(|block| block.rows() as usize).sum());
        for (number, block) in (0..).zip(&blocks) {
            rows.extend((0..block.rows()).map(|row| (block.person(row as usize).unwrap_or_default(), number, row)));
        }
        rows.sort_unstable();
        Part { blocks, rows }
    }

    /// The persons, in the order of their keys.
    pub(in crate::engine::impact) fn persons(&self) -> impl Iterator<Item = PersonRows<'_>> {
        self.rows.chunk_by(|one, other| one.0 == other.0).map(|rows| PersonRows { blocks: &self.blocks, rows })
    }
}

impl PersonRows<'_> {
    /// The person.
    pub(in crate::engine::impact) fn key(&self) -> StoreKey {
        self.rows.first().map_or_else(Default::default, |(key, ..)| *key)
    }

    /// The number of settlements, revisions and reversals.
    pub(in crate::engine::impact) fn entries(&self) -> usize {
        self.rows.len()
    }

    /// The settlements in force, in the order of commits; none if the bill of one is to be distributed again, which needs its
    /// items: `keeps_bills` does not hold of the policy that decided it.
    ///
    /// # Errors
    /// If the columns do not belong together.
    pub(in crate::engine::impact) fn live(
        &self,
        keeps_bills: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Vec<LiveSettlement>>, StoreError> {
        let places = self.places();
        let places = places.ok_or_else(malformed)?;
        let mut live = Vec::with_capacity(places.len());
        for (settlement, of_claim, of_decision) in places {
            let (block, row) = self.row(of_decision).ok_or_else(malformed)?;
            if !block.policy(row).is_some_and(&keeps_bills) {
                return Ok(None);
            }
            live.push(self.live_settlement(settlement, of_claim, of_decision).ok_or_else(malformed)?);
        }
        Ok(Some(live))
    }

    /// The settlements in force, each with the rows of its claim and of its newest decision.
    fn places(&self) -> Option<Vec<(EntryId, RowPlace, RowPlace)>> {
        let mut places: Vec<(EntryId, RowPlace, RowPlace)> = Vec::with_capacity(self.rows.len());
        for (_, block, row) in self.rows {
            let place = (*block, *row);
            let (block, row) = self.row(place)?;
            let settlement = block.settlement(row)?;
            match block.kind(row)? {
                RowKind::Settlement => places.push((settlement, place, place)),
                RowKind::Revision => {
                    let revised = places.iter_mut().find(|(known, ..)| *known == settlement);
                    revised.into_iter().for_each(|(.., decision)| *decision = place);
                }
                RowKind::Reversal => places.retain(|(known, ..)| *known != settlement),
            }
        }
        Some(places)
    }

    fn live_settlement(
        &self,
        settlement: EntryId,
        of_claim: RowPlace,
        of_decision: RowPlace,
    ) -> Option<LiveSettlement> {
        let (block, row) = self.row(of_claim)?;
        let claim = block.claim(row)?;
        let (block, row) = self.row(of_decision)?;
        let decision = block.decision(row)?;
        Some(LiveSettlement {
            settlement,
            claim,
            facts: decision.facts,
            pools: Some(decision.pools),
            benefit_year: decision.benefit_year,
            continues: decision.continues,
            amounts: decision.amounts,
        })
    }

    fn row(&self, (block, row): RowPlace) -> Option<(&Block, usize)> {
        Some((self.blocks.get(block as usize)?, row as usize))
    }
}

fn malformed() -> StoreError {
    StoreError::Damaged("the columns of the impact do not belong together".to_owned())
}
