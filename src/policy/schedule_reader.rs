//! Reads schedules and caps.

use crate::domain::decimal::ExactDecimal;
use crate::domain::file_fault::FaultText;
use crate::domain::fixed_words::CapKind;
use crate::domain::rule::{BandRule, CapRule, DeductibleRule, LimitRule, ScheduleRule, Schedules};

use super::figure_reader::{Sign, key_rate, read_share_of_pools, yuan};
use super::reading::Reading;
use super::toml_reader::{Lined, TableReader};
use super::value_reader::{check_list_length, check_not_empty, fixed, limited_tables, required_name, word};

/// The schedules of a layer or an entry, with the lines of their deductibles, in the order of [`Schedules::iter`].
#[derive(Clone, Debug)]
pub(super) struct SchedulesText {
    /// The schedules.
    pub rule: Schedules,
    /// The line of each deductible, or of its table.
    pub deductible_lines: Vec<usize>,
}

/// A cap with the lines of its keys.
#[derive(Clone, Debug)]
pub(super) struct CapText {
    /// The cap.
    pub rule: CapRule,
    /// The line of its account.
    pub account_line: usize,
    /// The line of its limit.
    pub limit_line: usize,
    /// The line of its overflow.
    pub overflow_line: usize,
}

/// A cap of a layer.
pub(super) fn read_layer_cap(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> CapText {
    let account = required_name(table, "account");
    let kind = word(table, "of", &fixed("kind of cap", "限额类型", CapKind::ALL, CapKind::as_str));
    let kind = kind.unwrap_or(CapKind::Paid);
    let annual = reading.figures.key_amount(table, "annual", Sign::NotNegative).map(LimitRule::Annual);
    let per_claim = read_per_claim(table, reading);
    let account_line = table.line_of("account");
    if table.has("annual") == table.has("per_claim") {
        let text = FaultText::new(
            "a cap has one limit: `annual` or `per_claim`",
            "每个限额恰有一个数额：`annual`（年度）或 `per_claim`（单次）",
        );
        table.source().add_fault(account_line, text);
    }
    let overflow = word(table, "overflow", &reading.pools());
    if table.has("overflow") && kind == CapKind::Paid {
        let text = FaultText::new(
            "`overflow` goes with a cap of kind base: nothing overflows from what is paid",
            "`overflow` 只能用于 of = \"base\" 的限额：已支付的金额不会溢出",
        );
        table.source().add_fault(table.line_of("overflow"), text);
    }
    table.finish();
    CapText {
        rule: CapRule {
            account: account.map(|account| account.value).unwrap_or_default().into(),
            kind,
            limit: annual.or(per_claim).unwrap_or(LimitRule::Annual(ExactDecimal::ZERO)),
            overflow,
        },
        account_line,
        limit_line: table.line_of(if table.has("annual") { "annual" } else { "per_claim" }),
        overflow_line: table.line_of("overflow"),
    }
}

fn read_per_claim(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> Option<LimitRule> {
    if table.is_table("per_claim") {
        let share = read_share_of_pools(&table.table("per_claim")?, &reading.pools());
        return share.map(|(share, of)| LimitRule::ShareOfClaim { share, of });
    }
    reading.figures.key_amount(table, "per_claim", Sign::NotNegative).map(LimitRule::PerClaim)
}

/// The schedules for all levels: `all` alone, or levels by name and `other` for those not named.
pub(super) fn read_schedules(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> SchedulesText {
    let mut text = SchedulesText { rule: Schedules { levels: Vec::new(), other: None }, deductible_lines: Vec::new() };
    let mut other = None;
    let (mut all_line, mut named) = (None, 0);
    for key in table.keys() {
        let Some(one) = table.table_of_any_key(&key.value) else {
            let text = FaultText::new(format!("`{}` is not a table", key.value), format!("`{}` 不是表", key.value));
            table.source().add_fault(key.line, text);
            continue;
        };
        let line = if one.has("deductible") { one.line_of("deductible") } else { one.line };
        match key.value.as_str() {
            "all" | "other" => {
                all_line = if key.value == "all" { Some(one.line) } else { all_line };
                other = Some((read_schedule(&one, reading), line));
            }
            _ => {
                named += 1;
                let level = reading.levels().find(table, &Lined { value: key.value.clone(), line: one.line });
                let schedule = read_schedule(&one, reading);
                if let Some(level) = level {
                    text.rule.levels.push((level, schedule));
                    text.deductible_lines.push(line);
                }
            }
        }
    }
    let known = text.rule.levels.len();
    if let Some(line) = all_line.filter(|_| table.keys().len() > 1) {
        let text = FaultText::new("`all` stands alone, without other levels", "`all` 须单独使用，不与其他等级并列");
        table.source().add_fault(line, text);
    } else if other.is_none() && known == named {
        check_levels(table, reading, &text.rule);
    }
    if let Some((schedule, line)) = other {
        text.rule.other = Some(schedule);
        text.deductible_lines.push(line);
    }
    text
}

/// Without `other`, every level of the vocabulary has a schedule.
fn check_levels(table: &TableReader<'_, '_>, reading: &Reading<'_>, schedules: &Schedules) {
    let left: Vec<_> = reading
        .vocabulary
        .levels
        .iter()
        .map(|(level, _)| level)
        .filter(|level| schedules.at(level).is_none())
        .map(|level| level.as_str())
        .collect();
    if !left.is_empty() {
        let line =
            table.keys().first().and_then(|key| table.table_of_any_key(&key.value)).map_or(table.line, |t| t.line);
        let text = FaultText::new(
            format!("nothing is said for hospitals of level {}: `other` is missing", left.join(", ")),
            format!("未规定等级为 {} 的医疗机构：缺少 `other`", left.join("、")),
        );
        table.source().add_fault(line, text);
    }
}

fn read_schedule(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> ScheduleRule {
    let schedule = ScheduleRule { deductible: read_deductible(table, reading), bands: read_bands(table, reading) };
    table.finish();
    schedule
}

fn read_deductible(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> DeductibleRule {
    let none = || DeductibleRule::Amounts(vec![ExactDecimal::ZERO]);
    if table.is_table("deductible") {
        let share = table.table("deductible").and_then(|inner| read_share_of_pools(&inner, &reading.pools()));
        return share.map_or_else(none, |(share, of)| DeductibleRule::Share { share, of });
    }
    let Some(texts) = check_not_empty(table, "deductible", table.string_or_list("deductible")) else { return none() };
    check_list_length(table, "deductible", &texts);
    let read = |text: &Lined<String>| {
        reading.figures.amount(table, "deductible", text, Sign::NotNegative).unwrap_or(ExactDecimal::ZERO)
    };
    DeductibleRule::Amounts(texts.iter().map(read).collect())
}

fn read_bands(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> Vec<BandRule> {
    let before = table.source().fault_count();
    let tables = limited_tables(table, "bands");
    if tables.is_empty() && table.source().fault_count() == before {
        let text = FaultText::new("`bands` is missing or empty", "缺少 `bands` 或其为空");
        table.source().add_fault(table.line, text);
    }
    let bands: Vec<BandRule> = tables.iter().map(|table| read_band(table, reading)).collect();
    let mut below = ExactDecimal::ZERO;
    for (at, (table, band)) in tables.iter().zip(&bands).enumerate() {
        let last = at + 1 == tables.len();
        if table.has("upto") == last {
            let text = if last {
                FaultText::new("the last band is open: it has no `upto`", "最后一段不设上限：不应有 `upto`")
            } else {
                FaultText::new("only the last band has no `upto`", "只有最后一段没有 `upto`")
            };
            table.source().add_fault(table.line, text);
        } else if let Some(upto) = band.upto.filter(|upto| *upto <= below) {
            let (upto, below) = (yuan(upto), yuan(below));
            let text = FaultText::new(
                format!("a band up to {upto} does not ascend from {below}"),
                format!("分段上限 {upto} 未高于前一段的 {below}"),
            );
            table.source().add_fault(table.line, text);
        }
        below = band.upto.unwrap_or(below);
    }
    bands
}

fn read_band(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> BandRule {
    let upto = reading.figures.key_amount(table, "upto", Sign::NotNegative);
    if !table.has("rate") {
        table.add_missing("rate");
    }
    let rate = key_rate(table, "rate", (ExactDecimal::ZERO, ExactDecimal::ONE));
    table.finish();
    BandRule { upto, rate: rate.unwrap_or(ExactDecimal::ZERO) }
}
