//! ListEntries and WatchEntries: the journal in the order of commits.
//!
//! A watch reads its next page only when the transport asks for a message beyond those of the page before: a caller that does
//! not read holds one page, however far behind it is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tonic::Status;

use crate::domain::ids::PersonId;
use crate::domain::journal::{
    AdministrationAct, AdministrationEntry, Differences, Entry, EntryKind, MonthClosing, PolicyActivation,
};
use crate::engine::Engine;
use crate::engine::feed::{FeedEntry, FeedPage, FeedScope, SeenEntry};
use crate::journal::CommittedEntry;
use crate::journal::answer::shares;
use crate::pb::settlement as pb;
use crate::store::Store;
use crate::store::rows::CommitPosition;

use super::authorize::{Authorizer, Permitted};
use super::disclosures::Disclosures;
use super::error::CallError;
use super::feed_cursor::FeedCursors;
use super::listing::visible_hospitals;
use super::page;
use super::to_proto::{digest, month, timestamp};

/// How many entries a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The entries of a page of a watch.
const WATCH_PAGE: usize = 100;

/// How long a watch that has seen every entry waits before it asks the store again.
const POLL: Duration = Duration::from_millis(250);

/// The responses of a watch.
pub type WatchedEntries = Pin<Box<dyn Stream<Item = Result<pb::WatchEntriesResponse, Status>> + Send>>;

/// What reads the feed for a caller.
pub struct FeedReader<S> {
    pub(super) engine: Arc<Engine<S>>,
    pub(super) disclosures: Arc<Disclosures>,
    pub(super) cursors: FeedCursors,
}

impl<S: Store> FeedReader<S> {
    /// The page that is requested.
    ///
    /// # Errors
    /// What is wrong with the request, or the store cannot be read.
    pub async fn list(
        &self,
        permitted: &Permitted,
        request: pb::ListEntriesRequest,
    ) -> Result<pb::ListEntriesResponse, CallError> {
        let limit = page::page_size(request.page_size, PAGE.0, PAGE.1)?;
        let seen = self.cursors.decode(permitted, &request.cursor)?;
        let page = self.read(permitted, self.engine.resume_feed(seen).await?, limit).await?;
        let entries = page.entries.iter().map(entry_message).collect();
        Ok(pb::ListEntriesResponse {
            entries,
            next_cursor: self.cursors.encode(permitted, page.last.or(seen))?,
            is_end: page.is_end,
        })
    }

    /// The next entries that the caller may see, after the read of them was recorded.
    async fn read(&self, permitted: &Permitted, after: CommitPosition, limit: usize) -> Result<FeedPage, CallError> {
        let administration = permitted.caller.views_administration();
        let scope = FeedScope { hospitals: visible_hospitals(permitted), administration };
        let page = self.engine.feed(after, limit, &scope).await?;
        let mut persons: Vec<_> = page.entries.iter().filter_map(|one| person(&one.entry)).collect();
        persons.sort();
        persons.dedup();
        self.disclosures.log_read(permitted, self.engine.store(), persons)?;
        Ok(page)
    }

    /// The entries after a cursor, and every later one as it is committed, until the caller ends the call or the server
    /// stops.
    ///
    /// # Errors
    /// If the cursor is none.
    pub fn watch(
        self,
        permitted: Permitted,
        request: &pb::WatchEntriesRequest,
        authorizer: Arc<Authorizer>,
        shutdown: watch::Receiver<bool>,
    ) -> Result<WatchedEntries, CallError> {
        let seen = self.cursors.decode(&permitted, &request.cursor)?;
        let watch =
            Watch { reader: self, permitted, authorizer, shutdown, seen, after: None, pending: VecDeque::new() };
        Ok(Box::pin(stream::unfold(Some(watch), |watch| async move { watch?.next().await })))
    }
}

/// A watch in progress.
struct Watch<S> {
    reader: FeedReader<S>,
    permitted: Permitted,
    authorizer: Arc<Authorizer>,
    shutdown: watch::Receiver<bool>,
    /// The entry of the cursor with which it began.
    seen: Option<SeenEntry>,
    /// The position after which it reads on; none before its first page.
    after: Option<CommitPosition>,
    /// The rest of the page that was read.
    pending: VecDeque<pb::WatchEntriesResponse>,
}

/// A message, and the watch that goes on; none after its end.
type Step<S> = Option<(Result<pb::WatchEntriesResponse, Status>, Option<Watch<S>>)>;

