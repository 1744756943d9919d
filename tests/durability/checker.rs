//! The checker of traces, on traces written by hand: it must see a missing sync to prove that none is
//! missing.

use super::trace::{Answer, Verdict, answers, is_listed};

/// A server that has opened its store as 5 and accepted a connection as 9.
const OPENED: &str = r#"
10 openat(AT_FDCWD, "/var/store/redb", O_RDWR|O_CREAT|O_CLOEXEC, 0666) = 5
10 accept4(8, {sa_family=AF_INET}, [128 => 16], SOCK_CLOEXEC|SOCK_NONBLOCK) = 9
"#;

/// The preface and a request on stream 1.
const ASKED: &str = "10 recvfrom(9, PREFACE+REQUEST1, 8192, 0, NULL, NULL) = 33\n";
const WRITTEN: &str = "11 pwrite64(5, \"\\x00\"..., 4096, 0) = 4096\n";
const SYNCED: &str = "11 fdatasync(5)                     = 0\n";
const ANSWERED: &str = "10 writev(9, [{iov_base=HEADERS1, iov_len=9}], 1) = 9\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// The verdicts on a trace of these lines, the names of frames replaced by their bytes.
fn verdicts(lines: &[&str]) -> Vec<(u32, Verdict)> {
    let texts = [
        ("/var/store/redb", hex(b"/var/store/redb")),
        ("PREFACE+", format!("\"{}\"", hex(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))),
        ("REQUEST1", format!("\"{}\"", hex(&[0, 0, 0, 1, 5, 0, 0, 0, 1]))),
        ("REQUEST3", format!("\"{}\"", hex(&[0, 0, 0, 1, 5, 0, 0, 0, 3]))),
        ("HEADERS1", format!("\"{}\"", hex(&[0, 0, 0, 1, 4, 0, 0, 0, 1]))),
        ("HEADERS3", format!("\"{}\"", hex(&[0, 0, 0, 1, 4, 0, 0, 0, 3]))),
        ("SETTINGS", format!("\"{}\"", hex(&[0, 0, 0, 4, 0, 0, 0, 0, 0]))),
    ];
    let trace = texts.iter().fold(lines.concat(), |trace, (name, bytes)| trace.replace(name, bytes));
    answers(&trace.replace("\"\"", ""), "redb").iter().map(|answer| (answer.stream, answer.verdict)).collect()
}

#[test]
fn a_write_a_sync_and_an_answer_are_synced() {
    let lines = [OPENED, ASKED, WRITTEN, SYNCED, ANSWERED];
    assert_eq!(verdicts(&lines), [(1, Verdict::Synced)]);
}

#[test]
fn an_answer_without_a_sync_is_unsynced() {
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, ANSWERED]), [(1, Verdict::Unsynced)]);
}

#[test]
fn a_sync_after_the_answer_comes_too_late() {
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, ANSWERED, SYNCED]), [(1, Verdict::Unsynced)]);
}

#[test]
fn a_sync_before_the_last_write_does_not_count() {
    let lines = [OPENED, ASKED, WRITTEN, SYNCED, WRITTEN, ANSWERED];
    assert_eq!(verdicts(&lines), [(1, Verdict::Unsynced)]);
}

#[test]
fn a_file_that_grew_after_its_sync_is_unsynced() {
    let grown = "11 ftruncate(5, 8192) = 0\n";
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, SYNCED, grown, ANSWERED]), [(1, Verdict::Unsynced)]);
}

#[test]
fn a_file_that_shrank_after_its_sync_is_synced() {
    let (long, short) = ("11 ftruncate(5, 8192) = 0\n", "11 ftruncate(5, 4096) = 0\n");
    assert_eq!(verdicts(&[OPENED, ASKED, long, WRITTEN, SYNCED, short, ANSWERED]), [(1, Verdict::Synced)]);
}

#[test]
fn a_sync_of_another_file_does_not_count() {
    let other = "11 openat(AT_FDCWD, \"\\x2f\\x61\", O_RDWR) = 6\n11 fdatasync(6) = 0\n";
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, other, ANSWERED]), [(1, Verdict::Unsynced)]);
}

#[test]
fn a_reused_descriptor_is_another_file() {
    let taken = "11 close(5) = 0\n11 openat(AT_FDCWD, \"\\x2f\\x61\", O_RDWR) = 5\n";
    assert_eq!(verdicts(&[OPENED, taken, ASKED, WRITTEN, SYNCED, ANSWERED]), [(1, Verdict::NothingWritten)]);
}

#[test]
fn a_descriptor_that_is_used_again_before_its_close_has_ended_is_the_new_file() {
    let (closing, closed) = ("12 close(5 <unfinished ...>\n", "12 <... close resumed>) = 0\n");
    let again = "11 openat(AT_FDCWD, \"/var/store/redb\", O_RDWR) = 5\n";
    let lines = [OPENED, closing, again, closed, ASKED, WRITTEN, SYNCED, ANSWERED];
    assert_eq!(verdicts(&lines), [(1, Verdict::Synced)]);
}

