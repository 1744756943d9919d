//! The impact as text for people: totals, persons, and the groups that change most.

use crate::cli::output::statement::Lang;
use crate::domain::money::Money;
use crate::engine::impact::{Change, Crossing, Impact, ImpactGroup, PersonChanges};

use super::Compared;
use super::rows::reason_word;

/// The groups that a table shows; the others are in the files.
const GROUPS: usize = 12;

/// The text.
pub(super) fn text(compared: &Compared<'_>) -> String {
    let Impact { total, persons, hospitals, categories, regions, undecided, .. } = compared.impact;
    let mut text = heading(compared);
    text += &amounts(compared, total);
    text += &format!("\n{}\n", persons_text(persons, compared.lang));
    let lang = compared.lang;
    for (title, groups) in [
        (lang.choose("按医疗机构", "by hospital"), hospitals),
        (lang.choose("按人员类别", "by category"), categories),
        (lang.choose("按参保地区", "by insured region"), regions),
    ] {
        text += &groups_text(compared, title, groups.iter().map(|(key, group)| (&**key, group)).collect());
    }
    for (reason, group) in undecided {
        let (word, settlements) = (reason_word(*reason), group.settlements);
        text += &match lang {
            Lang::Zh => format!("\n{settlements} 笔结算按新政策无法作出（{word}），未计入以上各项\n"),
            Lang::En => format!(
                "\n{settlements} settlements cannot be decided under the book ({word}) and are in no sum above\n"
            ),
        };
    }
    text
}

/// What is compared.
pub(super) fn heading(compared: &Compared<'_>) -> String {
    let Impact { total, persons, .. } = compared.impact;
    let (digest, settlements, persons) = (compared.book.digest().to_string(), total.settlements, persons.count());
    let digest = &digest[..16.min(digest.len())];
    match compared.lang {
        Lang::Zh => format!("按政策集 {digest} 重新计算 {persons} 人的 {settlements} 笔结算（未提交任何内容）\n\n"),
        Lang::En => {
            format!(
                "{settlements} settlements of {persons} persons decided again under book {digest}; nothing was committed\n\n"
            )
        }
    }
}

fn amounts(compared: &Compared<'_>, group: &ImpactGroup) -> String {
    let lang = compared.lang;
    let head = [
        lang.choose("支付方", "payer"),
        lang.choose("原", "before"),
        lang.choose("新", "after"),
        lang.choose("差额", "difference"),
    ];
    let row = |name: String, change: Change| {
        [name, change.before.to_string(), change.after.to_string(), signed(change.difference())]
    };
    let payers = group.payers.iter().map(|(payer, change)| row(compared.words.word(payer), *change));
    let patient = row(lang.choose("个人", "patient").to_owned(), group.patient);
    columns(&[vec![head.map(str::to_owned)], payers.chain([patient]).collect()].concat())
}

fn groups_text(compared: &Compared<'_>, title: &str, mut groups: Vec<(&str, &ImpactGroup)>) -> String {
    let lang = compared.lang;
    groups.sort_by_key(|(key, group)| (-group.patient.difference().fen().abs(), *key));
    let more = groups.len().saturating_sub(GROUPS);
    let head = [
        title,
        lang.choose("结算", "settlements"),
        lang.choose("基金等多付", "payers more"),
        lang.choose("个人多付", "patients more"),
    ];
    let row = |(key, group): &(&str, &ImpactGroup)| {
        let payers = group.payers.values().map(|change| change.difference()).sum();
        [group_name(compared, key), group.settlements.to_string(), signed(payers), signed(group.patient.difference())]
    };
    let mut text = "\n".to_owned()
        + &columns(&[vec![head.map(str::to_owned)], groups.iter().take(GROUPS).map(row).collect()].concat());
    if more > 0 {
        text += &match lang {
            Lang::Zh => format!("另有 {more} 项，见 --csv\n"),
            Lang::En => format!("and {more} more: see --csv\n"),
        };
    }
    text
}

/// The name of a group.
pub(super) fn group_name(compared: &Compared<'_>, key: &str) -> String {
    if key.is_empty() { compared.lang.choose("无类别", "no category").to_owned() } else { compared.words.word(key) }
}

/// How many persons gain and lose, and cross a limit.
pub(super) fn persons_text(persons: &PersonChanges, lang: Lang) -> String {
    let PersonChanges { gain, lose, same, capped, past_deductible, .. } = persons;
    let crossing = |Crossing { before_only, after_only, both }: &Crossing| match lang {
        Lang::Zh => {
            format!("原 {}，新 {}（新增 {after_only}，不再 {before_only}）", before_only + both, after_only + both)
        }
        Lang::En => {
            format!(
                "{} before, {} after ({after_only} new, {before_only} no longer)",
                before_only + both,
                after_only + both
            )
        }
    };
    let (capped, past) = (crossing(capped), crossing(past_deductible));
    match lang {
        Lang::Zh => format!("少付 {gain} 人，多付 {lose} 人，不变 {same} 人\n达到封顶线：{capped}\n超过起付线：{past}"),
        Lang::En => format!(
            "{gain} persons pay less, {lose} pay more, {same} the same\nreaching a cap: {capped}\npast a deductible: {past}"
        ),
    }
}

/// An amount with its sign.
pub(super) fn signed(amount: Money) -> String {
    if amount > Money::ZERO { format!("+{amount}") } else { amount.to_string() }
}

/// Columns, the first to the left and the others to the right.
fn columns(rows: &[[String; 4]]) -> String {
    let width = |at: usize| rows.iter().map(|row| shown_width(&row[at])).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let pad = |cell: &str, at: usize| " ".repeat(widths[at] - shown_width(cell));
    let line = |row: &[String; 4]| {
        let first = format!("{}{}", row[0], pad(&row[0], 0));
        let rest: String = (1..4).map(|at| format!("  {}{}", pad(&row[at], at), row[at])).collect();
        format!("{first}{rest}\n")
    };
    rows.iter().map(line).collect()
}

/// The columns that a terminal takes for a text: two for a Chinese character.
fn shown_width(text: &str) -> usize {
    text.chars().map(|character| if character >= '\u{2e80}' { 2 } else { 1 }).sum()
}
