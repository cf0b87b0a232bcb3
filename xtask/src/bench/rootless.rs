//! Starts by an ordinary user, whose networks are connected by pasta: with namespaces that are made for it, and beside a container
//! that is there already.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::bail;

use super::network::{candidate, join};
use super::peers::{Ground, installed};
use super::timing::{alternate, print};
use super::traffic::said;

const USER: u32 = 1500;
const ROUNDS: u32 = 40;
/// Interface of the machine that leads out.
const WAN: &str = "wan";
/// Early ones of pasta come behind it.
const SLIRP: &str = "/usr/bin/slirp4netns";

/// The table.
///
/// # Errors
/// When a command of ours fails.
pub(super) fn start(ground: &Ground) -> anyhow::Result<()> {
    if !["pasta", "newuidmap", "setpriv"].into_iter().all(installed) {
        return Ok(());
    }
    let user = User::prepare(&ground.program)?;
    let run = ["run", "--rm", "busybox", "true"];
    let (first, beside) = (user.corten("first"), user.corten("beside"));
    for head in [&first, &beside] {
        said(&join(head, &["template", "build", "busybox"]))?;
    }
    said(&join(&beside, &["run", "-d", "--name", "idle", "busybox", "sleep", "1000000"]))?;
    let candidates = [
        candidate("corten run, first of a user", join(&first, &run), 1),
        candidate("corten run, beside another one", join(&beside, &run), 1),
    ];
    let rows = alternate(&candidates, ROUNDS, || Ok(()))?;
    said(&join(&beside, &["rm", "-f", "idle"]))?;
    print("run a container of /bin/true as an ordinary user", &rows);
    Ok(())
}

/// One with a range of subordinate ids and a directory of his own.
struct User {
    home: tempfile::TempDir,
    has_slirp: bool,
}

impl User {
    fn prepare(program: &Path) -> anyhow::Result<Self> {
        let home = tempfile::Builder::new().prefix("bench-user-").tempdir()?;
        fs::set_permissions(home.path(), Permissions::from_mode(0o755))?;
        fs::copy(program, home.path().join("corten"))?;
        let has_slirp = Path::new(SLIRP).exists();
        if has_slirp {
            mount(Path::new("/dev/null"), SLIRP)?;
        }
        let user = Self { home, has_slirp };
        user.add("/etc/passwd", &format!("bench:x:{USER}:{USER}::/:/bin/sh\n"))?;
        for file in ["/etc/subuid", "/etc/subgid"] {
            user.add(file, "bench:1000000:65536\n")?;
        }
        Self::connect()?;
        let tun = user.home.path().join("tun");
        let text = tun.display().to_string();
        said(&["mknod", "-m", "666", &text, "c", "10", "200"].map(str::to_owned))?;
        mount(&tun, "/dev/net/tun")?;
        for name in ["first", "beside"] {
            user.directory(name)?;
        }
        Ok(user)
    }

    /// pasta wants a way out of the machine.
    fn connect() -> anyhow::Result<()> {
        let words = format!(
            "ip link add {WAN} type veth peer name far && ip link set far up && ip link set {WAN} up &&
             ip address add 192.0.2.1/24 dev {WAN} && ip route add default via 192.0.2.2"
        );
        said(&["sh", "-c", &words].map(str::to_owned)).map(drop)
    }

    fn directory(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.home.path().join(name);
        for path in [&path, &path.join("run")] {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
            chown(path, Some(USER), Some(USER))?;
        }
        Ok(path)
    }

    /// Adds a line to a file of the machine, in these mounts alone.
    fn add(&self, file: &str, line: &str) -> anyhow::Result<()> {
        let own = self.home.path().join(file.replace('/', "-"));
        let text = fs::read_to_string(file).unwrap_or_default();
        #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
        fs::write(&own, text + line)?;
        mount(&own, file)
    }

    /// What is put before his commands.
    fn words(&self, name: &str) -> Vec<String> {
        let home = self.home.path().join(name).display().to_string();
        let id = USER.to_string();
        let words = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "env", "-i"];
        let own = [
            format!("HOME={home}"),
            format!("XDG_RUNTIME_DIR={home}/run"),
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ];
        words.map(str::to_owned).into_iter().chain(own).collect()
    }

    fn corten(&self, name: &str) -> Vec<String> {
        let program = self.home.path().join("corten").display().to_string();
        join(&self.words(name), &[&program])
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _status = Command::new("ip").args(["link", "delete", WAN]).status();
        for over in [SLIRP, "/dev/net/tun", "/etc/passwd", "/etc/subuid", "/etc/subgid"] {
            if over != SLIRP || self.has_slirp {
                let _status = Command::new("umount").args(["--lazy", over]).status();
            }
        }
    }
}

fn mount(what: &Path, over: &str) -> anyhow::Result<()> {
    let mut bind = Command::new("mount");
    let status = bind.arg("--bind").arg(what).arg(over).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { bail!("mount {} over {over}: {status}", what.display()) }
}
