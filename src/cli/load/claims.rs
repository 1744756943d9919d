//! The claims of a load. A claim is computed from the seed and the number of its arrival, whenever it is needed: to send
//! it, and to settle it again in the audit.

use super::population::{CODES, Population};
use super::random::{Purpose, Random};
use crate::domain::claim::{Quantity, RawDate, UnitPrice};
use crate::domain::money::Money;
use crate::grpc::to_proto;
use crate::pb::Date;
use crate::pb::settlement as pb;

/// The year in which every patient is discharged.
pub(super) const YEAR: i32 = 2025;

/// The day of the year on which patients are discharged whose claims are not late: 18 November.
const TODAY: u64 = 322;

/// The number of days up to each month of [`YEAR`].
const DAYS_BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// How large claims are.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimProfile {
    /// As hospitals send them: 60 items at the median, up to 2,000; every kind of visit; quotes, retries, duplicates, late
    /// claims, reversals, and stays in parts
    Hospital,
    /// 20 items, inpatient, each settled once
    Items20,
}

/// What happens to the claim of an arrival after it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Nothing more.
    Settled,
    /// The same request is sent again: the answer must be the same settlement.
    Retried,
    /// The same claim is sent under another request id: it must be refused.
    Duplicated,
    /// It is reversed; later settlements are adjudicated again.
    Reversed,
    /// The stay has a second part, which continues the first.
    InParts,
}

/// A part of the stay of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The whole stay, or its first part.
    First,
    /// The part that continues it.
    Second,
}

/// What is done with an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The person.
    pub(super) person: u64,
    /// What happens to the claim.
    pub(super) course: Course,
    /// Whether a quote is asked for before each settle.
    pub(super) is_quoted: bool,
    /// Whether the patient was discharged long before.
    is_late: bool,
}

/// The claims of a load.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    /// Whose claims.
    pub(super) population: Population,
    /// What the ids of this run's claims have in them, so that another run with the same persons has others.
    pub(super) run: String,
    /// How large they are.
    pub(super) profile: ClaimProfile,
}

impl Claims {
    /// What is done with an arrival.
    pub(super) fn plan(&self, arrival: u64) -> Plan {
        let mut random = Random::new(self.population.seed, Purpose::Course, arrival);
        let person = random.zipf(self.population.persons, 0.6);
        if self.profile == ClaimProfile::Items20 {
            return Plan { person, course: Course::Settled, is_quoted: false, is_late: false };
        }
        let course = match random.below(1_000) {
            0..20 => Course::InParts,
            20..30 => Course::Retried,
            30..35 => Course::Duplicated,
            35..40 => Course::Reversed,
            _ => Course::Settled,
        };
        Plan { person, course, is_quoted: random.chance(600), is_late: random.chance(30) }
    }

    /// The id of a claim, unique within the population.
    pub(super) fn claim_id(&self, arrival: u64, part: Part) -> String {
        format!("{}-{}-C{arrival}-{}", self.population.name, self.run, part as u8)
    }

    /// The arrival and part of a claim's id; none if another load or caller made it.
    pub(super) fn arrival_of_claim_id(&self, claim_id: &str) -> Option<(u64, Part)> {
        let rest = claim_id.strip_prefix(&self.population.name)?.strip_prefix('-')?;
        let rest = rest.strip_prefix(&self.run)?.strip_prefix("-C")?;
        let (arrival, part) = rest.split_once('-')?;
        let part = match part {
            "0" => Part::First,
            "1" => Part::Second,
            _ => return None,
        };
        Some((arrival.parse().ok()?, part))
    }

    /// The claim of an arrival.
    pub(super) fn claim(&self, arrival: u64, part: Part) -> pb::Claim {
        let plan = self.plan(arrival);
        let mut random = Random::new(self.population.seed, Purpose::Claim, arrival);
        let hospital_id = self.population.hospital_id(random.zipf(self.population.hospitals, 0.8));
        let visit = self.visit(&plan, &mut random);
        let (admitted, discharged) = stay(&plan, visit, &mut random);
        let parted = (admitted + discharged) / 2;
        let (admitted, discharged) = match (plan.course, part) {
            (Course::InParts, Part::First) => (admitted, parted),
            (Course::InParts, Part::Second) => (parted, discharged),
            _ => (admitted, discharged),
        };
        let continues = (part == Part::Second).then(|| pb::Continues {
            kind: pb::ContinuesKind::Interim.into(),
            hospital_id: hospital_id.clone(),
            claim_id: self.claim_id(arrival, Part::First),
        });
        // The second part has a bill of its own.
        let mut random = Random::new(self.population.seed, Purpose::Claim, arrival ^ (part as u64) << 63 ^ 1 << 62);
        let items = self.items(&mut random);
        let claim = pb::Claim {
            claim_id: self.claim_id(arrival, part),
            hospital_id,
            person_id: self.population.person_id(plan.person),
            visit: visit.to_owned(),
            emergency: random.chance(80),
            admitted: Some(date(admitted)),
            discharged: Some(date(discharged)),
            total_fen: Some(items.iter().map(|item| item.amount_fen).sum()),
            items,
            diagnosis: Some("I10".to_owned()),
            ..pb::Claim::default()
        };
        pb::Claim { continues, ..claim }
    }

