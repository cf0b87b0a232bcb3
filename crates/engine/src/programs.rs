//! Programs of the machine that are run where they are installed.

use std::path::{Path, PathBuf};
use std::process::Output;

/// The usual places, whatever the caller's PATH is.
pub(crate) const DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Where a program is, if it is in one of them.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let places = DIRECTORIES.iter().map(|place| Path::new(place).join(name));
    places.into_iter().find(|path| path.exists())
}

/// Why a program says that it refused, in one line.
pub(crate) fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() { output.status.to_string() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn what_a_program_says_is_one_line() {
        let said = |text: &str| {
            let (stdout, stderr) = (Vec::new(), text.as_bytes().to_vec());
            told(&Output { status: ExitStatus::from_raw(1 << 8), stdout, stderr })
        };
        assert_eq!(said("syntax error\n  at line 3\n"), "syntax error at line 3");
        assert_eq!(said("\n"), "exit status: 1");
    }
}
