//! The way to a server: one socket of this machine, whatever is behind it. Start at [`Route::open`].

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;

use rustix::process::{Signal, pidfd_send_signal};

use crate::address::Host;
use crate::error::{ClientError, errno};
use crate::tls::Tls;
use crate::{ssh, tls};

/// A connection.
#[derive(Debug)]
pub struct Link {
    pub(crate) stream: UnixStream,
    /// What stands between it and the server; it ends with the stream, and then knows what went wrong.
    between: Option<JoinHandle<Option<String>>>,
    /// The process that it is led by, which ends with it: it would wait for the server's next word.
    process: Option<OwnedFd>,
}

/// How connections to a server are made.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) host: Host,
    tls: Option<Tls>,
}

impl Route {
    pub(crate) fn new(host: Host, files: Option<&tls::TlsMaterial>) -> Result<Self, ClientError> {
        let tls = match (&host, files) {
            (Host::Tcp { name, .. }, Some(files)) => Some(Tls::new(name, files)?),
            (Host::Tcp { .. }, None) => {
                return Err(ClientError::Connect {
                    host: host.to_string(),
                    why: "over TCP nobody is asked without certificates of both sides".to_owned(),
                    hint: Some(
                        "give --tlscacert, --tlscert and --tlskey, or make a context with ca, cert and key"
                            .to_owned(),
                    ),
                });
            }
            (Host::Unix(_) | Host::Ssh { .. }, _) => None,
        };
        Ok(Self { host, tls })
    }

    /// A new connection.
    pub(crate) fn open(&self) -> Result<Link, ClientError> {
        match (&self.host, &self.tls) {
            (Host::Unix(path), _) => {
                let stream = UnixStream::connect(path);
                let stream = stream.map_err(|cause| self.not_there(path, &cause))?;
                Ok(Link { stream, between: None, process: None })
            }
            (Host::Ssh { target, port, socket }, _) => {
                let started = ssh::start(target, *port, socket.as_deref());
                let started = started.map_err(|cause| self.failed(&errno(&cause)))?;
                let (stream, between, process) = started;
                Ok(Link { stream, between: Some(between), process: Some(process) })
            }
            (Host::Tcp { name, port }, Some(tls)) => {
                let (stream, between) =
                    tls.connect(name, *port).map_err(|why| self.failed(&why))?;
                Ok(Link { stream, between: Some(between), process: None })
            }
            (Host::Tcp { .. }, None) => Err(self.failed("it has no certificates")),
        }
    }

    fn failed(&self, why: &str) -> ClientError {
        ClientError::Connect { host: self.host.to_string(), why: why.to_owned(), hint: None }
    }

    fn not_there(&self, path: &Path, cause: &io::Error) -> ClientError {
        let is = |kind| cause.kind() == kind;
        let path = path.display();
        let hint = if is(io::ErrorKind::NotFound) || is(io::ErrorKind::ConnectionRefused) {
            Some(format!("no server listens on {path}: start corten serve, or dockerd"))
        } else if is(io::ErrorKind::PermissionDenied) {
            Some(format!("the owner and the group of {path} may open it"))
        } else {
            None
        };
        ClientError::Connect { host: self.host.to_string(), why: errno(cause), hint }
    }
}

impl Link {
    /// Why the connection ended, where what stands between knows; it ends by this.
    pub(crate) fn into_why(mut self) -> Option<String> {
        let _ended = self.stream.shutdown(Shutdown::Both);
        self.between.take()?.join().ok().flatten()
    }

    #[cfg(test)]
    pub(crate) const fn over(stream: UnixStream) -> Self {
        Self { stream, between: None, process: None }
    }

    /// The socket.
    #[must_use]
    pub const fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            let _gone = pidfd_send_signal(process, Signal::TERM);
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
