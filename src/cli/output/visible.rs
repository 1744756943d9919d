//! Characters that a terminal would obey, in a form that it only shows.

use std::borrow::Cow;
use std::fmt::Write;

/// A text in which every control character, line end and mark of writing direction is written as in JSON: `\u001b`. A
/// terminal then shows the text and does nothing else, no line can be forged, and JSON keeps its meaning.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_obeyed(c) {
            // Writing to a `String` does not fail.
            true => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal may obey the character instead of showing it: C0, DEL, C1, the line and paragraph separators, and
/// what changes the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_as_json_writes_it() {
        let obeyed = "\0\u{7}\t\r\n\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
        for c in obeyed.chars() {
            let text = format!("住院 {c}1");
            let shown = visible(&text).into_owned();
            assert_eq!(shown, format!("住院 \\u{:04x}1", u32::from(c)));
            assert_eq!(serde_json::from_str::<String>(&format!("\"{shown}\"")).expect("JSON"), text);
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["", "P 0001", "住院号　1", "a\\u001b", "é\u{301} 👩\u{200d}⚕️"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
