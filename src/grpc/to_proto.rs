//! Conversions from the results of the engine to messages. What is stored as it is answered, and claims, are converted by
//! [`crate::journal`].

use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::engine::account::{AccountView, CapBalance, VisitCircumstances};
use crate::journal::answer::cap_accumulator;
use crate::pb::Date;
use crate::pb::settlement as pb;

pub use crate::journal::answer::{digest_bytes as digest, timestamp};
pub use crate::journal::claim::{date_message as date, message_from_raw as claim};

/// A month, with day 0.
pub fn month(month: Month) -> Date {
    Date { year: month.year(), month: month.month(), day: 0 }
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
