//! Where the sections of a vocabulary stand in its file.

use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::vocabulary_section::Section;

/// The file of a vocabulary.
#[derive(Clone, Debug, Default)]
pub struct VocabularyFile {
    name: String,
    section_lines: Vec<(Section, usize)>,
}

impl VocabularyFile {
    pub(super) fn new(name: &str, text: &str) -> VocabularyFile {
        let line_of = |section: Section| {
            let (table, key) = (format!("[{}", section.as_str()), section.as_str());
            let begins = |line: &str| line.trim_start().starts_with(&table) || line.trim_start().starts_with(key);
            text.lines().position(begins).map(|at| (section, at + 1))
        };
        VocabularyFile {
            name: name.to_owned(),
            section_lines: Section::ALL.iter().copied().filter_map(line_of).collect(),
        }
    }

    /// A fault of a section: at its first line, or at that of the file where it is missing.
    pub fn fault_of_section(&self, section: Section, text: FaultText) -> FileFault {
        let line = self.section_lines.iter().find(|(known, _)| *known == section).map_or(1, |(_, line)| *line);
        FileFault::bilingual(&self.name, line, text)
    }
}
