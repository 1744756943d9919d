//! An open segment of a log, and the name of its file.

use super::error::{LogDamage, LogError};
use super::layout::LogSizes;
use super::segment_head::SegmentHead;
use crate::store::embedded::disk::DiskFile;

/// A segment that is open; its head was checked.
pub struct Segment {
    /// The head.
    pub head: SegmentHead,
    /// The name of the file.
    pub name: String,
    /// The file.
    pub file: Box<dyn DiskFile>,
}

impl Segment {
    /// The error of a failed operation on the file.
    pub fn failed(&self, operation: &'static str) -> impl Fn(std::io::Error) -> LogError {
        move |error| LogError::file(operation, &self.name, &error)
    }

    /// The error of damage at a byte of the file.
    pub fn damaged(&self, byte: u64, damage: LogDamage) -> LogError {
        LogError::damaged(&self.name, byte, damage)
    }
}

/// How the name of a segment ends, and of one that is not completed.
pub(super) const FINISHED: &str = ".log";
pub(super) const UNFINISHED: &str = ".new";

/// The name of the file of a segment.
pub fn file_name(number: u64) -> String {
    format!("{number:010}{FINISHED}")
}

/// The file of a byte of the log, and the byte in it.
pub fn place(sizes: LogSizes, lsn: u64) -> (String, u64) {
    let (number, byte) = sizes.place(lsn);
    (file_name(number), byte)
}
