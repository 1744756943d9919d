//! Texts of the template that nobody filled in: `<` and `>` around Chinese words.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::file_fault::FaultText;

/// The place of each text of a table that still holds a placeholder, and the fault of it.
pub(super) fn placeholder_faults(table: &DeTable<'_>) -> Vec<(Range<usize>, FaultText)> {
    let mut found = Vec::new();
    find_in_table(table, &mut found);
    found
}

fn find_in_table(table: &DeTable<'_>, found: &mut Vec<(Range<usize>, FaultText)>) {
    table.iter().for_each(|(_, value)| find_in_value(value, found));
}

fn find_in_value(value: &Spanned<DeValue<'_>>, found: &mut Vec<(Range<usize>, FaultText)>) {
    match value.get_ref() {
        DeValue::String(text) => found.extend(placeholder(text).map(|placeholder| {
            let text = FaultText::new(
                format!("the placeholder {placeholder} of the template is not filled in"),
                format!("模板的占位内容 {placeholder} 尚未填写"),
            );
            (value.span(), text)
        })),
        DeValue::Array(items) => items.iter().for_each(|item| find_in_value(item, found)),
        DeValue::Table(table) => find_in_table(table, found),
        _ => {}
    }
}

/// The first placeholder in a text.
fn placeholder(text: &str) -> Option<&str> {
    text.match_indices('<').find_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest.find('>')?;
        let is_chinese = |character: char| ('\u{4e00}'..='\u{9fff}').contains(&character);
        rest.get(..=end).filter(|found| found.chars().nth(1).is_some_and(is_chinese))
    })
}

#[cfg(test)]
mod tests {
    use super::placeholder;

    #[test]
    fn only_chinese_words_in_angle_brackets_are_a_placeholder() {
        assert_eq!(placeholder("<某市>居民"), Some("<某市>"));
        assert_eq!(placeholder("a <b> and <起付线>"), Some("<起付线>"));
        for text in ["", "<b>", "a < 市", "市>", "《关于〈办法〉的通知》"] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }
}
