//! Images of whole systems: of what a script has filled, and of a root file system in an archive, with what LXC keeps beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use spec::Reference;
use store::compression::expand;
use store::layer::{self, MountPoints};
use store::{Image, RootView, Scratch};

use super::excluded::Excluded;
use super::kept::Kept;
use super::script::{ScriptIds, TemplateScript};
use super::{About, Templates, failed, tell};
use crate::error::EngineError;
use crate::programs::{find_program, told};

/// What a file of squashfs begins with: squashfs_fs.h, `SQUASHFS_MAGIC`.
const SQUASHFS: &[u8; 4] = b"hsqs";

/// What every system's image is given.
#[derive(Clone, Debug)]
pub struct SystemName {
    /// Its name; the template's and its release otherwise.
    pub name: Option<String>,
    /// Its time.
    pub created_ns: i64,
}

impl SystemName {
    /// The name, where the template's own is this. Known before anything is done.
    pub(super) fn or(&self, own: &str) -> Result<String, EngineError> {
        let text = self.name.clone().unwrap_or_else(|| own.to_lowercase());
        let parsed = text.parse::<Reference>();
        let reference = parsed.map_err(|_bad| {
            EngineError::value("image name", &text, "it is none: --tag gives the image one")
        })?;
        if reference.digest().is_some() {
            return Err(EngineError::value("image name", &text, "a name has no digest"));
        }
        Ok(text)
    }
}

/// A script that fills a directory which becomes an image.
#[derive(Clone, Debug)]
pub struct ScriptRequest {
    /// Its file: see [`super::find_script`].
    pub script: PathBuf,
    /// What it is told that the container's name is; nothing for its own.
    pub container: Option<String>,
    /// Its own arguments.
    pub arguments: Vec<OsString>,
}

/// The archive of a root file system, as the machine's tar has packed one.
#[derive(Clone, Debug)]
pub struct LocalRequest {
    /// It, compressed or not; or an image of squashfs.
    pub rootfs: PathBuf,
    /// An archive of LXC's metadata for it.
    pub metadata: Option<PathBuf>,
}

impl ScriptRequest {
    /// Whether the script is only asked what it takes.
    #[must_use]
    pub fn asks_for_help(&self) -> bool {
        self.arguments.iter().any(|word| word == "-h" || word == "--help")
    }
}

