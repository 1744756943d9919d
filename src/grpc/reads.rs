//! Reads of persons: each stands in the access log before it is answered.

use std::time::Instant;

use crate::access::AccessError;
use crate::access::log::AccessLog;
use crate::access::recent_quotes::RecentQuotes;
use crate::domain::ids::PersonId;
use crate::store::Store;

use super::authorize::Permitted;
use super::commit_stamp;

/// The log, and whom a hospital asked a quote for lately.
pub struct Reads {
    log: AccessLog,
    quotes: RecentQuotes,
}

impl Reads {
    /// With this log.
    pub fn new(log: AccessLog) -> Reads {
        Reads { log, quotes: RecentQuotes::default() }
    }

    /// Notes that whoever passed reads of these persons.
    ///
    /// # Errors
    /// [`AccessError::LogUnavailable`] if the log cannot be written: then no answer is given.
    pub fn note<'a>(
        &self,
        permitted: &Permitted,
        store: &impl Store,
        persons: impl IntoIterator<Item = &'a PersonId>,
    ) -> Result<(), AccessError> {
        let keys: Vec<_> = persons.into_iter().map(|person| store.person_key(person)).collect();
        let written = self.log.record(&permitted.caller, permitted.call, &keys, commit_stamp::now().instant.0);
        written.map_err(|error| {
            tracing::error!(%error, "the access log cannot be written; reads of persons are refused");
            AccessError::LogUnavailable
        })
    }

    /// Notes that a hospital was given a quote for a person.
    pub fn quoted(&self, hospital: &str, person: &PersonId, store: &impl Store) {
        self.quotes.record(hospital, store.person_key(person), Instant::now());
    }

    /// Whether one of the caller's hospitals was given a quote for the person lately.
    pub fn has_quoted(&self, permitted: &Permitted, person: &PersonId, store: &impl Store) -> bool {
        let (key, now) = (store.person_key(person), Instant::now());
        permitted.caller.hospitals.iter().any(|hospital| self.quotes.contains(hospital.as_str(), key, now))
    }

    /// Reopens the log.
    pub fn reopen(&self) {
        if let Err(error) = self.log.reopen() {
            tracing::error!(%error, "the access log cannot be reopened; the open file stays in use");
        }
    }
}
