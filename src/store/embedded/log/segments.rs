//! The segment files of a log, open for reading and writing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::error::{FrameFault, LogDamage, LogError, RecordFault};
use super::frame::{Frame, FrameHead, end_after};
use super::layout::{LogSizes, PAGE, read_padded};
use super::open_segments::OpenSegments;
use super::record::{PartBytes, RecordPart, rows_end};
use super::segment::{FINISHED, Segment, UNFINISHED, file_name};
use super::segment_head::{Expected, SegmentHead, StoreIdentity};
use crate::store::embedded::disk::Disk;
use crate::store::embedded::index::{LogEnd, LogPosition};

/// What is read of a record for its rows at first in bytes; those of a settlement take less.
const ROWS_AT_ONCE: usize = 1024;

/// A frame as a reader of entries sees it.
pub enum EntryFrame {
    /// A frame with entries.
    Entries(Frame),
    /// The end of the log after a frame without entries.
    Empty(LogEnd),
}

/// The segments of a log.
pub struct Segments {
    disk: Arc<dyn Disk>,
    identity: StoreIdentity,
    sizes: LogSizes,
    open: RwLock<OpenSegments<Segment>>,
    /// The end of the log that was published to readers: its position, and the number of entries.
    published: AtomicU64,
    entries: AtomicU64,
    /// The same end, for those who wait for it to move.
    end: watch::Sender<LogEnd>,
}

impl Segments {
    /// The segments in a directory.
    pub fn new(disk: Arc<dyn Disk>, identity: StoreIdentity, sizes: LogSizes) -> Segments {
        Segments {
            disk,
            identity,
            sizes,
            open: RwLock::new(OpenSegments::of_this_process()),
            published: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            end: watch::Sender::default(),
        }
    }

    /// The sizes of the log.
    pub fn sizes(&self) -> LogSizes {
        self.sizes
    }

    /// The end of the log for readers: below it everything is durable, unless the log is used unsynced.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// The number of entries in the log for readers.
    pub fn entry_count(&self) -> u64 {
        self.entries.load(Ordering::Acquire)
    }

    /// The end of the log for readers, as it moves.
    pub fn ends(&self) -> watch::Receiver<LogEnd> {
        self.end.subscribe()
    }

    /// Publishes the end of the log to readers.
    pub(super) fn publish(&self, end: LogEnd) {
        self.published.store(end.lsn, Ordering::Release);
        self.entries.store(end.sequence, Ordering::Release);
        self.end.send_replace(end);
    }

    /// The number of segments, which are numbered from 0 without a gap. Removes segments that were not completed.
    pub(super) fn count(&self) -> Result<u64, LogError> {
        let failed = |error| LogError::file("list", ".", &error);
        let mut numbers: Vec<u64> = Vec::new();
        for name in self.disk.list().map_err(failed)? {
            if name.ends_with(UNFINISHED) {
                self.disk.remove(&name).map_err(|error| LogError::file("remove", &name, &error))?;
            } else if let Some(number) = name.strip_suffix(FINISHED).and_then(|number| number.parse().ok()) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        let missing = (0..).zip(&numbers).find(|(expected, number)| expected != *number);
        match missing {
            Some((expected, _)) => Err(LogError::Missing(file_name(expected))),
            None if numbers.is_empty() => Err(LogError::Missing(file_name(0))),
            None => Ok(numbers.len() as u64),
        }
    }

    /// The segment with this number.
    ///
    /// # Errors
    /// If it is missing, is another file, or cannot be read.
    pub fn get(&self, number: u64) -> Result<Arc<Segment>, LogError> {
        let known = self.open.read().unwrap_or_else(PoisonError::into_inner).get(number);
        known.map_or_else(|| self.open(number), Ok)
    }

    fn open(&self, number: u64) -> Result<Arc<Segment>, LogError> {
        let name = file_name(number);
        let file = self.disk.open(&name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => LogError::Missing(name.clone()),
            _ => LogError::file("open", &name, &error),
        })?;
        let read = |error| LogError::file("read", &name, &error);
        let mut page = vec![0; PAGE as usize];
        read_padded(&*file, &mut page, 0).map_err(read)?;
        let expected = Expected { identity: self.identity, number, sizes: self.sizes };
        let head = SegmentHead::decode(&page, expected);
        let head = head.map_err(|(byte, damage)| LogError::damaged(&name, byte, damage))?;
        let (found, expected) = (file.length().map_err(read)?, self.sizes.segment);
        if found != expected {
            return Err(LogError::damaged(&name, found.min(expected), LogDamage::Length { found, expected }));
        }
        Ok(self.keep(Segment { head, name, file }))
    }

