//! The brackets of a JSON text that is read in parts.

/// Counts the open brackets of a JSON text.
#[derive(Default)]
pub(super) struct Brackets {
    open: usize,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Whether no bracket is open.
    pub(super) fn are_closed(&self) -> bool {
        self.open == 0
    }

    /// Scans the next part of the text; returns the position after the bracket that closes the first.
    pub(super) fn closing_bracket(&mut self, text: &str) -> Option<usize> {
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.open += 1,
                b'}' | b']' if !self.in_string => {
                    self.open = self.open.saturating_sub(1);
                    if self.open == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}
