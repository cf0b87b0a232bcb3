//! One client of a monitor: what it asked for, and packets to and from it.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno as Raw;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::message::{ATTACH_INPUT, ATTACH_OUTPUT, VERSION, kind};

/// A client, known by a number that is never used twice.
pub(crate) struct Client {
    pub(crate) id: u32,
    socket: OwnedFd,
    pub(crate) wants_output: bool,
    pub(crate) writes_input: bool,
    greeted: bool,
}

/// What a client asks for.
pub(crate) enum Request {
    Stdin,
    StdinEnd,
    Resize {
        rows: u16,
        columns: u16,
    },
    Exec {
        streams: Vec<OwnedFd>,
    },
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

impl Client {
    pub(crate) fn new(id: u32, socket: OwnedFd) -> Self {
        Self { id, socket, wants_output: false, writes_input: false, greeted: false }
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn send(&self, parts: &[&[u8]], descriptor: Option<BorrowedFd<'_>>) -> Sent {
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
        match sendmsg(
            &self.socket,
            &slices,
            &mut control,
            SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        ) {
            Ok(_) => Sent::Yes,
            Err(Raw::AGAIN | Raw::NOBUFS) => Sent::Busy,
            Err(_) => Sent::Gone,
        }
    }

    /// Reads one packet into `packet`; for [`Request::Stdin`] and [`Request::Exec`] what follows the kind stays there.
    pub(crate) fn receive(&mut self, packet: &mut Vec<u8>) -> Request {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        packet.resize(packet.capacity(), 0);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(&self.socket, &mut [IoSliceMut::new(packet)], &mut control, flags);
        let bytes = match received {
            Ok(received) if received.flags.contains(rustix::net::ReturnFlags::TRUNC) => {
                return Request::Gone;
            }
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
        packet.truncate(bytes);
        self.request(packet, streams)
    }

    fn request(&mut self, packet: &[u8], streams: Vec<OwnedFd>) -> Request {
        let Some((kind, rest)) = packet.split_first() else { return Request::Gone };
        if !self.greeted {
            self.greeted =
                *kind == kind::HELLO && rest.first().is_some_and(|version| *version <= VERSION);
            return if self.greeted { Request::Noted } else { Request::Gone };
        }
        match (*kind, rest) {
            (kind::ATTACH, [bits]) => {
                self.wants_output = bits & ATTACH_OUTPUT != 0;
                self.writes_input = bits & ATTACH_INPUT != 0;
                Request::Noted
            }
            (kind::STDIN, _) => Request::Stdin,
            (kind::STDIN_END, []) => Request::StdinEnd,
            (kind::RESIZE, [a, b, c, d]) => Request::Resize {
                rows: u16::from_ne_bytes([*a, *b]),
                columns: u16::from_ne_bytes([*c, *d]),
            },
            (kind::EXEC, _) => Request::Exec { streams },
            _ => Request::Gone,
        }
    }
}
