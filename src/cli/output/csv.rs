//! CSV for spreadsheets.

/// The mark with which spreadsheets recognize UTF-8.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A line of cells, without its end.
pub(crate) fn csv_line(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let cells = cells.into_iter().map(|cell| csv_cell(cell.as_ref()));
    cells.collect::<Vec<_>>().join(",")
}

/// A cell, in quotation marks where it would be read as several; what a spreadsheet would read as a formula is marked as text.
pub(crate) fn csv_cell(text: &str) -> String {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_formula = match text.split_at_checked(1) {
        Some(("=" | "@", _)) => true,
        Some(("+" | "-", rest)) => !is_number(rest),
        _ => false,
    };
    let text = if is_formula { &format!("'{text}") } else { text };
    let is_plain = !text.contains([',', '"', '\r', '\n']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::csv_line;

    #[test]
    fn a_formula_becomes_text_and_a_negative_amount_stays_a_number() {
        let cells = ["=HYPERLINK(1)", "@SUM(1)", "-1+2", "+1,2=3", "-12.50", "3", "P-1"];
        assert_eq!(csv_line(cells), "'=HYPERLINK(1),'@SUM(1),'-1+2,\"'+1,2=3\",-12.50,3,P-1");
    }
}
