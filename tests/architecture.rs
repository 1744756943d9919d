//! The rules of the code, read from the code: which module imports which, and what the code may not contain.

mod cycles;
mod imports;
mod licenses;
mod settle_path;
mod source;
mod spelling;

use std::collections::BTreeSet;

use onestop::policy::shipped;

use cycles::cycles;
use imports::paths;
use source::{Source, sources, words};

/// The modules that each module may import; the page of `src/lib.rs` lists the same.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &["domain"]),
    ("reference", &["domain"]),
    ("journal", &["domain", "pb"]),
    ("store", &["domain", "reference", "journal", "pb"]),
    ("engine", &["domain", "policy", "reference", "journal", "store"]),
    ("reports", &["domain", "journal", "store"]),
    ("access", &["domain"]),
    ("telemetry", &[]),
    ("config", &["domain", "access", "engine", "telemetry"]),
    ("pb", &["domain"]),
    ("grpc", &["domain", "journal", "engine", "reports", "access", "telemetry", "pb"]),
    ("server", &["domain", "policy", "store", "engine", "access", "telemetry", "config", "pb", "grpc"]),
    (
        "cli",
        &[
            "domain",
            "policy",
            "reference",
            "store",
            "engine",
            "reports",
            "access",
            "telemetry",
            "config",
            "pb",
            "grpc",
            "server",
        ],
    ),
];

/// The programs: they import only the command line.
const PROGRAMS: &[(&str, &[&str])] = &[("main", &["cli"]), ("lib", &[])];

/// Single imports beyond the table: the importing file or folder, and the path.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The engine is generic over its store, so code that holds an engine names the trait.
    ("grpc/", "store::Store"),
    // A backup sends the log of a store as its reader gives it.
    ("grpc/backup.rs", "store::backup::BackupCursor"),
    ("grpc/backup.rs", "store::backup::BackupPart"),
    ("grpc/backup.rs", "store::backup::BackupPosition"),
    ("grpc/backup.rs", "store::backup::BackupReader"),
    ("grpc/backup.rs", "store::backup::BackupRefusal"),
    ("grpc/backup.rs", "store::backup::LogEnd"),
    ("grpc/error.rs", "store::backup::BackupRefusal"),
    // A page token seals a position of a list.
    ("grpc/page_position.rs", "store::rows::ListPosition"),
    // A cursor of the feed holds a position in the order of commits.
    ("grpc/feed.rs", "store::rows::CommitPosition"),
    ("grpc/feed_cursor.rs", "store::rows::CommitPosition"),
    // Policies are listed from the book in use.
    // An activation reads a policy book, from a source that the server chooses.
    ("grpc/activation.rs", "policy::Book"),
    // An impact is that of the book of a request.
    ("grpc/impact.rs", "policy::Book"),
    // Tables have a name in messages, and imports are sent as the store logs them.
    ("grpc/reference.rs", "reference::table::ReferenceTable"),
    ("grpc/import_stream.rs", "reference::table::ReferenceTable"),
    ("grpc/import_stream.rs", "reference::columns::ColumnOrder"),
    ("grpc/reference.rs", "reference::cells::KeySelection"),
    ("grpc/imports.rs", "reference::table::ReferenceTable"),
    ("grpc/imports.rs", "reference::columns::ColumnFault"),
    ("grpc/imports.rs", "reference::columns::ColumnOrder"),
    ("grpc/imports.rs", "store::imports::Import"),
];

/// The modules in which the same arguments give the same result.
const PURE: &[&str] = &["domain", "policy", "reference", "engine"];

/// The sources of these modules.
fn sources_of(modules: &[&str]) -> Vec<Source> {
    sources().into_iter().filter(|source| modules.contains(&source.module())).collect()
}

/// The module of a path; a macro at the root of the crate belongs to the command line.
fn imported_module(path: &str) -> &str {
    let first = path.split("::").next().unwrap_or_default();
    if ["say", "say_error"].contains(&first) { "cli" } else { first }
}

