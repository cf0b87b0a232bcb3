//! The monitor's side: a connection that says what a container is called for as long as it lasts.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno as Raw;
use sys::Errno;

use crate::channel::{self, Received};
use crate::redirect::NameSockets;
use crate::resolver::protocol::{Answer, LARGEST, Member, Request, SOCKET, VERSION};

/// Bytes of an answer.
const ANSWER: usize = 4096;

/// A container is known to the resolver while this exists.
#[derive(Debug)]
pub struct Registration {
    socket: OwnedFd,
}

/// Why a container is not known.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no resolver: start one and come again.
    #[error("no resolver runs")]
    NotRunning,
    /// It has not come to all who wait: come again.
    #[error("the resolver is busy")]
    Busy,
    /// There is more to say than fits.
    #[error("names, aliases and links have {0} bytes, at most {LARGEST}")]
    TooLarge(usize),
    /// The socket is refused.
    #[error("connect to the resolver in {}", state_dir.display())]
    Connect {
        /// The state directory.
        state_dir: PathBuf,
        /// Why.
        #[source]
        errno: Errno,
    },
}

impl Registration {
    /// Registers a container; never waits. The connection is then polled for its answer and for its end.
    ///
    /// # Errors
    /// [`ConnectError::NotRunning`] when nobody listens, which is also so for an instant while a resolver begins or ends.
    pub fn connect(
        state_dir: &Path,
        member: &Member,
        sockets: &NameSockets,
    ) -> Result<Self, ConnectError> {
        let failed = |errno: Raw| match errno {
            Raw::NOENT | Raw::CONNREFUSED | Raw::PIPE | Raw::CONNRESET => ConnectError::NotRunning,
            Raw::AGAIN => ConnectError::Busy,
            errno => ConnectError::Connect { state_dir: state_dir.to_owned(), errno: errno.into() },
        };
        let socket = channel::connect_to(state_dir, SOCKET).map_err(failed)?;
        let registration = Self { socket };
        let request = Request::Register { version: VERSION, member: member.clone() };
        let descriptors = [sockets.udp.as_fd(), sockets.tcp.as_fd()];
        let packet = packet(&request)?;
        channel::send(registration.as_fd(), &packet, &descriptors).map_err(failed)?;
        Ok(registration)
    }

    /// Says that the container is called otherwise now, or is in other networks; never waits.
    ///
    /// # Errors
    /// [`ConnectError::NotRunning`] when the resolver is gone: what is said is for the next one.
    pub fn update(&self, member: &Member) -> Result<(), ConnectError> {
        let packet = packet(&Request::Update { member: member.clone() })?;
        channel::send(self.as_fd(), &packet, &[]).map_err(|errno| match errno {
            Raw::AGAIN => ConnectError::Busy,
            _ => ConnectError::NotRunning,
        })
    }

    /// What the resolver has answered, if it has; to be called when the connection is readable.
    ///
    /// # Errors
    /// [`ConnectError::NotRunning`] when the resolver is gone.
    pub fn answer(&self) -> Result<Option<Answer>, ConnectError> {
        let mut packet = [0; ANSWER];
        match channel::receive(self.as_fd(), &mut packet) {
            Received::Packet(length, _) => {
                let packet = packet.get(..length).unwrap_or_default();
                serde_json::from_slice(packet)
                    .map(Some)
                    .map_err(|_strange| ConnectError::NotRunning)
            }
            Received::Nothing => Ok(None),
            Received::TooLarge | Received::Gone => Err(ConnectError::NotRunning),
        }
    }
}

fn packet(request: &Request) -> Result<Vec<u8>, ConnectError> {
    let packet = serde_json::to_vec(request).unwrap_or_default();
    if packet.len() > LARGEST { Err(ConnectError::TooLarge(packet.len())) } else { Ok(packet) }
}

impl AsFd for Registration {
    /// Readable when there is an answer; hung up when the resolver is gone.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
