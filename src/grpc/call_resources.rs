//! What a call holds until its work is done and its response was written: a place among the calls in flight, and memory.
//!
//! The memory of a call is estimated by the bytes of its request, before its message is decoded: decoded, adjudicated and
//! answered, a claim takes several times its bytes. What a read answers is counted when it is known.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::access::byte_limit::{self, ByteLimit};
use crate::access::fair_limit::CallInFlight;
use crate::access::keyed_limit::KeyedPermit;
use crate::access::{AccessError, Caller};

use super::error::CallError;
use super::open_calls::OpenCalls;

/// The memory of a call besides its message.
const CALL_BYTES: usize = 16 << 10;

/// The memory that a claim takes, for each byte of its message.
const MEMORY_PER_REQUEST_BYTE: usize = 8;

/// How long a caller waits before it retries a call that was refused for its bytes.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The memory of a call whose request has this many bytes, in whole units.
pub(super) fn request_memory(bytes: usize) -> usize {
    let memory = bytes.saturating_mul(MEMORY_PER_REQUEST_BYTE).saturating_add(CALL_BYTES);
    memory.div_ceil(byte_limit::UNIT) * byte_limit::UNIT
}

/// The limits on memory that apply to a call: of its connection, its caller, and the server.
#[derive(Clone)]
pub(super) struct MemoryLimits {
    pub(super) connection: Option<Arc<OpenCalls>>,
    pub(super) caller: Arc<Caller>,
    pub(super) server: Arc<ByteLimit>,
}

/// Memory that a call holds, at most one permit of each limit.
pub(super) type MemoryPermit = Vec<OwnedSemaphorePermit>;

impl MemoryLimits {
    /// The most that a call can hold: the smallest of the limits.
    pub(super) fn max_call_bytes(&self) -> usize {
        let connection = self.connection.as_ref().map_or(usize::MAX, |connection| connection.bytes.bytes());
        connection.min(self.caller.allowance.bytes().bytes()).min(self.server.bytes())
    }

    /// Holds so many bytes.
    ///
    /// # Errors
    /// If a limit leaves no room.
    pub(super) fn try_acquire(&self, bytes: usize) -> Result<MemoryPermit, CallError> {
        let mut held = Vec::with_capacity(3);
        if let Some(connection) = &self.connection {
            held.push(connection.bytes.try_acquire(bytes).ok_or_else(limit_exceeded)?);
        }
        held.push(self.caller.allowance.bytes().try_acquire(bytes).ok_or_else(limit_exceeded)?);
        held.push(self.server.try_acquire(bytes).ok_or(CallError::Overloaded)?);
        Ok(held)
    }

    /// Holds so many bytes as soon as there is room: a stream is slowed down, not refused.
    pub(super) async fn acquire(&self, bytes: usize) -> Option<MemoryPermit> {
        let mut held = Vec::with_capacity(3);
        if let Some(connection) = &self.connection {
            held.push(connection.bytes.acquire(bytes).await?);
        }
        held.push(self.caller.allowance.bytes().acquire(bytes).await?);
        held.push(self.server.acquire(bytes).await?);
        Some(held)
    }
}

fn limit_exceeded() -> CallError {
    AccessError::LimitExceeded { retry_after: RETRY_DELAY }.into()
}

/// A place among the calls in flight.
pub(super) enum CallPermit {
    /// Among those of the caller, and among all.
    Unary { _own: OwnedSemaphorePermit, _of_all: CallInFlight },
    /// Among the streams of the caller; each claim of a stream takes places of its own.
    Stream { _own: KeyedPermit<Arc<str>> },
}

/// What a call holds.
pub(super) struct CallResources {
    _permit: CallPermit,
    pub(super) limits: MemoryLimits,
    memory: Mutex<CallMemory>,
}

/// The memory that a call holds.
#[derive(Default)]
struct CallMemory {
    permit: MemoryPermit,
    /// The part of it that is held for the request.
    request: usize,
}

impl CallResources {
    pub(super) fn new(permit: CallPermit, limits: MemoryLimits) -> CallResources {
        CallResources { _permit: permit, limits, memory: Mutex::default() }
    }

    /// Holds the memory of a request of which so many bytes have arrived, or are known after decompression. A request that
    /// needs more than there is needs all of it.
    ///
    /// # Errors
    /// If a limit leaves no room.
    pub(super) fn hold_request(&self, bytes: usize) -> Result<(), CallError> {
        let needed = request_memory(bytes).min(self.limits.max_call_bytes());
        let mut memory = self.lock();
        let more = needed.saturating_sub(memory.request);
        memory.request += more;
        if more == 0 { Ok(()) } else { self.add(&mut memory, more) }
    }

    /// Holds so many further bytes.
    ///
    /// # Errors
    /// If a limit leaves no room.
    pub(super) fn acquire_memory(&self, bytes: usize) -> Result<(), CallError> {
        self.add(&mut self.lock(), bytes)
    }

    fn add(&self, memory: &mut CallMemory, bytes: usize) -> Result<(), CallError> {
        let more = self.limits.try_acquire(bytes)?;
        if memory.permit.is_empty() {
            memory.permit = more;
            return Ok(());
        }
        memory.permit.iter_mut().zip(more).for_each(|(held, more)| held.merge(more));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, CallMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallResources")
    }
}
