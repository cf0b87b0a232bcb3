//! Interfaces and addresses of a container, from the kernel's tables of its network namespace. Sources: proc_pid_net(5).

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is in a network namespace, without the loopback's addresses and those of one link alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) interfaces: Vec<String>,
    pub(super) ipv4: Vec<Ipv4Addr>,
    pub(super) ipv6: Vec<Ipv6Addr>,
}

/// Those of the namespace of a process.
pub(super) fn addresses(pid: i32) -> Addresses {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/net/{name}"));
    Addresses {
        interfaces: interfaces(&text("dev").unwrap_or_default()),
        ipv4: ipv4(&text("fib_trie").unwrap_or_default()),
        ipv6: ipv6(&text("if_inet6").unwrap_or_default()),
    }
}

fn interfaces(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.trim().to_owned()).collect()
}

/// A leaf of the table of local routes is an address, said twice where it is in two tables.
fn ipv4(text: &str) -> Vec<Ipv4Addr> {
    let mut found: Vec<Ipv4Addr> = Vec::new();
    let mut leaf = None;
    for line in text.lines() {
        if let Some((_, address)) = line.split_once("|-- ") {
            leaf = address.trim().parse::<Ipv4Addr>().ok();
        } else if line.contains("/32 host LOCAL")
            && let Some(address) = leaf.filter(|address| !address.is_loopback())
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// Address, index, length of its prefix, scope and flags, in hexadecimal digits, and the interface's name.
fn ipv6(text: &str) -> Vec<Ipv6Addr> {
    const GLOBAL: &str = "00";
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let digits = words.next()?;
        let scope = words.nth(2)?;
        let number = u128::from_str_radix(digits, 16).ok()?;
        (scope == GLOBAL).then(|| Ipv6Addr::from(number))
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_kernel() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 10.0.3.5\n        /32 host LOCAL\n     |-- 10.0.3.255\n        /32 link BROADCAST\nLocal:\n     |-- 10.0.3.5\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(ipv4(trie), ["10.0.3.5".parse::<Ipv4Addr>().unwrap()]);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\nfe80000000000000000000fffe000001 02 40 20 80     eth0\nfd000000000000000000000000000005 02 40 00 80     eth0\n";
        assert_eq!(ipv6(table), ["fd00::5".parse::<Ipv6Addr>().unwrap()]);
        let devices = "Inter-|   Receive\n face |bytes\n    lo:  0 0\n  eth0: 1 2\n";
        assert_eq!(interfaces(devices), ["lo", "eth0"]);
    }
}
