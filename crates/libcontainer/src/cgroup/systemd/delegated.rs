//! A scope of a user's systemd that is divided by whoever started it: one for all containers of the user, whose groups are then made as root makes
//! them. Start at [`adopt`].
//!
//! A process may move others only below a group that it owns, and a login's group is root's: so systemd moves a process in, and what that one
//! starts it may put anywhere in the scope. Kernel cgroup-v2.rst, "Delegation Containment"; org.freedesktop.systemd1(5), "AttachProcessesToUnit()".

use std::fs;
use std::io;
use std::path::Path;

use super::connection::Connection;
use super::message::Body;
use super::{Bus, BusError, Value};

/// A scope that ends, for its last process has gone, while another one is to come in: so often it is begun anew.
const ATTEMPTS: usize = 3;

/// Why a process is in no scope of its user's.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// Nobody answers, or what was asked for is refused.
    #[error("ask the user's systemd")]
    Bus(#[source] BusError),
    /// The groups of the scope.
    #[error("divide the user's scope")]
    Divide(#[source] io::Error),
}

/// Has process `pid`, of the caller's own user, moved into the group `inside` of the scope `name`, which is started where it is not there. Gives
/// the scope's path below `mount`, without a leading slash. Two that do this at once have to take turns.
///
/// # Errors
/// When the user has no systemd, or it refuses.
pub fn adopt(
    bus: &Bus,
    (name, inside): (&str, &str),
    pid: i32,
    mount: &Path,
) -> Result<String, AdoptError> {
    let mut connection = Connection::open(bus).map_err(AdoptError::Bus)?;
    let mut last = None;
    for _attempt in 0..ATTEMPTS {
        match attach(&mut connection, (name, inside), pid) {
            Ok(()) => return scope_of(pid, inside).map_err(AdoptError::Divide),
            Err(BusError::Refused { .. }) => {}
            Err(lost) => return Err(AdoptError::Bus(lost)),
        }
        match start(&mut connection, name, pid) {
            Ok(()) => return divide(pid, inside, mount).map_err(AdoptError::Divide),
            Err(refused @ BusError::Refused { .. }) => last = Some(refused),
            Err(lost) => return Err(AdoptError::Bus(lost)),
        }
    }
    let never = || BusError::Unexpected { member: "StartTransientUnit".to_owned() };
    Err(AdoptError::Bus(last.unwrap_or_else(never)))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn pids(pid: i32) -> Value {
    let pid = u32::try_from(pid).unwrap_or(0);
    Value::Array("u".to_owned(), vec![Value::Uint32(pid)])
}

fn attach(
    connection: &mut Connection,
    (name, inside): (&str, &str),
    pid: i32,
) -> Result<(), BusError> {
    let body =
        Body::default().with(&text(name)).with(&text(&format!("/{inside}"))).with(&pids(pid));
    connection.manager("AttachProcessesToUnit", &body).map(drop)
}

fn start(connection: &mut Connection, name: &str, pid: i32) -> Result<(), BusError> {
    let properties = [
        ("Description", text("containers")),
        ("Slice", text("user.slice")),
        ("Delegate", Value::Bool(true)),
        ("PIDs", pids(pid)),
    ];
    let properties = properties.iter().map(|(name, value)| (*name, value));
    let body = Body::default().with(&text(name)).with(&text("fail"));
    let body = body.with_properties(properties).with_no_units();
    match connection.job("StartTransientUnit", &body)?.as_str() {
        "done" => Ok(()),
        result => {
            let (unit, result) = (name.to_owned(), result.to_owned());
            Err(BusError::Job { action: "start", unit, result })
        }
    }
}

/// The process stands where groups are to be divided: it goes one further in, or nothing could be handed down. Kernel cgroup-v2.rst, "No Internal
/// Process Constraint".
fn divide(pid: i32, inside: &str, mount: &Path) -> io::Result<String> {
    let scope = membership(pid)?;
    let group = mount.join(&scope).join(inside);
    match fs::create_dir(&group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _there => {}
    }
    let mut file = fs::OpenOptions::new().write(true).open(group.join("cgroup.procs"))?;
    io::Write::write_all(&mut file, pid.to_string().as_bytes())?;
    Ok(scope)
}

fn scope_of(pid: i32, inside: &str) -> io::Result<String> {
    let own = membership(pid)?;
    let scope = own.strip_suffix(inside).and_then(|path| path.strip_suffix('/'));
    scope.map(str::to_owned).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Where the process is in the v2 tree, without a leading slash. cgroups(7), `/proc/PID/cgroup`.
fn membership(pid: i32) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let own = text.lines().find_map(|line| line.strip_prefix("0::/"));
    own.map(str::to_owned).ok_or_else(|| io::ErrorKind::NotFound.into())
}
