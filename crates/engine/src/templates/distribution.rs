//! A Debian or Ubuntu system, made by mmdebstrap or debootstrap from the machine's own package sources unless told otherwise.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{failed, tell};
use crate::error::EngineError;
use crate::programs::find_program;

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
    let sources = match &request.mirror {
        Some(mirror) => vec![mirror.clone()],
        None => sources_for(suite, &own_sources()),
    };
    let packages = request.packages.join(",");
    if packages
        .bytes()
        .any(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'+' | b',')))
    {
        return Err(EngineError::value("packages", packages, "they are no names of packages"));
    }
    tell(&format!("building debian:{suite} with {builder}"));
    let mut command = if builder == "mmdebstrap" {
        mmdebstrap(suite, &sources, &packages)
    } else {
        debootstrap(suite, sources.first().map_or("", |source| uri_of(source)), &packages)
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(EngineError::file("run", Path::new(builder)))
}

fn mmdebstrap(suite: &str, sources: &[String], packages: &str) -> Command {
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=apt", "--format=tar"]);
    // It copies this machine's into the image otherwise. mmdebstrap(1), "OPERATION".
    let empty =
        super::OWN_FILES.map(|path| format!(r#"rm -f "$1/{path}"; : > "$1/{path}""#)).join("; ");
    command.arg(format!("--customize-hook={empty}"));
    if !packages.is_empty() {
        command.arg(format!("--include={packages}"));
    }
    command.args([suite, "-"]).args(sources);
    command
}

/// debootstrap fills a directory: a shell makes one that goes away with it, takes out what APT has downloaded, and packs it.
fn debootstrap(suite: &str, mirror: &str, packages: &str) -> Command {
    let script = r#"set -e; d=$(mktemp -d); trap 'rm -rf --one-file-system "$d"' EXIT
        debootstrap --variant=minbase ${3:+--include="$3"} "$1" "$d/root" ${2:+"$2"} >&2
        rm -rf "$d"/root/var/cache/apt/*.bin "$d"/root/var/cache/apt/archives/*.deb "$d"/root/var/lib/apt/lists/*
        shift 3; for f; do rm -f "$d/root/$f"; : > "$d/root/$f"; done
        tar --numeric-owner --xattrs -C "$d/root" -cf - ."#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", suite, mirror, packages]).args(super::OWN_FILES);
    command
}

/// A line of a list of package sources.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    uri: String,
    release: String,
    component: String,
}

/// What this machine's APT uses of the distribution: APT itself reads its sources, in both formats.
fn own_sources() -> Vec<Source> {
    let listed = Command::new("apt-get")
        .args([
            "indextargets",
            "--no-release-info",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Identifier: Packages",
        ])
        .stderr(Stdio::null())
        .output();
    let text = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned());
    let mut sources: Vec<Source> = Vec::new();
    for line in text.unwrap_or_default().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [uri, release, component] = words[..] else { continue };
        let source = Source {
            uri: uri.trim_end_matches('/').to_owned(),
            release: release.to_owned(),
            component: component.to_owned(),
        };
        // One line for each architecture.
        if is_distribution(&source) && !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources
}

/// Whether packages there are Debian's or Ubuntu's own: others take the end of their names, but have no such components.
fn is_distribution(source: &Source) -> bool {
    const ENDS: [&str; 4] = ["/debian", "/debian-security", "/ubuntu", "/ubuntu-ports"];
    const COMPONENTS: [&str; 7] = [
        "main",
        "contrib",
        "non-free",
        "non-free-firmware",
        "restricted",
        "universe",
        "multiverse",
    ];
    ENDS.iter().any(|end| source.uri.ends_with(end))
        && COMPONENTS.contains(&source.component.as_str())
}

/// What a system of that release is made from: the machine's sources of that release with its updates, as lines of
/// sources.list(5); of another release the mirror only.
fn sources_for(suite: &str, own: &[Source]) -> Vec<String> {
    let is_of_suite = |source: &&Source| {
        let rest = source.release.strip_prefix(suite);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let mut lines: Vec<String> = Vec::new();
    for source in own.iter().filter(is_of_suite) {
        let start = format!("deb {} {}", source.uri, source.release);
        match lines.iter_mut().find(|line| line.starts_with(&format!("{start} "))) {
            Some(line) => line.extend([" ", &source.component]),
            None => lines.push(format!("{start} {}", source.component)),
        }
    }
    if lines.is_empty() {
        lines.extend(own.first().map(|source| source.uri.clone()));
    }
    lines
}

/// The archive of a line, or of a mirror, which is one.
fn uri_of(source: &str) -> &str {
    source.strip_prefix("deb ").and_then(|line| line.split(' ').next()).unwrap_or(source)
}

fn os_release(name: &str) -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(uri: &str, release: &str, component: &str) -> Source {
        let [uri, release, component] = [uri, release, component].map(str::to_owned);
        Source { uri, release, component }
    }

    #[test]
    fn a_system_is_made_of_the_sources_of_its_release() {
        let own = [
            source("http://a/debian", "bookworm", "main"),
            source("http://a/debian", "bookworm", "contrib"),
            source("http://a/debian", "bookworm-updates", "main"),
            source("http://b/debian-security", "bookworm-security", "main"),
            source("http://a/debian", "sid", "main"),
        ];
        let lines = [
            "deb http://a/debian bookworm main contrib",
            "deb http://a/debian bookworm-updates main",
            "deb http://b/debian-security bookworm-security main",
        ];
        assert_eq!(sources_for("bookworm", &own), lines);
        assert_eq!(sources_for("trixie", &own), ["http://a/debian"]);
        assert_eq!(sources_for("book", &own), ["http://a/debian"]);
        assert_eq!(sources_for("bookworm", &[]), [""; 0]);
        assert_eq!(uri_of(lines[0]), "http://a/debian");
        assert_eq!(uri_of("http://a/debian"), "http://a/debian");
    }

    #[test]
    fn other_peoples_packages_are_left_out() {
        assert!(is_distribution(&source("http://a/debian", "bookworm", "main")));
        assert!(!is_distribution(&source(
            "https://download.example.org/linux/debian",
            "bookworm",
            "stable"
        )));
        assert!(!is_distribution(&source("https://packages.example.com/apt", "cloud-sdk", "main")));
    }
}
