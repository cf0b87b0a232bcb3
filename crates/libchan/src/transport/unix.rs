//! Unix sockets: bytes as they are.

use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::{ConnectError, io};

pub(super) async fn connect(path: &Path) -> Result<UnixStream, ConnectError> {
    UnixStream::connect(path).await.map_err(io("connect to", path.display()))
}

/// Listens at a path, which goes when this is dropped.
#[derive(Debug)]
pub struct UnixListener {
    listener: tokio::net::UnixListener,
    path: PathBuf,
}

impl UnixListener {
    pub(super) fn bind(path: &Path) -> Result<Self, ConnectError> {
        let listener =
            tokio::net::UnixListener::bind(path).map_err(io("listen at", path.display()))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    pub(super) async fn accept(&self) -> Result<UnixStream, ConnectError> {
        let accepted = self.listener.accept().await;
        accepted.map(|(stream, _)| stream).map_err(io("accept at", self.path.display()))
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        // Somebody may have taken it away already.
        let _gone = std::fs::remove_file(&self.path);
    }
}
