//! The user's own ssh(1), which runs `dial-stdio` on the other machine: Corten's where it is there and reaches a server, else Docker's.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// What is told of ssh's complaints.
const MOST: usize = 2048;

/// Starts it; gives our end of its input and output, what it complained of once it has ended, and itself.
pub(crate) fn start(
    target: &str,
    port: Option<u16>,
    socket: Option<&str>,
) -> io::Result<(UnixStream, JoinHandle<Option<String>>, OwnedFd)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new("ssh");
    // Nobody could answer its questions: it is in a process group of its own, so that a key that is meant for the container does not
    // end the way to it.
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30"]);
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    command.arg("--").arg(target).arg(dial(socket)).process_group(0);
    command.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs));
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    // Its copies of the other end would hold it open.
    drop(command);
    let stderr = child.stderr.take();
    let between = std::thread::spawn(move || {
        let said = stderr.map(complaints).unwrap_or_default();
        let status = child.wait().ok()?;
        let code =
            status.code().map_or_else(String::new, |code| format!(" (ssh ended with {code})"));
        (!said.is_empty() || !status.success()).then(|| format!("{said}{code}"))
    });
    Ok((ours, between, process))
}

/// The line for the shell of the other machine.
fn dial(socket: Option<&str>) -> String {
    let host = socket.map(|path| format!(" --host {}", quoted(&format!("unix://{path}"))));
    let host = host.unwrap_or_default();
    format!("corten{host} system dial-stdio || docker{host} system dial-stdio")
}

/// As one word for a shell. sh(1), "Quoting".
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What it said, on one line; all of it is read, so that it never waits for us.
fn complaints(mut from: impl Read) -> String {
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let room = MOST.saturating_sub(said.len());
        said.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&said);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_machines_shell_sees_one_word() {
        assert_eq!(dial(None), "corten system dial-stdio || docker system dial-stdio");
        assert!(dial(Some("/a'b")).starts_with(r"corten --host 'unix:///a'\''b' system"));
    }
}
