//! The facts of a claim that the tables decide (section 1), each on the day that counts for it.

use super::vocabulary::Vocabulary;
use super::{
    Bill, CatalogueRow, DatedName, Enrolment, Hospital, HospitalStatus, Line, Person, Refusal, Refusals, Succession,
    covers, longest_prefix, passed,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    pub enrolment: Enrolment,
    pub hospital: HospitalStatus,
    pub categories: Vec<String>,
    /// Whether an approval of care elsewhere holds on the day of admission or of discharge.
    pub cross_region: bool,
    /// The catalogue row of every line; `None` for a code that the catalogue does not hold there on that day.
    pub rows: Vec<Option<CatalogueRow>>,
}

impl Facts {
    /// The facts of a bill, or the faults of hospital and person.
    pub fn look_up(
        bill: &Bill,
        person: &Person,
        hospital: &Hospital,
        catalogue: &[CatalogueRow],
        vocabulary: &Vocabulary,
    ) -> Result<Facts, Refusals> {
        let day = bill.discharged.as_str();
        let status = on_day(&hospital.statuses, day);
        let enrolment = on_day(&person.enrolments, day);
        let approvals = names_on_day(&person.approvals, day);
        let needed = vocabulary.visits[&bill.visit].needs.as_ref();
        let mut faults = Refusals::new();
        if status.is_none() {
            faults.push(Refusal::failed_precondition("HOSPITAL_UNKNOWN"));
        }
        if status.is_some() && !hospital.designated.iter().any(|days| covers(days, day)) {
            faults.push(Refusal::failed_precondition("HOSPITAL_NOT_DESIGNATED"));
        }
        if enrolment.is_none() {
            faults.push(Refusal::failed_precondition("PERSON_NOT_ENROLLED"));
        }
        let filed = |day: &str| names_on_day(&person.approvals, day).iter().any(|kind| kind == "cross_region");
        let is_filed = filed(&bill.admitted) || filed(&bill.discharged);
        let is_approved = |kind: &String| approvals.contains(kind) || kind == "cross_region" && is_filed;
        if enrolment.is_some() && needed.is_some_and(|kind| !is_approved(kind)) {
            faults.push(Refusal::failed_precondition("VISIT_NOT_APPROVED"));
        }
        passed(faults)?;
        let (status, enrolment) = (status.expect("a hospital"), enrolment.expect("an enrolment"));
        Ok(Facts {
            enrolment: enrolment.clone(),
            hospital: status.clone(),
            categories: names_on_day(&person.categories, day),
            cross_region: is_filed,
            rows: bill.lines.iter().map(|line| catalogue_row(line, bill, status, catalogue)).collect(),
        })
    }

    pub(super) fn referral(&self, bill: &Bill) -> &'static str {
        match self.cross_region {
            true => "registered",
            false if bill.emergency => "emergency",
            false => "none",
        }
    }

    /// `county`, `city`, `province` or `elsewhere`; regions of one pooling prefix count as one city.
    pub fn locality(&self, pooling: &[String]) -> &'static str {
        let (hospital, insured) = (&self.hospital.region, &self.enrolment.region);
        let pooled = |prefix: &String| hospital.starts_with(prefix.as_str()) && insured.starts_with(prefix.as_str());
        let agree = |digits: usize| hospital.chars().take(digits).eq(insured.chars().take(digits));
        match () {
            () if agree(6) => "county",
            () if agree(4) || pooling.iter().any(pooled) => "city",
            () if agree(2) => "province",
            () => "elsewhere",
        }
    }
}

impl Person {
    /// The insurance of the person on a day; empty without one.
    pub fn insurance_on(&self, day: &str) -> &str {
        on_day(&self.enrolments, day).map_or("", |enrolment| &enrolment.insurance)
    }
}

/// The row of a line: the longest region prefix among the rows in force on its day.
fn catalogue_row(
    line: &Line,
    bill: &Bill,
    hospital: &HospitalStatus,
    catalogue: &[CatalogueRow],
) -> Option<CatalogueRow> {
    let day = line.day.as_deref().unwrap_or(&bill.discharged);
    let reach = |row: &CatalogueRow| {
        if row.regions.is_empty() { Some(0) } else { longest_prefix(&row.regions, &hospital.region) }
    };
    let rows = catalogue.iter().filter(|row| row.code == line.code);
    let on_day = rows.filter(|row| covers(&(row.from.clone(), row.until.clone()), day));
    on_day.filter(|row| reach(row).is_some()).max_by_key(|row| reach(row)).cloned()
}

/// The row of a succession that holds on this day: without a stated end it ends where the next row begins; a row whose
/// end is its first day is withdrawn, and is no next row either.
fn on_day<'a, T>(rows: &'a Succession<T>, day: &str) -> Option<&'a T> {
    let standing: Vec<_> = rows.iter().filter(|(from, (until, _))| until.is_none() || until != *from).collect();
    let days = |at: usize| {
        let (from, (until, _)) = standing[at];
        let next = standing.get(at + 1).and_then(|(next, _)| (*next).clone());
        (from.clone(), until.clone().or(next))
    };
    (0..standing.len()).find(|at| covers(&days(*at), day)).map(|at| &standing[at].1.1)
}

/// The names whose days include this day.
fn names_on_day(held: &[DatedName], day: &str) -> Vec<String> {
    let on_day = |(_, from, until): &&DatedName| covers(&(from.clone(), until.clone()), day);
    held.iter().filter(on_day).map(|(name, _, _)| name.clone()).collect()
}
