//! The journal in the order of commits: listed, watched, and read on from a cursor.

use std::collections::BTreeMap;

use onestop::config::ServerLimits;
use onestop::domain::claim::RawClaim;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::store::JournalStore;
use onestop::store::rows::PersonState;
use tonic::Code;
use tonic::transport::Endpoint;

use super::{Server, bill, hospital_and_person_ids};
use crate::support::claims::claim;
use crate::support::stamp;

async fn list(server: &Server, cursor: &str, page_size: i32) -> pb::ListEntriesResponse {
    let request = pb::ListEntriesRequest { page_size, cursor: cursor.to_owned() };
    server.settlement_client().list_entries(request).await.expect("entries").into_inner()
}

/// Settles two claims, reverses the second, and fences a request.
async fn history(server: &Server) -> (RawClaim, pb::Settlement) {
    let second = claim("C2", "P2", "3000.00");
    let first = server.settle_ok(&bill(), "R1").await;
    server.settle_ok(&second, "R2").await;
    server.reverse(&second, "V2").await.expect("a reversal");
    server.fence(&bill(), "F1").await.expect("a fence");
    (second, first)
}

#[tokio::test]
async fn entries_are_listed_in_the_order_of_commits_with_what_each_moves() {
    let server = Server::start().await;
    let (second, first) = history(&server).await;
    let listed = list(&server, "", 0).await;
    assert!(listed.is_end);
    let kinds: Vec<_> = listed.entries.iter().map(|entry| (entry.kind().word(), entry.request_id.as_str())).collect();
    assert_eq!(kinds, [("settlement", "R1"), ("settlement", "R2"), ("reversal", "V2"), ("fence", "F1")]);
    let [settled, other, reversed, fenced] = <[_; 4]>::try_from(listed.entries).expect("four entries");
    assert_eq!((&settled.settlement_id, &settled.entry_id), (&first.settlement_id, &first.settlement_id));
    let split = first.split.expect("a split");
    let paid = split.payers.into_iter().filter(|share| share.amount_fen != 0).collect::<Vec<_>>();
    assert_eq!((settled.payers, settled.patient_fen), (paid, split.patient_fen));
    assert_eq!((&reversed.settlement_id, &reversed.claim_id), (&other.entry_id, &second.claim_id));
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for share in other.payers.iter().chain(&reversed.payers) {
        *sums.entry(share.payer.clone()).or_default() += share.amount_fen;
    }
    assert!(sums.values().all(|sum| *sum == 0) && other.patient_fen == -reversed.patient_fen && !sums.is_empty());
    assert_eq!((fenced.claim_id.as_str(), fenced.payers.len(), fenced.benefit_year), ("", 0, 0));
}

#[tokio::test]
async fn pages_follow_each_other_and_a_cursor_at_the_end_reads_what_comes_later() {
    let server = Server::start().await;
    history(&server).await;
    let first = list(&server, "", 3).await;
    let rest = list(&server, &first.next_cursor, 3).await;
    assert_eq!((first.entries.len(), first.is_end, rest.entries.len(), rest.is_end), (3, false, 1, true));
    let end = list(&server, &rest.next_cursor, 3).await;
    assert!(end.entries.is_empty() && end.is_end);
    server.settle_ok(&claim("C3", "P3", "10.00"), "R3").await;
    let later = list(&server, &end.next_cursor, 3).await;
    assert_eq!(later.entries.iter().map(|entry| entry.request_id.as_str()).collect::<Vec<_>>(), ["R3"]);
}

