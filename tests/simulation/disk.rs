//! A disk that tears: what was written and not synced is kept in part, or garbled, when the power goes.
//!
//! A commit is written row by row and ends with a mark; read back, a commit without its mark is none.

use std::collections::BTreeMap;

use onestop::domain::ids::Digest;
use serde::{Deserialize, Serialize};

use crate::support::random::Random;

/// The tables of the simulated store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
}

/// A row as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskRow {
    pub table: DiskTable,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
enum Frame {
    DiskRow(DiskRow),
    /// The rows before are one commit.
    Mark,
}

/// What is stored, by table and key.
pub type Image = BTreeMap<(DiskTable, Vec<u8>), Vec<u8>>;

/// The file of the store.
#[derive(Default)]
pub struct Disk {
    bytes: Vec<u8>,
    synced: usize,
}

/// Length, then checksum, then the frame.
const HEADER: usize = 4 + 8;

impl Disk {
    pub fn write_row(&mut self, row: &DiskRow) {
        self.write(&Frame::DiskRow(row.clone()));
    }

    pub fn write_mark(&mut self) {
        self.write(&Frame::Mark);
    }

    fn write(&mut self, frame: &Frame) {
        let body = postcard::to_stdvec(frame).expect("a frame");
        self.bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&Digest::of(&body).0[..8]);
        self.bytes.extend_from_slice(&body);
    }

    pub fn sync(&mut self) {
        self.synced = self.bytes.len();
    }

    /// The power goes: of what was not synced a part is left, and its end may be garbled.
    pub fn tear(&mut self, random: &mut Random) {
        let left = self.synced + random.below(self.bytes.len() - self.synced + 1);
        self.bytes.truncate(left);
        if left > self.synced && random.one_in(3) {
            let at = self.synced + random.below(left - self.synced);
            self.bytes[at] ^= 1 << random.below(8);
        }
    }

    /// Every whole commit that is left, and no more; what is behind the last is cut off.
    pub fn recover(&mut self) -> Vec<Vec<DiskRow>> {
        let (mut commits, mut open, mut at, mut end) = (Vec::new(), Vec::new(), 0, 0);
        while let Some((frame, next)) = frame(&self.bytes, at) {
            at = next;
            match frame {
                Frame::DiskRow(row) => open.push(row),
                Frame::Mark => {
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

fn frame(bytes: &[u8], at: usize) -> Option<(Frame, usize)> {
    let header = bytes.get(at..at + HEADER)?;
    let length = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    let body = bytes.get(at + HEADER..at + HEADER + length)?;
    let frame = postcard::from_bytes(body).ok().filter(|_| Digest::of(body).0[..8] == header[4..])?;
    Some((frame, at + HEADER + length))
}
