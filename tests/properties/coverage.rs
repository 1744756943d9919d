//! Counts which rules the generated sequences reach; a rule that is never reached fails the test.

use std::collections::BTreeMap;

use onestop::domain::fixed_words::{BenefitYear, CapKind, Locality, Period, Referral};
use onestop::domain::money::Money;
use onestop::domain::schedule::Deductible;
use onestop::domain::split::{CapSplit, LayerSplit};

use super::policies::{CATEGORIES, EntrySpec, LEVELS, LayerSpec, POOLS, VISITS};
use super::policy_text::entry_source;
use super::scenario::{Scenario, Step};

/// How often each rule was reached.
pub struct Coverage(BTreeMap<String, u64>);

/// The rules that do not come from a vocabulary.
const RULES: &[&str] = &[
    "an account is above the cap of the day",
    "a bill of 0.00",
    "a cap filled exactly",
    "a cap lifted",
    "a cap shared by two layers of a claim cut",
    "a code refunded whole",
    "a deductible of the second admission",
    "a deductible of the last admission used for later ones",
    "a deductible taken in part",
    "a layer included by `use` paid",
    "a layer that paid all of its base",
    "a later `for` entry skipped",
    "a price above its ceiling",
    "a quantity that is not whole",
    "a refund line",
    "a schedule by level",
    "a schedule replaced by `for`",
    "a schedule replaced by `when`",
    "a stay across the end of the year",
    "a residual consumed by prior self-pay",
    "amount exactly on the edge of a band",
    "amount exactly on the deductible",
    "amount one fen above the edge of a band",
    "amount one fen below the edge of a band",
    "a rate of 0 in use",
    "a rate of 1 in use",
    "a rate of ten decimals or more in use",
    "a rate rounded up",
    "two `when` entries applied at once",
];

impl Default for Coverage {
    fn default() -> Self {
        let mut lines: Vec<String> = RULES.iter().map(|rule| (*rule).to_owned()).collect();
        let words =
            |kind: &str, words: Vec<&str>| words.iter().map(|word| format!("{kind} {word}")).collect::<Vec<_>>();
        let each = [
            words("cap of kind", CapKind::ALL.iter().map(|kind| kind.as_str()).collect()),
            words("category in an applied `for`:", CATEGORIES.to_vec()),
            words("`when` applied on locality", Locality::ALL.iter().map(|word| word.as_str()).collect()),
            words("`when` applied on referral", Referral::ALL.iter().map(|word| word.as_str()).collect()),
            words("`when` applied on level", LEVELS.to_vec()),
            words("in pool", POOLS.to_vec()),
            words("drawn from pool", POOLS.to_vec()),
            words("visit", VISITS.to_vec()),
            words("paid over period", Period::ALL.iter().map(|period| period.as_str()).collect()),
            words("judged by", BenefitYear::ALL.iter().map(|day| day.as_str()).collect()),
            words("skipped:", vec!["NotInForce", "OtherVisit", "OtherCategory"]),
        ];
        lines.extend(each.into_iter().flatten());
        for figure in ["deductible", "rate", "cap", "prior_self_pay"] {
            lines.extend(["set", "times", "plus"].map(|kind| format!("operation {kind} on {figure}")));
        }
        Coverage(lines.into_iter().map(|line| (line, 0)).collect())
    }
}

impl Coverage {
    /// Prints the counts.
    ///
    /// # Panics
    /// If a rule was never reached.
    pub fn print_and_check(&self) {
        self.0.iter().for_each(|(line, count)| println!("{count:>8}  {line}"));
        let missed: Vec<_> = self.0.iter().filter(|(_, count)| **count == 0).map(|(line, _)| line).collect();
        assert!(missed.is_empty(), "never reached: {missed:?}");
    }

    fn count(&mut self, rule: &str, reached: bool) {
        let times = self.0.get_mut(rule).unwrap_or_else(|| panic!("`{rule}` is a counted rule"));
        *times += u64::from(reached);
    }

