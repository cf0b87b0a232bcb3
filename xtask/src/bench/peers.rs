//! The ground that measurements stand on: one root file system, and each engine that is installed made ready to run it.
//!
//! Dropping a [`Ground`] or a [`Daemon`] ends what it started and removes what it made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use testkit::Corten;

/// Everything that the sections measure with.
pub(super) struct Ground {
    /// Ours, with the image `busybox`.
    pub(super) corten: Corten,
    /// The release build.
    pub(super) program: PathBuf,
    /// The unpacked root file system.
    pub(super) rootfs: PathBuf,
    /// Where the peers keep theirs.
    peers: PeerDirectory,
}

/// A temporary directory below which peers mount; they leave some of their mounts when they end.
struct PeerDirectory(tempfile::TempDir);

impl PeerDirectory {
    fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for PeerDirectory {
    fn drop(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let below = mounts.lines().filter_map(|line| line.split(' ').nth(4));
        let mut below: Vec<&str> =
            below.filter(|&at| Path::new(at).starts_with(self.0.path())).collect();
        below.reverse();
        for at in below {
            let _status = Command::new("umount").args(["--lazy", at]).status();
        }
        // LXC leaves an empty group in each hierarchy, and ours leave the group that theirs were in.
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let _absent = fs::remove_dir(hierarchy.path().join("lxc.pivot"));
            let _absent = fs::remove_dir(hierarchy.path().join(super::bundle::GROUP));
        }
    }
}

impl Ground {
    /// Makes the root file system and our store.
    ///
    /// # Errors
    /// When the template cannot be built or a directory cannot be made.
    pub(super) fn prepare(built: &Path) -> anyhow::Result<Self> {
        let peers = PeerDirectory(tempfile::Builder::new().prefix("corten-bench-").tempdir()?);
        // As an installation does, and as the peers are. What a linker wrote, here and there, is in pages of the cache that are
        // mapped one by one, while those of a file that was written in a row are mapped many at a time: 5 % of a short command.
        let program = peers.join("corten");
        fs::copy(built, &program)?;
        let text = program.to_str().context("the program's path is not UTF-8")?;
        let corten = Corten::with_state(text, Path::new("/run/corten-bench"));
        corten.ok(&["template", "build", "busybox"]);
        let rootfs = peers.join("bundle/rootfs");
        fs::create_dir_all(&rootfs)?;
        testkit::busybox_rootfs(&rootfs);
        Ok(Self { corten, program, rootfs, peers })
    }

    /// The arguments of a command of ours.
    pub(super) fn ours(&self, args: &[&str]) -> Vec<String> {
        let root = self.corten.root();
        let state = self.corten.state();
        let head =
            [self.program.as_path(), Path::new("--root"), &root, Path::new("--state"), &state];
        head.iter()
            .map(|part| part.display().to_string())
            .chain(args.iter().map(|&arg| arg.to_owned()))
            .collect()
    }

    /// The arguments of a command of our OCI face, with a state directory of its own.
    pub(super) fn oci(&self, args: &[&str]) -> Vec<String> {
        let program = self.program.display().to_string();
        [program.as_str(), "oci", "--root", "/run/corten-bench-oci"]
            .iter()
            .chain(args)
            .map(|&part| part.to_owned())
            .collect()
    }

