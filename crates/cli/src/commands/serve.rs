//! `serve`: the Docker Engine API on sockets.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use api_docker::{Endpoint, Log, Place, Policy, ServeConfig, TlsFiles, accounts, serve as answer};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::request::wrong;
use crate::signals::Held;
use crate::words::duration_ns;
use crate::{config, registries, telemetry};

/// Where it listens where nobody says otherwise.
pub(super) const SOCKET: &str = "unix:///run/corten/docker.sock";
const MODE: &str = "0660";
/// The first descriptor that systemd gives: sd_listen_fds(3).
const FIRST: u8 = 3;

/// What the machine's files say on registries.
const REGISTRIES: api_docker::Registries = api_docker::Registries {
    settings: |progress| {
        registries::settings(progress, None, None).map_err(|failure| failure.to_string())
    },
    policy: || registry::Policy::in_force(&config::policy_files()),
};

pub(super) fn serve(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    // Before anything that has a thread of its own.
    let held = Held::endings();
    let inherited = inherited();
    let config = ServeConfig {
        engine: session.engine_config()?,
        registries: REGISTRIES,
        endpoints: endpoints(matches, inherited)?,
        idle: idle(matches)?,
        stop: held.as_fd().and_then(|signals| signals.try_clone_to_owned().ok()),
        log: Log::to(std::io::stderr(), matches.on("log-requests")),
        traces: telemetry::traces()?,
    };
    // A server with few descriptors serves few clients, and serves them.
    let _fewer = engine::raise_descriptors();
    let failed = |error: api_docker::ServeError| Failure::Words(engine::chain(&error));
    answer(config, notify).map_err(failed)?;
    Ok(0)
}

fn endpoints(matches: &Matches, inherited: Vec<OwnedFd>) -> Result<Vec<Endpoint>, Failure> {
    let mut inherited = Some(inherited).filter(|given| !given.is_empty());
    let mut endpoints = Vec::new();
    let given: Vec<&str> = matches.values("listen").collect();
    let policy = matches.value("policy");
    let default = if inherited.is_some() { "fd://" } else { SOCKET };
    let is_default = given.is_empty() && policy.is_none();
    for text in given.into_iter().chain(is_default.then_some(default)) {
        if text == "fd://" {
            let sockets = inherited.take().ok_or_else(|| {
                wrong("listen", text, "nobody gave this process a socket (LISTEN_FDS)")
            })?;
            endpoints.extend(sockets.into_iter().map(|socket| open(Place::Inherited(socket))));
        } else {
            endpoints.push(open(place(matches, text)?));
        }
    }
    if let Some(file) = policy {
        let failed = |error: api_docker::PolicyError| Failure::Words(engine::chain(&error));
        let sockets = Policy::read(file.as_ref()).map_err(failed)?;
        endpoints.extend(sockets.into_iter().map(|socket| Endpoint {
            place: Place::Unix { path: socket.path, group: socket.group, mode: socket.mode },
            policy: Some(socket.policy),
        }));
    }
    Ok(endpoints)
}

/// One without limits.
const fn open(place: Place) -> Endpoint {
    Endpoint { place, policy: None }
}

fn place(matches: &Matches, text: &str) -> Result<Place, Failure> {
    if let Some(address) = text.strip_prefix("tcp://") {
        let address: SocketAddr = address.parse().map_err(|_none| {
            wrong("listen", text, "behind tcp:// stands an IP address with a port")
        })?;
        return Ok(Place::Tcp { address, tls: tls(matches)? });
    }
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if !path.starts_with('/') {
        return Err(wrong(
            "listen",
            text,
            "it is none of unix:///PATH, tcp://ADDRESS:PORT and fd://",
        ));
    }
    let mode = matches.value("mode").unwrap_or(MODE);
    let mode = u32::from_str_radix(mode, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
        .ok_or_else(|| wrong("mode", mode, "permissions are at most 777, in octal"))?;
    let group = matches.value("group").map(|name| {
        accounts::group(name)
            .ok_or_else(|| wrong("group", name, "this machine has none of that name"))
    });
    Ok(Place::Unix { path: PathBuf::from(path), group: group.transpose()?, mode })
}

/// Nobody is answered over TCP without a certificate: who speaks this API is root of the machine.
fn tls(matches: &Matches) -> Result<TlsFiles, Failure> {
    let file = |flag: &'static str| {
        matches.value(flag).map(PathBuf::from).ok_or_else(|| {
            Failure::Words(format!("tcp:// wants certificates of both sides: --{flag} is missing"))
        })
    };
    Ok(TlsFiles {
        authority: file("tlscacert")?,
        certificate: file("tlscert")?,
        key: file("tlskey")?,
    })
}

fn idle(matches: &Matches) -> Result<Option<Duration>, Failure> {
    let Some(text) = matches.value("idle-exit") else { return Ok(None) };
    let nanoseconds = duration_ns(text).and_then(|ns| u64::try_from(ns).ok()).filter(|ns| *ns > 0);
    let wrong = || wrong("idle-exit", text, "it is no duration such as 30s or 5m");
    Ok(Some(Duration::from_nanos(nanoseconds.ok_or_else(wrong)?)))
}

/// Sockets that systemd gave to this process: sd_listen_fds(3).
fn inherited() -> Vec<OwnedFd> {
    let number = |name: &str| config::lookup(name)?.parse::<i32>().ok();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    if number("LISTEN_PID") != Some(own) {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").and_then(|count| u8::try_from(count).ok()).unwrap_or(0);
    (FIRST..FIRST.saturating_add(count)).filter_map(sys::inherited_fd).collect()
}

/// Tells systemd that clients are answered: sd_notify(3).
fn notify() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() else { return };
    let bytes = path.as_encoded_bytes();
    // An at sign stands for the NUL of an abstract name.
    let _nobody_listens = match bytes.split_first() {
        Some((b'@', name)) => {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(name)
                .and_then(|address| socket.send_to_addr(b"READY=1", &address))
        }
        _ => socket.send_to(b"READY=1", &path),
    };
}
