//! A block of columns that rows are appended to.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::claim::Claim;
use crate::domain::facts::Facts;
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{Digest, EntryId};
use crate::journal::recorded::{RecordedDecision, RecordedEntry, RecordedSettlement};
use crate::store::keys::StoreKey;

use super::block::{
    BlockMessage, CAPPED, CONTINUES_INTERIM, CONTINUES_TRANSFER, PAST_DEDUCTIBLE, RowKind, split_facts,
};

/// A block that rows are appended to.
#[derive(Default)]
pub(super) struct BlockBuilder {
    block: BlockMessage,
    texts: HashMap<Arc<str>, u32>,
    persons: HashMap<StoreKey, u32>,
    policies: HashMap<Digest, u32>,
    facts: HashMap<Vec<u32>, u32>,
}

impl BlockBuilder {
    /// A builder that goes on after the rows of a block.
    pub fn after(block: BlockMessage) -> BlockBuilder {
        let numbered = |(number, text): (usize, &String)| (Arc::from(&**text), number as u32);
        let texts = block.texts.iter().enumerate().map(numbered).collect();
        let persons = block.persons.as_chunks().0.iter().zip(0..).map(|(key, number)| (*key, number)).collect();
        let policies = block.policies.as_chunks().0.iter().zip(0..).map(|(digest, number)| (Digest(*digest), number));
        let policies = policies.collect();
        let facts = split_facts(&block.facts).zip(0..).map(|(facts, number)| (facts.to_vec(), number)).collect();
        BlockBuilder { block, texts, persons, policies, facts }
    }

    /// Appends what was recorded of the person with this key. A fence has no row.
    pub fn push(&mut self, person: StoreKey, id: EntryId, entry: &RecordedEntry) {
        match entry {
            RecordedEntry::Settlement(settled) => {
                let RecordedSettlement { claim, decision } = &**settled;
                self.push_head(RowKind::Settlement, person, id);
                self.push_claim(claim);
                self.push_decision(decision);
            }
            RecordedEntry::Revision(settlement, decision) => {
                self.push_head(RowKind::Revision, person, *settlement);
                self.push_no_claim();
                self.push_decision(decision);
            }
            RecordedEntry::Reversal(settlement) => {
                self.push_head(RowKind::Reversal, person, *settlement);
                self.push_no_claim();
                self.push_no_decision();
            }
            RecordedEntry::Fence => {}
        }
    }

    /// The block.
    pub fn finish(self) -> BlockMessage {
        self.block
    }

    fn push_head(&mut self, kind: RowKind, person: StoreKey, settlement: EntryId) {
        let person = *self.persons.entry(person).or_insert_with(|| {
            self.block.persons.extend(person);
            (self.block.persons.len() / size_of::<StoreKey>()) as u32 - 1
        });
        self.block.kind.push(kind as u32);
        self.block.person.push(person);
        self.block.settlements.extend(settlement.0);
    }

    fn push_claim(&mut self, claim: &Claim) {
        let hospital = self.text(claim.hospital_id.as_str());
        let visit = self.text(claim.visit.as_str());
        let diagnosis = claim.diagnosis.as_ref().map_or(0, |code| self.text(code.as_str()) + 1);
        self.block.hospital.push(hospital);
        self.block.visit.push(visit);
        self.block.diagnosis.push(diagnosis);
        self.block.emergency.push(claim.emergency);
        self.block.admitted.push(claim.admitted.number());
        self.block.discharged.push(claim.discharged.number());
    }

    fn push_no_claim(&mut self) {
        let block = &mut self.block;
        for column in [&mut block.hospital, &mut block.visit, &mut block.diagnosis] {
            column.push(0);
        }
        block.emergency.push(false);
        block.admitted.push(0);
        block.discharged.push(0);
    }

    fn push_decision(&mut self, decision: &RecordedDecision) {
        let (facts, policy) = (self.facts(&decision.facts), self.policy(decision.policy));
        let amounts = &decision.amounts;
        for (pool, amount) in decision.pools.iter().flatten() {
            let pool = self.text(pool.as_str());
            self.block.pools.push(pool);
            self.block.pool_amounts.push(amount.fen());
        }
        for (payer, amount) in &amounts.payers {
            let payer = self.text(payer);
            self.block.payers.push(payer);
            self.block.payer_amounts.push(amount.fen());
        }
        let continues = decision.continues.map_or(0, |(kind, continued)| {
            self.block.continued.extend(continued.0);
            match kind {
                ContinueKind::Interim => CONTINUES_INTERIM,
                ContinueKind::Transfer => CONTINUES_TRANSFER,
            }
        });
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let passed = flag(amounts.is_capped, CAPPED) | flag(amounts.passes_deductible, PAST_DEDUCTIBLE);
        self.push_numbers([facts, policy, continues, passed]);
        self.block.year.push(decision.benefit_year);
        self.block.patient.push(amounts.patient.fen());
    }

    fn push_no_decision(&mut self) {
        self.push_numbers([0; 4]);
        self.block.year.push(0);
        self.block.patient.push(0);
    }

    fn push_numbers(&mut self, [facts, policy, continues, passed]: [u32; 4]) {
        let block = &mut self.block;
        block.fact.push(facts);
        block.policy.push(policy);
        block.continues.push(continues);
        block.passed.push(passed);
        block.pools_end.push(block.pools.len() as u32);
        block.payers_end.push(block.payers.len() as u32);
    }

    fn policy(&mut self, policy: Digest) -> u32 {
        *self.policies.entry(policy).or_insert_with(|| {
            self.block.policies.extend(policy.0);
            (self.block.policies.len() / size_of::<Digest>()) as u32 - 1
        })
    }

    /// The number of these facts; written as their length, then the numbers of their words.
    fn facts(&mut self, facts: &Facts) -> u32 {
        let Facts { person, hospital, .. } = facts;
        let mut words = vec![
            self.text(&person.insurance),
            self.text(person.insured_region.as_str()),
            self.text(hospital.level.as_str()),
            self.text(hospital.region.as_str()),
            u32::from(person.cross_region_approved),
            person.categories.as_slice().len() as u32,
        ];
        words.extend(person.categories.iter().map(|word| self.text(word.as_str())));
        words.extend(hospital.tags.iter().map(|word| self.text(word.as_str())));
        let number = self.facts.len() as u32;
        match self.facts.get(&words) {
            Some(known) => *known,
            None => {
                self.block.facts.push(words.len() as u32);
                self.block.facts.extend(&words);
                self.facts.insert(words, number);
                number
            }
        }
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = self.block.texts.len() as u32;
        self.block.texts.push(text.to_owned());
        self.texts.insert(text.into(), number);
        number
    }
}
