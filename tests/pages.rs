//! The pages for the billing developer and the claims officer, followed to the letter: each block is run as it
//! stands, and prints what the page says.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block: what stands behind the fence, and its text.
struct Block {
    kind: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(kind) => {
                open = true;
                blocks.push(Block { kind: kind.to_owned(), text: String::new() });
            }
            None if open => {
                let text = &mut blocks.last_mut().expect("an open block").text;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// A copy of what the pages use, so that what they write stays out of the repository.
fn copy(place: &Path) {
    for part in ["deploy", "tests/cases", "proto"] {
        let to = place.join(part);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        let copied = Command::new("cp").arg("-r").arg(Path::new(ROOT).join(part)).arg(&to).status();
        assert!(copied.expect("cp").success());
    }
}

/// The address that the pages name, made one that is free.
struct Reader {
    place: tempfile::TempDir,
    address: String,
    servers: Vec<Child>,
}

impl Reader {
    fn new() -> Reader {
        let place = tempfile::tempdir().expect("a directory");
        copy(place.path());
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        Reader { place, address: address.to_string(), servers: Vec::new() }
    }

    fn bash(&self, text: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_onestop")).parent().expect("its directory").display().to_string();
        let path = format!("{program}:{}", std::env::var("PATH").expect("a path"));
        let mut command = Command::new("bash");
        command.args(["-c", &text.replace("127.0.0.1:50051", &self.address)]).current_dir(self.place.path());
        command.env("PATH", path).env("ONESTOP_SERVER", format!("http://{}", self.address)).stdin(Stdio::null());
        command
    }

    fn serve(&mut self, text: &str) {
        let mut child = self.bash(&format!("exec {text}")).stdout(Stdio::piped()).spawn().expect("bash");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert!(line.contains("serves on"), "{line}");
        self.servers.push(child);
    }

    fn run(&self, text: &str) -> String {
        let output = self.bash(&format!("set -e\n{text}")).output().expect("bash");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // It is ours, and the test is over.
            let _ended = server.kill();
            let _reaped = server.wait();
        }
    }
}

/// Whether a line is as the page says, `…` standing for anything.
fn is_as_told(line: &str, told: &str) -> bool {
    let parts: Vec<_> = told.split('…').collect();
    let mut rest = line;
    for (at, part) in parts.iter().enumerate() {
        let found =
            if at == 0 { rest.strip_prefix(*part) } else { rest.find(part).map(|start| &rest[start + part.len()..]) };
        match found {
            Some(after) => rest = after,
            None => return false,
        }
    }
    told.ends_with('…') || rest.is_empty() || parts.len() > 1 && line.ends_with(parts[parts.len() - 1])
}

fn follow(page: &str) {
    let text = std::fs::read_to_string(Path::new(ROOT).join(page)).expect("the page");
    let (mut reader, mut printed, mut ran) = (Reader::new(), String::new(), 0);
    for Block { kind, text } in blocks(&text) {
        match kind.as_str() {
            "sh server" => reader.serve(text.trim()),
            "sh" => {
                printed = reader.run(&text);
                ran += 1;
            }
            "text" => {
                let mut lines = printed.lines();
                for told in text.lines() {
                    assert!(lines.any(|line| is_as_told(line, told)), "{page}: {told}\nis not in\n{printed}");
                }
            }
            other => panic!("{page}: a block of {other}"),
        }
    }
    assert!(ran >= 4, "{ran} blocks");
}

#[test]
fn the_billing_developers_page_does_what_it_says() {
    follow("proto/README.md");
}

#[test]
fn the_claims_officers_page_does_what_it_says() {
    follow("deploy/officer.md");
}

#[test]
fn a_line_is_as_told_or_not() {
    assert!(is_as_told("a b c", "a … c") && is_as_told("a b c", "a …") && is_as_told("abc", "abc"));
    assert!(!is_as_told("a b d", "a … c") && !is_as_told("abcd", "abc") && !is_as_told("xabc", "abc"));
}
