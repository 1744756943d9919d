//! The stored forms of entries, claim rows and persons in every format.
//!
//! | format | difference |
//! | --- | --- |
//! | 1 | a settlement contains the catalogue entries twice, with the items and in the split; no book; no revisions |
//! | 2 | only the split contains them; book and revisions |
//! | 3 | the record of a person contains the id; before, only the key identified the person |

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::record;
use super::rows::{ClaimRow, SettlementStatus};
use crate::domain::claim::Claim;
use crate::domain::facts::{Facts, HospitalFacts, PersonFacts};
use crate::domain::ids::{AccountKey, ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{
    Entry, EntryBody, EntryKind, EntryKindRef, Fence, Instant, Link, Reversal, Revision, Settlement,
};
use crate::domain::split::Split;
use crate::reference::person::{PersonRecord, PersonRows};

/// An entry as stored.
#[derive(Serialize, Deserialize)]
struct EntryForm<D> {
    id: EntryId,
    link: Link,
    committed: Instant,
    request_id: RequestId,
    content: Digest,
    body: D,
}

#[derive(Serialize, Deserialize)]
enum EntryKindForm<'a> {
    Settled(Box<SettledForm<'a>>),
    Reversed(Cow<'a, Reversal>),
    Fenced(Cow<'a, Fence>),
    Revised(Box<Cow<'a, Revision>>),
}

/// The catalogue entries are in the split, one per code, in the order of the facts.
#[derive(Serialize, Deserialize)]
struct SettledForm<'a> {
    claim: Cow<'a, Claim>,
    person: Cow<'a, PersonFacts>,
    hospital: Cow<'a, HospitalFacts>,
    entry_of_item: Cow<'a, [u16]>,
    book: Option<Digest>,
    split: Cow<'a, Split>,
}

#[derive(Deserialize)]
enum EntryKindForm1 {
    Settled(Box<SettledForm1>),
    Reversed(ReversedForm1),
    Fenced(Fence),
}

#[derive(Deserialize)]
struct SettledForm1 {
    claim: Claim,
    facts: Facts,
    split: Split,
}

#[derive(Deserialize)]
struct ReversedForm1 {
    hospital_id: HospitalId,
    person_id: PersonId,
    claim_id: ClaimId,
    reason: String,
    settlement: EntryId,
    account: AccountKey,
}

#[derive(Deserialize)]
struct ClaimForm1 {
    person_id: PersonId,
    settlements: Vec<(EntryId, Option<EntryId>)>,
}

/// Encodes an entry; returns the digest of its record too, which the next entry of the chain carries.
///
/// # Errors
/// If it cannot be encoded.
pub fn encode_entry<B: EntryBody>(entry: &Entry<B>) -> Result<(Vec<u8>, Digest), StoreError> {
    record::encode(&EntryForm {
        id: entry.id,
        link: entry.link,
        committed: entry.committed,
        request_id: entry.request_id.clone(),
        content: entry.content,
        body: form_from_kind(entry.body.by_kind())?,
    })
}

/// Decodes an entry; returns the digest of its record too.
///
/// # Errors
/// If the record is damaged.
pub fn decode_entry(record: &[u8]) -> Result<(Entry, Digest), StoreError> {
    let (format, body, digest) = record::verify(record)?;
    let entry = match format {
        1 => entry_from_form(record::decode_body(body)?, kind_from_form_1),
        _ => entry_from_form(record::decode_body(body)?, kind_from_form),
    };
    Ok((entry, digest))
}

/// Decodes a claim row.
///
/// # Errors
/// If the record is damaged.
pub fn decode_claim(record: &[u8]) -> Result<ClaimRow, StoreError> {
    let (format, body, _) = record::verify(record)?;
    if format != 1 {
        return record::decode_body(body);
    }
    let ClaimForm1 { person_id, settlements } = record::decode_body(body)?;
    let status = |(settlement, reversal)| SettlementStatus { settlement, revisions: Vec::new(), reversal };
    Ok(ClaimRow { person_id, settlements: settlements.into_iter().map(status).collect() })
}

/// Decodes the reference record of a person.
///
/// # Errors
/// If the record is damaged.
pub fn decode_person(record: &[u8]) -> Result<PersonRecord, StoreError> {
    let (format, body, _) = record::verify(record)?;
    match format {
        1 | 2 => record::decode_body::<PersonRows>(body).map(PersonRecord::without_id),
        _ => record::decode_body(body),
    }
}

fn entry_from_form<D>(form: EntryForm<D>, decode_kind: impl FnOnce(D) -> EntryKind) -> Entry {
    let EntryForm { id, link, committed, request_id, content, body } = form;
    Entry { id, link, committed, request_id, content, body: decode_kind(body) }
}

fn form_from_kind(kind: EntryKindRef<'_>) -> Result<EntryKindForm<'_>, StoreError> {
    Ok(match kind {
        EntryKindRef::Settlement(settled) => EntryKindForm::Settled(Box::new(form_from_settled(settled)?)),
        EntryKindRef::Reversal(reversed) => EntryKindForm::Reversed(Cow::Borrowed(reversed)),
        EntryKindRef::Fence(fenced) => EntryKindForm::Fenced(Cow::Borrowed(fenced)),
        EntryKindRef::Revision(revised) => EntryKindForm::Revised(Box::new(Cow::Borrowed(revised))),
    })
}

fn form_from_settled(settled: &Settlement) -> Result<SettledForm<'_>, StoreError> {
    let Settlement { claim, facts, book, split } = settled;
    if !facts.catalogue.iter().eq(split.codes.iter().map(|code| &code.entry)) {
        return Err(StoreError::Unavailable("the codes of a split differ from those of its facts".to_owned()));
    }
    Ok(SettledForm {
        claim: Cow::Borrowed(claim),
        person: Cow::Borrowed(&facts.person),
        hospital: Cow::Borrowed(&facts.hospital),
        entry_of_item: Cow::Borrowed(&facts.entry_of_item),
        book: *book,
        split: Cow::Borrowed(split),
    })
}

fn kind_from_form(form: EntryKindForm<'_>) -> EntryKind {
    match form {
        EntryKindForm::Settled(form) => EntryKind::Settlement(Box::new(settled_from_form(*form))),
        EntryKindForm::Reversed(reversed) => EntryKind::Reversal(reversed.into_owned()),
        EntryKindForm::Fenced(fenced) => EntryKind::Fence(fenced.into_owned()),
        EntryKindForm::Revised(revised) => EntryKind::Revision(Box::new(revised.into_owned())),
    }
}

fn settled_from_form(form: SettledForm<'_>) -> Settlement {
    let SettledForm { claim, person, hospital, entry_of_item, book, split } = form;
    let split = split.into_owned();
    let facts = Facts {
        person: person.into_owned(),
        hospital: hospital.into_owned(),
        catalogue: split.codes.iter().map(|code| code.entry.clone()).collect(),
        entry_of_item: entry_of_item.into_owned(),
    };
    Settlement { claim: claim.into_owned(), facts, book, split }
}

fn kind_from_form_1(form: EntryKindForm1) -> EntryKind {
    match form {
        EntryKindForm1::Settled(form) => {
            let SettledForm1 { claim, facts, split } = *form;
            EntryKind::Settlement(Box::new(Settlement { claim, facts, book: None, split }))
        }
        EntryKindForm1::Fenced(fenced) => EntryKind::Fence(fenced),
        EntryKindForm1::Reversed(form) => {
            let ReversedForm1 { hospital_id, person_id, claim_id, reason, settlement, account } = form;
            let revisions = Vec::new();
            EntryKind::Reversal(Reversal { hospital_id, person_id, claim_id, reason, settlement, account, revisions })
        }
    }
}
