//! Addresses and names of interfaces as LXC writes them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::item::Value;
use super::numbers::up_to;
use super::problem::BadValue;

/// The name of an interface, netdevice(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName(pub String);

/// IFNAMSIZ without the final zero.
const MOST_NAME_BYTES: usize = 15;

impl Value for InterfaceName {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text.len() > MOST_NAME_BYTES {
            return Err(BadValue::LongerThan(MOST_NAME_BYTES));
        }
        let allowed = |letter: char| !letter.is_whitespace() && !['/', ':'].contains(&letter);
        if text == "." || text == ".." || !text.chars().all(allowed) {
            return Err(BadValue::Not("an interface's name"));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A hardware address, digits of which may be left to chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareAddress(String);

/// Digits and colons.
const HARDWARE_BYTES: usize = 17;

impl Value for HardwareAddress {
    fn read(text: &str) -> Result<Self, BadValue> {
        let wrong =
            BadValue::Not("six pairs of hexadecimal digits, or x for any, with colons between");
        let fits = |(at, letter): (usize, char)| match at % 3 {
            2 => letter == ':',
            _ => letter.is_ascii_hexdigit() || is_any(letter),
        };
        if text.len() == HARDWARE_BYTES && text.chars().enumerate().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong)
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

fn is_any(letter: char) -> bool {
    matches!(letter, 'x' | 'X')
}

impl HardwareAddress {
    /// The address, unless digits of it are open.
    #[must_use]
    pub fn bytes(&self) -> Option<[u8; 6]> {
        let mut bytes = [0; 6];
        for (byte, pair) in bytes.iter_mut().zip(self.0.split(':')) {
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(bytes)
    }

    /// The address with its open digits filled from `random`, which gives a new byte at each call. It stays the address of one
    /// interface, not of a group: an open second digit is even.
    #[must_use]
    pub fn complete(&self, random: &mut dyn FnMut() -> u8) -> Self {
        let letters = self.0.chars().enumerate();
        let mut digit =
            |(at, letter)| if is_any(letter) { random_digit(at, random) } else { letter };
        Self(letters.map(&mut digit).collect())
    }
}

fn random_digit(at: usize, random: &mut dyn FnMut() -> u8) -> char {
    let mask = if at == 1 { 0x0e } else { 0x0f };
    char::from_digit(u32::from(random() & mask), 16).unwrap_or('0')
}

/// An address of version 4 with its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Interface {
    /// The interface's.
    pub address: Ipv4Addr,
    /// Bits of the network; by the address's class when it was not said, as the manual has it. (LXC takes the class of the last
    /// octet on machines that keep the lowest byte first.)
    pub prefix: u8,
    /// Where what is for everybody goes, if it was said.
    pub broadcast: Option<Ipv4Addr>,
}

impl Ipv4Interface {
    /// Where what is for everybody goes; nowhere in networks of one or two addresses (RFC 3021).
    #[must_use]
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        let host = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
        let computed =
            (self.prefix < 31).then(|| Ipv4Addr::from_bits(self.address.to_bits() | host));
        self.broadcast.or(computed)
    }
}

impl Value for Ipv4Interface {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        let wrong = || {
            BadValue::Not(
                "ADDRESS, ADDRESS/BITS, or either with a broadcast address behind a blank",
            )
        };
        let (first, broadcast) =
            text.split_once(' ').map_or((text, None), |(first, rest)| (first, Some(rest)));
        let (address, prefix) =
            first.split_once('/').map_or((first, None), |(address, bits)| (address, Some(bits)));
        let address: Ipv4Addr = address.parse().map_err(|_address| wrong())?;
        let broadcast =
            broadcast.map(|text| text.trim().parse()).transpose().map_err(|_address| wrong())?;
        let prefix = prefix.map_or_else(|| Ok(class_bits(address)), |bits| bits_up_to(bits, 32))?;
        Ok(Self { address, prefix, broadcast })
    }

    fn show(&self) -> String {
        format!("{}/{}", self.address, self.prefix)
    }

    fn write(&self) -> String {
        let broadcast = self.broadcast.map(|address| format!(" {address}")).unwrap_or_default();
        format!("{}/{}{broadcast}", self.address, self.prefix)
    }
}

/// Networks had classes before they had lengths, RFC 791.
fn class_bits(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..=127 => 8,
        128..=191 => 16,
        192..=223 => 24,
        224..=255 => 0,
    }
}

