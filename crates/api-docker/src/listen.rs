//! Sockets to answer on: made here, or by who started the server.
//!
//! A socket file takes its place in one step, with its group and mode: nobody finds it half made, and a file that a killed server has left is
//! replaced. Start at [`Listener::open`].

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use crate::policy::Policy;
use crate::tls::{self, TlsFiles};

/// Where a server answers, and what it answers there.
#[derive(Debug)]
pub struct Endpoint {
    /// The socket.
    pub place: Place,
    /// What may be asked for; nothing is everything.
    pub policy: Option<Policy>,
}

/// A socket.
#[derive(Debug)]
pub enum Place {
    /// A file.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its group; nothing is that of this process.
        group: Option<u32>,
        /// Its permissions.
        mode: u32,
    },
    /// An address, with certificates on both sides.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The certificates.
        tls: TlsFiles,
    },
    /// A Unix socket that listens already: systemd's socket activation, sd_listen_fds(3).
    Inherited(OwnedFd),
}

/// Why a server cannot answer somewhere.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else does.
    #[error("listen on {}: another server answers there", .0.display())]
    Taken(PathBuf),
    /// Something else has the name.
    #[error("listen on {}: it is there and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// The kernel refuses.
    #[error("listen on {place}")]
    Listen {
        /// Path or address.
        place: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
}

/// A socket that listens.
pub(crate) struct Listener {
    pub(crate) socket: Socket,
    pub(crate) policy: Option<Arc<Policy>>,
    /// What it is called in logs.
    pub(crate) name: String,
    /// The file to take away at the end.
    pub(crate) file: Option<SocketFile>,
}

/// What connections come from.
pub(crate) enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener, TlsAcceptor),
}

/// A socket's file, by its identity.
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have the place by now.
        if identity(&self.path).is_some_and(|found| found == self.identity) {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// Listens; in the context of the runtime that will accept.
    ///
    /// # Errors
    /// [`ListenError`].
    pub(crate) fn open(endpoint: Endpoint) -> Result<Self, ListenError> {
        let policy = endpoint.policy.map(Arc::new);
        let (socket, name, file) = match endpoint.place {
            Place::Unix { path, group, mode } => {
                let name = path.display().to_string();
                let (socket, file) = unix(path, group, mode)?;
                (Socket::Unix(tokio_unix(socket, &name)?), format!("unix://{name}"), Some(file))
            }
            Place::Inherited(socket) => {
                let name = "fd://".to_owned();
                (Socket::Unix(tokio_unix(StdUnixListener::from(socket), &name)?), name, None)
            }
            Place::Tcp { address, tls } => {
                let acceptor = tls::acceptor(&tls)?;
                let name = format!("tcp://{address}");
                let failed = |cause| ListenError::Listen { place: name.clone(), cause };
                let socket = std::net::TcpListener::bind(address).map_err(failed)?;
                socket.set_nonblocking(true).map_err(failed)?;
                let socket = TcpListener::from_std(socket).map_err(failed)?;
                (Socket::Tcp(socket, acceptor), name, None)
            }
        };
        Ok(Self { socket, policy, name, file })
    }
}

fn tokio_unix(socket: StdUnixListener, name: &str) -> Result<UnixListener, ListenError> {
    let failed = |cause| ListenError::Listen { place: name.to_owned(), cause };
    socket.set_nonblocking(true).map_err(failed)?;
    UnixListener::from_std(socket).map_err(failed)
}

fn unix(
    path: PathBuf,
    group: Option<u32>,
    mode: u32,
) -> Result<(StdUnixListener, SocketFile), ListenError> {
    let failed = |cause| ListenError::Listen { place: path.display().to_string(), cause };
    make_room(&path)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    // Beside its place, where nobody looks, until it is as it should be.
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let _left_by_a_killed_one = fs::remove_file(&beside);
    let made = (|| {
        let socket = StdUnixListener::bind(&beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
        if let Some(group) = group {
            std::os::unix::fs::chown(&beside, None, Some(group))?;
        }
        fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
        let identity = identity(&beside).ok_or(io::ErrorKind::NotFound)?;
        fs::rename(&beside, &path)?;
        Ok((socket, identity))
    })();
    match made {
        Ok((socket, identity)) => Ok((socket, SocketFile { path, identity })),
        Err(cause) => {
            let _absent = fs::remove_file(&beside);
            Err(failed(cause))
        }
    }
}

/// Looks whether the place is free: nothing is there, or what a killed server has left.
fn make_room(path: &Path) -> Result<(), ListenError> {
    let Ok(about) = fs::symlink_metadata(path) else { return Ok(()) };
    if !about.file_type().is_socket() {
        return Err(ListenError::NoSocket(path.to_owned()));
    }
    match StdUnixStream::connect(path) {
        Ok(_answered) => Err(ListenError::Taken(path.to_owned())),
        Err(_nobody) => Ok(()),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()))
}
