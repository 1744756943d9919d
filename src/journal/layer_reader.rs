//! The layers of a derivation.

use std::sync::Arc;

use super::form::{Malformed, present, rate};
use super::message_reader::{amount, fields};
use crate::domain::fixed_words::{CapKind, DeductiblePer, Period};
use crate::domain::layer_head::LayerHead;
use crate::domain::money::Money;
use crate::domain::resolved_terms::{SplitCap, SplitTerms};
use crate::domain::schedule::{Band, BandShare};
use crate::domain::split::{BandSplit, BandSplits, CapSplit, CapSplits, LayerSplit, SkippedLayer};
use crate::domain::stay::StayUse;
use crate::domain::sums::LedgerUse;
use crate::domain::terms::{AssumedKey, Cite};
use crate::domain::words::Pool;
use crate::pb::settlement as pb;

/// The fields of a `Layer` but its figures.
#[derive(Default)]
struct LayerFields<'a> {
    id: &'a str,
    name: &'a str,
    payer: &'a str,
    period: Option<Period>,
    ledger: &'a str,
    deductible_per: Option<DeductiblePer>,
    bands_over_excess: bool,
    credits_transfer: bool,
    prior_self_pay: &'a str,
    bands: BandSplits,
    terms_of_bands: Vec<Band>,
    caps: CapSplits,
    terms_of_caps: Vec<SplitCap>,
    drawn: Vec<(Pool, Money)>,
    before: [Money; 3],
    stay: StayUse,
    cites: Vec<Cite>,
    assumed: Vec<AssumedKey>,
    /// The figures, from `residual_fen` to `pays_fen`, by their numbers.
    figures: [Money; 20],
}

impl<'a> LayerFields<'a> {
    fn read(message: &'a [u8]) -> Result<LayerFields<'a>, Malformed> {
        let mut layer = LayerFields::default();
        for field in fields(message) {
            let (number, value) = field?;
            match number {
                1 => layer.id = value.text("layers.id")?,
                2 => layer.name = value.text("layers.name")?,
                3 => layer.payer = value.text("layers.payer")?,
                4 => layer.period = Some(value.word("layers.period", pb::Period::fixed)?),
                5 => layer.ledger = value.text("layers.ledger")?,
                6 => layer.deductible_per = Some(value.word("layers.deductible_per", pb::DeductiblePer::fixed)?),
                7 => layer.bands_over_excess = value.flag("layers.bands_over_excess")?,
                8 => layer.credits_transfer = value.flag("layers.credits_transfer")?,
                10 => layer.prior_self_pay = value.text("layers.prior_self_pay")?,
                9 | 11..=16 | 19 => layer.figures[number as usize] = Money::from_fen(value.number("layers")?),
                17 => layer.add_band(value.bytes("layers.bands")?)?,
                18 => layer.add_cap(value.bytes("layers.caps")?)?,
                20 => {
                    let (pool, drawn) = amount(value.bytes("layers.drawn")?)?;
                    layer.drawn.push((Pool::from(pool), drawn));
                }
                21 => layer.before = accumulator(value.bytes("layers.before")?)?,
                23 => layer.stay = stay_use(value.bytes("layers.stay")?)?,
                24 => layer.cites.push(cite(value.bytes("layers.cites")?)?),
                25 => layer.assumed.push(value.text("layers.assumed")?.into()),
                _ => {}
            }
        }
        Ok(layer)
    }

    fn add_band(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let (terms, split) = band(message)?;
        self.terms_of_bands.push(terms);
        self.bands.push(split);
        Ok(())
    }

    fn add_cap(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let (terms, split) = cap(message)?;
        self.terms_of_caps.push(terms);
        self.caps.push(split);
        Ok(())
    }
}

/// A `Layer`.
pub(super) fn layer(message: &[u8]) -> Result<LayerSplit, Malformed> {
    let layer = LayerFields::read(message)?;
    let figure = |field: usize| layer.figures[field];
    let [base_before, paid_before, taken_before] = layer.before;
    let (pools, drawn) = layer.drawn.into_iter().unzip();
    let head = LayerHead {
        id: layer.id.into(),
        name: layer.name.into(),
        payer: layer.payer.into(),
        pools,
        period: present("period", layer.period)?,
        shared_ledger: (layer.ledger != layer.id).then(|| layer.ledger.into()),
        deductible_per: present("deductible_per", layer.deductible_per)?,
        bands_over_excess: layer.bands_over_excess,
        credits_transfer: layer.credits_transfer,
    };
    let terms = SplitTerms {
        head: Arc::new(head),
        prior_self_pay: rate("prior_self_pay", layer.prior_self_pay)?,
        bands: layer.terms_of_bands,
        caps: layer.terms_of_caps,
        cites: layer.cites.into(),
        assumed: layer.assumed.into(),
    };
    Ok(LayerSplit {
        terms: Arc::new(terms),
        residual: figure(9),
        base: figure(11),
        c0: figure(12),
        c1: figure(13),
        deductible: figure(14),
        deductible_credited: figure(15),
        deductible_taken: figure(16),
        stay: layer.stay,
        bands: layer.bands,
        caps: layer.caps,
        pays: figure(19),
        drawn,
        ledger_before: LedgerUse { base: base_before, taken: taken_before },
        paid_before,
    })
}

/// An `Accumulator`.
fn accumulator(message: &[u8]) -> Result<[Money; 3], Malformed> {
    let mut amounts = [Money::ZERO; 3];
    for field in fields(message) {
        if let (number @ 1..=3, value) = field? {
            amounts[number as usize - 1] = Money::from_fen(value.number("layers")?);
        }
    }
    Ok(amounts)
}

/// A `StayUse`.
fn stay_use(message: &[u8]) -> Result<StayUse, Malformed> {
    let mut stay = StayUse::default();
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => stay.base = Money::from_fen(value.number("stay.base")?),
            2 => stay.taken = Money::from_fen(value.number("stay.deductible_taken")?),
            3 => stay.taken_on_stay = Money::from_fen(value.number("stay.deductible_taken_on_stay")?),
            4 => stay.admissions = Some(value.number("stay.admissions")? as u32),
            _ => {}
        }
    }
    Ok(stay)
}

