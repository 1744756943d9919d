//! Reads the sources of a policy file, the cites that name them, and the keys of assumed figures.

use std::collections::BTreeMap;

use crate::domain::terms::Cite;

use super::toml_reader::{Lined, TableReader};
use super::value_reader::{check_distinct, check_list_length, not_empty};

/// The sources that `cites` may name in one file.
pub(super) struct Sources {
    file_id: String,
    texts: BTreeMap<String, String>,
}

impl Sources {
    pub(super) fn read(file_id: &str, table: &TableReader<'_, '_>) -> Sources {
        let texts = table.table("sources").map(|sources| sources.texts()).unwrap_or_default();
        Sources { file_id: file_id.to_owned(), texts: texts.into_iter().collect() }
    }

    /// The sources that a layer or an entry cites.
    pub(super) fn cites(&self, table: &TableReader<'_, '_>) -> Option<Vec<Cite>> {
        let keys = not_empty(table, "cites", table.strings("cites"))?;
        check_list_length(table, "cites", &keys);
        let cite = |key: &Lined<String>| {
            let known = self.texts.get(&key.value);
            if known.is_none() {
                table.source().fault(key.line, format!("`{}` is not in [sources]", key.value));
            }
            let source = format!("{}#{}", self.file_id, key.value).into();
            known.map(|text| Cite { source, text: text.as_str().into() })
        };
        Some(keys.iter().filter_map(cite).collect())
    }
}

/// The keys of a table with figures that are assumptions.
pub(super) fn read_assumed(table: &TableReader<'_, '_>, known: &[&str]) -> Vec<String> {
    let keys = table.strings("assumed").unwrap_or_default();
    for key in keys.iter().filter(|key| !known.contains(&key.value.as_str())) {
        table.source().fault(key.line, format!("`assumed` names `{}`, which is no key here", key.value));
    }
    check_distinct(table, "assumed", &keys);
    keys.into_iter().map(|key| key.value).collect()
}
