//! One spelling in code, comments and pages: that of the standard library.

use std::path::{Path, PathBuf};

use super::assert_none;

/// The folders and files that are read.
const ROOTS: &[&str] = &[
    "src",
    "tests",
    "benches",
    "proto/onestop",
    "proto/README.md",
    "deploy",
    "build.rs",
    "Cargo.toml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
];

/// The endings of texts.
const ENDINGS: &[&str] = &["rs", "md", "proto", "toml", "lua", "sh"];

/// Another spelling, in two halves so that this file does not contain it.
const OTHER_SPELLINGS: &[(&str, &str)] = &[
    ("seriali", "s"),
    ("normali", "s"),
    ("itemi", "s"),
    ("organi", "s"),
    ("recogni", "s"),
    ("authori", "s"),
    ("initiali", "s"),
    ("optimi", "s"),
    ("summari", "s"),
    ("synchroni", "s"),
    ("behavi", "our"),
    ("neighb", "our"),
    ("col", "our"),
    ("fav", "our"),
    ("hon", "our"),
    ("licen", "ce"),
    ("cent", "re"),
    ("misspel", "t"),
    ("artef", "act"),
];

fn texts(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let files = std::fs::read_dir(path).expect("a directory").map(|file| file.expect("a file").path());
        files.filter(|file| !file.ends_with("target")).for_each(|file| texts(&file, found));
    } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
        found.push(path.to_owned());
    }
}

/// The number and the word of each line with another spelling.
fn other_spellings(text: &str) -> Vec<(usize, String)> {
    let words: Vec<String> = OTHER_SPELLINGS.iter().map(|(one, other)| format!("{one}{other}")).collect();
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        found.extend(words.iter().filter(|word| line.contains(*word)).map(|word| (at + 1, word.clone())));
    }
    found
}

#[test]
fn code_and_pages_are_spelled_as_the_standard_library() {
    let mut files = Vec::new();
    ROOTS.iter().for_each(|root| texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &mut files));
    assert!(files.len() > 300, "{} files", files.len());
    let mut found = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a text");
        let other = other_spellings(&text).into_iter();
        found.extend(other.map(|(line, word)| format!("{}:{line} spells {word}", file.display())));
    }
    assert_none(&found);
}

#[test]
fn another_spelling_is_found() {
    let text = format!("one\ntwo {}{}ed", "Seriali", "s");
    assert_eq!(other_spellings(&text), [(2, format!("{}{}", "seriali", "s"))]);
}
