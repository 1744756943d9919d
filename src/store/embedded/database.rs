//! The database of reference tables, and the snapshot of its last durable state that readers share.
//!
//! It is derived from the log, and notes the position of the last record that it holds the rows of. It also notes the
//! number of its file in the file system: a file with another number is a copy, which may have been made while the
//! database was written, so every page of it is checked once.
//!
//! redb stops a thread by a panic where a page is damaged; here that is an error.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use redb::{Database, Durability as Sync, ReadOnlyTable, ReadableDatabase, TableDefinition, WriteTransaction};
use tokio::sync::watch;

use super::cursor::Bytes;
use super::database_file::DatabaseFile;
use super::durability::Durability;
use super::index::LogPosition;
use super::log::StoreIdentity;
use super::open_error::OpenError;
use super::redb_panic::{Panicked, guarded, guarded_read};
use super::redb_table::{NAMES, TableRow, definition};
use super::snapshot::{Snapshot, unavailable};
use crate::store::StoreError;
use crate::store::coordination::Readiness;

/// The size of the page cache in bytes.
const CACHE: usize = 96 << 20;

/// The table with the identity of the store, and the key of the identity in it.
const IDENTITY: &str = "identity";

/// The key of the position up to which the log was written to the database: 8 bytes, then the length of the record
/// there, 4 bytes, little-endian.
const WRITTEN: &[u8] = b"written";

/// The key of the number of the file in the file system: 8 bytes, little-endian.
const FILE: &[u8] = b"file";

/// When a write is in the file. The log holds it before: what the file lacks after a crash is written to it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// When the write returns.
    Now,
    /// When a later write that is persisted at once returns; until then it is in memory.
    WithALaterWrite,
}

/// The open database.
pub struct Tables {
    database: Database,
    published: ArcSwap<Vec<ReadOnlyTable<Bytes, Bytes>>>,
}

impl Tables {
    /// Creates the database of a new store.
    pub fn create(
        file: &Path,
        durability: Durability,
        readiness: watch::Sender<Readiness>,
        identity: &StoreIdentity,
    ) -> Result<Tables, OpenError> {
        let failed = |error: redb::Error| OpenError::Database { path: file.to_owned(), error };
        let database = open_database(file, durability, readiness).map_err(failed)?;
        let opened = || -> Result<_, redb::Error> {
            create_tables(&database, identity)?;
            note_file(&database, file)?;
            Ok(ArcSwap::from_pointee(read_tables(&database)?))
        };
        let published = opened().map_err(failed)?;
        Ok(Tables { database, published })
    }

