//! An option of a command that names regions by the first digits of their codes.

use crate::domain::facts::is_region_prefix;

/// The first digits of the codes of some regions.
///
/// # Errors
/// If they are not one to six digits.
pub(super) fn region_prefix(text: &str) -> Result<String, String> {
    if is_region_prefix(text) { Ok(text.to_owned()) } else { Err("is not one to six digits".to_owned()) }
}
