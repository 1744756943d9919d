//! Conversions from the results of the engine to messages. Every figure of a split is the one that was decided; only sums
//! of two are computed.

use std::sync::Arc;

use crate::domain::claim::{RawClaim, RawDate, RawItem};
use crate::domain::ids::Digest;
use crate::domain::journal::{Entry, Instant, Settlement};
use crate::domain::money::Money;
use crate::domain::notice::Notice;
use crate::domain::pools::Pools;
use crate::domain::split::{BandSplit, CapSplit, Circumstances, CodeSplit, LayerSplit, LineSplit, Split};
use crate::domain::stay::{Opening, StayUse};
use crate::domain::terms::{Cite, SkipReason};
use crate::domain::words::{Pool, WordSet};
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
        book_digest: digest(settled.book),
        notices: notices(&settled.notices),
    }
}

/// Notices.
pub fn notices(notices: &[Notice]) -> Vec<pb::Notice> {
    let message = |notice: &Notice| {
        let Notice::OverlappingStay { own, others } = notice;
        let settlement_ids = own.iter().map(ToString::to_string).collect();
        pb::Notice { reason: notice.reason().to_owned(), settlement_ids, others: *others }
    };
    notices.iter().map(message).collect()
}

/// A split.
pub fn split(split: &Split) -> pb::Split {
    pb::Split {
        total_fen: split.total.fen(),
        pools: pools(&split.pools),
        payers: shares(split.payers()),
        patient_fen: split.patient.fen(),
        layers: split.layers.iter().map(layer).collect(),
        skipped: split
            .skipped
            .iter()
            .map(|layer| pb::SkippedLayer {
                id: layer.id.to_string(),
                name: layer.name.to_string(),
                reason: skipped(layer.reason).to_owned(),
            })
            .collect(),
        judged: Some(judged(&split.circumstances)),
        codes: split.codes.iter().map(code).collect(),
        lines: split.lines.iter().map(line).collect(),
        counted_admission: split.counted_admission,
        opening: split.opening.as_deref().map(opening),
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
        SkipReason::OtherCircumstances => "other_circumstances",
        SkipReason::OtherCategory => "other_category",
        SkipReason::ExceptedCategory => "excepted_category",
    }
}

fn pools(pools: &Pools) -> Vec<pb::PoolAmount> {
    let amount = |(pool, amount): (&Pool, Money)| pb::PoolAmount { pool: pool.to_string(), amount_fen: amount.fen() };
    pools.iter().map(amount).collect()
}

fn opening(opening: &Opening) -> pb::Opening {
    let stay = &opening.stay;
    pb::Opening {
        kind: opening.kind.as_str().to_owned(),
        settlement_id: opening.settlement.to_string(),
        pools: pools(&stay.pools),
        admissions: stay.admissions,
        credited_admissions: stay.credited_admissions,
        counted_admission: stay.counted,
        caps: stay.caps.iter().map(cap_accumulator).collect(),
    }
}

fn cap_accumulator((account, sum): &(Arc<str>, Money)) -> pb::CapAccumulator {
    pb::CapAccumulator { account: account.to_string(), amount_fen: sum.fen() }
}

fn words<W: AsRef<str>>(words: &WordSet<W>) -> Vec<String> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

fn judged(judged: &Circumstances) -> pb::Judged {
    pb::Judged {
        policy_id: judged.policy.id.to_string(),
        policy_digest: digest(judged.policy.digest),
        policy_day: Some(date(judged.day)),
        insurance: judged.account.insurance.to_string(),
        benefit_year: judged.account.year,
        hospital_level: judged.terms.level.as_str().to_owned(),
        locality: judged.terms.locality.as_str().to_owned(),
        referral: judged.terms.referral.as_str().to_owned(),
        categories: words(&judged.terms.categories),
        admissions_before: judged.admissions_before,
        tags: words(&judged.terms.tags),
        diseases: words(&judged.terms.diseases),
    }
}

fn code(code: &CodeSplit) -> pb::Code {
    let self_pay_ratio = code.entry.class.self_pay_ratio.map_or_else(String::new, |ratio| ratio.to_string());
    pb::Code {
        code: code.entry.code.as_str().to_owned(),
        name: code.entry.name.to_string(),
        class: code.entry.class.word.as_str().to_owned(),
        self_pay_ratio,
        price_ceiling_micro_yuan: code.entry.price_ceiling.map(|price| price.0),
        unit_price_micro_yuan: code.unit_price.0,
        net_fen: code.net.fen(),
        over_limit_fen: code.over_limit.fen(),
        preliminary_self_pay_fen: code.preliminary_self_pay.fen(),
        rest_fen: code.rest().fen(),
        pool: code.pool.to_string(),
    }
}

