//! Connections: bytes go from one socket to the other through a pipe, and never through this process. splice(2).
//!
//! ```text
//! client --> ends[0] --> ways[0].pipe --> ends[1] --> container
//!        <-- ends[0] <-- ways[1].pipe <-- ends[1] <--
//! ```
//! A way that holds nothing has no pipe. Nothing is read while what was read before is not written: whoever is slow slows the other one down.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{
    set_socket_keepalive, set_socket_linger, set_tcp_nodelay, socket_error,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::poll::{Poll, Token};

/// Bytes that a pipe shall hold; it holds less where the user has many.
const PIPE: usize = 256 << 10;
/// Pipes that are kept for the next that needs one.
const SPARE_PIPES: usize = 32;
/// Others have their turn after so many.
const MOST_TURNS: usize = 16;

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Streams {
    all: HashMap<u64, Stream>,
    spare: Vec<Pipe>,
    /// Those that have more to do, whoever says something meanwhile.
    busy: Vec<u64>,
}

#[derive(Debug)]
struct Stream {
    peer: u64,
    ends: [TcpStream; 2],
    ways: [Way; 2],
    is_connected: bool,
}

#[derive(Debug, Default)]
struct Way {
    pipe: Option<Pipe>,
    held: usize,
    has_ended: bool,
    is_shut: bool,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// What is to come of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Waits,
    GoesOn,
    Over,
}

impl Streams {
    /// Begins to connect; whoever came is sent away where that fails.
    pub(super) fn begin(
        &mut self,
        poll: &Poll,
        (id, peer): (u64, u64),
        client: OwnedFd,
        to: SocketAddr,
    ) -> Result<(), Errno> {
        let client = TcpStream::from(client);
        let begun = connect_to(to).and_then(|(container, is_connected)| {
            let container = TcpStream::from(container);
            for end in [&client, &container] {
                set_tcp_nodelay(end, true)?;
                // Of whom nothing is heard for hours, nothing will be.
                set_socket_keepalive(end, true)?;
            }
            poll.add_stream(&client, Token::Stream(id, 0))?;
            poll.add_stream(&container, Token::Stream(id, 1))?;
            Ok((container, is_connected))
        });
        let (container, is_connected) = begun.inspect_err(|_| break_off(&client))?;
        let ends = [client, container];
        self.all.insert(id, Stream { peer, ends, ways: Default::default(), is_connected });
        Ok(())
    }

    /// Something has happened at one side.
    pub(super) fn react(&mut self, id: u64, side: usize, is_writable: bool) {
        let Some(stream) = self.all.get_mut(&id) else { return };
        stream.is_connected |= side == 1 && is_writable;
        self.move_on(id);
    }

    /// Whether there is more to do at once.
    pub(super) fn are_busy(&self) -> bool {
        !self.busy.is_empty()
    }

    /// Each that has more to do has its turn.
    pub(super) fn go_on(&mut self) {
        for id in std::mem::take(&mut self.busy) {
            self.move_on(id);
        }
    }

    /// Ends those of a monitor that is gone.
    pub(super) fn end_of(&mut self, peer: u64) {
        self.all.retain(|_, stream| {
            let stays = stream.peer != peer;
            if !stays {
                stream.ends.iter().for_each(break_off);
            }
            stays
        });
    }

    fn move_on(&mut self, id: u64) {
        let Some(stream) = self.all.get_mut(&id) else { return };
        match stream.move_bytes(&mut self.spare) {
            Ok(Next::Waits) => {}
            Ok(Next::GoesOn) => {
                if !self.busy.contains(&id) {
                    self.busy.push(id);
                }
            }
            Ok(Next::Over) => drop(self.all.remove(&id)),
            Err(_broken) => {
                stream.ends.iter().for_each(break_off);
                self.all.remove(&id);
            }
        }
    }
}

impl Stream {
    fn move_bytes(&mut self, spare: &mut Vec<Pipe>) -> Result<Next, Errno> {
        socket_error(&self.ends[1])??;
        if !self.is_connected {
            return Ok(Next::Waits);
        }
        let [client, container] = &self.ends;
        let [inward, outward] = &mut self.ways;
        let first = inward.move_bytes(client, container, spare)?;
        let second = outward.move_bytes(container, client, spare)?;
        Ok(match (inward.is_shut && outward.is_shut, first || second) {
            (true, _) => Next::Over,
            (false, true) => Next::GoesOn,
            (false, false) => Next::Waits,
        })
    }
}

impl Way {
    /// Whether there may be more to do at once.
    fn move_bytes(
        &mut self,
        from: &TcpStream,
        to: &TcpStream,
        spare: &mut Vec<Pipe>,
    ) -> Result<bool, Errno> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let mut turns = 0;
        let waits = loop {
            if turns == MOST_TURNS {
                break false;
            }
            turns += 1;
            if self.held == 0 && self.has_ended {
                if !self.is_shut {
                    self.is_shut = true;
                    // It may be gone; then the other way tells.
                    let _gone = to.shutdown(Shutdown::Write);
                }
                break true;
            }
            let pipe = match self.pipe.take() {
                Some(pipe) => pipe,
                None => spare.pop().map_or_else(Pipe::new, Ok)?,
            };
            let pipe = self.pipe.insert(pipe);
            let moved = if self.held == 0 {
                let read = splice(from, None, &pipe.write, None, PIPE, flags);
                read.map(|count| {
                    self.held = count;
                    self.has_ended = count == 0;
                })
            } else {
                let written = splice(&pipe.read, None, to, None, self.held, flags);
                written.map(|count| self.held = self.held.saturating_sub(count))
            };
            match moved {
                Ok(()) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break true,
                Err(errno) => return Err(errno),
            }
        };
        if self.held == 0 {
            let empty = self.pipe.take();
            spare.extend(empty.filter(|_| spare.len() < SPARE_PIPES));
        }
        Ok(!waits)
    }
}

impl Pipe {
    fn new() -> Result<Self, Errno> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // pipe(7), "/proc/sys/fs/pipe-user-pages-soft".
        let _smaller = fcntl_setpipe_size(&write, PIPE);
        Ok(Self { read, write })
    }
}

/// A socket that connects, and whether it has.
fn connect_to(to: SocketAddr) -> Result<(OwnedFd, bool), Errno> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &to) {
        Ok(()) => Ok((socket, true)),
        Err(Errno::INPROGRESS) => Ok((socket, false)),
        Err(errno) => Err(errno),
    }
}

/// Its other side hears of a reset, not of an end: socket(7), "SO_LINGER".
fn break_off(end: &TcpStream) {
    let _gone = set_socket_linger(end.as_fd(), Some(Duration::ZERO));
}
