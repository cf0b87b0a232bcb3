//! Where a server tells what it was asked for: a line for each request if that is wanted, and one for each that a policy refuses in any case.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// A log of requests.
pub struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    every_request: bool,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("every_request", &self.every_request).finish_non_exhaustive()
    }
}

impl Log {
    /// Writes lines somewhere: of every request, or of refused ones alone.
    pub fn to(out: impl Write + Send + 'static, every_request: bool) -> Self {
        Self { out: Mutex::new(Box::new(out)), every_request }
    }

    /// Whether requests are told.
    pub(crate) const fn tells_requests(&self) -> bool {
        self.every_request
    }

    /// Tells something.
    pub(crate) fn always(&self, text: &str) {
        // What comes from outside has no line ends and no codes for terminals.
        let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
        let text: String = text.chars().map(plain).collect();
        let line = format!("{} {text}\n", engine::format_time(engine::now_ns()));
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody may read it any more, and the server goes on.
        let _unread = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}
