//! Messages: questions as they come, answers of our own, and answers of others as they are handed on.
//!
//! What somebody else wrote is read whole by hickory-proto before a byte of it is believed. An answer that is handed on stays as it is but
//! for its head, the letters of the question, its times and its last section: writing it anew would let a hostile one choose what that
//! costs. Sources: RFC 1035 4 (form), RFC 6891 6 (EDNS), RFC 2308 (negative answers).

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use crate::resolver::table::Wanted;

/// Seconds that an answer of ours holds. Docker says 600, which is why so many configurations of nginx say `valid=10s`: an address is
/// another container's soon.
pub(crate) const TTL_SECONDS: u32 = 10;
/// RFC 1035, 4.1.1.
const HEAD: usize = 12;
/// Bytes of a datagram to who does not say how many it takes. RFC 1035, 4.2.1.
const SMALL: u16 = 512;
/// Bytes of a datagram to who says that it takes more. RFC 6891, 6.2.5.
const LARGE: u16 = 4096;
/// Bytes that name servers are told to answer with at most: no network splits that. RFC 9715.
const FROM_UPSTREAM: u16 = 1232;

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: u16,
    pub(crate) query: Query,
    /// The name in lower case with dots; nothing where it cannot be a container's.
    pub(crate) name: Vec<u8>,
    /// The question as it stands in messages.
    wire: Vec<u8>,
    pub(crate) wishes: Wishes,
    /// Bytes that the answer may have in a datagram; nothing without EDNS.
    room: Option<u16>,
}

/// Bits of a question that make another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wishes {
    recursion: bool,
    no_checks: bool,
    authentic: bool,
    signatures: bool,
}

/// What an answer travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Datagram,
    Stream,
}

/// An answer of another name server, fit to be handed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Relayed {
    /// Without its last section.
    pub(crate) bytes: Box<[u8]>,
    /// Where its times are.
    times: Box<[u16]>,
    /// Seconds that it may be kept.
    pub(crate) lifetime_seconds: u32,
}

/// What a message that came from a name server is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// No answer to this question. RFC 5452, 9.1.
    Foreign,
    /// There is more than a datagram holds.
    Truncated,
    /// The server cannot.
    Failed(ResponseCode),
    Answer(Relayed),
}

