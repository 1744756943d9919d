//! Reads figures: amounts, which may be named or shares of a named amount, and rates.

use std::collections::BTreeMap;

use crate::domain::decimal::{ExactDecimal, ParseDecimalError};
use crate::domain::file_fault::FaultText;
use crate::domain::money::Money;
use crate::domain::rate::parse_share;
use crate::domain::rule::Figure;
use crate::domain::words::{Pool, is_word};

use super::nearest::nearest;
use super::toml_reader::{Lined, TableReader};
use super::value_reader::{WordKind, distinct_words, lined_string, not_a_name};

/// The amounts that a file names in `[figures]`.
#[derive(Default)]
pub(super) struct Figures(BTreeMap<String, Figure>);

/// Which figures a key takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Zero or more.
    NotNegative,
    /// Any, as an operand.
    Any,
}

impl Figures {
    /// The figures of a file.
    pub(super) fn read(root: &TableReader<'_, '_>) -> Figures {
        let mut figures = Figures::default();
        let Some(table) = root.table("figures") else { return figures };
        for key in table.keys() {
            if !is_word(&key.value) {
                table.source().add_fault(key.line, not_a_name("figures", &key.value));
            }
            let Some(text) = table.string_of_any_key(&key.value) else {
                table.source().add_fault(key.line, not_quoted_fault(&key.value));
                continue;
            };
            let figure = figures.amount(&table, &key.value, &Lined { value: text, line: key.line }, Sign::NotNegative);
            figures.0.insert(key.value, figure.unwrap_or(ExactDecimal::ZERO));
        }
        figures
    }

    /// An amount in yuan: decimal, the name of a figure, or a share of one. Another text is recorded as a fault.
    pub(super) fn amount(
        &self,
        table: &TableReader<'_, '_>,
        key: &str,
        text: &Lined<String>,
        sign: Sign,
    ) -> Option<Figure> {
        let figure = match text.value.split_once(" of ") {
            Some((share, name)) => self.share_of(share, name),
            None if is_word(&text.value) => self.named(&text.value),
            None if text.value.ends_with('%') => Err(incomplete_share_fault(&text.value)),
            None => ExactDecimal::parse(&text.value, 2).map_err(|error| unreadable_fault(key, &text.value, error)),
        };
        let figure = figure.and_then(|figure| match sign {
            Sign::NotNegative if figure < ExactDecimal::ZERO => Err(negative_fault(key, &text.value)),
            Sign::NotNegative | Sign::Any => Ok(figure),
        });
        figure.map_err(|fault| table.source().add_fault(text.line, fault)).ok()
    }

    fn share_of(&self, share: &str, name: &str) -> Result<Figure, FaultText> {
        let named = self.named(name.trim())?;
        let rate = parse_rate(share.trim()).map_err(|fault| fault.text("share", share))?;
        let too_long = || FaultText::new("a share of a figure has too many digits", "占比金额的位数过多");
        rate.checked_mul(named).ok_or_else(too_long)
    }

    fn named(&self, name: &str) -> Result<Figure, FaultText> {
        let unknown = || match nearest(name, self.0.keys().map(String::as_str)) {
            Some(meant) => FaultText::new(
                format!("[figures] has no `{name}`; `{meant}` is meant?"),
                format!("[figures] 中没有 `{name}`；是否应为 `{meant}`？"),
            ),
            None => FaultText::new(
                format!("[figures] has no `{name}`, and it is no amount"),
                format!("[figures] 中没有 `{name}`，也不是金额"),
            ),
        };
        self.0.get(name).copied().ok_or_else(unknown)
    }

    /// The amount of a key.
    pub(super) fn key_amount(&self, table: &TableReader<'_, '_>, key: &'static str, sign: Sign) -> Option<Figure> {
        self.amount(table, key, &lined_string(table, key)?, sign)
    }
}

/// An amount as people read it: yuan with two decimals.
pub(super) fn yuan(figure: Figure) -> String {
    Money::from_yuan_half_up(figure).map_or_else(|| figure.to_string(), |amount| amount.to_string())
}

