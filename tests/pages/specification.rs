//! The specification is kept true: every section that code cites exists, and its worked figures are run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use onestop::cli::cases::policy_test::{CaseBackend, Verdict, run_one};
use onestop::policy::shipped;

use super::{ROOT, blocks};

const PAGE: &str = include_str!("../../src/domain/semantics.md");

/// The numbers of the headings, such as `4.2`.
fn sections(page: &str) -> BTreeSet<&str> {
    let headings = page.lines().filter(|line| line.starts_with("## ") || line.starts_with("### "));
    let numbers = headings.filter_map(|line| line.trim_start_matches('#').split_whitespace().next());
    numbers.map(|number| number.trim_end_matches('.')).filter(|number| is_number(number)).collect()
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// The sections that a text cites: `section 4.2`, `sections 4.2 and 4.3`; not those of another page, `section 3 of …`.
fn cited(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("section") {
        let rest = text[at + word.len()..].trim_start_matches('s').trim_start();
        let mut words = rest.split([' ', '\n']).peekable();
        while let Some(number) = words.next().filter(|word| is_number(word)) {
            let trimmed = number.trim_end_matches([')', '.', ',', ';', ':', '`', '"']);
            let of_another_page = trimmed == number && words.peek() == Some(&"of");
            found.extend((!of_another_page).then(|| trimmed.to_owned()));
            if words.peek() == Some(&"and") {
                words.next();
            }
        }
    }
    found
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_section_that_code_and_tests_cite_exists() {
    let mut files = Vec::new();
    for directory in ["src", "tests", "benches"] {
        sources(&Path::new(ROOT).join(directory), &mut files);
    }
    let known = sections(PAGE);
    let (mut missing, mut citations) = (Vec::new(), 0);
    for file in files.iter().filter(|file| !file.ends_with("tests/pages/specification.rs")) {
        for section in cited(&std::fs::read_to_string(file).expect("a file")) {
            citations += 1;
            if !known.contains(section.as_str()) {
                missing.push(format!("{} cites section {section}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(citations >= 15, "{citations} citations");
}

#[test]
fn citations_are_read_from_text() {
    assert_eq!(cited("(section 4.2): of what; sections 4.2 and 4.3."), ["4.2", "4.2", "4.3"]);
    assert_eq!(cited("see section 9 of the log, or\n//! section\n7"), ["7"]);
    assert_eq!(sections("# 1\n## 2. Two\n### 4.1 Terms\n## Not done"), BTreeSet::from(["2", "4.1"]));
}

/// Runs the cases of a page on the book that it shows.
#[tokio::test]
async fn the_worked_figures_of_the_specification_hold() {
    let directory = tempfile::tempdir().expect("a directory");
    let blocks = blocks(PAGE);
    let of_kind = |kind: &'static str| blocks.iter().filter(move |block| block.kind == kind).map(|block| &block.text);
    for (kind, file) in [("toml vocabulary", "vocabulary.toml"), ("toml policy", "worked.toml")] {
        let texts: Vec<_> = of_kind(kind).collect();
        assert_eq!(texts.len(), 1, "{kind}");
        std::fs::write(directory.path().join(file), texts[0]).expect("written");
    }
    let book = shipped::book().expect("the shipped book");
    let mut ran = 0;
    for case in of_kind("toml case") {
        let verdict = run_one(&directory.path().join("case.toml"), case, &book, &CaseBackend::InProcess).await;
        match verdict.expect("a case that runs") {
            (_, Verdict::Passed) => ran += 1,
            (name, Verdict::Differs(differences)) => panic!("{name}: {differences:?}"),
        }
    }
    assert_eq!(ran, 2);
}

/// The amounts that a text shows, as in a case: `1,000.00` is 1000.00.
fn amounts(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !(sign.is_ascii_digit() || sign == '.' || sign == ','));
    let amounts = words.map(|word| word.trim_matches(['.', ',']).replace(',', ""));
    amounts.filter(|word| word.split_once('.').is_some_and(|(_, fen)| fen.len() == 2)).collect()
}

#[test]
fn every_result_that_the_worked_cases_expect_is_derived_in_the_text() {
    let (_, worked) = PAGE.split_once("## 8. Worked figures").expect("the section");
    let (prose, _) = worked.split_once("```toml case").expect("a case");
    let shown = amounts(prose);
    let cases = blocks(PAGE).into_iter().filter(|block| block.kind == "toml case");
    for line in cases.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let Some(layers) = line.strip_prefix("expect = ").and_then(|line| line.split("layers = ").nth(1)) else {
            continue;
        };
        for amount in amounts(layers.split('}').next().expect("a part")) {
            assert!(amount == "0.00" || shown.contains(&amount), "{amount} is not in the text");
        }
    }
}