fn bits_up_to(text: &str, most: u8) -> Result<u8, BadValue> {
    let bits = up_to(text, u64::from(most))?;
    u8::try_from(bits).map_err(|_never| BadValue::MoreThan(u64::from(most)))
}

/// An address of version 6 with its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Interface {
    /// The interface's.
    pub address: Ipv6Addr,
    /// Bits of the network; 64 when it was not said.
    pub prefix: u8,
}

impl Value for Ipv6Interface {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address
            .parse()
            .map_err(|_address| BadValue::Not("an address of version 6, or one and /BITS"))?;
        let prefix = prefix.map_or(Ok(64), |bits| bits_up_to(bits, 128))?;
        Ok(Self { address, prefix })
    }

    fn show(&self) -> String {
        format!("{}/{}", self.address, self.prefix)
    }
}

/// Where a container's traffic to everywhere goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway<A> {
    /// To the link's own address on the host.
    Automatic,
    /// Into the interface, whoever is there.
    Device,
    /// To an address.
    Address(A),
}

/// An address of either version.
pub(crate) trait Address: FromStr + std::fmt::Display {
    /// Bits of one.
    const BITS: u8;
    /// What a text that is none is told.
    const WORDS: &'static str;
}

impl Address for Ipv4Addr {
    const BITS: u8 = 32;
    const WORDS: &'static str = "auto, dev or an address of version 4";
}

impl Address for Ipv6Addr {
    const BITS: u8 = 128;
    const WORDS: &'static str = "auto, dev or an address of version 6";
}

impl<A: Address> Value for Gateway<A> {
    fn read(text: &str) -> Result<Self, BadValue> {
        match text {
            "auto" => Ok(Self::Automatic),
            "dev" => Ok(Self::Device),
            address => {
                address.parse().map(Self::Address).map_err(|_address| BadValue::Not(A::WORDS))
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Automatic => "auto".to_owned(),
            Self::Device => "dev".to_owned(),
            Self::Address(address) => address.to_string(),
        }
    }
}

/// What the host reaches by an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<A> {
    /// The network.
    pub network: A,
    /// Its bits.
    pub prefix: u8,
}

impl<A: Address> Value for Route<A> {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        let wrong = || BadValue::Not("NETWORK/BITS");
        let (network, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let network = network.parse().map_err(|_network| wrong())?;
        Ok(Self { network, prefix: bits_up_to(prefix, A::BITS)? })
    }

    fn show(&self) -> String {
        format!("{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_digits_are_filled_and_the_rest_stays() {
        let open = HardwareAddress::read("0x:16:3e:xX:1f:xx").expect("an address");
        assert_eq!(open.bytes(), None);
        let full = open.complete(&mut || 0xff);
        assert_eq!(full.bytes(), Some([0x0e, 0x16, 0x3e, 0xff, 0x1f, 0xff]));
        assert_eq!(full.complete(&mut || 0), full);
        for bad in
            ["", "00:16:3e:00:00", "00:16:3e:00:00:0g", "00-16-3e-00-00-00", "00:16:3e:00:00:00:"]
        {
            assert!(HardwareAddress::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_have_lengths_classes_and_broadcast_addresses() {
        for (text, shown, broadcast) in [
            ("10.0.3.2/24", "10.0.3.2/24", Some("10.0.3.255")),
            ("10.0.3.2", "10.0.3.2/8", Some("10.255.255.255")),
            ("172.16.0.1", "172.16.0.1/16", Some("172.16.255.255")),
            ("192.168.0.1 192.168.0.9", "192.168.0.1/24", Some("192.168.0.9")),
            ("10.0.0.1/31", "10.0.0.1/31", None),
            ("10.0.0.1/0", "10.0.0.1/0", Some("255.255.255.255")),
        ] {
            let read = Ipv4Interface::read(text).expect(text);
            assert_eq!(read.show(), shown);
            assert_eq!(read.broadcast(), broadcast.map(|text| text.parse().expect(text)), "{text}");
        }
        for bad in ["10.0.0/8", "10.0.0.1/33", "10.0.0.1/", "::1/64", "10.0.0.1 x"] {
            assert!(Ipv4Interface::read(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Ipv6Interface::read("fd00::1").map(|read| read.show()),
            Ok("fd00::1/64".to_owned())
        );
        assert!(Ipv6Interface::read("fd00::1/129").is_err());
    }
}
