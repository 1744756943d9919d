//! The kinds of values of a policy file, as faults name them.

use crate::domain::file_fault::FaultText;

/// A kind of value, in both languages.
#[derive(Clone, Copy)]
pub(super) struct ValueKind {
    en: &'static str,
    zh: &'static str,
}

pub(super) const TEXT: ValueKind = ValueKind { en: "a text in quotes", zh: "加引号的文本（如 \"1500\"）" };
pub(super) const INTEGER: ValueKind = ValueKind { en: "an integer", zh: "整数" };
pub(super) const DAY: ValueKind = ValueKind { en: "a day, such as 2017-06-15", zh: "日期（如 2017-06-15）" };
pub(super) const TABLE: ValueKind = ValueKind { en: "a table", zh: "表" };
pub(super) const LIST: ValueKind = ValueKind { en: "a list", zh: "列表" };
pub(super) const TEXT_OR_LIST: ValueKind =
    ValueKind { en: "a text in quotes, or a list of them", zh: "加引号的文本（如 \"1500\"）或其列表" };
pub(super) const BOOLEAN: ValueKind = ValueKind { en: "true or false", zh: "true 或 false" };

impl ValueKind {
    /// The fault of an item of a list that is of another kind.
    pub(super) fn not_item(self, key: &str) -> FaultText {
        FaultText::new(format!("an item of `{key}` is not {}", self.en), format!("`{key}` 中有一项不是{}", self.zh))
    }

    /// The fault of a value that is of another kind.
    pub(super) fn not(self, what: &str) -> FaultText {
        FaultText::new(format!("{what} is not {}", self.en), format!("{what} 不是{}", self.zh))
    }
}
