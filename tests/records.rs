//! Stored records: every old format can be read, and a damaged record is never returned.
//!
//! `tests/fixtures` has entries in each stored form, and the response of a settlement on the wire: of format 1 a
//! settlement, its reversal and a fence; of format 2 a settlement, its reversal with a re-adjudication, a fence
//! and the revision, which format 3 stores in the same form; of formats 2 and 3 a person. `ONESTOP_WRITE_FIXTURES=1`
//! writes a fixture that does not exist yet.

use std::path::Path;

use onestop::domain::claim::ClaimKeys;
use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, PersonId};
use onestop::domain::journal::{Entry, EntryKind, Instant, Settlement};
use onestop::domain::money::Money;
use onestop::domain::policy::SkipReason;
use onestop::engine::fence::RequestName;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::status::Reason;
use onestop::grpc::to_proto;
use onestop::policy::Book;
use onestop::reference::person::PersonRecord;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::{ListPosition, SettlementStatus};
use onestop::store::{JournalStore, Store, StoreError, codec, record};
use prost::Message;

use crate::support::claims::{claim, item};
use crate::support::{import_tables, row, stamp};

pub const FORMAT_1: [&str; 4] = ["record-v1.bin", "reversal-v1.bin", "fence-v1.bin", "settlement-v1.pb"];

const FORMAT_2: [&str; 5] =
    ["settlement-v2.bin", "reversal-v2.bin", "fence-v2.bin", "revision-v2.bin", "settlement-v2.pb"];

const PERSONS: [&str; 2] = ["person-v2.bin", "person-v3.bin"];

/// The differences of the revision in the fixtures: a claim of 9000.00 that was the second of its year becomes the
/// first. basic: (9000 - 1000) x 60% = 4800.00, before (9000 - 500) x 60% = 5100.00. critical: (4200 - 12000 x
/// 0.25) x 50% = 600.00, before nothing, its cap on the base being used up. assistance: 80% of the residual at
/// 0.0152...: 2880 x = 43.90, before F(5380 + 3120) - F(5380) = 129.55 - 82.00.
const DIFFERENCES: [(&str, &str); 3] =
    [("basic_fund", "-300.00"), ("critical_insurance", "600.00"), ("civil_affairs", "-3.65")];

/// A policy with every kind of figure that a record contains, one of them with as many decimals as a figure resolves to.
pub const POLICY: &str = r#"
format = 1
id = "fixture"
title = "a policy for records"
insurance = "resident"
regions = ["37"]
in_force = { from = 2017-01-01, until = 2018-01-01 }
benefit_year = "discharge"
[sources]
law = "a law 第二条"
[[layer]]
id = "basic"
name = "基本医疗保险"
payer = "basic_fund"
visits = ["inpatient"]
pools = ["eligible"]
period = "admission"
cites = ["law"]
assumed = ["schedule"]
schedule = { all = { deductible = ["1000", "500"], bands = [{ upto = "10000", rate = "55%" }, { rate = "70%" }] } }
[[layer.cap]]
account = "basic_fund"
annual = "150000"
[[layer.when]]
if = { locality = ["local"], level = ["tertiary"] }
rate = { plus = "5%" }
cites = ["law"]
[[layer]]
id = "chronic"
payer = "basic_fund"
visits = ["outpatient_chronic"]
pools = ["eligible"]
period = "year"
cites = ["law"]
schedule = { all = { bands = [{ rate = "60%" }] } }
[[layer]]
id = "critical"
payer = "critical_insurance"
visits = ["inpatient"]
pools = ["eligible", "preliminary_self_pay"]
period = "year"
cites = ["law"]
schedule = { all = { deductible = "12000", bands = [{ rate = "50%" }] } }
cap = [{ account = "critical_base", of = "base", annual = "7000" }, { account = "critical_paid", annual = "1000" }]
[[layer.for]]
category = ["destitute"]
deductible = { times = "0.25" }
cap = "none"
cites = ["law"]
[[layer]]
id = "assistance"
payer = "civil_affairs"
visits = ["inpatient"]
pools = ["eligible", "preliminary_self_pay", "excluded", "special_drug"]
period = "year"
only = ["destitute"]
prior_self_pay = "20%"
cites = ["law"]
schedule = { all = { bands = [{ rate = "0.1234567891" }] } }
[[layer.for]]
category = ["destitute"]
rate = { times = "0.1234567891" }
cites = ["law"]
"#;

