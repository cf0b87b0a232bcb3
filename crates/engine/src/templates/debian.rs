//! A Debian or Ubuntu system, made by mmdebstrap or debootstrap from the machine's own package sources unless told otherwise.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{failed, find_program, tell};
use crate::error::EngineError;

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct DebianRequest {
    /// Name of the release; the machine's own otherwise.
    pub suite: Option<String>,
    /// Package archive; the machine's own otherwise.
    pub mirror: Option<String>,
    /// Packages beyond the essential ones and apt.
    pub packages: Vec<String>,
}

impl DebianRequest {
    /// The release, checked: it goes into an image's tag and onto a command line.
    pub(super) fn suite(&self) -> Result<String, EngineError> {
        let suite = self
            .suite
            .clone()
            .or_else(|| os_release("VERSION_CODENAME"))
            .unwrap_or_else(|| "stable".to_owned());
        let valid = suite
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
            && !suite.starts_with('-');
        if valid && !suite.is_empty() {
            Ok(suite)
        } else {
            Err(EngineError::value("suite", suite, "it is no name of a release"))
        }
    }
}

/// The program that will be used.
pub(super) fn builder() -> Option<&'static str> {
    ["mmdebstrap", "debootstrap"].into_iter().find(|name| find_program(name).is_some())
}

/// Starts the builder; its standard output is the archive.
pub(super) fn start(request: &DebianRequest, suite: &str) -> Result<Child, EngineError> {
    let builder = builder().ok_or_else(|| {
        failed(
            "debian",
            "neither mmdebstrap nor debootstrap is on this machine: install the package mmdebstrap",
        )
    })?;
    let mirror = request.mirror.clone().or_else(own_mirror);
    let packages = request.packages.join(",");
    if packages
        .bytes()
        .any(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'+' | b',')))
    {
        return Err(EngineError::value("packages", packages, "they are no names of packages"));
    }
    tell(&format!("building debian:{suite} with {builder}"));
    let mut command = if builder == "mmdebstrap" {
        mmdebstrap(suite, mirror.as_deref(), &packages)
    } else {
        debootstrap(suite, mirror.as_deref(), &packages)
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(EngineError::file("run", Path::new(builder)))
}

fn mmdebstrap(suite: &str, mirror: Option<&str>, packages: &str) -> Command {
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=apt", "--format=tar"]);
    // It copies this machine's into the image otherwise. mmdebstrap(1), "OPERATION".
    let empty =
        super::OWN_FILES.map(|path| format!(r#"rm -f "$1/{path}"; : > "$1/{path}""#)).join("; ");
    command.arg(format!("--customize-hook={empty}"));
    if !packages.is_empty() {
        command.arg(format!("--include={packages}"));
    }
    command.args([suite, "-"]).args(mirror);
    command
}

/// debootstrap fills a directory: a shell makes one that goes away with it, and packs it.
fn debootstrap(suite: &str, mirror: Option<&str>, packages: &str) -> Command {
    let script = r#"set -e; d=$(mktemp -d); trap 'rm -rf --one-file-system "$d"' EXIT
        debootstrap --variant=minbase ${3:+--include="$3"} "$1" "$d/root" ${2:+"$2"} >&2
        shift 3; for f; do rm -f "$d/root/$f"; : > "$d/root/$f"; done
        tar --numeric-owner --xattrs -C "$d/root" -cf - ."#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", suite, mirror.unwrap_or_default(), packages])
        .args(super::OWN_FILES);
    command
}

/// The first archive of the distribution that this machine's APT uses: APT itself reads its sources, in both formats.
fn own_mirror() -> Option<String> {
    let listed = Command::new("apt-get")
        .args([
            "indextargets",
            "--no-release-info",
            "--format",
            "$(REPO_URI)",
            "Identifier: Packages",
        ])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(listed.stdout).ok()?;
    text.lines()
        .find(|uri| {
            ["/debian", "/ubuntu"].iter().any(|end| uri.trim_end_matches('/').ends_with(end))
        })
        .map(str::to_owned)
}

fn os_release(name: &str) -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}
