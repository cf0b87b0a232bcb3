//! What LXC's keys are in a container that runs: a configuration becomes a request, and the engine runs it.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use engine::{CniPaths, Engine, EngineConfig, Paths};
    use libcontainer::seccomp::Architecture;
    use lxc::config::Config;
    use lxc::mapping::{GroupVersion, Purpose, Surroundings, map};
    use testkit::Corten;

    const IDS: [(&str, &str); 2] =
        [("lxc.idmap", "u 0 100000 65536"), ("lxc.idmap", "g 0 100000 65536")];

    fn unified() -> bool {
        Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
    }

    struct Scene {
        corten: Corten,
        root: PathBuf,
    }

    impl Scene {
        fn new() -> Self {
            let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
            let root = corten.directory().join("rootfs");
            testkit::busybox_rootfs(&root);
            Self { corten, root }
        }

        fn engine(&self) -> Engine {
            let paths = Paths { root: self.corten.root(), state: self.corten.state() };
            let cni = CniPaths::default();
            let program = env!("CARGO_BIN_EXE_corten").into();
            let (secret_key, keeper, bus) = (None, None, None);
            Engine::open(EngineConfig { paths, program, secret_key, cni, keeper, bus }).unwrap()
        }

        /// A container `web` of these keys that runs a script as its init and nothing else, without a console.
        fn create(&self, entries: &[(&str, &str)], script: &str) -> Result<(), String> {
            let mut config = Config::default();
            let root = self.root.to_str().unwrap();
            let init = format!("/bin/sh -c '{script}'");
            for (key, value) in [
                ("lxc.rootfs.path", root),
                ("lxc.net.0.type", "empty"),
                ("lxc.console.path", "none"),
                ("lxc.init.cmd", &init),
            ]
            .iter()
            .chain(entries)
            {
                config.set(key, value).unwrap();
            }
            let around = Surroundings {
                name: "web",
                directory: self.corten.directory(),
                purpose: Purpose::Start,
                host_name: "machine",
                groups: if unified() { GroupVersion::Two } else { GroupVersion::One },
                own_group: None,
                architecture: Architecture::native(),
                fstab: None,
                seccomp: None,
                variable: &|_| None,
                is_there: &Path::exists,
            };
            let mapped = map(&config, &around).map_err(|refusals| refusals.to_string())?;
            let engine = self.engine();
            let made = engine.containers().create(&mapped.request);
            made.map(drop).map_err(|error| engine::chain(&error))
        }

        /// What the script of such a container writes, which is gone afterwards.
        fn seen(&self, entries: &[(&str, &str)], script: &str) -> String {
            self.create(entries, script).unwrap();
            let ended = self.corten.run(&["start", "-a", "web"]);
            self.corten.ok(&["rm", "-f", "web"]);
            assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
            ended.stdout.trim_end().to_owned()
        }

        fn refusal(&self, entries: &[(&str, &str)]) -> String {
            self.create(entries, "true").unwrap_err()
        }
    }

    #[test]
    fn a_directory_is_the_root_itself() {
        let scene = Scene::new();
        assert_eq!(scene.seen(&[], "echo own >/made; cat /made"), "own");
        assert_eq!(fs::read_to_string(scene.root.join("made")).unwrap(), "own\n");
        let options = [("lxc.rootfs.options", "nosuid,noatime")];
        let seen = scene.seen(&options, "head -1 /proc/self/mounts");
        assert!(seen.contains("nosuid") && seen.contains("noatime"), "{seen}");
        let why = scene.refusal(&[("lxc.rootfs.options", "subvol=a")]);
        assert!(why.contains("subvol=a"), "{why}");
        let mapped = [IDS[0], IDS[1], ("lxc.rootfs.options", "idmap=container")];
        assert_eq!(scene.seen(&mapped, "stat -c %u /made"), "0");
        assert_eq!(scene.seen(&IDS, "stat -c %u /made"), "65534");
    }

    #[test]
    fn directories_are_merged_and_changes_go_to_the_named_one() {
        let scene = Scene::new();
        let [upper, lower] = ["delta0", "lower"].map(|name| scene.corten.directory().join(name));
        fs::create_dir(&upper).unwrap();
        fs::create_dir(&lower).unwrap();
        testkit::write(lower.join("below"), "below").unwrap();
        let path =
            format!("overlay:{}:{}:{}", lower.display(), scene.root.display(), upper.display());
        let overlay = [("lxc.rootfs.path", path.as_str())];
        assert_eq!(scene.seen(&overlay, "cat /below; rm /below; echo own >/made"), "below");
        assert_eq!(fs::read_to_string(upper.join("made")).unwrap(), "own\n");
        assert!(lower.join("below").exists() && !scene.root.join("made").exists());
        // What was changed is there again.
        assert_eq!(scene.seen(&overlay, "cat /made; test -e /below || echo gone"), "own\ngone");
    }

    #[test]
    fn without_a_root_it_has_the_hosts() {
        let scene = Scene::new();
        let here = scene.corten.directory().join("here");
        testkit::write(&here, "here").unwrap();
        let script = format!("cat {}", here.display());
        assert_eq!(scene.seen(&[("lxc.rootfs.path", "dir:/")], &script), "here");
    }

    /// The machine's own side, in the network namespace of the test.
    fn ip(line: &str) {
        let done = Command::new("ip").args(line.split(' ')).status().unwrap();
        assert!(done.success(), "ip {line}");
    }

    fn is_there(interface: &str) -> bool {
        Path::new("/proc/thread-self/net/dev_snmp6").join(interface).exists()
    }

    #[test]
    fn a_pair_is_at_the_bridge_with_the_addresses_that_were_said() {
        let scene = Scene::new();
        ip("link add br0 type bridge");
        ip("address add 10.77.0.1/24 dev br0");
        ip("link set br0 up");
        let pair = [
            ("lxc.net.1.type", "veth"),
            ("lxc.net.1.link", "br0"),
            ("lxc.net.1.flags", "up"),
            ("lxc.net.1.name", "lan"),
            ("lxc.net.1.mtu", "1400"),
            ("lxc.net.1.hwaddr", "00:16:3e:00:00:01"),
            ("lxc.net.1.ipv4.address", "10.77.0.2/24"),
            ("lxc.net.1.ipv4.gateway", "auto"),
            ("lxc.net.1.veth.pair", "vethweb"),
        ];
        let script = "cat /sys/class/net/lan/mtu /sys/class/net/lan/address; ip route; \
                      ping -q -c 1 10.77.0.1 >/dev/null && echo reached";
        for users in [&[][..], &IDS] {
            let seen = scene.seen(&[&pair[..], users].concat(), script);
            let expected = "1400\n00:16:3e:00:00:01\ndefault via 10.77.0.1 dev lan \n\
                            10.77.0.0/24 dev lan scope link  src 10.77.0.2 \nreached";
            assert_eq!(seen, expected);
            assert!(!is_there("vethweb"), "it outlives its container");
        }
    }

    #[test]
    fn interfaces_of_the_machine_come_back_from_their_container() {
        let scene = Scene::new();
        ip("link add wan9 type veth peer name other9");
        let physical = [
            ("lxc.net.1.type", "phys"),
            ("lxc.net.1.link", "wan9"),
            ("lxc.net.1.name", "wan"),
            ("lxc.net.1.flags", "up"),
            ("lxc.net.2.type", "macvlan"),
            ("lxc.net.2.link", "br1"),
            ("lxc.net.2.macvlan.mode", "bridge"),
        ];
        ip("link add br1 type bridge");
        ip("link set br1 up");
        assert_eq!(scene.seen(&physical, "cd /sys/class/net; ls -d eth0 wan"), "eth0\nwan");
        assert!(is_there("wan9"), "it went with its container");
    }

    #[test]
    fn what_an_interface_is_on_has_to_be_there() {
        let scene = Scene::new();
        let pair = [("lxc.net.1.type", "veth"), ("lxc.net.1.link", "nowhere")];
        scene.create(&pair, "true").unwrap();
        let refused = scene.corten.run(&["start", "web"]);
        assert!(refused.code != 0 && refused.stderr.contains("nowhere"), "{refused:?}");
        scene.corten.ok(&["rm", "web"]);
    }

    #[test]
    fn its_network_is_its_own_to_configure() {
        let scene = Scene::new();
        testkit::write(scene.root.join("etc/resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
        let seen =
            scene.seen(&[], "cat /etc/resolv.conf /proc/sys/net/ipv4/ip_unprivileged_port_start");
        assert_eq!(seen, "nameserver 192.0.2.1\n1024");
    }

    #[test]
    fn files_of_groups_are_written_by_their_names() {
        let scene = Scene::new();
        let (key, value, file) = if unified() {
            ("lxc.cgroup2.memory.high", "67108864", "memory.high")
        } else {
            ("lxc.cgroup.cpuset.memory_migrate", "1", "cpuset/cpuset.memory_migrate")
        };
        let script = format!("cat /sys/fs/cgroup/{file}");
        assert_eq!(scene.seen(&[(key, value)], &script), value);
        let prefix = if unified() { "lxc.cgroup2" } else { "lxc.cgroup" };
        for name in ["nobody.file", "cgroup.procs"] {
            let why = scene.refusal(&[(&format!("{prefix}.{name}"), "1")]);
            assert!(why.contains(name), "{why}");
        }
    }

    #[test]
    fn clocks_and_the_machine_are_what_is_said_of_them() {
        let scene = Scene::new();
        let said = [("lxc.time.offset.boot", "10000000s"), ("lxc.arch", "i686")];
        let seen = scene.seen(&said, "cut -c 1-8 /proc/uptime; uname -m");
        let (uptime, machine) = seen.split_once('\n').unwrap();
        assert!(uptime.parse::<u64>().unwrap() >= 10_000_000, "{seen}");
        let own = Command::new("uname").arg("-m").output().unwrap().stdout;
        assert_ne!(machine, String::from_utf8_lossy(&own).trim());
    }

    #[test]
    fn file_systems_of_the_kernel_are_written_as_far_as_is_said() {
        let scene = Scene::new();
        let groups = if unified() { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/pids" };
        let script = format!(
            "for place in {groups} /sys; do \
             grep -q \" $place [a-z0-9]* ro\" /proc/self/mounts && echo ro || echo rw; done; \
             mkdir {groups}/own 2>/dev/null && rmdir {groups}/own && echo divided; true"
        );
        for (auto, expected) in [
            ("proc:mixed sys:rw cgroup:rw:force", "rw\nrw\ndivided"),
            ("proc:mixed sys:mixed cgroup:mixed", "rw\nro\ndivided"),
            ("sys:ro cgroup:ro", "ro\nro"),
        ] {
            assert_eq!(scene.seen(&[("lxc.mount.auto", auto)], &script), expected, "{auto}");
        }
    }

    #[test]
    fn mounts_are_of_any_kind_and_optional_ones_are_left_out() {
        let scene = Scene::new();
        let kept = scene.corten.directory().join("kept");
        fs::create_dir(&kept).unwrap();
        testkit::write(kept.join("file"), "kept").unwrap();
        let bound = format!("{} srv/kept none bind,create=dir", kept.display());
        let entries = [
            ("lxc.mount.entry", "none run tmpfs size=1m,mode=750"),
            ("lxc.mount.entry", "mqueue dev/mqueue mqueue rw,relatime,create=dir,optional"),
            ("lxc.mount.entry", "/proc/sys/fs proc/sys/fs none bind,optional"),
            ("lxc.mount.entry", "/not/there not/there none bind,optional,create=dir"),
            ("lxc.mount.entry", &bound),
        ];
        let script = "stat -c %a /run; grep -c mqueue /proc/self/mounts; cat /srv/kept/file; \
                      test -e /not && echo there; true";
        assert_eq!(scene.seen(&entries, script), "750\n1\nkept");
    }

    /// Kernels without it, and machines whose cores have one thread, say so.
    #[test]
    fn cores_are_shared_with_nobody_or_the_start_says_why_not() {
        let scene = Scene::new();
        scene.create(&[("lxc.sched.core", "1")], "true").unwrap();
        let ended = scene.corten.run(&["start", "-a", "web"]);
        let why = ["no core scheduling", "one thread each"];
        let is_told = why.iter().any(|why| ended.stderr.contains(why));
        assert!(if ended.code == 0 { ended.stderr.is_empty() } else { is_told }, "{ended:?}");
        scene.corten.ok(&["rm", "-f", "web"]);
        let shared = [("lxc.sched.core", "1"), ("lxc.namespace.keep", "pid")];
        assert!(scene.refusal(&shared).contains("lxc.sched.core"));
    }
}
