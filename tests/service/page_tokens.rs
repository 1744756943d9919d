//! Page tokens of every paged call: authentic ones with extreme positions, expired ones, and ones of other calls.

use onestop::access::sealed_token::{LIFETIME_SECONDS, TokenContext, TokenKey};
use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::Instant;
use onestop::grpc::commit_stamp;
use onestop::grpc::page::filter_digest;
use onestop::grpc::page_position::PagePosition;
use onestop::pb::Date;
use onestop::pb::policy::ListPoliciesRequest;
use onestop::pb::reference::{GetReferenceRequest, ListImportsRequest, Table};
use onestop::pb::settlement::ListSettlementsRequest;
use onestop::store::JournalStore;
use onestop::store::rows::ListPosition;
use tonic::Status;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Server, refusal_details};
use crate::support::claims::claim;

/// A paged list: its call, and the digest of the filter with which [`rows`] requests it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Person,
    Hospital,
    Imports,
    Policies,
    Reference,
}

const LISTS: [List; 5] = [List::Person, List::Hospital, List::Imports, List::Policies, List::Reference];

fn call(list: List) -> &'static str {
    match list {
        List::Person | List::Hospital => "ListSettlements",
        List::Imports => "ListImports",
        List::Policies => "ListPolicies",
        List::Reference => "GetReference",
    }
}

fn filter(server: &Server, list: List) -> Digest {
    match list {
        List::Person => filter_digest(&["person", "P1", "", "2017"]),
        List::Hospital => filter_digest(&["hospital", "H3", "0001-01-01", "9999-12-31"]),
        List::Imports => filter_digest(&[]),
        List::Policies => filter_digest(&[&server.engine.book().digest().to_string()]),
        List::Reference => filter_digest(&["catalogue", "2017-06-15", ""]),
    }
}

/// An authentic token of this list with this position, issued so many seconds ago.
fn token(server: &Server, list: List, position: &impl PagePosition, age: i64) -> String {
    let key = TokenKey::new(server.engine.store().derived_key("onestop page tokens, version 1").0);
    let context = TokenContext { caller: "anyone", call: call(list), subject: filter(server, list) };
    let issued = Instant(commit_stamp::now().instant.0 - age * 1_000_000);
    URL_SAFE_NO_PAD.encode(key.seal(context, &position.to_bytes(), issued).expect("a token"))
}

/// The number of rows of the page with this token.
async fn rows(server: &Server, list: List, page_token: String) -> Result<usize, Status> {
    let person = matches!(list, List::Person);
    Ok(match list {
        List::Person | List::Hospital => {
            let request = ListSettlementsRequest {
                person_id: if person { "P1" } else { "" }.to_owned(),
                benefit_year: if person { 2017 } else { 0 },
                hospital_id: if person { "" } else { "H3" }.to_owned(),
                page_size: i32::MAX,
                page_token,
                ..Default::default()
            };
            server.settlement_client().list_settlements(request).await?.into_inner().settlements.len()
        }
        List::Imports => {
            let request = ListImportsRequest { page_size: i32::MAX, page_token };
            server.reference_client().list_imports(request).await?.into_inner().imports.len()
        }
        List::Policies => {
            let request = ListPoliciesRequest { page_size: i32::MAX, page_token };
            server.policy_client().list_policies(request).await?.into_inner().policies.len()
        }
        List::Reference => {
            let request = GetReferenceRequest {
                table: Table::Catalogue.into(),
                on: Some(Date { year: 2017, month: 6, day: 15 }),
                page_size: i32::MAX,
                page_token,
                ..Default::default()
            };
            server.reference_client().get_reference(request).await?.into_inner().rows.len()
        }
    })
}

/// The reason of the fault in `page_token`, the only one of this refusal.
fn fault(status: &Status) -> String {
    let details = refusal_details(status);
    let [(field, reason, _)] = &details.faults[..] else { panic!("{details:?}") };
    assert_eq!((details.reason.as_str(), field.as_str()), ("INVALID_REQUEST", "page_token"));
    reason.clone()
}