    /// Opens the database of this store; a read that fails later is published.
    ///
    /// # Errors
    /// If it is missing, empty, of another store, damaged, or cannot be read.
    pub fn open(
        file: &Path,
        durability: Durability,
        readiness: watch::Sender<Readiness>,
        identity: &StoreIdentity,
    ) -> Result<Tables, OpenError> {
        match std::fs::metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(OpenError::PartMissing(file.to_owned()));
            }
            Ok(metadata) if metadata.len() == 0 => return Err(OpenError::PartEmpty(file.to_owned())),
            _ => {}
        }
        let opened = guarded(|| {
            let mut database = open_database(file, durability, readiness)?;
            let found = read_note(&database, IDENTITY.as_bytes())?;
            if read_note(&database, FILE)?.as_deref() != Some(&file_number(file)?[..]) {
                database.check_integrity()?;
                note_file(&database, file)?;
            }
            let published = ArcSwap::from_pointee(read_tables(&database)?);
            Ok((Tables { database, published }, found))
        });
        match opened {
            Ok(Ok((tables, found))) if found.as_deref() == Some(identity) => Ok(tables),
            Ok(Ok(_)) | Ok(Err(redb::Error::TableDoesNotExist(_))) => {
                Err(OpenError::PartOfAnotherStore(file.to_owned()))
            }
            Ok(Err(error)) => Err(OpenError::Database { path: file.to_owned(), error }),
            Err(Panicked) => Err(OpenError::DatabaseDamaged(file.to_owned())),
        }
    }

    /// The snapshot of the last durable state.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.published.load())
    }

    fn begin(&self, persistence: Persistence) -> Result<WriteTransaction, redb::Error> {
        let mut write = self.database.begin_write()?;
        match persistence {
            Persistence::Now => {
                write.set_durability(Sync::Immediate)?;
                // It also writes what opening after a crash needs, so that opening does not read the whole file.
                write.set_quick_repair(true);
            }
            Persistence::WithALaterWrite => write.set_durability(Sync::None)?,
        }
        Ok(write)
    }

    /// Writes rows of the log up to a record there, and publishes them to readers.
    ///
    /// # Errors
    /// `Corrupted` if a page is damaged; or if the file cannot be read or written.
    pub fn write<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a TableRow>,
        written: LogPosition,
        persistence: Persistence,
    ) -> Result<(), redb::Error> {
        let damaged = |Panicked| redb::Error::Corrupted("a page is damaged".to_owned());
        guarded(|| self.write_rows(rows, written, persistence)).map_err(damaged)?
    }

    fn write_rows<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a TableRow>,
        written: LogPosition,
        persistence: Persistence,
    ) -> Result<(), redb::Error> {
        let transaction = self.begin(persistence)?;
        let mut open: [Option<redb::Table<'_, Bytes, Bytes>>; NAMES.len()] = [const { None }; NAMES.len()];
        for TableRow { table, key, value } in rows {
            let table = match &mut open[*table as usize] {
                Some(table) => table,
                closed => closed.insert(transaction.open_table(definition(*table))?),
            };
            table.insert(&**key, &**value)?;
        }
        drop(open);
        let mut notes = transaction.open_table(TableDefinition::<Bytes, Bytes>::new(IDENTITY))?;
        notes.insert(WRITTEN, &[&written.lsn.to_le_bytes()[..], &written.length.to_le_bytes()].concat()[..])?;
        drop(notes);
        transaction.commit()?;
        self.publish()
    }

    /// The last record of the log whose rows were written; `None` if there is none.
    pub fn written(&self) -> Result<Option<LogPosition>, StoreError> {
        let damaged = || StoreError::Damaged("a note in the database of reference tables".to_owned());
        guarded_read(|| {
            let Some(note) = read_note(&self.database, WRITTEN).map_err(unavailable)? else { return Ok(None) };
            let (lsn, length) = note.split_first_chunk::<8>().ok_or_else(damaged)?;
            let length = length.try_into().map_err(|_| damaged())?;
            Ok(Some(LogPosition { lsn: u64::from_le_bytes(*lsn), length: u32::from_le_bytes(length) }))
        })
    }

    /// Publishes the committed state to readers.
    fn publish(&self) -> Result<(), redb::Error> {
        self.published.store(Arc::new(read_tables(&self.database)?));
        Ok(())
    }
}

fn open_database(
    file: &Path,
    durability: Durability,
    readiness: watch::Sender<Readiness>,
) -> Result<Database, redb::Error> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    Ok(builder.create_with_backend(DatabaseFile::open(file, durability, readiness)?)?)
}

fn create_tables(database: &Database, identity: &StoreIdentity) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    for name in NAMES {
        write.open_table(TableDefinition::<Bytes, Bytes>::new(name))?;
    }
    let mut table = write.open_table(TableDefinition::<Bytes, Bytes>::new(IDENTITY))?;
    table.insert(IDENTITY.as_bytes(), &identity[..])?;
    drop(table);
    Ok(write.commit()?)
}

fn read_note(database: &Database, key: &[u8]) -> Result<Option<Vec<u8>>, redb::Error> {
    let table = database.begin_read()?.open_table(TableDefinition::<Bytes, Bytes>::new(IDENTITY))?;
    Ok(table.get(key)?.map(|note| note.value().to_vec()))
}

fn note_file(database: &Database, file: &Path) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    let mut table = write.open_table(TableDefinition::<Bytes, Bytes>::new(IDENTITY))?;
    table.insert(FILE, &file_number(file)?[..])?;
    drop(table);
    Ok(write.commit()?)
}

fn file_number(file: &Path) -> Result<[u8; 8], redb::Error> {
    Ok(std::fs::metadata(file)?.ino().to_le_bytes())
}

fn read_tables(database: &Database) -> Result<Vec<ReadOnlyTable<Bytes, Bytes>>, redb::Error> {
    let read = database.begin_read()?;
    NAMES.iter().map(|name| Ok(read.open_table(TableDefinition::new(name))?)).collect()
}
