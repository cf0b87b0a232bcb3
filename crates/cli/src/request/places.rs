//! A container's places in networks and its published ports, out of flags.

use engine::config::{NetworkMode, NetworkWish, PublishedPort};
use engine::parse;

use super::wrong;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;

/// Where its network is: one that it shares, or places in networks.
pub(super) fn places(matches: &Matches) -> Result<(NetworkMode, Vec<NetworkWish>), Failure> {
    let (mut mode, mut wishes): (Option<NetworkMode>, Vec<NetworkWish>) = (None, Vec::new());
    let given: Vec<&str> = matches.values("network").collect();
    let texts = if given.is_empty() { vec![parse::DEFAULT_NETWORK] } else { given };
    for text in texts {
        let (own, wish) = parse::network(text)?;
        let is_one_more = mode.is_some();
        // Several networks are several places; what is shared is shared alone.
        if is_one_more && (wishes.is_empty() || wish.is_none()) {
            return Err(wrong("network", text, "it cannot be combined with another network"));
        }
        wishes.extend(wish);
        mode.get_or_insert(own);
    }
    of_the_only_one(matches, &mut wishes)?;
    let is_shared = matches!(mode, Some(NetworkMode::Host | NetworkMode::None));
    if is_shared && (matches.is_given("publish") || matches.on("publish-all")) {
        // As Docker, which people give one command line for all modes.
        let warning =
            "published ports are discarded: the container is in no network that leads to it";
        output::talk(&format!("WARNING: {warning}"));
    }
    Ok((mode.unwrap_or(NetworkMode::None), wishes))
}

/// The flags that say for one network what `--network` can say for each.
fn of_the_only_one(matches: &Matches, wishes: &mut [NetworkWish]) -> Result<(), Failure> {
    const FLAGS: [&str; 6] = ["ip", "ip6", "link", "link-local-ip", "mac-address", "network-alias"];
    for flag in FLAGS {
        for text in matches.values(flag) {
            let [wish] = &mut *wishes else {
                return Err(wrong(flag, text, "it is for a container in one network"));
            };
            take(wish, flag, text)?;
        }
    }
    Ok(())
}

/// What `network connect` says of a place.
pub(crate) fn wish(network: &str, matches: &Matches) -> Result<NetworkWish, Failure> {
    let mut wish = NetworkWish { network: network.to_owned(), ..NetworkWish::default() };
    const FLAGS: [&str; 7] =
        ["alias", "driver-opt", "gw-priority", "ip", "ip6", "link", "link-local-ip"];
    for flag in FLAGS {
        for text in matches.values(flag) {
            take(&mut wish, flag, text)?;
        }
    }
    Ok(wish)
}

fn take(wish: &mut NetworkWish, flag: &str, text: &str) -> Result<(), Failure> {
    match flag {
        "link" => wish.links.push(parse::link(text)?),
        "network-alias" | "alias" => parse::network_option(wish, "alias", text)?,
        flag => parse::network_option(wish, flag, text)?,
    }
    Ok(())
}

pub(crate) fn published<'a>(
    texts: impl Iterator<Item = &'a str>,
) -> Result<Vec<PublishedPort>, Failure> {
    Ok(texts.map(parse::published).collect::<Result<Vec<_>, _>>()?.concat())
}
