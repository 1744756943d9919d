//! The settlements of a person that are in force, decided again under another book.

use std::collections::{HashMap, HashSet};

use super::super::readjudicate::continuation_order;
use super::super::redecision::{Redecision, RedecisionError, Undecided};
use super::ImpactQuestion;
use super::compared::{PersonChange, UndecidedReason};
use super::live::LiveSettlement;
use super::sums::Impact;
use crate::domain::ids::EntryId;
use crate::domain::money::Money;
use crate::domain::split::Split;
use crate::journal::recorded::DecidedAmounts;
use crate::policy::Book;

/// Decides the settlements of a person again, in the order of commits, and adds those that are asked for; returns what changes
/// for the person, if any was compared.
pub(super) fn decide_person(
    live: &[LiveSettlement],
    book: &Book,
    question: &ImpactQuestion,
    sum: &mut Impact,
) -> Option<PersonChange> {
    let continued: HashSet<EntryId> = live.iter().filter_map(continued).collect();
    let (mut redecision, mut person) = (Redecision::new(book, Vec::new(), &[]), None);
    for at in order(live) {
        let Some(one) = live.get(at) else { continue };
        let next =
            Undecided { claim: &one.claim, facts: &one.facts, pools: one.pools.as_deref(), continues: one.continues };
        let decided = redecision.decide(&next).map_err(|error| reason(&error));
        let after = decided.as_ref().map(decided_amounts).map_err(|reason| *reason);
        if question.includes(one) {
            sum.add(one, &after);
            if let Ok(after) = &after {
                person.get_or_insert_with(PersonChange::default).add(&one.amounts, after);
            }
        }
        if let (Ok(split), true) = (decided, continued.contains(&one.settlement)) {
            redecision.keep(one.settlement, split);
        }
    }
    person.iter().for_each(|person| sum.add_person(person));
    person
}

fn continued(one: &LiveSettlement) -> Option<EntryId> {
    one.continues.map(|(_, continued)| continued)
}

/// The order in which they are decided: that of commits, but what another continues comes before it.
fn order(live: &[LiveSettlement]) -> Vec<usize> {
    if live.iter().all(|one| one.continues.is_none()) {
        return (0..live.len()).collect();
    }
    let place: HashMap<EntryId, usize> = live.iter().zip(0..).map(|(one, at)| (one.settlement, at)).collect();
    let continues: Vec<_> = live.iter().map(|one| (one.settlement, continued(one))).collect();
    continuation_order(&continues).iter().filter_map(|id| place.get(id).copied()).collect()
}

impl ImpactQuestion {
    fn includes(&self, one: &LiveSettlement) -> bool {
        let region = one.facts.person.insured_region.as_str();
        (self.years.is_empty() || self.years.contains(&one.benefit_year))
            && (self.regions.is_empty() || self.regions.iter().any(|prefix| region.starts_with(prefix.as_str())))
    }
}

fn reason(error: &RedecisionError) -> UndecidedReason {
    match error {
        RedecisionError::NoPolicy => UndecidedReason::NoPolicy,
        RedecisionError::ContinuesUndecided => UndecidedReason::ContinuesUndecided,
        RedecisionError::Failed(_) => UndecidedReason::NotApplicable,
    }
}

fn decided_amounts(split: &Split) -> DecidedAmounts {
    let cuts = split.layers.iter().flat_map(|layer| &layer.caps).any(|cap| cap.cut > Money::ZERO);
    let mut paying = split.layers.iter().filter(|layer| layer.pays > Money::ZERO);
    DecidedAmounts {
        payers: split.payers(),
        patient: split.patient,
        is_capped: cuts,
        passes_deductible: paying.any(|layer| layer.deductible > Money::ZERO),
    }
}
