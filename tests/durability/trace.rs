//! Reads a trace of system calls (`strace -f -xx`) of a server: for each answer on each connection,
//! whether what was written to the store since its request had been synced before it left.
//!
//! A pure function over the text. Does not do: header compression; frames, streams and their ends are
//! enough to tell a request from its answer.

use std::collections::{BTreeMap, HashMap, HashSet};

/// What had become of the store when an answer left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something was written since the request, and a sync began after the last write and ended before
    /// the answer.
    Synced,
    /// Something was written, and no such sync.
    Unsynced,
    /// Nothing was written.
    NothingWritten,
}

/// An answer that a server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The connection, in the order in which they were accepted.
    pub connection: usize,
    /// The stream.
    pub stream: u32,
    /// What had become of the store.
    pub verdict: Verdict,
}

/// The answers of a trace, in their order; `file` is the name of the store's file.
pub fn answers(trace: &str, file: &str) -> Vec<Answer> {
    let mut seen = LookUp::default();
    for call in calls(trace) {
        seen.take(call, file);
    }
    seen.answers.iter().map(|answer| seen.judge(answer)).collect()
}

/// The lines at which the answers on the last connection of a trace begin.
pub fn lines_of_answers(trace: &str) -> Vec<usize> {
    let mut seen = LookUp::default();
    calls(trace).into_iter().for_each(|call| seen.take(call, ""));
    let last = seen.answers.iter().map(|answer| answer.connection).max();
    seen.answers.iter().filter(|answer| Some(answer.connection) == last).map(|answer| answer.answered).collect()
}

/// Whether the directory of this new file was synced after the file was made, and before the first
/// connection: a file that its directory does not list is lost with all that was synced into it.
pub fn is_listed(trace: &str, file: &str) -> bool {
    let name = format!("/{file}");
    let calls: Vec<_> = calls(trace).into_iter().filter(|call| call.result >= 0).collect();
    let is_made = |call: &&Call| call.name == "openat" && call.bytes().ends_with(name.as_bytes());
    let Some(made) = calls.iter().find(is_made) else { return false };
    let mut directory = made.bytes();
    directory.truncate(directory.len() - name.len());
    let mut open = HashSet::new();
    for call in calls.iter().take_while(|call| call.name != "accept4") {
        match call.name.as_str() {
            "openat" if call.bytes() == directory => drop(open.insert(call.result)),
            "close" => drop(open.remove(&call.fd().unwrap_or(-1))),
            "fsync" if call.began > made.ended && call.fd().is_some_and(|fd| open.contains(&fd)) => return true,
            _ => {}
        }
    }
    false
}

/// The paths of what was synced before the first connection.
pub fn synced_at_the_start(trace: &str) -> HashSet<Vec<u8>> {
    let (mut open, mut synced) = (HashMap::new(), HashSet::new());
    let calls = calls(trace).into_iter().filter(|call| call.result >= 0);
    for call in calls.take_while(|call| call.name != "accept4") {
        match call.name.as_str() {
            "openat" => drop(open.insert(call.result, call.bytes())),
            "close" => drop(open.remove(&call.fd().unwrap_or(-1))),
            "fsync" => synced.extend(call.fd().and_then(|fd| open.get(&fd).cloned())),
            _ => {}
        }
    }
    synced
}

/// A system call: the lines at which it began and ended, its arguments and its result.
pub(super) struct Call {
    pub(super) began: usize,
    pub(super) ended: usize,
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) result: i64,
}

/// The calls of a trace in the order in which they ended, but a `close` where it began: from then on another file may have its
/// descriptor. Those that did not end are left out.
pub(super) fn calls(trace: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(begun) = text.strip_suffix("<unfinished ...>") {
            open.insert(thread, (at, begun.trim_end().to_owned()));
        } else if let Some((_, rest)) = text.split_once(" resumed>") {
            let resumed = open.remove(thread).map(|(began, begun)| (began, begun + rest));
            calls.extend(resumed.and_then(|(began, text)| call(began, at, &text)));
        } else {
            calls.extend(call(at, at, text));
        }
    }
    calls.sort_by_key(|call: &Call| if call.name == "close" { call.began } else { call.ended });
    calls
}

fn call(began: usize, ended: usize, text: &str) -> Option<Call> {
    let (call, result) = text.rsplit_once(" = ")?;
    let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let digits = result.trim_start().split(' ').next()?;
    let result = digits.parse().unwrap_or(-1);
    Some(Call { began, ended, name: name.to_owned(), arguments: arguments.to_owned(), result })
}

impl Call {
    pub(super) fn fd(&self) -> Option<i64> {
        self.arguments.split([',', ')']).next()?.trim().parse().ok()
    }

