//! The entries of the log in the order of commits, read from frame to frame.
//!
//! The position of an entry is the page of the log where its frame begins, and its number in the frame: the log itself is the
//! order, and a reader seeks nothing.

use super::commit_record::entries;
use super::index::LogEnd;
use super::journal::{Journal, log_error};
use super::log::{EntryFrame, Frame, PAGE};
use crate::domain::ids::EntryId;
use crate::store::StoreError;
use crate::store::entry_page::{EntryPage, OpenPage, StoredEntry};
use crate::store::rows::CommitPosition;

/// The bytes of the log after which others get their turn.
const TURN_BYTES: usize = 1 << 20;

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
    pub async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        let (count, published, sizes) = (self.segments.entry_count(), self.segments.published(), self.segments.sizes());
        let (mut page, mut turn) = (OpenPage::new(limit), 0);
        let Some(mut end) = self.take_rest_of_frame(after, published, &mut page)? else { return Ok(page.cut()) };
        // Behind the last entry are none, however many frames there are.
        while end.lsn < published && end.sequence < count {
            if page.has_read_enough() {
                return Ok(page.cut());
            }
            let (next, read) = match self.segments.required_entries(end).map_err(log_error)? {
                EntryFrame::Empty(next) => (next, PAGE as usize),
                EntryFrame::Entries(frame) if take(&frame, 0, &mut page)? => (frame.end(sizes), frame.bytes().len()),
                EntryFrame::Entries(_) => return Ok(page.cut()),
            };
            end = next;
            page.count_read(read);
            turn += read;
            if turn >= TURN_BYTES {
                turn = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(page.end())
    }

    /// Appends the entries after a position in its frame; returns the end of the frame, or none if the page has no room for all.
    fn take_rest_of_frame(
        &self,
        after: CommitPosition,
        published: u64,
        page: &mut OpenPage,
    ) -> Result<Option<LogEnd>, StoreError> {
        if after == CommitPosition::FIRST {
            return self.segments.start().map(Some).map_err(log_error);
        }
        let after = FramePosition::from(after);
        if after.lsn >= published {
            return Err(StoreError::UnknownPosition);
        }
        let frame = self.segments.known_frame(after.lsn).map_err(log_error)?;
        if u64::from(frame.head().entries) < after.number {
            return Err(StoreError::UnknownPosition);
        }
        page.count_read(frame.bytes().len());
        Ok(take(&frame, after.number, page)?.then(|| frame.end(self.segments.sizes())))
    }

    /// The id of the entry at a position; none if no frame of the log begins there, or it has fewer entries.
    ///
    /// # Errors
    /// If the log cannot be read or is damaged.
    pub fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        let FramePosition { lsn, number } = position.into();
        let Some(before) = number.checked_sub(1).filter(|_| lsn < self.segments.published()) else { return Ok(None) };
        let Some(frame) = self.segments.frame_at(lsn).map_err(log_error)? else { return Ok(None) };
        let mut of_frame = frame.records().flat_map(|(_, record)| entries(record.entries()));
        of_frame.nth(before as usize).map(|entry| entry.map(|(id, _)| id)).transpose()
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
