//! The entries of the log in the order of commits, read from frame to frame.
//!
//! The position of an entry is the page of the log where its frame begins, and its number in the frame: the log itself is the
//! order, and a reader seeks nothing.

use super::commit_record::entries;
use super::index::LogEnd;
use super::journal::{Journal, log_error};
use super::log::{Frame, PAGE};
use crate::store::StoreError;
use crate::store::entry_page::{EntryPage, OpenPage, StoredEntry};
use crate::store::rows::CommitPosition;

/// The bits of a position that hold the number of the entry in its frame; a frame of 8 MiB holds fewer entries.
const NUMBER_BITS: u32 = 20;

/// Where a frame begins, and how many of its entries were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FramePosition {
    lsn: u64,
    number: u64,
}

impl From<CommitPosition> for FramePosition {
    fn from(CommitPosition(position): CommitPosition) -> FramePosition {
        FramePosition { lsn: (position >> NUMBER_BITS) * PAGE, number: position & ((1 << NUMBER_BITS) - 1) }
    }
}

impl From<FramePosition> for CommitPosition {
    fn from(FramePosition { lsn, number }: FramePosition) -> CommitPosition {
        CommitPosition((lsn / PAGE) << NUMBER_BITS | number)
    }
}

impl Journal {
    /// Up to `limit` entries after a position, in the order of commits.
    ///
    /// # Errors
    /// If the log cannot be read or is damaged; `UnknownPosition` if the position is behind its end.
    pub fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        let published = self.segments.published();
        let mut page = OpenPage::new(limit);
        let mut end = if after == CommitPosition::FIRST {
            self.segments.start().map_err(log_error)?
        } else {
            let after = FramePosition::from(after);
            if after.lsn >= published {
                return Err(StoreError::UnknownPosition);
            }
            let frame = self.segments.known_frame(after.lsn).map_err(log_error)?;
            if u64::from(frame.head().entries) < after.number {
                return Err(StoreError::UnknownPosition);
            }
            if !take(&frame, after.number, &mut page)? {
                return Ok(page.cut());
            }
            frame.end(self.segments.sizes())
        };
        while end.lsn < published {
            let frame = self.frame_after(end)?;
            if !take(&frame, 0, &mut page)? {
                return Ok(page.cut());
            }
            end = frame.end(self.segments.sizes());
        }
        Ok(page.end())
    }

    fn frame_after(&self, end: LogEnd) -> Result<Frame, StoreError> {
        self.segments.required_frame(end).map_err(log_error)
    }
}

/// Appends the entries of a frame after a number of them; false if the page has no room for all.
fn take(frame: &Frame, after: u64, page: &mut OpenPage) -> Result<bool, StoreError> {
    let mut position = FramePosition { lsn: frame.head().lsn, number: 0 };
    for (_, record) in frame.records() {
        for entry in entries(record.entries()) {
            let (id, record) = entry?;
            position.number += 1;
            if position.number <= after {
                continue;
            }
            let entry = StoredEntry { position: position.into(), id, record: Ok(record.to_vec()) };
            if page.push(entry).is_some() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_holds_the_frame_and_the_number_and_orders_as_they_do() {
        let positions = [(4_096, 1), (4_096, 2), (8_192, 1), (1 << 40, (1 << NUMBER_BITS) - 1)];
        let positions = positions.map(|(lsn, number)| FramePosition { lsn, number });
        let packed = positions.map(CommitPosition::from);
        assert_eq!(packed.map(FramePosition::from), positions);
        assert!(packed.is_sorted() && packed[0] > CommitPosition::FIRST);
    }
}
