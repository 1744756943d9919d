//! The schedule of a layer: what it pays as a function of a cumulative amount.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::rate::Rate;

/// One band of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Band {
    /// The cumulative amount at which it ends; the last band is open.
    pub upto: Option<Money>,
    /// The share that is paid.
    pub rate: Rate,
}

/// Bands above a deductible.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schedule {
    /// By the number of inpatient settlements of the year so far, from 0; the last repeats.
    pub deductibles: Vec<Money>,
    /// In ascending order, the last open.
    pub bands: Vec<Band>,
}

/// What one band pays on a cumulative amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandShare {
    /// The part of the cumulative amount that lies in the band and above the deductible.
    pub amount: Money,
    /// `half_up(amount x rate)`.
    pub pay: Money,
}

impl Schedule {
    /// The deductible (起付线) after this number of inpatient settlements of the year.
    pub fn deductible(&self, admissions: u32) -> Money {
        let index = usize::try_from(admissions).unwrap_or(usize::MAX);
        self.deductibles.get(index).or(self.deductibles.last()).copied().unwrap_or_default()
    }

    /// `F(c)` of `semantics`, section 4.2, band by band.
    pub fn shares(&self, cumulative: Money, deductible: Money) -> impl Iterator<Item = BandShare> + '_ {
        let mut below = Money::ZERO;
        self.bands.iter().map(move |band| {
            let top = band.upto.map_or(cumulative, |upto| upto.min(cumulative));
            let amount = (top - below.max(deductible)).at_least_zero();
            below = band.upto.unwrap_or(cumulative);
            BandShare { amount, pay: band.rate.share_of(amount) }
        })
    }

    /// `F(c)` of `semantics`, section 4.2.
    pub fn pays(&self, cumulative: Money, deductible: Money) -> Money {
        self.shares(cumulative, deductible).map(|share| share.pay).sum()
    }
}
