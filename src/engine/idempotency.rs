//! Stage 1: what request id and claim id say before any rule of business is applied; and the keys that are needed to
//! look that up.

use std::borrow::Cow;

use bytes::Bytes;

use crate::domain::claim::{Claim, ClaimKeys, InvalidRequest, RawClaim, valid_text};
use crate::domain::content::RawReversal;
use crate::domain::fault::FieldFaults;
use crate::domain::ids::{Digest, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind, Reversal, RevisionCause};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::request_differences::{
    RequestKind, claim_differences, correction_differences, other_call, reversal_differences, run_differences,
};
use crate::store::{LookUp, Store};

use super::{Engine, EngineError};

/// A claim as it was sent.
pub(super) enum SentClaim<'a> {
    /// One that is valid by itself says the same as what was sent.
    Valid(&'a Claim),
    /// One that is not.
    Invalid(Box<RawClaim>),
}

impl<'a> SentClaim<'a> {
    /// The validated claim; what was received is kept only if it is not valid.
    pub(super) fn new(claim: Option<&'a Claim>, raw: RawClaim) -> SentClaim<'a> {
        claim.map_or_else(|| SentClaim::Invalid(Box::new(raw)), SentClaim::Valid)
    }

    fn raw(&self) -> Cow<'_, RawClaim> {
        match self {
            SentClaim::Valid(claim) => Cow::Owned(RawClaim::from(*claim)),
            SentClaim::Invalid(raw) => Cow::Borrowed(raw),
        }
    }
}

/// A request as it was sent, for the comparison with the one that used its request id first.
pub(super) enum SentRequest<'a> {
    /// To settle a claim.
    Settle(SentClaim<'a>),
    /// To reverse a settlement.
    Reverse(&'a RawReversal),
    /// To correct a claim, with the reason.
    Correct(SentClaim<'a>, &'a str),
    /// To decide the settlements of a person's benefit year again.
    Readjudicate,
}

/// The ids of a request about a claim, valid or not in the rest.
///
/// # Errors
/// All faults of the request, if one of its ids is none: nothing can be looked up under it.
pub(super) fn claim_keys(validated: Result<ClaimKeys, &InvalidRequest>) -> Result<ClaimKeys, ClaimRefusal> {
    match validated {
        Ok(keys) => Ok(keys),
        Err(InvalidRequest { keys: Some(keys), .. }) => Ok(keys.clone()),
        Err(error) => Err(invalid(error)),
    }
}

/// The same with the idempotency key.
///
/// # Errors
/// All faults of the request, if one of its ids or the key is none.
pub(super) fn request_keys(
    validated: Result<ClaimKeys, &InvalidRequest>,
    request_id: String,
    limit: usize,
) -> Result<(ClaimKeys, RequestId), ClaimRefusal> {
    let mut faults = validated.as_ref().map_or_else(|error| error.faults.clone(), |_| FieldFaults::default());
    match (claim_keys(validated), valid_text(&mut faults, "request_id", RequestId::parse(request_id, limit))) {
        (Ok(keys), Some(request_id)) => Ok((keys, request_id)),
        _ => Err(ClaimRefusal::InvalidRequest(faults)),
    }
}

/// The refusal of a request that is faulty by itself.
pub(super) fn invalid(error: &InvalidRequest) -> ClaimRefusal {
    ClaimRefusal::InvalidRequest(error.faults.clone())
}

impl<S: Store> Engine<S> {
    /// The entry that this request made before, if it did, and its answer if it is a settlement; with other content it is
    /// refused, naming the fields that differ.
    pub(super) async fn replay(
        &self,
        seen: &LookUp,
        content: Digest,
        sent: &SentRequest<'_>,
    ) -> Result<Option<(Entry, Bytes)>, EngineError> {
        let Some(id) = seen.request else { return Ok(None) };
        let (entry, answer) = self.answered_entry(id).await?;
        match entry.body {
            EntryKind::Fence(_) => Err(ClaimRefusal::RequestFenced.into()),
            _ if entry.content == content => Ok(Some((entry, answer))),
            _ => Err(ClaimRefusal::RequestIdReused(self.differences(&entry, sent).await?).into()),
        }
    }

    /// The fields in which a request differs from the one that made an entry.
    async fn differences(&self, entry: &Entry, sent: &SentRequest<'_>) -> Result<FieldFaults, EngineError> {
        let settled = match &entry.body {
            EntryKind::Settlement(settlement) => RawClaim::from(&settlement.claim),
            EntryKind::Reversal(first) => {
                return Ok(match sent {
                    SentRequest::Reverse(sent) => reversal_differences(first, sent),
                    SentRequest::Settle(_) | SentRequest::Correct(..) | SentRequest::Readjudicate => {
                        other_call(RequestKind::Reverse)
                    }
                });
            }
            // Nothing else is in the scope of the administration; the person is part of the scope.
            EntryKind::Revision(_) => return Ok(run_differences()),
            EntryKind::Fence(_) => return Ok(FieldFaults::default()),
        };
        Ok(match (self.reversal_of_correction(entry).await?, sent) {
            (None, SentRequest::Settle(sent)) => claim_differences(&settled, &sent.raw()),
            (Some(reversal), SentRequest::Correct(sent, reason)) => {
                correction_differences((&settled, &reversal.body.reason), (&sent.raw(), reason))
            }
            (None, _) => other_call(RequestKind::Settle),
            (Some(_), _) => other_call(RequestKind::Correct),
        })
    }

    /// The reversal of the correction that ends in this entry, if a correction does: before its settlement in the chain
    /// stand the revisions, and before them the reversal.
    pub(super) async fn reversal_of_correction<B>(
        &self,
        settlement: &Entry<B>,
    ) -> Result<Option<Entry<Reversal>>, EngineError> {
        let Some(previous) = settlement.link.previous else { return Ok(None) };
        let previous = self.required_entry(previous).await?;
        let reversal = match &previous.body {
            EntryKind::Reversal(_) => previous,
            EntryKind::Revision(revision) => match revision.cause {
                RevisionCause::Reversal(reversal) => self.required_entry(reversal).await?,
                RevisionCause::RetroactiveRun(_) | RevisionCause::LaterInRun(_) => return Ok(None),
            },
            EntryKind::Settlement(_) | EntryKind::Fence(_) => return Ok(None),
        };
        let reversal: Entry<Reversal> = reversal.try_into()?;
        Ok(Some(reversal).filter(|reversal| reversal.body.correction == Some(settlement.id)))
    }
}

/// Checks that the claim may be settled: it belongs to nobody else, and no settlement of it is in force.
///
/// # Errors
/// If it may not.
pub(super) fn check_claim_free(seen: &LookUp, person_id: &PersonId) -> Result<(), ClaimRefusal> {
    let Some(row) = &seen.claim else { return Ok(()) };
    if row.person_id != *person_id {
        return Err(ClaimRefusal::ClaimOfAnotherPerson);
    }
    match row.settlement_in_force() {
        None => Ok(()),
        Some(live) => Err(ClaimRefusal::ClaimSettled { settlement: live.settlement }),
    }
}
