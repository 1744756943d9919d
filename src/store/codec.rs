//! The stored forms of entries, claim rows and persons.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::record;
use super::rows::ClaimRow;
use crate::domain::claim::Claim;
use crate::domain::facts::{CatalogueEntry, Facts, HospitalFacts, PersonFacts};
use crate::domain::ids::{Digest, EntryId, RequestId};
use crate::domain::journal::{
    Entry, EntryBody, EntryKind, EntryKindRef, Fence, Instant, Link, Reversal, Revision, Settlement,
};
use crate::domain::notice::Notice;
use crate::domain::split::{CodeSplit, Split};
use crate::reference::person::PersonRecord;

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

/// The catalogue entries are in the split, one per code and unit price, in the order of the facts.
#[derive(Serialize, Deserialize)]
struct SettledForm<'a> {
    claim: Cow<'a, Claim>,
    person: Cow<'a, PersonFacts>,
    hospital: Cow<'a, HospitalFacts>,
    entry_of_item: Cow<'a, [u16]>,
    book: Digest,
    split: Cow<'a, Split>,
    notices: Cow<'a, [Notice]>,
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
    let (form, digest) = record::decode(record)?;
    Ok((entry_from_form(form), digest))
}

/// Decodes a claim row.
///
/// # Errors
/// If the record is damaged.
pub fn decode_claim(record: &[u8]) -> Result<ClaimRow, StoreError> {
    Ok(record::decode(record)?.0)
}

/// Decodes the reference record of a person.
///
/// # Errors
/// If the record is damaged.
pub fn decode_person(record: &[u8]) -> Result<PersonRecord, StoreError> {
    Ok(record::decode(record)?.0)
}

fn entry_from_form(form: EntryForm<EntryKindForm<'_>>) -> Entry {
    let EntryForm { id, link, committed, request_id, content, body } = form;
    Entry { id, link, committed, request_id, content, body: kind_from_form(body) }
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
    let Settlement { claim, facts, book, split, notices } = settled;
    if !entries_of_codes(split).eq(&facts.catalogue) {
        return Err(StoreError::Unavailable("the codes of a split differ from those of its facts".to_owned()));
    }
    Ok(SettledForm {
        claim: Cow::Borrowed(claim),
        person: Cow::Borrowed(&facts.person),
        hospital: Cow::Borrowed(&facts.hospital),
        entry_of_item: Cow::Borrowed(&facts.entry_of_item),
        book: *book,
        split: Cow::Borrowed(split),
        notices: Cow::Borrowed(notices),
    })
}

/// The catalogue entries of a split, in the order of the facts: codes at several prices share one.
fn entries_of_codes(split: &Split) -> impl Iterator<Item = &Arc<CatalogueEntry>> {
    let mut next = 0;
    let first = move |code: &&CodeSplit| {
        let first = code.position == next;
        next += u16::from(first);
        first
    };
    split.codes.iter().filter(first).map(|code| &code.entry)
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
    let SettledForm { claim, person, hospital, entry_of_item, book, split, notices } = form;
    let split = split.into_owned();
    let facts = Facts {
        person: person.into_owned(),
        hospital: hospital.into_owned(),
        catalogue: entries_of_codes(&split).cloned().collect(),
        entry_of_item: entry_of_item.into_owned(),
    };
    Settlement { claim: claim.into_owned(), facts, book, split, notices: notices.into_owned() }
}
