//! Why a stream or a session ends, as it is written on the wire.
//! Never decides anything. Sources: SPDY draft 3, sections 2.6.3 and 2.6.6.

use std::fmt;

/// Why a stream was reset: the number in a RST_STREAM frame. Numbers that nobody has named are kept as they are.
///
/// SPDY draft 3, section 2.6.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// Something about the stream breaks the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// A frame for a stream that is not there.
    pub const INVALID_STREAM: Self = Self(2);
    /// Refused before anything was done for it: it may be tried again.
    pub const REFUSED_STREAM: Self = Self(3);
    /// A version that the recipient does not speak.
    pub const UNSUPPORTED_VERSION: Self = Self(4);
    /// Whoever opened or used it does not want it any more.
    pub const CANCEL: Self = Self(5);
    /// The sender of the reset has failed.
    pub const INTERNAL_ERROR: Self = Self(6);
    /// More was sent than is kept for the stream.
    pub const FLOW_CONTROL_ERROR: Self = Self(7);
    /// A second SYN_REPLY.
    pub const STREAM_IN_USE: Self = Self(8);
    /// Data after FIN.
    pub const STREAM_ALREADY_CLOSED: Self = Self(9);
    /// The certificate for a stream is not valid; nobody asks for any.
    pub const INVALID_CREDENTIALS: Self = Self(10);
    /// A frame larger than the recipient takes.
    pub const FRAME_TOO_LARGE: Self = Self(11);

    const NAMES: &[&str] = &[
        "PROTOCOL_ERROR",
        "INVALID_STREAM",
        "REFUSED_STREAM",
        "UNSUPPORTED_VERSION",
        "CANCEL",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "STREAM_IN_USE",
        "STREAM_ALREADY_CLOSED",
        "INVALID_CREDENTIALS",
        "FRAME_TOO_LARGE",
    ];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.0).ok().and_then(|code| code.checked_sub(1));
        match name.and_then(|at| Self::NAMES.get(at)) {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Numbers in a GOAWAY frame. SPDY draft 3, section 2.6.6.
pub mod goaway {
    /// An end as it should be.
    pub const OK: u32 = 0;
    /// The peer breaks the protocol.
    pub const PROTOCOL_ERROR: u32 = 1;
    /// The sender has failed.
    pub const INTERNAL_ERROR: u32 = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_names_of_the_draft() {
        assert_eq!(Status::PROTOCOL_ERROR.to_string(), "PROTOCOL_ERROR");
        assert_eq!(Status(11).to_string(), "FRAME_TOO_LARGE");
        assert_eq!(Status(0).to_string(), "status 0");
        assert_eq!(Status(u32::MAX).to_string(), "status 4294967295");
    }
}
