//! Figures of the process, read from `/proc/self` when metrics are collected. What cannot be read is not shown.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::metrics::Meter;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};

/// The fields of `/proc/self/stat` after the name of the program: user time, system time, threads.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const THREADS: usize = 17;

/// Registers the figures.
pub(super) fn register(meter: &Meter) {
    let counter = |name, unit, help, read: fn() -> Option<f64>| {
        let builder = meter.f64_observable_counter(name).with_unit(unit).with_description(help);
        builder
            .with_callback(move |to| {
                if let Some(value) = read() {
                    to.observe(value, &[])
                }
            })
            .build();
    };
    let gauge = |name, unit, help, read: fn() -> Option<f64>| {
        let builder = meter.f64_observable_gauge(name).with_unit(unit).with_description(help);
        builder
            .with_callback(move |to| {
                if let Some(value) = read() {
                    to.observe(value, &[])
                }
            })
            .build();
    };
    counter("process.cpu", "s", "Processor time that the process used", cpu_seconds);
    gauge("process.resident_memory", "By", "Memory of the process", resident_bytes);
    gauge("process.threads", "", "Threads of the process", || stat_field(THREADS));
    gauge("process.open_fds", "", "Open file descriptors", open_descriptors);
    gauge("process.max_fds", "", "The limit of open file descriptors", || {
        getrlimit(Resource::Nofile).current.map(|limit| limit as f64)
    });
    let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let help = "When the server started, in seconds since 1970";
    let builder = meter.f64_gauge("process.start_time").with_unit("s").with_description(help);
    builder.build().record(start, &[]);
}

fn stat_field(field: usize) -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may contain blanks.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(field)?.parse().ok()
}

fn cpu_seconds() -> Option<f64> {
    let ticks = stat_field(USER_TICKS)? + stat_field(SYSTEM_TICKS)?;
    Some(ticks / clock_ticks_per_second() as f64)
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn open_descriptors() -> Option<f64> {
    // The directory that is read is itself open.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(open.saturating_sub(1) as f64)
}
