//! Texts and tables that fit a terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, ContentArrangement, Table};
use unicode_width::UnicodeWidthChar;

/// The columns of a terminal.
pub(crate) const WIDTH: u16 = 100;

/// A table without rows, as wide as a terminal at the most.
pub(crate) fn table(header: impl IntoIterator<Item = impl Into<Cell>>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<Cell>>());
    table
}

/// A text in lines that fit a terminal, broken at blanks and between Chinese characters.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    wrapped_at(text, WIDTH.into())
}

fn wrapped_at(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut columns) = (Vec::new(), String::new(), 0);
    let indent = text.len() - text.trim_start().len();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if columns + wide > width {
            let at = line.rfind(' ').filter(|at| *at > indent + 2 && c.is_ascii()).map_or(line.len(), |at| at + 1);
            let rest = line.split_off(at);
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(indent + 2) + rest.trim_start();
            columns = line.chars().map(|c| c.width().unwrap_or(0)).sum();
        }
        line.push(c);
        columns += wide;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_at_a_blank_or_between_chinese_characters() {
        assert_eq!(wrapped_at("one two three", 8), ["one two", "  three"]);
        assert_eq!(wrapped_at("  政策范围内费用", 8), ["  政策范", "    围内", "    费用"]);
        assert_eq!(wrapped_at("short", 8), ["short"]);
        assert_eq!(wrapped_at("a verylongword", 8), ["a verylo", "  ngword"]);
    }
}
