//! The auditor: it sees every call begin and end and every commit become durable, keeps books of its own by the
//! model's arithmetic, and says the first thing that is not as it must be.
//!
//! Each call brings the id that its entry would have, so what became of a call is known exactly.

use std::collections::BTreeMap;
use std::sync::Arc;

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::{Entry, EntryKind};
use onestop::store::rows::PersonState;
use onestop::store::{codec, record};

use super::books::{Books, ModelKey};
use super::disk::{DiskRow, DiskTable, Image};
use super::scheduler::Time;
use super::world::{self, Versions};
use crate::model;
use crate::support::as_model::{Tables, bill, is_split};

/// What a call asks for.
#[derive(Clone)]
pub enum Ask {
    Settle { claim: RawClaim, request: String, quote: Option<(Digest, Time)> },
    Reverse { told: RawReversal, request: String },
    Fence { hospital: String, person: String, request: String },
    Outcome { hospital: String, person: String, request: String },
    Quote { claim: RawClaim },
    Account { person: String, year: i32 },
}

/// A call, from its first step in a server to its answer there.
pub struct Call {
    pub ask: Ask,
    pub begun: Time,
    /// Answered, and not with the word that the outcome is unknown.
    pub answered: bool,
}

/// The auditor.
pub struct Judge {
    pub book: Arc<model::Book>,
    pub tables: Tables,
    pub versions: BTreeMap<String, Versions>,
    pub books: Books,
    pub calls: BTreeMap<EntryId, Call>,
    pub journal: BTreeMap<EntryId, Entry>,
    /// How often each thing happened; a run in which nothing does proves nothing.
    pub counts: BTreeMap<&'static str, u64>,
    wrong: Option<String>,
}

/// What is not as it must be.
pub type Verdict = Result<(), String>;

pub fn ensure(holds: bool, told: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(told()) }
}

impl Judge {
    pub fn new(book: Arc<model::Book>) -> Judge {
        let mut tables = world::tables();
        let persons = std::mem::take(&mut tables.persons).into_iter();
        let versions = persons.map(|(id, person)| (id, Versions::new(person))).collect();
        Judge {
            book,
            tables,
            versions,
            books: Books::default(),
            calls: BTreeMap::new(),
            journal: BTreeMap::new(),
            counts: BTreeMap::new(),
            wrong: None,
        }
    }

