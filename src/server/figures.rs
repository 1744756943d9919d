//! Figures that change slowly, set at an interval: the policies and tables in use, the expiry of certificates, and the
//! disk of the store. What needs an operator is logged as a warning, once a day.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;

use crate::domain::ids::Digest;
use crate::engine::Engine;
use crate::store::Store;
use crate::store::imports::Import;
use crate::telemetry::payments::LayerAndPayer;
use crate::telemetry::set_gauge::SetGauge;
use crate::telemetry::{Metrics, repeats};

use super::certificate;
use super::disk_alarm::free_bytes;

/// The interval at which figures are set.
const INTERVAL: Duration = Duration::from_secs(10);

/// The interval between two warnings of the same fact.
const WARNING_INTERVAL: Duration = Duration::from_secs(24 * 3_600);

/// How far back the log of imports is read for the newest import of each table.
const IMPORTS_READ: usize = 200;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// What is watched besides the engine.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// The certificates: the name in metrics, and the file.
    pub certificates: Vec<(&'static str, PathBuf)>,
    /// Days before the expiry of a certificate from which on a warning is logged.
    pub certificate_days: usize,
    /// The age of the newest import of enrolments, in days, from which on a warning is logged; 0 for never.
    pub register_days: usize,
    /// The bytes of the disk of the store that must stay free.
    pub disk_reserve: u64,
    /// The directory of the store, if it is in one.
    pub directory: Option<PathBuf>,
}

/// Sets the figures of a server.
pub(super) struct Figures {
    watched: Watched,
    metrics: Arc<Metrics>,
    book_info: SetGauge,
    book_age: SetGauge,
    import_age: SetGauge,
    import_number: SetGauge,
    certificate_expiry: SetGauge,
    store_bytes: SetGauge,
    free_bytes: SetGauge,
    checkpoint_lag: SetGauge,
    checkpoint_wait: SetGauge,
    index_failing: SetGauge,
    book: Option<(Digest, Instant)>,
    warned: BTreeMap<&'static str, Instant>,
}

impl Figures {
    pub(super) fn new(watched: Watched, metrics: &Arc<Metrics>) -> Figures {
        Figures {
            watched,
            metrics: Arc::clone(metrics),
            book_info: metrics.gauge("onestop.policy.book_info", "", "1 for the digest of the policy book in use"),
            book_age: metrics.gauge("onestop.policy.book_age", "s", "Time since this server began to use its book"),
            import_age: metrics.gauge("onestop.reference.age", "s", "Time since the last import, by table"),
            import_number: metrics.gauge("onestop.reference.version", "", "The number of the newest complete import"),
            certificate_expiry: metrics.gauge(
                "onestop.certificate.expiry_timestamp",
                "s",
                "When the certificate expires, in seconds since 1970, by use",
            ),
            store_bytes: metrics.gauge("onestop.store.size", "By", "Bytes of the files of the store"),
            free_bytes: metrics.gauge("onestop.store.free", "By", "Free bytes on the disk of the store"),
            checkpoint_lag: metrics.gauge(
                "onestop.store.checkpoint.lag",
                "By",
                "Bytes of the log that the index on disk does not cover, which the next start replays",
            ),
            checkpoint_wait: metrics.gauge(
                "onestop.store.checkpoint.wait",
                "s",
                "Time that a complete generation of the index has waited to be written, 0 while none waits",
            ),
            index_failing: metrics.gauge(
                "onestop.store.index_failing",
                "",
                "1 while a file of the index cannot be read or written, or files are not merged for want of room, which is tried again",
            ),
            book: None,
            warned: BTreeMap::new(),
        }
    }

