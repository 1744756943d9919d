//! All faults come at once: those of one file, of several files, and of every kind.

use super::{BASE, another, base_with, faults, line_of, with};

/// The faults as file, line and words; `files` must tell exactly these.
fn told_together(files: &[(&str, &str)], expected: &[(&str, &str, &str)]) {
    let found = faults(files);
    let mut missing = Vec::new();
    for (file, on, words) in expected {
        let (_, text) = files.iter().find(|(name, _)| name == file).expect("a file");
        let line = line_of(text, on);
        if !found.iter().any(|fault| fault.file == *file && fault.line == line && fault.message.contains(words)) {
            missing.push(format!("{file}:{line}: {words}"));
        }
    }
    assert!(missing.is_empty(), "not told: {missing:#?}; told: {found:#?}");
    assert_eq!(found.len(), expected.len(), "told: {found:#?}");
}

#[test]
fn all_faults_of_a_file_come_at_once() {
    let text = base_with("\"discharge\"", "\"calendar\"");
    let text = with(&text, "prior_self_pay = \"20%\"", "prior_self_pay = \"120%\"");
    let text = with(&text, "upto = \"20000\"", "upto = \"5000\"");
    let text = with(&text, "[\"excluded\"]\nperiod = \"year\"", "[\"excluded\"]");
    let text = with(&text, "{ plus = \"5%\" }", "{ plus = \"5%\", set = \"1\" }");
    told_together(
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
fn all_faults_of_several_files_come_at_once() {
    let (one, two) = (base_with("[\"37\"]", "[\"3x\"]"), another("two", &[("\"tertiary\"", "\"third\"")]));
    let three = another("three", &[("= \"fund\"\nvisits", "= fund\nvisits")]);
    told_together(
        &[("1.toml", &one), ("2.toml", &two), ("3.toml", &three)],
        &[("1.toml", "regions ", "digits"), ("2.toml", "third", "is not known"), ("3.toml", "= fund", "")],
    );
}

#[test]
fn one_mistake_is_told_once() {
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
        let found = faults(&[("base.toml", &base_with(find, put))]);
        assert_eq!(found.len(), 1, "`{put}` for `{find}`: {found:#?}");
    }
}

#[test]
fn faults_between_files_come_with_those_inside_them() {
    let overlapping = another("other", &[]);
    let strange = another("strange", &[("format       = 1", "format       = 2"), ("[\"37\"]", "[\"11\"]")]);
    told_together(
        &[("1.toml", BASE), ("2.toml", &overlapping), ("3.toml", &strange)],
        &[("2.toml", "regions ", "governs too"), ("3.toml", "format ", "is not known")],
    );
}

#[test]
fn faults_of_layers_come_with_those_of_values() {
    let text = base_with("format       = 1", "format       = 2");
    let twice = with(&text, "id     = \"two\"", "id     = \"one\"");
    told_together(
        &[("base.toml", &twice)],
        &[("base.toml", "format ", "is not known"), ("base.toml", "[[layer]] # two", "two layers `one`")],
    );
}

#[test]
fn faults_of_layers_come_whatever_another_file_has() {
    let strange = another("strange", &[("format       = 1", "format       = 2"), ("[\"37\"]", "[\"11\"]")]);
    let nowhere = base_with("id     = \"two\"", "use    = \"nowhere#two\"");
    told_together(
        &[("1.toml", &strange), ("2.toml", &nowhere)],
        &[("1.toml", "format ", "is not known"), ("2.toml", "[[layer]] # two", "which no file has")],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_not_blamed_on_those_that_draw_from_it() {
    let broken = another("broken", &[("format       = 1", "format       = 2"), ("[\"37\"]", "[\"11\"]")]);
    let drawing = base_with("id     = \"two\"", "use    = \"broken#two\"");
    told_together(&[("1.toml", &broken), ("2.toml", &drawing)], &[("1.toml", "format ", "is not known")]);
}

#[test]
fn two_files_that_clash_twice_are_told_both() {
    let both = another("other", &[("\"discharge\"", "\"admission\"")]);
    told_together(
        &[("1.toml", BASE), ("2.toml", &both)],
        &[("2.toml", "regions ", "judges region 37 by admission"), ("2.toml", "regions ", "governs too")],
    );
}

#[test]
fn a_directory_tells_every_file_that_it_cannot_read() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("1.toml"), [0xff, 0xfe]).expect("written");
    std::fs::write(dir.path().join("2.toml"), base_with("[\"37\"]", "[\"x\"]")).expect("written");
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
fn a_fault_is_told_as_file_line_and_reason() {
    let found = faults(&[("base.toml", &base_with("[\"37\"]", "[\"x\"]"))]);
    assert_eq!(found[0].to_string(), "base.toml:5: region `x` is not one to six digits");
}
