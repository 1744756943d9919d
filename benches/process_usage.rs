//! What this process used: processor time, those threads that ended among it, and memory.

use std::time::Duration;

use super::generated_journal::Failed;

/// The processor time of all threads of this process.
pub fn processor_time() -> Result<Duration, Failed> {
    let mut sum = Duration::ZERO;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().ok_or("no fields")?.split_whitespace();
    for ticks in fields.skip(11).take(2) {
        sum += Duration::from_millis(ticks.parse::<u64>()? * 10);
    }
    Ok(sum)
}

/// The memory that was resident at most, in MiB.
pub fn peak_mib() -> Result<u64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no peak")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse::<u64>()? / 1_024)
}

/// Forgets what was resident at most so far.
#[allow(dead_code)]
pub fn reset_peak() -> Result<(), Failed> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}
