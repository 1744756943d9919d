//! The book in use, as a store keeps it from one start to the next: a word that is used cannot be dropped, and a statement
//! shows the names of the book that its settlement was decided under.

use crate::domain::ids::Digest;
use crate::domain::vocabulary::Vocabulary;
use crate::policy::{Book, vocabulary_of_kept};
use crate::store::{Store, StoreError};

use super::administration::StampSource;
use super::dropped_words::{DroppedWord, KeptWords};
use super::{Engine, EngineError};

impl<S: Store> Engine<S> {
    /// Puts the engine's own book in use, unless words that are used would be dropped: those are returned, and the book
    /// that was in use before stays the one that the next start is compared with. The journal says so, once for a book.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn put_own_book_in_use(&self, stamps: StampSource<'_>) -> Result<Vec<DroppedWord>, EngineError> {
        let book = self.book();
        let dropped = self.dropped_words(&KeptWords::of(book.vocabulary())).await?;
        if dropped.is_empty() {
            self.record_own_book(stamps).await?;
        }
        Ok(dropped)
    }

    /// The vocabulary of a book that was ever in use, by the digest that settlements name.
    ///
    /// # Errors
    /// If the store cannot be read, or what it kept is not what the digest says.
    pub async fn stored_vocabulary(&self, digest: Digest) -> Result<Option<Vocabulary>, EngineError> {
        let Some(text) = self.store.policy(digest).await.map_err(EngineError::from_read_error)? else {
            return Ok(None);
        };
        vocabulary_of_kept(&text, digest)
            .map(Some)
            .ok_or_else(|| EngineError::broken_invariant(format!("the book kept as {digest} is another")))
    }

    /// The vocabulary that was put in use last; this engine's own, if none was kept.
    pub(super) async fn vocabulary_in_use(&self) -> Result<Vocabulary, EngineError> {
        let own = || self.book().vocabulary().as_ref().clone();
        match self.store.administration().await.map_err(EngineError::from_read_error)?.book {
            Some(digest) if digest != self.book().digest() => {
                Ok(self.stored_vocabulary(digest).await?.unwrap_or_else(own))
            }
            _ => Ok(own()),
        }
    }
}

/// Keeps the book and every policy of it, so that what is settled under it can be recomputed and shown in its words.
pub(super) async fn store_book<S: Store>(store: &S, book: &Book) -> Result<(), StoreError> {
    for policy in book.policies() {
        let digest = policy.reference.digest;
        if store.policy(digest).await?.is_none() {
            store.put_policy(digest, policy.canonical.to_string()).await?;
        }
    }
    if store.policy(book.digest()).await?.is_none() {
        let text = book.kept_text().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        store.put_policy(book.digest(), text).await?;
    }
    Ok(())
}
