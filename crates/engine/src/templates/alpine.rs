//! An Alpine system: by its own installer, apk, where the machine has it or is given it; else of the root file system that each release brings.
//!
//! Debian has no package of apk, and a program that was fetched would have to be believed before it could check anything itself. The root file system (`alpine-minirootfs`) is
//! listed with its sum beside the release; packages can be added to it first in a container.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libcontainer::{Apart, Ending};
use registry::Client;
use spec::image::Platform;
use store::{Image, Scratch};

use super::kept::Kept;
use super::mirror::{Mirror, Trust};
use super::systems::SystemName;
use super::{Templates, failed, tell};
use crate::error::EngineError;
use crate::programs::find_program;

const NAME: &str = "alpine";
const MIRROR: &str = "https://dl-cdn.alpinelinux.org/alpine";
const RELEASE: &str = "latest-stable";
/// What the list of a release calls the archive.
const FLAVOR: &str = "alpine-minirootfs";
/// What a system has at least.
const BASE: &str = "alpine-base";
/// Where the keys of packages are on a machine that has them.
const KEYS: [&str; 2] = ["/etc/apk/keys", "/usr/share/apk/keys"];

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct AlpineRequest {
    /// `v3.20`, `3.20`, `edge`; the newest stable one otherwise.
    pub release: Option<String>,
    /// An address or a directory.
    pub mirror: Option<String>,
    /// Architecture; the machine's own otherwise.
    pub arch: Option<String>,
    /// Packages beyond the base.
    pub packages: Vec<String>,
    /// The installer; what is on the machine otherwise.
    pub apk: Option<PathBuf>,
    /// How what is fetched is believed. The keyring of apk is a directory of keys.
    pub trust: Trust,
}

impl AlpineRequest {
    fn release(&self) -> Result<String, EngineError> {
        let text = self.release.as_deref().unwrap_or(RELEASE);
        let is_number = text.starts_with(|letter: char| letter.is_ascii_digit());
        let release = if is_number { format!("v{text}") } else { text.to_owned() };
        let is_name = release
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        if is_name && release.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            Ok(release)
        } else {
            Err(EngineError::value("release", text, "it is no name of a release"))
        }
    }

    fn arch(&self) -> Result<String, EngineError> {
        let own = Platform::native().architecture;
        let text = self.arch.as_deref().unwrap_or(&own);
        let arch = match text {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "386" | "i386" | "i686" => "x86",
            "arm" | "armv7l" => "armv7",
            "armhf" => "armhf",
            "ppc64el" => "ppc64le",
            "loong64" => "loongarch64",
            other => other,
        };
        if !arch.is_empty() && arch.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            Ok(arch.to_owned())
        } else {
            Err(EngineError::value("architecture", text, "it is none"))
        }
    }

    /// The installer, if there is one.
    fn apk(&self) -> Option<PathBuf> {
        self.apk.clone().or_else(installer)
    }
}

/// The machine's own.
pub(super) fn installer() -> Option<PathBuf> {
    find_program("apk.static").or_else(|| find_program("apk"))
}

/// The root file system of a release, as its list names it.
#[derive(Debug, PartialEq, Eq)]
struct RootFile {
    file: String,
    version: String,
    sha256: String,
}

