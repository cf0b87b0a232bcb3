//! Sockets of the machine in steps that SELinux confines: the machine's own they may not connect to. A socket with a label of
//! containers stands before it, and threads carry the bytes to and fro until the step has ended.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections at once; whoever wants more is turned away.
const MOST_CONNECTIONS: usize = 32;

/// It. Dropped, it takes no more connections.
#[derive(Debug)]
pub(crate) struct Relay {
    listener: Arc<UnixListener>,
}

impl Relay {
    /// Leads whoever connects to `listener` to the socket at `path`.
    pub(crate) fn start(listener: UnixListener, path: PathBuf) -> io::Result<Self> {
        let listener = Arc::new(listener);
        let (door, open) = (Arc::clone(&listener), Arc::new(AtomicUsize::new(0)));
        let serve = move || {
            // It ends when the door is shut.
            while let Ok((inside, _)) = door.accept() {
                let (path, turn) = (path.clone(), Turn(Arc::clone(&open)));
                if turn.0.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
                    continue;
                }
                let connection = move || {
                    let _turn = turn;
                    UnixStream::connect(path).and_then(|outside| carry(&inside, &outside))
                };
                // Without room for a thread the connection is closed.
                let _carried = std::thread::Builder::new().spawn(connection);
            }
        };
        std::thread::Builder::new().spawn(serve)?;
        Ok(Self { listener })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // accept(2) of the thread gives EINVAL from now on: unix(7) sockets may be shut down while they listen.
        let _was_shut = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
    }
}

/// A place among the connections, given back at its end.
struct Turn(Arc<AtomicUsize>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Both ways, until both sides have said all.
fn carry(inside: &UnixStream, outside: &UnixStream) -> io::Result<()> {
    let one_way = |mut from: &UnixStream, mut to: &UnixStream| {
        let _bytes = io::copy(&mut from, &mut to);
        let _ended = to.shutdown(Shutdown::Write);
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().spawn_scoped(scope, || one_way(outside, inside))?;
        one_way(inside, outside);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn bytes_go_both_ways_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let [door, machine] = ["door", "machine"].map(|name| directory.path().join(name));
        let agent = UnixListener::bind(&machine).unwrap();
        let answer = std::thread::spawn(move || {
            let (mut client, _) = agent.accept().unwrap();
            let mut asked = String::new();
            client.read_to_string(&mut asked).unwrap();
            client.write_all(format!("{asked}!").as_bytes()).unwrap();
        });
        let relay = Relay::start(UnixListener::bind(&door).unwrap(), machine).unwrap();
        let mut client = UnixStream::connect(&door).unwrap();
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut told = String::new();
        client.read_to_string(&mut told).unwrap();
        assert_eq!(told, "question!");
        answer.join().unwrap();
        drop(relay);
        assert!(UnixStream::connect(&door).is_err(), "nobody listens any more");
    }
}
