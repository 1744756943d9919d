//! The split (sections 2 and 4): eligibility, then layer by layer, and the account afterwards.

use std::collections::BTreeMap;

use super::fraction::{half_up, integer, yuan_from_fen};
use super::policy::{Cap, LayerRule};
use super::pools::divide_into_pools;
use super::terms::{Terms, TermsKey, is_considered, terms};
use super::{
    Account, Bill, Book, CatalogueRow, Hospital, Layer, ModelRefusal, Person, Split, covers, names_on_day, on_day,
};

impl Book {
    /// The split of a bill and the account after it. `account` returns the account of the person in a benefit year.
    pub fn settle(
        &self,
        bill: &Bill,
        person: &Person,
        hospital: &Hospital,
        catalogue: &[CatalogueRow],
        account: impl Fn(i32) -> Account,
    ) -> Result<(Split, Account), ModelRefusal> {
        check_eligibility(bill, person, hospital)?;
        let hospital = on_day(&hospital.statuses, &bill.discharged).expect("a hospital that is known that day");
        let enrolment = on_day(&person.enrolments, &bill.discharged).ok_or(ModelRefusal::PersonNotEnrolled)?;
        let pools = divide_into_pools(bill, hospital, catalogue)?;
        let (policy, day) = self.governing_policy(bill, enrolment).ok_or(ModelRefusal::NoPolicyInForce)?;
        let circumstances = TermsKey::new(bill, person, enrolment, hospital);
        let year = day[..4].parse().expect("a year");
        let mut account = account(year);
        let (mut left, mut layers) = (pools.clone(), Vec::new());
        for rule in policy.rules.iter().filter(|rule| is_considered(rule, day, &circumstances)) {
            let layer = adjudicate_layer(rule, &terms(rule, &circumstances, account.admissions), &mut left, &account);
            move_accumulators(&mut account, &layer, 1);
            layers.push(layer);
        }
        // After the layers, because the admission of this bill does not count for its own deductible.
        account.admissions += admissions(bill);
        let split = build_split(policy.id.clone(), year, pools, layers, &left);
        assert_invariants(bill, &split);
        Ok((split, account))
    }
}

fn check_eligibility(bill: &Bill, person: &Person, hospital: &Hospital) -> Result<(), ModelRefusal> {
    let day = bill.discharged.as_str();
    let outpatient = bill.visit.starts_with("outpatient_");
    if !hospital.designated.iter().any(|days| covers(days, day)) {
        return Err(ModelRefusal::HospitalNotDesignated);
    }
    if on_day(&person.enrolments, day).is_none() {
        return Err(ModelRefusal::PersonNotEnrolled);
    }
    if outpatient && !names_on_day(&person.approvals, day).contains(&bill.visit.as_str()) {
        return Err(ModelRefusal::VisitNotApproved);
    }
    Ok(())
}

fn adjudicate_layer(rule: &LayerRule, terms: &Terms, left: &mut BTreeMap<String, i64>, account: &Account) -> Layer {
    let residual = rule.pools.iter().map(|pool| left[pool]).sum();
    let uncapped_base = half_up(yuan_from_fen(residual) * (integer(1) - terms.prior_self_pay));
    let (base, mut cuts) = apply_caps(uncapped_base, "base", &terms.caps, account);

    let so_far = account.ledgers.get(&rule.id).map_or(0, |(base, _)| *base);
    let before = if rule.yearly { so_far } else { 0 };
    let after = before + base;
    let (pays, cut) =
        apply_caps(terms.schedule_payment(after) - terms.schedule_payment(before), "paid", &terms.caps, account);
    cuts.extend(cut);
    draw_from_pools(pays, &rule.pools, left);

    let deductible = half_up(terms.deductible);
    let deductible_taken = after.min(deductible) - before.min(deductible);
    let caps = terms.caps.iter().map(|cap| (cap.account.clone(), cap.of.clone(), cap.annual.map(half_up))).collect();
    Layer { id: rule.id.clone(), payer: rule.payer.clone(), base, deductible, deductible_taken, pays, cuts, caps }
}

/// The amount that the caps of this kind allow, and the amount that each of them cuts.
fn apply_caps(mut amount: i64, of: &str, caps: &[Cap], account: &Account) -> (i64, Vec<(String, i64)>) {
    let mut cuts = Vec::new();
    for cap in caps.iter().filter(|cap| cap.of == of) {
        let used = account.caps.get(&cap.account).copied().unwrap_or(0);
        let allowed = cap.annual.map_or(amount, |annual| amount.min(half_up(annual) - used).max(0));
        cuts.push((cap.account.clone(), amount - allowed));
        amount = allowed;
    }
    (amount, cuts)
}

fn draw_from_pools(mut pays: i64, pools: &[String], left: &mut BTreeMap<String, i64>) {
    for pool in pools {
        let in_pool = left.get_mut(pool).expect("one of the six");
        let part = pays.min(*in_pool);
        *in_pool -= part;
        pays -= part;
    }
    assert_eq!(pays, 0, "a layer pays no more than its pools hold");
}

/// Adds the amounts of a layer to the account, or subtracts them if the sign is negative.
fn move_accumulators(account: &mut Account, layer: &Layer, sign: i64) {
    let (base, taken) = account.ledgers.entry(layer.id.clone()).or_default();
    *base += sign * layer.base;
    *taken += sign * layer.deductible_taken;
    *account.paid.entry(layer.id.clone()).or_default() += sign * layer.pays;
    // A map, because several caps of a layer may name one account, which changes once.
    let caps: BTreeMap<_, _> = layer.caps.iter().map(|(name, of, _)| (name, of)).collect();
    for (name, of) in caps {
        let moved = if of == "base" { layer.base } else { layer.pays };
        *account.caps.entry(name.clone()).or_default() += sign * moved;
    }
    account.ledgers.retain(|_, used| *used != (0, 0));
    account.paid.retain(|_, paid| *paid != 0);
    account.caps.retain(|_, used| *used != 0);
}

/// A stay whose total is above zero counts one admission.
fn admissions(bill: &Bill) -> u32 {
    u32::from(bill.visit == "inpatient" && bill.lines.iter().map(|line| line.amount_fen).sum::<i64>() > 0)
}

/// The account without this split: the reversal of what `settle` added.
pub fn account_without(account: &Account, split: &Split, bill: &Bill) -> Account {
    let mut account = account.clone();
    split.layers.iter().for_each(|layer| move_accumulators(&mut account, layer, -1));
    account.admissions -= admissions(bill);
    account
}

fn build_split(
    policy: String,
    year: i32,
    pools: BTreeMap<String, i64>,
    layers: Vec<Layer>,
    left: &BTreeMap<String, i64>,
) -> Split {
    let mut payers = BTreeMap::new();
    for layer in &layers {
        *payers.entry(layer.payer.clone()).or_default() += layer.pays;
    }
    Split { policy, year, total: pools.values().sum(), pools, layers, payers, patient: left.values().sum() }
}

/// Asserts that payers and patient pay the total, and that no amount is negative.
fn assert_invariants(bill: &Bill, split: &Split) {
    assert_eq!(split.total, bill.lines.iter().map(|line| line.amount_fen).sum::<i64>());
    assert_eq!(split.total, split.payers.values().sum::<i64>() + split.patient);
    assert!(split.patient >= 0 && split.pools.values().all(|amount| *amount >= 0));
    assert!(split.layers.iter().all(|layer| 0 <= layer.pays && layer.pays <= layer.base));
}
