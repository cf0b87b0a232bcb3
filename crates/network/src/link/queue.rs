//! How fast an interface is: a token bucket on what it sends. What it receives is sent through an interface between (ifb) for that.
//! Sources: tc-tbf(8), linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h.

use std::num::NonZeroU64;

use sys::netlink::{CREATE, CREATE_NEW, Request};

use super::{Changes, IFF_UP, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, NEW_LINK, link};

const NEW_QUEUE: u16 = 36;
const NEW_FILTER: u16 = 44;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_BURST: u16 = 6;
const TCA_U32_SEL: u16 = 5;
const TCA_U32_ACT: u16 = 7;
const TCA_ACT_KIND: u16 = 1;
const TCA_ACT_OPTIONS: u16 = 2;
const TCA_MIRRED_PARMS: u16 = 2;
/// TC_H_ROOT, TC_H_INGRESS, and the handle of a queue for what arrives.
const ROOT: u32 = 0xffff_ffff;
const ARRIVAL: u32 = 0xffff_fff1;
const ARRIVAL_HANDLE: u32 = 0xffff_0000;
/// ETH_P_ALL in the network's order, and the first priority in the upper half.
const ALL_PACKETS: u32 = 1 << 16 | 0x0300;
/// TC_LINKLAYER_ETHERNET.
const ETHERNET: u8 = 1;
/// TC_ACT_STOLEN, TCA_EGRESS_REDIR.
const STOLEN: i32 = 4;
const REDIRECT: i32 = 1;
/// TC_U32_TERMINAL.
const TERMINAL: u8 = 1;

impl Changes {
    /// Bounds what an interface sends, in bytes a second. What comes in one breath is a hundredth of a second's, or two packets;
    /// what has to wait longer than a twentieth is dropped.
    pub(crate) fn bound(&mut self, index: u32, rate: NonZeroU64, mtu: u32) {
        let rate = rate.get();
        let two_packets = u64::from(mtu) * 2;
        let burst = (rate / 100).max(two_packets);
        let limit = (rate / 20).saturating_add(burst).max(two_packets * 8);
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        // `struct tc_tbf_qopt`: two of `struct tc_ratespec`, bytes that wait, two that the newer attributes replace.
        let mut parameters = vec![0, ETHERNET, 0, 0, 0, 0, 0, 0];
        parameters.extend(small(rate).to_ne_bytes());
        parameters.extend([0; 12]);
        parameters.extend(small(limit).to_ne_bytes());
        parameters.extend([0; 8]);
        let request = queue(index, (1 << 16, ROOT)).text(TCA_KIND, "tbf");
        let request = request.nested(TCA_OPTIONS, |options| {
            let options =
                options.bytes(TCA_TBF_PARMS, &parameters).number(TCA_TBF_BURST, small(burst));
            let is_large = u32::try_from(rate).is_err();
            if is_large { options.bytes(TCA_TBF_RATE64, &rate.to_ne_bytes()) } else { options }
        });
        self.push("bound the rate".to_owned(), request);
    }

    /// An interface between, up: what is sent into it comes out where it was taken from.
    pub(crate) fn between(&mut self, name: &str) {
        let request = Request::new(NEW_LINK, CREATE_NEW, &link(0, IFF_UP, IFF_UP))
            .text(IFLA_IFNAME, name)
            .nested(IFLA_LINKINFO, |info| info.text(IFLA_INFO_KIND, "ifb"));
        self.push(format!("make the interface {name}"), request);
    }

    /// Sends what an interface receives through another one first.
    pub(crate) fn detour(&mut self, index: u32, between: u32) {
        let request = queue(index, (ARRIVAL_HANDLE, ARRIVAL)).text(TCA_KIND, "ingress");
        self.push("make the queue of what arrives".to_owned(), request);
        // `struct tc_mirred`: index, capabilities, action, two counts, which way, index of the interface.
        let mut mirred = vec![0; 8];
        mirred.extend(STOLEN.to_ne_bytes());
        mirred.extend([0; 8]);
        mirred.extend(REDIRECT.to_ne_bytes());
        mirred.extend(between.to_ne_bytes());
        // `struct tc_u32_sel` with one key, all of whose bits are 0: whatever it is compared with, it is that.
        let mut selector = vec![TERMINAL, 0, 1, 0];
        selector.extend([0; 12]);
        selector.extend([0; 16]);
        let request =
            Request::new(NEW_FILTER, CREATE_NEW, &head(index, (0, ARRIVAL_HANDLE), ALL_PACKETS))
                .text(TCA_KIND, "u32")
                .nested(TCA_OPTIONS, |options| {
                    options.bytes(TCA_U32_SEL, &selector).nested(TCA_U32_ACT, |actions| {
                        actions.nested(1, |action| {
                            action.text(TCA_ACT_KIND, "mirred").nested(TCA_ACT_OPTIONS, |options| {
                                options.bytes(TCA_MIRRED_PARMS, &mirred)
                            })
                        })
                    })
                });
        self.push("send what arrives through another interface".to_owned(), request);
    }
}

fn queue(index: u32, (handle, parent): (u32, u32)) -> Request {
    Request::new(NEW_QUEUE, CREATE, &head(index, (handle, parent), 0))
}

/// `struct tcmsg`: family, padding, index, handle, parent, and what the kind has.
fn head(index: u32, (handle, parent): (u32, u32), information: u32) -> Vec<u8> {
    [0, index, handle, parent, information].iter().flat_map(|number| number.to_ne_bytes()).collect()
}
