//! Containers of busybox that sleep, and calls of the tools.

use std::path::Path;
use std::process::Output;

use testkit::Corten;

/// A line of the session: a tool and its words, `{P}` for the directory.
pub(crate) type Step = &'static [&'static str];

#[expect(clippy::disallowed_methods, reason = "files of a test")]
pub(crate) fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> std::io::Result<()> {
    std::fs::write(path, text)
}

pub(crate) fn corten() -> Corten {
    Corten::new(env!("CARGO_BIN_EXE_corten"))
}

/// Containers of busybox that sleep.
pub(crate) fn containers(path: &Path) {
    for (name, more) in [
        ("one", ""),
        ("two", "lxc.start.auto = 1\nlxc.start.delay = 3\nlxc.start.order = 5\nlxc.group = web\n"),
        ("three", "lxc.start.auto = 1\n"),
    ] {
        let root = path.join(name).join("rootfs");
        testkit::busybox_rootfs(&root);
        let text = format!(
            "lxc.uts.name = {name}\nlxc.rootfs.path = dir:{}\nlxc.net.0.type = empty\nlxc.apparmor.profile = unconfined\n\
             lxc.init.cmd = /bin/sleep 1000\nlxc.signal.halt = SIGKILL\n{more}",
            root.display()
        );
        write(path.join(name).join("config"), text).unwrap();
    }
}

/// Adds lines to a configuration.
pub(crate) fn configure(path: &Path, name: &str, lines: &str) {
    let config = path.join(name).join("config");
    let text = std::fs::read_to_string(&config).unwrap();
    write(&config, format!("{text}{lines}")).unwrap();
}

pub(crate) fn words(path: Option<&Path>, step: &[&str]) -> Vec<String> {
    let (tool, rest) = step.split_first().unwrap();
    let place = path.map(|path| ["-P".to_owned(), path.display().to_string()]);
    let rest = rest.iter().map(|word| (*word).to_owned());
    std::iter::once((*tool).to_owned()).chain(place.into_iter().flatten()).chain(rest).collect()
}

pub(crate) fn ours(corten: &Corten, path: Option<&Path>, step: &[&str]) -> Output {
    let mut command = corten.command();
    command.arg("lxc").args(words(path, step)).env_remove("B");
    command.output().unwrap()
}

pub(crate) fn ok(corten: &Corten, path: &Path, words: &[&str]) -> String {
    let mut command = corten.command();
    command.arg("lxc").arg(words[0]).arg("-P").arg(path).args(&words[1..]);
    let output = command.output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {talk}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Whether a tool succeeds.
pub(crate) fn succeeds(corten: &Corten, path: &Path, words: &[&str]) -> bool {
    let mut command = corten.command();
    command.arg("lxc").arg(words[0]).arg("-P").arg(path).args(&words[1..]);
    command.output().unwrap().status.success()
}
