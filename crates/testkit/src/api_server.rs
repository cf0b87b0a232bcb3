//! `corten serve`, and requests to it as bytes on its socket: what is sent is what a test wrote.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::{Corten, wait_until};

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of a store. It ends with this.
#[derive(Debug)]
pub struct ApiServer {
    child: Child,
    socket: ApiSocket,
}

/// A socket of a server.
#[derive(Clone, Debug)]
pub struct ApiSocket {
    path: PathBuf,
}

/// An answer, its body whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// Its code.
    pub status: u16,
    /// Its head, from the status line on, in small letters.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl ApiServer {
    /// Starts one, and returns once it answers.
    ///
    /// # Panics
    /// When it cannot be started, or does not answer.
    #[must_use]
    pub fn start(corten: &Corten) -> Self {
        Self::start_by(corten, corten.command())
    }

    /// The same by a command with an environment of its own.
    ///
    /// # Panics
    /// As [`ApiServer::start`].
    #[must_use]
    pub fn start_by(corten: &Corten, command: std::process::Command) -> Self {
        Self::start_with(corten, command, &[])
    }

    /// The same with more flags of `serve`.
    ///
    /// # Panics
    /// As [`ApiServer::start`].
    #[must_use]
    pub fn start_with(corten: &Corten, mut command: std::process::Command, flags: &[&str]) -> Self {
        let socket = corten.directory().join("api.sock");
        let address = format!("unix://{}", socket.display());
        let child = match command.args(["serve", "--listen", &address]).args(flags).spawn() {
            Ok(child) => child,
            Err(error) => panic!("start corten serve: {error}"),
        };
        wait_until("the server listens", || UnixStream::connect(&socket).is_ok());
        Self { child, socket: ApiSocket { path: socket } }
    }

    /// The same server by another one of its sockets: it ends with the one that was started.
    #[must_use]
    pub const fn at(&self, path: PathBuf) -> ApiSocket {
        ApiSocket { path }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself; gives its exit code.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> Option<i32> {
        match self.child.wait() {
            Ok(status) => status.code(),
            Err(error) => panic!("wait for the server: {error}"),
        }
    }
}

impl std::ops::Deref for ApiServer {
    type Target = ApiSocket;

    fn deref(&self) -> &ApiSocket {
        &self.socket
    }
}

impl ApiSocket {
    /// The one at a path.
    #[must_use]
    pub fn at(path: &std::path::Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Sends a request that takes its connection over, and gives the connection with the head of the answer; what comes behind it is not read.
    ///
    /// # Panics
    /// When the server sends no answer.
    #[must_use]
    pub fn hijack(&self, path: &str, body: &str, headers: &str) -> (UnixStream, String) {
        let mut stream = self.connect();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        let sent = stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.write_all(request.as_bytes()));
        let mut head = Vec::new();
        let mut byte = [0];
        while sent.is_ok() && !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.extend(byte),
                _ => panic!("POST {path}: no answer, but {:?}", String::from_utf8_lossy(&head)),
            }
        }
        (stream, String::from_utf8_lossy(&head).into_owned())
    }

    /// A connection.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn connect(&self) -> UnixStream {
        match UnixStream::connect(&self.path) {
            Ok(stream) => stream,
            Err(error) => panic!("connect to {}: {error}", self.path.display()),
        }
    }

    /// Sends a request, and reads the answer to its end.
    ///
    /// # Panics
    /// When the server sends no answer.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> ApiAnswer {
        self.send_with(method, path, "", body)
    }

    /// The same with header lines more, each with its end.
    ///
    /// # Panics
    /// As [`ApiServer::send`].
    #[must_use]
    pub fn send_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> ApiAnswer {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut bytes = Vec::new();
        let read = stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.write_all(head.as_bytes()))
            .and_then(|()| stream.write_all(body))
            .and_then(|()| stream.read_to_end(&mut bytes));
        match read.ok().and_then(|_count| ApiAnswer::parse(&bytes)) {
            Some(answer) => answer,
            None => panic!("{method} {path}: no answer, but {:?}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> ApiAnswer {
        self.send("GET", path, b"")
    }

    /// `POST` with a document.
    #[must_use]
    pub fn post(&self, path: &str, document: &Value) -> ApiAnswer {
        self.send("POST", path, document.to_string().as_bytes())
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(&self, path: &str) -> ApiAnswer {
        self.send("DELETE", path, b"")
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // One that has ended already is as well.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl ApiAnswer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?.to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = bytes.get(end + 4..)?;
        let body = if head.contains("\r\ntransfer-encoding: chunked") {
            whole(body)?
        } else {
            body.to_vec()
        };
        Some(Self { status, head, body })
    }

    /// Its document; nothing where the body is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Its document, of an answer with that code.
    ///
    /// # Panics
    /// When it has another one.
    #[must_use]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// What is wrong, of an answer with that code.
    ///
    /// # Panics
    /// When it has another one.
    #[must_use]
    pub fn refusal(&self, status: u16) -> String {
        self.expect(status)["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// A body out of its chunks. RFC 9112, 7.1.
fn whole(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let from = end + 2;
        body.extend_from_slice(rest.get(from..from + size)?);
        rest = rest.get(from + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_a_body() {
        let answer = ApiAnswer::parse(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n\n\r\n0\r\n\r\n",
        );
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}\n"[..]));
        assert_eq!(whole(b"5\r\nab"), None);
    }
}