    /// Counts the rules that a step reached.
    pub fn step(&mut self, scenario: &Scenario, step: &Step) {
        let (split, claim) = (&step.split, &step.claim);
        self.count(&format!("visit {}", claim.visit), true);
        self.count(&format!("judged by {}", step.policy.rule.benefit_year), true);
        split.skipped.iter().for_each(|layer| self.count(&format!("skipped: {:?}", layer.reason), true));
        self.count("a bill of 0.00", split.total == Money::ZERO);
        self.count("a stay across the end of the year", claim.admitted.year() != claim.discharged.year());
        self.count("a quantity that is not whole", claim.items.iter().any(|item| item.quantity.0 % 10_000 != 0));
        self.count("a refund line", claim.items.iter().any(|item| item.amount < Money::ZERO));
        self.count("a price above its ceiling", split.lines.iter().any(|line| line.over_limit != Money::ZERO));
        let refunded = |code: &onestop::domain::ids::ItemCode| {
            claim.items.iter().any(|item| item.code == *code && item.amount < Money::ZERO)
        };
        let whole = split.codes.iter().any(|code| code.net == Money::ZERO && refunded(&split.entry(code).code));
        self.count("a code refunded whole", whole);
        let filled = split.pools.iter().filter(|(_, sum)| *sum > Money::ZERO);
        filled.for_each(|(pool, _)| self.count(&format!("in pool {pool}"), true));
        for layer in &split.layers {
            let spec: usize = layer.head().id[1..].parse().expect("a layer's number");
            self.layer(layer, step);
            self.terms(&scenario.policy.layers[spec], spec, layer, step);
        }
        self.shared_caps(step);
    }

    fn layer(&mut self, layer: &LayerSplit, step: &Step) {
        let paid = layer.pays > Money::ZERO;
        self.count(&format!("paid over period {}", layer.head().period), paid);
        layer.drawn().for_each(|(pool, part)| self.count(&format!("drawn from pool {pool}"), part > Money::ZERO));
        self.count("a layer that paid all of its base", paid && layer.pays == layer.base);
        let partly = layer.deductible_taken > Money::ZERO && layer.deductible_taken < layer.deductible;
        self.count("a deductible taken in part", partly);
        self.count("amount exactly on the deductible", has_base(layer) && layer.c1 == layer.deductible);
        let (admissions, steps) = (step.before.admissions as usize, deductibles(layer, step));
        self.count("a deductible of the second admission", admissions == 1 && steps > 1);
        self.count("a deductible of the last admission used for later ones", admissions >= steps && steps > 1);
        let prior = layer.terms.prior_self_pay;
        self.count(
            "a residual consumed by prior self-pay",
            prior == onestop::domain::rate::Rate::ONE && layer.residual > Money::ZERO,
        );
        self.bands(layer);
        self.caps(layer);
    }

    fn bands(&mut self, layer: &LayerSplit) {
        for (band, split) in layer.bands() {
            let used = split.after.amount > split.before.amount;
            let above = band.upto.map(|upto| layer.c1.fen() - upto.fen()).filter(|_| has_base(layer));
            self.count("amount exactly on the edge of a band", above == Some(0));
            self.count("amount one fen above the edge of a band", above == Some(1));
            self.count("amount one fen below the edge of a band", above == Some(-1));
            let rate = band.rate.to_string();
            self.count("a rate of 0 in use", used && rate == "0");
            self.count("a rate of 1 in use", used && rate == "1");
            self.count("a rate of ten decimals or more in use", used && rate.len() >= 12);
            let complement = band.rate.complement().share_of(split.after.amount);
            self.count("a rate rounded up", split.after.pay + complement > split.after.amount);
        }
    }

