//! The words in the tables of a case: a word that the book does not have is refused with its line, and with the word that
//! was probably meant.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::file_fault::{FaultText, FileFault, line_at};
use crate::domain::file_faults::FileFaults;
use crate::domain::vocabulary::{DisplayName, Vocabulary};
use crate::policy::nearest_named;

/// The words of one kind, each with its name if it has one.
type Words<'v> = Vec<(&'v str, Option<&'v DisplayName>)>;

/// Where a table holds words of one kind: the array, the array within each of its rows if any, and the key.
struct WordColumn<'v> {
    table: &'static str,
    within: Option<&'static str>,
    key: &'static str,
    known: Words<'v>,
}

fn word_columns(vocabulary: &Vocabulary) -> [WordColumn<'_>; 5] {
    fn named<W: AsRef<str>>(list: &[(W, DisplayName)]) -> Words<'_> {
        list.iter().map(|(word, name)| (word.as_ref(), Some(name))).collect()
    }
    let classes = vocabulary.classes.iter().map(|rule| (rule.class.as_str(), None)).collect();
    let column = |table, within, key, known| WordColumn { table, within, key, known };
    [
        column("persons", Some("categories"), "category", named(&vocabulary.categories)),
        column("persons", Some("approvals"), "kind", named(&vocabulary.approvals)),
        column("hospitals", None, "level", named(&vocabulary.levels)),
        column("hospitals", None, "tags", named(&vocabulary.tags)),
        column("catalogue", None, "class", classes),
    ]
}

/// The faults of all words in the tables of a case that the vocabulary does not have.
pub(super) fn unknown_table_words(file: &str, text: &str, vocabulary: &Vocabulary) -> FileFaults {
    let root = DeTable::parse_recoverable(text).0;
    let mut faults = Vec::new();
    for column in word_columns(vocabulary) {
        for (row, word) in words(root.get_ref(), &column) {
            let value = word.get_ref().as_str().unwrap_or_default();
            if column.known.iter().all(|(known, _)| *known != value) {
                let line = line_at(text, word.span().start);
                faults.push(FileFault::bilingual(file, line, unknown_word(row + 1, &column, value)));
            }
        }
    }
    faults.sort();
    faults.into()
}

/// Every text of a column, with the number of its row from 0.
fn words<'t>(
    root: &'t DeTable<'t>,
    column: &WordColumn<'_>,
) -> impl Iterator<Item = (usize, &'t Spanned<DeValue<'t>>)> + use<'t> {
    let (within, key) = (column.within, column.key);
    let rows = rows_of(root, column.table).enumerate();
    let parts = rows.flat_map(move |(at, row)| match within {
        Some(within) => rows_of(row, within).map(|part| (at, part)).collect::<Vec<_>>(),
        None => vec![(at, row)],
    });
    parts.flat_map(move |(at, part)| texts(part, key).map(|text| (at, text)).collect::<Vec<_>>())
}

/// The tables of an array.
fn rows_of<'t>(table: &'t DeTable<'t>, key: &'static str) -> impl Iterator<Item = &'t DeTable<'t>> {
    let array = table.get(key).and_then(|value| value.get_ref().as_array());
    array.into_iter().flat_map(|array| array.iter()).filter_map(|value| value.get_ref().as_table())
}

/// The text of a key, or the texts of its list.
fn texts<'t>(table: &'t DeTable<'t>, key: &'static str) -> impl Iterator<Item = &'t Spanned<DeValue<'t>>> {
    let value = table.get(key);
    let list = value.and_then(|value| value.get_ref().as_array()).into_iter().flat_map(|array| array.iter());
    value.into_iter().chain(list).filter(|value| value.get_ref().is_str())
}

fn unknown_word(row: usize, column: &WordColumn<'_>, word: &str) -> FaultText {
    let place = match column.within {
        Some(within) => format!("{}[{row}].{within}", column.table),
        None => format!("{}[{row}]", column.table),
    };
    let key = column.key;
    match nearest_named(word, column.known.iter().copied()) {
        Some(meant) => FaultText::new(
            format!("`{key}` of {place} is `{word}`, which the book does not have; `{meant}` is meant?"),
            format!("{place} 的 `{key}` 为 `{word}`，词汇表中没有；是否应为 `{meant}`？"),
        ),
        None => FaultText::new(
            format!("`{key}` of {place} is `{word}`, which the book does not have"),
            format!("{place} 的 `{key}` 为 `{word}`，词汇表中没有"),
        ),
    }
}
