//! The present speed of the disk. A shared disk slows down after much writing, which makes a run meaningless.

use crate::store::Result;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(30);

/// The median time of an fdatasync after appending a page.
pub fn sync_time(dir: &Path) -> Result<Duration> {
    let path = dir.join("probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..51 {
        file.write_all(&[1; 4_096])?;
        let start = Instant::now();
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// Waits, for a limited time, until the disk is about as fast as in its best measurement.
pub fn settle(dir: &Path, best: &mut Duration) -> Result<()> {
    let start = Instant::now();
    loop {
        let now = sync_time(dir)?;
        *best = now.min(*best);
        if now < *best * 3 / 2 || start.elapsed() > WAIT {
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
