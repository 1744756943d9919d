//! Commits that wait for Redis are sent as one call, and each of them is accepted or refused by itself.

use std::sync::Arc;

use onestop::domain::ids::{Digest, EntryId, PersonId};
use onestop::domain::journal::{Entry, Fence};
use onestop::engine::CommitStamp;
use onestop::store::redis::RedisSettings;
use onestop::store::rows::PersonState;
use onestop::store::shard::Shard;
use onestop::store::{Commit, JournalStore, Scope, StoreError};

use crate::support::ids::id;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis_server::{RedisServer, open_with, prefix};
use crate::support::stamp;

/// A fence of a person on this state, whose id names the person's shard.
fn fence(number: u64, person: &str, state: &PersonState) -> Commit {
    let CommitStamp { id: EntryId(bytes), instant } = stamp(number);
    let bytes = (u128::from_be_bytes(bytes) << 8).to_be_bytes();
    let stamp = CommitStamp { id: EntryId(bytes), instant }.for_person(person);
    let entry = Entry {
        id: stamp.id,
        link: state.next(),
        committed: instant,
        request_id: id(format!("r{number}")),
        content: Digest::default(),
        body: Fence { hospital_id: Some(id("H1")), person_id: id(person) },
    };
    Commit::new(state.clone(), &entry)
}

/// While the first call waits for its reply, further commits wait for a call; the second one has them all.
#[tokio::test]
async fn commits_that_wait_are_one_call_and_each_is_accepted_or_refused_by_itself() {
    let server = RedisServer::shared();
    let (proxy, prefix) = (Proxy::to(server.port()).await, prefix());
    let url = format!("redis://127.0.0.1:{}?prefix={prefix}", proxy.port());
    let store = Arc::new(open_with(&url, RedisSettings::default()).await.expect("a store"));
    let absent = PersonState::default();
    store.commit(fence(1, "damaged", &absent)).await.expect("a commit");
    let damage =
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) redis.call('SET', key, 'x') end";
    server.ask(&["EVAL", damage, "0", &format!("{prefix}:{{??}}:p????????????????")]);
    let mut commits: Vec<Commit> = (2..50).map(|number| fence(number, &format!("P{number}"), &absent)).collect();
    // Another commit of a person's first version, the same entry for another request, and a person whose rows are damaged.
    commits.push(fence(50, "P2", &absent));
    let taken = Commit { request_id: id("another"), ..fence(3, "P3", &absent) };
    commits.push(Commit { expected: 1, ..taken });
    commits.push(fence(51, "damaged", &absent));
    commits.push(fence(52, "P52", &absent));
    proxy.requests();
    proxy.set(Mode::IsSilent);
    let waiting: Vec<_> = commits
        .into_iter()
        .map(|commit| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(commit).await })
        })
        .collect();
    // One thread runs all tasks in turn: each commit is sent or waits for a call after this.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    proxy.set(Mode::Passes);
    let mut outcomes = Vec::new();
    for outcome in waiting {
        outcomes.push(outcome.await.expect("no panic"));
    }
    let refused = outcomes.split_off(48);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(refused[..2], [Err(StoreError::Conflict), Err(StoreError::EntryIdTaken)]);
    assert!(matches!(&refused[2], Err(StoreError::Unavailable(why)) if why.contains("WRONGTYPE")), "{refused:?}");
    assert_eq!(refused[3], Ok(()));
    let requests = proxy.requests();
    let calls = requests.windows(16).filter(|window| window == b"onestop_6_commit").count();
    assert!((1..=2).contains(&calls), "{calls} calls");
    assert_eq!(store.entry_count().await, Ok(50));
    let person: PersonId = id("P52");
    assert_eq!(store.look_up(Scope::of_person(&person)).await.expect("a look-up").state.version, 1);
}

/// Keys of a shard that hold something else than they should: a commit there is refused, and when they hold it again nothing of
/// the commit is in the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_commit_in_a_damaged_shard_nothing_is_written() {
    let server = RedisServer::shared();
    let url = server.url();
    let store = open_with(&url, RedisSettings::default()).await.expect("a store");
    let absent = PersonState::default();
    store.commit(fence(1, "P1", &absent)).await.expect("a commit");
    let shard = Shard::of_person(&id("P1"));
    let mut names = (2..).map(|number| format!("P{number}"));
    let name = names.find(|name| Shard::of_person(&id(name.as_str())) == shard).expect("a person of the same shard");
    let person: PersonId = id(name.as_str());
    let prefix = url.split_once("prefix=").expect("a prefix").1;
    let key = |name: &str| format!("{prefix}:{{{:02}}}:{name}", shard.number());
    let ok = |words: &[&str]| assert_eq!(server.ask(words), "+OK\r\n", "{words:?}");
    for damaged in ["journal", "persons", "entries", "clock", "day"] {
        ok(&["RENAME", &key(damaged), &key("kept")]);
        ok(&["SET", &key(damaged), "x"]);
        let refused = store.commit(fence(2, &name, &absent)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{damaged}: {refused:?}");
        ok(&["RENAME", &key("kept"), &key(damaged)]);
        let seen = store.look_up(Scope::of_person(&person)).await.expect("a look-up");
        assert_eq!((seen.state.version, store.entry_count().await), (0, Ok(1)), "{damaged}");
        assert_eq!(store.record(fence(2, &name, &absent).entries[0].0).await, Ok(None), "{damaged}");
    }
    store.commit(fence(2, &name, &absent)).await.expect("a commit");
    assert_eq!(store.entry_count().await, Ok(2));
}
