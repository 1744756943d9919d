//! Appending to a log: one `pwrite` and one `fdatasync` a group.

use std::sync::Arc;

use super::error::LogError;
use super::frame::{Frame, FrameHead, FrameKind, chain_of, lsn_after};
use super::layout::{FRAME_HEAD, LogSizes, PAGE, SECTOR, TRAILER, frame_length, zero_sectors};
use super::record::EncodedRecord;
use super::recovery::{Cut, recover};
use super::segment::Segment;
use super::segment_head::StoreIdentity;
use super::segments::Segments;
use super::supply::{SegmentMaker, SegmentSupply};
use crate::store::embedded::disk::Disk;
use crate::store::embedded::index::{LogEnd, LogPosition};

/// Whether a group waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncing {
    /// It is durable when [`Log::append`] returns.
    Synced,
    /// It is handed to the operating system: a power failure may lose it.
    Unsynced,
}

/// How a log is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// The sizes.
    pub sizes: LogSizes,
    /// Who makes the segments.
    pub maker: SegmentMaker,
    /// Whether a group waits for the disk.
    pub syncing: Syncing,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { sizes: LogSizes::STORE, maker: SegmentMaker::Thread, syncing: Syncing::Synced }
    }
}

/// A log that is open for appending; one thread appends.
pub struct Log {
    segments: Arc<Segments>,
    supply: SegmentSupply,
    current: Arc<Segment>,
    end: LogEnd,
    /// Everything below this position was synced.
    durable: u64,
    sealed: bool,
    newest_day: u32,
    stopped: Option<String>,
    syncing: Syncing,
}

/// A log that was opened.
pub struct OpenedLog {
    /// The log.
    pub log: Log,
    /// The remains of an interrupted write, if there were some.
    pub cut: Option<Cut>,
}

impl Log {
    /// Creates the first segment of a new log, if it does not exist.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(disk: Arc<dyn Disk>, identity: StoreIdentity, sizes: LogSizes) -> Result<(), LogError> {
        let segments = Segments::new(disk, identity, sizes);
        match segments.count() {
            Err(LogError::Missing(_)) => segments.make(0).map(drop),
            counted => counted.map(drop),
        }
    }

    /// Opens a log: replays the frames with records behind what the index covers, in order, and cuts the remains of an
    /// interrupted write.
    ///
    /// # Errors
    /// If the log is damaged, is of another store, or cannot be read; or the error of `replay`.
    pub fn open<E: From<LogError>>(
        disk: Arc<dyn Disk>,
        identity: StoreIdentity,
        options: LogOptions,
        covered: LogEnd,
        replay: impl FnMut(&Frame) -> Result<(), E>,
    ) -> Result<OpenedLog, E> {
        let segments = Arc::new(Segments::new(disk, identity, options.sizes));
        let recovered = recover(&segments, covered, replay)?;
        let number = options.sizes.place(recovered.end.lsn).0;
        segments.publish(recovered.end);
        let log = Log {
            current: segments.get(number)?,
            supply: SegmentSupply::new(Arc::clone(&segments), number + 1, options.maker)?,
            segments,
            end: recovered.end,
            durable: recovered.end.lsn,
            sealed: recovered.sealed,
            newest_day: recovered.newest_day,
            stopped: None,
            syncing: options.syncing,
        };
        Ok(OpenedLog { log, cut: recovered.cut })
    }

    /// The segments, for reading.
    pub fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    /// The end of the log. Everything below it is durable, unless the log is used unsynced.
    pub fn end(&self) -> LogEnd {
        self.end
    }

    /// Writes the records of a group as one frame and syncs it; the group becomes empty. Returns the position of each
    /// record. All are durable, or the log is stopped.
    ///
    /// # Errors
    /// [`LogError::Stopped`] if nothing was written because of an earlier failure. If a new segment cannot be made,
    /// nothing is written either, and the next call tries again. Otherwise the outcome of the write is unknown, and the
    /// log is stopped.
    pub fn append(&mut self, group: &mut Group) -> Result<Vec<LogPosition>, LogError> {
        self.check_running()?;
        self.make_room(frame_length(group.body_length()))?;
        let first = self.end.lsn + FRAME_HEAD as u64;
        self.write(FrameKind::Data, group)?;
        let positions = group.records.iter().map(|(at, length)| LogPosition { lsn: first + at, length: *length });
        let positions = positions.collect();
        group.clear();
        Ok(positions)
    }

    /// Writes an empty frame, which proves that the one before it was durable, unless there is one already.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn seal(&mut self) -> Result<(), LogError> {
        self.check_running()?;
        if self.sealed {
            return Ok(());
        }
        if self.has_room(PAGE) { self.write(FrameKind::Seal, &mut Group::new(self.sizes())) } else { self.roll() }
    }

    /// The number of the newest day of commits; 0 if there is none.
    pub fn newest_day(&self) -> u32 {
        self.newest_day
    }

    /// Whether the last frame is proved to be durable by the one after it.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Whether a write or a sync failed, so that nothing is written until the log is opened again.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    fn sizes(&self) -> LogSizes {
        self.segments.sizes()
    }

    fn check_running(&self) -> Result<(), LogError> {
        self.stopped.as_ref().map_or(Ok(()), |why| Err(LogError::Stopped(why.clone())))
    }

    /// Whether a frame of this length fits, with a ROLL behind it.
    fn has_room(&self, frame: u64) -> bool {
        self.sizes().place(self.end.lsn).1 + frame + PAGE <= self.sizes().segment
    }

    fn make_room(&mut self, frame: u64) -> Result<(), LogError> {
        if self.has_room(frame) { Ok(()) } else { self.roll() }
    }

    /// Ends the segment with a ROLL, which is durable before anything is written to the next.
    fn roll(&mut self) -> Result<(), LogError> {
        let next = self.supply.take()?;
        self.write(FrameKind::Roll, &mut Group::new(self.sizes()))?;
        self.current = next;
        Ok(())
    }

    fn write(&mut self, kind: FrameKind, group: &mut Group) -> Result<(), LogError> {
        let head = FrameHead {
            lsn: self.end.lsn,
            durable: self.durable,
            sequence: self.end.sequence,
            length: group.body_length() as u32,
            count: group.records.len() as u32,
            body: group.body_checksum(),
            chain: self.end.chain,
            zero_sectors: 0,
            kind,
            entries: group.entries,
            newest_day: self.newest_day.max(group.newest_day),
        };
        let bytes = group.finish(head, self.current.head.salt);
        let byte = self.segments.sizes().place(self.end.lsn).1;
        let written = write_and_sync(&self.current, bytes, byte, self.syncing);
        self.stopped = written.as_ref().err().map(ToString::to_string);
        written?;
        let sequence = head.sequence_after();
        self.end = LogEnd { lsn: lsn_after(&head, self.sizes()), chain: chain_of(bytes), sequence };
        self.sealed = kind != FrameKind::Data;
        self.newest_day = head.newest_day;
        if self.syncing == Syncing::Synced {
            self.durable = self.end.lsn;
        }
        self.segments.publish(self.end);
        Ok(())
    }
}

