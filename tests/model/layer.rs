//! What one layer pays (section 4.2).

use std::collections::BTreeMap;

use super::Account;
use super::fraction::{half_up, integer, yuan_from_fen};
use super::policy::{DeductiblePer, LayerRule};
use super::split::{AppliedCap, Layer};
use super::stay::{Opening, Stay};
use super::terms::{Terms, TermsCap};

/// Adjudicates a layer: draws what it pays from the pools and moves the account and the stay.
pub fn adjudicate_layer(
    rule: &LayerRule,
    terms: &Terms,
    left: &mut BTreeMap<String, i64>,
    account: &mut Account,
    stay: &mut Stay,
) -> Layer {
    let opening = stay.opening(rule);
    let residual: i64 = rule.pools.iter().map(|pool| left[pool]).sum();
    let mut base = half_up(yuan_from_fen(residual) * (integer(1) - terms.prior_self_pay));
    let mut caps = Vec::new();
    for cap in terms.caps.iter().filter(|cap| cap.on_base) {
        let cut = apply_cap(cap, &mut base, account, stay, &mut caps);
        if let Some(overflow) = &cap.overflow {
            *left.get_mut(&rule.pools[0]).expect("a pool") -= cut;
            *left.get_mut(overflow).expect("a pool") += cut;
        }
    }
    let (c0, taken, mut pays) = schedule_payment(rule, terms, base, opening, account);
    for cap in terms.caps.iter().filter(|cap| !cap.on_base) {
        apply_cap(cap, &mut pays, account, stay, &mut caps);
    }
    draw_from_pools(pays, &rule.pools, left);
    stay.add_layer(&rule.id, opening, base, taken);
    for cap in terms.caps.iter().filter(|cap| cap.per_claim) {
        stay.add_use_per_claim(&cap.account, if cap.on_base { base } else { pays });
    }
    let layer = Layer {
        id: rule.id.clone(),
        payer: rule.payer.clone(),
        ledger: rule.ledger.clone(),
        c0,
        base,
        deductible: terms.deductible,
        deductible_taken: taken,
        pays,
        edges: terms.bands.iter().filter_map(|band| band.upto).collect(),
        caps,
    };
    account.add_layer(&layer, 1);
    layer
}

/// Limits an amount, records the cap and returns what it cuts off.
fn apply_cap(cap: &TermsCap, amount: &mut i64, account: &Account, stay: &Stay, caps: &mut Vec<AppliedCap>) -> i64 {
    let used = if cap.per_claim { stay.use_per_claim(&cap.account) } else { account.cap(&cap.account) };
    let allowed = cap.limit.map_or(*amount, |limit| (*amount).min(limit - used).max(0));
    let cut = *amount - allowed;
    *amount = allowed;
    caps.push(AppliedCap {
        account: cap.account.clone(),
        on_base: cap.on_base,
        per_claim: cap.per_claim,
        limit: cap.limit,
        used,
        cut,
    });
    cut
}

/// The cumulative amount before, the deductible taken, and the payment of the schedule.
fn schedule_payment(
    rule: &LayerRule,
    terms: &Terms,
    base: i64,
    opening: Opening,
    account: &Account,
) -> (i64, i64, i64) {
    let (year_base, year_taken) = account.ledger(&rule.ledger);
    let c0 = if rule.yearly { year_base } else { opening.base };
    let c1 = c0 + base;
    let d = terms.deductible;
    let k = match rule.deductible_per {
        DeductiblePer::Year => return (c0, c1.min(d) - c0.min(d), terms.bands_pay(c1, d) - terms.bands_pay(c0, d)),
        DeductiblePer::Credited => year_taken,
        DeductiblePer::Claim => opening.deductible_taken,
    };
    let (t, taken) = (opening.taken_on_stay, base.min((d - k).max(0)));
    if rule.yearly {
        (c0, taken, terms.bands_pay(c1, c0 + taken))
    } else {
        (c0, taken, (terms.bands_pay(c1, t + taken) - terms.bands_pay(c0, t)).clamp(0, base))
    }
}

impl Terms {
    /// The payment of the bands on the part of a cumulative amount that lies above `start`.
    fn bands_pay(&self, cumulative: i64, start: i64) -> i64 {
        let (mut lower, mut pays) = (0, 0);
        for band in &self.bands {
            let top = band.upto.map_or(cumulative, |upto| upto.min(cumulative));
            pays += half_up(yuan_from_fen((top - start.max(lower)).max(0)) * band.rate);
            lower = band.upto.unwrap_or(lower);
        }
        pays
    }
}

fn draw_from_pools(mut pays: i64, pools: &[String], left: &mut BTreeMap<String, i64>) {
    for pool in pools {
        let in_pool = left.get_mut(pool).expect("a pool");
        let part = pays.min(*in_pool);
        *in_pool -= part;
        pays -= part;
    }
    assert_eq!(pays, 0, "a layer pays no more than its pools hold");
}
