//! Reads typed values of a TOML table with their lines, and records every fault.
//!
//! A value of another type, a missing key and an unknown key are faults with their lines.
//! Does not do: the meaning of a policy.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::day::{Day, Interval};
use crate::domain::file_fault::{FaultText, FileFault};

use super::nearest::nearest;
use super::placeholders::placeholder_faults;
use super::toml_messages;
use super::value_kind::{BOOLEAN, DAY, INTEGER, LIST, TABLE, TEXT, TEXT_OR_LIST, ValueKind};

/// The text of a file and the faults found in it so far.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    line_ends: Vec<usize>,
    faults: RefCell<Vec<FileFault>>,
}

impl<'a> Source<'a> {
    /// A file without faults so far.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Source { file, text, line_ends, faults: RefCell::default() }
    }

    /// The root table; syntax errors and what is left of the template are recorded as faults.
    pub fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let message = error.message();
            let text = FaultText::new(message, toml_messages::toml_message_zh(message));
            self.add_fault(self.line(error.span().unwrap_or_default()), text);
        }
        let mut unfilled: Vec<_> = placeholder_faults(table.get_ref());
        unfilled.sort_by_key(|(span, _)| span.start);
        unfilled.dedup_by_key(|(span, _)| self.line(span.clone()));
        unfilled.into_iter().for_each(|(span, text)| self.add_fault(self.line(span), text));
        table
    }

    /// Records a fault.
    pub fn add_fault(&self, line: usize, text: FaultText) {
        self.faults.borrow_mut().push(FileFault::bilingual(self.file, line, text));
    }

    /// All recorded faults.
    pub fn into_faults(self) -> Vec<FileFault> {
        self.faults.into_inner()
    }

    /// The number of recorded faults.
    pub fn fault_count(&self) -> usize {
        self.faults.borrow().len()
    }

    fn line(&self, span: Range<usize>) -> usize {
        1 + self.line_ends.partition_point(|end| *end < span.start)
    }
}

/// A value with its line.
#[derive(Clone, Debug)]
pub(super) struct Lined<T> {
    /// The value.
    pub value: T,
    /// Its line.
    pub line: usize,
}

/// Reads the keys of a table one by one; [`TableReader::finish`] records those that were not read.
pub(super) struct TableReader<'s, 'a> {
    source: &'s Source<'a>,
    table: &'s DeTable<'a>,
    /// The line on which the table begins.
    pub line: usize,
    read: RefCell<Vec<&'static str>>,
}

impl<'s, 'a> TableReader<'s, 'a> {
    /// The root table of a file.
    pub fn root(source: &'s Source<'a>, table: &'s Spanned<DeTable<'a>>) -> Self {
        TableReader { source, table: table.get_ref(), line: 1, read: RefCell::default() }
    }

    fn inner(&self, table: &'s DeTable<'a>, span: Range<usize>) -> Self {
        TableReader { source: self.source, table, line: self.source.line(span), read: RefCell::default() }
    }

    /// The file of this table.
    pub fn source(&self) -> &'s Source<'a> {
        self.source
    }

    /// Whether the table has a key.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'a>>> {
        self.read.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Records that a key is missing.
    pub fn add_missing(&self, key: &str) {
        self.source.add_fault(self.line, FaultText::new(format!("`{key}` is missing"), format!("缺少 `{key}`")));
    }

