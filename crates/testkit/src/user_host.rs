//! A host of its own, in namespaces that end with it, on which a user without rights has the program. The user has no entry in any file but those
//! that a script gives him.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Stdio};

use crate::must::must;

const USER: u32 = 1500;
/// The host is 192.0.2.1, its peer 192.0.2.2: there somebody answers at port 81.
const HOST: &str = r#"
    mknod tun c 10 200 && chmod 666 tun && mount --bind tun /dev/net/tun
    ip link set lo up; ip link add v0 type veth peer name v1
    unshare -n sleep 1000 & peer=$!
    until ip link set v1 netns $peer && ! ip link show v1 > /dev/null 2>&1; do :; done
    ip addr add 192.0.2.1/24 dev v0; ip link set v0 up; ip route add default via 192.0.2.2
    nsenter -t $peer -n sh -c 'ip link set lo up; ip addr add 192.0.2.2/24 dev v1; ip link set v1 up'
    nsenter -t $peer -n socat TCP-LISTEN:81,fork,reuseaddr SYSTEM:'echo outside' &
    user() { setpriv --reuid 1500 --regid 1500 --clear-groups env -i HOME=$PWD XDG_RUNTIME_DIR=$PWD/run \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
    corten() { user ./corten "$@"; }
"#;
/// A script begins with it where the user has ids of his own.
pub const USER_RANGES: &str = r#"
    printf 'ann:x:1500:1500::/:/bin/sh\n' > passwd; printf 'ann:100000:65536\n' > sub
    mount --bind passwd /etc/passwd; mount --bind sub /etc/subuid; mount --bind sub /etc/subgid
"#;

/// What a script prints that bash runs as root on a host where the user may begin: `corten` is the program as he calls it, from a directory
/// that is his, and `user` any other one.
///
/// # Panics
/// When the host cannot be made.
#[must_use]
pub fn on_user_host(program: &str, script: &str) -> String {
    let directory = must(tempfile::Builder::new().prefix("user-").tempdir(), "make a directory");
    let place = directory.path();
    let mode = fs::Permissions::from_mode(0o755);
    must(fs::set_permissions(place, mode), "open the directory");
    must(fs::copy(program, place.join("corten")).map(drop), "copy the program");
    must(fs::create_dir(place.join("run")), "make run");
    for path in [place.to_owned(), place.join("run")] {
        must(chown(&path, Some(USER), Some(USER)), "give the directory to the user");
    }
    // Whatever is left running ends with it.
    let mut command = Command::new("unshare");
    command.args(["-nmpf", "--kill-child", "--mount-proc", "bash", "-c"]);
    command.arg(format!("{HOST}{script}")).current_dir(place).stdin(Stdio::null());
    let output = must(command.output(), "run unshare");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
