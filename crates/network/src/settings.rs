//! Parameters of the kernel's network that have no place in netlink. Source: Documentation/networking/ip-sysctl.rst.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use sys::{Errno, Namespaces};

use crate::attachment::{Attachment, BridgePlan};
use crate::machine::NetworkError;

const BELOW: &str = "/proc/sys/net";
const FILTERED: &str = "bridge/bridge-nf-call-iptables";
const FILTERED_6: &str = "bridge/bridge-nf-call-ip6tables";
const BACKLOG: &str = "core/netdev_max_backlog";
/// A frame for all becomes one for each container of a large network at once.
const FRAMES: u32 = 16_384;

/// Sets those of a network's bridge, and lets the machine forward packets.
pub(crate) fn of_bridge(network: &BridgePlan) -> Result<(), NetworkError> {
    let name = &network.interface;
    let has = |v6: bool| network.addresses.iter().any(|address| address.is_v6() == v6);
    if has(false) {
        set("ipv4/ip_forward", "1")?;
        // From 127.0.0.1 to a published port: our rules keep everybody else's packets for that network out.
        set(&format!("ipv4/conf/{name}/route_localnet"), "1")?;
    }
    if has(true) {
        // Advertisements of routers come from containers here.
        set(&format!("ipv6/conf/{name}/accept_ra"), "0")?;
        forward_v6()?;
    }
    Ok(())
}

/// Who forwards takes no advertisement of a router unless `accept_ra` is 2: the machine would lose the way out that it has by one. Interfaces that
/// took them take them still, and so will those to come.
fn forward_v6() -> Result<(), NetworkError> {
    const FORWARDING: &str = "ipv6/conf/all/forwarding";
    if read(FORWARDING).as_deref() == Some("1") {
        return Ok(());
    }
    let interfaces = fs::read_dir(format!("{BELOW}/ipv6/conf")).into_iter().flatten().flatten();
    for interface in interfaces {
        let name = format!("ipv6/conf/{}/accept_ra", interface.file_name().to_string_lossy());
        // `all` says nothing of each; one that has just gone needs nothing.
        if read(&name).as_deref() == Some("1") && interface.file_name() != "all" {
            set(&name, "2")
                .or_else(|error| if read(&name).is_none() { Ok(()) } else { Err(error) })?;
        }
    }
    set(FORWARDING, "1")
}

/// Sets those of the interface by which packets come in a second time.
pub(crate) fn of_detour(name: &str) -> Result<(), NetworkError> {
    // Their senders are reached by another one; that they are reached at all is looked at still.
    set(&format!("ipv4/conf/{name}/rp_filter"), "2")?;
    if has_ipv6() {
        set(&format!("ipv6/conf/{name}/accept_ra"), "0")?;
    }
    Ok(())
}

/// What one is.
pub(crate) fn read(name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("{BELOW}/{name}")).ok()?;
    Some(text.trim().to_owned())
}

/// Whether the kernel speaks IPv6.
pub(crate) fn has_ipv6() -> bool {
    fs::exists(format!("{BELOW}/ipv6")).unwrap_or(false)
}

/// Sets those of a leaf, which has no addresses, and lets the machine keep as many frames as there are for one that is meant for all.
pub(crate) fn of_leaf(bridge: &str) -> Result<(), NetworkError> {
    // The machine's own network namespace alone has it.
    let kept = fs::read_to_string(format!("{BELOW}/{BACKLOG}"));
    let kept = kept.ok().and_then(|text| text.trim().parse::<u32>().ok());
    if kept.is_some_and(|kept| kept < FRAMES) {
        set(BACKLOG, &FRAMES.to_string())?;
    }
    of_port(bridge)
}

/// Keeps IPv6 from an interface that only forwards frames. Each one that has it costs all others: their routes to groups are one list, which
/// whoever comes, goes or speaks walks through.
pub(crate) fn of_port(name: &str) -> Result<(), NetworkError> {
    if !Path::new(BELOW).join("ipv6").exists() {
        return Ok(());
    }
    set(&format!("ipv6/conf/{name}/disable_ipv6"), "1")
}

/// Sets what was asked for of a container's interface, in its network namespace. The caller's thread is where it was afterwards.
pub(crate) fn of_interface(
    attachment: &Attachment,
    namespace: BorrowedFd<'_>,
) -> Result<(), NetworkError> {
    if attachment.settings.is_empty() {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let own = openat(CWD, c"/proc/thread-self/ns/net", flags, Mode::empty())
        .map_err(|errno| NetworkError::Enter(errno.into()))?;
    let enter = |namespace: BorrowedFd<'_>| {
        sys::enter_namespace(namespace, Namespaces::NETWORK).map_err(NetworkError::Enter)
    };
    enter(namespace)?;
    let done = attachment.settings.iter().try_for_each(|setting| {
        let path = path_of(&setting.name, &attachment.interface)
            .ok_or_else(|| NetworkError::NoSetting(setting.name.clone()))?;
        set(&path, &setting.value)
    });
    enter(own.as_fd()).and(done)
}

/// `ipv4.conf.IFNAME.log_martians` as a path below `net`, for an interface whose name may have dots.
fn path_of(name: &str, interface: &str) -> Option<String> {
    let words: Vec<&str> = name.split('.').collect();
    let [family @ ("ipv4" | "ipv6" | "mpls"), group, "IFNAME", ref rest @ ..] = words[..] else {
        return None;
    };
    let is_word = |word: &str| {
        let mut bytes = word.bytes();
        !word.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let is_path = is_word(group) && !rest.is_empty() && rest.iter().all(|word| is_word(word));
    is_path.then(|| format!("{family}/{group}/{interface}/{}", rest.join("/")))
}

/// The kernel's parameter that keeps the machine itself from reaching published ports at ::1: with it the rules of IP change the
/// destination of an answer to ::1 while it is in the bridge, and the bridge sends it to nobody.
#[must_use]
pub fn in_the_way_of_loopback() -> Option<&'static str> {
    is_on(FILTERED_6).then_some("net.bridge.bridge-nf-call-ip6tables")
}

fn is_on(name: &str) -> bool {
    fs::read_to_string(format!("{BELOW}/{name}")).is_ok_and(|text| text.trim() == "1")
}

/// Whether IP's packet filters see what bridges forward, too: then they change addresses while a frame is in the bridge.
pub(crate) fn is_bridge_filtered() -> bool {
    is_on(FILTERED) || is_on(FILTERED_6)
}

/// Writes what is not there yet: that would wake up whoever watches.
fn set(name: &str, value: &str) -> Result<(), NetworkError> {
    let path = format!("{BELOW}/{name}");
    let failed = |error: io::Error| NetworkError::Setting {
        name: format!("net/{name}"),
        errno: Errno::from(error),
    };
    if fs::read_to_string(&path).map_err(failed)?.trim() == value {
        return Ok(());
    }
    #[expect(clippy::disallowed_methods, reason = "no file, a parameter of the kernel")]
    fs::write(&path, value).map_err(failed)
}
