//! The statistics as CSV and NDJSON: a row for each county in each month.

use serde_json::{Map, Value};

use crate::cli::output::csv::{BYTE_ORDER_MARK, csv_line};
use crate::reports::poverty::{Group, Measures};
use crate::reports::question::CITY_DIGITS;

use super::super::output::Format;
use super::Statistics;

/// The lines: of CSV first the header.
pub(super) fn lines(statistics: &Statistics, format: Format) -> Vec<String> {
    let header = header(statistics);
    let rows = statistics.poverty.groups.iter().filter_map(|(group, measures)| match group {
        Group::CountyInMonth(month, county) => Some(cells(&month.to_string(), county, measures)),
        _ => None,
    });
    match format {
        Format::Ndjson => rows.map(|cells| json(&header, cells)).collect(),
        Format::Csv | Format::Table => {
            let first = format!("{BYTE_ORDER_MARK}{}", csv_line(&header));
            std::iter::once(first).chain(rows.map(csv_line)).collect()
        }
    }
}

/// The columns that are texts.
const TEXTS: usize = 3;

fn header(statistics: &Statistics) -> Vec<String> {
    let mut header: Vec<String> =
        ["month", "city", "county", "registered", "removed", "treated", "settlements"].map(str::to_owned).to_vec();
    header.extend(["ordinary_persons", "ordinary_settlements"].map(str::to_owned));
    header.extend(statistics.question.thresholds.iter().map(|threshold| format!("persons_above_{threshold}")));
    header.extend(["total", "patient", "ordinary_patient"].map(str::to_owned));
    for layer in &statistics.poverty.layers {
        header.extend([format!("paid_{}", layer.id), format!("share_before_{}", layer.id)]);
        header.push(format!("share_after_{}", layer.id));
    }
    header
}

fn cells(month: &str, county: &str, measures: &Measures) -> Vec<String> {
    let mut cells = vec![month.to_owned(), county.get(..CITY_DIGITS).unwrap_or(county).to_owned(), county.to_owned()];
    let counts = [measures.registered, measures.removed, measures.treated].map(|count| count.to_string());
    cells.extend(counts);
    cells.push(measures.settlements.to_string());
    cells.extend([measures.ordinary_persons.to_string(), measures.ordinary_settlements.to_string()]);
    cells.extend(measures.above.iter().map(u64::to_string));
    cells.extend([measures.total, measures.patient, measures.ordinary_patient].map(|amount| amount.to_string()));
    for (paid, (before, after)) in measures.layers.iter().zip(measures.shares()) {
        cells.push(paid.to_string());
        cells.extend([before, after].map(share));
    }
    cells
}

/// A share of one with three decimals; nothing where there is none.
fn share(share: Option<i64>) -> String {
    share.map_or_else(String::new, |share| format!("{}.{:03}", share / 1_000, share % 1_000))
}

/// Counts are numbers, amounts and shares texts.
fn json(header: &[String], cells: Vec<String>) -> String {
    let value = |(at, cell): (usize, String)| match cell.parse::<i64>() {
        Ok(count) if at >= TEXTS => Value::from(count),
        _ => Value::from(cell),
    };
    let values = header.iter().cloned().zip(cells.into_iter().enumerate().map(value));
    Value::Object(values.collect::<Map<_, _>>()).to_string()
}