async fn open_engine<S: Store>(store: S) -> Engine<S> {
    let book = Book::from_texts([("fixture.toml", POLICY)]).expect("a sound policy");
    let engine = Engine::open(store, book, EngineSettings::default()).await.expect("an engine");
    import_tables(&engine).await;
    engine
}

/// The request of the settlement in the fixtures.
fn fixture_request() -> SettleRequest {
    let bed = RawItem {
        code: "BED".into(),
        quantity: Quantity(100_000),
        unit_price: UnitPrice(60_000_000),
        amount: Money::from_fen(60_000),
    };
    let lines = [("A", "20000.00"), ("B10", "1000.00"), ("C", "300.00"), ("A", "-500.00"), ("SD", "1000.00")];
    let items = lines.iter().map(|(code, yuan)| item(code, yuan)).chain([bed]).collect();
    let claim = RawClaim { items, emergency: true, ..claim("ZY2017-1", "P3", "0.00") };
    SettleRequest { claim, request_id: "a-request-like-no-other".into(), quote: None }
}

/// The records that the current code stores for the fixtures, and the response that it sends.
async fn records_of_current_code() -> [Vec<u8>; 5] {
    let engine = open_engine(MemoryStore::default()).await;
    let settled = engine.settle(fixture_request(), stamp(1_497_493_800_000_001)).await.expect("a settlement");
    let later = SettleRequest { claim: claim("ZY2017-2", "P3", "9000.00"), request_id: "later".into(), quote: None };
    engine.settle(later, stamp(1_497_493_800_000_002)).await.expect("a settlement");
    let keys = settled.entry.body.claim.keys();
    let reversal_fields = RawReversal {
        hospital_id: fixture_request().claim.hospital_id,
        person_id: fixture_request().claim.person_id,
        claim_id: fixture_request().claim.claim_id,
        reason: "费用录入有误".to_owned(),
        readjudicate: true,
    };
    let reversal = ReverseRequest { reversal: reversal_fields, request_id: "reversal-1".into(), dry_run: false };
    engine.reverse(reversal, stamp(1_497_493_800_000_003)).await.expect("a reversal");
    let ClaimKeys { hospital_id, person_id, .. } = keys;
    let name = RequestName { hospital_id, person_id, request_id: "never".into() };
    engine.fence(&name, stamp(1_497_493_800_000_004)).await.expect("a fence");
    let [settlement, _, reversal, fence, revision] = engine.store().journal().try_into().expect("five entries");
    let response = to_proto::settlement(&settled.entry);
    [settlement, reversal, fence, revision, response.encode_to_vec()]
}

/// Writes the fixture if `ONESTOP_WRITE_FIXTURES` is set and there is none of this name.
fn write_missing_fixture(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    if std::env::var_os("ONESTOP_WRITE_FIXTURES").is_some() && !path.exists() {
        std::fs::write(path, bytes).expect("a write");
    }
}

/// The bytes of these fixtures.
pub fn fixtures<const N: usize>(files: [&str; N]) -> [Vec<u8>; N] {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    files.map(|name| std::fs::read(directory.join(name)).expect("the fixture"))
}

fn decode(record: &[u8]) -> (Entry, Digest) {
    codec::decode_entry(record).expect("a readable format")
}

