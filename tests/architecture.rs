//! The rules of the code, read from the code: who imports whom, and what stands nowhere.

mod imports;
mod licences;
mod source;

use onestop::domain::vocabulary::Pool;
use onestop::policy::shipped;

use imports::paths;
use source::{Source, sources, words};

/// Who may import whom. What is not listed is a new room: say here who may import it.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &["domain"]),
    ("reference", &["domain"]),
    ("store", &["domain", "reference"]),
    ("engine", &["domain", "policy", "reference", "store"]),
    ("access", &["domain"]),
    ("telemetry", &[]),
    ("grpc", &["domain", "access", "engine", "telemetry"]),
    ("config", &["domain", "access", "engine", "server", "store"]),
    ("server", &["domain", "policy", "store", "engine", "access", "grpc", "config", "telemetry", "cli"]),
    ("cli", &["domain", "policy", "reference", "store", "engine", "access", "grpc", "config", "server", "telemetry"]),
    ("main", &["cli", "config", "telemetry"]),
    ("lib", &[]),
];

/// The places past the table, each for its reason.
const MORE: &[(&str, &str)] = &[
    // The engine is generic over its store, so whoever holds one names the trait.
    ("grpc/", "store::Store"),
    // GetPolicy answers with the rules as resolved.
    ("grpc/policy.rs", "policy::rule::PolicyRule"),
    ("grpc/policy.rs", "policy::Book"),
    // A change of the law reads a book, from wherever the command line says.
    ("grpc/activation.rs", "policy::Book"),
    // Tables have a name on the wire, and imports are told as the store logs them.
    ("grpc/reference.rs", "reference::table::ReferenceTable"),
    ("grpc/imports.rs", "reference::table::ReferenceTable"),
    // A request selects one key of a table, or the keys after one.
    ("grpc/reference.rs", "reference::cells::KeySelection"),
    ("grpc/imports.rs", "store::imports::Import"),
];

/// The rooms where the same arguments give the same result.
const BELOW_THE_EDGE: &[&str] = &["domain", "policy", "reference", "engine"];

/// The sources of these rooms.
fn of(rooms: &[&str]) -> Vec<Source> {
    sources().into_iter().filter(|source| rooms.contains(&source.room())).collect()
}

/// The room that a path leads to; a macro of the crate's root belongs to the command line.
fn leads_to(path: &str) -> &str {
    let first = path.split("::").next().unwrap_or_default();
    if first == "say" { "cli" } else { first }
}

fn is_allowed(source: &Source, path: &str) -> bool {
    let (from, to) = (source.room(), leads_to(path));
    let table = ALLOWED.iter().find(|(room, _)| *room == from);
    let more = |(file, allowed): &(&str, &str)| source.path.starts_with(file) && path == *allowed;
    from == to || table.is_some_and(|(_, rooms)| rooms.contains(&to)) || MORE.iter().any(more)
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_room_imports_only_what_it_may() {
    let mut found = Vec::new();
    for source in sources() {
        if !ALLOWED.iter().any(|(room, _)| *room == source.room()) {
            found.push(format!("src/{} is a new room: say who may import it", source.path));
        }
        let wrong = paths(&source).into_iter().filter(|(_, path)| !is_allowed(&source, path));
        found.extend(wrong.map(|(line, path)| format!("src/{}:{line} imports {path}", source.path)));
    }
    none(&found);
}

#[test]
fn only_the_server_and_the_commands_name_a_concrete_store() {
    let is_concrete =
        |path: &str| ["embedded", "memory", "redis"].iter().any(|name| path.starts_with(&format!("store::{name}")));
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|source| !["store", "server", "cli"].contains(&source.room())) {
        let concrete = paths(&source).into_iter().filter(|(_, path)| is_concrete(path));
        found.extend(concrete.map(|(line, path)| format!("src/{}:{line} names {path}", source.path)));
    }
    none(&found);
}

#[test]
fn an_exception_that_nobody_uses_is_gone() {
    let sources = sources();
    let used = |(file, allowed): &(&str, &str)| {
        let inside = sources.iter().filter(|source| source.path.starts_with(file));
        inside.flat_map(paths).any(|(_, path)| path == *allowed)
    };
    none(
        &MORE
            .iter()
            .filter(|more| !used(more))
            .map(|(file, path)| format!("{file} no longer imports {path}"))
            .collect::<Vec<_>>(),
    );
}

/// Where these words stand in the code of these rooms.
fn standing(rooms: &[&str], names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in of(rooms) {
        for name in names {
            let at = words(&source.code, name).map(|at| format!("src/{}:{} says {name}", source.path, source.line(at)));
            found.extend(at);
        }
    }
    found
}

#[test]
fn money_meets_no_float() {
    none(&standing(&["domain", "policy", "reference", "engine", "store"], &["f32", "f64"]));
}

#[test]
fn only_exact_decimals_name_the_decimal_library() {
    let rooms: Vec<&str> = ALLOWED.iter().map(|(room, _)| *room).collect();
    let found = standing(&rooms, &["rust_decimal"]);
    none(&found.into_iter().filter(|place| !place.starts_with("src/domain/decimal.rs")).collect::<Vec<_>>());
}

