//! Reads `vocabulary.toml`, and records every fault with its line.

use std::sync::Arc;

use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::fixed_words::PayerKind;
use crate::domain::vocabulary::{DisplayName, Named, PayerRule, VisitRule, Vocabulary};
use crate::domain::word_meanings::{ClassRule, DiseaseRule};
use crate::domain::words::{Approval, Pool, is_class_word, is_word};

use super::document_reader::{check_format, too_large};
use super::toml_reader::{Lined, Source, TableReader};
use super::value_reader::{
    NAME_BYTES, WordKind, check_not_empty, check_text, fixed, lined_string, not_a_name, required_text, word,
};

/// The maximum bytes of the prefix of a diagnosis.
const CODE_BYTES: usize = 64;

/// The name of the vocabulary's file in the directory of a book.
pub const FILE_NAME: &str = "vocabulary.toml";

/// The vocabulary of a file, unless it is not TOML, and every fault of the file.
pub(super) fn read_vocabulary(file: &str, text: &str) -> (Option<Vocabulary>, Vec<FileFault>) {
    if let Some(fault) = too_large(file, text) {
        return (None, vec![fault]);
    }
    let source = Source::new(file, text);
    let parsed = source.parse();
    let vocabulary = (source.fault_count() == 0).then(|| read_root(&TableReader::root(&source, &parsed)));
    (vocabulary, source.into_faults())
}

fn read_root(root: &TableReader<'_, '_>) -> Vocabulary {
    check_format(root);
    for section in ["level", "visit", "pool", "class"].into_iter().filter(|section| !root.has(section)) {
        root.add_missing(section);
    }
    let approvals: Vec<Named<Approval>> = named_words(root, "approval");
    let pools = with_built_in_pools(named_words(root, "pool"));
    let vocabulary = Vocabulary {
        categories: named_words(root, "category"),
        levels: named_words(root, "level"),
        visits: section(root, "visit", is_word, |table, key| read_visit(table, key, &approvals)),
        classes: section(root, "class", is_class_word, |table, key| read_class(table, key, &pools)),
        payers: section(root, "payer", is_word, read_payer),
        tags: named_words(root, "tag"),
        diseases: section(root, "disease", is_word, read_disease),
        approvals,
        pools,
    };
    root.finish();
    vocabulary
}

/// The words of a section: each is read by `read`, with the table of the section.
fn section<T>(
    root: &TableReader<'_, '_>,
    name: &'static str,
    allowed: fn(&str) -> bool,
    read: impl Fn(&TableReader<'_, '_>, &Lined<String>) -> Option<T>,
) -> Vec<T> {
    let Some(table) = root.table(name) else { return Vec::new() };
    let keys = table.keys();
    for key in keys.iter().filter(|key| !allowed(&key.value)) {
        let text = if name == "class" {
            FaultText::new(
                format!("the class `{}` must consist of the letters A-Z and a-z and of digits", key.value),
                format!("类别 `{}` 应只含字母和数字", key.value),
            )
        } else {
            not_a_name(name, &key.value)
        };
        table.source().add_fault(key.line, text);
    }
    keys.iter().filter_map(|key| read(&table, key)).collect()
}

fn named_words<W: for<'a> From<&'a str>>(root: &TableReader<'_, '_>, name: &'static str) -> Vec<Named<W>> {
    section(root, name, is_word, |table, key| {
        let name = match table.table_of_any_key(&key.value) {
            Some(inner) => {
                let name = read_languages(&inner);
                inner.finish();
                name
            }
            None => text_name(table, key),
        };
        Some((W::from(&key.value), name))
    })
}

/// Adds the pools that the program itself fills, if the file does not name them.
fn with_built_in_pools(mut pools: Vec<Named<Pool>>) -> Vec<Named<Pool>> {
    let built_in = [
        (Pool::preliminary_self_pay(), "先行自付", "first share"),
        (Pool::over_limit(), "超限价", "above price ceilings"),
    ];
    for (pool, zh, en) in built_in {
        if !pools.iter().any(|(known, _)| *known == pool) {
            pools.push((pool, DisplayName { zh: zh.into(), en: Some(en.into()) }));
        }
    }
    pools
}

/// A name as one text.
fn text_name(table: &TableReader<'_, '_>, key: &Lined<String>) -> DisplayName {
    let text = table.string_of_any_key(&key.value).filter(|text| !text.is_empty());
    if text.is_none() {
        let word = &key.value;
        let fault = FaultText::new(
            format!("`{word}` has no name: a text, or {{ zh = \"…\", en = \"…\" }}"),
            format!("`{word}` 缺少名称：应为文本，或 {{ zh = \"…\", en = \"…\" }}"),
        );
        table.source().add_fault(key.line, fault);
    }
    if let Some(text) = &text {
        check_text(table, &key.value, text, key.line, NAME_BYTES);
    }
    DisplayName { zh: text.unwrap_or_else(|| key.value.clone()).into(), en: None }
}

