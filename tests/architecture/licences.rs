//! What the program is built from keeps the rules of `.deny.toml`, without the tool that reads them in full.

use std::process::Command;

use serde_json::Value;

/// The crates of the lock file, each with its licence and where it comes from.
fn packages() -> Vec<Value> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn rules() -> toml::Table {
    include_str!("../../.deny.toml").parse().expect("TOML")
}

/// Whether a licence expression can be met by the licences that are allowed.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let mut words = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    // An exception belongs to the licence before it.
    words = words.replace(" WITH ", "\u{0}");
    let mut words = words.split_whitespace().peekable();
    any(&mut words, allowed)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    match words.next().expect("a licence") {
        "(" => {
            let met = any(words, allowed);
            assert_eq!(words.next(), Some(")"));
            met
        }
        licence => allowed.contains(&&*licence.replace('\u{0}', " WITH ")),
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed_and_comes_from_where_crates_come_from() {
    let rules = rules();
    let allowed: Vec<&str> =
        rules["licenses"]["allow"].as_array().expect("a list").iter().filter_map(|l| l.as_str()).collect();
    let denied: Vec<&str> =
        rules["bans"]["deny"].as_array().expect("a list").iter().filter_map(|ban| ban["name"].as_str()).collect();
    let packages = packages();
    assert!(packages.len() > 150, "{} crates are not all", packages.len());
    for package in &packages {
        let [name, licence, source] =
            ["name", "license", "source"].map(|key| package[key].as_str().unwrap_or_default().to_owned());
        assert!(is_met(&licence, &allowed), "{name} is under {licence:?}");
        assert!(!denied.contains(&&*name), "{name} is banned");
        let own = name == "onestop" && source.is_empty();
        let from_crates_io = source.starts_with("registry+") && source.ends_with("/crates.io-index");
        assert!(own || from_crates_io, "{name} is from {source:?}");
    }
}

#[test]
fn an_expression_is_met_as_it_is_meant() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
    assert!(is_met("MIT/Apache-2.0", &allowed) && is_met("GPL-3.0 OR (MIT AND Apache-2.0)", &allowed));
    assert!(is_met("Apache-2.0 WITH LLVM-exception", &allowed));
    assert!(!is_met("MIT AND GPL-3.0", &allowed) && !is_met("(MIT OR Apache-2.0) AND GPL-3.0", &allowed));
    assert!(!is_met("Apache-2.0 WITH other-exception", &allowed));
}