#[test]
fn nothing_below_the_edge_reads_a_clock_or_draws_at_random() {
    let names = [
        "SystemTime",
        "Instant::now",
        "Uuid::now_v7",
        "Uuid::now_v1",
        "Uuid::new_v4",
        "getrandom",
        "Zoned::now",
        "Timestamp::now",
    ];
    none(&standing(BELOW_THE_EDGE, &names));
}

#[test]
fn nothing_below_the_edge_reads_files_or_the_environment_but_the_policy_directory() {
    let found = standing(BELOW_THE_EDGE, &["std::env", "std::fs", "std::net", "std::process"]);
    none(&found.into_iter().filter(|place| !place.starts_with("src/policy/book.rs")).collect::<Vec<_>>());
}

#[test]
fn nothing_panics_on_purpose() {
    let mut found = Vec::new();
    for source in sources() {
        for call in [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err("] {
            let calls = source.code.match_indices(call);
            found.extend(calls.map(|(at, _)| format!("src/{}:{} says {call}", source.path, source.line(at))));
        }
        for name in ["panic", "todo", "unimplemented", "unreachable"] {
            let macros = words(&source.code, name).filter(|at| source.code[at + name.len()..].starts_with('!'));
            found.extend(macros.map(|at| format!("src/{}:{} says {name}!", source.path, source.line(at))));
        }
    }
    none(&found);
}

#[test]
fn no_code_names_a_layer() {
    let book = shipped::book().expect("the shipped book");
    let ids: Vec<_> =
        book.policies().iter().flat_map(|policy| &policy.layers).map(|layer| layer.head.id.clone()).collect();
    let mut found = Vec::new();
    for source in of(&["domain", "policy", "engine"]) {
        let names = |text: &str| ids.iter().any(|id| text.contains(&**id));
        // A pool and a layer share a word; where the pools are listed, it is the pool.
        let pool = |text: &str| source.path == "domain/vocabulary.rs" && Pool::from_word(text).is_some();
        let named = source.texts.iter().filter(|(_, text)| names(text) && !pool(text));
        found.extend(named.map(|(line, text)| format!("src/{}:{line} names `{text}`", source.path)));
    }
    none(&found);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    none(&silent.map(|source| format!("src/{} opens without `//!`", source.path)).collect::<Vec<_>>());
}

/// How long files and functions are: median, the longest, and its name.
pub struct Sizes {
    pub file: (usize, usize, String),
    pub function: (usize, usize, String),
}

/// The sizes of the program's files and of its functions, tests aside.
pub fn size_report() -> Sizes {
    let sources = sources();
    let files = sources.iter().map(|source| (source.text.lines().count(), source.path.clone())).collect();
    let named = |source: &Source, (name, lines)| (lines, format!("{} {name}", source.path));
    let functions = sources.iter().flat_map(|source| source.functions().into_iter().map(|one| named(source, one)));
    Sizes { file: median_and_most(files), function: median_and_most(functions.collect()) }
}

fn median_and_most(mut sizes: Vec<(usize, String)>) -> (usize, usize, String) {
    sizes.sort();
    let (most, name) = sizes.last().cloned().unwrap_or_default();
    (sizes[sizes.len() / 2].0, most, name)
}

#[test]
fn files_and_functions_are_small() {
    let Sizes { file, function } = size_report();
    println!("files: median {} lines, most {} ({})", file.0, file.1, file.2);
    println!("functions: median {} lines, most {} ({})", function.0, function.1, function.2);
    assert!(file.0 <= 200, "the median file has {} lines", file.0);
    assert!(function.0 <= 12, "the median function has {} lines", function.0);
}

/// A file of this text.
fn sample(path: &str, text: &str) -> Source {
    Source::new(path.to_owned(), text.to_owned())
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let text = "// f64 \"a\"\nlet c = '\"'; let l: &'a str = \"f64 \\\" // no\"; /* f64 */ let r = r#\"f64\"#;\n\
                #[cfg(test)]\nmod tests { fn f() { f64 } }\nlet last = b\"x\";\n";
    let source = sample("domain/x.rs", text);
    assert_eq!(words(&source.code, "f64").count(), 0, "{}", source.code);
    let texts: Vec<_> = source.texts.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(texts, [(2, "\""), (2, "f64 \\\" // no"), (2, "f64"), (5, "x")]);
}

#[test]
fn every_form_of_an_import_is_seen() {
    let text = "use crate::{a::b, c::{d, e as f}};\nuse super::g;\nuse super::super::h::i;\nlet x: crate::j::K = 1;\n";
    let found: Vec<_> =
        paths(&sample("domain/x.rs", text)).into_iter().map(|(line, path)| format!("{line} {path}")).collect();
    assert_eq!(found[..4], ["1 a::b", "1 c::d", "1 c::e", "4 j::K"].map(str::to_owned)[..], "{found:?}");
    assert_eq!(found[4..], ["3 h::i".to_owned()], "{found:?}");
    assert_eq!(paths(&sample("domain/mod.rs", "use super::policy::x;")), [(1, "policy::x".to_owned())]);
}

#[test]
fn a_function_is_as_long_as_its_lines() {
    let text = "trait T { fn none(&self) -> [u8; 2]; }\nfn one() -> fn(u8) -> u8 { x }\nfn three(\n    a: u8,\n) {}\n";
    let source = sample("domain/x.rs", text);
    assert_eq!(source.functions(), [("one".to_owned(), 1), ("three".to_owned(), 3)]);
}
