//! The paths by which one part of the program names another.

use super::source::{Source, words};

/// Every path of this file into another module of `src`, with its line: `policy::rule::PolicyRule`.
pub fn paths(source: &Source) -> Vec<(usize, String)> {
    let own = module_of(&source.path);
    let outside = all_paths(source).into_iter().filter(|(_, path, relative)| !relative || path.first() != own.first());
    outside.map(|(line, path, _)| (line, path.join("::"))).collect()
}

/// Every path of this file, as modules from the root of the crate, including paths to its own module.
pub fn module_paths(source: &Source) -> Vec<Vec<String>> {
    all_paths(source).into_iter().map(|(_, path, _)| path).collect()
}

/// The module of a file: `store/redis/mod.rs` is `["store", "redis"]`.
pub fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Every path with its line, and whether it begins with `super`.
fn all_paths(source: &Source) -> Vec<(usize, Vec<String>, bool)> {
    let mut found = Vec::new();
    for (word, relative) in [("crate", false), ("super", true), ("onestop", false)] {
        for at in words(&source.code, word) {
            let is_first = !source.code[..at].ends_with("::");
            let Some(rest) = source.code[at + word.len()..].strip_prefix("::").filter(|_| is_first) else { continue };
            let (base, rest) = if relative { base_of_super(&source.path, rest) } else { (Vec::new(), rest) };
            let segments = |path: String| path.split("::").map(str::to_owned).collect::<Vec<_>>();
            let full = tree(rest).0.into_iter().map(|path| [&base[..], &segments(path)].concat());
            found.extend(full.map(|path| (source.line(at), path, relative)));
        }
    }
    found
}

/// The module that the first `super` and those after it lead to, and the rest of the path.
fn base_of_super<'a>(path: &str, mut rest: &'a str) -> (Vec<String>, &'a str) {
    let mut base = module_of(path);
    base.pop();
    while let Some(further) = rest.strip_prefix("super::") {
        base.pop();
        rest = further;
    }
    (base, rest)
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
