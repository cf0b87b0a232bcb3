//! LXC's own tools are asked the same: what values are, which are refused, what is saved, what old files become.
//!
//! They come with Debian's package `lxc` of version 5, whose slips are named where they would show. Nothing is started.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "files of tests, in directories of their own")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lxc::config::keys::{KEYS, NETWORK_KEYS};
use lxc::config::read::from_disk;
use lxc::config::system::{KEYS as SYSTEM_KEYS, Owner, System};
use lxc::config::{Document, Limits, Text, update};
use lxc::mapping::{GroupVersion, Surroundings, map};

mod surroundings;
use surroundings::surroundings;

/// A directory of containers with one in it.
struct Containers {
    directory: tempfile::TempDir,
}

const NAME: &str = "asked";

impl Containers {
    fn with(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join(NAME)).expect("a container");
        std::fs::write(directory.path().join(NAME).join("config"), config)
            .expect("a configuration");
        Self { directory }
    }

    fn file(&self) -> PathBuf {
        lxc::config::file_of(self.directory.path(), NAME)
    }

    fn asked(&self, keys: &[String]) -> Output {
        let mut command = Command::new("lxc-info");
        command.args(["-n", NAME, "-P"]).arg(self.directory.path());
        command.args(keys.iter().flat_map(|key| ["-c", key]));
        command.output().expect("lxc-info")
    }

    fn ours(&self) -> Result<Document, String> {
        let opened = Document::open(&self.file(), &Limits::default());
        opened.map_err(|error| format!("{error}: {}", error.problem))
    }
}

/// What lxc-info prints of keys, and what it calls invalid.
fn shown(document: &Document, keys: &[String]) -> (String, Vec<String>) {
    let mut lines = String::new();
    let mut invalid = Vec::new();
    for key in keys {
        match document.get(key) {
            Ok(value) if value.is_empty() => lines.push_str(&format!("{key} =\n")),
            Ok(value) => lines.push_str(&format!("{key} = {value}\n")),
            Err(_) => invalid.push(format!("{key} invalid")),
        }
    }
    (lines, invalid)
}

/// Keys of which version 5 tells something else than 6 and 7: nothing of the first three, and of the others what they hold in
/// another form.
const TOLD_OTHERWISE: &[&str] = &[
    "lxc.environment.runtime",
    "lxc.environment.hooks",
    "lxc.sched.core",
    "lxc.cap.keep",
    "lxc.time.offset.boot",
    "lxc.time.offset.monotonic",
];

fn all_keys() -> Vec<String> {
    let plain = KEYS
        .iter()
        .map(|key| key.name.to_owned())
        .filter(|key| !TOLD_OTHERWISE.contains(&key.as_str()));
    let more = [
        "lxc.net",
        "lxc.net.0",
        "lxc.hook",
        "lxc.cgroup2.memory.max",
        "lxc.cgroup.devices.allow",
        "lxc.cgroup2.absent",
        "lxc.prlimit.nofile",
        "lxc.prlimit.core",
        "lxc.sysctl.net.ipv4.ip_forward",
        "lxc.proc.oom_score_adj",
        "lxc.namespace.share.net",
        "lxc.namespace.share.nothing",
        "lxc.nothing",
        "lxc.net.0.nothing",
        "lxc.net.9.type",
    ];
    // Shared namespaces have no list; version 5 fails at it.
    let plain = plain.filter(|key| key != "lxc.namespace.share");
    let networks = (0..3).flat_map(|number| {
        NETWORK_KEYS.iter().map(move |key| format!("lxc.net.{number}.{}", key.name))
    });
    plain.chain(more.map(str::to_owned)).chain(networks).collect()
}

/// Some configurations in which every key is set to something, and cleared.
const CONFIGURATIONS: &[&str] = &[
    "",
    include_str!("files/everything.conf"),
    include_str!("files/cleared.conf"),
    include_str!("files/written.conf"),
];

#[test]
fn values_are_what_lxc_says() {
    let keys = all_keys();
    for config in CONFIGURATIONS {
        let containers = Containers::with(config);
        let peer = containers.asked(&keys);
        let told = String::from_utf8(peer.stdout).expect("text").replace("= (null)\n", "=\n");
        let errors = String::from_utf8(peer.stderr).expect("text");
        let (lines, invalid) = shown(&containers.ours().expect("read"), &keys);
        let both: Vec<_> =
            lines.lines().zip(told.lines()).filter(|(ours, theirs)| ours != theirs).collect();
        assert_eq!(both, [], "of:\n{config}");
        assert_eq!(lines, told);
        assert_eq!(invalid, errors.lines().collect::<Vec<_>>(), "of:\n{config}");
    }
}

