//! Tokens that a caller keeps and only this service opens: encrypted and authenticated, bound to the caller and to what
//! they were issued for, and expiring unless they are issued for ever.
//!
//! The service keeps nothing about a token. Every instance over the same store derives the same key, so each opens what
//! another issued. A token is the version, the second in which it expires, a random nonce, and the sealed payload
//! (ChaCha20-Poly1305). The key of a token is derived from that second, so that no key seals many tokens.

use std::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::domain::ids::Digest;
use crate::domain::journal::Instant;

/// How long a token is accepted, in seconds: 12 hours.
pub const LIFETIME_SECONDS: i64 = 12 * 3_600;

/// The maximum number of bytes of a token; a longer one is not opened.
pub const MAX_BYTES: usize = 1_024;

/// The version of the form.
const VERSION: u8 = 1;

/// The bytes before the nonce: the version and the second of expiry.
const HEADER: usize = 1 + size_of::<i64>();

/// What a token is bound to: it opens only for the same caller, call and subject.
#[derive(Clone, Copy, Debug)]
pub struct TokenContext<'a> {
    /// The name of the caller.
    pub caller: &'a str,
    /// The name of the call.
    pub call: &'a str,
    /// The digest of what the token is about, such as the filter of a list or the content of a claim.
    pub subject: Digest,
}

/// Why a token is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was altered, or issued for another caller, call or subject, or by another service.
    #[error("the token was not issued by this service for this request")]
    NotAuthentic,
    /// It was issued more than [`LIFETIME_SECONDS`] ago.
    #[error("the token has expired")]
    Expired,
}

/// The system has no randomness, or the payload is too long: no token is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token cannot be sealed")]
pub struct SealError;

/// The key that seals tokens and opens them.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// A key of these bytes.
    pub fn new(key: [u8; 32]) -> TokenKey {
        TokenKey(key)
    }

    /// A token with this payload, which expires [`LIFETIME_SECONDS`] after `now`.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, context: TokenContext<'_>, payload: &[u8], now: Instant) -> Result<Vec<u8>, SealError> {
        self.seal_until(context, payload, seconds(now).saturating_add(LIFETIME_SECONDS))
    }

    /// A token with this payload, which never expires.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_for_ever(&self, context: TokenContext<'_>, payload: &[u8], now: Instant) -> Result<Vec<u8>, SealError> {
        // An expiry that no clock reaches, and another one each second: no key seals many tokens.
        self.seal_until(context, payload, i64::MAX.saturating_sub(seconds(now)))
    }

    fn seal_until(&self, context: TokenContext<'_>, payload: &[u8], expiry: i64) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let header = header(expiry);
        let mut sealed = payload.to_vec();
        let key = self.key_of(&header).ok_or(SealError)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), associated(&header, context), &mut sealed)
            .map_err(|_| SealError)?;
        let token = [&header[..], &nonce, &sealed].concat();
        if token.len() <= MAX_BYTES { Ok(token) } else { Err(SealError) }
    }

    /// The payload of a token.
    ///
    /// # Errors
    /// [`TokenError`]; a token that expired is first checked to be authentic.
    pub fn open(&self, context: TokenContext<'_>, token: &[u8], now: Instant) -> Result<Vec<u8>, TokenError> {
        let (header, nonce, sealed) = parts(token).ok_or(TokenError::NotAuthentic)?;
        let key = self.key_of(&header).ok_or(TokenError::NotAuthentic)?;
        let (nonce, mut sealed) = (Nonce::assume_unique_for_key(nonce), sealed.to_vec());
        let opened = key.open_in_place(nonce, associated(&header, context), &mut sealed);
        let payload = opened.map_err(|_| TokenError::NotAuthentic)?.to_vec();
        if seconds(now) < expiry(&header) { Ok(payload) } else { Err(TokenError::Expired) }
    }

    /// The key of the tokens with this header.
    fn key_of(&self, header: &[u8; HEADER]) -> Option<LessSafeKey> {
        let key = blake3::keyed_hash(&self.0, header);
        UnboundKey::new(&CHACHA20_POLY1305, key.as_bytes()).ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(redacted)")
    }
}

fn seconds(instant: Instant) -> i64 {
    instant.0.div_euclid(1_000_000)
}

fn header(expiry: i64) -> [u8; HEADER] {
    let mut header = [VERSION; HEADER];
    header[1..].copy_from_slice(&expiry.to_be_bytes());
    header
}

fn expiry(header: &[u8; HEADER]) -> i64 {
    let [_, expiry @ ..] = *header;
    i64::from_be_bytes(expiry)
}

