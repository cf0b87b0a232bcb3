//! Secrets and configs through the program: their commands, what a container has of them, that no disk ever sees a content, and
//! what becomes of them when keys, disks and processes fail.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod life;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod unseen;

#[cfg(test)]
use testkit::Corten;

#[cfg(test)]
fn corten() -> Corten {
    Corten::new(env!("CARGO_BIN_EXE_corten"))
}

#[cfg(test)]
fn with_busybox() -> Corten {
    Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
}

/// Makes a secret; gives its id.
#[cfg(test)]
#[track_caller]
fn create(corten: &Corten, words: &[&str], content: &[u8]) -> String {
    let finished = corten.run_with(&[&["secret", "create"], words, &["-"]].concat(), content);
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{words:?}");
    finished.stdout.trim_end().to_owned()
}

/// Writes a file of a test's own.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
