//! What configurations become: a few whole ones as golden texts, every key by itself, and refusals by name.
#![cfg(test)]

use std::fmt::Write as _;
use std::path::Path;

use engine::config::{ContainerConfig, RootPlace};
use lxc::config::keys::{Form, KEYS, NETWORK_KEYS, ROOT_MOUNT};
use lxc::config::read::from_disk;
use lxc::config::support::{Support, support};
use lxc::config::{Config, Document, Limits};
use lxc::mapping::{GroupVersion, Mapped, Purpose, Surroundings, map};

mod surroundings;
use surroundings::surroundings;

const SYSTEMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/systems");

/// The configuration of a file, with those that it includes from beside it.
fn read(name: &str) -> Config {
    let directory = Path::new(SYSTEMS);
    let mut beside = |path: &Path, most: u64| from_disk(&directory.join(path), most);
    let include = format!("lxc.include = {name}\n");
    let document =
        Document::read(Path::new("top"), include.as_bytes(), &Limits::default(), &mut beside);
    document.expect(name).values().clone()
}

fn config(entries: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    for (key, value) in entries {
        config.set(key, value).expect(key);
    }
    config
}

/// A mapping as text: the engine's part as what of it is not the default.
fn shown(mapped: &Mapped) -> String {
    let value = |config| serde_json::to_value(config).expect("JSON");
    let (mut own, default) = (value(&mapped.request.config), value(&ContainerConfig::default()));
    own.as_object_mut().expect("fields").retain(|name, value| default[name] != *value);
    let Mapped { tools, told, .. } = mapped;
    let mut text = serde_json::to_string_pretty(&own).expect("JSON");
    write!(text, "\n\nhooks: {:?}\nhook_environment: {:#?}\n", tools.hooks, tools.hook_environment)
        .expect("text");
    write!(
        text,
        "start: {:?}\nconsole: {:?}\nmonitor: {:?}\n",
        tools.start, tools.console, tools.monitor
    )
    .expect("text");
    write!(
        text,
        "{:?}\nephemeral: {}\nroot_managed: {}\nshared_mounts: {:?}\n\n",
        tools.signals, tools.ephemeral, tools.root_managed, tools.shared_mounts
    )
    .expect("text");
    told.iter().for_each(|told| writeln!(text, "told: {told}").expect("text"));
    // Of which another architecture has another one.
    text.replace(ROOT_MOUNT, "ROOT_MOUNT")
}

