//! The report of a load as one page of HTML: charts over time, tables, the audit. No script, nothing fetched from anywhere.

use super::knee::Step;
use super::recorder::{CallKind, Second, percentiles};
use super::report::{Audited, Report, audit_text, knee_text, millis};
use crate::cli::output::chart::{Scale, Series, bars, lines};
use crate::cli::output::html_page;
use crate::cli::output::statement::Lang;
use crate::cli::output::statement::escape::escaped;

const ARRIVED: &str = "#9aa5ad";
const ANSWERED: &str = "#1f6feb";
const FAILED: &str = "#b3261e";
const PERCENTILES: [(&str, &str); 4] =
    [("50%", "#1f6feb"), ("90%", "#2e8b57"), ("99%", "#c77700"), ("99.9%", "#b3261e")];

/// The page.
pub(super) fn html(report: &Report) -> String {
    let mut page = "<h1>Load test</h1>\n".to_owned();
    page += &sums(report);
    section(&mut page, "Arrivals and calls a second", &rates(&report.measured.seconds));
    section(&mut page, "Latency from the intended start, in milliseconds", &latency(&report.measured.seconds));
    if !report.steps.is_empty() {
        section(&mut page, "The ramp: latency in milliseconds by arrivals a second", &ramp(&report.steps));
    }
    section(&mut page, "Latency by kind of call", &kinds(report));
    let errors: Vec<_> = report.measured.errors.iter().map(|(reason, count)| (reason.clone(), *count)).collect();
    let errors = if errors.is_empty() { "<p>None.</p>".to_owned() } else { bars(&errors, FAILED) };
    section(&mut page, "Failed calls by reason", &errors);
    if !report.measured.wrong.1.is_empty() {
        section(
            &mut page,
            "Wrong answers",
            &format!("<pre>{}</pre>", escape_each_line(&report.measured.wrong.1.join("\n"))),
        );
    }
    section(&mut page, "Audit", &format!("<pre>{}</pre>", escape_each_line(&audit_text(&report.audited))));
    let rows = report.setup.iter().map(|(name, value)| format!("<tr><td>{}<td>{}\n", escaped(name), escaped(value)));
    section(&mut page, "What was played", &format!("<table class=\"setup\">{}</table>", rows.collect::<String>()));
    html_page::document(Lang::En, "Load test", &page)
}

fn section(page: &mut String, title: &str, body: &str) {
    page.push_str(&format!("<h2>{title}</h2>\n{body}\n"));
}

fn sums(report: &Report) -> String {
    let (arrivals, _, failed) = report.sums();
    let [p50, _, p99, p999, _] = report.measured.percentiles().map(millis);
    let sum = |label: &str, value: String, is_bad: bool| {
        let class = if is_bad { " class=\"bad\"" } else { "" };
        format!("<div{class}><span>{label}</span><b>{}</b></div>\n", escaped(&value))
    };
    let audit = match &report.audited {
        Audited::Not(_) => "not done".to_owned(),
        Audited::Done(audit) if audit.findings.0 == 0 => "clean".to_owned(),
        Audited::Done(audit) => format!("{} findings", audit.findings.0),
    };
    let end = report.end.word().replace('_', " ");
    let sums = [
        sum("ended", end, false),
        sum("arrivals", arrivals.to_string(), false),
        sum("settled a second", format!("{:.0}", report.settles_per_second()), false),
        sum("p50, ms", p50, false),
        sum("p99, ms", p99, false),
        sum("p99.9, ms", p999, false),
        sum("failed calls", failed.to_string(), failed > 0),
        sum("wrong answers", report.measured.wrong.0.to_string(), report.measured.wrong.0 > 0),
        sum("audit", audit.clone(), audit.ends_with("findings")),
    ];
    format!("<div class=\"sums\">{}</div>\n", sums.concat())
}

fn rates(seconds: &[Second]) -> String {
    let line = |name: &str, color, of: fn(&Second) -> u64| Series {
        name: name.to_owned(),
        color,
        values: seconds.iter().map(|second| of(second) as f64).collect(),
    };
    let series = [
        line("arrivals", ARRIVED, |second| second.arrivals),
        line("calls answered", ANSWERED, |second| second.answered),
        line("calls failed", FAILED, |second| second.errors),
    ];
    lines("Arrivals and calls a second", Scale::Linear, &series, &time_labels(seconds))
}

fn latency(seconds: &[Second]) -> String {
    let value = |second: &Second, at: usize| match second.answered {
        0 => f64::NAN,
        _ => second.percentiles[at] as f64 / 1_000.0,
    };
    let series = PERCENTILES.iter().enumerate().map(|(at, (name, color))| Series {
        name: (*name).to_owned(),
        color,
        values: seconds.iter().map(|second| value(second, at)).collect(),
    });
    lines("Latency", Scale::Logarithmic, &series.collect::<Vec<_>>(), &time_labels(seconds))
}

fn ramp(steps: &[Step]) -> String {
    let value =
        |step: &Step, at: usize| if step.answered == 0 { f64::NAN } else { step.percentiles[at] as f64 / 1_000.0 };
    let series = PERCENTILES.iter().enumerate().map(|(at, (name, color))| Series {
        name: (*name).to_owned(),
        color,
        values: steps.iter().map(|step| value(step, at)).collect(),
    });
    let every = steps.len().div_ceil(6).max(1);
    let labels: Vec<_> = steps.iter().step_by(every).map(|step| format!("{:.0}", step.rate)).collect();
    let chart = lines("Latency by rate", Scale::Logarithmic, &series.collect::<Vec<_>>(), &labels);
    chart + &format!("<p><b>{}</b></p>", escaped(&knee_text(steps)))
}

fn time_labels(seconds: &[Second]) -> Vec<String> {
    let end = seconds.last().map_or(0, |second| second.number);
    (0..=4).map(|at| format!("{} s", end * at / 4)).collect()
}

fn kinds(report: &Report) -> String {
    let row = |name: &str, latency: &hdrhistogram::Histogram<u64>| {
        let cells: String = percentiles(latency).iter().map(|micros| format!("<td>{}", millis(*micros))).collect();
        format!("<tr><td>{name}<td>{}{cells}\n", latency.len())
    };
    let by_kind = report.measured.by_kind.iter();
    let rows: String = by_kind.map(|(kind, latency): (&CallKind, _)| row(kind.name(), latency)).collect();
    format!(
        "<div class=\"scroll\"><table><tr><th>call<th>answered<th>p50 ms<th>p90<th>p99<th>p99.9<th>max\n{}{rows}</table></div>",
        row("first call of an arrival", &report.measured.first_calls)
    )
}

fn escape_each_line(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}
