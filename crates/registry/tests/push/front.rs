//! Stands in front of a real registry: passes requests on, writes them down, and spoils those that a test wants spoiled.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use testkit::{Request, Response, ScriptedServer};

/// Answers a request in the registry's place, or lets it through.
type Spoil = dyn Fn(&Request, &str) -> Option<Response> + Send + Sync;

pub(crate) struct Front {
    server: ScriptedServer,
    behind: Arc<Mutex<String>>,
    /// Method, target and length of each request, from before it is answered: what a client that is killed has sent counts, too.
    seen: Arc<Mutex<Vec<(String, String, usize)>>>,
}

impl Front {
    /// Passes everything on to the registry at `host`.
    pub(crate) fn of(host: &str) -> Self {
        Self::spoiling(host, |_, _| None)
    }

    /// `spoil` sees each request and the registry's address first.
    pub(crate) fn spoiling(
        host: &str,
        spoil: impl Fn(&Request, &str) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let spoil: Box<Spoil> = Box::new(spoil);
        let behind = Arc::new(Mutex::new(host.to_owned()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = ScriptedServer::start({
            let (behind, seen) = (Arc::clone(&behind), Arc::clone(&seen));
            move |request| {
                let Request { method, target, body, .. } = request;
                let entry = (method.clone(), target.clone(), body.len());
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                let host = behind.lock().unwrap_or_else(PoisonError::into_inner).clone();
                spoil(request, &host).unwrap_or_else(|| pass(&host, request))
            }
        });
        Self { server, behind, seen }
    }

    pub(crate) fn host(&self) -> String {
        self.server.host()
    }

    /// From now on another registry stands behind it.
    pub(crate) fn turn_to(&self, host: &str) {
        host.clone_into(&mut self.behind.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Methods of the requests so far, without the greeting.
    pub(crate) fn methods(&self) -> Vec<String> {
        let of = |(method, target, _)| (target != "/v2/").then_some(method);
        self.seen().into_iter().filter_map(of).collect()
    }

    /// Bytes of blobs that were sent, by request.
    pub(crate) fn bodies(&self) -> Vec<usize> {
        let of = |(_, target, length): (_, String, _)| {
            target.contains("/blobs/uploads/").then_some(length)
        };
        self.seen().into_iter().filter_map(of).collect()
    }

    fn seen(&self) -> Vec<(String, String, usize)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, together.
    pub(crate) fn sent(&self) -> usize {
        self.bodies().iter().sum()
    }
}

/// One request to the registry: HTTP/1.0, which ends its answers by closing the connection.
pub(crate) fn pass(host: &str, request: &Request) -> Response {
    let mut stream = TcpStream::connect(host).unwrap();
    let mut head = format!("{} {} HTTP/1.0\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        if name != "connection" {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A registry that is killed meanwhile takes no more; the answer tells.
    let _ = stream.write_all(&request.body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Response::new(502);
    };
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut response = Response::new(status);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if !name.eq_ignore_ascii_case("connection") {
            response = response.header(name, value);
        }
    }
    response.body(&answer[end + 4..])
}