    /// A directory to write to.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.peers.join(name)
    }

    /// `floor.c` built, or nothing where no C compiler is.
    pub(super) fn floor(&self) -> Option<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("bench/floor.c");
        let program = self.peers.join("floor");
        let built =
            Command::new("cc").arg("-O2").arg("-o").arg(&program).arg(source).status().ok()?;
        built.success().then_some(program)
    }

    /// A bundle whose process is `/bin/true`, as crun itself writes one, or nothing where crun is missing.
    ///
    /// # Errors
    /// When crun writes something unexpected.
    pub(super) fn crun_bundle(&self) -> anyhow::Result<Option<PathBuf>> {
        if !installed("crun") {
            return Ok(None);
        }
        let bundle = self.peers.join("bundle");
        let config = bundle.join("config.json");
        if !config.exists() {
            let status = Command::new("crun").arg("spec").current_dir(&bundle).status()?;
            if !status.success() {
                bail!("crun spec: {status}");
            }
        }
        let mut spec: serde_json::Value = serde_json::from_slice(&fs::read(&config)?)?;
        spec["process"]["args"] = serde_json::json!(["true"]);
        spec["process"]["terminal"] = serde_json::json!(false);
        #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
        fs::write(&config, serde_json::to_vec(&spec)?)?;
        Ok(Some(bundle))
    }

    /// The command that runs `/bin/true` as an LXC container, or nothing where LXC is missing.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub(super) fn lxc(&self) -> anyhow::Result<Option<Vec<String>>> {
        if !installed("lxc-start") {
            return Ok(None);
        }
        let directory = self.peers.join("lxc");
        fs::create_dir_all(&directory)?;
        let config = directory.join("config");
        let text = format!(
            "lxc.rootfs.path = dir:{}\nlxc.init.cmd = /bin/true\nlxc.uts.name = bench\nlxc.net.0.type = empty\n",
            self.rootfs.display()
        );
        #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
        fs::write(&config, text)?;
        let (config, directory) = (config.display().to_string(), directory.display().to_string());
        let words = ["lxc-start", "-F", "-n", "corten-bench", "-f", &config, "-P", &directory];
        Ok(Some(words.map(str::to_owned).to_vec()))
    }

    /// podman's arguments before its command, with the image `busybox` imported; nothing where it is missing.
    ///
    /// # Errors
    /// When the import fails.
    pub(super) fn podman(&self) -> anyhow::Result<Option<Vec<String>>> {
        if !installed("podman") {
            return Ok(None);
        }
        let at = |name: &str| self.peers.join("podman").join(name).display().to_string();
        let head = [
            "podman",
            "--root",
            &at("root"),
            "--runroot",
            &at("run"),
            "--cgroup-manager=cgroupfs",
            "--events-backend=none",
        ];
        let head: Vec<String> = head.iter().map(|&part| part.to_owned()).collect();
        import(&self.rootfs, &head, "busybox")?;
        Ok(Some(head))
    }
}

/// A docker daemon of its own, with the image `busybox` imported. Dropping it ends the daemon.
pub(super) struct Daemon {
    head: Vec<String>,
    child: Child,
}

impl Daemon {
    /// Starts it; nothing where docker is missing.
    ///
    /// # Errors
    /// When the daemon does not start or the import fails.
    pub(super) fn start(ground: &Ground) -> anyhow::Result<Option<Self>> {
        Self::start_by(ground, &[])
    }

    /// The same with words before the daemon's, which lead it into another network.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(super) fn start_by(ground: &Ground, enter: &[String]) -> anyhow::Result<Option<Self>> {
        if !installed("dockerd") {
            return Ok(None);
        }
        let base = ground.peers.join("docker");
        fs::create_dir_all(&base)?;
        let socket = format!("unix://{}", base.join("sock").display());
        let log = fs::File::create(base.join("log"))?;
        let argv = [enter, &["dockerd".to_owned()]].concat();
        let mut daemon = Command::new(&argv[0]);
        daemon.args(&argv[1..]);
        daemon
            .arg("--host")
            .arg(&socket)
            .arg("--data-root")
            .arg(base.join("root"))
            .arg("--exec-root")
            .arg(base.join("run"));
        daemon.arg("--pidfile").arg(base.join("pid"));
        let child = daemon.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let started = Self { head: vec!["docker".to_owned(), "--host".to_owned(), socket], child };
        testkit::wait_until("dockerd answers", || {
            let answer = Command::new("docker").args(&started.head[1..]).arg("info").output();
            answer.is_ok_and(|output| output.status.success())
        });
        import(&ground.rootfs, &started.head, "busybox")?;
        Ok(Some(started))
    }

    /// docker's arguments before its command.
    pub(super) fn head(&self) -> &[String] {
        &self.head
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = Command::new("kill").arg(self.child.id().to_string()).status();
        let _status = self.child.wait();
    }
}

/// Whether a program is found in the path.
pub(super) fn installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Imports a root file system as an image of an engine.
///
/// # Errors
/// When a command fails.
pub(super) fn import(rootfs: &Path, head: &[String], image: &str) -> anyhow::Result<()> {
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(rootfs)
        .args(["-cf", "-", "."])
        .stdout(Stdio::piped())
        .spawn()?;
    let archive = tar.stdout.take().context("tar has no output")?;
    let output = Command::new(&head[0])
        .args(&head[1..])
        .args(["import", "-", image])
        .stdin(archive)
        .output()?;
    tar.wait()?;
    if !output.status.success() {
        bail!("{} import: {}", head[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
