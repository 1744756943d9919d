//! Page tokens and quote tokens: texts, bytes, altered tokens, and authentic ones with any position in them, brought to
//! the shipped service. None is a failure of the service, and none writes.
//!
//! An input is which call, how the token is made, then what it is made of: an input names no instant, so that it comes
//! to the same at any time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onestop::access::sealed_token::{LIFETIME_SECONDS, TokenContext, TokenKey};
use onestop::domain::day::Day;
use onestop::domain::journal::Instant;
use onestop::grpc::page::filter_digest;
use onestop::grpc::page_position::PagePosition;
use onestop::grpc::{commit_stamp, from_proto};
use onestop::journal::content::settle_content;
use onestop::pb::Date;
use onestop::pb::{reference as reference_pb, settlement as pb};
use onestop::policy::Book;
use onestop::store::JournalStore;
use onestop::store::rows::ListPosition;
use prost::Message;
use tonic::Status;

use super::bounds::{Memory, within};
use super::claims::date;
use super::counting_store::CountingStore;
use super::reached::Reached;
use super::service::{EDGE_LAW, Service, wait};
use super::{Target, refusal, wire};
use crate::support::random::Random;

/// The target.
pub const TARGET: Target = Target { input, take, classes };

/// Of one answer with few rows.
const MEMORY: Memory = Memory { bytes: 192 << 10, per_byte: 64 };

/// What takes a token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Taker {
    Person,
    Hospital,
    Imports,
    Reference,
    Quote,
}

const TAKERS: [Taker; 5] = [Taker::Person, Taker::Hospital, Taker::Imports, Taker::Reference, Taker::Quote];

/// How a token is made of the rest of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// The rest is the text; of a quote, the bytes.
    Text,
    /// The rest is the token.
    Bytes,
    /// An authentic token with the rest as its payload.
    Authentic,
    /// The same, issued a lifetime ago.
    Expired,
    /// The same as authentic, with the byte at the first byte changed by the second.
    Altered,
}

const FORMS: [Form; 5] = [Form::Text, Form::Bytes, Form::Authentic, Form::Expired, Form::Altered];

fn classes() -> Vec<String> {
    let pages = TAKERS.iter().filter(|taker| **taker != Taker::Quote);
    let of_pages = pages.flat_map(|taker| ["a page", "UNREADABLE", "EXPIRED"].map(|came| format!("{taker:?} {came}")));
    let of_quotes = ["QUOTE_CHANGED", "NOT_AUTHENTIC", "EXPIRED"].map(|came| format!("Quote {came}"));
    of_pages.chain(of_quotes).collect()
}

fn input(random: &mut Random) -> Vec<u8> {
    let (taker, form) = (random.below(TAKERS.len()), random.below(FORMS.len()));
    let mut bytes = vec![taker as u8, form as u8];
    match FORMS[form] {
        Form::Altered => bytes.extend([random.next() as u8, 1 + random.below(255) as u8]),
        Form::Text if random.one_in(2) => {
            bytes.extend(random.pick(&["", "=", "AAAA", "no token", "é", "\u{0}", "----"]).bytes());
            return bytes;
        }
        _ => {}
    }
    bytes.extend(payload(random, TAKERS[taker]));
    bytes
}

/// A position of this list, or anything else.
fn payload(random: &mut Random, taker: Taker) -> Vec<u8> {
    let number = *random.pick(&[0, 1, 2, u64::from(u32::MAX), i64::MAX as u64, u64::MAX]);
    match (random.below(4), taker) {
        (0, _) => (0..random.below(70)).map(|_| random.next() as u8).collect(),
        (1, _) => vec![0xff; random.below(2_000)],
        (_, Taker::Hospital) => ListPosition { day: *random.pick(&[Day::FIRST, Day::LAST]), number }.to_bytes(),
        (_, Taker::Imports) => number.to_bytes(),
        (_, Taker::Reference) => (*random.pick(&["", "A", "药品一", "\u{10ffff}"])).to_owned().to_bytes(),
        (_, Taker::Person) => vec![*random.pick(&[0, 0xff]); 16],
        (_, Taker::Quote) => (0..32).map(|_| random.next() as u8).collect(),
    }
}

thread_local!(static SERVICE: Service = wait(open()));

/// A service that has settled two claims of PE at HE.
async fn open() -> Service {
    let service = Service::open(CountingStore::default(), Book::from_texts([EDGE_LAW]).expect("a sound law")).await;
    for id in ["C1", "C2"] {
        let message = pb::SettleRequest { claim: Some(claim(id)), request_id: id.to_owned(), ..Default::default() };
        let settled = wire::call(service.settlements.clone(), path(Taker::Quote), message.encode_to_vec()).await;
        settled.expect("a settlement");
    }
    service
}

fn claim(id: &str) -> pb::Claim {
    let item = pb::Item {
        code: "A".to_owned(),
        quantity_e4: 10_000,
        unit_price_micro_yuan: 1_000_000,
        amount_fen: 100,
        ..Default::default()
    };
    pb::Claim {
        claim_id: id.to_owned(),
        hospital_id: "HE".to_owned(),
        person_id: "PE".to_owned(),
        visit: "inpatient".to_owned(),
        admitted: Some(date((2017, 6, 8))),
        discharged: Some(date((2017, 6, 15))),
        items: vec![item],
        ..Default::default()
    }
}

fn path(taker: Taker) -> &'static str {
    match taker {
        Taker::Person | Taker::Hospital => "/onestop.settlement.v1.SettlementService/ListSettlements",
        Taker::Imports => "/onestop.reference.v1.ReferenceService/ListImports",
        Taker::Reference => "/onestop.reference.v1.ReferenceService/GetReference",
        Taker::Quote => "/onestop.settlement.v1.SettlementService/Settle",
    }
}

