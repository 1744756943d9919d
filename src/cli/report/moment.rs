//! The end of a report as an option names it: a moment, and how many lines of the ledger come before it.

use std::str::FromStr;

use crate::cli::output::json::china_time;
use crate::cli::output::statement::Lang;
use crate::domain::journal::Instant;
use crate::reports::ledger::LedgerEnd;

/// What stands between the moment and the number of lines.
const SEPARATOR: char = '#';

/// A moment such as `2017-06-15T08:00:00+08:00`, or the exact end of an earlier report, such as `2017-06-15T08:00:00+08:00#1234`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsOf {
    /// The moment.
    pub(super) moment: Instant,
    /// The lines of the ledger that come before the end.
    pub(super) first_lines: Option<u64>,
}

impl FromStr for AsOf {
    type Err = String;
    fn from_str(text: &str) -> Result<AsOf, String> {
        let (time, lines) = text.split_once(SEPARATOR).map_or((text, None), |(time, lines)| (time, Some(lines)));
        let time: jiff::Timestamp = time.parse().map_err(|error: jiff::Error| error.to_string())?;
        let lines = lines.map(str::parse).transpose();
        let first_lines = lines.map_err(|_| format!("has no number of lines after {SEPARATOR}"))?;
        Ok(AsOf { moment: Instant(time.as_microsecond()), first_lines })
    }
}

/// The end of a report, as it is given to `--as-of`.
pub(super) fn end_text(end: &LedgerEnd, lang: Lang) -> String {
    match end.as_of {
        Some(moment) => format!("{}{SEPARATOR}{}", china_time(moment), end.lines),
        None => lang.choose("无", "none").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_report_can_be_asked_for_again() {
        let end = LedgerEnd { as_of: Some(Instant(1_497_484_800_123_456)), lines: 1234 };
        let text = end_text(&end, Lang::En);
        assert_eq!(text, "2017-06-15T08:00:00.123456+08:00#1234");
        assert_eq!(text.parse(), Ok(AsOf { moment: Instant(1_497_484_800_123_456), first_lines: Some(1234) }));
        let moment = "2017-06-15T00:00:00Z".parse::<AsOf>().expect("a moment");
        assert_eq!(moment, AsOf { moment: Instant(1_497_484_800_000_000), first_lines: None });
        assert!("2017-06-15".parse::<AsOf>().is_err() && "2017-06-15T00:00:00Z#".parse::<AsOf>().is_err());
    }
}
