//! StoreCopy of policies.

use crate::domain::ids::Digest;
use crate::store::{Store, StoreError};

use super::{CopyError, StoreCopy};

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Checks that every policy of the target is the source's.
    pub(super) async fn compare_policies(&self) -> Result<(), CopyError> {
        for digest in self.target.policy_digests().await.map_err(CopyError::target)? {
            let text = self.target.policy(digest).await.map_err(CopyError::target)?;
            if self.source.policy(digest).await.map_err(CopyError::source)? != text {
                return Err(CopyError::ForeignContent(format!("policy {digest}")));
            }
        }
        Ok(())
    }

    /// Copies the policies that the target lacks; returns the number of all policies.
    pub(super) async fn copy_policies(&self) -> Result<u64, CopyError> {
        let digests = self.source.policy_digests().await.map_err(CopyError::source)?;
        for digest in &digests {
            if self.target.policy(*digest).await.map_err(CopyError::target)?.is_none() {
                let text = read_policy(self.source, *digest).await.map_err(CopyError::source)?;
                self.target.put_policy(*digest, text).await.map_err(CopyError::target)?;
            }
        }
        Ok(digests.len() as u64)
    }
}

async fn read_policy<S: Store>(store: &S, digest: Digest) -> Result<String, StoreError> {
    let text = store.policy(digest).await?;
    text.ok_or_else(|| StoreError::Damaged(format!("policy {digest} is listed but missing")))
}
