//! The way from a user's network to the host's: slirp4netns where it is installed, else pasta. Sources: pasta(1), slirp4netns(1).

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use sys::{CStringArray, exit_now};

use super::KeeperError;

/// In the state directory: where slirp4netns listens.
pub(super) const SLIRP: &str = "slirp.sock";
/// There too: the pid of pasta.
const PASTA: &str = "pasta.pid";
/// There too: why nothing connects it.
pub(super) const REFUSED: &str = "outside.refused";
/// Where programs are, whatever the caller's PATH is.
const DIRECTORIES: [&str; 6] =
    ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/// Connects the network namespace of a process. Where neither program can, that is written down for who needs it: the others do not.
pub(super) fn connect(state: &Path, pid: i32, ended: &OwnedFd) -> Result<(), KeeperError> {
    for left in [SLIRP, PASTA, REFUSED] {
        let _absent = fs::remove_file(state.join(left));
    }
    let mut refused = Vec::new();
    // The second one leads no published port in yet.
    for name in ["slirp4netns", "pasta"] {
        let Some(program) = find(name) else { continue };
        let connected = match name {
            "pasta" => pasta(&program, state, pid),
            _ => slirp(&program, state, pid, ended),
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
    let path = state.join(REFUSED);
    let written =
        File::create(&path).and_then(|mut file| file.write_all(refused.join(", ").as_bytes()));
    written.map_err(super::file("write", &path))
}

/// Ends what [`connect`] has started, where its end is not seen by itself.
pub(super) fn disconnect(state: &Path) {
    let path = state.join(PASTA);
    let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    if let Some(pid) = pid.and_then(Pid::from_raw)
        && is_pasta(pid)
    {
        let _gone = kill_process(pid, Signal::TERM);
    }
    for left in [SLIRP, PASTA, REFUSED] {
        let _absent = fs::remove_file(state.join(left));
    }
}

/// The number may be somebody else's by now.
fn is_pasta(pid: Pid) -> bool {
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
    name.is_ok_and(|name| name.starts_with("pasta") || name.starts_with("passt"))
}

fn find(name: &str) -> Option<PathBuf> {
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
        .arg(state.join(PASTA))
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
    let text = |path: &Path| path.display().to_string();
    let words = [
        "slirp4netns".to_owned(),
        "--configure".to_owned(),
        "--mtu=65520".to_owned(),
        "--disable-host-loopback".to_owned(),
        "--ready-fd=3".to_owned(),
        "--exit-fd=4".to_owned(),
        format!("--api-socket={}", text(&state.join(SLIRP))),
        pid.to_string(),
        "tap0".to_owned(),
    ];
    let words = words.map(|word| std::ffi::CString::new(word).unwrap_or_default());
    let (argv, environment) = (CStringArray::new(words.to_vec()), CStringArray::new(Vec::new()));
    let path = std::ffi::CString::new(text(program)).map_err(|error| error.to_string())?;
    let null = File::options().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| error.to_string())?;
    let (told, tell) = pipe_with(PipeFlags::CLOEXEC).map_err(|errno| errno.to_string())?;
    let child = || {
        let prepared = || -> Result<(), sys::Errno> {
            let _leader_already = rustix::process::setsid();
            let spare = |descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, 10);
            let (tell, ended) = (spare(tell.as_fd())?, spare(ended.as_fd())?);
            sys::close_on_exec_from(3)?;
            for stream in 0..3 {
                sys::place_inherited(null.as_fd(), stream)?;
            }
            sys::place_inherited(tell.as_fd(), 3)?;
            sys::place_inherited(ended.as_fd(), 4)?;
            sys::default_signals();
            sys::unblock_all_signals()
        };
        if prepared().is_ok() {
            sys::execve(&path, &argv, &environment);
        }
        exit_now(127)
    };
    sys::fork(child).map_err(|errno| errno.to_string())?;
    drop(tell);
    let mut byte = [0];
    match File::from(told).read(&mut byte) {
        Ok(1) => Ok(()),
        Ok(_) => Err("it ended at once".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
