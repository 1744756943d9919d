//! Every class of difference and every cause, on each store.

use onestop::domain::ids::EntryId;
use onestop::domain::journal::Instant;
use onestop::domain::money::Money;
use onestop::domain::reconciliation::{
    Amounts, DifferenceCause, DifferenceClass, ListedClaim, Totals, total_differences,
};
use onestop::store::Store;
use onestop::store::memory::MemoryStore;

use super::{Books, causes, day, span};
use crate::support::claims::claim;
use crate::support::ids::id;
use crate::support::redis_server::RedisServer;

macro_rules! on_each_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $test() { super::$test(super::MemoryStore::default()).await; })*
        }
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let place = tempfile::tempdir().expect("a directory");
                let store = onestop::store::embedded::EmbeddedStore::open(
                    place.path(),
                    onestop::store::embedded::Durability::Synced,
                );
                super::$test(store.expect("a store")).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let server = super::RedisServer::shared();
                super::$test(server.store().await).await;
            })*
        }
    };
}

on_each_store! {
    every_difference_is_found_and_classified_with_its_cause,
    what_the_service_itself_exports_agrees_and_the_order_of_rows_does_not_matter,
    sums_count_what_was_in_force_at_the_cutoff,
    a_claim_that_was_settled_again_on_another_day_is_not_said_to_be_reversed,
}

/// The row with this claim.
fn row<'a>(rows: &'a mut [ListedClaim], claim_id: &str) -> &'a mut ListedClaim {
    rows.iter_mut().find(|row| row.claim_id.as_str() == claim_id).unwrap_or_else(|| panic!("no row {claim_id}"))
}

/// Moves so many fen of the bill from the first payer to the patient.
fn shift(amounts: &mut Amounts, fen: i64) {
    amounts.payers[0] -= Money::from_fen(fen);
    amounts.patient = amounts.patient.map(|patient| patient + Money::from_fen(fen));
}

/// Settles claims of four persons: on two days that are compared, one before, and one after the cutoff; and reverses some.
async fn history<S: Store>(store: S) -> Books<S> {
    let mut books = Books::over(store).await;
    let bill = |claim_id: &str, person: &str| claim(claim_id, person, "50000.00");
    books.settle("2017-07-01", bill("before", "P2")).await;
    for claim_id in ["agrees", "bill", "split", "fen", "day", "missing", "twice", "other-id"] {
        books.settle("2017-07-03", bill(claim_id, "P1")).await;
    }
    books.settle("2017-07-03", bill("unlisted-reversed-later", "P2")).await;
    books.settle("2017-07-03", bill("first-of-p3", "P3")).await;
    books.settle("2017-07-03", bill("first-of-p4", "P4")).await;
    books.settle("2017-07-04", bill("earlier-revision", "P3")).await;
    books.settle("2017-07-04", bill("later-revision", "P4")).await;
    books.settle("2017-07-04", bill("reversed-earlier", "P4")).await;
    books.settle("2017-07-04", bill("listed-reversed-later", "P3")).await;
    books.reverse("2017-07-20", &bill("reversed-earlier", "P4")).await;
    books.reverse("2017-07-25", &bill("first-of-p3", "P3")).await;
    books.reverse("2017-08-02", &bill("unlisted-reversed-later", "P2")).await;
    books.reverse("2017-08-03", &bill("listed-reversed-later", "P3")).await;
    books.reverse("2017-08-05", &bill("first-of-p4", "P4")).await;
    books.settle("2017-08-10", bill("after-the-cutoff", "P2")).await;
    books
}

