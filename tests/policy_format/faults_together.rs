//! All faults are reported at once: of one file, of several files, and of every kind.

use super::{BASE, base_replacing, base_with_id, faults, line_containing, replace_once};

/// Asserts that reading the files reports exactly these faults, each as file, text of its line, and words of its message.
fn assert_exact_faults(files: &[(&str, &str)], expected: &[(&str, &str, &str)]) {
    let found = faults(files);
    let mut missing = Vec::new();
    for (file, on, words) in expected {
        let (_, text) = files.iter().find(|(name, _)| name == file).expect("a file");
        let line = line_containing(text, on);
        if !found.iter().any(|fault| fault.file == *file && fault.line == line && fault.message.contains(words)) {
            missing.push(format!("{file}:{line}: {words}"));
        }
    }
    assert!(missing.is_empty(), "missing: {missing:#?}; reported: {found:#?}");
    assert_eq!(found.len(), expected.len(), "reported: {found:#?}");
}

#[test]
fn all_faults_of_a_file_are_reported_at_once() {
    let text = base_replacing("\"discharge\"", "\"calendar\"");
    let text = replace_once(&text, "prior_self_pay = \"20%\"", "prior_self_pay = \"120%\"");
    let text = replace_once(&text, "upto = \"20000\"", "upto = \"5000\"");
    let text = replace_once(&text, "[\"excluded\"]\nperiod = \"year\"", "[\"excluded\"]");
    let text = replace_once(&text, "{ plus = \"5%\" }", "{ plus = \"5%\", set = \"1\" }");
    assert_exact_faults(
        &[("base.toml", &text)],
        &[
            ("base.toml", "benefit_year", "is not known"),
            ("base.toml", "120%", "is not between 0 and 1"),
            ("base.toml", "5000\"", "does not ascend"),
            ("base.toml", "set = \"1\"", "wants one of"),
            ("base.toml", "[[layer]] # two", "no `period`"),
        ],
    );
}

#[test]
fn all_faults_of_several_files_are_reported_at_once() {
    let (one, two) = (base_replacing("[\"37\"]", "[\"3x\"]"), base_with_id("two", &[("\"tertiary\"", "\"third\"")]));
    let three = base_with_id("three", &[("= \"fund\"\nvisits", "= fund\nvisits")]);
    assert_exact_faults(
        &[("1.toml", &one), ("2.toml", &two), ("3.toml", &three)],
        &[("1.toml", "regions ", "digits"), ("2.toml", "third", "is not known"), ("3.toml", "= fund", "")],
    );
}

#[test]
fn one_mistake_is_reported_once() {
    for (find, put) in [
        ("annual  = \"150000\"", "annual  = 150000"),
        ("annual  = \"150000\"", ""),
        ("annual  = \"150000\"", "annual  = \"\""),
        ("{ upto = \"10000\", ", "{ upto = 10000, "),
        ("{ upto = \"10000\", ", "{ upto = \"10,000\", "),
        ("{ rate = \"55%\" }", "{ rate = 0.55 }"),
        ("[{ rate = \"55%\" }]", "\"55%\""),
        ("[{ rate = \"55%\" }]", "[\"55%\"]"),
        ("{ plus = \"5%\" }", "{ plus = 0.05 }"),
        ("{ plus = \"5%\" }", "{ minus = \"5%\" }"),
        ("\"the rule\"", "1"),
    ] {
        let found = faults(&[("base.toml", &base_replacing(find, put))]);
        assert_eq!(found.len(), 1, "`{put}` for `{find}`: {found:#?}");
    }
}

#[test]
fn faults_between_files_are_reported_with_faults_within_files() {
    let overlapping = base_with_id("other", &[]);
    let strange = base_with_id("strange", &[("format       = 2", "format       = 3"), ("[\"37\"]", "[\"11\"]")]);
    assert_exact_faults(
        &[("1.toml", BASE), ("2.toml", &overlapping), ("3.toml", &strange)],
        &[("2.toml", "in_force     =", "governs too"), ("3.toml", "format ", "is not known")],
    );
}

#[test]
fn faults_of_layers_are_reported_with_faults_of_values() {
    let text = base_replacing("format       = 2", "format       = 3");
    let twice = replace_once(&text, "id     = \"two\"", "id     = \"one\"");
    assert_exact_faults(
        &[("base.toml", &twice)],
        &[("base.toml", "format ", "is not known"), ("base.toml", "id     = \"one\"", "two layers `one`")],
    );
}

#[test]
fn faults_of_layers_are_reported_whatever_faults_another_file_has() {
    let strange = base_with_id("strange", &[("format       = 2", "format       = 3"), ("[\"37\"]", "[\"11\"]")]);
    let nowhere = base_replacing("id     = \"two\"", "use    = \"nowhere#two\"");
    assert_exact_faults(
        &[("1.toml", &strange), ("2.toml", &nowhere)],
        &[("1.toml", "format ", "is not known"), ("2.toml", "use    =", "which no file has")],
    );
}

#[test]
fn a_use_of_an_unreadable_file_is_not_reported_as_a_fault() {
    let broken = base_with_id("broken", &[("format       = 2", "format       = 3"), ("[\"37\"]", "[\"11\"]")]);
    let drawing = base_replacing("id     = \"two\"", "use    = \"broken#two\"");
    assert_exact_faults(&[("1.toml", &broken), ("2.toml", &drawing)], &[("1.toml", "format ", "is not known")]);
}

#[test]
fn two_conflicts_between_two_files_are_both_reported() {
    let both = base_with_id("other", &[("\"discharge\"", "\"admission\"")]);
    assert_exact_faults(
        &[("1.toml", BASE), ("2.toml", &both)],
        &[("2.toml", "benefit_year", "judges region 37 by admission"), ("2.toml", "in_force     =", "governs too")],
    );
}

#[test]
fn every_unreadable_file_of_a_directory_is_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("1.toml"), [0xff, 0xfe]).expect("written");
    std::fs::write(dir.path().join("2.toml"), base_replacing("[\"37\"]", "[\"x\"]")).expect("written");
    let found = onestop::policy::Book::from_dir(dir.path()).expect_err("refused");
    let files: Vec<_> = found.iter().filter_map(|fault| fault.file.rsplit('/').next()).collect();
    assert_eq!(files, ["1.toml", "2.toml"], "{found:#?}");
}

#[test]
fn a_directory_without_a_policy_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("readme.txt"), BASE).expect("written");
    let found = onestop::policy::Book::from_dir(dir.path()).expect_err("refused");
    assert!(found[0].message.contains("holds no policy file"), "{found:?}");
    assert!(onestop::policy::Book::from_dir(&dir.path().join("nowhere")).is_err());
}

#[test]
fn a_fault_is_printed_as_file_line_and_message() {
    let found = faults(&[("base.toml", &base_replacing("[\"37\"]", "[\"x\"]"))]);
    assert_eq!(found[0].to_string(), "base.toml:5: region `x` is not one to six digits");
}
