//! Stored records: each decodes to the entry that was encoded, and a damaged record is never returned.

use std::path::Path;

use onestop::domain::claim::ClaimKeys;
use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::content::RawReversal;
use onestop::domain::ids::Digest;
use onestop::domain::journal::Entry;
use onestop::domain::money::Money;
use onestop::engine::fence::RequestName;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::status::Reason;
use onestop::journal::{decode_entry, encode_entry};
use onestop::policy::Book;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, Store, StoreError};

use crate::support::claims::{claim, item};
use crate::support::ids::id;
use crate::support::stored_log;
use crate::support::{import_tables, stamp};

/// A policy with every kind of figure that a record contains, one of them with as many decimals as a figure resolves to.
const POLICY: &str = r#"
format = 2
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

/// The request of the settlement in the records.
fn settle_request() -> SettleRequest {
    let bed = RawItem {
        code: "BED".into(),
        quantity: Quantity(100_000),
        unit_price: UnitPrice(60_000_000),
        amount: Money::from_fen(60_000),
        day: None,
    };
    // A fortieth of the unit of A.
    let refund = RawItem {
        code: "A".into(),
        quantity: Quantity(-250),
        unit_price: UnitPrice(20_000_000_000),
        amount: Money::from_fen(-50_000),
        day: None,
    };
    let lines = [("A", "20000.00"), ("B10", "1000.00"), ("C", "300.00"), ("SD", "1000.00")];
    let items = lines.iter().map(|(code, yuan)| item(code, yuan)).chain([bed, refund]).collect();
    let claim = RawClaim { items, emergency: true, ..claim("ZY2017-1", "P3", "0.00") };
    SettleRequest {
        claim,
        request_id: "a-request-like-no-other".into(),
        quote: None,
        today: onestop::domain::day::Day::LAST,
    }
}

/// The stored records of a settlement, its reversal, a fence, and the revision of another settlement.
async fn records() -> [Vec<u8>; 4] {
    let engine = open_engine(MemoryStore::default()).await;
    let settled = engine.settle(settle_request(), stamp(1_497_493_800_000_001)).await.expect("a settlement");
    let later = SettleRequest {
        claim: claim("ZY2017-2", "P3", "9000.00"),
        request_id: "later".into(),
        quote: None,
        today: onestop::domain::day::Day::LAST,
    };
    engine.settle(later, stamp(1_497_493_800_000_002)).await.expect("a settlement");
    let keys = settled.entry.body.claim.keys();
    let reversal_fields = RawReversal {
        hospital_id: settle_request().claim.hospital_id,
        person_id: settle_request().claim.person_id,
        claim_id: settle_request().claim.claim_id,
        reason: "费用录入有误".to_owned(),
        readjudicate: true,
    };
    let reversal = ReverseRequest { reversal: reversal_fields, request_id: "reversal-1".into(), dry_run: false };
    engine.reverse(reversal, stamp(1_497_493_800_000_003)).await.expect("a reversal");
    let ClaimKeys { hospital_id, person_id, .. } = keys;
    let name = RequestName { hospital_id: Some(hospital_id), person_id, request_id: id("never") };
    engine.fence(&name, stamp(1_497_493_800_000_004)).await.expect("a fence");
    let [settlement, _, reversal, fence, revision] = engine.store().journal().try_into().expect("five entries");
    [settlement, reversal, fence, revision]
}

fn decode(record: &[u8]) -> (Entry, Digest) {
    decode_entry(record).expect("a sound record")
}

#[tokio::test]
async fn every_kind_of_entry_is_decoded_as_it_was_encoded_and_chained() {
    let records = records().await;
    for record in &records {
        assert!(encode_entry(&decode(record).0).0 == *record);
    }
    let [settlement, reversal, fence, revision] = records.map(|record| decode(&record).0);
    assert!(settlement.as_settlement().is_some_and(|settled| settled.facts.catalogue.len() == 5));
    let reversed = reversal.as_reversal().expect("a reversal");
    assert_eq!((reversed.settlement, &*reversed.revisions), (settlement.id, &[revision.id][..]));
    let cause = revision.as_revision().map(|revised| revised.cause.clone());
    assert_eq!(cause, Some(onestop::domain::journal::RevisionCause::Reversal(reversal.id)));
    assert_eq!((revision.link.previous, fence.link.previous), (Some(reversal.id), Some(revision.id)));
}

#[tokio::test]
async fn an_entry_with_any_altered_byte_is_damaged() {
    let [settlement, ..] = records().await;
    for at in 0..settlement.len() {
        let mut engine_on_altered_store = settlement.clone();
        engine_on_altered_store[at] ^= 0x20;
        assert!(decode_entry(&engine_on_altered_store).is_err(), "byte {at}");
    }
}

/// An engine on a store with one settlement, with these bytes altered in its file.
async fn engine_on_altered_store(directory: &Path, bytes_to_flip: &[u8]) -> Engine<EmbeddedStore> {
    let open = || EmbeddedStore::open(directory, Durability::Synced).expect("a store");
    open_engine(open()).await.settle(settle_request(), stamp(1)).await.expect("a settlement");
    stored_log::flip(directory, bytes_to_flip);
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
        Reason::from(&engine.settle(settle_request(), stamp(2)).await.expect_err("a refusal")),
        Reason::Invariant
    );
}

#[tokio::test]
async fn a_person_with_a_damaged_account_cannot_settle() {
    let directory = tempfile::tempdir().expect("a directory");
    let memory = open_engine(MemoryStore::default()).await;
    memory.settle(settle_request(), stamp(1)).await.expect("a settlement");
    // The digest of the last entry of a chain is stored only in the state of the person.
    let engine = engine_on_altered_store(directory.path(), &decode(&memory.store().journal()[0]).1.0).await;
    let another = SettleRequest {
        request_id: "another".into(),
        claim: claim("ZY2017-2", "P3", "100.00"),
        quote: None,
        today: onestop::domain::day::Day::LAST,
    };
    assert_eq!(Reason::from(&engine.settle(another, stamp(2)).await.expect_err("a refusal")), Reason::Invariant);
    let others = SettleRequest {
        request_id: "others".into(),
        claim: claim("ZY2017-3", "P1", "100.00"),
        quote: None,
        today: onestop::domain::day::Day::LAST,
    };
    assert!(engine.settle(others, stamp(3)).await.is_ok());
}
