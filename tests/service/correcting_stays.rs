//! Corrections of claims that others continue, or that continue others: the link is kept, and every amount is that of a
//! pocket calculator. At H3 the first 1,000 yuan of the first admission of a year and the first 500 of the second are the
//! patient's; of the rest the basic fund pays 55%.

use onestop::domain::claim::{RawClaim, RawContinues};
use onestop::domain::content::{RawCorrection, RawReversal};
use onestop::domain::day::Day;
use onestop::domain::fault::FaultReason;
use onestop::domain::refusal::ClaimRefusal;
use onestop::domain::split::Split;
use onestop::engine::audit::Audit;
use onestop::engine::correct::{CorrectOutcome, CorrectRequest};
use onestop::engine::reverse::{ReverseOutcome, ReverseRequest};
use onestop::engine::{Engine, EngineError};
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, Scope};

use crate::copying::copy;
use crate::support::claims::{claim, day, item, settle};
use crate::support::ids::id;
use crate::support::{engine, stamp};

/// A stay of P1 at H3.
fn stay(claim_id: &str, admitted: &str, discharged: &str, yuan: &str) -> RawClaim {
    RawClaim {
        admitted: day(admitted),
        discharged: day(discharged),
        items: vec![item("A", yuan)],
        ..claim(claim_id, "P1", yuan)
    }
}

/// The same as a further part of another claim's stay.
fn part_of(earlier: &str, claim: RawClaim) -> RawClaim {
    let continues = RawContinues { kind: "interim".into(), hospital_id: "H3".into(), claim_id: earlier.into() };
    RawClaim { continues: Some(continues), ..claim }
}

fn first_part(yuan: &str) -> RawClaim {
    stay("C1", "2017-06-01", "2017-06-10", yuan)
}

fn second_part(yuan: &str) -> RawClaim {
    part_of("C1", stay("C2", "2017-06-10", "2017-06-20", yuan))
}

/// What the basic fund pays, in fen.
fn basic(split: &Split) -> i64 {
    let layer = split.layers.iter().find(|layer| &*layer.head().id == "basic_inpatient");
    layer.map_or(0, |layer| layer.pays.fen())
}

struct Stays {
    engine: Engine<MemoryStore>,
    stamps: u64,
}

impl Stays {
    /// An engine on which these were settled, with what the basic fund paid of each.
    async fn settled(claims: &[(RawClaim, i64)]) -> Stays {
        let mut stays = Stays { engine: engine(MemoryStore::default()).await, stamps: 100 };
        for (claim, pays) in claims {
            let stamp = stays.stamp();
            let settled = stays.engine.settle(settle(claim.clone()), stamp).await.expect("a settlement");
            assert_eq!(basic(&settled.entry.body.split), *pays, "{}", claim.claim_id);
        }
        stays
    }

    fn stamp(&mut self) -> onestop::engine::CommitStamp {
        self.stamps += 100;
        stamp(self.stamps)
    }

    async fn correct(&mut self, claim: RawClaim) -> Result<CorrectOutcome, EngineError> {
        let stamp = self.stamp();
        let correction = RawCorrection { claim, reason: "录入有误".to_owned() };
        let request_id = format!("K{}", self.stamps);
        self.engine.correct(CorrectRequest { correction, request_id, dry_run: false, today: Day::LAST }, stamp).await
    }

    async fn reverse(&mut self, claim_id: &str, readjudicate: bool) -> Result<ReverseOutcome, EngineError> {
        let stamp = self.stamp();
        let reversal = RawReversal {
            hospital_id: "H3".to_owned(),
            person_id: "P1".to_owned(),
            claim_id: claim_id.to_owned(),
            reason: "a wrong bill".to_owned(),
            readjudicate,
        };
        let request_id = format!("V{}", self.stamps);
        self.engine.reverse(ReverseRequest { reversal, request_id, dry_run: false }, stamp).await
    }

    /// Checks the whole chain, and that a copy of it is the same.
    async fn assert_sound(&self) {
        let seen = self.engine.store().look_up(Scope::of_person(&id("P1"))).await.expect("a read");
        Audit::new(self.engine.store()).verify_person(&seen.state).await.expect("a sound chain");
        let target = MemoryStore::default();
        copy(self.engine.store(), &target).await.expect("a copy");
        let state = target.look_up(Scope::of_person(&id("P1"))).await.expect("a read").state;
        assert_eq!(state, seen.state);
        Audit::new(&target).verify_person(&state).await.expect("a sound copy");
    }
}

/// Claim and amount of each revision.
fn revised(revisions: &[onestop::domain::journal::Entry<onestop::domain::journal::Revision>]) -> Vec<(&str, i64)> {
    revisions.iter().map(|one| (one.body.claim_id.as_str(), basic(&one.body.split))).collect()
}

/// (5000 - 1000) x 55%, 3000 x 55%, and of the second admission (2000 - 500) x 55%.
async fn three_claims() -> Stays {
    Stays::settled(&[
        (first_part("5000.00"), 220_000),
        (second_part("3000.00"), 165_000),
        (stay("C3", "2017-07-01", "2017-07-05", "2000.00"), 82_500),
    ])
    .await
}

#[tokio::test]
async fn a_part_that_continues_a_corrected_claim_is_decided_again_as_a_part_of_the_corrected_stay() {
    let mut stays = three_claims().await;
    let corrected = stays.correct(first_part("600.00")).await.expect("a correction");
    // All 600 are deductible; of the second part 400 more: (3000 - 400) x 55%. As a first part it would be 1,100.00.
    assert_eq!(basic(&corrected.settlement.body.split), 0);
    assert_eq!(revised(&corrected.revisions), [("C2", 143_000), ("C3", 82_500)]);
    let opening = corrected.revisions[0].body.split.opening.as_ref().expect("a link");
    assert_eq!(opening.settlement, corrected.settlement.id);
    assert!(!corrected.revisions[0].body.split.counted_admission && corrected.settlement.body.split.counted_admission);
    assert_eq!(corrected.settlement.body.notices, [], "its own further part is no overlapping stay");
    stays.assert_sound().await;
}

