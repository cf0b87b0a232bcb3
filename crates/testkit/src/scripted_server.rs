//! A server that says whatever a test wants: any status, field and body, cut short, held back or never ended.
//!
//! ```no_run
//! use testkit::{Response, ScriptedServer};
//!
//! let server = ScriptedServer::start(|request| match request.target.as_str() {
//!     "/v2/" => Response::new(200),
//!     _ => Response::new(200).body("0123456789").cut_after(4),
//! });
//! // … ask `server.host()` …
//! assert_eq!(server.requests()[0].header("authorization"), None);
//! ```
//! Never talks anything but HTTP/1.1; to a TLS greeting on a plain port it hangs up at once, like most servers. A closure may block,
//! on a channel for example: its connection waits, others are served. Start at [`ScriptedServer::start`].

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Certificates;

/// First byte of a TLS greeting (RFC 8446 section 5.1); no method of HTTP begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// In order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// As far as it came.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// After how many bytes of the body something else happens.
    turn: Option<(usize, Turn)>,
}

#[derive(Clone, Debug)]
enum Turn {
    Cut,
    Hold(Arc<Gate>),
}

/// Holds an answer back until a test opens it.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

/// A server on 127.0.0.1, ended when dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

type Script = dyn Fn(&Request) -> Response + Send + Sync;

struct Shared {
    script: Box<Script>,
    tls: Option<Arc<rustls::ServerConfig>>,
    requests: Mutex<Vec<Request>>,
    /// Connections and what they wait for, so that dropping the server ends them.
    open: Mutex<Open>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Open {
    streams: Vec<TcpStream>,
    gates: Vec<Arc<Gate>>,
    threads: Vec<JoinHandle<()>>,
}

impl Request {
    /// A field's value; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), turn: None }
    }

    /// Adds a field. `Content-Length` is added by itself where neither it nor `Transfer-Encoding` is given.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes the fields of a name to one value.
    #[must_use]
    pub fn replace_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.header(name, value)
    }

    /// Bytes of the body.
    #[must_use]
    pub fn length(&self) -> usize {
        self.body.len()
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Closes the connection after so many bytes of the body.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.turn = Some((bytes, Turn::Cut));
        self
    }

    /// Sends nothing more after so many bytes of the body, until the server is dropped.
    #[must_use]
    pub fn stall_after(self, bytes: usize) -> Self {
        self.hold_after(bytes, &Arc::new(Gate::default()))
    }

    /// Sends the rest of the body only when the gate opens.
    #[must_use]
    pub fn hold_after(mut self, bytes: usize, gate: &Arc<Gate>) -> Self {
        self.turn = Some((bytes, Turn::Hold(Arc::clone(gate))));
        self
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.has("content-length") && !self.has("transfer-encoding") && self.status != 204 {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl Gate {
    /// Lets what is held go on, now and in future.
    pub fn open(&self) {
        *lock(&self.is_open) = true;
        self.opened.notify_all();
    }

    /// Waits until it is open.
    pub fn wait(&self) {
        let is_open = lock(&self.is_open);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }
}

impl ScriptedServer {
    /// A server without TLS.
    #[must_use]
    pub fn start(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::run(Box::new(script), None)
    }

    /// A server with TLS and the server's certificate.
    ///
    /// # Panics
    /// When the certificate cannot be used.
    #[must_use]
    pub fn start_tls(
        certificates: &Certificates,
        script: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        Self::run(Box::new(script), Some(Arc::new(tls_config(certificates))))
    }

    fn run(script: Box<Script>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        crate::host::enter();
        let listener = match TcpListener::bind("127.0.0.1:0") {
            Ok(listener) => listener,
            Err(error) => panic!("listen on 127.0.0.1: {error}"),
        };
        let address = match listener.local_addr() {
            Ok(address) => address,
            Err(error) => panic!("ask for the port: {error}"),
        };
        let (requests, open, stopping) =
            (Mutex::default(), Mutex::default(), AtomicBool::default());
        let shared = Arc::new(Shared { script, tls, requests, open, stopping });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// `127.0.0.1:PORT`, as it stands in a reference.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Method and target of every request so far: `GET /v2/`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let requests = lock(&self.shared.requests);
        requests.iter().map(|one| format!("{} {}", one.method, one.target)).collect()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; where this fails it is awake already.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let mut open = std::mem::take(&mut *lock(&self.shared.open));
        open.gates.iter().for_each(|gate| gate.open());
        for stream in &open.streams {
            // A connection that is closed already needs no end.
            let _ = stream.shutdown(Shutdown::Both);
        }
        for thread in open.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(handle) = stream.try_clone() else { continue };
        let serving = Arc::clone(shared);
        // A connection that breaks is the client's wish or the script's.
        let thread = std::thread::spawn(move || {
            let _ = serve(&stream, &serving);
        });
        let mut open = lock(&shared.open);
        open.streams.push(handle);
        open.threads.push(thread);
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let served = match &shared.tls {
        None => {
            let mut first = [0];
            if stream.peek(&mut first)? == 0 || first[0] == TLS_HANDSHAKE {
                return stream.shutdown(Shutdown::Both);
            }
            talk(stream.try_clone()?, shared)
        }
        Some(config) => {
            let connection =
                rustls::ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
            talk(rustls::StreamOwned::new(connection, stream.try_clone()?), shared)
        }
    };
    // The list of open connections holds the socket, too; the client shall see the end.
    let _ = stream.shutdown(Shutdown::Both);
    served
}

/// Serves requests on one connection until one of the two sides ends it.
fn talk(stream: impl Read + Write, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream)? {
        let response = (shared.script)(&request);
        let is_head = request.method == "HEAD";
        lock(&shared.requests).push(request);
        let output = stream.get_mut();
        output.write_all(&response.head())?;
        output.flush()?;
        let body: &[u8] = if is_head { &[] } else { &response.body };
        let (now, later) = match &response.turn {
            Some((bytes, _)) => body.split_at(body.len().min(*bytes)),
            None => (body, &[][..]),
        };
        output.write_all(now)?;
        output.flush()?;
        match &response.turn {
            Some((_, Turn::Cut)) => return Ok(()),
            Some((_, Turn::Hold(gate))) => {
                lock(&shared.open).gates.push(Arc::clone(gate));
                if !shared.stopping.load(Ordering::SeqCst) {
                    gate.wait();
                }
            }
            None => {}
        }
        output.write_all(later)?;
        output.flush()?;
    }
    Ok(())
}

fn read_request(stream: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    stream.take(length.unwrap_or(0)).read_to_end(&mut request.body)?;
    Ok(Some(request))
}

fn tls_config(certificates: &Certificates) -> rustls::ServerConfig {
    let (certificate, key) = certificates.server();
    let chain = match CertificateDer::from_pem_file(&certificate) {
        Ok(certificate) => vec![certificate],
        Err(error) => panic!("read {}: {error}", certificate.display()),
    };
    let key = match PrivateKeyDer::from_pem_file(&key) {
        Ok(key) => key,
        Err(error) => panic!("read {}: {error}", key.display()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    match config {
        Ok(config) => config,
        Err(error) => panic!("set up TLS: {error}"),
    }
}
