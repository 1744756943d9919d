//! The log of imports.

use crate::domain::journal::Instant;
use crate::journal::form::{Malformed, digest};
use crate::journal::{MessageWriter, StoredForm};
use crate::pb::journal as pb;
use crate::store::imports::{ImportEnd, ImportStart};

impl StoredForm for ImportStart {
    type Message = pb::ImportStart;

    fn write(&self, message: &mut MessageWriter) {
        let ImportStart { table, source, imported_by, instant, rows, digest } = self;
        message.append(&pb::ImportStart {
            table: table.clone(),
            source: source.clone(),
            imported_by: imported_by.clone(),
            time_micros: instant.0,
            rows: *rows,
            digest: digest.0.to_vec(),
        });
    }

    fn from_message(message: pb::ImportStart) -> Result<Self, Malformed> {
        let pb::ImportStart { table, source, imported_by, time_micros, rows, digest: bytes } = message;
        let digest = digest("digest", &bytes)?;
        Ok(ImportStart { table, source, imported_by, instant: Instant(time_micros), rows, digest })
    }
}

impl StoredForm for ImportEnd {
    type Message = pb::ImportEnd;

    fn write(&self, message: &mut MessageWriter) {
        let ImportEnd { instant, changed, unchanged } = self;
        message.append(&pb::ImportEnd { time_micros: instant.0, changed: *changed, unchanged: *unchanged });
    }

    fn from_message(message: pb::ImportEnd) -> Result<Self, Malformed> {
        let pb::ImportEnd { time_micros, changed, unchanged } = message;
        Ok(ImportEnd { instant: Instant(time_micros), changed, unchanged })
    }
}