    fn visit(&self, plan: &Plan, random: &mut Random) -> &'static str {
        let person = self.population.person(plan.person);
        if self.profile == ClaimProfile::Items20 || plan.course == Course::InParts {
            return "inpatient";
        }
        match random.below(100) {
            0..55 if person.is_chronic => "outpatient_chronic",
            0..80 if person.is_serious => "outpatient_serious",
            0..4 => "maternity",
            _ => "inpatient",
        }
    }

    fn items(&self, random: &mut Random) -> Vec<pb::Item> {
        let count = match self.profile {
            ClaimProfile::Items20 => 20,
            ClaimProfile::Hospital => random.around(60.0, 0.9).clamp(1.0, 2_000.0) as usize,
        };
        let mut items: Vec<pb::Item> = Vec::with_capacity(count);
        while items.len() < count {
            let refunded = items.last().filter(|item| item.amount_fen > 0 && random.chance(20));
            let refund = refunded.map(|item| pb::Item {
                quantity_e4: -item.quantity_e4,
                amount_fen: -item.amount_fen,
                ..item.clone()
            });
            items.push(refund.unwrap_or_else(|| item(random)));
        }
        items
    }
}

fn item(random: &mut Random) -> pb::Item {
    let quantity_e4 = 10_000 * (1 + random.below(10) as i64);
    let unit_price_micro_yuan = 10_000 * random.around(1_800.0, 1.1).clamp(1.0, 500_000.0) as i64;
    let amount = UnitPrice(unit_price_micro_yuan).times(Quantity(quantity_e4));
    pb::Item {
        code: Population::code(random.zipf(CODES, 0.7)),
        quantity_e4,
        unit_price_micro_yuan,
        amount_fen: amount.map_or(0, Money::fen),
        ..pb::Item::default()
    }
}

/// The days of admission and discharge, as days of [`YEAR`] from 1.
fn stay(plan: &Plan, visit: &str, random: &mut Random) -> (u64, u64) {
    let discharged = if plan.is_late { 40 + random.below(TODAY - 60) } else { TODAY };
    let nights = match visit {
        "inpatient" | "maternity" => random.around(7.0, 0.6).clamp(1.0, 38.0) as u64,
        _ => 0,
    };
    (discharged - nights, discharged)
}

fn date(day: u64) -> Date {
    let month = DAYS_BEFORE_MONTH.iter().rposition(|before| day > *before).unwrap_or(0);
    let day = day - DAYS_BEFORE_MONTH[month];
    to_proto::date(RawDate { year: YEAR, month: month as i32 + 1, day: day as i32 })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn claims(seed: u64) -> Claims {
        let population = Population { seed, name: "T".to_owned(), persons: 10_000, hospitals: 200 };
        Claims { population, run: "1".to_owned(), profile: ClaimProfile::Hospital }
    }

    #[test]
    fn a_seed_gives_the_same_persons_and_claims_and_another_seed_gives_others() {
        let all = |claims: &Claims| (0..200).map(|at| claims.claim(at, Part::First)).collect::<Vec<_>>();
        let rows = |claims: &Claims| (0..200).map(|at| claims.population.rows_of_person(at)).collect::<Vec<_>>();
        let (one, again, other) = (claims(1), claims(1), claims(2));
        assert!(all(&one) == all(&again) && rows(&one) == rows(&again));
        assert!(all(&one) != all(&other) && rows(&one) != rows(&other));
    }

    #[test]
    fn claims_have_sixty_items_at_the_median_and_at_most_two_thousand() {
        let claims = claims(1);
        let mut sizes: Vec<usize> = (0..4_001).map(|at| claims.claim(at, Part::First).items.len()).collect();
        sizes.sort_unstable();
        assert!((55..=65).contains(&sizes[2_000]), "{}", sizes[2_000]);
        assert!((700..=2_000).contains(&sizes[4_000]), "{}", sizes[4_000]);
    }

    #[test]
    fn some_persons_and_hospitals_have_many_claims_and_most_have_few() {
        let claims = claims(1);
        let (mut persons, mut hospitals, mut courses) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for at in 0..10_000 {
            let plan = claims.plan(at);
            *persons.entry(plan.person).or_insert(0) += 1;
            *courses.entry(format!("{:?}", plan.course)).or_insert(0) += 1;
            *hospitals.entry(claims.claim(at, Part::First).hospital_id).or_insert(0) += 1;
        }
        assert!(persons[&0] > 50 && persons.values().filter(|count| **count <= 2).count() > persons.len() / 2);
        assert!(hospitals["T-H0000"] > 600 && hospitals.len() == 200, "{hospitals:?}");
        assert_eq!(courses.len(), 5, "every course is taken: {courses:?}");
    }

    #[test]
    fn a_second_part_continues_the_first_and_an_id_names_its_arrival() {
        let claims = claims(1);
        let at = (0..).find(|at| claims.plan(*at).course == Course::InParts).expect("a stay in parts");
        let (first, second) = (claims.claim(at, Part::First), claims.claim(at, Part::Second));
        assert_eq!(second.continues.as_ref().map(|one| &one.claim_id), Some(&first.claim_id));
        assert_eq!((first.discharged, &first.hospital_id), (second.admitted, &second.hospital_id));
        assert_eq!(claims.arrival_of_claim_id(&second.claim_id), Some((at, Part::Second)));
        assert_eq!(claims.arrival_of_claim_id("T-2-C5-0"), None, "of another run");
    }
}
