//! The answer to a settlement, `onestop.settlement.v1.Settlement`: its ids, its split, and the derivation, encoded. Every
//! figure is the one that was decided; only sums of two are computed. Fields are named by their numbers in `proto/`, in
//! whose order they are written.

use std::sync::Arc;

use bytes::Bytes;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::{Entry, Instant, Settlement};
use crate::domain::money::Money;
use crate::domain::notice::Notice;
use crate::domain::pools::Pools;
use crate::domain::resolved_terms::SplitCap;
use crate::domain::schedule::Band;
use crate::domain::short_text::ShortText;
use crate::domain::split::{BandSplit, CapSplit, Circumstances, CodeSplit, LayerSplit, LineSplit, SkippedLayer, Split};
use crate::domain::stay::{Opening, StayUse};
use crate::domain::terms::Cite;
use crate::domain::words::{Pool, WordSet};
use crate::pb::settlement as pb;

use super::claim::date_message;
use super::message_writer::MessageWriter;

/// The bytes of an answer besides those of its codes, and those of a code, as most are.
const ANSWER_BYTES: usize = 4 << 10;
const CODE_BYTES: usize = 160;

/// The settlement of an entry.
pub fn settlement<B>(entry: &Entry<B>, settled: &Settlement) -> Bytes {
    settlement_of(Some((entry.id, entry.committed)), entry, settled)
}

/// A settlement that was not committed: without id and instant.
pub fn uncommitted_settlement<B>(entry: &Entry<B>, settled: &Settlement) -> Bytes {
    settlement_of(None, entry, settled)
}

fn settlement_of<B>(commit: Option<(EntryId, Instant)>, entry: &Entry<B>, settled: &Settlement) -> Bytes {
    let mut writer = writer_for(&settled.split);
    if let Some((id, _)) = commit {
        writer.displayed(1, &id);
    }
    writer.text(2, settled.claim.hospital_id.as_str());
    writer.text(3, settled.claim.person_id.as_str());
    writer.text(4, settled.claim.claim_id.as_str());
    writer.text(5, entry.request_id.as_str());
    if let Some((_, committed)) = commit {
        writer.encoded(6, &timestamp(committed));
    }
    writer.long_message(7, |writer| write_split(writer, &settled.split));
    writer.blob(8, &settled.book.0);
    notices(&settled.notices).iter().for_each(|notice| writer.encoded(9, notice));
    writer.long_message(DERIVATION, |writer| write_derivation(writer, &settled.split, Bill::Itemized));
    writer.finish()
}

fn writer_for(split: &Split) -> MessageWriter {
    MessageWriter::with_capacity(ANSWER_BYTES + CODE_BYTES * split.codes.len())
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

fn notice_reason(notice: &Notice) -> pb::NoticeReason {
    match notice {
        Notice::OverlappingStay { .. } => pb::NoticeReason::OverlappingStay,
    }
}

/// Who pays what: an encoded `onestop.settlement.v1.Split`.
pub fn split(split: &Split) -> Bytes {
    let mut writer = MessageWriter::with_capacity(256);
    write_split(&mut writer, split);
    writer.finish()
}

/// How a split came about: an encoded `onestop.settlement.v1.Derivation`.
pub fn derivation(split: &Split) -> Bytes {
    let mut writer = writer_for(split);
    write_derivation(&mut writer, split, Bill::Itemized);
    writer.finish()
}

/// How the split of a revision came about, without codes and lines, which are those of the settlement.
pub fn derivation_without_bill(split: &Split) -> Bytes {
    let mut writer = MessageWriter::with_capacity(ANSWER_BYTES);
    write_derivation(&mut writer, split, Bill::Omitted);
    writer.finish()
}

/// What each payer pays.
pub fn shares(payers: Vec<(Arc<str>, Money)>) -> Vec<pb::PayerShare> {
    let share = |(payer, sum): (Arc<str>, Money)| pb::PayerShare { payer: payer.to_string(), amount_fen: sum.fen() };
    payers.into_iter().map(share).collect()
}

/// Whether a derivation holds the codes and lines of the bill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bill {
    Itemized,
    Omitted,
}

