//! Debian's buildah.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Work;
use crate::case::write;

/// A store of its own; each command is in a mount namespace that ends with it, since the store mounts itself.
pub(super) struct Ready {
    place: PathBuf,
}

impl Ready {
    pub(super) fn new(place: &Path) -> Self {
        testkit::enter_host();
        write(&place.join("registries.conf"), b"unqualified-search-registries = []\n");
        Self { place: place.to_owned() }
    }

    fn command(&self) -> Command {
        let mut command = super::command("unshare", &self.place);
        command.args(["--mount", "--propagation", "private", "buildah"]);
        command.arg("--root").arg(self.place.join("root"));
        command.arg("--runroot").arg(self.place.join("run")).args(["--storage-driver", "overlay"]);
        command.env("CONTAINERS_REGISTRIES_CONF", self.place.join("registries.conf"));
        command
    }
}

impl super::Ready for Ready {
    fn load(&self, archive: &Path) {
        let mut command = self.command();
        super::must({
            command.args(["pull", "--quiet", &format!("docker-archive:{}", archive.display())]);
            command
        });
    }

    fn build(&self, work: &Work<'_>) -> Result<(), String> {
        let mut command = self.command();
        command.current_dir(work.context).args(["bud", "--isolation", "chroot", "--layers=false"]);
        // Docker's format: the other one has no health checks, shells and triggers.
        command.args(["--format", "docker", "--identity-label=false", "--pull=never"]);
        command.args(["--tag", work.tag, "--file", work.file]).args(work.flags).arg(".");
        super::tried(command)
    }

    fn save(&self, tag: &str, archive: &Path) {
        let mut command = self.command();
        command.args(["push", "--quiet", tag, &format!("docker-archive:{}", archive.display())]);
        super::must(command);
    }
}
