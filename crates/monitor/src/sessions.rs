//! Further processes in the container, each started for a client and told to it when it ends.
//!
//! Their streams are the client's own pipes or the terminal whose master it gets: nothing of them passes through here.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libcontainer::cgroup::Cgroup;
use libcontainer::{Process, ProcessPlan, Stdio, chain, join};
use rustix::fs::{Mode, OFlags, open};

use crate::clients::Clients;
use crate::message::{failure, kind, number};

/// Processes at once; each holds a descriptor here.
const MOST: usize = 256;
/// Exit code of an engine's own failure.
const REFUSED: u8 = 125;

/// One process and the client it belongs to.
struct Session {
    process: Process,
    client: u32,
    exec_id: String,
}

/// A process that has ended, and nobody has heard of it yet.
pub(crate) struct EndedSession {
    pub(crate) exec_id: String,
    pub(crate) code: i32,
    /// Who waits for it.
    pub(crate) client: u32,
}

#[derive(Default)]
pub(crate) struct Sessions(Vec<Session>);

impl Sessions {
    pub(crate) fn pidfds(&self) -> impl Iterator<Item = (i32, BorrowedFd<'_>)> {
        self.0.iter().map(|session| (session.process.pid(), session.process.pidfd()))
    }

    /// Starts what a client asks for, and answers it. Gives what is to be told of it.
    pub(crate) fn start(
        &mut self,
        (request, streams): (&[u8], &[OwnedFd]),
        target: (&Process, &Cgroup),
        client: u32,
        clients: &mut Clients,
    ) -> Option<Started> {
        let begun = if self.0.len() < MOST {
            begin(request, streams, target)
        } else {
            Err((REFUSED, format!("{MOST} further processes run already")))
        };
        match begun {
            Ok((process, console, command)) => {
                let wished = wished_id(request);
                let is_new = wished.is_none();
                let exec_id = wished.unwrap_or_else(random_id);
                let answer = number(kind::EXEC_STARTED, process.pid());
                clients.owe(client, &answer, console.as_ref().map(AsFd::as_fd));
                self.0.push(Session { process, client, exec_id: exec_id.clone() });
                Some(Started { command, exec_id, is_new })
            }
            Err((code, words)) => {
                clients.owe(client, &failure(kind::EXEC_FAILED, code, &words), None);
                None
            }
        }
    }

    /// Reaps a process that has ended.
    pub(crate) fn ended(&mut self, pid: i32) -> Option<EndedSession> {
        let at = self.0.iter().position(|session| session.process.pid() == pid)?;
        let Session { process, client, exec_id } = self.0.swap_remove(at);
        Some(EndedSession { exec_id, code: crate::run::reap(&process), client })
    }

    /// Reaps what the container's end has ended.
    pub(crate) fn end_all(&mut self) -> Vec<EndedSession> {
        let pids: Vec<i32> = self.0.iter().map(|session| session.process.pid()).collect();
        pids.into_iter().filter_map(|pid| self.ended(pid)).collect()
    }
}

/// A further process that has started.
pub(crate) struct Started {
    /// Its command line.
    pub(crate) command: String,
    /// Its id.
    pub(crate) exec_id: String,
    /// Whether nobody knew of it before: who made it earlier has told that.
    pub(crate) is_new: bool,
}

/// The process, the master of its terminal, and its command line.
type Begun = (Process, Option<OwnedFd>, String);

/// The id that whoever asks has for it: 64 hexadecimal digits.
fn wished_id(request: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        exec_id: Option<String>,
    }
    let named: Named = serde_json::from_slice(request).ok()?;
    let is_id = |id: &String| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    named.exec_id.filter(is_id)
}

/// 64 hexadecimal digits, as Docker's.
fn random_id() -> String {
    let mut bytes = [0_u8; 32];
    let _filled = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn begin(
    request: &[u8],
    streams: &[OwnedFd],
    (target, cgroup): (&Process, &Cgroup),
) -> Result<Begun, (u8, String)> {
    let plan: ProcessPlan = serde_json::from_slice(request)
        .map_err(|error| (REFUSED, format!("read the request: {error}")))?;
    // Whoever joins a frozen group stands still at once, and this process would wait for it.
    if cgroup.is_frozen().unwrap_or(false) {
        return Err((REFUSED, "the container is paused".to_owned()));
    }
    let null;
    let stdio = match streams {
        _ if plan.terminal => Stdio::Terminal,
        [stdin, stdout, stderr] => {
            Stdio::Streams { stdin: stdin.as_fd(), stdout: stdout.as_fd(), stderr: stderr.as_fd() }
        }
        _ => {
            null = open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
                .map_err(|_no_dev| (REFUSED, "open /dev/null".to_owned()))?;
            Stdio::Streams { stdin: null.as_fd(), stdout: null.as_fd(), stderr: null.as_fd() }
        }
    };
    let joined =
        join(target, cgroup, &plan, stdio).map_err(|error| (error.exit_code(), chain(&error)))?;
    Ok((joined.process, joined.console, plan.args.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_sixty_four_digits() {
        let id = random_id();
        let request = |id: &str| format!(r#"{{"args":["a"],"exec_id":"{id}"}}"#);
        assert_eq!(wished_id(request(&id).as_bytes()), Some(id));
        for other in [request("x"), request(&"g".repeat(64)), r#"{"args":[]}"#.to_owned()] {
            assert_eq!(wished_id(other.as_bytes()), None, "{other}");
        }
    }
}