/// What it says of each key that it refuses.
fn refusals(entries: &[(&str, &str)], around: &Surroundings<'_>) -> Vec<String> {
    match map(&config(entries), around) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.refusals.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn whole_systems_become_these() {
    let around = surroundings();
    for name in ["debian", "busybox", "user", "networks"] {
        let mapped = map(&read(&format!("{name}.conf")), &around).expect(name);
        insta::assert_snapshot!(name, shown(&mapped));
    }
    let nothing = map(&Config::default(), &around).expect("nothing");
    insta::assert_snapshot!("nothing", shown(&nothing));
}

/// One with users of its own needs to see `/proc` and `/sys` whole; AppArmor lets either mount, unless a profile of its own is named.
#[test]
fn a_container_that_may_make_others() {
    const NESTING: (&str, &str) = ("lxc.apparmor.allow_nesting", "1");
    const USERS: [(&str, &str); 2] =
        [("lxc.idmap", "u 0 100000 65536"), ("lxc.idmap", "g 0 100000 65536")];
    let asked = |entries: &[(&str, &str)]| {
        let mapped = map(&config(entries), &surroundings()).expect("it starts");
        let security = mapped.request.config.security;
        let told = mapped.told.into_iter().map(|told| told.key).collect::<Vec<_>>();
        ((security.profile_of_systems, security.nesting), told)
    };
    assert_eq!(asked(&[("lxc.apparmor.allow_nesting", "0")]), ((false, false), vec![]));
    assert_eq!(asked(&[NESTING]), ((true, false), vec![]));
    assert_eq!(asked(&[NESTING, USERS[0], USERS[1]]), ((true, true), vec![]));
    let named = [("lxc.apparmor.profile", "mine"), NESTING, USERS[0], USERS[1]];
    assert_eq!(asked(&named), ((false, true), vec![NESTING.0.to_owned()]));
}

#[test]
fn the_request_is_for_nobodys_image() {
    let mapped = map(&Config::default(), &surroundings()).expect("nothing");
    let request = mapped.request;
    assert_eq!((request.name.as_deref(), request.image.as_str()), (Some("web"), ""));
    assert_eq!(request.entrypoint, Some(Vec::new()));
    assert_eq!(request.config.rootfs, Some(RootPlace::directory("/")));
}

/// A value for each key that is not what holds without it, with what has to be set before.
fn sample(key: &str) -> (&'static str, &'static [(&'static str, &'static str)]) {
    const LOG: &[(&str, &str)] = &[("lxc.console.logfile", "/log")];
    const KEPT: &[(&str, &str)] = &[("lxc.idmap", "g 0 100000 1000")];
    let value = match key {
        "lxc.apparmor.profile" => "mine",
        "lxc.apparmor.raw" => "deny /proc/kcore rw,",
        "lxc.arch" => "i686",
        "lxc.autodev" => "0",
        "lxc.cap.drop" | "lxc.cap.keep" => "chown",
        "lxc.cgroup" | "lxc.cgroup2" => ".pids.max=5",
        "lxc.console.buffer.size" => "auto",
        "lxc.console.size" => return ("auto", LOG),
        "lxc.console.rotate" => return ("1", LOG),
        "lxc.console.path" => "none",
        "lxc.environment" | "lxc.environment.hooks" | "lxc.environment.runtime" => "A=b",
        "lxc.execute.cmd" | "lxc.init.cmd" => "/bin/other",
        "lxc.idmap" => return ("u 0 100000 1000", KEPT),
        "lxc.log.level" => "info",
        "lxc.log.syslog" => "daemon",
        "lxc.mount.auto" => "sys:rw",
        "lxc.mount.entry" => "/srv srv none bind",
        "lxc.namespace.clone" => "mnt ipc",
        "lxc.namespace.keep" => "ipc",
        "lxc.namespace.share" => ".net=other",
        "lxc.prlimit" => ".nofile=5",
        "lxc.proc" => ".oom_score_adj=5",
        "lxc.rootfs.managed" => "0",
        "lxc.rootfs.options" => "nosuid",
        "lxc.seccomp.notify.proxy" => "unix:/run/proxy",
        "lxc.selinux.context" | "lxc.selinux.context.keyring" => "a:b:c:s0",
        "lxc.sysctl" => ".net.ipv4.ip_forward=1",
        "lxc.time.offset.boot" | "lxc.time.offset.monotonic" => "5s",
        key if key.starts_with("lxc.cgroup.dir")
            || key.starts_with("lxc.hook.") && key != "lxc.hook.version" =>
        {
            "other"
        }
        "lxc.group" | "lxc.uts.name" | "lxc.tty.dir" | "lxc.seccomp.notify.cookie" => "other",
        "lxc.console.logfile"
        | "lxc.log.file"
        | "lxc.mount.fstab"
        | "lxc.rootfs.mount"
        | "lxc.rootfs.path"
        | "lxc.seccomp.profile"
        | "lxc.init.cwd" => "/other",
        _ => "1",
    };
    (value, &[])
}

/// Part of a mapping, to be compared.
fn part(mapped: &Mapped, of: Support) -> String {
    match of {
        Support::Engine(_) => format!("{:?}", mapped.request),
        Support::Tools(_) => format!("{:?}", mapped.tools),
        Support::Always(_) | Support::Refused(_) => String::new(),
    }
}

/// Sets a key and looks whether what is said of it happens.
fn check(key: &str, entry: (&str, &str), before: &[(&str, &str)], around: &Surroundings<'_>) {
    let of = support(key);
    let entries = |all: &[(&str, &str)]| map(&config(all), around);
    let with = [before, &[entry]].concat();
    match (of, entries(&with)) {
        (Support::Refused(_), Err(refusals)) => {
            assert!(
                refusals.refusals.iter().any(|refusal| refusal.key == entry.0),
                "{key}: {refusals}"
            );
        }
        (Support::Refused(_), Ok(_)) => panic!("{key} is not refused"),
        (_, Err(refusals)) => panic!("{key}: {refusals}"),
        (_, Ok(mapped)) => {
            // What has to be set before may not be a whole by itself.
            let without = entries(before).map(|mapped| part(&mapped, of)).unwrap_or_default();
            assert_ne!(part(&mapped, of), without, "{key} is passed over");
        }
    }
}

/// Nothing is passed over: each key changes what it is said to change, or is refused by its name.
#[test]
fn every_key_does_what_is_said_of_it() {
    let mut around = surroundings();
    for known in KEYS.iter().filter(|known| known.form != Form::Order) {
        if matches!(support(known.name), Support::Always(_)) {
            continue;
        }
        let (value, before) = sample(known.name);
        let (name, value) = match value.strip_prefix('.').and_then(|named| named.split_once('=')) {
            Some((name, value)) => (format!("{}.{name}", known.name), value),
            None => (known.name.to_owned(), value),
        };
        around.groups =
            if known.name == "lxc.cgroup" { GroupVersion::One } else { GroupVersion::Two };
        around.purpose =
            if known.name == "lxc.execute.cmd" { Purpose::Execute(&[]) } else { Purpose::Start };
        check(known.name, (&name, value), before, &around);
    }
}

/// Those of which there is one value that is so for every container; all others are refused.
#[test]
fn what_is_so_for_every_container_has_no_other_value() {
    let around = surroundings();
    let plain = part(&map(&Config::default(), &around).expect("nothing"), Support::Engine(""));
    let mut seen = 0;
    for (key, taken, refused) in [
        ("lxc.apparmor.allow_incomplete", &["0", "1"][..], None),
        ("lxc.autodev", &["1"], Some("0")),
        ("lxc.keyring.session", &["0"], Some("1")),
        ("lxc.monitor.signal.pdeath", &["0"], Some("SIGKILL")),
        ("lxc.seccomp.allow_nesting", &["0", "1"], None),
    ] {
        assert!(matches!(support(key), Support::Always(_)), "{key}");
        seen += 1;
        for value in taken {
            let mapped = map(&config(&[(key, value)]), &around).expect(key);
            assert_eq!(part(&mapped, Support::Engine("")), plain, "{key}");
        }
        if let Some(value) = refused {
            let refusals = refusals(&[(key, value)], &around);
            assert!(refusals.len() == 1 && refusals[0].starts_with(key), "{refusals:?}");
        }
    }
    let all = KEYS.iter().filter(|known| known.form != Form::Order);
    let all = all.filter(|known| matches!(support(known.name), Support::Always(_)));
    assert_eq!(all.count(), seen);
}

#[test]
fn every_key_of_a_network_does_what_is_said_of_it() {
    let around = surroundings();
    for known in NETWORK_KEYS.iter().filter(|known| known.name != "veth.mode") {
        let value = match known.name {
            "type" => "none",
            "flags" => "up",
            "hwaddr" => "00:16:3e:00:00:01",
            "ipv4.address" => "10.0.0.2/24",
            "ipv4.gateway" => "10.0.0.1",
            "ipv6.address" => "fd00::2/64",
            "ipv6.gateway" => "fd00::1",
            "ipvlan.isolation" => "vepa",
            "ipvlan.mode" => "l2",
            "macvlan.mode" => "bridge",
            "veth.ipv4.route" => "10.0.0.0/24",
            "veth.ipv6.route" => "fd00::/64",
            "link" | "name" | "veth.pair" => "other",
            "script.up" | "script.down" => "/other",
            _ => "7",
        };
        let value = if known.name == "l2proxy" { "1" } else { value };
        let kind = match known.name.split_once('.') {
            Some((kind @ ("ipvlan" | "macvlan" | "vlan"), _)) => kind,
            _ => "veth",
        };
        let link = ("lxc.net.0.link", "eth0");
        let number = ("lxc.net.0.vlan.id", "5");
        let mut before = vec![("lxc.net.0.type", kind), link];
        if kind == "vlan" {
            before.push(number);
        }
        if known.name.ends_with("gateway") {
            before.push(("lxc.net.0.flags", "up"));
        }
        if known.name == "type" {
            before.clear();
        }
        let key = format!("lxc.net.0.{}", known.name);
        check(&format!("lxc.net.*.{}", known.name), (&key, value), &before, &around);
    }
}

/// Entries, where they are mapped, and how one of the refusals begins.
type Case = (&'static [(&'static str, &'static str)], fn() -> Surroundings<'static>, &'static str);

#[rustfmt::skip]
const REFUSED: &[Case] = &[
    (&[("lxc.rootfs.path", "zfs:tank/web")], surroundings, "lxc.rootfs.path: a data set of ZFS is not mounted"),
    (&[("lxc.rootfs.path", "overlay:/a")], surroundings, "lxc.rootfs.path: it is not of the form overlay:"),
    (&[("lxc.rootfs.options", "idmap=container")], surroundings, "lxc.rootfs.options: idmap=container needs lxc.idmap"),
    (&[("lxc.mount.entry", "/a ../b none bind")], surroundings, "lxc.mount.entry: /a ../b none bind: it leads out"),
    (&[("lxc.mount.entry", "/a . none bind")], surroundings, "lxc.mount.entry: /a . none bind: it would be mounted over the root"),
    (&[("lxc.mount.entry", "a b none bind")], surroundings, "lxc.mount.entry: a b none bind: its source is not absolute"),
    (&[("lxc.mount.entry", "a b none rslave")], surroundings, "lxc.mount.entry: a b none rslave: it neither binds"),
    (&[("lxc.mount.entry", "/a b none bind,idmap=/x")], surroundings, "lxc.mount.entry: /a b none bind,idmap=/x: owners"),
    (&[("lxc.rootfs.path", "/srv"), ("lxc.mount.entry", "/a /elsewhere none bind")], surroundings, "lxc.mount.entry: /a /elsewhere none bind: it is mounted beside"),
    (&[("lxc.mount.entry", "/a proc/sys none bind")], surroundings, "lxc.mount.entry: /a proc/sys none bind: nothing is mounted over"),
    (&[("lxc.mount.fstab", "/tab")], unread, "lxc.mount.fstab: /tab was not read"),
    (&[("lxc.seccomp.profile", "/policy")], unread, "lxc.seccomp.profile: /policy was not read"),
    (&[("lxc.cgroup.relative", "1")], unread, "lxc.cgroup.relative: the group"),
    (&[("lxc.cgroup2.pids.max", "many")], surroundings, "lxc.cgroup2.pids.max: \"many\" is no number"),
    (&[("lxc.cgroup2.memory.max", "1M")], surroundings, "lxc.cgroup2.memory.max: the least is 6 MiB"),
    (&[("lxc.cgroup2.devices.deny", "c 1:3 r")], surroundings, "lxc.cgroup2.devices.deny: \"c 1:3 r\": single devices"),
    (&[("lxc.cgroup.cpu.shares", "-1")], version_one, "lxc.cgroup.cpu.shares: \"-1\" is no number"),
    (&[("lxc.environment", "NOWHERE")], surroundings, "lxc.environment: NOWHERE has no value"),
    (&[("lxc.init.cmd", "a 'b")], surroundings, "lxc.init.cmd: a quote is not closed"),
    (&[("lxc.init.cwd", "a")], surroundings, "lxc.init.cwd: it is not absolute"),
    (&[("lxc.prlimit.core", "unlimited:5")], surroundings, "lxc.prlimit.core: the soft limit"),
    (&[("lxc.proc.coredump_filter", "5")], surroundings, "lxc.proc.coredump_filter: of a process's files"),
    (&[("lxc.namespace.clone", "user mnt")], surroundings, "lxc.namespace.clone: a user namespace needs ids"),
    (&[("lxc.namespace.keep", "mnt")], surroundings, "lxc.namespace.keep: every container has mounts"),
    (&[("lxc.namespace.share.net", "42")], surroundings, "lxc.namespace.share.net: it is joined by the name"),
    (&[("lxc.namespace.share.uts", "a")], surroundings, "lxc.namespace.share.uts: of another container"),
    (&[("lxc.idmap", "u 0 1 1")], surroundings, "lxc.idmap: ids of users and of groups"),
    (&[("lxc.time.offset.boot", "1s"), ("lxc.namespace.keep", "time")], surroundings, "lxc.time.offset.boot: lxc.namespace.keep leaves"),
    (&[("lxc.net.4.type", "veth"), ("lxc.namespace.keep", "net")], surroundings, "lxc.net.4.type: the container's network is not its own: lxc.namespace.keep"),
    (&[("lxc.net.4.type", "phys")], surroundings, "lxc.net.4.link: network 4 of type phys needs a link"),
    (&[("lxc.net.4.type", "veth"), ("lxc.net.4.veth.mode", "router")], surroundings, "lxc.net.4.veth.mode: the machine is no router"),
    (&[("lxc.net.4.type", "veth"), ("lxc.net.4.script.up", "/up")], surroundings, "lxc.net.4.script.up: no script"),
    (&[("lxc.net.4.type", "veth"), ("lxc.net.4.hwaddr", "00:16:3e:xx:xx:xx")], surroundings, "lxc.net.4.hwaddr: its open digits"),
    (&[("lxc.net.4.type", "veth"), ("lxc.net.4.ipv4.gateway", "10.0.0.1")], surroundings, "lxc.net.4.ipv4.gateway: an interface that is down"),
    (&[("lxc.net.4.type", "phys"), ("lxc.net.4.link", "eth+")], surroundings, "lxc.net.4.link: every interface"),
    (&[("lxc.apparmor.profile", "unchanged")], surroundings, "lxc.apparmor.profile: no container keeps"),
    (&[("lxc.selinux.context", "a")], surroundings, "lxc.selinux.context: it is not of the form"),
    (&[("lxc.cgroup.dir.monitor", "a")], surroundings, "lxc.cgroup.dir.monitor: a monitor stays"),
];

fn version_one() -> Surroundings<'static> {
    Surroundings { groups: GroupVersion::One, ..surroundings() }
}

/// Nothing more than the configuration was read.
fn unread() -> Surroundings<'static> {
    Surroundings { fstab: None, seccomp: None, own_group: None, ..surroundings() }
}

