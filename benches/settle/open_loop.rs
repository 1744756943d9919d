//! Settles that are sent when they are due, whether or not earlier ones are answered; latency counts from when each was due.
//! At twice of what a server does at most, this is overload: the rest is refused, and what is accepted is answered soon.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::at;
use super::calls::{CallKind, Load};
use super::measure::Failed;
use super::processes::Process;

const CONNECTIONS: usize = 4;
const SECONDS: f64 = 3.0;

/// What became of the settles.
#[derive(Default)]
pub struct Answered {
    times: Vec<Duration>,
    /// How many the server refused because it has too many in flight.
    pub refused: usize,
}

impl Answered {
    /// Latency of those that were accepted at a share of them, in milliseconds.
    pub fn at(&mut self, share: f64) -> f64 {
        at(&mut self.times, share)
    }

    fn add(&mut self, answer: Result<Duration, Status>) -> Result<(), Failed> {
        match answer {
            Ok(time) => self.times.push(time),
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
            let mut answered = open_loop(load, server, rate).await?;
            let (p50, p99) = (answered.at(0.5), answered.at(0.99));
            let (accepted, refused) = (answered.times.len(), answered.refused);
            println!("  {name}: {accepted} accepted with p50 {p50:.1} ms and p99 {p99:.1} ms, {refused} refused");
        }
    }
    Ok(())
}

/// Settles at this rate a second for some seconds.
pub async fn open_loop(load: &Load, server: &Process, rate: f64) -> Result<Answered, Failed> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Load::client(server).await?);
    }
    let (due, mut arriving) = tokio::sync::mpsc::unbounded_channel();
    let start = Instant::now();
    // A thread of its own: the timer of the runtime has a resolution of a millisecond.
    let pacer = std::thread::spawn(move || {
        for number in 0..(rate * SECONDS) as u64 {
            let intended = start + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            if due.send(intended).is_err() {
                return;
            }
        }
    });
    let (mut running, mut answered, mut number) = (JoinSet::new(), Answered::default(), 0);
    while let Some(intended) = arriving.recv().await {
        let (mut client, request) = (clients[number % CONNECTIONS].clone(), load.request());
        number += 1;
        running.spawn(async move { client.settle(request).await.map(|_| intended.elapsed()) });
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
