//! The `quote_digest` of a quote: a sealed token with the digest of the split that the caller was shown.
//!
//! It opens only for the same caller and the same content of a claim ([`crate::access::sealed_token`]), so nobody learns a
//! split from a settle without having been quoted that claim before.

use crate::access::Caller;
use crate::access::sealed_token::{TokenContext, TokenError, TokenKey};
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::ids::Digest;
use crate::engine::settle::PresentedQuote;
use crate::store::Store;

use super::commit_stamp;
use super::error::CallError;

/// What the key of quote tokens is derived for.
const KEY_PURPOSE: &str = "onestop quote tokens, version 1";

/// Issues and reads the quote tokens of a server.
#[derive(Clone, Debug)]
pub struct QuoteTokens(TokenKey);

impl QuoteTokens {
    /// The quote tokens of every instance over this store.
    pub fn new(store: &impl Store) -> QuoteTokens {
        QuoteTokens(TokenKey::new(store.derived_key(KEY_PURPOSE).0))
    }

    /// A token for this caller, content of a claim, and split.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn issue(&self, caller: &Caller, claim: Digest, split: Digest) -> Result<Vec<u8>, CallError> {
        let token = self.0.seal(token_context(caller, claim), &split.0, commit_stamp::instant());
        token.map_err(|error| CallError::Internal(error.to_string()))
    }

    /// What a token shows that a caller presents with this content of a claim.
    pub fn open(&self, caller: &Caller, claim: Digest, token: &[u8]) -> PresentedQuote {
        let opened = self.0.open(token_context(caller, claim), token, commit_stamp::instant());
        let split = opened.and_then(|split| split.try_into().map_err(|_| TokenError::NotAuthentic));
        split.map_or_else(
            |error| PresentedQuote::Invalid(token_fault(error)),
            |split| PresentedQuote::Shown(Digest(split)),
        )
    }
}

fn token_context(caller: &Caller, claim: Digest) -> TokenContext<'_> {
    TokenContext { caller: &caller.name, call: "Quote", subject: claim }
}

fn token_fault(error: TokenError) -> FieldFault {
    let (reason, message) = match error {
        TokenError::NotAuthentic => {
            (FaultReason::NotAuthentic, "is no quote that this caller was given for this claim")
        }
        TokenError::Expired => (FaultReason::Expired, "was given more than 12 hours ago; request a quote again"),
    };
    FieldFault::new("quote_digest", reason, message)
}
