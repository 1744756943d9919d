//! A simulated disk: what was not synced may be lost, torn or reordered when the power fails, and a run may end at any
//! operation.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onestop::store::embedded::disk::{Disk, DiskFile};

use crate::support::random::Random;

pub const SECTOR: usize = 512;

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: the system keeps what was written.
    Kill,
    /// The power fails: of what was not synced, any part may be lost.
    PowerFailure,
}

/// An operation that changes the disk, in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Write { file: String, offset: u64, length: usize },
    Sync { file: String },
    Other,
}

#[derive(Clone, Default)]
struct Inode {
    /// What a reader sees.
    bytes: Vec<u8>,
    /// What the last sync made durable.
    durable: Vec<u8>,
    /// What was written since and the system knows to be unwritten, oldest first.
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone)]
enum Entry {
    Link(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the last sync of the directory.
    pending_names: Vec<Entry>,
    operations: Vec<Operation>,
    /// The number of operations until the run ends; none if it does not.
    left: Option<u64>,
    /// How much of the operation that ends the run still happens, in 1/256.
    last_part: usize,
    fail_next_sync: bool,
    is_full: bool,
    /// The free bytes; none if they do not count.
    free: Option<u64>,
    /// What is called when somebody asks for them.
    on_free: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// The disk; clones share it.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
}

fn stopped() -> io::Error {
    io::Error::other("the run ended")
}

impl State {
    /// Counts an operation; false if the run ends with it, and an error if it ended before.
    fn begin(&mut self, operation: Operation) -> io::Result<bool> {
        match self.left {
            Some(0) => Err(stopped()),
            Some(left) => {
                self.left = Some(left - 1);
                self.operations.push(operation);
                Ok(left > 1)
            }
            None => {
                self.operations.push(operation);
                Ok(true)
            }
        }
    }

