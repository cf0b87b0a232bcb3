//! Files that are made from the program's own tables: manual pages and completions. The tables are in the crate `cli`, and
//! so are the two tests that write the files and hold them against the tables; here they are only called.

use std::process::Command;

use anyhow::{Context, bail};

/// Writes `man` and `completions` anew.
///
/// # Errors
/// When the crate `cli` does not build.
pub(crate) fn run() -> anyhow::Result<()> {
    test("generated::tests::write", &["--ignored"])
}

/// Whether they are as the tables say.
///
/// # Errors
/// With the names of those that are not.
pub(crate) fn check() -> anyhow::Result<()> {
    test("generated::tests::are_fresh", &[])
}

fn test(name: &str, more: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    // Of the whole workspace, as every other build here: a package alone has other features of what it uses, and would be built
    // with all of it once more.
    let selection = ["--workspace", "--bin", "corten"];
    command.args(["test", "--quiet"]).args(selection).args(["--", "--exact", name]);
    let output = command.args(more).output().with_context(|| format!("run {command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("{}", String::from_utf8_lossy(&said).trim());
}
