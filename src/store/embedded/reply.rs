//! The outcome of a commit, sent by the committing thread to the call that waits for it.
//!
//! To wake a task of another thread takes a system call, to wake one of the same thread takes none. So only one of the calls
//! of a group is woken by the committing thread; it wakes the others, and so does its end if it is not polled any more.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::store::StoreError;

/// What became of a commit.
pub type Outcome = Result<(), StoreError>;

/// Sends one outcome; one that is dropped before says that the committing thread ended.
pub struct ReplySender(Arc<Shared>);

/// Completes with the outcome that was sent.
pub struct Reply(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    /// Wakes the call that waits for it.
    waker: Option<Waker>,
    /// Wake the calls of the group that this one wakes.
    others: Vec<Waker>,
    /// Whether the call waits no more.
    is_left: bool,
}

/// A sender, and what it completes.
pub fn reply() -> (ReplySender, Reply) {
    let shared = Arc::<Shared>::default();
    (ReplySender(Arc::clone(&shared)), Reply(shared))
}

/// Sends the outcomes of a group.
pub fn send_all(outcomes: impl IntoIterator<Item = (ReplySender, Outcome)>) {
    let mut waiting = Vec::new();
    for (sender, outcome) in outcomes {
        let mut state = sender.0.lock();
        state.outcome = Some(outcome);
        // A call that does not wait yet finds the outcome.
        waiting.extend(state.waker.take().map(|waker| (Arc::clone(&sender.0), waker)));
    }
    while let Some((leader, waker)) = waiting.pop() {
        let mut state = leader.lock();
        if !state.is_left {
            state.others = waiting.into_iter().map(|(_, waker)| waker).collect();
            drop(state);
            return waker.wake();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ReplySender {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.outcome.is_none() {
            state.outcome = Some(Err(StoreError::Unknown("the committing thread ended".to_owned())));
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl Reply {
    /// Blocks this thread until the outcome is sent.
    pub fn wait(mut self) -> Outcome {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            if let Poll::Ready(outcome) = Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                return outcome;
            }
            std::thread::park();
        }
    }
}

/// Wakes a thread that blocks.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Future for Reply {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.0.lock();
        let Some(outcome) = state.outcome.clone() else {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        let others = std::mem::take(&mut state.others);
        drop(state);
        others.into_iter().for_each(Waker::wake);
        Poll::Ready(outcome)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        (state.is_left, state.waker) = (true, None);
        let others = std::mem::take(&mut state.others);
        drop(state);
        others.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(reply: &mut Reply, woken: &Arc<Woken>) -> Poll<Outcome> {
        Pin::new(reply).poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
    }

    /// Three calls that wait, and who is woken for each.
    fn waiting() -> (Vec<ReplySender>, Vec<Reply>, [Arc<Woken>; 3]) {
        let (senders, mut replies): (Vec<_>, Vec<_>) = (0..3).map(|_| reply()).unzip();
        let woken = [(); 3].map(|()| Arc::<Woken>::default());
        replies.iter_mut().zip(&woken).for_each(|(reply, woken)| assert!(poll(reply, woken).is_pending()));
        (senders, replies, woken)
    }

    fn counts(woken: &[Arc<Woken>; 3]) -> [usize; 3] {
        woken.each_ref().map(|woken| woken.0.load(Ordering::Relaxed))
    }

    #[test]
    fn one_call_of_a_group_is_woken_and_wakes_the_others() {
        let (senders, mut replies, woken) = waiting();
        let conflict = Err(StoreError::Conflict);
        send_all(senders.into_iter().zip([Ok(()), conflict.clone(), Ok(())]));
        assert_eq!(counts(&woken), [0, 0, 1]);
        assert_eq!(poll(&mut replies[2], &woken[2]), Poll::Ready(Ok(())));
        assert_eq!(counts(&woken), [1, 1, 1]);
        assert_eq!(poll(&mut replies[0], &woken[0]), Poll::Ready(Ok(())));
        assert_eq!(poll(&mut replies[1], &woken[1]), Poll::Ready(conflict));
    }

    #[test]
    fn a_call_that_left_is_passed_over_and_one_that_leaves_wakes_the_others() {
        let (senders, mut replies, woken) = waiting();
        drop(replies.pop());
        send_all(senders.into_iter().map(|sender| (sender, Ok(()))));
        assert_eq!(counts(&woken), [0, 1, 0]);
        drop(replies.pop());
        assert_eq!(counts(&woken), [1, 1, 0]);
        assert_eq!(poll(&mut replies[0], &woken[0]), Poll::Ready(Ok(())));
    }

    #[test]
    fn a_thread_that_waits_for_the_replies_of_a_group_in_turn_gets_all_of_them() {
        let (senders, replies): (Vec<_>, Vec<_>) = (0..3).map(|_| reply()).unzip();
        let waits = std::thread::spawn(|| replies.into_iter().map(Reply::wait).collect::<Vec<_>>());
        std::thread::yield_now();
        send_all(senders.into_iter().map(|sender| (sender, Ok(()))));
        assert_eq!(waits.join().expect("the outcomes"), [const { Ok(()) }; 3]);
    }

    #[test]
    fn a_sender_that_is_dropped_leaves_the_outcome_unknown() {
        let (senders, mut replies, woken) = waiting();
        drop(senders);
        assert_eq!(counts(&woken), [1, 1, 1]);
        assert!(matches!(poll(&mut replies[0], &woken[0]), Poll::Ready(Err(StoreError::Unknown(_)))));
    }
}
