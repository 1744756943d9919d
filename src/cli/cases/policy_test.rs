//! `onestop policy test`: runs policy tests, in this process or through a server, and prints a line a
//! case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::money::Money;
use crate::policy::Book;
use crate::say;
use crate::store::embedded::EmbeddedStore;
use crate::store::redis::address::Address;
use crate::store::redis::{RedisSettings, RedisStore};
use crate::store::secret_file;
use crate::store::tiered::TieredStore;

use super::case::{self, Expect, Loaded};
use super::case_runner::{Answer, Desk, Revised, Sums};
use crate::cli::exit::{Ended, Failure};
use crate::cli::serve;
use crate::server::local_server::Running;
use crate::server::store_location::StoreLocation;

/// How a case ended.
pub enum Verdict {
    /// Everything held.
    Holds,
    /// What did not.
    Differs(Vec<String>),
}

/// What a case's steps go through.
pub enum Through {
    /// An engine in this process.
    Process,
    /// A server of its own on a fresh store in a directory.
    Directory,
    /// A server of its own on a fresh store on this Redis.
    Redis(Address),
}

impl Through {
    /// What the command line says.
    ///
    /// # Errors
    /// Exit 2 if the store is no address of a Redis.
    pub fn told(grpc: bool, store: Option<&Path>) -> Result<Through, Failure> {
        match store.map(StoreLocation::of).transpose()? {
            Some(StoreLocation::Redis(address)) => Ok(Through::Redis(address)),
            Some(StoreLocation::Directory(path)) => {
                Err(Failure::Usage(format!("--store {} is no address of a Redis", path.display())))
            }
            None if grpc => Ok(Through::Directory),
            None => Ok(Through::Process),
        }
    }
}

/// Runs these cases.
///
/// # Errors
/// Exit 1 if any differs, 2 if one cannot be read.
pub async fn run(policies: Option<&Path>, through: &Through, json: bool, cases: &[PathBuf]) -> Ended {
    let book = case::book(policies)?;
    let (mut differing, mut unreadable) = (0, 0);
    for path in cases.iter().flat_map(|path| files(path)) {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                unreadable += 1;
                eprintln!("{}: {error}", path.display());
                continue;
            }
        };
        if case::is_policy(&text) {
            eprintln!("{}: a policy, not a case", path.display());
            continue;
        }
        match run_one(&path, &text, &book, through).await {
            Ok((name, Verdict::Holds)) => print(json, &name, &path, &[]),
            Ok((name, Verdict::Differs(found))) => {
                differing += 1;
                print(json, &name, &path, &found);
            }
            Err(told) => {
                unreadable += 1;
                eprintln!("{}: {told}", path.display());
            }
        }
    }
    match (unreadable, differing) {
        (0, 0) => Ok(()),
        (0, differing) => Err(Failure::Refused(format!("{differing} differ"))),
        (unreadable, _) => Err(Failure::Usage(format!("{unreadable} cannot be run"))),
    }
}

fn print(json: bool, name: &str, path: &Path, found: &[String]) {
    if json {
        say!("{}", serde_json::json!({ "name": name, "file": path, "ok": found.is_empty(), "differs": found }));
    } else if found.is_empty() {
        say!("ok {name}");
    } else {
        say!("differs {name}: {}", found.join("; "));
    }
}

/// The file itself, or every `*.toml` of a directory.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    files
}

/// Runs one case on a fresh store.
///
/// # Errors
/// Why it could not be run.
pub async fn run_one(path: &Path, text: &str, book: &Book, through: &Through) -> Result<(String, Verdict), String> {
    let loaded = case::load(path, text, book)?;
    let found = match through {
        Through::Process => steps(&loaded, Desk::in_process(&loaded).await?).await?,
        Through::Directory => in_a_directory(&loaded).await?,
        Through::Redis(address) => on_redis(&loaded, address).await?,
    };
    let verdict = if found.is_empty() { Verdict::Holds } else { Verdict::Differs(found) };
    Ok((loaded.case.name, verdict))
}

async fn in_a_directory(loaded: &Loaded) -> Result<Vec<String>, String> {
    let server = serve::Own::start(loaded.book.clone()).await.map_err(|failure| failure.to_string())?;
    let found = over_grpc(loaded, &server.url()).await;
    server.stop().await.map_err(|failure| failure.to_string())?;
    found
}

