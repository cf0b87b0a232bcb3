//! How fast a container may be, and parameters of its interface.

use std::num::NonZeroU64;

use network::InterfaceSetting;

use super::Parsed;
use crate::error::EngineError;

/// What a unit is worth, in bits a second: those of tc(8), and Docker's, which are of bytes and of powers of two.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("bit", 1),
    ("kbit", 1_000),
    ("mbit", 1_000_000),
    ("gbit", 1_000_000_000),
    ("tbit", 1_000_000_000_000),
    ("kibit", 1 << 10),
    ("mibit", 1 << 20),
    ("gibit", 1 << 30),
    ("tibit", 1 << 40),
    ("bps", 8),
    ("kbps", 8_000),
    ("mbps", 8_000_000),
    ("gbps", 8_000_000_000),
    ("kibps", 8 << 10),
    ("mibps", 8 << 20),
    ("gibps", 8 << 30),
    ("b", 8),
    ("k", 8 << 10),
    ("kb", 8 << 10),
    ("m", 8 << 20),
    ("mb", 8 << 20),
    ("g", 8 << 30),
    ("gb", 8 << 30),
];

/// A rate in bytes a second: `10mbit`, `1.5gbit`, `10mb`.
///
/// # Errors
/// When it is no number, has another unit, or is less than a byte a second or more than the kernel counts.
pub(super) fn rate(name: &str, text: &str) -> Parsed<NonZeroU64> {
    let wrong = |why: &str| EngineError::value("network option", format!("{name}={text}"), why);
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.to_ascii_lowercase();
    let worth = UNITS.iter().find(|(word, _)| *word == unit).map(|(_, worth)| *worth);
    let worth = worth.ok_or_else(|| {
        wrong("the unit is not one of bit, kbit, mbit, gbit, kibit, mibit, gibit, bps, kbps, mbps, gbps, b, k, m, g")
    })?;
    let bits = scaled(number, worth).ok_or_else(|| wrong("it is no rate, as in 10mbit"))?;
    NonZeroU64::new(bits / 8).ok_or_else(|| wrong("it is less than a byte a second"))
}

/// `1.5` times the worth of its unit, without the errors of floating point.
fn scaled(number: &str, worth: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 9 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let part = part.parse::<u128>().ok()? * u128::from(worth) / scale;
    u64::try_from(whole.parse::<u128>().ok()?.checked_mul(worth.into())?.checked_add(part)?).ok()
}

/// `net.ipv4.conf.IFNAME.log_martians=1,…`, as Docker writes them.
///
/// # Errors
/// When one is of another form.
pub(super) fn settings(text: &str) -> Parsed<Vec<InterfaceSetting>> {
    text.split(',').filter(|setting| !setting.is_empty()).map(setting).collect()
}

fn setting(text: &str) -> Parsed<InterfaceSetting> {
    let wrong = |why: &str| EngineError::value("interface sysctl", text, why);
    let (name, value) =
        text.split_once('=').ok_or_else(|| wrong("it is not of the form NAME=VALUE"))?;
    let words: Vec<&str> = name.split(['.', '/']).collect();
    let is_word = |word: &&str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        !word.is_empty() && word.bytes().all(is_letter)
    };
    match words[..] {
        ["net", "ipv4" | "ipv6" | "mpls", _, "IFNAME", _, ..] if words.iter().all(is_word) => {
            let name = words.get(1..).unwrap_or_default().join(".");
            Ok(InterfaceSetting { name, value: value.to_owned() })
        }
        _ => Err(wrong(
            "it is not one of net.ipv4, net.ipv6 or net.mpls for IFNAME, as in net.ipv4.conf.IFNAME.log_martians=1",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_in_the_units_of_tc_and_docker() {
        for (text, bytes) in [
            ("8", 1),
            ("10mbit", 1_250_000),
            ("10Mbit", 1_250_000),
            ("1.5gbit", 187_500_000),
            ("1kibit", 128),
            ("10mbps", 10_000_000),
            ("10mb", 10 << 20),
            ("512k", 512 << 10),
            ("0.125kbps", 125),
        ] {
            assert_eq!(rate("bandwidth", text).unwrap().get(), bytes, "{text}");
        }
        for text in
            ["", "mbit", "7", "0", "-1mbit", "10 mbit", "1.mbit", "10x", "99999999999999gbit"]
        {
            assert!(rate("bandwidth", text).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_of_the_interface_alone() {
        let read =
            settings("net.ipv4.conf.IFNAME.log_martians=1,net/ipv6/conf/IFNAME/forwarding=0");
        let read = read.unwrap();
        assert_eq!(read[0].name, "ipv4.conf.IFNAME.log_martians");
        assert_eq!(
            (read[1].name.as_str(), read[1].value.as_str()),
            ("ipv6.conf.IFNAME.forwarding", "0")
        );
        for text in [
            "net.ipv4.ip_forward=1",
            "net.ipv4.conf.eth0.log_martians=1",
            "net.ipv4.conf.IFNAME.log_martians",
            "net.ipv4.conf.IFNAME...x=1",
            "kernel.a.b.IFNAME.c=1",
        ] {
            assert!(settings(text).is_err(), "{text}");
        }
    }
}
