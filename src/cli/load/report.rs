//! The report of a load: as tables, as JSON, and as a page ([`super::page`]).

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::audit::AuditReport;
use super::knee::{Step, knee, step_json};
use super::recorder::{CallKind, Measured, Second, percentiles};

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All arrivals were played, or the time was over.
    Done,
    /// The ramp found the knee.
    KneeFound,
    /// Ctrl-C.
    Interrupted,
    /// No server answered any more.
    ServersLost,
}

/// Whether the accounts were audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audited {
    /// They were.
    Done(AuditReport),
    /// They were not, for this reason.
    Not(String),
}

/// The report of a load.
pub(super) struct Report {
    /// What was played, in words and figures.
    pub(super) setup: Vec<(&'static str, String)>,
    /// How it ended.
    pub(super) end: End,
    /// How long it took.
    pub(super) time: Duration,
    /// What was measured.
    pub(super) measured: Measured,
    /// The steps of a ramp.
    pub(super) steps: Vec<Step>,
    /// The audit.
    pub(super) audited: Audited,
}

impl End {
    /// The end in a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            End::Done => "done",
            End::KneeFound => "knee_found",
            End::Interrupted => "interrupted",
            End::ServersLost => "servers_lost",
        }
    }
}

impl Report {
    /// Arrivals, answered calls, and failed calls.
    pub(super) fn sums(&self) -> (u64, u64, u64) {
        let seconds = self.measured.seconds.iter();
        let sum = |of: fn(&Second) -> u64| seconds.clone().map(of).sum();
        (sum(|second| second.arrivals), sum(|second| second.answered), self.measured.errors.values().sum())
    }

    /// Settlements a second over the whole time.
    pub(super) fn settles_per_second(&self) -> f64 {
        let settled = self.measured.by_kind.get(&CallKind::Settle).map_or(0, hdrhistogram::Histogram::len);
        settled as f64 / self.time.as_secs_f64().max(0.001)
    }

    /// Wrong answers and findings of the audit.
    pub(super) fn wrong(&self) -> u64 {
        let found = match &self.audited {
            Audited::Done(audit) => audit.findings.0,
            Audited::Not(_) => 0,
        };
        self.measured.wrong.0 + found
    }

    /// The report as one JSON value.
    pub(super) fn json(&self) -> Value {
        let (arrivals, answered, failed) = self.sums();
        let by_kind = self.measured.by_kind.iter().map(|(kind, latency)| {
            (kind.name().to_owned(), with_percentiles(json!({ "count": latency.len() }), percentiles(latency)))
        });
        json!({
            "setup": self.setup.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "end": self.end.word(),
            "millis": self.time.as_millis() as u64,
            "arrivals": arrivals,
            "answered": answered,
            "failed": failed,
            "settles_per_second": (self.settles_per_second() * 10.0).round() / 10.0,
            "first_calls": with_percentiles(json!({ "count": self.measured.first_calls.len() }), self.measured.percentiles()),
            "calls": by_kind.collect::<serde_json::Map<_, _>>(),
            "errors": self.measured.errors,
            "wrong": { "count": self.measured.wrong.0, "first": self.measured.wrong.1 },
            "knee_per_second": knee(&self.steps),
            "steps": self.steps.iter().map(step_json).collect::<Vec<_>>(),
            "seconds": self.measured.seconds.iter().map(second_json).collect::<Vec<_>>(),
            "audit": audit_json(&self.audited),
        })
    }

