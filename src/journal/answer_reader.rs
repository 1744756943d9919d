//! The split of an answer: the inverse of [`super::answer`].

use super::claim_reader::date;
use super::code_reader::{CodeFields, catalogue, codes, line};
use super::form::{Malformed, digest, nested, present};
use super::layer_reader::{layer, skipped};
use super::message_reader::{Value, amount, fields};
use crate::domain::facts::CatalogueEntries;
use crate::domain::ids::{AccountKey, Digest, EntryId};
use crate::domain::money::Money;
use crate::domain::notice::Notice;
use crate::domain::policy::PolicyRef;
use crate::domain::pools::Pools;
use crate::domain::short_text::ShortText;
use crate::domain::split::{Circumstances, LayerSplit, LineSplit, SkippedLayer, Split};
use crate::domain::stay::{Opening, Stay, StayUse};
use crate::domain::sums::Sums;
use crate::domain::terms::TermsKey;
use crate::domain::words::{Pool, WordSet};
use crate::pb::journal::{SplitRest, StayLayer};
use crate::pb::settlement as pb;

/// What an answer holds of a settlement.
pub(super) struct Answered {
    /// The split, with what is stored beside the answer.
    pub split: Split,
    /// The digest of the book in use.
    pub book: Digest,
    /// The notices.
    pub notices: Vec<Notice>,
}

/// What an encoded `Settlement` holds, with what is stored beside it.
///
/// # Errors
/// If a field holds what no settlement has.
pub(super) fn answered(answer: &[u8], rest: SplitRest) -> Result<Answered, Malformed> {
    let (mut split_message, mut book, mut derivation, mut notices) = (None, None, None, Vec::new());
    for field in fields(answer) {
        let (number, value) = field?;
        match number {
            7 => split_message = Some(value.bytes("split")?),
            8 => book = Some(digest("book_digest", value.bytes("book_digest")?)?),
            9 => notices.push(notice(nested("notices", value.bytes("notices")?)?)?),
            15 => derivation = Some(value.bytes("derivation")?),
            _ => {}
        }
    }
    let (split_message, derivation) = (present("split", split_message)?, present("derivation", derivation)?);
    Ok(Answered { split: split(split_message, derivation, rest)?, book: present("book_digest", book)?, notices })
}

/// The split of an encoded `Split`, an encoded `Derivation`, and what is stored beside them.
///
/// # Errors
/// If a field holds what no split has.
pub(super) fn split(split: &[u8], derivation: &[u8], rest: SplitRest) -> Result<Split, Malformed> {
    let SplitRest { row_of_code, is_stay, opening_layers } = rest;
    let SplitFields { total, pools, patient } = SplitFields::read(split)?;
    let derivation = DerivationFields::read(derivation)?;
    let catalogue: CatalogueEntries = catalogue(&derivation.codes, &row_of_code)?;
    let opening = derivation.opening.map(|message| opening(nested("opening", message)?, opening_layers)).transpose()?;
    Ok(Split {
        circumstances: circumstances(present("circumstances", derivation.circumstances)?)?,
        total,
        lines: derivation.lines,
        codes: codes(&derivation.codes, &row_of_code, &pools)?,
        pools,
        catalogue,
        layers: derivation.layers,
        skipped: derivation.skipped,
        patient,
        counted_admission: derivation.counted_admission,
        is_stay,
        opening: opening.map(Box::new),
    })
}

/// The fields of a `Split`, but what each payer pays.
struct SplitFields {
    total: Money,
    pools: Pools,
    patient: Money,
}

impl SplitFields {
    fn read(message: &[u8]) -> Result<SplitFields, Malformed> {
        let (mut total, mut pools, mut patient) = (Money::ZERO, Vec::with_capacity(8), Money::ZERO);
        for field in fields(message) {
            let (number, value) = field?;
            match number {
                1 => total = Money::from_fen(value.number("total")?),
                2 => pools.push(amount(value.bytes("pools")?)?),
                4 => patient = Money::from_fen(value.number("patient")?),
                _ => {}
            }
        }
        let pools = pools.into_iter().map(|(pool, amount)| (Pool::from(pool), amount)).collect();
        Ok(SplitFields { total, pools, patient })
    }
}

/// The fields of a `Derivation`.
#[derive(Default)]
struct DerivationFields<'a> {
    layers: Vec<LayerSplit>,
    skipped: Vec<SkippedLayer>,
    circumstances: Option<&'a [u8]>,
    codes: Vec<CodeFields<'a>>,
    lines: Vec<LineSplit>,
    counted_admission: bool,
    opening: Option<&'a [u8]>,
}

