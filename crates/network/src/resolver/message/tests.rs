//! Messages that are right, and messages that are not.

use std::net::Ipv4Addr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;

use super::{Asked, Judged, Relayed, Sections, Transport};
use crate::resolver::message::Transport::{Datagram, Stream};

impl Relayed {
    pub(crate) fn of(bytes: Vec<u8>, lifetime_seconds: u32) -> Self {
        Self { bytes: bytes.into(), times: Box::new([]), lifetime_seconds }
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn message(text: &str, kind: RecordType) -> Message {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(text), kind));
    message
}

/// The question for an address.
pub(crate) fn question(text: &str) -> Vec<u8> {
    message(text, RecordType::A).to_vec().unwrap()
}

fn asked(text: &str) -> Asked {
    Asked::read(&question(text)).unwrap()
}

fn answer(asked: &Asked, addresses: u8, seconds: u32) -> Message {
    let mut message = Message::response(9, OpCode::Query);
    message.add_query(asked.query.clone());
    for last in 0..addresses {
        let data = RData::A(Ipv4Addr::new(10, 0, 0, last).into());
        message.add_answer(Record::from_rdata(asked.query.name().clone(), seconds, data));
    }
    message
}

fn judged(asked: &Asked, message: &Message) -> Judged {
    asked.judge(9, &message.to_vec().unwrap(), Datagram)
}

fn relayed(asked: &Asked, message: &Message) -> Relayed {
    match judged(asked, message) {
        Judged::Answer(answer) => answer,
        other @ (Judged::Foreign | Judged::Truncated | Judged::Failed(_)) => panic!("{other:?}"),
    }
}

#[test]
fn a_question_is_read_and_its_name_is_in_lower_case() {
    let asked = asked("WEB.Net.");
    assert_eq!((asked.id, asked.name.as_slice()), (7, b"web.net".as_slice()));
    assert_eq!(Asked::read(&question("web.net.")).unwrap().key(), asked.key());
    let mut query = message("4.3.2.10.in-addr.arpa.", RecordType::PTR);
    let address = |query: &Message| Asked::read(&query.to_vec().unwrap()).unwrap().reverse();
    assert_eq!(address(&query), Some("10.2.3.4".parse().unwrap()));
    query.queries[0].set_name(name("3.2.10.in-addr.arpa."));
    assert_eq!(address(&query), None);
}

#[test]
fn what_is_no_question_is_refused_or_ignored() {
    let code = |bytes: &[u8]| {
        let refused = Asked::read(bytes).unwrap_err()?;
        Some(Message::from_vec(&refused).unwrap().metadata.response_code)
    };
    let good = question("web.");
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(code(&[]), None);
    assert_eq!(code(&good[..11]), None);
    assert_eq!(code(&with(2, 0x81)), None, "an answer");
    assert_eq!(code(&with(2, 0x29)), Some(ResponseCode::NotImp), "an update");
    assert_eq!(code(&with(4, 0xff)), Some(ResponseCode::FormErr), "very many questions");
    assert_eq!(code(&with(7, 200)), Some(ResponseCode::FormErr), "answers that are not there");
    assert_eq!(code(&good[..14]), Some(ResponseCode::FormErr), "cut off");
    // A name that points to itself.
    let mut looped = with(12, 0xc0);
    looped[13] = 12;
    assert_eq!(code(&looped), Some(ResponseCode::FormErr));
    let transfer = message("web.", RecordType::AXFR).to_vec().unwrap();
    assert_eq!(code(&transfer), Some(ResponseCode::Refused));
}

#[test]
fn answers_fit_and_say_so_when_they_do_not() {
    let addresses: Vec<_> = (0..=255).map(|last| [10, 0, 0, last].into()).collect();
    let small = asked("web.");
    let read = |bytes: &[u8]| Message::from_vec(bytes).unwrap();
    let bytes = small.addresses(&addresses, Datagram);
    assert!(bytes.len() <= 512 && read(&bytes).metadata.truncation);
    assert!(read(&bytes).answers.len() > 20 && read(&bytes).edns.is_none());
    let bytes = small.addresses(&addresses, Stream);
    assert!(!read(&bytes).metadata.truncation);
    assert_eq!(read(&bytes).answers.len(), 256);
    let mut query = message("web.", RecordType::A);
    let mut edns = hickory_proto::op::Edns::new();
    edns.set_max_payload(1232);
    query.set_edns(edns);
    let large = Asked::read(&query.to_vec().unwrap()).unwrap();
    let bytes = large.addresses(&addresses, Datagram);
    assert!((1200..=1232).contains(&bytes.len()), "{}", bytes.len());
    assert!(read(&bytes).edns.is_some() && read(&bytes).metadata.truncation);
}

