//! Compiled profiles: made by apparmor_parser(8) once, kept, and given to the kernel by ourselves, so that no later boot waits for
//! the parser. What a text is compiled to depends on what the kernel can mediate, so both are in the name of the file that keeps it.
//! Sources: apparmor_parser(8); the kernel's security/apparmor/policy_unpack.c.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libcontainer::apparmor;
use sha2::Digest as _;
use sys::Errno;

use crate::programs::{find_program, told};

/// The program that compiles.
pub(crate) const PARSER: &str = "apparmor_parser";
/// Compiled forms that are kept: those of kernels that a machine goes back and forth between.
const MOST_KEPT: usize = 4;

/// A profile cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Nothing compiles it.
    #[error("{PARSER} is not installed")]
    NoParser,
    /// The parser could not be run.
    #[error("run {PARSER}")]
    Run(#[source] std::io::Error),
    /// The parser refuses the text.
    #[error("{PARSER} refuses it: {0}")]
    Refused(String),
    /// The kernel's list of what it mediates.
    #[error("read what the kernel mediates")]
    Features(#[source] Errno),
    /// The kernel refuses the compiled form.
    #[error("give it to the kernel")]
    Load(#[source] Errno),
}

/// Where the text comes from.
pub(crate) enum Source<'a> {
    /// Here it is.
    Text(&'a str),
    /// A file, which may include others.
    File(&'a Path),
}

/// Loads the text, compiled now or before. Returns once the kernel has it.
///
/// # Errors
/// [`PolicyError`] with the step that was refused.
pub(crate) fn load_kept(directory: &Path, text: &str) -> Result<(), PolicyError> {
    let place = directory.join(name(text)?);
    if let Ok(compiled) = std::fs::read(&place)
        && apparmor::replace(&compiled).is_ok()
    {
        return Ok(());
    }
    let compiled = compile(&Source::Text(text))?;
    apparmor::replace(&compiled).map_err(PolicyError::Load)?;
    keep(&place, &compiled);
    Ok(())
}

/// Whether [`load_kept`] would need no parser.
pub(crate) fn is_kept(directory: &Path, text: &str) -> bool {
    name(text).is_ok_and(|name| directory.join(name).exists())
}

/// A name for what this text becomes on this kernel.
fn name(text: &str) -> Result<String, PolicyError> {
    let features = apparmor::features().map_err(PolicyError::Features)?;
    let mut sum = sha2::Sha256::new();
    for part in [text.as_bytes()]
        .into_iter()
        .chain(features.iter().flat_map(|(path, contents)| [path.as_bytes(), contents.as_slice()]))
    {
        sum.update(part.len().to_le_bytes());
        sum.update(part);
    }
    Ok(spec::digest::hex(&sum.finalize()))
}

/// Best effort: without it the parser runs again after the next boot.
fn keep(place: &Path, compiled: &[u8]) {
    let (Some(directory), Some(name)) = (place.parent(), place.file_name()) else { return };
    // Who writes here makes policy for the machine.
    let _there = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let mut kept: Vec<(std::time::SystemTime, PathBuf)> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    kept.sort();
    let surplus = (kept.len() + 1).saturating_sub(MOST_KEPT);
    for (_, old) in kept.iter().take(surplus) {
        let _gone = std::fs::remove_file(old);
    }
    let _not_kept = store::write_atomic(directory, &name.to_string_lossy(), compiled);
}

/// What the kernel takes, of one profile or several.
pub(crate) fn compile(source: &Source<'_>) -> Result<Vec<u8>, PolicyError> {
    // Neither the kernel nor a cache of the parser's own is touched.
    run(&["--stdout", "--skip-cache", "--quiet"], source)
}

/// The names of the profiles in a text.
pub(crate) fn names(source: &Source<'_>) -> Result<Vec<String>, PolicyError> {
    let listed = run(&["--names", "--skip-cache", "--quiet"], source)?;
    Ok(String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect())
}

fn run(flags: &[&str], source: &Source<'_>) -> Result<Vec<u8>, PolicyError> {
    let program = find_program(PARSER).ok_or(PolicyError::NoParser)?;
    let mut command = Command::new(program);
    command.args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What the caller's environment says must not decide what a profile means.
    command.env_clear();
    match source {
        Source::Text(_) => command.stdin(Stdio::piped()),
        Source::File(path) => command.arg("--").arg(path),
    };
    let mut child = command.spawn().map_err(PolicyError::Run)?;
    if let (Some(mut input), Source::Text(text)) = (child.stdin.take(), source) {
        // It reads the whole text before it writes; one that ends early has said why.
        let _ended = input.write_all(text.as_bytes());
    }
    let output = child.wait_with_output().map_err(PolicyError::Run)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(PolicyError::Refused(told(&output)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_compiled_forms_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("apparmor");
        for number in 0..6 {
            keep(&place.join(number.to_string()), &[number]);
        }
        let kept = std::fs::read_dir(&place).unwrap().count();
        assert_eq!(kept, MOST_KEPT);
        assert_eq!(std::fs::read(place.join("5")).unwrap(), [5]);
    }
}