/// One entry and what has to stand before it.
fn alone(entry: &str) -> String {
    let kind = |name: &str| format!("lxc.net.0.type = {name}\n{entry}\n");
    match entry.strip_prefix("lxc.net.0.").and_then(|rest| rest.split('.').next()) {
        Some(first @ ("macvlan" | "ipvlan" | "vlan")) => kind(first),
        Some(first) if first != "type" => kind("veth"),
        _ => format!("{entry}\n"),
    }
}

fn peer_reads(config: &str) -> bool {
    let containers = Containers::with(config);
    containers.asked(&["lxc.uts.name".to_owned()]).status.success()
}

/// What both refuse.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "lxc.nothing = 1", "lxc.uts.name", "lxc.arch = pdp11", "lxc.autodev = 2", "lxc.autodev = yes", "lxc.cap.drop = CAP_CHOWN",
    "lxc.cap.drop = chown none", "lxc.cap.drop = chown\nlxc.cap.keep = kill", "lxc.cgroup.dir = /a", "lxc.cgroup.dir.container = a/../b",
    "lxc.cgroup.dir.container.inner = a/b", "lxc.cgroup.relative = 2", "lxc.console.size = lots", "lxc.console.size = 5TB",
    "lxc.console.rotate = 2", "lxc.ephemeral = 2", "lxc.hook = /a", "lxc.hook.nothing = /a", "lxc.hook.version = 2",
    "lxc.idmap = u 0 1", "lxc.idmap = x 0 1 2", "lxc.idmap = u 0 1 2 3", "lxc.idmap = u 0 a 2", "lxc.include = /nowhere/at/all",
    "lxc.init.uid = -1", "lxc.init.groups = a", "lxc.keyring.session = 2", "lxc.log.level = 77", "lxc.log.level = LOUD",
    "lxc.log.syslog = mail", "lxc.monitor.signal.pdeath = KILL", "lxc.mount.auto = dev", "lxc.mount.auto = proc:ro",
    "lxc.mount.auto = cgroup:x", "lxc.namespace.clone = network", "lxc.namespace.clone = net\nlxc.namespace.keep = pid",
    "lxc.namespace.share.nothing = a", "lxc.net = veth", "lxc.net.0 = veth", "lxc.net.0.type = bridge", "lxc.net.x.type = veth",
    "lxc.net.0.nothing = 1", "lxc.net.0.ipv4.address = 10.0.0", "lxc.net.0.ipv4.address = 10.0.0.1/33", "lxc.net.0.ipv4.gateway = host",
    "lxc.net.0.ipv6.address = 10.0.0.1", "lxc.net.0.l2proxy = 2", "lxc.net.0.macvlan.mode = public", "lxc.net.0.ipvlan.mode = l4",
    "lxc.net.0.ipvlan.isolation = none", "lxc.net.0.veth.mode = bridged", "lxc.net.0.veth.vlan.id = 4095", "lxc.net.0.veth.ipv4.route = 10.0.0.1",
    "lxc.net.0.veth.n_rxqueues = 0", "lxc.net.0.vlan.id = many", "lxc.no_new_privs = 2", "lxc.prlimit.nofile = many", "lxc.prlimit.nofile = 1:2:3",
    "lxc.rootfs.options = optional", "lxc.seccomp.allow_nesting = 2", "lxc.seccomp.notify.proxy = /a", "lxc.signal.halt = PWR",
    "lxc.signal.halt = SIGNOTHING", "lxc.signal.stop = SIGRTMIN+99", "lxc.start.auto = 2", "lxc.start.delay = -1", "lxc.start.order = first",
    "lxc.time.offset.boot = 5", "lxc.time.offset.boot = 5d", "lxc.tty.max = few", "lxc.utsname = old", "lxc.network.type = veth",
];

/// What LXC takes, and does not do or fails at once the container is started.
#[rustfmt::skip]
const REFUSED_HERE: &[&str] = &[
    "lxc.autodev.tmpfs.size = lots", "lxc.net.0.flags = down", "lxc.net.0.hwaddr = none", "lxc.net.0.mtu = large",
    "lxc.net.0.name = eth0/1", "lxc.net.0.link = a-name-of-too-many-letters", "lxc.mount.entry = /a", "lxc.prlimit.files = 1",
    "lxc.rootfs.path = floppy:/a", "lxc.net.0.ipv6.address = ::1/129", "lxc.idmap = u 0 4294967295 2", "lxc.signal.halt = 99",
    "lxc.init.uid = root", "lxc.proc.../etc/passwd = x", "lxc.console.size = 5K",
];

