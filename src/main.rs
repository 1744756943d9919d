//! The `onestop` program: starts logging and the runtime, and runs a command.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use onestop::cli::{self, Command};
use onestop::say_error;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that still work when a command has ended are waited for.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let command = Command::parse();
    start_log();
    // One thread serves and one commits, which is faster and steadier on few cores than a thread pool.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say_error!("the runtime cannot start: {error}");
            return ExitCode::from(3);
        }
    };
    let ended = runtime.block_on(cli::run(command));
    // What still runs on another thread does not delay the end of the process for ever.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.lines().iter().for_each(|line| say_error!("{line}"));
            error.exit_code()
        }
    }
}

/// Logs to standard error: as text to a terminal, otherwise as JSON lines.
fn start_log() {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_from_env("ONESTOP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { log.init() } else { log.json().init() }
}
