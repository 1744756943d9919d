//! `onestop demo` as a visitor sees it: a line for each claim, sums that add up, and no files left;
//! and that its figures come from the policies that it is given.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use onestop::domain::money::Money;

use crate::support::program::onestop;

const CLAIMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/claims.ndjson");
const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/policies");

/// Refused in the demonstration, and why.
const REFUSED: [(&str, &str); 2] = [("ZY201708100001", "NOT_ELIGIBLE"), ("ZY201709210001", "UNKNOWN_ITEM")];

/// The demonstration, with a temporary directory of its own.
struct Demo {
    code: Option<i32>,
    output: String,
    errors: String,
    left: usize,
}

fn demo(more: &[&str]) -> Demo {
    let place = tempfile::tempdir().expect("a directory");
    let output = onestop().arg("demo").args(more).env("TMPDIR", place.path()).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let (output, errors, code) = (text(output.stdout), text(output.stderr), output.status.code());
    Demo { code, output, errors, left: left_in(place.path()) }
}

fn left_in(place: &Path) -> usize {
    std::fs::read_dir(place).expect("the directory").count()
}

impl Demo {
    /// The cells of each row of the table of claims, in order.
    fn rows(&self) -> Vec<Vec<&str>> {
        let rows = self.output.lines().filter_map(|line| line.strip_prefix('│'));
        let cells = rows.map(|row| row.trim_end_matches('│').split('┆').map(str::trim).collect::<Vec<_>>());
        cells.filter(|cells| cells[0].starts_with("20")).collect()
    }

    /// The payers at the head of the columns after the total, then the patient.
    fn payers(&self) -> Vec<String> {
        let mut heads: Vec<String> = Vec::new();
        let rows = self.output.lines().filter_map(|line| line.strip_prefix('│'));
        for row in rows.take_while(|row| !row.trim_start().starts_with("20")) {
            for (at, word) in row.trim_end_matches('│').split('┆').skip(4).map(str::trim).enumerate() {
                heads.resize(heads.len().max(at + 1), String::new());
                let gap = if heads[at].is_empty() || word.is_empty() { "" } else { "_" };
                heads[at] = format!("{}{gap}{word}", heads[at]);
            }
        }
        heads
    }

    /// The sums below the table, by name.
    fn totals(&self) -> BTreeMap<String, Money> {
        let below = self.output.lines().skip_while(|line| !line.starts_with("Totals over")).skip(1);
        let sums = below.map_while(|line| line.strip_prefix("  ")?.trim_start().split_once("  "));
        sums.map(|(sum, name)| (name.to_owned(), money(sum))).collect()
    }
}

fn money(cell: &str) -> Money {
    if cell == "–" { Money::ZERO } else { cell.parse().unwrap_or_else(|why| panic!("{cell}: {why:?}")) }
}

fn is_refused(row: &[&str]) -> bool {
    row[2].starts_with("refused: ")
}

#[test]
fn every_claim_has_a_line_and_refusals_are_explained() {
    let demo = demo(&[]);
    assert_eq!((demo.code, demo.errors.as_str()), (Some(0), ""));
    let claims = std::fs::read_to_string(CLAIMS).expect("the claims");
    let claim = |line: &str| -> String {
        let claim: serde_json::Value = serde_json::from_str(line).expect("a claim");
        claim["claim_id"].as_str().expect("an id").to_owned()
    };
    let rows = demo.rows();
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), claims.lines().map(claim).collect::<Vec<_>>());
    let refused: Vec<_> = rows.iter().filter(|row| is_refused(row)).map(|row| row[1]).collect();
    assert_eq!(refused, REFUSED.map(|(claim, _)| claim));
    for (claim, reason) in REFUSED {
        let message = format!("{claim} was refused, and nothing changed: {reason}: claim.");
        assert_eq!(demo.output.matches(&message).count(), 1, "{message}");
    }
}