/// The token of an input, and as a text if it is to be one as it is.
fn token(service: &Service, taker: Taker, form: Form, rest: &[u8]) -> (Vec<u8>, Option<String>) {
    match (form, rest) {
        (Form::Text, text) => (text.to_vec(), Some(String::from_utf8_lossy(text).into_owned())),
        (Form::Bytes, bytes) => (bytes.to_vec(), None),
        (Form::Authentic, payload) => (sealed(service, taker, payload, 0), None),
        (Form::Expired, payload) => (sealed(service, taker, payload, LIFETIME_SECONDS), None),
        (Form::Altered, [at, change, payload @ ..]) => {
            let mut token = sealed(service, taker, payload, 0);
            let at = usize::from(*at) % token.len().max(1);
            token.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= change);
            (token, None)
        }
        (Form::Altered, short) => (short.to_vec(), None),
    }
}

/// An authentic token with this payload, issued so many seconds ago; the payload alone if it is too long for one.
fn sealed(service: &Service, taker: Taker, payload: &[u8], age: i64) -> Vec<u8> {
    let subject = match taker {
        Taker::Person => filter_digest(&["person", "PE", "", "2017"]),
        Taker::Hospital => filter_digest(&["hospital", "HE", "0001-01-01", "9999-12-31"]),
        Taker::Imports => filter_digest(&[]),
        Taker::Reference => filter_digest(&["catalogue", "2017-06-15", ""]),
        Taker::Quote => settle_content(&from_proto::claim(Some(&claim("C9").encode_to_vec())).expect("a claim")),
    };
    let purpose = match taker {
        Taker::Quote => "onestop quote tokens, version 1",
        _ => "onestop page tokens, version 1",
    };
    let call = if taker == Taker::Quote { "Quote" } else { path(taker).rsplit('/').next().unwrap_or_default() };
    let context = TokenContext { caller: "anyone", call, subject };
    let issued = Instant(commit_stamp::now().instant.0 - age * 1_000_000);
    let key = TokenKey::new(service.engine.store().derived_key(purpose).0);
    key.seal(context, payload, issued).unwrap_or_else(|_| payload.to_vec())
}

fn message(taker: Taker, token: Vec<u8>, text: Option<String>) -> Vec<u8> {
    let page_token = text.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(&token));
    match taker {
        Taker::Person | Taker::Hospital => {
            let of_person = taker == Taker::Person;
            pb::ListSettlementsRequest {
                person_id: if of_person { "PE" } else { "" }.to_owned(),
                benefit_year: if of_person { 2017 } else { 0 },
                hospital_id: if of_person { "" } else { "HE" }.to_owned(),
                page_size: i32::MAX,
                page_token,
                ..Default::default()
            }
            .encode_to_vec()
        }
        Taker::Imports => reference_pb::ListImportsRequest { page_size: i32::MAX, page_token }.encode_to_vec(),
        Taker::Reference => reference_pb::GetReferenceRequest {
            table: reference_pb::Table::Catalogue.into(),
            on: Some(Date { year: 2017, month: 6, day: 15 }),
            page_size: 2,
            page_token,
            ..Default::default()
        }
        .encode_to_vec(),
        Taker::Quote => {
            pb::SettleRequest { claim: Some(claim("C9")), request_id: "R9".to_owned(), quote_digest: token, view: 0 }
                .encode_to_vec()
        }
    }
}

fn take(bytes: &[u8], reached: &mut Reached) {
    let [taker, form, rest @ ..] = bytes else { return };
    let (taker, form) = (TAKERS[usize::from(*taker) % TAKERS.len()], FORMS[usize::from(*form) % FORMS.len()]);
    SERVICE.with(|service| {
        let (token, text) = token(service, taker, form, rest);
        // A settle without a quote settles.
        if taker == Taker::Quote && token.is_empty() {
            return;
        }
        let opens_first_page = token.is_empty();
        let (message, before) = (message(taker, token, text), service.engine.store().writes());
        let answer = within(MEMORY, message.len(), || wait(ask(service, taker, message.clone())));
        assert_eq!(service.engine.store().writes(), before, "{taker:?} {form:?} writes");
        note(taker, form, opens_first_page, answer.map(drop), reached);
    });
}

async fn ask(service: &Service, taker: Taker, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    match taker {
        Taker::Imports | Taker::Reference => wire::call(service.references.clone(), path(taker), message).await,
        _ => wire::call(service.settlements.clone(), path(taker), message).await,
    }
}

/// Checks that only an authentic token opens a page but the first, and that a refusal names the token.
fn note(taker: Taker, form: Form, opens_first_page: bool, answer: Result<(), Status>, reached: &mut Reached) {
    let Err(status) = answer else {
        assert!(taker != Taker::Quote && (form == Form::Authentic || opens_first_page), "{taker:?} {form:?} opens");
        return reached.hit(&format!("{taker:?} a page"));
    };
    let parsed = refusal::ParsedRefusal::from_status(&status);
    match (parsed.reason.as_str(), &parsed.faults[..]) {
        ("QUOTE_CHANGED", []) => {
            assert_eq!(form, Form::Authentic, "a split is revealed");
            reached.hit("Quote QUOTE_CHANGED");
        }
        ("INVALID_QUOTE" | "INVALID_REQUEST", [(field, reason)]) => {
            assert_eq!(field, if taker == Taker::Quote { "quote_digest" } else { "page_token" });
            reached.hit(&format!("{taker:?} {reason}"));
        }
        other => panic!("{taker:?} {form:?}: {other:?}"),
    }
}