    fn caps(&mut self, layer: &LayerSplit) {
        for (cap, CapSplit { limit, before, cut }) in layer.caps() {
            let amount = layer.amount_of(cap.kind);
            self.count(&format!("cap of kind {}", cap.kind), *cut > Money::ZERO);
            self.count("a cap lifted", limit.is_none() && amount > Money::ZERO);
            let full = *cut == Money::ZERO && amount > Money::ZERO && *limit == Some(*before + amount);
            self.count("a cap filled exactly", full);
            self.count("an account is above the cap of the day", limit.is_some_and(|annual| *before > annual));
        }
    }

    /// Counts the entries that were applied to a layer, recognized by the source that each entry alone cites.
    fn terms(&mut self, spec: &LayerSpec, at: usize, layer: &LayerSplit, step: &Step) {
        let cites = |kind, entry| {
            let (source, cites) = (entry_source(at, kind, entry), &layer.terms.cites);
            cites.iter().any(|cite| cite.source.split_once('#').is_some_and(|(_, key)| key == source))
        };
        self.count("a layer included by `use` paid", spec.drawn && layer.pays > Money::ZERO);
        self.count("a schedule by level", spec.schedule.len() == 3);
        let judged = &step.split.circumstances;
        let mut held = 0;
        let when = spec.when.iter().enumerate().filter(|(entry, _)| cites("when", *entry));
        for (_, (on, change)) in when {
            held += 1;
            self.count(&format!("`when` applied on locality {}", judged.terms.locality), !on.locality.is_empty());
            self.count(&format!("`when` applied on referral {}", judged.terms.referral), !on.referral.is_empty());
            self.count(&format!("`when` applied on level {}", judged.terms.level), !on.level.is_empty());
            self.count("a schedule replaced by `when`", change.schedule.is_some());
            self.operations(change);
        }
        self.count("two `when` entries applied at once", held > 1);
        for (entry, (categories, change)) in spec.for_.iter().enumerate() {
            let names = categories.iter().any(|category| judged.terms.categories.has(&(*category).into()));
            let applied = cites("for", entry);
            self.count("a later `for` entry skipped", names && !applied);
            let applied_for =
                categories.iter().filter(|category| applied && judged.terms.categories.has(&(**category).into()));
            applied_for.for_each(|held| self.count(&format!("category in an applied `for`: {held}"), true));
            self.count("a schedule replaced by `for`", applied && change.schedule.is_some());
            if applied {
                self.operations(change);
            }
        }
    }

    fn operations(&mut self, change: &EntrySpec) {
        let figures = [
            ("deductible", change.deductible),
            ("rate", change.rate),
            ("cap", change.cap),
            ("prior_self_pay", change.prior_self_pay),
        ];
        for (figure, operation) in figures {
            let Some((kind, _)) = operation.filter(|(kind, _)| *kind != "none") else { continue };
            self.count(&format!("operation {kind} on {figure}"), true);
        }
    }

    fn shared_caps(&mut self, step: &Step) {
        let layers = &step.split.layers;
        let cut = layers.iter().enumerate().flat_map(|(at, layer)| {
            let cuts = layer.caps().filter(|(_, split)| split.cut > Money::ZERO);
            cuts.map(move |(cap, _)| (at, cap.account.as_str()))
        });
        let shared_caps = |(at, account): (usize, &str)| {
            let earlier = layers[..at].iter().filter(|layer| layer.pays > Money::ZERO);
            earlier.flat_map(|layer| &layer.terms.caps).any(|cap| cap.account.as_str() == account)
        };
        let reached = cut.into_iter().any(shared_caps);
        self.count("a cap shared by two layers of a claim cut", reached);
    }
}

/// Whether the layer has a base; without one, an amount on an edge is not counted.
fn has_base(layer: &LayerSplit) -> bool {
    layer.base > Money::ZERO
}

/// How many deductibles a layer lists.
fn deductibles(layer: &LayerSplit, step: &Step) -> usize {
    match &step.terms(layer).terms.schedule.deductible {
        Deductible::Amounts(list) => list.len(),
        Deductible::Share(_) => 1,
    }
}
