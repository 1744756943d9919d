//! Conversions from the results of the engine to messages. Every figure of a split is the one that was decided; only sums
//! of two are computed.

use std::sync::Arc;

use crate::domain::claim::{RawClaim, RawDate, RawItem};
use crate::domain::facts::Class;
use crate::domain::ids::Digest;
use crate::domain::journal::{Entry, Instant, Settlement};
use crate::domain::money::Money;
use crate::domain::policy::SkipReason;
use crate::domain::pools::Pools;
use crate::domain::schedule::Band;
use crate::domain::split::{BandSplit, CapSplit, Circumstances, CodeSplit, LayerSplit, LineSplit, Split};
use crate::domain::terms::{Cap, Cite};
use crate::domain::vocabulary::{Pool, Visit};
use crate::engine::account::{AccountView, Room, VisitCircumstances};

use super::pb::settlement as pb;

/// A settlement.
pub fn settlement(entry: &Entry<Settlement>) -> pb::Settlement {
    let settled = &entry.body;
    pb::Settlement {
        settlement_id: entry.id.to_string(),
        claim_id: settled.claim.claim_id.as_str().to_owned(),
        hospital_id: settled.claim.hospital_id.as_str().to_owned(),
        person_id: settled.claim.person_id.as_str().to_owned(),
        request_id: entry.request_id.as_str().to_owned(),
        committed_at: Some(timestamp(entry.committed)),
        split: Some(split(&settled.split)),
        book_digest: settled.book.map(digest).unwrap_or_default(),
    }
}

/// A split.
pub fn split(split: &Split) -> pb::Split {
    pb::Split {
        total_fen: split.total.fen(),
        pools: Some(pools(&split.pools)),
        payers: shares(split.payers()),
        patient_fen: split.patient.fen(),
        layers: split.layers.iter().map(layer).collect(),
        skipped: split
            .skipped
            .iter()
            .map(|(head, why)| pb::SkippedLayer {
                id: head.id.to_string(),
                name: head.name.to_string(),
                reason: skipped(*why).to_owned(),
            })
            .collect(),
        judged: Some(judged(&split.circumstances)),
        codes: split.codes.iter().map(code).collect(),
        lines: split.lines.iter().map(line).collect(),
    }
}

/// What each payer pays.
pub fn shares(payers: Vec<(Arc<str>, Money)>) -> Vec<pb::PayerShare> {
    let share = |(payer, sum): (Arc<str>, Money)| pb::PayerShare { payer: payer.to_string(), amount_fen: sum.fen() };
    payers.into_iter().map(share).collect()
}

fn skipped(why: SkipReason) -> &'static str {
    match why {
        SkipReason::NotInForce => "not_in_force",
        SkipReason::OtherVisit => "other_visit",
        SkipReason::OtherCategory => "other_category",
    }
}

fn pools(pools: &Pools) -> pb::Pools {
    let fen = |pool| pools.get(pool).fen();
    pb::Pools {
        eligible_fen: fen(Pool::Eligible),
        preliminary_self_pay_fen: fen(Pool::PreliminarySelfPay),
        over_limit_fen: fen(Pool::OverLimit),
        excluded_fen: fen(Pool::Excluded),
        special_drug_fen: fen(Pool::SpecialDrug),
        transitional_drug_fen: fen(Pool::TransitionalDrug),
    }
}

fn judged(judged: &Circumstances) -> pb::Judged {
    pb::Judged {
        policy_id: judged.policy.id.to_string(),
        policy_digest: digest(judged.policy.digest),
        policy_day: Some(date(judged.day)),
        insurance: judged.account.insurance.to_string(),
        benefit_year: judged.account.year,
        hospital_level: judged.level.as_str().to_owned(),
        locality: judged.locality.as_str().to_owned(),
        referral: judged.referral.as_str().to_owned(),
        categories: judged.categories.iter().map(|category| category.as_str().to_owned()).collect(),
        admissions_before: judged.admissions_before,
    }
}

fn code(code: &CodeSplit) -> pb::Code {
    let self_pay_ratio = match code.entry.class {
        Class::B(ratio) => ratio.to_string(),
        _ => String::new(),
    };
    pb::Code {
        code: code.entry.code.as_str().to_owned(),
        name: code.entry.name.to_string(),
        class: code.entry.class.as_str().to_owned(),
        self_pay_ratio,
        price_ceiling_micro_yuan: code.entry.price_ceiling.map(|price| price.0),
        unit_price_micro_yuan: code.unit_price.0,
        net_fen: code.net.fen(),
        over_limit_fen: code.over_limit.fen(),
        preliminary_self_pay_fen: code.preliminary_self_pay.fen(),
        rest_fen: code.rest().fen(),
        pool: code.pool().as_str().to_owned(),
    }
}

fn line(line: &LineSplit) -> pb::Line {
    pb::Line { over_limit_fen: line.over_limit.fen(), preliminary_self_pay_fen: line.preliminary_self_pay.fen() }
}

