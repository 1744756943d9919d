//! A field that is added to claims and items, in a copy of the schema: what was stored before is read as before, its digests
//! hold, a retry of it replays, and the audit recomputes it; and a program that does not know the field yet does the same
//! with what has it.
//!
//! A further field of a claim is named in five files of the program: `claim.proto`; the claim as received, as validated, and
//! how two differ (`src/domain/claim/fields.rs`); its validation (`validate.rs` there, of an item `items.rs`); the conversions
//! (`src/journal/claim.rs`); and a claim in a file (`src/cli/client/claim_text.rs`). No stored form, digest, engine, store or
//! service changes. [`FILES_OF_A_FIELD`] is checked.

use std::fs;
use std::path::Path;

use onestop::domain::ids::{CanonicalDigest, Digest};
use onestop::domain::journal::Settlement;
use onestop::engine::Engine;
use onestop::engine::audit::Audit;
use onestop::engine::fence::{Outcome, RequestName};
use onestop::engine::settle::SettleOutcome;
use onestop::journal::claim::message_from_raw;
use onestop::journal::content::settle_content;
use onestop::journal::{ClaimMessage, decode_entry, encode_settlement, record};
use onestop::pb::journal as pb;
use onestop::pb::journal::entry::Kind;
use onestop::store::memory::MemoryStore;
use onestop::store::rows::ClaimRow;
use onestop::store::{Commit, JournalStore, Scope};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use crate::support::claims::{claim, settle};
use crate::support::ids::id;
use crate::support::stamp;

/// The files that name every field of a claim or an item; no other file of the program lists them all.
const FILES_OF_A_FIELD: [&str; 5] = [
    "proto/onestop/settlement/v1/claim.proto",
    "src/domain/claim/fields.rs",
    "src/domain/claim/validate.rs",
    "src/journal/claim.rs",
    "src/cli/client/claim_text.rs",
];

/// The validation of an item's field is in a file of its own, in place of that of a claim's.
const ITEM_VALIDATION: &str = "src/domain/claim/items.rs";

/// Whether a text has a value with every field of a claim or an item named: one without `..`.
fn lists_all_fields(text: &str) -> bool {
    let starts =
        ["RawClaim {", "RawItem {", "pb::Claim {", "pb::Item {"].iter().flat_map(|name| text.match_indices(name));
    starts.into_iter().any(|(at, name)| {
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let is_value = !["struct ", "impl ", "-> ", "for "].iter().any(|word| before.contains(word));
        let (body, mut depth) = (&text[at + name.len() - 1..], 0);
        let end = body.find(|letter| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            depth == 0
        });
        is_value && !body[..end.unwrap_or(body.len())].contains("..")
    })
}

#[test]
fn a_field_of_a_claim_or_an_item_is_named_in_five_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in FILES_OF_A_FIELD {
        assert!(fs::read_to_string(root.join(file)).expect(file).contains("diagnosis"), "{file}");
    }
    let found: Vec<String> = source_files(&root.join("src"))
        .into_iter()
        .filter(|file| lists_all_fields(&fs::read_to_string(file).expect("a source file")))
        .map(|file| file.strip_prefix(root).expect("a path").display().to_string())
        .filter(|file| !FILES_OF_A_FIELD.contains(&file.as_str()) && file != ITEM_VALIDATION)
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

fn source_files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { source_files(&path) } else { vec![path] }).collect()
}

