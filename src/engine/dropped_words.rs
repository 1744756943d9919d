//! Words of the vocabulary in use that another book would drop though a row of a table or a settlement uses them.
//!
//! Nothing is searched unless words are dropped: hospitals and catalogue are in memory; registers and the journal are read
//! page by page, and only if a word of theirs is dropped.

use std::collections::BTreeSet;
use std::fmt;

use crate::domain::journal::{EntryKind, Settlement};
use crate::domain::vocabulary::{Section, Vocabulary};
use crate::policy::Book;
use crate::reference::lookup_tables::LookupTables;
use crate::reference::person::PersonRecord;
use crate::store::Store;
use crate::store::pages::Pages;

use super::{Engine, EngineError};

/// Rows of a page of the search.
const PAGE: usize = 256;

/// A word that cannot be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingWord {
    /// The section of the vocabulary.
    pub section: Section,
    /// The word.
    pub word: String,
    /// What uses it.
    pub used_by: &'static str,
}

/// The end of a sentence that begins with the name of the file.
impl fmt::Display for MissingWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MissingWord { section, word, used_by } = self;
        write!(f, "lacks the word `{word}` of [{}], which {used_by} uses", section.as_str())
    }
}

impl<S: Store> Engine<S> {
    /// The words in use that another book's vocabulary lacks, each with something that uses it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn used_words_missing_in(&self, book: &Book) -> Result<Vec<MissingWord>, EngineError> {
        let mut search = Search::new(self.book().vocabulary(), book.vocabulary());
        search.search_tables(&self.tables.load());
        if search.is_open(&[Section::Category, Section::Approval]) {
            self.search_persons(&mut search).await?;
        }
        if search.is_open(Section::ALL) {
            self.search_journal(&mut search).await?;
        }
        Ok(search.found)
    }

    async fn search_persons(&self, search: &mut Search) -> Result<(), EngineError> {
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.store.person_records(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(EngineError::from_read_error)? {
            for (_, record) in page {
                search.search_person(&record.map_err(EngineError::from_read_error)?);
            }
        }
        Ok(())
    }

    async fn search_journal(&self, search: &mut Search) -> Result<(), EngineError> {
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.store.states(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(EngineError::from_read_error)? {
            for (_, state) in page {
                let mut next = state.map_err(EngineError::from_read_error)?.head;
                while let Some(id) = next.filter(|_| search.is_open(Section::ALL)) {
                    let entry = self.required_entry(id).await?;
                    next = entry.link.previous;
                    if let EntryKind::Settlement(settled) = &entry.body {
                        search.search_settlement(settled);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The words that are dropped and not found yet, and those that were found.
struct Search {
    open: BTreeSet<(Section, String)>,
    found: Vec<MissingWord>,
}

impl Search {
    fn new(old: &Vocabulary, new: &Vocabulary) -> Search {
        let kept: BTreeSet<(Section, &str)> = new.words().collect();
        let dropped = old.words().filter(|word| !kept.contains(word));
        Search { open: dropped.map(|(section, word)| (section, word.to_owned())).collect(), found: Vec::new() }
    }

    fn is_open(&self, sections: &[Section]) -> bool {
        self.open.iter().any(|(section, _)| sections.contains(section))
    }

    fn note(&mut self, section: Section, word: &str, used_by: &'static str) {
        if !self.open.is_empty() && self.open.remove(&(section, word.to_owned())) {
            self.found.push(MissingWord { section, word: word.to_owned(), used_by });
        }
    }

    fn search_tables(&mut self, tables: &LookupTables) {
        if self.open.is_empty() {
            return;
        }
        for status in tables.hospitals.values().flat_map(|record| record.statuses().values()) {
            self.note(Section::Level, status.level.as_str(), "a row of the table hospitals");
            status.tags.iter().for_each(|tag| self.note(Section::Tag, tag.as_str(), "a row of the table hospitals"));
        }
        for row in tables.catalogue.rows_by_code().flat_map(|(_, rows)| rows).filter(|row| !row.days.is_empty()) {
            self.note(Section::Class, row.entry.class.word.as_str(), "a row of the table catalogue");
        }
    }

    fn search_person(&mut self, record: &PersonRecord) {
        for category in record.categories().values() {
            self.note(Section::Category, category.as_str(), "a row of the table categories");
        }
        for approval in record.approvals().values() {
            self.note(Section::Approval, approval.as_str(), "a row of the table approvals");
        }
    }

    fn search_settlement(&mut self, settled: &Settlement) {
        const BY: &str = "a settlement";
        let Settlement { claim, facts, split, .. } = settled;
        self.note(Section::Visit, claim.visit.as_str(), BY);
        self.note(Section::Level, facts.hospital.level.as_str(), BY);
        facts.hospital.tags.iter().for_each(|tag| self.note(Section::Tag, tag.as_str(), BY));
        facts.person.categories.iter().for_each(|category| self.note(Section::Category, category.as_str(), BY));
        facts.catalogue.iter().for_each(|entry| self.note(Section::Class, entry.class.word.as_str(), BY));
        split.pools.iter().for_each(|(pool, _)| self.note(Section::Pool, pool.as_str(), BY));
        split.circumstances.terms.diseases.iter().for_each(|word| self.note(Section::Disease, word.as_str(), BY));
        split.layers.iter().for_each(|layer| self.note(Section::Payer, &layer.head.payer, BY));
    }
}
