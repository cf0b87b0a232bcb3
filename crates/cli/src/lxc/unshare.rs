//! `unshare`: a program in new namespaces; and what `attach` and `unshare` have in common, programs in namespaces that are entered one
//! by one. Sources: unshare(2), setns(2), namespaces(7).

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use sys::Namespaces;

use super::call::Call;
use crate::failure::Failure;

/// A kind of namespace: LXC's name, its file below `/proc/PID/ns`, and its flag of clone(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    name: &'static str,
    file: &'static str,
    flag: Namespaces,
}

const MOUNT: Kind = Kind { name: "MOUNT", file: "mnt", flag: Namespaces::MOUNT };
const PID: Kind = Kind { name: "PID", file: "pid", flag: Namespaces::PID };
const UTS: Kind = Kind { name: "UTSNAME", file: "uts", flag: Namespaces::UTS };
const IPC: Kind = Kind { name: "IPC", file: "ipc", flag: Namespaces::IPC };
const USER: Kind = Kind { name: "USER", file: "user", flag: Namespaces::USER };
const NETWORK: Kind = Kind { name: "NETWORK", file: "net", flag: Namespaces::NETWORK };
const CGROUP: Kind = Kind { name: "CGROUP", file: "cgroup", flag: Namespaces::CGROUP };
/// In the order in which they are entered: rights in the others come with the first, and paths go with the last.
const KINDS: [Kind; 7] = [USER, CGROUP, IPC, UTS, NETWORK, PID, MOUNT];

/// Namespaces by LXC's names, with `|` between.
pub(super) fn kinds(text: &str) -> Result<Vec<Kind>, Failure> {
    let words: Vec<&str> = text.split('|').map(str::trim).filter(|word| !word.is_empty()).collect();
    let known = |word: &&str| KINDS.iter().any(|kind| kind.name == *word || kind.file == *word);
    if let Some(wrong) = words.iter().find(|word| !known(word)) {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(Failure::Words(format!("namespace {wrong:?} is none of {}", names.join(", "))));
    }
    let chosen = |kind: &&Kind| words.iter().any(|word| kind.name == *word || kind.file == *word);
    Ok(KINDS.iter().filter(chosen).copied().collect())
}

/// Runs a program in these namespaces of a process, with all rights that the caller has; gives its exit code.
pub(super) fn in_namespaces(
    pid: i32,
    kinds: &[Kind],
    remounts: bool,
    (words, env): (&[String], &[String]),
) -> Result<i32, Failure> {
    // All of them first: /proc is another one once the mount namespace is entered.
    let mut files = Vec::new();
    for kind in kinds {
        let path = format!("/proc/{pid}/ns/{}", kind.file);
        files.push(File::open(&path).map_err(Failure::file("open", &path))?);
    }
    for (kind, file) in kinds.iter().zip(&files) {
        let entered = sys::enter_namespace(file.as_fd(), kind.flag);
        entered.map_err(failed("enter", kind))?;
    }
    if remounts && !kinds.contains(&MOUNT) {
        make(MOUNT.flag).map_err(failed("make", &MOUNT))?;
        let remount = || {
            mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
            fresh("proc", Path::new("/proc"))?;
            fresh("sysfs", Path::new("/sys"))
        };
        remount().map_err(|errno| Failure::Words(format!("mount /proc and /sys: {errno}")))?;
    }
    let pairs = env.iter().filter_map(|variable| variable.split_once('='));
    run(command(words)?.env_clear().envs(pairs))
}

/// New ones, for this process, and of processes for its children.
pub(super) fn make(kinds: Namespaces) -> Result<(), sys::Errno> {
    sys::unshare_namespaces(u32::try_from(kinds.bits()).unwrap_or_default())
}

fn failed(action: &'static str, kind: &Kind) -> impl FnOnce(sys::Errno) -> Failure + use<> {
    let name = kind.name;
    move |errno| Failure::Words(format!("{action} namespace {name}: {errno}"))
}

