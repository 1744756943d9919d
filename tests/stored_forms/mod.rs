//! What a store keeps: the bytes of every kind of record are pinned, and fields can be added to a claim without changing any.

mod entries;
mod extension;
mod rows;

use std::path::Path;

/// Checks that these bytes are those of the fixture with this name, in hexadecimal digits. A fixture that differs means that
/// a field has another number or meaning: stores that were written before can no longer be read.
fn assert_fixture(name: &str, bytes: &[u8]) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored_forms/fixtures").join(name).with_extension("hex");
    let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let fixture = std::fs::read_to_string(&path).unwrap_or_default();
    let expected: String = fixture.split_whitespace().collect();
    assert!(found == expected, "{} is now\n{found}", path.display());
}
