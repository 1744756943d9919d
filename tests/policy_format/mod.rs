//! The policy file: all that is refused, with its line and reason, and what is allowed.
//!
//! Every case starts from one sound file and changes one thing in it.

mod allowed;
mod base;
mod entries;
mod faults_together;
mod keys;
mod schedules;
mod several_files;
mod values;

use onestop::domain::file_fault::FileFault;
use onestop::policy::Book;

use base::BASE;

/// The text with the one place where it says `find` saying `put`.
fn with(text: &str, find: &str, put: &str) -> String {
    assert_eq!(text.matches(find).count(), 1, "the text says `{find}` once");
    text.replace(find, put)
}

/// The base file with one change.
fn base_with(find: &str, put: &str) -> String {
    with(BASE, find, put)
}

/// The number of the one line that holds `on`.
fn line_of(text: &str, on: &str) -> usize {
    let mut lines = text.lines().enumerate().filter(|(_, line)| line.contains(on)).map(|(at, _)| at + 1);
    let line = lines.next().unwrap_or_else(|| panic!("no line holds `{on}`"));
    assert_eq!(lines.next(), None, "one line holds `{on}`");
    line
}

/// The base file under another id, with these changes.
fn another(id: &str, changes: &[(&str, &str)]) -> String {
    let base = base_with("\"base\"", &format!("\"{id}\""));
    changes.iter().fold(base, |text, (find, put)| with(&text, find, put))
}

fn read(files: &[(&str, &str)]) -> Result<Book, Vec<FileFault>> {
    Book::from_texts(files.iter().copied())
}

/// The book of these sound files.
fn book(files: &[(&str, &str)]) -> Book {
    read(files).unwrap_or_else(|faults| panic!("sound files: {faults:#?}"))
}

/// The faults of files that are refused.
fn faults(files: &[(&str, &str)]) -> Vec<FileFault> {
    read(files).err().unwrap_or_else(|| panic!("it is taken: {files:?}"))
}

/// The file is refused, with a fault on the line that holds `on`, in words that hold `words`.
fn refused(text: &str, on: &str, words: &str) {
    refused_on(text, line_of(text, on), words);
}

/// The file is refused, with a fault on this line, in words that hold `words`, and with none elsewhere.
fn refused_on(text: &str, line: usize, words: &str) {
    let faults = faults(&[("base.toml", text)]);
    let told =
        faults.iter().any(|fault| fault.file == "base.toml" && fault.line == line && fault.message.contains(words));
    assert!(told, "line {line} is refused with `{words}`; told was {faults:#?}");
    assert!(faults.iter().all(|fault| fault.line == line), "only line {line} is refused: {faults:#?}");
}

/// Each change of the base file (`find`, `put`) is refused, on the line where it ends.
fn each_refused(words: &str, changes: &[(&str, &str)]) {
    for (find, put) in changes {
        let text = base_with(find, put);
        let end = BASE.find(find).expect("the place") + put.trim_end().len();
        refused_on(&text, text[..end].matches('\n').count() + 1, words);
    }
}

#[test]
fn the_base_file_is_sound() {
    assert_eq!(book(&[("base.toml", BASE)]).policies().len(), 1);
}