async fn started() -> Server {
    let server = Server::start().await;
    server.settle_ok(&claim("C1", "P1", "100.00"), "R1").await;
    server
}

#[tokio::test]
async fn a_position_with_an_extreme_number_is_answered_and_overflows_nothing() {
    let server = started().await;
    let position = |day, number| ListPosition { day, number };
    for (day, number, expected) in
        [(Day::FIRST, 0, 1), (Day::FIRST, u64::MAX, 1), (Day::LAST, 0, 0), (Day::LAST, u64::MAX, 0)]
    {
        let token = token(&server, List::Hospital, &position(day, number), 0);
        assert_eq!(rows(&server, List::Hospital, token).await.expect("a page"), expected, "{day} {number}");
    }
    let [policies, imports] = [List::Policies, List::Imports].map(|list| rows(&server, list, String::new()));
    let (policies, imports) = (policies.await.expect("a page"), imports.await.expect("a page"));
    assert!(policies > 1 && imports > 1, "{policies} policies, {imports} imports");
    for number in [0, 1, u64::from(u32::MAX), u64::MAX] {
        let left = policies.saturating_sub(usize::try_from(number).expect("a number"));
        let page = rows(&server, List::Policies, token(&server, List::Policies, &number, 0)).await;
        assert_eq!(page.expect("a page"), left, "policies from {number}");
        let page = rows(&server, List::Imports, token(&server, List::Imports, &number, 0)).await;
        let before = usize::try_from(number).expect("a number").saturating_sub(1).min(imports);
        assert_eq!(page.expect("a page"), before, "imports before {number}");
    }
    for (after, expected) in [("", 5), ("\u{10ffff}", 0), ("B", 4)] {
        let page = rows(&server, List::Reference, token(&server, List::Reference, &after.to_owned(), 0)).await;
        assert_eq!(page.expect("a page"), expected, "rows after {after:?}");
    }
    for id in [[0; 16], [0xff; 16]] {
        let page = rows(&server, List::Person, token(&server, List::Person, &EntryId(id), 0)).await;
        assert_eq!(fault(&page.expect_err("no entry of this person")), "UNREADABLE");
    }
}

/// What a token holds that names no position.
struct NoPosition;

impl PagePosition for NoPosition {
    fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    fn from_bytes(_: &[u8]) -> Option<Self> {
        Some(NoPosition)
    }
}

#[tokio::test]
async fn an_authentic_token_without_a_position_is_refused() {
    let server = started().await;
    for list in LISTS {
        let page = rows(&server, list, token(&server, list, &NoPosition, 0)).await;
        assert_eq!(fault(&page.expect_err("a refusal")), "UNREADABLE", "{list:?}");
    }
}

#[tokio::test]
async fn a_token_expires_after_twelve_hours() {
    let server = started().await;
    let position = ListPosition { day: Day::FIRST, number: 0 };
    let fresh = token(&server, List::Hospital, &position, LIFETIME_SECONDS - 60);
    assert_eq!(rows(&server, List::Hospital, fresh).await.expect("a page"), 1);
    let expired = token(&server, List::Hospital, &position, LIFETIME_SECONDS);
    assert_eq!(fault(&rows(&server, List::Hospital, expired).await.expect_err("a refusal")), "EXPIRED");
    assert_eq!(LIFETIME_SECONDS, 12 * 3_600);
}

#[tokio::test]
async fn a_token_of_one_list_opens_no_other() {
    let server = started().await;
    for of in LISTS {
        for other in LISTS.into_iter().filter(|other| *other != of) {
            let page = rows(&server, other, token(&server, of, &0u64, 0)).await;
            assert_eq!(fault(&page.expect_err("a refusal")), "UNREADABLE", "a token of {of:?} for {other:?}");
        }
    }
}
