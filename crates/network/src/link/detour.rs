//! A pair of interfaces of the machine itself: what leaves by the one comes in by the other.

use super::{
    CREATE_NEW, Changes, IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO,
    IFLA_MTU, NEW_LINK, NewLink, Request, VETH_INFO_PEER, link,
};

/// Nobody is asked for a hardware address: frames have the sender's own.
const IFF_NOARP: u32 = 0x80;

impl Changes {
    /// Both ends, down. They have the same hardware address, since frames have that of their sender.
    pub(crate) fn pair_here(&mut self, out: &NewLink<'_>, back: &str) {
        let described = |request: Request, name: &str| {
            request
                .text(IFLA_IFNAME, name)
                .bytes(IFLA_ADDRESS, &out.hardware.octets())
                .number(IFLA_MTU, out.mtu)
        };
        let request = Request::new(NEW_LINK, CREATE_NEW, &link(0, IFF_NOARP, IFF_NOARP));
        let request = described(request, out.name).nested(IFLA_LINKINFO, |info| {
            info.text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, |data| {
                data.holding(VETH_INFO_PEER, &link(0, IFF_NOARP, IFF_NOARP), |peer| {
                    described(peer, back)
                })
            })
        });
        self.push(format!("make the interface {}", out.name), request);
    }
}
