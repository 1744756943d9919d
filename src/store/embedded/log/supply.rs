//! Segments that are made before they are needed, by a thread of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use super::error::LogError;
use super::layout::SPARE_SEGMENTS;
use super::segment::Segment;
use super::segments::Segments;

/// Who makes the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentMaker {
    /// A thread: the committing thread need not wait for the disk to allocate.
    Thread,
    /// The caller, so that the order of operations on the disk depends on nothing else.
    Caller,
}

/// The segments that follow the one in use.
pub(super) struct SegmentSupply {
    segments: Arc<Segments>,
    next: u64,
    /// The thread's segments: one waits here, one with the thread. `None` if the caller makes them.
    made: Option<Receiver<Result<Arc<Segment>, LogError>>>,
    thread: Option<JoinHandle<()>>,
}

impl SegmentSupply {
    /// A supply from this segment on; segments that exist are taken as they are.
    pub fn new(segments: Arc<Segments>, next: u64, maker: SegmentMaker) -> Result<SegmentSupply, LogError> {
        let (made, thread) = match maker {
            SegmentMaker::Thread => {
                spawn(Arc::clone(&segments), next).map(|(made, thread)| (Some(made), Some(thread)))?
            }
            SegmentMaker::Caller => (None, None),
        };
        let supply = SegmentSupply { segments, next, made, thread };
        if supply.made.is_none() {
            supply.make_spares()?;
        }
        Ok(supply)
    }

    /// The next segment. If it cannot be made, for example because the disk is full, the next call tries again.
    pub fn take(&mut self) -> Result<Arc<Segment>, LogError> {
        let segment = match self.made.as_ref().and_then(|made| made.recv().ok()) {
            Some(Ok(segment)) => segment,
            // The thread ended with this error.
            Some(Err(error)) => {
                self.made = None;
                return Err(error);
            }
            None => obtain(&self.segments, self.next)?,
        };
        self.next += 1;
        if self.made.is_none()
            && let Err(error) = self.make_spares()
        {
            tracing::warn!(%error, "a segment of the log cannot be made ahead");
        }
        Ok(segment)
    }

    fn make_spares(&self) -> Result<(), LogError> {
        (self.next..self.next + SPARE_SEGMENTS).try_for_each(|number| obtain(&self.segments, number).map(drop))
    }
}

impl Drop for SegmentSupply {
    /// Ends the thread, so that nothing changes in the directory afterwards.
    fn drop(&mut self) {
        drop(self.made.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that makes segments of the log panicked");
        }
    }
}

type Made = Receiver<Result<Arc<Segment>, LogError>>;

/// Makes segments until the supply is dropped or one cannot be made.
fn spawn(segments: Arc<Segments>, first: u64) -> Result<(Made, JoinHandle<()>), LogError> {
    // With one in the channel and one that waits to be sent, two are ahead.
    let (sender, made) = sync_channel(1);
    let make = move || {
        for number in first.. {
            let segment = obtain(&segments, number);
            let failed = segment.is_err();
            if sender.send(segment).is_err() || failed {
                return;
            }
        }
    };
    let spawned = std::thread::Builder::new().name("log segments".to_owned()).spawn(make);
    spawned.map(|thread| (made, thread)).map_err(|error| LogError::file("start a thread for", ".", &error))
}

/// The segment, made if it does not exist.
fn obtain(segments: &Segments, number: u64) -> Result<Arc<Segment>, LogError> {
    match segments.get(number) {
        Err(LogError::Missing(_)) => segments.make(number),
        found => found,
    }
}
