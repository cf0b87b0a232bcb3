//! Many clients at once.

use std::os::unix::net::UnixStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::{ApiServer, Corten, wait_until};

use super::{answers, resident_kb};

const CROWD: u64 = 10_000;
/// What a connection that says nothing may cost.
const EACH_KB: u64 = 20;

/// Allows this process, and those that it starts, so many descriptors; fewer where the machine allows fewer.
fn allow(count: u64) -> u64 {
    let limit = Rlimit { current: Some(count), maximum: Some(count) };
    if setrlimit(Resource::Nofile, limit).is_ok() {
        return count;
    }
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    most.unwrap_or(count)
}

fn corten() -> Corten {
    Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
}

#[test]
fn ten_thousand_clients_are_there_and_one_more_is_answered() {
    let allowed = allow(2 * CROWD);
    assert!(allowed > CROWD + CROWD / 2, "this machine allows {allowed} descriptors");
    let corten = corten();
    let api = ApiServer::start(&corten);
    answers(&api);
    let before = resident_kb(api.pid());
    let mut crowd: Vec<UnixStream> = (0..CROWD).map(|_| api.connect()).collect();
    answers(&api);
    let open = || std::fs::read_dir(format!("/proc/{}/fd", api.pid())).unwrap().count() as u64;
    wait_until("all of them are in", || open() > CROWD);
    let grown = resident_kb(api.pid()).saturating_sub(before);
    assert!(grown < CROWD * EACH_KB, "{grown} kB");
    // They are guests like others.
    for stream in crowd.iter_mut().step_by(1000) {
        use std::io::{Read, Write};
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut head = [0; 15];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
    drop(crowd);
    wait_until("all of them are gone", || open() < 100);
    answers(&api);
}

/// Clock ticks of a process's own work: proc_pid_stat(5), fields 14 and 15.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, behind) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = behind.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_server_without_descriptors_waits_for_some_and_does_nothing_meanwhile() {
    let corten = corten();
    let mut command = std::process::Command::new("prlimit");
    let plain = corten.command();
    command.args(["--nofile=200:200"]).arg(plain.get_program()).args(plain.get_args());
    let api = ApiServer::start_by(&corten, command);
    answers(&api);
    // More than are let in, and fewer than the kernel keeps waiting.
    let mut crowd: Vec<UnixStream> = (0..220).map(|_| api.connect()).collect();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", api.pid())).unwrap().count();
    wait_until("it is full", || open() >= 150);
    assert!(open() < 190, "nothing is left for work");
    // Those who are in are answered, although work wants descriptors, too.
    use std::io::{Read, Write};
    let first = &mut crowd[0];
    first.write_all(b"GET /containers/json?all=1 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut head = [0; 15];
    first.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let before = ticks(api.pid());
    #[expect(clippy::disallowed_methods, reason = "the time in which it is to do nothing")]
    std::thread::sleep(std::time::Duration::from_secs(2));
    let worked = ticks(api.pid()) - before;
    assert!(worked < 50, "{worked} hundredths of two seconds");
    // Whoever waits outside is let in when others go.
    crowd.drain(..200);
    answers(&api);
}
