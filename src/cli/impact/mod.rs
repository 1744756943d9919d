//! `onestop policy impact`: what another book would have paid for what a store holds, by payer, hospital, category, region and
//! person. Nothing is committed.

mod page;
mod persons;
mod remote;
mod rows;
mod table;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::admin::policy::read_checked_book;
use crate::cli::client::address::TlsOptions;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::{BookWords, Lang};
use crate::cli::region_prefix::region_prefix;
use crate::engine::impact::{CHUNK_ROWS, Impact, ImpactColumns, ImpactError, ImpactQuestion, PersonSink};
use crate::policy::Book;
use crate::say;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreTask};
use crate::store::Store;

use persons::PersonsFile;
use rows::rows;

/// The book to compare with, the store, and the forms of the result.
#[derive(clap::Args, Debug)]
pub(crate) struct ImpactOptions {
    /// The book to decide by: a directory of policy files with their vocabulary.toml
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// The store: a directory that no server uses, such as a restored backup, or a Redis
    #[arg(long, value_name = "DIR|URL", default_value = "onestop-store")]
    store: PathBuf,
    /// What the store of this running server holds, instead; its access log says so if persons are asked for
    #[arg(long, value_name = "URL", conflicts_with_all = ["store", "secret", "archive", "cache", "auditor", "access_log"])]
    server: Option<String>,
    #[command(flatten)]
    tls: TlsOptions,
    /// The file with the secret of a store on Redis
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The archive of a store on Redis
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// Where to keep the columns that are derived from the log, so that a later impact reads only what is new; in the directory of
    /// the store, or beside the secret of a store on Redis, unless given
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Only settlements of these benefit years
    #[arg(long, value_name = "YEAR", value_delimiter = ',', value_parser = clap::value_parser!(i32).range(1..=9_999))]
    year: Vec<i32>,
    /// Only persons insured in these regions (prefixes of the six digits)
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = region_prefix)]
    region: Vec<String>,
    /// Also write all rows to this file as CSV (UTF-8 with a byte order mark, as spreadsheets read it)
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Also write a page with charts to this file; it fetches nothing from anywhere
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write what changes for each person, by id, to this file as CSV, readable by its owner only; the access log says so
    #[arg(long, value_name = "FILE")]
    persons: Option<PathBuf>,
    /// The name of the auditor who asks for persons, for the access log
    #[arg(long, value_name = "NAME")]
    auditor: Option<String>,
    /// The access log to which a line is appended before persons are written
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// The language; that of the environment unless given
    #[arg(long)]
    lang: Option<Lang>,
}

impl ImpactOptions {
    /// The language of what is printed.
    pub(crate) fn lang(&self) -> Lang {
        self.lang.unwrap_or_else(Lang::from_environment)
    }
}

/// What is compared, for the head of a table or page.
struct Compared<'a> {
    impact: &'a Impact,
    book: &'a Book,
    words: BookWords,
    lang: Lang,
}

/// Decides the settlements of a store under another book, and prints what changes.
///
/// # Errors
/// If the book has faults, the store cannot be opened or read, or a file cannot be written.
pub(crate) async fn run(options: &ImpactOptions, json: bool) -> CommandResult {
    let lang = options.lang();
    let book = Arc::new(read_checked_book(Some(&options.policies), &[], lang)?);
    let persons = options.persons.as_deref().map(|path| options.open_persons(path)).transpose()?;
    let question = ImpactQuestion { years: options.year.clone(), regions: options.region.clone() };
    let sink = persons.as_ref().map(PersonsFile::sink);
    let impact = match &options.server {
        Some(url) => {
            let server = (url.as_str(), &options.tls);
            remote::impact(server, (&options.policies, book.digest()), question, sink).await?
        }
        None => options.of_store(&book, question, sink).await?,
    };
    if let (Some(file), Some(path)) = (persons, &options.persons) {
        file.finish().map_err(CommandError::file(path))?;
    }
    let words = BookWords::of_vocabulary(lang, book.vocabulary());
    let compared = Compared { impact: &impact, book: &book, words, lang };
    if let Some(path) = &options.csv {
        std::fs::write(path, rows::csv(&impact)).map_err(CommandError::file(path))?;
    }
    if let Some(path) = &options.html {
        std::fs::write(path, page::html(&compared)).map_err(CommandError::file(path))?;
    }
    if json {
        rows(&impact).iter().for_each(|row| say!("{}", row.json()));
        say!("{}", rows::summary_json(&compared));
    } else {
        write_page(&table::text(&compared));
    }
    Ok(())
}

impl ImpactOptions {
    /// The impact on a store that no server uses.
    async fn of_store(
        &self,
        book: &Arc<Book>,
        question: ImpactQuestion,
        persons: Option<PersonSink>,
    ) -> Result<Impact, CommandError> {
        let location = StoreLocation::parse(&self.store)?;
        let columns = self.cache.clone().unwrap_or_else(|| location.impact_columns(self.secret.as_deref()));
        let task = ImpactTask { book: Arc::clone(book), question, persons, columns };
        let files = SecretAndArchivePaths { secret: self.secret.as_deref(), archive: self.archive.as_deref() };
        Ok(location.open_existing(files, task).await??)
    }

    /// The file of persons, after the access log has its line; that of a server is the server's.
    fn open_persons(&self, path: &Path) -> Result<PersonsFile, CommandError> {
        match (&self.server, &self.auditor, &self.access_log) {
            (Some(_), ..) => {}
            (None, Some(name), Some(log)) => persons::record(log, name).map_err(CommandError::file(log))?,
            (None, ..) => {
                let message = "--persons of a store requires --auditor and --access-log";
                return Err(CommandError::Usage(message.to_owned()));
            }
        }
        PersonsFile::create(path).map_err(CommandError::file(path))
    }
}

struct ImpactTask {
    book: Arc<Book>,
    question: ImpactQuestion,
    persons: Option<PersonSink>,
    columns: PathBuf,
}

impl StoreTask for ImpactTask {
    type Output = Result<Impact, ImpactError>;

    async fn run<S: Store>(self, store: S) -> Result<Impact, ImpactError> {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let mut columns = ImpactColumns::open(&store, &self.columns, CHUNK_ROWS).await?;
        columns.impact(&self.book, &self.question, self.persons, threads).await
    }
}
