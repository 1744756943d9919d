//! A fault in a file read from disk: a policy, the callers, the configuration or a reference table as CSV.

use std::fmt;

/// One fault, printed as `file:line: message` or `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileFault {
    /// The file's name, as the reader received it.
    pub file: String,
    /// The line, from 1; 1 if the fault concerns the whole file.
    pub line: usize,
    /// The column within the line, if it is known.
    pub column: Option<FileColumn>,
    /// What is wrong.
    pub message: String,
    /// The same in Chinese, where the reader says it.
    pub message_zh: Option<String>,
}

/// A message in both languages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultText {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl FaultText {
    /// A message in both languages.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> FaultText {
        FaultText { en: en.into(), zh: zh.into() }
    }
}

/// A column of a line: a named one in a table, otherwise a position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileColumn {
    /// The name that the header gives to the column.
    Name(String),
    /// The position of a character in its line, from 1.
    Number(usize),
}

impl FileFault {
    /// A fault of a line.
    pub fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> FileFault {
        FileFault { file: file.into(), line, column: None, message: message.into(), message_zh: None }
    }

    /// A fault of a line, in both languages.
    pub fn bilingual(file: impl Into<String>, line: usize, text: FaultText) -> FileFault {
        FileFault { message_zh: Some(text.zh), ..FileFault::new(file, line, text.en) }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// The first line that is not UTF-8: such a text is refused, never repaired.
    pub(crate) fn utf8_text(file: &str, bytes: Vec<u8>) -> Result<String, FileFault> {
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
            FileFault::bilingual(file, line, FaultText::new("the line is not UTF-8", "本行不是 UTF-8 文本"))
        })
    }

    /// The fault with its message in Chinese, where there is one.
    #[must_use]
    pub fn into_chinese(self) -> FileFault {
        FileFault { message: self.message_zh.clone().unwrap_or(self.message), ..self }
    }

    /// A fault at a byte offset of the file's text, with line and column number.
    pub(crate) fn at_offset(
        file: impl Into<String>,
        text: &str,
        offset: usize,
        message: impl Into<String>,
    ) -> FileFault {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = FileColumn::Number(before[line_start..].chars().count() + 1);
        FileFault { column: Some(column), ..FileFault::new(file, line_at(text, offset), message) }
    }

    /// A fault in a named column of a line.
    pub(crate) fn in_column(
        file: impl Into<String>,
        line: usize,
        column: impl Into<String>,
        message: impl Into<String>,
    ) -> FileFault {
        FileFault { column: Some(FileColumn::Name(column.into())), ..FileFault::new(file, line, message) }
    }
}

/// The line, from 1, that a byte offset of a text lies on.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.file, self.line)?;
        match &self.column {
            Some(FileColumn::Name(name)) => write!(f, "{name}:")?,
            Some(FileColumn::Number(number)) => write!(f, "{number}:")?,
            None => {}
        }
        write!(f, " {}", self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_position_before_the_message() {
        assert_eq!(FileFault::new("a.toml", 3, "is wrong").to_string(), "a.toml:3: is wrong");
        assert_eq!(FileFault::in_column("a.csv", 2, "from", "is no day").to_string(), "a.csv:2:from: is no day");
    }

    #[test]
    fn a_text_that_is_not_utf_8_is_refused_by_line() {
        let read = |bytes: &[u8]| FileFault::utf8_text("f", bytes.to_vec()).map_err(|fault| fault.to_string());
        assert_eq!(read("一\n二".as_bytes()), Ok("一\n二".to_owned()));
        assert_eq!(read(b"one\n\xb6\xfe\n"), Err("f:2: the line is not UTF-8".to_owned()));
        assert_eq!(read(b"\xff"), Err("f:1: the line is not UTF-8".to_owned()));
        assert_eq!(
            read("one\n二".as_bytes().split_last().expect("a byte").1),
            Err("f:2: the line is not UTF-8".to_owned())
        );
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "one\n城市 = 1\n";
        let at = |offset| FileFault::at_offset("f", text, offset, "x").to_string();
        let after_the_city = text.find(" =").expect("a blank");
        assert_eq!(
            (at(0), at(after_the_city), at(usize::MAX)),
            ("f:1:1: x".into(), "f:2:3: x".into(), "f:3:1: x".into())
        );
    }
}
