//! Measures embedded stores under the load of a settle: four reads, four rows written atomically, one sync
//! for all that is queued, and no reply before it.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml` does everything and prints two tables.
//! Options: `--rounds 5`, `--kills 2` (rounds with a kill), `--seconds 3`, `--stores fjall,redb`, `--dir …`
//! (a directory on the disk to be measured; it is emptied), `--phases 64,4000/s`.
//! `index DIR MILLIONS` as the only arguments measures the cost of the index of the embedded store's log.
//! `views DIR` as the only arguments measures the cost of fjall's read views and checks that they are whole.
#![deny(unsafe_code)]

mod disk;
mod embedded;
mod fjall_store;
mod index_upkeep;
mod kill;
mod lmdb_store;
mod load;
mod log_store;
mod redb_store;
mod report;
mod sqlite_store;
mod store;
mod usage;
mod views;

use crate::load::Phase;
use crate::report::{Figures, Table};
use crate::store::Result;
use crate::usage::Usage;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The phases that run on a store, in this order, in one process.
const PHASES: [(&str, u32, Option<u32>); 4] =
    [("1", 1, None), ("64", 64, None), ("256", 256, None), ("4000/s", 256, Some(4_000))];

struct Options {
    rounds: u32,
    seconds: u64,
    stores: Vec<String>,
    dir: PathBuf,
    kills: u32,
    phases: String,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            rounds: 5,
            seconds: 3,
            stores: store::CANDIDATES.map(String::from).to_vec(),
            dir: std::env::temp_dir().join("stores-data"),
            kills: 2,
            phases: PHASES.map(|(label, ..)| label).join(","),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => options.rounds = value()?.parse()?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--stores" => options.stores = value()?.split(',').map(String::from).collect(),
                "--dir" => options.dir = value()?.into(),
                "--phases" => options.phases = value()?,
                "--kills" => options.kills = value()?.parse()?,
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["measure", name, dir, seconds, round, phases] => {
            measure(name, Path::new(dir), seconds.parse()?, round.parse()?, phases)
        }
        ["index", dir, millions] => index_upkeep::run(Path::new(dir), millions.parse()?),
        ["views", dir] => views::views(Path::new(dir)),
        ["victim", name, dir] => kill::victim(name, Path::new(dir)),
        ["reopen", name, dir] => kill::reopen(name, Path::new(dir)),
        _ => compare(&Options::parse(words.into_iter())?),
    }
}

/// All stores in turn, as many rounds as asked; prints the medians.
fn compare(options: &Options) -> Result<()> {
    let mut table = Table::default();
    let mut best = Duration::MAX;
    let mut stores = options.stores.clone();
    for round in 1..=options.rounds {
        // The order changes, so that no store always runs after the same other one.
        stores.rotate_left(1);
        for name in &stores {
            clear(&options.dir)?;
            disk::settle(&options.dir, &mut best)?;
            eprintln!("round {round}, {name}");
            let output = Command::new(std::env::current_exe()?)
                .arg("measure")
                .arg(name)
                .arg(&options.dir)
                .arg(options.seconds.to_string())
                .arg(round.to_string())
                .arg(&options.phases)
                .stderr(Stdio::inherit())
                .output()?;
            for line in String::from_utf8(output.stdout)?.lines() {
                eprintln!("    {line}");
                let (phase, figures) = line.split_once('\t').ok_or("a line without a phase")?;
                table.add(name, phase, figures.parse()?);
            }
            if round <= options.kills {
                clear(&options.dir)?;
                let crash = kill::crash(name, &options.dir)?;
                eprintln!("    {crash}");
                table.add_crash(name, crash);
            }
        }
    }
    clear(&options.dir)?;
    std::fs::remove_dir(&options.dir)?;
    print!("{table}");
    Ok(())
}

fn clear(dir: &Path) -> Result<()> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(std::fs::create_dir_all(dir)?)
}

/// The phases on one store; a line of figures for each.
fn measure(name: &str, dir: &Path, seconds: u64, round: u64, phases: &str) -> Result<()> {
    load::preload(&*store::open(name, dir)?)?;
    let store: Arc<dyn store::Store> = store::open(name, dir)?.into();
    let asked: Vec<&str> = phases.split(',').collect();
    for (number, (label, callers, pace)) in (0..).zip(PHASES) {
        if !asked.contains(&label) {
            continue;
        }
        let phase = Phase { callers, time: Duration::from_secs(seconds), pace };
        std::thread::sleep(Duration::from_millis(500));
        let disk = disk::sync_time(dir)?;
        let before = Usage::now()?;
        let outcome = load::run(&store, phase, round * 10 + number, &mut |_| {})?;
        let used = Usage::now()?.since(before);
        println!("{label}\t{}", Figures::new(outcome, &used, disk));
    }
    Ok(())
}