#[test]
fn refusals_name_their_keys() {
    for (entries, around, expected) in REFUSED {
        let refusals = refusals(entries, &around());
        let is_it = |refusal: &String| refusal.starts_with(expected);
        assert!(refusals.iter().any(is_it), "{expected}\n{refusals:?}");
    }
}

#[test]
fn all_refusals_come_at_once() {
    let entries = [("lxc.autodev", "0"), ("lxc.init.cwd", "a"), ("lxc.environment", "NOWHERE")];
    let error = map(&config(&entries), &surroundings()).expect_err("three").to_string();
    for (key, _) in entries {
        assert_eq!(error.matches(&format!("{key}: ")).count(), 1, "{error}");
    }
    assert!(error.starts_with("run web as its configuration says: "), "{error}");
}

#[test]
fn lines_of_the_table_of_mounts_are_refused_with_their_numbers() {
    let around = Surroundings { fstab: Some("proc proc proc\n\n/a\n"), ..surroundings() };
    let refusals = refusals(&[("lxc.mount.fstab", "/tab")], &around);
    assert!(
        refusals.len() == 1 && refusals[0].starts_with("lxc.mount.fstab: /tab:3: "),
        "{refusals:?}"
    );
    let long = "#".repeat((1 << 20) + 1);
    let around = Surroundings { fstab: Some(&long), ..surroundings() };
    let refusals = self::refusals(&[("lxc.mount.fstab", "/tab")], &around);
    assert!(refusals[0].contains("more than 1048576 bytes"), "{refusals:?}");
}

