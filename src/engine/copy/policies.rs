//! The policies that were ever kept, by the digests that settlements name.

use crate::domain::ids::Digest;
use crate::store::{Store, StoreError};

use super::{Copying, NotCopied};

impl<S: Store, T: Store> Copying<'_, S, T> {
    /// Every policy of the target is the source's.
    pub(super) async fn compare_policies(&self) -> Result<(), NotCopied> {
        for digest in self.target.policy_digests().await.map_err(NotCopied::target)? {
            let there = self.target.policy(digest).await.map_err(NotCopied::target)?;
            if self.source.policy(digest).await.map_err(NotCopied::source)? != there {
                return Err(NotCopied::Foreign(format!("policy {digest}")));
            }
        }
        Ok(())
    }

    /// Gives the number of all.
    pub(super) async fn policies(&self) -> Result<u64, NotCopied> {
        let digests = self.source.policy_digests().await.map_err(NotCopied::source)?;
        for digest in &digests {
            if self.target.policy(*digest).await.map_err(NotCopied::target)?.is_none() {
                let text = kept(self.source, *digest).await.map_err(NotCopied::source)?;
                self.target.put_policy(*digest, text).await.map_err(NotCopied::target)?;
            }
        }
        Ok(digests.len() as u64)
    }
}

async fn kept<S: Store>(store: &S, digest: Digest) -> Result<String, StoreError> {
    let text = store.policy(digest).await?;
    text.ok_or_else(|| StoreError::Damaged(format!("policy {digest} is listed and is not there")))
}