fn is_exception(source: &Source, path: &str) -> bool {
    EXCEPTIONS.iter().any(|(file, allowed)| source.path.starts_with(file) && path == *allowed)
}

fn is_in_table(source: &Source, path: &str) -> bool {
    let mut table = ALLOWED.iter().chain(PROGRAMS);
    table.any(|(module, allowed)| *module == source.module() && allowed.contains(&imported_module(path)))
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_module_imports_only_what_the_table_allows() {
    let mut found = Vec::new();
    for source in sources() {
        if !ALLOWED.iter().chain(PROGRAMS).any(|(module, _)| *module == source.module()) {
            found.push(format!("src/{} is a new module: add it to the table", source.path));
        }
        let outside = paths(&source).into_iter().filter(|(_, path)| imported_module(path) != source.module());
        let wrong = outside.filter(|(_, path)| !is_in_table(&source, path) && !is_exception(&source, path));
        found.extend(wrong.map(|(line, path)| format!("src/{}:{line} imports {path}", source.path)));
    }
    assert_none(&found);
}

#[test]
fn no_allowed_import_is_unused() {
    let used = |module: &str, import: &str| {
        sources_of(&[module]).iter().flat_map(paths).any(|(_, path)| imported_module(&path) == import)
    };
    let edges = ALLOWED.iter().chain(PROGRAMS).flat_map(|(module, all)| all.iter().map(move |one| (module, one)));
    let unused = edges.filter(|(module, import)| !used(module, import));
    assert_none(&unused.map(|(module, import)| format!("{module} no longer imports {import}")).collect::<Vec<_>>());
}

#[test]
fn no_exception_is_unused() {
    let sources = sources();
    let used = |(file, allowed): &(&str, &str)| {
        let inside = sources.iter().filter(|source| source.path.starts_with(file));
        inside.flat_map(paths).any(|(_, path)| path == *allowed)
    };
    let unused = EXCEPTIONS.iter().filter(|exception| !used(exception));
    assert_none(&unused.map(|(file, path)| format!("{file} no longer imports {path}")).collect::<Vec<_>>());
}

#[test]
fn the_page_of_the_crate_lists_the_modules_and_their_imports() {
    let page = sources().into_iter().find(|source| source.path == "lib.rs").expect("src/lib.rs").text;
    for (module, allowed) in ALLOWED {
        let row = page.lines().find(|line| line.starts_with(&format!("//! | [`{module}`]"))).expect(module);
        let imports = row.trim_end_matches(" |").rsplit(" | ").next().expect("a last column");
        let listed: BTreeSet<_> = imports.split(", ").filter(|import| *import != "–").collect();
        assert_eq!(listed, allowed.iter().copied().collect(), "{module}");
    }
    let rows = page.lines().filter(|line| line.starts_with("//! | [`")).count();
    assert_eq!(rows, ALLOWED.len(), "a row per module");
}

#[test]
fn a_variant_for_tests_hides_no_code_behind_it() {
    let text = "enum E {\n    #[cfg(test)]\n    Panic(u8),\n}\nfn seen() {}\n#[cfg(test)]\nuse a::b;\nfn too() {}\n";
    let source = Source::new("a.rs".to_owned(), text.to_owned());
    assert_eq!(source.functions().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["seen", "too"]);
    assert!(!source.code.contains("Panic") && !source.code.contains("a::b"));
}

#[test]
fn files_and_folders_of_a_directory_have_no_dependency_cycle() {
    let found = cycles(&sources());
    println!("cycles: {}", found.len());
    assert_none(&found);
}

#[test]
fn a_cycle_is_found() {
    let files = [
        ("a/one.rs", "use super::two::X;"),
        ("a/two.rs", "use crate::a::three::{self, Y};"),
        ("a/three.rs", "fn f() { super::one::g(); }"),
        ("a/four.rs", "use super::one;"),
        ("a/mod.rs", "use one::X;"),
        ("b/mod.rs", ""),
        ("b/inner/x.rs", "use super::super::outer::Z;"),
        ("b/outer.rs", "use super::inner::x::Z;"),
        ("b/inner/mod.rs", ""),
    ];
    let sources: Vec<_> = files.iter().map(|(path, text)| sample(path, text)).collect();
    assert_eq!(cycles(&sources), ["src/a: one -> two -> three -> one", "src/b: inner -> outer -> inner"]);
}

#[test]
fn only_the_server_and_the_commands_name_a_concrete_store() {
    let is_concrete =
        |path: &str| ["embedded", "memory", "redis"].iter().any(|name| path.starts_with(&format!("store::{name}")));
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|source| !["store", "server", "cli"].contains(&source.module())) {
        let concrete = paths(&source).into_iter().filter(|(_, path)| is_concrete(path));
        found.extend(concrete.map(|(line, path)| format!("src/{}:{line} names {path}", source.path)));
    }
    assert_none(&found);
}

