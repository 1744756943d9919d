//! Entries of the administration of a store: what applies to settlements, from when on, and who made it so. They have one
//! chain, as each person has.

use super::{Instant, Link};
use crate::domain::ids::{Digest, EntryId};
use crate::domain::month::Month;

/// An entry of the administration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministrationEntry {
    /// Its id.
    pub id: EntryId,
    /// Its position in the chain of the administration.
    pub link: Link,
    /// When it was committed.
    pub committed: Instant,
    /// What was done.
    pub act: AdministrationAct,
}

/// What the administration of a store does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdministrationAct {
    /// A book of policies is in use from now on.
    PolicyActivation(PolicyActivation),
    /// An import ended: its rows apply to what is settled afterwards.
    ImportEnd(JournaledImport),
    /// A month was closed.
    MonthClosing(MonthClosing),
}

/// A book of policies that was put in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyActivation {
    /// The name of the caller who put it in use; empty if a server started with it, or read its files again on a signal.
    pub activated_by: String,
    /// The digest of the book, which settlements name.
    pub book: Digest,
}

/// An import that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournaledImport {
    /// Its number in the log of imports.
    pub number: u64,
    /// The table.
    pub table: String,
    /// The source of the rows, as the caller states it.
    pub source: String,
    /// Who imported them, as the caller states it.
    pub imported_by: String,
    /// The digest over all cells, in order.
    pub digest: Digest,
    /// Rows that were new or different.
    pub changed: u64,
    /// Rows that were stored already.
    pub unchanged: u64,
}

/// A month that was closed, and with it every month before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthClosing {
    /// The name of the caller who closed it.
    pub closed_by: String,
    /// The month.
    pub month: Month,
}
