//! The limit to compare with: frames appended to a plain file, one fdatasync a group, and maps in memory.

use crate::store::{Ack, Held, Key, Person, Result, Seen, Settle, Store, version};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::sync::{Mutex, RwLock};

const PERSON: u8 = 1;
const SETTLE: u8 = 2;

#[derive(Default)]
struct Maps {
    reference: HashMap<Key, Vec<u8>>,
    state: HashMap<Key, Vec<u8>>,
    entries: HashMap<Key, u64>,
    requests: HashMap<Key, [u8; 24]>,
    claims: HashMap<Key, [u8; 48]>,
}

struct Tail {
    file: File,
    end: u64,
    buffer: Vec<u8>,
}

pub struct LogStore {
    tail: Mutex<Tail>,
    maps: RwLock<Maps>,
}

impl LogStore {
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path.join("log"))?;
        file.try_lock()?;
        let mut maps = Maps::default();
        let end = replay(&file, &mut maps)?;
        file.set_len(end)?;
        let tail = Tail { file, end, buffer: Vec::new() };
        Ok(Self { tail: Mutex::new(tail), maps: RwLock::new(maps) })
    }
}

/// Appends one frame: length, checksum, kind, parts.
fn frame(buffer: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 8]);
    buffer.push(kind);
    for part in parts {
        buffer.extend_from_slice(part);
    }
    let length = (buffer.len() - start - 8) as u32;
    let checksum = crc32fast::hash(&buffer[start + 8..]);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads frames up to the first that is torn, and returns where it begins.
fn replay(file: &File, maps: &mut Maps) -> Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut end = 0;
    let mut head = [0; 8];
    let mut body = Vec::new();
    while reader.read_exact(&mut head).is_ok() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let checksum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        body.clear();
        reader.by_ref().take(u64::from(length)).read_to_end(&mut body)?;
        if body.len() != length as usize || crc32fast::hash(&body) != checksum {
            break;
        }
        apply(&body, end, maps)?;
        end += 8 + u64::from(length);
    }
    Ok(end)
}

fn apply(body: &[u8], at: u64, maps: &mut Maps) -> Result<()> {
    let (kind, rest) = body.split_first().ok_or("an empty frame")?;
    let (person, rest) = split::<16>(rest)?;
    if *kind == PERSON {
        let (reference, state) = rest.split_at(200);
        maps.reference.insert(person, reference.to_vec());
        maps.state.insert(person, state.to_vec());
        return Ok(());
    }
    let (entry, rest) = split::<16>(rest)?;
    let (request, rest) = split::<16>(rest)?;
    let (claim, rest) = split::<16>(rest)?;
    let (request_row, rest) = split::<24>(rest)?;
    let (claim_row, rest) = split::<48>(rest)?;
    let state = rest.get(..500).ok_or("a short frame")?;
    maps.entries.insert(entry, at);
    maps.requests.insert(request, request_row);
    maps.claims.insert(claim, claim_row);
    maps.state.insert(person, state.to_vec());
    Ok(())
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or("a short frame")?;
    Ok((*head, rest))
}

impl Store for LogStore {
    fn preload(&self, persons: &[Person]) -> Result<()> {
        let mut tail = self.tail.lock().unwrap();
        let mut maps = self.maps.write().unwrap();
        let mut buffer = Vec::new();
        for person in persons {
            frame(&mut buffer, PERSON, &[&person.key, &person.reference, &person.state]);
            maps.reference.insert(person.key, person.reference.clone());
            maps.state.insert(person.key, person.state.clone());
        }
        tail.file.write_all(&buffer)?;
        tail.file.sync_data()?;
        tail.end += buffer.len() as u64;
        Ok(())
    }

    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen> {
        let maps = self.maps.read().unwrap();
        let reference = maps.reference.get(person).ok_or("no such person")?;
        std::hint::black_box(reference.clone());
        let state = maps.state.get(person).ok_or("no such person")?.clone();
        Ok(Seen {
            version: version(&state),
            request_known: maps.requests.contains_key(request),
            claim_known: maps.claims.contains_key(claim),
        })
    }

    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>> {
        let mut tail = self.tail.lock().unwrap();
        let Tail { file, end, buffer } = &mut *tail;
        buffer.clear();
        let mut verdicts = Vec::with_capacity(group.len());
        let mut offsets = Vec::with_capacity(group.len());
        let mut written = HashMap::new();
        {
            let maps = self.maps.read().unwrap();
            for settle in group {
                let current = match written.get(&settle.person) {
                    Some(version) => *version,
                    None => version(maps.state.get(&settle.person).ok_or("no such person")?),
                };
                let fits = current == settle.expected;
                verdicts.push(fits);
                offsets.push(*end + buffer.len() as u64);
                if fits {
                    written.insert(settle.person, version(&settle.state_row));
                    frame(
                        buffer,
                        SETTLE,
                        &[
                            &settle.person,
                            &settle.entry,
                            &settle.request,
                            &settle.claim,
                            &settle.request_row,
                            &settle.claim_row,
                            &settle.state_row,
                            &settle.entry_row,
                        ],
                    );
                }
            }
        }
        file.write_all(buffer)?;
        file.sync_data()?;
        *end += buffer.len() as u64;
        let mut maps = self.maps.write().unwrap();
        for ((settle, fits), offset) in group.iter().zip(&verdicts).zip(offsets) {
            if *fits {
                maps.entries.insert(settle.entry, offset);
                maps.requests.insert(settle.request, settle.request_row);
                maps.claims.insert(settle.claim, settle.claim_row);
                maps.state.insert(settle.person, settle.state_row.clone());
            }
        }
        Ok(verdicts)
    }

    fn held(&self, ack: &Ack) -> Result<Held> {
        let maps = self.maps.read().unwrap();
        Ok(Held {
            entry: maps.entries.contains_key(&ack.entry),
            request: maps.requests.contains_key(&ack.request),
            claim: maps.claims.contains_key(&ack.claim),
            version: maps.state.get(&ack.person).map_or(0, |row| version(row)),
        })
    }

    fn counts(&self) -> Result<[u64; 3]> {
        let maps = self.maps.read().unwrap();
        Ok([maps.entries.len(), maps.requests.len(), maps.claims.len()].map(|n| n as u64))
    }
}