    /// Sets the figures now and at an interval; never ends.
    pub(super) async fn run<S: Store>(mut self, engine: &Engine<S>) -> std::convert::Infallible {
        loop {
            self.set(engine).await;
            repeats::report();
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn set<S: Store>(&mut self, engine: &Engine<S>) {
        self.set_book(engine);
        self.set_imports(engine).await;
        self.set_certificates();
        if let Some(lag) = engine.store().checkpoint_lag() {
            self.checkpoint_lag.set(lag.log_bytes as f64, &[]);
            self.checkpoint_wait.set(lag.waiting.as_secs_f64(), &[]);
            self.index_failing.set(f64::from(u8::from(lag.is_failing)), &[]);
        }
        if let Some(directory) = &self.watched.directory {
            self.store_bytes.set(bytes_of(directory) as f64, &[]);
            if let Some(free) = free_bytes(directory) {
                self.free_bytes.set(free as f64, &[]);
            }
        }
    }

    fn set_book<S: Store>(&mut self, engine: &Engine<S>) {
        let book = engine.book();
        if self.book.is_none_or(|(digest, _)| digest != book.digest()) {
            if let Some((previous, _)) = self.book {
                self.book_info.set(0.0, &[("book", &previous.to_string())]);
            }
            self.book_info.set(1.0, &[("book", &book.digest().to_string())]);
            self.book = Some((book.digest(), Instant::now()));
            let layers = book.policies().iter().flat_map(|policy| &policy.layers);
            let named = layers.map(|layer| LayerAndPayer {
                layer: layer.head.id.as_smol_str().clone(),
                payer: Arc::clone(&layer.head.payer),
            });
            self.metrics.show_layers(named);
        }
        if let Some((_, since)) = self.book {
            self.book_age.set(since.elapsed().as_secs_f64(), &[]);
        }
    }

    async fn set_imports<S: Store>(&mut self, engine: &Engine<S>) {
        // A store that cannot be read is reported by its readiness, and a panic while reading ends no server.
        let read = AssertUnwindSafe(engine.store().imports(u64::MAX, IMPORTS_READ)).catch_unwind().await;
        let Ok(Ok(imports)) = read else { return };
        let now = now();
        let mut newest: BTreeMap<&str, f64> = BTreeMap::new();
        for Import { start, end, .. } in imports.iter().filter(|import| import.end.is_some()) {
            let ended = end.as_ref().map_or(start.instant.0, |end| end.instant.0) as f64 / 1e6;
            let age = (now - ended).max(0.0);
            newest.entry(&start.table).and_modify(|known| *known = known.min(age)).or_insert(age);
        }
        newest.iter().for_each(|(table, age)| self.import_age.set(*age, &[("table", table)]));
        let last = imports.iter().filter(|import| import.end.is_some()).map(|import| import.number).max();
        self.import_number.set(last.unwrap_or(0) as f64, &[]);
        let days = self.watched.register_days as f64;
        if let Some(age) = newest.get("enrolments").filter(|age| days > 0.0 && **age > days * DAY) {
            let age_days = (age / DAY) as u64;
            if self.warns("register") {
                tracing::warn!(age_days, "the last import of enrolments is older than register_warning_days");
            }
        }
    }

    fn set_certificates(&mut self) {
        let warning = self.watched.certificate_days as f64 * DAY;
        for (name, path) in self.watched.certificates.clone() {
            let Some(expiry) = certificate::expiry(&path) else { continue };
            self.certificate_expiry.set(expiry as f64, &[("certificate", name)]);
            let left = expiry as f64 - now();
            if left < warning && self.warns(name) {
                let (file, days_left) = (path.display(), (left / DAY).floor() as i64);
                tracing::warn!(certificate = name, %file, days_left, "a certificate expires soon, or has expired");
            }
        }
    }

    /// Whether it is time to warn of this.
    fn warns(&mut self, of: &'static str) -> bool {
        let is_due = self.warned.get(of).is_none_or(|warned| warned.elapsed() >= WARNING_INTERVAL);
        if is_due {
            self.warned.insert(of, Instant::now());
        }
        is_due
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The bytes of the files in a directory and the directories in it.
fn bytes_of(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}
