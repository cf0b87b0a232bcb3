//! The same for threads without a runtime of tokio: sessions, and byte streams as [`std::io::Read`] and [`std::io::Write`]. Channels
//! have [`crate::Sender::blocking_send`] and [`crate::Receiver::blocking_recv`].
//!
//! ```
//! use libchan::{Options, blocking};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::default();
//! let listener = blocking::Listener::bind("tcp://127.0.0.1:0", options.clone())?;
//! let address = listener.address().to_string();
//! let server = std::thread::spawn(move || {
//!     let mut numbers = listener.accept().ok()?.accept::<u32>().ok()??;
//!     numbers.blocking_recv().ok()?
//! });
//! let numbers = blocking::connect(&address, &options)?.open()?;
//! numbers.blocking_send(7)?;
//! assert_eq!(server.join().unwrap(), Some(7));
//! # Ok(()) }
//! ```
//!
//! What a session does beside its callers is done by one thread for all sessions of the process, which is started with the first one.
//! Nothing here is to be called by a task of a runtime, which it would hold: where that is seen it panics, as tokio's own does.

use std::io::{Read, Write};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::{Builder, Handle};

use crate::channel::{Receiver, Sender};
use crate::error::Error;
use crate::transport::{Address, ConnectError, Options};

/// What serves all sessions of threads, once there is one.
static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);

fn runtime() -> std::io::Result<Handle> {
    let mut started = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*started {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(std::future::pending::<()>());
    std::thread::Builder::new().name("libchan".to_owned()).spawn(serve)?;
    *started = Some(handle.clone());
    Ok(handle)
}

/// Waits for a future on a thread of its own, with the runtime that it needs, if any.
pub(crate) fn wait<T>(runtime: Option<&Handle>, future: impl Future<Output = T>) -> T {
    if let Some(runtime) = runtime {
        return runtime.block_on(future);
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unparks(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

/// Wakes a thread that waits.
struct Unparks(std::thread::Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn started(address: &str) -> Result<Handle, ConnectError> {
    let address = address.to_owned();
    runtime().map_err(|cause| ConnectError::Io { action: "start a thread for", address, cause })
}

/// Connects, as [`crate::connect`].
///
/// # Errors
/// The same, and that no thread can be started.
pub fn connect(url: &str, options: &Options) -> Result<Session, ConnectError> {
    let runtime = started(url)?;
    let session = runtime.block_on(crate::connect(url, options))?;
    Ok(Session { session, runtime })
}

/// Listens, as [`crate::Listener`].
#[derive(Debug)]
pub struct Listener {
    listener: crate::Listener,
    runtime: Handle,
}

impl Listener {
    /// Listens at an address.
    ///
    /// # Errors
    /// As [`crate::Listener::bind`], and that no thread can be started.
    pub fn bind(url: &str, options: Options) -> Result<Self, ConnectError> {
        let runtime = started(url)?;
        let listener = runtime.block_on(crate::Listener::bind(url, options))?;
        Ok(Self { listener, runtime })
    }

    /// Where it listens: with the port that the system chose where none was given.
    #[must_use]
    pub fn address(&self) -> Address {
        self.listener.address()
    }

    /// The next session: returns when a peer has connected and said what the transport wants first.
    ///
    /// # Errors
    /// As [`crate::Listener::accept`] and [`crate::Accepted::session`]: where one peer fails the next may be accepted.
    pub fn accept(&self) -> Result<Session, ConnectError> {
        let session =
            self.runtime.block_on(async { self.listener.accept().await?.session().await });
        Ok(Session { session: session?, runtime: self.runtime.clone() })
    }
}

/// A connection with a peer, as [`crate::Session`].
#[derive(Clone, Debug)]
pub struct Session {
    session: crate::Session,
    runtime: Handle,
}

impl Session {
    /// Opens a channel, as [`crate::Session::open`].
    ///
    /// # Errors
    /// The same.
    pub fn open<T: Serialize + Send + 'static>(&self) -> Result<Sender<T>, Error> {
        self.session.open()
    }

    /// The next channel that the peer has opened; nothing once none can come any more.
    ///
    /// # Errors
    /// As [`crate::Session::accept`].
    pub fn accept<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> Result<Option<Receiver<T>>, Error> {
        self.runtime.block_on(self.session.accept())
    }

    /// The same session for tasks.
    #[must_use]
    pub const fn session(&self) -> &crate::Session {
        &self.session
    }

    /// Opens and accepts no more channels, as [`crate::Session::close`].
    pub fn close(&self) {
        self.session.close();
    }
}

/// A byte stream that a thread reads and writes.
///
/// ```
/// use std::io::{Read, Write};
/// use libchan::{ByteStream, blocking::Blocking};
///
/// let (near, far) = ByteStream::pair();
/// let (mut near, mut far) = (Blocking::new(near), Blocking::new(far));
/// near.write_all(b"bytes")?;
/// near.finish()?;
/// let mut text = String::new();
/// far.read_to_string(&mut text)?;
/// assert_eq!(text, "bytes");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Blocking<T> {
    stream: T,
    runtime: Option<Handle>,
}

impl<T> Blocking<T> {
    /// For a [`crate::ByteStream`], or whatever else is read or written by tasks.
    #[must_use]
    pub fn new(stream: T) -> Self {
        let runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { stream, runtime }
    }

    /// The stream itself, to be sent on.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.stream
    }
}

impl<T: AsyncWrite + Unpin> Blocking<T> {
    /// Ends what is written; what comes is still read.
    ///
    /// # Errors
    /// The stream is broken.
    pub fn finish(&mut self) -> std::io::Result<()> {
        wait(self.runtime.as_ref(), self.stream.shutdown())
    }
}

impl<T: AsyncRead + Unpin> Read for Blocking<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        wait(self.runtime.as_ref(), self.stream.read(buffer))
    }
}

impl<T: AsyncWrite + Unpin> Write for Blocking<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        wait(self.runtime.as_ref(), self.stream.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        wait(self.runtime.as_ref(), self.stream.flush())
    }
}
