//! The `onestop` program: starts telemetry and the runtime, and runs a command.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use onestop::cli::output::line::output_error;
use onestop::cli::{self, Command};
use onestop::say_error;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that still work when a command has ended are waited for.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let command = Command::parse();
    let telemetry = match command.start_telemetry() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            error.lines().iter().for_each(|line| say_error!("{line}"));
            return error.exit_code();
        }
    };
    let runtime = match command.runtime().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say_error!("the runtime cannot start: {error}");
            return ExitCode::from(3);
        }
    };
    let ended = runtime.block_on(cli::run(command, &telemetry));
    // What still runs on another thread does not delay the end of the process for ever.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    telemetry.shutdown();
    match ended {
        Ok(()) => match output_error() {
            None => ExitCode::SUCCESS,
            Some(error) => {
                say_error!("standard output is not complete: {error}");
                ExitCode::from(3)
            }
        },
        Err(error) => {
            error.lines().iter().for_each(|line| say_error!("{line}"));
            error.exit_code()
        }
    }
}
