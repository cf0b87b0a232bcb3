//! One client of a monitor: what it asked for, and packets to and from it.
//!
//! Output is sent or refused: whoever sends it keeps it. Everything else is small and must arrive; what a full socket does not
//! take waits here, in a queue of bounded length.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::io::Errno as Raw;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::message::{
    ATTACH_INPUT, ATTACH_OUTPUT, MOST_DATA, MOST_PACKET, VERSION, WITH_CONTENTS, kind, read_number,
};
use crate::terminals::CONSOLE;

/// Packets that may wait for one client; one that lets more wait is left.
const MOST_QUEUED: usize = 1024;

/// A client, known by a number that is never used twice.
pub(crate) struct Client {
    pub(crate) id: u32,
    socket: OwnedFd,
    pub(crate) wants_output: bool,
    pub(crate) writes_input: bool,
    /// The terminal beside the console that it looks at and types on, see `terminals.rs`; 0 is none.
    pub(crate) terminal: u16,
    /// Whether the container stands still for it.
    pub(crate) holds_freeze: bool,
    /// Whether it has changed the container's networks, and may not have written that down.
    pub(crate) changes_networks: bool,
    /// Whether the container ends with it.
    pub(crate) guards: bool,
    /// Whether it waits for the end of a health check.
    pub(crate) awaits_check: bool,
    greeted: bool,
    queue: VecDeque<Queued>,
}

/// A packet that waits, with the descriptor that travels with it.
struct Queued {
    packet: Rc<[u8]>,
    descriptor: Option<OwnedFd>,
}

/// What a client asks for. What follows the kind stays in the [`Packet`].
pub(crate) enum Request {
    Stdin,
    StdinEnd,
    Resize {
        rows: u16,
        columns: u16,
    },
    Signal {
        number: i32,
    },
    Terminal {
        number: u16,
    },
    Exec {
        streams: Vec<OwnedFd>,
    },
    Freeze,
    Thaw,
    Pause,
    Resume,
    Check,
    Hold,
    Restarts,
    Name,
    Settings,
    Networks,
    NetworksKept,
    /// Nothing that needs an answer.
    Noted,
    /// It is gone, or said what nobody understands.
    Gone,
    /// Nothing waits.
    Nothing,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Yes,
    /// The client reads too slowly: its socket is full.
    Busy,
    Gone,
}

/// Room for one packet. Fresh memory of the kernel: only what a packet fills counts as used.
pub(crate) struct Packet {
    space: Vec<u8>,
    length: usize,
}

impl Packet {
    pub(crate) fn new() -> Self {
        Self { space: vec![0; MOST_PACKET], length: 0 }
    }

    /// What follows the kind.
    pub(crate) fn body(&self) -> &[u8] {
        self.space.get(1..self.length).unwrap_or_default()
    }

    /// Gives the pages of a large packet back.
    pub(crate) fn forget(&mut self) {
        *self = Self::new();
    }
}

/// What the command that started a monitor gives it.
pub(crate) struct Given {
    pub(crate) file: OwnedFd,
    /// What the container is given that no file of the disk holds.
    pub(crate) contents: Option<OwnedFd>,
    /// The streams that it attaches to.
    pub(crate) streams: u8,
    /// Its own streams, for a container that has them.
    pub(crate) own: Option<[OwnedFd; 3]>,
}

/// Waits for the hand-off; nothing when whoever started this process has ended, or says something else.
pub(crate) fn receive_handoff(socket: &OwnedFd) -> Option<Given> {
    let mut packet = [0_u8; 3];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(5))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(&mut packet)], &mut control, flags) {
            Err(Raw::INTR) => {}
            done => break done.ok()?,
        }
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(own) = message {
            descriptors.extend(own);
        }
    }
    let [kind::HAND_OFF, VERSION, streams] = packet else { return None };
    if received.bytes != packet.len() || descriptors.is_empty() {
        return None;
    }
    let file = descriptors.remove(0);
    let has_contents = streams & WITH_CONTENTS != 0 && !descriptors.is_empty();
    let contents = has_contents.then(|| descriptors.remove(0));
    Some(Given { file, streams, contents, own: descriptors.try_into().ok() })
}

impl Client {
    pub(crate) fn new(id: u32, socket: OwnedFd) -> Self {
        Self {
            id,
            socket,
            wants_output: false,
            writes_input: false,
            terminal: CONSOLE,
            holds_freeze: false,
            guards: false,
            changes_networks: false,
            awaits_check: false,
            greeted: false,
            queue: VecDeque::new(),
        }
    }

    /// Whether it has to do with the run that is, not with the container as a whole.
    pub(crate) const fn is_attached(&self) -> bool {
        self.wants_output || self.writes_input || self.terminal != CONSOLE
    }

    /// The terminal, or the streams, that it writes to.
    pub(crate) fn writes_to(&self) -> Option<u16> {
        (self.writes_input || self.terminal != CONSOLE).then_some(self.terminal)
    }

