//! The auditor: it observes the begin and end of every call and every durable commit, keeps a ledger by the arithmetic
//! of the model, and reports the first fault.
//!
//! Each call carries the id that its entry would have, so an entry is matched with its call exactly.

use std::collections::BTreeMap;
use std::sync::Arc;

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::{Entry, EntryKind};
use onestop::domain::month::Month;
use onestop::journal::{CommittedEntry, decode_committed, record};
use onestop::store::rows::PersonState;

use super::books::{BookLedger, digest as book_digest};
use super::disk::{DiskRow, DiskTable, Image};
use super::fixtures::{self, Versions};
use super::model_ledger::{ModelLedger, RequestKey};
use super::scheduler::Time;
use crate::model;
use crate::support::as_model::{bill, is_split};

/// A request of a client.
#[derive(Clone)]
pub enum ClientRequest {
    Settle {
        claim: RawClaim,
        request_id: String,
        quote: Option<(Digest, Time)>,
    },
    Reverse {
        reversal: RawReversal,
        request_id: String,
    },
    Fence {
        hospital: String,
        person: String,
        request_id: String,
    },
    Outcome {
        hospital: String,
        person: String,
        request_id: String,
    },
    Quote {
        claim: RawClaim,
    },
    Account {
        person: String,
        year: i32,
    },
    Close {
        month: Month,
    },
    /// Puts the book with this number in force.
    Activate {
        book: usize,
    },
}

/// A call from its arrival at a server to its response.
pub struct CallRecord {
    pub request: ClientRequest,
    /// The server that executes it.
    pub server: usize,
    pub began: Time,
    /// Whether a response with a known outcome was given.
    pub answered: bool,
}

/// Checks every response and every commit of a run.
pub struct Auditor {
    pub books: BookLedger,
    pub tables: model::Tables,
    pub versions: BTreeMap<String, Versions<model::Person>>,
    pub ledger: ModelLedger,
    pub calls: BTreeMap<EntryId, CallRecord>,
    pub journal: BTreeMap<EntryId, Entry>,
    /// How often each kind of event happened, to detect runs that exercise nothing.
    pub counts: BTreeMap<&'static str, u64>,
    first_fault: Option<String>,
}

/// The server that decided a commit, from the begin of its call until the commit was durable.
#[derive(Clone, Copy)]
struct DecidedWithin {
    server: usize,
    began: Time,
    at: Time,
}

/// The result of a check; the error describes the fault.
pub type CheckResult = Result<(), String>;

/// Fails with this description unless the condition holds.
pub fn ensure(holds: bool, fault: impl FnOnce() -> String) -> CheckResult {
    if holds { Ok(()) } else { Err(fault()) }
}

impl Auditor {
    pub fn new(books: Arc<[model::Book]>) -> Auditor {
        let mut tables = fixtures::model_tables();
        let persons = std::mem::take(&mut tables.persons).into_iter();
        let versions = persons.map(|(id, person)| (id, Versions::new(person))).collect();
        Auditor {
            books: BookLedger::new(books),
            tables,
            versions,
            ledger: ModelLedger::default(),
            calls: BTreeMap::new(),
            journal: BTreeMap::new(),
            counts: BTreeMap::new(),
            first_fault: None,
        }
    }

    /// The first fault of the run.
    pub fn first_fault(&self) -> Option<&str> {
        self.first_fault.as_deref()
    }

    /// Records the result of a check; the first fault is kept.
    pub fn record(&mut self, at: Time, result: CheckResult) {
        if let Err(fault) = result {
            self.first_fault.get_or_insert_with(|| format!("at {at}: {fault}"));
        }
    }

    /// Counts an event.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Records the begin of a call.
    pub fn call_began(&mut self, id: EntryId, server: usize, request: ClientRequest, at: Time) {
        if let ClientRequest::Activate { book } = request {
            self.books.begin_activation(server, book, at);
        }
        self.calls.insert(id, CallRecord { request, server, began: at, answered: false });
    }

    /// Checks that a restarted store has at least as many commits as were known to be durable.
    pub fn store_recovered(&mut self, known: usize, found: usize) {
        self.count("recoveries");
        let lost = ensure(found >= known, || format!("{} durable commits are lost", known - found));
        self.record(0, lost);
    }

    /// Checks that the image of a restarted store equals the ledger.
    pub fn check_image(&mut self, image: &Image) {
        let result = self.image_matches_ledger(image);
        self.record(0, result);
    }