/// A name as `zh` and `en`.
fn read_languages(table: &TableReader<'_, '_>) -> DisplayName {
    let zh = required_text(table, "zh", NAME_BYTES).unwrap_or_default();
    let en = lined_string(table, "en");
    let en = en.inspect(|en| check_text(table, "en", &en.value, en.line, NAME_BYTES));
    DisplayName { zh: zh.into(), en: en.map(|en| Arc::from(en.value)) }
}

/// The `name` of a table; the word itself where there is none.
fn key_name(table: &TableReader<'_, '_>, word: &str) -> DisplayName {
    if table.is_table("name") {
        return table.table("name").map_or_else(DisplayName::default, |inner| {
            let name = read_languages(&inner);
            inner.finish();
            name
        });
    }
    DisplayName { zh: table.string("name").unwrap_or_else(|| word.to_owned()).into(), en: None }
}

fn inner_table<'s, 'a>(table: &TableReader<'s, 'a>, key: &Lined<String>) -> Option<TableReader<'s, 'a>> {
    let inner = table.table_of_any_key(&key.value);
    if inner.is_none() {
        let text = FaultText::new(format!("`{}` is not a table", key.value), format!("`{}` 不是表", key.value));
        table.source().add_fault(key.line, text);
    }
    inner
}

fn read_visit(table: &TableReader<'_, '_>, key: &Lined<String>, approvals: &[Named<Approval>]) -> Option<VisitRule> {
    let Some(inner) = inner_table(table, key) else {
        // The word stays known, so that the files that name it are not faulted for it too.
        let (visit, name) = (key.value.as_str().into(), DisplayName::default());
        return Some(VisitRule { visit, name, counts_admission: false, needs: None });
    };
    let known = approvals.iter().map(|(word, _)| (word.as_str(), word.clone()));
    let rule = VisitRule {
        visit: key.value.as_str().into(),
        name: key_name(&inner, &key.value),
        counts_admission: inner.boolean("counts_admission").unwrap_or(false),
        needs: word(&inner, "needs", &WordKind::new("approval", "资格审批", known)),
    };
    inner.finish();
    Some(rule)
}

fn read_class(table: &TableReader<'_, '_>, key: &Lined<String>, pools: &[Named<Pool>]) -> Option<ClassRule> {
    let inner = inner_table(table, key)?;
    if !inner.has("pool") {
        inner.add_missing("pool");
    }
    let known = pools.iter().map(|(word, _)| (word.as_str(), word.clone()));
    let pool = word(&inner, "pool", &WordKind::new("pool", "费用池", known));
    let (first_share, ceiling) = (inner.boolean("first_share"), inner.boolean("ceiling"));
    inner.finish();
    Some(ClassRule {
        class: key.value.as_str().into(),
        pool: pool?,
        first_share: first_share.unwrap_or(false),
        ceiling: ceiling.unwrap_or(true),
    })
}

fn read_payer(table: &TableReader<'_, '_>, key: &Lined<String>) -> Option<PayerRule> {
    let kinds = fixed("kind of payer", "支付方类型", PayerKind::ALL, PayerKind::as_str);
    let (name, kind) = match table.table_of_any_key(&key.value) {
        Some(inner) => {
            let named = (read_languages(&inner), word(&inner, "kind", &kinds));
            inner.finish();
            named
        }
        None => (text_name(table, key), None),
    };
    Some(PayerRule { payer: key.value.as_str().into(), name, kind: kind.unwrap_or(PayerKind::Fund) })
}

fn read_disease(table: &TableReader<'_, '_>, key: &Lined<String>) -> Option<(DiseaseRule, DisplayName)> {
    let Some(inner) = inner_table(table, key) else {
        return Some((DiseaseRule { disease: key.value.as_str().into(), codes: Vec::new() }, DisplayName::default()));
    };
    let name = key_name(&inner, &key.value);
    if !inner.has("codes") {
        inner.add_missing("codes");
    }
    let codes = check_not_empty(&inner, "codes", inner.strings("codes")).unwrap_or_default();
    codes.iter().for_each(|code| check_text(&inner, "codes", &code.value, code.line, CODE_BYTES));
    inner.finish();
    let codes = codes.into_iter().map(|code| code.value.into()).collect();
    Some((DiseaseRule { disease: key.value.as_str().into(), codes }, name))
}
