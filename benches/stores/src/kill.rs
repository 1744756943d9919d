//! Kills a process under load with SIGKILL and checks that the store holds everything that it acknowledged.

use crate::load::{self, Phase};
use crate::report::Crash;
use crate::store::{self, Ack, Key, Result, Store};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOAD: Duration = Duration::from_secs(5);
const READY: &str = "ready";

/// The child: loads the store until it is killed, and prints every settle that was acknowledged.
pub fn victim(name: &str, dir: &Path) -> Result<()> {
    load::preload(&*store::open(name, dir)?)?;
    let store: Arc<dyn Store> = store::open(name, dir)?.into();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()?;
    let phase = Phase { callers: 64, time: LOAD * 20, pace: None };
    load::run(&store, phase, 1, &mut |ack| {
        // The pipe closes only when the parent is gone.
        let _ = out.write_all(line(&ack).as_bytes());
    })?;
    Ok(())
}

fn line(ack: &Ack) -> String {
    let [person, entry, request, claim] = [ack.person, ack.entry, ack.request, ack.claim].map(u128::from_be_bytes);
    let version = ack.version;
    format!("{person:x} {entry:x} {request:x} {claim:x} {version:x}\n")
}

fn parse(line: &str) -> Result<Ack> {
    let mut words = line.split(' ');
    let mut next = || words.next().ok_or("a short line");
    let key = |word: &str| -> Result<Key> { Ok(u128::from_str_radix(word, 16)?.to_be_bytes()) };
    Ok(Ack {
        person: key(next()?)?,
        entry: key(next()?)?,
        request: key(next()?)?,
        claim: key(next()?)?,
        version: u64::from_str_radix(next()?, 16)?,
    })
}

/// Starts the child, kills it under load, opens the store again and looks for the acknowledged settles.
pub fn crash(name: &str, dir: &Path) -> Result<Crash> {
    let mut child =
        Command::new(std::env::current_exe()?).arg("victim").arg(name).arg(dir).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(child.stdout.take().ok_or("no pipe")?);
    let mut first = String::new();
    said.read_line(&mut first)?;
    let listener = std::thread::spawn(move || {
        let mut text = String::new();
        said.read_to_string(&mut text).map(|_| text)
    });
    std::thread::sleep(LOAD);
    child.kill()?;
    child.wait()?;
    let text = listener.join().map_err(|_| "the listener panicked")??;
    // What follows the last newline was cut off by the kill.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    std::fs::write(dir.with_extension("acks"), whole)?;

    let output =
        Command::new(std::env::current_exe()?).arg("reopen").arg(name).arg(dir).stderr(Stdio::inherit()).output()?;
    std::fs::remove_file(dir.with_extension("acks"))?;
    let report = String::from_utf8(output.stdout)?;
    let mut words = report.split_whitespace();
    let mut next = || words.next().ok_or("the store did not open");
    Ok(Crash {
        acknowledged: next()?.parse()?,
        missing: next()?.parse()?,
        torn: next()?.parse()?,
        megabytes: next()?.parse()?,
        opened: Duration::from_nanos(next()?.parse()?),
    })
}

/// Opens the store in a fresh process, which has nothing of the first process in memory.
pub fn reopen(name: &str, dir: &Path) -> Result<()> {
    let size = size(dir)?;
    let start = Instant::now();
    let store = store::open(name, dir)?;
    let opened = start.elapsed();
    let (mut acknowledged, mut missing) = (0_u64, 0_u64);
    for line in std::fs::read_to_string(dir.with_extension("acks"))?.lines() {
        let ack = parse(line)?;
        acknowledged += 1;
        if !store.held(&ack)?.covers(&ack) {
            missing += 1;
        }
    }
    let [entries, requests, claims] = store.counts()?;
    let torn = entries != requests || entries != claims || entries < acknowledged;
    let megabytes = size as f64 / 1e6;
    println!("{acknowledged} {missing} {torn} {megabytes} {}", opened.as_nanos());
    Ok(())
}

fn size(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for item in std::fs::read_dir(dir)? {
        let item = item?;
        bytes += match item.file_type()?.is_dir() {
            true => size(&item.path())?,
            false => item.metadata()?.len(),
        };
    }
    Ok(bytes)
}