    /// The first thing that was wrong.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    pub fn judge(&mut self, at: Time, verdict: Verdict) {
        if let Err(told) = verdict {
            self.wrong.get_or_insert_with(|| format!("at {at}: {told}"));
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn begins(&mut self, id: EntryId, ask: Ask, at: Time) {
        self.calls.insert(id, Call { ask, begun: at, answered: false });
    }

    /// A store came back with so many commits; so many were known to be durable.
    pub fn recovered(&mut self, told: usize, found: usize) {
        self.count("recoveries");
        let lost = ensure(found >= told, || format!("{} durable commits are gone", told - found));
        self.judge(0, lost);
    }

    /// What a store came back with is what is known, and nothing else.
    pub fn sees_all_of(&mut self, image: &Image) {
        let verdict = self.all_of(image);
        self.judge(0, verdict);
    }

    fn all_of(&self, image: &Image) -> Verdict {
        let of = |table: DiskTable| image.iter().filter(move |((known, _), _)| *known == table);
        let journal = of(DiskTable::Journal).count();
        ensure(journal == self.journal.len(), || format!("{journal} entries of {}", self.journal.len()))?;
        let requests = of(DiskTable::Requests).count();
        ensure(requests == self.books.requests.len(), || format!("{requests} of {:?}", self.books.requests.len()))?;
        for ((_, key), row) in of(DiskTable::States) {
            let person = String::from_utf8_lossy(key).into_owned();
            let (state, _) = record::decode::<PersonState>(row).map_err(|error| error.to_string())?;
            let known = self.books.persons.get(&person);
            ensure(known.is_some_and(|known| known.version == state.version), || {
                format!("{person} is at another entry")
            })?;
        }
        Ok(())
    }

    /// A commit is durable now.
    pub fn durable(&mut self, rows: &[DiskRow], at: Time) {
        let verdict = self.committed(rows, at);
        self.judge(at, verdict);
    }

    fn committed(&mut self, rows: &[DiskRow], at: Time) -> Verdict {
        let mut entries = Vec::new();
        for row in rows.iter().filter(|row| row.table == DiskTable::Journal) {
            entries.push(codec::decode_entry(&row.value).map_err(|error| error.to_string())?);
        }
        let Some((first, _)) = entries.first() else { return Ok(()) };
        let call = self.calls.get(&first.id).ok_or("an entry that no call asked for")?;
        ensure(!call.answered, || format!("entry {} is durable after its call was answered", first.id))?;
        let ask = call.ask.clone();
        let begun = call.begun;
        self.chained(&entries)?;
        let revisions: Vec<&Entry> = entries[1..].iter().map(|(entry, _)| entry).collect();
        match &first.deed {
            EntryKind::Settled(_) => self.settled(first, &ask, (begun, at))?,
            EntryKind::Reversed(_) => self.reversed(first, &revisions, &ask, at)?,
            EntryKind::Fenced(_) => self.fenced(first, &ask, at)?,
            EntryKind::Revised(_) => return Err("a revision without a reversal".to_owned()),
        }
        ensure(matches!(first.deed, EntryKind::Reversed(_)) || revisions.is_empty(), || "entries to spare".to_owned())?;
        let person = first.parties().1.as_str().to_owned();
        for (entry, _) in entries {
            self.journal.insert(entry.id, entry);
        }
        let state = rows.iter().find(|row| row.table == DiskTable::States).ok_or("no state of the person")?;
        let (state, _) = record::decode::<PersonState>(&state.value).map_err(|error| error.to_string())?;
        self.books.persons.entry(person.clone()).or_default().is_as(&state)?;
        self.books.remember(&person, at);
        Ok(())
    }

    /// Each entry names the one before by id and digest.
    fn chained(&mut self, entries: &[(Entry, Digest)]) -> Verdict {
        for (entry, digest) in entries {
            let person = self.books.persons.entry(entry.parties().1.as_str().to_owned()).or_default();
            let link = &entry.link;
            let follows =
                (link.number, link.previous, link.chained) == (person.version + 1, person.head, person.chained);
            ensure(follows, || format!("entry {} does not follow the one before it", entry.id))?;
            ensure(!self.journal.contains_key(&entry.id), || format!("entry {} is written twice", entry.id))?;
            (person.version, person.head, person.chained) = (link.number, Some(entry.id), *digest);
        }
        Ok(())
    }

    fn settled(&mut self, entry: &Entry, ask: &Ask, (begun, at): (Time, Time)) -> Verdict {
        let Ask::Settle { claim, request, .. } = ask else { return Err("a settlement nobody asked for".to_owned()) };
        let settled = entry.settled().ok_or("no settlement")?;
        ensure(RawClaim::from(&settled.claim) == *claim, || format!("{} is of another claim", entry.id))?;
        let key = ModelKey::of(claim, request);
        self.books.uses(&key, entry, at)?;
        self.books.claim_settled(&key.claim(claim.claim_id.as_str()), &key.person, entry.id, at)?;
        let bill = bill(claim);
        let person = self.books.persons.entry(key.person.clone()).or_default();
        let hospital = &self.tables.hospitals[&key.hospital];
        let seen: Vec<&model::Person> =
            self.versions.get(&key.person).into_iter().flat_map(|versions| versions.between(begun, at)).collect();
        let found = seen.into_iter().find_map(|version| {
            let account = |year| person.account(&version.insurance, year);
            let decided = self.book.settle(&bill, version, hospital, &self.tables.catalogue, account).ok()?;
            is_split(&settled.split, &decided.0, &version.insurance).then(|| (decided, version.clone()))
        });
        let ((split, after), version) = found.ok_or_else(|| format!("the split of {} is wrong", entry.id))?;
        within_caps(&split, &after, &person.account(&version.insurance, split.year))?;
        person.settle(entry.id, &key, claim.claim_id.as_str(), bill, version, split, after);
        self.books.listed.push((key.hospital, entry.committed.china_day(), entry.id));
        self.count("settled");
        Ok(())
    }

    fn reversed(&mut self, entry: &Entry, revisions: &[&Entry], ask: &Ask, at: Time) -> Verdict {
        let Ask::Reverse { told, request } = ask else { return Err("a reversal nobody asked for".to_owned()) };
        let reversed = entry.reversed().ok_or("no reversal")?;
        let key = ModelKey::of_reversal(told, request);
        self.books.uses(&key, entry, at)?;
        let claim = key.claim(told.claim_id.as_str());
        let target = self.books.claim_reversed(&claim, &key.person, at)?;
        ensure(reversed.settlement == target, || format!("{} reverses another settlement", entry.id))?;
        let person = self.books.persons.entry(key.person.clone()).or_default();
        let later = person.take_out(target)?;
        ensure(told.readjudicate || later.is_empty(), || format!("{} is out of order", entry.id))?;
        ensure(later.len() == revisions.len(), || {
            format!("{} revises {} of {}", entry.id, revisions.len(), later.len())
        })?;
        for (at, revision) in later.into_iter().zip(revisions) {
            let hospital = &self.tables.hospitals[&person.live[at].hospital];
            person.revise(at, revision, &self.book, hospital, &self.tables.catalogue)?;
        }
        let what = if revisions.is_empty() { "reversed" } else { "re-adjudicated" };
        self.count(what);
        Ok(())
    }

    fn fenced(&mut self, entry: &Entry, ask: &Ask, at: Time) -> Verdict {
        let Ask::Fence { hospital, person, request } = ask else { return Err("a fence nobody asked for".to_owned()) };
        let key = ModelKey { hospital: hospital.clone(), person: person.clone(), request: request.clone() };
        self.books.uses(&key, entry, at)?;
        self.count("fenced");
        Ok(())
    }
}

/// No account stands above a cap that limited this settlement, unless it did before.
fn within_caps(split: &model::Split, after: &model::Account, before: &model::Account) -> Verdict {
    for (account, _, annual) in split.layers.iter().flat_map(|layer| &layer.caps) {
        let sum = |of: &model::Account| of.caps.get(account).copied().unwrap_or(0);
        let within = annual.is_none_or(|annual| sum(after) <= annual || sum(after) <= sum(before));
        ensure(within, || format!("the cap of {account} is exceeded"))?;
    }
    let paid: i64 = split.payers.values().sum();
    ensure(paid + split.patient == split.total, || "payers and patient are not the total".to_owned())
}
