//! The image of these tests as `docker save` writes one: busybox in one layer, a greeting in another, and a configuration with something in every field.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{busybox_rootfs, sha256};

/// Its name.
pub(crate) const NAME: &str = "base:1";

/// Makes it in `directory`; gives the archive's path.
pub(crate) fn make(directory: &Path) -> PathBuf {
    let place = directory.join("base");
    busybox_rootfs(&place.join("first"));
    make_directory(&place.join("second/srv"));
    write(&place.join("second/srv/greeting"), "hello\n");
    for layer in ["first", "second"] {
        pack(&place, &format!("{layer}.tar"), &["--directory", layer, "."]);
    }
    let diff_ids = ["first.tar", "second.tar"].map(|name| digest(&place.join(name)));
    let config = serde_json::json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux", "created": "2026-01-02T03:04:05Z", "author": "the tests",
        "config": {
            "Env": ["PATH=/bin", "GREETING=hello"], "Cmd": ["sh"], "WorkingDir": "/srv",
            "Labels": {"maker": "tests"}, "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created": "2026-01-01T00:00:00Z", "created_by": "tar of busybox"},
            {"created": "2026-01-02T03:04:05Z", "created_by": "ENV GREETING=hello", "empty_layer": true},
            {"created": "2026-01-02T03:04:05Z", "created_by": "COPY greeting /srv", "comment": "a greeting"},
        ],
    })
    .to_string();
    let name = format!("{}.json", sha256(config.as_bytes()).trim_start_matches("sha256:"));
    write(&place.join(&name), &config);
    let manifest = serde_json::json!([
        {"Config": name, "RepoTags": [NAME], "Layers": ["first.tar", "second.tar"]}
    ]);
    write(&place.join("manifest.json"), &manifest.to_string());
    pack(&place, "../base.tar", &["manifest.json", &name, "first.tar", "second.tar"]);
    directory.join("base.tar")
}

fn digest(path: &Path) -> String {
    sha256(&std::fs::read(path).unwrap())
}

/// An archive that is the same whenever it is made.
fn pack(place: &Path, archive: &str, what: &[&str]) {
    let steady =
        ["--sort=name", "--mtime=@1767225600", "--owner=0", "--group=0", "--numeric-owner"];
    let mut command = Command::new("tar");
    command.current_dir(place).args(steady).args(["--create", "--file", archive]).args(what);
    assert!(command.status().unwrap().success(), "{command:?}");
}

pub(crate) fn make_directory(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