impl Templates<'_> {
    /// Builds `alpine:RELEASE`.
    ///
    /// # Errors
    /// When what is fetched is not what it should be, apk fails, or the store refuses. Nothing is left then.
    pub fn build_alpine(
        &self,
        request: &AlpineRequest,
        client: &Client,
        named: &SystemName,
    ) -> Result<Image, EngineError> {
        let (release, arch) = (request.release()?, request.arch()?);
        let tag = release.strip_prefix('v').unwrap_or(&release);
        let reference = named.or(&format!("{NAME}:{tag}"))?;
        let scratch = self.engine.store.scratch()?;
        let about = (reference.as_str(), named.created_ns);
        match request.apk() {
            Some(apk) => self.installed(&apk, request, (&release, &arch), (&scratch, about)),
            None if !request.packages.is_empty() => {
                let why = "packages are added by apk, which is not on this machine: --apk FILE names one that is statically linked";
                Err(failed(NAME, why))
            }
            None => {
                let server = request.mirror.as_deref().unwrap_or(MIRROR);
                let mirror = Mirror::new(NAME, server, (client, &scratch), &request.trust)?;
                self.unpacked(&mirror, (&release, &arch), (&scratch, about))
            }
        }
    }

    fn unpacked(
        &self,
        mirror: &Mirror<'_>,
        (release, arch): (&str, &str),
        (scratch, (reference, created_ns)): (&Scratch, (&str, i64)),
    ) -> Result<Image, EngineError> {
        let directory = format!("{release}/releases/{arch}");
        let path = format!("{directory}/latest-releases.yaml");
        tell(&format!("fetching the root file system of {NAME} {release}"));
        let list = mirror.list(&path)?.ok_or_else(|| {
            failed(NAME, &format!("the mirror has no {path}: is there such a release for {arch}?"))
        })?;
        let root = root_of(&String::from_utf8_lossy(&list))
            .ok_or_else(|| failed(NAME, &format!("{path} names no {FLAVOR}")))?;
        let path = format!("{directory}/{}", root.file);
        let archive = mirror.signed_archive(&path, &root.sha256)?;
        let archive = archive.ok_or_else(|| failed(NAME, &format!("{path} is not there")))?;
        let made_of = format!("{FLAVOR} {}", root.version);
        self.import_root(archive, (reference, scratch), &Kept::default(), (&made_of, created_ns))
    }

    fn installed(
        &self,
        apk: &Path,
        request: &AlpineRequest,
        (release, arch): (&str, &str),
        (scratch, (reference, created_ns)): (&Scratch, (&str, i64)),
    ) -> Result<Image, EngineError> {
        let server = request.mirror.as_deref().unwrap_or(MIRROR).trim_end_matches('/');
        let root = scratch.path().join("root");
        // umask(2) must not decide what the root of a system may be.
        let made = fs::create_dir(&root)
            .and_then(|()| fs::set_permissions(&root, fs::Permissions::from_mode(0o755)));
        made.map_err(EngineError::file("make", &root))?;
        let repositories = ["main", "community"].map(|part| format!("{server}/{release}/{part}"));
        let arguments = arguments(request, (&root, arch), &repositories)?;
        tell(&format!("building {NAME} {release} with {}", apk.display()));
        let ran = Apart { program: apk, arguments: &arguments, uids: &[], gids: &[], talks: true };
        match ran.run().map_err(|error| failed(NAME, &libcontainer::chain(&error)))? {
            Ending::Exited(0) => {}
            Ending::Exited(code) => {
                return Err(failed(NAME, &format!("apk ended with exit code {code}")));
            }
            Ending::Signalled(signal) | Ending::Interrupted(signal) => {
                return Err(failed(NAME, &format!("signal {signal} ended apk")));
            }
        }
        // The first of its own files that apk has not made: the list of repositories.
        let list = root.join("etc/apk/repositories");
        let text = repositories.map(|line| format!("{line}\n")).concat();
        let written = File::create(&list).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(EngineError::file("write", &list))?;
        let made_of = format!("apk of {release}");
        self.import_tree(&root, reference, &Kept::default(), (&made_of, created_ns))
    }
}

fn arguments(
    request: &AlpineRequest,
    (root, arch): (&Path, &str),
    repositories: &[String],
) -> Result<Vec<OsString>, EngineError> {
    let is_name = |name: &String| {
        !name.starts_with('-')
            && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"'\"\\`$".contains(&byte))
    };
    if let Some(name) = request.packages.iter().find(|name| name.is_empty() || !is_name(name)) {
        return Err(EngineError::value("package", name, "it is no name of a package"));
    }
    let keys = request
        .trust
        .keyring
        .clone()
        .or_else(|| KEYS.map(PathBuf::from).into_iter().find(|directory| directory.is_dir()));
    let mut words: Vec<OsString> = vec!["--root".into(), root.into(), "--arch".into(), arch.into()];
    for repository in repositories {
        words.extend(["--repository".into(), repository.into()]);
    }
    match keys {
        Some(keys) => {
            let keys = std::path::absolute(&keys).map_err(EngineError::file("find", &keys))?;
            words.extend(["--keys-dir".into(), keys.into()]);
        }
        None if request.trust.is_blind => words.push("--allow-untrusted".into()),
        None => {
            let why = "there are no keys of packages on this machine: --keyring DIRECTORY names them, --no-validate does without";
            return Err(failed(NAME, why));
        }
    }
    words.extend(["--initdb", "--no-cache", "--no-progress", "add", BASE].map(OsString::from));
    words.extend(request.packages.iter().map(OsString::from));
    Ok(words)
}

