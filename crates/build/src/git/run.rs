//! Runs the machine's git with nothing of the caller's environment but what is named, and ends it with the build.
//!
//! No hook, no template, no file of the repository is run; only protocols of the network are spoken. Sources: git(1), git-config(1)
//! (`protocol.allow`, `core.hooksPath`).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::Cancel;

/// Variables that git gets where the caller has them.
const PASSED: [&str; 12] = [
    "PATH",
    "HOME",
    "GIT_SSH_COMMAND",
    "SSH_AUTH_SOCK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What is kept of what it writes.
const MOST_BYTES: usize = 1 << 20;

/// What git may know and do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Variables of the caller's environment; of these it gets `PATH`, `HOME`, `GIT_SSH_COMMAND`, `SSH_AUTH_SOCK` and those of proxies.
    pub variables: BTreeMap<String, String>,
    /// Whether repositories may be directories of this machine (`file:`).
    pub may_use_files: bool,
}

impl GitSettings {
    /// With what `lookup` says of the caller's environment.
    #[must_use]
    pub fn of(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let known = PASSED.iter().filter_map(|name| Some(((*name).to_owned(), lookup(name)?)));
        Self { variables: known.collect(), may_use_files: false }
    }
}

/// Why git did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitFailure {
    /// There is none, or it cannot be started.
    #[error("run git, which has to be installed")]
    Start(#[source] io::Error),
    /// What it says.
    #[error("git {what}: {said}")]
    Said {
        /// Its command.
        what: String,
        /// The end of its output.
        said: String,
    },
    /// What it writes cannot be read.
    #[error("hear git")]
    Hear(#[source] io::Error),
    /// The build is over.
    #[error("cancelled")]
    Cancelled,
}

/// Runs git in a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Git<'a> {
    pub(crate) settings: &'a GitSettings,
    pub(crate) cancel: &'a Cancel,
    pub(crate) directory: &'a Path,
}

impl Git<'_> {
    /// What it wrote on its standard output.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, GitFailure> {
        let mut command = self.command(arguments);
        let mut child = command.spawn().map_err(GitFailure::Start)?;
        let heard = self.hear(&mut child);
        if heard.is_err() {
            end(&child);
        }
        let status = child.wait().map_err(GitFailure::Hear)?;
        let (output, said) = heard?;
        if status.success() {
            return Ok(output);
        }
        let what = arguments.first().copied().unwrap_or_default().to_owned();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Err(GitFailure::Said { what, said })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", USUAL_PATH).env("GIT_CONFIG_NOSYSTEM", "1");
        for name in PASSED {
            if let Some(value) = self.settings.variables.get(name) {
                command.env(name, value);
            }
        }
        if !self.settings.variables.contains_key("HOME") {
            command.env("HOME", "/dev/null").env("GIT_CONFIG_GLOBAL", "/dev/null");
        }
        if !self.settings.variables.contains_key("GIT_SSH_COMMAND") {
            command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        // Nobody is there to be asked, and what it says is looked at.
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").env("GIT_LFS_SKIP_SMUDGE", "1");
        let file = if self.settings.may_use_files { "always" } else { "never" };
        for setting in [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "init.templateDir=",
            "init.defaultBranch=main",
            "advice.detachedHead=false",
            "gc.auto=0",
            "maintenance.auto=false",
            "protocol.allow=never",
            "protocol.http.allow=always",
            "protocol.https.allow=always",
            "protocol.ssh.allow=always",
            "protocol.git.allow=always",
            &format!("protocol.file.allow={file}"),
        ] {
            command.arg("-c").arg(setting);
        }
        command.args(arguments).current_dir(self.directory).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Reads both outputs to their ends, which its helpers have as well.
    fn hear(&self, child: &mut Child) -> Result<(Vec<u8>, Vec<u8>), GitFailure> {
        let (mut output, mut said) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        while stdout.is_some() || stderr.is_some() {
            let ready = |descriptor: &dyn AsFd| {
                let mut waiting = [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)];
                let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
                poll(&mut waiting, Some(&now)).is_ok_and(|ready| ready > 0)
            };
            let mut waiting = vec![PollFd::from_borrowed_fd(self.cancel.as_fd(), PollFlags::IN)];
            waiting.extend(stdout.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            waiting.extend(stderr.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            match poll(&mut waiting, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(GitFailure::Hear(errno.into())),
            }
            drop(waiting);
            if self.cancel.is_cancelled() {
                return Err(GitFailure::Cancelled);
            }
            if stdout.as_ref().is_some_and(|pipe| ready(pipe)) && !some(&mut stdout, &mut output)? {
                stdout = None;
            }
            if stderr.as_ref().is_some_and(|pipe| ready(pipe)) && !some(&mut stderr, &mut said)? {
                stderr = None;
            }
        }
        Ok((output, said))
    }
}

/// Reads what is there; false at its end. Of too much the end is kept.
fn some(pipe: &mut Option<impl Read>, into: &mut Vec<u8>) -> Result<bool, GitFailure> {
    let mut buffer = [0; 8192];
    let Some(pipe) = pipe else { return Ok(false) };
    let count = match pipe.read(&mut buffer) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
        count => count.map_err(GitFailure::Hear)?,
    };
    into.extend_from_slice(&buffer[..count]);
    let over = into.len().saturating_sub(MOST_BYTES);
    into.drain(..over);
    Ok(count > 0)
}

/// It and its helpers, which are in its process group.
fn end(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _gone = kill_process_group(pid, Signal::KILL);
    }
}
