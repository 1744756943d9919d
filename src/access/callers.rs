//! The callers that a server knows, by what their certificates say.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::refusal::{Reason, Refusal};

use super::allowance::CallerLimits;
use super::caller::Caller;
use super::read;

pub use super::read::{CallerFault, normal};

/// The callers by their identities.
#[derive(Debug)]
pub enum Callers {
    /// Nobody is asked: whoever comes is [`Caller::anyone`].
    Open(Arc<Caller>),
    /// These, each by the URI or DNS name in its certificate.
    Known(HashMap<String, Arc<Caller>>),
}

impl Callers {
    /// Whoever comes may do everything.
    pub fn open() -> Callers {
        Callers::Open(Arc::new(Caller::anyone()))
    }

    /// The callers of a file (`deploy/callers.toml` shows one); `bounds` are those of a caller that names none.
    ///
    /// # Errors
    /// Every fault, in the order of lines.
    pub fn read(text: &str, bounds: CallerLimits) -> Result<Callers, Vec<CallerFault>> {
        read::read(text, bounds).map(Callers::Known)
    }

    /// The caller whose certificate carries these names.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` CALLER_UNKNOWN if none of them is known, or two are of different callers.
    pub fn caller(&self, identities: &[String]) -> Result<Arc<Caller>, Refusal> {
        let known = match self {
            Callers::Open(anyone) => return Ok(Arc::clone(anyone)),
            Callers::Known(known) => known,
        };
        let mut callers = identities.iter().filter_map(|identity| known.get(identity));
        let unknown = || Refusal::because(Reason::CallerUnknown);
        let caller = callers.next().ok_or_else(unknown)?;
        if callers.all(|other| Arc::ptr_eq(other, caller)) { Ok(Arc::clone(caller)) } else { Err(unknown()) }
    }

    /// These callers in place of others; what a caller of the same name and bounds has used stays used.
    #[must_use]
    pub fn after(self, before: &Callers) -> Callers {
        match (self, before) {
            (Callers::Known(mut now), Callers::Known(before)) => {
                now.values_mut().for_each(|caller| keep_used(caller, before));
                Callers::Known(now)
            }
            (now, _) => now,
        }
    }

    /// Whether the same callers are known under the same identities.
    pub fn same_as(&self, other: &Callers) -> bool {
        match (self, other) {
            (Callers::Open(_), Callers::Open(_)) => true,
            (Callers::Known(one), Callers::Known(other)) => one == other,
            _ => false,
        }
    }

    /// How many callers are known; none where nobody is asked.
    pub fn count(&self) -> Option<usize> {
        match self {
            Callers::Open(_) => None,
            Callers::Known(known) => Some(known.len()),
        }
    }
}

fn keep_used(caller: &mut Arc<Caller>, before: &HashMap<String, Arc<Caller>>) {
    let same = |old: &&Arc<Caller>| old.name == caller.name && old.allowance.bounds() == caller.allowance.bounds();
    if let Some(old) = before.values().find(same) {
        let allowance = Arc::clone(&old.allowance);
        *caller = Arc::new(Caller { allowance, ..Caller::clone(caller) });
    }
}
