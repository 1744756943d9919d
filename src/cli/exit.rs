//! How a command ends: its error, and the exit code of each error.

use std::path::PathBuf;
use std::process::ExitCode;

use tonic::Status;

use crate::domain::file_faults::FileFaults;
use crate::engine::impact::ImpactError;
use crate::reports::error::ReportError;
use crate::server::access_setup::AccessSetupError;
use crate::server::local_server::LocalServerError;
use crate::server::run::RunError;
use crate::server::store_location_error::StoreLocationError;
use crate::store::StoreError;
use crate::store::derived_files::DerivedFileError;
use crate::store::embedded::backup::BackupError;
use crate::store::redis::OpenError;
use crate::store::secret_file::SecretFault;
use crate::telemetry::otlp::TelemetryError;

use super::error::claim_file::ClaimFileError;
use super::error::client::ClientError;
use super::error::copy::CopyCommandError;
use super::error::import::ImportError;
use super::error::keys::KeysError;
use super::error::load::LoadError;
use super::error::seal::SealError;

/// The result of a command.
pub type CommandResult = Result<(), CommandError>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The server refused a call, or cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A server did not start, or failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A server for the command's own use failed.
    #[error(transparent)]
    LocalServer(#[from] LocalServerError),
    /// A store cannot be opened.
    #[error(transparent)]
    StoreLocation(#[from] StoreLocationError),
    /// A store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file is refused; one line per fault.
    #[error("{0}")]
    FileFaults(FileFaults),
    /// Another error, in Chinese.
    #[error("{}", lines.join("\n"))]
    InChinese {
        /// What standard error says.
        lines: Vec<String>,
        /// The error.
        error: Box<CommandError>,
    },
    /// A file of claims cannot be read.
    #[error(transparent)]
    ClaimFile(#[from] ClaimFileError),
    /// A load test failed.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A reference table was not imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A store was not copied.
    #[error(transparent)]
    Copy(#[from] CopyCommandError),
    /// A backup was not written, verified or restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A report cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A seal cannot be read or written.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Certificates were not created.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The file with a secret was not created.
    #[error(transparent)]
    Secret(#[from] SecretFault),
    /// A file cannot be read or written.
    #[error("cannot read or write {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// Some of the command's claims were refused.
    #[error("{0} refused")]
    Refused(u64),
    /// Something differs from what was expected.
    #[error("{0} differ")]
    Differs(u64),
    /// Results of policy cases differ; how many, in the language of the command.
    #[error("{0}")]
    CasesDiffer(String),
    /// Some policy cases cannot be run; how many, in the language of the command.
    #[error("{0}")]
    CasesNotRun(String),
    /// Ctrl-C ended the command before it had done all.
    #[error("interrupted; run the same command again to do the rest")]
    Interrupted,
    /// A server does not serve.
    #[error("the server does not accept calls")]
    NotServing,
    /// Telemetry cannot be exported.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The command line asks for something that is not possible.
    #[error("{0}")]
    Usage(String),
}

/// The exit codes; 0 is success.
enum Exit {
    Refused = 1,
    Usage = 2,
    Unreachable = 3,
}

impl From<ImpactError> for CommandError {
    fn from(error: ImpactError) -> Self {
        match error {
            ImpactError::Store(error) => CommandError::Store(error),
            ImpactError::File(DerivedFileError { path, error }) => CommandError::File { path, error },
        }
    }
}

impl CommandError {
    /// A file that cannot be read or written.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> CommandError {
        |error| CommandError::File { path: path.into(), error }
    }

    /// What standard error says: a line for each fault of a file, otherwise one.
    pub fn lines(&self) -> Vec<String> {
        match self {
            CommandError::FileFaults(faults)
            | CommandError::Import(ImportError::Faults(faults))
            | CommandError::Run(
                RunError::Policies(faults)
                | RunError::DroppedWords(faults)
                | RunError::Access(AccessSetupError::Callers(faults)),
            ) => faults.lines(),
            CommandError::InChinese { lines, .. } => lines.clone(),
            error => vec![error.to_string()],
        }
    }

    /// The exit code: 1 refused or differing, 2 wrong usage, 3 unreachable, in use or unknown outcome.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit() as u8)
    }

    fn exit(&self) -> Exit {
        match self {
            CommandError::Client(error) => client_exit(error),
            CommandError::InChinese { error, .. } => error.exit(),
            CommandError::Run(error) => run_exit(error),
            CommandError::LocalServer(error) | CommandError::Load(LoadError::Server(error)) => local_server_exit(error),
            CommandError::Load(LoadError::Client(error)) => client_exit(error),
            CommandError::Load(_) => Exit::Unreachable,
            CommandError::StoreLocation(error) => store_location_exit(error),
            CommandError::Import(ImportError::Client(error)) => client_exit(error),
            CommandError::Import(ImportError::Faults(_) | ImportError::Refused { .. }) => Exit::Refused,
            CommandError::Copy(CopyCommandError::Interrupted(_) | CopyCommandError::InUse(_)) => Exit::Unreachable,
            CommandError::Copy(CopyCommandError::Refused(_)) => Exit::Refused,
            CommandError::Seal(SealError::Store(_)) => Exit::Refused,
            CommandError::Keys(KeysError::NotEmpty(_)) => Exit::Refused,
            CommandError::Backup(BackupError::File { .. }) => Exit::Usage,
            CommandError::Report(ReportError::File(_)) => Exit::Usage,
            CommandError::Store(_)
            | CommandError::Report(_)
            | CommandError::Backup(_)
            | CommandError::FileFaults(_)
            | CommandError::Secret(_)
            | CommandError::Refused(_)
            | CommandError::NotServing
            | CommandError::Interrupted
            | CommandError::Differs(_)
            | CommandError::CasesDiffer(_) => Exit::Refused,
            CommandError::Import(_)
            | CommandError::Copy(_)
            | CommandError::Seal(_)
            | CommandError::Keys(_)
            | CommandError::ClaimFile(_)
            | CommandError::File { .. }
            | CommandError::CasesNotRun(_)
            | CommandError::Telemetry(_)
            | CommandError::Usage(_) => Exit::Usage,
        }
    }
}

fn client_exit(error: &ClientError) -> Exit {
    match error {
        ClientError::Refused(_) => Exit::Refused,
        ClientError::InvalidUrl { .. } | ClientError::NoAuthority { .. } | ClientError::KeyFile { .. } => Exit::Usage,
        ClientError::Unreachable { .. }
        | ClientError::OutcomeUnknown(_)
        | ClientError::RetriesExhausted(_)
        | ClientError::UnexpectedAnswer
        | ClientError::RefusedClaimsFile(_)
        | ClientError::BackupThread(_) => Exit::Unreachable,
    }
}

fn run_exit(error: &RunError) -> Exit {
    match error {
        RunError::Store(error) => store_location_exit(error),
        RunError::Serve(_) => Exit::Unreachable,
        RunError::ListenerAddress(_) | RunError::Signals(_) => Exit::Usage,
        _ => Exit::Refused,
    }
}

fn local_server_exit(error: &LocalServerError) -> Exit {
    match error {
        LocalServerError::Directory(_) | LocalServerError::Redis(_) | LocalServerError::Engine(_) => Exit::Refused,
        _ => Exit::Unreachable,
    }
}

fn store_location_exit(error: &StoreLocationError) -> Exit {
    match error {
        StoreLocationError::Directory(_) | StoreLocationError::Archive(_) => Exit::Refused,
        StoreLocationError::Exists(_) => Exit::Refused,
        StoreLocationError::Redis(error) if !matches!(error, OpenError::Nothing) => Exit::Refused,
        _ => Exit::Usage,
    }
}

impl From<Status> for CommandError {
    fn from(status: Status) -> CommandError {
        CommandError::Client(status.into())
    }
}

impl From<FileFaults> for CommandError {
    fn from(faults: FileFaults) -> CommandError {
        CommandError::FileFaults(faults)
    }
}