/// A share of what fell into pools: `{ share = "10%", of = ["eligible"] }`.
pub(super) fn read_share_of_pools(
    table: &TableReader<'_, '_>,
    pools: &WordKind<'_, Pool>,
) -> Option<(Figure, Vec<Pool>)> {
    let share = key_rate(table, "share", (ExactDecimal::ZERO, ExactDecimal::ONE));
    let of = distinct_words(table, "of", pools);
    if !table.has("share") {
        table.add_missing("share");
    }
    if !table.has("of") {
        let text = FaultText::new(
            "the share has no `of`: of which pools is it a share?",
            "占比缺少 `of`：应说明占哪些费用池的比例",
        );
        table.source().add_fault(table.line, text);
    }
    table.finish();
    share.zip(of)
}

/// A rate of a key within bounds; a text that is none is recorded as a fault.
pub(super) fn key_rate(
    table: &TableReader<'_, '_>,
    key: &'static str,
    (least, most): (ExactDecimal, ExactDecimal),
) -> Option<Figure> {
    let text = lined_string(table, key)?;
    let rate = parse_rate(&text.value).map_err(|fault| fault.text(key, &text.value));
    let rate = rate.and_then(|rate| {
        let outside = || {
            FaultText::new(
                format!("`{key}` is \"{}\", which is not between 0 and 1 (0% and 100%)", text.value),
                format!("`{key}` 为 \"{}\"，不在 0% 至 100% 之间", text.value),
            )
        };
        if (least..=most).contains(&rate) { Ok(rate) } else { Err(outside()) }
    });
    rate.map_err(|fault| table.source().add_fault(text.line, fault)).ok()
}

/// Why a text is no rate.
pub(super) enum RateFault {
    /// Not a decimal or a percentage.
    Unreadable(ParseDecimalError),
    /// Without % and beyond one.
    WithoutPercent,
}

impl RateFault {
    pub(super) fn text(self, key: &str, text: &str) -> FaultText {
        match self {
            RateFault::Unreadable(error) => unreadable_fault(key, text, error),
            RateFault::WithoutPercent => FaultText::new(
                format!("`{key}` is \"{text}\", which without % is more than the whole; \"{text}%\" is meant?"),
                format!("`{key}` 为 \"{text}\"，未写 % 即超过百分之百；是否应为 \"{text}%\"？"),
            ),
        }
    }
}

/// A rate, or an operand that is added to or set in place of one: without % it is within -1 and 1.
///
/// # Errors
/// If it is not.
pub(super) fn parse_rate(text: &str) -> Result<Figure, RateFault> {
    let rate = parse_share(text).map_err(RateFault::Unreadable)?;
    let one = ExactDecimal::ONE;
    let beyond = rate > one || rate.checked_add(one).is_none_or(|more| more < ExactDecimal::ZERO);
    if beyond && !text.ends_with('%') { Err(RateFault::WithoutPercent) } else { Ok(rate) }
}

/// The fault of a figure that is not written as one.
pub(super) fn unreadable_fault(key: &str, text: &str, error: ParseDecimalError) -> FaultText {
    let zh = match error {
        ParseDecimalError::NotANumber => "应只写半角数字（如 1500 或 80%），不写逗号、元、万".to_owned(),
        ParseDecimalError::TooManyDecimals(most) => format!("小数超过 {most} 位"),
        ParseDecimalError::TooLarge => "过大".to_owned(),
    };
    FaultText::new(format!("`{key}` {error}: \"{text}\""), format!("`{key}` {zh}：\"{text}\""))
}

fn not_quoted_fault(key: &str) -> FaultText {
    FaultText::new(format!("`{key}` is not a text in quotes"), format!("`{key}` 不是加引号的文本"))
}

fn negative_fault(key: &str, text: &str) -> FaultText {
    FaultText::new(format!("`{key}` is negative: \"{text}\""), format!("`{key}` 为负数：\"{text}\""))
}

fn incomplete_share_fault(text: &str) -> FaultText {
    FaultText::new(
        format!("\"{text}\" is a share of what? Write {{ share = \"{text}\", of = [pools] }}, or \"{text} of FIGURE\""),
        format!("\"{text}\" 是什么的比例？应写 {{ share = \"{text}\", of = [费用池] }} 或 \"{text} of 数额名\""),
    )
}