    /// Makes a segment: it has its name only once its head is durable.
    ///
    /// # Errors
    /// If it cannot be written, for example because the disk is full.
    pub(super) fn make(&self, number: u64) -> Result<Arc<Segment>, LogError> {
        let (name, unfinished) = (file_name(number), format!("{number:010}{UNFINISHED}"));
        let failed = |operation| move |error| LogError::file(operation, &file_name(number), &error);
        let salt = random_number().map_err(failed("make a salt for"))?;
        let head = SegmentHead { identity: self.identity, number, sizes: self.sizes, salt };
        let file = self.disk.create(&unfinished).map_err(failed("create"))?;
        file.allocate(self.sizes.segment).map_err(failed("allocate"))?;
        file.pwrite(&head.encode(), 0).map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        self.disk.rename(&unfinished, &name).map_err(failed("rename"))?;
        self.disk.sync_directory().map_err(failed("sync the directory of"))?;
        Ok(self.keep(Segment { head, name, file }))
    }

    fn keep(&self, segment: Segment) -> Arc<Segment> {
        let segment = Arc::new(segment);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.keep(segment.head.number, Arc::clone(&segment));
        segment
    }

    /// The start of the log, in its first segment.
    ///
    /// # Errors
    /// As [`Segments::get`].
    pub fn start(&self) -> Result<LogEnd, LogError> {
        Ok(LogEnd { lsn: PAGE, chain: self.get(0)?.head.chain(), sequence: 0 })
    }

    /// The head at a byte of a segment, if it is one.
    pub(super) fn frame_head(&self, segment: &Segment, byte: u64) -> Result<Result<FrameHead, FrameFault>, LogError> {
        let mut page = vec![0; PAGE as usize];
        read_padded(&*segment.file, &mut page, byte).map_err(segment.failed("read"))?;
        Ok(self.decode_head(segment, byte, &page))
    }

    /// Decodes the head at a byte of a segment, if it is one; a frame leaves room for a ROLL behind it.
    pub(super) fn decode_head(&self, segment: &Segment, byte: u64, bytes: &[u8]) -> Result<FrameHead, FrameFault> {
        let lsn = self.sizes.lsn(segment.head.number, byte);
        let head = FrameHead::decode(bytes, segment.head.salt, lsn, self.sizes)?;
        let fits = byte + head.frame_length() <= self.sizes.segment;
        if fits { Ok(head) } else { Err(FrameFault::Head) }
    }

