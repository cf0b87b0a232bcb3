//! What goes wrong, and who means harm.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use network::NameSockets;
use network::resolver::{Answer, ConnectError, Registration};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketType, connect, send, socket};

use super::scene::{Container, NameServer, PATIENCE, Scene, answer, member};

/// A question for the address of a name of one label.
fn question(id: u16, name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let head = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, length]].concat();
    [&head, name.as_bytes(), &[0, 0, 1, 0, 1]].concat()
}

fn asker(container: &Container) -> UdpSocket {
    container.place.within(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.11:53").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    })
}

fn heard(socket: &UdpSocket) -> Vec<u8> {
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).unwrap();
    answer[..length].to_vec()
}

#[test]
fn what_is_asked_while_the_resolver_is_dead_is_answered_by_the_next() {
    let mut scene = Scene::new();
    let mut web = scene.container(member(1, &["web"], 2));
    let mut other = scene.container(member(1, &["other"], 3));
    let socket = asker(&web);
    socket.send(&question(1, "other")).unwrap();
    assert_eq!(heard(&socket)[12 + 11..].last_chunk(), Some(&[10, 1, 0, 3]));
    scene.kill();
    for container in [&web, &other] {
        assert!(matches!(answer(&container.registration), Err(ConnectError::NotRunning)));
    }
    let none = Registration::connect(scene.state.path(), &web.member, &web.sockets);
    assert!(matches!(none, Err(ConnectError::NotRunning)));
    socket.send(&question(2, "other")).unwrap();
    let mut stream = web.place.within(|| TcpStream::connect("127.0.0.11:53").unwrap());
    stream.write_all(&[&[0, 23], &question(3, "other")[..]].concat()).unwrap();
    scene.restart();
    other.registration = scene.register(&other.member, &other.sockets);
    web.registration = scene.register(&web.member, &web.sockets);
    assert_eq!(heard(&socket)[..2], [0, 2]);
    let mut answer = [0; 2 + 39];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[2..4], [0, 3]);
    assert_eq!(answer.last_chunk(), Some(&[10, 1, 0, 3]));
}

#[test]
fn there_is_one_and_it_ends_when_nobody_is_left() {
    let mut scene = Scene::new();
    let web = scene.container(member(1, &["web"], 2));
    let never = std::path::Path::new("/nonexistent");
    let second = network::resolver::run(scene.state.path(), never, || ()).unwrap();
    assert_eq!(second, network::resolver::Ended::AnotherRuns);
    assert_eq!(web.short(&["web"]), ["10.1.0.2"]);
    drop(web);
    let start = Instant::now();
    assert!(scene.resolver.wait().unwrap().success());
    assert!(start.elapsed() > Duration::from_secs(3));
    assert!(!scene.state.path().join("resolver.sock").exists());
    scene.restart();
    let web = scene.container(member(1, &["web"], 2));
    assert_eq!(web.short(&["web"]), ["10.1.0.2"]);
}

fn stranger(scene: &Scene) -> OwnedFd {
    let stranger = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    let address = SocketAddrUnix::new(scene.state.path().join("resolver.sock")).unwrap();
    connect(&stranger, &address).unwrap();
    stranger
}

fn last_words(stranger: &OwnedFd) -> String {
    let mut packet = [0; 4096];
    let mut words = String::new();
    loop {
        let (length, _) =
            rustix::net::recv(stranger, &mut packet[..], rustix::net::RecvFlags::empty()).unwrap();
        if length == 0 {
            return words;
        }
        words.push_str(std::str::from_utf8(&packet[..length]).unwrap());
    }
}

