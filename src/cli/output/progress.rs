//! A progress bar on standard error; hidden if standard error is not a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over this many bytes; a spinner if the total is unknown.
    pub(crate) fn in_bytes(total: Option<u64>) -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let shape = "{bar:40} {bytes}/{total_bytes}, {elapsed}, {eta} to go; {msg}";
        if let (Some(_), Ok(style)) = (total, ProgressStyle::with_template(shape)) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }

    /// A bar over a sequence of stages.
    pub(crate) fn in_stages() -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len}, {elapsed}; {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }

    /// Shows the progress of a stage.
    pub(crate) fn set_stage(&self, stage: &'static str, done: u64, total: u64) {
        if !self.0.is_hidden() {
            self.0.set_length(total);
            self.0.set_position(done);
            self.0.set_message(stage);
        }
    }

    /// Shows the bytes done so far and a message.
    pub(crate) fn set_bytes(&self, bytes: u64, message: impl FnOnce() -> String) {
        if !self.0.is_hidden() {
            self.0.set_position(bytes);
            self.0.set_message(message());
        }
    }

    /// Shows the seconds of a time that is limited, and a message.
    pub(crate) fn set_seconds(&self, seconds: u64, limit: u64, message: impl FnOnce() -> String) {
        if !self.0.is_hidden() {
            self.0.set_length(limit);
            self.0.set_position(seconds);
            self.0.set_message(message());
        }
    }

    /// Hides the bar while `write` prints.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        self.0.suspend(write);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