    /// The frame that begins at the end of what is before it, if it is one.
    pub(super) fn frame(&self, before: LogEnd) -> Result<Result<Frame, FrameFault>, LogError> {
        let (number, byte) = self.sizes.place(before.lsn);
        let segment = self.get(number)?;
        let head = match self.frame_head(&segment, byte)? {
            Ok(head) => head,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut bytes = vec![0; head.used()];
        segment.file.read_at(&mut bytes, byte).map_err(segment.failed("read"))?;
        Ok(Frame::check(head, bytes, before))
    }

    /// The frame that begins here, which must be there.
    ///
    /// # Errors
    /// If it is damaged or cannot be read.
    pub fn required_frame(&self, before: LogEnd) -> Result<Frame, LogError> {
        let (number, byte) = self.sizes.place(before.lsn);
        let damaged = |fault| LogError::damaged(&file_name(number), byte, LogDamage::Frame(fault));
        self.frame(before)?.map_err(damaged)
    }

    /// What of the frame that begins here, which must be there, a reader of entries needs: of a frame without entries only the
    /// head is read and checked.
    ///
    /// # Errors
    /// If it is damaged or cannot be read.
    pub fn required_entries(&self, before: LogEnd) -> Result<EntryFrame, LogError> {
        let (number, byte) = self.sizes.place(before.lsn);
        let segment = self.get(number)?;
        let damaged = |fault| segment.damaged(byte, LogDamage::Frame(fault));
        let mut page = vec![0; PAGE as usize];
        read_padded(&*segment.file, &mut page, byte).map_err(segment.failed("read"))?;
        let head = self.decode_head(&segment, byte, &page).map_err(damaged)?;
        if head.entries > 0 {
            return self.required_frame(before).map(EntryFrame::Entries);
        }
        if head.follows(before) {
            Ok(EntryFrame::Empty(end_after(&head, &page, self.sizes)))
        } else {
            Err(damaged(FrameFault::Chain))
        }
    }

    /// A part of the record at a position, its checksum verified.
    ///
    /// # Errors
    /// If it is damaged, is beyond the published end, or cannot be read.
    pub fn read(&self, position: LogPosition, part: RecordPart) -> Result<PartBytes, LogError> {
        let (number, byte) = self.sizes.place(position.lsn);
        let damaged = |fault| LogError::damaged(&file_name(number), byte, LogDamage::Record(fault));
        let checked = match part {
            RecordPart::Rows => PartBytes::check_rows(self.first_bytes_with_rows(position)?, position.length),
            RecordPart::Entries => PartBytes::check(self.record(position)?, part),
        };
        checked.map_err(damaged)
    }

    /// The first bytes of the record at a position, unchecked, with all rows if its lengths fit.
    fn first_bytes_with_rows(&self, position: LogPosition) -> Result<Vec<u8>, LogError> {
        let (segment, byte) = self.segment_of(position)?;
        let read = |bytes: &mut [u8], at: usize| {
            segment.file.read_at(&mut bytes[at..], byte + at as u64).map_err(segment.failed("read"))
        };
        let mut bytes = vec![0; ROWS_AT_ONCE.min(position.length as usize)];
        read(&mut bytes, 0)?;
        let (begun, end) = (bytes.len(), rows_end(&bytes, position.length).unwrap_or_default());
        if end > begun {
            bytes.resize(end, 0);
            read(&mut bytes, begun)?;
        }
        Ok(bytes)
    }

    /// The bytes of the record at a position, unchecked.
    ///
    /// # Errors
    /// If it is beyond the published end or cannot be read.
    pub(in super::super) fn record(&self, position: LogPosition) -> Result<Vec<u8>, LogError> {
        let (segment, byte) = self.segment_of(position)?;
        let mut bytes = vec![0; position.length as usize];
        segment.file.read_at(&mut bytes, byte).map_err(segment.failed("read"))?;
        Ok(bytes)
    }

    /// The segment with the record at a position, and the byte in it.
    fn segment_of(&self, position: LogPosition) -> Result<(Arc<Segment>, u64), LogError> {
        let (number, byte) = self.sizes.place(position.lsn);
        let damaged = |damage| LogError::damaged(&file_name(number), byte, damage);
        let length = u64::from(position.length);
        if position.lsn.saturating_add(length) > self.published() {
            return Err(damaged(LogDamage::BeyondEnd));
        }
        if byte + length > self.sizes.segment || length > u64::from(self.sizes.frame) {
            return Err(damaged(LogDamage::Record(RecordFault::Head)));
        }
        Ok((self.get(number)?, byte))
    }
}

fn random_number() -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}
