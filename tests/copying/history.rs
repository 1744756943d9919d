//! Seeded histories: settlements of several persons, hospitals, days and years, reversals, re-adjudications, fences,
//! claims settled again; and what an engine on a copy must answer.

use onestop::domain::claim::RawClaim;
use onestop::domain::content::{RawCorrection, RawReversal};
use onestop::domain::day::Day;
use onestop::domain::ids::{EntryId, RequestId};
use onestop::domain::journal::{Entry, Instant};
use onestop::domain::journal::{Reversal, Settlement};
use onestop::domain::money::Money;
use onestop::engine::correct::CorrectRequest;
use onestop::engine::fence::{Outcome, RequestName};
use onestop::engine::retroactive::ReadjudicateRequest;
use onestop::engine::reverse::{ReverseOutcome, ReverseRequest};
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine};
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;

use crate::support::claims::{claim, day, item};
use crate::support::ids::id;
use crate::support::random::Random;
use crate::support::row;

const HOSPITALS: [&str; 4] = ["H1", "H2", "H3", "H3X"];
const YEARS: [&str; 3] = ["2017", "2018", "2019"];

/// What happened, as callers know it.
pub struct History {
    random: Random,
    number: u64,
    pub settled: Vec<(RawClaim, String, Entry<Settlement>)>,
    pub reversed: Vec<(RawReversal, String, Entry<Reversal>)>,
    pub fenced: Vec<RequestId>,
    /// Retroactive runs that changed something: person, year, request, and the ids of the revisions.
    pub runs: Vec<(String, i32, String, Vec<EntryId>)>,
    /// Imports before retroactive runs.
    pub imports: u64,
    /// What draws the retroactive runs, if there are any.
    run_random: Option<Random>,
    /// Positions among the settled: of those that stand, and of those that were reversed.
    standing: Vec<usize>,
    waiting: Vec<usize>,
}

/// The n-th stamp, six hours after the one before; ids do not follow the order of commits.
pub fn stamp(random: &mut Random, number: u64) -> CommitStamp {
    let drawn = u128::from(random.next()) << 64;
    CommitStamp {
        id: EntryId((drawn | u128::from(number)).to_be_bytes()),
        instant: Instant(number as i64 * 21_600_000_000),
    }
}

fn again(asked: &RawReversal) -> RawReversal {
    RawReversal {
        hospital_id: asked.hospital_id.clone(),
        person_id: asked.person_id.clone(),
        claim_id: asked.claim_id.clone(),
        reason: asked.reason.clone(),
        readjudicate: asked.readjudicate,
    }
}

impl History {
    /// So many things happen on this engine, which has the tables of most tests.
    pub async fn play<S: Store>(engine: &Engine<S>, seed: u64, things: usize) -> History {
        History::play_all(engine, seed, things, None).await
    }

    /// The same with a retroactive run after every few of them.
    pub async fn play_with_runs<S: Store>(engine: &Engine<S>, seed: u64, things: usize) -> History {
        History::play_all(engine, seed, things, Some(Random(!seed))).await
    }

    async fn play_all<S: Store>(engine: &Engine<S>, seed: u64, things: usize, run_random: Option<Random>) -> History {
        let mut history = History {
            random: Random(seed),
            number: 0,
            settled: Vec::new(),
            reversed: Vec::new(),
            fenced: Vec::new(),
            runs: Vec::new(),
            imports: 0,
            run_random,
            standing: Vec::new(),
            waiting: Vec::new(),
        };
        history.go_on(engine, things).await;
        history
    }

    /// So many further things happen.
    pub async fn go_on<S: Store>(&mut self, engine: &Engine<S>, things: usize) {
        for _ in 0..things {
            self.number += 1;
            if self.number == 10 {
                self.administer(engine).await;
            }
            match self.random.below(10) {
                0..=5 => self.settle(engine).await,
                6..=7 => self.reverse(engine).await,
                8 => self.settle_again(engine).await,
                _ => self.fence(engine).await,
            }
            if self.number.is_multiple_of(7)
                && let Some(mut random) = self.run_random.take()
            {
                self.run(engine, &mut random).await;
                self.run_random = Some(random);
            }
        }
    }

