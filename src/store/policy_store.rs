//! The policies and books of a store.

use std::future::Future;

use super::error::StoreError;
use crate::domain::ids::Digest;

/// The policies that were ever in force, so that a settlement can be recomputed, and the books of their words; each text
/// under its digest.
pub trait PolicyStore: Send + Sync + 'static {
    /// Keeps the canonical text of a policy; durable when it returns.
    fn put_policy(&self, digest: Digest, canonical: String) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The canonical text of a policy.
    fn policy(&self, digest: Digest) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// The digests of all policies, in ascending order.
    fn policy_digests(&self) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send;
}
