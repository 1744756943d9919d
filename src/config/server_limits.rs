//! The limits of a server as a whole.

/// The limits of a server as a whole, over all callers.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Calls in flight; further calls are refused with RESOURCE_EXHAUSTED.
    pub in_flight: usize,
    /// Bytes of a message.
    pub message_bytes: usize,
    /// Claims of one stream that are accepted before the caller has read their answers.
    pub stream_window: usize,
    /// Seconds that a call may take; a caller's own deadline may be shorter.
    pub call_seconds: u64,
    /// Open connections; further connections wait until one closes.
    pub connections: usize,
    /// Open connections of one caller; further connections are closed.
    pub caller_connections: usize,
    /// Imports at once; further imports are refused.
    pub imports: usize,
    /// Imports of one caller at once; further imports are refused.
    pub caller_imports: usize,
    /// Seconds that an import may take.
    pub import_seconds: u64,
    /// Seconds in which the next message of an import must arrive.
    pub import_idle_seconds: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            in_flight: 1_024,
            message_bytes: 4 << 20,
            stream_window: 256,
            call_seconds: 60,
            connections: 4_096,
            caller_connections: 64,
            imports: 4,
            caller_imports: 2,
            import_seconds: 3_600,
            import_idle_seconds: 30,
        }
    }
}