    fn name_of(&self, inode: usize) -> String {
        let name = self.names.iter().find(|(_, known)| **known == inode);
        name.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn change_name(&mut self, entry: Entry) -> io::Result<()> {
        if self.begin(Operation::Other)? {
            apply(&mut self.names, &entry);
            self.pending_names.push(entry);
            Ok(())
        } else {
            Err(stopped())
        }
    }
}

fn apply(names: &mut BTreeMap<String, usize>, entry: &Entry) {
    match entry {
        Entry::Link(name, inode) => drop(names.insert(name.clone(), *inode)),
        Entry::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        Entry::Remove(name) => drop(names.remove(name)),
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    if bytes.len() < offset + written.len() {
        bytes.resize(offset + written.len(), 0);
    }
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

impl Inode {
    /// Makes this part in 1/256 of each pending write durable. What a sync that failed left is not written again: the system
    /// takes it for written.
    fn sync(&mut self, part: usize) {
        for (offset, written) in std::mem::take(&mut self.pending) {
            write(&mut self.durable, offset, &written[..written.len() * part / 256]);
        }
    }

    /// A write that a kill cut short is pending as far as readers see it.
    fn kill(&mut self) {
        for (offset, written) in &mut self.pending {
            let end = self.bytes.len().min(*offset + written.len());
            *written = self.bytes.get(*offset..end).unwrap_or_default().to_vec();
        }
    }

    /// What the power failure leaves: each sector of what is pending is there or not, or all up to some byte.
    fn lose(&mut self, random: &mut Random) {
        let mut bytes = std::mem::take(&mut self.durable);
        let (mode, chance) = (random.below(4), 1 + random.below(6));
        for (offset, written) in std::mem::take(&mut self.pending) {
            match mode {
                0 => {}
                1 => write(&mut bytes, offset, &written),
                2 => {
                    let kept = random.below(written.len() + 1);
                    write(&mut bytes, offset, &written[..kept]);
                    break;
                }
                _ => {
                    let length = bytes.len().max(offset + written.len());
                    bytes.resize(length, 0);
                    for (at, sector) in written.chunks(SECTOR).enumerate() {
                        if !random.one_in(chance + 1) {
                            write(&mut bytes, offset + at * SECTOR, sector);
                        }
                    }
                }
            }
        }
        self.bytes.clone_from(&bytes);
        self.durable = bytes;
    }
}

impl SimulatedDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disk of its own with the same content.
    pub fn copy(&self) -> SimulatedDisk {
        SimulatedDisk(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Ends the run at this operation, of which this part in 1/256 still happens.
    pub fn end_after(&self, operations: u64, part: usize) {
        let mut state = self.state();
        (state.left, state.last_part) = (Some(operations), part);
    }

    /// Lets the next sync fail, once, after the part of the last [`SimulatedDisk::end_after`] reached the disk. Readers still
    /// see all that was written, and no later sync writes the rest: on Linux its pages are clean.
    pub fn fail_next_sync(&self) {
        self.state().fail_next_sync = true;
    }

    /// Whether no file can be created.
    pub fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// How many bytes the disk says are free.
    pub fn set_free(&self, bytes: u64) {
        self.state().free = Some(bytes);
    }

    /// Calls this whenever somebody asks how many bytes are free, before the answer.
    pub fn on_free(&self, call: impl Fn() + Send + Sync + 'static) {
        self.state().on_free = Some(Arc::new(call));
    }

    /// Ends the process; the disk can be used again.
    pub fn crash(&self, crash: Crash, random: &mut Random) {
        let mut state = self.state();
        (state.left, state.fail_next_sync) = (None, false);
        if crash == Crash::Kill {
            state.inodes.iter_mut().for_each(Inode::kill);
        } else {
            let kept = random.below(state.pending_names.len() + 1);
            let entries = std::mem::take(&mut state.pending_names);
            entries[..kept].iter().for_each(|entry| apply(&mut state.durable_names, entry));
            state.names = state.durable_names.clone();
            state.inodes.iter_mut().for_each(|inode| inode.lose(random));
        }
    }

    /// Every operation since the last call.
    pub fn take_operations(&self) -> Vec<Operation> {
        std::mem::take(&mut self.state().operations)
    }

    pub fn files(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.inodes[state.names[name]].bytes.clone()
    }

    /// Replaces the content of a file, durably.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let fresh = state.inodes.len();
        let inode = *state.names.get(name).unwrap_or(&fresh);
        if inode == fresh {
            state.inodes.push(Inode::default());
            state.names.insert(name.to_owned(), inode);
            state.durable_names.insert(name.to_owned(), inode);
        }
        state.inodes[inode] = Inode { durable: bytes.clone(), bytes, pending: Vec::new() };
    }

    /// Removes a file, durably.
    pub fn take_away(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    fn file(&self, inode: usize) -> Box<dyn DiskFile> {
        Box::new(SimulatedFile { disk: self.clone(), inode })
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let inode = *self.state().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(inode))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        if state.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_name(Entry::Link(name.to_owned(), inode))?;
        drop(state);
        Ok(self.file(inode))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(Entry::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(Entry::Remove(name.to_owned()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.begin(Operation::Other)? {
            return Err(stopped());
        }
        state.durable_names = state.names.clone();
        state.pending_names.clear();
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let on_free = self.state().on_free.clone();
        on_free.iter().for_each(|call| call());
        Ok(self.state().free.unwrap_or(u64::MAX))
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state();
        let bytes = state.inodes[self.inode].bytes.get(offset as usize..).unwrap_or_default();
        let bytes = bytes.get(..buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn pwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let operation = Operation::Write { file: state.name_of(self.inode), offset, length: bytes.len() };
        let goes_on = state.begin(operation)?;
        let kept = if goes_on { bytes.len() } else { bytes.len() * state.last_part / 256 };
        let inode = &mut state.inodes[self.inode];
        write(&mut inode.bytes, offset as usize, &bytes[..kept]);
        // What the disk does with a write that was cut short is as open as for a whole one.
        inode.pending.push((offset as usize, bytes.to_vec()));
        if goes_on { Ok(()) } else { Err(stopped()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let operation = Operation::Sync { file: state.name_of(self.inode) };
        let goes_on = state.begin(operation)?;
        let part = state.last_part;
        if std::mem::take(&mut state.fail_next_sync) {
            state.inodes[self.inode].sync(part);
            return Err(io::Error::other("a sync that fails"));
        }
        let happens = goes_on || part >= 128;
        if happens {
            state.inodes[self.inode].sync(256);
        }
        if goes_on { Ok(()) } else { Err(stopped()) }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].bytes.len() as u64)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let zeros = vec![0; length as usize - self.length()? as usize];
        self.pwrite(&zeros, self.length()?)
    }

    /// As a file system with holes of a sector.
    fn next_data(&self, offset: u64) -> io::Result<Option<u64>> {
        let state = self.disk.state();
        let bytes = state.inodes[self.inode].bytes.get(offset as usize..).unwrap_or_default();
        let sector = bytes.chunks(SECTOR).position(|sector| sector.iter().any(|byte| *byte != 0));
        Ok(sector.map(|sector| offset + (sector * SECTOR) as u64))
    }
}
