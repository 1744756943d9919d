//! `onestop backup`: takes the log of a running server into a directory, once or continuously.
//!
//! A thread of its own writes what arrives. It makes what it has part of the backup when nothing more is waiting, so that a
//! copy that follows is as near to the server as its disk allows.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

use crate::cli::error::client::ClientError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::china_time;
use crate::pb::operations as pb;
use crate::pb::operations::backup_response::Part;
use crate::store::embedded::backup::{BackupDirectory, BackupError, BackupPart, BackupPosition, Manifest};
use crate::store::embedded::index::LogEnd;
use crate::store::keys::Secret;
use crate::{say, say_error};

use super::address::ServerOptions;
use super::connection::Client;
use super::interrupt;

/// Parts that wait to be written.
const PARTS: usize = 8;

/// The bytes after which what was written becomes part of the backup, even if more is waiting.
const COMMIT_BYTES: u64 = 16 << 20;

/// How long a copy that follows waits before it calls again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Where to back up to.
#[derive(clap::Args, Debug)]
pub(crate) struct BackupOptions {
    /// The directory: missing or empty, or an earlier backup of the same store, which is continued
    directory: PathBuf,
    /// Go on with what is committed later, until interrupted; when the server is away, try again
    #[arg(long)]
    follow: bool,
}

/// Backs up the store of a server.
///
/// # Errors
/// If the server refuses it or cannot be reached, the directory cannot be written, or what arrived is damaged.
pub(super) async fn run(server: &ServerOptions, options: &BackupOptions, json: bool) -> CommandResult {
    let backup = BackupDirectory::open(&options.directory)?;
    let report = Report { json, follow: options.follow, entries: backup.manifest().map_or(0, entries), bytes: 0 };
    let mut state = Writing { backup, report };
    let mut interrupted = std::pin::pin!(interrupt::pressed());
    let mut is_first = true;
    loop {
        let stream = request(server, &state.backup, options.follow).await;
        let (received, is_interrupted) = match stream {
            Err(error) => (Err(error), false),
            Ok(stream) => {
                is_first = false;
                let (writing, received, is_interrupted) = receive(stream, state, interrupted.as_mut()).await?;
                state = writing;
                (received, is_interrupted)
            }
        };
        match received {
            Ok(()) if !options.follow => return state.report.end(state.backup.manifest()),
            _ if is_interrupted && options.follow => return state.report.end(state.backup.manifest()),
            Err(_) if is_interrupted => return Err(CommandError::Interrupted),
            Err(error) if is_first || !options.follow || !is_passing(&error) => return Err(error.into()),
            Err(error) => say_error!("{error}; trying again"),
            Ok(()) => say_error!("the server ended the copy; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY_DELAY) => {}
            () = interrupted.as_mut() => return state.report.end(state.backup.manifest()),
        }
    }
}

async fn request(
    server: &ServerOptions,
    backup: &BackupDirectory,
    follow: bool,
) -> Result<Streaming<pb::BackupResponse>, ClientError> {
    let end = |manifest: &Manifest| {
        let BackupPosition { identity, end: LogEnd { lsn, chain, sequence } } = manifest.position;
        pb::BackupEnd { store_identity: identity.to_vec(), lsn, chain, entries: sequence }
    };
    let request = pb::BackupRequest { after: backup.manifest().map(end), follow };
    Ok(Client::connect_to(server).await?.backup(request).await?)
}

/// Whether a failed call may succeed later: a server that is away, stops or is overloaded comes back.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::OutcomeUnknown(_) => true,
        ClientError::Refused(status) => !matches!(
            status.code(),
            Code::FailedPrecondition
                | Code::PermissionDenied
                | Code::Unauthenticated
                | Code::InvalidArgument
                | Code::Unimplemented
        ),
        _ => false,
    }
}

