//! What the benches measure with: processor time of a process, medians and spread of rounds, and the file of figures.

use std::path::Path;

use serde_json::{Map, Value, json};

pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Processor time of all threads of a process so far, in microseconds.
pub fn cpu_micros(process: u32) -> Result<f64, Failed> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread that ended meanwhile has no file any more.
        let Ok(figures) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanos += figures.split_whitespace().next().ok_or("no figure")?.parse::<u64>()?;
    }
    Ok(nanos as f64 / 1_000.0)
}

/// The median.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The ratio of each round of one side to the same round of the other.
pub fn ratios(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one / other).collect()
}

/// The figures of a bench by key, printed as they are measured and written to a file at the end.
#[derive(Default)]
pub struct Limits(Map<String, Value>);

impl Limits {
    /// Adds a figure with its rounds, and what was measured beside it.
    pub fn add(&mut self, key: &str, rounds: &[f64], beside: &[(&str, f64)]) {
        let rounded = |figure: f64| {
            let digits = 10f64.powi(3 - figure.abs().max(1e-9).log10().floor() as i32);
            (figure * digits).round() / digits
        };
        let low = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut figure = json!({ "median": rounded(median(rounds)), "low": rounded(low), "high": rounded(high) });
        figure["rounds"] = rounds.iter().map(|round| rounded(*round)).collect();
        beside.iter().for_each(|(name, value)| figure[*name] = rounded(*value).into());
        println!("{key}: {figure}");
        self.0.insert(key.to_owned(), figure);
    }

    /// Adds the figures to those of the file that `ONESTOP_LIMITS` names, if it names one.
    pub fn write(self) -> Result<(), Failed> {
        let Ok(file) = std::env::var("ONESTOP_LIMITS") else { return Ok(()) };
        let mut all: Map<String, Value> = match Path::new(&file).exists() {
            true => serde_json::from_str(&std::fs::read_to_string(&file)?)?,
            false => Map::new(),
        };
        all.extend(self.0);
        Ok(std::fs::write(file, serde_json::to_string_pretty(&all)?)?)
    }
}
