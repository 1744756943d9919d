//! Reading a log from its start to its end, a large piece at a time. What is damaged is reported, and reading goes on
//! behind it.

use std::sync::Arc;

use super::error::{FrameFault, LogDamage, LogError};
use super::frame::{Frame, FrameHead, FrameKind};
use super::layout::PAGE;
use super::segment::Segment;
use super::segments::Segments;
use crate::store::embedded::index::LogEnd;

/// How much is read at once in bytes.
const WINDOW: u64 = 4 << 20;

/// What a scan meets.
pub enum Scanned {
    /// A frame with records.
    Frame(Frame),
    /// A frame whose head is right, and not all of the rest: each record is to be checked by itself. The damage with its
    /// byte of the log, unless it is in a record.
    DamagedFrame(Frame, Option<(u64, LogError)>),
    /// Damage at this byte of the log, behind which the next frame is looked for.
    Damage(u64, LogError),
}

/// A scan of a log.
pub struct FrameScan {
    segments: Arc<Segments>,
    window: Window,
    at: LogEnd,
    /// Whether the chain of the next frame is unknown, because what is before it is damaged.
    is_lost: bool,
    until: u64,
}

/// A piece of a segment.
#[derive(Default)]
struct Window {
    segment: Option<Arc<Segment>>,
    from: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// These bytes of a segment, and what was read behind them.
    fn get(&mut self, segment: &Arc<Segment>, at: u64, length: usize, end: u64) -> Result<&[u8], LogError> {
        let is_here = self.segment.as_ref().is_some_and(|here| here.head.number == segment.head.number)
            && at >= self.from
            && at + length as u64 <= self.from + self.bytes.len() as u64;
        if !is_here {
            let wanted = WINDOW.max(length as u64).min(end.saturating_sub(at));
            self.bytes.resize(wanted as usize, 0);
            (self.segment, self.from) = (None, at);
            segment.file.read_at(&mut self.bytes, at).map_err(segment.failed("read"))?;
            self.segment = Some(Arc::clone(segment));
        }
        Ok(self.bytes.get((at - self.from) as usize..).unwrap_or_default())
    }
}

impl FrameScan {
    /// A scan of all that was published of a log.
    pub fn new(segments: Arc<Segments>) -> FrameScan {
        let until = segments.published();
        let (at, is_lost) = match segments.start() {
            Ok(start) => (start, false),
            Err(_) => (LogEnd { lsn: PAGE, ..LogEnd::default() }, true),
        };
        FrameScan { segments, window: Window::default(), at, is_lost, until }
    }

    /// The next frame with records, or damage; `None` at the end.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn next(&mut self) -> Result<Option<Scanned>, LogError> {
        while self.at.lsn < self.until {
            let found = self.step()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn step(&mut self) -> Result<Option<Scanned>, LogError> {
        let (number, byte) = self.segments.sizes().place(self.at.lsn);
        let segment = match self.segments.get(number) {
            Ok(segment) => segment,
            Err(error @ LogError::File { .. }) => return Err(error),
            Err(error) => return Ok(Some(self.skip_segment(number, error))),
        };
        let size = self.segments.sizes().segment;
        let bytes = self.window.get(&segment, byte, PAGE as usize, size)?;
        let head = match self.segments.decode_head(&segment, byte, bytes) {
            Ok(head) if self.is_lost => {
                self.is_lost = false;
                (self.at.chain, self.at.sequence) = (head.chain, head.sequence);
                head
            }
            Ok(head) => head,
            Err(_) if self.is_lost => {
                self.next_page(byte);
                return Ok(None);
            }
            Err(fault) => return Ok(Some(self.lose(&segment, byte, fault))),
        };
        let bytes = self.window.get(&segment, byte, head.used(), size)?[..head.used()].to_vec();
        Ok(self.take(&segment, byte, head, bytes))
    }

    /// A frame with this head.
    fn take(&mut self, segment: &Segment, byte: u64, head: FrameHead, bytes: Vec<u8>) -> Option<Scanned> {
        let (before, lsn) = (self.at, self.at.lsn);
        let frame = Frame::unchecked(head, bytes);
        self.at = frame.end(self.segments.sizes());
        let Some(fault) = frame.fault(before) else {
            return (head.kind == FrameKind::Data).then_some(Scanned::Frame(frame));
        };
        // A record that is damaged is named by whoever reads it.
        let is_named = fault == FrameFault::BodyChecksum && frame.has_damaged_record();
        let damage = (!is_named).then(|| (lsn, segment.damaged(byte, LogDamage::Frame(fault))));
        Some(Scanned::DamagedFrame(frame, damage))
    }

    fn lose(&mut self, segment: &Segment, byte: u64, fault: FrameFault) -> Scanned {
        let damage = Scanned::Damage(self.at.lsn, segment.damaged(byte, LogDamage::Frame(fault)));
        self.next_page(byte);
        damage
    }

    /// Looks for a frame from the next page on.
    fn next_page(&mut self, byte: u64) {
        self.is_lost = true;
        self.at.lsn += PAGE;
        if byte + PAGE >= self.segments.sizes().segment {
            self.at.lsn += PAGE;
        }
    }

    fn skip_segment(&mut self, number: u64, error: LogError) -> Scanned {
        let damage = Scanned::Damage(self.at.lsn, error);
        self.is_lost = true;
        self.at.lsn = self.segments.sizes().lsn(number + 1, PAGE);
        damage
    }
}