async fn every_difference_is_found_and_classified_with_its_cause<S: Store>(store: S) {
    let books = history(store).await;
    let span = span("2017-07-03", "2017-07-05", "2017-07-31");
    let first_revisions = books.export(&super::span("2017-07-03", "2017-07-05", "2017-07-19")).await;
    let last_revisions = books.export(&super::span("2017-07-03", "2017-07-05", "2017-08-31")).await;
    let mut rows = books.export(&span).await;
    let amounts_of = |rows: &[ListedClaim], claim_id: &str| {
        rows.iter().find(|row| row.claim_id.as_str() == claim_id).expect("a row").amounts.clone()
    };
    rows.retain(|row| !["missing", "unlisted-reversed-later", "first-of-p4"].contains(&row.claim_id.as_str()));
    row(&mut rows, "bill").amounts.total += Money::from_fen(100_000);
    shift(&mut row(&mut rows, "split").amounts, 100_000);
    shift(&mut row(&mut rows, "fen").amounts, -1);
    row(&mut rows, "day").day = Some(day("2017-07-04"));
    row(&mut rows, "other-id").settlement = Some(EntryId([7; 16]));
    row(&mut rows, "earlier-revision").amounts = amounts_of(&first_revisions, "earlier-revision");
    row(&mut rows, "later-revision").amounts = amounts_of(&last_revisions, "later-revision");
    let other =
        |claim_id: &str, settlement, of: &ListedClaim| ListedClaim { claim_id: id(claim_id), settlement, ..of.clone() };
    let agrees = row(&mut rows, "agrees").clone();
    let more = [
        other("twice", None, row(&mut rows, "twice")),
        other("never", None, &agrees),
        other("of-agrees", agrees.settlement, &agrees),
        other("before", None, &agrees),
        other("after-the-cutoff", None, &agrees),
        other("reversed-earlier", None, &agrees),
    ];
    rows.extend(more);
    let other_id = books.export(&span).await;
    let other_id = other_id.iter().find(|row| row.claim_id.as_str() == "other-id").and_then(|row| row.settlement);
    let (found, sums, agreeing) = books.compare(&span, &rows).await;
    let on = |text: &str, at: Instant| assert_eq!(at.china_day(), day(text));
    let wanted = [
        ("after-the-cutoff", DifferenceCause::SettledLater, true),
        ("before", DifferenceCause::DayNotCompared, true),
        ("bill", DifferenceCause::OtherBill, true),
        ("day", DifferenceCause::OtherDay, true),
        ("earlier-revision", DifferenceCause::EarlierRevision(1), true),
        ("fen", DifferenceCause::Rounded, true),
        ("first-of-p4", DifferenceCause::ReversedLater(Instant(0)), false),
        ("later-revision", DifferenceCause::LaterRevision(2), true),
        ("listed-reversed-later", DifferenceCause::ReversedLater(Instant(0)), true),
        ("missing", DifferenceCause::NotListed, false),
        ("never", DifferenceCause::NeverSettled, true),
        ("of-agrees", DifferenceCause::OtherClaim(id("agrees")), true),
        ("other-id", DifferenceCause::NotListed, false),
        ("other-id", DifferenceCause::OtherSettlement(other_id.expect("an id")), true),
        ("reversed-earlier", DifferenceCause::ReversedEarlier(Instant(0)), true),
        ("split", DifferenceCause::OtherSplit, true),
        ("twice", DifferenceCause::Repeated, true),
        ("unlisted-reversed-later", DifferenceCause::ReversedLater(Instant(0)), false),
    ];
    let found_causes: Vec<_> = causes(&found)
        .into_iter()
        .map(|(claim, cause, is_listed)| {
            let cause = match cause {
                DifferenceCause::ReversedLater(at) if claim == "first-of-p4" => {
                    on("2017-08-05", at);
                    DifferenceCause::ReversedLater(Instant(0))
                }
                DifferenceCause::ReversedLater(_) => DifferenceCause::ReversedLater(Instant(0)),
                DifferenceCause::ReversedEarlier(at) => {
                    on("2017-07-20", at);
                    DifferenceCause::ReversedEarlier(Instant(0))
                }
                other => other,
            };
            (claim, cause, is_listed)
        })
        .collect();
    let wanted = wanted.map(|(claim, cause, is_listed)| (claim.to_owned(), cause, is_listed));
    assert_eq!(found_causes, wanted);
    let classes: std::collections::BTreeSet<_> = found.iter().map(|difference| difference.cause.class()).collect();
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), DifferenceClass::ALL);
    assert_eq!((agreeing, sums.here.settlements), (2, Some(13)), "agrees, twice; all settled but two");
    for difference in &found {
        let sentences = difference.sentences();
        assert!(sentences.en.len() > 20 && sentences.zh.chars().count() > 8, "{sentences:?}");
    }
}