#[test]
fn an_answer_is_handed_on_aged_and_with_the_letters_of_the_question() {
    let first = asked("web.example.");
    let answer = relayed(&first, &answer(&first, 2, 100));
    assert_eq!(answer.lifetime_seconds, 100);
    let second = asked("WEB.Example.");
    let message = Message::from_vec(&second.relay(&answer, 40, Datagram)).unwrap();
    assert_eq!(message.metadata.id, 7);
    assert!(message.queries[0].name().eq_case(&name("WEB.Example.")));
    let times: Vec<_> = message.answers.iter().map(|record| record.ttl).collect();
    assert_eq!(times, [60, 60]);
}

#[test]
fn a_large_answer_is_handed_on_in_a_stream_alone() {
    let asked = asked("web.example.");
    let answer = relayed(&asked, &answer(&asked, 100, 5));
    let cut = Message::from_vec(&asked.relay(&answer, 0, Datagram)).unwrap();
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    let whole = Message::from_vec(&asked.relay(&answer, 0, Stream)).unwrap();
    assert!(!whole.metadata.truncation && whole.answers.len() == 100);
}

#[test]
fn only_the_answer_to_the_question_is_one() {
    let asked = asked("web.example.");
    let good = answer(&asked, 1, 5);
    assert!(matches!(judged(&asked, &good), Judged::Answer(_)));
    let changed = |change: fn(&mut Message)| {
        let mut message = good.clone();
        change(&mut message);
        judged(&asked, &message)
    };
    assert_eq!(changed(|message| message.metadata.id = 8), Judged::Foreign);
    let query = changed(|message| message.metadata.message_type = MessageType::Query);
    assert_eq!(query, Judged::Foreign);
    let other = changed(|message| {
        message.queries[0].set_name(name("wax.example."));
    });
    assert_eq!(other, Judged::Foreign);
    let kind = changed(|message| {
        message.queries[0].set_query_type(RecordType::AAAA);
    });
    assert_eq!(kind, Judged::Foreign);
    assert_eq!(changed(|message| message.metadata.truncation = true), Judged::Truncated);
    let refused = changed(|message| message.metadata.response_code = ResponseCode::Refused);
    assert_eq!(refused, Judged::Failed(ResponseCode::Refused));
}

/// RFC 2308, 5: as long as the zone says, which is not at all where it says nothing.
#[test]
fn that_there_is_nothing_holds_as_long_as_the_zone_says() {
    let asked = asked("web.example.");
    let mut nothing = answer(&asked, 0, 0);
    nothing.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(relayed(&asked, &nothing).lifetime_seconds, 0);
    let data = |minimum| RData::SOA(SOA::new(name("a."), name("b."), 1, 1, 1, 1, minimum));
    for (time, minimum, holds) in [(30, 20, 20), (10, 20, 10), (9000, 9000, 60)] {
        nothing.authorities = vec![Record::from_rdata(name("example."), time, data(minimum))];
        assert_eq!(relayed(&asked, &nothing).lifetime_seconds, holds);
    }
}

/// Nothing that comes can make it panic, or wait, or answer with what is no message.
fn survives(asked: &Asked, bytes: &[u8]) {
    if let Err(Some(answer)) = Asked::read(bytes) {
        assert!(Message::from_vec(&answer).is_ok());
    }
    if let Ok(asked) = Asked::read(bytes) {
        assert!(Message::from_vec(&asked.addresses(&[[10, 0, 0, 1].into()], Datagram)).is_ok());
    }
    let _sections = Sections::of(bytes);
    for transport in [Datagram, Stream] {
        check_relay(asked, bytes, transport);
    }
}

fn check_relay(asked: &Asked, bytes: &[u8], transport: Transport) {
    if let Judged::Answer(answer) = asked.judge(9, bytes, transport) {
        let relayed = asked.relay(&answer, 3, transport);
        assert!(Message::from_vec(&relayed).is_ok());
    }
}

fn full_answer(asked: &Asked) -> Vec<u8> {
    let mut message = answer(asked, 3, 100);
    let data = RData::SOA(SOA::new(name("a.example."), name("b."), 1, 1, 1, 1, 5));
    message.add_authority(Record::from_rdata(name("example."), 5, data));
    message.set_edns(hickory_proto::op::Edns::new());
    message.to_vec().unwrap()
}

/// Also where they point at what is written anew when the answer is handed on: its head, its times, its last count.
#[test]
fn names_that_point_anywhere_are_survived() {
    let asked = asked("web.example.");
    let whole = full_answer(&asked);
    for at in super::HEAD..whole.len() - 1 {
        for target in 0..at {
            let mut bytes = whole.clone();
            bytes[at..at + 2]
                .copy_from_slice(&(0xc000 | u16::try_from(target).unwrap()).to_be_bytes());
            for transport in [Datagram, Stream] {
                check_relay(&asked, &bytes, transport);
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        survives(&asked("web.example."), &bytes);
    }

    #[test]
    fn changed_messages_are_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        is_answer in any::<bool>(),
    ) {
        let asked = asked("web.example.");
        let mut bytes = if is_answer {
            full_answer(&asked)
        } else {
            question("web.example.")
        };
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        survives(&asked, &bytes);
        bytes.truncate(cut.index(bytes.len() + 1));
        survives(&asked, &bytes);
    }
}