#[test]
fn what_lxc_refuses_is_refused() {
    let wrong = |entries: &[&'static str], peer: bool| {
        let differs = |entry: &str| {
            let config = alone(entry);
            peer_reads(&config) != peer || Containers::with(&config).ours().is_ok()
        };
        entries.iter().copied().filter(|entry| differs(entry)).collect::<Vec<_>>()
    };
    assert_eq!(wrong(REFUSED, false), Vec::<&str>::new());
    assert_eq!(wrong(REFUSED_HERE, true), Vec::<&str>::new());
}

#[test]
fn what_is_saved_is_what_lxc_saves() {
    let text = include_str!("files/written.conf");
    let containers = Containers::with(text);
    let created = Command::new("lxc-create")
        .args(["-n", "new", "-t", "none", "-P"])
        .arg(containers.directory.path())
        .arg("-f")
        .arg(containers.file())
        .output()
        .expect("lxc-create");
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let saved =
        std::fs::read(containers.directory.path().join("new/config")).expect("a configuration");
    let ours = containers.ours().expect("read").to_bytes();
    assert_eq!(ours, text.as_bytes());
    // It loses blank lines.
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&saved), lines(&ours));
}

#[test]
fn old_files_become_what_lxc_makes_of_them() {
    for old in [include_str!("files/old.conf"), include_str!("files/old-networks.conf")] {
        let containers = Containers::with(old);
        let file = containers.file();
        let ours = update::update(&Text::read(old.as_bytes()));
        let tool = Command::new("lxc-update-config")
            .arg("-c")
            .arg(&file)
            .current_dir(containers.directory.path())
            .output()
            .expect("lxc-update-config");
        assert!(tool.status.success(), "{}", String::from_utf8_lossy(&tool.stderr));
        assert_eq!(std::fs::read_to_string(update::backup_of(&file)).expect("a backup"), old);
        let theirs = std::fs::read_to_string(&file).expect("a configuration");
        assert_eq!(String::from_utf8(ours.to_bytes()).expect("text"), theirs);
        containers.ours().expect("a new configuration");
        assert!(update::is_old(&Text::read(old.as_bytes())) && !update::is_old(&ours));
    }
}

#[test]
fn the_machines_configuration_is_what_lxc_says() {
    let ours = match from_disk(&Owner::Root.file(), 1 << 20) {
        Ok(lxc::config::read::Included::File(contents)) => {
            System::read(&Owner::Root.file(), &contents.bytes, &Owner::Root).expect("lxc.conf")
        }
        _ => System::defaults(&Owner::Root),
    };
    for key in SYSTEM_KEYS {
        let told = Command::new("lxc-config").arg(key).output().expect("lxc-config");
        let told = String::from_utf8(told.stdout).expect("text");
        let value = ours.get(key).expect(key).unwrap_or_else(|| format!("{key} is not set."));
        assert_eq!(told, format!("{value}\n"));
    }
}

#[test]
fn what_distributions_include_is_read() {
    let directory = Path::new("/usr/share/lxc/config");
    let shared = std::fs::read_dir(directory).expect("lxc's package is installed");
    let shared = shared.map(|entry| entry.expect("an entry").path());
    let mut read = 0;
    for path in shared.chain([System::defaults(&Owner::Root).default_config]) {
        if path.extension().is_some_and(|extension| extension == "conf") {
            let document = Document::open(&path, &Limits::default())
                .unwrap_or_else(|error| panic!("{error}: {}", error.problem));
            assert_eq!(
                (document.foreign().len(), document.refused().len()),
                (0, 0),
                "{}",
                path.display()
            );
            read += 1;
        }
    }
    assert!(read > 4, "{read}");
}

/// What the package brings for all containers runs, with the filter that it names.
#[test]
fn what_the_package_brings_is_mapped() {
    let directory = Path::new("/usr/share/lxc/config");
    for (name, groups) in [
        ("common.conf", GroupVersion::One),
        ("common.conf", GroupVersion::Two),
        ("oci.common.conf", GroupVersion::Two),
    ] {
        let text = format!(
            "lxc.include = {0}/{name}\nlxc.include = {0}/userns.conf\n",
            directory.display()
        );
        let document = Document::read(
            Path::new("config"),
            text.as_bytes(),
            &Limits::default(),
            &mut from_disk,
        )
        .expect(name);
        let filter = document.values().security.seccomp_profile.as_ref();
        let filter = filter.map(|path| std::fs::read_to_string(path).expect("a filter"));
        let around = Surroundings { groups, seccomp: filter.as_deref(), ..surroundings() };
        let mapped = map(document.values(), &around).expect(name);
        let told = mapped.told.iter().filter(|told| told.key == "lxc.seccomp.profile");
        assert_eq!(told.count(), 0, "{:?}", mapped.told);
    }
}
