//! Sums of settlements, and where those of both sides differ.

use super::{Amounts, Money};

/// Sums of settlements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of settlements; none where it is not stated.
    pub settlements: Option<u64>,
    /// The sums of their amounts.
    pub amounts: Amounts,
}

impl Totals {
    /// No settlements, with the sums of so many payers.
    pub fn of_payers(payers: usize) -> Totals {
        let amounts = Amounts { total: Money::ZERO, patient: Some(Money::ZERO), payers: vec![Money::ZERO; payers] };
        Totals { settlements: Some(0), amounts }
    }

    /// The same figures of no settlements.
    #[must_use]
    pub fn without_settlements(&self) -> Totals {
        let Amounts { patient, payers, .. } = &self.amounts;
        let amounts = Amounts {
            total: Money::ZERO,
            patient: patient.map(|_| Money::ZERO),
            payers: vec![Money::ZERO; payers.len()],
        };
        Totals { settlements: self.settlements.map(|_| 0), amounts }
    }

    /// Adds other sums.
    pub fn add_totals(&mut self, totals: &Totals) {
        self.settlements = self.settlements.zip(totals.settlements).map(|(one, other)| one + other);
        self.add_amounts(&totals.amounts);
    }

    /// Adds a settlement. Sums stop at the greatest amount.
    pub fn add(&mut self, amounts: &Amounts) {
        self.settlements = self.settlements.map(|settlements| settlements + 1);
        self.add_amounts(amounts);
    }

    fn add_amounts(&mut self, amounts: &Amounts) {
        self.amounts.total = self.amounts.total.saturating_add(amounts.total);
        let patients = self.amounts.patient.zip(amounts.patient);
        self.amounts.patient = patients.map(|(sum, patient)| sum.saturating_add(patient));
        for (sum, payer) in self.amounts.payers.iter_mut().zip(&amounts.payers) {
            *sum = sum.saturating_add(*payer);
        }
    }
}

/// A figure of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The number of settlements.
    Settlements,
    /// The bills.
    Total,
    /// The patients' shares.
    Patient,
    /// The amounts of the payer with this number among those compared, from 0.
    Payer(usize),
}

/// A figure that differs: fen, or a number of settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureDifference {
    /// The figure.
    pub figure: Figure,
    /// Here.
    pub here: i64,
    /// There.
    pub there: i64,
}

/// The figures that both sides state and that differ.
pub fn total_differences(here: &Totals, there: &Totals) -> Vec<FigureDifference> {
    let count = |settlements: u64| i64::try_from(settlements).unwrap_or(i64::MAX);
    let settlements = here.settlements.zip(there.settlements);
    let settlements = settlements.map(|(here, there)| (Figure::Settlements, count(here), count(there)));
    let mut amounts = here.amounts.pairs(&there.amounts).map(|(here, there)| (here.fen(), there.fen()));
    let total = amounts.next().map(|(here, there)| (Figure::Total, here, there));
    let states_patient = here.amounts.patient.zip(there.amounts.patient).is_some();
    let patient = amounts.by_ref().take(usize::from(states_patient)).next();
    let patient = patient.map(|(here, there)| (Figure::Patient, here, there));
    let payers = amounts.enumerate().map(|(at, (here, there))| (Figure::Payer(at), here, there));
    let all = settlements.into_iter().chain(total).chain(patient).chain(payers);
    let differing = all.filter(|(_, here, there)| here != there);
    differing.map(|(figure, here, there)| FigureDifference { figure, here, there }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stated_figure_that_differs_is_named() {
        let mut here = Totals::of_payers(2);
        let payers = vec![Money::from_fen(70), Money::from_fen(10)];
        here.add(&Amounts { total: Money::from_fen(100), patient: Some(Money::from_fen(20)), payers });
        let mut there = here.clone();
        assert_eq!(total_differences(&here, &there), []);
        there.amounts.payers[1] = Money::from_fen(9);
        there.settlements = Some(2);
        let difference = |figure, here, there| FigureDifference { figure, here, there };
        let both = [difference(Figure::Settlements, 1, 2), difference(Figure::Payer(1), 10, 9)];
        assert_eq!(total_differences(&here, &there), both);
        (there.settlements, there.amounts.patient) = (None, None);
        assert_eq!(total_differences(&here, &there), [difference(Figure::Payer(1), 10, 9)]);
    }
}
