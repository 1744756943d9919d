//! Finding a frame by its position alone: whether one begins there is what the frame before it says, and not what the bytes
//! there look like, which may be damaged.

use super::error::{FrameFault, LogDamage, LogError};
use super::frame::{Frame, FrameHead, FrameKind, end_after};
use super::layout::{FRAME_HEAD, PAGE, read_padded};
use super::segment::{Segment, file_name};
use super::segments::Segments;
use crate::store::embedded::index::LogEnd;

impl Segments {
    /// The frame that begins at this position, which a reader saw before: it is checked, but not that it follows the frame
    /// before it.
    ///
    /// # Errors
    /// If it is damaged or cannot be read.
    pub fn known_frame(&self, lsn: u64) -> Result<Frame, LogError> {
        let (number, byte) = self.sizes().place(lsn);
        let missing = || LogError::damaged(&file_name(number), byte, LogDamage::Frame(FrameFault::Magic));
        self.frame_at(lsn)?.ok_or_else(missing)
    }

    /// The frame that begins at this position below the end, if one does: it is checked, but not that it follows the frame
    /// before it.
    ///
    /// # Errors
    /// If it, or the frame that the position is in, is damaged or cannot be read.
    pub fn frame_at(&self, lsn: u64) -> Result<Option<Frame>, LogError> {
        let (number, byte) = self.sizes().place(lsn);
        let segment = self.get(number)?;
        if let Ok(head) = self.frame_head(&segment, byte)? {
            return self.required_frame(LogEnd { lsn, chain: head.chain, sequence: head.sequence }).map(Some);
        }
        let next = match self.last_head_before(&segment, byte)? {
            Some((head, _)) if head.kind == FrameKind::Roll => return Ok(None),
            Some((_, end)) => end,
            // The first frame of the segment cannot be read.
            None => LogEnd { lsn: self.sizes().lsn(number, PAGE), ..LogEnd::default() },
        };
        // Behind the last head that can be read must be a frame, unless that of the head reaches beyond this position.
        if next.lsn > lsn { Ok(None) } else { self.required_frame(next).map(|_| None) }
    }

    /// The last head of a frame before a byte of a segment, and the end of the log after its frame; none if not even the first
    /// frame of the segment has a head that can be read. It is near unless frames before this byte are damaged or missing.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn last_head_before(
        &self,
        segment: &Segment,
        byte: u64,
    ) -> Result<Option<(FrameHead, LogEnd)>, LogError> {
        let mut bytes = [0; FRAME_HEAD];
        for at in (1..byte / PAGE).rev().map(|page| page * PAGE) {
            read_padded(&*segment.file, &mut bytes, at).map_err(segment.failed("read"))?;
            if let Ok(head) = self.decode_head(segment, at, &bytes) {
                return Ok(Some((head, end_after(&head, &bytes, self.sizes()))));
            }
        }
        Ok(None)
    }
}
