//! `onestop policy check` and `onestop policy list`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::policy_figures::days_text;
use crate::cli::output::statement::Lang;
use crate::cli::text_file;
use crate::domain::file_faults::FileFaults;
use crate::policy::Book;
use crate::server::run::load_book;
use crate::{say, say_error};

/// How a check reports.
pub(crate) struct CheckOptions {
    /// Whether warnings refuse the book.
    pub strict: bool,
    /// Whether the payers and cap accounts of the book are listed.
    pub names: bool,
    /// The language of faults and warnings.
    pub lang: Lang,
    /// Whether the result is printed as JSON.
    pub json: bool,
}

/// The book of a directory, of some files, or the shipped one.
///
/// # Errors
/// Every fault of the files, or that one cannot be read.
pub(crate) fn read_checked_book(policies: Option<&Path>, files: &[PathBuf], lang: Lang) -> Result<Book, CommandError> {
    let book = match files {
        [] => load_book(policies),
        [directory] if directory.is_dir() => load_book(Some(directory)),
        files => read_book(files)?,
    };
    Ok(book.map_err(|faults| lang.faults(faults))?)
}

/// Prints warnings and remarks on a book without faults; on request also payers and cap accounts.
///
/// # Errors
/// With `strict`, every warning.
pub(crate) fn report_check(book: &Book, options: &CheckOptions) -> CommandResult {
    let warnings = options.lang.faults(book.warnings().to_vec().into());
    if options.strict && !warnings.is_empty() {
        return Err(warnings.into());
    }
    for warning in warnings.iter() {
        say_error!("{} {warning}", options.lang.choose("警告", "warning"));
    }
    let remarks = options.lang.faults(book.remarks().to_vec().into());
    for remark in remarks.iter() {
        say_error!("{} {remark}", options.lang.choose("提示", "remark"));
    }
    if options.json {
        let [warnings, remarks] =
            [warnings, remarks].map(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>());
        let (policies, digest) = (book.policies().len(), book.digest().to_string());
        let report = serde_json::json!({
            "policies": policies, "digest": digest, "warnings": warnings, "remarks": remarks,
        });
        say!("{report}");
    } else {
        let (policies, digest) = (book.policies().len(), book.digest());
        match options.lang {
            Lang::Zh => say!("{policies} 份政策，没有错误；汇编摘要 {digest}"),
            Lang::En => say!("{policies} policies, no faults; digest of the book {digest}"),
        }
    }
    if options.names && !options.json {
        let layers = || book.policies().iter().flat_map(|policy| &policy.layers);
        say!(
            "{}: {}",
            options.lang.choose("支付方", "payers"),
            with_counts(layers().map(|layer| layer.head.payer.to_string()))
        );
        let caps = book.rules().flat_map(|rule| &rule.layers).flat_map(|layer| &layer.caps);
        say!(
            "{}: {}",
            options.lang.choose("限额账户", "cap accounts"),
            with_counts(caps.map(|cap| cap.account.to_string()))
        );
    }
    Ok(())
}

/// Each name with the number of layers that use it: a name used once may be misspelled.
fn with_counts(names: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let texts: Vec<_> = counts.iter().map(|(name, layers)| format!("{name} ({layers})")).collect();
    texts.join(", ")
}

fn read_book(files: &[PathBuf]) -> Result<Result<Book, FileFaults>, CommandError> {
    let (mut texts, mut faults) = (Vec::new(), Vec::new());
    for path in files {
        match text_file::read(path) {
            Ok(text) => texts.push((path.display().to_string(), text)),
            Err(CommandError::FileFaults(found)) => faults.extend(found),
            Err(error) => return Err(error),
        }
    }
    if !faults.is_empty() {
        return Ok(Err(faults.into()));
    }
    Ok(Book::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str()))))
}

/// Lists the policies of a directory, or the shipped ones.
///
/// # Errors
/// Every fault of the files.
pub(crate) fn list(policies: Option<&Path>, lang: Lang, json: bool) -> CommandResult {
    let book = load_book(policies).map_err(|faults| lang.faults(faults))?;
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(lang.choose(
        ["编号", "险种", "地区", "执行期限", "待遇年度", "层数", "名称"],
        ["id", "insurance", "regions", "in force", "year of", "layers", "title"],
    ));
    for policy in book.policies() {
        let regions: Vec<&str> = policy.rule.regions.iter().map(|region| &**region).collect();
        if json {
            say!(
                "{}",
                serde_json::json!({
                    "id": policy.reference.id, "digest": policy.reference.digest.to_string(), "title": policy.rule.title,
                    "insurance": policy.rule.insurance, "regions": regions, "in_force": policy.rule.in_force.to_string(),
                    "benefit_year": policy.rule.benefit_year, "layers": policy.layers.len(),
                })
            );
        }
        table.add_row([
            policy.reference.id.to_string(),
            policy.rule.insurance.to_string(),
            regions.join(" "),
            days_text(policy.rule.in_force, lang),
            benefit_year_text(&policy.rule.benefit_year.to_string(), lang),
            policy.layers.len().to_string(),
            policy.rule.title.to_string(),
        ]);
    }
    if !json {
        write_page(&table.to_string());
    }
    Ok(())
}

/// The day by which a policy judges itself.
pub(crate) fn benefit_year_text(word: &str, lang: Lang) -> String {
    match (lang, word) {
        (Lang::Zh, "discharge") => "出院日".to_owned(),
        (Lang::Zh, "admission") => "入院日".to_owned(),
        _ => word.to_owned(),
    }
}
