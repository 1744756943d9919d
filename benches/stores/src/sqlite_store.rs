//! SQLite by rusqlite: a write-ahead log with synchronous=FULL, one connection to write and one to read.

use crate::store::{Ack, Held, Key, Person, Result, Seen, Settle, Store, version};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;
use std::sync::Mutex;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS reference (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, row BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS requests (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
";

pub struct SqliteStore {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteStore {
    pub fn open(path: &Path) -> Result<Self> {
        let writer = connect(path)?;
        writer.execute_batch(SCHEMA)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(connect(path)?) })
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path.join("sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -131_072)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn row(connection: &Connection, sql: &str, key: &Key) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([&key[..]], |row| row.get(0)).optional()?)
}

fn exists(connection: &Connection, sql: &str, key: &Key) -> Result<bool> {
    Ok(connection.prepare_cached(sql)?.exists([&key[..]])?)
}

impl Store for SqliteStore {
    fn preload(&self, persons: &[Person]) -> Result<()> {
        let mut writer = self.writer.lock().unwrap();
        let write = writer.transaction()?;
        for person in persons {
            write
                .prepare_cached("INSERT INTO reference VALUES (?, ?)")?
                .execute(params![&person.key[..], &person.reference])?;
            write
                .prepare_cached("INSERT INTO state VALUES (?, ?)")?
                .execute(params![&person.key[..], &person.state])?;
        }
        Ok(write.commit()?)
    }

    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen> {
        let mut reader = self.reader.lock().unwrap();
        let read = reader.transaction()?;
        let reference = row(&read, "SELECT row FROM reference WHERE key = ?", person)?;
        reference.ok_or("no such person")?;
        let state = row(&read, "SELECT row FROM state WHERE key = ?", person)?;
        Ok(Seen {
            version: version(&state.ok_or("no such person")?),
            request_known: exists(&read, "SELECT 1 FROM requests WHERE key = ?", request)?,
            claim_known: exists(&read, "SELECT 1 FROM claims WHERE key = ?", claim)?,
        })
    }

    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>> {
        let mut writer = self.writer.lock().unwrap();
        let write = writer.transaction()?;
        let mut verdicts = Vec::with_capacity(group.len());
        for settle in group {
            let state = row(&write, "SELECT row FROM state WHERE key = ?", &settle.person)?;
            let fits = version(&state.ok_or("no such person")?) == settle.expected;
            verdicts.push(fits);
            if fits {
                write
                    .prepare_cached("INSERT INTO entries VALUES (?, ?)")?
                    .execute(params![&settle.entry[..], &settle.entry_row])?;
                write
                    .prepare_cached("UPDATE state SET row = ? WHERE key = ?")?
                    .execute(params![&settle.state_row, &settle.person[..]])?;
                write
                    .prepare_cached("INSERT INTO requests VALUES (?, ?)")?
                    .execute(params![&settle.request[..], &settle.request_row[..]])?;
                write
                    .prepare_cached("INSERT INTO claims VALUES (?, ?)")?
                    .execute(params![&settle.claim[..], &settle.claim_row[..]])?;
            }
        }
        write.commit()?;
        Ok(verdicts)
    }

    fn held(&self, ack: &Ack) -> Result<Held> {
        let reader = self.reader.lock().unwrap();
        let state = row(&reader, "SELECT row FROM state WHERE key = ?", &ack.person)?;
        Ok(Held {
            entry: exists(&reader, "SELECT 1 FROM entries WHERE key = ?", &ack.entry)?,
            request: exists(&reader, "SELECT 1 FROM requests WHERE key = ?", &ack.request)?,
            claim: exists(&reader, "SELECT 1 FROM claims WHERE key = ?", &ack.claim)?,
            version: state.map_or(0, |row| version(&row)),
        })
    }

    fn counts(&self) -> Result<[u64; 3]> {
        let reader = self.reader.lock().unwrap();
        let count = |table: &str| -> Result<u64> {
            let sql = format!("SELECT count(*) FROM {table}");
            let rows: i64 = reader.query_row(&sql, [], |row| row.get(0))?;
            Ok(rows as u64)
        };
        Ok([count("entries")?, count("requests")?, count("claims")?])
    }
}
