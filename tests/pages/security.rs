//! The security page names a test beside every sentence about a stolen hospital certificate, and each of them exists.

use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The rows of the tables of a page that have a column of tests: the sentence, and the tests that it names.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        inside = line.starts_with('|') && (inside || cells.last() == Some(&"test"));
        if inside && cells.len() == 2 && cells[1] != "test" && !cells[1].starts_with("---") {
            rows.push((cells[0], cells[1].split('`').skip(1).step_by(2).collect()));
        }
    }
    rows
}

/// Whether a test of this path exists: `access::roles::name` in `tests/access/roles.rs`, or in the tests of a module of
/// `src`. A row of a table of tests is `name:`.
fn exists(test: &str) -> bool {
    let Some((module, name)) = test.rsplit_once("::") else { return false };
    let module = module.trim_end_matches("::tests").replace("::", "/");
    let files = ["tests", "src"].map(|root| Path::new(ROOT).join(root).join(&module).with_extension("rs"));
    let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    texts.into_iter().any(|text| {
        let is_test = |line: &str| {
            let line = line.trim_start().trim_start_matches("async ");
            line.starts_with(&format!("fn {name}(")) || line.starts_with(&format!("{name}: "))
        };
        text.lines().any(is_test)
    })
}

#[test]
fn every_sentence_about_a_stolen_hospital_certificate_names_a_test_that_exists() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).expect("the page");
    let rows = rows(&page);
    assert!(rows.len() > 20, "{} sentences", rows.len());
    let mut wrong: Vec<String> = Vec::new();
    for (sentence, tests) in rows {
        if tests.is_empty() {
            wrong.push(format!("no test: {sentence}"));
        }
        wrong.extend(tests.into_iter().filter(|test| !exists(test)).map(|test| format!("no such test: {test}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_test_that_does_not_exist_is_found() {
    assert!(exists("access::disclosures::an_answer_that_cannot_be_recorded_is_not_sent"));
    assert!(exists("service::status::an_unknown_method_is_unimplemented"), "a row of a table of tests");
    assert!(exists("access::sealed_token::tests::extreme_instants_overflow_nothing"), "a test in src");
    assert!(!exists("access::disclosures::no_such_test") && !exists("no_such_module::test") && !exists("rows"));
    let page = "| who | may |\n| --- | --- |\n| a | b |\n\n| what | test |\n| --- | --- |\n| yes | `a::b`, `c::d` |\n| no | |\n";
    assert_eq!(rows(page), [("yes", vec!["a::b", "c::d"]), ("no", vec![])]);
}