#[test]
fn a_settlement_of_format_1_is_decoded_with_all_its_figures() {
    let [settlement, ..] = fixtures(FORMAT_1);
    let (entry, _) = decode(&settlement);
    assert_eq!((entry.id, entry.committed), (stamp(1_497_493_800_000_001).id, Instant(1_497_493_800_000_001)));
    assert_eq!((entry.link.number, entry.link.previous, entry.link.chained), (1, None, Digest::default()));
    assert_eq!(entry.request_id.as_str(), fixture_request().request_id);
    assert_eq!(Ok(entry.content), fixture_request().claim.content());
    let EntryKind::Settlement(settled) = entry.body else { panic!("a settlement") };
    assert!(RawClaim::from(&settled.claim).items == fixture_request().claim.items && settled.claim.emergency);
    let split = &settled.split;
    let pools: Vec<_> = split.pools.iter().map(|(_, amount)| amount.to_string()).collect();
    assert_eq!(pools, ["20900.00", "100.00", "100.00", "300.00", "1000.00", "0.00"]);
    let layers = split.layers.iter().map(|layer| (&*layer.head.id, layer.base.to_string(), layer.pays.to_string()));
    let expected =
        [("basic", "20900.00", "13575.00"), ("critical", "7000.00", "2000.00"), ("assistance", "5380.00", "82.00")];
    assert_eq!(layers.collect::<Vec<_>>(), expected.map(|(id, base, pays)| (id, base.to_owned(), pays.to_owned())));
    assert_eq!((split.total.to_string(), split.patient.to_string()), ("22400.00".to_owned(), "6743.00".to_owned()));
    assert_eq!((&*split.skipped[0].0.id, split.skipped[0].1), ("chronic", SkipReason::OtherVisit));
    let terms = |at: usize| &split.layers[at].terms;
    let rate = terms(2).schedule.bands[0].rate.to_string();
    assert_eq!(rate, "0.01524157877488187881");
    assert_eq!((terms(1).caps[1].annual, split.layers[1].caps[0].cut), (None, Money::from_fen(42_500)));
}

#[test]
fn a_reversal_and_a_fence_of_format_1_are_decoded_and_chained() {
    let [settlement, reversal, fence, _] = fixtures(FORMAT_1);
    let ((first, digest), (second, following), (third, _)) = (decode(&settlement), decode(&reversal), decode(&fence));
    assert_eq!((second.link.number, second.link.previous, second.link.chained), (2, Some(first.id), digest));
    assert_eq!((third.link.number, third.link.previous, third.link.chained), (3, Some(second.id), following));
    let reversed = second.reversed().expect("a reversal");
    assert_eq!((reversed.settlement, &*reversed.reason), (first.id, "费用录入有误"));
    assert_eq!((&*reversed.account.insurance, reversed.account.year), ("resident", 2017));
    assert_eq!(second.parties(), first.parties());
    assert_eq!(third.parties(), first.parties());
    assert!(matches!(third.body, EntryKind::Fence(_)) && third.request_id.as_str() == "never");
}

#[test]
fn a_settlement_of_format_1_gives_the_same_response_bytes() {
    let [settlement, _, _, response] = fixtures(FORMAT_1);
    let (entry, _) = decode(&settlement);
    let entry = Entry::<Settlement>::try_from(entry).expect("a settlement");
    assert!(to_proto::settlement(&entry).encode_to_vec() == response);
}

#[test]
fn a_claim_of_format_1_is_decoded_with_its_settlements() {
    let [first, second, reversal] = [1, 2, 3].map(|number| stamp(number).id);
    let settlements = vec![(first, Some(reversal)), (second, None)];
    let mut record = record::encode(&(PersonId::from("P1"), settlements)).expect("a record").0;
    record[0] = 1;
    let row = codec::decode_claim(&record).expect("a row");
    assert_eq!((row.person_id.as_str(), row.live().map(SettlementStatus::newest)), ("P1", Some(second)));
    assert_eq!(row.of(first).and_then(|standing| standing.reversal), Some(reversal));
    assert!(row.settlements.iter().all(|standing| standing.revisions.is_empty()));
}

#[test]
fn both_formats_contain_the_same_settlement() {
    let ([one, ..], [other, ..]) = (fixtures(FORMAT_1), fixtures(FORMAT_2));
    let [(one, _), (other, _)] = [decode(&one), decode(&other)];
    let (one, other) = (one.settled().expect("a settlement"), other.settled().expect("a settlement"));
    assert!(one.claim == other.claim && one.facts == other.facts && one.split == other.split);
    assert!(one.book.is_none() && other.book.is_some());
}

