//! The image that the corpus is built on: a busybox, as an archive that every builder takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{busybox_rootfs, sha256};

use crate::case::write;

/// Its name.
pub(crate) const NAME: &str = "busybox:latest";

/// Makes it in `directory`; gives the archive's path.
pub(crate) fn make(directory: &Path) -> PathBuf {
    let place = directory.join("busybox");
    busybox_rootfs(&place.join("root"));
    pack(&place, "layer.tar", &["--directory", "root", "."]);
    let layer = sha256(&std::fs::read(place.join("layer.tar")).unwrap());
    let config = serde_json::json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux", "created": "2026-01-02T03:04:05Z",
        "config": { "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["sh"] },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tar of busybox"}],
    });
    let config = config.to_string();
    let name = format!("{}.json", sha256(config.as_bytes()).trim_start_matches("sha256:"));
    write(&place.join(&name), config.as_bytes());
    let manifest =
        serde_json::json!([{"Config": name, "RepoTags": [NAME], "Layers": ["layer.tar"]}]);
    write(&place.join("manifest.json"), manifest.to_string().as_bytes());
    pack(&place, "../busybox.tar", &["manifest.json", &name, "layer.tar"]);
    directory.join("busybox.tar")
}

fn pack(place: &Path, archive: &str, what: &[&str]) {
    let mut command = Command::new("tar");
    command.current_dir(place).args(["--sort=name", "--numeric-owner", "--create", "--file"]);
    command.arg(archive).args(what);
    assert!(command.status().unwrap().success(), "{command:?}");
}
