//! The lists of hospitals' days, in the source's order and under its numbers: the order of commits, which no single
//! chain tells. A page that somebody read of the source goes on in the target.

use std::collections::HashSet;

use futures_util::future::try_join_all;

use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId};
use crate::reference::hospital::HospitalRecord;
use crate::store::Store;
use crate::store::rows::Place;

use super::super::chain::Difference;
use super::{Copying, NotCopied, PAGE, Side, Stage};

type Listed = (Place, EntryId);

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
            let (mut from, mut of_day) = (Place { day: Day::FIRST, number: 0 }, (Day::FIRST, HashSet::new()));
            loop {
                let page = self.source.listed(hospital_id, from, Day::LAST, PAGE).await.map_err(NotCopied::source)?;
                self.check(hospital_id, &page, &mut of_day).await?;
                self.list(hospital_id, from, &page).await?;
                let Some((last, _)) = page.last() else { break };
                from = Place { number: last.number + 1, ..*last };
                listed += page.len() as u64;
                (self.outside.progress)(Stage::Lists, listed, settlements);
            }
        }
        let told = || format!("the source's hospitals list {listed} settlements, its chains have {settlements}");
        if listed == settlements { Ok(listed) } else { Err(NotCopied::Differs(told())) }
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
                return Err(NotCopied::Entry(Side::Source, Difference::at(*id, told)));
            }
        }
        Ok(())
    }

    /// Lists what the target lacks of a page that begins here; then its page is the same.
    async fn list(&self, hospital_id: &HospitalId, from: Place, page: &[Listed]) -> Result<(), NotCopied> {
        let read = async || self.target.listed(hospital_id, from, Day::LAST, PAGE).await.map_err(NotCopied::target);
        let there = read().await?;
        let lacking: Vec<Listed> = page.iter().filter(|listed| there.binary_search(listed).is_err()).copied().collect();
        let days = lacking.chunk_by(|one, other| one.0.day == other.0.day);
        let days = days.map(|of_day| {
            let ids = of_day.iter().map(|(_, id)| *id).collect();
            self.target.list(hospital_id, of_day[0].0.day, ids)
        });
        try_join_all(days).await.map_err(NotCopied::target)?;
        let there = if lacking.is_empty() { there } else { read().await? };
        let other = there.iter().find(|listed| page.binary_search(listed).is_err()).or(page.last());
        match other.filter(|_| there != page) {
            Some((_, id)) => Err(NotCopied::foreign_entry(*id, "is listed at another place of its hospital's day")),
            None => Ok(()),
        }
    }
}