fn band(message: &[u8]) -> Result<(Band, BandSplit), Malformed> {
    let (mut upto, mut share, mut amounts) = (None, None, [Money::ZERO; 4]);
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => upto = Some(Money::from_fen(value.number("bands.upto")?)),
            2 => share = Some(rate("bands.rate", value.text("bands.rate")?)?),
            3..=6 => amounts[number as usize - 3] = Money::from_fen(value.number("bands")?),
            _ => {}
        }
    }
    let [after, pay_after, before, pay_before] = amounts;
    let band = Band { upto, rate: present("bands.rate", share)? };
    let (after, before) = (BandShare { amount: after, pay: pay_after }, BandShare { amount: before, pay: pay_before });
    Ok((band, BandSplit { after, before }))
}

fn cap(message: &[u8]) -> Result<(SplitCap, CapSplit), Malformed> {
    let (mut account, mut kind, mut is_per_claim, mut overflow) = ("", None, false, "");
    let mut split = CapSplit { limit: None, before: Money::ZERO, cut: Money::ZERO };
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => account = value.text("caps.account")?,
            2 => kind = Some(value.word("caps.of", pb::CapKind::fixed)?),
            3 => split.limit = Some(Money::from_fen(value.number("caps.limit")?)),
            4 => split.before = Money::from_fen(value.number("caps.used_before")?),
            5 => split.cut = Money::from_fen(value.number("caps.cut")?),
            6 => is_per_claim = value.flag("caps.per_claim")?,
            7 => overflow = value.text("caps.overflow")?,
            _ => {}
        }
    }
    let kind: CapKind = present("caps.of", kind)?;
    let overflow = (!overflow.is_empty()).then(|| Pool::from(overflow));
    Ok((SplitCap { account: account.into(), kind, is_per_claim, overflow }, split))
}

fn cite(message: &[u8]) -> Result<Cite, Malformed> {
    let (mut source, mut clause) = ("", "");
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => source = value.text("cites.source")?,
            2 => clause = value.text("cites.text")?,
            _ => {}
        }
    }
    Ok(Cite { source: source.into(), text: clause.into() })
}

/// A `SkippedLayer`.
pub(super) fn skipped(message: &[u8]) -> Result<SkippedLayer, Malformed> {
    let (mut id, mut name, mut reason) = ("", "", None);
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => id = value.text("skipped.id")?,
            2 => name = value.text("skipped.name")?,
            3 => reason = Some(value.word("skipped.reason", pb::SkipReason::fixed)?),
            _ => {}
        }
    }
    Ok(SkippedLayer { id: id.into(), name: name.into(), reason: present("skipped.reason", reason)? })
}
