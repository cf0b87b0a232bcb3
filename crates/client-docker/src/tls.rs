//! TLS with certificates of both sides. A thread stands between the connection and one end of a pair of sockets whose other end is ours,
//! so that whoever uses it waits for a socket, and closes half of one. Start at [`Tls::connect`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::error::{ClientError, errno};

/// No machine takes longer to answer a knock.
const PATIENCE: Duration = Duration::from_secs(30);
/// What waits for our side at most.
const WAITING: usize = 256 * 1024;

/// Who the server is to be, and who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsMaterial {
    /// The authority of the server's certificate.
    pub authority: Pem,
    /// Our certificate.
    pub certificate: Pem,
    /// Its key.
    pub key: Pem,
}

/// What a file in PEM form holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// Where it is from, for errors.
    pub from: PathBuf,
    /// Its text.
    pub text: Vec<u8>,
}

impl std::fmt::Debug for Pem {
    /// Never shows a key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Pem({})", self.from.display())
    }
}

/// What connections to one server are made with.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    pub(crate) fn new(host: &str, files: &TlsMaterial) -> Result<Self, ClientError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.authority)? {
            roots.add(certificate).map_err(|error| wrong(&files.authority.from, &error))?;
        }
        let key = PrivateKeyDer::from_pem_slice(&files.key.text);
        let key = key.map_err(|error| wrong(&files.key.from, &error))?;
        let unusable = |error: rustls::Error| wrong(&files.certificate.from, &error);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&files.certificate)?, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(host.to_owned()).map_err(|error| ClientError::Connect {
            host: host.to_owned(),
            why: error.to_string(),
            hint: None,
        })?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// A connection, once both sides have shown who they are; and the thread that ends with it.
    pub(crate) fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> Result<(UnixStream, JoinHandle<Option<String>>), String> {
        let mut tcp = knock(host, port).map_err(|error| errno(&error))?;
        let fault = |error: rustls::Error| error.to_string();
        let mut tls =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(fault)?;
        tls.complete_io(&mut tcp).map_err(|error| errno(&error))?;
        let ready = || -> io::Result<_> {
            tcp.set_read_timeout(None)?;
            tcp.set_nonblocking(true)?;
            let (ours, theirs) = UnixStream::pair()?;
            theirs.set_nonblocking(true)?;
            Ok((ours, theirs))
        };
        let (ours, theirs) = ready().map_err(|error| errno(&error))?;
        let between = Between { tls, tcp, local: theirs, waiting: Vec::new(), closed: false };
        Ok((ours, std::thread::spawn(move || between.run())))
    }
}

fn knock(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(PATIENCE))?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What the thread has.
struct Between {
    tls: ClientConnection,
    tcp: TcpStream,
    local: UnixStream,
    /// What came from the server and our side has not taken.
    waiting: Vec<u8>,
    /// Whether our side sends no more.
    closed: bool,
}

/// Whether there is more to do.
type Goes = Result<bool, String>;

impl Between {
    /// Until either side is gone; tells why, where that is not in order.
    fn run(mut self) -> Option<String> {
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => {
                    let _gone = self.local.shutdown(Shutdown::Both);
                    return None;
                }
                Err(why) => return Some(why),
            }
        }
    }

    fn step(&mut self) -> Goes {
        let wanted = |on: bool, flag: PollFlags| if on { flag } else { PollFlags::empty() };
        let sends = self.tls.wants_write();
        let local = wanted(!self.closed && !sends, PollFlags::IN)
            | wanted(!self.waiting.is_empty(), PollFlags::OUT);
        let tcp =
            wanted(self.waiting.len() < WAITING, PollFlags::IN) | wanted(sends, PollFlags::OUT);
        let mut polled = [PollFd::new(&self.local, local), PollFd::new(&self.tcp, tcp)];
        let _interrupted = poll(&mut polled, None);
        let [local, tcp] = polled.map(|polled| polled.revents());
        if local.contains(PollFlags::HUP) && (self.closed || sends) {
            // Nobody is there any more who would hear or say something.
            self.tls.send_close_notify();
            let _gone = self.tls.write_tls(&mut self.tcp);
            return Ok(false);
        }
        if local.intersects(PollFlags::IN | PollFlags::HUP) && !self.closed && !sends {
            self.take()?;
        }
        if !self.waiting.is_empty() && !self.give() {
            return Ok(false);
        }
        if tcp.contains(PollFlags::OUT) {
            match self.tls.write_tls(&mut self.tcp) {
                Err(error) if !is_later(&error) => return Err(errno(&error)),
                _ => {}
            }
        }
        if tcp.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            return self.hear();
        }
        Ok(true)
    }

    /// From our side to the server.
    fn take(&mut self) -> Result<(), String> {
        let mut buffer = [0; 16 * 1024];
        match self.local.read(&mut buffer) {
            Ok(0) => {
                self.closed = true;
                self.tls.send_close_notify();
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                self.tls.writer().write_all(bytes).map_err(|error| errno(&error))?;
            }
            Err(error) if is_later(&error) => {}
            Err(_gone) => self.closed = true,
        }
        Ok(())
    }

    /// To our side what waits for it; whether it is still there.
    fn give(&mut self) -> bool {
        match self.local.write(&self.waiting) {
            Ok(count) => drop(self.waiting.drain(..count)),
            Err(error) if is_later(&error) => {}
            Err(_gone) => return false,
        }
        true
    }

    /// From the server.
    fn hear(&mut self) -> Goes {
        let count = match self.tls.read_tls(&mut self.tcp) {
            Err(error) if is_later(&error) => return Ok(true),
            count => count.map_err(|error| errno(&error))?,
        };
        let state = self.tls.process_new_packets().map_err(|error| error.to_string())?;
        let more = state.plaintext_bytes_to_read();
        let mut plain = vec![0; more];
        if more > 0 && self.tls.reader().read_exact(&mut plain).is_ok() {
            self.waiting.append(&mut plain);
        }
        if count > 0 && !state.peer_has_closed() {
            return Ok(true);
        }
        // The last of it is given before our side hears of the end.
        let written =
            self.local.set_nonblocking(false).and_then(|()| self.local.write_all(&self.waiting));
        let _gone = written;
        Ok(false)
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read = || -> Result<Vec<_>, rustls::pki_types::pem::Error> {
        CertificateDer::pem_slice_iter(&pem.text).collect()
    };
    let found = read().map_err(|error| wrong(&pem.from, &error))?;
    if found.is_empty() {
        return Err(wrong(&pem.from, &"it has no certificate"));
    }
    Ok(found)
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Certificate { path: path.to_owned(), why: error.to_string() }
}
