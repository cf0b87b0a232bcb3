//! A user's way to the network: the program that connects him, the device that it needs, and the ports that he may have. Sources: pasta(1),
//! slirp4netns(1), ip(7).

use monitor::keeper::find_program;

use super::{Check, install, read, set};

const NETWORK: &str = "network";
const TUN: &str = "/dev/net/tun";
const PORTS: &str = "ports";

pub(super) fn checks() -> Vec<Check> {
    vec![connector(), tun(), ports(&read("/proc/sys/net/ipv4/ip_unprivileged_port_start"))]
}

fn connector() -> Check {
    let found = ["pasta", "slirp4netns"].iter().find_map(|name| find_program(name));
    found.map_or_else(
        || {
            let finding = "neither pasta nor slirp4netns is installed: containers reach nothing outside, and no port is published";
            Check::broken(NETWORK, finding, install("passt", "passt"))
        },
        |program| Check::ok(NETWORK, format!("{}", program.display())),
    )
}

fn tun() -> Check {
    use rustix::fs::{Access, access};
    if access(TUN, Access::READ_OK | Access::WRITE_OK).is_ok() {
        Check::ok(TUN, "open to this user")
    } else if access(TUN, Access::EXISTS).is_ok() {
        Check::broken(
            TUN,
            "closed to this user: nothing connects containers",
            "sudo chmod 666 /dev/net/tun",
        )
    } else {
        let remedy = "echo tun | sudo tee /etc/modules-load.d/corten.conf && sudo modprobe tun";
        Check::broken(TUN, "it is not there: nothing connects containers", remedy)
    }
}

fn ports(first: &str) -> Check {
    match first.parse::<u32>().unwrap_or(1024) {
        0 | 1 => Check::ok(PORTS, "every port may be published"),
        first @ 2..=80 => Check::ok(PORTS, format!("ports from {first} on may be published")),
        first => {
            let finding = format!("ports below {first} cannot be published");
            Check::note(PORTS, finding, set("net.ipv4.ip_unprivileged_port_start=80"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn ports_from_where_the_kernel_says() {
        assert_eq!(ports("0").verdict, Verdict::Ok);
        assert_eq!(ports("80").finding, "ports from 80 on may be published");
        assert_eq!(ports("1024").verdict, Verdict::Note);
        assert_eq!(ports("").finding, "ports below 1024 cannot be published");
    }
}
