//! Figures of a run, and the medians over the rounds.

use crate::load::Outcome;
use crate::store::{Error, Result};
use crate::usage::Usage;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

const COLUMNS: [&str; 9] =
    ["settles/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "CPU µs", "KB written", "peak MB", "fdatasync ms before"];

/// One number for each column.
pub struct Figures([f64; 9]);

impl Figures {
    pub fn new(outcome: Outcome, used: &Usage, disk: Duration) -> Self {
        let mut latencies = outcome.latencies;
        latencies.sort_unstable();
        let count = latencies.len() as f64;
        let at = |share: f64| {
            let place = (count * share) as usize;
            let latency = latencies.get(place.min(latencies.len().saturating_sub(1)));
            latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        Self([
            count / outcome.elapsed.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            used.cpu_micros as f64 / count,
            used.written as f64 / 1e3 / count,
            used.peak_memory as f64 / 1e6,
            disk.as_secs_f64() * 1e3,
        ])
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let words = self.0.map(|figure| format!("{figure:.3}"));
        f.write_str(&words.join("\t"))
    }
}

impl FromStr for Figures {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let mut figures = [f64::NAN; 9];
        for (figure, word) in figures.iter_mut().zip(line.split('\t')) {
            *figure = word.parse()?;
        }
        Ok(Self(figures))
    }
}

/// A kill under load and the opening after it.
pub struct Crash {
    pub acknowledged: u64,
    pub missing: u64,
    pub torn: bool,
    pub megabytes: f64,
    pub opened: Duration,
}

impl Display for Crash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acknowledged, {} missing, {}, {:.0} MB, opened in {:.1} ms",
            self.acknowledged,
            self.missing,
            if self.torn { "TORN" } else { "whole" },
            self.megabytes,
            self.opened.as_secs_f64() * 1e3
        )
    }
}

#[derive(Default)]
pub struct Table {
    runs: BTreeMap<(String, String), Vec<Figures>>,
    crashes: BTreeMap<String, Vec<Crash>>,
}

impl Table {
    pub fn add(&mut self, store: &str, phase: &str, figures: Figures) {
        let key = (phase.to_owned(), store.to_owned());
        self.runs.entry(key).or_default().push(figures);
    }

    pub fn add_crash(&mut self, store: &str, crash: Crash) {
        self.crashes.entry(store.to_owned()).or_default().push(crash);
    }
}

/// The column of the disk's sync time.
const DISK: usize = COLUMNS.len() - 1;

/// The runs that began on a fast disk; all runs, if the disk was slow for all.
fn on_fast_disk(runs: &[Figures], best: f64) -> Vec<&Figures> {
    let fast: Vec<_> = runs.iter().filter(|run| run.0[DISK] < best * 3.0).collect();
    match fast.is_empty() {
        true => runs.iter().collect(),
        false => fast,
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| callers | store | {} | rate to redb | runs |", COLUMNS.join(" | "))?;
        writeln!(f, "| --- | --- |{}", " ---: |".repeat(COLUMNS.len() + 2))?;
        let all = self.runs.values().flatten();
        let best = all.map(|run| run.0[DISK]).fold(f64::INFINITY, f64::min);
        let medians = |runs: &[&Figures]| -> [f64; 9] {
            std::array::from_fn(|column| median(runs.iter().map(|run| run.0[column]).collect()))
        };
        for ((phase, store), runs) in &self.runs {
            let runs = on_fast_disk(runs, best);
            let row = medians(&runs);
            let words = row.map(|figure| match figure {
                figure if figure >= 100.0 => format!("{figure:.0}"),
                figure if figure >= 10.0 => format!("{figure:.1}"),
                figure => format!("{figure:.2}"),
            });
            let redb = self.runs.get(&(phase.clone(), "redb".to_owned()));
            let ratio = redb.map_or(f64::NAN, |redb| row[0] / medians(&on_fast_disk(redb, best))[0]);
            writeln!(f, "| {phase} | {store} | {} | {ratio:.2} | {} |", words.join(" | "), runs.len())?;
        }
        writeln!(f, "\n| store | killed | acknowledged | missing | torn | MB on disk | open ms | slowest |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for (store, crashes) in &self.crashes {
            let opened: Vec<f64> = crashes.iter().map(|crash| crash.opened.as_secs_f64() * 1e3).collect();
            writeln!(
                f,
                "| {store} | {} | {} | {} | {} | {:.0} | {:.1} | {:.1} |",
                crashes.len(),
                crashes.iter().map(|crash| crash.acknowledged).sum::<u64>(),
                crashes.iter().map(|crash| crash.missing).sum::<u64>(),
                crashes.iter().filter(|crash| crash.torn).count(),
                median(crashes.iter().map(|crash| crash.megabytes).collect()),
                median(opened.clone()),
                opened.iter().copied().fold(0.0, f64::max),
            )?;
        }
        Ok(())
    }
}
