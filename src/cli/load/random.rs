//! Numbers that a seed decides: the same seed gives the same load everywhere.

use std::f64::consts::TAU;

/// What numbers are drawn for. Each purpose has numbers of its own, so that one more draw for one of them leaves the
/// others as they were.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Attributes of a person.
    Person = 1,
    /// Attributes of a hospital.
    Hospital,
    /// A row of the catalogue.
    Code,
    /// What happens to a claim.
    Course,
    /// The content of a claim.
    Claim,
    /// The instant of an arrival.
    Arrival,
}

/// A generator (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of this seed for this purpose and this number of a person, claim or arrival.
    pub(super) fn new(seed: u64, purpose: Purpose, number: u64) -> Random {
        let mut random = Random(seed ^ (purpose as u64) << 56);
        random.0 = random.next() ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be zero.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number from 0 up to 1, without 1.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True in this many of a thousand draws.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// A number of the standard normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.fraction(), self.fraction());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }

    /// A number around a median; `spread` is the standard deviation of its logarithm.
    pub(super) fn around(&mut self, median: f64, spread: f64) -> f64 {
        median * (spread * self.normal()).exp()
    }

    /// A number below `end`, small ones most often: n is drawn in proportion to (n + 1)^-exponent (the inverse of the
    /// continuous distribution). The exponent is not 1.
    pub(super) fn zipf(&mut self, end: u64, exponent: f64) -> u64 {
        let power = 1.0 - exponent;
        let top = ((end + 1) as f64).powf(power) - 1.0;
        let drawn = (self.fraction() * top + 1.0).powf(1.0 / power) - 1.0;
        (drawn as u64).min(end.saturating_sub(1))
    }
}
