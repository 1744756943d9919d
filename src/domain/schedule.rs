//! The schedule of a layer: what it pays as a function of a cumulative amount.

use super::money::Money;
use super::pools::Pools;
use super::rate::Rate;
use super::share::ShareOfPools;

/// A deductible (起付线).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Deductible {
    /// By the number of admissions counted in the year so far, from 0; the last repeats.
    Amounts(Vec<Money>),
    /// A share of what fell into pools.
    Share(ShareOfPools),
}

impl Deductible {
    /// The deductible after this number of admissions, for what fell into these pools; `None` if it is too large.
    pub fn amount(&self, admissions: u32, pools: &Pools) -> Option<Money> {
        match self {
            Deductible::Amounts(list) => {
                let index = usize::try_from(admissions).unwrap_or(usize::MAX);
                Some(list.get(index).or(list.last()).copied().unwrap_or_default())
            }
            Deductible::Share(share) => share.amount(pools),
        }
    }
}

/// One band of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Band {
    /// The amount at which it ends; the last band is open.
    pub upto: Option<Money>,
    /// The share that is paid.
    pub rate: Rate,
}

/// Bands above a deductible.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// The deductible.
    pub deductible: Deductible,
    /// In ascending order, the last open.
    pub bands: Vec<Band>,
}

/// What one band pays on a cumulative amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BandShare {
    /// The part of the cumulative amount that lies in the band and above the floor.
    pub amount: Money,
    /// `half_up(amount x rate)`.
    pub pay: Money,
}

impl Schedule {
    /// `half_up( max(0, min(c, upto) - max(lower, floor)) x rate )` band by band (`semantics`, section 4.2): what each
    /// pays on the part of a cumulative amount above a floor. `shift` is added to every `upto`.
    pub fn band_shares(&self, cumulative: Money, floor: Money, shift: Money) -> impl Iterator<Item = BandShare> + '_ {
        let mut lower = Money::ZERO;
        self.bands.iter().map(move |band| {
            let upto = band.upto.map(|upto| upto.saturating_add(shift));
            let top = upto.map_or(cumulative, |upto| upto.min(cumulative));
            let amount = (top - lower.max(floor)).at_least_zero();
            lower = upto.unwrap_or(cumulative);
            BandShare { amount, pay: band.rate.share_of(amount) }
        })
    }
}