    /// What happens from here on has numbers from this one on.
    pub fn number_from(&mut self, number: u64) {
        self.number = number;
    }

    /// When the newest thing happened.
    pub fn now(&self) -> Instant {
        Instant(self.number as i64 * 21_600_000_000)
    }

    /// The book is recorded, and a month is closed.
    async fn administer<S: Store>(&self, engine: &Engine<S>) {
        let next = std::sync::Mutex::new(Random(self.number));
        let stamps = || stamp(&mut next.lock().expect("a stamp"), self.number);
        assert_eq!(engine.put_own_book_in_use(&stamps).await, Ok(Vec::new()));
        engine.close_month("1969-12".parse().expect("a month"), "an operator", &stamps).await.expect("closed");
    }

    async fn settle<S: Store>(&mut self, engine: &Engine<S>) {
        let person = format!("P{}", 1 + self.random.below(4));
        let yuan = format!("{}.{:02}", 1_000 + self.random.below(90_000), self.random.below(100));
        let year = *self.random.pick(&YEARS);
        let raw = RawClaim {
            hospital_id: (*self.random.pick(&HOSPITALS)).into(),
            admitted: day(&format!("{year}-06-08")),
            discharged: day(&format!("{year}-06-15")),
            ..claim(&format!("C{}", self.number), &person, &yuan)
        };
        self.commit(engine, raw).await;
    }

    async fn settle_again<S: Store>(&mut self, engine: &Engine<S>) {
        let Some(position) = self.waiting.pop() else { return };
        let raw = self.settled[position].0.clone();
        self.commit(engine, raw).await;
    }

    async fn commit<S: Store>(&mut self, engine: &Engine<S>, raw: RawClaim) {
        let request_id = format!("s{}", self.number);
        let request = SettleRequest {
            claim: raw.clone(),
            request_id: request_id.clone(),
            quote: None,
            today: onestop::domain::day::Day::LAST,
        };
        let stamp = stamp(&mut self.random, self.number);
        let committed = engine.settle(request, stamp).await.expect("a settlement");
        self.standing.push(self.settled.len());
        self.settled.push((raw, request_id, committed.entry));
    }

    /// Reverses any settlement in force, with readjudication.
    async fn reverse<S: Store>(&mut self, engine: &Engine<S>) {
        if self.standing.is_empty() {
            return;
        }
        let at = self.random.below(self.standing.len());
        let position = self.standing.remove(at);
        let RawClaim { hospital_id, person_id, claim_id, .. } = self.settled[position].0.clone();
        let raw = RawReversal { hospital_id, person_id, claim_id, reason: "a wrong bill".into(), readjudicate: true };
        let request_id = format!("v{}", self.number);
        let request = ReverseRequest { reversal: again(&raw), request_id: request_id.clone(), dry_run: false };
        let stamp = stamp(&mut self.random, self.number);
        let ReverseOutcome { entry, .. } = engine.reverse(request, stamp).await.expect("a reversal");
        self.reversed.push((raw, request_id, entry));
        self.waiting.push(position);
    }

    /// Corrects any settlement in force; the bill was half as much again.
    pub async fn correct<S: Store>(&mut self, engine: &Engine<S>) {
        self.number += 1;
        let at = self.random.below(self.standing.len());
        let position = self.standing.remove(at);
        let mut raw = self.settled[position].0.clone();
        let amount = Money::from_fen(raw.items[0].amount.fen() * 3 / 2).to_string();
        raw.items = vec![item("A", &amount)];
        let correction = RawCorrection { claim: raw.clone(), reason: "a wrong amount".to_owned() };
        let request_id = format!("k{}", self.number);
        let request = CorrectRequest { correction, request_id: request_id.clone(), dry_run: false, today: Day::LAST };
        let stamp = stamp(&mut self.random, self.number);
        let corrected = engine.correct(request, stamp).await.expect("a correction");
        self.standing.push(self.settled.len());
        self.settled.push((raw, request_id, corrected.settlement));
    }

