//! Systems of distributions of Debian's kind, made by mmdebstrap or debootstrap: from the machine's own package sources where it is one itself, else from
//! the archive that the builder knows, whose keys must be known. What differs between them is [`DEBIAN`] and [`UBUNTU`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{failed, tell};
use crate::error::EngineError;
use crate::programs::find_program;

/// A distribution, and where it is.
#[derive(Debug)]
pub struct Distribution {
    /// As os-release(5) and its images call it.
    pub name: &'static str,
    /// Where its packages of keys put them.
    keyrings: &'static [&'static str],
    /// The package of keys.
    pub(super) keys: &'static str,
    /// What is installed of its archive.
    components: &'static str,
    /// The release where nobody names one.
    suite: &'static str,
}

/// Debian.
pub static DEBIAN: Distribution = Distribution {
    name: "debian",
    keyrings: &["/usr/share/keyrings/debian-archive-keyring.gpg"],
    keys: "debian-archive-keyring",
    components: "main",
    suite: "stable",
};

/// Ubuntu.
pub static UBUNTU: Distribution = Distribution {
    name: "ubuntu",
    keyrings: &[
        "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        "/usr/share/keyrings/ubuntu-keyring.gpg",
    ],
    keys: "ubuntu-keyring",
    components: "main,universe",
    suite: "noble",
};

impl Distribution {
    /// Whether the machine itself is of it.
    pub(super) fn is_own(&self) -> bool {
        os_release("ID").is_some_and(|id| id == self.name)
    }

    /// The file with its keys on a machine that is another's.
    pub(super) fn keyring(&self) -> Option<PathBuf> {
        self.keyrings.iter().map(PathBuf::from).find(|path| path.exists())
    }
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct DistributionRequest {
    /// Of which distribution.
    pub distribution: &'static Distribution,
    /// Name of the release; the machine's own otherwise.
    pub suite: Option<String>,
    /// Package archive; the machine's own otherwise, and for another distribution that which the builder knows.
    pub mirror: Option<String>,
    /// Packages beyond the essential ones and apt.
    pub packages: Vec<String>,
    /// Keys that must have signed the archive; those that are installed otherwise.
    pub keyring: Option<PathBuf>,
}

/// All that the builder is told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    suite: String,
    sources: Vec<String>,
    packages: String,
    /// Where they are not the builder's own.
    keyring: Option<PathBuf>,
    components: Option<&'static str>,
}

impl DistributionRequest {
    /// The release, checked: it goes into an image's tag and onto a command line.
    pub(super) fn suite(&self) -> Result<String, EngineError> {
        let own = || os_release("VERSION_CODENAME").filter(|_| self.distribution.is_own());
        let suite = self.suite.clone().or_else(own);
        let suite = suite.unwrap_or_else(|| self.distribution.suite.to_owned());
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

    fn told(&self, suite: &str, is_own: bool) -> Result<Told, EngineError> {
        let packages = self.packages.join(",");
        if packages.bytes().any(|byte| {
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'+' | b','))
        }) {
            return Err(EngineError::value("packages", packages, "they are no names of packages"));
        }
        let distribution = self.distribution;
        let sources = match &self.mirror {
            Some(mirror) if mirror.starts_with('-') => {
                return Err(EngineError::value("mirror", mirror, "it is no address"));
            }
            Some(mirror) => vec![mirror.clone()],
            None if is_own => sources_for(suite, &own_sources()),
            // Both builders know where a release's archive is: mmdebstrap(1), "MIRROR"; debootstrap(8).
            None => Vec::new(),
        };
        let absolute =
            |path: &PathBuf| std::path::absolute(path).map_err(EngineError::file("find", path));
        let named = self.keyring.as_ref().map(absolute).transpose()?;
        let keyring = if is_own || named.is_some() { named } else { distribution.keyring() };
        if keyring.is_none() && !is_own {
            let keys = distribution.keys;
            let why = format!(
                "nobody here knows its keys: install the package {keys}, or name them with --keyring FILE"
            );
            return Err(failed(distribution.name, &why));
        }
        let components = (!is_own).then_some(distribution.components);
        Ok(Told { suite: suite.to_owned(), sources, packages, keyring, components })
    }
}

