//! The segment files that are kept open.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

/// The maximum number of segments that are kept open: 32 GiB of log with segments of 64 MiB.
const MAXIMUM: usize = 512;

/// How many segments a process keeps open that may open so many files: at most a quarter of them.
pub fn affordable_segments(files: usize) -> usize {
    (files / 4).clamp(1, MAXIMUM)
}

/// Segments that are open, by number, of which no more than a limit are kept.
///
/// When there are too many, they are closed in turn: look-ups of old settlements are spread over the whole log, so that no
/// part of it is needed more than another.
pub struct OpenSegments<S> {
    segments: BTreeMap<u64, Arc<S>>,
    limit: usize,
    /// The number from which the next one to close is looked for.
    close_from: u64,
}

impl<S> OpenSegments<S> {
    /// None yet; as many are kept open as this process can afford.
    pub fn of_this_process() -> OpenSegments<S> {
        let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
        OpenSegments::new(affordable_segments(files.unwrap_or(usize::MAX)))
    }

    /// None yet, and the maximum number that is kept open.
    fn new(limit: usize) -> OpenSegments<S> {
        OpenSegments { segments: BTreeMap::new(), limit, close_from: 0 }
    }

    /// The segment with this number, if it is open.
    pub fn get(&self, number: u64) -> Option<Arc<S>> {
        self.segments.get(&number).map(Arc::clone)
    }

    /// Keeps a segment open, and closes another one if there are too many.
    pub fn keep(&mut self, kept: u64, segment: Arc<S>) {
        self.segments.insert(kept, segment);
        if self.segments.len() > self.limit {
            let other = |from| self.segments.range(from..).map(|(number, _)| *number).find(|number| *number != kept);
            if let Some(number) = other(self.close_from).or_else(|| other(0)) {
                self.segments.remove(&number);
                self.close_from = number + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_files_are_segments() {
        assert_eq!([0, 256, 1_024, 20_000, usize::MAX].map(affordable_segments), [1, 64, 256, 512, 512]);
    }

    #[test]
    fn segments_are_closed_in_turn_and_never_the_one_just_opened() {
        let mut open = OpenSegments::new(3);
        let mut keep = |number| {
            open.keep(number, Arc::new(()));
            open.segments.keys().copied().collect::<Vec<_>>()
        };
        assert_eq!(keep(0), [0]);
        assert_eq!(keep(1), [0, 1]);
        assert_eq!(keep(2), [0, 1, 2]);
        assert_eq!(keep(2), [0, 1, 2]);
        assert_eq!(keep(3), [1, 2, 3]);
        assert_eq!(keep(0), [0, 2, 3]);
        assert_eq!(keep(1), [0, 1, 3]);
        assert_eq!(keep(2), [0, 1, 2]);
        assert_eq!(keep(9), [1, 2, 9]);
        assert!(open.get(0).is_none() && open.get(9).is_some());
    }
}
