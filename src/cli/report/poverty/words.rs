//! The words of the statistics in both languages.

use crate::cli::output::statement::Lang;

use super::Statistics;

/// A share in thousandths as a percentage; a dash where there is none.
pub(super) fn percent(share: Option<i64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{}.{}%", share / 10, share % 10))
}

/// A region, or a dash if it is not known.
pub(super) fn region(code: &str) -> String {
    if code.is_empty() { "–".to_owned() } else { code.to_owned() }
}

/// The headings of the measures, in the order of [`super::text::cells`].
pub(super) fn headings(statistics: &Statistics) -> Vec<String> {
    let lang = statistics.lang;
    let mut headings: Vec<String> = MEASURES.iter().map(|(zh, en)| lang.choose(*zh, *en).to_owned()).collect();
    headings.extend(statistics.question.thresholds.iter().map(|threshold| above(lang, &threshold.to_string())));
    headings.extend(LAST.iter().map(|(zh, en)| lang.choose(*zh, *en).to_owned()));
    headings
}

/// Persons who paid more than a threshold.
pub(super) fn above(lang: Lang, threshold: &str) -> String {
    let whole = threshold.strip_suffix(".00").unwrap_or(threshold);
    match lang {
        Lang::Zh => format!("自付超{whole}元人数"),
        Lang::En => format!("paid over {whole}"),
    }
}

const MEASURES: [(&str, &str); 7] = [
    ("登记人数", "registered"),
    ("救治人数", "treated"),
    ("结算笔数", "settlements"),
    ("医疗费总额", "total"),
    ("报销总额", "paid by layers"),
    ("实际报销比例", "share paid"),
    ("个人支付", "patient"),
];

const LAST: [(&str, &str); 2] = [("按普通人员结算人数", "settled as ordinary"), ("退出人数", "removed")];

/// The title.
pub(super) fn title(lang: Lang) -> &'static str {
    lang.choose("健康扶贫医疗保障统计", "Statistics of poverty relief")
}

/// The span of days.
pub(super) fn span(statistics: &Statistics) -> String {
    let (from, until) = (statistics.question.from, statistics.question.until);
    match statistics.lang {
        Lang::Zh => format!("结算日 {from} 至 {until}（不含）"),
        Lang::En => format!("settled from {from} until {until}"),
    }
}
