//! Reading the log of a running store for a backup: frame by frame, each checked, in bounded memory.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::error::BackupRefusal;
use crate::store::embedded::index::LogEnd;
use crate::store::embedded::log::{FrameKind, LogError, PAGE, Segments, StoreIdentity, leads_to};
use crate::store::keys::Secret;

/// The maximum bytes of a part.
const PART_BYTES: usize = 256 << 10;

/// The bytes after which a read ends; one frame may follow.
const READ_BYTES: usize = 1 << 20;

/// Up to where a backup holds the log of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupPosition {
    /// The store.
    pub identity: StoreIdentity,
    /// The end of the log in the backup.
    pub end: LogEnd,
}

/// A part of a log, in the order in which a backup takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupPart {
    /// A segment begins.
    Segment {
        /// Its number.
        number: u64,
        /// Its first page.
        head: Bytes,
    },
    /// Bytes of frames.
    Bytes {
        /// Where they begin in the log.
        lsn: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// A frame ends here, and everything before it was sent.
    End(LogEnd),
}

/// Reads the log of a running store.
#[derive(Clone)]
pub struct BackupReader {
    segments: Arc<Segments>,
    identity: StoreIdentity,
    secret: Secret,
}

impl BackupReader {
    /// A reader of these segments.
    pub(in crate::store::embedded) fn new(
        segments: Arc<Segments>,
        identity: StoreIdentity,
        secret: Secret,
    ) -> BackupReader {
        BackupReader { segments, identity, secret }
    }

    /// The identity of the store.
    pub fn identity(&self) -> &StoreIdentity {
        &self.identity
    }

    /// The secret of the store.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The durable end of the log, as it moves.
    pub fn ends(&self) -> watch::Receiver<LogEnd> {
        self.segments.ends()
    }

    /// A cursor behind what a backup holds; at the start of the log for a new one. Reads one page.
    ///
    /// # Errors
    /// See [`BackupRefusal`].
    pub fn cursor(&self, after: Option<BackupPosition>) -> Result<BackupCursor, BackupRefusal> {
        let Some(BackupPosition { identity, end }) = after else {
            let end = self.segments.start().map_err(BackupRefusal::Unreadable)?;
            return Ok(BackupCursor { segments: Arc::clone(&self.segments), end });
        };
        if identity != self.identity {
            return Err(BackupRefusal::OtherStore);
        }
        if end.lsn > self.segments.published() {
            return Err(BackupRefusal::NotContinued);
        }
        match leads_to(&self.segments, end) {
            Ok(()) => Ok(BackupCursor { segments: Arc::clone(&self.segments), end }),
            Err(LogError::NotCovered { .. }) => Err(BackupRefusal::NotContinued),
            Err(error) => Err(BackupRefusal::Unreadable(error)),
        }
    }
}

/// A position in the log up to which it was read.
pub struct BackupCursor {
    segments: Arc<Segments>,
    end: LogEnd,
}

impl BackupCursor {
    /// The end of what was read.
    pub fn end(&self) -> LogEnd {
        self.end
    }

    /// Reads the next frames, up to this durable end of the log or about one MiB, whichever comes first; the last part
    /// is their end. Holds at most one frame more in memory.
    ///
    /// # Errors
    /// If a frame cannot be read or is damaged.
    pub fn read(&mut self, until: LogEnd) -> Result<Vec<BackupPart>, LogError> {
        let (mut parts, mut run, mut read, mut rolled) = (Vec::new(), Run::default(), 0, false);
        while self.end.lsn < until.lsn && (read < READ_BYTES || rolled) {
            let (number, byte) = self.segments.sizes().place(self.end.lsn);
            let frame = self.segments.required_frame(self.end)?;
            let next = frame.end(self.segments.sizes());
            let is_roll = frame.head().kind == FrameKind::Roll;
            // A log does not end with a ROLL: its next segment must begin, and does so with the next frame.
            if is_roll && next.lsn >= until.lsn {
                break;
            }
            if byte == PAGE {
                let head = self.segments.get(number)?.head.encode().into();
                parts.push(BackupPart::Segment { number, head });
            }
            run.append(self.end.lsn, frame.bytes(), frame.head().frame_length());
            if is_roll {
                std::mem::take(&mut run).into_parts(&mut parts);
            } else {
                read += frame.head().frame_length() as usize;
            }
            (self.end, rolled) = (next, is_roll);
        }
        run.into_parts(&mut parts);
        parts.push(BackupPart::End(self.end));
        Ok(parts)
    }
}

/// Frames that follow one another in a segment.
#[derive(Default)]
struct Run {
    lsn: u64,
    bytes: Vec<u8>,
}

impl Run {
    /// Appends a frame, with zeros up to its length on the disk.
    fn append(&mut self, lsn: u64, frame: &[u8], length: u64) {
        if self.bytes.is_empty() {
            self.lsn = lsn;
        }
        let end = self.bytes.len() + length as usize;
        self.bytes.extend_from_slice(frame);
        self.bytes.resize(end, 0);
    }

    fn into_parts(self, parts: &mut Vec<BackupPart>) {
        let (mut lsn, mut rest) = (self.lsn, Bytes::from(self.bytes));
        while !rest.is_empty() {
            let bytes = rest.split_to(rest.len().min(PART_BYTES));
            let next = lsn + bytes.len() as u64;
            parts.push(BackupPart::Bytes { lsn, bytes });
            lsn = next;
        }
    }
}