/// The program that will be used.
pub(super) fn builder() -> Option<&'static str> {
    ["mmdebstrap", "debootstrap"].into_iter().find(|name| find_program(name).is_some())
}

/// Starts the builder; its standard output is the archive.
pub(super) fn start(request: &DistributionRequest, suite: &str) -> Result<Child, EngineError> {
    let name = request.distribution.name;
    let builder = builder().ok_or_else(|| {
        failed(
            name,
            "neither mmdebstrap nor debootstrap is on this machine: install the package mmdebstrap",
        )
    })?;
    let told = request.told(suite, request.distribution.is_own())?;
    tell(&format!("building {name}:{suite} with {builder}"));
    let mut command = if builder == "mmdebstrap" { mmdebstrap(&told) } else { debootstrap(&told) };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(EngineError::file("run", Path::new(builder)))
}

fn mmdebstrap(told: &Told) -> Command {
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=apt", "--format=tar"]);
    // It copies this machine's into the image otherwise. mmdebstrap(1), "OPERATION".
    let empty =
        super::OWN_FILES.map(|path| format!(r#"rm -f "$1/{path}"; : > "$1/{path}""#)).join("; ");
    command.arg(format!("--customize-hook={empty}"));
    if !told.packages.is_empty() {
        command.arg(format!("--include={}", told.packages));
    }
    if let Some(keyring) = &told.keyring {
        command.arg(format!("--keyring={}", keyring.display()));
    }
    if let Some(components) = told.components {
        command.arg(format!("--components={components}"));
    }
    command.args([&told.suite, "-"]).args(&told.sources);
    command
}

/// debootstrap fills a directory: a shell makes one that goes away with it, takes out what APT has downloaded, and packs it.
fn debootstrap(told: &Told) -> Command {
    let script = r#"set -e; d=$(mktemp -d); trap 'rm -rf --one-file-system "$d"' EXIT
        debootstrap --variant=minbase ${3:+--include="$3"} ${4:+--keyring="$4"} ${5:+--components="$5"} "$1" "$d/root" ${2:+"$2"} >&2
        rm -rf "$d"/root/var/cache/apt/*.bin "$d"/root/var/cache/apt/archives/*.deb "$d"/root/var/lib/apt/lists/*
        shift 5; for f; do rm -f "$d/root/$f"; : > "$d/root/$f"; done
        tar --numeric-owner --xattrs -C "$d/root" -cf - ."#;
    let mirror = told.sources.first().map_or("", |source| uri_of(source));
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", &told.suite, mirror, &told.packages]);
    command.arg(told.keyring.as_deref().unwrap_or(Path::new("")));
    command.arg(told.components.unwrap_or_default()).args(super::OWN_FILES);
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
    fn another_distribution_has_its_own_archive_and_keys() {
        let request = DistributionRequest {
            distribution: &UBUNTU,
            suite: None,
            mirror: None,
            packages: vec!["nginx".to_owned()],
            keyring: Some("/keys.gpg".into()),
        };
        assert!(UBUNTU.is_own() || request.suite().unwrap() == "noble");
        let told = request.told("noble", false).unwrap();
        assert_eq!(told.sources, [""; 0]);
        let words = |command: &Command| {
            let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        let line = words(&mmdebstrap(&told));
        assert!(
            line.contains("--include=nginx --keyring=/keys.gpg --components=main,universe noble -"),
            "{line}"
        );
        let line = words(&debootstrap(&told));
        assert!(line.contains(" noble  nginx"), "no archive is named: {line}");
        assert!(line.contains(" nginx /keys.gpg main,universe etc/hostname"), "{line}");
        let own = request.told("noble", true).unwrap();
        assert_eq!((own.components, own.keyring), (None, Some("/keys.gpg".into())));
        let bad = |change: &dyn Fn(&mut DistributionRequest)| {
            let mut request = request.clone();
            change(&mut request);
            request.told("noble", false).is_err()
        };
        assert!(bad(&|request| request.packages = vec!["a b".to_owned()]));
        assert!(bad(&|request| request.mirror = Some("--aptopt=x".to_owned())));
        assert!(bad(&|request| request.keyring = None) || UBUNTU.keyring().is_some());
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
