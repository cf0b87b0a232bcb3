//! Standard output is data, standard error is talk. The only place that prints.

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
    // Not eprintln!: it panics where the stream is full or gone.
    let _nobody = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Talk as it is, without a newline of its own: a question, for example, behind which the answer is typed.
pub(crate) fn talk_on(text: &str) {
    let _nobody = std::io::stderr().write_all(text.as_bytes());
}

/// An error with its hint.
pub(crate) fn error(line: &str, hint: Option<&str>) {
    talk(&format!("error: {line}"));
    if let Some(hint) = hint {
        talk(&format!("hint: {hint}"));
    }
}