/// The schema with an optional text in every claim and every item.
fn extended_schema() -> DescriptorPool {
    let copy = tempfile::tempdir().expect("a directory");
    copy_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("proto"), copy.path());
    let claim = copy.path().join("onestop/settlement/v1/claim.proto");
    let text = fs::read_to_string(&claim).expect("the schema of claims");
    let extended = text
        .replacen("message Item {\n", "message Item {\n  // An added field.\n  optional string batch = 100;\n", 1)
        .replacen("message Claim {\n", "message Claim {\n  // An added field.\n  optional string ward = 100;\n", 1);
    assert_eq!(extended.matches("= 100;").count(), 2);
    fs::write(&claim, extended).expect("a changed schema");
    let files = ["onestop/settlement/v1/settlement_service.proto", "onestop/journal/v1/journal.proto"];
    let descriptors = protox::compile(files, [copy.path()]).expect("a sound schema");
    DescriptorPool::from_file_descriptor_set(descriptors).expect("descriptors")
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for file in fs::read_dir(from).expect("a directory").map(|file| file.expect("a file").path()) {
        let copy = to.join(file.file_name().expect("a name"));
        if file.is_dir() {
            copy_directory(&file, &copy);
        } else {
            fs::copy(&file, &copy).expect("a copy");
        }
    }
}

/// The message of this name with these bytes, under a schema.
fn decode(schema: &DescriptorPool, name: &str, bytes: &[u8]) -> DynamicMessage {
    let descriptor = schema.get_message_by_name(name).expect("a message");
    DynamicMessage::decode(descriptor, bytes).expect("a sound message")
}

async fn engine() -> Engine<MemoryStore> {
    crate::support::engine(MemoryStore::default()).await
}

async fn settled(engine: &Engine<MemoryStore>, claim_id: &str, number: u64) -> SettleOutcome {
    engine.settle(settle(claim(claim_id, "P1", "2000.00")), stamp(number)).await.expect("a settlement")
}

/// The digest of the content of a claim with these bytes.
fn content(claim: &[u8]) -> Digest {
    CanonicalDigest::new("settle/2").rest(claim)
}

fn settlement_message(bytes: &[u8]) -> (pb::Entry, pb::SettlementEntry) {
    let (message, _) = record::decode_message::<pb::Entry>(bytes).expect("a record");
    let Some(Kind::Settlement(settlement)) = message.kind.clone() else { panic!("a settlement") };
    (message, settlement)
}

#[tokio::test]
async fn what_was_stored_before_a_field_was_added_is_read_and_has_its_digests_after() {
    let (schema, engine) = (extended_schema(), engine().await);
    settled(&engine, "C1", 1).await;
    let stored = engine.store().journal().remove(0);
    let (entry, settlement) = settlement_message(&stored);
    let claim_under_new = decode(&schema, "onestop.settlement.v1.Claim", &settlement.claim);
    assert!(!claim_under_new.has_field_by_name("ward"));
    assert_eq!(claim_under_new.encode_to_vec(), settlement.claim, "an absent field has no bytes");
    assert_eq!(content(&claim_under_new.encode_to_vec()).0[..], entry.content_digest, "a retry has the old digest");
    let entry_under_new = decode(&schema, "onestop.journal.v1.Entry", &entry.encode_to_vec());
    let chained = Digest::blake3(&entry_under_new.encode_to_vec());
    assert_eq!(chained, decode_entry(&stored).expect("a record").1, "the next entry is chained to the old digest");
}

#[tokio::test]
async fn a_claim_with_an_added_field_has_another_content_and_one_without_has_the_old_one() {
    let schema = extended_schema();
    let plain = message_from_raw(&claim("C1", "P1", "2000.00")).encode_to_vec();
    assert_eq!(content(&plain), settle_content(&claim("C1", "P1", "2000.00")));
    let mut extended = decode(&schema, "onestop.settlement.v1.Claim", &plain);
    assert_eq!(content(&extended.encode_to_vec()), content(&plain));
    extended.set_field_by_name("ward", Value::String("ICU".to_owned()));
    assert_ne!(content(&extended.encode_to_vec()), content(&plain));
}

/// Field 100 of a message, with the number 1.
const UNKNOWN_FIELD: &[u8] = &[0xa0, 0x06, 0x01];

