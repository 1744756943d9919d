//! The scan of a store's log for an audit: one thread reads frames, a large piece at a time, and each visitor has a thread
//! that takes its commits from them.
//!
//! Memory: for each visitor up to [`AHEAD`] batches are on their way, and a batch ends after [`BATCH`] bytes; a frame has
//! 8 MiB at most. Batches are shared by the visitors.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::commit_record::{CommitRows, entry_of, index_rows};
use super::index::{Index, Key, KeyRange, LogPosition, Row, Table};
use super::journal::{Journal, index_error, log_error};
use super::log::{Frame, FrameScan, LogSizes, Record, RecordPart, Scanned, Segments};
use super::scanned_commit::{FrameRecord, neutral, neutral_table};
use crate::domain::ids::EntryId;
use crate::store::StoreError;
use crate::store::commit_log::{
    CommitLog, CommitVisitor, IndexTable, IndexTally, RecordPosition, ScanDamage, ScannedCommit,
};
use crate::store::keys::{Secret, StoreKey};

/// The bytes of frames after which a batch is handed to the visitors.
const BATCH: usize = 1 << 20;

/// The batches that wait for each visitor.
const AHEAD: usize = 4;

/// The index rows that are read at once.
const ROWS: usize = 4_096;

/// The log of an embedded store, read sequentially.
pub(super) struct LogScan<'a> {
    segments: &'a Arc<Segments>,
    index: &'a Index,
    secret: &'a Secret,
}

/// Frames, each with whether its checksum is wrong.
type Batch = Arc<Vec<(Frame, bool)>>;

impl<'a> LogScan<'a> {
    /// The log of this journal.
    pub fn new(journal: &'a Journal, secret: &'a Secret) -> LogScan<'a> {
        LogScan { segments: journal.segments(), index: journal.index(), secret }
    }

    /// Reads all frames in batches, and hands each batch to every visitor.
    fn read(&self, visitors: &[SyncSender<Batch>]) -> Result<Vec<ScanDamage>, StoreError> {
        let (mut scan, mut damage) = (FrameScan::new(Arc::clone(self.segments)), Vec::new());
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(scanned) = scan.next().map_err(log_error)? {
            let (frame, found) = match scanned {
                Scanned::Frame(frame) => (Some((frame, false)), None),
                Scanned::DamagedFrame(frame, found) => (Some((frame, true)), found),
                Scanned::Damage(lsn, error) => (None, Some((lsn, error))),
            };
            damage.extend(found.map(|(lsn, error)| ScanDamage { lsn, error: log_error(error) }));
            bytes += frame.as_ref().map_or(0, |(frame, _)| frame.head().used());
            batch.extend(frame);
            if bytes >= BATCH {
                hand_out(visitors, std::mem::take(&mut batch));
                bytes = 0;
            }
        }
        hand_out(visitors, batch);
        Ok(damage)
    }
}

fn hand_out(visitors: &[SyncSender<Batch>], batch: Vec<(Frame, bool)>) {
    let batch = Arc::new(batch);
    for visitor in visitors {
        // A visitor that panicked is noticed when its thread is joined.
        let _ended = visitor.send(Arc::clone(&batch));
    }
}

/// Shows a visitor every commit of the batches, in order.
fn show(visitor: &mut dyn CommitVisitor, batches: &Receiver<Batch>, sizes: LogSizes) {
    for batch in batches {
        for (frame, is_damaged) in batch.iter() {
            for (position, record) in frame.records() {
                let (frame, is_damaged) = (frame.head().lsn, *is_damaged);
                visitor.visit(&FrameRecord { position, record, frame, is_damaged, sizes });
            }
        }
    }
}

impl CommitLog for LogScan<'_> {
    fn scan(&self, visitors: &mut [Box<dyn CommitVisitor + '_>]) -> Result<Vec<ScanDamage>, StoreError> {
        let sizes = self.segments.sizes();
        std::thread::scope(|scope| {
            let (mut senders, mut threads) = (Vec::new(), Vec::new());
            for visitor in visitors {
                let (sender, batches) = sync_channel(AHEAD);
                senders.push(sender);
                let run = move || show(&mut **visitor, &batches, sizes);
                let spawned = std::thread::Builder::new().name("audit".to_owned()).spawn_scoped(scope, run);
                let failed = |error| StoreError::Unavailable(format!("cannot start a thread: {error}"));
                threads.push(spawned.map_err(failed)?);
            }
            let damage = self.read(&senders);
            drop(senders);
            let panics = threads.into_iter().filter_map(|thread| thread.join().err()).count();
            if panics == 0 { damage } else { Err(StoreError::Unavailable("a thread of the audit panicked".to_owned())) }
        })
    }

    fn secret(&self) -> &Secret {
        self.secret
    }

    fn entry_count(&self) -> u64 {
        self.segments.entry_count()
    }

    fn end(&self) -> u64 {
        self.segments.published()
    }

    fn tally(&self) -> Result<IndexTally, StoreError> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(IndexTally::new(u64::from_le_bytes(seed)))
    }

    fn tally_index(&self, tally: &mut IndexTally) -> Result<(), StoreError> {
        for table in Table::ALL {
            let Some(named) = neutral_table(table) else { continue };
            let mut range = KeyRange::all(table);
            loop {
                let rows = self.index.range(range, ROWS).map_err(index_error)?;
                rows.iter().for_each(|row| tally.add(named, &row.key.padded_bytes(), neutral(row.position)));
                match rows.last() {
                    Some(last) if rows.len() == ROWS => range = KeyRange::after(last.key),
                    _ => break,
                }
            }
        }
        Ok(())
    }

    fn misled(&self, commit: &dyn ScannedCommit) -> Result<Option<IndexTable>, StoreError> {
        for Row { key, position } in self.rows_of(commit.position())? {
            let found = self.index.get(key).map_err(index_error)?;
            let Some(named) = neutral_table(key.table()) else { continue };
            let leads_here = match key.table() {
                Table::Person | Table::Claim => found.is_some_and(|found| found.lsn >= position.lsn),
                _ => found == Some(position),
            };
            if !leads_here {
                return Ok(Some(named));
            }
        }
        Ok(None)
    }

    fn entry(&self, id: EntryId) -> Result<Option<(RecordPosition, Vec<u8>)>, StoreError> {
        let Some(position) = self.index.get(Key::entry(id.0)).map_err(index_error)? else { return Ok(None) };
        let entries = self.segments.read(position, RecordPart::Entries).map_err(log_error)?;
        Ok(Some((neutral(position), entry_of(entries.bytes(), id, position)?.to_vec())))
    }

    fn claim_row(&self, at: RecordPosition, claim: &StoreKey) -> Result<Vec<u8>, StoreError> {
        let position = LogPosition { lsn: at.lsn, length: at.length };
        let rows = self.segments.read(position, RecordPart::Rows).map_err(log_error)?;
        Ok(CommitRows::new(rows, position).value(Table::Claim, claim)?.to_vec())
    }
}

impl LogScan<'_> {
    /// The index rows that lead to the record at a position.
    fn rows_of(&self, RecordPosition { lsn, length }: RecordPosition) -> Result<Vec<Row>, StoreError> {
        let position = LogPosition { lsn, length };
        let bytes = self.segments.record(position).map_err(log_error)?;
        let malformed = || StoreError::Damaged("a record of the log does not have its lengths".to_owned());
        index_rows(Record::whole(&bytes).ok_or_else(malformed)?, position)
    }
}
