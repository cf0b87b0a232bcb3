//! A buildkitd that somebody has started, for what neither of the others can build.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Work, kept};
use crate::asked;

/// Where it answers.
pub(super) fn address() -> Option<String> {
    asked("CORTEN_CORPUS_BUILDKIT")
}

/// It has no store of images: those that it needs are directories that each build is told of.
pub(super) struct Ready {
    place: PathBuf,
}

impl Ready {
    pub(super) fn new(place: &Path) -> Self {
        Self { place: place.to_owned() }
    }

    fn layouts(&self) -> PathBuf {
        self.place.join("layouts")
    }

    /// Makes an image one that later builds find by `name`.
    fn keep(&self, archive: &Path, name: &str) {
        let layout = kept(&self.layouts(), name);
        if layout.exists() {
            return;
        }
        std::fs::create_dir_all(&layout).unwrap();
        // What it has built itself is a layout as well, and keeps what OCI's configuration has no fields for.
        let mut command = super::command("tar", &self.place);
        command.arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&layout);
        super::must(command);
        if !layout.join("index.json").exists() {
            let mut command = super::command("skopeo", &self.place);
            command.args(["--insecure-policy", "copy", "--quiet"]);
            command.arg(format!("docker-archive:{}", archive.display()));
            command.arg(format!("oci:{}:x", layout.display()));
            super::must(command);
        }
        crate::case::write(&layout.join("name"), name.as_bytes());
    }

    /// The images that it may use, as `buildctl` is told of them.
    fn add_images(&self, command: &mut Command) {
        for entry in std::fs::read_dir(self.layouts()).unwrap() {
            let layout = entry.unwrap().path();
            let name = std::fs::read_to_string(layout.join("name")).unwrap();
            let id = layout.file_name().unwrap().to_str().unwrap();
            let index = std::fs::read(layout.join("index.json")).unwrap();
            let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
            let digest = index["manifests"][0]["digest"].as_str().unwrap();
            command.arg("--oci-layout").arg(format!("{id}={}", layout.display()));
            command.args(["--opt", &format!("context:{name}=oci-layout://{id}@{digest}")]);
        }
    }
}

impl super::Ready for Ready {
    fn load(&self, archive: &Path) {
        let name = if archive.ends_with("busybox.tar") { "busybox" } else { "debian:big" };
        self.keep(archive, name);
    }

    fn build(&self, work: &Work<'_>) -> Result<(), String> {
        let archive = kept(&self.place, work.tag).with_extension("tar");
        let mut command = super::command("buildctl", &self.place);
        command.env("PATH", asked("PATH").unwrap_or_default());
        command.args(["--addr", &address().unwrap_or_default(), "build", "--progress", "plain"]);
        command.args(["--frontend", "dockerfile.v0", "--no-cache"]);
        for name in ["context", "dockerfile"] {
            command.arg("--local").arg(format!("{name}={}", work.context.display()));
        }
        command.args(["--opt", &format!("filename={}", work.file)]);
        self.add_images(&mut command);
        for pair in work.flags.chunks(2) {
            add_flag(&mut command, &pair[0], &pair[1]);
        }
        let output = format!("type=docker,name={},dest={}", work.tag, archive.display());
        command.args(["--output", &output]);
        super::tried(command)?;
        if !work.tag.starts_with("corpus/") {
            self.keep(&archive, work.tag);
        }
        Ok(())
    }

    fn save(&self, tag: &str, archive: &Path) {
        std::fs::rename(kept(&self.place, tag).with_extension("tar"), archive).unwrap();
    }
}

/// A flag of `docker build` in `buildctl`'s words.
fn add_flag(command: &mut Command, flag: &str, value: &str) {
    match flag {
        "--build-arg" => command.args(["--opt", &format!("build-arg:{value}")]),
        "--label" => command.args(["--opt", &format!("label:{value}")]),
        "--target" => command.args(["--opt", &format!("target={value}")]),
        "--build-context" => {
            let (name, _path) = value.split_once('=').unwrap();
            command.args(["--local", value, "--opt", &format!("context:{name}=local:{name}")])
        }
        _ => command.args([flag, value]),
    };
}
