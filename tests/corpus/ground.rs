//! What all builders are given: the contexts as copies, the images that they build on, and what a flag may point at.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::base;
use crate::case::{Case, OWN, Speed};

/// A temporary directory. Builders have directories of their own in it.
#[derive(Debug)]
pub(crate) struct Ground {
    directory: tempfile::TempDir,
    /// Archives of the images that builders have from the beginning.
    pub(crate) bases: Vec<PathBuf>,
    _agent: UnixListener,
}

impl Ground {
    pub(crate) fn new(cases: &[Case], speed: Speed) -> Self {
        // A short path: sockets below it have at most 107 bytes, unix(7).
        let directory = tempfile::Builder::new().prefix("corten-corpus-").tempdir().unwrap();
        for name in ["bases", "contexts", "layers"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let mut bases = vec![base::make(directory.path())];
        if speed == Speed::Slow {
            bases.push(debian());
        }
        for (number, base) in bases.iter().enumerate() {
            symlink(base, directory.path().join(format!("bases/{number}.tar"))).unwrap();
        }
        let agent = UnixListener::bind(directory.path().join("agent")).unwrap();
        let ground = Self { directory, bases, _agent: agent };
        for case in cases {
            ground.prepare(case);
        }
        for base in &ground.bases {
            // Its layers are remembered before all builders ask for them at once.
            let _lines = ground.listing(base);
        }
        ground
    }

    /// A place for a builder.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        let place = self.directory.path().join(name);
        std::fs::create_dir_all(&place).unwrap();
        place
    }

    /// Where the contexts are, each in a directory with its case's name.
    pub(crate) fn contexts(&self) -> PathBuf {
        self.directory.path().join("contexts")
    }

    /// The case's flags, with what they point at.
    pub(crate) fn flags(&self, case: &Case, context: &Path) -> Vec<String> {
        let context = context.display().to_string();
        let agent = self.directory.path().join("agent").display().to_string();
        let flags = case.settings.flags.iter();
        flags.map(|flag| flag.replace("@CASE@", &context).replace("@AGENT@", &agent)).collect()
    }

    /// What an archive of an image says, by lines.
    pub(crate) fn listing(&self, archive: &Path) -> Vec<String> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/listing.py");
        let mut command = Command::new("python3");
        command.arg("-B").arg(program).arg(archive);
        command.args(["bases", "layers"].map(|name| self.directory.path().join(name)));
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{command:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// A copy of the case's files with modes that no umask has a say in, and what its script makes.
    fn prepare(&self, case: &Case) {
        let context = self.contexts().join(&case.name);
        copy(&case.directory(), &context, true);
        let script = case.directory().join("prepare");
        if script.exists() {
            let mut command = Command::new("sh");
            command.args(["-euc", r#"umask 022; . "$0""#]).arg(script).current_dir(&context);
            assert!(command.status().unwrap().success(), "{}: prepare", case.name);
        }
    }
}

fn copy(from: &Path, to: &Path, is_top: bool) {
    std::fs::create_dir(to).unwrap();
    mode(to, 0o755);
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if is_top && OWN.iter().any(|own| name == *own) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&source, &target, false);
        } else if kind.is_symlink() {
            symlink(std::fs::read_link(source).unwrap(), target).unwrap();
        } else {
            std::fs::copy(&source, &target).unwrap();
            let is_program = entry.metadata().unwrap().permissions().mode() & 0o100 != 0;
            mode(&target, if is_program { 0o755 } else { 0o644 });
        }
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The Debian that other tests have, too; made by the first that needs it, the others wait for its lock.
fn debian() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let archive = directory.join("debian-big.tar");
    let maker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/make-debian-image");
    let lock = directory.join("debian-big.lock");
    let status = Command::new("flock").arg(lock).arg(maker).arg(&archive).status().unwrap();
    assert!(status.success(), "make-debian-image: {status}");
    archive
}
