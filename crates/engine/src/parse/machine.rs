//! Settings of the machine's networks as people write them.

use std::net::IpAddr;

use network::PublishPolicy;
use network::pool::Pool;

use crate::error::EngineError;

/// `open` or `respect-host`.
///
/// # Errors
/// For another word.
pub fn publish_policy(text: &str) -> Result<PublishPolicy, EngineError> {
    let why = "it is not open or respect-host";
    PublishPolicy::of_word(text).ok_or_else(|| EngineError::value("publish policy", text, why))
}

/// Addresses of the machine; an empty one stands for each.
///
/// # Errors
/// For what is no address.
pub fn publish_addresses<'a>(
    texts: impl Iterator<Item = &'a str>,
) -> Result<Vec<IpAddr>, EngineError> {
    texts
        .filter(|text| !text.is_empty())
        .map(|text| {
            let wrong = |_bad| EngineError::value("publish address", text, "it is no address");
            text.trim_matches(['[', ']']).parse().map_err(wrong)
        })
        .collect()
}

/// `base=CIDR,size=PREFIX`; an empty one stands for Docker's.
///
/// # Errors
/// For another form, a prefix that is not in its base, and pools that overlap.
pub fn address_pools<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<Pool>, EngineError> {
    let mut pools: Vec<Pool> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        let wrong = |why: &str| EngineError::value("address pool", text, why);
        let pool = address_pool(text).map_err(wrong)?;
        if pools.iter().any(|other| other.base.overlaps(pool.base)) {
            return Err(wrong("it overlaps another one"));
        }
        pools.push(pool);
    }
    Ok(pools)
}

fn address_pool(text: &str) -> Result<Pool, &'static str> {
    let form = "it is not of the form base=CIDR,size=PREFIX";
    let (mut base, mut size) = (None, None);
    for part in text.split(',') {
        match part.split_once('=').ok_or(form)? {
            ("base", value) => {
                let cidr: spec::network::Cidr =
                    value.parse().map_err(|_bad| "its base is no network as 10.0.0.0/8 is")?;
                base = Some(cidr);
            }
            ("size", value) => size = Some(value.parse::<u8>().map_err(|_bad| form)?),
            _ => return Err(form),
        }
    }
    let (base, size) = base.zip(size).ok_or(form)?;
    // Two addresses are the network's and everybody's: a network without any for containers is none.
    let longest = if base.is_v6() { 126 } else { 30 };
    if !base.is_network() {
        return Err("its base is an address in a network, not a network");
    }
    if !(base.prefix()..=longest).contains(&size) {
        return Err(
            "its size is a prefix, at least as long as its base's and at most 30 (of IPv6: 126)",
        );
    }
    Ok(Pool { base, size })
}

/// Bytes of the largest packet.
///
/// # Errors
/// For what is not 68 to 65535.
pub fn mtu(text: &str) -> Result<u32, EngineError> {
    let mtu = text.parse().ok().filter(|mtu| (68..=65_535).contains(mtu));
    mtu.ok_or_else(|| EngineError::value("MTU", text, "it is not 68 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools() {
        let read = |texts: &[&str]| {
            let pools = address_pools(texts.iter().copied());
            pools.map_err(|error| error.to_string())
        };
        let pools = read(&["base=10.0.0.0/8,size=24", "size=64,base=fd00::/48"]).unwrap();
        assert_eq!(pools.len(), 2);
        assert_eq!((pools[1].base.to_string(), pools[1].size), ("fd00::/48".to_owned(), 64));
        assert!(read(&[""]).unwrap().is_empty());
        for wrong in [
            "10.0.0.0/8",
            "base=10.0.0.0/8",
            "base=10.0.0.1/8,size=24",
            "base=10.0.0.0/8,size=7",
            "base=10.0.0.0/8,size=31",
            "base=10.0.0.0/8,size=24,more=1",
            "base=x,size=24",
        ] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
        assert!(read(&["base=10.0.0.0/8,size=24", "base=10.1.0.0/16,size=24"]).is_err());
    }
}