#[test]
fn who_registers_wrongly_harms_nobody() {
    let scene = Scene::new();
    let web = scene.container(member(1, &["web"], 2));
    for packet in [
        &b"\xff\xfe"[..],
        b"{}",
        b"[[[[[[",
        &[b'['; 60000],
        b"{\"update\":{\"member\":{\"networks\":[]}}}",
    ] {
        let stranger = stranger(&scene);
        send(&stranger, packet, SendFlags::NOSIGNAL).unwrap();
        assert!(last_words(&stranger).contains("refused"));
    }
    let large = stranger(&scene);
    send(&large, &[b' '; 100_000], SendFlags::NOSIGNAL).unwrap();
    assert!(last_words(&large).contains("more than 65536 bytes"));
    let without_sockets = stranger(&scene);
    let packet = b"{\"register\":{\"version\":1,\"member\":{\"networks\":[]}}}";
    send(&without_sockets, packet, SendFlags::NOSIGNAL).unwrap();
    assert!(last_words(&without_sockets).contains("two sockets"));
    // A file where a socket is to be.
    let file = || OwnedFd::from(std::fs::File::open("/dev/zero").unwrap());
    let copy = |socket: &OwnedFd| socket.try_clone().unwrap();
    let (udp, tcp) = (|| copy(&web.sockets.udp), || copy(&web.sockets.tcp));
    let not_listening = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    for (udp, tcp) in [(file(), tcp()), (udp(), file()), (tcp(), tcp()), (udp(), not_listening)] {
        let wrong = NameSockets::of(udp, tcp);
        let refused = Registration::connect(scene.state.path(), &web.member, &wrong).unwrap();
        let Answer::Refused { reason } = answer(&refused).unwrap() else { panic!("it was taken") };
        assert!(reason.contains("no UDP socket"), "{reason}");
    }
    let _silent: Vec<_> = (0..50).map(|_| stranger(&scene)).collect();
    assert_eq!(web.short(&["web"]), ["10.1.0.2"]);
}

#[test]
fn what_is_no_question_is_survived() {
    let scene = Scene::new();
    let web = scene.container(member(1, &["web"], 2));
    let socket = asker(&web);
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    for length in 0..300 {
        let noise: Vec<u8> = (0..length).map(|_| random()).collect();
        socket.send(&noise).unwrap();
        let mut changed = question(5, "web");
        changed[length % 21] = random();
        socket.send(&changed).unwrap();
        if length % 20 == 0 {
            web.place.within(|| {
                let mut stream = TcpStream::connect("127.0.0.11:53").unwrap();
                let _closed = stream.write_all(&noise);
            });
        }
    }
    socket.send(&[0; 60000]).unwrap();
    assert_eq!(web.short(&["+notcp", "web"]), ["10.1.0.2"]);
    assert_eq!(web.short(&["+tcp", "web"]), ["10.1.0.2"]);
}

/// One container asks for much that nobody answers; another one notices nothing.
#[test]
fn one_container_does_not_take_from_another() {
    let scene = Scene::new();
    let here = scene.host.here();
    let _server = NameServer::start(&here, "127.0.0.53", &["--address=/#/192.0.2.1"]);
    let _silent = here.within(|| UdpSocket::bind("127.0.0.60:53").unwrap());
    let mut greedy = member(1, &["greedy"], 2);
    greedy.upstream.servers = Some(vec!["127.0.0.60".parse().unwrap()]);
    let greedy = scene.container(greedy);
    let web = scene.container(member(1, &["web"], 3));
    let socket = asker(&greedy);
    for number in 0..2000_u16 {
        // What is too much is dropped by the kernel.
        let _full = socket.send(&question(number, &format!("name{number}")));
    }
    let _connections: Vec<_> = greedy
        .place
        .within(|| (0..100).map(|_| TcpStream::connect("127.0.0.11:53").unwrap()).collect());
    let start = Instant::now();
    for number in 0..20 {
        assert_eq!(web.short(&["greedy"]), ["10.1.0.2"]);
        assert_eq!(web.short(&["+tcp", &format!("name{number}.test")]), ["192.0.2.1"]);
    }
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    // Its own turn comes again, too.
    assert_eq!(greedy.short(&["web"]), ["10.1.0.3"]);
}

/// Makes it the answer that there is no such name.
fn refuse(message: &mut [u8]) {
    message[2..4].copy_from_slice(&[0x81, 0x83]);
}