#[test]
fn a_reversal_of_format_2_names_its_revision() {
    let [settlement, reversal, fence, revision, _] = fixtures(FORMAT_2);
    let [(settlement, _), (reversal, digest), (fence, _), (revision, following)] =
        [settlement, reversal, fence, revision].map(|record| decode(&record));
    let reversed = reversal.reversed().expect("a reversal");
    assert_eq!((reversed.settlement, &*reversed.revisions), (settlement.id, &[revision.id][..]));
    assert_eq!((revision.link.number, revision.link.previous, revision.link.chained), (4, Some(reversal.id), digest));
    assert_eq!((fence.link.previous, fence.link.chained), (Some(revision.id), following));
    let revised = revision.revised().expect("a revision");
    assert_eq!((revised.claim_id.as_str(), revised.number, revised.reversal), ("ZY2017-2", 2, reversal.id));
    assert_eq!((revised.replaces, revised.settlement), (stamp(1_497_493_800_000_002).id, revised.replaces));
    assert_eq!(revision.request_id, reversal.request_id);
    let by: Vec<_> = revised.differences.payers.iter().map(|(payer, by)| (&**payer, by.to_string())).collect();
    assert_eq!(by, DIFFERENCES.map(|(payer, by)| (payer, by.to_owned())));
    let paid: Money = revised.differences.payers.iter().map(|(_, by)| *by).sum();
    assert_eq!(paid + revised.differences.patient, Money::ZERO);
}

/// The format number is the first byte. Revisions have other ids today, which name a shard, than in the fixtures, so
/// entries that name a revision are compared after decoding and encoding the fixture.
#[tokio::test]
async fn entries_are_encoded_as_in_format_2_with_the_current_format_number() {
    let (fixtures, today) = (fixtures(FORMAT_2), records_of_current_code().await);
    for (name, fixture) in FORMAT_2.iter().zip(&fixtures).take(4) {
        let again = codec::encode_entry(&decode(fixture).0).expect("a record").0;
        assert!(fixture[1..] == again[1..] && (fixture[0], again[0]) == (2, record::FORMAT), "{name}");
    }
    assert!(fixtures[0][1..] == today[0][1..], "the settlement");
    assert!(fixtures[4] == today[4], "the response");
}

/// The person of both fixtures: insured in Yanzhou, registered poor for three years.
fn fixture_person() -> PersonRecord {
    let mut person = PersonRecord::default();
    for (table, cells) in [
        (ReferenceTable::Persons, &["P", "resident", "370812"][..]),
        (ReferenceTable::Enrolments, &["P", "2014-01-01", ""]),
        (ReferenceTable::Categories, &["P", "registered_poor", "2016-01-01", "2019-01-01"]),
    ] {
        let ReferenceRow::Person(_, part) = row(table, cells) else { panic!("a row about a person") };
        person.put(part);
    }
    person
}

#[test]
fn a_person_of_format_2_has_no_id_and_one_of_format_3_has_it() {
    let mut person = fixture_person();
    let [nameless] = fixtures([PERSONS[0]]);
    assert_eq!(codec::decode_person(&nameless), Ok(person.clone()));
    person.set_id(&"DEMO-P-0017".into());
    let today = record::encode(&person).expect("a record").0;
    write_missing_fixture(PERSONS[1], &today);
    let [named] = fixtures([PERSONS[1]]);
    assert!(named[1..] == today[1..] && (named[0], today[0]) == (3, record::FORMAT));
    assert_eq!(codec::decode_person(&named), Ok(person));
}

#[tokio::test]
async fn an_entry_with_any_altered_byte_is_damaged() {
    let [settlement, ..] = fixtures(FORMAT_2);
    for at in 0..settlement.len() {
        let mut engine_on_altered_store = settlement.clone();
        engine_on_altered_store[at] ^= 0x20;
        assert!(matches!(codec::decode_entry(&engine_on_altered_store), Err(StoreError::Damaged(_))), "byte {at}");
    }
}

