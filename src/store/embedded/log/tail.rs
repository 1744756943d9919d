//! What is behind the end of a log.

use super::error::LogError;
use super::layout::{PAGE, is_zero, read_padded};
use super::segment::Segment;
use super::segments::Segments;

/// How much is read at once in bytes, a multiple of a page.
const CHUNK: u64 = 256 << 10;

/// What is not zero behind the end of a log.
#[derive(Default)]
pub(super) struct Tail {
    /// The greatest position below which a valid head says that the log was durable.
    pub durable: u64,
    /// Just past the last byte of the end's own segment that is not zero, if there is one.
    pub used_until: Option<u64>,
    /// The first later segment that is used: its name, and the first used page.
    pub other_segment: Option<(String, u64)>,
}

/// Reads all that is behind the end of a log of so many segments.
pub(super) fn scan_tail(segments: &Segments, end: u64, count: u64) -> Result<Tail, LogError> {
    let (first, byte) = segments.sizes().place(end);
    let mut tail = Tail::default();
    for number in first..count {
        let segment = segments.get(number)?;
        let from = if number == first { byte } else { PAGE };
        scan_segment(segments, &segment, from, |at, page| {
            let head = segments.decode_head(&segment, at, page);
            tail.durable = tail.durable.max(head.map_or(0, |head| head.durable));
            if number == first {
                let last = page.iter().rposition(|byte| *byte != 0).unwrap_or(0);
                tail.used_until = Some(at + last as u64 + 1);
            } else {
                tail.other_segment.get_or_insert_with(|| (segment.name.clone(), at));
            }
        })?;
    }
    Ok(tail)
}

/// Calls `used` with every page of a segment that is not zero.
fn scan_segment(
    segments: &Segments,
    segment: &Segment,
    mut from: u64,
    mut used: impl FnMut(u64, &[u8]),
) -> Result<(), LogError> {
    let mut chunk = vec![0; CHUNK as usize];
    while let Some(data) = segment.file.next_data(from).map_err(segment.failed("read"))? {
        let begin = (data / PAGE * PAGE).max(from);
        let length = CHUNK.min(segments.sizes().segment.saturating_sub(begin));
        if length == 0 {
            return Ok(());
        }
        let bytes = &mut chunk[..length as usize];
        read_padded(&*segment.file, bytes, begin).map_err(segment.failed("read"))?;
        let pages = bytes.chunks(PAGE as usize).zip((begin..).step_by(PAGE as usize));
        pages.filter(|(page, _)| !is_zero(page)).for_each(|(page, at)| used(at, page));
        from = begin + length;
    }
    Ok(())
}
