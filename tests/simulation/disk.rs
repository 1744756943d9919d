//! A disk with torn writes: after a power failure, unsynced bytes are kept in part or corrupted.
//!
//! A commit is written row by row and ends with a commit mark; recovery discards a commit without its mark.

use std::collections::BTreeMap;

use onestop::domain::ids::Digest;

use crate::support::random::Random;

/// The tables of the simulated store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskTable {
    Journal,
    States,
    Requests,
    Claims,
    Listed,
    Persons,
    Parts,
    Imports,
    Policies,
    Sequence,
    Administration,
}

impl DiskTable {
    const ALL: [DiskTable; 11] = [
        DiskTable::Journal,
        DiskTable::States,
        DiskTable::Requests,
        DiskTable::Claims,
        DiskTable::Listed,
        DiskTable::Persons,
        DiskTable::Parts,
        DiskTable::Imports,
        DiskTable::Policies,
        DiskTable::Sequence,
        DiskTable::Administration,
    ];
}

/// A stored row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskRow {
    pub table: DiskTable,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

enum Frame {
    Row(DiskRow),
    /// The end of a commit: the rows since the last mark belong to it.
    CommitMark,
}

impl Frame {
    /// The table, the length of the key, the key, and the value of a row; nothing for a mark.
    fn encode(&self) -> Vec<u8> {
        let Frame::Row(DiskRow { table, key, value }) = self else { return Vec::new() };
        let length = (key.len() as u32).to_le_bytes();
        [&[*table as u8][..], &length, key, value].concat()
    }

    fn decode(body: &[u8]) -> Option<Frame> {
        let Some((table, rest)) = body.split_first() else { return Some(Frame::CommitMark) };
        let (length, rest) = rest.split_first_chunk()?;
        let (key, value) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let table = *DiskTable::ALL.get(usize::from(*table))?;
        Some(Frame::Row(DiskRow { table, key: key.to_vec(), value: value.to_vec() }))
    }
}

/// All stored rows by table and key.
pub type Image = BTreeMap<(DiskTable, Vec<u8>), Vec<u8>>;

/// The log file of the store.
#[derive(Default)]
pub struct Disk {
    bytes: Vec<u8>,
    synced: usize,
}

/// The bytes before a frame: its length, then its checksum.
const HEADER_BYTES: usize = 4 + 8;

impl Disk {
    pub fn write_row(&mut self, row: &DiskRow) {
        self.write(&Frame::Row(row.clone()));
    }

    pub fn write_commit_mark(&mut self) {
        self.write(&Frame::CommitMark);
    }

    fn write(&mut self, frame: &Frame) {
        let body = frame.encode();
        self.bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&Digest::blake3(&body).0[..8]);
        self.bytes.extend_from_slice(&body);
    }

    pub fn sync(&mut self) {
        self.synced = self.bytes.len();
    }

    /// Simulates a power failure: keeps a random part of the unsynced bytes, and may corrupt a bit of it.
    pub fn tear(&mut self, random: &mut Random) {
        let left = self.synced + random.below(self.bytes.len() - self.synced + 1);
        self.bytes.truncate(left);
        if left > self.synced && random.one_in(3) {
            let at = self.synced + random.below(left - self.synced);
            self.bytes[at] ^= 1 << random.below(8);
        }
    }

    /// Reads every complete commit and truncates the file after the last one.
    pub fn recover(&mut self) -> Vec<Vec<DiskRow>> {
        let (mut commits, mut open, mut at, mut end) = (Vec::new(), Vec::new(), 0, 0);
        while let Some((frame, next)) = read_frame(&self.bytes, at) {
            at = next;
            match frame {
                Frame::Row(row) => open.push(row),
                Frame::CommitMark => {
                    commits.push(std::mem::take(&mut open));
                    end = at;
                }
            }
        }
        self.bytes.truncate(end);
        self.synced = end;
        commits
    }
}

/// The frame at this offset and the offset after it; none if it is incomplete or corrupted.
fn read_frame(bytes: &[u8], at: usize) -> Option<(Frame, usize)> {
    let header = bytes.get(at..at + HEADER_BYTES)?;
    let length = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    let body = bytes.get(at + HEADER_BYTES..at + HEADER_BYTES + length)?;
    let frame = Frame::decode(body).filter(|_| Digest::blake3(body).0[..8] == header[4..])?;
    Some((frame, at + HEADER_BYTES + length))
}
