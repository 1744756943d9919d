//! Rows with a distinct value in every field.

use onestop::domain::account::{Account, AccountParts};
use onestop::domain::day::{Day, Interval};
use onestop::domain::facts::{CatalogueEntry, Class, Region};
use onestop::domain::ids::{AccountKey, Digest, EntryId};
use onestop::domain::journal::Instant;
use onestop::domain::money::Money;
use onestop::domain::month::{ClosedMonths, Month};
use onestop::domain::sums::LedgerUse;
use onestop::journal::{StoredForm, record};
use onestop::reference::catalogue::CatalogueRow;
use onestop::reference::hospital::{HospitalPart, HospitalRecord, HospitalStatus};
use onestop::reference::person::{Enrolment, PersonPart, PersonRecord};
use onestop::store::administration::AdministrationState;
use onestop::store::archive::{ArchiveIdentity, ArchivedYears};
use onestop::store::import_parts::Part;
use onestop::store::imports::{ImportEnd, ImportStart};
use onestop::store::live_stays::{LiveStay, LiveStays};
use onestop::store::rows::{
    ClaimBinding, ClaimRow, ListedRow, PersonState, PersonStateParts, PolicyText, RequestRow, SettlementStatus,
};

use super::assert_fixture;
use crate::support::ids::id;

/// Checks the fixture of a row in both directions.
fn check<T: StoredForm + PartialEq + std::fmt::Debug>(name: &str, row: &T) {
    let bytes = record::encode(row);
    assert_eq!(record::decode::<T>(&bytes).as_ref(), Ok(row), "{name}");
    assert_fixture(name, &bytes);
}

fn fen(fen: i64) -> Money {
    Money::from_fen(fen)
}

fn entry_id(byte: u8) -> EntryId {
    EntryId([byte; 16])
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn days(from: &str, until: &str) -> Interval {
    Interval { from: from.parse().ok(), until: until.parse().ok() }
}

fn region(code: &str) -> Region {
    Region::parse(code).expect("a region")
}

#[test]
fn the_state_of_a_person_has_the_bytes_that_it_always_had() {
    let account = Account::from_parts(AccountParts {
        version: 4,
        admissions: 2,
        ledgers: vec![("basic".into(), LedgerUse { base: fen(1), taken: fen(2) })],
        paid: vec![("basic".into(), fen(3)), ("critical".into(), fen(4))],
        caps: vec![("an account".into(), fen(5))],
    });
    let mut stays = LiveStays::default();
    let stay = LiveStay { settlement: entry_id(3), hospital: 1, admitted: 20170608, discharged: 20170615 };
    stays.push(stay);
    stays.set_continued(stay.settlement, Some(entry_id(4)));
    let state = PersonState::from(PersonStateParts {
        version: 300,
        head: Some(entry_id(1)),
        chained: Digest([2; 32]),
        accounts: vec![(AccountKey { insurance: "resident".into(), year: 2017 }, account.expect("sorted names"))],
        hospitals: vec![id("a hospital"), id("another hospital")],
        stays,
    });
    check("person-state", &state);
    assert_eq!(record::first_number(&record::encode(&state)), Ok(300));
    check("person-state-empty", &PersonState::default());
}

#[test]
fn the_rows_of_claims_requests_and_lists_have_the_bytes_that_they_always_had() {
    let status = |first: u8| SettlementStatus {
        settlement: entry_id(first),
        revisions: vec![entry_id(first + 1), entry_id(first + 2)],
        reversal: Some(entry_id(first + 3)),
    };
    let last = SettlementStatus { revisions: Vec::new(), reversal: None, ..status(9) };
    check("claim-row", &ClaimRow { person_id: id("a person"), settlements: vec![status(1), last] });
    check("request-row", &RequestRow(entry_id(1)));
    check("listed-row", &ListedRow { settlement: entry_id(1), day: day("2017-06-15") });
    check("claim-binding", &ClaimBinding(id("a person")));
    check("policy-text", &PolicyText("{\"id\":\"a policy\"}".to_owned()));
    let archive = ArchiveIdentity { secret_fingerprint: [1; 32], entries: 2 };
    check("archived-years", &ArchivedYears { before: 2017, archive });
}

#[test]
fn the_records_of_persons_have_the_bytes_that_they_always_had() {
    let enrolment = |insurance: &str, code| Enrolment { insurance: insurance.into(), insured_region: region(code) };
    let parts = [
        PersonPart::Enrolment(enrolment("resident", "370102"), days("2016-01-01", "2017-01-01")),
        PersonPart::Enrolment(enrolment("employee", "110101"), days("2017-01-01", "")),
        PersonPart::Category("destitute".into(), days("", "2018-01-01")),
        PersonPart::Approval("cross_region".into(), days("2017-02-01", "2017-03-01")),
    ];
    let mut person = PersonRecord::new(id("a person"));
    for part in &parts {
        person.put(part.clone());
    }
    check("person-record", &person);
    for (number, part) in (1..).zip(parts) {
        check(&format!("person-import-row-{number}"), &(number, part));
    }
}

#[test]
fn the_parts_of_imports_have_the_bytes_that_they_always_had() {
    let status = HospitalStatus {
        name: "第一人民医院".into(),
        level: "tertiary".into(),
        region: region("370102"),
        tags: ["tcm", "teaching"].map(Into::into).into_iter().collect(),
    };
    let mut hospital = HospitalRecord::default();
    hospital.put(HospitalPart::Status(status, days("2016-01-01", "")));
    hospital.put(HospitalPart::Designation(days("", "")));
    hospital.put(HospitalPart::Designation(days("2016-02-01", "2017-02-01")));
    let entry = |ratio: Option<&str>, ceiling| CatalogueEntry {
        code: id("a code"),
        name: "a name".into(),
        class: Class { word: "B".into(), self_pay_ratio: ratio.map(|ratio| ratio.parse().expect("a rate")) },
        price_ceiling: ceiling,
    };
    let full = entry(Some("0.1"), Some(onestop::domain::claim::UnitPrice(9_000_000)));
    let rows = [(full, vec!["11".into(), "3701".into()]), (entry(None, None), Vec::new())];
    let catalogue = rows.map(|(entry, regions)| CatalogueRow {
        regions,
        days: days("2017-01-01", "2018-01-01"),
        entry: entry.into(),
    });
    let part = Part { hospitals: vec![(id("a hospital"), hospital)], catalogue: catalogue.into() };
    let bytes = record::encode(&part);
    let decoded: Part = record::decode(&bytes).expect("a part");
    assert_eq!((decoded.hospitals, decoded.catalogue), (part.hospitals, part.catalogue));
    assert_fixture("import-part", &bytes);
    let start = ImportStart {
        table: "catalogue".to_owned(),
        source: "a file".to_owned(),
        imported_by: "an operator".to_owned(),
        instant: Instant(1_497_500_000_123_456),
        rows: 3,
        digest: Digest([4; 32]),
    };
    check("import-start", &start);
    check("import-end", &ImportEnd { instant: Instant(1_497_500_000_123_457), changed: 1, unchanged: 2 });
}

#[test]
fn the_state_of_the_administration_has_the_bytes_that_it_always_had() {
    let state = AdministrationState {
        version: 4,
        head: Some(entry_id(1)),
        chained: Digest([2; 32]),
        book: Some(Digest([5; 32])),
        closed_months: ClosedMonths { through: Month::from_number(201_706) },
    };
    check("administration-state", &state);
    assert_eq!(record::first_number(&record::encode(&state)), Ok(4));
}