/// Header, nonce and sealed payload of a token of the known version.
fn parts(token: &[u8]) -> Option<([u8; HEADER], [u8; NONCE_LEN], &[u8])> {
    let token = Some(token).filter(|token| token.len() <= MAX_BYTES)?;
    let (header, rest) = token.split_first_chunk()?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    Some((*header, *nonce, sealed)).filter(|_| header[0] == VERSION)
}

/// The digest of header and context, each text with its length, so that different contexts never have the same digest.
fn associated(header: &[u8; HEADER], context: TokenContext<'_>) -> Aad<[u8; 32]> {
    let TokenContext { caller, call, subject } = context;
    let mut hasher = blake3::Hasher::new();
    hasher.update(header);
    for text in [caller, call] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(&subject.0);
    Aad::from(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: TokenContext<'static> = TokenContext { caller: "H1", call: "Quote", subject: Digest([7; 32]) };
    const NOW: Instant = Instant(1_500_000_000_000_000);

    fn later(seconds: i64) -> Instant {
        Instant(NOW.0 + seconds * 1_000_000)
    }

    #[test]
    fn a_token_opens_for_its_context_until_it_expires() {
        let (key, same) = (TokenKey::new([1; 32]), TokenKey::new([1; 32]));
        let token = key.seal(CONTEXT, b"a payload", NOW).expect("a token");
        assert!(!token.windows(4).any(|window| window == b"payl"));
        assert_ne!(token, key.seal(CONTEXT, b"a payload", NOW).expect("a token"), "no two tokens are equal");
        for elapsed in [-LIFETIME_SECONDS, 0, LIFETIME_SECONDS - 1] {
            assert_eq!(same.open(CONTEXT, &token, later(elapsed)), Ok(b"a payload".to_vec()));
        }
        assert_eq!(same.open(CONTEXT, &token, later(LIFETIME_SECONDS)), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_that_is_issued_for_ever_opens_at_any_time_and_tokens_of_two_seconds_have_two_keys() {
        let key = TokenKey::new([1; 32]);
        let token = key.seal_for_ever(CONTEXT, b"a payload", NOW).expect("a token");
        for elapsed in [-1, 0, LIFETIME_SECONDS, 1_000 * 366 * 86_400] {
            assert_eq!(key.open(CONTEXT, &token, later(elapsed)), Ok(b"a payload".to_vec()));
        }
        let next = key.seal_for_ever(CONTEXT, b"a payload", later(1)).expect("a token");
        assert_ne!(token[..HEADER], next[..HEADER]);
    }

    #[test]
    fn a_token_opens_for_no_other_context_and_no_other_key() {
        let key = TokenKey::new([1; 32]);
        let token = key.seal(CONTEXT, b"a payload", NOW).expect("a token");
        let others = [
            TokenContext { caller: "H2", ..CONTEXT },
            TokenContext { call: "Settle", ..CONTEXT },
            TokenContext { caller: "H1Q", call: "uote", ..CONTEXT },
            TokenContext { subject: Digest([8; 32]), ..CONTEXT },
        ];
        for context in others {
            assert_eq!(key.open(context, &token, NOW), Err(TokenError::NotAuthentic), "{context:?}");
        }
        assert_eq!(TokenKey::new([2; 32]).open(CONTEXT, &token, NOW), Err(TokenError::NotAuthentic));
    }

    #[test]
    fn an_altered_token_is_not_authentic_even_if_its_expiry_is_extended() {
        let key = TokenKey::new([1; 32]);
        let token = key.seal(CONTEXT, b"a payload", NOW).expect("a token");
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut altered = token.clone();
                altered[at] ^= 1 << bit;
                let opened = key.open(CONTEXT, &altered, later(LIFETIME_SECONDS));
                assert_eq!(opened, Err(TokenError::NotAuthentic), "byte {at}");
            }
            assert_eq!(key.open(CONTEXT, &token[..at], NOW), Err(TokenError::NotAuthentic), "{at} bytes");
        }
        assert_eq!(key.open(CONTEXT, &[token, vec![0; MAX_BYTES]].concat(), NOW), Err(TokenError::NotAuthentic));
    }

    #[test]
    fn extreme_instants_overflow_nothing() {
        let key = TokenKey::new([1; 32]);
        for now in [Instant(i64::MIN), Instant(-1), Instant(i64::MAX)] {
            let token = key.seal(CONTEXT, &[], now).expect("a token");
            assert_eq!(key.open(CONTEXT, &token, now), Ok(Vec::new()));
        }
        assert_eq!(key.seal(CONTEXT, &[0; MAX_BYTES], NOW), Err(SealError));
    }
}
