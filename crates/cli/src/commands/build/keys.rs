//! `--ssh NAME=FILE,...`: an ssh-agent(1) of the machine, with these keys, for as long as one build takes.
//!
//! It is private: its socket is in a directory that nobody else can enter. A shell beside it waits at a pipe whose other end is this
//! program's: whatever becomes of this program, the agent is killed and the directory removed.

use std::fs::DirBuilder;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;

/// Says that the agent is there, and ends it when the pipe is closed. A signal that could be blocked would not do.
const KEEPER: &str = "echo; cat >/dev/null; kill -KILL \"$SSH_AGENT_PID\"; rm -rf -- \"$1\"";
/// Tries to find a name that nobody has.
const MOST_NAMES: u32 = 1000;

/// It. Dropped, it has ended.
#[derive(Debug)]
pub(super) struct KeyAgent {
    keeper: Child,
    directory: PathBuf,
}

impl KeyAgent {
    /// Starts one with these keys.
    pub(super) fn start(files: &[PathBuf]) -> Result<Self, Failure> {
        let directory = private_directory()?;
        let socket = directory.join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-a").arg(&socket).args(["sh", "-c", KEEPER, "sh"]).arg(&directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The interrupt key is not for it: it ends with the build.
        command.process_group(0);
        let keeper = match command.spawn() {
            Ok(keeper) => keeper,
            Err(cause) => {
                let _gone = std::fs::remove_dir(&directory);
                return Err(absent("ssh-agent", cause));
            }
        };
        let mut agent = Self { keeper, directory };
        agent.until_it_is_there()?;
        for file in files {
            agent.add(file)?;
        }
        Ok(agent)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("agent")
    }

    fn until_it_is_there(&mut self) -> Result<(), Failure> {
        let mut word = [0];
        let said = self.keeper.stdout.as_mut().map(|output| output.read(&mut word));
        if matches!(said, Some(Ok(1))) {
            return Ok(());
        }
        let mut why = String::new();
        if let Some(errors) = self.keeper.stderr.as_mut() {
            let _unread = errors.take(4096).read_to_string(&mut why);
        }
        Err(Failure::Words(format!("start ssh-agent: {}", first_line(&why))))
    }

    fn add(&self, file: &Path) -> Result<(), Failure> {
        let mut command = Command::new("ssh-add");
        command.arg("-q").arg("--").arg(file).env("SSH_AUTH_SOCK", self.socket());
        // Nobody is asked for a passphrase: ssh-add(1), ENVIRONMENT.
        command.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
        command.env_remove("DISPLAY").stdin(Stdio::null());
        let output = command.output().map_err(|cause| absent("ssh-add", cause))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let why = match reason(&said) {
            // It says nothing where nobody answers.
            "" => "it has a passphrase: put it into an agent before, and use --ssh default",
            why => why,
        };
        Err(Failure::Words(format!("add the key {} to an agent: {why}", file.display())))
    }
}

impl Drop for KeyAgent {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It kills and removes, no more.
        let _ended = self.keeper.wait();
        let _gone = std::fs::remove_dir_all(&self.directory);
    }
}

fn private_directory() -> Result<PathBuf, Failure> {
    let process = std::process::id();
    for number in 0..MOST_NAMES {
        let path = PathBuf::from(format!("/tmp/corten-ssh-{process}-{number}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::file("make", path.display())(error)),
        }
    }
    Err(Failure::Words("no name in /tmp is free for an agent of keys".to_owned()))
}

fn absent(program: &'static str, cause: std::io::Error) -> Failure {
    if cause.kind() == ErrorKind::NotFound {
        return Failure::Words(format!(
            "keys need {program} of OpenSSH, which is not installed; an agent that runs is taken without it: --ssh default"
        ));
    }
    Failure::file("run", program)(cause)
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim()
}

/// The line that says why: before it ssh-add draws a frame around a warning.
fn reason(text: &str) -> &str {
    text.lines().find(|line| !line.starts_with('@') && !line.trim().is_empty()).unwrap_or("").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_add_says_is_found() {
        let said = "@@@@\n@  WARNING: UNPROTECTED PRIVATE KEY FILE!  @\n@@@@\nPermissions 0644 for 'x' are too open.\nMore.\n";
        assert_eq!(reason(said), "Permissions 0644 for 'x' are too open.");
        assert_eq!(reason("Error loading key \"x\"\n"), "Error loading key \"x\"");
        assert_eq!(reason("\n"), "");
    }
}
