//! `serve`: the Docker Engine API on a socket.

use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;

/// Where it listens where nobody says otherwise.
const SOCKET: &str = "/run/corten/docker.sock";

pub(super) fn serve(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let path = Path::new(matches.text("socket").unwrap_or(SOCKET));
    let listener = UnixListener::bind(path).map_err(Failure::file("listen on", path.display()))?;
    api_docker::serve(session.engine_config()?, listener)
        .map_err(Failure::file("listen on", path.display()))?;
    Ok(0)
}