impl Asked {
    /// Reads a message that somebody in a container sent; else what is to be answered, if anything.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Option<Vec<u8>>> {
        // An answer to an answer would be answered. RFC 5452, 8.
        let Some([high, low, flags, _, one, two]) = bytes.first_chunk() else { return Err(None) };
        if bytes.len() < HEAD || flags & 0x80 != 0 {
            return Err(None);
        }
        let id = u16::from_be_bytes([*high, *low]);
        let code = OpCode::from_u8((flags >> 3) & 0xf);
        let refuse = |reason| Err(Message::error_msg(id, code, reason).to_vec().ok());
        if code != OpCode::Query {
            return refuse(ResponseCode::NotImp);
        }
        // Also before the parser makes room for as many as there are said to be. RFC 9619.
        if (*one, *two) != (0, 1) {
            return refuse(ResponseCode::FormErr);
        }
        let Ok(message) = Message::from_vec(bytes) else { return refuse(ResponseCode::FormErr) };
        let Some(query) = message.queries.first() else { return refuse(ResponseCode::FormErr) };
        let Ok(wire) = query.to_bytes() else { return refuse(ResponseCode::FormErr) };
        let head = &message.metadata;
        let edns = message.edns.as_ref();
        let asked = Self {
            id,
            name: dotted(query.name()),
            wire,
            wishes: Wishes {
                recursion: head.recursion_desired,
                no_checks: head.checking_disabled,
                authentic: head.authentic_data,
                signatures: edns.is_some_and(|edns| edns.flags().dnssec_ok),
            },
            room: edns.map(Edns::max_payload),
            query: query.clone(),
        };
        let refused = match edns.map(Edns::version) {
            // RFC 6891, 6.1.3.
            Some(1..) => Some(ResponseCode::BADVERS),
            // Zones are not ours to give, and other classes are nobody's.
            _ if matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR) => {
                Some(ResponseCode::Refused)
            }
            _ if query.query_class() != DNSClass::IN => Some(ResponseCode::Refused),
            _ => None,
        };
        match refused {
            Some(code) => Err(Some(asked.failure(code, Transport::Datagram))),
            None => Ok(asked),
        }
    }

    /// Which addresses are asked for.
    pub(crate) fn wanted(&self) -> Wanted {
        let kind = self.query.query_type();
        if kind == RecordType::A {
            Wanted::V4
        } else if kind == RecordType::AAAA {
            Wanted::V6
        } else {
            Wanted::Nothing
        }
    }

    /// The address whose name is asked for.
    pub(crate) fn reverse(&self) -> Option<IpAddr> {
        if self.query.query_type() != RecordType::PTR {
            return None;
        }
        let network = self.query.name().parse_arpa_name().ok()?;
        (network.prefix_len() == network.max_prefix_len()).then(|| network.addr())
    }

    /// What answers to this question have in common, without a look at letters' case.
    pub(crate) fn key(&self) -> Box<[u8]> {
        // Lengths of labels are smaller than letters, type and class come with their own place: RFC 1035, 2.3.4.
        let (name, kind) = self.wire.split_at(self.wire.len().saturating_sub(4));
        [&name.to_ascii_lowercase(), kind].concat().into()
    }

    /// The answer that these are the addresses.
    pub(crate) fn addresses(&self, addresses: &[IpAddr], transport: Transport) -> Vec<u8> {
        let mut message = self.reply(ResponseCode::NoError);
        for address in addresses {
            let data = match address {
                IpAddr::V4(address) => RData::A((*address).into()),
                IpAddr::V6(address) => RData::AAAA((*address).into()),
            };
            let name = self.query.name().clone();
            message.add_answer(Record::from_rdata(name, TTL_SECONDS, data));
        }
        self.encode(&message, transport)
    }

    /// The answer that this is the name.
    pub(crate) fn pointer(&self, name: &str, transport: Transport) -> Vec<u8> {
        let mut message = self.reply(ResponseCode::NoError);
        // A name that is none, of bytes that no message can hold: the address is known, and has no name.
        let labels = name.split('.').filter(|label| !label.is_empty()).map(str::as_bytes);
        if let Ok(name) = Name::from_labels(labels) {
            let data = RData::PTR(PTR(name));
            let owner = self.query.name().clone();
            message.add_answer(Record::from_rdata(owner, TTL_SECONDS, data));
        }
        self.encode(&message, transport)
    }

    /// The answer that there is none.
    pub(crate) fn failure(&self, code: ResponseCode, transport: Transport) -> Vec<u8> {
        self.encode(&self.reply(code), transport)
    }

    fn reply(&self, code: ResponseCode) -> Message {
        let mut message = Message::response(self.id, OpCode::Query);
        let head = &mut message.metadata;
        head.recursion_desired = self.wishes.recursion;
        head.recursion_available = true;
        head.checking_disabled = self.wishes.no_checks;
        head.response_code = code;
        message.add_query(self.query.clone());
        message
    }

    fn encode(&self, message: &Message, transport: Transport) -> Vec<u8> {
        let edns = self.edns(message.metadata.response_code);
        let mut bytes = Vec::with_capacity(usize::from(SMALL));
        let mut encoder = BinEncoder::new(&mut bytes);
        // Answers that do not fit are left out, and the bit says so. RFC 2181, 9.
        encoder
            .set_max_size(self.limit(transport).saturating_sub(edns.len().try_into().unwrap_or(0)));
        let written = message.emit(&mut encoder);
        debug_assert!(written.is_ok(), "a question and addresses can be written");
        add_edns(bytes, &edns)
    }

    fn limit(&self, transport: Transport) -> u16 {
        match transport {
            Transport::Stream => u16::MAX,
            Transport::Datagram => self.room.unwrap_or(SMALL).clamp(SMALL, LARGE),
        }
    }

    /// The record that who knows EDNS gets, and nobody else. RFC 6891, 6.1.1.
    fn edns(&self, code: ResponseCode) -> Vec<u8> {
        if self.room.is_none() {
            return Vec::new();
        }
        let mut edns = Edns::new();
        edns.set_max_payload(LARGE)
            .set_dnssec_ok(self.wishes.signatures)
            .set_rcode_high(code.high());
        Record::from(&edns).to_bytes().unwrap_or_default()
    }

    /// The question for another name server.
    pub(crate) fn forwarded(&self, id: u16, with_edns: bool) -> Vec<u8> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = self.wishes.recursion;
        message.metadata.checking_disabled = self.wishes.no_checks;
        message.metadata.authentic_data = self.wishes.authentic;
        message.add_query(self.query.clone());
        if with_edns {
            let mut edns = Edns::new();
            edns.set_max_payload(FROM_UPSTREAM).set_dnssec_ok(self.wishes.signatures);
            message.set_edns(edns);
        }
        message.to_vec().unwrap_or_default()
    }

    /// What a message is that came from a name server after that question.
    pub(crate) fn judge(&self, id: u16, bytes: &[u8], transport: Transport) -> Judged {
        let is_answer = bytes.get(..2) == Some(&id.to_be_bytes())
            && bytes.get(2).is_some_and(|flags| flags & 0xf8 == 0x80);
        if !is_answer {
            return Judged::Foreign;
        }
        // Who does not understand a question may leave it out.
        if bytes.get(4..6) == Some(&[0, 0]) && bytes.len() == HEAD {
            return Judged::Failed(ResponseCode::from_low((bytes[3]) & 0xf));
        }
        if bytes.get(4..6) != Some(&[0, 1]) || !self.is_repeated(bytes) {
            return Judged::Foreign;
        }
        let is_truncated = bytes.get(2).is_some_and(|flags| flags & 0x02 != 0);
        if is_truncated && transport == Transport::Datagram {
            return Judged::Truncated;
        }
        let Ok(message) = Message::from_vec(bytes) else {
            return Judged::Failed(ResponseCode::FormErr);
        };
        let code = message.metadata.response_code;
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            return Judged::Failed(code);
        }
        match Sections::of(bytes).map(|sections| sections.relayed(bytes, &message)) {
            Some(relayed) if relayed.stays_readable() => Judged::Answer(relayed),
            _ => Judged::Failed(ResponseCode::FormErr),
        }
    }

    fn is_repeated(&self, bytes: &[u8]) -> bool {
        let Some(theirs) = bytes.get(HEAD..HEAD + self.wire.len()) else { return false };
        let end = self.wire.len().saturating_sub(4);
        theirs[..end].eq_ignore_ascii_case(&self.wire[..end]) && theirs[end..] == self.wire[end..]
    }

    /// An answer of another name server to this question, that many seconds later.
    pub(crate) fn relay(
        &self,
        answer: &Relayed,
        age_seconds: u32,
        transport: Transport,
    ) -> Vec<u8> {
        let edns = self.edns(ResponseCode::NoError);
        let whole = answer.bytes.len() + edns.len() <= usize::from(self.limit(transport));
        let end = if whole { answer.bytes.len() } else { HEAD + self.wire.len() };
        let mut bytes = answer.bytes.get(..end).unwrap_or_default().to_vec();
        if whole {
            for at in answer.times.iter().map(|at| usize::from(*at)) {
                age(&mut bytes, at, age_seconds);
            }
        } else if let Some(counts) = bytes.get_mut(6..HEAD) {
            counts.fill(0);
        }
        if let Some([one, two, first, second]) = bytes.first_chunk_mut() {
            [*one, *two] = self.id.to_be_bytes();
            // QR; TC; RD. Whoever had authority, this is what was kept of it. RFC 1034, 4.3.1.
            *first = 0x80 | if whole { 0 } else { 0x02 } | u8::from(self.wishes.recursion);
            // That it was checked is for who asked about that. RFC 6840, 5.8.
            let is_checked = self.wishes.signatures || self.wishes.authentic;
            *second = *second & if is_checked { 0x2f } else { 0x0f }
                | 0x80
                | if self.wishes.no_checks { 0x10 } else { 0 };
        }
        // Who mixes capitals in wants them back.
        if let Some(question) = bytes.get_mut(HEAD..HEAD + self.wire.len()) {
            question.copy_from_slice(&self.wire);
        }
        add_edns(bytes, &edns)
    }
}