#[test]
fn only_the_server_selects_a_kind_of_store() {
    let selects = ["StoreLocation::Directory", "TemporaryServer::Directory"];
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|source| source.module() != "server") {
        let selections = selects.iter().flat_map(|name| source.code.match_indices(name));
        found.extend(selections.map(|(at, name)| format!("src/{}:{} names {name}", source.path, source.line(at))));
    }
    assert_none(&found);
}

/// The occurrences of these words in the code of these modules.
fn occurrences(modules: &[&str], names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources_of(modules) {
        for name in names {
            let at = words(&source.code, name).map(|at| format!("src/{}:{} says {name}", source.path, source.line(at)));
            found.extend(at);
        }
    }
    found
}

/// The types of the canonical texts of policies and vocabularies, which are JSON.
const JSON_TEXTS: &[&str] = &[
    "src/domain/canonical_text.rs",
    "src/domain/rule.rs",
    "src/domain/vocabulary.rs",
    "src/domain/word_meanings.rs",
    "src/domain/short_text.rs",
    "src/domain/words.rs",
    "src/domain/fixed_words.rs",
    "src/domain/terms.rs",
    "src/domain/day.rs",
    "src/domain/decimal.rs",
];

#[test]
fn what_is_stored_is_converted_explicitly_and_never_derived_from_a_type() {
    let modules = ["domain", "reference", "journal", "store", "engine", "grpc", "pb"];
    let found = occurrences(&modules, &["serde", "Serialize", "Deserialize", "postcard", "bincode"]);
    let is_json = |place: &String| JSON_TEXTS.iter().any(|file| place.starts_with(file));
    assert_none(&found.into_iter().filter(|place| !is_json(place)).collect::<Vec<_>>());
}

#[test]
fn money_is_never_a_float() {
    assert_none(&occurrences(&["domain", "policy", "reference", "engine", "store"], &["f32", "f64"]));
}

#[test]
fn only_exact_decimals_name_the_decimal_library() {
    let modules: Vec<&str> = ALLOWED.iter().map(|(module, _)| *module).collect();
    let found = occurrences(&modules, &["rust_decimal"]);
    assert_none(&found.into_iter().filter(|place| !place.starts_with("src/domain/decimal.rs")).collect::<Vec<_>>());
}

#[test]
fn pure_modules_read_no_clock_and_no_randomness() {
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
    assert_none(&occurrences(PURE, &names));
}

#[test]
fn pure_modules_read_no_files_and_no_environment_except_the_policy_directory() {
    let found = occurrences(PURE, &["std::env", "std::fs", "std::net", "std::process"]);
    assert_none(&found.into_iter().filter(|place| !place.starts_with("src/policy/book.rs")).collect::<Vec<_>>());
}

