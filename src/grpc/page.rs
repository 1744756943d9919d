//! Pages of lists (AIP-158): the number of rows, and the token with which a caller requests the next page.
//!
//! A token holds the position at which the next page begins. It is sealed ([`crate::access::sealed_token`]): it reveals
//! nothing, opens only for the same caller, call and filter, and expires.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::sealed_token::{TokenContext, TokenError, TokenKey};
use crate::domain::fault::FaultReason;
use crate::domain::ids::{CanonicalDigest, Digest};
use crate::store::Store;

use super::authorize::Permitted;
use super::commit_stamp;
use super::error::CallError;
use super::page_position::PagePosition;

/// What the key of page tokens is derived for.
const KEY_PURPOSE: &str = "onestop page tokens, version 1";

/// The number of rows in a page: what was requested, the default if nothing was, and never more than the limit.
///
/// # Errors
/// [`CallError::InvalidMessage`] for a negative number.
pub fn page_size(requested: i32, default: usize, limit: usize) -> Result<usize, CallError> {
    let negative = |_| CallError::invalid_field("page_size", FaultReason::Negative, "is negative");
    let requested = usize::try_from(requested).map_err(negative)?;
    Ok(if requested == 0 { default } else { requested.min(limit) })
}

/// Issues and reads the page tokens of a server.
#[derive(Clone, Debug)]
pub struct PageTokens(TokenKey);

/// The page tokens of one caller for one list.
pub struct ListTokens<'a> {
    key: &'a TokenKey,
    permitted: &'a Permitted,
    filter: Digest,
}

impl PageTokens {
    /// The page tokens of every instance over this store.
    pub fn new(store: &impl Store) -> PageTokens {
        PageTokens(TokenKey::new(store.derived_key(KEY_PURPOSE).0))
    }

    /// The tokens of this caller and call for the list with this filter, which the next request repeats.
    pub fn for_list<'a>(&'a self, permitted: &'a Permitted, filter: &[&str]) -> ListTokens<'a> {
        ListTokens { key: &self.0, permitted, filter: filter_digest(filter) }
    }
}

impl ListTokens<'_> {
    fn context(&self) -> TokenContext<'_> {
        TokenContext { caller: &self.permitted.caller.name, call: self.permitted.call.name(), subject: self.filter }
    }

    /// The token of the page that begins at this position; empty if there is none, as the last page has.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn next_page_token(&self, next: Option<&impl PagePosition>) -> Result<String, CallError> {
        let Some(next) = next else { return Ok(String::new()) };
        let token = self.key.seal(self.context(), &next.to_bytes(), commit_stamp::instant());
        Ok(URL_SAFE_NO_PAD.encode(token.map_err(|error| CallError::Internal(error.to_string()))?))
    }

    /// The position in a token; none if there is no token.
    ///
    /// # Errors
    /// [`CallError::InvalidMessage`] for a text that is no token of this list, or one that has expired.
    pub fn decode_position<P: PagePosition>(&self, token: &str) -> Result<Option<P>, CallError> {
        if token.is_empty() {
            return Ok(None);
        }
        let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| foreign_token_fault())?;
        let position = self.key.open(self.context(), &token, commit_stamp::instant()).map_err(token_fault)?;
        P::from_bytes(&position).map(Some).ok_or_else(foreign_token_fault)
    }
}

/// The digest of a filter, which a token of its list names.
pub fn filter_digest(filter: &[&str]) -> Digest {
    let form = CanonicalDigest::new("page/2");
    filter.iter().fold(form, |form, part| form.text(part)).finish()
}

fn token_fault(error: TokenError) -> CallError {
    match error {
        TokenError::NotAuthentic => foreign_token_fault(),
        TokenError::Expired => {
            let message = "has expired; request the list again from its first page";
            CallError::invalid_field("page_token", FaultReason::Expired, message)
        }
    }
}

fn foreign_token_fault() -> CallError {
    let message = "is not a token of this list; send the request of the page before, with its next_page_token";
    CallError::invalid_field("page_token", FaultReason::Unreadable, message)
}
