//! Drives a load: callers that each wait for their answer (closed loop), or arrivals that come when they are due whether
//! or not earlier ones are answered (open loop).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::claims::Claims;
use super::player::{Arrival, Player};
use super::schedule::Arrivals;

/// Arrivals that are computed before they are due.
const COMPUTED_AHEAD: usize = 64;

/// How long a caller waits after a call that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Why no further arrival begins.
#[derive(Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    /// Begins no further arrival.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs callers that each play one arrival after another, up to this number of arrivals and this time.
pub(super) async fn closed_loop(player: &Arc<Player>, stop: &Arc<Stop>, callers: usize, limit: u64, time: Duration) {
    let (next, end) = (Arc::new(AtomicU64::new(0)), player.recorder.start() + time);
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let (player, stop, next) = (Arc::clone(player), Arc::clone(stop), Arc::clone(&next));
        running.spawn(async move {
            while !stop.is_set() && Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= limit {
                    return;
                }
                let arrival = Player::arrival(&player.claims, number);
                if !player.play(arrival, Instant::now()).await {
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        });
    }
    finish(running).await;
}

/// Plays the arrivals when they are due, at most so many at once: one that is due while as many are in flight waits, and
/// its latency counts from when it was due.
pub(super) async fn open_loop(
    player: &Arc<Player>,
    stop: &Arc<Stop>,
    arrivals: Arrivals,
    in_flight: usize,
    limit: u64,
) {
    let (due, mut arriving) = mpsc::channel(COMPUTED_AHEAD);
    let (claims, start) = (player.claims.clone(), player.recorder.start());
    let pacer_stop = Arc::clone(stop);
    // A thread of its own: the timer of the runtime has a resolution of a millisecond.
    let pacer = std::thread::spawn(move || pace(&claims, start, arrivals, limit, &pacer_stop, &due));
    let (permits, mut running) = (Arc::new(Semaphore::new(in_flight)), JoinSet::new());
    while let Some((arrival, intended)) = arriving.recv().await {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let player = Arc::clone(player);
        running.spawn(async move {
            player.play(arrival, intended).await;
            drop(permit);
        });
        while running.try_join_next().is_some() {}
    }
    finish(running).await;
    if pacer.join().is_err() {
        tracing::error!("the thread that paces the load panicked");
    }
}

async fn finish(mut running: JoinSet<()>) {
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a caller of the load failed");
        }
    }
}

fn pace(
    claims: &Claims,
    start: Instant,
    arrivals: Arrivals,
    limit: u64,
    stop: &Stop,
    due: &mpsc::Sender<(Arrival, Instant)>,
) {
    for (number, after) in (0..limit).zip(arrivals.instants(claims.population.seed)) {
        let (arrival, intended) = (Player::arrival(claims, number), start + after);
        while !stop.is_set() {
            let left = intended.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
        if stop.is_set() || due.blocking_send((arrival, intended)).is_err() {
            return;
        }
    }
}
