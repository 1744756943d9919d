//! A Redis that lost its data while serving, or came back empty: nothing is answered from its emptiness, and no new store
//! is created on it unasked.

use onestop::domain::claim::ClaimKeys;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::AccountKey;
use onestop::engine::EngineError;
use onestop::engine::account::AccountName;
use onestop::engine::fence::RequestName;
use onestop::engine::list::{HospitalFilter, HospitalScope, PageRoom, PersonFilter};
use onestop::engine::reverse::ReverseRequest;
use onestop::reference::table::ReferenceTable;
use onestop::store::{JournalStore, PolicyStore, ReferenceStore, StoreError};

use super::{of_p1, settles};
use crate::support::claims::claim;
use crate::support::ids::id;
use crate::support::program::{Serve, run};
use crate::support::redis_server::{DURABLE, RedisServer, open};
use crate::support::{engine, row};

#[track_caller]
fn assert_unavailable<T>(call: &str, answer: Result<T, EngineError>) {
    let error = answer.err().unwrap_or_else(|| panic!("{call} answered"));
    assert_eq!(error, EngineError::StoreUnavailable, "{call}");
}

#[track_caller]
fn assert_lost<T>(read: &str, answer: Result<T, StoreError>) {
    let error = answer.err().unwrap_or_else(|| panic!("{read} answered"));
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("was lost")), "{read}: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_answered_from_an_emptied_redis() {
    let server = RedisServer::start(DURABLE);
    let engine = engine(open(&server.url()).await).await;
    let settled = settles(&engine, 1).await.expect("settled").entry;
    server.ask(&["FLUSHALL"]);
    let request =
        RequestName { hospital_id: Some(id("H3")), person_id: id("P1"), request_id: settled.request_id.clone() };
    let keys = ClaimKeys { hospital_id: id("H3"), person_id: id("P1"), claim_id: id("C1") };
    let hospital = HospitalFilter { hospital_id: id("H3"), from: Day::FIRST, until: Day::LAST };
    let person = PersonFilter { person_id: id("P1"), year: 2017, insurance: None, hospitals: HospitalScope::All };
    let account =
        AccountName { person_id: id("P1"), key: AccountKey { insurance: "resident".into(), year: 2017 }, on: None };
    let reversal = RawReversal {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        claim_id: "C1".into(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    let reversal = ReverseRequest { reversal, request_id: "r2".to_owned(), dry_run: false };
    assert_unavailable("settle again", settles(&engine, 1).await);
    assert_unavailable("settle", settles(&engine, 2).await);
    assert_unavailable("quote", engine.quote(claim("C3", "P1", "1000.00"), onestop::domain::day::Day::LAST).await);
    assert_unavailable("outcome", engine.outcome(&request).await);
    assert_unavailable("fence", engine.fence(&request, of_p1(9)).await);
    assert_unavailable("reverse", engine.reverse(reversal, of_p1(10)).await);
    assert_unavailable("settlement", engine.settlement(settled.id).await);
    assert_unavailable("settlement of a claim", engine.settlement_of_claim(&keys).await);
    assert_unavailable("list of a hospital", engine.list_of_hospital(&hospital, None, 10, |_| PageRoom::Left).await);
    assert_unavailable("list of a person", engine.list_of_person(&person, None, 10, |_| PageRoom::Left).await);
    assert_unavailable("account", engine.account(&account).await);
    assert_unavailable("imports", engine.imports(None, 10).await);
    let rows = vec![row(ReferenceTable::Categories, &["P1", "registered_poor", "2016-01-01", ""])];
    assert_unavailable("import", engine.import(rows).await);
    let store = engine.store();
    assert_lost("states", store.states(None, 10).await);
    assert_lost("persons", store.person_records(None, 10).await);
    assert_lost("entries", store.entry_count().await);
    assert_lost("reference", store.read_hospitals_and_catalogue().await);
    assert_lost("policies", store.policy_digests().await);
    assert_eq!(server.ask(&["DBSIZE"]), ":0\r\n");
}

/// Redis, and then the server, came back without data.
#[test]
fn a_restart_on_an_emptied_redis_is_refused_until_a_store_is_created() {
    let server = RedisServer::start(DURABLE);
    let (url, place) = (server.url(), tempfile::tempdir().expect("a directory"));
    let secret = place.path().join("secret").display().to_string();
    assert_eq!(run(&["secret", &secret]).0, Some(0));
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", &url, "--secret", &secret];
    let init = ["init", "--store", &url, "--secret", &secret];
    let (code, _, errors) = run(&serve);
    assert!(code == Some(2) && errors.contains("holds no store"), "{code:?} {errors}");
    assert_eq!(server.ask(&["DBSIZE"]), ":0\r\n");
    assert_eq!(run(&init).0, Some(0));
    let started = |arguments: &[&str]| {
        let mut command = crate::support::program::onestop();
        command.args(arguments);
        Serve::spawn(command)
    };
    drop(started(&serve));
    let (code, _, errors) = run(&init);
    assert!(code == Some(1) && errors.contains("holds a store; nothing was changed"), "{code:?} {errors}");
    server.ask(&["FLUSHALL"]);
    let (code, _, errors) = run(&serve);
    assert!(code == Some(2) && errors.contains("its data was lost"), "{code:?} {errors}");
    assert_eq!(server.ask(&["DBSIZE"]), ":0\r\n");
    drop(started(&[&serve[..], &["--create"]].concat()));
}

#[test]
fn a_directory_without_a_store_is_refused_until_a_store_is_created() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store").display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", &store];
    let (code, _, errors) = run(&serve);
    assert!(code == Some(2) && errors.contains("holds no store; `onestop init --store "), "{code:?} {errors}");
    assert!(!std::path::Path::new(&store).exists());
    assert_eq!(run(&["init", "--store", &store]).0, Some(0));
    let (code, _, errors) = run(&["init", "--store", &store]);
    assert!(code == Some(1) && errors.contains("holds a store; nothing was changed"), "{code:?} {errors}");
    let mut command = crate::support::program::onestop();
    command.args(serve);
    drop(Serve::spawn(command));
}
