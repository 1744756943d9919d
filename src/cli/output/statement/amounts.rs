//! Amounts as a statement shows them.

use crate::domain::money::Money;

/// An amount for people: `12,345.67`.
pub fn yuan(fen: i64) -> String {
    let text = Money::from_fen(fen).to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{fraction}")
}

/// An amount for people with its sign: `+12.00`.
pub fn signed(fen: i64) -> String {
    format!("{}{}", if fen > 0 { "+" } else { "" }, yuan(fen))
}
