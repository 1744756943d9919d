//! Crash images: the system calls of a real server are recorded, and at many moments the disk is rebuilt as a power
//! failure could leave it: of what was not synced, sectors are there or not. Every image opens with all that was
//! answered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use onestop::domain::ids::{HospitalId, PersonId, RequestId};
use onestop::store::{JournalStore, Scope};

use super::ended;
use super::trace::{Call, calls, lines_of_answers};
use crate::store_contract::open;
use crate::support::ADMINISTRATION_ENTRIES;
use crate::support::claims::claim;
use crate::support::ids::id;
use crate::support::program::{Serve, onestop};
use crate::support::random::Random;

const CLAIMS: usize = 40;
const IMAGES: u64 = 240;
const SECTOR: usize = 512;

const CALLS: &str = "trace=openat,close,fcntl,accept4,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,\
                     pwrite64,ftruncate,fallocate,fsync,fdatasync,rename,unlink";

/// A file: its length, and its bytes up to the last that is not zero.
#[derive(Clone, Default)]
struct ImageFile {
    durable: (u64, Vec<u8>),
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

fn write(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    bytes.resize(bytes.len().max(offset + written.len()), 0);
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

impl ImageFile {
    fn apply(&mut self, change: &Change, keep: impl Fn(usize) -> bool) {
        let (length, bytes) = &mut self.durable;
        match change {
            Change::Length(new) => {
                *length = *new;
                bytes.truncate(*new as usize);
            }
            Change::Write(offset, written) => {
                *length = (*length).max(offset + written.len() as u64);
                for (sector, part) in written.chunks(SECTOR).enumerate().filter(|(sector, _)| keep(*sector)) {
                    write(bytes, *offset as usize + sector * SECTOR, part);
                }
            }
        }
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            self.apply(&change, |_| true);
        }
    }

    fn lose(&mut self, random: &mut Random) {
        let mode = random.below(3);
        for change in std::mem::take(&mut self.pending) {
            let sectors = if let Change::Write(_, written) = &change { written.len().div_ceil(SECTOR) } else { 0 };
            let kept: Vec<bool> = (0..sectors).map(|_| mode == 1 || mode == 2 && random.one_in(2)).collect();
            self.apply(&change, |sector| kept[sector]);
        }
    }
}

/// The disk under a store, as the system calls change it.
#[derive(Clone, Default)]
struct Image {
    files: Vec<ImageFile>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    descriptors: BTreeMap<i64, String>,
}

impl Image {
    fn load(store: &Path) -> Image {
        let mut image = Image::default();
        for name in ["redb", "log", "index"] {
            let path = store.join(name);
            let inside = std::fs::read_dir(&path).map(|entries| {
                entries
                    .map(|entry| format!("{name}/{}", entry.expect("a file").file_name().to_string_lossy()))
                    .collect()
            });
            for name in inside.unwrap_or_else(|_| vec![name.to_owned()]) {
                let mut bytes = std::fs::read(store.join(&name)).expect("a file");
                let length = bytes.len() as u64;
                bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
                image.names.insert(name, image.files.len());
                image.files.push(ImageFile { durable: (length, bytes), pending: Vec::new() });
            }
        }
        image.durable_names.clone_from(&image.names);
        image
    }

    fn take(&mut self, call: &Call, store: &str) {
        let name_of = |text: &str| text.strip_prefix(store).map(|name| name.trim_start_matches('/').to_owned());
        let descriptor = call.fd().unwrap_or(-1);
        let known = self.descriptors.get(&descriptor).cloned();
        let file = known.as_ref().and_then(|name| self.names.get(name)).copied();
        let last = || call.arguments.rsplit(", ").next().and_then(|number| number.parse().ok()).expect("a number");
        match (call.name.as_str(), file) {
            _ if call.result < 0 => {}
            ("openat", _) => {
                let Some(name) = name_of(&call.texts()[0]) else { return };
                if call.arguments.contains("O_TRUNC")
                    || call.arguments.contains("O_CREAT") && !self.names.contains_key(&name)
                {
                    self.names.insert(name.clone(), self.files.len());
                    self.files.push(ImageFile::default());
                }
                self.descriptors.insert(call.result, name);
            }
            ("fcntl", _) if call.arguments.contains("F_DUPFD") => {
                known.map(|name| self.descriptors.insert(call.result, name));
            }
            ("close", _) => drop(self.descriptors.remove(&descriptor)),
            ("pwrite64", Some(file)) => self.files[file].pending.push(Change::Write(last(), call.bytes())),
            ("ftruncate" | "fallocate", Some(file)) => self.files[file].pending.push(Change::Length(last())),
            ("fsync" | "fdatasync", Some(file)) => self.files[file].sync(),
            ("fsync" | "fdatasync", None) => {
                let Some(directory) = known else { return };
                let is_in = |name: &str| name.rsplit_once('/').map_or("", |(directory, _)| directory) == directory;
                self.durable_names.retain(|name, _| !is_in(name));
                let names = self.names.iter().filter(|(name, _)| is_in(name));
                self.durable_names.extend(names.map(|(name, file)| (name.clone(), *file)));
            }
            ("rename", _) => {
                let [from, to] = [0, 1].map(|at| name_of(&call.texts()[at]));
                if let (Some(from), Some(to)) = (from, to)
                    && let Some(file) = self.names.remove(&from)
                {
                    self.names.insert(to, file);
                }
            }
            ("unlink", _) => drop(name_of(&call.texts()[0]).map(|name| self.names.remove(&name))),
            _ => {}
        }
    }

