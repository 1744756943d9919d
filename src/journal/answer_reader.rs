//! The split of an answer: the inverse of [`super::answer`].

use std::cmp::Ordering;
use std::mem::take;
use std::sync::Arc;

use super::form::{Malformed, digest, id, present, rate};
use crate::domain::claim::UnitPrice;
use crate::domain::day::Day;
use crate::domain::facts::{CatalogueEntries, CatalogueEntry, Class};
use crate::domain::ids::{AccountKey, EntryId, ItemCode};
use crate::domain::layer_head::LayerHead;
use crate::domain::money::Money;
use crate::domain::notice::Notice;
use crate::domain::policy::PolicyRef;
use crate::domain::pools::Pools;
use crate::domain::resolved_terms::{SplitCap, SplitTerms};
use crate::domain::schedule::BandShare;
use crate::domain::split::{BandSplit, CapSplit, Circumstances, CodeSplit, LayerSplit, LineSplit, SkippedLayer, Split};
use crate::domain::stay::{Opening, Stay, StayUse};
use crate::domain::sums::{LedgerUse, Sums};
use crate::domain::terms::{Cite, TermsKey};
use crate::domain::words::{Pool, WordSet};
use crate::pb::Date;
use crate::pb::journal::{SplitRest, StayLayer};
use crate::pb::settlement as pb;
use smol_str::SmolStr;

/// The split of an answer and of what is stored beside it.
///
/// # Errors
/// If a field holds what no split has.
pub(super) fn split(split: pb::Split, derivation: pb::Derivation, rest: SplitRest) -> Result<Split, Malformed> {
    let SplitRest { row_of_code, is_stay, opening_layers } = rest;
    let mut codes = derivation.codes;
    let catalogue = catalogue(&mut codes, &row_of_code)?;
    let pools = pools(split.pools);
    let code = |(message, row)| code(message, row, &pools);
    let codes = codes.into_iter().zip(row_of_code).map(code).collect::<Result<_, _>>()?;
    Ok(Split {
        circumstances: circumstances(present("circumstances", derivation.circumstances)?)?,
        total: fen(split.total_fen),
        pools,
        lines: derivation.lines.iter().map(line).collect(),
        codes,
        catalogue,
        layers: derivation.layers.into_iter().map(layer).collect::<Result<_, _>>()?,
        skipped: derivation.skipped.into_iter().map(skipped).collect::<Result<_, _>>()?,
        patient: fen(split.patient_fen),
        counted_admission: derivation.counted_admission,
        is_stay,
        opening: derivation.opening.map(|message| opening(message, opening_layers).map(Box::new)).transpose()?,
    })
}

/// The notices of an answer.
///
/// # Errors
/// If one is unknown.
pub(super) fn notices(notices: Vec<pb::Notice>) -> Result<Vec<Notice>, Malformed> {
    notices.into_iter().map(notice).collect()
}

fn notice(notice: pb::Notice) -> Result<Notice, Malformed> {
    match notice.reason() {
        pb::NoticeReason::OverlappingStay => {
            let own = notice.settlement_ids.iter().map(|id| settlement_id(id)).collect::<Result<_, _>>()?;
            Ok(Notice::OverlappingStay { own, others: notice.others })
        }
        pb::NoticeReason::Unspecified => Err(Malformed("notices.reason")),
    }
}

fn fen(amount: i64) -> Money {
    Money::from_fen(amount)
}

fn text(text: String) -> Arc<str> {
    text.into()
}

fn settlement_id(text: &str) -> Result<EntryId, Malformed> {
    EntryId::parse(text).ok_or(Malformed("settlement_id"))
}

fn date(field: &'static str, date: Option<Date>) -> Result<Day, Malformed> {
    let Date { year, month, day } = present(field, date)?;
    Day::new(year, month, day).map_err(|_| Malformed(field))
}

fn words<W: Ord + From<String>>(words: Vec<String>) -> WordSet<W> {
    words.into_iter().map(W::from).collect()
}

fn pools(amounts: Vec<pb::PoolAmount>) -> Pools {
    amounts.into_iter().map(pool_amount).collect()
}