    /// The line of a key's value.
    pub fn line_of(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.line, |value| self.source.line(value.span()))
    }

    /// The key's value, converted by `read`; a value for which it returns `None` is recorded as not being
    /// `kind`.
    fn typed<T>(&self, key: &'static str, kind: ValueKind, read: impl Fn(&'s DeValue<'a>) -> Option<T>) -> Option<T> {
        let value = self.get(key)?;
        let read = read(value.get_ref());
        if read.is_none() {
            self.source.add_fault(self.source.line(value.span()), kind.not(&format!("`{key}`")));
        }
        read
    }

    /// A string.
    pub fn string(&self, key: &'static str) -> Option<String> {
        self.typed(key, TEXT, |value| Some(value.as_str()?.to_owned()))
    }

    /// A string that must be present and not empty; `None` if it is not, which is recorded as a fault.
    pub fn required_string(&self, key: &'static str) -> Option<String> {
        if !self.has(key) {
            self.add_missing(key);
        }
        let text = self.string(key)?;
        if text.is_empty() {
            self.source.add_fault(self.line_of(key), empty_value_fault(key));
        }
        (!text.is_empty()).then_some(text)
    }

    /// A string if the key has one; a value of another type is no fault.
    pub fn string_if_string(&self, key: &'static str) -> Option<String> {
        self.get(key).and_then(|value| value.get_ref().as_str()).map(str::to_owned)
    }

    /// An integer.
    pub fn integer(&self, key: &'static str) -> Option<i64> {
        self.typed(key, INTEGER, |value| {
            let integer = value.as_integer()?;
            i64::from_str_radix(integer.as_str(), integer.radix()).ok()
        })
    }

    /// A day.
    pub fn day(&self, key: &'static str) -> Option<Day> {
        self.typed(key, DAY, |value| {
            let datetime = value.as_datetime()?;
            let alone = datetime.time.is_none() && datetime.offset.is_none();
            let date = datetime.date.filter(|_| alone)?;
            Day::new(date.year.into(), date.month.into(), date.day.into()).ok()
        })
    }

    /// True or false.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        self.typed(key, BOOLEAN, |value| value.as_bool())
    }

    /// A table.
    pub fn table(&self, key: &'static str) -> Option<TableReader<'s, 'a>> {
        let span = self.table.get(key).map(|value| value.span()).unwrap_or_default();
        let table = self.typed(key, TABLE, |value| value.as_table())?;
        Some(self.inner(table, span))
    }

    /// A list of tables; `None` if the key is absent.
    pub fn tables(&self, key: &'static str) -> Option<Vec<TableReader<'s, 'a>>> {
        self.optional_list(key, TABLE, |value| value.as_table())
            .map(|list| list.into_iter().map(|(table, span)| self.inner(table, span)).collect())
    }

    /// A list of strings with their lines; `None` if the key is absent.
    pub fn strings(&self, key: &'static str) -> Option<Vec<Lined<String>>> {
        let texts = self.optional_list(key, TEXT, |value| value.as_str());
        let lined = |(text, span): (&str, _)| Lined { value: text.to_owned(), line: self.source.line(span) };
        texts.map(|list| list.into_iter().map(lined).collect())
    }

    /// A string or a list of them.
    pub fn string_or_list(&self, key: &'static str) -> Option<Vec<Lined<String>>> {
        if self.table.get(key).is_some_and(|value| value.get_ref().is_str()) {
            let line = self.line_of(key);
            return self.string(key).map(|value| vec![Lined { value, line }]);
        }
        let list = |value: &'s DeValue<'a>| value.is_array().then_some(());
        self.typed(key, TEXT_OR_LIST, list)?;
        self.strings(key)
    }

    fn optional_list<T>(
        &self,
        key: &'static str,
        item_kind: ValueKind,
        read_item: impl Fn(&'s DeValue<'a>) -> Option<T>,
    ) -> Option<Vec<(T, Range<usize>)>> {
        let list = self.typed(key, LIST, |value| value.as_array())?;
        let one = |value: &'s Spanned<DeValue<'a>>| {
            let item = read_item(value.get_ref());
            if item.is_none() {
                let line = self.source.line(value.span());
                self.source.add_fault(line, item_kind.not_item(key));
            }
            item.map(|item| (item, value.span()))
        };
        Some(list.iter().filter_map(one).collect())
    }

    /// A half-open interval of days, `{ from = …, until = … }`.
    pub fn interval(&self, key: &'static str) -> Option<Interval> {
        let table = self.table(key)?;
        let interval = Interval { from: table.day("from"), until: table.day("until") };
        table.finish();
        if interval.is_empty() {
            let text = FaultText::new(
                format!("`{key}` holds no day: it begins on or after its `until`, the first day that is not included"),
                format!("`{key}` 不含任何一天：起始日不早于 `until`（即停止执行的第一天）"),
            );
            self.source.add_fault(table.line, text);
        }
        Some(interval)
    }

    /// The keys of the table with their lines, in the order of the file.
    pub fn keys(&self) -> Vec<Lined<String>> {
        let mut keys: Vec<_> = self.table.keys().map(|key| (key.span().start, key)).collect();
        keys.sort_unstable_by_key(|(start, _)| *start);
        let lined = |(start, key): (usize, &Spanned<std::borrow::Cow<'_, str>>)| Lined {
            value: key.get_ref().to_string(),
            line: self.source.line(start..start),
        };
        keys.into_iter().map(lined).collect()
    }

    /// The text of a key that the program does not know by name; `None` if it is no text.
    pub fn string_of_any_key(&self, key: &str) -> Option<String> {
        self.table.get(key).and_then(|value| value.get_ref().as_str()).map(str::to_owned)
    }

    /// The table of a key that the program does not know by name; `None` if it is no table.
    pub fn table_of_any_key(&self, key: &str) -> Option<TableReader<'s, 'a>> {
        let value = self.table.get(key)?;
        Some(self.inner(value.get_ref().as_table()?, value.span()))
    }

    /// Whether the key's value is a table.
    pub fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Records every key that was not read.
    pub fn finish(&self) {
        let read = self.read.borrow();
        for key in self.keys().into_iter().filter(|key| !read.iter().any(|known| *known == key.value)) {
            let word = &key.value;
            let text = match nearest(word, read.iter().copied()) {
                Some(meant) => FaultText::new(
                    format!("`{word}` is not a known key here; `{meant}` is meant?"),
                    format!("此处没有名为 `{word}` 的键；是否应为 `{meant}`？"),
                ),
                None => {
                    FaultText::new(format!("`{word}` is not a known key here"), format!("此处没有名为 `{word}` 的键"))
                }
            };
            self.source.add_fault(key.line, text);
        }
    }
}

/// The fault of an empty text or list.
pub(super) fn empty_value_fault(key: &str) -> FaultText {
    FaultText::new(format!("`{key}` is empty"), format!("`{key}` 为空"))
}
