//! Policies are reloaded while the real program runs: all at once, or not at all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onestop::domain::money::Money;
use onestop::pb::policy as pb;
use onestop::pb::settlement as settlement_pb;
use onestop::policy::Book;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::claims::claim;
use crate::support::program::{Serve, run};
use crate::support::redis_server::{RedisServer, prefix};

/// A policy that pays this share of an eligible bill.
fn law(share: u32) -> String {
    format!(
        r#"
format = 2
id = "town"
title = "a town"
insurance = "resident"
regions = ["37"]
in_force = {{ from = 2017-01-01 }}
benefit_year = "discharge"
[sources]
law = "a law"
[[layer]]
id = "basic"
payer = "basic_fund"
visits = ["inpatient"]
pools = ["eligible"]
period = "admission"
cites = ["law"]
schedule = {{ all = {{ bands = [{{ rate = "{share}%" }}] }} }}
"#
    )
}

/// A server with this policy and the usual tables.
struct PolicyServer {
    serve: Serve,
    place: tempfile::TempDir,
}

impl PolicyServer {
    async fn with_share(share: u32) -> PolicyServer {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(place.path().join("law")).expect("a directory");
        put(place.path(), &law(share));
        let serve = start(place.path());
        serve.with_tables().await;
        PolicyServer { serve, place }
    }

    fn put(&self, text: &str) {
        put(self.place.path(), text);
    }

    fn activate(&self, more: &[&str]) -> (Option<i32>, String, String) {
        run(&[&["policy", "activate", "--server", &self.serve.url], more].concat())
    }

    /// What the patient pays of 100.00.
    async fn patient(&self) -> String {
        let quote = self.serve.client().await.quote(&claim("Q", "P1", "100.00")).await.expect("a quote");
        Money::from_fen(quote.split.expect("a split").patient_fen).to_string()
    }
}

fn start(place: &Path) -> Serve {
    let law = place.join("law").display().to_string();
    Serve::start(&place.join("store"), &["--policies", &law])
}

/// Replaces the policy file atomically, by renaming.
fn put(place: &Path, text: &str) {
    let next: PathBuf = place.join("next.toml");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, place.join("law/town.toml")).expect("in place");
}

