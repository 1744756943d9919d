//! A bar on standard error that shows how far a long command is; nothing where that is no terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The bar.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar over so many bytes, or one that only turns where nobody knows how many there are.
    pub fn of_bytes(total: Option<u64>) -> Progress {
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

    /// A bar over what is counted, one stage after the other.
    pub fn of_stages() -> Progress {
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

    /// Shows how far a stage is.
    pub fn at_stage(&self, stage: &'static str, done: u64, all: u64) {
        if !self.0.is_hidden() {
            self.0.set_length(all);
            self.0.set_position(done);
            self.0.set_message(stage);
        }
    }

    /// Shows how far it is, and what was done.
    pub fn at(&self, bytes: u64, told: impl FnOnce() -> String) {
        if !self.0.is_hidden() {
            self.0.set_position(bytes);
            self.0.set_message(told());
        }
    }

    /// Writes to the terminal without the bar in between.
    pub fn aside(&self, write: impl FnOnce()) {
        self.0.suspend(write);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