#[tokio::test]
async fn a_watch_shows_what_is_committed_meanwhile_and_goes_on_from_the_cursor_of_any_response() {
    let server = Server::start().await;
    history(&server).await;
    let all = list(&server, "", 0).await.entries;
    let watch = async |cursor: String| {
        let request = pb::WatchEntriesRequest { cursor };
        server.settlement_client().watch_entries(request).await.expect("a stream").into_inner()
    };
    let (mut entries, mut cursors, mut seen) = (watch(String::new()).await, Vec::new(), Vec::new());
    for _ in 0..4 {
        let message = entries.message().await.expect("a response").expect("a response");
        cursors.push(message.cursor);
        seen.push(message.entry.expect("an entry"));
    }
    assert_eq!(seen, all);
    server.settle_ok(&claim("C3", "P3", "10.00"), "R3").await;
    let later = entries.message().await.expect("a response").expect("a response");
    assert_eq!(later.entry.expect("an entry").request_id, "R3");
    let mut again = watch(cursors[1].clone()).await;
    let next = again.message().await.expect("a response").expect("a response");
    assert_eq!((next.entry.as_ref(), next.cursor.is_empty()), (Some(&all[2]), false));
}

#[tokio::test]
async fn a_watch_ends_with_a_status_when_the_server_stops() {
    let (server, stop) = Server::start_with_shutdown().await;
    server.settle_ok(&bill(), "R1").await;
    let request = pb::WatchEntriesRequest::default();
    let mut entries = server.settlement_client().watch_entries(request).await.expect("a stream").into_inner();
    assert!(entries.message().await.expect("a response").is_some());
    drop(stop);
    assert_eq!(entries.message().await.expect_err("an end").code(), Code::Unavailable);
}

#[tokio::test]
async fn a_made_up_cursor_and_one_of_another_list_are_refused() {
    let server = Server::start().await;
    history(&server).await;
    let (hospital_id, _) = hospital_and_person_ids(&bill());
    let request = pb::ListSettlementsRequest { hospital_id, page_size: 1, ..Default::default() };
    let page = server.settlement_client().list_settlements(request).await.expect("a page").into_inner();
    for cursor in ["x", "AAAA", page.next_page_token.as_str()] {
        let request = pb::ListEntriesRequest { page_size: 0, cursor: cursor.to_owned() };
        let refused = server.settlement_client().list_entries(request).await.expect_err("a refusal");
        assert_eq!(refused.code(), Code::InvalidArgument, "{cursor}");
    }
}

/// Twenty thousand fences take 200 pages and more memory than the connection may hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_is_not_read_reads_nothing_ahead_and_gives_everything_later() {
    const FENCES: u64 = 20_000;
    let limits = ServerLimits { connection_memory_bytes: 1 << 20, ..ServerLimits::default() };
    let server = Server::start_with_limits(limits).await;
    for number in 1..=FENCES {
        let fence = crate::store_contract::commit(number, &format!("F{number}"), &PersonState::default(), None);
        server.engine.store().commit(fence).await.expect("a commit");
    }
    let watch = Endpoint::from_shared(server.url.clone()).expect("an address").initial_stream_window_size(1 << 16);
    let mut client = SettlementServiceClient::new(watch.connect().await.expect("a connection"));
    let request = pb::WatchEntriesRequest::default();
    let mut entries = client.watch_entries(request).await.expect("a stream").into_inner();
    let first = entries.message().await.expect("a response").expect("a response");
    // Longer than the server needs to read all that it would read.
    let mut reads = 0;
    loop {
        for _ in 0..200 {
            list_policies(&server).await;
        }
        if server.store.reads() == reads {
            break;
        }
        reads = server.store.reads();
    }
    assert!(reads < 40, "{reads} pages were read for a caller that has read one entry");
    let mut ids = vec![first.entry.expect("an entry").entry_id];
    while ids.len() < FENCES as usize {
        let next = entries.message().await.expect("a response").expect("a response");
        ids.push(next.entry.expect("an entry").entry_id);
    }
    let all = (1..=FENCES).map(|number| stamp(number).id.to_string());
    assert!(ids.into_iter().eq(all));
}

async fn list_policies(server: &Server) {
    let request = onestop::pb::policy::ListPoliciesRequest::default();
    server.policy_client().list_policies(request).await.expect("policies");
}
