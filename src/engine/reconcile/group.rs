//! The rows and settlements of one claim, and how they are matched.

use crate::domain::ids::EntryId;
use crate::domain::journal::{Entry, Settlement};
use crate::domain::reconciliation::{
    BookedClaim, BookedStatus, ClaimDifference, DifferenceCause, ListedClaim, compare,
};
use crate::engine::{Engine, EngineError};
use crate::journal::{CommittedEntry, decode_committed};
use crate::store::keys::StoreKey;
use crate::store::{Scope, Store};

use super::ReconciledSpan;

/// The most settlement ids of one claim that are remembered; a further one counts as repeated.
const MAX_REMEMBERED: usize = 1_000;

/// One claim while its rows are compared.
pub(super) struct Group {
    /// The key of the claim.
    pub(super) key: StoreKey,
    /// The number of differences so far.
    pub(super) differences: u64,
    /// The settlements of the span, each with whether a row was matched with it.
    booked: Vec<(BookedClaim, bool)>,
    /// The settlement ids of the rows so far.
    seen: Vec<Option<EntryId>>,
}

impl Group {
    pub(super) fn new(key: StoreKey, booked: Vec<BookedClaim>) -> Group {
        let booked = booked.into_iter().map(|booked| (booked, false)).collect();
        Group { key, differences: 0, booked, seen: Vec::new() }
    }

    /// The next settlement without a row that counts; it is given once.
    pub(super) fn next_unlisted(&mut self) -> Option<ClaimDifference> {
        let (booked, matched) = self.booked.iter_mut().find(|(booked, matched)| booked.status.counts() && !matched)?;
        *matched = true;
        let cause = match booked.status {
            BookedStatus::ReversedLater(at) => DifferenceCause::ReversedLater(at),
            _ => DifferenceCause::NotListed,
        };
        Some(ClaimDifference { cause, here: Some(booked.clone()), there: None })
    }

    /// Whether an earlier row named the same settlement, or like this one none.
    fn is_repeated(&mut self, row: &ListedClaim) -> bool {
        let repeated = self.seen.contains(&row.settlement) || self.seen.len() >= MAX_REMEMBERED;
        if !repeated {
            self.seen.push(row.settlement);
        }
        repeated
    }

    /// The settlement that a row names; for a row without an id, the one that counts, or else the last one.
    fn named_by(&mut self, row: &ListedClaim) -> Option<&mut (BookedClaim, bool)> {
        let last = self.booked.len().checked_sub(1)?;
        let at = match row.settlement {
            Some(id) => self.booked.iter().position(|(booked, _)| booked.settlement == id)?,
            None => self.booked.iter().position(|(booked, _)| booked.status.counts()).unwrap_or(last),
        };
        self.booked.get_mut(at)
    }

    /// Whether no settlement of the span counts, so that another one of the claim may.
    fn counts_elsewhere(&self, row: &ListedClaim) -> bool {
        row.settlement.is_none() && !self.booked.is_empty() && self.counting().is_none()
    }

    /// The settlement of the claim that counts.
    fn counting(&self) -> Option<EntryId> {
        self.booked.iter().find(|(booked, _)| booked.status.counts()).map(|(booked, _)| booked.settlement)
    }
}

impl<S: Store> Engine<S> {
    /// Compares a row with the settlements of its claim; `None` if it agrees.
    pub(super) async fn compare_row(
        &self,
        span: &ReconciledSpan,
        group: &mut Group,
        row: ListedClaim,
    ) -> Result<Option<ClaimDifference>, EngineError> {
        let repeated = group.is_repeated(&row);
        if !repeated
            && group.counts_elsewhere(&row)
            && let Some(booked) = self.booked_by_claim(span, &row).await?
            && booked.status.counts()
        {
            return Ok(Some(ClaimDifference { cause: outside(&booked), here: Some(booked), there: Some(row) }));
        }
        let Some((booked, matched)) = group.named_by(&row) else {
            let (cause, here) = match repeated {
                true => (DifferenceCause::Repeated, None),
                false => self.cause_outside(span, group.counting(), &row).await?,
            };
            return Ok(Some(ClaimDifference { cause, here, there: Some(row) }));
        };
        let cause = match booked.status {
            _ if repeated || *matched => Some(DifferenceCause::Repeated),
            BookedStatus::SettledLater => Some(DifferenceCause::SettledLater),
            BookedStatus::ReversedEarlier(at) => Some(DifferenceCause::ReversedEarlier(at)),
            BookedStatus::InForce | BookedStatus::ReversedLater(_) => {
                *matched = true;
                let agrees = booked.amounts.agree_with(&row.amounts);
                let versions = if agrees { Vec::new() } else { self.other_versions(span, booked).await? };
                compare(booked, &row, &versions)
            }
        };
        Ok(cause.map(|cause| ClaimDifference { cause, here: Some(booked.clone()), there: Some(row) }))
    }