fn write_split(writer: &mut MessageWriter, split: &Split) {
    writer.number(1, split.total.fen());
    write_pools(writer, 2, &split.pools);
    split.payers().iter().for_each(|(payer, sum)| write_amount(writer, 3, payer, *sum));
    writer.number(4, split.patient.fen());
}

fn write_derivation(writer: &mut MessageWriter, split: &Split, bill: Bill) {
    split.layers.iter().for_each(|layer| writer.long_message(1, |writer| write_layer(writer, layer)));
    split.skipped.iter().for_each(|skipped| writer.message(2, |writer| write_skipped(writer, skipped)));
    writer.message(3, |writer| write_circumstances(writer, &split.circumstances));
    if bill == Bill::Itemized {
        split.codes.iter().for_each(|code| writer.message(4, |writer| write_code(writer, code, split)));
        split.lines.iter().for_each(|line| writer.message(5, |writer| write_line(writer, line)));
    }
    writer.flag(6, split.counted_admission);
    if let Some(opening) = &split.opening {
        writer.message(7, |writer| write_opening(writer, opening));
    }
}

/// An amount under a name: of a pool, a payer, or the account of a cap.
fn write_amount(writer: &mut MessageWriter, field: u32, name: &str, amount: Money) {
    writer.message(field, |writer| {
        writer.text(1, name);
        writer.number(2, amount.fen());
    });
}

fn write_pools(writer: &mut MessageWriter, field: u32, pools: &Pools) {
    pools.iter().for_each(|(pool, amount)| write_amount(writer, field, pool.as_str(), amount));
}

fn write_skipped(writer: &mut MessageWriter, layer: &SkippedLayer) {
    writer.text(1, &layer.id);
    writer.text(2, &layer.name);
    writer.number(3, pb::SkipReason::from(layer.reason) as i32);
}

fn write_opening(writer: &mut MessageWriter, opening: &Opening) {
    let stay = &opening.stay;
    writer.number(1, pb::ContinuesKind::from(opening.kind) as i32);
    writer.displayed(2, &opening.settlement);
    write_pools(writer, 3, &stay.pools);
    writer.number(4, stay.admissions);
    writer.number(5, stay.credited_admissions);
    writer.flag(6, stay.counted);
    stay.caps.iter().for_each(|(account, sum)| write_amount(writer, 7, account, *sum));
}

fn write_words<W: AsRef<str>>(writer: &mut MessageWriter, field: u32, words: &WordSet<W>) {
    words.iter().for_each(|word| writer.repeated_text(field, word.as_ref()));
}

fn write_circumstances(writer: &mut MessageWriter, facts: &Circumstances) {
    writer.text(1, &facts.policy.id);
    writer.blob(2, &facts.policy.digest.0);
    writer.encoded(3, &date_message(facts.day));
    writer.text(4, &facts.account.insurance);
    writer.number(5, facts.account.year);
    writer.text(6, facts.terms.level.as_str());
    writer.number(7, pb::Locality::from(facts.terms.locality) as i32);
    writer.number(8, pb::Referral::from(facts.terms.referral) as i32);
    write_words(writer, 9, &facts.terms.categories);
    writer.number(10, facts.admissions_before);
    write_words(writer, 11, &facts.terms.tags);
    write_words(writer, 12, &facts.terms.diseases);
}

fn write_code(writer: &mut MessageWriter, code: &CodeSplit, split: &Split) {
    let entry = split.entry(code);
    writer.text(1, entry.code.as_str());
    writer.text(2, &entry.name);
    writer.text(3, entry.class.word.as_str());
    if let Some(ratio) = &entry.class.self_pay_ratio {
        writer.displayed(4, ratio);
    }
    writer.optional_number(5, entry.price_ceiling.map(|price| price.0));
    writer.number(6, code.unit_price.0);
    writer.number(7, code.net.fen());
    writer.number(8, code.over_limit.fen());
    writer.number(9, code.preliminary_self_pay.fen());
    writer.number(10, code.rest().fen());
    writer.text(11, split.pools.pool(code.pool).as_str());
}

