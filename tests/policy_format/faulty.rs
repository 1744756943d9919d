//! Books with one fault each, whose first line says what must come of them (`tests/faulty_policies`).

use std::path::{Path, PathBuf};

use onestop::domain::file_fault::FileFault;
use onestop::policy::Book;

/// Places of faults: file and line.
type Places = Vec<(String, usize)>;

/// The files of a book: one file, or the files of a directory.
fn files(book: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(book) else { return vec![book.to_owned()] };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// What is refused and what is warned of, each as file and line.
fn found(book: &Path) -> (Places, Places) {
    let texts: Vec<_> = files(book)
        .iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a text"))
        })
        .collect();
    let places = |faults: &[FileFault]| -> Places {
        assert!(faults.iter().all(|fault| fault.message_zh.as_ref().is_some_and(|zh| !zh.is_ascii())), "{faults:?}");
        faults.iter().map(|fault| (fault.file.clone(), fault.line)).collect()
    };
    match Book::from_texts(texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
        Ok(book) => (Vec::new(), places(book.warnings())),
        Err(faults) => (places(&faults), Vec::new()),
    }
}

/// What the first lines of the files say must come.
fn expected(book: &Path) -> (Places, Places) {
    let (mut refused, mut warned) = (Vec::new(), Vec::new());
    for path in files(book) {
        let text = std::fs::read_to_string(&path).expect("a text");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let line = |rest: &str| rest.split(':').next().and_then(|line| line.parse().ok()).expect("a line");
        let first = text.lines().next().expect("a line");
        if let Some(rest) = first.strip_prefix("# refused, line ") {
            refused.push((name, line(rest)));
        } else if let Some(rest) = first.strip_prefix("# warned, line ") {
            warned.push((name, line(rest)));
        }
    }
    (refused, warned)
}

#[test]
fn every_faulty_book_is_refused_or_warned_of_at_its_line_and_nowhere_else() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faulty_policies");
    let mut books: Vec<_> =
        std::fs::read_dir(directory).expect("books").map(|book| book.expect("a book").path()).collect();
    books.retain(|book| !book.ends_with("README.md"));
    books.sort();
    assert!(books.len() > 50);
    let differing: Vec<_> = books
        .iter()
        .filter(|book| found(book) != expected(book))
        .map(|book| format!("{}: {:?}, not {:?}", book.display(), found(book), expected(book)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
