//! StoreCopy of the lists of hospitals, in the source's order: the order of commits, which chains do not contain.

use std::collections::HashSet;

use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId};
use crate::reference::hospital::HospitalRecord;
use crate::store::pages::Pages;
use crate::store::rows::ListPosition;
use crate::store::{JournalStore, Store, StoreError};

use super::super::chain::AuditFinding;
use super::{CopyError, PAGE, Stage, StoreCopy, StoreRole};

type Listed = (ListPosition, EntryId);

/// A day, and its settlements.
type DayList = (Day, HashSet<EntryId>);

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Copies what the target lacks of every list, and checks that each settlement is in exactly one list.
    pub(super) async fn copy_lists(
        &self,
        hospitals: &[(HospitalId, HospitalRecord)],
        settlements: u64,
    ) -> Result<u64, CopyError> {
        let mut listed = 0;
        for (hospital_id, _) in hospitals {
            let of_hospital = self.copy_list(hospital_id, listed, settlements).await?;
            self.check_length(hospital_id, of_hospital).await?;
            listed += of_hospital;
        }
        let message = || format!("the source's hospitals list {listed} settlements, its chains have {settlements}");
        if listed == settlements { Ok(listed) } else { Err(CopyError::Differs(message())) }
    }

    /// Copies what the target lacks of a hospital's list; `before` and `all` are for the progress report.
    async fn copy_list(&self, hospital_id: &HospitalId, before: u64, all: u64) -> Result<u64, CopyError> {
        let (mut pages, mut next) = (Pages::new(PAGE), ListPosition::FIRST);
        let (mut day_list, mut listed) = ((Day::FIRST, HashSet::new()), 0);
        let read = |after, limit| all_settlements(self.source, hospital_id, after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::source)? {
            self.check(hospital_id, &page, &mut day_list).await?;
            for part in page.chunk_by(|one, other| one.0.day == other.0.day) {
                let day = part[0].0.day;
                let from = if next.day == day { next } else { ListPosition { day, number: 0 } };
                next = self.copy_part(hospital_id, from, part).await?;
            }
            listed += page.len() as u64;
            (self.context.progress)(Stage::Lists, before + listed, all);
        }
        Ok(listed)
    }

    /// Checks that the target's list of a hospital is not longer than the source's.
    async fn check_length(&self, hospital_id: &HospitalId, listed: u64) -> Result<(), CopyError> {
        let (mut pages, mut length) = (Pages::new(PAGE), 0);
        let read = |after, limit| all_settlements(self.target, hospital_id, after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::target)? {
            length += page.len() as u64;
            if let Some((_, id)) = page.last().filter(|_| length > listed) {
                return Err(CopyError::foreign_entry(*id, "is not listed in the source"));
            }
        }
        Ok(())
    }

    /// Checks that a page contains settlements of this hospital and their day, each once.
    async fn check(&self, hospital_id: &HospitalId, page: &[Listed], day: &mut DayList) -> Result<(), CopyError> {
        for (position, id) in page {
            if day.0 != position.day {
                *day = (position.day, HashSet::new());
            }
            let entry = self.source.entry(*id).await.map_err(CopyError::source)?;
            let settlement =
                entry.filter(|entry| entry.as_settlement().is_some() && entry.parties().0 == Some(hospital_id));
            let of_this_day = settlement.is_some_and(|entry| entry.committed.china_day() == position.day);
            if !of_this_day || !day.1.insert(*id) {
                let finding = AuditFinding::about_entry(*id, "is in a list where it does not belong");
                return Err(CopyError::Entry(StoreRole::Source, finding));
            }
        }
        Ok(())
    }

    /// Copies what the target lacks of a part of a day that starts at this position of the target; returns the position
    /// after it. The target has the beginning of a day, or all of it.
    async fn copy_part(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        part: &[Listed],
    ) -> Result<ListPosition, CopyError> {
        let read = async || {
            let listed = self.target.hospital_settlements(hospital_id, from, Day::LAST, part.len()).await;
            let listed = listed.map_err(CopyError::target)?;
            Ok::<_, CopyError>(
                listed.into_iter().take_while(|(position, _)| position.day == from.day).collect::<Vec<_>>(),
            )
        };
        let mut listed = read().await?;
        check_prefix(&listed, part)?;
        if listed.len() < part.len() {
            let ids = part[listed.len()..].iter().map(|(_, id)| *id).collect();
            self.target.append_settlements(hospital_id, from.day, ids).await.map_err(CopyError::target)?;
            listed = read().await?;
            check_prefix(&listed, part)?;
        }
        match listed.last() {
            Some((last, _)) if listed.len() == part.len() => Ok(last.next()),
            _ => Err(CopyError::Differs("the list of a hospital's day is shorter than what was appended".to_owned())),
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

/// Checks that the listed settlements are a prefix of the part; stores of different kinds number positions differently.
fn check_prefix(listed: &[Listed], part: &[Listed]) -> Result<(), CopyError> {
    let day_and_id = |(position, id): &Listed| (position.day, *id);
    let expected = part.iter().map(|listed| Some(day_and_id(listed))).chain(std::iter::repeat(None));
    let mut pairs = listed.iter().zip(expected);
    match pairs.find(|(listed, expected)| Some(day_and_id(listed)) != *expected) {
        Some(((_, id), _)) => Err(CopyError::foreign_entry(*id, "is at another position of its hospital's list")),
        None => Ok(()),
    }
}
