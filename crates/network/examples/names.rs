//! What names cost: questions per second, how long answers take, and memory of the resolver.
//!
//!     names [CONTAINERS [QUESTIONS_PER_SECOND [SECONDS]]]
//!
//! Wants root. Some containers are network namespaces whose questions go the whole way, by port 53 of 127.0.0.11; the others are registered
//! with sockets alone. First questions come at a fixed rate, whatever happens to those before, and the time of each counts from the
//! moment when it was due, so that a delay counts for all that it delays, and once more from when it was sent, since whoever asks may be
//! late, too; then as fast as they are answered.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people who measure")]

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use network::NameSockets;
use network::resolver::{Answer, ConnectError, Member, Membership, Registration, run};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sys::Namespaces;

/// Containers that ask.
const ASKERS: usize = 8;
/// Questions in the air while they come as fast as they are answered.
const AT_ONCE: usize = 64;
/// A question without an answer by then is lost.
const LOST: Duration = Duration::from_secs(2);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, state] = arguments.as_slice()
        && word == "resolver"
    {
        let state = PathBuf::from(state);
        run(&state, &state.join("resolv.conf"), || ()).unwrap();
        return;
    }
    let number = |place: usize, default| {
        arguments.get(place).map_or(default, |argument| argument.parse().unwrap())
    };
    let (containers, rate, seconds) = (number(0, 100), number(1, 20_000), number(2, 5));
    let state = std::env::temp_dir().join(format!("corten-names-{}", std::process::id()));
    std::fs::create_dir(&state).unwrap();
    let mut resolver =
        Command::new(std::env::current_exe().unwrap()).arg("resolver").arg(&state).spawn().unwrap();
    measure(&state, &resolver, (containers, rate, seconds));
    resolver.kill().unwrap();
    resolver.wait().unwrap();
    std::fs::remove_dir_all(state).unwrap();
}

fn measure(state: &Path, resolver: &Child, (containers, rate, seconds): (usize, usize, usize)) {
    let own: OwnedFd = File::open("/proc/thread-self/ns/net").unwrap().into();
    let mut registered = Vec::new();
    let mut askers = Vec::new();
    let mut wait = Duration::ZERO;
    for place in 0..containers.max(ASKERS) {
        let sockets = if place < ASKERS {
            sys::unshare_namespaces(u32::try_from(Namespaces::NETWORK.bits()).unwrap()).unwrap();
            sys::set_interface_up(b"lo").unwrap();
            let here = File::open("/proc/thread-self/ns/net").unwrap();
            let sockets = NameSockets::open(here.as_fd()).unwrap();
            askers.push(asker());
            sys::enter_namespace(own.as_fd(), Namespaces::NETWORK).unwrap();
            sockets
        } else {
            plain_sockets()
        };
        let start = Instant::now();
        let registration = register(state, &member(place), &sockets);
        wait += start.elapsed();
        registered.push((registration, sockets));
    }
    let each = wait / u32::try_from(registered.len()).unwrap();
    println!("{} containers, {each:?} to register one, {}", registered.len(), memory(resolver));
    let times = at_rate(&askers, rate, Duration::from_secs(seconds as u64));
    report(&format!("{rate}/s wanted"), times, resolver);
    let times = as_fast_as_possible(&askers, Duration::from_secs(seconds as u64), question);
    report("as fast as answered", times, resolver);
    name_server();
    let length = Duration::from_secs(seconds as u64);
    let times = as_fast_as_possible(&askers, length, elsewhere);
    report("of another name server, each name once", times, resolver);
    let times = as_fast_as_possible(&askers, length, |id, turn| elsewhere(id, turn % 100));
    report("of the cache", times, resolver);
}

/// A name server that knows an address for every name.
fn name_server() {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            // The question without EDNS, and one address.
            let end = 12 + message[12..length].iter().position(|byte| *byte == 0).unwrap() + 5;
            message[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 1];
            message[end..end + 16].copy_from_slice(&answer);
            socket.send_to(&message[..end + 16], from).unwrap();
        }
    });
}

fn elsewhere(id: u16, turn: usize) -> Vec<u8> {
    query(id, &[format!("name{turn}"), "example".to_owned(), "test".to_owned()], 1)
}

fn asker() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.11:53").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn plain_sockets() -> NameSockets {
    let udp = UdpSocket::bind("127.0.0.11:0").unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.11:0").unwrap();
    NameSockets::of(udp.into(), tcp.into())
}

fn member(place: usize) -> Member {
    let address = format!("10.{}.{}.{}/8", place >> 16, place >> 8 & 255, place & 255);
    let address6 = format!("fd00::{place:x}/64");
    let names =
        [format!("project-service-{place}-1"), format!("{place:012x}"), "service".to_owned()];
    let names =
        [&names[..if place < ASKERS { 3 } else { 2 }], &[format!("service-{place}")]].concat();
    let membership = Membership {
        network: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".to_owned(),
        network_name: "project_default".to_owned(),
        addresses: vec![address.parse().unwrap(), address6.parse().unwrap()],
        names,
        ..Membership::default()
    };
    Member {
        networks: vec![membership],
        hostname: Some(format!("{place:012x}")),
        ..Member::default()
    }
}

