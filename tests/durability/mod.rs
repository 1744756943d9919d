//! What was acknowledged stays: a killed server, and the order of writes, syncs and answers.

mod checker;
mod closing;
mod first_opening;
mod images;
mod kill;
mod parts;
mod reference_tables;
mod retroactive;
mod sync;
mod trace;

use crate::support::program::Serve;

/// Asks a server to end, and waits on a thread of its own: the clients here have to hear of it too.
async fn ended(serve: Serve) -> Option<i32> {
    tokio::task::spawn_blocking(|| serve.end()).await.expect("no panic")
}
