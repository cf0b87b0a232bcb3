//! One run of a plugin: its configuration on standard input, its parameters in the environment, its answer on standard output. Source:
//! specification 1.0.0, "Section 2: Execution Protocol".

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process_group, pidfd_open, setpgid,
    waitpid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use serde::Deserialize;
use serde_json::Value;
use sys::CStringArray;

use super::error::CniError;

/// A DHCP server may be asked four times in it, RFC 2131, 4.1.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the programs of a machine are that plugins call.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// So much of an answer is read.
const MOST_BYTES: u64 = 1 << 20;
/// So much of what a plugin printed is told.
const MOST_TOLD_CHARACTERS: usize = 500;

/// What a plugin is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Add,
    Delete,
}

/// What a plugin says that failed: specification, "Error".
#[derive(Deserialize)]
struct Refusal {
    code: i64,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    details: String,
}

impl Command {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Delete => "DEL",
        }
    }
}

/// The directories as `CNI_PATH` has them.
pub(super) fn path(directories: &[PathBuf]) -> String {
    let all: Vec<_> = directories.iter().map(|path| path.display().to_string()).collect();
    all.join(":")
}

/// The program of a plugin, in the first directory that has it.
pub(super) fn find(plugin: &str, directories: &[PathBuf]) -> Result<PathBuf, CniError> {
    let is_program = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let found = directories.iter().map(|directory| directory.join(plugin)).find(is_program);
    found.ok_or_else(|| CniError::NoProgram {
        plugin: plugin.to_owned(),
        directories: path(directories),
    })
}

/// Runs a plugin to its end; gives what it said, if it said anything.
pub(super) fn run(
    plugin: &str,
    program: &Path,
    environment: &[(&str, String)],
    input: &[u8],
) -> Result<Option<Value>, CniError> {
    let failed = |cause| CniError::Run { plugin: plugin.to_owned(), cause };
    // Files of memory: neither side waits for the other, however much there is to read.
    let (mut output, mut errors) = (memory().map_err(failed)?, memory().map_err(failed)?);
    let status = start(program, environment, input, (&output, &errors))
        .and_then(|child| wait(child, PATIENCE))
        .map_err(failed)?;
    let Some(status) = status else {
        let seconds = PATIENCE.as_secs();
        return Err(CniError::TimedOut { plugin: plugin.to_owned(), seconds });
    };
    let said = text(&mut output).map_err(failed)?;
    if status.exit_status() != Some(0) {
        let errors = text(&mut errors).map_err(failed)?;
        return Err(refused(plugin, status, &said, &errors));
    }
    if said.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&said)
        .map(Some)
        .map_err(|error| CniError::Answer { plugin: plugin.to_owned(), why: error.to_string() })
}

/// A child without the signals that its parent blocks: std's would have them blocked, too. What it is given is made before it is.
fn start(
    program: &Path,
    environment: &[(&str, String)],
    input: &[u8],
    (output, errors): (&File, &File),
) -> io::Result<Pid> {
    let mut stdin = memory()?;
    stdin.write_all(input)?;
    stdin.rewind()?;
    let text = |text: String| CString::new(text).map_err(io::Error::from);
    let path = text(program.display().to_string())?;
    let own = environment.iter().map(|(name, value)| text(format!("{name}={value}")));
    let environment = std::iter::once(text(format!("PATH={PATH}"))).chain(own);
    let environment = CStringArray::new(environment.collect::<Result<_, _>>()?);
    let argv = CStringArray::new(vec![path.clone()]);
    let child = || {
        let is_ready = dup2_stdin(&stdin).is_ok()
            && dup2_stdout(output).is_ok()
            && dup2_stderr(errors).is_ok()
            // Who is killed takes what it has started along.
            && setpgid(None, None).is_ok()
            && sys::close_on_exec_from(3).is_ok();
        sys::default_signals();
        if is_ready && sys::unblock_all_signals().is_ok() {
            sys::execve(&path, &argv, &environment);
        }
        sys::exit_now(127)
    };
    let pid = sys::fork(child).map_err(io::Error::from)?;
    Pid::from_raw(pid).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn memory() -> io::Result<File> {
    Ok(File::from(memfd_create(c"cni", MemfdFlags::CLOEXEC)?))
}

/// How the child ended; nothing for one that had to be killed.
fn wait(pid: Pid, patience: Duration) -> io::Result<Option<WaitStatus>> {
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    let deadline = Instant::now() + patience;
    let is_ended = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_long| io::ErrorKind::InvalidInput)?;
        let mut ready = [PollFd::new(&ended, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(count) => break count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    };
    if !is_ended {
        let _gone = kill_process_group(pid, Signal::KILL);
    }
    let status = waitpid(Some(pid), WaitOptions::empty())?.map(|(_, status)| status);
    Ok(status.filter(|_| is_ended))
}

fn text(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn refused(plugin: &str, status: WaitStatus, said: &str, errors: &str) -> CniError {
    let plugin = plugin.to_owned();
    if let Ok(refusal) = serde_json::from_str::<Refusal>(said) {
        let parts = [refusal.msg.trim(), refusal.details.trim()];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let words = told(&parts.join(": "));
        return CniError::Refused { plugin, words, code: refusal.code };
    }
    let how = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    };
    let printed = [errors.trim(), said.trim()].into_iter().find(|text| !text.is_empty());
    let said = printed.map(|text| format!(": {}", told(text))).unwrap_or_default();
    CniError::Ended { plugin, how, said }
}

/// In one line, of which the end counts, and without what moves a terminal's cursor.
fn told(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    line.chars().skip(length.saturating_sub(MOST_TOLD_CHARACTERS)).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn who_does_not_end_is_killed_with_what_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("slow");
        let mut options = File::options();
        let mut script = options.write(true).create(true).mode(0o755).open(&program).unwrap();
        script.write_all(b"#!/bin/sh\nsleep 1000 &\necho $!\nwait\n").unwrap();
        drop(script);
        let (mut output, errors) = (memory().unwrap(), memory().unwrap());
        let child = start(&program, &[], b"", (&output, &errors)).unwrap();
        // It has started the other one by then.
        while text(&mut output).unwrap().is_empty() {
            std::thread::yield_now();
        }
        let ended = wait(child, Duration::from_millis(1)).unwrap();
        assert!(ended.is_none());
        let pid = text(&mut output).unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        while state().is_ok_and(|state| !state.contains(") Z ")) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn one_line_of_what_was_printed() {
        assert_eq!(told("  a\n\tb\u{1b}[2J  "), "a b [2J");
        assert_eq!(told(&"x".repeat(1000)).len(), MOST_TOLD_CHARACTERS);
    }
}