fn layer(layer: &LayerSplit) -> pb::Layer {
    let bands = layer.terms.schedule.bands.iter().zip(&layer.bands);
    let caps = layer.terms.caps.iter().zip(&layer.caps);
    pb::Layer {
        id: layer.head.id.to_string(),
        name: layer.head.name.to_string(),
        payer: layer.head.payer.to_string(),
        period: layer.head.period.as_str().to_owned(),
        drawn: layer.drawn.iter().map(drawn).collect(),
        residual_fen: layer.residual.fen(),
        prior_self_pay: layer.terms.prior_self_pay.to_string(),
        base_fen: layer.base.fen(),
        cumulative_before_fen: layer.c0.fen(),
        cumulative_after_fen: layer.c1.fen(),
        deductible_fen: layer.deductible.fen(),
        deductible_taken_fen: layer.deductible_taken.fen(),
        bands: bands.map(|(terms, did)| band(terms, did)).collect(),
        caps: caps.map(|(terms, did)| cap(terms, did)).collect(),
        pays_fen: layer.pays.fen(),
        before: Some(accumulator(layer.base_before, layer.paid_before)),
        after: Some(accumulator(layer.base_before + layer.base, layer.paid_before + layer.pays)),
        cites: layer.terms.cites.iter().map(cite).collect(),
        assumed: layer.terms.assumed.iter().map(|key| key.to_string()).collect(),
    }
}

fn drawn((pool, amount): &(Pool, Money)) -> pb::Drawn {
    pb::Drawn { pool: pool.as_str().to_owned(), amount_fen: amount.fen() }
}

fn band(terms: &Band, did: &BandSplit) -> pb::Band {
    pb::Band {
        upto_fen: terms.upto.map(Money::fen),
        rate: terms.rate.to_string(),
        amount_after_fen: did.after.amount.fen(),
        pay_after_fen: did.after.pay.fen(),
        amount_before_fen: did.before.amount.fen(),
        pay_before_fen: did.before.pay.fen(),
    }
}

fn cap(terms: &Cap, did: &CapSplit) -> pb::Cap {
    pb::Cap {
        account: terms.account.to_string(),
        of: terms.kind.as_str().to_owned(),
        annual_fen: terms.annual.map(Money::fen),
        used_before_fen: did.before.fen(),
        cut_fen: did.cut.fen(),
    }
}

fn accumulator(base: Money, paid: Money) -> pb::Accumulator {
    pb::Accumulator { base_fen: base.fen(), paid_fen: paid.fen() }
}

fn cite(cite: &Cite) -> pb::Cite {
    pb::Cite { source: cite.source.to_string(), text: cite.text.to_string() }
}

/// An account.
pub fn account(view: &AccountView) -> pb::GetAccountResponse {
    let layers = view.account.layers().iter();
    let caps = view.account.caps().iter();
    pb::GetAccountResponse {
        version: view.account.version,
        admissions: view.account.admissions,
        layers: layers
            .map(|(id, uses)| pb::LayerAccumulator {
                layer_id: id.to_string(),
                base_fen: uses.base.fen(),
                paid_fen: uses.paid.fen(),
            })
            .collect(),
        caps: caps
            .map(|(account, sum)| pb::CapAccumulator { account: account.to_string(), amount_fen: sum.fen() })
            .collect(),
        rooms: view.rooms.iter().map(room).collect(),
        policy_id: view.policy.as_deref().unwrap_or_default().to_owned(),
    }
}

fn room(room: &Room) -> pb::Room {
    pb::Room {
        account: room.cap.account.to_string(),
        of: room.cap.kind.as_str().to_owned(),
        annual_fen: room.cap.annual.map(Money::fen),
        used_fen: room.used.fen(),
        room_fen: room.room.map(Money::fen),
        circumstances: room.circumstances.iter().map(room_circumstances).collect(),
    }
}

fn room_circumstances(circumstances: &VisitCircumstances) -> pb::RoomCircumstances {
    pb::RoomCircumstances {
        hospital_level: circumstances.level.as_str().to_owned(),
        locality: circumstances.locality.as_str().to_owned(),
        referral: circumstances.referral.as_str().to_owned(),
    }
}

/// The bytes of a digest.
pub fn digest(digest: Digest) -> Vec<u8> {
    digest.0.to_vec()
}

/// A day.
pub fn date(day: impl Into<RawDate>) -> pb::Date {
    let RawDate { year, month, day } = day.into();
    pb::Date { year, month, day }
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
        visit: claim.visit.map_or(pb::Visit::Unspecified, visit).into(),
        emergency: claim.emergency,
        admitted: claim.admitted.map(date),
        discharged: claim.discharged.map(date),
        items: claim.items.iter().map(item).collect(),
        total_fen: claim.total.map(Money::fen),
        diagnosis: claim.diagnosis.clone(),
    }
}

fn visit(visit: Visit) -> pb::Visit {
    match visit {
        Visit::Inpatient => pb::Visit::Inpatient,
        Visit::OutpatientSerious => pb::Visit::OutpatientSerious,
        Visit::OutpatientChronic => pb::Visit::OutpatientChronic,
        Visit::Maternity => pb::Visit::Maternity,
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
