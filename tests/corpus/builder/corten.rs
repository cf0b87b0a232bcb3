//! The program under test.

use std::path::Path;

use testkit::Corten;

use super::Work;

const PROGRAM: &str = env!("CARGO_BIN_EXE_corten");

/// Whether it has a builder.
pub(super) fn can_build() -> bool {
    let help = std::process::Command::new(PROGRAM).args(["build", "--help"]).output().unwrap();
    help.status.success()
}

/// One with a store of its own.
pub(super) struct Ready {
    corten: Corten,
}

impl Ready {
    pub(super) fn new() -> Self {
        Self { corten: Corten::new(PROGRAM) }
    }
}

impl super::Ready for Ready {
    fn load(&self, archive: &Path) {
        self.corten.ok(&["load", "--input", archive.to_str().unwrap()]);
    }

    fn build(&self, work: &Work<'_>) -> Result<(), String> {
        let mut command = self.corten.command();
        command.current_dir(work.context).env_clear();
        command.env("PATH", super::PATH).env("HOME", self.corten.directory());
        command.args(["build", "--tag", work.tag, "--file", work.file]).args(work.flags).arg(".");
        super::tried(command)
    }

    fn save(&self, tag: &str, archive: &Path) {
        self.corten.ok(&["save", "--output", archive.to_str().unwrap(), tag]);
    }
}