/// Commits a settlement as a program would that knows the added fields.
async fn commit_extended(engine: &Engine<MemoryStore>, schema: &DescriptorPool, number: u64) -> (Vec<u8>, Vec<u8>) {
    // What a settlement of the same claim is, decided on a store of its own.
    let decided = {
        let other = self::engine().await;
        settled(&other, "C2", number).await.entry
    };
    let encoded = encode_settlement(&decided, &ClaimMessage::from(&decided.body.claim));
    let (mut message, mut settlement) = settlement_message(&encoded.record);
    let mut claim = decode(schema, "onestop.settlement.v1.Claim", &settlement.claim);
    claim.set_field_by_name("ward", Value::String("ICU".to_owned()));
    let items = claim.get_field_by_name("items").expect("items").into_owned();
    let Value::List(mut items) = items else { panic!("a list") };
    let Value::Message(item) = &mut items[0] else { panic!("a message") };
    item.set_field_by_name("batch", Value::String("L-17".to_owned()));
    claim.set_field_by_name("items", Value::List(items));
    settlement.claim = claim.encode_to_vec().into();
    // A field of the answer that is not known, too.
    settlement.answer = [&settlement.answer[..], UNKNOWN_FIELD].concat().into();
    let answer = settlement.answer.to_vec();
    message.content_digest = content(&settlement.claim).0.to_vec();
    message.kind = Some(Kind::Settlement(settlement));
    let (extended, digest) = record::encode_message(&message);
    let (entry, _) = decode_entry(&extended).expect("a record with fields that are not known");
    let Settlement { claim, split, .. } = entry.as_settlement().expect("a settlement").clone();
    let mut row = ClaimRow::unsettled(claim.person_id.clone());
    row.settled(entry.id);
    let state = engine.store().look_up(Scope::of_person(&claim.person_id)).await.expect("a state").state;
    let account = state.account(&split.circumstances.account).with_settlement(&split).expect("an account");
    let mut commit = Commit::from_record(state, &entry, extended.clone(), digest);
    commit.set_account(split.circumstances.account, account);
    commit.set_claim(claim.hospital_id, claim.claim_id, row);
    engine.store().commit(commit).await.expect("a commit");
    (extended, answer)
}

fn request_id(record: &[u8]) -> onestop::domain::ids::RequestId {
    decode_entry(record).expect("a record").0.request_id
}

#[tokio::test]
async fn a_record_with_fields_that_are_not_known_is_answered_byte_for_byte_and_audited() {
    let (schema, engine) = (extended_schema(), engine().await);
    let (extended, answer) = commit_extended(&engine, &schema, 1).await;
    let later = settled(&engine, "C3", 2).await;
    let chained = decode_entry(&extended).expect("a record").1;
    assert_eq!(later.entry.link.chained, chained, "the chain goes on from all bytes of the record");
    let found = engine.settlement(stamp(1).id).await.expect("the settlement");
    assert_eq!(found.answer, answer);
    let request = RequestName { hospital_id: Some(id("H3")), person_id: id("P1"), request_id: request_id(&extended) };
    for outcome in [engine.outcome(&request).await, engine.fence(&request, stamp(9)).await] {
        let Ok(Outcome::Settled(settled)) = outcome else { panic!("a settlement: {outcome:?}") };
        assert_eq!(settled.answer, answer, "an outcome and a fence answer the stored bytes");
    }
    assert_eq!(engine.store().journal()[0], extended, "the stored bytes are the committed ones");
    let state =
        engine.store().look_up(Scope::of_person(&later.entry.body.claim.person_id)).await.expect("a state").state;
    let verified = Audit::new(engine.store()).verify_person(&state).await.expect("a sound chain");
    assert_eq!((verified.splits, verified.digests[0]), (2, chained));
}

#[tokio::test]
async fn an_old_retry_is_answered_with_the_same_bytes() {
    let engine = engine().await;
    let first = settled(&engine, "C1", 1).await;
    settled(&engine, "C2", 2).await;
    let again = settled(&engine, "C1", 3).await;
    assert_eq!((again.replay, again.answer), (true, first.answer));
}
