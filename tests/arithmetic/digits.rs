//! Decimal arithmetic on digits, as by hand, without any code of the engine.

/// A decimal number: digits from the lowest, of which the first `scale` are decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitDecimal {
    pub negative: bool,
    pub digits: Vec<u8>,
    pub scale: usize,
}

impl DigitDecimal {
    pub fn parse(text: &str) -> DigitDecimal {
        let plain = text.trim_start_matches('-');
        let scale = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let digits = plain.bytes().rev().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        DigitDecimal { negative: text.starts_with('-'), digits, scale }
    }

    pub fn from_units(number: i64, scale: usize) -> DigitDecimal {
        DigitDecimal { scale, ..DigitDecimal::parse(&number.to_string()) }
    }

    /// The same number with more decimals.
    pub fn with_scale(&self, scale: usize) -> DigitDecimal {
        let digits = vec![0; scale - self.scale].into_iter().chain(self.digits.iter().copied()).collect();
        DigitDecimal { negative: self.negative, digits, scale }
    }

    pub fn times(&self, other: &DigitDecimal) -> DigitDecimal {
        let mut sums = vec![0u32; self.digits.len() + other.digits.len() + 1];
        for (i, a) in self.digits.iter().enumerate() {
            for (j, b) in other.digits.iter().enumerate() {
                sums[i + j] += u32::from(*a) * u32::from(*b);
            }
        }
        DigitDecimal {
            negative: self.negative != other.negative,
            digits: propagate_carries(&sums),
            scale: self.scale + other.scale,
        }
    }

    pub fn plus(&self, other: &DigitDecimal) -> DigitDecimal {
        let scale = self.scale.max(other.scale);
        let (mut one, mut two) = (self.with_scale(scale), other.with_scale(scale));
        if one.negative == two.negative {
            let width = one.digits.len().max(two.digits.len()) + 1;
            let digit = |number: &DigitDecimal, at: usize| u32::from(number.digits.get(at).copied().unwrap_or(0));
            let sums: Vec<u32> = (0..width).map(|at| digit(&one, at) + digit(&two, at)).collect();
            return DigitDecimal { digits: propagate_carries(&sums), ..one };
        }
        if is_smaller(&one.digits, &two.digits) {
            std::mem::swap(&mut one, &mut two);
        }
        DigitDecimal { digits: subtract(&one.digits, &two.digits), ..one }
    }

    /// Rounds to this many decimals, half away from zero; the highest dropped digit decides.
    pub fn half_up(&self, decimals: usize) -> DigitDecimal {
        let Some(drop) = self.scale.checked_sub(decimals) else { return self.with_scale(decimals) };
        let kept = DigitDecimal {
            negative: self.negative,
            digits: self.digits.iter().skip(drop).copied().collect(),
            scale: decimals,
        };
        let up = drop > 0 && self.digits.get(drop - 1).is_some_and(|digit| *digit >= 5);
        let unit = DigitDecimal { negative: self.negative, digits: vec![u8::from(up)], scale: decimals };
        kept.plus(&unit)
    }

    /// The shortest text of the number.
    pub fn to_text(&self) -> String {
        let width = self.digits.len().max(self.scale + 1);
        let digit = |at: usize| char::from(b'0' + self.digits.get(at).copied().unwrap_or(0));
        let before: String = (self.scale..width).rev().map(digit).collect();
        let decimals: String = (0..self.scale).rev().map(digit).collect();
        let (before, decimals) = (before.trim_start_matches('0'), decimals.trim_end_matches('0'));
        let before = if before.is_empty() { "0" } else { before };
        let point = if decimals.is_empty() { "" } else { "." };
        let sign = if self.negative && !(before == "0" && decimals.is_empty()) { "-" } else { "" };
        format!("{sign}{before}{point}{decimals}")
    }
}

/// Digits from column sums.
fn propagate_carries(sums: &[u32]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits = Vec::new();
    for sum in sums {
        digits.push(((sum + carry) % 10) as u8);
        carry = (sum + carry) / 10;
    }
    assert_eq!(carry, 0, "the last column has room for the carry");
    digits
}

/// Whether the first number is smaller, without signs.
fn is_smaller(one: &[u8], two: &[u8]) -> bool {
    let digit = |number: &[u8], at: usize| number.get(at).copied().unwrap_or(0);
    let differs = (0..one.len().max(two.len())).rev().find(|at| digit(one, *at) != digit(two, *at));
    differs.is_some_and(|at| digit(one, at) < digit(two, at))
}

/// The larger number minus the smaller one.
fn subtract(larger: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut borrowed = 0;
    let mut digits = Vec::new();
    for (at, digit) in larger.iter().enumerate() {
        let less = smaller.get(at).copied().unwrap_or(0) + borrowed;
        borrowed = u8::from(*digit < less);
        digits.push(digit + 10 * borrowed - less);
    }
    digits
}
