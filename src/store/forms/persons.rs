//! The records of persons, and the rows of an import about them.

use crate::domain::day::Interval;
use crate::domain::ids::PersonId;
use crate::domain::words::{Approval, Category};
use crate::journal::form::{Malformed, days, id, interval, present, region};
use crate::journal::{MessageWriter, StoredForm};
use crate::pb::journal as pb;
use crate::pb::journal::person_import_row::Row;
use crate::reference::person::{Enrolment, PersonPart, PersonRecord};
use crate::store::external_sort::NumberedPart;

impl StoredForm for PersonRecord {
    type Message = pb::PersonRecord;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&pb::PersonRecord {
            person_id: self.id().as_str().to_owned(),
            enrolments: self.enrolments().rows().map(|(row, days)| enrolment_message(row, days)).collect(),
            categories: self.categories().rows().map(|(word, days)| word_message(word.as_str(), days)).collect(),
            approvals: self.approvals().rows().map(|(word, days)| word_message(word.as_str(), days)).collect(),
        });
    }

    fn from_message(message: pb::PersonRecord) -> Result<Self, Malformed> {
        let mut record = PersonRecord::new(id("person_id", message.person_id, PersonId::from_stored)?);
        let enrolments = message.enrolments.into_iter().map(Row::Enrolment);
        let categories = message.categories.into_iter().map(Row::Category);
        let approvals = message.approvals.into_iter().map(Row::Approval);
        for row in enrolments.chain(categories).chain(approvals) {
            record.put(part(row)?);
        }
        Ok(record)
    }
}

impl StoredForm for NumberedPart {
    type Message = pb::PersonImportRow;

    fn write(&self, message: &mut MessageWriter) {
        let (number, part) = self;
        let row = match part {
            PersonPart::Enrolment(enrolment, days) => Row::Enrolment(enrolment_message(enrolment, *days)),
            PersonPart::Category(category, days) => Row::Category(word_message(category.as_str(), *days)),
            PersonPart::Approval(approval, days) => Row::Approval(word_message(approval.as_str(), *days)),
        };
        message.append(&pb::PersonImportRow { number: *number, row: Some(row) });
    }

    fn from_message(message: pb::PersonImportRow) -> Result<Self, Malformed> {
        Ok((message.number, part(present("row", message.row)?)?))
    }
}

fn part(row: Row) -> Result<PersonPart, Malformed> {
    Ok(match row {
        Row::Enrolment(pb::EnrolmentRow { insurance, insured_region, days }) => {
            let insured_region = region("insured_region", &insured_region)?;
            PersonPart::Enrolment(Enrolment { insurance: insurance.into(), insured_region }, interval(days)?)
        }
        Row::Category(pb::DatedWord { word, days }) => PersonPart::Category(Category::from(word), interval(days)?),
        Row::Approval(pb::DatedWord { word, days }) => PersonPart::Approval(Approval::from(word), interval(days)?),
    })
}

fn enrolment_message(enrolment: &Enrolment, interval: Interval) -> pb::EnrolmentRow {
    pb::EnrolmentRow {
        insurance: enrolment.insurance.to_string(),
        insured_region: enrolment.insured_region.as_str().to_owned(),
        days: days(interval),
    }
}

fn word_message(word: &str, interval: Interval) -> pb::DatedWord {
    pb::DatedWord { word: word.to_owned(), days: days(interval) }
}
