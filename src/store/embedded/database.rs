//! The tables of the database, and the view of the last durable moment that readers share.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use redb::backends::FileBackend;
use redb::{
    Database, Durability as Sync, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};

use super::{Durability, OpenError};
use crate::store::{StoreError, record};

/// Memory for pages, read and written.
const CACHE: usize = 256 << 20;

/// A table, in the order of [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedbTable {
    /// Entries of the journal, by id.
    Journal,
    /// Persons' accounts and chains, by person.
    States,
    /// Entries by request.
    Requests,
    /// Claims.
    Claims,
    /// Persons' reference records.
    Persons,
    /// Hospitals.
    Hospitals,
    /// Rows of the catalogue.
    Catalogue,
    /// Canonical texts of policies, by digest.
    Policies,
    /// Settlements by hospital, day and number in the day.
    Listed,
    /// Parts of imports with hospitals and catalogue, by import and part. The tables of their own hold what
    /// format 1 wrote.
    Parts,
    /// The log of imports: by number, how it began (0) and ended (1).
    Imports,
}

const NAMES: [&str; 11] = [
    "journal",
    "states",
    "requests",
    "claims",
    "persons",
    "hospitals",
    "catalogue",
    "policies",
    "listed",
    "parts",
    "imports",
];

type Bytes = &'static [u8];

/// The definition of a table.
pub fn definition(table: RedbTable) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(NAMES[table as usize])
}

/// The open database.
pub struct Tables {
    database: Database,
    published: ArcSwap<Vec<ReadOnlyTable<Bytes, Bytes>>>,
}

/// A key, and a row as stored.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// The last durable moment; it costs nothing to take.
pub struct View(Guard<Arc<Vec<ReadOnlyTable<Bytes, Bytes>>>>);

impl Tables {
    /// Opens or makes the database.
    pub fn open(file: &Path, durability: Durability) -> Result<Tables, OpenError> {
        let failed = |why: String| OpenError::Failed { path: file.to_owned(), why };
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE);
        let database = match durability {
            Durability::Synced => builder.create(file).map_err(|error| failed(error.to_string())),
            Durability::Volatile => {
                let backend = Unsynced::open(file).map_err(|error| failed(error.to_string()))?;
                builder.create_with_backend(backend).map_err(|error| failed(error.to_string()))
            }
        }?;
        let opened = || -> Result<_, redb::Error> {
            create_tables(&database)?;
            Ok(ArcSwap::from_pointee(read_tables(&database)?))
        };
        let published = opened().map_err(|error| failed(error.to_string()))?;
        Ok(Tables { database, published })
    }

    /// The last durable moment.
    pub fn view(&self) -> View {
        View(self.published.load())
    }

    /// Begins a transaction whose commit returns when it is durable. It also keeps what a fast opening
    /// after a crash needs, so that the whole file need not be walked then.
    pub fn begin(&self) -> Result<WriteTransaction, redb::Error> {
        let mut write = self.database.begin_write()?;
        write.set_durability(Sync::Immediate)?;
        write.set_quick_repair(true);
        Ok(write)
    }

    /// Shows readers what was committed.
    pub fn publish(&self) -> Result<(), redb::Error> {
        self.published.store(Arc::new(read_tables(&self.database)?));
        Ok(())
    }
}

fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    for name in NAMES {
        write.open_table(TableDefinition::<Bytes, Bytes>::new(name))?;
    }
    Ok(write.commit()?)
}

fn read_tables(database: &Database) -> Result<Vec<ReadOnlyTable<Bytes, Bytes>>, redb::Error> {
    let read = database.begin_read()?;
    NAMES.iter().map(|name| Ok(read.open_table(TableDefinition::new(name))?)).collect()
}

impl View {
    /// What the row holds, if there is one.
    pub fn get<T: serde::de::DeserializeOwned>(&self, table: RedbTable, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get_as(table, key, |row| record::decode(row).map(|(value, _)| value))
    }

    /// The same, of a row that is read in a form of its own.
    pub fn get_as<T>(
        &self,
        table: RedbTable,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.0[table as usize].get(key).map_err(unavailable)?;
        row.map(|row| read(row.value())).transpose()
    }

    /// The first rows from one key on, before another, with their keys.
    pub fn range<T: serde::de::DeserializeOwned>(
        &self,
        table: RedbTable,
        (from, until): (&[u8], &[u8]),
        most: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        if until <= from {
            return Ok(Vec::new());
        }
        let rows = self.0[table as usize].range(from..until).map_err(unavailable)?.take(most);
        let read = rows.map(|row| {
            let (key, row) = row.map_err(unavailable)?;
            Ok((key.value().to_vec(), record::decode(row.value())?.0))
        });
        read.collect()
    }

    /// The last rows before a key, with their keys, last first.
    pub fn last_before(&self, table: RedbTable, key: &[u8], most: usize) -> Result<Vec<KeyValue>, StoreError> {
        let rows = self.0[table as usize].range(&[][..]..key).map_err(unavailable)?.rev().take(most);
        rows.map(|row| row.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).map_err(unavailable))
            .collect()
    }

    /// The first rows behind a key, with their keys, as stored.
    pub fn behind(&self, table: RedbTable, key: &[u8], most: usize) -> Result<Vec<KeyValue>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let rows = self.0[table as usize].range::<&[u8]>((Excluded(key), Unbounded)).map_err(unavailable)?.take(most);
        rows.map(|row| row.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).map_err(unavailable))
            .collect()
    }

    /// How many rows a table has.
    pub fn count(&self, table: RedbTable) -> Result<u64, StoreError> {
        self.0[table as usize].len().map_err(unavailable)
    }

    /// Every row of a table.
    pub fn all<T: serde::de::DeserializeOwned>(&self, table: RedbTable) -> Result<Vec<T>, StoreError> {
        let rows = self.0[table as usize].iter().map_err(unavailable)?;
        rows.map(|row| Ok(record::decode(row.map_err(unavailable)?.1.value())?.0)).collect()
    }
}

/// A failed read.
pub fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// The file without its syncs, for [`Durability::Volatile`].
#[derive(Debug)]
struct Unsynced(FileBackend);

impl Unsynced {
    fn open(file: &Path) -> Result<Unsynced, redb::Error> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(file);
        Ok(Unsynced(FileBackend::new(file.map_err(redb::Error::from)?)?))
    }
}

impl redb::StorageBackend for Unsynced {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }
}
