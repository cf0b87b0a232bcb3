//! The client's end: attach, write, resize, exec, wait.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use libcontainer::ProcessPlan;
use libcontainer::cgroup::Setting;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Raw;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    connect as connect_socket, recvmsg, send, sendmsg, socket_with,
};
use sys::Errno;

use crate::handoff::{NETWORKS, NetworkPlan};
use crate::message::{ATTACH_INPUT, ATTACH_OUTPUT, MOST_DATA, VERSION, WITH_CONTENTS, kind};
use crate::restart::RestartPolicy;
use crate::said::{FromMonitor, Received, decode};
use crate::terminals::FREE;

/// How long a monitor may take to change its container's networks.
const NETWORKS_PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Name of the socket in the state directory.
pub(crate) const SOCKET: &str = "monitor.sock";

/// A connection to a monitor.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    packet: Vec<u8>,
}

/// The monitor cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It is gone, or was never there.
    #[error("its monitor is not running")]
    NotRunning,
    /// The kernel refused.
    #[error("connect to {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
}

/// Connects to the monitor of the container with this state directory.
///
/// # Errors
/// [`ConnectError::NotRunning`] when there is none.
pub fn connect(state_dir: &Path) -> Result<Connection, ConnectError> {
    let path = state_dir.join(SOCKET);
    let failed = |errno: Raw| match errno {
        Raw::NOENT | Raw::CONNREFUSED => ConnectError::NotRunning,
        errno => ConnectError::Connect { path: path.clone(), errno: errno.into() },
    };
    let socket =
        socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(failed)?;
    let (_directory, address) = address(state_dir).map_err(failed)?;
    connect_socket(&socket, &address).map_err(failed)?;
    let connection = Connection::over(socket);
    connection
        .send(&[kind::HELLO, VERSION])
        .map_err(|errno| failed(Raw::from_raw_os_error(errno.raw())))?;
    Ok(connection)
}

/// The socket's address through a descriptor: the path of a state directory may be longer than the 107 bytes that an address
/// has. unix(7), "Pathname sockets".
pub(crate) fn address(state_dir: &Path) -> Result<(OwnedFd, SocketAddrUnix), Raw> {
    use std::os::fd::AsRawFd;
    let flags =
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let directory = rustix::fs::open(state_dir, flags, rustix::fs::Mode::empty())?;
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))?;
    Ok((directory, address))
}

impl Connection {
    pub(crate) fn over(socket: OwnedFd) -> Self {
        Self { socket, packet: Vec::new() }
    }

    /// The monitor's process; nothing where it is gone, or in a pid namespace that the caller does not see. The connection was made by it,
    /// hence its pid is nobody else's. unix(7), "SO_PEERCRED".
    #[must_use]
    pub fn process(&self) -> Option<OwnedFd> {
        let monitor = rustix::net::sockopt::socket_peercred(&self.socket).ok()?;
        rustix::process::pidfd_open(monitor.pid, rustix::process::PidfdFlags::empty()).ok()
    }

