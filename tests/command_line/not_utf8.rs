//! A text file in another encoding is refused by its line, never repaired, whatever it is for.

use std::path::Path;

use super::{CASES, directory, write};
use crate::support::program::run;

/// The file with these bytes of GBK after its text.
fn spoil(path: &str) -> usize {
    let mut bytes = std::fs::read(path).expect("the file");
    let line = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    bytes.extend_from_slice(b"# \xd2\xbd\xb1\xa3\n");
    std::fs::write(path, bytes).expect("written");
    line
}

fn assert_named(arguments: &[&str], path: &str, line: usize, code: i32) {
    let (exit, output, errors) = run(arguments);
    assert_eq!((exit, output.as_str()), (Some(code), ""), "{arguments:?}: {errors}");
    assert!(errors.contains(&format!("{path}:{line}: the line is not UTF-8\n")), "{arguments:?}: {errors}");
}

fn policies(dir: &Path) -> (String, String) {
    let policy = write(dir, "shandong-2017.toml", include_str!("../../deploy/policies/shandong-2017.toml"));
    (policy, write(dir, "vocabulary.toml", include_str!("../../deploy/policies/vocabulary.toml")))
}

#[test]
fn policies_and_vocabularies_that_are_not_utf_8_are_refused_by_file_and_line() {
    for spoilt in [0, 1] {
        let place = directory();
        let files = policies(place.path());
        let path = [&files.0, &files.1][spoilt];
        let line = spoil(path);
        let dir = place.path().display().to_string();
        assert_named(&["policy", "check", &files.0, &files.1], path, line, 1);
        assert_named(&["policy", "check", &dir], path, line, 1);
        assert_named(&["policy", "list", "--policies", &dir], path, line, 1);
        let store = place.path().join("store").display().to_string();
        assert_named(&["serve", "--create", "--store", &store, "--policies", &dir], path, line, 1);
        let (_, _, errors) = run(&["policy", "check", path, "--lang", "zh"]);
        assert!(errors.contains(&format!("{path}:{line}: 本行不是 UTF-8 文本")), "{errors}");
    }
}

#[test]
fn cases_and_their_policies_that_are_not_utf_8_are_refused_by_file_and_line() {
    let place = directory();
    let text = std::fs::read_to_string(format!("{CASES}/01-ordinary-and-registered-poor.toml")).expect("a case");
    let (policy, _) = policies(place.path());
    let case = write(place.path(), "case.toml", &format!("policies = [\"shandong-2017.toml\"]\n{text}"));
    let line = spoil(&policy);
    assert_named(&["policy", "test", &case], "shandong-2017.toml", line, 2);
    let line = spoil(&case);
    assert_named(&["policy", "test", &case], &case, line, 2);
}

#[test]
fn configurations_and_quotes_that_are_not_utf_8_are_refused_by_file_and_line() {
    let place = directory();
    let path = write(place.path(), "onestop.toml", "listen = \"127.0.0.1:0\"\n");
    let line = spoil(&path);
    assert_named(&["config", "check", &path], &path, line, 1);
    assert_named(&["serve", "--config", &path], &path, line, 1);
    let claims = write(place.path(), "claims.ndjson", "");
    let quotes = write(place.path(), "quotes.ndjson", "\n");
    let line = spoil(&quotes);
    assert_named(&["settle", &claims, "--quotes", &quotes], &quotes, line, 1);
}

#[test]
fn callers_that_are_not_utf_8_are_refused_by_file_and_line() {
    let place = directory();
    let keys = place.path().join("keys").display().to_string();
    assert_eq!(run(&["keys", "dev", &keys]).0, Some(0));
    let path = format!("{keys}/callers.toml");
    let line = spoil(&path);
    let store = place.path().join("store").display().to_string();
    let config = format!("{keys}/onestop.toml");
    let listen = ["--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0"];
    let serve = [&["serve", "--create", "--store", &store, "--config", &config][..], &listen].concat();
    assert_named(&serve, &path, line, 1);
}