/// Takes what arrives until the stream ends, or the command is interrupted.
async fn receive(
    mut stream: Streaming<pb::BackupResponse>,
    writing: Writing,
    mut interrupted: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> Result<(Writing, Result<(), ClientError>, bool), CommandError> {
    let (parts, waiting) = mpsc::channel(PARTS);
    let writer = tokio::task::spawn_blocking(move || writing.run(waiting));
    let mut is_interrupted = false;
    let received = loop {
        let message = tokio::select! {
            message = stream.message() => message,
            () = interrupted.as_mut() => {
                is_interrupted = true;
                break Err(Status::cancelled("interrupted"));
            }
        };
        match message {
            Ok(None) => break Ok(()),
            Err(status) => break Err(status),
            Ok(Some(pb::BackupResponse { part })) => {
                if let Some(part) = part
                    && parts.send(part).await.is_err()
                {
                    // The writing thread failed, and says why.
                    break Ok(());
                }
            }
        }
    };
    drop(parts);
    let (writing, written) = writer.await.map_err(ClientError::BackupThread)?;
    written?;
    Ok((writing, received.map_err(ClientError::from), is_interrupted))
}

/// What the writing thread holds.
struct Writing {
    backup: BackupDirectory,
    report: Report,
}

impl Writing {
    /// Writes parts until there are no more; what is complete becomes part of the backup.
    fn run(mut self, mut parts: mpsc::Receiver<Part>) -> (Writing, Result<(), BackupError>) {
        let written = self.write_all(&mut parts);
        (self, written)
    }

    fn write_all(&mut self, parts: &mut mpsc::Receiver<Part>) -> Result<(), BackupError> {
        let mut pending = Pending::default();
        while let Some(part) = parts.blocking_recv() {
            match part {
                Part::Start(pb::BackupStart { secret }) => {
                    let secret = secret.try_into().map_err(|_| BackupError::OutOfOrder("its secret is too short"))?;
                    self.backup.begin(Secret(secret))?;
                }
                Part::Segment(pb::BackupSegment { number, head }) => {
                    self.write(&mut pending, &BackupPart::Segment { number, head: head.into() }, 0)?;
                }
                Part::Bytes(pb::BackupBytes { lsn, data }) => {
                    let bytes = data.len() as u64;
                    self.write(&mut pending, &BackupPart::Bytes { lsn, bytes: data.into() }, bytes)?;
                }
                Part::End(pb::BackupEnd { lsn, chain, entries, .. }) => {
                    pending.end = Some(LogEnd { lsn, chain, sequence: entries });
                    if parts.is_empty() || pending.bytes >= COMMIT_BYTES {
                        self.commit(&mut pending)?;
                    }
                }
            }
        }
        self.commit(&mut pending)
    }

    fn write(&mut self, pending: &mut Pending, part: &BackupPart, bytes: u64) -> Result<(), BackupError> {
        pending.end = None;
        pending.bytes += bytes;
        self.report.bytes += bytes;
        self.backup.write(part)
    }

    fn commit(&mut self, pending: &mut Pending) -> Result<(), BackupError> {
        let Pending { end: Some(end), bytes } = std::mem::take(pending) else { return Ok(()) };
        if bytes > 0 {
            let manifest = self.backup.commit(end)?;
            self.report.committed(manifest);
        }
        Ok(())
    }
}

/// What was written and is no part of the backup yet.
#[derive(Default)]
struct Pending {
    /// Where it ends, if a frame ends there.
    end: Option<LogEnd>,
    bytes: u64,
}

/// What is printed.
struct Report {
    json: bool,
    follow: bool,
    /// The entries that the backup held before.
    entries: u64,
    /// The bytes of the log that arrived.
    bytes: u64,
}

impl Report {
    /// A copy that follows reports each step to whoever reads JSON.
    fn committed(&self, manifest: &Manifest) {
        if self.follow && self.json {
            say!("{}", self.value(manifest));
        }
    }

    fn end(&self, manifest: Option<&Manifest>) -> CommandResult {
        let Some(manifest) = manifest else { return Err(CommandError::Interrupted) };
        if self.json {
            say!("{}", self.value(manifest));
            return Ok(());
        }
        let (all, new) = (entries(manifest), entries(manifest) - self.entries);
        let newest = manifest.newest.map_or("none".to_owned(), china_time);
        say!("{all} entries, {new} of them new ({} bytes received); newest commit: {newest}; verified", self.bytes);
        Ok(())
    }

    fn value(&self, manifest: &Manifest) -> serde_json::Value {
        json!({
            "entries": entries(manifest), "new_entries": entries(manifest) - self.entries,
            "bytes_received": self.bytes, "log_bytes": manifest.bytes(), "segments": manifest.segments(),
            "newest_commit_time": manifest.newest.map(china_time),
        })
    }
}

fn entries(manifest: &Manifest) -> u64 {
    manifest.position.end.sequence
}
