//! The paths by which one part of the program names another.

use super::source::{Source, words};

/// Every path of this file that begins at the crate's root, with its line: `policy::rule::PolicyRule`.
pub fn paths(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (word, supers) in [("crate", false), ("super", true), ("onestop", false)] {
        for at in words(&source.code, word) {
            let rest = &source.code[at + word.len()..];
            let Some(rest) = rest.strip_prefix("::") else { continue };
            let first = !source.code[..at].ends_with("::");
            let path = if supers { above(source, rest) } else { Some(rest) };
            if let Some(path) = path.filter(|_| first) {
                found.extend(tree(path).0.into_iter().map(|path| (source.line(at), path)));
            }
        }
    }
    found
}

/// What follows so many `super::` that they lead to the crate's root.
fn above<'a>(source: &Source, mut rest: &'a str) -> Option<&'a str> {
    let mut supers = 1;
    while let Some(further) = rest.strip_prefix("super::") {
        (rest, supers) = (further, supers + 1);
    }
    (supers >= depth(&source.path)).then_some(rest)
}

/// How many modules deep a file lies.
fn depth(path: &str) -> usize {
    let parts = path.split('/').count();
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// The paths of a `use` tree, and what follows it.
fn tree(text: &str) -> (Vec<String>, &str) {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('{') {
        return list(inside);
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        None => (vec![name.to_owned()], rest),
        Some(further) => {
            let (paths, rest) = tree(further);
            (paths.into_iter().map(|path| format!("{name}::{path}")).collect(), rest)
        }
    }
}

fn list(mut text: &str) -> (Vec<String>, &str) {
    let mut paths = Vec::new();
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if text.is_empty() {
            return (paths, text);
        }
        if let Some(rest) = text.strip_prefix('}') {
            return (paths, rest);
        }
        let (more, rest) = tree(text);
        paths.extend(more);
        // What follows a path is a comma or another name for it.
        text = rest.find([',', '}']).map_or("", |end| &rest[end..]);
    }
}
