//! The resources that this process used, from /proc.

use crate::store::Result;

/// The kernel counts processor time in hundredths of a second.
const TICK_MICROS: u64 = 10_000;

#[derive(Clone, Copy)]
pub struct Usage {
    pub cpu_micros: u64,
    pub written: u64,
    pub peak_memory: u64,
}

impl Usage {
    pub fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let (_, after_name) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0));
        Ok(Self {
            cpu_micros: ticks.sum::<u64>() * TICK_MICROS,
            written: field("/proc/self/io", "write_bytes:")?,
            peak_memory: field("/proc/self/status", "VmHWM:")? * 1_024,
        })
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            cpu_micros: self.cpu_micros - before.cpu_micros,
            written: self.written - before.written,
            peak_memory: self.peak_memory,
        }
    }
}

fn field(path: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path)?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or_else(|| format!("no {name} in {path}"))?;
    Ok(value.parse()?)
}
