//! `onestop policy check` and `list`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::policy::Book;
use crate::say;

use crate::cli::cases::case;
use crate::cli::exit::{Ended, Failure};

/// Checks a book and says what it holds.
///
/// # Errors
/// Exit 1 with every fault.
pub fn check(policies: Option<&Path>, files: &[PathBuf], json: bool) -> Ended {
    let book = match files {
        [] => case::book(policies)?,
        [directory] if directory.is_dir() => case::book(Some(directory))?,
        files => of_files(files)?,
    };
    if json {
        say!("{}", serde_json::json!({ "policies": book.policies().len(), "digest": book.digest().to_string() }));
    } else {
        say!("{} policies, no fault; digest of the book {}", book.policies().len(), book.digest());
        let layers = || book.policies().iter().flat_map(|policy| &policy.layers);
        say!("payers: {}", counted(layers().map(|layer| layer.head.payer.to_string())));
        let caps = book.rules().iter().flat_map(|rule| &rule.layers).flat_map(|layer| &layer.caps);
        say!("cap accounts: {}", counted(caps.map(|cap| cap.account.to_string())));
    }
    Ok(())
}

/// Each name with how many layers use it: one that stands alone may be misspelt.
fn counted(names: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let texts: Vec<_> = counts.iter().map(|(name, layers)| format!("{name} ({layers})")).collect();
    texts.join(", ")
}

fn of_files(files: &[PathBuf]) -> Result<Book, Failure> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
        Ok((path.display().to_string(), text))
    };
    let texts = files.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    Ok(Book::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())))?)
}

/// Lists the policies of a book.
///
/// # Errors
/// Exit 1 with every fault.
pub fn list(policies: Option<&Path>, json: bool) -> Ended {
    let book = case::book(policies)?;
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "id",
        "insurance",
        "regions",
        "in force",
        "judged by",
        "layers",
        "title",
    ]);
    for policy in book.policies() {
        let regions: Vec<&str> = policy.regions.iter().map(|region| &**region).collect();
        if json {
            say!(
                "{}",
                serde_json::json!({
                    "id": policy.reference.id, "digest": policy.reference.digest.to_string(), "title": policy.title,
                    "insurance": policy.insurance, "regions": regions, "in_force": policy.in_force.to_string(),
                    "benefit_year": policy.benefit_year, "layers": policy.layers.len(),
                })
            );
        }
        table.add_row([
            policy.reference.id.to_string(),
            policy.insurance.to_string(),
            regions.join(" "),
            policy.in_force.to_string(),
            policy.benefit_year.to_string(),
            policy.layers.len().to_string(),
            policy.title.to_string(),
        ]);
    }
    if !json {
        say!("{table}");
    }
    Ok(())
}