fn write_line(writer: &mut MessageWriter, line: &LineSplit) {
    writer.number(1, line.over_limit.fen());
    writer.number(2, line.preliminary_self_pay.fen());
}

fn write_layer(writer: &mut MessageWriter, layer: &LayerSplit) {
    writer.text(1, &layer.head().id);
    writer.text(2, &layer.head().name);
    writer.text(3, &layer.head().payer);
    writer.number(4, pb::Period::from(layer.head().period) as i32);
    writer.text(5, layer.head().ledger());
    writer.number(6, pb::DeductiblePer::from(layer.head().deductible_per) as i32);
    writer.flag(7, layer.head().bands_over_excess);
    writer.flag(8, layer.head().credits_transfer);
    writer.number(9, layer.residual.fen());
    writer.displayed(10, &layer.terms.prior_self_pay);
    writer.number(11, layer.base.fen());
    writer.number(12, layer.c0.fen());
    writer.number(13, layer.c1.fen());
    writer.number(14, layer.deductible.fen());
    writer.number(15, layer.deductible_credited.fen());
    writer.number(16, layer.deductible_taken.fen());
    layer.bands().for_each(|(band, split)| writer.message(17, |writer| write_band(writer, band, split)));
    layer.caps().for_each(|(cap, split)| writer.message(18, |writer| write_cap(writer, cap, split)));
    writer.number(19, layer.pays.fen());
    layer.drawn().for_each(|(pool, amount)| write_amount(writer, 20, pool.as_str(), amount));
    writer.message(21, |writer| write_accumulator(writer, layer, [Money::ZERO; 3]));
    writer.message(22, |writer| write_accumulator(writer, layer, [layer.base, layer.pays, layer.deductible_taken]));
    writer.message(23, |writer| write_stay_use(writer, &layer.stay));
    layer.terms.cites.iter().for_each(|cite| writer.message(24, |writer| write_cite(writer, cite)));
    layer.terms.assumed.iter().for_each(|key| writer.repeated_text(25, key));
}

fn write_band(writer: &mut MessageWriter, band: &Band, split: &BandSplit) {
    writer.optional_number(1, band.upto.map(Money::fen));
    writer.displayed(2, &band.rate);
    writer.number(3, split.after.amount.fen());
    writer.number(4, split.after.pay.fen());
    writer.number(5, split.before.amount.fen());
    writer.number(6, split.before.pay.fen());
}

fn write_cap(writer: &mut MessageWriter, cap: &SplitCap, split: &CapSplit) {
    writer.text(1, &cap.account);
    writer.number(2, pb::CapKind::from(cap.kind) as i32);
    writer.optional_number(3, split.limit.map(Money::fen));
    writer.number(4, split.before.fen());
    writer.number(5, split.cut.fen());
    writer.flag(6, cap.is_per_claim);
    writer.text(7, cap.overflow.as_ref().map(Pool::as_str).unwrap_or_default());
}

/// The accumulators before this claim, with what it adds: base, payment and deductible.
fn write_accumulator(writer: &mut MessageWriter, layer: &LayerSplit, [base, paid, taken]: [Money; 3]) {
    writer.number(1, (layer.ledger_before.base + base).fen());
    writer.number(2, (layer.paid_before + paid).fen());
    writer.number(3, (layer.ledger_before.taken + taken).fen());
}

fn write_stay_use(writer: &mut MessageWriter, stay: &StayUse) {
    writer.number(1, stay.base.fen());
    writer.number(2, stay.taken.fen());
    writer.number(3, stay.taken_on_stay.fen());
    writer.optional_number(4, stay.admissions.map(i64::from));
}

fn write_cite(writer: &mut MessageWriter, cite: &Cite) {
    writer.text(1, &cite.source);
    writer.text(2, &cite.text);
}

/// The sum of a cap's account.
pub fn cap_accumulator((account, sum): &(ShortText, Money)) -> pb::CapAccumulator {
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
