//! The report of a load as one page of HTML: charts over time, tables, the audit. No script, nothing fetched from anywhere.

use super::knee::Step;
use super::recorder::{CallKind, Second, percentiles};
use super::report::{Audited, Report, audit_text, knee_text, millis};
use crate::cli::output::chart::{Scale, Series, bars, lines};
use crate::cli::output::statement::escape::escaped;

const STYLE: &str = "
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 20px 16px 40px; max-width: 1080px; color: #1c2226; background: #fff;
  font: 15px/1.5 system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 30px 0 8px; }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 10px; margin: 16px 0; }
.sums div { background: #f3f5f6; padding: 8px 12px; } .sums span { display: block; color: #4a555c; font-size: 13px; }
.sums b { font-size: 21px; font-variant-numeric: tabular-nums; }
.sums .bad b { color: #b3261e; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 13px; fill: #4a555c; }
.grid { stroke: #e3e7ea; fill: none; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.legend { margin: 2px 0 0; font-size: 14px; } .legend span { margin-right: 16px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: 3px 12px 3px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e3e7ea; }
td:first-child, th:first-child { text-align: left; } th { color: #4a555c; font-weight: 500; }
.bar { margin: 6px 0; display: grid; grid-template-columns: 1fr auto; } .bar i { height: 8px; grid-column: 1 / 3; }
.setup td { text-align: left; white-space: normal; } .setup td:first-child { color: #4a555c; width: 1%; white-space: nowrap; }
pre { white-space: pre-wrap; background: #f3f5f6; padding: 10px 12px; font-size: 13px; }
@media (max-width: 600px) { svg text { font-size: 24px; } body { font-size: 14px; } }
";

const ARRIVED: &str = "#9aa5ad";
const ANSWERED: &str = "#1f6feb";
const FAILED: &str = "#b3261e";
const PERCENTILES: [(&str, &str); 4] =
    [("50%", "#1f6feb"), ("90%", "#2e8b57"), ("99%", "#c77700"), ("99.9%", "#b3261e")];

/// The page.
pub(super) fn html(report: &Report) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Load test</title><style>{STYLE}</style></head>\n<body>\n<h1>Load test</h1>\n"
    );
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
            &format!("<pre>{}</pre>", escaped_lines(&report.measured.wrong.1.join("\n"))),
        );
    }
    section(&mut page, "Audit", &format!("<pre>{}</pre>", escaped_lines(&audit_text(&report.audited))));
    let rows = report.setup.iter().map(|(name, value)| format!("<tr><td>{}<td>{}\n", escaped(name), escaped(value)));
    section(&mut page, "What was played", &format!("<table class=\"setup\">{}</table>", rows.collect::<String>()));
    page + "</body></html>\n"
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
    let line = |name, color, of: fn(&Second) -> u64| Series {
        name,
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
        name,
        color,
        values: seconds.iter().map(|second| value(second, at)).collect(),
    });
    lines("Latency", Scale::Logarithmic, &series.collect::<Vec<_>>(), &time_labels(seconds))
}

fn ramp(steps: &[Step]) -> String {
    let value =
        |step: &Step, at: usize| if step.answered == 0 { f64::NAN } else { step.percentiles[at] as f64 / 1_000.0 };
    let series = PERCENTILES.iter().enumerate().map(|(at, (name, color))| Series {
        name,
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

fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}
