//! Several instances over one store: an import that ended in one holds in all, one imports at a time, and all apply one
//! book or say that they do not.

use std::sync::Arc;
use std::time::Duration;

use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::status::Reason;
use onestop::policy::{Book, shipped};
use onestop::reference::table::ReferenceTable;
use onestop::store::coordination::{Coordination, Readiness};
use onestop::store::redis::RedisStore;
use onestop::store::{ReferenceStore, Store};

use super::{engine_at, settles};
use crate::support::claims::{claim, item, settle};
use crate::support::redis_server::{RedisServer, open};
use crate::support::{row, stamp};

async fn another(url: &str) -> Arc<Engine<RedisStore>> {
    let book = shipped::book().expect("the shipped book");
    Arc::new(Engine::open(open(url).await, book, EngineSettings::default()).await.expect("an engine"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_imported_by_one_instance_are_in_force_in_all_within_a_second() {
    let server = RedisServer::shared();
    let url = server.url();
    let (one, other) = (engine_at(&url).await, another(&url).await);
    let following = tokio::spawn({
        let other = Arc::clone(&other);
        async move { other.follow().await }
    });
    let request = || {
        let mut raw = claim("C1", "P1", "10.00");
        raw.items = vec![item("NEW", "10.00")];
        settle(raw)
    };
    assert_eq!(Reason::from(&other.settle(request(), stamp(1)).await.expect_err("unknown")), Reason::UnknownItem);
    one.import(vec![row(ReferenceTable::Catalogue, &["NEW", "", "", "新药", "A", "", "", ""])])
        .await
        .expect("imported");
    let within = tokio::time::timeout(Duration::from_secs(1), async {
        while other.settle(request(), stamp(1)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    within.await.expect("within a second");
    following.abort();
}

/// Without the turn, both would read the person as they were and one would write over the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_imports_at_a_time_and_on_the_newest_tables() {
    let server = RedisServer::shared();
    let url = server.url();
    let (one, other) = (engine_at(&url).await, another(&url).await);
    let version = one.store().coordination().acquire_import_lease().await.expect("the turn");
    assert!(version.is_some_and(|version| version > 0));
    let rows = || vec![row(ReferenceTable::Designations, &["H9", "2010-01-01", ""])];
    assert_eq!(Reason::from(&other.import(rows()).await.expect_err("refused")), Reason::ImportRunning);
    one.store().coordination().release_import_lease().await;
    // The other instance reads the new tables before it changes them.
    one.import(vec![row(ReferenceTable::Hospitals, &["H9", "", "九院", "tertiary", "370100", "", ""])])
        .await
        .expect("imported");
    other.import(rows()).await.expect("imported");
    let read = open(&url).await.read_hospitals_and_catalogue().await.expect("a read");
    let (_, record) = read.hospitals.iter().find(|(id, _)| id.as_str() == "H9").expect("the hospital");
    let day = "2017-06-15".parse().expect("a day");
    assert!(record.statuses().on(day).is_some() && record.is_designated(day));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_with_another_book_is_not_ready_and_takes_no_commit() {
    let server = RedisServer::shared();
    let url = server.url();
    let one = engine_at(&url).await;
    let fewer = shipped::FILES.iter().copied().filter(|(name, _)| *name != "rizhao-2017.toml");
    let book = Book::from_texts(fewer).expect("a book");
    let digest = book.digest();
    let other = Engine::open(open(&url).await, book, EngineSettings::default()).await.expect("an engine");
    let why = match &*other.store().coordination().readiness().borrow() {
        Readiness::NotReady(why) => why.clone(),
        ready => panic!("{ready:?}"),
    };
    assert!(why.contains(&one.book().digest().to_string()) && why.contains(&digest.to_string()), "{why}");
    assert_eq!(Reason::from(&settles(&other, 1).await.expect_err("refused")), Reason::StoreUnavailable);
    settles(&one, 1).await.expect("settled");
    // Put in force, it is the first that is to follow.
    other.announce_book_as_required("an operator", &onestop::grpc::commit_stamp::now).await.expect("announced");
    settles(&other, 2).await.expect("settled");
    let mut readiness = one.store().coordination().readiness();
    readiness.wait_for(|now| matches!(now, Readiness::NotReady(_))).await.expect("the store");
    assert_eq!(Reason::from(&settles(&one, 3).await.expect_err("refused")), Reason::StoreUnavailable);
}
