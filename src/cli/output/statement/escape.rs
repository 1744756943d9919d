//! Texts as they appear in HTML and SVG.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::output::visible::visible;

/// A text escaped for HTML and SVG; characters that would change its layout or direction are shown, not obeyed.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A text of at most this many columns; an ellipsis marks what is cut off.
pub fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut wide = 1;
    let kept = text.chars().take_while(|c| {
        wide += c.width().unwrap_or(0);
        wide <= columns
    });
    kept.collect::<String>() + "…"
}
