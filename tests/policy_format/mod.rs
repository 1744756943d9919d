//! The policy file: what is refused, with line and message, and what is allowed.
//!
//! Every case changes one thing in a sound file.

mod allowed;
mod base;
mod entries;
mod faults_together;
mod faulty;
mod keys;
mod remarks;
mod schedules;
mod several_files;
mod values;

use onestop::domain::file_faults::FileFaults;
use onestop::policy::Book;

use base::BASE;

/// The text with the only occurrence of `find` replaced by `put`.
fn replace_once(text: &str, find: &str, put: &str) -> String {
    assert_eq!(text.matches(find).count(), 1, "the text contains `{find}` once");
    text.replace(find, put)
}

/// The base file with the only occurrence of `find` replaced by `put`.
fn base_replacing(find: &str, put: &str) -> String {
    replace_once(BASE, find, put)
}

/// The number of the only line that contains `on`.
fn line_containing(text: &str, on: &str) -> usize {
    let mut lines = text.lines().enumerate().filter(|(_, line)| line.contains(on)).map(|(at, _)| at + 1);
    let line = lines.next().unwrap_or_else(|| panic!("no line contains `{on}`"));
    assert_eq!(lines.next(), None, "one line contains `{on}`");
    line
}

/// The base file under another id, with these replacements.
fn base_with_id(id: &str, changes: &[(&str, &str)]) -> String {
    let base = base_replacing("\"base\"", &format!("\"{id}\""));
    changes.iter().fold(base, |text, (find, put)| replace_once(&text, find, put))
}

fn read_book(files: &[(&str, &str)]) -> Result<Book, FileFaults> {
    Book::from_texts(files.iter().copied())
}

/// The book of these sound files.
fn book(files: &[(&str, &str)]) -> Book {
    read_book(files).unwrap_or_else(|faults| panic!("sound files: {faults:#?}"))
}

/// The faults of files that are refused.
fn faults(files: &[(&str, &str)]) -> FileFaults {
    read_book(files).err().unwrap_or_else(|| panic!("the files are accepted: {files:?}"))
}

/// Asserts that the file is refused with a message that contains `words`, on the only line that contains `on`.
fn assert_refused(text: &str, on: &str, words: &str) {
    assert_refused_on_line(text, line_containing(text, on), words);
}

/// Asserts that the file is refused with a message that contains `words`, on this line and no other.
fn assert_refused_on_line(text: &str, line: usize, words: &str) {
    let faults = faults(&[("base.toml", text)]);
    let reported =
        faults.iter().any(|fault| fault.file == "base.toml" && fault.line == line && fault.message.contains(words));
    assert!(reported, "line {line} is refused with `{words}`; the faults are {faults:#?}");
    assert!(faults.iter().all(|fault| fault.line == line), "only line {line} is refused: {faults:#?}");
}

/// Asserts that each replacement (`find`, `put`) in the base file is refused on the line where it ends.
fn assert_each_refused(words: &str, changes: &[(&str, &str)]) {
    for (find, put) in changes {
        let text = base_replacing(find, put);
        let end = BASE.find(find).expect("the place") + put.trim_end().len();
        assert_refused_on_line(&text, text[..end].matches('\n').count() + 1, words);
    }
}

#[test]
fn the_base_file_is_sound() {
    assert_eq!(book(&[("base.toml", BASE)]).policies().len(), 1);
}
