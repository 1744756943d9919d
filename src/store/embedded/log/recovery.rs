//! Finding the end of a log: replays the frames behind what the index covers, and tells the remains of an interrupted
//! write from damage.

use super::error::{FrameFault, LogDamage, LogError};
use super::frame::{Frame, FrameHead, FrameKind, KIND};
use super::layout::{FRAME_MAGIC, PAGE, SECTOR, is_zero, read_padded, zero_sectors};
use super::segment::{Segment, file_name};
use super::segments::Segments;
use super::tail::scan_tail;
use super::unproven::Unproven;
use crate::store::embedded::index::LogEnd;

/// The remains of an interrupted write, which nothing was answered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The name of the file.
    pub file: String,
    /// The first byte that was cut.
    pub byte: u64,
    /// The number of bytes up to the last that was not zero.
    pub length: u64,
}

/// The end of a log that was recovered.
pub(super) struct Recovered {
    pub end: LogEnd,
    /// Whether a frame proves that all before it was durable.
    pub sealed: bool,
    /// The newest day of commits, as the last frame says.
    pub newest_day: u32,
    pub cut: Option<Cut>,
}

/// What was read from the log up to its end.
struct Replayed {
    start: LogEnd,
    end: LogEnd,
    /// The greatest position below which a frame says that the log was durable.
    durable: u64,
    last: Option<FrameKind>,
    newest_day: u32,
    /// Why there is no frame at the end.
    fault: FrameFault,
}

/// Replays the frames behind what is covered, cuts the remains of an interrupted write, and makes everything durable. A
/// frame is replayed once it is durable.
pub(super) fn recover<E: From<LogError>>(
    segments: &Segments,
    covered: LogEnd,
    mut replay: impl FnMut(&Frame) -> Result<(), E>,
) -> Result<Recovered, E> {
    let count = segments.count()?;
    let mut unproven = Unproven::new(segments);
    let replayed = replay_frames(segments, covered, &mut unproven, &mut replay)?;
    let cut = cut_remains(segments, &replayed, count)?;
    unproven.write_again()?;
    let (first, last) = (segments.sizes().place(replayed.start.lsn).0, segments.sizes().place(replayed.end.lsn).0);
    // What a killed process wrote may be in the memory of the system only.
    for number in first..=last {
        let segment = segments.get(number)?;
        segment.file.sync().map_err(segment.failed("sync"))?;
    }
    while let Some(frame) = unproven.take() {
        replay_records(&frame, &mut replay)?;
    }
    let sealed = matches!(replayed.last, Some(FrameKind::Seal | FrameKind::Roll));
    Ok(Recovered { end: replayed.end, sealed, newest_day: replayed.newest_day, cut })
}

fn replay_frames<E: From<LogError>>(
    segments: &Segments,
    covered: LogEnd,
    unproven: &mut Unproven<'_>,
    replay: &mut impl FnMut(&Frame) -> Result<(), E>,
) -> Result<Replayed, E> {
    let start = if covered == LogEnd::default() { segments.start()? } else { covered };
    let mut newest_day = check_covered(segments, start)?;
    let (mut end, mut durable, mut last) = (start, start.lsn, None);
    loop {
        let frame = match segments.frame(end)? {
            Ok(frame) => frame,
            Err(fault) => return Ok(Replayed { start, end, durable, last, newest_day, fault }),
        };
        durable = durable.max(frame.head().durable);
        (last, newest_day) = (Some(frame.head().kind), frame.head().newest_day);
        end = frame.end(segments.sizes());
        unproven.push(frame);
        while let Some(proved) = unproven.take_proved(durable) {
            replay_records(&proved, replay)?;
        }
    }
}

fn replay_records<E>(frame: &Frame, replay: &mut impl FnMut(&Frame) -> Result<(), E>) -> Result<(), E> {
    if frame.head().kind == FrameKind::Data { replay(frame) } else { Ok(()) }
}

/// Checks that the log leads up to this end: a frame with its checksum ends there.
///
/// # Errors
/// [`LogError::NotCovered`] if it does not; or if it is damaged or cannot be read.
pub fn leads_to(segments: &Segments, end: LogEnd) -> Result<(), LogError> {
    check_covered(segments, end).map(drop)
}

/// Checks that the log leads up to what the index covers: a frame with this checksum ends there. Returns the newest day
/// that it carries.
///
/// # Errors
/// As [`leads_to`].
fn check_covered(segments: &Segments, covered: LogEnd) -> Result<u32, LogError> {
    let (number, byte) = segments.sizes().place(covered.lsn);
    if covered.lsn == PAGE && covered == segments.start()? {
        return Ok(0);
    }
    let not_covered = || LogError::NotCovered { file: file_name(number), byte };
    let segment = segments.get(number).map_err(|error| match error {
        LogError::Missing(_) => not_covered(),
        error => error,
    })?;
    match segments.last_head_before(&segment, byte)? {
        Some((head, end)) if end == covered => return Ok(head.newest_day),
        Some((_, end)) if end.lsn < covered.lsn => check_not_damaged(segments, &segment, byte, end)?,
        Some(_) => {}
        None => {
            let first = LogEnd { lsn: segments.sizes().lsn(number, PAGE), ..LogEnd::default() };
            check_not_damaged(segments, &segment, byte, first)?;
        }
    }
    Err(not_covered())
}

