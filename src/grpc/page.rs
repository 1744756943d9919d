//! Pages of lists (AIP-158): how many, and the token by which a caller goes on.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::fault::FaultReason;
use crate::domain::ids::Digest;
use crate::engine::EngineError;

use super::error::CallError;

/// The bytes of a token that tell which list it is of.
const LIST: usize = 8;

/// How many a page holds: what was asked for, the default if nothing was, and never more than the most.
///
/// # Errors
/// [`CallError::InvalidMessage`] for a negative number.
pub fn size(asked: i32, default: usize, limit: usize) -> Result<usize, CallError> {
    let negative = |_| CallError::invalid_field("page_size", FaultReason::Negative, "is negative");
    let asked = usize::try_from(asked).map_err(negative)?;
    Ok(if asked == 0 { default } else { asked.min(limit) })
}

/// The token of a place in a list; `list` is what the list is of, which the next request repeats.
///
/// # Errors
/// If it cannot be encoded.
pub fn token(list: &impl Serialize, place: &impl Serialize) -> Result<String, CallError> {
    let bytes = postcard::to_stdvec(place).map_err(|error| CallError::Internal(error.to_string()))?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(hex(&mark(list)?) + &hex(&bytes))
}

/// The place that a token tells; none if there is no token.
///
/// # Errors
/// [`CallError::InvalidMessage`] for a token that is none, or of another list.
pub fn place<P: DeserializeOwned>(list: &impl Serialize, token: &str) -> Result<Option<P>, CallError> {
    if token.is_empty() {
        return Ok(None);
    }
    let mark = mark(list)?;
    let place = unhex(token).and_then(|bytes| {
        let (of, place) = bytes.split_at_checked(LIST)?;
        if of == mark { postcard::from_bytes(place).ok() } else { None }
    });
    let message = "is not a token of this list; send the request of the page before, with its next_page_token";
    place.map(Some).ok_or_else(|| CallError::invalid_field("page_token", FaultReason::Unreadable, message))
}

fn mark(list: &impl Serialize) -> Result<[u8; LIST], CallError> {
    let mut mark = [0; LIST];
    let digest = Digest::of_value("page", list).map_err(EngineError::from)?;
    mark.copy_from_slice(&digest.0[..LIST]);
    Ok(mark)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
