//! The way from a user's network to the host's: pasta where it is installed, else slirp4netns. Sources: pasta(1), slirp4netns(1).

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::KeeperError;
use super::helper::{self, Program};

/// In the state directory: the pid of the one that connects it.
const HELPER: &str = "outside.pid";
/// What connects a user's network with the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Helper {
    Pasta,
    Slirp,
}

/// How long the one that was before is waited for.
const PATIENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// There too: why nothing connects it.
pub(super) const REFUSED: &str = "outside.refused";
/// Where programs are, whatever the caller's PATH is.
const DIRECTORIES: [&str; 6] =
    ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/// Connects the network namespace of a process. Where neither program can, that is written down for who needs it: the others do not.
pub(super) fn connect(state: &Path, pid: i32, ended: &OwnedFd) -> Result<(), KeeperError> {
    let mut refused = Vec::new();
    for (helper, program) in helpers() {
        let (name, connected) = match helper {
            Helper::Pasta => ("pasta", pasta(&program, state, pid)),
            Helper::Slirp => ("slirp4netns", slirp(&program, state, pid, ended)),
        };
        match connected {
            Ok(()) => return Ok(()),
            Err(why) => refused.push(format!("{name}: {why}")),
        }
    }
    if refused.is_empty() {
        let why = "neither pasta (package passt) nor slirp4netns is installed";
        refused.push(why.to_owned());
    }
    write(&state.join(REFUSED), &refused.join(", "))
}

fn write(path: &Path, text: &str) -> Result<(), KeeperError> {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(super::file("write", path))
}

/// Ends what [`connect`] has started, and waits for its end: nothing of it is left in the network then.
pub(super) fn disconnect(state: &Path) {
    let pid = fs::read_to_string(state.join(HELPER)).ok();
    let pid = pid.and_then(|text| text.trim().parse().ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid
        && let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
        && is_helper(pid)
    {
        let _gone = pidfd_send_signal(&process, Signal::TERM);
        let _ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&PATIENCE));
    }
    for left in [HELPER, REFUSED] {
        let _absent = fs::remove_file(state.join(left));
    }
}

/// The number may be somebody else's by now.
fn is_helper(pid: Pid) -> bool {
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
    name.is_ok_and(|name| ["pasta", "passt", "slirp"].iter().any(|own| name.starts_with(own)))
}

/// Those that are installed, the best one first. An early pasta, as Debian 12 has it, gives who has closed its own half first
/// what comes again and again, and never its end: it comes behind slirp4netns.
fn helpers() -> Vec<(Helper, PathBuf)> {
    let pasta = find("pasta").map(|program| (Helper::Pasta, program));
    let slirp = find("slirp4netns").map(|program| (Helper::Slirp, program));
    let is_early = match (&pasta, &slirp) {
        (Some((_, pasta)), Some(_)) => {
            let output = Command::new(pasta).arg("--version").stdin(Stdio::null()).output();
            !output.is_ok_and(|output| is_mature(&String::from_utf8_lossy(&output.stdout)))
        }
        _ => false,
    };
    let order = if is_early { [slirp, pasta] } else { [pasta, slirp] };
    order.into_iter().flatten().collect()
}

/// Its version is a date: `pasta 2024_02_20.1e6f92b`. Those that were built without one are early.
fn is_mature(said: &str) -> bool {
    let version = said.lines().next().and_then(|line| line.split_whitespace().nth(1));
    let digits = version.unwrap_or_default().trim_start_matches("0.0~git");
    digits.get(..4).and_then(|year| year.parse().ok()).is_some_and(|year: u16| year >= 2024)
}

/// The program of that name, where those of a machine are.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    DIRECTORIES.iter().map(|directory| Path::new(directory).join(name)).find(is_program)
}

/// It goes into the background when all is ready.
fn pasta(program: &Path, state: &Path, pid: i32) -> Result<(), String> {
    // It would inherit what this process blocks.
    let blocked = sys::blocked_signals();
    let _never_fails = sys::unblock_all_signals();
    let output = Command::new(program)
        .args([
            "--config-net",
            "--quiet",
            "--no-map-gw",
            // slirp4netns's. With the host's own, which it would take, nobody inside would reach the host.
            "--address",
            "10.0.2.100",
            "--netmask",
            "24",
            "--gateway",
            "10.0.2.2",
            "--dns-forward",
            &super::NAME_SERVER.to_string(),
            "-t",
            "none",
            "-u",
            "none",
            "-T",
            "none",
            "-U",
            "none",
        ])
        .arg("--pid")
        .arg(state.join(HELPER))
        .arg(pid.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let _never_fails = sys::restore_signals(blocked);
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.starts_with("Failed to send")).unwrap_or_default();
    Err(if last.is_empty() { output.status.to_string() } else { last.trim().to_owned() })
}

/// It stays as long as the keeper has the other end of `ended`.
fn slirp(program: &Path, state: &Path, pid: i32, ended: &OwnedFd) -> Result<(), String> {
    let pid = pid.to_string();
    let words = [
        "slirp4netns",
        "--configure",
        "--mtu=65520",
        "--disable-host-loopback",
        "--ready-fd=3",
        "--exit-fd=4",
        &pid,
        "tap0",
    ];
    let (told, tell) = pipe_with(PipeFlags::CLOEXEC).map_err(|errno| errno.to_string())?;
    let path = CString::new(program.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    let program = Program::At(&path);
    let child = helper::start(program, &words, [tell.as_fd(), ended.as_fd()]);
    let child = child.map_err(|errno| errno.to_string())?;
    drop(tell);
    let mut byte = [0];
    match File::from(told).read(&mut byte) {
        Ok(1) => {
            // Without it the next one may come too soon: it takes the interface of the same name.
            let written = File::create(state.join(HELPER))
                .and_then(|mut file| file.write_all(child.to_string().as_bytes()));
            written.map_err(|error| error.to_string())
        }
        Ok(_) => Err("it ended at once".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_mature;

    #[test]
    fn early_pastas() {
        assert!(is_mature("pasta 2024_02_20.1e6f92b\nCopyright\n"));
        assert!(is_mature("pasta 0.0~git20250503.587980c-2\n"));
        assert!(!is_mature("pasta 0.0~git20230309.7c7625d-1\n"));
        assert!(!is_mature("pasta unknown version\n"));
        assert!(!is_mature(""));
    }
}
