//! The lists of hospitals' days, in the source's order and under its numbers: the order of commits, which no single
//! chain tells. A page that somebody read of the source goes on in the target.

use std::collections::HashSet;

use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId};
use crate::reference::hospital::HospitalRecord;
use crate::store::pages::Pages;
use crate::store::rows::ListPosition;
use crate::store::{JournalStore, Store, StoreError};

use super::super::chain::AuditFinding;
use super::{Copying, NotCopied, PAGE, Side, Stage};

type Listed = (ListPosition, EntryId);

/// A day, and what is listed in it.
type OfDay = (Day, HashSet<EntryId>);

impl<S: Store, T: Store> Copying<'_, S, T> {
    /// Lists whatever settlement the target has not listed; each of all is in one list, once.
    pub(super) async fn lists(
        &self,
        hospitals: &[(HospitalId, HospitalRecord)],
        settlements: u64,
    ) -> Result<u64, NotCopied> {
        let mut listed = 0;
        for (hospital_id, _) in hospitals {
            let of_hospital = self.list_all(hospital_id, listed, settlements).await?;
            self.nothing_else(hospital_id, of_hospital).await?;
            listed += of_hospital;
        }
        let told = || format!("the source's hospitals list {listed} settlements, its chains have {settlements}");
        if listed == settlements { Ok(listed) } else { Err(NotCopied::Differs(told())) }
    }

    /// Goes through the source's list of a hospital, and lists what the target lacks of it; `before` and `all` are
    /// for whoever watches.
    async fn list_all(&self, hospital_id: &HospitalId, before: u64, all: u64) -> Result<u64, NotCopied> {
        let (mut pages, mut there) = (Pages::new(PAGE), ListPosition::FIRST);
        let (mut of_day, mut listed) = ((Day::FIRST, HashSet::new()), 0);
        let read = |after, limit| all_settlements(self.source, hospital_id, after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::source)? {
            self.check(hospital_id, &page, &mut of_day).await?;
            for some in page.chunk_by(|one, other| one.0.day == other.0.day) {
                let day = some[0].0.day;
                let begin = if there.day == day { there } else { ListPosition { day, number: 0 } };
                there = self.list(hospital_id, begin, some).await?;
            }
            listed += page.len() as u64;
            (self.outside.progress)(Stage::Lists, before + listed, all);
        }
        Ok(listed)
    }

    /// The target lists no more of a hospital than the source.
    async fn nothing_else(&self, hospital_id: &HospitalId, listed: u64) -> Result<(), NotCopied> {
        let (mut pages, mut there) = (Pages::new(PAGE), 0);
        let read = |after, limit| all_settlements(self.target, hospital_id, after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::target)? {
            there += page.len() as u64;
            if let Some((_, id)) = page.last().filter(|_| there > listed) {
                return Err(NotCopied::foreign_entry(*id, "is not listed in the source"));
            }
        }
        Ok(())
    }

    /// What is listed is a settlement of this hospital and day, and not twice.
    async fn check(&self, hospital_id: &HospitalId, page: &[Listed], of_day: &mut OfDay) -> Result<(), NotCopied> {
        for (place, id) in page {
            if of_day.0 != place.day {
                *of_day = (place.day, HashSet::new());
            }
            let entry = self.source.entry(*id).await.map_err(NotCopied::source)?;
            let settlement = entry.filter(|entry| entry.settled().is_some() && entry.parties().0 == hospital_id);
            let of_this_day = settlement.is_some_and(|entry| entry.committed.china_day() == place.day);
            if !of_this_day || !of_day.1.insert(*id) {
                let told = "is listed where it does not belong";
                return Err(NotCopied::Entry(Side::Source, AuditFinding::at(*id, told)));
            }
        }
        Ok(())
    }

    /// Lists what the target lacks of a part of a day, whose first is there at this place or behind it; gives the place
    /// behind its last there. What the target has of a day is the beginning of it.
    async fn list(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        some: &[Listed],
    ) -> Result<ListPosition, NotCopied> {
        let read = async || {
            let there = self.target.hospital_settlements(hospital_id, from, Day::LAST, some.len()).await;
            let there = there.map_err(NotCopied::target)?;
            Ok::<_, NotCopied>(there.into_iter().take_while(|(place, _)| place.day == from.day).collect::<Vec<_>>())
        };
        let mut there = read().await?;
        same(&there, some)?;
        if there.len() < some.len() {
            let ids = some[there.len()..].iter().map(|(_, id)| *id).collect();
            self.target.append_settlements(hospital_id, from.day, ids).await.map_err(NotCopied::target)?;
            there = read().await?;
            same(&there, some)?;
        }
        match there.last() {
            Some((last, _)) if there.len() == some.len() => Ok(last.next()),
            _ => Err(NotCopied::Differs("a hospital's day lists less than was put there".to_owned())),
        }
    }
}

/// Up to `limit` settlements of a hospital on any day, after a position.
async fn all_settlements<S: JournalStore>(
    store: &S,
    hospital_id: &HospitalId,
    after: Option<ListPosition>,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    let from = after.map_or(ListPosition::FIRST, ListPosition::next);
    store.hospital_settlements(hospital_id, from, Day::LAST, limit).await
}

/// That what is there is the beginning of it; stores of different kinds number places differently.
fn same(there: &[Listed], some: &[Listed]) -> Result<(), NotCopied> {
    let day_and_id = |(place, id): &Listed| (place.day, *id);
    let wanted = some.iter().map(|listed| Some(day_and_id(listed))).chain(std::iter::repeat(None));
    let mut pairs = there.iter().zip(wanted);
    match pairs.find(|(listed, wanted)| Some(day_and_id(listed)) != *wanted) {
        Some(((_, id), _)) => Err(NotCopied::foreign_entry(*id, "is listed at another place of its hospital's day")),
        None => Ok(()),
    }
}
