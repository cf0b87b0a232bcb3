//! The parsers of foreign bytes, for the fuzzer: what they make of them is checked here, since it is nobody else's to see.

use super::host::Configuration;
use super::message::{Asked, Judged, Sections, Transport};
use super::protocol::Request;

/// A message of a container: what is answered is a message, too.
pub fn question(bytes: &[u8]) {
    match Asked::read(bytes) {
        Ok(asked) => {
            let addresses = [[10, 0, 0, 1].into(), [0; 16].into()];
            for transport in [Transport::Datagram, Transport::Stream] {
                is_message(&asked.addresses(&addresses, transport));
                is_message(&asked.pointer("web.network", transport));
            }
            is_message(&asked.forwarded(1, true));
            let _address = asked.reverse();
        }
        Err(Some(answer)) => is_message(&answer),
        Err(None) => {}
    }
}

/// A message of a name server, after a question that takes up the first bytes: what is handed on is a message, too.
pub fn answer(bytes: &[u8]) {
    let _sections = Sections::of(bytes);
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03web\0\0\x01\0\x01";
    let Ok(asked) = Asked::read(question) else { return };
    for transport in [Transport::Datagram, Transport::Stream] {
        if let Judged::Answer(answer) = asked.judge(7, bytes, transport) {
            is_message(&asked.relay(&answer, 1, transport));
        }
    }
}

/// A packet of a monitor.
pub fn request(bytes: &[u8]) {
    let _request = Request::decode(bytes);
}

/// A resolv.conf.
pub fn configuration(bytes: &[u8]) {
    assert!(Configuration::parse(bytes).servers.len() <= 8);
}

fn is_message(bytes: &[u8]) {
    assert!(hickory_proto::op::Message::from_vec(bytes).is_ok());
}
