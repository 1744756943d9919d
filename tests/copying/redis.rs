//! Into a Redis and back.

use std::sync::atomic::{AtomicUsize, Ordering};

use onestop::domain::journal::Instant;
use onestop::engine::copy::{CopyContext, CopyCount, CopyError, Stage, StoreCopy};
use onestop::engine::import::ImportSource;
use onestop::store::coordination::Coordination;
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, ReferenceStore, Store};

use super::history::History;
use super::whole::{reopened, the_rest_is_the_same};
use super::{copied, copy, open};
use crate::support::engine;
use crate::support::program::run;
use crate::support::redis_server::{self, RedisServer};

const SEED: u64 = 0x4ed1_5000;

/// Ids of these histories name no shard: each is led to its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_to_redis_and_back_equals_the_source_row_for_row() {
    let redis = RedisServer::shared();
    for seed in SEED..SEED + 4 {
        println!("seed {seed:#x}");
        let original = engine(MemoryStore::default()).await;
        let history = History::play_with_runs(&original, seed, 60).await;
        let (there, back) = (redis.store().await, MemoryStore::default());
        let copied = copy(original.store(), &there).await.expect("a copy");
        let entries = original.store().entry_count().await.expect("a count");
        assert_eq!(copied.entries, CopyCount { total: entries, written: entries });
        assert_eq!((copied.chains, copied.persons), (4, CopyCount { total: 4, written: 4 }));
        assert_eq!(copied.settlements, history.settled.len() as u64);
        let again = copy(original.store(), &there).await.expect("a copy");
        assert_eq!((again.entries.written, again.persons.written), (0, 0));
        copy(&there, &back).await.expect("a copy");
        assert!(back.settled_fingerprint() == original.store().settled_fingerprint());
        the_rest_is_the_same(original.store(), &back).await;
        history.goes_on(&reopened(there).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_copies_to_redis_and_back_and_the_audit_passes_in_both() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let [from, back] = ["from", "back"].map(|name| place.path().join(name));
    let [secret, seal] = ["secret", "seal"].map(|name| place.path().join(name).display().to_string());
    let original = engine(open(&from)).await;
    History::play_with_runs(&original, SEED, 40).await;
    drop(original);
    let url = std::path::PathBuf::from(redis.url());
    let of = url.display().to_string();
    assert_eq!(run(&["secret", &secret]).0, Some(0));
    let nothing = run(&["audit", "verify", "--store", &of, "--secret", &secret]);
    assert!(nothing.0 == Some(2) && nothing.2.contains("holds no store"), "{nothing:?}");
    assert_eq!(run(&["audit", "seal", "--store", &from.display().to_string(), &seal]).0, Some(0));
    let (code, output, errors) = copied(&from, &url, &["--to-secret", &secret]);
    assert!(code == Some(0) && output.contains("can be served"), "{output}{errors}");
    let (code, output, _) = run(&["audit", "verify", "--store", &of, "--secret", &secret, "--against", &seal]);
    assert_eq!(code, Some(0), "{output}");
    let (code, output, errors) = copied(&url, &back, &["--from-secret", &secret]);
    assert!(code == Some(0) && output.contains("can be served"), "{output}{errors}");
    let (code, output, _) = run(&["audit", "verify", "--store", &back.display().to_string(), "--against", &seal]);
    assert_eq!(code, Some(0), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_into_a_redis_that_another_writes_to_ends_with_the_code_of_what_is_worth_repeating() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let (from, url) = (place.path().join("from"), redis.url());
    let original = engine(open(&from)).await;
    History::play(&original, SEED, 10).await;
    drop(original);
    let other = redis_server::open(&url).await;
    other.coordination().acquire_import_lease().await.expect("a lease");
    let secret = redis_server::secret_file(place.path());
    let again = || copied(&from, std::path::Path::new(&url), &["--to-secret", &secret]);
    let (code, _, errors) = again();
    assert!(code == Some(3) && errors.contains("another copy or an import writes to the target"), "{errors}");
    other.coordination().release_import_lease().await;
    let (code, _, errors) = again();
    assert_eq!(code, Some(0), "{errors}");
}

/// The second would continue the log of imports, the lists and the rows of the first where it is just then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_copy_or_an_import_into_one_redis_is_refused_until_the_first_has_ended() {
    let redis = RedisServer::shared();
    let (original, url) = (engine(MemoryStore::default()).await, redis.url());
    History::play(&original, SEED, 10).await;
    let (one, other) = (redis_server::open(&url).await, redis_server::open(&url).await);
    other.coordination().acquire_import_lease().await.expect("a lease");
    assert_eq!(copy(original.store(), &one).await, Err(CopyError::TargetInUse));
    assert_eq!(one.imports(u64::MAX, 1).await, Ok(Vec::new()), "nothing was written");
    other.coordination().release_import_lease().await;
    let lease = format!("{}:{{00}}:import-lease", url.split_once("prefix=").expect("a prefix").1);
    let is_held = || redis.ask(&["EXISTS", &lease]) == ":1\r\n";
    let held = AtomicUsize::new(0);
    let progress = |_: Stage, _: u64, _: u64| {
        held.fetch_add(usize::from(is_held()), Ordering::Relaxed);
    };
    let outside = CopyContext { now: &|| Instant(1), progress: &progress };
    let copying = StoreCopy::new(original.store(), &one, outside).await.expect("a source");
    copying.run(ImportSource::default()).await.expect("a copy");
    assert!(held.load(Ordering::Relaxed) > 0 && !is_held(), "from its first stage to its end");
    copy(original.store(), &other).await.expect("the same again");
}
