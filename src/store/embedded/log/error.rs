//! Errors of the log.

/// Why the log did not do what was requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A file cannot be read or written.
    #[error("cannot {operation} the log file {file}: {why}")]
    File {
        /// The operation: `read`, `write`, `sync`, …
        operation: &'static str,
        /// The name of the file in the directory of the log.
        file: String,
        /// The error of the system.
        why: String,
    },
    /// A file is not what was written.
    #[error("the log file {file} is damaged at byte {byte}: {damage}")]
    Damaged {
        /// The name of the file in the directory of the log.
        file: String,
        /// The first byte of what is damaged: of a head, a frame or a record.
        byte: u64,
        /// What is wrong.
        damage: LogDamage,
    },
    /// A segment does not exist.
    #[error("the log file {0} is missing")]
    Missing(String),
    /// The log is not the one that the index was made from, or an older copy of it.
    #[error(
        "the log file {file} does not lead up to byte {byte}, which the index covers: it is an older copy, or another log"
    )]
    NotCovered {
        /// The name of the file that holds the end of what is covered.
        file: String,
        /// The byte in it.
        byte: u64,
    },
    /// A write or a sync failed before, or its outcome is unknown: nothing is written until the log is opened again.
    #[error("the log accepts no writes until it is opened again: {0}")]
    Stopped(String),
    /// A record is longer than a frame can hold.
    #[error("a record of {bytes} bytes is longer than the {limit} bytes of a frame")]
    RecordTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The maximum in bytes.
        limit: usize,
    },
}

/// What is wrong with a file of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogDamage {
    /// It does not begin as a segment does.
    #[error("it does not begin as a segment does")]
    SegmentMagic,
    /// The head of the segment does not have its checksum.
    #[error("the head of the segment does not have its checksum")]
    SegmentChecksum,
    /// Another release wrote it.
    #[error("it has format {found}; this release reads format {known}")]
    Format {
        /// Its format.
        found: u32,
        /// The format that this release reads.
        known: u32,
    },
    /// It belongs to another store.
    #[error("it belongs to another store")]
    OtherStore,
    /// It is another segment of this log under this name.
    #[error("it is segment {found} under another name")]
    OtherSegment {
        /// The number in its head.
        found: u64,
    },
    /// Its sizes are not those of the log.
    #[error("its sizes are not those of the log")]
    OtherSizes,
    /// A byte is not zero where all must be.
    #[error("a byte of the padding is not zero")]
    Padding,
    /// It has another length than a segment.
    #[error("it has {found} bytes in place of {expected}")]
    Length {
        /// Its length in bytes.
        found: u64,
        /// The length of a segment in bytes.
        expected: u64,
    },
    /// A frame is not what was written, and it is not the remains of an interrupted write.
    #[error("a frame cannot be read: {0}")]
    Frame(FrameFault),
    /// A frame cannot be read that was durable when a later one was written.
    #[error("a frame cannot be read, and it was durable: {0}")]
    DurableFrame(FrameFault),
    /// Bytes are used behind the end that no interrupted write explains.
    #[error("bytes behind the end of the log are not zero, further than one interrupted write reaches")]
    BehindEnd,
    /// A segment is used, and the one before it does not end with a ROLL.
    #[error("the segment is used, but the log ends before it")]
    NoRoll,
    /// A record is not what was written.
    #[error("a record cannot be read: {0}")]
    Record(RecordFault),
    /// A record was looked for beyond the end of the log.
    #[error("the index leads to a record beyond the end of the log")]
    BeyondEnd,
}

/// Why bytes are not the frame that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The segment ends before the head does.
    #[error("the segment ends before its head")]
    HeadCut,
    /// It does not begin as a frame does.
    #[error("it does not begin as a frame does")]
    Magic,
    /// Its head does not have its checksum.
    #[error("its head does not have its checksum")]
    HeadChecksum,
    /// Its head contradicts itself or the place where it is.
    #[error("its head is not the one of this place")]
    Head,
    /// It does not follow the frame before it.
    #[error("it does not follow the frame before it")]
    Chain,
    /// Its trailer is not there.
    #[error("its trailer is not there")]
    Trailer,
    /// Its body does not have its checksum.
    #[error("its body does not have its checksum")]
    BodyChecksum,
    /// Its records do not add up to its body.
    #[error("its records do not add up")]
    Records,
}

/// Why bytes are not the record that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Its lengths do not fit.
    #[error("its lengths do not fit")]
    Head,
    /// Its index rows do not have their checksum.
    #[error("its index rows do not have their checksum")]
    RowsChecksum,
    /// Its entries do not have their checksum.
    #[error("its entries do not have their checksum")]
    EntriesChecksum,
}

impl RecordFault {
    /// The damage at the byte of a file where the record begins.
    pub fn at(self, file: &str, byte: u64) -> LogError {
        LogError::damaged(file, byte, LogDamage::Record(self))
    }
}

impl LogError {
    pub(super) fn file(operation: &'static str, file: &str, error: &std::io::Error) -> LogError {
        LogError::File { operation, file: file.to_owned(), why: error.to_string() }
    }

    pub(in super::super) fn damaged(file: &str, byte: u64, damage: LogDamage) -> LogError {
        LogError::Damaged { file: file.to_owned(), byte, damage }
    }
}