    fn image_matches_ledger(&self, image: &Image) -> CheckResult {
        let rows_of = |table: DiskTable| image.iter().filter(move |((known, _), _)| *known == table);
        let journal = rows_of(DiskTable::Journal).count();
        let known = self.journal.len() + self.ledger.administration.count();
        ensure(journal == known, || format!("{journal} entries of {known}"))?;
        let requests = rows_of(DiskTable::Requests).count();
        ensure(requests == self.ledger.requests.len(), || format!("{requests} of {:?}", self.ledger.requests.len()))?;
        for ((_, key), row) in rows_of(DiskTable::States) {
            let person = String::from_utf8_lossy(key).into_owned();
            let state: PersonState = record::decode(row).map_err(|error| error.to_string())?;
            let known = self.ledger.persons.get(&person);
            ensure(known.is_some_and(|known| known.version == state.version), || {
                format!("{person} is at another entry")
            })?;
        }
        Ok(())
    }

    /// Checks a commit that has just become durable.
    pub fn commit_became_durable(&mut self, rows: &[DiskRow], at: Time) {
        let result = self.check_commit(rows, at);
        self.record(at, result);
    }

    fn check_commit(&mut self, rows: &[DiskRow], at: Time) -> CheckResult {
        let mut entries = Vec::new();
        for row in rows.iter().filter(|row| row.table == DiskTable::Journal) {
            match decode_committed(&row.value).map_err(|error| error.to_string())? {
                (CommittedEntry::Person(entry), digest) => entries.push((*entry, digest)),
                (CommittedEntry::Administration(entry), digest) => {
                    return self.check_administration(&entry, digest, at);
                }
            }
        }
        let Some((first, _)) = entries.first() else { return Ok(()) };
        let call = self.calls.get(&first.id).ok_or("an entry without a call")?;
        ensure(!call.answered, || format!("entry {} is durable after its call was answered", first.id))?;
        let (request, within) = (call.request.clone(), DecidedWithin { server: call.server, began: call.began, at });
        self.check_chain(&entries)?;
        let revisions: Vec<&Entry> = entries[1..].iter().map(|(entry, _)| entry).collect();
        match &first.body {
            EntryKind::Settlement(_) => self.check_settlement(first, &request, within)?,
            EntryKind::Reversal(_) => self.check_reversal(first, &revisions, &request, within)?,
            EntryKind::Fence(_) => self.check_fence(first, &request, at)?,
            EntryKind::Revision(_) => return Err("a revision without a reversal".to_owned()),
        }
        ensure(matches!(first.body, EntryKind::Reversal(_)) || revisions.is_empty(), || {
            "a commit with too many entries".to_owned()
        })?;
        let person = first.parties().1.as_str().to_owned();
        for (entry, _) in entries {
            self.journal.insert(entry.id, entry);
        }
        let state = rows.iter().find(|row| row.table == DiskTable::States).ok_or("no state of the person")?;
        let state: PersonState = record::decode(&state.value).map_err(|error| error.to_string())?;
        self.ledger.persons.entry(person.clone()).or_default().check_state(&state)?;
        self.ledger.record_accounts(&person, at);
        Ok(())
    }

    /// Checks that each entry links to the previous one by number, id and digest.
    fn check_chain(&mut self, entries: &[(Entry, Digest)]) -> CheckResult {
        for (entry, digest) in entries {
            let person = self.ledger.persons.entry(entry.parties().1.as_str().to_owned()).or_default();
            let link = &entry.link;
            let follows =
                (link.number, link.previous, link.chained) == (person.version + 1, person.head, person.chained);
            ensure(follows, || format!("entry {} does not follow the one before it", entry.id))?;
            ensure(!self.journal.contains_key(&entry.id), || format!("entry {} is written twice", entry.id))?;
            (person.version, person.head, person.chained) = (link.number, Some(entry.id), *digest);
        }
        Ok(())
    }