async fn what_the_service_itself_exports_agrees_and_the_order_of_rows_does_not_matter<S: Store>(store: S) {
    let books = history(store).await;
    let span = span("2017-07-03", "2017-07-05", "2017-08-31");
    let mut rows = books.export(&span).await;
    assert_eq!(rows.len(), 10);
    let (found, sums, agreeing) = books.compare(&span, &rows).await;
    assert_eq!((causes(&found), agreeing), (Vec::new(), 10));
    assert_eq!(total_differences(&sums.here, &sums.there), []);
    row(&mut rows, "bill").amounts.total += Money::from_fen(1_000);
    row(&mut rows, "missing").claim_id = id("other");
    rows.iter_mut().filter(|row| row.claim_id.as_str() == "split").for_each(|row| row.settlement = None);
    let (found, sums, _) = books.compare(&span, &rows).await;
    rows.reverse();
    rows.rotate_left(3);
    assert_eq!(books.compare(&span, &rows).await, (found, sums, 8));
}

async fn sums_count_what_was_in_force_at_the_cutoff<S: Store>(store: S) {
    let books = history(store).await;
    let settlements = |totals: Option<&Totals>| totals.and_then(|totals| totals.settlements);
    for (cutoff, third, fourth) in [("2017-07-03", 11, None), ("2017-07-19", 11, Some(4)), ("2017-08-31", 8, Some(2))] {
        let span = span("2017-07-03", "2017-07-05", cutoff);
        let days = books.engine.totals_by_day(&span).await.expect("sums");
        let counted = (settlements(days.get(&day("2017-07-03"))), settlements(days.get(&day("2017-07-04"))));
        assert_eq!(counted, (Some(third), fourth), "{cutoff}");
        let (_, sums, _) = books.compare(&span, &[]).await;
        let mut all = Totals::of_payers(2);
        days.values().for_each(|totals| all.add_totals(totals));
        assert_eq!(all, sums.here, "{cutoff}");
        assert_eq!(all.amounts.total, Money::from_fen(5_000_000 * all.settlements.expect("a number") as i64));
    }
}

/// A row without a settlement id names its claim: what counts at the cutoff may be of a day that is not compared.
async fn a_claim_that_was_settled_again_on_another_day_is_not_said_to_be_reversed<S: Store>(store: S) {
    let mut books = Books::over(store).await;
    let bill = claim("again", "P1", "50000.00");
    books.settle("2017-07-03", bill.clone()).await;
    books.reverse("2017-07-10", &bill).await;
    books.settle_again("2017-07-12", bill.clone(), "again-2").await;
    let mut rows = books.export(&span("2017-07-12", "2017-07-13", "2017-07-31")).await;
    row(&mut rows, "again").settlement = None;
    let cause_at = async |books: &Books<S>, cutoff: &str| {
        let (found, ..) = books.compare(&span("2017-07-03", "2017-07-05", cutoff), &rows).await;
        causes(&found)
    };
    let not_compared = vec![("again".to_owned(), DifferenceCause::DayNotCompared, true)];
    assert_eq!(cause_at(&books, "2017-07-31").await, not_compared);
    let reversed = cause_at(&books, "2017-07-11").await;
    assert!(matches!(&reversed[..], [(_, DifferenceCause::ReversedEarlier(_), true)]), "{reversed:?}");
    books.reverse_as("2017-08-02", &bill, "v-again-2").await;
    books.settle_again("2017-08-03", bill.clone(), "again-3").await;
    assert_eq!(cause_at(&books, "2017-07-31").await, not_compared, "the one of that day counted then");
}
