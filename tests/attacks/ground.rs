//! What all engines are given: an image with the program in it, and a host with a secret.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A directory with both. The victim ends with it.
#[derive(Debug)]
pub(crate) struct Ground {
    directory: tempfile::TempDir,
    victim: Child,
}

impl Ground {
    /// In the network of the calling thread.
    pub(crate) fn new() -> Self {
        let directory = image();
        let mut command = Command::new(directory.path().join("attacks"));
        command.arg("victim").arg(directory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut victim = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(victim.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { directory, victim }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn secret(&self) -> String {
        fs::read_to_string(self.path("secret")).unwrap()
    }

    /// Whether a signal has come to the victim.
    pub(crate) fn is_signalled(&self) -> bool {
        self.path("signalled").exists()
    }

    /// `command` as somebody starts it whose session has the secret in its keyring, and who knows all that an attacker may.
    pub(crate) fn in_session(&self, command: &Command) -> Command {
        let mut within = Command::new(self.path("attacks"));
        within.arg("session").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            within.env(name, value);
        }
        if let Some(directory) = command.get_current_dir() {
            within.current_dir(directory);
        }
        let known = fs::read_to_string(self.path("host.env")).unwrap();
        within.envs(known.lines().filter_map(|line| line.split_once('=')));
        within.stdin(Stdio::null());
        within
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        drop(self.victim.stdin.take());
        let _status = self.victim.wait();
    }
}

/// A directory with the program, an image's root with nothing but the program, with the setuid bit, and that as an archive.
pub(crate) fn image() -> tempfile::TempDir {
    let directory = tempfile::Builder::new().prefix("corten-attacks-").tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(program(), place("attacks")).unwrap();
    for name in ["dev", "etc", "proc", "run", "scratch", "sys", "tmp", "var"] {
        fs::create_dir_all(place("image").join(name)).unwrap();
    }
    fs::copy(place("attacks"), place("image/attacks")).unwrap();
    for (name, mode) in
        [("image/attacks", 0o4755), ("image/tmp", 0o1777), ("image/scratch", 0o1777)]
    {
        fs::set_permissions(place(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--file"]);
    tar.arg(place("image.tar")).arg("--directory").arg(place("image")).arg(".");
    assert!(tar.status().unwrap().success(), "{tar:?}");
    directory
}

/// The program, compiled by whoever comes first, and again when a source has changed.
fn program() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = fs::File::create(place.join("attacks.lock")).unwrap();
    lock.lock().unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/attacks/programs");
    let files = fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.collect();
    let of = |path: &Path| fs::metadata(path).and_then(|about| about.modified());
    let newest = files.iter().map(|path| of(path).unwrap()).max().unwrap();
    let made = place.join("attacks");
    if of(&made).is_ok_and(|time| time > newest) {
        return made;
    }
    let mut compiler = Command::new("cc");
    compiler.args([
        "-static",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-missing-field-initializers",
    ]);
    compiler.arg("-o").arg(&made);
    compiler.args(files.iter().filter(|path| path.extension().is_some_and(|kind| kind == "c")));
    assert!(compiler.status().unwrap().success(), "{compiler:?}");
    made
}