fn write_and_sync(segment: &Segment, bytes: &[u8], byte: u64, syncing: Syncing) -> Result<(), LogError> {
    segment.file.pwrite(bytes, byte).map_err(segment.failed("write"))?;
    match syncing {
        Syncing::Synced => segment.file.sync().map_err(segment.failed("sync")),
        Syncing::Unsynced => Ok(()),
    }
}

/// The records that become one frame.
pub struct Group {
    /// The head, which is filled in last, and the body.
    bytes: Vec<u8>,
    /// Where each record begins in the body, and its length.
    records: Vec<(u64, u32)>,
    /// The number of entries in the records.
    entries: u32,
    newest_day: u32,
    limit: usize,
}

impl Group {
    /// An empty group of a log with these sizes.
    pub fn new(sizes: LogSizes) -> Group {
        Group { bytes: vec![0; FRAME_HEAD], records: Vec::new(), entries: 0, newest_day: 0, limit: sizes.body() }
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the record fits into the rest of the frame.
    pub fn has_room(&self, record: &EncodedRecord) -> bool {
        self.body_length() + record.bytes().len() <= self.limit
    }

    /// Appends a record.
    ///
    /// # Errors
    /// [`LogError::RecordTooLong`] if it does not fit into the rest of the frame.
    pub fn push(&mut self, record: &EncodedRecord) -> Result<(), LogError> {
        if !self.has_room(record) {
            return Err(LogError::RecordTooLong { bytes: record.bytes().len(), limit: self.limit });
        }
        self.records.push((self.body_length() as u64, record.length()));
        self.bytes.extend_from_slice(record.bytes());
        self.entries += record.entry_count();
        Ok(())
    }

    /// Says that a record is of this day.
    pub fn note_day(&mut self, number: u32) {
        self.newest_day = self.newest_day.max(number);
    }

    fn body_length(&self) -> usize {
        self.bytes.len() - FRAME_HEAD
    }

    fn body_checksum(&self) -> u32 {
        crc32c::crc32c(&self.bytes[FRAME_HEAD..])
    }

    /// The bytes of the frame: head, body, trailer and zeros up to a page.
    fn finish(&mut self, head: FrameHead, salt: u64) -> &[u8] {
        self.bytes.extend_from_slice(&TRAILER);
        // The first sector holds the head and is never all zero.
        let behind_first = self.bytes.get(SECTOR..).unwrap_or_default();
        let head = FrameHead { zero_sectors: zero_sectors(behind_first), ..head };
        self.bytes[..FRAME_HEAD].copy_from_slice(&head.encode(salt));
        self.bytes.resize(head.frame_length() as usize, 0);
        &self.bytes
    }

    /// The bytes of memory that it holds.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Removes its records; the memory stays for the next ones.
    pub fn clear(&mut self) {
        self.bytes.truncate(FRAME_HEAD);
        self.records.clear();
        (self.entries, self.newest_day) = (0, 0);
    }
}