    /// From now on it looks at that terminal, or the console, and nothing else.
    pub(crate) const fn look_at(&mut self, terminal: u16) {
        self.terminal = terminal;
        (self.wants_output, self.writes_input) = (terminal == CONSOLE, terminal == CONSOLE);
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether packets wait for it.
    pub(crate) fn is_owed(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Sends now or not at all; what waits already goes first.
    pub(crate) fn send(&self, parts: &[&[u8]]) -> Sent {
        if self.is_owed() { Sent::Busy } else { self.put(parts, None) }
    }

    /// Sends now, or as soon as there is room.
    pub(crate) fn owe(&mut self, packet: &Rc<[u8]>, descriptor: Option<BorrowedFd<'_>>) -> Sent {
        if !self.is_owed() {
            let sent = self.put(&[packet], descriptor);
            if sent != Sent::Busy {
                return sent;
            }
        }
        let copy = descriptor.map(|own| rustix::io::fcntl_dupfd_cloexec(own, 0));
        match copy.transpose() {
            Ok(descriptor) if self.queue.len() < MOST_QUEUED => {
                self.queue.push_back(Queued { packet: Rc::clone(packet), descriptor });
                Sent::Busy
            }
            _ => Sent::Gone,
        }
    }

    /// Tries to send what waits.
    pub(crate) fn flush(&mut self) -> Sent {
        while let Some(first) = self.queue.front() {
            match self.put(&[&first.packet], first.descriptor.as_ref().map(AsFd::as_fd)) {
                Sent::Yes => drop(self.queue.pop_front()),
                refused @ (Sent::Busy | Sent::Gone) => return refused,
            }
        }
        Sent::Yes
    }

    fn put(&self, parts: &[&[u8]], descriptor: Option<BorrowedFd<'_>>) -> Sent {
        let mut slices = [IoSlice::new(&[]); 2];
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = descriptor.map(|descriptor| [descriptor]);
        if let Some(descriptors) = &descriptors {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match sendmsg(&self.socket, &slices, &mut control, flags) {
            Ok(_) => Sent::Yes,
            Err(Raw::AGAIN | Raw::NOBUFS | Raw::INTR) => Sent::Busy,
            Err(_) => Sent::Gone,
        }
    }

    /// Reads one packet.
    pub(crate) fn receive(&mut self, packet: &mut Packet) -> Request {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let mut slices = [IoSliceMut::new(&mut packet.space)];
        packet.length = match recvmsg(&self.socket, &mut slices, &mut control, flags) {
            Ok(received) if received.flags.contains(ReturnFlags::TRUNC) => return Request::Gone,
            Ok(received) => received.bytes,
            Err(Raw::AGAIN | Raw::INTR) => return Request::Nothing,
            Err(_) => return Request::Gone,
        };
        let mut streams = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                streams.extend(descriptors);
            }
        }
        let bytes = packet.space.get(..packet.length).unwrap_or_default();
        self.request(bytes, streams)
    }

    fn request(&mut self, packet: &[u8], streams: Vec<OwnedFd>) -> Request {
        let Some((kind, rest)) = packet.split_first() else { return Request::Gone };
        if !self.greeted {
            return self.greet(*kind, rest);
        }
        match (*kind, rest) {
            (kind::ATTACH, [streams]) => {
                self.attach(*streams);
                Request::Noted
            }
            // Only who said so writes input: the others are heard while input waits for the container.
            (kind::STDIN, _) if self.writes_to().is_some() && rest.len() <= MOST_DATA => {
                Request::Stdin
            }
            (kind::STDIN_END, []) if self.writes_to().is_some() => Request::StdinEnd,
            (kind::TERMINAL, [a, b]) => Request::Terminal { number: u16::from_ne_bytes([*a, *b]) },
            (kind::RESIZE, [a, b, c, d]) => Request::Resize {
                rows: u16::from_ne_bytes([*a, *b]),
                columns: u16::from_ne_bytes([*c, *d]),
            },
            (kind::SIGNAL, [_, _, _, _]) => {
                read_number(packet).map_or(Request::Gone, |number| Request::Signal { number })
            }
            (kind::EXEC, _) => Request::Exec { streams },
            (kind::FREEZE, []) => Request::Freeze,
            (kind::THAW, []) => Request::Thaw,
            (kind::PAUSE, []) => Request::Pause,
            (kind::RESUME, []) => Request::Resume,
            (kind::CHECK, []) => Request::Check,
            (kind::GUARD, []) => {
                self.guards = true;
                Request::Noted
            }
            (kind::HOLD, []) => Request::Hold,
            (kind::RESTARTS, _) => Request::Restarts,
            (kind::NAME, _) => Request::Name,
            (kind::SETTINGS, _) => Request::Settings,
            (kind::NETWORKS, _) => Request::Networks,
            (kind::NETWORKS_KEPT, _) => Request::NetworksKept,
            _ => Request::Gone,
        }
    }

    fn attach(&mut self, streams: u8) {
        self.terminal = CONSOLE;
        self.wants_output = streams & ATTACH_OUTPUT != 0;
        self.writes_input = streams & ATTACH_INPUT != 0;
    }

    /// The client that brought the hand-off: its hello and its attachment came with it.
    pub(crate) fn is_first(&mut self, streams: u8) {
        self.greeted = true;
        self.attach(streams);
    }

    fn greet(&mut self, kind: u8, rest: &[u8]) -> Request {
        self.greeted =
            kind == kind::HELLO && rest.first().is_some_and(|version| *version <= VERSION);
        if self.greeted {
            return Request::Noted;
        }
        if kind == kind::HELLO {
            let _gone = self.send(&[&[kind::REFUSED, VERSION]]);
        }
        Request::Gone
    }
}
