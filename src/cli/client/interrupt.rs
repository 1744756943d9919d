//! Ctrl-C of a command that works through many claims: it begins nothing more and prints what it has done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Becomes true at the first Ctrl-C; a second one ends the process.
pub(crate) fn flag() -> Arc<AtomicBool> {
    let (flag, set) = (Arc::new(AtomicBool::new(false)), pressed());
    let interrupted = Arc::clone(&flag);
    tokio::spawn(async move {
        set.await;
        interrupted.store(true, Ordering::Relaxed);
        pressed().await;
        std::process::exit(130);
    });
    flag
}

/// Completes at Ctrl-C; never if it cannot be caught.
pub(crate) async fn pressed() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