impl Templates<'_> {
    /// Has a script tell what it takes, on the standard output; LXC's own end with 0 or with 1 then.
    ///
    /// # Errors
    /// When it cannot be executed.
    pub fn script_help(&self, request: &ScriptRequest) -> Result<(), EngineError> {
        let ran = Command::new(&request.script).args(&request.arguments).status();
        ran.map(drop).map_err(EngineError::file("run", &request.script))
    }

    /// Builds an image of what a script makes: `SCRIPT:latest`.
    ///
    /// # Errors
    /// When the script fails or makes no files, or the store refuses. Nothing is left then, nor when it is interrupted.
    pub fn build_script(
        &self,
        request: &ScriptRequest,
        named: &SystemName,
    ) -> Result<Image, EngineError> {
        let file = request.script.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let reference = named.or(&file)?;
        let own = file.strip_prefix("lxc-").unwrap_or(&file).to_owned();
        let container = request.container.clone().unwrap_or(own);
        if container.is_empty() || container.starts_with('.') || container.contains(['/', '\0']) {
            return Err(EngineError::value("name", container, "it is no name of a container"));
        }
        let scratch = self.engine.store.scratch()?;
        let path = scratch.path().join(&container);
        let rootfs = path.join("rootfs");
        for (directory, mode) in [(&path, 0o770), (&rootfs, 0o755)] {
            // umask(2) must not decide what the root of a system may be.
            let made = fs::create_dir(directory)
                .and_then(|()| fs::set_permissions(directory, fs::Permissions::from_mode(mode)));
            made.map_err(EngineError::file("make", directory))?;
        }
        write(&path.join("config"), &format!("lxc.rootfs.path = dir:{}\n", rootfs.display()))?;
        let is_caller = self.engine.keeper.is_some();
        let script = TemplateScript {
            script: request.script.clone(),
            name: container.clone(),
            path: path.clone(),
            rootfs: rootfs.clone(),
            arguments: request.arguments.clone(),
            ids: if is_caller { ScriptIds::Caller } else { ScriptIds::Machine },
            talks: true,
        };
        script.run()?;
        let kept = Kept::of_directory(&path, &rootfs, &container)?;
        let mut files = fs::read_dir(&rootfs).map_err(EngineError::file("read", &rootfs))?;
        if files.next().is_none() {
            return Err(failed(&file, "it has made no files"));
        }
        let image = self.import_tree(&rootfs, &reference, &kept, (&file, named.created_ns))?;
        scratch.remove()?;
        Ok(image)
    }

    /// Builds an image of an archive of a root file system: `local:latest`.
    ///
    /// # Errors
    /// When a file cannot be read, is damaged or hostile, or the store refuses. Nothing is left then.
    pub fn build_local(
        &self,
        request: &LocalRequest,
        named: &SystemName,
    ) -> Result<Image, EngineError> {
        let reference = named.or("local")?;
        let kept = match &request.metadata {
            Some(path) => self.kept(open(path)?)?,
            None => Kept::default(),
        };
        let scratch = self.engine.store.scratch()?;
        let made_of = request.rootfs.file_name().unwrap_or_default().to_string_lossy();
        let root = open(&request.rootfs)?;
        self.import_root(root, (&reference, &scratch), &kept, (&made_of, named.created_ns))
    }

    /// What the archive of LXC's metadata says; whoever builds is told of it.
    pub(super) fn kept(&self, archive: impl Read + Send) -> Result<Kept, EngineError> {
        let kept = Kept::of_archive(archive, self.engine.keeper.is_some())?;
        if kept.is_expired(monitor::now_ns() / 1_000_000_000) {
            tell("warning: the image has expired: there may be a newer one");
        }
        if let Some(message) = &kept.message {
            for line in message.lines() {
                tell(&line.chars().filter(|letter| !letter.is_control()).collect::<String>());
            }
        }
        Ok(kept)
    }

    /// Makes an image of a file with a root file system, whatever its format.
    pub(super) fn import_root(
        &self,
        mut root: File,
        (reference, scratch): (&str, &Scratch),
        kept: &Kept,
        (made_of, created_ns): (&str, i64),
    ) -> Result<Image, EngineError> {
        let damaged = |error: std::io::Error| failed(made_of, &libcontainer::chain(&error));
        let mut start = [0_u8; SQUASHFS.len()];
        let length = root.read(&mut start).map_err(damaged)?;
        root.rewind().map_err(damaged)?;
        if start[..length] == SQUASHFS[..] {
            let directory = unsquash(root, scratch, made_of)?;
            return self.import_tree(&directory, reference, kept, (made_of, created_ns));
        }
        let about = about(&kept.labels(), created_ns, made_of);
        let root = expand(root).map_err(damaged)?;
        let Some(excludes) = &kept.excludes else {
            return self.import(root, Some(reference), &about);
        };
        let images = self.engine.images();
        let undo = |image: Image| {
            // Nobody knows its name yet.
            let _kept = images.remove(&image.id.to_string(), false);
        };
        let excluded = Excluded::parse(excludes)?;
        let image = excluded.without(root, |root| self.import(root, None, &about), undo)?;
        images.tag(&image.id.to_string(), reference)?;
        images.resolve(reference)
    }

    /// Makes an image of a directory with a root file system.
    pub(super) fn import_tree(
        &self,
        directory: &Path,
        reference: &str,
        kept: &Kept,
        (made_of, created_ns): (&str, i64),
    ) -> Result<Image, EngineError> {
        let view = RootView::of(&[directory.to_owned()]);
        let archive = layer::tree(&view, MountPoints::default());
        let archive = archive.map_err(|error| failed(made_of, &libcontainer::chain(&error)))?;
        let about = about(&kept.labels(), created_ns, made_of);
        self.import(archive, Some(reference), &about)
    }
}

fn about<'a>(labels: &BTreeMap<String, String>, created_ns: i64, made_of: &'a str) -> About<'a> {
    About { command: &["sh"], entrypoint: &[], created_ns, made_of, labels: labels.clone() }
}

fn open(path: &Path) -> Result<File, EngineError> {
    File::open(path).map_err(EngineError::file("open", path))
}

fn write(path: &Path, text: &str) -> Result<(), EngineError> {
    use std::io::Write;
    let made = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    made.map_err(EngineError::file("write", path))
}

/// The files of an image of squashfs, which the machine's own program reads: the kernel's mount of foreign bytes is no parser to trust.
fn unsquash(image: File, scratch: &Scratch, made_of: &str) -> Result<PathBuf, EngineError> {
    let program = find_program("unsquashfs").ok_or_else(|| {
        failed(
            made_of,
            "it is an image of squashfs, and there is no unsquashfs on this machine: install the package squashfs-tools",
        )
    })?;
    let directory = scratch.path().join("squashfs");
    let ran = Command::new(&program)
        .args(["-no-progress", "-quiet", "-dest"])
        .arg(&directory)
        .arg("/proc/self/fd/0")
        .stdin(Stdio::from(image))
        .output();
    let output = ran.map_err(EngineError::file("run", &program))?;
    if output.status.success() {
        Ok(directory)
    } else {
        Err(failed(made_of, &format!("unsquashfs: {}", told(&output))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_to_be_one_before_anything_is_done() {
        let named =
            |name: Option<&str>| SystemName { name: name.map(str::to_owned), created_ns: 0 };
        assert_eq!(named(None).or("lxc-My.Script").unwrap(), "lxc-my.script");
        assert_eq!(named(Some("a/b:c")).or("x").unwrap(), "a/b:c");
        for bad in ["A/B", "a b", "", "a:b:c", "-x"] {
            assert!(named(Some(bad)).or("x").is_err(), "{bad:?}");
        }
        assert!(named(None).or("what is this").is_err());
    }
}
