//! Debian's dockerd, with its classic builder.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::Dockerd;

use super::Work;

/// A server of its own.
pub(super) struct Ready {
    dockerd: Dockerd,
    place: PathBuf,
}

impl Ready {
    pub(super) fn new(place: &Path) -> Self {
        Self { dockerd: Dockerd::start(), place: place.to_owned() }
    }

    fn command(&self) -> Command {
        let mut command = super::command("docker", &self.place);
        command.env("DOCKER_HOST", format!("unix://{}", self.dockerd.socket().display()));
        command.env("DOCKER_BUILDKIT", "0");
        command
    }
}

impl super::Ready for Ready {
    fn load(&self, archive: &Path) {
        let mut command = self.command();
        command.args(["load", "--input"]).arg(archive);
        super::must(command);
    }

    fn build(&self, work: &Work<'_>) -> Result<(), String> {
        let mut command = self.command();
        command.current_dir(work.context).args(["build", "--network", "none", "--force-rm"]);
        command.args(["--tag", work.tag, "--file", work.file]).args(work.flags).arg(".");
        super::tried(command)
    }

    fn save(&self, tag: &str, archive: &Path) {
        let mut command = self.command();
        command.args(["save", "--output"]).arg(archive).arg(tag);
        super::must(command);
    }
}
