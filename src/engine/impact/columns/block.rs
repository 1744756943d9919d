//! A block of columns: rows of a part of the persons, a value of each column for every row. Words are numbers of a dictionary,
//! persons are the keys under which the store keeps them.

use std::sync::Arc;

use crate::domain::claim::Claim;
use crate::domain::day::Day;
use crate::domain::facts::{Facts, HospitalFacts, PersonFacts, Region};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{ClaimId, Diagnosis, Digest, EntryId, HospitalId, PersonId};
use crate::domain::money::Money;
use crate::domain::words::{Category, Pool, Tag};
use crate::journal::recorded::DecidedAmounts;
use crate::store::keys::StoreKey;

/// The settlement continues another one as a further part of its stay.
pub(super) const CONTINUES_INTERIM: u32 = 1;

/// The settlement continues another one after a transfer.
pub(super) const CONTINUES_TRANSFER: u32 = 2;

/// A cap cut something off.
pub(super) const CAPPED: u32 = 1;

/// A deductible was passed.
pub(super) const PAST_DEDUCTIBLE: u32 = 2;

/// In place of the ids of claims and persons, which the columns do not have.
const NO_ID: &str = "-";

/// What a row records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A settlement.
    Settlement = 1,
    /// A further revision of a settlement.
    Revision = 2,
    /// A reversal of a settlement.
    Reversal = 3,
}

/// The columns.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BlockMessage {
    #[prost(string, repeated, tag = "1")]
    pub texts: Vec<String>,
    #[prost(bytes = "vec", tag = "2")]
    pub persons: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub policies: Vec<u8>,
    /// Of each combination of facts the number of its values, then they.
    #[prost(uint32, repeated, tag = "4")]
    pub facts: Vec<u32>,
    #[prost(uint32, repeated, tag = "5")]
    pub kind: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    pub person: Vec<u32>,
    /// The settlement that is recorded, revised or reversed.
    #[prost(bytes = "vec", tag = "7")]
    pub settlements: Vec<u8>,
    #[prost(uint32, repeated, tag = "8")]
    pub hospital: Vec<u32>,
    #[prost(uint32, repeated, tag = "9")]
    pub visit: Vec<u32>,
    /// Zero where there is none, otherwise the number of the text after it.
    #[prost(uint32, repeated, tag = "10")]
    pub diagnosis: Vec<u32>,
    #[prost(bool, repeated, tag = "11")]
    pub emergency: Vec<bool>,
    #[prost(uint32, repeated, tag = "12")]
    pub admitted: Vec<u32>,
    #[prost(uint32, repeated, tag = "13")]
    pub discharged: Vec<u32>,
    #[prost(uint32, repeated, tag = "14")]
    pub fact: Vec<u32>,
    #[prost(uint32, repeated, tag = "15")]
    pub policy: Vec<u32>,
    #[prost(uint32, repeated, tag = "16")]
    pub continues: Vec<u32>,
    /// The settlements that are continued, of the rows that continue one.
    #[prost(bytes = "vec", tag = "17")]
    pub continued: Vec<u8>,
    #[prost(uint32, repeated, tag = "18")]
    pub passed: Vec<u32>,
    #[prost(int32, repeated, tag = "19")]
    pub year: Vec<i32>,
    #[prost(sint64, repeated, tag = "20")]
    pub patient: Vec<i64>,
    #[prost(uint32, repeated, tag = "21")]
    pub pools_end: Vec<u32>,
    #[prost(uint32, repeated, tag = "22")]
    pub payers_end: Vec<u32>,
    #[prost(uint32, repeated, tag = "23")]
    pub pools: Vec<u32>,
    #[prost(sint64, repeated, tag = "24")]
    pub pool_amounts: Vec<i64>,
    #[prost(uint32, repeated, tag = "25")]
    pub payers: Vec<u32>,
    #[prost(sint64, repeated, tag = "26")]
    pub payer_amounts: Vec<i64>,
}

/// The combinations of facts, one after the other.
pub(super) fn split_facts(facts: &[u32]) -> impl Iterator<Item = &[u32]> {
    let mut rest = facts;
    std::iter::from_fn(move || {
        let (length, values) = rest.split_first()?;
        let (values, after) = values.split_at_checked(*length as usize)?;
        rest = after;
        Some(values)
    })
}

/// A block whose rows can be read.
pub(super) struct Block {
    columns: BlockMessage,
    texts: Vec<Arc<str>>,
    facts: Vec<Arc<Facts>>,
    policies: Vec<Digest>,
    /// How many rows before each one continue another settlement.
    continued_before: Vec<u32>,
    no_claim: ClaimId,
    no_person: PersonId,
}

/// The claim of a row, as far as it is decided again from pools.
pub(super) struct DecisionRow {
    /// The facts.
    pub facts: Arc<Facts>,
    /// What the bill fell into.
    pub pools: Vec<(Pool, Money)>,
    /// The benefit year.
    pub benefit_year: i32,
    /// The settlement that it continues, and how.
    pub continues: Option<(ContinueKind, EntryId)>,
    /// The amounts.
    pub amounts: DecidedAmounts,
}

impl Block {
    /// The block of these columns; `None` if they do not belong together.
    pub fn new(columns: BlockMessage) -> Option<Block> {
        let texts: Vec<Arc<str>> = columns.texts.iter().map(|text| Arc::from(&**text)).collect();
        let facts = split_facts(&columns.facts).map(|values| facts_of(values, &texts).map(Arc::new));
        let facts = facts.collect::<Option<_>>()?;
        let policies = columns.policies.as_chunks().0.iter().map(|digest| Digest(*digest)).collect();
        let continued_before = columns.continues.iter().scan(0, |continued, continues| {
            let before = *continued;
            *continued += u32::from(*continues != 0);
            Some(before)
        });
        let continued_before = continued_before.collect();
        let (no_claim, no_person) = (ClaimId::from_stored(NO_ID).ok()?, PersonId::from_stored(NO_ID).ok()?);
        Some(Block { columns, texts, facts, policies, continued_before, no_claim, no_person })
    }

