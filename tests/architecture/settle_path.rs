//! The path of a settle on the page of the crate: each function is in the file that the page names, in the `impl` of the type
//! that it names, and each is called by a file that the path has passed.

use super::assert_none;
use super::source::{Source, sources};

/// A function of the path.
struct Step {
    file: String,
    /// The type before `::`, or that of the step before in the same row.
    of_type: Option<String>,
    function: String,
    /// Whether it is the first of a row that begins another thread.
    begins_thread: bool,
}

/// The rows `| `file` | `function`, `Type::function` |` of a page.
fn steps(page: &str) -> Vec<Step> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | "));
    let mut steps = Vec::new();
    for row in rows {
        let (file, functions) = row.split_once(" | ").unwrap_or_default();
        let begins_thread = file.starts_with('»');
        let file = file.trim_start_matches("» ").trim_matches('`');
        if !file.ends_with(".rs") {
            continue;
        }
        let names = functions.split('`').filter(|name| name.starts_with(|one: char| one.is_alphabetic()));
        let mut of_type = None;
        for (at, name) in names.enumerate() {
            let function = name.rsplit("::").next().unwrap_or(name).to_owned();
            of_type = name.split_once("::").map(|(of_type, _)| of_type.to_owned()).or(of_type);
            let begins_thread = begins_thread && at == 0;
            steps.push(Step { file: file.to_owned(), of_type: of_type.clone(), function, begins_thread });
        }
    }
    steps
}

/// Whether `name` stands in the code as a word after `before` and before `(` or `<`.
fn has_word(code: &str, name: &str, before: impl Fn(&str) -> bool) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (head, tail) = (&code[..at], &code[at + name.len()..]);
        let begins = !head.ends_with(|one: char| one.is_alphanumeric() || one == '_');
        begins && tail.trim_start_matches("::").starts_with(['(', '<']) && before(head)
    })
}

fn defines(code: &str, function: &str) -> bool {
    has_word(code, function, |head| head.ends_with("fn "))
}

/// Whether a function is called, or passed on by its name.
fn calls(code: &str, function: &str) -> bool {
    has_word(code, function, |head| !head.ends_with("fn "))
}

/// The `impl` blocks of a type, and the functions outside of blocks.
fn code_of_type(code: &str, of_type: Option<&str>) -> String {
    let blocks = code.split("\nimpl").enumerate().filter(|(at, block)| {
        let head = block.split('{').next().unwrap_or_default();
        let is_of = |name: &str| head.split(|one: char| !one.is_alphanumeric()).any(|word| word == name);
        *at == 0 || of_type.is_some_and(is_of)
    });
    let inside: String = blocks.map(|(_, block)| block).collect();
    let free = code.match_indices("\nfn ").chain(code.match_indices("\npub")).map(|(at, _)| {
        let line = code[at + 1..].lines().next().unwrap_or_default();
        format!("\n{line}")
    });
    inside + &free.collect::<String>()
}

fn faults(page: &str, sources: &[Source]) -> Vec<String> {
    let (mut found, mut passed) = (Vec::new(), String::new());
    for (at, Step { file, of_type, function, begins_thread }) in steps(page).iter().enumerate() {
        let Some(source) = sources.iter().find(|source| source.path == *file) else {
            found.push(format!("src/{file} of the path does not exist"));
            continue;
        };
        passed.push_str(&source.code);
        if !defines(&code_of_type(&source.code, of_type.as_deref()), function) {
            let of_type = of_type.as_deref().unwrap_or("no type");
            found.push(format!("src/{file} has no function {function} of {of_type}"));
        } else if at > 0 && !begins_thread && !calls(&passed, function) {
            found.push(format!("{function} of src/{file} is called by no file of the path before it"));
        }
    }
    found
}

#[test]
fn the_path_of_a_settle_on_the_page_of_the_crate_is_that_of_the_code() {
    let sources = sources();
    let page = &sources.iter().find(|source| source.path == "lib.rs").expect("src/lib.rs").text;
    let steps = steps(page);
    let files: std::collections::BTreeSet<_> = steps.iter().map(|step| &step.file).collect();
    println!("functions of the path: {}, in files: {}", steps.len(), files.len());
    assert!(steps.len() > 40, "the page has a path");
    assert_none(&faults(page, &sources));
}

#[test]
fn a_function_that_the_path_does_not_pass_is_found() {
    let source = |path: &str, code: &str| Source::new(path.to_owned(), code.to_owned());
    let files = [
        source("a.rs", "\nimpl A {\n    fn one(&self) {\n        two(1)\n    }\n}\n\nfn alone() {}\n"),
        source("b.rs", "\npub fn two(n: u8) {}\n\nimpl B {\n    fn three(&self) {}\n}\n"),
    ];
    let page = |rows: &str| rows.lines().map(|row| format!("//! | {row} |\n")).collect::<String>();
    let faults = |rows: &str| faults(&page(rows), &files);
    assert_none(&faults("`a.rs` | `A::one`\n`b.rs` | `two`\n» `b.rs` | `B::three`"));
    assert_eq!(faults("`a.rs` | `A::two`"), ["src/a.rs has no function two of A"]);
    assert_eq!(faults("`a.rs` | `A::one`\n`b.rs` | `A::three`"), ["src/b.rs has no function three of A"]);
    assert_eq!(faults("`a.rs` | `A::one`, `alone`"), ["alone of src/a.rs is called by no file of the path before it"]);
    assert_eq!(faults("`c.rs` | `one`"), ["src/c.rs of the path does not exist"]);
}
