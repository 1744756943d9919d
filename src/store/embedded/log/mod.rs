//! The log of a store: the truth, from which everything else about settlements is derived.
//!
#![doc = include_str!("format.md")]

mod error;
mod frame;
mod frame_search;
mod layout;
mod open_segments;
mod record;
mod recovery;
mod scan;
mod segment;
mod segment_head;
mod segments;
mod supply;
mod tail;
mod unproven;
mod writer;

pub use error::{FrameFault, LogDamage, LogError, RecordFault};
pub use frame::{Frame, FrameHead, FrameKind};
pub use layout::{LogSizes, PAGE};
pub use open_segments::affordable_segments;
pub use record::{EncodedRecord, OpenRecord, PartBytes, Record, RecordPart};
pub use recovery::{Cut, leads_to};
pub(super) use scan::{FrameScan, Scanned};
pub use segment::Segment;
pub(super) use segment::place;
pub use segment_head::StoreIdentity;
pub use segments::{EntryFrame, Segments};
pub use supply::SegmentMaker;
pub use writer::{Group, Log, LogOptions, OpenedLog, Syncing};
