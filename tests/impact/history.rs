//! Histories of many persons: stays in parts, several hospitals and categories, reversals that decide later ones again, and
//! retroactive runs; and the claims that remain, in the order in which they are decided.

use std::collections::BTreeMap;

use onestop::domain::claim::{RawClaim, RawContinues};
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::engine::retroactive::ReadjudicateRequest;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::policy::Book;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;

use crate::support::claims::{claim, day};
use crate::support::random::Random;
use crate::support::{import_tables, row, stamp};

const HOSPITALS: [&str; 4] = ["H1", "H2", "H3", "H3X"];
const CATEGORIES: [&str; 3] = ["registered_poor", "destitute", "low_income_edge"];

/// The claims of a person that are in force.
pub type LiveClaims = BTreeMap<String, Vec<RawClaim>>;

/// An engine under a book with the tables of most tests and these further rows.
pub async fn engine_with<S: Store>(store: S, book: Book, rows: Vec<ReferenceRow>) -> Engine<S> {
    let engine = Engine::open(store, book, EngineSettings::default()).await.expect("an engine");
    import_tables(&engine).await;
    engine.import(rows).await.expect("sound rows");
    engine
}

/// The rows of persons `Q0` and so on: half of them hold a category.
pub fn person_rows(persons: usize) -> Vec<ReferenceRow> {
    let mut rows = Vec::new();
    for at in 0..persons {
        let person = format!("Q{at}");
        let region = if at % 7 == 0 { "370200" } else { "370100" };
        rows.push(row(ReferenceTable::Enrolments, &[&person, "2014-01-01", "resident", region, ""]));
        if at % 2 == 0 {
            rows.push(row(ReferenceTable::Categories, &[&person, CATEGORIES[at / 2 % 3], "2014-01-01", ""]));
        }
    }
    rows
}

/// A history being played.
pub struct Played<'e, S> {
    engine: &'e Engine<S>,
    random: Random,
    number: u64,
    live: LiveClaims,
}

/// Plays so many persons, and returns the claims in force of each.
pub async fn play<S: Store>(engine: &Engine<S>, seed: u64, persons: usize) -> LiveClaims {
    play_from(engine, seed, 0, persons).await
}

/// The same of persons from this one on, after those before it were played.
pub async fn play_from<S: Store>(engine: &Engine<S>, seed: u64, first: usize, persons: usize) -> LiveClaims {
    let number = 1_000 * first as u64;
    let mut played = Played { engine, random: Random(seed), number, live: LiveClaims::new() };
    for at in first..first + persons {
        played.play_person(&format!("Q{at}")).await;
    }
    played.live
}

impl<S: Store> Played<'_, S> {
    fn stamp(&mut self, person: &str) -> CommitStamp {
        self.number += 1;
        stamp(self.number << 8).for_person(person)
    }

    async fn play_person(&mut self, person: &str) {
        for number in 0..=self.random.below(4) {
            self.settle(person, number).await;
        }
        match self.random.below(5) {
            0 => self.reverse(person).await,
            1 => self.run(person).await,
            _ => {}
        }
    }

    /// Settles a claim; one in three continues the one before it.
    async fn settle(&mut self, person: &str, number: usize) {
        let before = self.live.get(person).and_then(|live| live.last()).cloned();
        let yuan = format!("{}.{:02}", 500 + self.random.below(120_000), self.random.below(100));
        let (first, last) = (1 + self.random.below(9), 11 + self.random.below(9));
        let month = 3 + number;
        let mut raw = RawClaim {
            hospital_id: (*self.random.pick(&HOSPITALS)).into(),
            admitted: day(&format!("2017-{month:02}-{first:02}")),
            discharged: day(&format!("2017-{month:02}-{last:02}")),
            ..claim(&format!("C{}", self.number), person, &yuan)
        };
        if let Some(before) = before.filter(|_| self.random.below(3) == 0) {
            raw.hospital_id.clone_from(&before.hospital_id);
            raw.admitted = before.discharged;
            raw.continues = Some(RawContinues {
                kind: "interim".to_owned(),
                hospital_id: before.hospital_id.clone(),
                claim_id: before.claim_id.clone(),
            });
        }
        let request_id = format!("s{}", self.number);
        let stamp = self.stamp(person);
        settle_claim(self.engine, raw.clone(), request_id, stamp).await;
        self.live.entry(person.to_owned()).or_default().push(raw);
    }

    async fn reverse(&mut self, person: &str) {
        let stamp = self.stamp(person);
        let Some(live) = self.live.get_mut(person) else { return };
        let RawClaim { hospital_id, person_id, claim_id, .. } = live.remove(0);
        for continuing in live.iter_mut() {
            continuing.continues = continuing.continues.take().filter(|continues| continues.claim_id != claim_id);
        }
        let reversal =
            RawReversal { hospital_id, person_id, claim_id, reason: "a test".to_owned(), readjudicate: true };
        let request = ReverseRequest { reversal, request_id: format!("v{}", self.number), dry_run: false };
        self.engine.reverse(request, stamp).await.expect("a reversal");
    }

    /// Enters a category late, and decides the year again.
    async fn run(&mut self, person: &str) {
        let late = row(ReferenceTable::Categories, &[person, "destitute", "2017-04-15", ""]);
        self.engine.import(vec![late]).await.expect("a sound row");
        let stamp = self.stamp(person);
        let request = ReadjudicateRequest {
            person_id: person.to_owned(),
            benefit_year: 2017,
            request_id: format!("r{}", self.number),
            dry_run: false,
        };
        self.engine.readjudicate_year(request, stamp).await.expect("a run");
    }
}

/// Settles a claim, which must succeed.
pub async fn settle_claim<S: Store>(engine: &Engine<S>, claim: RawClaim, request_id: String, stamp: CommitStamp) {
    let request = SettleRequest { claim, request_id, quote: None, today: Day::LAST };
    engine.settle(request, stamp).await.expect("a settlement");
}
