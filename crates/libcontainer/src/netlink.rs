//! rtnetlink, as much as moving interfaces between network namespaces takes: requests, their answers, attributes.
//!
//! Knows no interface; start at [`Route::open`]. What arrives is the kernel's, and is read with bounds nevertheless. Sources:
//! netlink(7), rtnetlink(7), linux/netlink.h.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, send, socket_with};
use sys::Errno;

/// Flags of a request: it is one, and wants to be confirmed.
pub(crate) const REQUEST: u16 = 0x01 | 0x04;
/// All objects of a kind, not one.
pub(crate) const DUMP: u16 = 0x300;
/// Make it, and refuse one that is there.
pub(crate) const CREATE_NEW: u16 = 0x400 | 0x200;

/// NETLINK_ROUTE is protocol 0, the default of the family.
const ROUTE: Option<rustix::net::Protocol> = None;

const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct nlattr`.
const ATTRIBUTE: usize = 4;
/// Flags in the type of an attribute.
const TYPE: u16 = 0x3fff;
/// The kernel sends no larger part of an answer than this. net/netlink/af_netlink.c, netlink_recvmsg.
const PART: usize = 32 * 1024;

/// A socket that speaks with the kernel of the network namespace it was opened in.
pub(crate) struct Route {
    socket: OwnedFd,
    sequence: u32,
}

/// An object of an answer: its fixed head, and its attributes.
pub(crate) struct Message {
    bytes: Vec<u8>,
    head: usize,
}

impl Route {
    pub(crate) fn open() -> Result<Self, Errno> {
        let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, ROUTE)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks, and hears the answer out: the objects it holds, each with a fixed head as long as the request's.
    pub(crate) fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        head: &[u8],
        attributes: &[(u16, &[u8])],
    ) -> Result<Vec<Message>, Errno> {
        self.sequence += 1;
        let request = request(kind, REQUEST | flags, self.sequence, head, attributes)?;
        send(&self.socket, &request, SendFlags::empty())?;
        let mut answer = Vec::new();
        let mut part = vec![0; PART];
        loop {
            let (length, whole) =
                crate::wire::retry(|| recv(&self.socket, &mut part[..], RecvFlags::TRUNC))?;
            if whole > length {
                return Err(Errno::from_raw(libc::EMSGSIZE));
            }
            if self.hear(&part[..length], head.len(), &mut answer)? {
                return Ok(answer);
            }
        }
    }

    /// Takes the messages of one part; says whether the answer is complete.
    fn hear(&self, mut part: &[u8], head: usize, answer: &mut Vec<Message>) -> Result<bool, Errno> {
        while let Some((length, kind, sequence)) = header(part) {
            let body = part.get(HEADER..length).ok_or(Errno::from_raw(libc::EBADMSG))?;
            part = part.get(aligned(length)..).unwrap_or(&[]);
            // Of an earlier request that failed half-way.
            if sequence != self.sequence {
                continue;
            }
            match kind {
                // A dump ends with the one, everything else with the other, because each request asks for it.
                DONE | ERROR => return error(body).map(|()| true),
                _ if body.len() >= head => answer.push(Message { bytes: body.to_vec(), head }),
                _ => return Err(Errno::from_raw(libc::EBADMSG)),
            }
        }
        Ok(false)
    }
}

impl Message {
    /// The fixed head.
    pub(crate) fn head(&self) -> &[u8] {
        &self.bytes[..self.head]
    }

    /// Four bytes of the head, in the machine's order.
    pub(crate) fn number_at(&self, offset: usize) -> u32 {
        number(self.head().get(offset..offset + 4))
    }

    /// The value of the first attribute of that type.
    pub(crate) fn attribute(&self, wanted: u16) -> Option<&[u8]> {
        let mut rest = self.bytes.get(aligned(self.head)..)?;
        loop {
            let length = usize::from(u16::from_ne_bytes([*rest.first()?, *rest.get(1)?]));
            let kind = u16::from_ne_bytes([*rest.get(2)?, *rest.get(3)?]) & TYPE;
            let value = rest.get(ATTRIBUTE..length)?;
            if kind == wanted {
                return Some(value);
            }
            rest = rest.get(aligned(length)..)?;
        }
    }
}

/// Four bytes as a number in the machine's order; 0 when they are not there.
pub(crate) fn number(bytes: Option<&[u8]>) -> u32 {
    bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn request(
    kind: u16,
    flags: u16,
    sequence: u32,
    head: &[u8],
    attributes: &[(u16, &[u8])],
) -> Result<Vec<u8>, Errno> {
    let too_long = |_| Errno::from_raw(libc::E2BIG);
    let mut bytes = vec![0; 4];
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(head);
    for (kind, value) in attributes {
        bytes.resize(aligned(bytes.len()), 0);
        let length = u16::try_from(ATTRIBUTE + value.len()).map_err(too_long)?;
        bytes.extend(length.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(*value);
    }
    let length = u32::try_from(bytes.len()).map_err(too_long)?;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    Ok(bytes)
}

/// Length, type and sequence number of the first message; nothing when there is none.
fn header(part: &[u8]) -> Option<(usize, u16, u32)> {
    let head = part.get(..HEADER)?;
    let length = usize::try_from(number(head.get(..4))).ok().filter(|length| *length >= HEADER)?;
    Some((length, u16::from_ne_bytes([head[4], head[5]]), number(head.get(8..12))))
}

/// An error message is a negative errno, or 0 for a confirmation.
fn error(body: &[u8]) -> Result<(), Errno> {
    let errno = body.get(..4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match errno {
        Some(0) => Ok(()),
        Some(negative) => Err(Errno::from_raw(negative.saturating_neg())),
        None => Err(Errno::from_raw(libc::EBADMSG)),
    }
}

const fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let bytes = request(16, REQUEST, 7, &[1, 2, 3, 4], &[(3, b"lo\0"), (4, &[9; 4])]).unwrap();
        let (length, kind, sequence) = header(&bytes).unwrap();
        assert_eq!((length, kind, sequence), (bytes.len(), 16, 7));
        let message = Message { bytes: bytes[HEADER..].to_vec(), head: 4 };
        assert_eq!(
            (message.attribute(3), message.attribute(4)),
            (Some(&b"lo\0"[..]), Some(&[9; 4][..]))
        );
        assert_eq!((message.attribute(5), message.head()), (None, &[1, 2, 3, 4][..]));
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        for bytes in [&[0; 3][..], &[0; 16], &[200, 0, 0, 0, 1, 0], &[3, 0, 0, 0], &[255; 64]] {
            let message = Message { bytes: bytes.to_vec(), head: 0 };
            assert_eq!(message.attribute(1), None);
            let mut answer = Vec::new();
            let (socket, _) = crate::wire::pair().unwrap();
            let heard = Route { socket, sequence: 0 }.hear(bytes, 0, &mut answer);
            assert!(matches!(heard, Ok(false) | Err(_)), "{bytes:?}");
        }
    }

    #[test]
    fn an_error_is_its_errno() {
        assert_eq!(error(&(-19_i32).to_ne_bytes()), Err(Errno::from_raw(libc::ENODEV)));
        assert_eq!((error(&[0; 20]), error(&[0])), (Ok(()), Err(Errno::from_raw(libc::EBADMSG))));
    }
}
