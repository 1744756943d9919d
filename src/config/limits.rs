//! Every limit of a server: its key, what it is, and its bounds.

use std::num::NonZeroU32;

use crate::domain::money::Money;

use super::Config;

/// A limit: its key, what it is, its bounds, and its place.
pub struct Limit {
    /// Its key under `[limits]`.
    pub key: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// The least that it may be.
    pub least: u64,
    /// The most that it may be.
    pub most: u64,
    pub(super) get: fn(&Config) -> u64,
    pub(super) set: fn(&mut Config, u64),
}

/// Every limit.
pub const LIMITS: &[Limit] = &[
    Limit {
        key: "in_flight",
        about: "calls in flight; those beyond are shed before any work",
        least: 1,
        most: 1_000_000,
        get: |config| config.limits.in_flight as u64,
        set: |config, number| config.limits.in_flight = number as usize,
    },
    Limit {
        key: "stream_window",
        about: "claims of one stream that are taken and whose answers were not read",
        least: 1,
        most: 1_000_000,
        get: |config| config.limits.stream_window as u64,
        set: |config, number| config.limits.stream_window = number as usize,
    },
    Limit {
        key: "call_seconds",
        about: "seconds that a call may take; what may have committed by then is OUTCOME_UNKNOWN",
        least: 1,
        most: 3_600,
        get: |config| config.limits.call_seconds,
        set: |config, number| config.limits.call_seconds = number,
    },
    Limit {
        key: "connections",
        about: "connections; those beyond wait to be taken",
        least: 1,
        most: 1_000_000,
        get: |config| config.limits.connections as u64,
        set: |config, number| config.limits.connections = number as usize,
    },
    Limit {
        key: "caller_connections",
        about: "connections of one caller; those beyond are closed",
        least: 1,
        most: 1_000_000,
        get: |config| config.limits.caller_connections as u64,
        set: |config, number| config.limits.caller_connections = number as usize,
    },
    Limit {
        key: "caller_in_flight",
        about: "calls of one caller in flight, where its entry names no number",
        least: 1,
        most: 1_000_000,
        get: |config| u64::from(config.caller_bounds.in_flight),
        set: |config, number| config.caller_bounds.in_flight = number as u32,
    },
    Limit {
        key: "caller_rate",
        about: "calls of one caller a second, where its entry names no number",
        least: 1,
        most: 1_000_000,
        get: |config| u64::from(config.caller_bounds.rate.get()),
        set: |config, number| {
            config.caller_bounds.rate = NonZeroU32::new(number as u32).unwrap_or(NonZeroU32::MIN);
        },
    },
    Limit {
        key: "message_bytes",
        about: "bytes of a message",
        least: 4_096,
        most: 64 << 20,
        get: |config| config.limits.message_bytes as u64,
        set: |config, number| config.limits.message_bytes = number as usize,
    },
    Limit {
        key: "items",
        about: "items of a claim",
        least: 1,
        // An item's entry of the catalogue is named by a number of 16 bits.
        most: 65_535,
        get: |config| config.settings.limits.items as u64,
        set: |config, number| config.settings.limits.items = number as usize,
    },
    Limit {
        key: "id_bytes",
        about: "bytes of an id or a code",
        least: 16,
        most: 256,
        get: |config| config.settings.limits.id_bytes as u64,
        set: |config, number| config.settings.limits.id_bytes = number as usize,
    },
    Limit {
        key: "reason_bytes",
        about: "bytes of the reason of a reversal",
        least: 16,
        most: 8_192,
        get: |config| config.settings.limits.reason_bytes as u64,
        set: |config, number| config.settings.limits.reason_bytes = number as usize,
    },
    Limit {
        key: "amount_yuan",
        about: "yuan that an amount or a price lies within, plus and minus",
        least: 1_000,
        most: 1_000_000_000,
        get: |config| (config.settings.limits.amount.fen() / 100).unsigned_abs(),
        set: |config, number| config.settings.limits.amount = Money::from_fen(number as i64 * 100),
    },
    Limit {
        key: "conflict_retries",
        about: "times that a commit is tried again when the person moved meanwhile",
        least: 1,
        most: 10_000,
        get: |config| u64::from(config.settings.conflict_retries),
        set: |config, number| config.settings.conflict_retries = number as u32,
    },
    Limit {
        key: "rows_held",
        about: "rows of hospitals or catalogue in one import, which are held in memory",
        least: 1_000,
        most: 10_000_000,
        get: |config| config.settings.rows_held as u64,
        set: |config, number| config.settings.rows_held = number as usize,
    },
];
