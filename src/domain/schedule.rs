//! The one primitive of every layer: a function of a cumulative amount.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::rate::Rate;

/// One segment of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Band {
    /// Up to which cumulative amount it runs; the last band is open.
    pub upto: Option<Money>,
    /// What share of it is paid.
    pub rate: Rate,
}

/// What is paid on a cumulative amount, given a deductible.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schedule {
    /// By how many inpatient settlements the year has had: none, one, …; the last serves on.
    pub deductibles: Vec<Money>,
    /// Ascending, the last open.
    pub bands: Vec<Band>,
}

/// What one band gives on a cumulative amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandShare {
    /// The part of the cumulative amount that lies in the band and above the deductible.
    pub amount: Money,
    /// `half_up(amount x rate)`.
    pub pay: Money,
}

impl Schedule {
    /// The deductible (起付线) after so many inpatient settlements of the year.
    pub fn deductible(&self, admissions: u32) -> Money {
        let at = usize::try_from(admissions).unwrap_or(usize::MAX);
        self.deductibles.get(at).or(self.deductibles.last()).copied().unwrap_or_default()
    }

    /// `F(c)`, band by band.
    pub fn shares(&self, cumulative: Money, deductible: Money) -> impl Iterator<Item = BandShare> + '_ {
        let mut below = Money::ZERO;
        self.bands.iter().map(move |band| {
            let top = band.upto.map_or(cumulative, |upto| upto.min(cumulative));
            let amount = (top - below.max(deductible)).or_zero();
            below = band.upto.unwrap_or(cumulative);
            BandShare { amount, pay: band.rate.share_of(amount) }
        })
    }

    /// `F(c)`.
    pub fn pays(&self, cumulative: Money, deductible: Money) -> Money {
        self.shares(cumulative, deductible).map(|share| share.pay).sum()
    }
}
