//! Which of the original's two wires a peer speaks: that of 2016, or that of its release 0.1.0 of 2014, which a client is known by when
//! its first stream comes.
//!
//! ```text
//!                     third, 2016                       second, 2014
//! top-level channel   libchan-ref: n                    libchan-ref: n, libchan-parent-ref: 0, the client's first is 1
//! nested channel      libchan-ref, libchan-parent-ref   the same, associated with its parent's stream
//! byte stream         the same                          libchan-ref alone
//! numbers             from 2, each the next             odd ones the client's, even ones the server's
//! in a message        extensions 1 to 5: what it is     1: a channel, a byte for its direction first; 2: bytes both ways
//! ```
//!
//! Extensions 4 and 5 of the second are connections of TCP and UDP that both peers have told their libraries of before. Nobody tells ours
//! of any, so a message with one is an error of its channel.

use std::sync::OnceLock;

use crate::line::Out;
use crate::msgpack::extension::Role;

/// The header with a stream's number, which its opener gives it.
pub(crate) const REFERENCE: &str = "libchan-ref";
/// The number of the channel that a stream belongs to.
pub(crate) const PARENT: &str = "libchan-parent-ref";

/// Which wire it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Generation {
    /// That of 2014.
    Second,
    /// That of 2016.
    #[default]
    Third,
}

/// What a peer has been found to speak; the third until his first stream has come.
#[derive(Debug, Default)]
pub(crate) struct Spoken(OnceLock<Generation>);

/// What a stream that is opened belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belongs {
    /// The number of the channel in a message of which it is named.
    pub(crate) parent: u64,
    /// The id of that channel's stream.
    pub(crate) stream: u32,
    /// What it is there.
    pub(crate) role: Role,
}

/// A stream of the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    /// Whether it is a channel that is accepted. Another one waits for the message that names its number.
    pub(crate) is_top: bool,
    /// The channel on which that message comes, where it is said.
    pub(crate) parent: Option<u64>,
}

impl Spoken {
    pub(crate) fn get(&self) -> Generation {
        self.0.get().copied().unwrap_or_default()
    }

    /// Where a stream of these headers belongs; nothing for one without a number, or with what is none.
    pub(crate) fn place(&self, headers: &spdy::Headers) -> Option<Place> {
        let number = of_header(headers, REFERENCE)?;
        let parent = match headers.get(PARENT) {
            Some(_there) => Some(of_header(headers, PARENT)?),
            None => None,
        };
        let generation = *self.0.get_or_init(|| match (number, parent) {
            (1, Some(0)) => Generation::Second,
            _ => Generation::Third,
        });
        let is_top = parent == Some(0) || (parent.is_none() && generation == Generation::Third);
        Some(Place { number, is_top, parent })
    }
}

impl Generation {
    /// How a stream of ours is opened.
    pub(crate) fn opening(
        self,
        number: u64,
        belongs: Option<Belongs>,
    ) -> (spdy::Headers, spdy::Opening) {
        let is_channel = |belongs: &Belongs| !belongs.role.is_bytes();
        let (parent, associated) = match self {
            Self::Third => (belongs.map(|belongs| belongs.parent), 0),
            Self::Second => match belongs {
                None => (Some(0), 0),
                Some(belongs) if is_channel(&belongs) => (Some(belongs.parent), belongs.stream),
                Some(_) => (None, 0),
            },
        };
        let mut headers = spdy::Headers::new();
        for (name, number) in [(REFERENCE, Some(number)), (PARENT, parent)] {
            if let Some(number) = number {
                // The names are right, and digits are.
                let _right = headers.push(name, number.to_string());
            }
        }
        (headers, spdy::Opening { associated, ..spdy::Opening::default() })
    }
}

impl Belongs {
    /// Of what is named in a message of this channel.
    pub(crate) fn to(parent: u64, out: &Out, role: Role) -> Self {
        Self { parent, stream: out.id(), role }
    }
}

/// Of several the first one, as the original takes it; digits alone.
fn of_header(headers: &spdy::Headers, name: &str) -> Option<u64> {
    let first = headers.get(name)?.split(|byte| *byte == 0).next()?;
    let digits = std::str::from_utf8(first).ok().filter(|text| !text.starts_with('+'))?;
    digits.parse().ok()
}
