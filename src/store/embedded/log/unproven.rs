//! The last frames of a log, which no later frame proves to be durable.
//!
//! A system that cannot write a page to the disk reports it to one sync, and from then on takes the page in its memory for
//! written: a process that is started again reads it there, and no sync writes it. So these frames are written again before
//! anything is answered from them. The bytes are the same, so an interruption changes nothing.

use std::collections::VecDeque;

use super::error::LogError;
use super::frame::Frame;
use super::segments::Segments;

/// The last frames of a log, which no later frame proves to be durable.
pub(super) struct Unproven<'a> {
    segments: &'a Segments,
    frames: VecDeque<Frame>,
    /// The bytes of memory that they take.
    bytes: usize,
}

impl<'a> Unproven<'a> {
    /// No frames of this log.
    pub fn new(segments: &'a Segments) -> Unproven<'a> {
        Unproven { segments, frames: VecDeque::new(), bytes: 0 }
    }

    /// Adds the next frame.
    pub fn push(&mut self, frame: Frame) {
        self.bytes += frame.bytes().len();
        self.frames.push_back(frame);
    }

    /// Takes the first frame if it ends at or before this position, below which the log was durable. Takes it also if the
    /// frames have more bytes than one may have: then the log was used unsynced, where a power failure may lose them.
    pub fn take_proved(&mut self, durable: u64) -> Option<Frame> {
        let sizes = self.segments.sizes();
        let is_proved = self.frames.front()?.end(sizes).lsn <= durable;
        if is_proved || self.bytes > sizes.frame as usize { self.take() } else { None }
    }

    /// Takes the first frame.
    pub fn take(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.bytes().len();
        Some(frame)
    }

    /// Writes the frames again, for the next sync of their segments.
    pub fn write_again(&self) -> Result<(), LogError> {
        for frame in &self.frames {
            let (number, byte) = self.segments.sizes().place(frame.head().lsn);
            let segment = self.segments.get(number)?;
            let mut bytes = frame.bytes().to_vec();
            bytes.resize(frame.head().frame_length() as usize, 0);
            segment.file.pwrite(&bytes, byte).map_err(segment.failed("write"))?;
        }
        Ok(())
    }
}
