//! A client of one server: requests, answers, and connections that it keeps. Start at [`Client::connect`].

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::address::Host;
use crate::answer::Answer;
use crate::error::{ClientError, errno};
use crate::link::{Link, Route};
use crate::request::{Body, Request};
use crate::tls::TlsMaterial;
use crate::version::ApiVersion;
use crate::wire::{Framing, Head, Wire};

const CHUNK: usize = 64 * 1024;
/// As much as is told of a refusal.
const MOST_REFUSAL: u64 = 64 * 1024;

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    route: Arc<Route>,
    version: ApiVersion,
    server: String,
    /// A connection over which another request may go.
    kept: RefCell<Option<Wire>>,
}

/// A connection that was a request's and is a stream now.
#[derive(Debug)]
pub struct Hijacked {
    /// The connection.
    pub link: Link,
    /// What came of the stream with the head.
    pub begun: Vec<u8>,
    /// What the server says that it is.
    pub content_type: String,
}

impl Client {
    /// Asks a server which versions it has; none is spoken that is newer than `newest`.
    ///
    /// # Errors
    /// When nobody answers there, it is not this API, or too old.
    pub fn connect(
        host: Host,
        files: Option<&TlsMaterial>,
        newest: ApiVersion,
    ) -> Result<Self, ClientError> {
        let route = Arc::new(Route::new(host, files)?);
        let mut client = Self {
            route,
            version: ApiVersion::OLDEST,
            server: String::new(),
            kept: RefCell::new(None),
        };
        let answer = client.ask(&mut Request::get(&["_ping"]), "")?;
        let version = match answer.header("api-version") {
            // Those before 1.25 do not say.
            None => ApiVersion::OLDEST,
            Some(text) => {
                text.parse().map_err(|_bad| client.foreign("it names no version of the API"))?
            }
        };
        let server = answer.header("server").unwrap_or_default().to_owned();
        answer.bytes()?;
        if version < ApiVersion::OLDEST {
            let host = client.host();
            return Err(ClientError::TooOld { host, version });
        }
        client.version = version.min(newest).min(ApiVersion::NEWEST);
        client.server = server;
        Ok(client)
    }