impl<S: Store> Watch<S> {
    async fn next(mut self) -> Step<S> {
        loop {
            if let Some(message) = self.pending.pop_front() {
                return Some((Ok(message), Some(self)));
            }
            let mut shutdown = self.shutdown.clone();
            let read = tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => Err(CallError::Stopping),
                read = self.read_page() => read,
            };
            if let Err(error) = read {
                return Some((Err(error.into()), None));
            }
        }
    }

    /// Reads the next page; waits if there is nothing further yet. The caller may be another one by now.
    async fn read_page(&mut self) -> Result<(), CallError> {
        self.permitted = self.authorizer.reauthorize(&self.permitted)?;
        let after = match self.after {
            Some(after) => after,
            None => self.reader.engine.resume_feed(self.seen).await?,
        };
        let page = self.reader.read(&self.permitted, after, WATCH_PAGE).await?;
        for one in &page.entries {
            let cursor = self.reader.cursors.encode(&self.permitted, Some(one.seen()))?;
            self.pending.push_back(pb::WatchEntriesResponse { entry: Some(entry_message(one)), cursor });
        }
        self.after = Some(page.last.map_or(after, |last| last.position));
        if page.is_end && self.pending.is_empty() {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

fn person(entry: &CommittedEntry) -> Option<&PersonId> {
    match entry {
        CommittedEntry::Person(entry) => Some(entry.parties().1),
        CommittedEntry::Administration(_) => None,
    }
}

fn entry_message(one: &FeedEntry) -> pb::JournalEntry {
    match &one.entry {
        CommittedEntry::Person(entry) => person_entry_message(entry, &one.amounts),
        CommittedEntry::Administration(entry) => administration_message(entry),
    }
}

fn administration_message(entry: &AdministrationEntry) -> pb::JournalEntry {
    let message = pb::JournalEntry {
        entry_id: entry.id.to_string(),
        commit_time: Some(timestamp(entry.committed)),
        ..pb::JournalEntry::default()
    };
    match &entry.act {
        AdministrationAct::PolicyActivation(PolicyActivation { activated_by, book }) => pb::JournalEntry {
            kind: pb::EntryKind::PolicyActivation.into(),
            policy_activation: Some(pb::PolicyActivation {
                activated_by: activated_by.clone(),
                book_digest: digest(*book),
            }),
            ..message
        },
        AdministrationAct::ImportEnd(import) => pb::JournalEntry {
            kind: pb::EntryKind::ImportEnd.into(),
            import_end: Some(pb::ImportEnd {
                number: import.number,
                table: import.table.clone(),
                source: import.source.clone(),
                imported_by: import.imported_by.clone(),
                digest: digest(import.digest),
                changed: import.changed,
                unchanged: import.unchanged,
            }),
            ..message
        },
        AdministrationAct::MonthClosing(MonthClosing { closed_by, month: closed }) => pb::JournalEntry {
            kind: pb::EntryKind::MonthClosing.into(),
            month_closing: Some(pb::MonthClosing { closed_by: closed_by.clone(), month: Some(month(*closed)) }),
            ..message
        },
    }
}

fn person_entry_message(entry: &Entry, amounts: &Differences) -> pb::JournalEntry {
    let (hospital_id, person_id) = entry.parties();
    let account = entry.account();
    pb::JournalEntry {
        entry_id: entry.id.to_string(),
        kind: kind(entry).into(),
        commit_time: Some(timestamp(entry.committed)),
        hospital_id: hospital_id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        person_id: person_id.as_str().to_owned(),
        request_id: request_id(entry),
        claim_id: claim_id(entry),
        settlement_id: settlement_id(entry),
        insurance: account.map(|account| account.insurance.to_string()).unwrap_or_default(),
        benefit_year: account.map_or(0, |account| account.year),
        payers: shares(amounts.payers.clone()),
        patient_fen: amounts.patient.fen(),
        booking_month: entry.booking_month().map(month),
        policy_activation: None,
        import_end: None,
        month_closing: None,
    }
}

/// The request of an entry. A revision has none: the request that caused it may be of another hospital, and its reversal
/// names it.
fn request_id(entry: &Entry) -> String {
    match &entry.body {
        EntryKind::Revision(_) => String::new(),
        _ => entry.request_id.as_str().to_owned(),
    }
}

fn kind(entry: &Entry) -> pb::EntryKind {
    match &entry.body {
        EntryKind::Settlement(_) => pb::EntryKind::Settlement,
        EntryKind::Reversal(_) => pb::EntryKind::Reversal,
        EntryKind::Revision(_) => pb::EntryKind::Revision,
        EntryKind::Fence(_) => pb::EntryKind::Fence,
    }
}

fn claim_id(entry: &Entry) -> String {
    match &entry.body {
        EntryKind::Settlement(settled) => settled.claim.claim_id.as_str().to_owned(),
        EntryKind::Reversal(reversed) => reversed.claim_id.as_str().to_owned(),
        EntryKind::Revision(revised) => revised.claim_id.as_str().to_owned(),
        EntryKind::Fence(_) => String::new(),
    }
}

fn settlement_id(entry: &Entry) -> String {
    match &entry.body {
        EntryKind::Settlement(_) => entry.id.to_string(),
        EntryKind::Reversal(reversed) => reversed.settlement.to_string(),
        EntryKind::Revision(revised) => revised.settlement.to_string(),
        EntryKind::Fence(_) => String::new(),
    }
}