impl Relayed {
    /// Whether it is a message whatever its head and its times come to be: a name may point at any byte before it (RFC 1035, 4.1.4), also
    /// at one that is written anew each time the answer is handed on.
    fn stays_readable(&self) -> bool {
        /// No label begins with it, and it is a fine octet of a head or of a time. RFC 1035, 4.1.4.
        const NO_LABEL: u8 = 0x80;
        let mut bytes = self.bytes.to_vec();
        let times = self.times.iter().map(|at| usize::from(*at)..usize::from(*at) + 4);
        for changed in times.chain(std::iter::once(0..4)) {
            if let Some(octets) = bytes.get_mut(changed) {
                octets.fill(NO_LABEL);
            }
        }
        // With a record in the last section its count is a label's length; without, it ends a name, which is well.
        let edns = Record::from(&Edns::new()).to_bytes().unwrap_or_default();
        Message::from_vec(&add_edns(bytes, &edns)).is_ok()
    }
}

/// Puts the record of EDNS behind a message whose last section is empty.
fn add_edns(mut bytes: Vec<u8>, edns: &[u8]) -> Vec<u8> {
    if let (false, Some(count)) = (edns.is_empty(), bytes.get_mut(10..HEAD)) {
        count.copy_from_slice(&[0, 1]);
        bytes.extend_from_slice(edns);
    }
    bytes
}

