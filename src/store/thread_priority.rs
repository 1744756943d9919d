//! The priority of threads whose work nobody at the counter waits for.

/// Lowers the priority of the calling thread alone: on Linux, `nice` is of a thread. 10 leaves it a tenth of a processor
/// that a thread of normal priority wants too.
pub fn lower_thread_priority(nice: i32) {
    if let Err(error) = rustix::process::nice(nice) {
        tracing::warn!(%error, "a thread for work in the background runs at normal priority");
    }
}
