//! Leaves: a Linux bridge ends at 1,023 ports, so that the containers of a large network are spread over further bridges, each joined to the
//! network's own one by a pair of interfaces. Pure: which leaf a container is on, and what all of it is called. Start at [`of`].

use spec::network::{Cidr, HardwareAddress};

use crate::attachment::Attachment;

/// Containers of a leaf: BR_MAX_PORTS is 1,024, counted from 1, and the network's own bridge has a port for each leaf, too.
const CONTAINERS: u128 = 900;
/// Leaf 0 is the network's own bridge.
pub(crate) const COUNT: u8 = 120;
/// What the names of leaves begin with; rules know them by it.
pub(crate) const PREFIX: &str = "ctnleaf";
/// What the names of all ports of leaves begin with.
pub(crate) const PORT_PREFIX: &str = "ctnr";
/// What the names of those begin with that lead to the network's own bridge.
const RISE_PREFIX: &str = "ctnrise";
/// What the names of those ports of a network's own bridge begin with that lead to its leaves.
const DESCENT_PREFIX: &str = "ctndown";

/// A bridge beside the network's own one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Name of the bridge.
    pub(crate) bridge: String,
    /// Name of the port of the network's own bridge that leads here.
    pub(crate) descent: String,
    /// Name of the port that leads to the network's own bridge.
    pub(crate) rise: String,
    /// What it is, for people.
    pub(crate) alias: String,
    hash: u32,
    number: u8,
}

/// The leaf that a container is on; nothing where that is the network's own bridge. It follows from the number of its address in the
/// network's addresses, which are given without gaps.
pub(crate) fn of(attachment: &Attachment) -> Option<Leaf> {
    let number = number(&attachment.addresses)?;
    Some(Leaf::new(&attachment.bridge, number))
}

/// The name of a container's interface on the host, by its addresses in a network and a number that nobody else has. Ports of leaves are
/// known by theirs.
#[must_use]
pub fn host_interface(addresses: &[Cidr], run: [u8; 5]) -> String {
    // "ctnrise" begins the same way and goes on with no such digit.
    let prefix = if number(addresses).is_some() { PORT_PREFIX } else { "ve" };
    format!("{prefix}{}", spec::digest::hex(&run))
}

fn number(addresses: &[Cidr]) -> Option<u8> {
    let address = addresses.first()?;
    let place = address.place_of(address.address())?;
    u8::try_from(place / CONTAINERS % u128::from(COUNT)).ok().filter(|&number| number > 0)
}

/// All leaves that a network can have.
pub(crate) fn all(bridge: &str) -> impl Iterator<Item = Leaf> {
    (1..COUNT).map(|number| Leaf::new(bridge, number))
}

impl Leaf {
    fn new(bridge: &str, number: u8) -> Self {
        let hash = hash(bridge);
        let name = |prefix: &str| format!("{prefix}{}{number:02x}", digits(hash));
        Self {
            bridge: name(PREFIX),
            descent: name(DESCENT_PREFIX),
            rise: name(RISE_PREFIX),
            alias: format!("leaf {number} of {bridge}"),
            hash,
            number,
        }
    }

    /// Hardware addresses of the bridge and of both ports: nobody's whom packets are meant for.
    pub(crate) fn hardware(&self) -> [HardwareAddress; 3] {
        let [a, b, c, d] = self.hash.to_be_bytes();
        [0xf2, 0xf6, 0xfa].map(|first| HardwareAddress::local([first, a, b, c, d, self.number]))
    }
}

/// FNV-1a of 64 bits, as much of it as six digits of base 36 hold: of 300 networks two have the same once in 50,000 machines.
fn hash(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u32::try_from((hash ^ hash >> 32) % 36_u64.pow(6)).unwrap_or(0)
}

fn digits(hash: u32) -> String {
    let digit = |place: u32| char::from_digit(hash / 36_u32.pow(place) % 36, 36).unwrap_or('0');
    (0..6).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_are_apart() {
        let mut names = std::collections::BTreeSet::new();
        for bridge in ["corten0", "br-0123456789ab", "br-0123456789ac"] {
            for leaf in all(bridge) {
                for name in [leaf.bridge, leaf.descent, leaf.rise] {
                    assert_eq!(name.len(), 15, "{name}");
                    assert!(names.insert(name));
                }
            }
        }
        assert_eq!(names.len(), 3 * 3 * 119);
    }
}