/// What a release's list says of its root file system: a list of maps of plain words. Its YAML is never more than that.
fn root_of(list: &str) -> Option<RootFile> {
    list.split("\n-").find_map(|item| {
        let field = |name: &str| {
            item.lines().find_map(|line| {
                let (key, value) = line.trim().split_once(':')?;
                let value = value.trim().trim_matches(['"', '\'']);
                (key.trim_start_matches("- ") == name).then(|| value.to_owned())
            })
        };
        let root = RootFile {
            file: field("file")?,
            version: field("version").unwrap_or_default(),
            sha256: field("sha256")?,
        };
        (field("flavor")? == FLAVOR && root.sha256.len() == 64).then_some(root)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_release_is_found_in_its_list() {
        let sum = "0f".repeat(32);
        let list = format!(
            "---\n-\n  title: \"Standard\"\n  flavor: alpine-standard\n  file: a.iso\n  sha256: {sum}\n-\n  desc: |\n    Minimal.\n    \
             For: containers.\n  branch: v3.20\n  version: 3.20.3\n  flavor: alpine-minirootfs\n  file: alpine-minirootfs-3.20.3-x86_64.tar.gz\n  sha256: {sum}\n  sha512: x\n"
        );
        let root = root_of(&list).unwrap();
        assert_eq!((&*root.version, &*root.sha256), ("3.20.3", &*sum));
        assert_eq!(root.file, "alpine-minirootfs-3.20.3-x86_64.tar.gz");
        assert_eq!(root_of(&list.replace("minirootfs", "other")), None);
        assert_eq!(root_of(&list.replace(&sum, "short")), None);
    }

    #[test]
    fn releases_and_architectures_have_alpines_names() {
        let release = |text: Option<&str>| {
            AlpineRequest { release: text.map(str::to_owned), ..AlpineRequest::default() }.release()
        };
        assert_eq!(release(None).unwrap(), "latest-stable");
        assert_eq!(release(Some("3.20")).unwrap(), "v3.20");
        assert_eq!(release(Some("edge")).unwrap(), "edge");
        for bad in ["", "../x", "-x", "v3/..", "a b"] {
            assert!(release(Some(bad)).is_err(), "{bad}");
        }
        let arch = |text: &str| {
            AlpineRequest { arch: Some(text.to_owned()), ..AlpineRequest::default() }.arch().ok()
        };
        assert_eq!(arch("amd64").as_deref(), Some("x86_64"));
        assert_eq!(arch("aarch64").as_deref(), Some("aarch64"));
        assert_eq!((arch(""), arch("a/b")), (None, None));
    }

    #[test]
    fn apk_is_told_whom_to_believe() {
        let keyring = Some(PathBuf::from("/keys"));
        let mut request = AlpineRequest {
            packages: vec!["openssh".to_owned(), "so:libc.so~1".to_owned()],
            trust: Trust { keyring, is_blind: false },
            ..AlpineRequest::default()
        };
        let told = |request: &AlpineRequest| {
            arguments(request, (Path::new("/r"), "x86_64"), &["m/main".to_owned()])
        };
        let words = "--root /r --arch x86_64 --repository m/main --keys-dir /keys --initdb --no-cache --no-progress add alpine-base openssh so:libc.so~1";
        assert_eq!(
            told(&request).unwrap(),
            words.split(' ').map(OsString::from).collect::<Vec<_>>()
        );
        for bad in ["--allow-untrusted", "", "a b", "$(x)"] {
            request.packages = vec![bad.to_owned()];
            assert!(told(&request).is_err(), "{bad:?}");
        }
    }
}
