//! Closed months on generated histories, against a model that follows the order of commits.

use std::collections::HashMap;

use onestop::domain::ids::EntryId;
use onestop::domain::journal::{AdministrationAct, EntryKind, Instant};
use onestop::domain::month::Month;
use onestop::engine::{CommitStamp, Engine};
use onestop::journal::{CommittedEntry, decode_committed};
use onestop::store::JournalStore;
use onestop::store::memory::MemoryStore;
use onestop::store::rows::CommitPosition;
use proptest::prelude::*;

use super::{case_count, check_property};
use crate::closing::reversal;
use crate::support::claims::{claim, settle};
use crate::support::engine;

/// The default number of histories.
const CASES: u32 = 64;

/// What is done, some days after what was done before.
#[derive(Clone, Debug)]
enum Act {
    Settle { person: u8 },
    Reverse { claim: u8 },
    Close { month: u32 },
}

fn acts() -> impl Strategy<Value = Vec<(u32, Act)>> {
    let act = prop_oneof![
        3 => (1u8..4).prop_map(|person| Act::Settle { person }),
        3 => (0u8..12).prop_map(|claim| Act::Reverse { claim }),
        2 => (1u32..13).prop_map(|month| Act::Close { month }),
    ];
    prop::collection::vec((0u32..20, act), 1..40)
}

/// Plays a history; what is refused changes nothing.
async fn play(engine: &Engine<MemoryStore>, acts: &[(u32, Act)]) {
    let (mut micros, mut claims) = (1_484_000_000_000_000i64, Vec::new());
    for (number, (days, act)) in (1u64..).zip(acts) {
        micros += i64::from(*days) * 86_400_000_000 + 1;
        let stamp = CommitStamp { id: EntryId(u128::from(number << 8).to_be_bytes()), instant: Instant(micros) };
        match act {
            Act::Settle { person } => {
                let (claim_id, person) = (format!("C{number}"), format!("P{person}"));
                let request = settle(claim(&claim_id, &person, "50000.00"));
                engine.settle(request, stamp.for_person(&person)).await.expect("a settlement");
                claims.push((claim_id, person));
            }
            Act::Reverse { claim } if !claims.is_empty() => {
                let (claim_id, person) = &claims[usize::from(*claim) % claims.len()];
                let _refused = engine.reverse(reversal(claim_id, person), stamp.for_person(person)).await;
            }
            Act::Reverse { .. } => {}
            Act::Close { month } => {
                let month = Month::from_number(201_700 + month).expect("a month");
                let _refused = engine.close_month(month, "an operator", &|| stamp).await;
            }
        }
    }
}

/// Checks every entry against a model, in the order of commits.
async fn check(store: &MemoryStore) -> Result<(u32, u32), TestCaseError> {
    let page = store.entries_after(CommitPosition::FIRST, 1_000).await.expect("entries");
    let (mut settled, mut closed, mut own, mut moved) = (HashMap::<EntryId, Month>::new(), None::<Month>, 0, 0);
    for stored in page.entries {
        let entry = match decode_committed(&stored.record.expect("a record")).expect("an entry").0 {
            CommittedEntry::Person(entry) => entry,
            CommittedEntry::Administration(entry) => {
                let AdministrationAct::MonthClosing(closing) = entry.act else { continue };
                prop_assert!(closed.is_none_or(|closed| closed.next() == Some(closing.month)), "in order, once");
                prop_assert!(closing.month < entry.committed.china_month(), "over");
                closed = Some(closing.month);
                continue;
            }
        };
        let commit = entry.committed.china_month();
        let settlement = match &entry.body {
            EntryKind::Settlement(_) => {
                settled.insert(entry.id, commit);
                entry.id
            }
            EntryKind::Reversal(reversal) => reversal.settlement,
            EntryKind::Revision(revision) => revision.settlement,
            EntryKind::Fence(_) => continue,
        };
        let of_settlement = settled[&settlement];
        let is_closed = closed.is_some_and(|closed| of_settlement <= closed);
        let expected = if is_closed { commit } else { of_settlement };
        prop_assert_eq!(entry.booking_month(), Some(expected), "{:?}", entry.id);
        prop_assert!(closed.is_none_or(|closed| expected > closed), "nothing is booked in a closed month");
        if is_closed { moved += 1 } else { own += 1 }
    }
    Ok((own, moved))
}

#[test]
fn no_entry_is_booked_in_a_month_that_was_closed_before_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let reached = std::cell::Cell::new((0, 0));
    check_property(case_count(CASES), &acts(), |acts| {
        runtime.block_on(async {
            let engine = engine(MemoryStore::default()).await;
            play(&engine, &acts).await;
            let (own, moved) = check(engine.store()).await?;
            reached.set((reached.get().0 + own, reached.get().1 + moved));
            Ok(())
        })
    });
    let (own, moved) = reached.get();
    assert!(own > 0 && moved > 0, "both cases are reached: {own} and {moved}");
}
