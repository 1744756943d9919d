//! The source of the program as the rules read it: code without comments, string contents and tests.
//!
//! It does not parse Rust. It finds where comments, strings, characters and braces begin and end, which is enough for
//! this code base.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// One file under `src`.
pub struct Source {
    /// Its path below `src`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The text with comments, the insides of texts, and tests blanked; the lines are the same.
    pub code: String,
    /// The texts in quotes outside tests, with their lines.
    pub texts: Vec<(usize, String)>,
}

/// Every Rust file under `src`.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    paths.iter().map(|path| source(&root, path)).collect()
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
}

fn source(root: &Path, path: &Path) -> Source {
    let text = std::fs::read_to_string(path).expect("a source");
    let path = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
    Source::new(path, text)
}

impl Source {
    /// The source of this text.
    pub fn new(path: String, text: String) -> Source {
        let (mut code, texts) = blanked(&text);
        let tests = tests(&code);
        for range in &tests {
            blank(&mut code, range.clone());
        }
        let outside = texts.into_iter().filter(|(at, _)| !tests.iter().any(|range| range.contains(at)));
        let texts = outside.map(|(at, literal)| (line_of(&text, at), literal)).collect();
        let code = String::from_utf8(code).expect("blanks are whole characters");
        Source { path, text, code, texts }
    }

    /// The top-level module that it belongs to.
    pub fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }

    /// The line of a place in the code.
    pub fn line(&self, at: usize) -> usize {
        line_of(&self.code, at)
    }

    /// The lengths in lines of its functions, tests aside.
    pub fn functions(&self) -> Vec<(String, usize)> {
        words(&self.code, "fn").filter_map(|at| self.function(at)).collect()
    }

    fn function(&self, at: usize) -> Option<(String, usize)> {
        let name: String = self.code[at + 2..].trim_start().chars().take_while(|c| is_word(*c)).collect();
        let body = body(self.code.as_bytes(), at)?;
        (!name.is_empty()).then(|| (name, self.line(body.end - 1) - self.line(at) + 1))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where this whole word stands.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let alone = move |at: usize| {
        let before = code[..at].chars().next_back().is_some_and(is_word);
        let after = code[at + word.len()..].chars().next().is_some_and(is_word);
        !before && !after
    };
    code.match_indices(word).map(|(at, _)| at).filter(move |at| alone(*at))
}

/// The braces and what they hold of the item that begins here; `None` for one that ends without.
fn body(code: &[u8], at: usize) -> Option<Range<usize>> {
    let mut inner = 0;
    for (place, byte) in code.iter().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => inner += 1,
            b')' | b']' => inner -= 1,
            b';' | b'}' if inner == 0 => return None,
            b'{' if inner == 0 => return Some(place..closing(code, place)),
            _ => {}
        }
    }
    None
}

/// Just past the brace that closes the one here.
fn closing(code: &[u8], open: usize) -> usize {
    let mut depth = 0;
    for (place, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + 1;
        }
    }
    code.len()
}

/// The items under `#[cfg(test)]`.
fn tests(code: &[u8]) -> Vec<Range<usize>> {
    let text = String::from_utf8_lossy(code);
    let mark = "#[cfg(test)]";
    let item = |at: usize| {
        let after_mark = at + mark.len();
        let end = body(code, after_mark).map(|body| body.end);
        at..end.unwrap_or_else(|| end_without_body(code, after_mark))
    };
    text.match_indices(mark).map(|(at, _)| item(at)).collect()
}

/// The end of an item without braces: an import, a field, a variant of an enum.
fn end_without_body(code: &[u8], at: usize) -> usize {
    let mut inner = 0;
    for (place, byte) in code.iter().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => inner += 1,
            b')' | b']' => inner -= 1,
            b';' | b',' if inner == 0 => return place + 1,
            b'}' if inner == 0 => return place,
            _ => {}
        }
    }
    code.len()
}

fn blank(code: &mut [u8], range: Range<usize>) {
    for byte in code[range].iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// The code without comments and the insides of texts, and those texts with their places.
fn blanked(text: &str) -> (Vec<u8>, Vec<(usize, String)>) {
    let mut code = text.as_bytes().to_vec();
    let mut texts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (end, inside) = token(text, at);
        if let Some(inside) = inside {
            if text[at..].starts_with("//") || text[at..].starts_with("/*") {
                blank(&mut code, at..end);
            } else {
                texts.push((at, text[inside.clone()].to_owned()));
                blank(&mut code, inside);
            }
        }
        at = end;
    }
    (code, texts)
}

/// The end of what begins here, and the part of it that is no code.
fn token(text: &str, at: usize) -> (usize, Option<Range<usize>>) {
    let rest = &text[at..];
    let first = rest.chars().next().unwrap_or_default();
    if rest.starts_with("//") {
        let end = at + rest.find('\n').unwrap_or(rest.len());
        return (end, Some(at..end));
    }
    if rest.starts_with("/*") {
        let end = at + rest.find("*/").map_or(rest.len(), |end| end + 2);
        return (end, Some(at..end));
    }
    match first {
        '"' => quoted(text, at),
        '\'' => character(text, at),
        'r' | 'b' if raw(rest).is_some() => {
            let (hashes, open) = raw(rest).unwrap_or_default();
            let close = format!("\"{}", "#".repeat(hashes));
            let end = rest[open..].find(&close).map_or(rest.len(), |end| open + end);
            (at + (end + close.len()).min(rest.len()), Some(at + open..at + end))
        }
        _ if is_word(first) => (at + rest.find(|c| !is_word(c)).unwrap_or(rest.len()), None),
        _ => (at + first.len_utf8(), None),
    }
}

/// The number of hashes of a raw text that begins here, and where its inside begins.
fn raw(rest: &str) -> Option<(usize, usize)> {
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].starts_with('"').then(|| (hashes, rest.len() - body.len() + hashes + 1))
}

fn quoted(text: &str, at: usize) -> (usize, Option<Range<usize>>) {
    let mut escaped = false;
    for (place, c) in text[at + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (at + place + 2, Some(at + 1..at + 1 + place)),
            _ => {}
        }
    }
    (text.len(), Some(at + 1..text.len()))
}

/// A character in single quotes; a lifetime is left as it is.
fn character(text: &str, at: usize) -> (usize, Option<Range<usize>>) {
    let rest = &text[at + 1..];
    let inside = match rest.chars().next() {
        Some('\\') => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        Some(c) => c.len_utf8(),
        None => return (text.len(), None),
    };
    let close = rest[inside..].find('\'').filter(|close| *close == 0 || rest.starts_with('\\'));
    match close {
        Some(close) => (at + inside + close + 2, Some(at + 1..at + 1 + inside + close)),
        None => (at + 1, None),
    }
}
