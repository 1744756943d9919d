//! What clients ask for, drawn from the seed: few persons and few claim numbers, so that calls meet.

use onestop::domain::claim::{Item, RawClaim};
use onestop::domain::content::RawReversal;
use onestop::domain::vocabulary::Visit;

use super::judge::Ask;
use super::world::{claim, line};
use crate::support::random::Random;

const HOSPITALS: [&str; 3] = ["H1", "H3", "H3X"];
const PERSONS: [&str; 4] = ["P1", "P2", "P3", "P4"];

/// Around the end of the year, so that two benefit years and two policies are used.
const DAYS: [&str; 6] = ["2017-11-30", "2017-12-30", "2017-12-31", "2018-01-01", "2018-01-02", "2018-01-02"];

/// Charges in fen, around the places where a schedule or a cap turns.
const CHARGES: [i64; 9] =
    [19_999, 20_000, 100_001, 1_200_000, 2_500_050, 10_000_000, 30_000_000, 55_555_555, 120_000_000];

/// The asks of a run so far, which later ones refer to.
#[derive(Default)]
pub struct Plan {
    settles: Vec<(RawClaim, String)>,
    requests: Vec<Ask>,
    next: u64,
}

impl Plan {
    /// What is asked for next, and whether it must come to an end.
    pub fn ask(&mut self, random: &mut Random) -> Ask {
        let ask = if self.settles.is_empty() { self.settle(random) } else { self.any(random) };
        if let Ask::Settle { claim, request, .. } = &ask {
            self.settles.push((claim.clone(), request.clone()));
        }
        self.requests.push(ask.clone());
        ask
    }

    fn any(&mut self, random: &mut Random) -> Ask {
        let (claim, request) = random.pick(&self.settles).clone();
        let (hospital, person) = (claim.hospital_id.as_str().to_owned(), claim.person_id.as_str().to_owned());
        match random.below(24) {
            0..=8 => self.settle(random),
            // The same claim once more: refused, or settled again after a reversal.
            9..=10 => Ask::Settle { claim, request: self.request(), quote: None },
            11..=13 => self.reverse(claim, random.one_in(2)),
            14..=15 => self.reverse(claim, true),
            16..=17 => random.pick(&self.requests).clone(),
            // The same request with another bill.
            18 => Ask::Settle { claim: RawClaim { items: items(random), ..claim }, request, quote: None },
            // The same claim for another person.
            19 => {
                let person_id = (*random.pick(&PERSONS)).into();
                Ask::Settle { claim: RawClaim { person_id, ..claim }, request: self.request(), quote: None }
            }
            20 => Ask::Fence { hospital, person, request },
            21 => Ask::Outcome { hospital, person, request },
            22 => Ask::Account { person, year: 2017 + i32::from(random.one_in(2)) },
            _ => Ask::Quote { claim },
        }
    }

    /// A request id that none has yet.
    pub fn request(&mut self) -> String {
        self.next += 1;
        format!("r{}", self.next)
    }

    /// Every request so far.
    pub fn requests(&self) -> &[Ask] {
        &self.requests
    }

    fn settle(&mut self, random: &mut Random) -> Ask {
        let (hospital, person) = (*random.pick(&HOSPITALS), *random.pick(&PERSONS));
        let number = if random.one_in(4) { random.below(4) } else { 10 + self.settles.len() };
        let day = *random.pick(&DAYS);
        let mut claim = claim(hospital, person, &format!("C{number}"), day);
        claim.visit =
            Some(if person == "P4" && random.one_in(3) { Visit::OutpatientSerious } else { Visit::Inpatient });
        claim.emergency = random.one_in(4);
        claim.items = items(random);
        Ask::Settle { claim, request: self.request(), quote: None }
    }

    fn reverse(&mut self, claim: RawClaim, readjudicate: bool) -> Ask {
        let told = RawReversal {
            hospital_id: claim.hospital_id,
            person_id: claim.person_id,
            claim_id: claim.claim_id,
            reason: "a wrong bill".to_owned(),
            readjudicate,
        };
        Ask::Reverse { told, request: self.request() }
    }
}

/// A bill of a few lines, now and then with a refund, and rarely with a code that nobody knows.
fn items(random: &mut Random) -> Vec<Item> {
    let mut items: Vec<Item> = (0..1 + random.below(3))
        .map(|_| match random.below(8) {
            0 => line("B10", 3, *random.pick(&CHARGES)),
            1 => line("C", 1, *random.pick(&CHARGES)),
            2 => line("BED", 7, 4_000 + random.below(3_000) as i64),
            3 => line("SD", 1, *random.pick(&CHARGES)),
            _ => line("A", 1, *random.pick(&CHARGES) + random.below(200) as i64),
        })
        .collect();
    if random.one_in(6) {
        let first = items[0].clone();
        items.push(line(first.code.as_str(), -1, first.unit_price.0 / 10_000));
    }
    if random.one_in(30) {
        items.push(line("NOBODY", 1, 100));
    }
    items
}