#[test]
fn only_one_file_prints_so_that_every_line_is_escaped() {
    let macros = ["print", "println", "eprint", "eprintln", "dbg"];
    let modules: Vec<&str> = ALLOWED.iter().chain(PROGRAMS).map(|(module, _)| *module).collect();
    let mut found = occurrences(&modules, &["stdout", "stderr"]);
    for source in sources() {
        for name in macros {
            let calls = words(&source.code, name).filter(|at| source.code[at + name.len()..].starts_with('!'));
            found.extend(calls.map(|at| format!("src/{}:{} says {name}!", source.path, source.line(at))));
        }
    }
    // The log goes to standard error, and shells read completion scripts as they are.
    let allowed =
        ["src/cli/output/line.rs", "src/cli/output/progress.rs", "src/cli/commands.rs", "src/telemetry/otlp.rs"];
    assert_none(
        &found.into_iter().filter(|place| !allowed.iter().any(|file| place.starts_with(file))).collect::<Vec<_>>(),
    );
}

#[test]
fn no_code_panics_on_purpose() {
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
    assert_none(&found);
}

#[test]
fn no_code_names_a_layer() {
    let book = shipped::book().expect("the shipped book");
    let ids: Vec<_> =
        book.policies().iter().flat_map(|policy| &policy.layers).map(|layer| layer.head.id.clone()).collect();
    let mut found = Vec::new();
    for source in sources_of(&["domain", "policy", "engine"]) {
        let names = |text: &str| ids.iter().any(|id| text.contains(&**id));
        let named = source.texts.iter().filter(|(_, text)| names(text));
        found.extend(named.map(|(line, text)| format!("src/{}:{line} names `{text}`", source.path)));
    }
    assert_none(&found);
}

#[test]
fn every_file_begins_with_a_description() {
    let undescribed = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    assert_none(&undescribed.map(|source| format!("src/{} begins without `//!`", source.path)).collect::<Vec<_>>());
}

/// The lengths of files and functions in lines: median, maximum, and the name of the longest.
pub struct Sizes {
    pub file: (usize, usize, String),
    pub function: (usize, usize, String),
}

/// The lengths of the program's files and functions, without tests.
pub fn size_report() -> Sizes {
    let sources = sources();
    let files = sources.iter().map(|source| (source.text.lines().count(), source.path.clone())).collect();
    let named = |source: &Source, (name, lines)| (lines, format!("{} {name}", source.path));
    let functions = sources.iter().flat_map(|source| source.functions().into_iter().map(|one| named(source, one)));
    Sizes { file: median_and_maximum(files), function: median_and_maximum(functions.collect()) }
}

fn median_and_maximum(mut sizes: Vec<(usize, String)>) -> (usize, usize, String) {
    sizes.sort();
    let (maximum, name) = sizes.last().cloned().unwrap_or_default();
    (sizes[sizes.len() / 2].0, maximum, name)
}

#[test]
fn files_and_functions_are_small() {
    let Sizes { file, function } = size_report();
    println!("files: median {} lines, maximum {} ({})", file.0, file.1, file.2);
    println!("functions: median {} lines, maximum {} ({})", function.0, function.1, function.2);
    assert!(file.0 <= 200, "the median file has {} lines", file.0);
    assert!(function.0 <= 12, "the median function has {} lines", function.0);
}

/// A file of this text.
fn sample(path: &str, text: &str) -> Source {
    Source::new(path.to_owned(), text.to_owned())
}

#[test]
fn comments_strings_and_tests_are_not_code() {
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
fn the_length_of_a_function_is_its_number_of_lines() {
    let text =
        "trait T { fn assert_none(&self) -> [u8; 2]; }\nfn one() -> fn(u8) -> u8 { x }\nfn three(\n    a: u8,\n) {}\n";
    let source = sample("domain/x.rs", text);
    assert_eq!(source.functions(), [("one".to_owned(), 1), ("three".to_owned(), 3)]);
}
