//! What a load measures while it runs: the latency of every call from its intended start, rates and percentiles of each
//! second, errors by reason, and answers that are wrong. Histograms have a fixed size, and a load has a limited time, so
//! memory is bounded.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::{CreationError, Histogram};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::grpc::status::code_name;

/// The longest latency that is distinguished, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// The number of wrong answers that are described; all are counted.
const DESCRIBED: usize = 20;

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallKind {
    /// A quote.
    Quote,
    /// A settle.
    Settle,
    /// A settle whose quote no longer held, because another claim of the person was settled meanwhile.
    QuoteChanged,
    /// A settle whose request was answered before.
    Retry,
    /// A settle of a claim that is settled, under another request id.
    Duplicate,
    /// A reversal.
    Reverse,
}

impl CallKind {
    /// The name of the kind.
    pub(super) fn name(self) -> &'static str {
        match self {
            CallKind::Quote => "quote",
            CallKind::Settle => "settle",
            CallKind::QuoteChanged => "quote changed",
            CallKind::Retry => "retry",
            CallKind::Duplicate => "duplicate",
            CallKind::Reverse => "reverse",
        }
    }
}

/// One second of a load.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Second {
    /// Its number, from the start.
    pub(super) number: u64,
    /// Arrivals that began in it.
    pub(super) arrivals: u64,
    /// Calls that were answered in it, refusals among them.
    pub(super) answered: u64,
    /// Calls that failed in it.
    pub(super) errors: u64,
    /// Latency at 50%, 90%, 99%, 99.9% and at most of the calls that were answered in it, in microseconds.
    pub(super) percentiles: [u64; 5],
}

/// What was measured.
#[derive(Clone)]
pub(super) struct Measured {
    /// Latency by kind of call, in microseconds.
    pub(super) by_kind: BTreeMap<CallKind, Histogram<u64>>,
    /// Latency of the first call of each arrival, in microseconds.
    pub(super) first_calls: Histogram<u64>,
    /// The same by step of a ramp: arrivals, failed calls, and latency.
    pub(super) steps: Vec<(u64, u64, Histogram<u64>)>,
    /// The seconds so far.
    pub(super) seconds: Vec<Second>,
    /// Failed calls by code and reason.
    pub(super) errors: BTreeMap<String, u64>,
    /// The number of wrong answers, and the first of them.
    pub(super) wrong: (u64, Vec<String>),
    second: (Second, Histogram<u64>),
    last_success: Instant,
    last_unavailable: Option<Instant>,
}

/// Measures a load.
pub(super) struct Recorder {
    start: Instant,
    step: Option<Duration>,
    empty: Histogram<u64>,
    measured: Mutex<Measured>,
}

impl Recorder {
    /// Begins to measure; `step` is the time of a step of a ramp.
    ///
    /// # Errors
    /// If a histogram cannot be created.
    pub(super) fn new(start: Instant, step: Option<Duration>) -> Result<Recorder, CreationError> {
        let empty = Histogram::new_with_bounds(1, LONGEST, 3)?;
        let measured = Measured {
            by_kind: BTreeMap::new(),
            first_calls: empty.clone(),
            steps: Vec::new(),
            seconds: Vec::new(),
            errors: BTreeMap::new(),
            wrong: (0, Vec::new()),
            second: (Second::default(), empty.clone()),
            last_success: start,
            last_unavailable: None,
        };
        Ok(Recorder { start, step, empty, measured: Mutex::new(measured) })
    }

    /// The start of the load.
    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// Takes note of an arrival.
    pub(super) fn arrived(&self, intended: Instant) {
        let mut measured = self.lock();
        measured.second.0.arrivals += 1;
        if let Some(step) = self.step(intended) {
            measured.step(step, &self.empty).0 += 1;
        }
    }

    /// Takes note of a call that was answered as it should be.
    pub(super) fn answered(&self, kind: CallKind, intended: Instant, is_first: bool) {
        let now = Instant::now();
        let micros = (now.saturating_duration_since(intended).as_micros() as u64).clamp(1, LONGEST);
        let mut measured = self.lock();
        measured.by_kind.entry(kind).or_insert_with(|| self.empty.clone()).saturating_record(micros);
        measured.second.0.answered += 1;
        measured.second.1.saturating_record(micros);
        measured.last_success = now;
        if is_first {
            measured.first_calls.saturating_record(micros);
            if let Some(step) = self.step(intended) {
                measured.step(step, &self.empty).2.saturating_record(micros);
            }
        }
    }

    /// Takes note of a call that failed.
    pub(super) fn failed(&self, kind: CallKind, intended: Instant, status: &Status) {
        let reason = status.get_details_error_info().map(|info| info.reason);
        let reason = reason.map_or_else(String::new, |reason| format!(" {reason}"));
        let mut measured = self.lock();
        *measured.errors.entry(format!("{} {}{reason}", kind.name(), code_name(status.code()))).or_default() += 1;
        measured.second.0.errors += 1;
        if let Some(step) = self.step(intended) {
            measured.step(step, &self.empty).1 += 1;
        }
        if status.code() == Code::Unavailable {
            measured.last_unavailable = Some(Instant::now());
        }
    }

    /// Takes note of a wrong answer.
    pub(super) fn wrong(&self, what: String) {
        let mut measured = self.lock();
        measured.wrong.0 += 1;
        if measured.wrong.1.len() < DESCRIBED {
            measured.wrong.1.push(what);
        }
    }

    /// Ends the second that is over, and returns the newest whole second.
    pub(super) fn end_second(&self) -> Option<Second> {
        let number = self.start.elapsed().as_secs();
        let mut measured = self.lock();
        while measured.second.0.number < number {
            measured.end_second();
        }
        measured.seconds.last().copied()
    }

    /// Whether no server has answered for this time although calls were made.
    pub(super) fn is_server_lost(&self, time: Duration) -> bool {
        let measured = self.lock();
        let failed_lately = measured.last_unavailable.is_some_and(|failed| failed > measured.last_success);
        failed_lately && measured.last_success.elapsed() > time
    }

    /// What was measured so far.
    pub(super) fn measured(&self) -> Measured {
        let mut measured = self.lock().clone();
        measured.end_second();
        measured
    }

    /// What was measured of the steps of a ramp that began so far: arrivals, failed calls, and latency.
    pub(super) fn steps(&self) -> Vec<(u64, u64, Histogram<u64>)> {
        self.lock().steps.clone()
    }

    fn step(&self, intended: Instant) -> Option<usize> {
        let since = intended.saturating_duration_since(self.start);
        self.step.map(|step| (since.as_secs_f64() / step.as_secs_f64()) as usize)
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// Latency of the first calls at 50%, 90%, 99%, 99.9% and at most, in microseconds.
    pub(super) fn percentiles(&self) -> [u64; 5] {
        percentiles(&self.first_calls)
    }

    fn step(&mut self, step: usize, empty: &Histogram<u64>) -> &mut (u64, u64, Histogram<u64>) {
        if self.steps.len() <= step {
            self.steps.resize_with(step + 1, || (0, 0, empty.clone()));
        }
        &mut self.steps[step]
    }

    fn end_second(&mut self) {
        let (second, latency) = &mut self.second;
        second.percentiles = percentiles(latency);
        self.seconds.push(*second);
        *second = Second { number: second.number + 1, ..Second::default() };
        latency.reset();
    }
}

/// Latency at 50%, 90%, 99%, 99.9% and at most, in microseconds.
pub(super) fn percentiles(latency: &Histogram<u64>) -> [u64; 5] {
    let [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map(|share| latency.value_at_quantile(share));
    [p50, p90, p99, p999, latency.max()]
}
