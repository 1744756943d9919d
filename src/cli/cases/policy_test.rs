//! `onestop policy test`: runs policy cases, in this process or on a server, and prints one line per case.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::statement::Lang;
use crate::cli::text_file;
use crate::domain::file_faults::FileFaults;
use crate::policy::Book;
use crate::server::local_server::{LocalServerError, TemporaryServer};
use crate::server::run::load_book;
use crate::server::store_location::StoreLocation;
use crate::server::store_location_error::StoreLocationError;
use crate::store::redis::address::Address;
use crate::{say, say_error};

use super::case::{self, CaseError, LoadedCase};
use super::case_runner::{CaseRunner, RunnerError};
use super::expectation::{Difference, differences};
use super::expected_names::unknown_names;
use super::step_result::StepResult;
use super::table_rows::row_faults;
use super::table_words::unknown_table_words;

/// The verdict on a case.
pub enum Verdict {
    /// Every result was as expected.
    Passed,
    /// These results were not.
    Differs(Vec<Difference>),
}

/// What the steps of a case run on.
pub enum CaseBackend {
    /// An engine in this process.
    InProcess,
    /// A temporary server with a store in a directory.
    ServerOnDirectory,
    /// A temporary server with a store on this Redis.
    ServerOnRedis(Address),
}

/// Why a case was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum CaseRunError {
    /// The case cannot be loaded.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The case uses names that the book does not have, or its tables have faulty rows.
    #[error("{0}")]
    UnsoundCase(FileFaults),
    /// A step cannot be run.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// The temporary server failed.
    #[error(transparent)]
    Server(#[from] LocalServerError),
}

impl CaseBackend {
    /// The backend that the flags `--grpc` and `--store` select.
    ///
    /// # Errors
    /// If `redis_url` is not a valid Redis URL.
    pub(crate) fn from_options(grpc: bool, redis_url: Option<&str>) -> Result<CaseBackend, StoreLocationError> {
        Ok(match redis_url {
            Some(url) => CaseBackend::ServerOnRedis(StoreLocation::parse_redis(url)?),
            None if grpc => CaseBackend::ServerOnDirectory,
            None => CaseBackend::InProcess,
        })
    }
}

/// Runs these cases.
///
/// # Errors
/// If a result differs, or a case cannot be run.
pub(crate) async fn run(
    policies: Option<&Path>,
    backend: &CaseBackend,
    (lang, json): (Lang, bool),
    cases: &[PathBuf],
) -> CommandResult {
    let book = load_book(policies).map_err(|faults| lang.faults(faults))?;
    let (mut differing, mut not_run) = (0_u64, 0_u64);
    for path in cases {
        if case_files(path).is_empty() {
            not_run += 1;
            say_error!("{}: {}", path.display(), lang.choose("没有案例（*.toml）", "holds no case (*.toml)"));
        }
    }
    for path in cases.iter().flat_map(|path| case_files(path)) {
        let text = match text_file::read(&path) {
            Ok(text) => text,
            Err(error) => {
                not_run += 1;
                lang.command_error(error).lines().iter().for_each(|line| say_error!("{line}"));
                continue;
            }
        };
        if case::is_policy(&text) {
            say_error!("{}: {}", path.display(), lang.choose("是政策文件，不是案例", "a policy, not a case"));
            continue;
        }
        match run_one(&path, &text, &book, backend).await {
            Ok((name, Verdict::Passed)) => print_case_result((lang, json), &name, &path, &[]),
            Ok((name, Verdict::Differs(found))) => {
                differing += 1;
                print_case_result((lang, json), &name, &path, &found);
            }
            Err(error) => {
                not_run += 1;
                print_case_error(lang, &path, error);
            }
        }
    }
    match (not_run, differing) {
        (0, 0) => Ok(()),
        (0, differing) => Err(CommandError::CasesDiffer(
            lang.choose(format!("{differing} 个案例不符"), format!("{differing} differ")),
        )),
        (not_run, _) => Err(CommandError::CasesNotRun(
            lang.choose(format!("{not_run} 个案例无法运行"), format!("{not_run} cannot be run")),
        )),
    }
}