fn pool_amount(pb::PoolAmount { pool, amount_fen }: pb::PoolAmount) -> (Pool, Money) {
    (Pool::from(pool), fen(amount_fen))
}

pub(super) fn circumstances(message: pb::Circumstances) -> Result<Circumstances, Malformed> {
    let locality = message.locality().fixed().ok_or(Malformed("locality"))?;
    let referral = message.referral().fixed().ok_or(Malformed("referral"))?;
    Ok(Circumstances {
        policy: PolicyRef { id: text(message.policy_id), digest: digest("policy_digest", &message.policy_digest)? },
        day: date("policy_day", message.policy_day)?,
        account: AccountKey { insurance: text(message.insurance), year: message.benefit_year },
        terms: TermsKey {
            level: message.hospital_level.into(),
            locality,
            referral,
            tags: words(message.tags),
            diseases: words(message.diseases),
            categories: words(message.categories),
        },
        admissions_before: message.admissions_before,
    })
}

/// The entries of the catalogue in the order in which they first appear in the codes of a bill; takes their texts.
pub(super) fn catalogue(codes: &mut [pb::Code], row_of_code: &[u32]) -> Result<CatalogueEntries, Malformed> {
    if codes.len() != row_of_code.len() {
        return Err(Malformed("row_of_code"));
    }
    let mut entries = Vec::with_capacity(codes.len());
    for (message, row) in codes.iter_mut().zip(row_of_code) {
        match usize::from(row_position(*row)?).cmp(&entries.len()) {
            Ordering::Less => {}
            Ordering::Equal => entries.push(Arc::new(entry(message)?)),
            Ordering::Greater => return Err(Malformed("row_of_code")),
        }
    }
    Ok(entries.into())
}

/// The entry of a code; takes its texts.
fn entry(message: &mut pb::Code) -> Result<CatalogueEntry, Malformed> {
    Ok(CatalogueEntry {
        code: id("code", take(&mut message.code), ItemCode::from_stored)?,
        name: text(take(&mut message.name)),
        class: Class {
            word: take(&mut message.class).into(),
            self_pay_ratio: match message.self_pay_ratio.as_str() {
                "" => None,
                ratio => Some(rate("self_pay_ratio", ratio)?),
            },
        },
        price_ceiling: message.price_ceiling_micro_yuan.map(UnitPrice),
    })
}

fn row_position(row: u32) -> Result<u16, Malformed> {
    u16::try_from(row).map_err(|_| Malformed("row_of_code"))
}

fn code(message: pb::Code, row: u32, pools: &Pools) -> Result<CodeSplit, Malformed> {
    Ok(CodeSplit {
        position: row_position(row)?,
        unit_price: UnitPrice(message.unit_price_micro_yuan),
        net: fen(message.net_fen),
        over_limit: fen(message.over_limit_fen),
        preliminary_self_pay: fen(message.preliminary_self_pay_fen),
        pool: pools.position(&message.pool.into()).ok_or(Malformed("codes.pool"))?,
    })
}

fn line(line: &pb::Line) -> LineSplit {
    LineSplit { over_limit: fen(line.over_limit_fen), preliminary_self_pay: fen(line.preliminary_self_pay_fen) }
}

