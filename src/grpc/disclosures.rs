//! Answers that disclose something about a person: each is in the access log before it leaves.
//!
//! That holds for reads, quotes, replays and dry runs, and for refusals that depend on what is known about the person
//! ([`CallError::discloses`]). What a call commits is recorded by its journal entry and needs no line. An answer whose
//! line cannot be written is not sent.

use std::time::Instant;

use crate::access::AccessError;
use crate::access::log::{AccessLog, Disclosure};
use crate::access::recent_quotes::RecentQuotes;
use crate::domain::ids::PersonId;
use crate::store::Store;

use super::authorize::Permitted;
use super::commit_stamp;
use super::error::CallError;
use super::status::Reason;

/// The word in the log for an answer that is not a refusal.
const OK: &str = "OK";

/// The access log, and the persons for whom a hospital requested a quote recently.
pub struct Disclosures {
    log: AccessLog,
    quotes: RecentQuotes,
}

impl Disclosures {
    /// With this log.
    pub fn new(log: AccessLog) -> Disclosures {
        Disclosures { log, quotes: RecentQuotes::default() }
    }

    /// The answer to a read about a person, after it was recorded if it discloses something. `person` is `None` if the
    /// request has no valid id; no answer to it discloses anything.
    ///
    /// # Errors
    /// Those of the answer; [`AccessError::LogUnavailable`] in place of an answer that cannot be recorded.
    pub fn log_answer<T>(
        &self,
        permitted: &Permitted,
        store: &impl Store,
        person: Option<&PersonId>,
        answer: Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.log_unless_committed(permitted, store, person, answer, |_| false)
    }

    /// The same for a call that may commit: `is_journaled` tells whether the answer is recorded by a journal entry.
    ///
    /// # Errors
    /// As [`Disclosures::log_answer`].
    pub fn log_unless_committed<T>(
        &self,
        permitted: &Permitted,
        store: &impl Store,
        person: Option<&PersonId>,
        answer: Result<T, CallError>,
        is_journaled: impl FnOnce(&T) -> bool,
    ) -> Result<T, CallError> {
        let word = match &answer {
            Ok(content) => Some(OK).filter(|_| !is_journaled(content)),
            Err(error) => Some(Reason::from(error).as_str()).filter(|_| error.discloses()),
        };
        if let Some(word) = word {
            let no_person = || CallError::Internal("an answer discloses something about an invalid id".to_owned());
            self.append(permitted, store, [person.ok_or_else(no_person)?], word)?;
        }
        answer
    }

    /// Records that an answer discloses the data of these persons.
    ///
    /// # Errors
    /// [`AccessError::LogUnavailable`] if the log cannot be written: the answer must then not be sent.
    pub fn log_read<'a>(
        &self,
        permitted: &Permitted,
        store: &impl Store,
        persons: impl IntoIterator<Item = &'a PersonId>,
    ) -> Result<(), AccessError> {
        self.append(permitted, store, persons, OK)
    }

    /// Records that an answer discloses the data of the persons with these keys.
    ///
    /// # Errors
    /// As [`Disclosures::log_read`].
    pub fn log_read_of_keys(&self, permitted: &Permitted, persons: &[[u8; 16]]) -> Result<(), AccessError> {
        let disclosure = Disclosure { caller: &permitted.caller, call: permitted.call, answer: OK, persons };
        self.log.record(disclosure, commit_stamp::now().instant.0).map_err(|error| unavailable(&error))
    }

    /// Records that a call discloses everything about every person.
    ///
    /// # Errors
    /// As [`Disclosures::log_read`].
    pub fn log_everything(&self, permitted: &Permitted) -> Result<(), AccessError> {
        let at = commit_stamp::instant().0;
        let recorded = self.log.record_everything(&permitted.caller, permitted.call, OK, at);
        recorded.map_err(|error| unavailable(&error))
    }

    fn append<'a>(
        &self,
        permitted: &Permitted,
        store: &impl Store,
        persons: impl IntoIterator<Item = &'a PersonId>,
        answer: &str,
    ) -> Result<(), AccessError> {
        let persons: Vec<_> = persons.into_iter().map(|person| store.person_key(person)).collect();
        let disclosure = Disclosure { caller: &permitted.caller, call: permitted.call, answer, persons: &persons };
        self.log.record(disclosure, commit_stamp::instant().0).map_err(|error| unavailable(&error))
    }

    /// Records that a hospital was given a quote for a person, and may therefore read the person's account.
    pub fn record_quote(&self, hospital: &str, person: &PersonId, store: &impl Store) {
        self.quotes.record(hospital, store.person_key(person), Instant::now());
    }

    /// Whether one of the caller's hospitals was given a quote for the person recently.
    pub fn has_quoted(&self, permitted: &Permitted, person: &PersonId, store: &impl Store) -> bool {
        let (key, now) = (store.person_key(person), Instant::now());
        permitted.caller.hospitals.iter().any(|hospital| self.quotes.contains(hospital.as_str(), key, now))
    }

    /// Opens the log again.
    pub fn reopen_log(&self) {
        if let Err(error) = self.log.reopen() {
            tracing::error!(%error, "the access log cannot be reopened; the open file stays in use");
        }
    }
}

fn unavailable(error: &std::io::Error) -> AccessError {
    tracing::error!(%error, "the access log cannot be written; answers about persons are refused");
    AccessError::LogUnavailable
}
