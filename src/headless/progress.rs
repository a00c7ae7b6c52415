//! One line on standard error while a long piece of work goes on; nothing when nobody watches.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Work that takes less shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// The line changes at most this often.
const INTERVAL: Duration = Duration::from_millis(100);

/// A line that overwrites itself.
#[derive(Debug)]
pub struct Progress {
    due: Cell<Option<Instant>>,
    shown: Cell<bool>,
}

impl Progress {
    /// Silent where standard error is not a terminal.
    #[must_use]
    pub fn detect() -> Self {
        let due = stderr().is_terminal().then(|| Instant::now() + PATIENCE);
        Self { due: Cell::new(due), shown: Cell::new(false) }
    }

    pub(super) fn show(&self, what: &str, done: usize, total: usize) {
        self.say(&format!("{what}: {done} of {total} tokens"));
    }

    pub(super) fn say(&self, text: &str) {
        let now = Instant::now();
        if self.due.get().is_some_and(|due| now >= due) {
            self.due.set(Some(now + INTERVAL));
            self.shown.set(true);
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "\r{text}\x1b[K");
        }
    }

    pub(super) fn clear(&self) {
        if self.shown.replace(false) {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
