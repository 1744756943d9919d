//! Slow arithmetic on decimal digits, as by hand: nothing is shared with the code that it judges.

/// A decimal number as digits, the lowest first, with so many of them behind the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    pub negative: bool,
    pub digits: Vec<u8>,
    pub scale: usize,
}

impl Slow {
    pub fn read(text: &str) -> Slow {
        let plain = text.trim_start_matches('-');
        let scale = plain.split_once('.').map_or(0, |(_, behind)| behind.len());
        let digits = plain.bytes().rev().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        Slow { negative: text.starts_with('-'), digits, scale }
    }

    pub fn units(number: i64, scale: usize) -> Slow {
        Slow { scale, ..Slow::read(&number.to_string()) }
    }

    /// The same number with more digits behind the point.
    pub fn at(&self, scale: usize) -> Slow {
        let digits = vec![0; scale - self.scale].into_iter().chain(self.digits.iter().copied()).collect();
        Slow { negative: self.negative, digits, scale }
    }

    pub fn times(&self, other: &Slow) -> Slow {
        let mut sums = vec![0u32; self.digits.len() + other.digits.len() + 1];
        for (i, a) in self.digits.iter().enumerate() {
            for (j, b) in other.digits.iter().enumerate() {
                sums[i + j] += u32::from(*a) * u32::from(*b);
            }
        }
        Slow { negative: self.negative != other.negative, digits: carried(&sums), scale: self.scale + other.scale }
    }

    pub fn plus(&self, other: &Slow) -> Slow {
        let scale = self.scale.max(other.scale);
        let (mut one, mut two) = (self.at(scale), other.at(scale));
        if one.negative == two.negative {
            let width = one.digits.len().max(two.digits.len()) + 1;
            let digit = |of: &Slow, at: usize| u32::from(of.digits.get(at).copied().unwrap_or(0));
            let sums: Vec<u32> = (0..width).map(|at| digit(&one, at) + digit(&two, at)).collect();
            return Slow { digits: carried(&sums), ..one };
        }
        if smaller(&one.digits, &two.digits) {
            std::mem::swap(&mut one, &mut two);
        }
        Slow { digits: lent(&one.digits, &two.digits), ..one }
    }

    /// To so many decimals, half away from zero: the highest digit dropped decides.
    pub fn half_up(&self, decimals: usize) -> Slow {
        let Some(drop) = self.scale.checked_sub(decimals) else { return self.at(decimals) };
        let kept =
            Slow { negative: self.negative, digits: self.digits.iter().skip(drop).copied().collect(), scale: decimals };
        let up = drop > 0 && self.digits.get(drop - 1).is_some_and(|digit| *digit >= 5);
        let unit = Slow { negative: self.negative, digits: vec![u8::from(up)], scale: decimals };
        kept.plus(&unit)
    }

    /// The shortest text of it.
    pub fn text(&self) -> String {
        let width = self.digits.len().max(self.scale + 1);
        let digit = |at: usize| char::from(b'0' + self.digits.get(at).copied().unwrap_or(0));
        let before: String = (self.scale..width).rev().map(digit).collect();
        let behind: String = (0..self.scale).rev().map(digit).collect();
        let (before, behind) = (before.trim_start_matches('0'), behind.trim_end_matches('0'));
        let before = if before.is_empty() { "0" } else { before };
        let point = if behind.is_empty() { "" } else { "." };
        let sign = if self.negative && !(before == "0" && behind.is_empty()) { "-" } else { "" };
        format!("{sign}{before}{point}{behind}")
    }
}

fn carried(sums: &[u32]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits = Vec::new();
    for sum in sums {
        digits.push(((sum + carry) % 10) as u8);
        carry = (sum + carry) / 10;
    }
    assert_eq!(carry, 0, "there is room for the last carry");
    digits
}

fn smaller(one: &[u8], two: &[u8]) -> bool {
    let digit = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
    let differs = (0..one.len().max(two.len())).rev().find(|at| digit(one, *at) != digit(two, *at));
    differs.is_some_and(|at| digit(one, at) < digit(two, at))
}

/// The larger less the smaller.
fn lent(larger: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut borrowed = 0;
    let mut digits = Vec::new();
    for (at, digit) in larger.iter().enumerate() {
        let less = smaller.get(at).copied().unwrap_or(0) + borrowed;
        borrowed = u8::from(*digit < less);
        digits.push(digit + 10 * borrowed - less);
    }
    digits
}
