//! Standard output is data, standard error is talk. The only place that prints.
#![expect(clippy::print_stderr, reason = "this is the place")]

use std::io::Write;

/// Whether the reader has gone: `corten ps | head -1` is no error.
pub(crate) fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A line of data.
pub(crate) fn line(text: &str) {
    // An output that is full or gone has nobody to tell.
    let _nobody = write(&format!("{text}\n"));
}

/// A line of talk.
pub(crate) fn talk(text: &str) {
    eprintln!("{text}");
}

/// An error with its hint.
pub(crate) fn error(line: &str, hint: Option<&str>) {
    eprintln!("error: {line}");
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}