#[test]
fn limits_of_version_one_are_the_engines() {
    let around = version_one();
    let entries = [
        ("lxc.cgroup.memory.limit_in_bytes", "64M"),
        ("lxc.cgroup.memory.memsw.limit_in_bytes", "96M"),
        ("lxc.cgroup.cpu.shares", "512"),
        ("lxc.cgroup.cpu.cfs_quota_us", "50000"),
        ("lxc.cgroup.net_cls.classid", "0x100001"),
        ("lxc.cgroup2.pids.max", "5"),
    ];
    let mapped = map(&config(&entries), &around).expect("limits");
    let limits = &mapped.request.config.limits;
    assert_eq!((limits.memory_bytes, limits.memory_swap_bytes), (Some(64 << 20), Some(96 << 20)));
    assert_eq!(
        (limits.cpu_shares, limits.cpu_quota_us, limits.pids),
        (Some(512), Some(50_000), None)
    );
    let files: Vec<_> =
        mapped.request.config.group_files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["net_cls.classid"]);
    let told: Vec<_> = mapped.told.iter().map(|told| told.key.as_str()).collect();
    assert_eq!(told, ["lxc.cgroup2.pids.max"]);
}

#[test]
fn memory_alone_leaves_swap_alone() {
    let mapped =
        map(&config(&[("lxc.cgroup2.memory.max", "64M")]), &surroundings()).expect("limits");
    assert_eq!(mapped.request.config.limits.memory_swap_bytes, Some(-1));
    let mapped =
        map(&config(&[("lxc.cgroup2.memory.swap.max", "0")]), &surroundings()).expect("limits");
    assert_eq!(mapped.request.config.limits.memory_swap_bytes, None);
    assert_eq!(mapped.request.config.group_files[0].name, "memory.swap.max");
}

#[test]
fn words_of_the_command_line_come_first() {
    let words = ["/bin/a".to_owned(), "b c".to_owned()];
    let around = Surroundings { purpose: Purpose::Execute(&words), ..surroundings() };
    let mapped = map(&config(&[("lxc.execute.cmd", "/bin/x")]), &around).expect("words");
    assert_eq!(mapped.request.config.command, words);
    assert!(mapped.request.config.init);
    let around = Surroundings { purpose: Purpose::Execute(&[]), ..surroundings() };
    assert_eq!(refusals(&[], &around), ["lxc.execute.cmd: no program is named"]);
}

#[test]
fn shared_mounts_are_mounted_inside() {
    let mapped =
        map(&config(&[("lxc.mount.auto", "shmounts:/srv/m")]), &surroundings()).expect("mounts");
    let mount = &mapped.request.config.mounts[0];
    assert_eq!(
        (mount.target.as_path(), &mount.options[..]),
        (Path::new("/dev/.lxc-mounts"), &["rslave".to_owned()][..])
    );
    assert_eq!(mapped.tools.shared_mounts.expect("mounts").host, "/srv/m");
}