    /// Another one of the same server, for another thread.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            route: Arc::clone(&self.route),
            version: self.version,
            server: self.server.clone(),
            kept: RefCell::new(None),
        }
    }

    /// Only the way to a server: its socket, nothing asked.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn dial(host: Host, files: Option<&TlsMaterial>) -> Result<Link, ClientError> {
        Route::new(host, files)?.open()
    }

    /// The version that is spoken.
    #[must_use]
    pub const fn version(&self) -> ApiVersion {
        self.version
    }

    /// What the server calls itself, such as `Docker/28.1.1 (linux)`.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where the server is.
    #[must_use]
    pub fn host(&self) -> String {
        self.route.host.to_string()
    }

    /// Sends a request; gives the answer once its head has come.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the server's words, or what happened on the way.
    pub fn send(&self, mut request: Request<'_>) -> Result<Answer<'_>, ClientError> {
        self.ask(&mut request, &format!("/v{}", self.version))
    }

    /// A request whose answer is a document.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn document(&self, request: Request<'_>) -> Result<Value, ClientError> {
        self.send(request)?.document()
    }

    /// A request whose answer says no more than that it is done.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn done(&self, request: Request<'_>) -> Result<(), ClientError> {
        self.send(request)?.bytes().map(drop)
    }

    /// A request whose connection becomes a stream.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn hijack(&self, request: Request<'_>) -> Result<Hijacked, ClientError> {
        let mut request =
            request.header("Connection", "Upgrade".to_owned()).header("Upgrade", "tcp".to_owned());
        let mut wire = Wire::new(self.route.open()?);
        let head = self.exchange(&mut wire, &mut request, &format!("/v{}", self.version));
        let head = match head {
            Ok(head) => head,
            Err(why) => return Err(self.broken("ask", Some(wire), &why)),
        };
        if !matches!(head.status, 101 | 200) {
            return Err(self.refusal(wire, &head, false));
        }
        let content_type = head.header("content-type").unwrap_or_default().to_owned();
        let (link, begun) = wire.into_parts();
        Ok(Hijacked { link, begun, content_type })
    }

    fn ask(&self, request: &mut Request<'_>, prefix: &str) -> Result<Answer<'_>, ClientError> {
        let mut wire = match self.kept() {
            Some(wire) => wire,
            None => Wire::new(self.route.open()?),
        };
        let head = match self.exchange(&mut wire, request, prefix) {
            Ok(head) => head,
            Err(why) => return Err(self.broken("ask", Some(wire), &why)),
        };
        if head.status >= 400 {
            return Err(self.refusal(wire, &head, request.method == "HEAD"));
        }
        let framing = head.framing(request.method == "HEAD").map_err(|why| self.foreign(why))?;
        Ok(Answer::new(self, wire, head, framing))
    }

    /// Sends a request, and reads the head of its answer.
    fn exchange(
        &self,
        wire: &mut Wire,
        request: &mut Request<'_>,
        prefix: &str,
    ) -> Result<Head, String> {
        let name = match &self.route.host {
            Host::Tcp { name, port } if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp { name, port } => format!("{name}:{port}"),
            Host::Unix(_) | Host::Ssh { .. } => "docker".to_owned(),
        };
        let mut head = format!(
            "{} {prefix}{} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: Corten-Client/1 (linux)\r\n",
            request.method,
            request.target()
        );
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let stream = &mut wire.link.stream;
        let sent = match &mut request.body {
            Body::Nothing => {
                if request.method == "POST" {
                    head.push_str("Content-Length: 0\r\n");
                }
                stream.write_all(format!("{head}\r\n").as_bytes())
            }
            Body::Document(text) => {
                let length = text.len();
                let more = "Content-Type: application/json\r\nContent-Length:";
                stream.write_all(format!("{head}{more} {length}\r\n\r\n{text}").as_bytes())
            }
            Body::Stream(archive) => {
                head.push_str(
                    "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n",
                );
                let sent = stream.write_all(head.as_bytes());
                match sent {
                    Ok(()) => pour(*archive, stream)?,
                    failed => failed,
                }
            }
        };
        // A server that refuses may do so before it has heard everything.
        match (wire.head(), sent) {
            (Ok(head), _) => Ok(head),
            (Err(_), Err(error)) => Err(errno(&error)),
            (Err(error), Ok(())) if error.kind() == ErrorKind::UnexpectedEof => {
                Err("the connection ended before an answer".to_owned())
            }
            (Err(error), Ok(())) => Err(errno(&error)),
        }
    }

    /// In the server's words.
    fn refusal(&self, mut wire: Wire, head: &Head, is_head: bool) -> ClientError {
        let mut body = Vec::new();
        if let Ok(mut framing) = head.framing(is_head) {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = wire.body(&mut framing, &mut buffer) {
                body.extend_from_slice(buffer.get(..count).unwrap_or_default());
                if body.len() as u64 > MOST_REFUSAL {
                    break;
                }
            }
            if framing == Framing::Over && wire.is_clean() && !head.closes() {
                self.keep(wire);
            }
        }
        let document: Option<Value> = serde_json::from_slice(&body).ok();
        let message = document.as_ref().and_then(|document| document["message"].as_str());
        let message = match message {
            Some(message) => message.trim().to_owned(),
            None => {
                let text = String::from_utf8_lossy(&body).trim().to_owned();
                let code = format!("it answers {}", head.status);
                let words = if text.is_empty() { code } else { text };
                format!("{}: {words}", self.host())
            }
        };
        ClientError::Refused { status: head.status, message }
    }

    pub(crate) fn keep(&self, wire: Wire) {
        self.kept.replace(Some(wire));
    }

    /// A connection of before, unless the server has ended it meanwhile.
    fn kept(&self) -> Option<Wire> {
        let wire = self.kept.take()?;
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut polled = [PollFd::new(&wire.link, PollFlags::IN)];
        let is_quiet = matches!(poll(&mut polled, Some(&at_once)), Ok(0));
        is_quiet.then_some(wire)
    }

    pub(crate) fn broken(&self, what: &'static str, wire: Option<Wire>, why: &str) -> ClientError {
        let host = self.host();
        let known = wire.and_then(|wire| wire.into_parts().0.into_why());
        match known {
            Some(why) => ClientError::Connect { host, why, hint: None },
            None => ClientError::Broken { what, host, why: why.to_owned() },
        }
    }

    pub(crate) fn foreign(&self, why: &str) -> ClientError {
        ClientError::Foreign { host: self.host(), why: why.to_owned() }
    }
}

/// A body of unknown length, in chunks. What cannot be read ends it without its end, so that the server does not take it for whole.
fn pour(from: &mut dyn Read, to: &mut UnixStream) -> Result<std::io::Result<()>, String> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let _gone = to.shutdown(std::net::Shutdown::Both);
                return Err(format!("read what is to be sent: {}", errno(&error)));
            }
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        let written = to
            .write_all(format!("{count:x}\r\n").as_bytes())
            .and_then(|()| to.write_all(bytes))
            .and_then(|()| to.write_all(b"\r\n"));
        if count == 0 || written.is_err() {
            return Ok(written);
        }
    }
}
