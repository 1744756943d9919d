//! A hospital's list of a million rows with 500 planted differences, reconciled by the real program with the real server:
//! each must be found and rightly classified, and nothing else.
//!
//! `cargo bench --bench reconcile [-- ROWS PLANTED]`; loopback only. A million settlements need some 2 GB of disk.

#![allow(missing_docs)]

#[allow(dead_code)]
mod local_server;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use local_server::{Failed, Server, claim, tables};
use onestop::cli::client::Client;
use onestop::grpc::{commit_stamp, to_proto};
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PERSONS: usize = 100_000;

fn main() -> Result<(), Failed> {
    let numbers: Vec<usize> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let (rows, planted) = (numbers.first().copied().unwrap_or(1_000_000), numbers.get(1).copied().unwrap_or(500));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = Server::start()?;
    let (begin, first) = (Instant::now(), commit_stamp::today());
    runtime.block_on(settle(&server, rows))?;
    println!("{rows} claims settled in {:.1?}; server peak {} MiB", begin.elapsed(), server.memory("VmHWM")? >> 10);
    let files = std::env::temp_dir().join(format!("onestop-files-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&files)?;
    let measured = measure(&server, &files, first, planted);
    std::fs::remove_dir_all(&files)?;
    measured
}

/// Settles claims of one item each, over one stream.
async fn settle(server: &Server, claims: usize) -> Result<(), Failed> {
    let mut client = Client::connect(&server.url).await.map_err(|failure| failure.to_string())?;
    tables(&mut client, PERSONS).await?;
    let request = |number: usize| {
        let mut claim = claim(number, PERSONS);
        claim.items.truncate(1);
        pb::SettleStreamRequest {
            claim: Some(to_proto::claim(&claim)),
            request_id: format!("R{number}"),
            quote_digest: Vec::new(),
            view: pb::SettlementView::Summary.into(),
        }
    };
    let mut answers = client.settle_stream(tokio_stream::iter((0..claims).map(request))).await?;
    while let Some(answer) = answers.message().await? {
        if !matches!(answer.answer, Some(Answer::Settlement(_))) {
            return Err("a refusal".into());
        }
    }
    Ok(())
}

/// Runs the program to its end; gives its output file, the time that it took, and its largest memory in MiB.
fn run(arguments: &[&str], output: &Path) -> Result<(Duration, u64), Failed> {
    let begin = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_onestop"));
    let mut child = command.args(arguments).stdout(File::create(output)?).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() >> 10);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((begin.elapsed(), peak))
}

fn measure(server: &Server, files: &Path, first: onestop::domain::day::Day, planted: usize) -> Result<(), Failed> {
    let (list, sent, found) = (files.join("list.csv"), files.join("sent.csv"), files.join("found.ndjson"));
    let (took, peak) = run(&["list", "--server", &server.url, "--hospital", "H1", "--csv"], &list)?;
    println!("exported in {took:.1?}, program {peak} MiB");
    let wanted = plant(&list, &sent, planted)?;
    let bytes = std::fs::metadata(&sent)?.len() / 1_000_000;
    let until = commit_stamp::today().next().ok_or("no day")?;
    let (from, until, sent) = (first.to_string(), until.to_string(), sent.display().to_string());
    let span = ["--server", &server.url, "--hospital", "H1", "--from", &from, "--until", &until, "--json"];
    let before = server.memory("VmRSS")? >> 10;
    let (took, peak) = run(&[&["reconcile", &sent][..], &span].concat(), &found)?;
    println!(
        "{bytes} MB reconciled in {took:.1?}; program {peak} MiB; server {before} MiB before, {} MiB at most",
        server.memory("VmHWM")? >> 10
    );
    let found = read_found(&found)?;
    if found != wanted {
        return Err(format!("found {} differences, {} were planted, or others", found.len(), wanted.len()).into());
    }
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    found.iter().for_each(|(_, class)| *classes.entry(class).or_default() += 1);
    println!("each of {planted} planted differences found, and nothing else: {classes:?}");
    Ok(())
}

/// Claim and class of each difference, in order.
fn read_found(file: &Path) -> Result<Vec<(String, String)>, Failed> {
    let mut found = Vec::new();
    for line in BufReader::new(File::open(file)?).lines() {
        let value: serde_json::Value = serde_json::from_str(&line?)?;
        if let (Some(claim), Some(class)) = (value["claim_id"].as_str(), value["class"].as_str()) {
            found.push((claim.to_owned(), class.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// A small generator (SplitMix64).
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Writes the list with differences planted in rows drawn at random, and all rows shuffled; gives claim and class of each.
fn plant(list: &Path, sent: &Path, planted: usize) -> Result<Vec<(String, String)>, Failed> {
    let mut lines = BufReader::new(File::open(list)?).lines();
    let header = lines.next().ok_or("no header")??;
    let mut rows = lines.collect::<Result<Vec<_>, _>>()?;
    let (mut seed, count) = (2_017, rows.len());
    let mut draw = |bound: usize| random(&mut seed) as usize % bound;
    (1..count).rev().for_each(|at| rows.swap(at, draw(at + 1)));
    let mut wanted = Vec::new();
    let mut gone = Vec::new();
    for at in 0..planted {
        let cells: Vec<String> = rows[at].split(',').map(str::to_owned).collect();
        let (class, claim_id, changed) = planted_row(at, cells);
        wanted.push((claim_id, class.to_owned()));
        match changed {
            Planted::Changed(row) => rows[at] = row,
            Planted::Further(row) => rows.push(row),
            Planted::Gone => gone.push(at),
        }
    }
    gone.into_iter().rev().for_each(|at| drop(rows.swap_remove(at)));
    (1..rows.len()).rev().for_each(|at| rows.swap(at, draw(at + 1)));
    let mut file = BufWriter::new(File::create(sent)?);
    writeln!(file, "{header}")?;
    rows.iter().try_for_each(|row| writeln!(file, "{row}"))?;
    wanted.sort();
    file.flush()?;
    Ok(wanted)
}

/// What becomes of a row.
enum Planted {
    Changed(String),
    Further(String),
    Gone,
}

/// The class of the n-th planted difference, its claim, and what becomes of the row.
fn planted_row(number: usize, mut cells: Vec<String>) -> (&'static str, String, Planted) {
    let claim_id = cells[0].clone();
    // The columns are claim_id, settlement_id, settled_on, total, patient, and the payers.
    let add = |cell: &str, fen: i64| {
        let fen = cell.replace('.', "").parse::<i64>().unwrap_or_default() + fen;
        format!("{}.{:02}", fen / 100, fen % 100)
    };
    match number % 6 {
        0 => ("ONLY_HERE", claim_id, Planted::Gone),
        1 => {
            (cells[0], cells[1]) = (format!("X{claim_id}"), String::new());
            ("ONLY_THERE", cells[0].clone(), Planted::Further(cells.join(",")))
        }
        2 => {
            (cells[3], cells[4]) = (add(&cells[3], 10_000), add(&cells[4], 10_000));
            ("AMOUNT_DIFFERS", claim_id, Planted::Changed(cells.join(",")))
        }
        3 => ("SETTLED_TWICE_THERE", claim_id, Planted::Further(cells.join(","))),
        4 => {
            cells[2] = "2017-06-15".to_owned();
            ("ANOTHER_DAY", claim_id, Planted::Changed(cells.join(",")))
        }
        _ => {
            cells[4] = add(&cells[4], 1);
            ("ROUNDING_THERE", claim_id, Planted::Changed(cells.join(",")))
        }
    }
}