/// Where things are in an answer.
#[derive(Debug)]
pub(crate) struct Sections {
    /// Of the records of the first two sections.
    times: Vec<u16>,
    /// Where the last section begins.
    last: usize,
    shortest_seconds: Option<u32>,
}

impl Sections {
    /// Nothing if they are not whole.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let count = |at| number(bytes, at);
        // A question's name, type and class.
        let mut at = skip_name(bytes, HEAD)? + 4;
        let mut sections = Self { times: Vec::new(), last: 0, shortest_seconds: None };
        for _ in 0..usize::from(count(6)?) + usize::from(count(8)?) {
            // Name, type, class, time, length, data. RFC 1035, 4.1.3.
            let head = skip_name(bytes, at)?;
            sections.times.push(u16::try_from(head + 4).ok()?);
            let seconds = seconds(bytes, head + 4)?;
            let shortest = sections.shortest_seconds.map_or(seconds, |other| other.min(seconds));
            sections.shortest_seconds = Some(shortest);
            at = head + 10 + usize::from(number(bytes, head + 8)?);
        }
        sections.last = at;
        (at <= bytes.len()).then_some(sections)
    }

    fn relayed(self, bytes: &[u8], message: &Message) -> Relayed {
        let mut kept = bytes.get(..self.last).unwrap_or_default().to_vec();
        if let Some(count) = kept.get_mut(10..HEAD) {
            count.fill(0);
        }
        let is_positive =
            message.metadata.response_code == ResponseCode::NoError && !message.answers.is_empty();
        let shortest = self.shortest_seconds.unwrap_or(0);
        let lifetime_seconds = match (is_positive, start_of_authority(message)) {
            (true, _) => shortest,
            (false, Some(minimum)) => shortest.min(minimum).min(LONGEST_NEGATIVE_SECONDS),
            // Nobody says how long. RFC 2308, 5.
            (false, None) => 0,
        };
        Relayed { bytes: kept.into(), times: self.times.into(), lifetime_seconds }
    }
}

/// How long it is believed that a name does not exist: names come up while one waits for them. RFC 2308, 5 allows hours.
const LONGEST_NEGATIVE_SECONDS: u32 = 60;

/// How long a negative answer holds: the time of the zone's record, which is a record of the answer, or what is said in it. RFC 2308, 5.
fn start_of_authority(message: &Message) -> Option<u32> {
    message.authorities.iter().find_map(|record| {
        let RData::SOA(data) = &record.data else { return None };
        Some(data.minimum)
    })
}

fn dotted(name: &Name) -> Vec<u8> {
    let mut dotted = Vec::with_capacity(name.len());
    for label in name.iter() {
        if label.contains(&b'.') {
            return Vec::new();
        }
        if !dotted.is_empty() {
            dotted.push(b'.');
        }
        dotted.extend(label.iter().map(u8::to_ascii_lowercase));
    }
    dotted
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

fn seconds(bytes: &[u8], at: usize) -> Option<u32> {
    let seconds = bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))?;
    // With the highest bit it is none. RFC 2181, 8.
    Some(if seconds > u32::MAX / 2 { 0 } else { seconds })
}

fn age(bytes: &mut [u8], at: usize, age_seconds: u32) {
    let Some(left) = seconds(bytes, at).map(|seconds| seconds.saturating_sub(age_seconds)) else {
        return;
    };
    if let Some(time) = bytes.get_mut(at..at + 4) {
        time.copy_from_slice(&left.to_be_bytes());
    }
}

/// Where a name ends: with a label of no length, or with a pointer. RFC 1035, 4.1.4.
fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            192.. => return Some(at + 2),
            _ => return None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