    fn check_settlement(&mut self, entry: &Entry, request: &ClientRequest, within: DecidedWithin) -> CheckResult {
        let DecidedWithin { server, began, at } = within;
        let ClientRequest::Settle { claim, request_id, .. } = request else {
            return Err("a settlement without a request".to_owned());
        };
        let settled = entry.as_settlement().ok_or("no settlement")?;
        ensure(RawClaim::from(&settled.claim) == *claim, || format!("{} is of another claim", entry.id))?;
        let key = RequestKey::for_claim(claim, request_id);
        self.ledger.record_request(&key, entry, at)?;
        self.ledger.record_settled_claim(&key.claim_key(claim.claim_id.as_str()), &key.person, entry.id, at)?;
        let bill = bill(claim);
        let person = self.ledger.persons.entry(key.person.clone()).or_default();
        let hospital = &self.tables.hospitals[&key.hospital];
        let seen: Vec<&model::Person> = self
            .versions
            .get(&key.person)
            .into_iter()
            .flat_map(|versions| versions.visible_between(began, at))
            .collect();
        let books = self.books.visible(server, began, at);
        let (_, book) = books
            .iter()
            .find(|(digest, _)| *digest == settled.book)
            .ok_or_else(|| format!("{} names a book that was not in force at its server", entry.id))?;
        let found = seen.into_iter().find_map(|version| {
            let account = |year| person.account(version.insurance_on(&bill.discharged), year);
            let decided = book.settle(&bill, version, hospital, &self.tables.catalogue, account).ok()?;
            is_split(&settled.split, &decided.0, version.insurance_on(&bill.discharged))
                .then(|| (decided, version.clone()))
        });
        let ((split, after), version) = found.ok_or_else(|| format!("the split of {} is wrong", entry.id))?;
        check_caps(&split, &after, &person.account(version.insurance_on(&bill.discharged), split.year))?;
        person.add_settlement(entry.id, &key, claim.claim_id.as_str(), bill, version, split, after);
        self.ledger.listed_settlements.push((key.hospital, entry.committed.china_day(), entry.id));
        self.count("settled");
        self.check_book_in_use(entry.id, settled.book)?;
        if settled.book != book_digest(0) {
            self.count("decided under another book");
        }
        Ok(())
    }

    fn check_reversal(
        &mut self,
        entry: &Entry,
        revisions: &[&Entry],
        request: &ClientRequest,
        DecidedWithin { server, began, at }: DecidedWithin,
    ) -> CheckResult {
        let ClientRequest::Reverse { reversal, request_id } = request else {
            return Err("a reversal without a request".to_owned());
        };
        let reversed = entry.as_reversal().ok_or("no reversal")?;
        let key = RequestKey::for_reversal(reversal, request_id);
        self.ledger.record_request(&key, entry, at)?;
        let claim = key.claim_key(reversal.claim_id.as_str());
        let target = self.ledger.record_reversed_claim(&claim, &key.person, at)?;
        ensure(reversed.settlement == target, || format!("{} reverses another settlement", entry.id))?;
        self.check_booking(entry, target)?;
        for revision in revisions {
            let revised = revision.as_revision().ok_or("a reversal with an entry that is no revision")?;
            self.check_booking(revision, revised.settlement)?;
        }
        let person = self.ledger.persons.entry(key.person.clone()).or_default();
        let later = person.remove_settlement(target)?;
        ensure(reversal.readjudicate || later.is_empty(), || format!("{} is out of order", entry.id))?;
        ensure(later.len() == revisions.len(), || {
            format!("{} revises {} of {}", entry.id, revisions.len(), later.len())
        })?;
        let books = self.books.visible(server, began, at);
        for (at, revision) in later.into_iter().zip(revisions) {
            let named = revision.as_revision().map(|revised| revised.book);
            let (_, book) = books
                .iter()
                .find(|(digest, _)| Some(*digest) == named)
                .ok_or_else(|| format!("{} names a book that was not in force at its server", revision.id))?;
            let hospital = &self.tables.hospitals[&person.active[at].hospital];
            person.revise_settlement(at, revision, book, hospital, &self.tables.catalogue)?;
        }
        let what = if revisions.is_empty() { "reversed" } else { "re-adjudicated" };
        self.count(what);
        Ok(())
    }

    fn check_fence(&mut self, entry: &Entry, request: &ClientRequest, at: Time) -> CheckResult {
        let ClientRequest::Fence { hospital, person, request_id } = request else {
            return Err("a fence without a request".to_owned());
        };
        let key = RequestKey { hospital: hospital.clone(), person: person.clone(), request_id: request_id.clone() };
        self.ledger.record_request(&key, entry, at)?;
        self.count("fenced");
        Ok(())
    }
}

/// Checks that no account exceeds a cap of this settlement, unless it did before, and that the shares add up to the
/// total.
fn check_caps(split: &model::Split, after: &model::Account, before: &model::Account) -> CheckResult {
    for cap in split.layers.iter().flat_map(|layer| &layer.caps).filter(|cap| !cap.per_claim) {
        let (now, earlier) = (after.cap(&cap.account), before.cap(&cap.account));
        let within = cap.limit.is_none_or(|limit| now <= limit || now <= earlier);
        ensure(within, || format!("the cap of {} is exceeded", cap.account))?;
    }
    let paid: i64 = split.payers.values().sum();
    ensure(paid + split.patient == split.total, || "payers and patient are not the total".to_owned())
}