fn line(line: &LineSplit) -> pb::Line {
    pb::Line { over_limit_fen: line.over_limit.fen(), preliminary_self_pay_fen: line.preliminary_self_pay.fen() }
}

fn layer(layer: &LayerSplit) -> pb::Layer {
    pb::Layer {
        id: layer.head.id.to_string(),
        name: layer.head.name.to_string(),
        payer: layer.head.payer.to_string(),
        period: layer.head.period.as_str().to_owned(),
        drawn: layer.drawn.iter().map(drawn).collect(),
        residual_fen: layer.residual.fen(),
        prior_self_pay: layer.prior_self_pay.to_string(),
        base_fen: layer.base.fen(),
        cumulative_before_fen: layer.c0.fen(),
        cumulative_after_fen: layer.c1.fen(),
        deductible_fen: layer.deductible.fen(),
        deductible_taken_fen: layer.deductible_taken.fen(),
        bands: layer.bands.iter().map(band).collect(),
        caps: layer.caps.iter().map(cap).collect(),
        pays_fen: layer.pays.fen(),
        before: Some(accumulator(layer, Money::ZERO, Money::ZERO, Money::ZERO)),
        after: Some(accumulator(layer, layer.base, layer.pays, layer.deductible_taken)),
        cites: layer.cites.iter().map(cite).collect(),
        assumed: layer.assumed.iter().map(|key| key.to_string()).collect(),
        ledger: layer.head.ledger().to_string(),
        deductible_per: layer.head.deductible_per.as_str().to_owned(),
        deductible_credited_fen: layer.deductible_credited.fen(),
        bands_over_excess: layer.head.bands_over_excess,
        credits_transfer: layer.head.credits_transfer,
        stay: Some(stay_use(&layer.stay)),
    }
}

fn drawn((pool, amount): &(Pool, Money)) -> pb::Drawn {
    pb::Drawn { pool: pool.as_str().to_owned(), amount_fen: amount.fen() }
}

fn band(band: &BandSplit) -> pb::Band {
    pb::Band {
        upto_fen: band.upto.map(Money::fen),
        rate: band.rate.to_string(),
        amount_after_fen: band.after.amount.fen(),
        pay_after_fen: band.after.pay.fen(),
        amount_before_fen: band.before.amount.fen(),
        pay_before_fen: band.before.pay.fen(),
    }
}

fn cap(cap: &CapSplit) -> pb::Cap {
    pb::Cap {
        account: cap.account.to_string(),
        of: cap.kind.as_str().to_owned(),
        limit_fen: cap.limit.map(Money::fen),
        used_before_fen: cap.before.fen(),
        cut_fen: cap.cut.fen(),
        per_claim: cap.is_per_claim,
        overflow: cap.overflow.as_ref().map(Pool::to_string).unwrap_or_default(),
    }
}

/// The accumulators before this claim, with what it adds.
fn accumulator(layer: &LayerSplit, base: Money, paid: Money, taken: Money) -> pb::Accumulator {
    pb::Accumulator {
        base_fen: (layer.ledger_before.base + base).fen(),
        paid_fen: (layer.paid_before + paid).fen(),
        deductible_taken_fen: (layer.ledger_before.taken + taken).fen(),
    }
}

fn stay_use(stay: &StayUse) -> pb::StayUse {
    pb::StayUse {
        base_fen: stay.base.fen(),
        deductible_taken_fen: stay.taken.fen(),
        deductible_taken_on_stay_fen: stay.taken_on_stay.fen(),
    }
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

fn room(room: &Room) -> pb::Room {
    pb::Room {
        account: room.cap.account.to_string(),
        of: room.cap.kind.as_str().to_owned(),
        annual_fen: room.annual.map(Money::fen),
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
        visit: claim.visit.clone(),
        emergency: claim.emergency,
        admitted: claim.admitted.map(date),
        discharged: claim.discharged.map(date),
        items: claim.items.iter().map(item).collect(),
        total_fen: claim.total.map(Money::fen),
        diagnosis: claim.diagnosis.clone(),
        continues: claim.continues.as_ref().map(|continues| pb::Continues {
            kind: continues.kind.clone(),
            hospital_id: continues.hospital_id.clone(),
            claim_id: continues.claim_id.clone(),
        }),
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
