//! Settles that are sent when they are due, whether or not earlier ones are answered; latency counts from when each was due.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::at;
use super::calls::Load;
use super::measure::Failed;
use super::processes::Process;

const CONNECTIONS: usize = 4;
const SECONDS: f64 = 5.0;

/// Latency at 99%, in milliseconds, of settles at this rate a second.
pub async fn open_loop(load: &Load, server: &Process, rate: f64) -> Result<f64, Failed> {
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
    let (mut running, mut times, mut number) = (JoinSet::new(), Vec::new(), 0);
    while let Some(intended) = arriving.recv().await {
        let (mut client, request) = (clients[number % CONNECTIONS].clone(), load.request());
        number += 1;
        running.spawn(async move { client.settle(request).await.map(|_| intended.elapsed()) });
        while let Some(ended) = running.try_join_next() {
            times.push(ended??);
        }
    }
    while let Some(ended) = running.join_next().await {
        times.push(ended??);
    }
    pacer.join().map_err(|_| "the pacer panicked")?;
    Ok(at(&mut times, 0.99))
}
