//! The requests of clients, drawn from the seed: few persons and few claim numbers, so that calls conflict.

use onestop::domain::claim::{RawClaim, RawItem};
use onestop::domain::content::RawReversal;

use super::auditor::ClientRequest;
use super::fixtures::{claim, item};
use crate::support::random::Random;

const HOSPITALS: [&str; 3] = ["H1", "H3", "H3X"];
const PERSONS: [&str; 4] = ["P1", "P2", "P3", "P4"];

/// Around the end of the year, so that two benefit years and two policies are used.
const DAYS: [&str; 6] = ["2017-11-30", "2017-12-30", "2017-12-31", "2018-01-01", "2018-01-02", "2018-01-02"];

/// Months that are closed: one that is over, the one that ends in a run, and the one that begins in it.
const MONTHS: [&str; 4] = ["2017-11", "2017-12", "2017-12", "2018-01"];

/// Charges in fen, around the edges of schedules and caps.
const CHARGES: [i64; 9] =
    [19_999, 20_000, 100_001, 1_200_000, 2_500_050, 10_000_000, 30_000_000, 55_555_555, 120_000_000];

/// The requests of a run so far, which later ones refer to.
#[derive(Default)]
pub struct Workload {
    settle_requests: Vec<(RawClaim, String)>,
    requests: Vec<ClientRequest>,
    next_request_id: u64,
}

impl Workload {
    /// Draws the next request.
    pub fn next_request(&mut self, random: &mut Random) -> ClientRequest {
        let next_request =
            if self.settle_requests.is_empty() { self.new_settle(random) } else { self.random_request(random) };
        if let ClientRequest::Settle { claim, request_id, .. } = &next_request {
            self.settle_requests.push((claim.clone(), request_id.clone()));
        }
        self.requests.push(next_request.clone());
        next_request
    }

    fn random_request(&mut self, random: &mut Random) -> ClientRequest {
        let (claim, request_id) = random.pick(&self.settle_requests).clone();
        let (hospital, person) = (claim.hospital_id.as_str().to_owned(), claim.person_id.as_str().to_owned());
        match random.below(26) {
            0..=8 => self.new_settle(random),
            // The same claim under another request id: refused, or settled again after a reversal.
            9..=10 => ClientRequest::Settle { claim, request_id: self.request_id(), quote: None },
            11..=13 => self.new_reverse(claim, random.one_in(2)),
            14..=15 => self.new_reverse(claim, true),
            16..=17 => random.pick(&self.requests).clone(),
            // The same request with another bill.
            18 => ClientRequest::Settle {
                claim: RawClaim { items: random_items(random), ..claim },
                request_id,
                quote: None,
            },
            // The same claim for another person.
            19 => {
                let person_id = (*random.pick(&PERSONS)).into();
                ClientRequest::Settle {
                    claim: RawClaim { person_id, ..claim },
                    request_id: self.request_id(),
                    quote: None,
                }
            }
            20 => ClientRequest::Fence { hospital, person, request_id },
            21 => ClientRequest::Outcome { hospital, person, request_id },
            22 => ClientRequest::Account { person, year: 2017 + i32::from(random.one_in(2)) },
            23 => ClientRequest::Quote { claim },
            _ => ClientRequest::Close { month: random.pick(&MONTHS).parse().expect("a month") },
        }
    }

    /// A request id that is not used yet.
    pub fn request_id(&mut self) -> String {
        self.next_request_id += 1;
        format!("r{}", self.next_request_id)
    }

    /// Every request so far.
    pub fn requests(&self) -> &[ClientRequest] {
        &self.requests
    }

    fn new_settle(&mut self, random: &mut Random) -> ClientRequest {
        let (hospital, person) = (*random.pick(&HOSPITALS), *random.pick(&PERSONS));
        let number = if random.one_in(4) { random.below(4) } else { 10 + self.settle_requests.len() };
        let day = *random.pick(&DAYS);
        let mut claim = claim(hospital, person, &format!("C{number}"), day);
        claim.visit = if person == "P4" && random.one_in(3) { "outpatient_serious" } else { "inpatient" }.to_owned();
        claim.emergency = random.one_in(4);
        claim.items = random_items(random);
        ClientRequest::Settle { claim, request_id: self.request_id(), quote: None }
    }

    fn new_reverse(&mut self, claim: RawClaim, readjudicate: bool) -> ClientRequest {
        let reversal = RawReversal {
            hospital_id: claim.hospital_id,
            person_id: claim.person_id,
            claim_id: claim.claim_id,
            reason: "a wrong bill".to_owned(),
            readjudicate,
        };
        ClientRequest::Reverse { reversal, request_id: self.request_id() }
    }
}

/// A few items, sometimes with a refund, and rarely with an unknown code.
fn random_items(random: &mut Random) -> Vec<RawItem> {
    let mut random_items: Vec<RawItem> = (0..1 + random.below(3))
        .map(|_| match random.below(8) {
            0 => item("B10", 3, *random.pick(&CHARGES)),
            1 => item("C", 1, *random.pick(&CHARGES)),
            2 => item("BED", 7, 4_000 + random.below(3_000) as i64),
            3 => item("SD", 1, *random.pick(&CHARGES)),
            _ => item("A", 1, *random.pick(&CHARGES) + random.below(200) as i64),
        })
        .collect();
    if random.one_in(6) {
        let first = random_items[0].clone();
        random_items.push(item(first.code.as_str(), -1, first.unit_price.0 / 10_000));
    }
    if random.one_in(30) {
        random_items.push(item("NOBODY", 1, 100));
    }
    random_items
}