fn layer(message: pb::Layer) -> Result<LayerSplit, Malformed> {
    let before = message.before.unwrap_or_default();
    let (period, deductible_per) = (message.period().fixed(), message.deductible_per().fixed());
    let (id, ledger) = (SmolStr::from(message.id), SmolStr::from(message.ledger));
    let (pools, drawn) = message.drawn.into_iter().map(pool_amount).unzip();
    let head = LayerHead {
        name: text(message.name),
        payer: text(message.payer),
        pools,
        period: present("period", period)?,
        shared_ledger: (ledger != id).then_some(ledger),
        deductible_per: present("deductible_per", deductible_per)?,
        bands_over_excess: message.bands_over_excess,
        credits_transfer: message.credits_transfer,
        id,
    };
    let caps = message.caps.into_iter().map(cap).collect::<Result<Vec<_>, _>>()?;
    let (terms_of_caps, caps) = caps.into_iter().unzip();
    let terms = SplitTerms {
        head: Arc::new(head),
        prior_self_pay: rate("prior_self_pay", &message.prior_self_pay)?,
        caps: terms_of_caps,
        cites: message.cites.into_iter().map(cite).collect(),
        assumed: message.assumed.into_iter().map(text).collect(),
    };
    Ok(LayerSplit {
        terms: Arc::new(terms),
        residual: fen(message.residual_fen),
        base: fen(message.base_fen),
        c0: fen(message.cumulative_before_fen),
        c1: fen(message.cumulative_after_fen),
        deductible: fen(message.deductible_fen),
        deductible_credited: fen(message.deductible_credited_fen),
        deductible_taken: fen(message.deductible_taken_fen),
        stay: message.stay.map(stay_use).unwrap_or_default(),
        bands: message.bands.iter().map(band).collect::<Result<_, _>>()?,
        caps,
        pays: fen(message.pays_fen),
        drawn,
        ledger_before: LedgerUse { base: fen(before.base_fen), taken: fen(before.deductible_taken_fen) },
        paid_before: fen(before.paid_fen),
    })
}

fn stay_use(stay: pb::StayUse) -> StayUse {
    StayUse {
        base: fen(stay.base_fen),
        taken: fen(stay.deductible_taken_fen),
        taken_on_stay: fen(stay.deductible_taken_on_stay_fen),
        before_transfer: false,
    }
}

fn band(band: &pb::Band) -> Result<BandSplit, Malformed> {
    Ok(BandSplit {
        upto: band.upto_fen.map(fen),
        rate: rate("rate", &band.rate)?,
        after: BandShare { amount: fen(band.amount_after_fen), pay: fen(band.pay_after_fen) },
        before: BandShare { amount: fen(band.amount_before_fen), pay: fen(band.pay_before_fen) },
    })
}

fn cap(cap: pb::Cap) -> Result<(SplitCap, CapSplit), Malformed> {
    let kind = cap.of().fixed().ok_or(Malformed("caps.of"))?;
    let split = CapSplit { limit: cap.limit_fen.map(fen), before: fen(cap.used_before_fen), cut: fen(cap.cut_fen) };
    let overflow = Some(cap.overflow).filter(|pool| !pool.is_empty()).map(Pool::from);
    Ok((SplitCap { account: cap.account.into(), kind, is_per_claim: cap.per_claim, overflow }, split))
}

fn cite(pb::Cite { source, text: clause }: pb::Cite) -> Cite {
    Cite { source: text(source), text: text(clause) }
}

fn skipped(layer: pb::SkippedLayer) -> Result<SkippedLayer, Malformed> {
    let reason = layer.reason().fixed().ok_or(Malformed("skipped.reason"))?;
    Ok(SkippedLayer { id: layer.id.into(), name: text(layer.name), reason })
}

fn opening(message: pb::Opening, layers: Vec<StayLayer>) -> Result<Opening, Malformed> {
    let kind = message.kind().fixed().ok_or(Malformed("opening.kind"))?;
    let caps: Sums<Money> = message.caps.into_iter().map(|cap| (cap.account.into(), fen(cap.amount_fen))).collect();
    Ok(Opening {
        kind,
        settlement: settlement_id(&message.settlement_id)?,
        stay: Stay {
            layers: layers.into_iter().map(stay_layer).collect(),
            caps,
            pools: pools(message.pools),
            admissions: message.admissions,
            credited_admissions: message.credited_admissions,
            counted: message.counted_admission,
        },
    })
}

fn stay_layer(layer: StayLayer) -> (SmolStr, StayUse) {
    let uses = StayUse {
        base: fen(layer.base_fen),
        taken: fen(layer.deductible_taken_fen),
        taken_on_stay: fen(layer.deductible_taken_on_stay_fen),
        before_transfer: layer.before_transfer,
    };
    (layer.layer_id.into(), uses)
}
