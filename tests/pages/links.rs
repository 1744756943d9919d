//! What the Markdown pages name exists: the files and headings that they link, the files and the modules of tests that
//! they name in code.

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
    assert_eq!(fault(&page, "#license"), None);
    assert!(fault(&page, "NO_LICENSE").is_some());
    assert!(fault(&page, "proto/README.md#no-such-heading").is_some());
}

/// Files of the repository that a page names in code, such as `src/lib.rs`.
fn named_files(prose: &str) -> impl Iterator<Item = &str> {
    let plain = |span: &&str| span.chars().all(|char| char.is_ascii_alphanumeric() || "_-./".contains(char));
    let ours = |span: &&str| ["src/", "tests/", "benches/", "deploy/", "proto/"].iter().any(|at| span.starts_with(at));
    prose.split('`').skip(1).step_by(2).filter(plain).filter(ours)
}

/// Modules of tests that a page names after `--test onestop`.
fn named_tests(page: &str) -> Vec<&str> {
    let lines = page.split("--test onestop").skip(1).filter_map(|rest| rest.lines().next());
    let words = lines.flat_map(|line| line.split(['`', '#']).next().unwrap_or_default().split_whitespace());
    words.map(|word| word.split("::").next().unwrap_or(word)).filter(|word| !word.starts_with('-')).collect()
}

#[test]
fn files_and_tests_that_pages_name_exist() {
    let (root, mut found, mut missing) = (Path::new(ROOT), Vec::new(), Vec::new());
    pages(root, &mut found);
    for page in &found {
        let text = std::fs::read_to_string(page).expect("a page");
        let prose = prose(&text);
        let files = named_files(&prose).filter(|file| !root.join(file).exists()).map(str::to_owned);
        let module =
            |name: &&str| !root.join(format!("tests/{name}.rs")).exists() && !root.join("tests").join(name).exists();
        let tests = named_tests(&text).into_iter().filter(module).map(|name| format!("the test module {name}"));
        missing.extend(files.chain(tests).map(|name| format!("{}: {name}", page.display())));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn files_and_tests_are_found_in_a_page() {
    let page = "see `src/lib.rs` and `src/*.rs`\n`cargo test --test onestop copying` |\ncargo test --test onestop a::b c # d\n";
    assert_eq!(named_files(page).collect::<Vec<_>>(), ["src/lib.rs"]);
    assert_eq!(named_tests(page), ["copying", "a", "c"]);
}
