//! Reads the sources of a policy file, the cites that name them, and the keys of assumed figures.

use std::collections::BTreeMap;

use crate::domain::file_fault::FaultText;
use crate::domain::terms::Cite;

use super::nearest::nearest;
use super::toml_reader::{Lined, TableReader};
use super::value_reader::{check_distinct, check_list_length, check_not_empty};

/// The sources that `cites` may name in one file.
pub(super) struct Sources {
    file_id: String,
    texts: BTreeMap<String, String>,
}

impl Sources {
    pub(super) fn read(file_id: &str, root: &TableReader<'_, '_>) -> Sources {
        let mut sources = Sources { file_id: file_id.to_owned(), texts: BTreeMap::new() };
        let Some(table) = root.table("sources") else { return sources };
        for key in table.keys() {
            let text = table.string_of_any_key(&key.value).filter(|text| !text.is_empty());
            if text.is_none() {
                let fault =
                    FaultText::new(format!("`{}` is not a text", key.value), format!("`{}` 不是文本", key.value));
                table.source().add_fault(key.line, fault);
            }
            sources.texts.insert(key.value, text.unwrap_or_default());
        }
        sources
    }

    /// The sources that a layer or an entry cites.
    pub(super) fn cites(&self, table: &TableReader<'_, '_>) -> Option<Vec<Cite>> {
        let keys = check_not_empty(table, "cites", table.strings("cites"))?;
        check_list_length(table, "cites", &keys);
        let cite = |key: &Lined<String>| {
            let known = self.texts.get(&key.value);
            if known.is_none() {
                table.source().add_fault(key.line, self.unknown(&key.value));
            }
            let source = format!("{}#{}", self.file_id, key.value).into();
            known.map(|text| Cite { source, text: text.as_str().into() })
        };
        Some(keys.iter().filter_map(cite).collect())
    }

    fn unknown(&self, key: &str) -> FaultText {
        match nearest(key, self.texts.keys().map(String::as_str)) {
            Some(meant) => FaultText::new(
                format!("`{key}` is not in [sources]; `{meant}` is meant?"),
                format!("[sources] 中没有 `{key}`；是否应为 `{meant}`？"),
            ),
            None => FaultText::new(format!("`{key}` is not in [sources]"), format!("[sources] 中没有 `{key}`")),
        }
    }
}

/// The keys of a table with figures that are assumptions.
pub(super) fn read_assumed(table: &TableReader<'_, '_>, known: &[&str]) -> Vec<String> {
    let keys = table.strings("assumed").unwrap_or_default();
    for key in keys.iter().filter(|key| !known.contains(&key.value.as_str())) {
        let word = &key.value;
        let text = FaultText::new(
            format!("`assumed` names `{word}`, which is no key here"),
            format!("`assumed` 列出 `{word}`，此处没有这个键"),
        );
        table.source().add_fault(key.line, text);
    }
    check_distinct(table, "assumed", &keys);
    keys.into_iter().map(|key| key.value).collect()
}