fn digest(share: u32) -> String {
    Book::from_texts([("town.toml", &*law(share))]).expect("a sound law").digest().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activated_policies_apply_to_later_calls_and_a_dry_run_changes_nothing() {
    let server = PolicyServer::with_share(60).await;
    assert_eq!(server.patient().await, "40.00");
    server.put(&law(75));
    assert_eq!(server.patient().await, "40.00", "a file alone changes nothing");
    let (code, output, _) = server.activate(&["--dry-run"]);
    let expected = format!("changed: town\nwould replace book {} by {}; nothing was changed\n", digest(60), digest(75));
    assert_eq!((code, output), (Some(0), expected));
    assert_eq!(server.patient().await, "40.00");
    let (code, output, errors) = server.activate(&["--expect", &digest(60)]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(errors.contains("expected_digest is not the digest of the files as they are"), "{errors}");
    let (code, output, _) = server.activate(&["--expect", &digest(75), "--json"]);
    let expected = serde_json::json!({
        "old": digest(60), "new": digest(75), "added": [], "changed": ["town"], "removed": [], "dry_run": false,
    });
    assert_eq!((code, serde_json::from_str(&output).ok()), (Some(0), Some(expected)));
    assert_eq!(server.patient().await, "25.00");
    assert_eq!(server.activate(&[]).1, format!("no change: book {} stays in use\n", digest(75)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_policy_file_is_reported_by_line_and_changes_nothing() {
    let server = PolicyServer::with_share(60).await;
    server.put(&law(175).replace("inpatient", "in patient"));
    let (code, output, errors) = server.activate(&[]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 2, "{errors}");
    for ((line, message), fault) in [(14, "in patient"), (18, "175%")].into_iter().zip(&lines) {
        assert!(fault.contains(&format!("town.toml:{line}: ")) && fault.contains(message), "{errors}");
    }
    let chinese = server.activate(&["--lang", "zh"]).2;
    assert!(chinese.contains("town.toml:14: 没有名为 `in patient` 的就医类别"), "{chinese}");
    assert_eq!(chinese.lines().count(), 2, "{chinese}");
    assert_eq!(server.patient().await, "40.00");
    std::fs::remove_file(server.place.path().join("law/town.toml")).expect("it is gone");
    assert!(server.activate(&[]).2.contains("holds no policy file"));
    assert_eq!(server.patient().await, "40.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reloads_policies_and_health_reports_the_digest_in_use() {
    let server = PolicyServer::with_share(60).await;
    let channel = tonic::transport::Endpoint::from_shared(server.serve.url.clone()).expect("an address");
    let mut health = HealthClient::new(channel.connect().await.expect("it answers"));
    let mut status = async |share: u32| {
        let request = HealthCheckRequest { service: format!("onestop.book/{}", digest(share)) };
        health.check(request).await.map(|answer| answer.into_inner().status())
    };
    assert_eq!(status(60).await.expect("known"), ServingStatus::Serving);
    assert_eq!(status(75).await.expect_err("unknown").code(), tonic::Code::NotFound);
    server.put(&law(75));
    assert!(Command::new("kill").args(["-HUP", &server.serve.pid().to_string()]).status().expect("kill").success());
    // The signal is taken when it comes; its effect is waited for.
    let taken = async {
        while status(75).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), taken).await.expect("the hangup is heard");
    assert_eq!(status(75).await.expect("known"), ServingStatus::Serving);
    assert_eq!(server.patient().await, "25.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_settlement_during_reloads_uses_one_version_of_the_policies_and_both_are_kept() {
    const CALLERS: usize = 8;
    let server = PolicyServer::with_share(60).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let (mut client, over) = (server.serve.client().await, Arc::clone(&over));
        callers.push(tokio::spawn(async move {
            let mut settled = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let id = format!("C{caller}-{}", settled.len());
                let bill = claim(&id, ["P1", "P4"][caller % 2], "100.00");
                let answer = client.settle(&bill, &id, Vec::new()).await.expect("a settlement");
                settled.push(answer.settlement.expect("a settlement"));
            }
            settled
        }));
    }
    let mut client = server.serve.client().await;
    for turn in 0..50 {
        server.put(&law([75, 60][turn % 2]));
        let changed = client.policies.activate_policies(pb::ActivatePoliciesRequest::default()).await;
        assert_eq!(changed.expect("another law").into_inner().changed, ["town"]);
    }
    over.store(true, Ordering::Relaxed);
    let laws = [60, 75].map(|share| Book::from_texts([("town.toml", &*law(share))]).expect("a sound law"));
    let mut counts = [0, 0];
    for caller in callers {
        for settlement in caller.await.expect("no panic") {
            let split = settlement.split.expect("a split");
            let judged = settlement.derivation.and_then(|derivation| derivation.circumstances).expect("circumstances");
            let at = laws.iter().position(|book| book.policies()[0].reference.digest.0[..] == judged.policy_digest[..]);
            let at = at.expect("one of the two laws");
            assert_eq!(settlement.book_digest, laws[at].digest().0, "its own book");
            assert_eq!(split.patient_fen, [4_000, 2_500][at], "and its own figures");
            counts[at] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    // Both are kept, also after another start.
    let PolicyServer { serve, place } = server;
    assert_eq!(serve.end(), Some(0));
    let again = start(place.path());
    let mut client = again.client().await;
    for book in &laws {
        let policy_digest = book.policies()[0].reference.digest.0.to_vec();
        let request = pb::GetPolicyRequest { policy_digest: policy_digest.clone(), ..Default::default() };
        let kept = client.policies.get_policy(request).await.expect("it is kept").into_inner();
        let rule: onestop::domain::rule::PolicyRule = serde_json::from_str(&kept.canonical_json).expect("a rule");
        assert_eq!(rule.canonical().expect("a text").digest.0.to_vec(), policy_digest);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policies_in_use_are_listed_page_by_page() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.client().await;
    let shipped = onestop::policy::shipped::book().expect("the shipped book");
    let wanted: Vec<_> = shipped.policies().iter().map(|policy| policy.reference.id.to_string()).collect();
    let mut request = pb::ListPoliciesRequest { page_size: 2, ..Default::default() };
    let mut listed = Vec::new();
    loop {
        let page = client.policies.list_policies(request.clone()).await.expect("a page").into_inner();
        assert_eq!(page.book_digest, shipped.digest().0);
        listed.extend(page.policies.into_iter().map(|policy| policy.policy_id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, wanted);
    request.page_token = "00".to_owned();
    assert_eq!(
        client.policies.list_policies(request).await.expect_err("a refusal").code(),
        tonic::Code::InvalidArgument
    );
    let (code, output, _) = run(&["policy", "list", "--server", &serve.url, "--json"]);
    assert_eq!((code, output), (Some(0), run(&["policy", "list", "--json"]).1), "as the shipped book is listed");
    let view = settlement_pb::ListSettlementsRequest { hospital_id: "H1".to_owned(), ..Default::default() };
    assert!(client.list(view).await.expect("a list").settlements.is_empty());
}

/// The shipped vocabulary without the line of a word.
fn vocabulary_without(word: &str) -> String {
    let shipped = include_str!("../deploy/policies/vocabulary.toml");
    let is_of = |line: &&str| line.split('=').next().is_some_and(|key| key.trim() == word);
    assert_eq!(shipped.lines().filter(is_of).count(), 1, "{word}");
    shipped.lines().filter(|line| !is_of(line)).map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_a_row_or_a_settlement_uses_cannot_be_dropped_and_another_can() {
    let server = PolicyServer::with_share(60).await;
    server.serve.client().await.settle(&claim("C1", "P1", "100.00"), "R1", Vec::new()).await.expect("a settlement");
    let path = server.place.path().join("law/vocabulary.toml");
    for (word, section, used_by) in [
        ("destitute", "category", "a row of the table categories"),
        ("secondary", "level", "a row of the table hospitals"),
        ("special", "class", "a row of the table catalogue"),
        ("basic_fund", "payer", "a settlement"),
    ] {
        std::fs::write(&path, vocabulary_without(word)).expect("written");
        let text = std::fs::read_to_string(&path).expect("the vocabulary");
        let line = 1 + text.lines().position(|line| line == format!("[{section}]")).expect("the section");
        let used = format!("vocabulary.toml:{line}: [{section}] lacks the word `{word}`, which {used_by} uses");
        for more in [&[][..], &["--dry-run"]] {
            let (code, output, errors) = server.activate(more);
            assert_eq!((code, output.as_str()), (Some(1), ""), "{errors}");
            assert!(errors.contains(&used), "{errors}");
        }
        let directory = server.place.path().join("law").display().to_string();
        let check = ["policy", "check", &directory];
        assert_eq!(run(&check).0, Some(0), "alone it is sound");
        let (code, output, errors) = run(&[&check[..], &["--server", &server.serve.url]].concat());
        assert_eq!((code, output.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(&used), "{errors}");
        let (_, _, errors) = run(&[&check[..], &["--server", &server.serve.url, "--lang", "zh"]].concat());
        assert!(errors.contains(&format!("vocabulary.toml:{line}: [{section}] 缺少 `{word}`")), "{errors}");
        assert_eq!(server.patient().await, "40.00", "the book in use stays");
    }
    std::fs::write(&path, vocabulary_without("illness_impoverished")).expect("written");
    let (code, _, errors) = server.activate(&[]);
    assert_eq!(code, Some(0), "{errors}");
}

/// What `onestop serve` says when it does not start.
fn refused_start(store: &[&str], policies: &str) -> (Option<i32>, String) {
    let serve = [&["serve", "--listen", "127.0.0.1:0", "--policies", policies, "--store"][..], store].concat();
    let (code, _, errors) = run(&serve);
    (code, errors)
}

async fn assert_start_without_a_used_word_is_refused(store: &[&str], directory: &Path) {
    let law_directory = directory.join("law");
    std::fs::create_dir(&law_directory).expect("a directory");
    put(directory, &law(60));
    let (policies, vocabulary) = (law_directory.display().to_string(), law_directory.join("vocabulary.toml"));
    let start = || {
        let mut command = crate::support::program::onestop();
        command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--policies", &policies, "--store"]).args(store);
        Serve::spawn(command)
    };
    std::fs::write(&vocabulary, include_str!("../deploy/policies/vocabulary.toml")).expect("written");
    let serve = start();
    serve.with_tables().await;
    serve.client().await.settle(&claim("C1", "P1", "100.00"), "R1", Vec::new()).await.expect("a settlement");
    assert_eq!(serve.end(), Some(0));
    for (word, section, used_by) in
        [("destitute", "category", "a row of the table categories"), ("basic_fund", "payer", "a settlement")]
    {
        let text = vocabulary_without(word);
        std::fs::write(&vocabulary, &text).expect("written");
        let line = 1 + text.lines().position(|line| line == format!("[{section}]")).expect("the section");
        let (code, errors) = refused_start(store, &policies);
        let place = format!("{}:{line}: ", vocabulary.display());
        assert_eq!(code, Some(1), "{errors}");
        let fault = format!("{place}[{section}] lacks the word `{word}`, which {used_by} uses");
        assert!(errors.lines().any(|line| line == fault), "{errors}");
    }
    // A word that nothing uses can go, and the next start is compared with the vocabulary without it.
    std::fs::write(&vocabulary, vocabulary_without("illness_impoverished")).expect("written");
    let serve = start();
    let activated = run(&["policy", "activate", "--server", &serve.url]);
    assert_eq!(activated.0, Some(0), "{}", activated.2);
    assert_eq!(serve.end(), Some(0));
    std::fs::write(&vocabulary, vocabulary_without("destitute")).expect("written");
    assert_eq!(refused_start(store, &policies).0, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_not_start_with_a_vocabulary_that_drops_a_used_word() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store").display().to_string();
    assert_start_without_a_used_word_is_refused(&[&store], place.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_redis_does_not_start_with_a_vocabulary_that_drops_a_used_word() {
    let (place, redis) = (tempfile::tempdir().expect("a directory"), RedisServer::shared());
    let secret = place.path().join("secret").display().to_string();
    assert_eq!(run(&["secret", &secret]).0, Some(0));
    let url = format!("{}?prefix={}", redis.url(), prefix());
    assert_start_without_a_used_word_is_refused(&[&url, "--secret", &secret], place.path()).await;
}