    /// The report as lines and tables.
    pub(super) fn text(&self) -> String {
        let (arrivals, answered, failed) = self.sums();
        let seconds = self.time.as_secs_f64();
        let mut text = format!(
            "{}: {arrivals} arrivals in {seconds:.1} s, {answered} calls answered, {failed} failed; {:.0} settled a second\n",
            self.end.word().replace('_', " "),
            self.settles_per_second(),
        );
        text += &format!("{}\n", self.latency_table());
        if !self.steps.is_empty() {
            text += &format!("{}\n{}\n", self.step_table(), knee_text(&self.steps));
        }
        for (reason, count) in &self.measured.errors {
            text += &format!("{count} failed: {reason}\n");
        }
        if self.measured.wrong.0 > 0 {
            text += &format!("{} answers are wrong:\n", self.measured.wrong.0);
            self.measured.wrong.1.iter().for_each(|what| text += &format!("  {what}\n"));
        }
        text + &audit_text(&self.audited)
    }

    fn latency_table(&self) -> Table {
        let mut table = table(&["latency from the intended start", "calls", "p50 ms", "p90", "p99", "p99.9", "max"]);
        let mut row = |name: &str, count: u64, percentiles: [u64; 5]| {
            let head = [name.to_owned(), count.to_string()];
            table.add_row(head.into_iter().chain(percentiles.map(millis)));
        };
        row("first call of an arrival", self.measured.first_calls.len(), self.measured.percentiles());
        for (kind, latency) in &self.measured.by_kind {
            row(kind.name(), latency.len(), percentiles(latency));
        }
        align(table)
    }

    fn step_table(&self) -> Table {
        let mut table = table(&["arrivals a second", "arrived", "answered", "p50 ms", "p90", "p99", "p99.9", "max"]);
        for step in &self.steps {
            let mark = if step.is_carried { "" } else { " not carried" };
            let head = [format!("{:.0}{mark}", step.rate), step.arrivals.to_string(), step.answered.to_string()];
            table.add_row(head.into_iter().chain(step.percentiles.map(millis)));
        }
        align(table)
    }
}

/// The knee in words.
pub(super) fn knee_text(steps: &[Step]) -> String {
    match knee(steps) {
        Some(rate) => format!("the knee is at {rate:.0} arrivals a second"),
        None if steps.first().is_some_and(|step| !step.is_carried) => "not even the first step was carried".to_owned(),
        None => "the knee was not reached".to_owned(),
    }
}

/// The audit in words, one finding a line.
pub(super) fn audit_text(audited: &Audited) -> String {
    let audit = match audited {
        Audited::Not(why) => return format!("audit: not done: {why}\n"),
        Audited::Done(audit) => audit,
    };
    let AuditReport { persons: (all, audited), of_others, settlements: (replayed, reversed), findings } = audit;
    let mut text = format!(
        "audit: {audited} of {all} persons, {replayed} settlements replayed, {reversed} reversed: {} findings\n",
        findings.0
    );
    if *of_others > 0 {
        text += &format!("  {of_others} persons have settlements of other callers and were not replayed\n");
    }
    findings.1.iter().for_each(|finding| text += &format!("  {finding}\n"));
    text
}

/// Microseconds as milliseconds.
pub(super) fn millis(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1_000.0)
}

fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(heads.to_vec());
    table
}

fn align(mut table: Table) -> Table {
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn with_percentiles(mut value: Value, [p50, p90, p99, p999, max]: [u64; 5]) -> Value {
    let names = ["p50_micros", "p90_micros", "p99_micros", "p999_micros", "max_micros"];
    names.iter().zip([p50, p90, p99, p999, max]).for_each(|(name, micros)| value[*name] = micros.into());
    value
}

fn second_json(second: &Second) -> Value {
    let counts = json!({
        "second": second.number, "arrivals": second.arrivals, "answered": second.answered, "errors": second.errors,
    });
    with_percentiles(counts, second.percentiles)
}

fn audit_json(audited: &Audited) -> Value {
    match audited {
        Audited::Not(why) => json!({ "done": false, "why": why }),
        Audited::Done(audit) => json!({
            "done": true, "persons": audit.persons.0, "audited": audit.persons.1, "of_others": audit.of_others,
            "replayed": audit.settlements.0, "reversed": audit.settlements.1,
            "findings": audit.findings.0, "first": audit.findings.1,
        }),
    }
}
