//! Seeded chance: the same seed draws the same. Figures have more than their share of zeros, fives and nines.

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Whether one chance in so many comes.
    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Another chance of its own, which what is drawn here does not move.
    pub fn fork(&mut self) -> Random {
        Random(self.next())
    }

    /// A signed number of any size: as many small ones as large ones.
    pub fn integer(&mut self) -> i64 {
        let size = self.below(64);
        match self.below(40) {
            0 => i64::MAX,
            1 => -i64::MAX,
            _ => (self.next() >> size) as i64 * if self.next() & 1 == 0 { 1 } else { -1 },
        }
    }

    pub fn digits(&mut self, count: usize) -> String {
        let fill = self.below(4);
        let digit = |random: &mut Random| match fill {
            0 => b'0' + [0, 0, 5, 9][random.below(4)],
            _ => b'0' + random.below(10) as u8,
        };
        (0..count).map(|_| char::from(digit(self))).collect()
    }

    /// A decimal text with so many digits before and at most so many after the point.
    pub fn decimal(&mut self, whole: usize, decimals: usize) -> String {
        let sign = if self.below(3) == 0 { "-" } else { "" };
        let (before, fraction) = (1 + self.below(whole), self.below(decimals + 1));
        let (before, fraction) = (self.digits(before), self.digits(fraction));
        if fraction.is_empty() { format!("{sign}{before}") } else { format!("{sign}{before}.{fraction}") }
    }
}