#[tokio::test]
async fn a_corrected_claim_is_reversed_only_with_the_part_that_continues_it_though_that_was_settled_before() {
    let mut stays = three_claims().await;
    stays.correct(first_part("600.00")).await.expect("a correction");
    let refused = stays.reverse("C1", false).await.expect_err("later settlements");
    let EngineError::Refused(ClaimRefusal::LaterSettlements(later)) = refused else { panic!("{refused}") };
    assert_eq!((later.own.len(), later.others), (2, 0));
    let reversed = stays.reverse("C1", true).await.expect("a reversal");
    // Decided as a first part: (3000 - 1000) x 55%.
    assert_eq!(revised(&reversed.revisions), [("C2", 110_000), ("C3", 82_500)]);
    assert!(reversed.revisions[0].body.split.opening.is_none());
    stays.assert_sound().await;
}

#[tokio::test]
async fn a_part_is_decided_after_the_corrected_claim_when_an_earlier_settlement_is_reversed() {
    let mut stays = Stays::settled(&[
        (stay("E", "2017-03-01", "2017-03-05", "1000.00"), 0),
        // The second admission: (5000 - 500) x 55%.
        (first_part("5000.00"), 247_500),
        (second_part("3000.00"), 165_000),
    ])
    .await;
    let corrected = stays.correct(first_part("600.00")).await.expect("a correction");
    // (600 - 500) x 55%, and the second part after a deductible that is taken: 3000 x 55%.
    assert_eq!(basic(&corrected.settlement.body.split), 5_500);
    assert_eq!(revised(&corrected.revisions), [("C2", 165_000)]);
    let reversed = stays.reverse("E", true).await.expect("a reversal");
    // The first admission now: 600 of 1,000 are taken, and 400 by the second part.
    assert_eq!(revised(&reversed.revisions), [("C1", 0), ("C2", 143_000)]);
    stays.assert_sound().await;
}

#[tokio::test]
async fn a_claim_that_continues_another_is_corrected_and_keeps_what_it_continues() {
    let mut stays = three_claims().await;
    let corrected = stays.correct(second_part("4000.00")).await.expect("a correction");
    // 4000 x 55%: the deductible was taken by the first part.
    assert_eq!(basic(&corrected.settlement.body.split), 220_000);
    assert!(corrected.settlement.body.split.opening.is_some());
    assert!(!corrected.settlement.body.split.counted_admission);
    // C3 stays the second admission, for the first part counts the first.
    assert_eq!(revised(&corrected.revisions), [("C3", 82_500)]);
    stays.assert_sound().await;
    // Corrected again, as a stay of its own, which is decided after C3 and so is the third admission: no deductible.
    let alone = stay("C2", "2017-06-10", "2017-06-20", "4000.00");
    let corrected = stays.correct(alone).await.expect("a correction");
    assert_eq!(basic(&corrected.settlement.body.split), 220_000);
    assert!(corrected.settlement.body.split.opening.is_none() && corrected.settlement.body.split.counted_admission);
    stays.assert_sound().await;
}

#[tokio::test]
async fn three_parts_stay_one_stay_when_the_first_or_the_middle_one_is_corrected() {
    let third = part_of("C2", stay("C4", "2017-06-20", "2017-06-25", "1000.00"));
    let mut stays = Stays::settled(&[
        (first_part("500.00"), 0),
        // 500 more are deductible: (1500 - 500) x 55%.
        (second_part("1500.00"), 55_000),
        (third, 55_000),
    ])
    .await;
    let corrected = stays.correct(second_part("300.00")).await.expect("a correction");
    // 500 + 300 are taken; 200 more by the third part: (1000 - 200) x 55%.
    assert_eq!(basic(&corrected.settlement.body.split), 0);
    assert_eq!(revised(&corrected.revisions), [("C4", 44_000)]);
    let corrected = stays.correct(first_part("900.00")).await.expect("a correction");
    // 900 taken; of 300 another 100: 200 x 55%; then 1000 x 55%.
    assert_eq!(basic(&corrected.settlement.body.split), 0);
    assert_eq!(revised(&corrected.revisions), [("C2", 11_000), ("C4", 55_000)]);
    stays.assert_sound().await;
}

#[tokio::test]
async fn a_correction_that_leaves_its_further_part_without_what_it_continues_is_refused() {
    let mut stays = three_claims().await;
    let before = stays.engine.store().fingerprint();
    for (claim, field) in [
        // The second part ends on 20 June.
        (stay("C1", "2017-06-01", "2017-06-25", "5000.00"), "claim"),
        (RawClaim { visit: "maternity".to_owned(), ..first_part("5000.00") }, "claim"),
        // A circle: the second part continues this one.
        (part_of("C2", stay("C1", "2017-06-20", "2017-06-25", "5000.00")), "claim.continues"),
        (part_of("C1", first_part("5000.00")), "claim.continues"),
    ] {
        let refused = stays.correct(claim).await.expect_err("a refusal");
        let EngineError::Refused(ClaimRefusal::NotEligible(faults)) = refused else { panic!("{refused}") };
        let found: Vec<_> = faults.listed().iter().map(|fault| (fault.field.as_str(), fault.reason)).collect();
        assert_eq!(found, [(field, FaultReason::NotContinuable)]);
        assert_eq!(stays.engine.store().fingerprint(), before);
    }
}
