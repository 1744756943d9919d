//! The limits of an index, and who does its upkeep.

/// The limits of an index, and who does its upkeep.
#[derive(Clone, Copy, Debug)]
pub struct IndexOptions {
    /// The number of rows after which a generation is written to a run.
    pub generation_rows: usize,
    /// The bytes of log after which a generation is written to a run.
    pub generation_log_bytes: u64,
    /// Who writes and merges runs.
    pub upkeep: Upkeep,
}

/// Who writes and merges runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Two threads of low priority, `checkpoint` and `merge`.
    Threads,
    /// The thread that inserts rows, before [`super::Index::insert`] returns: the same calls give the same files.
    Inline,
}

impl Default for IndexOptions {
    /// 32,768 settles of five rows, or 256 MiB of log; two threads.
    fn default() -> IndexOptions {
        IndexOptions { generation_rows: 32_768 * 5, generation_log_bytes: 256 << 20, upkeep: Upkeep::Threads }
    }
}
