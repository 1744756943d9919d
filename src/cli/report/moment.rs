//! A moment as an option names it.

use crate::domain::journal::Instant;

/// The moment of a text of RFC 3339, such as `2017-06-15T08:00:00Z`.
///
/// # Errors
/// Why the text is none.
pub(super) fn instant(text: &str) -> Result<Instant, String> {
    let time: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Ok(Instant(time.as_microsecond()))
}
