//! A long list with differences planted in it: each is found and classified, and nothing else is.

use onestop::domain::money::Money;
use onestop::domain::reconciliation::{DifferenceCause, ListedClaim};
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;
use onestop::store::memory::MemoryStore;

use super::{Books, causes, day, span};
use crate::support::claims::claim;
use crate::support::ids::id;
use crate::support::random::Random;
use crate::support::row;

/// Who has the claims.
const PERSONS: usize = 1_000;

/// Plants a difference in a row of the list, by number; gives what is to be found.
fn plant(rows: &mut Vec<ListedClaim>, at: usize, kind: usize) -> (String, DifferenceCause, bool) {
    let claim_id = rows[at].claim_id.as_str().to_owned();
    match kind {
        0 => {
            let mark = format!("gone-{at}");
            // Left out at the end, so that the numbers of the other rows stay.
            rows[at].claim_id = id(&mark);
            (claim_id, DifferenceCause::NotListed, false)
        }
        1 => {
            let never = format!("never-{at}");
            rows.push(ListedClaim { claim_id: id(&never), settlement: None, ..rows[at].clone() });
            (never, DifferenceCause::NeverSettled, true)
        }
        2 => {
            rows[at].amounts.total += Money::from_fen(12_345);
            (claim_id, DifferenceCause::OtherBill, true)
        }
        3 => {
            rows[at].amounts.payers[0] += Money::from_fen(700);
            (claim_id, DifferenceCause::OtherSplit, true)
        }
        4 => {
            rows[at].amounts.payers[0] += Money::from_fen(1);
            (claim_id, DifferenceCause::Rounded, true)
        }
        5 => {
            rows.push(rows[at].clone());
            (claim_id, DifferenceCause::Repeated, true)
        }
        _ => {
            rows[at].day = Some(day("2017-07-04"));
            (claim_id, DifferenceCause::OtherDay, true)
        }
    }
}

fn shuffle<T>(random: &mut Random, all: &mut [T]) {
    (1..all.len()).rev().for_each(|at| all.swap(at, random.below(at + 1)));
}

async fn planted_differences_are_found<S: Store>(store: S, claims: usize, planted: usize) {
    let mut books = Books::over(store).await;
    let enrolment = |person: usize| {
        let cells = [&format!("Q{person}"), "2014-01-01", "resident", "370100", ""];
        row(ReferenceTable::Enrolments, &cells)
    };
    books.engine.import((0..PERSONS).map(enrolment).collect()).await.expect("sound rows");
    for number in 0..claims {
        let person = format!("Q{}", number % PERSONS);
        books.settle("2017-07-03", claim(&format!("ZY{number:07}"), &person, "100.00")).await;
    }
    let span = span("2017-07-03", "2017-07-05", "2017-07-31");
    let mut rows = books.export(&span).await;
    let mut random = Random(17);
    let mut places: Vec<usize> = (0..claims).collect();
    shuffle(&mut random, &mut places);
    let mut wanted: Vec<_> =
        places.into_iter().take(planted).enumerate().map(|(kind, at)| plant(&mut rows, at, kind % 7)).collect();
    rows.retain(|row| !row.claim_id.as_str().starts_with("gone-"));
    shuffle(&mut random, &mut rows);
    let (found, _, agreeing) = books.compare(&span, &rows).await;
    wanted.sort_by(|one, other| (&one.0, one.2).cmp(&(&other.0, other.2)));
    assert_eq!(causes(&found), wanted);
    let differing = wanted.iter().filter(|(_, cause, is_listed)| {
        *is_listed && !matches!(cause, DifferenceCause::NeverSettled | DifferenceCause::Repeated)
    });
    assert_eq!(agreeing, (claims - differing.count() - planted.div_ceil(7)) as u64);
}

#[tokio::test]
async fn five_hundred_planted_differences_among_twenty_thousand_rows_are_found_and_nothing_else() {
    planted_differences_are_found(MemoryStore::default(), 20_000, 500).await;
}
