//! Flags of the family `network`.

use super::{FORMAT, FORMAT_F, Flag, many, one, switch};

pub(crate) const NETWORK_CREATE: &[Flag] = &[
    switch(
        "",
        "attachable",
        "Containers may be attached by hand, as they always may on one machine",
    ),
    many("", "aux-address", "map", "Addresses that others have: NAME=ADDRESS"),
    one("d", "driver", "string", "Driver to manage the network (default \"bridge\")"),
    many("", "gateway", "ip", "Gateway of the subnet that it is in"),
    switch("", "internal", "Restrict external access to the network"),
    one(
        "",
        "ipam-driver",
        "string",
        "Who chooses addresses (default \"default\", the one that there is)",
    ),
    many("", "ip-range", "cidr", "Allocate container addresses from a part of a subnet"),
    switch("", "ipv4", "Give the network addresses of IPv4 (default true)"),
    switch("", "ipv6", "Give the network addresses of IPv6 (default true)"),
    many("", "label", "list", "Set metadata on a network"),
    many("o", "opt", "map", "Set driver specific options"),
    one("", "scope", "string", "Where the network is known (default \"local\", this machine)"),
    many(
        "",
        "subnet",
        "cidr",
        "Subnet in CIDR format; the next one that is free where none is given",
    ),
];
pub(crate) const NETWORK_CONNECT: &[Flag] = &[
    many("", "alias", "strings", "Add network-scoped alias for the container"),
    many("", "driver-opt", "strings", "Driver options for the network"),
    one("", "gw-priority", "int", "Highest gw-priority provides the default gateway (default 0)"),
    one("", "ip", "ip", "IPv4 address (e.g., \"172.30.100.104\")"),
    one("", "ip6", "ip", "IPv6 address (e.g., \"2001:db8::33\")"),
    many("", "link", "list", "Add link to another container: NAME[:ALIAS]"),
    many("", "link-local-ip", "strings", "Add a link-local address for the container"),
];
pub(crate) const NETWORK_DISCONNECT: &[Flag] =
    &[switch("f", "force", "Do not error if there is no such container or network")];
pub(crate) const NETWORK_LIST: &[Flag] = &[
    many("f", "filter", "filter", "Provide filter values (e.g. \"driver=bridge\")"),
    FORMAT,
    switch("", "no-trunc", "Do not truncate the output"),
    switch("q", "quiet", "Only display network IDs"),
];
pub(crate) const NETWORK_INSPECT: &[Flag] = &[FORMAT_F];
pub(crate) const NETWORK_REMOVE: &[Flag] =
    &[switch("f", "force", "Do not error if the network does not exist")];
pub(crate) const NETWORK_SETTINGS: &[Flag] = &[
    many(
        "",
        "address-pool",
        "pool",
        "Where new networks' addresses come from: base=CIDR,size=PREFIX (empty: Docker's)",
    ),
    one(
        "",
        "default-network",
        "string",
        "Network of containers where nobody says another one, or none (default \"bridge\")",
    ),
    FORMAT,
    one(
        "",
        "mtu",
        "int",
        "Bytes of the largest packet in new networks (default 1500, a user's 65520)",
    ),
    many(
        "",
        "publish-address",
        "ip",
        "Address of the machine that ports are published at (empty: every one)",
    ),
    one(
        "",
        "publish-policy",
        "string",
        "Whether the machine's input rules hold for published ports: open, respect-host",
    ),
    switch("", "reset", "Set back what no other option sets"),
];
pub(crate) const NETWORK_DOCTOR: &[Flag] = &[FORMAT];