/// Checks that nothing was written before this byte of a segment, as in an older copy, rather than frames from this end of the
/// log on whose heads cannot be read.
///
/// The page before the byte decides: the trailer of a frame that ends there is in it, and where nothing was written it is zero.
/// So a covered frame of one page that became zero as a whole looks like an older copy.
fn check_not_damaged(segments: &Segments, segment: &Segment, byte: u64, unreadable: LogEnd) -> Result<(), LogError> {
    // No frame ends in the middle of a page, or before the first frame.
    if byte <= PAGE || !byte.is_multiple_of(PAGE) {
        return Ok(());
    }
    let mut page = [0; PAGE as usize];
    read_padded(&*segment.file, &mut page, byte - PAGE).map_err(segment.failed("read"))?;
    if is_zero(&page) { Ok(()) } else { segments.required_frame(unreadable).map(drop) }
}

/// Zeros what is behind the end of the log, if it can only be the remains of one interrupted write.
///
/// # Errors
/// If it is damage.
fn cut_remains(segments: &Segments, replayed: &Replayed, count: u64) -> Result<Option<Cut>, LogError> {
    let (number, byte) = segments.sizes().place(replayed.end.lsn);
    let segment = segments.get(number)?;
    let tail = scan_tail(segments, replayed.end.lsn, count)?;
    if replayed.durable.max(tail.durable) > replayed.end.lsn {
        return Err(segment.damaged(byte, LogDamage::DurableFrame(replayed.fault)));
    }
    if let Some((file, byte)) = tail.other_segment {
        return Err(LogError::damaged(&file, byte, LogDamage::NoRoll));
    }
    let Some(used_until) = tail.used_until else { return Ok(None) };
    check_is_tear(segments, &segment, replayed, used_until)?;
    zero(&segment, byte, used_until)?;
    Ok(Some(Cut { file: segment.name.clone(), byte, length: used_until - byte }))
}

/// Checks that the bytes behind the end can only be the remains of one interrupted write.
fn check_is_tear(segments: &Segments, segment: &Segment, replayed: &Replayed, used_until: u64) -> Result<(), LogError> {
    let byte = segments.sizes().place(replayed.end.lsn).1;
    if used_until > byte + u64::from(segments.sizes().frame) {
        return Err(segment.damaged(used_until - 1, LogDamage::BehindEnd));
    }
    let mut remains = vec![0; (used_until - byte).next_multiple_of(PAGE) as usize];
    read_padded(&*segment.file, &mut remains, byte).map_err(segment.failed("read"))?;
    let head = segments.decode_head(segment, byte, &remains);
    let is_tear = match head {
        _ if is_zero(&remains[..SECTOR]) => true,
        Err(_) => is_beginning_of_head(&remains[..SECTOR], replayed.end.lsn),
        Ok(head) => is_incomplete(&head, &mut remains, replayed.end),
    };
    if is_tear { Ok(()) } else { Err(segment.damaged(byte, LogDamage::Frame(replayed.fault))) }
}

/// Whether the first sector holds only a beginning of the head that belongs here.
fn is_beginning_of_head(sector: &[u8], lsn: u64) -> bool {
    let mut known = [0; 16];
    known[..4].copy_from_slice(&FRAME_MAGIC);
    known[8..].copy_from_slice(&lsn.to_le_bytes());
    let last = sector.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let agrees = |range: std::ops::Range<usize>| {
        let range = range.start.min(last + 1)..range.end.min(last + 1);
        known[range.clone()] == sector[range]
    };
    last < KIND && agrees(0..4) && agrees(8..16)
}

/// Whether a frame with this valid head lacks sectors or its end, and nothing is behind it.
fn is_incomplete(head: &FrameHead, remains: &mut Vec<u8>, before: LogEnd) -> bool {
    let follows = head.chain == before.chain && head.sequence == before.sequence;
    let behind = remains.get(head.frame_length() as usize..).unwrap_or_default();
    if !follows || !is_zero(behind) {
        return false;
    }
    remains.resize(head.used(), 0);
    zero_sectors(remains) > head.zero_sectors || remains.last() == Some(&0)
}

/// Zeros the pages of these bytes, durably. If they cannot be synced, what was there is put back, so that the next opening
/// finds it: the system may take the zeros in its memory for written.
fn zero(segment: &Segment, from: u64, until: u64) -> Result<(), LogError> {
    let mut remains = vec![0; (until - from).next_multiple_of(PAGE) as usize];
    read_padded(&*segment.file, &mut remains, from).map_err(segment.failed("read"))?;
    segment.file.pwrite(&vec![0; remains.len()], from).map_err(segment.failed("write"))?;
    let synced = segment.file.sync().map_err(segment.failed("sync"));
    synced.inspect_err(|_| drop(segment.file.pwrite(&remains, from)))
}
