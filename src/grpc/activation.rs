//! A change of the law while serving: the files are read again and checked whole, and then apply to every call that
//! begins after.

use std::sync::Arc;

use tokio::sync::Mutex;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::file_fault::FileFault;
use crate::domain::file_faults::FileFaults;
use crate::domain::ids::Digest;
use crate::engine::Engine;
use crate::engine::dropped_words::KeptWords;
use crate::policy::Book;
use crate::store::Store;
use crate::telemetry::LIFE;

use super::commit_stamp;
use super::error::CallError;

/// Reads the book that is to hold, or says every fault of it.
pub type LoadBook = Arc<dyn Fn() -> Result<Book, FileFaults> + Send + Sync>;

/// Under which name health knows the book in use, before its digest.
const HEALTH_PREFIX: &str = "onestop.book/";

/// What a change does, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookChange {
    /// The book before.
    pub old: Digest,
    /// The book after.
    pub new: Digest,
    /// Policies that the old book has not.
    pub added: Vec<String>,
    /// Policies that are others under the same id.
    pub changed: Vec<String>,
    /// Policies that the new book has not.
    pub removed: Vec<String>,
}

/// Changes the book of an engine.
pub struct Activation<S> {
    engine: Arc<Engine<S>>,
    load_book: LoadBook,
    health: HealthReporter,
    one_at_a_time: Mutex<()>,
}

impl<S: Store> Activation<S> {
    /// For this engine; tells health the book in use.
    pub async fn new(engine: Arc<Engine<S>>, load_book: LoadBook, health: HealthReporter) -> Activation<S> {
        health.set_service_status(health_service_name(engine.book().digest()), ServingStatus::Serving).await;
        Activation { engine, load_book, health, one_at_a_time: Mutex::default() }
    }

    /// Refuses a book without a word that is used.
    async fn check_words(&self, book: &Book) -> Result<(), CallError> {
        let dropped = self.engine.dropped_words(&KeptWords::of(book.vocabulary())).await?;
        let fault = |FileFault { file, line, message, message_zh, .. }| {
            let fault = FieldFault::new(format!("{file}:{line}"), FaultReason::UnknownWord, message);
            fault.with_chinese(message_zh.unwrap_or_default())
        };
        let faults: Vec<_> = dropped.iter().map(|word| fault(word.fault(book.vocabulary_file()))).collect();
        if faults.is_empty() { Ok(()) } else { Err(policies_refused(faults)) }
    }

    /// Reads the files again and applies them; with `dry_run` it only reports what would change.
    ///
    /// # Errors
    /// [`CallError::PoliciesRefused`] with the faults, or if the files are not those expected; the book in use stays.
    pub async fn activate(&self, dry_run: bool, expected: &[u8], activated_by: &str) -> Result<BookChange, CallError> {
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let read = Arc::clone(&self.load_book);
        let book = tokio::task::spawn_blocking(move || read_stable_book(&*read)).await;
        let book = book.map_err(|_| CallError::Internal("the thread that read policies ended early".to_owned()))??;
        let change = book_change(&self.engine.book(), &book);
        if !expected.is_empty() && expected != change.new.0 {
            let message = format!("is not the digest of the files as they are: {}", change.new);
            return Err(policies_refused(vec![FieldFault::new("expected_digest", FaultReason::Unreadable, message)]));
        }
        self.check_words(&book).await?;
        if !dry_run && change.old == change.new {
            // It may be another that the instances of this store are to apply.
            self.engine.announce_book_as_required(activated_by, &commit_stamp::now).await?;
        }
        if !dry_run && change.old != change.new {
            self.engine.activate(book, activated_by, &commit_stamp::now).await?;
            self.health.set_service_status(health_service_name(change.new), ServingStatus::Serving).await;
            self.health.set_service_status(health_service_name(change.old), ServingStatus::NotServing).await;
            let (old, new) = (change.old.to_string(), change.new.to_string());
            let (added, changed, removed) = (&change.added, &change.changed, &change.removed);
            tracing::info!(target: LIFE, old, new, ?added, ?changed, ?removed, "another book of policies is in use");
        }
        Ok(change)
    }
}

fn health_service_name(book: Digest) -> String {
    format!("{HEALTH_PREFIX}{book}")
}

/// The book, read twice and the same both times: a directory that is being written is no book.
fn read_stable_book(read: &(dyn Fn() -> Result<Book, FileFaults> + Send + Sync)) -> Result<Book, CallError> {
    let faulty = |faults: FileFaults| {
        let fault = |FileFault { file, line, message, message_zh, .. }| FieldFault {
            message_zh,
            ..FieldFault::new(format!("{file}:{line}"), FaultReason::Unreadable, message)
        };
        policies_refused(faults.into_iter().map(fault).collect())
    };
    let (first, second) = (read().map_err(faulty)?, read().map_err(faulty)?);
    if first.digest() == second.digest() {
        return Ok(second);
    }
    let message = "changed while they were read; put files in place by renaming them";
    Err(policies_refused(vec![FieldFault::new("policies", FaultReason::Unreadable, message)]))
}

fn policies_refused(faults: Vec<FieldFault>) -> CallError {
    CallError::PoliciesRefused(faults.into_iter().collect())
}

fn book_change(old: &Book, new: &Book) -> BookChange {
    let mut change = BookChange { old: old.digest(), new: new.digest(), ..BookChange::default() };
    for policy in new.policies() {
        let id = policy.reference.id.to_string();
        match old.get(&id) {
            None => change.added.push(id),
            Some(known) if known.reference.digest != policy.reference.digest => change.changed.push(id),
            Some(_) => {}
        }
    }
    let gone = old.policies().iter().filter(|policy| new.get(&policy.reference.id).is_none());
    change.removed = gone.map(|policy| policy.reference.id.to_string()).collect();
    change
}
