//! Why a call to a server failed, and what a status means for a command.

use std::path::PathBuf;

use prost::Message;
use tonic::{Code, Status};

use crate::grpc::status::code_name;
use crate::pb::settlement::settle_stream_response::Answer;

/// Why a call to a server failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL cannot be used.
    #[error("the server URL {url} is not valid: {error}")]
    InvalidUrl {
        /// The URL.
        url: String,
        /// The cause.
        error: tonic::transport::Error,
    },
    /// TLS requires the authority of the server's certificate.
    #[error("{url}: https requires --ca (or ONESTOP_CA), the authority of the server's certificate")]
    NoAuthority {
        /// The URL.
        url: String,
    },
    /// A certificate or key cannot be read.
    #[error("cannot read the certificate or key {path}: {error}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// No server answers, or TLS failed for this reason.
    #[error("no server answers at {url}{}", tls_cause.as_ref().map(|cause| format!(", or TLS failed: {cause}; if the server has no TLS, call it as http://")).unwrap_or_default())]
    Unreachable {
        /// The URL.
        url: String,
        /// The innermost cause, which explains what is wrong with a certificate.
        tls_cause: Option<String>,
    },
    /// The server refused the call; nothing changed.
    #[error("{}", described(.0))]
    Refused(Box<Status>),
    /// The call failed, and it may have changed something.
    #[error("{}", described(.0))]
    OutcomeUnknown(Box<Status>),
    /// The call failed repeatedly.
    #[error("{}; run the same command again: it settles nothing twice", described(.0))]
    RetriesExhausted(Box<Status>),
    /// The server answered a claim that was not sent.
    #[error("the server answered a claim that was not sent")]
    UnexpectedAnswer,
    /// The file of refused claims cannot be written.
    #[error("cannot write the file of refused claims: {0}")]
    RefusedClaimsFile(std::io::Error),
    /// The thread that writes a backup ended.
    #[error("the thread that writes the backup ended: {0}")]
    BackupThread(tokio::task::JoinError),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> ClientError {
        match leaves_outcome_unknown(&status) {
            true => ClientError::OutcomeUnknown(Box::new(status)),
            false => ClientError::Refused(Box::new(status)),
        }
    }
}

/// Code and message of a status.
pub fn described(status: &Status) -> String {
    format!("{}: {}", code_name(status.code()), status.message())
}

/// Whether a call with this status may have changed something.
pub fn leaves_outcome_unknown(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown)
}

/// The status of a refusal in a stream.
pub fn status_from_answer(answer: Option<Answer>) -> Status {
    match answer {
        Some(Answer::Refusal(refusal)) => {
            let details = refusal.encode_to_vec();
            Status::with_details(Code::from(refusal.code), refusal.message, details.into())
        }
        Some(Answer::Settlement(_)) | None => Status::unknown("the server gave no answer"),
    }
}
