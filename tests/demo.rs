//! `onestop demo` as a visitor sees it: a line for each claim, sums that add up, and no files left;
//! and that its figures come from the policies that it is given.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use onestop::domain::money::Money;

use crate::support::program::onestop;

const CLAIMS: [&str; 3] = [
    include_str!("../deploy/demo/claims.ndjson"),
    include_str!("../deploy/demo/claims-2025.ndjson"),
    include_str!("../deploy/demo/claims-backstop.ndjson"),
];
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

/// A row of a table of claims.
struct Row<'a> {
    claim: &'a str,
    law: &'a str,
    who: &'a str,
    total: &'a str,
    /// The payers at the head of the columns after the total, then the patient, each with the cell.
    shares: Vec<(String, &'a str)>,
}

impl Row<'_> {
    fn is_refused(&self) -> bool {
        self.who.starts_with("refused: ")
    }

    fn share(&self, payer: &str) -> Money {
        self.shares.iter().find(|(head, _)| head == payer).map_or(Money::ZERO, |(_, cell)| money(cell))
    }

    /// All but what is paid.
    fn circumstances(&self) -> [&str; 4] {
        [self.claim, self.law, self.who, self.total]
    }
}

impl Demo {
    /// The rows of the tables of claims, in order.
    fn rows(&self) -> Vec<Row<'_>> {
        let (mut heads, mut rows) = (Vec::new(), Vec::new());
        for line in self.output.lines() {
            let Some(line) = line.strip_prefix('│') else {
                if line.starts_with('┌') {
                    heads.clear();
                }
                continue;
            };
            let cells: Vec<_> = line.trim_end_matches('│').split('┆').map(str::trim).collect();
            if cells[0].starts_with("20") {
                let shares = heads.iter().cloned().zip(cells[5..].iter().copied()).collect();
                rows.push(Row { claim: cells[1], law: cells[2], who: cells[3], total: cells[4], shares });
            } else {
                extend_heads(&mut heads, &cells[5..]);
            }
        }
        rows
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

/// Adds a further line of the heads of columns.
fn extend_heads(heads: &mut Vec<String>, words: &[&str]) {
    heads.resize(words.len(), String::new());
    for (head, word) in heads.iter_mut().zip(words).filter(|(_, word)| !word.is_empty()) {
        let gap = if head.is_empty() { "" } else { "_" };
        *head = format!("{head}{gap}{word}");
    }
}

#[test]
fn every_claim_has_a_line_and_refusals_are_explained() {
    let demo = demo(&[]);
    assert_eq!((demo.code, demo.errors.as_str()), (Some(0), ""));
    let claim = |line: &str| -> String {
        let claim: serde_json::Value = serde_json::from_str(line).expect("a claim");
        claim["claim_id"].as_str().expect("an id").to_owned()
    };
    let rows = demo.rows();
    let claims: Vec<_> = CLAIMS.iter().flat_map(|claims| claims.lines()).map(claim).collect();
    assert_eq!(rows.iter().map(|row| row.claim).collect::<Vec<_>>(), claims);
    let refused: Vec<_> = rows.iter().filter(|row| row.is_refused()).map(|row| row.claim).collect();
    assert_eq!(refused, REFUSED.map(|(claim, _)| claim));
    for (claim, reason) in REFUSED {
        let message = format!("{claim} was refused, and nothing changed: {reason}: claim.");
        assert_eq!(demo.output.matches(&message).count(), 1, "{message}");
    }
}

#[test]
fn every_line_adds_up_and_the_totals_are_the_sums_of_the_lines() {
    let demo = demo(&[]);
    let mut sums = BTreeMap::from([("in total".to_owned(), Money::ZERO)]);
    for row in demo.rows().into_iter().filter(|row| !row.is_refused()) {
        let shares = row.shares.iter().map(|(_, cell)| money(cell));
        assert_eq!(shares.fold(Money::ZERO, |sum, share| sum + share), money(row.total), "{}", row.claim);
        for (head, share) in &row.shares {
            *sums.entry(head.clone()).or_default() += money(share);
        }
        *sums.entry("in total".to_owned()).or_default() += money(row.total);
    }
    let patients = sums.remove("patient").expect("the patients' column");
    sums.insert("patients".to_owned(), patients);
    assert_eq!(demo.totals(), sums);
    assert!(demo.output.contains("Totals over 50 settlements:"));
}

#[test]
fn a_retry_a_reversal_and_a_statement_are_shown_and_no_files_are_left() {
    let demo = demo(&[]);
    let line = |start: &str| demo.output.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("A retry: ").contains("is answered with the same "), "{}", demo.output);
    assert!(line("A reversal: ZY201806120001 is reversed by").ends_with("the settlement itself stays readable."));
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
    let mut concerned = 0;
    for (before, after) in shipped.rows().into_iter().zip(changed.rows()) {
        // 2018 and 2019 draw their inpatient terms from 2017; 2025 has its own, as have the cities and other provinces.
        let draws = ["shandong-2017", "shandong-2018", "shandong-2019"].contains(&before.law);
        assert_eq!(after.circumstances(), before.circumstances());
        if draws && before.who.contains("inpatient · tertiary") {
            assert!(after.share("basic_fund") > before.share("basic_fund"), "{}", before.claim);
            concerned += 1;
        } else {
            assert_eq!(after.shares, before.shares, "{}", before.claim);
        }
    }
    assert_eq!(concerned, 18);
    let rows = changed.rows();
    assert_eq!(rows[0].total, "3529.89");
    assert_eq!(rows[0].share("basic_fund").to_string(), "1272.87", "(3272.98 - 1000) x 56%");
    assert_eq!(rows[0].share("patient").to_string(), "2257.02");
}

/// Payers, each with what it pays.
type Paid = &'static [(&'static str, &'static str)];

