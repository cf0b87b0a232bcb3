//! `system dial-stdio`: standard input and output to the server's socket and back, for clients that come over SSH.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use client_docker::Client;

use super::serve::SOCKET;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::host::Chosen;
use crate::program::Session;
use crate::request::wrong;

pub(super) fn dial_stdio(_session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    let host = crate::config::lookup("DOCKER_HOST").filter(|host| !host.is_empty());
    let address = host.as_deref().unwrap_or(SOCKET);
    let path = address
        .strip_prefix("unix://")
        .ok_or_else(|| wrong("DOCKER_HOST", address, "it is no unix:///PATH"))?;
    let failed = |cause| Failure::file("connect to", path)(cause);
    let stream = UnixStream::connect(path).map_err(failed)?;
    relay(&stream, path)
}

/// The same with the server that is chosen.
pub(super) fn dial(chosen: &Chosen) -> Result<i32, Failure> {
    let link = Client::dial(chosen.host.clone(), chosen.tls.as_ref())?;
    relay(link.stream(), &chosen.shown())
}

fn relay(stream: &UnixStream, name: &str) -> Result<i32, Failure> {
    let mut inwards = stream.try_clone().map_err(Failure::file("connect to", name))?;
    // It ends with this program: the server may close first.
    std::thread::spawn(move || {
        let _gone = pass(&mut io::stdin().lock(), &mut inwards);
        inwards.shutdown(Shutdown::Write)
    });
    pass(&mut &*stream, &mut io::stdout().lock()).map_err(Failure::file("pass on", name))?;
    Ok(0)
}

/// Everything at once, as it comes: what one side says the other one waits for.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(buffer.get(..count).unwrap_or_default())?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
