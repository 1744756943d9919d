//! Settles that are sent when they are due, whether or not earlier ones are answered; latency counts from when each was due.
//! At twice of what a server does at most, this is overload: the rest is refused, and what is accepted is answered soon.
//! At 70% of it for minutes, memory and the slowest thousandth show what the store does meanwhile.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::at;
use super::calls::{CallKind, Load};
use super::light_client::{LightClient, Requests};
use super::measure::{Failed, Limits, median};
use super::processes::Process;

const CONNECTIONS: usize = 4;

/// The seconds of a measurement in an open loop.
pub const SECONDS: f64 = 3.0;

/// The share of what a server does at most at which it is held for long.
const SUSTAINED: f64 = 0.7;

/// How often a long measurement is interrupted for memory to be read, in seconds.
const SLICE: f64 = 60.0;

/// What became of the settles.
#[derive(Default)]
pub struct Answered {
    times: Vec<Duration>,
    /// How long after it was due each of them was sent: the client shares the processors with the server.
    late: Vec<Duration>,
    /// How many the server refused because it has too many in flight.
    pub refused: usize,
}

impl Answered {
    /// Latency of those that were accepted at a share of them, in milliseconds.
    pub fn at(&mut self, share: f64) -> f64 {
        at(&mut self.times, share)
    }

    /// How late those that were accepted were sent at a share of them, in milliseconds.
    pub fn late_at(&mut self, share: f64) -> f64 {
        at(&mut self.late, share)
    }

    /// Adds a call that was sent so late, and was answered after this time.
    fn add(&mut self, (late, answer): (Duration, Result<Duration, Status>)) -> Result<(), Failed> {
        match answer {
            Ok(time) => {
                self.late.push(late);
                self.times.push(time);
            }
            Err(status) if status.code() == Code::ResourceExhausted => self.refused += 1,
            Err(status) => return Err(status.into()),
        }
        Ok(())
    }
}

/// Overload: half of what the server does at most, twice as much as it does, and half again.
pub async fn overload(load: &Load, server: &Process, rounds: usize) -> Result<(), Failed> {
    for round in 1..=rounds {
        let most = load.round(server, CallKind::Settle).await?.rate;
        println!("round {round} of {rounds}: at most {most:.0} a second");
        for (name, rate) in [("half", most / 2.0), ("twice", most * 2.0), ("half again", most / 2.0)] {
            let mut answered = open_loop(load, server, rate, SECONDS).await?;
            let [(p50, late50), (p99, late99)] = [0.5, 0.99].map(|share| (answered.at(share), answered.late_at(share)));
            let (accepted, refused) = (answered.times.len(), answered.refused);
            println!("  {name}: {accepted} accepted with p50 {p50:.1} ms and p99 {p99:.1} ms, {refused} refused");
            println!("    the client sent them p50 {late50:.1} ms and p99 {late99:.1} ms after they were due");
        }
    }
    Ok(())
}

/// The service for these seconds and a bare one for a fifth of them, each at 70% of what it does at most: latency, and memory
/// each minute.
pub async fn sustained(
    load: &Load,
    (onestop, bare): (&Process, &Process),
    seconds: f64,
    limits: &mut Limits,
) -> Result<(), Failed> {
    let mut most = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (most, server) in most.iter_mut().zip([onestop, bare]) {
            most.push(load.round(server, CallKind::Settle).await?.rate);
        }
    }
    let mut at_999 = Vec::new();
    for (name, server, most, mut left) in
        [("onestop", onestop, &most[0], seconds), ("bare", bare, &most[1], seconds / 5.0)]
    {
        let (mut all, rate) = (Answered::default(), median(most) * SUSTAINED);
        while left > 0.0 {
            let mut answered = open_loop(load, server, rate, left.min(SLICE)).await?;
            left -= SLICE;
            let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| answered.at(share));
            let memory = server.memory_mib("VmRSS")?;
            println!("{name}: {rate:.0} a second, p50 {p50:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms, {memory} MiB");
            all.times.append(&mut answered.times);
            all.refused += answered.refused;
        }
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| all.at(share));
        let beside = [
            ("per_second", rate),
            ("refused", all.refused as f64),
            ("p50_ms", p50),
            ("p99_ms", p99),
            ("peak_mib", server.memory_mib("VmHWM")? as f64),
        ];
        limits.add(&format!("sustained_{name}_p999_ms"), &[p999], &beside);
        at_999.push(p999);
    }
    limits.add("sustained_p999_over_bare_p999", &[at_999[0] / at_999[1]], &[]);
    Ok(())
}

/// Settles at this rate a second for some seconds.
pub async fn open_loop(load: &Load, server: &Process, rate: f64, seconds: f64) -> Result<Answered, Failed> {
    let (requests, mut clients) = (Requests::new(&load.request)?, Vec::new());
    for _ in 0..CONNECTIONS {
        clients.push(LightClient::connect(server).await?);
    }
    let (due, mut arriving) = tokio::sync::mpsc::unbounded_channel();
    let start = Instant::now();
    // A thread of its own: the timer of the runtime has a resolution of a millisecond.
    let pacer = std::thread::spawn(move || {
        for number in 0..(rate * seconds) as u64 {
            let intended = start + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            if due.send(intended).is_err() {
                return;
            }
        }
    });
    let (mut running, mut answered, mut number) = (JoinSet::new(), Answered::default(), 0);
    while let Some(intended) = arriving.recv().await {
        let (client, request) = (clients[number % CONNECTIONS].clone(), requests.numbered(load.next_number()));
        number += 1;
        running.spawn(async move {
            let late = intended.elapsed();
            (late, client.settle(request).await.map(|()| intended.elapsed()))
        });
        while let Some(ended) = running.try_join_next() {
            answered.add(ended?)?;
        }
    }
    while let Some(ended) = running.join_next().await {
        answered.add(ended?)?;
    }
    pacer.join().map_err(|_| "the pacer panicked")?;
    Ok(answered)
}
