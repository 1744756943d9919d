//! The look-ups that a server has not answered yet. A call of few commits waits for those that came before it, so
//! that their commits are in it.
//!
//! Redis answers everything that it executed in a cycle of its event loop when it has synced the file. A commit that is sent
//! alone delays the look-ups behind it by a sync, and their commits by one more; together they share one. A look-up that
//! no sync delays takes a small part of a sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long a call of commits waits at most.
const LIMIT: Duration = Duration::from_millis(1);

/// How many turns the tasks have that follow from one another.
const TURNS: usize = 3;

/// The look-ups in flight, those of two generations counted apart.
#[derive(Default)]
pub struct LookUpsInFlight {
    /// The number of waits so far; the generation is its last bit.
    waits: AtomicUsize,
    counts: [AtomicUsize; 2],
    ended: Notify,
}

/// A look-up until it is answered.
pub struct InFlight {
    look_ups: Arc<LookUpsInFlight>,
    generation: usize,
}

impl LookUpsInFlight {
    /// Counts a look-up until what is returned is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        let generation = self.waits.load(Ordering::Relaxed) % 2;
        self.counts[generation].fetch_add(1, Ordering::Relaxed);
        InFlight { look_ups: Arc::clone(self), generation }
    }

    /// Waits until the look-ups that are in flight now are answered and what they found is decided, for a limited time.
    pub async fn wait_for_earlier(&self) {
        let earlier = &self.counts[self.waits.fetch_add(1, Ordering::Relaxed) % 2];
        let until = Instant::now() + LIMIT;
        while earlier.load(Ordering::Relaxed) > 0 {
            if timeout_at(until, self.ended.notified()).await.is_err() {
                break;
            }
        }
        // What was looked up becomes a commit: a task decides, and another one queues the commit.
        let_others_run().await;
    }
}

/// Lets the tasks run that are ready, and those that follow from them.
pub async fn let_others_run() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.look_ups.counts[self.generation].fetch_sub(1, Ordering::Relaxed) == 1 {
            self.look_ups.ended.notify_one();
        }
    }
}