impl<'a> DerivationFields<'a> {
    fn read(message: &'a [u8]) -> Result<DerivationFields<'a>, Malformed> {
        let mut derivation = DerivationFields::default();
        for field in fields(message) {
            let (number, value) = field?;
            match number {
                1 => derivation.layers.push(layer(value.bytes("layers")?)?),
                2 => derivation.skipped.push(skipped(value.bytes("skipped")?)?),
                3 => derivation.circumstances = Some(value.bytes("circumstances")?),
                4 => derivation.codes.push(CodeFields::read(value.bytes("codes")?)?),
                5 => derivation.lines.push(line(value.bytes("lines")?)?),
                6 => derivation.counted_admission = value.flag("counted_admission")?,
                7 => derivation.opening = Some(value.bytes("opening")?),
                _ => {}
            }
        }
        Ok(derivation)
    }
}

/// The entries of the catalogue in the codes of an encoded `Derivation`.
pub(super) fn catalogue_of(derivation: &[u8], row_of_code: &[u32]) -> Result<CatalogueEntries, Malformed> {
    let mut codes = Vec::with_capacity(row_of_code.len());
    for field in fields(derivation) {
        if let (4, value) = field? {
            codes.push(CodeFields::read(value.bytes("codes")?)?);
        }
    }
    catalogue(&codes, row_of_code)
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

fn settlement_id(text: &str) -> Result<EntryId, Malformed> {
    EntryId::parse(text).ok_or(Malformed("settlement_id"))
}

/// The fields of a `Circumstances`.
#[derive(Default)]
struct CircumstancesFields<'a> {
    policy_id: &'a str,
    policy_digest: &'a [u8],
    policy_day: Option<Value<'a>>,
    insurance: &'a str,
    benefit_year: i32,
    level: &'a str,
    locality: Option<Value<'a>>,
    referral: Option<Value<'a>>,
    categories: Vec<&'a str>,
    admissions_before: u32,
    tags: Vec<&'a str>,
    diseases: Vec<&'a str>,
}

impl<'a> CircumstancesFields<'a> {
    fn read(message: &'a [u8]) -> Result<CircumstancesFields<'a>, Malformed> {
        let mut facts = CircumstancesFields::default();
        for field in fields(message) {
            let (number, value) = field?;
            match number {
                1 => facts.policy_id = value.text("policy_id")?,
                2 => facts.policy_digest = value.bytes("policy_digest")?,
                3 => facts.policy_day = Some(value),
                4 => facts.insurance = value.text("insurance")?,
                5 => facts.benefit_year = value.number("benefit_year")? as i32,
                6 => facts.level = value.text("hospital_level")?,
                7 => facts.locality = Some(value),
                8 => facts.referral = Some(value),
                9 => facts.categories.push(value.text("categories")?),
                10 => facts.admissions_before = value.number("admissions_before")? as u32,
                11 => facts.tags.push(value.text("tags")?),
                12 => facts.diseases.push(value.text("diseases")?),
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// A `Circumstances`.
pub(super) fn circumstances(message: &[u8]) -> Result<Circumstances, Malformed> {
    let facts = CircumstancesFields::read(message)?;
    Ok(Circumstances {
        policy: PolicyRef { id: facts.policy_id.into(), digest: digest("policy_digest", facts.policy_digest)? },
        day: date("policy_day", present("policy_day", facts.policy_day)?)?,
        account: AccountKey { insurance: facts.insurance.into(), year: facts.benefit_year },
        terms: TermsKey {
            level: facts.level.into(),
            locality: present("locality", facts.locality)?.word("locality", pb::Locality::fixed)?,
            referral: present("referral", facts.referral)?.word("referral", pb::Referral::fixed)?,
            tags: words(&facts.tags),
            diseases: words(&facts.diseases),
            categories: words(&facts.categories),
        },
        admissions_before: facts.admissions_before,
    })
}

fn words<'a, W: Ord + From<&'a str>>(words: &[&'a str]) -> WordSet<W> {
    words.iter().map(|word| W::from(word)).collect()
}

fn opening(message: pb::Opening, layers: Vec<StayLayer>) -> Result<Opening, Malformed> {
    let kind = message.kind().fixed().ok_or(Malformed("opening.kind"))?;
    let caps: Sums<Money> = message.caps.into_iter().map(|cap| (cap.account.into(), fen(cap.amount_fen))).collect();
    let pool = |pb::PoolAmount { pool, amount_fen }: pb::PoolAmount| (Pool::from(pool), fen(amount_fen));
    Ok(Opening {
        kind,
        settlement: settlement_id(&message.settlement_id)?,
        stay: Stay {
            layers: layers.into_iter().map(stay_layer).collect(),
            caps,
            pools: message.pools.into_iter().map(pool).collect(),
            admissions: message.admissions,
            credited_admissions: message.credited_admissions,
            counted: message.counted_admission,
        },
    })
}

fn stay_layer(layer: StayLayer) -> (ShortText, StayUse) {
    let uses = StayUse {
        base: fen(layer.base_fen),
        taken: fen(layer.deductible_taken_fen),
        taken_on_stay: fen(layer.deductible_taken_on_stay_fen),
        admissions: Some(layer.admissions),
        before_transfer: layer.before_transfer,
    };
    (layer.layer_id.into(), uses)
}
