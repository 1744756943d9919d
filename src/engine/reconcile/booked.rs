//! The settlements of a hospital's days as they stood at the cutoff.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::ReconciledSpan;
use crate::domain::ids::EntryId;
use crate::domain::journal::{Entry, Instant, Reversal, Revision, Settlement};
use crate::domain::reconciliation::{BookedClaim, BookedStatus, Version};
use crate::domain::split::Split;
use crate::engine::{Engine, EngineError};
use crate::store::Store;
use crate::store::rows::{ListPosition, SettlementStatus};

/// The settlements of a page.
const PAGE: usize = 500;

/// The settlements that are read at once, so that a store over a network does not wait for each.
const READ_AT_ONCE: usize = 16;

/// The settlements of a span, page by page.
pub(super) struct BookedPages<'a> {
    span: &'a ReconciledSpan,
    next: Option<ListPosition>,
}

impl<'a> BookedPages<'a> {
    /// From the first settlement of the span.
    pub(super) fn new(span: &'a ReconciledSpan) -> BookedPages<'a> {
        BookedPages { span, next: Some(ListPosition { day: span.from, number: 0 }) }
    }

    /// The next page; `None` after the last one.
    pub(super) async fn next_page<S: Store>(
        &mut self,
        engine: &Engine<S>,
    ) -> Result<Option<Vec<BookedClaim>>, EngineError> {
        let Some(from) = self.next else { return Ok(None) };
        let span = self.span;
        let places = engine.store.hospital_settlements(&span.hospital_id, from, span.until, PAGE).await;
        let places = places.map_err(EngineError::from_read_error)?;
        self.next = places.last().filter(|_| places.len() == PAGE).map(|(place, _)| place.next());
        let read = stream::iter(places).map(|(_, id)| engine.booked_claim(span, id)).buffered(READ_AT_ONCE);
        Ok(Some(read.try_collect().await?))
    }
}

impl<S: Store> Engine<S> {
    async fn booked_claim(&self, span: &ReconciledSpan, id: EntryId) -> Result<BookedClaim, EngineError> {
        // A store in a directory answers at once: others that wait for this thread go on in between.
        tokio::task::yield_now().await;
        let settlement: Entry<Settlement> = self.required_entry(id).await?.try_into()?;
        let status = self.status_of_settlement(&settlement).await?;
        self.booked_at_cutoff(span, &settlement, status).await
    }

    /// A settlement as it stood at the cutoff. One that was committed later has the amounts of its first revision.
    pub(super) async fn booked_at_cutoff(
        &self,
        span: &ReconciledSpan,
        settlement: &Entry<Settlement>,
        status: SettlementStatus,
    ) -> Result<BookedClaim, EngineError> {
        let claim = &settlement.body.claim;
        let in_force = self.revision_at_cutoff(span, &status).await?;
        let (revision, split): (u32, &Split) = match &in_force {
            Some(entry) => (entry.body.number, &entry.body.split),
            None => (1, &settlement.body.split),
        };
        Ok(BookedClaim {
            settlement: settlement.id,
            claim_id: claim.claim_id.clone(),
            day: settlement.committed.china_day(),
            revision,
            has_other_revisions: !status.revisions.is_empty(),
            status: self.status_at_cutoff(span, settlement.committed, status.reversal).await?,
            amounts: span.amounts(split),
            person: self.store.person_key(&claim.person_id),
        })
    }

    /// The further revision that was in force at the cutoff, if one was.
    async fn revision_at_cutoff(
        &self,
        span: &ReconciledSpan,
        status: &SettlementStatus,
    ) -> Result<Option<Entry<Revision>>, EngineError> {
        for id in status.revisions.iter().rev() {
            let revision: Entry<Revision> = self.required_entry(*id).await?.try_into()?;
            if revision.committed <= span.cutoff {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    async fn status_at_cutoff(
        &self,
        span: &ReconciledSpan,
        committed: Instant,
        reversal: Option<EntryId>,
    ) -> Result<BookedStatus, EngineError> {
        if committed > span.cutoff {
            return Ok(BookedStatus::SettledLater);
        }
        let Some(id) = reversal else { return Ok(BookedStatus::InForce) };
        let reversal: Entry<Reversal> = self.required_entry(id).await?.try_into()?;
        Ok(match reversal.committed > span.cutoff {
            true => BookedStatus::ReversedLater(reversal.committed),
            false => BookedStatus::ReversedEarlier(reversal.committed),
        })
    }

    /// The revisions of a settlement other than the one in force at the cutoff.
    pub(super) async fn other_versions(
        &self,
        span: &ReconciledSpan,
        booked: &BookedClaim,
    ) -> Result<Vec<Version>, EngineError> {
        if !booked.has_other_revisions {
            return Ok(Vec::new());
        }
        let settlement: Entry<Settlement> = self.required_entry(booked.settlement).await?.try_into()?;
        let status = self.status_of_settlement(&settlement).await?;
        let mut versions = vec![Version { revision: 1, amounts: span.amounts(&settlement.body.split) }];
        for id in status.revisions {
            let revision: Entry<Revision> = self.required_entry(id).await?.try_into()?;
            versions.push(Version { revision: revision.body.number, amounts: span.amounts(&revision.body.split) });
        }
        versions.retain(|version| version.revision != booked.revision);
        Ok(versions)
    }
}