    /// The texts in quotes, one after another, as bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let quoted = self.arguments.split('"').skip(1).step_by(2);
        let hex = quoted.flat_map(|text| text.split("\\x").skip(1));
        hex.map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
    }

    /// Each text in quotes.
    pub(super) fn texts(&self) -> Vec<String> {
        let quoted = self.arguments.split('"').skip(1).step_by(2);
        let text = |quoted: &str| {
            let hex = quoted.split("\\x").skip(1);
            hex.map(|byte| char::from(u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))).collect()
        };
        quoted.map(text).collect()
    }

    /// What went over a socket.
    fn transferred(&self) -> Vec<u8> {
        let (mut bytes, length) = (self.bytes(), usize::try_from(self.result).unwrap_or(0));
        assert!(bytes.len() >= length, "line {}: the trace cuts what went over a socket", self.began + 1);
        bytes.truncate(length);
        bytes
    }
}

/// An answer, its request's end, and its own beginning, in lines.
struct Exchange {
    connection: usize,
    stream: u32,
    asked: usize,
    answered: usize,
}

/// What was seen so far.
#[derive(Default)]
struct LookUp {
    store: HashSet<i64>,
    length: u64,
    writes: Vec<(usize, usize)>,
    syncs: Vec<(usize, usize)>,
    accepted: usize,
    connections: HashMap<i64, Connection>,
    answers: Vec<Exchange>,
}

impl LookUp {
    fn take(&mut self, call: Call, file: &str) {
        let fd = call.fd().unwrap_or(-1);
        match call.name.as_str() {
            _ if call.result < 0 => {}
            "openat" if call.bytes().ends_with(format!("/{file}").as_bytes()) => drop(self.store.insert(call.result)),
            "fcntl" if call.arguments.contains("F_DUPFD") && self.store.contains(&fd) => {
                self.store.insert(call.result);
            }
            "accept4" => self.accept(call.result),
            "close" => self.close(fd),
            "pwrite64" | "write" | "writev" if self.store.contains(&fd) => self.writes.push((call.began, call.ended)),
            "ftruncate" if self.store.contains(&fd) => self.resized(&call),
            "fdatasync" | "fsync" if self.store.contains(&fd) => self.syncs.push((call.began, call.ended)),
            "recvfrom" | "recvmsg" | "read" | "readv" => self.read(fd, &call),
            "sendto" | "sendmsg" | "write" | "writev" => self.wrote(fd, &call),
            _ => {}
        }
    }

    /// A file that grows is written to. One that shrinks loses what nothing points at, and may come back
    /// as long as it was.
    fn resized(&mut self, call: &Call) {
        let length = call.arguments.rsplit(", ").next().and_then(|length| length.parse().ok()).expect("a length");
        if std::mem::replace(&mut self.length, length) < length {
            self.writes.push((call.began, call.ended));
        }
    }

    fn accept(&mut self, fd: i64) {
        let read = Frames { next: PREFACE, ..Frames::default() };
        self.connections.insert(fd, Connection { number: self.accepted, read, ..Connection::default() });
        self.accepted += 1;
    }

    fn close(&mut self, fd: i64) {
        self.store.remove(&fd);
        self.connections.remove(&fd);
    }

    fn read(&mut self, fd: i64, call: &Call) {
        let Some(connection) = self.connections.get_mut(&fd) else { return };
        for frame in connection.read.take(&call.transferred()) {
            if frame.ends_stream() {
                connection.asked.insert(frame.stream, call.ended);
            }
        }
    }

    fn wrote(&mut self, fd: i64, call: &Call) {
        let Some(connection) = self.connections.get_mut(&fd) else { return };
        for frame in connection.wrote.take(&call.transferred()) {
            let Some(asked) = connection.asked.get(&frame.stream).filter(|_| frame.kind == HEADERS) else { continue };
            let (asked, stream) = (*asked, frame.stream);
            connection.asked.remove(&stream);
            self.answers.push(Exchange { connection: connection.number, stream, asked, answered: call.began });
        }
    }

    fn judge(&self, exchange: &Exchange) -> Answer {
        let between = |(began, _): &&(usize, usize)| *began > exchange.asked && *began < exchange.answered;
        let written = self.writes.iter().filter(between).map(|(_, ended)| *ended).max();
        let synced = |last: usize| self.syncs.iter().any(|sync| sync.0 > last && sync.1 < exchange.answered);
        let verdict = match written {
            None => Verdict::NothingWritten,
            Some(last) if synced(last) => Verdict::Synced,
            Some(_) => Verdict::Unsynced,
        };
        Answer { connection: exchange.connection, stream: exchange.stream, verdict }
    }
}

/// One connection: its frames in both directions, and the requests that are not answered yet.
#[derive(Default)]
struct Connection {
    number: usize,
    read: Frames,
    wrote: Frames,
    asked: BTreeMap<u32, usize>,
}

/// `PRI * HTTP/2.0`, with which a client begins.
const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;

/// The head of an HTTP/2 frame.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// One direction of a connection: its bytes so far, and where the next frame begins.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    next: usize,
}

impl Frames {
    /// The frames whose heads these bytes complete.
    fn take(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.bytes.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(head) = self.bytes.get(self.next..self.next + 9) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
            frames.push(Frame { kind: head[3], flags: head[4], stream });
            self.next += 9 + length;
        }
        frames
    }
}