/// As many as may be are in the air; the others wait for those, and all are answered.
#[test]
fn questions_of_one_container_wait_for_each_other() {
    const MOST: u16 = 256;
    const ALL: u16 = 400;
    let scene = Scene::new();
    let server = scene.host.here().within(|| UdpSocket::bind("127.0.0.53:53").unwrap());
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let web = scene.container(member(1, &["web"], 2));
    let other = scene.container(member(2, &["other"], 2));
    let (socket, another) = (asker(&web), asker(&other));
    let next = || {
        let mut message = [0; 512];
        let (length, from) = server.recv_from(&mut message).unwrap();
        (message[..length].to_vec(), from)
    };
    let ask = |number: u16| {
        socket.send(&question(number, &format!("name{number}"))).unwrap();
    };
    // Not all at once: a socket holds fewer than that.
    (0..MOST).for_each(ask);
    let mut asked: Vec<_> = (0..MOST).map(|_| next()).collect();
    (MOST..ALL).for_each(ask);
    // Another container's go through, time and again, and none of the rest does.
    for id in 0..5 {
        another.send(&question(id, "marker")).unwrap();
        let (mut message, from) = next();
        assert_eq!(message[13..19], *b"marker");
        refuse(&mut message);
        server.send_to(&message, from).unwrap();
        assert_eq!(heard(&another)[..2], id.to_be_bytes());
    }
    let mut heard_all = vec![false; ALL.into()];
    let mut count = 0;
    while count < ALL {
        for (mut message, from) in asked.drain(..) {
            refuse(&mut message);
            server.send_to(&message, from).unwrap();
            let answer = heard(&socket);
            let id = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
            assert!(!std::mem::replace(&mut heard_all[id], true) && answer[3] & 15 == 3);
            count += 1;
        }
        if count < ALL {
            asked.push(next());
        }
    }
}

/// A datagram was lost, and the server knows nothing of EDNS. RFC 6891, 6.2.2.
#[test]
fn a_server_is_asked_again_and_in_older_words() {
    let scene = Scene::new();
    let server = scene.host.here().within(|| UdpSocket::bind("127.0.0.53:53").unwrap());
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut own = member(1, &["web"], 2);
    own.upstream.timeout = Some(1);
    let web = scene.container(own);
    let socket = asker(&web);
    socket.send(&question(1, "old")).unwrap();
    let next = || {
        let mut message = [0; 512];
        let (length, from) = server.recv_from(&mut message).unwrap();
        (message[..length].to_vec(), from)
    };
    let (lost, _) = next();
    let (mut again, from) = next();
    assert!(lost[11] == 1 && again[11] == 1 && lost[12..] == again[12..]);
    // FORMERR, and the rest of the question with it.
    again[2..4].copy_from_slice(&[0x81, 0x81]);
    server.send_to(&again, from).unwrap();
    let (mut plain, from) = next();
    assert_eq!(plain[11], 0);
    // Answers to other questions are none, whoever sends them.
    let mut foreign = plain.clone();
    refuse(&mut foreign);
    foreign[0] ^= 1;
    server.send_to(&foreign, from).unwrap();
    plain[2..4].copy_from_slice(&[0x81, 0x80]);
    server.send_to(&plain, from).unwrap();
    let answer = heard(&socket);
    assert_eq!((&answer[..2], answer[3] & 15), (&[0, 1][..], 0));
}

#[test]
fn a_connection_takes_many_questions_and_ends_when_it_is_silent() {
    let scene = Scene::new();
    let web = scene.container(member(1, &["web"], 2));
    let mut stream = web.place.within(|| TcpStream::connect("127.0.0.11:53").unwrap());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let many: Vec<u8> =
        (0..500).flat_map(|id| [&[0, 21], &question(id, "web")[..]].concat()).collect();
    let mut writer = stream.try_clone().unwrap();
    let thread = std::thread::spawn(move || writer.write_all(&many).unwrap());
    for id in 0..500_u16 {
        let mut answer = [0; 2 + 37];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[2..4], id.to_be_bytes());
    }
    thread.join().unwrap();
    let start = Instant::now();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(start.elapsed() > Duration::from_secs(5));
}