    /// Asks for output, and says whether input will be written.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn attach(&self, input: bool, output: bool) -> Result<(), Errno> {
        self.send(&[kind::ATTACH, streams(input, output)])
    }

    /// Asks for a terminal in the place of the streams, 0 for the console and N for `/dev/ttyN`, or for the first of these that nobody looks
    /// at; gives which one it is. What it has shown, as far as that is kept, and shows comes as output, and what is written is typed on it.
    /// Nothing is attached where there is none.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone, or of a release that knows no terminals.
    pub fn attach_to_terminal(&mut self, number: Option<u16>) -> Result<Option<u16>, Errno> {
        let [a, b] = number.unwrap_or(FREE).to_ne_bytes();
        self.send(&[kind::TERMINAL, a, b])?;
        loop {
            match self.receive()? {
                Received::Message(FromMonitor::Terminal { number }) => return Ok(Some(number)),
                Received::Message(FromMonitor::NotNow) => return Ok(None),
                Received::Message(_) => {}
                Received::Closed => return Err(Errno::from_raw(libc::EPIPE)),
            }
        }
    }

    /// Writes to the container's standard input; waits while it is full.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn write_stdin(&self, bytes: &[u8]) -> Result<(), Errno> {
        for chunk in bytes.chunks(MOST_DATA) {
            self.send_parts(&[&[kind::STDIN], chunk], &[])?;
        }
        Ok(())
    }

    /// Writes to the container's standard input without waiting: all of it, or an error. At most 32 KiB at once. For a client
    /// that also reads output: the container may take no input before its output is read.
    ///
    /// # Errors
    /// EAGAIN while the container takes none, EPIPE when the monitor is gone.
    pub fn try_write_stdin(&self, bytes: &[u8]) -> Result<(), Errno> {
        self.send_with(&[&[kind::STDIN], bytes], &[], SendFlags::DONTWAIT)
    }

    /// Says that no more input will come.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn end_stdin(&self) -> Result<(), Errno> {
        self.send(&[kind::STDIN_END])
    }

    /// Sets the size of the container's terminal.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn resize(&self, rows: u16, columns: u16) -> Result<(), Errno> {
        let ([a, b], [c, d]) = (rows.to_ne_bytes(), columns.to_ne_bytes());
        self.send(&[kind::RESIZE, a, b, c, d])
    }

    /// Sends a signal to the container's first process.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone. A number that is no signal does nothing.
    pub fn signal(&self, number: i32) -> Result<(), Errno> {
        self.send(&crate::message::number(kind::SIGNAL, number))
    }

    /// Runs a further process; with a terminal in its plan `streams` are not used, and the master comes back.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone, EMSGSIZE for a plan that no packet holds.
    pub fn exec(
        &self,
        process: &ProcessPlan,
        streams: Option<[BorrowedFd<'_>; 3]>,
        id: Option<&str>,
    ) -> Result<(), Errno> {
        /// A monitor that knows no ids makes one up.
        #[derive(serde::Serialize)]
        struct Named<'a> {
            #[serde(flatten)]
            process: &'a ProcessPlan,
            #[serde(skip_serializing_if = "Option::is_none")]
            exec_id: Option<&'a str>,
        }
        let named = Named { process, exec_id: id };
        let plan =
            serde_json::to_vec(&named).map_err(|_unserialisable| Errno::from_raw(libc::EINVAL))?;
        match streams {
            Some(streams) => self.send_parts(&[&[kind::EXEC], &plan], &streams),
            None => self.send_parts(&[&[kind::EXEC], &plan], &[]),
        }
    }

    /// Makes the container stand still for as long as this connection is there, at most until [`Connection::thaw`].
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn freeze(&self) -> Result<(), Errno> {
        self.send(&[kind::FREEZE])
    }

    /// Makes the container end with this connection: it is killed when the connection closes, whatever closed it.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn guard(&self) -> Result<(), Errno> {
        self.send(&[kind::GUARD])
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn thaw(&self) -> Result<(), Errno> {
        self.send(&[kind::THAW])
    }

    /// Makes the container stand still until [`Connection::resume`], whoever says so.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn pause(&self) -> Result<(), Errno> {
        self.send(&[kind::PAUSE])
    }

    /// Lets a container go on that was paused.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn resume(&self) -> Result<(), Errno> {
        self.send(&[kind::RESUME])
    }

    /// Has the container's health check run now; the answer comes when it has ended. It counts as any other.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone.
    pub fn check(&self) -> Result<(), Errno> {
        self.send(&[kind::CHECK])
    }

    /// Makes the container stay down when it ends, whatever its restart policy says; returns once that is sure.
    ///
    /// # Errors
    /// EPIPE when the monitor is gone, or of a release that restarts nothing.
    pub fn hold_restarts(&mut self) -> Result<(), Errno> {
        self.send(&[kind::HOLD])?;
        self.wait_until_held()
    }

    /// Gives the container another restart policy; returns once it counts.
    ///
    /// # Errors
    /// As [`Connection::hold_restarts`].
    pub fn set_restarts(&mut self, policy: RestartPolicy) -> Result<(), Errno> {
        let policy = serde_json::to_vec(&policy).map_err(|_plain| Errno::from_raw(libc::EINVAL))?;
        self.send_parts(&[&[kind::RESTARTS], &policy], &[])?;
        self.wait_until_held()
    }

    /// Gives the container another name in what is told of it; returns once it counts.
    ///
    /// # Errors
    /// As [`Connection::hold_restarts`].
    pub fn set_name(&mut self, name: &str) -> Result<(), Errno> {
        self.send_parts(&[&[kind::NAME], name.as_bytes()], &[])?;
        self.wait_until_held()
    }

    /// Gives the container other limits for when it is started again; returns once they are written down.
    ///
    /// # Errors
    /// As [`Connection::hold_restarts`].
    pub fn set_settings(&mut self, settings: &[Setting]) -> Result<(), Errno> {
        let settings =
            serde_json::to_vec(settings).map_err(|_plain| Errno::from_raw(libc::EINVAL))?;
        self.send_parts(&[&[kind::SETTINGS], &settings], &[])?;
        self.wait_until_held()
    }

    /// Says that the places which [`Connection::set_networks`] gave are written down. Without it the monitor has them made good from the records
    /// once this connection ends.
    pub fn keep_networks(&self) {
        // Who is gone has given all of them back.
        let _gone = self.send_parts(&[&[kind::NETWORKS_KEPT]], &[]);
    }

    /// Gives the container other places in networks; returns once it has them. The words of a refusal are the inner error.
    ///
    /// # Errors
    /// When the plan cannot be written into the state directory; otherwise as [`Connection::hold_restarts`].
    pub fn set_networks(
        &mut self,
        state_dir: &Path,
        plan: &NetworkPlan,
    ) -> std::io::Result<Result<(), String>> {
        let bytes = serde_json::to_vec(plan)?;
        #[expect(clippy::disallowed_methods, reason = "read by its monitor alone, after this")]
        std::fs::write(state_dir.join(NETWORKS), bytes)?;
        self.send_parts(&[&[kind::NETWORKS]], &[]).map_err(std::io::Error::from)?;
        loop {
            // One that somebody has stopped is not waited for: others wait for who waits here.
            let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
            if poll(&mut polled, Some(&NETWORKS_PATIENCE))? == 0 {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            match self.receive().map_err(std::io::Error::from)? {
                Received::Message(FromMonitor::Held) => return Ok(Ok(())),
                Received::Message(FromMonitor::NetworksFailed { error }) => {
                    return Ok(Err(error.to_owned()));
                }
                Received::Message(_) => {}
                Received::Closed => return Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    fn wait_until_held(&mut self) -> Result<(), Errno> {
        loop {
            match self.receive()? {
                Received::Message(FromMonitor::Held) => return Ok(()),
                Received::Message(_) => {}
                Received::Closed => return Err(Errno::from_raw(libc::EPIPE)),
            }
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// What recvmsg(2) answers.
    pub fn receive(&mut self) -> Result<Received<'_>, Errno> {
        self.receive_with(RecvFlags::empty())
    }

    /// The next message, if one is there.
    ///
    /// # Errors
    /// EAGAIN where none is there, and what recvmsg(2) answers.
    pub fn try_receive(&mut self) -> Result<Received<'_>, Errno> {
        self.receive_with(RecvFlags::DONTWAIT)
    }

    fn receive_with(&mut self, flags: RecvFlags) -> Result<Received<'_>, Errno> {
        self.packet.resize(MOST_DATA + 1, 0);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(&mut self.packet)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC | flags,
            ) {
                // The monitor ended and had not read all that was sent to it. The kernel tells that once, before what the monitor
                // said last: unix(7), ECONNRESET.
                Err(Raw::INTR | Raw::CONNRESET) => {}
                other => break other,
            }
        };
        let bytes = match received {
            Ok(received) => received.bytes,
            Err(errno) => return Err(errno.into()),
        };
        let mut console = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                console = descriptors.next();
            }
        }
        let packet = self.packet.get(..bytes).unwrap_or_default();
        Ok(decode(packet, console).map_or(Received::Closed, Received::Message))
    }

    /// Sends the file of the hand-off, its lock with it, and what no file holds, and attaches.
    pub(crate) fn send_handoff(
        &self,
        (file, contents): (BorrowedFd<'_>, Option<BorrowedFd<'_>>),
        own: Option<[BorrowedFd<'_>; 3]>,
        input: bool,
        output: bool,
    ) -> Result<(), Errno> {
        let first = std::iter::once(file).chain(contents);
        let descriptors: Vec<_> = first.chain(own.into_iter().flatten()).collect();
        let with_contents = if contents.is_some() { WITH_CONTENTS } else { 0 };
        let bits = streams(input, output) | with_contents;
        self.send_parts(&[&[kind::HAND_OFF, VERSION, bits]], &descriptors)
    }

    fn send(&self, packet: &[u8]) -> Result<(), Errno> {
        loop {
            match send(&self.socket, packet, SendFlags::NOSIGNAL) {
                Err(Raw::INTR) => {}
                done => return done.map(drop).map_err(Errno::from),
            }
        }
    }

    fn send_parts(&self, parts: &[&[u8]], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        self.send_with(parts, descriptors, SendFlags::empty())
    }

    fn send_with(
        &self,
        parts: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
        flags: SendFlags,
    ) -> Result<(), Errno> {
        let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(5))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        loop {
            match sendmsg(&self.socket, &slices, &mut control, flags | SendFlags::NOSIGNAL) {
                Err(Raw::INTR) => {}
                done => return done.map(drop).map_err(Errno::from),
            }
        }
    }
}

impl AsFd for Connection {
    /// Readable when a message waits.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn streams(input: bool, output: bool) -> u8 {
    (if input { ATTACH_INPUT } else { 0 }) | (if output { ATTACH_OUTPUT } else { 0 })
}
