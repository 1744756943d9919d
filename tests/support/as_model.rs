//! The engine's claims, tables and splits in the words of the model ([`crate::model`]), which knows none of its types.

use std::collections::BTreeMap;

use onestop::domain::account::Account;
use onestop::domain::claim::{RawClaim, RawDate, RawItem};
use onestop::domain::split::{LayerSplit, Split};
use onestop::reference::table::ReferenceTable;

use crate::model::{self, Bill};

/// A row of a CSV file.
pub type Cells = (ReferenceTable, Vec<String>);

/// What these rows add up to.
pub fn tables_from_rows(rows: &[Cells]) -> model::Tables {
    let mut tables = model::Tables::default();
    rows.iter().for_each(|(table, cells)| add_row(&mut tables, *table, cells));
    tables
}

fn add_row(tables: &mut model::Tables, table: ReferenceTable, cells: &[String]) {
    let words = |cell: &str| cell.split_whitespace().map(str::to_owned).collect();
    let optional_cell = |at: usize| Some(cells[at].clone()).filter(|cell| !cell.is_empty());
    let id = cells[0].clone();
    match table {
        ReferenceTable::Hospitals => {
            let status =
                model::HospitalStatus { level: cells[3].clone(), region: cells[4].clone(), tags: words(&cells[5]) };
            let rows = &mut tables.hospitals.entry(id).or_default().statuses;
            rows.insert(optional_cell(1), (optional_cell(6), status));
        }
        ReferenceTable::Designations => {
            tables.hospitals.entry(id).or_default().designated.push((optional_cell(1), optional_cell(2)))
        }
        ReferenceTable::Enrolments => {
            let enrolment = model::Enrolment { insurance: cells[2].clone(), region: cells[3].clone() };
            let rows = &mut tables.persons.entry(id).or_default().enrolments;
            rows.insert(optional_cell(1), (optional_cell(4), enrolment));
        }
        ReferenceTable::Categories => {
            tables.persons.entry(id).or_default().categories.push((
                cells[1].clone(),
                optional_cell(2),
                optional_cell(3),
            ));
        }
        ReferenceTable::Approvals => {
            tables.persons.entry(id).or_default().approvals.push((
                cells[1].clone(),
                optional_cell(2),
                optional_cell(3),
            ));
        }
        ReferenceTable::Catalogue => tables.catalogue.push(model::CatalogueRow {
            code: id,
            class: cells[4].clone(),
            self_pay_ratio: optional_cell(5),
            price_ceiling: optional_cell(6),
            regions: words(&cells[1]),
            from: optional_cell(2),
            until: optional_cell(7),
        }),
    }
}

/// The bill of a claim, for the model.
pub fn bill(claim: &RawClaim) -> Bill {
    let day_text = |day: RawDate| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day);
    let day = |day: Option<RawDate>| day.map(day_text).unwrap_or_default();
    let line = |item: &RawItem| model::Line {
        code: item.code.as_str().to_owned(),
        quantity_e4: item.quantity.0,
        unit_price_micro: item.unit_price.0,
        amount_fen: item.amount.fen(),
        day: item.day.map(day_text),
    };
    Bill {
        visit: claim.visit.clone(),
        emergency: claim.emergency,
        admitted: day(claim.admitted),
        discharged: day(claim.discharged),
        diagnosis: claim.diagnosis.clone(),
        lines: claim.items.iter().map(line).collect(),
    }
}

/// An account in the model's words.
pub fn plain(account: &Account) -> model::Account {
    model::Account {
        admissions: account.admissions,
        ledgers: account
            .ledgers()
            .iter()
            .map(|(name, uses)| (name.to_string(), (uses.base.fen(), uses.taken.fen())))
            .collect(),
        paid: account.layers().iter().map(|(id, paid)| (id.to_string(), paid.fen())).collect(),
        caps: account.caps().iter().map(|(name, sum)| (name.to_string(), sum.fen())).collect(),
    }
}

/// Whether a split is the model's, figure for figure.
pub fn is_split(split: &Split, model: &model::Split, insurance: &str) -> bool {
    let layer = |layer: &LayerSplit| {
        let figures = [layer.base, layer.deductible, layer.deductible_taken, layer.pays].map(|figure| figure.fen());
        (layer.head().id.to_string(), layer.head().payer.to_string(), figures)
    };
    let known = |layer: &model::Layer| {
        let figures = [layer.base, layer.deductible, layer.deductible_taken, layer.pays];
        (layer.id.clone(), layer.payer.clone(), figures)
    };
    let pools: BTreeMap<String, i64> =
        split.pools.iter().map(|(pool, sum)| (pool.as_str().to_owned(), sum.fen())).collect();
    let judged = &split.circumstances;
    (split.total.fen(), split.patient.fen()) == (model.total, model.patient)
        && pools == model.pools
        && (&*judged.policy.id, &*judged.account.insurance, judged.account.year)
            == (model.policy.as_str(), insurance, model.year)
        && split.layers.iter().map(layer).eq(model.layers.iter().map(known))
}
