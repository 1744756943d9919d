//! Conversions from the results of the engine, and from claims, to messages; those of a settlement are in
//! `settlement_to_proto`.

use std::sync::Arc;

use crate::domain::claim::{RawClaim, RawContinues, RawDate, RawItem};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::Digest;
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::engine::account::{AccountView, CapBalance, VisitCircumstances};
use crate::pb::Date;
use crate::pb::settlement as pb;

/// A kind that no version of the messages has, for a word that this one does not know: the server names the fault, with all
/// others of the claim.
const UNKNOWN_KIND: i32 = -1;

/// The sum of a cap's account.
pub fn cap_accumulator((account, sum): &(Arc<str>, Money)) -> pb::CapAccumulator {
    pb::CapAccumulator { account: account.to_string(), amount_fen: sum.fen() }
}

/// An account.
pub fn account(view: &AccountView) -> pb::GetAccountResponse {
    let layers = view.account.layers().iter();
    let caps = view.account.caps().iter();
    pb::GetAccountResponse {
        version: view.account.version,
        admissions: view.account.admissions,
        layers: layers
            .map(|(id, paid)| pb::LayerAccumulator { layer_id: id.to_string(), paid_fen: paid.fen() })
            .collect(),
        ledgers: view
            .account
            .ledgers()
            .iter()
            .map(|(name, uses)| pb::LedgerAccumulator {
                ledger: name.to_string(),
                base_fen: uses.base.fen(),
                deductible_taken_fen: uses.taken.fen(),
            })
            .collect(),
        caps: caps.map(cap_accumulator).collect(),
        rooms: view.rooms.iter().map(room).collect(),
        policy_id: view.policy.as_deref().unwrap_or_default().to_owned(),
    }
}

fn room(room: &CapBalance) -> pb::Room {
    pb::Room {
        account: room.cap.account.to_string(),
        of: pb::CapKind::from(room.cap.kind).into(),
        annual_fen: room.annual.map(Money::fen),
        used_fen: room.used.fen(),
        room_fen: room.room.map(Money::fen),
        circumstances: room.circumstances.iter().map(room_circumstances).collect(),
    }
}

fn room_circumstances(circumstances: &VisitCircumstances) -> pb::VisitCircumstances {
    pb::VisitCircumstances {
        hospital_level: circumstances.level.as_str().to_owned(),
        locality: pb::Locality::from(circumstances.locality).into(),
        referral: pb::Referral::from(circumstances.referral).into(),
    }
}

/// The bytes of a digest.
pub fn digest(digest: Digest) -> Vec<u8> {
    digest.0.to_vec()
}

/// A day.
pub fn date(day: impl Into<RawDate>) -> Date {
    let RawDate { year, month, day } = day.into();
    Date { year, month, day }
}

/// An instant.
pub fn timestamp(instant: Instant) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: instant.0.div_euclid(1_000_000),
        nanos: (instant.0.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

/// A claim, for a client to send.
pub fn claim(claim: &RawClaim) -> pb::Claim {
    pb::Claim {
        claim_id: claim.claim_id.as_str().to_owned(),
        hospital_id: claim.hospital_id.as_str().to_owned(),
        person_id: claim.person_id.as_str().to_owned(),
        visit: claim.visit.clone(),
        emergency: claim.emergency,
        admitted: claim.admitted.map(date),
        discharged: claim.discharged.map(date),
        items: claim.items.iter().map(item).collect(),
        total_fen: claim.total.map(Money::fen),
        diagnosis: claim.diagnosis.clone(),
        continues: claim.continues.as_ref().map(continues),
    }
}

fn item(item: &RawItem) -> pb::Item {
    pb::Item {
        code: item.code.as_str().to_owned(),
        quantity_e4: item.quantity.0,
        unit_price_micro_yuan: item.unit_price.0,
        amount_fen: item.amount.fen(),
        day: item.day.map(date),
    }
}

fn continues(continues: &RawContinues) -> pb::Continues {
    let kind = ContinueKind::from_word(&continues.kind).map(|kind| pb::ContinuesKind::from(kind).into());
    let unknown = if continues.kind.is_empty() { pb::ContinuesKind::Unspecified.into() } else { UNKNOWN_KIND };
    pb::Continues {
        kind: kind.unwrap_or(unknown),
        hospital_id: continues.hospital_id.clone(),
        claim_id: continues.claim_id.clone(),
    }
}
