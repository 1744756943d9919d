//! Backup: sends the log of a store and its secret, frame by frame, as fast as the caller takes it.
//!
//! A part is read when there is room for it, so a caller that reads slowly costs the memory of a few parts. A call that
//! follows waits for the log to grow. Before every read the caller is authorized again.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tracing::Instrument;

use crate::domain::fault::FaultReason;
use crate::engine::EngineError;
use crate::pb::operations as pb;
use crate::pb::operations::backup_response::Part;
use crate::store::backup::{BackupCursor, BackupPart, BackupPosition, BackupReader, BackupRefusal, LogEnd};
use crate::telemetry::LIFE;

use super::authorize::{Authorizer, Permitted};
use super::call_resources::MemoryPermit;
use super::disclosures::Disclosures;
use super::error::CallError;

/// The parts that wait to be taken by the transport.
const PARTS: usize = 4;

/// The memory of a backup: the longest frame, what is read with it, and the parts that wait.
const MEMORY: usize = 11 << 20;

/// The most backups at once.
const BACKUPS: usize = 4;

/// The parts of a backup as they are sent.
pub type BackupStream = ReceiverStream<Result<pb::BackupResponse, Status>>;

/// What all backups of a server have in common.
pub struct Backups {
    reader: Option<BackupReader>,
    running: Arc<Semaphore>,
    authorizer: Arc<Authorizer>,
    disclosures: Arc<Disclosures>,
    shutdown: watch::Receiver<bool>,
}

impl Backups {
    /// Backups of the store that this reader reads; `None` if the store cannot be read so. They end when `shutdown`
    /// becomes true.
    pub fn new(
        reader: Option<BackupReader>,
        authorizer: Arc<Authorizer>,
        disclosures: Arc<Disclosures>,
        shutdown: watch::Receiver<bool>,
    ) -> Backups {
        Backups { reader, running: Arc::new(Semaphore::new(BACKUPS)), authorizer, disclosures, shutdown }
    }

    /// Begins to send a backup.
    ///
    /// # Errors
    /// If the store does not continue it, there is no room for a further one, or the access log cannot be written.
    pub(super) fn begin(&self, permitted: Permitted, request: pb::BackupRequest) -> Result<BackupStream, CallError> {
        let reader = self.reader.as_ref().ok_or(CallError::BackupUnavailable)?;
        let after = request.after.map(position).transpose()?;
        let cursor = reader.cursor(after).map_err(refused)?;
        let running = Arc::clone(&self.running).try_acquire_owned().map_err(|_full| CallError::Overloaded)?;
        let memory = permitted.resources.limits.try_acquire(MEMORY)?;
        self.disclosures.log_everything(&permitted)?;
        let (parts, taken) = mpsc::channel(PARTS);
        let (caller, follow) = (&*permitted.caller.name, request.follow);
        tracing::info!(target: LIFE, caller, follow, lsn = cursor.end().lsn, "a backup begins");
        let sending = Sending {
            ends: reader.ends(),
            identity: *reader.identity(),
            secret: reader.secret().0.to_vec(),
            authorizer: Arc::clone(&self.authorizer),
            permitted,
            follow,
            parts,
            _held: (running, memory),
        };
        tokio::spawn(sending.run(cursor, self.shutdown.clone()).in_current_span());
        Ok(ReceiverStream::new(taken))
    }
}

/// A backup that is being sent.
struct Sending {
    ends: watch::Receiver<LogEnd>,
    identity: [u8; 16],
    secret: Vec<u8>,
    authorizer: Arc<Authorizer>,
    permitted: Permitted,
    follow: bool,
    parts: mpsc::Sender<Result<pb::BackupResponse, Status>>,
    _held: (OwnedSemaphorePermit, MemoryPermit),
}

/// The caller is gone.
struct Gone;

impl Sending {
    async fn run(mut self, cursor: BackupCursor, mut shutdown: watch::Receiver<bool>) {
        let parts = self.parts.clone();
        let error = tokio::select! {
            biased;
            () = parts.closed() => return,
            _ = shutdown.wait_for(|stop| *stop) => CallError::Stopping,
            sent = self.send_log(cursor) => match sent {
                Ok(()) => return,
                Err(error) => error,
            },
        };
        let _gone = parts.send(Err(error.into())).await;
    }

    async fn send_log(&mut self, mut cursor: BackupCursor) -> Result<(), CallError> {
        let start = Part::Start(pb::BackupStart { secret: std::mem::take(&mut self.secret) });
        if self.send(start).await.is_err() || self.send(self.end_part(cursor.end())).await.is_err() {
            return Ok(());
        }
        loop {
            let until = *self.ends.borrow_and_update();
            loop {
                self.authorizer.reauthorize(&self.permitted)?;
                let before = cursor.end();
                let (read, parts) = read(cursor, until).await?;
                cursor = read;
                if cursor.end() == before {
                    break;
                }
                for part in parts {
                    if self.send(self.message(part)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            if !self.follow || self.ends.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn send(&self, part: Part) -> Result<(), Gone> {
        self.parts.send(Ok(pb::BackupResponse { part: Some(part) })).await.map_err(|_closed| Gone)
    }

    fn message(&self, part: BackupPart) -> Part {
        match part {
            BackupPart::Segment { number, head } => Part::Segment(pb::BackupSegment { number, head: head.into() }),
            BackupPart::Bytes { lsn, bytes } => Part::Bytes(pb::BackupBytes { lsn, data: bytes.into() }),
            BackupPart::End(end) => self.end_part(end),
        }
    }

    fn end_part(&self, LogEnd { lsn, chain, sequence }: LogEnd) -> Part {
        Part::End(pb::BackupEnd { store_identity: self.identity.to_vec(), lsn, chain, entries: sequence })
    }
}

/// Reads the next parts on a thread that may wait for the disk.
async fn read(mut cursor: BackupCursor, until: LogEnd) -> Result<(BackupCursor, Vec<BackupPart>), CallError> {
    let read = tokio::task::spawn_blocking(move || {
        let parts = cursor.read(until);
        (cursor, parts)
    });
    let (cursor, parts) = read.await.map_err(|ended| CallError::Internal(format!("a read ended: {ended}")))?;
    Ok((cursor, parts.map_err(|error| refused(BackupRefusal::Unreadable(error)))?))
}

fn refused(refusal: BackupRefusal) -> CallError {
    match refusal {
        BackupRefusal::Unreadable(error) => {
            tracing::error!(%error, "the log cannot be read for a backup");
            EngineError::StoreUnavailable.into()
        }
        refusal => CallError::BackupNotContinued(refusal),
    }
}

fn position(after: pb::BackupEnd) -> Result<BackupPosition, CallError> {
    let identity = after.store_identity.try_into().map_err(|_| {
        CallError::invalid_field("after.store_identity", FaultReason::Unreadable, "must be 16 bytes long")
    })?;
    let end = LogEnd { lsn: after.lsn, chain: after.chain, sequence: after.entries };
    Ok(BackupPosition { identity, end })
}
