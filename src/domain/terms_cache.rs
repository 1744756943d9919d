//! The terms of a policy that were resolved so far, by the circumstances of a claim.
//!
//! It is a memory of a pure function: whatever it holds or forgets, the same circumstances give the same terms.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::resolved_terms::LayerTerms;
use super::terms::TermsKey;

/// The most circumstances that are kept; at the next new one all are forgotten. A year's claims of a province have fewer.
const MAX_KEPT: usize = 4_096;

/// Resolved terms by circumstances.
#[derive(Default)]
pub(super) struct TermsCache(RwLock<HashMap<TermsKey, Arc<[LayerTerms]>, foldhash::fast::RandomState>>);

impl TermsCache {
    /// The terms in some circumstances, if they are kept.
    pub(super) fn get(&self, key: &TermsKey) -> Option<Arc<[LayerTerms]>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps terms.
    pub(super) fn put(&self, key: &TermsKey, terms: &Arc<[LayerTerms]>) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key.clone(), Arc::clone(terms));
    }
}

impl fmt::Debug for TermsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TermsCache({})", self.0.read().unwrap_or_else(PoisonError::into_inner).len())
    }
}