/// On a store that nobody else has: its prefix ends with an id of its own, and it goes with the case.
async fn on_redis(loaded: &Loaded, address: &Address) -> Result<Vec<String>, String> {
    let prefix = format!("{}-case-{}", address.prefix, uuid::Uuid::now_v7());
    let address = Address { prefix, ..address.clone() };
    let secret = secret_file::drawn().map_err(|error| error.to_string())?;
    let store = RedisStore::open(address, secret, RedisSettings::default()).await.map_err(|error| error.to_string())?;
    // The kind of store that `serve` has there, so that the program has one server for both.
    let server = Running::start(TieredStore::<_, EmbeddedStore>::new(store, None), loaded.book.clone())
        .await
        .map_err(|failure| failure.to_string())?;
    let found = over_grpc(loaded, &server.url()).await;
    let engine = server.stop().await.map_err(|failure| failure.to_string())?;
    engine.store().live().remove().await.map_err(|error| error.to_string())?;
    found
}

async fn over_grpc(loaded: &Loaded, url: &str) -> Result<Vec<String>, String> {
    steps(loaded, Desk::server(loaded, url).await?).await
}

async fn steps(loaded: &Loaded, mut desk: Desk) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for (at, step) in loaded.case.steps.iter().enumerate() {
        if let Some(ask) = step.ask() {
            let answer = desk.put(ask).await?;
            let differs = differences(&step.expect, &answer);
            found.extend(differs.into_iter().map(|told| format!("step {} {told}", at + 1)));
        }
    }
    Ok(found)
}

fn differences(expect: &Expect, answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Split(sums) => split_differences(expect, sums),
        Answer::Reversed(claim, revised) => {
            let mut found = Vec::new();
            differ(&mut found, "reversed", expect.reversed.as_deref().unwrap_or("a split"), claim);
            refusal_expected(expect, &mut found, "a reversal");
            for (claim, want) in &expect.revised {
                revised_differences(&mut found, claim, want, revised.get(claim));
            }
            found
        }
        Answer::Refused(status, why) if expect.refused.as_deref() == Some(status) => {
            tracing::debug!(why, "refused as expected");
            Vec::new()
        }
        Answer::Refused(status, why) => {
            let want = expect.refused.as_deref().unwrap_or("no refusal");
            vec![format!("refused: want {want}, got {status} ({why})")]
        }
    }
}

fn split_differences(expect: &Expect, sums: &Sums) -> Vec<String> {
    let mut found = Vec::new();
    refusal_expected(expect, &mut found, "a split");
    if let Some(claim) = &expect.reversed {
        differ(&mut found, "reversed", claim, "a split");
    }
    if let Some(total) = &expect.total {
        differ_money(&mut found, "total", total, sums.total);
    }
    if let Some(patient) = &expect.patient {
        differ_money(&mut found, "patient", patient, sums.patient);
    }
    let maps = [
        ("payers", &expect.payers, &sums.payers),
        ("layers", &expect.layers, &sums.layers),
        ("pools", &expect.pools, &sums.pools),
    ];
    for (kind, want, got) in maps {
        map_differences(&mut found, kind, want, got);
    }
    found
}

fn revised_differences(found: &mut Vec<String>, claim: &str, want: &case::Revised, got: Option<&Revised>) {
    let Some(got) = got else {
        found.push(format!("revised.{claim}: want a revision, got none"));
        return;
    };
    if let Some(patient) = &want.patient {
        differ_money(found, &format!("revised.{claim}.patient"), patient, got.sums.patient);
    }
    let maps = [
        ("payers", &want.payers, &got.sums.payers),
        ("layers", &want.layers, &got.sums.layers),
        ("differences", &want.differences, &got.differences),
    ];
    for (kind, want, got) in maps {
        map_differences(found, &format!("revised.{claim}.{kind}"), want, got);
    }
}

/// What is absent from an answer counts as 0.00.
fn map_differences(
    found: &mut Vec<String>,
    kind: &str,
    want: &BTreeMap<String, String>,
    got: &BTreeMap<String, Money>,
) {
    for (name, want) in want {
        let got = got.get(name).copied().unwrap_or_default();
        differ_money(found, &format!("{kind}.{name}"), want, got);
    }
}

fn refusal_expected(expect: &Expect, found: &mut Vec<String>, got: &str) {
    if let Some(status) = &expect.refused {
        differ(found, "refused", status, got);
    }
}

fn differ_money(found: &mut Vec<String>, what: &str, want: &str, got: Money) {
    // The texts were checked when the case was read.
    if want.parse() != Ok(got) {
        differ(
            found,
            what,
            &want.parse::<Money>().map_or_else(|_| want.to_owned(), |m| m.to_string()),
            &got.to_string(),
        );
    }
}

fn differ(found: &mut Vec<String>, what: &str, want: &str, got: &str) {
    if want != got {
        found.push(format!("{what}: want {want}, got {got}"));
    }
}
