//! The lists of hospitals' days, in the source's order and under its numbers: the order of commits, which no single
//! chain tells. A page that somebody read of the source goes on in the target.

use std::collections::HashSet;

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
            let first = Place { day: Day::FIRST, number: 0 };
            let (mut from, mut there, mut of_day) = (first, first, (Day::FIRST, HashSet::new()));
            loop {
                let page = self.source.listed(hospital_id, from, Day::LAST, PAGE).await.map_err(NotCopied::source)?;
                self.check(hospital_id, &page, &mut of_day).await?;
                there = self.list(hospital_id, there, &page).await?;
                let Some((last, _)) = page.last() else { break };
                from = behind(*last);
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

    /// Lists what the target lacks of a page, whose first is there at this place or behind it; gives the place behind
    /// the page's last there. What an interrupted copy left there is the beginning of the page.
    async fn list(&self, hospital_id: &HospitalId, from: Place, page: &[Listed]) -> Result<Place, NotCopied> {
        // Where the page is empty, so is the rest of the list there.
        let most = page.len().max(1);
        let read = async || self.target.listed(hospital_id, from, Day::LAST, most).await.map_err(NotCopied::target);
        let mut there = read().await?;
        same(&there, page)?;
        if there.len() < page.len() {
            for of_day in page[there.len()..].chunk_by(|one, other| one.0.day == other.0.day) {
                let ids = of_day.iter().map(|(_, id)| *id).collect();
                let listed = self.target.list(hospital_id, of_day[0].0.day, ids).await;
                listed.map_err(NotCopied::target)?;
            }
            there = read().await?;
            same(&there, page)?;
            if there.len() != page.len() {
                return Err(NotCopied::Differs("a hospital's day lists less than was put there".to_owned()));
            }
        }
        Ok(there.last().map_or(from, |(last, _)| behind(*last)))
    }
}

fn behind(place: Place) -> Place {
    Place { number: place.number + 1, ..place }
}

/// That what is there is the page's beginning; stores of different kinds number places differently.
fn same(there: &[Listed], page: &[Listed]) -> Result<(), NotCopied> {
    let day_and_id = |(place, id): &Listed| (place.day, *id);
    let wanted = page.iter().map(|listed| Some(day_and_id(listed))).chain(std::iter::repeat(None));
    let mut pairs = there.iter().zip(wanted);
    match pairs.find(|(listed, wanted)| Some(day_and_id(listed)) != *wanted) {
        Some(((_, id), _)) => Err(NotCopied::foreign_entry(*id, "is listed at another place of its hospital's day")),
        None => Ok(()),
    }
}
