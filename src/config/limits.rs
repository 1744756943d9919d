//! The keys under `[limits]` of a configuration file: name, meaning, bounds, and the field that each sets.

use std::num::NonZeroU32;

use crate::domain::claim::ClaimLimits;
use crate::domain::ids::MAX_ID_BYTES;
use crate::domain::money::Money;

use super::Config;

/// A key under `[limits]`.
pub struct LimitKey {
    /// The name of the key.
    pub name: &'static str,
    /// The meaning and unit, as operators read it above the key.
    pub about: &'static str,
    /// The least value that is accepted.
    pub min: u64,
    /// The greatest value that is accepted.
    pub max: u64,
    pub(super) get: fn(&Config) -> u64,
    pub(super) set: fn(&mut Config, u64),
}

/// Every key under `[limits]`.
pub const LIMIT_KEYS: &[LimitKey] = &[
    LimitKey {
        name: "in_flight",
        about: "Maximum calls in flight. The server permits 256 at first, more while so many are answered soon, and fewer, but at \
                least 128, while calls take too long; no caller has more than its share. It refuses further calls with \
                RESOURCE_EXHAUSTED before any work.",
        min: 1,
        max: 1_000_000,
        get: |config| config.server.in_flight as u64,
        set: |config, number| config.server.in_flight = number as usize,
    },
    LimitKey {
        name: "stream_window",
        about: "Maximum claims of one stream that the server holds until the caller has read their answers.",
        min: 1,
        max: 1_000_000,
        get: |config| config.server.stream_window as u64,
        set: |config, number| config.server.stream_window = number as usize,
    },
    LimitKey {
        name: "call_seconds",
        about: "Maximum seconds that a call may take. After that a call that may have committed ends with OUTCOME_UNKNOWN.",
        min: 1,
        max: 3_600,
        get: |config| config.server.call_seconds,
        set: |config, number| config.server.call_seconds = number,
    },
    LimitKey {
        name: "connections",
        about: "Maximum open connections. Further connections wait until one closes.",
        min: 1,
        max: 1_000_000,
        get: |config| config.server.connections as u64,
        set: |config, number| config.server.connections = number as usize,
    },
    LimitKey {
        name: "caller_connections",
        about: "Maximum open connections of one caller. The server closes further ones.",
        min: 1,
        max: 1_000_000,
        get: |config| config.server.caller_connections as u64,
        set: |config, number| config.server.caller_connections = number as usize,
    },
    LimitKey {
        name: "caller_streams",
        about: "Maximum open streams of one caller, imports included. The server refuses further ones with RESOURCE_EXHAUSTED.",
        min: 1,
        max: 1_000_000,
        get: |config| config.server.caller_streams as u64,
        set: |config, number| config.server.caller_streams = number as usize,
    },
    LimitKey {
        name: "stream_idle_seconds",
        about: "Maximum seconds until the next claim of a stream arrives. After that the stream ends with REQUEST_TIMED_OUT.",
        min: 1,
        max: 86_400,
        get: |config| config.server.stream_idle_seconds,
        set: |config, number| config.server.stream_idle_seconds = number,
    },
    LimitKey {
        name: "address_handshakes",
        about: "Maximum connections of one address that have not finished the TLS handshake and the HTTP/2 preface. The server closes further ones.",
        min: 1,
        max: 1_000_000,
        get: |config| config.server.address_handshakes as u64,
        set: |config, number| config.server.address_handshakes = number as usize,
    },
    LimitKey {
        name: "handshake_seconds",
        about: "Maximum seconds for the TLS handshake and the HTTP/2 preface of a connection.",
        min: 1,
        max: 300,
        get: |config| config.server.handshake_seconds,
        set: |config, number| config.server.handshake_seconds = number,
    },
    LimitKey {
        name: "idle_seconds",
        about: "Maximum seconds that a connection may be without a call. After that the server closes it.",
        min: 1,
        max: 86_400,
        get: |config| config.server.idle_seconds,
        set: |config, number| config.server.idle_seconds = number,
    },
    LimitKey {
        name: "unread_seconds",
        about: "Maximum seconds until a caller reads the next part of a response. After that the server closes the connection.",
        min: 1,
        max: 3_600,
        get: |config| config.server.unread_seconds,
        set: |config, number| config.server.unread_seconds = number,
    },
    LimitKey {
        name: "drain_seconds",
        about: "Maximum seconds that calls in flight may take when the server stops. After that the server closes what remains.",
        min: 1,
        max: 3_600,
        get: |config| config.server.drain_seconds,
        set: |config, number| config.server.drain_seconds = number,
    },
    LimitKey {
        name: "memory_bytes",
        about: "Maximum bytes of memory of all calls: 16 KiB and 8 times the request for each, and the response of a read. The server refuses further calls with RESOURCE_EXHAUSTED.",
        min: 1 << 20,
        max: 1 << 40,
        get: |config| config.server.memory_bytes as u64,
        set: |config, number| config.server.memory_bytes = number as usize,
    },
    LimitKey {
        name: "caller_memory_bytes",
        about: "Maximum bytes of memory of the calls of one caller.",
        min: 1 << 20,
        max: 1 << 40,
        get: |config| config.caller_limits.bytes as u64,
        set: |config, number| config.caller_limits.bytes = number as usize,
    },
    LimitKey {
        name: "connection_memory_bytes",
        about: "Maximum bytes of memory of the calls of one connection.",
        min: 1 << 20,
        max: 1 << 40,
        get: |config| config.server.connection_memory_bytes as u64,
        set: |config, number| config.server.connection_memory_bytes = number as usize,
    },
    LimitKey {
        name: "imports",
        about: "Maximum imports at once. The server refuses further imports with RESOURCE_EXHAUSTED.",
        min: 1,
        max: 1_000,
        get: |config| config.server.imports as u64,
        set: |config, number| config.server.imports = number as usize,
    },
    LimitKey {
        name: "caller_imports",
        about: "Maximum imports of one caller at once. The server refuses further imports with RESOURCE_EXHAUSTED.",
        min: 1,
        max: 1_000,
        get: |config| config.server.caller_imports as u64,
        set: |config, number| config.server.caller_imports = number as usize,
    },
    LimitKey {
        name: "import_seconds",
        about: "Maximum seconds that an import may take.",
        min: 1,
        max: 86_400,
        get: |config| config.server.import_seconds,
        set: |config, number| config.server.import_seconds = number,
    },
    LimitKey {
        name: "import_idle_seconds",
        about: "Maximum seconds until the next message of an import arrives. After that the import ends with REQUEST_TIMED_OUT.",
        min: 1,
        max: 3_600,
        get: |config| config.server.import_idle_seconds,
        set: |config, number| config.server.import_idle_seconds = number,
    },
    LimitKey {
        name: "reconciliations",
        about: "Maximum lists that are reconciled at once; each takes some 20 MB of memory, and twice the list on disk. The server refuses further lists with RESOURCE_EXHAUSTED. A list may take as long as an import.",
        min: 1,
        max: 1_000,
        get: |config| config.server.reconciliations as u64,
        set: |config, number| config.server.reconciliations = number as usize,
    },
    LimitKey {
        name: "caller_reconciliations",
        about: "Maximum lists of one caller that are reconciled at once. The server refuses further lists with RESOURCE_EXHAUSTED.",
        min: 1,
        max: 1_000,
        get: |config| config.server.caller_reconciliations as u64,
        set: |config, number| config.server.caller_reconciliations = number as usize,
    },
    LimitKey {
        name: "caller_in_flight",
        about: "Maximum calls in flight of a caller that has no `in_flight` in the file of callers.",
        min: 1,
        max: 1_000_000,
        get: |config| u64::from(config.caller_limits.in_flight),
        set: |config, number| config.caller_limits.in_flight = number as u32,
    },
    LimitKey {
        name: "caller_rate",
        about: "Maximum calls per second of a caller that has no `rate` in the file of callers.",
        min: 1,
        max: 1_000_000,
        get: |config| u64::from(config.caller_limits.rate.get()),
        set: |config, number| {
            config.caller_limits.rate = NonZeroU32::new(number as u32).unwrap_or(NonZeroU32::MIN);
        },
    },
    LimitKey {
        name: "message_bytes",
        about: "Maximum bytes of a request message.",
        min: 4_096,
        max: 64 << 20,
        get: |config| config.server.message_bytes as u64,
        set: |config, number| config.server.message_bytes = number as usize,
    },
    LimitKey {
        name: "items",
        about: "Maximum items of a claim.",
        min: 1,
        max: ClaimLimits::MAX_ITEMS as u64,
        get: |config| config.engine.limits.items as u64,
        set: |config, number| config.engine.limits.items = number as usize,
    },
    LimitKey {
        name: "id_bytes",
        about: "Maximum bytes of an id or code, in claims and in reference tables.",
        min: 16,
        max: MAX_ID_BYTES as u64,
        get: |config| config.engine.limits.id_bytes as u64,
        set: |config, number| config.engine.limits.id_bytes = number as usize,
    },
    LimitKey {
        name: "reason_bytes",
        about: "Maximum bytes of the reason of a reversal.",
        min: 16,
        max: 8_192,
        get: |config| config.engine.limits.reason_bytes as u64,
        set: |config, number| config.engine.limits.reason_bytes = number as usize,
    },
    LimitKey {
        name: "stay_days",
        about: "Maximum days from admission to discharge.",
        min: 1,
        max: 36_500,
        get: |config| u64::from(config.engine.limits.stay_days),
        set: |config, number| config.engine.limits.stay_days = number as u32,
    },
    LimitKey {
        name: "amount_yuan",
        about: "Maximum yuan of an amount or unit price, positive or negative.",
        min: 1_000,
        max: 1_000_000_000,
        get: |config| (config.engine.limits.amount.fen() / 100).unsigned_abs(),
        set: |config, number| config.engine.limits.amount = Money::from_fen(number as i64 * 100),
    },
    LimitKey {
        name: "conflict_retries",
        about: "Maximum retries of a commit when another commit for the same person came first.",
        min: 1,
        max: 10_000,
        get: |config| u64::from(config.engine.conflict_retries),
        set: |config, number| config.engine.conflict_retries = number as u32,
    },
    LimitKey {
        name: "rows_held",
        about: "Maximum rows of hospitals or catalogue in one import. The server holds them in memory.",
        min: 1_000,
        max: 10_000_000,
        get: |config| config.engine.rows_held as u64,
        set: |config, number| config.engine.rows_held = number as usize,
    },
];