    /// Why a row has no settlement in the span: what its settlement id or its claim leads to.
    async fn cause_outside(
        &self,
        span: &ReconciledSpan,
        counting: Option<EntryId>,
        row: &ListedClaim,
    ) -> Result<(DifferenceCause, Option<BookedClaim>), EngineError> {
        if let Some(id) = row.settlement
            && let Some(booked) = self.booked_by_id(span, id).await?
        {
            let is_other = booked.claim_id != row.claim_id;
            let cause = if is_other { DifferenceCause::OtherClaim(booked.claim_id.clone()) } else { outside(&booked) };
            return Ok((cause, Some(booked)));
        }
        if let Some(id) = counting {
            return Ok((DifferenceCause::OtherSettlement(id), None));
        }
        Ok(match self.booked_by_claim(span, row).await? {
            None => (DifferenceCause::NeverSettled, None),
            Some(booked) if row.settlement.is_some() && booked.status.counts() => {
                (DifferenceCause::OtherSettlement(booked.settlement), Some(booked))
            }
            Some(booked) => (outside(&booked), Some(booked)),
        })
    }

    /// A settlement of the hospital by its id; one of another hospital is none.
    async fn booked_by_id(&self, span: &ReconciledSpan, id: EntryId) -> Result<Option<BookedClaim>, EngineError> {
        let Some(record) = self.store.record(id).await.map_err(EngineError::from_read_error)? else { return Ok(None) };
        let (entry, _) = decode_committed(&record).map_err(|error| EngineError::from_read_error(error.into()))?;
        let CommittedEntry::Person(entry) = entry else { return Ok(None) };
        let Ok(settlement) = Entry::<Settlement>::try_from(*entry) else { return Ok(None) };
        if settlement.body.claim.hospital_id != span.hospital_id {
            return Ok(None);
        }
        let status = self.status_of_settlement(&settlement).await?;
        self.booked_at_cutoff(span, &settlement, status).await.map(Some)
    }

    /// The settlement of the hospital's claim that counts at the cutoff; the newest one if none does.
    async fn booked_by_claim(
        &self,
        span: &ReconciledSpan,
        row: &ListedClaim,
    ) -> Result<Option<BookedClaim>, EngineError> {
        let Some(person_id) = self.person_of_claim(&span.hospital_id, &row.claim_id).await? else { return Ok(None) };
        let scope = Scope::of_person(&person_id).with_claim(&span.hospital_id, &row.claim_id);
        let found = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?.claim;
        let mut newest = None;
        for status in found.into_iter().flat_map(|claim| claim.settlements).rev() {
            let settlement: Entry<Settlement> = self.required_entry(status.settlement).await?.try_into()?;
            let booked = self.booked_at_cutoff(span, &settlement, status).await?;
            if booked.status.counts() {
                return Ok(Some(booked));
            }
            newest = newest.or(Some(booked));
        }
        Ok(newest)
    }
}

/// Why a settlement of the claim is not among those of the span.
fn outside(booked: &BookedClaim) -> DifferenceCause {
    match booked.status {
        BookedStatus::SettledLater => DifferenceCause::SettledLater,
        BookedStatus::ReversedEarlier(at) => DifferenceCause::ReversedEarlier(at),
        BookedStatus::InForce | BookedStatus::ReversedLater(_) => DifferenceCause::DayNotCompared,
    }
}
