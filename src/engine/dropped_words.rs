//! Words of the vocabulary in use that another vocabulary lacks though a row of a table or a settlement uses them.
//!
//! Nothing is searched unless words are dropped: hospitals and catalogue are in memory; registers and the journal are read
//! page by page, and only if a word of theirs is dropped.

use std::collections::BTreeSet;

use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::journal::{EntryKind, Settlement};
use crate::domain::vocabulary::Vocabulary;
use crate::domain::vocabulary_section::Section;
use crate::policy::VocabularyFile;
use crate::reference::lookup_tables::LookupTables;
use crate::reference::person::PersonRecord;
use crate::reference::table::ReferenceTable;
use crate::store::Store;
use crate::store::pages::Pages;

use super::{Engine, EngineError};

/// Rows of a page of the search.
const PAGE: usize = 256;

/// The words of a vocabulary that is to be put in use.
pub struct KeptWords(BTreeSet<(Section, String)>);

impl KeptWords {
    /// All words of a vocabulary.
    pub fn of(vocabulary: &Vocabulary) -> KeptWords {
        vocabulary.words().map(|(section, word)| (section, word.to_owned())).collect()
    }
}

impl FromIterator<(Section, String)> for KeptWords {
    fn from_iter<I: IntoIterator<Item = (Section, String)>>(words: I) -> Self {
        KeptWords(words.into_iter().collect())
    }
}

/// What uses a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordUser {
    /// A row of a reference table.
    Row(ReferenceTable),
    /// A settlement.
    Settlement,
}

/// A word that cannot be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedWord {
    /// The section of the vocabulary.
    pub section: Section,
    /// The word.
    pub word: String,
    /// What uses it.
    pub used_by: WordUser,
}

impl DroppedWord {
    /// The fault of the vocabulary that lacks the word.
    pub fn fault(&self, file: &VocabularyFile) -> FileFault {
        let (section, word) = (self.section.as_str(), &self.word);
        let (en, zh) = match self.used_by {
            WordUser::Row(table) => {
                let table = table.as_str();
                (format!("a row of the table {table}"), format!("参考表 {table} 中有行"))
            }
            WordUser::Settlement => ("a settlement".to_owned(), "已有结算".to_owned()),
        };
        let text = FaultText::new(
            format!("[{section}] lacks the word `{word}`, which {en} uses"),
            format!("[{section}] 缺少 `{word}`，{zh}仍在使用"),
        );
        file.fault_of_section(self.section, text)
    }
}

impl<S: Store> Engine<S> {
    /// The words of the vocabulary in use that another one lacks and that something uses, each with something that uses it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn dropped_words(&self, kept: &KeptWords) -> Result<Vec<DroppedWord>, EngineError> {
        let mut search = Search::new(&self.vocabulary_in_use().await?, kept);
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
            tokio::task::yield_now().await;
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
                    tokio::task::yield_now().await;
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
    found: Vec<DroppedWord>,
}

impl Search {
    fn new(in_use: &Vocabulary, KeptWords(kept): &KeptWords) -> Search {
        let words = in_use.words().map(|(section, word)| (section, word.to_owned()));
        Search { open: words.filter(|word| !kept.contains(word)).collect(), found: Vec::new() }
    }

    fn is_open(&self, sections: &[Section]) -> bool {
        self.open.iter().any(|(section, _)| sections.contains(section))
    }

    fn note(&mut self, section: Section, word: &str, used_by: WordUser) {
        if !self.open.is_empty() && self.open.remove(&(section, word.to_owned())) {
            self.found.push(DroppedWord { section, word: word.to_owned(), used_by });
        }
    }

    fn search_tables(&mut self, tables: &LookupTables) {
        const HOSPITALS: WordUser = WordUser::Row(ReferenceTable::Hospitals);
        if self.open.is_empty() {
            return;
        }
        for status in tables.hospitals.values().flat_map(|record| record.statuses().values()) {
            self.note(Section::Level, status.level.as_str(), HOSPITALS);
            status.tags.iter().for_each(|tag| self.note(Section::Tag, tag.as_str(), HOSPITALS));
        }
        for row in tables.catalogue.rows_by_code().flat_map(|(_, rows)| rows).filter(|row| !row.days.is_empty()) {
            self.note(Section::Class, row.entry.class.word.as_str(), WordUser::Row(ReferenceTable::Catalogue));
        }
    }

    fn search_person(&mut self, record: &PersonRecord) {
        for category in record.categories().values() {
            self.note(Section::Category, category.as_str(), WordUser::Row(ReferenceTable::Categories));
        }
        for approval in record.approvals().values() {
            self.note(Section::Approval, approval.as_str(), WordUser::Row(ReferenceTable::Approvals));
        }
    }

    fn search_settlement(&mut self, settled: &Settlement) {
        const BY: WordUser = WordUser::Settlement;
        let Settlement { claim, facts, split, .. } = settled;
        self.note(Section::Visit, claim.visit.as_str(), BY);
        self.note(Section::Level, facts.hospital.level.as_str(), BY);
        facts.hospital.tags.iter().for_each(|tag| self.note(Section::Tag, tag.as_str(), BY));
        facts.person.categories.iter().for_each(|category| self.note(Section::Category, category.as_str(), BY));
        facts.catalogue.iter().for_each(|entry| self.note(Section::Class, entry.class.word.as_str(), BY));
        split.pools.iter().for_each(|(pool, _)| self.note(Section::Pool, pool.as_str(), BY));
        split.circumstances.terms.diseases.iter().for_each(|word| self.note(Section::Disease, word.as_str(), BY));
        split.layers.iter().for_each(|layer| self.note(Section::Payer, &layer.head().payer, BY));
    }
}