fn register(state: &Path, member: &Member, sockets: &NameSockets) -> Registration {
    let registration = loop {
        match Registration::connect(state, member, sockets) {
            Err(ConnectError::NotRunning | ConnectError::Busy) => std::thread::yield_now(),
            done => break done.unwrap(),
        }
    };
    readable(&[registration.as_fd()], Duration::from_secs(10));
    assert_eq!(registration.answer().unwrap(), Some(Answer::Registered));
    registration
}

fn readable(sockets: &[std::os::fd::BorrowedFd<'_>], patience: Duration) {
    let mut fds: Vec<_> = sockets.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    poll(&mut fds, Some(&Timespec::try_from(patience).unwrap())).unwrap();
}

/// One in four asks for the name of many, one for IPv6, one for an address, one for a name.
fn question(id: u16, turn: usize) -> Vec<u8> {
    let place = turn * 7 % ASKERS;
    let (labels, kind) = match turn % 4 {
        0 => (vec!["service".to_owned()], 1),
        1 => (vec![format!("service-{place}")], 28),
        2 => (format!("{place}.0.0.10.in-addr.arpa").split('.').map(str::to_owned).collect(), 12),
        _ => (vec![format!("project-service-{place}-1")], 1),
    };
    query(id, &labels, kind)
}

fn query(id: u16, labels: &[String], kind: u8) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in labels {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, kind, 0, 1]);
    message
}

/// Questions in the air: when each was due, by asker and id.
struct Air {
    due: Vec<Vec<Option<(Instant, Instant)>>>,
    times: Vec<Duration>,
    since_sent: Vec<Duration>,
    sent: usize,
}

impl Air {
    fn new() -> Self {
        Self {
            due: vec![vec![None; 65536]; ASKERS],
            times: Vec::new(),
            since_sent: Vec::new(),
            sent: 0,
        }
    }

    fn send(
        &mut self,
        askers: &[UdpSocket],
        due: Instant,
        question: impl Fn(u16, usize) -> Vec<u8>,
    ) {
        let (asker, id) = (self.sent % ASKERS, self.sent / ASKERS % 65536);
        let message = question(u16::try_from(id).unwrap(), self.sent);
        self.sent += 1;
        if askers[asker].send(&message).is_ok() {
            self.due[asker][id] = Some((due, Instant::now()));
        }
    }

    fn hear(&mut self, askers: &[UdpSocket]) {
        let mut answer = [0; 512];
        for (asker, socket) in askers.iter().enumerate() {
            while let Ok(length) = socket.recv(&mut answer) {
                // Each of the questions has an answer.
                assert!(
                    length > 30 && answer[3] & 15 == 0 && answer[7] > 0,
                    "{:?}",
                    &answer[..length]
                );
                let id = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
                if let Some((due, sent)) = self.due[asker][id].take() {
                    self.times.push(due.elapsed());
                    self.since_sent.push(sent.elapsed());
                }
            }
        }
    }
}

type Measured = (usize, Duration, [Vec<Duration>; 2]);

fn at_rate(askers: &[UdpSocket], rate: usize, length: Duration) -> Measured {
    let mut air = Air::new();
    let step = Duration::from_secs(1) / u32::try_from(rate).unwrap();
    let start = Instant::now();
    let count = usize::try_from(length.as_nanos() / step.as_nanos()).unwrap();
    while air.sent < count {
        let due = start + step * u32::try_from(air.sent).unwrap();
        if due <= Instant::now() {
            air.send(askers, due, question);
        } else {
            air.hear(askers);
            let sockets: Vec<_> = askers.iter().map(AsFd::as_fd).collect();
            readable(&sockets, due.saturating_duration_since(Instant::now()));
        }
    }
    let took = start.elapsed();
    finish(&mut air, askers);
    (count, took, [air.times, air.since_sent])
}

fn as_fast_as_possible(
    askers: &[UdpSocket],
    length: Duration,
    question: impl Fn(u16, usize) -> Vec<u8>,
) -> Measured {
    let mut air = Air::new();
    let start = Instant::now();
    while start.elapsed() < length {
        while air.sent < air.times.len() + AT_ONCE {
            air.send(askers, Instant::now(), &question);
        }
        let sockets: Vec<_> = askers.iter().map(AsFd::as_fd).collect();
        readable(&sockets, LOST);
        air.hear(askers);
    }
    let took = start.elapsed();
    finish(&mut air, askers);
    (air.sent, took, [air.times, air.since_sent])
}

fn finish(air: &mut Air, askers: &[UdpSocket]) {
    let end = Instant::now() + LOST;
    while air.times.len() < air.sent && Instant::now() < end {
        let sockets: Vec<_> = askers.iter().map(AsFd::as_fd).collect();
        readable(&sockets, LOST);
        air.hear(askers);
    }
}

fn report(what: &str, (asked, took, [due, sent]): Measured, resolver: &Child) {
    let rate = due.len() as u128 * 1000 / took.as_millis().max(1);
    let lost = asked - due.len();
    println!("{what}: {rate}/s answered, {lost} lost, {}", memory(resolver));
    for (what, mut times) in [("since due", due), ("since sent", sent)] {
        times.sort();
        let at =
            |of_1000: usize| times.get(times.len() * of_1000 / 1000).copied().unwrap_or_default();
        println!("  {what}: p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    }
}

/// Of the resolver: now, at most, and without what is the file's.
fn memory(resolver: &Child) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", resolver.id())).unwrap();
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.trim_start_matches(':').trim().to_owned()
    };
    format!("memory {} (at most {}, its own {})", of("VmRSS"), of("VmHWM"), of("RssAnon"))
}
