//! The manifest of a backup: the file `BACKUP`.

use std::fmt::Write;
use std::path::Path;

use super::error::BackupError;
use super::reader::BackupPosition;
use crate::domain::ids::Digest;
use crate::domain::journal::Instant;
use crate::store::embedded::index::LogEnd;
use crate::store::embedded::log::StoreIdentity;

/// The name of the file.
pub(super) const MANIFEST: &str = "BACKUP";

/// The format that this release writes and reads.
const FORMAT: u32 = 1;

/// The word before the format.
const NAME: &str = "onestop-backup";

/// Which part of a log a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Up to where, of which store.
    pub position: BackupPosition,
    /// The time of the newest commit; `None` if there is no commit.
    pub newest: Option<Instant>,
    /// The segments, from 0.
    pub(super) segments: Vec<SegmentDigest>,
}

/// The part of a segment that a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentDigest {
    /// The bytes of it, from its first.
    pub(super) used: u64,
    /// Their digest.
    pub(super) digest: Digest,
}

impl Manifest {
    /// The number of segments.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The number of bytes of the log.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.used).sum()
    }

    pub(super) fn encode(&self) -> String {
        let BackupPosition { identity, end: LogEnd { lsn, chain, sequence } } = self.position;
        let mut text = format!("{NAME} {FORMAT} {}\n", hex(&identity));
        for (number, SegmentDigest { used, digest }) in self.segments.iter().enumerate() {
            // Writing to a text does not fail.
            let _written = writeln!(text, "segment {number:010}.log {used} {digest}");
        }
        let newest = self.newest.map_or("-".to_owned(), |Instant(newest)| newest.to_string());
        let _written = writeln!(text, "end {lsn} {chain:08x} {sequence} {newest}");
        let digest = blake3::hash(text.as_bytes()).to_hex();
        text + &format!("digest {digest}\n")
    }

    pub(super) fn decode(path: &Path, text: &str) -> Result<Manifest, BackupError> {
        let damaged = |line| BackupError::Manifest { path: path.to_owned(), line };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let [first, segments @ .., end, digest] = &lines[..] else { return Err(damaged(lines.len().max(1))) };
        let identity = decode_first(path, first)?;
        let hashed = text.len() - digest.len();
        if words(digest) != ["digest", blake3::hash(&text.as_bytes()[..hashed]).to_hex().as_str()] {
            return Err(damaged(lines.len()));
        }
        let decode = |(number, line): (usize, &&str)| decode_segment(number, line).ok_or(damaged(number + 2));
        let segments = segments.iter().enumerate().map(decode).collect::<Result<Vec<_>, _>>()?;
        let (end, newest) = decode_end(end).ok_or(damaged(lines.len() - 1))?;
        Ok(Manifest { position: BackupPosition { identity, end }, newest, segments })
    }
}

fn decode_first(path: &Path, line: &str) -> Result<StoreIdentity, BackupError> {
    let damaged = || BackupError::Manifest { path: path.to_owned(), line: 1 };
    match words(line)[..] {
        [NAME, format, identity] if format.parse() == Ok(FORMAT) => parse_hex(identity).ok_or_else(damaged),
        [NAME, format, ..] => {
            Err(BackupError::OtherFormat { path: path.to_owned(), found: format.to_owned(), known: FORMAT })
        }
        _ => Err(damaged()),
    }
}

fn decode_segment(number: usize, line: &str) -> Option<SegmentDigest> {
    match words(line)[..] {
        ["segment", name, used, digest] if name == format!("{number:010}.log") => {
            Some(SegmentDigest { used: used.parse().ok()?, digest: Digest(parse_hex(digest)?) })
        }
        _ => None,
    }
}

fn decode_end(line: &str) -> Option<(LogEnd, Option<Instant>)> {
    let ["end", lsn, chain, sequence, newest] = words(line)[..] else { return None };
    let chain = u32::from_be_bytes(parse_hex(chain)?);
    let newest = if newest == "-" { None } else { Some(Instant(newest.parse().ok()?)) };
    Some((LogEnd { lsn: lsn.parse().ok()?, chain, sequence: sequence.parse().ok()? }, newest))
}

fn words(line: &str) -> Vec<&str> {
    line.strip_suffix('\n').unwrap_or_default().split(' ').collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let end = LogEnd { lsn: 67_112_960, chain: 0x0a0b_0c0d, sequence: 7 };
        let segment = |used, byte| SegmentDigest { used, digest: Digest([byte; 32]) };
        Manifest {
            position: BackupPosition { identity: [9; 16], end },
            newest: Some(Instant(1_500_000_000_000_001)),
            segments: vec![segment(67_108_864, 1), segment(8_192, 2)],
        }
    }

    fn decode(text: &str) -> Result<Manifest, String> {
        Manifest::decode(Path::new("BACKUP"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        assert_eq!(decode(&manifest().encode()), Ok(manifest()));
        let empty = Manifest { newest: None, segments: Vec::new(), ..manifest() };
        assert_eq!(decode(&empty.encode()), Ok(empty));
    }

    #[test]
    fn any_changed_or_missing_byte_is_refused() {
        let text = manifest().encode();
        for at in 0..text.len() {
            assert!(decode(&text[..at]).is_err(), "cut at {at}");
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(decode(&String::from_utf8(bytes).expect("text")).is_err(), "byte {at}");
        }
        assert!(decode(&(text.clone() + "\n")).is_err());
        let other = text.replace("onestop-backup 1", "onestop-backup 2");
        assert_eq!(decode(&other), Err("BACKUP has backup format 2; this release reads format 1".to_owned()));
    }
}
