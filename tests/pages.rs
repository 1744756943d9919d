//! The pages: every block that can be run is run and prints what the page shows, and every link leads to a file and a
//! heading that exist.

mod links;
mod parameters;
mod security;
mod specification;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use onestop::policy::shipped_vocabulary::VOCABULARY;
use onestop::policy::{Book, shipped};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block: the words after the fence, and its text.
struct Block {
    kind: String,
    text: String,
}

/// The fenced blocks of a page, without the indentation of their fences.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut indent = None;
    for line in page.lines() {
        let text = line.trim_start();
        match (indent, text.strip_prefix("```")) {
            (None, Some(kind)) => {
                indent = Some(line.len() - text.len());
                blocks.push(Block { kind: kind.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => indent = None,
            (Some(indent), None) => {
                let block = &mut blocks.last_mut().expect("an open block").text;
                block.push_str(line.get(indent..).unwrap_or_default());
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Copies the files that the pages use, so that the blocks write nothing into the repository.
fn copy_files(directory: &Path) {
    for part in ["deploy", "tests/cases", "proto"] {
        let to = directory.join(part);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        let copied = Command::new("cp").arg("-r").arg(Path::new(ROOT).join(part)).arg(&to).status();
        assert!(copied.expect("cp").success());
    }
}

/// Runs the blocks of one page in a directory of its own, with a free port in place of the page's address.
struct Reader {
    directory: tempfile::TempDir,
    address: String,
    servers: Vec<Child>,
}

impl Reader {
    fn new() -> Reader {
        let directory = tempfile::tempdir().expect("a directory");
        copy_files(directory.path());
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        Reader { directory, address: address.to_string(), servers: Vec::new() }
    }

    fn bash(&self, text: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_onestop")).parent().expect("its directory").display().to_string();
        let path = format!("{program}:{}", std::env::var("PATH").expect("a path"));
        let mut command = Command::new("bash");
        command.args(["-c", &text.replace("127.0.0.1:50051", &self.address)]).current_dir(self.directory.path());
        command.env("PATH", path).env("ONESTOP_SERVER", format!("http://{}", self.address)).stdin(Stdio::null());
        command
    }

    fn serve(&mut self, text: &str) {
        let mut child = self.bash(&format!("exec {text}")).stdout(Stdio::piped()).spawn().expect("bash");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert!(line.contains(&self.address), "{line}");
        self.servers.push(child);
    }

    /// Runs a block and returns its output. After a drain, waits until the server has stopped.
    fn run(&mut self, text: &str) -> String {
        let output = self.bash(&format!("set -e\n{text}")).output().expect("bash");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
        if text.contains("onestop drain") {
            for mut server in self.servers.drain(..) {
                assert!(server.wait().expect("a server").success());
            }
        }
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // The test started it, and is over.
            let _killed = server.kill();
            let _reaped = server.wait();
        }
    }
}

/// Whether a line is as the page shows it; `…` stands for any text.
fn line_matches(line: &str, shown: &str) -> bool {
    let parts: Vec<_> = shown.split('…').collect();
    let mut rest = line;
    for (at, part) in parts.iter().enumerate() {
        let found =
            if at == 0 { rest.strip_prefix(*part) } else { rest.find(part).map(|start| &rest[start + part.len()..]) };
        match found {
            Some(after) => rest = after,
            None => return false,
        }
    }
    shown.ends_with('…') || rest.is_empty() || parts.len() > 1 && line.ends_with(parts[parts.len() - 1])
}

/// Follows a page: runs its blocks in order, and looks for the lines that it shows, in order, in the output.
fn follow(page: &str) {
    let text = std::fs::read_to_string(Path::new(ROOT).join(page)).expect("the page");
    let (mut reader, mut output, mut ran) = (Reader::new(), String::new(), 0);
    for Block { kind, text } in blocks(&text) {
        match kind.as_str() {
            "sh server" => reader.serve(text.trim()),
            "sh" => {
                output = reader.run(&text);
                ran += 1;
            }
            "text" => {
                let mut lines = output.lines();
                for shown in text.lines() {
                    assert!(lines.any(|line| line_matches(line, shown)), "{page}: {shown}\nis not in\n{output}");
                }
            }
            // Shown, and not run: it needs machines or minutes that a test does not have.
            "sh example" | "proto example" => {}
            other => panic!("{page}: a block of {other}"),
        }
    }
    assert!(ran >= 3, "{ran} blocks");
}

#[test]
fn blocks_of_the_billing_developers_page_print_what_it_shows() {
    follow("proto/README.md");
}

#[test]
fn blocks_of_the_claims_officers_page_print_what_it_shows() {
    follow("deploy/officer.md");
}

#[test]
fn blocks_of_the_page_about_reports_print_what_it_shows() {
    follow("deploy/reports.md");
}

#[test]
fn blocks_of_the_page_of_reconciliation_print_what_it_shows() {
    follow("deploy/reconcile.md");
}

#[test]
fn blocks_of_the_operators_page_print_what_it_shows() {
    follow("deploy/README.md");
}

#[test]
fn blocks_of_the_contributors_page_print_what_it_shows() {
    follow("CONTRIBUTING.md");
}

#[test]
fn blocks_of_the_page_that_adds_a_city_print_what_it_shows() {
    follow("deploy/policies/add-a-city.md");
}

/// What a city fills in for each placeholder of the template.
const FILLED: [(&str, &str); 12] = [
    ("<市名拼音-年度>", "city-2025"),
    ("<某市>", "某市"),
    ("<区划代码>", "9999"),
    ("<文件全称、文号、条款>", "《办法》（某政发〔2025〕1号）"),
    ("<首次>", "200"),
    ("<第二次>", "100"),
    ("<第三次起>", "0"),
    ("<支付比例>", "80%"),
    ("<年度限额>", "200000"),
    ("<如 -10%>", "-10%"),
    ("<文件中的名称>", "兜底"),
    ("<起付金额>", "2000"),
];

#[test]
fn the_template_of_a_city_is_refused_on_every_line_that_is_not_filled_in_and_on_no_other() {
    let template =
        std::fs::read_to_string(Path::new(ROOT).join("deploy/policies/city.template")).expect("the template");
    let read = |text: &str| {
        let files = shipped::FILES.iter().copied().chain([VOCABULARY, ("city-2025.toml", text)]);
        Book::from_texts(files)
    };
    let open: Vec<usize> = template
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && line.contains("\"<"))
        .map(|(at, _)| at + 1)
        .collect();
    assert!(open.len() > 15, "{open:?}");
    let faults = read(&template).expect_err("nothing is filled in");
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), open, "{faults}");
    assert!(faults.iter().all(|fault| fault.file == "city-2025.toml" && fault.message.contains("placeholder")));
    let filled = FILLED.iter().fold(template, |text, (placeholder, value)| text.replace(placeholder, value));
    let book = read(&filled).expect("sound files");
    assert!(book.get("city-2025").is_some() && book.warnings().is_empty(), "{:?}", book.warnings());
    assert!(book.remarks().is_empty(), "{:?}", book.remarks());
}

#[test]
fn the_vocabulary_and_the_further_keys_of_the_page_of_policy_files_have_no_fault() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("deploy/policies/README.md")).expect("the page");
    let blocks = blocks(&page);
    let of_kind = |kind: &str| {
        let found: Vec<_> = blocks.iter().filter(|block| block.kind == kind).collect();
        let [block] = found[..] else { panic!("{} blocks of {kind}", found.len()) };
        &*block.text
    };
    let files = [("vocabulary.toml", of_kind("toml vocabulary")), ("further-keys-2020.toml", of_kind("toml policy"))];
    let book = Book::from_texts(files).expect("sound files");
    assert!(book.get("further-keys-2020").is_some() && book.warnings().is_empty(), "{:?}", book.warnings());
}

#[test]
fn the_example_of_the_page_of_policy_files_has_no_fault_beside_the_included_files() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("deploy/policies/README.md")).expect("the page");
    let examples: Vec<_> = blocks(&page).into_iter().filter(|block| block.kind == "toml").collect();
    let [Block { text, .. }] = &examples[..] else { panic!("{} examples", examples.len()) };
    let files = shipped::FILES.iter().copied().chain([VOCABULARY, ("example-2017.toml", &**text)]);
    let book = Book::from_texts(files).expect("sound files");
    assert!(book.get("example-2017").is_some() && book.warnings().is_empty(), "{:?}", book.warnings());
}

#[test]
fn ellipsis_in_a_shown_line_stands_for_any_text() {
    assert!(line_matches("a b c", "a … c") && line_matches("a b c", "a …") && line_matches("abc", "abc"));
    assert!(!line_matches("a b d", "a … c") && !line_matches("abcd", "abc") && !line_matches("xabc", "abc"));
}