    /// The number of its rows.
    pub fn rows(&self) -> u32 {
        self.columns.kind.len() as u32
    }

    /// What a row records.
    pub fn kind(&self, row: usize) -> Option<RowKind> {
        let kind = *self.columns.kind.get(row)?;
        [RowKind::Settlement, RowKind::Revision, RowKind::Reversal].into_iter().find(|known| *known as u32 == kind)
    }

    /// The person whom a row is about.
    pub fn person(&self, row: usize) -> Option<StoreKey> {
        self.columns.persons.as_chunks().0.get(*self.columns.person.get(row)? as usize).copied()
    }

    /// The settlement that a row records, revises or reverses.
    pub fn settlement(&self, row: usize) -> Option<EntryId> {
        self.columns.settlements.as_chunks().0.get(row).map(|id| EntryId(*id))
    }

    /// The policy that decided a row.
    pub fn policy(&self, row: usize) -> Option<&Digest> {
        self.policies.get(*self.columns.policy.get(row)? as usize)
    }

    /// The claim of the settlement of a row, without items and with no ids of claim and person.
    pub fn claim(&self, row: usize) -> Option<Claim> {
        let columns = &self.columns;
        let diagnosis = match columns.diagnosis.get(row)?.checked_sub(1) {
            Some(number) => Some(Diagnosis::from_stored(Arc::clone(self.text(number)?)).ok()?),
            None => None,
        };
        Some(Claim {
            claim_id: self.no_claim.clone(),
            hospital_id: HospitalId::from_stored(Arc::clone(self.text(*columns.hospital.get(row)?)?)).ok()?,
            person_id: self.no_person.clone(),
            visit: (&**self.text(*columns.visit.get(row)?)?).into(),
            emergency: *columns.emergency.get(row)?,
            admitted: Day::from_number(*columns.admitted.get(row)?)?,
            discharged: Day::from_number(*columns.discharged.get(row)?)?,
            items: Vec::new(),
            total: None,
            diagnosis,
            continues: None,
        })
    }

    /// The decision of a row.
    pub fn decision(&self, row: usize) -> Option<DecisionRow> {
        let columns = &self.columns;
        let of_row = |ends: &[u32]| {
            let start = row.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
            Some(start as usize..*ends.get(row)? as usize)
        };
        let (pools, payers) = (of_row(&columns.pools_end)?, of_row(&columns.payers_end)?);
        let pool = |(pool, amount): (&u32, &i64)| Some((Pool::from(&**self.text(*pool)?), Money::from_fen(*amount)));
        let payer = |(payer, amount): (&u32, &i64)| Some((Arc::clone(self.text(*payer)?), Money::from_fen(*amount)));
        let pool_amounts = columns.pools.get(pools.clone())?.iter().zip(columns.pool_amounts.get(pools)?);
        let payer_amounts = columns.payers.get(payers.clone())?.iter().zip(columns.payer_amounts.get(payers)?);
        let passed = *columns.passed.get(row)?;
        Some(DecisionRow {
            facts: Arc::clone(self.facts.get(*columns.fact.get(row)? as usize)?),
            pools: pool_amounts.map(pool).collect::<Option<_>>()?,
            benefit_year: *columns.year.get(row)?,
            continues: self.continues(row)?,
            amounts: DecidedAmounts {
                payers: payer_amounts.map(payer).collect::<Option<_>>()?,
                patient: Money::from_fen(*columns.patient.get(row)?),
                is_capped: passed & CAPPED != 0,
                passes_deductible: passed & PAST_DEDUCTIBLE != 0,
            },
        })
    }

    fn continues(&self, row: usize) -> Option<Option<(ContinueKind, EntryId)>> {
        let kind = match *self.columns.continues.get(row)? {
            0 => return Some(None),
            CONTINUES_INTERIM => ContinueKind::Interim,
            CONTINUES_TRANSFER => ContinueKind::Transfer,
            _ => return None,
        };
        let number = *self.continued_before.get(row)? as usize;
        let continued = self.columns.continued.as_chunks().0.get(number)?;
        Some(Some((kind, EntryId(*continued))))
    }

    fn text(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get(number as usize)
    }
}

/// The facts that these values write; without a catalogue, which pools do not need.
fn facts_of(values: &[u32], texts: &[Arc<str>]) -> Option<Facts> {
    let text = |number: &u32| texts.get(*number as usize);
    let ([insurance, insured_region, level, region, approved, categories], words) = values.split_first_chunk()?;
    let (categories, tags) = words.split_at_checked(*categories as usize)?;
    let categories = categories.iter().map(|word| Some(Category::from(&**text(word)?)));
    let tags = tags.iter().map(|word| Some(Tag::from(&**text(word)?)));
    Some(Facts {
        person: PersonFacts {
            insurance: Arc::clone(text(insurance)?),
            insured_region: Region::parse(text(insured_region)?)?,
            categories: categories.collect::<Option<_>>()?,
            cross_region_approved: *approved != 0,
        },
        hospital: HospitalFacts {
            level: (&**text(level)?).into(),
            region: Region::parse(text(region)?)?,
            tags: tags.collect::<Option<_>>()?,
        },
        catalogue: Arc::from([]),
        entry_of_item: Vec::new(),
    })
}
