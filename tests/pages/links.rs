//! Links of the Markdown pages: a relative link leads to a file of the repository, and its fragment to a heading there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// All Markdown pages below a directory, without build directories and what Git keeps.
fn pages(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != ".git" {
            pages(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The text of a page without its fenced blocks.
fn prose(page: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The targets of the links and images `[text](target)`.
fn links(prose: &str) -> Vec<&str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The fragment by which GitHub links a heading.
fn fragment(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn fragments(page: &str) -> HashSet<String> {
    let prose = prose(page);
    prose.lines().filter(|line| line.starts_with('#')).map(|line| fragment(line.trim_start_matches('#'))).collect()
}

/// What is wrong with a link of this page.
fn fault(page: &Path, link: &str) -> Option<String> {
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { page.parent().expect("a directory").join(path) };
    if !target.exists() {
        return Some("there is no such file".to_owned());
    }
    let known = || fragments(&std::fs::read_to_string(&target).expect("a page")).contains(fragment);
    (!fragment.is_empty() && !known()).then(|| "there is no such heading".to_owned())
}

#[test]
fn relative_links_of_all_pages_resolve() {
    let (mut found, mut faults, mut checked) = (Vec::new(), Vec::new(), 0);
    pages(Path::new(ROOT), &mut found);
    for page in &found {
        let text = prose(&std::fs::read_to_string(page).expect("a page"));
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            checked += 1;
            faults.extend(fault(page, link).map(|fault| format!("{}: {link}: {fault}", page.display())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked > 30, "{checked} links");
}

#[test]
fn link_to_a_missing_file_or_heading_is_a_fault() {
    let page = Path::new(ROOT).join("README.md");
    assert_eq!(fault(&page, "LICENSE"), None);
    assert_eq!(fault(&page, "#licence"), None);
    assert!(fault(&page, "LICENCE").is_some());
    assert!(fault(&page, "proto/README.md#no-such-heading").is_some());
}
