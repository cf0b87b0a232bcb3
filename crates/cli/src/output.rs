//! Standard output is data, standard error is talk. The only place that prints.

use std::io::{ErrorKind, Write};

use crate::failure::Failure;
use crate::plain::plain;

/// Exit code of a command whose output nobody reads to its end, as `corten ps | head -1`: that of a program that SIGPIPE ended,
/// and as little is said.
pub(crate) const UNREAD: i32 = 141;

/// Writes data.
///
/// # Errors
/// [`Failure::Unread`] when the reader has gone, [`Failure::File`] when the output is full.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            return Failure::Unread;
        }
        Failure::file("write", "standard output")(error)
    })
}

/// A line of data.
pub(crate) fn line(text: &str) {
    // An output that is full or gone has nobody to tell, and what the command is at goes on.
    let _nobody = write(&format!("{text}\n"));
}

/// A line of talk.
pub(crate) fn talk(text: &str) {
    // Not eprintln!: it panics where the stream is full or gone.
    let _nobody = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Talk as it is, without a newline of its own: a question, for example, behind which the answer is typed.
pub(crate) fn talk_on(text: &str) {
    let _nobody = std::io::stderr().write_all(text.as_bytes());
}

/// An error with its hint. What it names may be the image's or the container's: a line stays one, and does nothing to a terminal.
pub(crate) fn error(line: &str, hint: Option<&str>) {
    talk(&format!("error: {}", plain(line)));
    if let Some(hint) = hint {
        talk(&format!("hint: {}", plain(hint)));
    }
}