#[test]
fn a_sync_that_failed_does_not_count() {
    let failed = "11 fdatasync(5) = -1 EIO (Input/output error)\n";
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, failed, ANSWERED]), [(1, Verdict::Unsynced)]);
}

#[test]
fn an_unfinished_sync_does_not_count() {
    let begun = "11 fdatasync(5 <unfinished ...>\n";
    let resumed = "11 <... fdatasync resumed>) = 0\n";
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, begun, ANSWERED, resumed]), [(1, Verdict::Unsynced)]);
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, begun, resumed, ANSWERED]), [(1, Verdict::Synced)]);
}

#[test]
fn a_sync_that_began_before_the_write_ended_does_not_count() {
    let write = "11 pwrite64(5, \"\\x00\"..., 4096, 0 <unfinished ...>\n";
    let wrote = "11 <... pwrite64 resumed>) = 4096\n";
    let sync = "12 fdatasync(5) = 0\n";
    assert_eq!(verdicts(&[OPENED, ASKED, write, sync, wrote, ANSWERED]), [(1, Verdict::Unsynced)]);
    assert_eq!(verdicts(&[OPENED, ASKED, write, wrote, sync, ANSWERED]), [(1, Verdict::Synced)]);
}

#[test]
fn an_answer_counts_from_where_it_begins() {
    let answering = "10 writev(9, [{iov_base=HEADERS1, iov_len=9}], 1 <unfinished ...>\n";
    let answered = "10 <... writev resumed>) = 9\n";
    assert_eq!(verdicts(&[OPENED, ASKED, WRITTEN, answering, SYNCED, answered]), [(1, Verdict::Unsynced)]);
}

#[test]
fn a_read_that_was_interrupted_is_a_request_when_it_ends() {
    let reading = "10 recvfrom(9,  <unfinished ...>\n";
    let read = "10 <... recvfrom resumed>PREFACE+REQUEST1, 8192, 0, NULL, NULL) = 33\n";
    assert_eq!(verdicts(&[OPENED, reading, WRITTEN, SYNCED, read, ANSWERED]), [(1, Verdict::NothingWritten)]);
    assert_eq!(verdicts(&[OPENED, reading, read, WRITTEN, SYNCED, ANSWERED]), [(1, Verdict::Synced)]);
}

#[test]
fn a_sync_for_the_request_before_does_not_count_for_this_one() {
    let second = "10 recvfrom(9, REQUEST3, 8192, 0, NULL, NULL) = 9\n";
    let answer = "10 writev(9, [{iov_base=HEADERS3, iov_len=9}], 1) = 9\n";
    let first = [OPENED, ASKED, WRITTEN, SYNCED, ANSWERED];
    let nothing = [&first[..], &[second, answer]].concat();
    assert_eq!(verdicts(&nothing), [(1, Verdict::Synced), (3, Verdict::NothingWritten)]);
    let unsynced = [&first[..], &[second, WRITTEN, answer]].concat();
    assert_eq!(verdicts(&unsynced), [(1, Verdict::Synced), (3, Verdict::Unsynced)]);
}

#[test]
fn other_frames_are_not_counted_as_answers() {
    let settings = "10 writev(9, [{iov_base=SETTINGS, iov_len=9}], 1) = 9\n";
    let trailers = ANSWERED;
    let lines = [OPENED, settings, ASKED, settings, WRITTEN, SYNCED, ANSWERED, trailers];
    assert_eq!(verdicts(&lines), [(1, Verdict::Synced)]);
    assert_eq!(answers("", "redb"), Vec::<Answer>::new());
}

#[test]
fn two_connections_are_distinguished() {
    let close = "10 close(9) = 0\n10 accept4(8, NULL, NULL, 0) = 9\n";
    let lines = [OPENED, ASKED, WRITTEN, SYNCED, ANSWERED, close, ASKED, WRITTEN, ANSWERED];
    assert_eq!(verdicts(&lines), [(1, Verdict::Synced), (1, Verdict::Unsynced)]);
}

#[test]
fn a_new_file_is_listed_when_its_directory_is_synced_after_it_was_made() {
    let hexed =
        |path: &str, fd: u32| format!("10 openat(AT_FDCWD, \"{}\", O_RDWR|O_CREAT) = {fd}\n", hex(path.as_bytes()));
    let (directory, file) = (hexed("/var/store", 4), hexed("/var/store/redb", 5));
    let (synced, closed, accepted) = ("10 fsync(4) = 0\n", "10 close(4) = 0\n", "10 accept4(8, NULL, NULL, 0) = 9\n");
    assert!(is_listed(&[&file, &directory, synced, closed, accepted].concat(), "redb"));
    assert!(is_listed(&[&directory, &file, synced, accepted].concat(), "redb"));
    assert!(!is_listed(&[&directory, synced, &file, accepted].concat(), "redb"), "before it was made");
    assert!(!is_listed(&[&directory, &file, accepted, synced].concat(), "redb"), "too late");
    assert!(!is_listed(&[&directory, closed, &file, synced, accepted].concat(), "redb"), "another file");
    assert!(!is_listed(&[&directory, &file, "10 fsync(5) = 0\n", accepted].concat(), "redb"), "the file itself");
}
