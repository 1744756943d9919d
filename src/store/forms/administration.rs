//! The end of the chain of the administration.

use crate::domain::month::{ClosedMonths, Month};
use crate::journal::form::{Malformed, id_bytes, month, optional_digest, optional_entry_id};
use crate::journal::{MessageWriter, StoredForm};
use crate::pb::journal as pb;
use crate::store::administration::AdministrationState;

impl StoredForm for AdministrationState {
    type Message = pb::AdministrationState;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&pb::AdministrationState {
            version: self.version,
            head_id: id_bytes(self.head),
            head_digest: self.head.map(|_| self.chained.0.to_vec()).unwrap_or_default(),
            book_digest: self.book.map(|book| book.0.to_vec()).unwrap_or_default(),
            closed_through: self.closed_months.through.map_or(0, Month::number),
        });
    }

    fn from_message(message: pb::AdministrationState) -> Result<Self, Malformed> {
        Ok(AdministrationState {
            version: message.version,
            head: optional_entry_id("head_id", &message.head_id)?,
            chained: optional_digest("head_digest", &message.head_digest)?.unwrap_or_default(),
            book: optional_digest("book_digest", &message.book_digest)?,
            closed_months: ClosedMonths { through: optional_month("closed_through", message.closed_through)? },
        })
    }
}

fn optional_month(field: &'static str, number: u32) -> Result<Option<Month>, Malformed> {
    if number == 0 { Ok(None) } else { month(field, number).map(Some) }
}
