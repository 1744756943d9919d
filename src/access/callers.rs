//! The callers that a server accepts, and their authentication by the names in client certificates.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::file_faults::FileFaults;

use super::allowance::CallerLimits;
use super::caller::Caller;
use super::callers_file;
use super::error::AccessError;

pub(crate) use super::callers_file::normalized_identity;

/// The callers that a server accepts.
#[derive(Debug, PartialEq)]
pub enum Callers {
    /// The server authenticates nobody: every caller is `Caller::anyone`.
    Open(Arc<Caller>),
    /// The callers of a file, by the URI or DNS name in the certificate.
    Known(HashMap<String, Arc<Caller>>),
}

impl Callers {
    /// Accepts everybody, for every call.
    pub fn open() -> Callers {
        Callers::Open(Arc::new(Caller::anyone()))
    }

    /// Reads the text of a file of callers (see `deploy/callers.toml`). `file` is the name that faults report;
    /// `default_limits` apply to a caller that specifies none; an id of a hospital has at most `id_bytes`
    /// bytes.
    ///
    /// # Errors
    /// Every fault, in the order of lines.
    pub fn from_toml(
        file: &str,
        text: &str,
        default_limits: CallerLimits,
        id_bytes: usize,
    ) -> Result<Callers, FileFaults> {
        callers_file::read_callers(file, text, default_limits, id_bytes).map(Callers::Known)
    }

    /// The caller that is identified by these names of a certificate.
    ///
    /// # Errors
    /// [`AccessError::UnknownCaller`] if no caller has any of the names, or two callers do.
    pub fn authenticate(&self, identities: &[String]) -> Result<Arc<Caller>, AccessError> {
        let known = match self {
            Callers::Open(anyone) => return Ok(Arc::clone(anyone)),
            Callers::Known(known) => known,
        };
        let mut callers = identities.iter().filter_map(|identity| known.get(identity));
        let unknown = || AccessError::UnknownCaller;
        let caller = callers.next().ok_or_else(unknown)?;
        if callers.all(|other| Arc::ptr_eq(other, caller)) { Ok(Arc::clone(caller)) } else { Err(unknown()) }
    }

    /// Keeps what callers have already used of their limits across a reload: a caller takes over the allowance of
    /// a previous caller with the same name and limits.
    #[must_use]
    pub(crate) fn with_allowances_of(self, previous: &Callers) -> Callers {
        match (self, previous) {
            (Callers::Known(mut callers), Callers::Known(previous)) => {
                callers.values_mut().for_each(|caller| keep_allowance_if_same_limits(caller, previous));
                Callers::Known(callers)
            }
            (callers, _) => callers,
        }
    }

    /// The names of the callers.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        match self {
            Callers::Open(anyone) => vec![Arc::clone(&anyone.name)],
            Callers::Known(known) => known.values().map(|caller| Arc::clone(&caller.name)).collect(),
        }
    }

    /// The number of callers; `None` if the server authenticates nobody.
    pub fn count(&self) -> Option<usize> {
        match self {
            Callers::Open(_) => None,
            Callers::Known(known) => Some(known.len()),
        }
    }
}

fn keep_allowance_if_same_limits(caller: &mut Arc<Caller>, previous: &HashMap<String, Arc<Caller>>) {
    let same = |old: &&Arc<Caller>| old.name == caller.name && old.allowance.limits() == caller.allowance.limits();
    if let Some(old) = previous.values().find(same) {
        let allowance = Arc::clone(&old.allowance);
        *caller = Arc::new(Caller { allowance, ..Caller::clone(caller) });
    }
}
