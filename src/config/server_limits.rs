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
    /// Streams of one caller; further streams are refused.
    pub caller_streams: usize,
    /// Seconds in which the next claim of a stream must arrive.
    pub stream_idle_seconds: u64,
    /// Connections of one address that are in their handshake; further connections are closed.
    pub address_handshakes: usize,
    /// Seconds for the TLS handshake and the HTTP/2 preface.
    pub handshake_seconds: u64,
    /// Seconds that a connection may be without a call.
    pub idle_seconds: u64,
    /// Seconds in which a caller must read the next part of a response.
    pub unread_seconds: u64,
    /// Seconds in which calls in flight must end when the server stops.
    pub drain_seconds: u64,
    /// Bytes of memory of all calls, estimated by their requests and counted for their responses.
    pub memory_bytes: usize,
    /// Bytes of memory of the calls of one connection.
    pub connection_memory_bytes: usize,
    /// Imports at once; further imports are refused.
    pub imports: usize,
    /// Imports of one caller at once; further imports are refused.
    pub caller_imports: usize,
    /// Seconds that an import may take.
    pub import_seconds: u64,
    /// Seconds in which the next message of an import must arrive.
    pub import_idle_seconds: u64,
    /// Lists that are reconciled at once; further lists are refused.
    pub reconciliations: usize,
    /// Lists of one caller that are reconciled at once; further lists are refused.
    pub caller_reconciliations: usize,
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
            caller_streams: 64,
            stream_idle_seconds: 300,
            address_handshakes: 128,
            handshake_seconds: 5,
            idle_seconds: 300,
            unread_seconds: 20,
            drain_seconds: 30,
            memory_bytes: 256 << 20,
            connection_memory_bytes: 16 << 20,
            imports: 4,
            caller_imports: 2,
            import_seconds: 3_600,
            import_idle_seconds: 30,
            reconciliations: 4,
            caller_reconciliations: 2,
        }
    }
}
