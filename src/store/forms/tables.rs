//! The records of hospitals and the rows of the catalogue.

use std::sync::Arc;

use crate::domain::claim::UnitPrice;
use crate::domain::day::Interval;
use crate::domain::facts::{CatalogueEntry, Class};
use crate::domain::ids::{HospitalId, ItemCode};
use crate::domain::words::Tag;
use crate::journal::form::{Malformed, days, id, interval, rate, region};
use crate::journal::{MessageWriter, StoredForm};
use crate::pb::journal as pb;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::{HospitalPart, HospitalRecord, HospitalStatus};
use crate::store::import_parts::Part;

impl StoredForm for Part {
    type Message = pb::ImportPart;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&pb::ImportPart {
            hospitals: self.hospitals.iter().map(hospital_message).collect(),
            catalogue: self.catalogue.iter().map(catalogue_message).collect(),
        });
    }

    fn from_message(message: pb::ImportPart) -> Result<Self, Malformed> {
        Ok(Part {
            hospitals: message.hospitals.into_iter().map(hospital).collect::<Result<_, _>>()?,
            catalogue: message.catalogue.into_iter().map(CatalogueRow::from_message).collect::<Result<_, _>>()?,
        })
    }
}

/// The message of a hospital.
pub fn hospital_message((hospital_id, record): &(HospitalId, HospitalRecord)) -> pb::HospitalRecord {
    pb::HospitalRecord {
        hospital_id: hospital_id.as_str().to_owned(),
        statuses: record.statuses().rows().map(|(status, days)| status_message(status, days)).collect(),
        designations: record.designations().rows().filter_map(|((), interval)| days(interval)).collect(),
    }
}

fn hospital(message: pb::HospitalRecord) -> Result<(HospitalId, HospitalRecord), Malformed> {
    let hospital_id = id("hospital_id", message.hospital_id, HospitalId::from_stored)?;
    let mut record = HospitalRecord::default();
    for status in message.statuses {
        record.put(status_part(status)?);
    }
    for designation in message.designations {
        record.put(HospitalPart::Designation(interval(Some(designation))?));
    }
    Ok((hospital_id, record))
}

fn status_message(status: &HospitalStatus, interval: Interval) -> pb::HospitalRow {
    pb::HospitalRow {
        name: status.name.to_string(),
        level: status.level.as_str().to_owned(),
        region: status.region.as_str().to_owned(),
        tags: status.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        days: days(interval),
    }
}

fn status_part(message: pb::HospitalRow) -> Result<HospitalPart, Malformed> {
    let status = HospitalStatus {
        name: message.name.into(),
        level: message.level.into(),
        region: region("region", &message.region)?,
        tags: message.tags.into_iter().map(Tag::from).collect(),
    };
    Ok(HospitalPart::Status(status, interval(message.days)?))
}

impl StoredForm for CatalogueRow {
    type Message = pb::CatalogueRow;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&catalogue_message(self));
    }

    fn from_message(message: pb::CatalogueRow) -> Result<Self, Malformed> {
        let ratio = message.self_pay_ratio.as_deref().map(|ratio| rate("self_pay_ratio", ratio)).transpose()?;
        let entry = CatalogueEntry {
            code: id("code", message.code, ItemCode::from_stored)?,
            name: message.name.into(),
            class: Class { word: message.class.into(), self_pay_ratio: ratio },
            price_ceiling: message.price_ceiling_micro_yuan.map(UnitPrice),
        };
        Ok(CatalogueRow {
            regions: message.regions.into_iter().map(Arc::from).collect(),
            days: interval(message.days)?,
            entry: Arc::new(entry),
        })
    }
}

fn catalogue_message(row: &CatalogueRow) -> pb::CatalogueRow {
    let CatalogueEntry { code, name, class, price_ceiling } = &*row.entry;
    pb::CatalogueRow {
        code: code.as_str().to_owned(),
        regions: row.regions.iter().map(|prefix| prefix.to_string()).collect(),
        days: days(row.days),
        name: name.to_string(),
        class: class.word.as_str().to_owned(),
        self_pay_ratio: class.self_pay_ratio.map(|ratio| ratio.to_string()),
        price_ceiling_micro_yuan: price_ceiling.map(|price| price.0),
    }
}
