//! When certificates expire.

use std::path::Path;

use x509_parser::pem::Pem;

/// When the first certificate of a PEM file expires, in seconds since 1970; `None` if the file cannot be read.
pub(super) fn expiry(path: &Path) -> Option<i64> {
    let pem = std::fs::read(path).ok()?;
    let expiry = |pem: Pem| Some(pem.parse_x509().ok()?.validity().not_after.timestamp());
    let certificates = Pem::iter_from_buffer(&pem).filter_map(Result::ok).filter(|pem| pem.label == "CERTIFICATE");
    certificates.filter_map(expiry).min()
}
