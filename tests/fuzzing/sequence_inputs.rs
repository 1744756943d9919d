//! Sequences of calls: few names, so that calls meet what others left; each call sound, or with a fault, or broken.
//!
//! A sequence is bytes: of each call which one it is, its length, its message.

use onestop::pb::Date;
use onestop::pb::reference as reference_pb;
use onestop::pb::settlement as pb;
use prost::Message;

use super::claims::{date, sound, spoil, wrong_id};
use super::message_inputs::broken;
use crate::support::random::Random;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Which call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Call { $($(#[$doc])* $name),* }

        impl Call {
            /// All of them.
            pub const ALL: &'static [Call] = &[$(Call::$name),*];
        }
    };
}

calls! {
    /// `Quote`
    Quote,
    /// `Settle`
    Settle,
    /// `SettleStream`; those that follow one another are one stream.
    StreamMessage,
    /// `Reverse`
    Reverse,
    /// `GetOutcome`
    GetOutcome,
    /// `Fence`
    Fence,
    /// `GetSettlement`
    GetSettlement,
    /// `ListSettlements`
    ListSettlements,
    /// `GetAccount`
    GetAccount,
    /// `ImportReference`; those that follow one another are one stream.
    ImportMessage,
    /// `GetReference`
    GetReference,
}

/// The calls of a sequence; whatever the bytes, they are some.
pub fn calls(mut bytes: &[u8]) -> Vec<(Call, Vec<u8>)> {
    let mut calls = Vec::new();
    while let [call, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (message, remaining) = rest.split_at(length);
        calls.push((Call::ALL[usize::from(*call) % Call::ALL.len()], message.to_vec()));
        bytes = remaining;
    }
    calls
}

/// A sequence.
pub fn input(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sent: Vec<(Call, Vec<u8>)> = Vec::new();
    for at in 0..1 + random.below(5) {
        let again = sent.iter().rev().find(|(call, _)| matches!(call, Call::Settle | Call::Reverse)).cloned();
        let (call, message) = match again.filter(|_| random.one_in(6)) {
            Some(again) => again,
            None if at == 0 => (Call::Settle, settle(random)),
            None => message(random),
        };
        let message = if random.one_in(24) { broken(random, message) } else { message };
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        bytes.push(Call::ALL.iter().position(|known| *known == call).unwrap_or_default() as u8);
        bytes.extend(length.to_le_bytes());
        bytes.extend(&message[..usize::from(length)]);
        sent.push((call, message));
    }
    bytes
}

fn message(random: &mut Random) -> (Call, Vec<u8>) {
    match random.below(24) {
        0 => (Call::Quote, pb::QuoteRequest { claim: claim(random) }.encode_to_vec()),
        1..=8 => (Call::Settle, settle(random)),
        9 | 10 => (Call::StreamMessage, settle(random)),
        11..=14 => (Call::Reverse, reverse(random)),
        15 => (Call::GetOutcome, fence(random)),
        16 | 17 => (Call::Fence, fence(random)),
        18 => (Call::GetSettlement, get_settlement(random)),
        19 => (Call::ListSettlements, list_settlements(random)),
        20 => (Call::GetAccount, get_account(random)),
        21 | 22 => (Call::ImportMessage, import(random)),
        _ => (Call::GetReference, get_reference(random)),
    }
}

/// One of few claims of two persons at two hospitals, now and then spoiled.
fn claim(random: &mut Random) -> Option<pb::Claim> {
    let mut claim = pb::Claim { claim_id: claim_id(random), ..sound(random) };
    (claim.hospital_id, claim.person_id) = parties(random);
    claim.items.truncate(3);
    if random.one_in(8) {
        spoil(random, &mut claim);
        claim.items.truncate(9);
    } else {
        (claim.admitted, claim.discharged) = (Some(date((2017, 6, 8))), Some(date((2017, 6, 15))));
    }
    Some(claim).filter(|_| !random.one_in(64))
}

fn claim_id(random: &mut Random) -> String {
    (*random.pick(&["C1", "C1", "C1", "C2", "C2", "住院3"])).to_owned()
}

fn parties(random: &mut Random) -> (String, String) {
    (if random.one_in(12) { "HL" } else { "HE" }.to_owned(), if random.one_in(10) { "PF" } else { "PE" }.to_owned())
}

fn request_id(random: &mut Random) -> String {
    if random.one_in(32) { wrong_id(random) } else { format!("R{}", random.below(12)) }
}

fn settle(random: &mut Random) -> Vec<u8> {
    let quote_digest = if random.one_in(24) { vec![7; 32] } else { Vec::new() };
    pb::SettleRequest {
        claim: claim(random),
        request_id: request_id(random),
        quote_digest,
        view: *random.pick(&[0, 1, 2, 3]),
    }
    .encode_to_vec()
}

fn reverse(random: &mut Random) -> Vec<u8> {
    let (hospital_id, person_id) = parties(random);
    let reason = match random.below(16) {
        0 => String::new(),
        1 => "错".repeat(334),
        _ => "错账".to_owned(),
    };
    pb::ReverseRequest {
        hospital_id,
        person_id,
        claim_id: claim_id(random),
        request_id: request_id(random),
        reason,
        readjudicate: random.one_in(2),
        dry_run: random.one_in(6),
    }
    .encode_to_vec()
}

fn fence(random: &mut Random) -> Vec<u8> {
    let (hospital_id, person_id) = parties(random);
    pb::FenceRequest { hospital_id, person_id, request_id: request_id(random), of_readjudicate: false }.encode_to_vec()
}

fn get_settlement(random: &mut Random) -> Vec<u8> {
    let view = *random.pick(&[0, 1, 2, 3]);
    if random.one_in(8) {
        return pb::GetSettlementRequest { settlement_id: wrong_id(random), view, ..Default::default() }
            .encode_to_vec();
    }
    let (hospital_id, person_id) = parties(random);
    let claim_id = if random.one_in(8) { wrong_id(random) } else { claim_id(random) };
    let settlement_id = if random.one_in(8) { wrong_id(random) } else { String::new() };
    pb::GetSettlementRequest { settlement_id, hospital_id, person_id, claim_id, view }.encode_to_vec()
}

fn list_settlements(random: &mut Random) -> Vec<u8> {
    let (hospital_id, person_id) = parties(random);
    pb::ListSettlementsRequest {
        hospital_id: if random.one_in(2) { hospital_id } else { String::new() },
        person_id: if random.one_in(2) { person_id } else { String::new() },
        insurance: if random.one_in(2) { "edge".to_owned() } else { String::new() },
        benefit_year: *random.pick(&[2017, 0, -1, i32::MAX]),
        settled_from: Some(date((2017, 1, 1))).filter(|_| random.one_in(2)),
        settled_until: Some(date((9999, 12, 31))).filter(|_| random.one_in(2)),
        page_size: *random.pick(&[0, 1, -1, i32::MAX]),
        page_token: if random.one_in(4) { wrong_id(random) } else { String::new() },
        view: *random.pick(&[0, 1, 2, 3]),
    }
    .encode_to_vec()
}

fn get_account(random: &mut Random) -> Vec<u8> {
    let (_, person_id) = parties(random);
    let insurance = if random.one_in(4) { wrong_id(random) } else { "edge".to_owned() };
    let year = *random.pick(&[2017, 2017, 0, 10_000, i32::MIN]);
    pb::GetAccountRequest { person_id, insurance, year, ..Default::default() }.encode_to_vec()
}

/// A message of an import: now and then of another table than the one before, or without its end.
fn import(random: &mut Random) -> Vec<u8> {
    let (table, row): (reference_pb::Table, &[&str]) = match random.below(8) {
        0 => (reference_pb::Table::Unspecified, &[]),
        1 => (reference_pb::Table::Enrolments, &["PG", "", "edge", "460100", ""]),
        2 => (reference_pb::Table::Hospitals, &["HE", "", "新名", "primary", "460100", "", ""]),
        3 => (reference_pb::Table::Catalogue, &["A", "46 4601", "2017-01-01", "甲", "B", "30%", "", ""]),
        4 => (reference_pb::Table::Catalogue, &["A", "", "2017-01-01", "甲", "C", "", "", ""]),
        _ => (reference_pb::Table::Categories, &["PF", "destitute", "2017-06-01", "2018-01-01"]),
    };
    let mut cells: Vec<String> = row.iter().map(|cell| (*cell).to_owned()).collect();
    if random.one_in(6) && !cells.is_empty() {
        let at = random.below(cells.len());
        cells[at] = wrong_id(random);
    }
    let table_columns = onestop::grpc::imports::table_from_message(table).map(onestop::grpc::imports::column_names);
    let mut columns = table_columns.unwrap_or_default();
    match random.below(24) {
        0 => columns.reverse(),
        1 => columns.clear(),
        2 => columns.push("more".to_owned()),
        _ => {}
    }
    reference_pb::ImportReferenceRequest {
        columns,
        table: if random.one_in(24) { 99 } else { table.into() },
        rows: vec![reference_pb::Row { cells }; random.below(3)],
        commit: random.one_in(2),
        source: "x".repeat(if random.one_in(24) { 201 } else { 9 }),
        imported_by: "x".repeat(if random.one_in(24) { 65 } else { 9 }),
    }
    .encode_to_vec()
}

fn get_reference(random: &mut Random) -> Vec<u8> {
    let (hospital_id, person_id) = parties(random);
    reference_pb::GetReferenceRequest {
        table: random.below(9) as i32,
        on: Some(Date { year: *random.pick(&[1, 2017, 9999, 0]), month: 1, day: 1 }),
        person_id: if random.one_in(2) { person_id } else { String::new() },
        hospital_id: if random.one_in(4) { hospital_id } else { String::new() },
        code: if random.one_in(4) { "A".to_owned() } else { String::new() },
        page_size: *random.pick(&[0, 1, -1, i32::MAX]),
        page_token: if random.one_in(4) { wrong_id(random) } else { String::new() },
    }
    .encode_to_vec()
}