    async fn fence<S: Store>(&mut self, engine: &Engine<S>) {
        let request_id = id::<RequestId>(format!("f{}", self.number));
        let stamp = stamp(&mut self.random, self.number);
        let outcome = engine.fence(&name(&request_id), stamp).await.expect("a fence");
        assert!(matches!(outcome, Outcome::Fenced));
        self.fenced.push(request_id);
    }

    /// Enters a category late, and decides a year of the person again.
    async fn run<S: Store>(&mut self, engine: &Engine<S>, random: &mut Random) {
        let (person_id, year) = (format!("P{}", 1 + random.below(4)), *random.pick(&YEARS));
        let category = *random.pick(&["registered_poor", "destitute", "low_income_edge"]);
        let cells = [&person_id, category, &format!("{year}-05-{:02}", 1 + random.below(28)), ""];
        engine.import(vec![row(ReferenceTable::Categories, &cells)]).await.expect("sound rows");
        self.imports += 1;
        let (benefit_year, request_id) = (year.parse().expect("a year"), format!("r{}", self.number));
        let stamp = stamp(random, self.number);
        let request = run_request(&person_id, benefit_year, &request_id);
        let run = engine.readjudicate_year(request, stamp).await.expect("a run");
        if !run.revisions.is_empty() {
            let revisions = run.revisions.iter().map(|entry| entry.id).collect();
            self.runs.push((person_id, benefit_year, request_id, revisions));
        }
    }

    /// How many of the reversals brought revisions.
    pub fn readjudications(&self) -> usize {
        self.reversed.iter().filter(|(_, _, entry)| !entry.body.revisions.is_empty()).count()
    }

    /// An engine on a copy answers every request as it was answered, and can go on.
    pub async fn goes_on<S: Store>(mut self, engine: &Engine<S>) {
        let late = CommitStamp { id: EntryId([0xff; 16]), instant: Instant(0) };
        for (raw, request_id, entry) in &self.settled {
            let request = SettleRequest {
                claim: raw.clone(),
                request_id: request_id.clone(),
                quote: None,
                today: onestop::domain::day::Day::LAST,
            };
            let replayed = engine.settle(request, late).await.expect("a replay");
            assert!(replayed.replay && replayed.entry == *entry);
        }
        for (raw, request_id, entry) in &self.reversed {
            let request = ReverseRequest { reversal: again(raw), request_id: request_id.clone(), dry_run: false };
            let replayed = engine.reverse(request, late).await.expect("a replay");
            assert!(replayed.replay && replayed.entry == *entry);
        }
        for (person_id, year, request_id, revisions) in &self.runs {
            let replayed = engine.readjudicate_year(run_request(person_id, *year, request_id), late).await;
            let replayed = replayed.expect("a replay");
            assert!(replayed.replay && replayed.revisions.iter().map(|entry| entry.id).eq(revisions.iter().copied()));
        }
        for request_id in &self.fenced {
            assert!(matches!(engine.outcome(&name(request_id)).await, Ok(Outcome::Fenced)));
        }
        let entries = engine.store().entry_count().await.expect("a count");
        self.number += 1;
        self.reverse(engine).await;
        self.number += 1;
        self.settle_again(engine).await;
        self.number += 1;
        self.settle(engine).await;
        assert!(engine.store().entry_count().await.expect("a count") >= entries + 3);
    }
}

fn run_request(person_id: &str, benefit_year: i32, request_id: &str) -> ReadjudicateRequest {
    let (person_id, request_id) = (person_id.to_owned(), request_id.to_owned());
    ReadjudicateRequest { person_id, benefit_year, request_id, dry_run: false }
}

fn name(request_id: &RequestId) -> RequestName {
    RequestName { hospital_id: Some(id("H3")), person_id: id("P1"), request_id: request_id.clone() }
}
