//! The answer to a settlement, `onestop.settlement.v1.Settlement`: its ids, its split, and the derivation. Every figure is the one that was decided; only sums of
//! two are computed.

use std::sync::Arc;

use bytes::Bytes;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use crate::domain::facts::CatalogueEntry;
use crate::domain::ids::Digest;
use crate::domain::journal::{Entry, Instant, Settlement};
use crate::domain::money::Money;
use crate::domain::notice::Notice;
use crate::domain::pools::Pools;
use crate::domain::split::{BandSplit, CapSplit, Circumstances, CodeSplit, LayerSplit, LineSplit, SkippedLayer, Split};
use crate::domain::stay::{Opening, StayUse};
use crate::domain::terms::Cite;
use crate::domain::words::{Pool, WordSet};
use crate::pb::settlement as pb;

use super::claim::date_message;

/// The settlement of an entry.
pub fn settlement<B>(entry: &Entry<B>, settled: &Settlement) -> pb::Settlement {
    pb::Settlement {
        settlement_id: entry.id.to_string(),
        claim_id: settled.claim.claim_id.as_str().to_owned(),
        hospital_id: settled.claim.hospital_id.as_str().to_owned(),
        person_id: settled.claim.person_id.as_str().to_owned(),
        request_id: entry.request_id.as_str().to_owned(),
        commit_time: Some(timestamp(entry.committed)),
        split: Some(split(&settled.split)),
        derivation: Some(derivation(&settled.split)),
        book_digest: digest_bytes(settled.book),
        notices: notices(&settled.notices),
    }
}

/// The number of the field of the derivation, the last one of a settlement.
const DERIVATION: u32 = 15;

/// The part of an encoded settlement without its derivation.
pub fn summary_bytes(answer: &Bytes) -> Bytes {
    let mut rest = &answer[..];
    loop {
        let before = answer.len() - rest.len();
        match decode_key(&mut rest) {
            Ok((tag, kind)) if tag != DERIVATION => {
                if skip_field(kind, tag, &mut rest, DecodeContext::default()).is_err() {
                    return answer.slice(..before);
                }
            }
            _ => return answer.slice(..before),
        }
    }
}

/// Notices.
pub fn notices(notices: &[Notice]) -> Vec<pb::Notice> {
    let message = |notice: &Notice| {
        let Notice::OverlappingStay { own, others } = notice;
        let settlement_ids = own.iter().map(ToString::to_string).collect();
        pb::Notice { reason: notice_reason(notice).into(), settlement_ids, others: *others }
    };
    notices.iter().map(message).collect()
}

/// Who pays what.
pub fn split(split: &Split) -> pb::Split {
    pb::Split {
        total_fen: split.total.fen(),
        pools: pools(&split.pools),
        payers: shares(split.payers()),
        patient_fen: split.patient.fen(),
    }
}

/// How a split came about.
pub fn derivation(split: &Split) -> pb::Derivation {
    pb::Derivation {
        layers: split.layers.iter().map(layer).collect(),
        skipped: split.skipped.iter().map(skipped).collect(),
        circumstances: Some(circumstances(&split.circumstances)),
        codes: split.codes.iter().map(|one| code(one, split.entry(one))).collect(),
        lines: split.lines.iter().map(line).collect(),
        counted_admission: split.counted_admission,
        opening: split.opening.as_deref().map(opening),
    }
}

/// How the split of a revision came about, without codes and lines, which are those of the settlement.
pub fn derivation_without_bill(split: &Split) -> pb::Derivation {
    pb::Derivation { codes: Vec::new(), lines: Vec::new(), ..derivation(split) }
}

/// What each payer pays.
pub fn shares(payers: Vec<(Arc<str>, Money)>) -> Vec<pb::PayerShare> {
    let share = |(payer, sum): (Arc<str>, Money)| pb::PayerShare { payer: payer.to_string(), amount_fen: sum.fen() };
    payers.into_iter().map(share).collect()
}

fn skipped(layer: &SkippedLayer) -> pb::SkippedLayer {
    let reason = pb::SkipReason::from(layer.reason).into();
    pb::SkippedLayer { id: layer.id.to_string(), name: layer.name.to_string(), reason }
}

fn notice_reason(notice: &Notice) -> pb::NoticeReason {
    match notice {
        Notice::OverlappingStay { .. } => pb::NoticeReason::OverlappingStay,
    }
}

fn pools(pools: &Pools) -> Vec<pb::PoolAmount> {
    let amount = |(pool, amount): (&Pool, Money)| pb::PoolAmount { pool: pool.to_string(), amount_fen: amount.fen() };
    pools.iter().map(amount).collect()
}

fn opening(opening: &Opening) -> pb::Opening {
    let stay = &opening.stay;
    pb::Opening {
        kind: pb::ContinuesKind::from(opening.kind).into(),
        settlement_id: opening.settlement.to_string(),
        pools: pools(&stay.pools),
        admissions: stay.admissions,
        credited_admissions: stay.credited_admissions,
        counted_admission: stay.counted,
        caps: stay.caps.iter().map(cap_accumulator).collect(),
    }
}

fn words<W: AsRef<str>>(words: &WordSet<W>) -> Vec<String> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

fn circumstances(facts: &Circumstances) -> pb::Circumstances {
    pb::Circumstances {
        policy_id: facts.policy.id.to_string(),
        policy_digest: digest_bytes(facts.policy.digest),
        policy_day: Some(date_message(facts.day)),
        insurance: facts.account.insurance.to_string(),
        benefit_year: facts.account.year,
        hospital_level: facts.terms.level.as_str().to_owned(),
        locality: pb::Locality::from(facts.terms.locality).into(),
        referral: pb::Referral::from(facts.terms.referral).into(),
        categories: words(&facts.terms.categories),
        admissions_before: facts.admissions_before,
        tags: words(&facts.terms.tags),
        diseases: words(&facts.terms.diseases),
    }
}

fn code(code: &CodeSplit, entry: &CatalogueEntry) -> pb::Code {
    let self_pay_ratio = entry.class.self_pay_ratio.map_or_else(String::new, |ratio| ratio.to_string());
    pb::Code {
        code: entry.code.as_str().to_owned(),
        name: entry.name.to_string(),
        class: entry.class.word.as_str().to_owned(),
        self_pay_ratio,
        price_ceiling_micro_yuan: entry.price_ceiling.map(|price| price.0),
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
        period: pb::Period::from(layer.head.period).into(),
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
        deductible_per: pb::DeductiblePer::from(layer.head.deductible_per).into(),
        deductible_credited_fen: layer.deductible_credited.fen(),
        bands_over_excess: layer.head.bands_over_excess,
        credits_transfer: layer.head.credits_transfer,
        stay: Some(stay_use(&layer.stay)),
    }
}

fn drawn((pool, amount): &(Pool, Money)) -> pb::PoolAmount {
    pb::PoolAmount { pool: pool.as_str().to_owned(), amount_fen: amount.fen() }
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
        of: pb::CapKind::from(cap.kind).into(),
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

/// The sum of a cap's account.
pub fn cap_accumulator((account, sum): &(Arc<str>, Money)) -> pb::CapAccumulator {
    pb::CapAccumulator { account: account.to_string(), amount_fen: sum.fen() }
}

/// The bytes of a digest.
pub fn digest_bytes(digest: Digest) -> Vec<u8> {
    digest.0.to_vec()
}

/// An instant.
pub fn timestamp(instant: Instant) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: instant.0.div_euclid(1_000_000),
        nanos: (instant.0.rem_euclid(1_000_000) * 1_000) as i32,
    }
}