fn print_case_result((lang, json): (Lang, bool), name: &str, path: &Path, found: &[Difference]) {
    if json {
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        say!("{}", serde_json::json!({ "name": name, "file": path, "ok": found.is_empty(), "differs": found }));
    } else if found.is_empty() {
        say!("{} {name}", lang.choose("通过", "ok"));
    } else {
        let (found, separator): (Vec<_>, _) = match lang {
            Lang::Zh => (found.iter().map(Difference::in_chinese).collect(), "；"),
            Lang::En => (found.iter().map(ToString::to_string).collect(), "; "),
        };
        say!("{} {name}{}{}", lang.choose("不符", "differs"), lang.choose("：", ": "), found.join(separator));
    }
}

/// Prints why a case was not run; faults with their files and lines.
fn print_case_error(lang: Lang, path: &Path, error: CaseRunError) {
    match error {
        CaseRunError::UnsoundCase(faults)
        | CaseRunError::Case(CaseError::Policies(faults) | CaseError::Faults(faults)) => {
            lang.faults(faults).lines().iter().for_each(|line| say_error!("{line}"));
        }
        error => say_error!("{}: {error}", path.display()),
    }
}

/// The file itself, or every `*.toml` file of a directory.
fn case_files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    files
}

/// Runs one case on a fresh store, and returns its name and the verdict.
///
/// # Errors
/// If the case cannot be run to its end.
pub async fn run_one(
    path: &Path,
    text: &str,
    book: &Book,
    backend: &CaseBackend,
) -> Result<(String, Verdict), CaseRunError> {
    let case = case::load(path, text, book)?;
    let file = path.display().to_string();
    let mut faults: Vec<_> = unknown_names(&file, text, &case.case, &case.book).into_iter().collect();
    faults.extend(unknown_table_words(&file, text, case.book.vocabulary()));
    faults.extend(row_faults(&file, text, &case.tables, case.book.vocabulary()));
    if !faults.is_empty() {
        faults.sort();
        return Err(CaseRunError::UnsoundCase(faults.into()));
    }
    let found = match backend {
        CaseBackend::InProcess => run_steps(&case, CaseRunner::in_process(&case).await?).await?,
        CaseBackend::ServerOnDirectory => {
            run_on_server(&case, TemporaryServer::in_directory(case.book.clone()).await?).await?
        }
        CaseBackend::ServerOnRedis(address) => {
            run_on_server(&case, TemporaryServer::on_redis(address, case.book.clone()).await?).await?
        }
    };
    let verdict = if found.is_empty() { Verdict::Passed } else { Verdict::Differs(found) };
    Ok((case.case.name, verdict))
}

/// Runs a case on this server and stops it, even if a step failed.
async fn run_on_server(case: &LoadedCase, server: TemporaryServer) -> Result<Vec<Difference>, CaseRunError> {
    let found = match CaseRunner::on_server(case, &server.url()).await {
        Ok(runner) => run_steps(case, runner).await,
        Err(error) => Err(error),
    };
    server.stop().await?;
    Ok(found?)
}

/// The differences between expected and actual results of all steps. A difference of a person one of whose steps was
/// refused before, against what was expected, says so: it may come of that alone.
async fn run_steps(case: &LoadedCase, mut runner: CaseRunner) -> Result<Vec<Difference>, RunnerError> {
    let (mut found, mut refused) = (Vec::new(), HashMap::new());
    for (step, at) in case.case.steps.iter().zip(1..) {
        let Some(request) = step.request() else { continue };
        let person = request.person_id().to_owned();
        let result = runner.run(request).await?;
        let mut differing = differences(at, &step.expect, &result);
        let before = refused.get(&person).copied();
        differing.last_mut().into_iter().for_each(|last| last.refused_before = before);
        if matches!(result, StepResult::Refused { .. }) && !differing.is_empty() {
            refused.entry(person).or_insert(at);
        }
        found.extend(differing);
    }
    Ok(found)
}