    /// Writes what a power failure leaves into a directory; names that were not synced are there or not.
    fn fail(mut self, random: &mut Random, from: &Path, to: &Path) {
        let names = if random.one_in(2) { self.names.clone() } else { self.durable_names.clone() };
        for directory in ["log", "index"] {
            std::fs::create_dir_all(to.join(directory)).expect("a directory");
        }
        for file in ["FORMAT", "secret"] {
            std::fs::copy(from.join(file), to.join(file)).expect("a copy");
        }
        for (name, file) in names.iter().filter(|(name, _)| name.contains('/') || *name == "redb") {
            let content = &mut self.files[*file];
            content.lose(random);
            let made = File::create(to.join(name)).expect("a file");
            made.write_all_at(&content.durable.1, 0).and_then(|()| made.set_len(content.durable.0)).expect("written");
        }
    }
}

/// Settles claims one after another on a store that exists; returns the trace.
async fn recorded(store: &Path, trace: &Path) -> String {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-xx", "-s", "9000000", "-e", CALLS, "-o"]).arg(trace).arg(onestop().get_program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--store"]).arg(store);
    let serve = Serve::spawn(command);
    let mut client = serve.client().await;
    for number in 0..CLAIMS {
        let claim = claim(&format!("C{number}"), "P1", "1000.00");
        client.settle(&claim, &format!("R{number}"), Vec::new()).await.expect("a settlement");
    }
    drop(client);
    assert_eq!(ended(serve).await, Some(0));
    std::fs::read_to_string(trace).expect("the trace")
}

/// Whether the store has the settlements of the first requests.
async fn check(image: &Path, answered: usize, seed: u64) {
    let store = open(image).unwrap_or_else(|error| panic!("image {seed}: {error}"));
    let (person, hospital): (PersonId, HospitalId) = (id("P1"), id("H3"));
    for number in 0..answered {
        let request: RequestId = id(format!("R{number}"));
        let scope = Scope::of_person(&person).with_request(&hospital, &request);
        let seen = store.look_up(scope).await.unwrap_or_else(|error| panic!("image {seed}: {error}"));
        let entry = seen.request.unwrap_or_else(|| panic!("image {seed}: answer {number} of {answered} is lost"));
        assert!(store.entry(entry).await.expect("a read").is_some());
        assert!(seen.person.is_some(), "image {seed}: the reference tables are there");
    }
    let count = store.entry_count().await.expect("a count") - ADMINISTRATION_ENTRIES;
    assert!((answered as u64..=answered as u64 + 1).contains(&count), "image {seed}: {count} of {answered}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_crash_image_of_a_recorded_server_opens_with_all_that_was_answered() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, before, image] = ["store", "before", "image"].map(|name| place.path().join(name));
    let serve = Serve::start(&store, &[]);
    drop(serve.with_tables().await);
    assert_eq!(ended(serve).await, Some(0));
    assert!(Command::new("cp").arg("-r").arg(&store).arg(&before).status().expect("cp runs").success());
    let trace = recorded(&store, &place.path().join("trace")).await;
    let (answers, calls) = (lines_of_answers(&trace), calls(&trace));
    assert_eq!(answers.len(), CLAIMS);
    let lines = trace.lines().count();
    let (store_path, whole, mut lost) = (store.to_string_lossy().into_owned(), Image::load(&before), 0);
    for seed in 0..IMAGES {
        let mut random = Random(seed);
        let moment = random.below(lines);
        let mut disk = whole.clone();
        calls.iter().filter(|call| call.ended <= moment).for_each(|call| disk.take(call, &store_path));
        // Writes that had begun.
        let begun = calls.iter().filter(|call| call.began <= moment && call.ended > moment && call.name == "pwrite64");
        begun.for_each(|call| disk.take(call, &store_path));
        lost += u32::from(disk.files.iter().any(|file| !file.pending.is_empty()));
        let _absent = std::fs::remove_dir_all(&image);
        disk.fail(&mut random, &before, &image);
        check(&image, answers.iter().filter(|line| **line < moment).count(), seed).await;
    }
    println!("{IMAGES} images of {lines} lines; {lost} with writes that were not synced");
    assert!(lost > 20, "{lost}");
    std::io::stdout().flush().expect("flushed");
}