#[test]
fn every_line_adds_up_and_the_totals_are_the_sums_of_the_lines() {
    let demo = demo(&[]);
    let heads = demo.payers();
    let mut sums: BTreeMap<String, Money> = heads.iter().map(|head| (head.clone(), Money::ZERO)).collect();
    sums.insert("in total".to_owned(), Money::ZERO);
    for row in demo.rows().into_iter().filter(|row| !is_refused(row)) {
        let shares: Vec<_> = row[4..].iter().map(|cell| money(cell)).collect();
        assert_eq!(shares.iter().fold(Money::ZERO, |sum, share| sum + *share), money(row[3]), "{}", row[1]);
        for (head, share) in heads.iter().zip(shares) {
            *sums.entry(head.clone()).or_default() += share;
        }
        *sums.entry("in total".to_owned()).or_default() += money(row[3]);
    }
    let patients = sums.remove("patient").expect("the patients' column");
    sums.insert("patients".to_owned(), patients);
    assert_eq!(demo.totals(), sums);
    assert!(demo.output.contains("Totals over 36 settlements:"));
}

#[test]
fn a_retry_a_reversal_and_a_statement_are_shown_and_no_files_are_left() {
    let demo = demo(&[]);
    let line = |start: &str| demo.output.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("A retry: ").contains("is answered with the same "), "{}", demo.output);
    assert!(line("A reversal: ZY201906180001 is reversed by").ends_with("the settlement itself stays readable."));
    assert_eq!(line("STATEMENT OF SETTLEMENT"), "STATEMENT OF SETTLEMENT 结算单");
    for part in ["yanzhou-2017 as of 2017-12-15", "THE PATIENT PAYS 个人支付", "total of the bill"] {
        assert_eq!(demo.output.matches(part).count(), 1, "{part}");
    }
    assert_eq!(demo.left, 0, "no files are left");
}

#[test]
fn changing_one_figure_changes_only_the_lines_that_use_it() {
    let (shipped, changed) = (demo(&[]), with_tertiary_rate_of_56());
    assert_eq!(changed.code, Some(0), "{}", changed.errors);
    // Inpatient and tertiary, but under the terms of Rizhao or Yanzhou, which have rates of their own.
    let own_rates = ["ZY201707200001", "ZY201708160001", "ZY201710270001", "ZY201712150001"];
    let mut concerned = 0;
    for (before, after) in shipped.rows().into_iter().zip(changed.rows()) {
        if before[2].contains("inpatient · tertiary") && !own_rates.contains(&before[1]) {
            assert!(money(after[4]) > money(before[4]), "{before:?} {after:?}");
            assert_eq!(after[..4], before[..4]);
            concerned += 1;
        } else {
            assert_eq!(after, before);
        }
    }
    assert_eq!(concerned, 18);
    let first = changed.rows()[0].clone();
    assert_eq!(first[3..], ["3529.89", "1272.87", "–", "–", "–", "–", "2257.02"], "(3272.98 - 1000) x 56%");
}

/// The demonstration under a copy of the shipped policies with one figure changed.
fn with_tertiary_rate_of_56() -> Demo {
    let place = tempfile::tempdir().expect("a directory");
    for file in std::fs::read_dir(POLICIES).expect("the policies") {
        let path = file.expect("a file").path();
        std::fs::copy(&path, place.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    let province = place.path().join("shandong-2017.toml");
    let text = std::fs::read_to_string(&province).expect("the province's policy");
    let shipped = "[\"1000\", \"500\", \"0\"]\nbands      = [{ rate = \"55%\" }]";
    assert_eq!(text.matches(shipped).count(), 1, "the inpatient rate of tertiary hospitals");
    std::fs::write(&province, text.replace(shipped, &shipped.replace("55%", "56%"))).expect("written");
    demo(&["--policies", place.path().to_str().expect("a path")])
}

#[test]
fn closing_the_output_leaves_no_files() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut child, mut output) = started(place.path(), &[]);
    output.read_line(&mut String::new()).expect("a first line");
    drop(output);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(left_in(place.path()), 0, "no files are left");
}

#[test]
fn a_kept_demonstration_runs_until_it_is_stopped() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut child, mut output) = started(place.path(), &["--keep"]);
    let mut line = String::new();
    while !line.starts_with("The server runs until") {
        line.clear();
        assert_ne!(output.read_line(&mut line).expect("a line"), 0, "it stays");
    }
    assert_eq!(left_in(place.path()), 1);
    let asked = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(asked.expect("kill").success());
    assert!(child.wait().expect("it ends").success());
    assert_eq!(left_in(place.path()), 0, "no files are left");
}

fn started(place: &Path, more: &[&str]) -> (Child, impl BufRead + use<>) {
    let mut command = onestop();
    command.arg("demo").args(more).env("TMPDIR", place).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    (child, output)
}