fn fresh(kind: &str, at: &Path) -> Result<(), rustix::io::Errno> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(kind, at, kind, flags, None::<&CStr>)
}

fn command(words: &[String]) -> Result<Command, Failure> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| Failure::Words("no program is named".to_owned()))?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Runs it as a child; a new process namespace begins with that.
pub(super) fn run(command: &mut Command) -> Result<i32, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.status().map_err(Failure::file("run", name))?;
    Ok(ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)).unwrap_or(1))
}

pub(super) fn unshare(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    let Some(text) = matches.value("namespaces") else {
        return Err(Failure::Words("no namespace is named: --namespaces".to_owned()));
    };
    let kinds = kinds(text)?;
    let has = |kind: Kind| kinds.contains(&kind);
    if matches.is_given("ifname") {
        return Err(Failure::Words("--ifname: interfaces are not moved there yet".to_owned()));
    }
    for (flag, kind) in [("user", USER), ("hostname", UTS)] {
        if matches.is_given(flag) && !has(kind) {
            let name = kind.name;
            return Err(Failure::Words(format!("--{flag} goes with a new namespace {name}")));
        }
    }
    let user = match matches.value("user") {
        None => 0,
        Some(text) => text
            .parse::<u32>()
            .map_err(|_no_number| Failure::Words(format!("--user {text:?} is no id")))?,
    };
    if has(USER) {
        own_users(user)?;
    }
    let rest = kinds.iter().filter(|kind| **kind != USER);
    make(rest.fold(Namespaces::default(), |all, kind| all.with(kind.flag)))
        .map_err(|errno| Failure::Words(format!("make namespaces: {errno}")))?;
    if let Some(name) = matches.value("hostname") {
        rustix::system::sethostname(name.as_bytes())
            .map_err(|errno| Failure::Words(format!("set the host name: {errno}")))?;
    }
    if has(MOUNT) {
        // What is mounted there stays there. mount_namespaces(7), "SHARED SUBTREES".
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
            .map_err(|errno| Failure::Words(format!("keep mounts private: {errno}")))?;
    }
    let shell = || vec![crate::config::lookup("SHELL").unwrap_or_else(|| "/bin/sh".to_owned())];
    let words = if call.words.is_empty() { shell() } else { call.words.clone() };
    let words = if matches.on("remount") { remounting(words) } else { words };
    let mut command = command(&words)?;
    if matches.on("daemon") {
        command.stdin(Stdio::null()).process_group(0);
        let program = words.first().cloned().unwrap_or_default();
        command.spawn().map_err(Failure::file("run", program))?;
        return Ok(0);
    }
    run(&mut command)
}

/// What is mounted must be mounted by a process of the new namespaces: the kernel shows a process namespace to its members.
fn remounting(words: Vec<String>) -> Vec<String> {
    const SCRIPT: &str = "mount -t proc proc /proc && mount -t tmpfs tmpfs /dev/shm && exec \"$@\"";
    ["/bin/sh", "-c", SCRIPT, "sh"].into_iter().map(str::to_owned).chain(words).collect()
}

/// A user namespace whose only id is the caller's.
fn own_users(user: u32) -> Result<(), Failure> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    make(USER.flag).map_err(failed("make", &USER))?;
    let write = |file: &str, text: String| {
        let path = format!("/proc/self/{file}");
        let opened = std::fs::OpenOptions::new().write(true).open(&path);
        opened
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(Failure::file("write", path))
    };
    // "deny" first: without it a gid_map of one's own is refused. user_namespaces(7).
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} {uid} 1"))?;
    write("gid_map", format!("{user} {gid} 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_have_lxcs_names() {
        assert_eq!(kinds("MOUNT|PID").unwrap(), [PID, MOUNT]);
        assert_eq!(kinds("NETWORK").unwrap(), [NETWORK]);
        assert!(kinds("MOUNT|BLA").is_err());
    }
}
