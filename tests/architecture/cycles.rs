//! Dependency cycles between the files and folders of one directory, found from their imports.
//!
//! A `mod.rs` is not a node: a module and its children may use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{module_of, module_paths};
use super::source::Source;

/// The imports between the children of each directory: directory, importing child, imported children.
type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Every cycle, as a line `src/store/redis: link -> routes -> link`.
pub fn cycles(sources: &[Source]) -> Vec<String> {
    let graph = graph(sources);
    let in_directory = |(directory, children): (&String, &BTreeMap<String, BTreeSet<String>>)| {
        let found: BTreeSet<_> = children.keys().filter_map(|child| cycle_through(child, children)).collect();
        found.into_iter().map(|cycle| format!("src/{directory}: {cycle}")).collect::<Vec<_>>()
    };
    graph.iter().flat_map(in_directory).collect()
}

fn graph(sources: &[Source]) -> Graph {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|source| module_of(&source.path)).collect();
    let mut graph = Graph::new();
    for source in sources.iter().filter(|source| !source.path.ends_with("mod.rs")) {
        let from = module_of(&source.path);
        for to in module_paths(source).iter().filter_map(|path| imported_module(path, &modules)) {
            let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            if let (Some(from_child), Some(to_child)) = (from.get(common), to.get(common)) {
                let directory = graph.entry(from[..common].join("/")).or_default();
                directory.entry(from_child.clone()).or_default().insert(to_child.clone());
            }
        }
    }
    graph
}

/// The module that a path leads to: the longest prefix that is one.
fn imported_module(path: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|prefix| modules.contains(prefix))
}

/// A shortest cycle through this child, written from its first name in alphabetical order.
fn cycle_through(start: &str, imports: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let mut paths = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for next in path.last().and_then(|last| imports.get(last)).into_iter().flatten() {
                if next == start {
                    return Some(rotated(path));
                }
                if seen.insert(next.clone()) {
                    longer.push([&path[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        paths = longer;
    }
    None
}

fn rotated(mut cycle: Vec<String>) -> String {
    let first = cycle.iter().enumerate().min_by_key(|(_, name)| name.as_str()).map_or(0, |(at, _)| at);
    cycle.rotate_left(first);
    cycle.push(cycle[0].clone());
    cycle.join(" -> ")
}