/// Flips a bit at every occurrence of these bytes in the file of the database.
fn flip_bytes(directory: &Path, bytes_to_flip: &[u8]) {
    let file = directory.join("redb");
    let mut bytes = std::fs::read(&file).expect("the database");
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(bytes_to_flip)).collect();
    assert!(!places.is_empty(), "the bytes are in the file");
    places.iter().for_each(|at| bytes[*at] ^= 0x20);
    std::fs::write(&file, bytes).expect("a write");
}

/// An engine on a store with one settlement, with these bytes altered in its file.
async fn engine_on_altered_store(directory: &Path, bytes_to_flip: &[u8]) -> Engine<EmbeddedStore> {
    let open = || EmbeddedStore::open(directory, Durability::Synced).expect("a store");
    open_engine(open()).await.settle(fixture_request(), stamp(1)).await.expect("a settlement");
    flip_bytes(directory, bytes_to_flip);
    let book = Book::from_texts([("fixture.toml", POLICY)]).expect("a sound policy");
    Engine::open(open(), book, EngineSettings::default()).await.expect("an engine")
}

#[tokio::test]
async fn a_damaged_entry_is_never_returned() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = engine_on_altered_store(directory.path(), b"a-request-like-no-other").await;
    let read = engine.store().entry(stamp(1).id).await;
    assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
    assert_eq!(Reason::from(&engine.settlement(stamp(1).id).await.expect_err("a refusal")), Reason::Invariant);
    assert_eq!(
        Reason::from(&engine.settle(fixture_request(), stamp(2)).await.expect_err("a refusal")),
        Reason::Invariant
    );
}

#[tokio::test]
async fn a_person_with_a_damaged_account_cannot_settle() {
    let directory = tempfile::tempdir().expect("a directory");
    let memory = open_engine(MemoryStore::default()).await;
    memory.settle(fixture_request(), stamp(1)).await.expect("a settlement");
    // The digest of the last entry of a chain is stored only in the state of the person.
    let engine = engine_on_altered_store(directory.path(), &decode(&memory.store().journal()[0]).1.0).await;
    let another = SettleRequest { request_id: "another".into(), claim: claim("ZY2017-2", "P3", "100.00"), quote: None };
    assert_eq!(Reason::from(&engine.settle(another, stamp(2)).await.expect_err("a refusal")), Reason::Invariant);
    let others = SettleRequest { request_id: "others".into(), claim: claim("ZY2017-3", "P1", "100.00"), quote: None };
    assert!(engine.settle(others, stamp(3)).await.is_ok());
}

/// The store has settlements of three hospital days and, as in format 1, no list of them.
#[tokio::test]
async fn opening_a_directory_of_format_1_rebuilds_the_settlement_lists() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || EmbeddedStore::open(directory.path(), Durability::Synced).expect("a store");
    let listed = async |store: &EmbeddedStore| {
        let from = ListPosition { day: Day::FIRST, number: 0 };
        store.hospital_settlements(&"H3".into(), from, Day::LAST, 100).await.expect("a list")
    };
    let engine = open_engine(open()).await;
    const DAY: u64 = 86_400_000_000;
    for (number, at) in [(1, 0), (2, DAY), (3, DAY + 1), (4, 2 * DAY)] {
        let claim = claim(&format!("C{number}"), "P1", "100.00");
        engine.settle(crate::support::claims::settle(claim), stamp(1 + at)).await.expect("a settlement");
    }
    let before = listed(engine.store()).await;
    assert_eq!(before.iter().map(|(position, _)| position.number).collect::<Vec<_>>(), [1, 1, 2, 1]);
    drop(engine);
    let database = redb::Database::open(directory.path().join("redb")).expect("the database");
    let write = database.begin_write().expect("a write");
    write.delete_table(redb::TableDefinition::<&[u8], &[u8]>::new("listed")).expect("a deleted table");
    write.commit().expect("a commit");
    drop(database);
    std::fs::write(directory.path().join("FORMAT"), "onestop-store 1\n").expect("a write");
    assert_eq!(listed(&open()).await, before);
    assert_eq!(std::fs::read_to_string(directory.path().join("FORMAT")).expect("a read"), "onestop-store 3\n");
}
