//! The crates that the program is built from keep the rules of `.deny.toml`.
//!
//! Licenses: every crate that is built or tested on this platform, which are exactly the crates that cargo has
//! downloaded before this test runs. Sources and bans: every crate of `Cargo.lock`, those of other platforms too.
//! Does not do: the licenses of crates that only other platforms build; `cargo deny check` reads those.

use std::process::Command;

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};
use toml::Table;

/// Cargo's older manifests write `MIT/Apache-2.0`.
const MODE: ParseMode = ParseMode { allow_slash_as_or_operator: true, ..ParseMode::STRICT };

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The target triple of this machine.
fn platform() -> String {
    let version = cargo(&["--version", "--verbose"]);
    version.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host's triple").to_owned()
}

/// The crates that this platform builds, for the program, its build script and its tests.
fn built_packages() -> Vec<Value> {
    let flags = ["--format-version=1", "--locked", "--offline", "--filter-platform", &platform()];
    let metadata: Value = serde_json::from_str(&cargo(&[&["metadata"], &flags[..]].concat())).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn rules() -> Table {
    include_str!("../../.deny.toml").parse().expect("TOML")
}

fn allowed_licenses() -> Vec<Licensee> {
    let rules = rules();
    let licenses = rules["licenses"]["allow"].as_array().expect("a list").iter();
    licenses.map(|license| Licensee::parse(license.as_str().expect("a license")).expect("an SPDX license")).collect()
}

/// Whether the allowed licenses satisfy a license expression; one that is empty or unreadable never is satisfied.
fn is_satisfied(expression: &str, allowed: &[Licensee]) -> bool {
    Expression::parse_mode(expression, MODE)
        .is_ok_and(|expression| expression.evaluate(|wanted| allowed.iter().any(|license| license.satisfies(wanted))))
}

#[test]
fn every_crate_built_on_this_platform_has_an_allowed_license() {
    let (allowed, packages) = (allowed_licenses(), built_packages());
    assert!(packages.len() > 150, "{} crates are not all", packages.len());
    for package in &packages {
        let license = package["license"].as_str().unwrap_or_default();
        assert!(is_satisfied(license, &allowed), "{} is under {license:?}", package["name"]);
    }
}

#[test]
fn every_locked_crate_comes_from_crates_io_and_none_is_banned() {
    let (rules, lock) = (rules(), include_str!("../../Cargo.lock").parse::<Table>().expect("TOML"));
    let banned: Vec<_> = rules["bans"]["deny"].as_array().expect("a list").iter().map(|ban| &ban["name"]).collect();
    for package in lock["package"].as_array().expect("packages") {
        let (name, source) = (&package["name"], package.get("source").and_then(|source| source.as_str()));
        let own = name.as_str() == Some("onestop") && source.is_none();
        assert!(!banned.contains(&name), "{name} is banned");
        assert!(own || source == Some("registry+https://github.com/rust-lang/crates.io-index"), "{name}: {source:?}");
    }
}

#[test]
fn a_license_expression_is_satisfied_by_allowed_licenses_only() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(|l| Licensee::parse(l).expect("SPDX"));
    let satisfied = |expression| is_satisfied(expression, &allowed);
    assert!(satisfied("MIT/Apache-2.0") && satisfied("GPL-3.0-only OR (MIT AND Apache-2.0)"));
    assert!(satisfied("Apache-2.0 WITH LLVM-exception"));
    assert!(!satisfied("MIT AND GPL-3.0-only") && !satisfied("(MIT OR Apache-2.0) AND GPL-3.0-only"));
    assert!(!satisfied("Apache-2.0 WITH Classpath-exception-2.0"));
    assert!(!satisfied("") && !satisfied("a license that nobody knows"));
}