/// Total, what each payer pays, and the patient, of the claims of 2025 and of the backstop provinces; computed by hand.
const COMPUTED: [(&str, &str, &str, Paid, &str); 14] = [
    // eligible 20,676.00: (20,676 - 700) x 60%
    ("ZY202503140001", "shandong-2025", "27948.00", &[("basic_fund", "11985.60")], "15962.40"),
    // eligible 48,244.00: (48,244 - 700) x 60%, leaves 19,717.60; (19,717.60 - 5,000) x 65%, leaves 10,151.16; x 75%
    (
        "ZY202504180001",
        "shandong-2025",
        "50740.00",
        &[
            ("basic_fund", "28526.40"),
            ("critical_illness_insurance", "9566.44"),
            ("medical_assistance_fund", "7613.37"),
        ],
        "5033.79",
    ),
    // special drugs (84,000 - 20,000) x 80%; for a rare disease 380,000 x 80% + 70,400 x 85%; 350.00 below the deductible
    ("ZY202505120001", "shandong-2025", "554750.00", &[("critical_illness_insurance", "415040.00")], "139710.00"),
    // (19,717.60 - 14,000) x 60%, leaves 16,287.04; (16,287.04 - 25% x 42,077) x 60% = 3,460.674
    (
        "ZY202506200001",
        "shandong-2025",
        "50740.00",
        &[
            ("basic_fund", "28526.40"),
            ("critical_illness_insurance", "3430.56"),
            ("medical_assistance_fund", "3460.67"),
        ],
        "15322.37",
    ),
    // by then an employee, the first stay of that insurance: eligible 6,640.00: (6,640 - 800) x 80%
    ("ZY202508150001", "shandong-employee-2025", "7820.00", &[("employee_fund", "4672.00")], "3148.00"),
    // retired: eligible 5,012.00: (5,012 - 500) x 92.5%
    ("ZY202509090001", "shandong-employee-2025", "5180.00", &[("employee_fund", "4173.60")], "1006.40"),
    // registered in another province: eligible 20,556.00: (20,556 - 800) x (80% - 10%)
    ("ZY202510210001", "shandong-employee-2025", "27828.00", &[("employee_fund", "13829.20")], "13998.80"),
    // eligible 17,960.00: (17,960 - 400) x 70%, leaves 5,668.00 and 4,800.00 of class B; 10,468 - 3,000
    ("ZY201705160001", "anhui-2017", "24020.00", &[("basic_fund", "12292.00"), ("government", "7468.00")], "4260.00"),
    // eligible 38,928.00: (38,928 - 1,000) x 60%, leaves 16,171.20; x 60% above 10,000; 12,468.48 + 756.00 - 5,000
    (
        "ZY201706280001",
        "anhui-2017",
        "39904.00",
        &[("basic_fund", "22756.80"), ("critical_illness_insurance", "3702.72"), ("government", "8224.48")],
        "5220.00",
    ),
    // second stay: critical illness from 5,668.00 to 21,839.20; the year's 10,468.00 lie above 10,000 already
    (
        "ZY201709250001",
        "anhui-2017",
        "39904.00",
        &[("basic_fund", "22756.80"), ("critical_illness_insurance", "7103.52"), ("government", "9823.68")],
        "220.00",
    ),
    // eligible 6,670.80 x 80%, leaves 1,334.16 and 871.20 of class B, below 3,000; the hospital bears 260.00 and 300.00
    ("ZY201711150001", "gansu-2017", "8102.00", &[("basic_fund", "5336.64"), ("hospital", "560.00")], "2205.36"),
    // an ordinary resident: (6,670.80 - 400) x 70%
    ("ZY201712060001", "gansu-2017", "8102.00", &[("basic_fund", "4389.56")], "3712.44"),
    // 38,928 x 70%, leaves 11,678.40; the year's 13,012.56 - 2,000 at 72%; above 3,000 of the year's 6,710.72 all
    (
        "ZY201712200001",
        "gansu-2017",
        "39904.00",
        &[
            ("basic_fund", "27249.60"),
            ("critical_illness_insurance", "7929.04"),
            ("medical_assistance_fund", "3710.72"),
            ("hospital", "220.00"),
        ],
        "794.64",
    ),
    // 6,670.80 x 80%, and to 85%: 1,334.16 - 15% x 6,670.80 = 333.54
    ("ZY201806120001", "gansu-2017", "8102.00", &[("basic_fund", "5670.18"), ("hospital", "560.00")], "1871.82"),
];

#[test]
fn claims_of_2025_and_of_the_backstop_provinces_are_split_as_computed_by_hand() {
    let demo = demo(&[]);
    let rows = demo.rows();
    let further = &rows[rows.len() - COMPUTED.len()..];
    for (row, (claim, law, total, payers, patient)) in further.iter().zip(COMPUTED) {
        assert_eq!((row.claim, row.law, row.total), (claim, law, total));
        let paid: Vec<_> =
            row.shares.iter().filter(|(_, cell)| *cell != "–").map(|(head, cell)| (&**head, *cell)).collect();
        let mut computed: Vec<_> = payers.iter().copied().chain([("patient", patient)]).collect();
        computed.sort_by_key(|(payer, _)| row.shares.iter().position(|(head, _)| head == payer));
        assert_eq!(paid, computed, "{claim}");
    }
}

#[test]
fn the_demonstration_is_one_page() {
    let demo = demo(&[]);
    let before_statement: Vec<_> = demo.output.lines().take_while(|line| !line.starts_with("STATEMENT")).collect();
    assert!(before_statement.len() < 100, "{} lines", before_statement.len());
    let widest = before_statement.iter().map(|line| line.chars().count()).max();
    assert!(widest < Some(200), "{widest:?} columns");
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
