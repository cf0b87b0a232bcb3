//! Plans without a kernel: what a default configuration comes to, line by line, and what is refused by which field.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use libcontainer::cgroup::{Controller, Hierarchy, Layout, LayoutKind};
    use libcontainer::{Context, Plan, RootSource, Step, TerminalChoices, chain, plan};
    use serde_json::{Value, json};

    fn context(root: RootSource) -> Context {
        let hierarchy = |name: &str, controllers: &[Controller]| Hierarchy {
            mount: format!("/sys/fs/cgroup/{name}").into(),
            unified: name == "unified",
            controllers: controllers.to_vec(),
            own: String::new(),
        };
        let hierarchies = vec![
            hierarchy("cpu,cpuacct", &[Controller::Cpu, Controller::Cpuacct]),
            hierarchy("memory", &[Controller::Memory]),
            hierarchy("pids", &[Controller::Pids]),
            hierarchy("devices", &[Controller::Devices]),
            hierarchy("unified", &[]),
        ];
        let layout = Layout { kind: LayoutKind::Hybrid, hierarchies };
        Context {
            root,
            cgroup_path: "/corten/web".into(),
            ..Context::new("web", "/bundle", layout)
        }
    }

    fn overlay() -> RootSource {
        let layer = |name: &str| PathBuf::from(format!("/var/lib/corten/layers/{name}"));
        RootSource::Overlay {
            lower: vec![layer("top"), layer("base")],
            upper: "/var/lib/corten/containers/web/upper".into(),
            work: "/var/lib/corten/containers/web/work".into(),
            at: "/var/lib/corten/containers/web/merged".into(),
            volatile: false,
            shared: None,
            shifted: false,
        }
    }

    fn default_configuration() -> Value {
        json!({
            "ociVersion": "1.3.0",
            "process": {
                "args": ["nginx", "-g", "daemon off;"],
                "env": ["PATH=/usr/bin:/bin"],
                "cwd": "/srv",
                "user": {"uid": 33, "gid": 33, "additionalGids": [4]},
                "noNewPrivileges": true,
                "capabilities": {
                    "bounding": ["CAP_CHOWN", "CAP_KILL"],
                    "effective": ["CAP_CHOWN", "CAP_KILL"],
                    "permitted": ["CAP_CHOWN", "CAP_KILL"]
                },
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}],
                "oomScoreAdj": 100
            },
            "root": {"path": "rootfs", "readonly": true},
            "hostname": "web",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance"]},
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
                {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
                {"destination": "/etc/hosts", "type": "bind", "source": "/run/hosts", "options": ["rbind", "rprivate", "ro"]},
                {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=1m"]}
            ],
            "linux": {
                "namespaces": [
                    {"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "ipc"}, {"type": "network"}, {"type": "cgroup"}
                ],
                "resources": {"memory": {"limit": 1048576}, "pids": {"limit": 100}},
                "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},
                "maskedPaths": ["/proc/kcore"],
                "readonlyPaths": ["/proc/sys"]
            }
        })
    }

    fn planned(configuration: Value) -> Result<Plan, String> {
        let spec = serde_json::from_value(configuration).unwrap();
        plan(&spec, &context(overlay())).map_err(|error| chain(&error))
    }

    /// Steps about the root of a container whose root is a directory, in place.
    fn in_place(configuration: Value, shifted: bool, words: &[&str]) -> Result<String, String> {
        let spec = serde_json::from_value(configuration).unwrap();
        let root = RootSource::Directory { path: "/var/lib/lxc/web/rootfs".into(), shifted };
        let root_options = words.iter().map(|&word| word.to_owned()).collect();
        let plan = plan(&spec, &Context { root_options, ..context(root) });
        let text = plan.map_err(|error| chain(&error))?.to_string();
        let about = text.lines().filter(|line| line.contains("root") && !line.contains("make"));
        Ok(about.map(|line| line[4..].to_owned()).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_directory_is_the_root_itself() {
        let own = default_configuration();
        insta::assert_snapshot!(in_place(own.clone(), false, &["nosuid", "noatime"]).unwrap(), @r"
        use /var/lib/lxc/web/rootfs as the root, in place
        change the root's mount (nosuid,noatime)
        pivot root
        ");
        let mut inside = own.clone();
        inside["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
        let map = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
        inside["linux"]["uidMappings"] = map.clone();
        inside["linux"]["gidMappings"] = map;
        insta::assert_snapshot!(in_place(inside.clone(), false, &[]).unwrap(), @r"
        use /var/lib/lxc/web/rootfs as the root, in place, with mapped ids
        pivot root
        ");
        insta::assert_snapshot!(in_place(inside, true, &["suid"]).unwrap(), @r"
        use /var/lib/lxc/web/rootfs as the root, in place
        change the root's mount, without (nosuid)
        pivot root
        ");
        for words in [&["subvol=a"][..], &["sync"], &["rshared"], &["idmap"], &["rro"]] {
            let why = in_place(own.clone(), false, words).unwrap_err();
            assert!(why.contains("root options"), "{why}");
        }
    }

    #[test]
    fn a_default_container_reads_as_a_list() {
        insta::assert_snapshot!(planned(default_configuration()).unwrap().to_string(), @r#"
         1  make cgroup /sys/fs/cgroup/cpu,cpuacct/corten/web
         2  make cgroup /sys/fs/cgroup/memory/corten/web
         3  make cgroup /sys/fs/cgroup/pids/corten/web
         4  make cgroup /sys/fs/cgroup/devices/corten/web
         5  make cgroup /sys/fs/cgroup/unified/corten/web
         6  set devices.deny = a
         7  set devices.allow = c *:* m
         8  set devices.allow = b *:* m
         9  set devices.allow = c 1:3 rwm
        10  set devices.allow = c 1:5 rwm
        11  set devices.allow = c 1:7 rwm
        12  set devices.allow = c 1:8 rwm
        13  set devices.allow = c 1:9 rwm
        14  set devices.allow = c 5:0 rwm
        15  set devices.allow = c 5:2 rwm
        16  set devices.allow = c 10:200 rwm
        17  set devices.allow = c 136:* rwm
        18  set memory.limit_in_bytes = 1048576
        19  set pids.max = 100
        20  make namespaces: mount, pid, network, ipc, uts, cgroup
        21  adjust the OOM score by 100
        22  set the host name "web"
        23  bring the loopback interface up
        24  keep mounts from spreading to and from the host
        25  mount overlay of 2 layers and /var/lib/corten/containers/web/upper on /var/lib/corten/containers/web/merged
        26  mount proc on /proc (nosuid,nodev,noexec)
        27  mount tmpfs on /dev (nosuid,strictatime,mode=755)
        28  fill /dev with null zero full random urandom tty fd stdin stdout stderr core ptmx
        29  mount devpts on /dev/pts (nosuid,noexec,newinstance)
        30  mount sysfs on /sys (ro,nosuid,nodev,noexec)
        31  bind tree /run/hosts on /etc/hosts (ro)
        32  enter the control groups
        33  mount tmpfs on /run (size=1m), with what was there
        34  write "0" to /proc/sys/net/ipv4/ip_unprivileged_port_start
        35  make a cgroup namespace
        36  mount 4 cgroup hierarchies below /sys/fs/cgroup read-only
        37  pivot root
        38  make /proc/sys read-only
        39  mask /proc/kcore
        40  make the root read-only
        41  wait at the gate
        42  make a session
        43  join the session keyring _ses.web
        44  limit nofile to 1024, at most 4096
        45  enter /srv
        46  look HOME up in /etc/passwd
        47  become user 33, group 33, 4
        48  bounding capabilities: chown kill
        49  permitted capabilities: chown kill
        50  effective capabilities: chown kill
        51  inheritable capabilities: none
        52  ambient capabilities: none
        53  set no_new_privs
        54  close every descriptor but the standard streams at exec
        55  exec "nginx" "-g" "daemon off;"
        "#);
    }

    #[test]
    fn where_and_when_it_runs_is_told_before_the_rights_go() {
        let mut configuration = with(
            "/process/scheduler",
            json!({"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 42000, "deadline": 100000}),
        );
        configuration["process"]["ioPriority"] = json!({"class": "IOPRIO_CLASS_IDLE"});
        configuration["process"]["execCPUAffinity"] = json!({"initial": "0", "final": "1,2,3"});
        configuration["linux"]["personality"] = json!({"domain": "LINUX32"});
        configuration["linux"]["memoryPolicy"] =
            json!({"mode": "MPOL_BIND", "nodes": "0,1", "flags": ["MPOL_F_STATIC_NODES"]});
        let plan = planned(configuration).unwrap();
        let text = plan.to_string();
        let from = text.find("limit nofile").unwrap();
        let to = text.find("become user").unwrap();
        insta::assert_snapshot!(text[from..to], @r"
        limit nofile to 1024, at most 4096
         45  run what joins on the CPUs 0 when entering
         46  run what joins on the CPUs 1-3 when inside
         47  set the I/O priority IOPRIO_CLASS_IDLE 0
         48  take memory by MPOL_BIND MPOL_F_STATIC_NODES of the nodes 0-1
         49  schedule by SCHED_DEADLINE SCHED_FLAG_RESET_ON_FORK, runtime 42000, deadline 100000
         50  run in the execution domain LINUX32
         51  enter /srv
         52  look HOME up in /etc/passwd
         53
        ");
        let file = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&file).unwrap(), plan);
    }

    #[test]
    fn variables_are_there_once_and_an_empty_home_is_none() {
        let env = |given: Value| {
            let process = planned(with("/process/env", given)).unwrap().process;
            (process.env.join(" "), process.home_missing)
        };
        assert_eq!(env(json!(["A=1", "HOME=/x", "A=2"])), ("HOME=/x A=2".into(), false));
        assert_eq!(env(json!(["HOME=/x", "HOME=", "B="])), ("B=".into(), true));
        assert_eq!(env(json!(["A=\n=B"])), ("A=\n=B".into(), true));
    }

    #[test]
    fn capabilities_that_cannot_be_given_are_told() {
        let sets = json!({
            "bounding": ["CAP_FLY", "CAP_KILL", "FLY_CAP"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
            "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL", "CAP_CHOWN"]
        });
        let process = planned(with("/process/capabilities", sets)).unwrap().process;
        let capabilities = process.capabilities.unwrap();
        assert_eq!((capabilities.bounding, capabilities.ambient), (1 << 5, 1 << 5));
        insta::assert_snapshot!(process.warnings.join("\n"), @r#"
        process.capabilities.bounding: ignoring unknown capability "CAP_FLY"
        process.capabilities.bounding: ignoring unknown capability "FLY_CAP"
        can't raise ambient capability CAP_CHOWN: it is not permitted and inheritable
        "#);
    }

    #[test]
    fn an_option_that_has_no_effect_is_told() {
        let mount = json!({"destination": "/a", "source": "/x", "options": ["bind", "size=1m"]});
        let process = planned(with("/mounts/-", mount)).unwrap().process;
        assert_eq!(
            process.warnings,
            [r#"mounts[7].options: "size=1m" has no effect on a bind mount"#]
        );
    }

    #[test]
    fn a_class_of_service_is_described() {
        let plan = |given: Value| planned(with("/linux/intelRdt", given));
        let lines = |given: Value| {
            let text = plan(given).unwrap().to_string();
            let schema = ["class", "schema", "watch"];
            let lines = text.lines().filter(|line| schema.iter().any(|word| line.contains(word)));
            lines.map(|line| line[5..].to_owned()).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(lines(json!({"closID": "/"})), "enter the class of service /");
        assert_eq!(
            lines(json!({"schemata": ["L2:0=f"], "enableMonitoring": true})),
            "make the class of service web of its own\nset the schema L2:0=f\n\
             enter the class of service web\nwatch it as the group web"
        );
        let gold = plan(json!({
            "closID": "gold", "schemata": ["L2:0=f"], "memBwSchema": "MB:0=20", "l3CacheSchema": "L3:0=7"
        }));
        let gold = gold.unwrap().resctrl.unwrap();
        assert_eq!(gold.schemata, ["L3:0=7", "MB:0=20", "L2:0=f"]);
        assert_eq!((gold.agreed, gold.own), (vec!["L3:0=7".into(), "MB:0=20".into()], false));
    }

    #[test]
    fn a_label_of_the_mounts_is_told() {
        let label = "system_u:object_r:container_file_t:s0:c1,c2";
        let text = planned(with("/linux/mountLabel", json!(label))).unwrap().to_string();
        assert!(text.contains(&format!("label what is mounted {label}\n")), "{text}");
    }

    #[test]
    fn network_devices_move_into_a_namespace_of_the_containers_own() {
        let devices = json!({"eth0": {}, "eth1": {"name": "box%d"}});
        let plan = planned(with("/linux/netDevices", devices.clone())).unwrap();
        let text = plan.to_string();
        assert!(text.contains("move the network device eth0 in\n"), "{text}");
        assert!(text.contains("move the network device eth1 in as box%d\n"), "{text}");
        let mut shared = with("/linux/netDevices", devices);
        shared["linux"]["namespaces"] = json!([{"type": "mount"}]);
        shared["linux"]["sysctl"] = json!({});
        shared["hostname"] = json!("");
        assert!(planned(shared).unwrap_err().starts_with("linux.netDevices: need a network"));
    }

    #[test]
    fn files_of_the_kernel_are_shown_before_the_root_changes() {
        let mut plan = planned(default_configuration()).unwrap();
        for target in ["/etc/passwd", "/proc", "/sys", "meminfo", "/proc/../etc/passwd"] {
            assert!(plan.show([target]).is_err(), "{target}");
        }
        assert!(plan.shown().is_empty());
        plan.show(["/proc/meminfo", "/sys/devices/system/cpu/online"]).unwrap();
        let text = plan.to_string();
        let lines: Vec<&str> = text.lines().map(|line| line[3..].trim()).collect();
        let told = "show the container's own /proc/meminfo /sys/devices/system/cpu/online";
        let at = lines.iter().position(|line| *line == told).unwrap();
        assert_eq!(lines[at + 1], "pivot root");
        let again: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(again.shown().len(), 2);
        let masked = with("/linux/maskedPaths", json!(["/proc/slabinfo"]));
        let mut plan = planned(masked).unwrap();
        plan.show(["/proc/slabinfo", "/proc/stat"]).unwrap();
        assert_eq!(plan.shown(), ["/proc/stat"].map(PathBuf::from));
        plan.namespaces.create.clear();
        assert!(plan.show(["/proc/stat"]).is_err());
    }

    #[test]
    fn terminals_follow_the_console() {
        let spec = with("/process/terminal", json!(true));
        let terminals = TerminalChoices { count: 4, directory: "lxc".to_owned() };
        let context = Context { terminals, ..context(overlay()) };
        let plan = plan(&serde_json::from_value(spec).unwrap(), &context).unwrap();
        let lines = plan.to_string();
        let at = lines.find("open a terminal").unwrap();
        let told: Vec<&str> = lines[at..].lines().take(2).map(str::trim).collect();
        assert_eq!(told[0], "open a terminal and bind it to /dev/lxc/console");
        assert!(told[1].ends_with("open 4 more terminals, the last at /dev/lxc/tty4"), "{told:?}");
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        // Of a release that knew the console alone.
        let before: Step = serde_json::from_value(json!({"do": "console"})).unwrap();
        assert_eq!(before, Step::Console { directory: String::new() });
    }

    #[test]
    fn a_plan_survives_its_file() {
        let plan = planned(default_configuration()).unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    /// The configuration with one value changed, by its JSON pointer.
    fn with(pointer: &str, value: Value) -> Value {
        let mut configuration = default_configuration();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = configuration.pointer_mut(parent).unwrap();
        if let (Value::Array(list), "-") = (&mut *parent, key) {
            list.push(value);
        } else {
            parent[key] = value;
        }
        configuration
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table: one row for each refusal")]
    fn what_is_wrong_is_named_by_its_field() {
        let bind = |destination: &str| json!({"destination": destination, "source": "/x", "options": ["bind"]});
        let sysctl = |name: &str| json!({name: "1"});
        let id_map = json!([{"containerID": 0, "hostID": 1000, "size": 1}]);
        for (pointer, value, expected) in [
            ("/process/args", json!([]), "process.args"),
            ("/process/args", json!([""]), "process.args"),
            ("/process/cwd", json!("srv"), "process.cwd"),
            ("/process/env", json!(["NOVALUE"]), "process.env"),
            ("/process/env", json!(["=x"]), "process.env"),
            (
                "/process/rlimits",
                json!([{"type": "RLIMIT_FUN", "soft": 1, "hard": 1}]),
                "process.rlimits",
            ),
            (
                "/process/rlimits",
                json!([{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]),
                "process.rlimits",
            ),
            ("/process/oomScoreAdj", json!(1001), "process.oomScoreAdj"),
            ("/hostname", json!("x".repeat(65)), "hostname"),
            ("/mounts/-", bind("/a/../../b"), "mounts[7].destination"),
            ("/mounts/-", bind("/"), "mounts[7].destination"),
            ("/mounts/-", bind("/proc/sys"), "mounts[7].destination"),
            ("/mounts/-", json!({"destination": "/a", "options": ["bind"]}), "mounts[7].source"),
            ("/mounts/-", json!({"destination": "/a"}), "mounts[7].type"),
            (
                "/mounts/-",
                json!({"destination": "/proc", "type": "tmpfs"}),
                "mounts[7].destination",
            ),
            (
                "/mounts/-",
                json!({"destination": "/a", "type": "proc", "options": ["tmpcopyup"]}),
                "mounts[7].options",
            ),
            (
                "/mounts/-",
                json!({"destination": "/a", "type": "tmpfs", "options": ["x".repeat(5000)]}),
                "mounts[7].options",
            ),
            ("/linux/namespaces/-", json!({"type": "pid"}), "linux.namespaces"),
            (
                "/linux/namespaces/-",
                json!({"type": "time", "path": "proc/1/ns/time"}),
                "linux.namespaces",
            ),
            ("/linux/namespaces/-", json!({"type": "user"}), "linux.uidMappings"),
            ("/linux/timeOffsets", json!({"boottime": {"secs": 1}}), "linux.timeOffsets"),
            ("/linux/sysctl", sysctl("kernel.panic"), "linux.sysctl.kernel.panic"),
            ("/linux/sysctl", sysctl("net/../kernel/panic"), "linux.sysctl"),
            ("/linux/sysctl", sysctl("kernel.hostname"), "linux.sysctl.kernel.hostname"),
            ("/linux/sysctl", sysctl("kernel.semantics"), "linux.sysctl.kernel.semantics"),
            ("/linux/sysctl", sysctl("user.max_user_namespaces"), "linux.sysctl.user"),
            (
                "/mounts/-",
                json!({"destination": "/a", "type": "tmpfs", "options": ["rro"]}),
                "mounts[7].options",
            ),
            (
                "/linux/devices",
                json!([{"type": "c", "path": "/dev", "major": 1, "minor": 3}]),
                "linux.devices[0].path",
            ),
            (
                "/linux/devices",
                json!([{"type": "c", "path": "dev/x", "major": 1, "minor": 3}]),
                "linux.devices[0].path",
            ),
            (
                "/linux/devices",
                json!([{"type": "x", "path": "/dev/x", "major": 1, "minor": 3}]),
                "linux.devices[0].type",
            ),
            ("/linux/maskedPaths", json!(["proc"]), "linux.maskedPaths"),
            ("/linux/readonlyPaths", json!(["/a/../b"]), "linux.readonlyPaths"),
            ("/linux/rootfsPropagation", json!("sideways"), "linux.rootfsPropagation"),
            ("/linux/cgroupsPath", json!("/a/../b"), "linux.resources"),
            ("/hooks", json!({"prestart": [{"path": "bin/true"}]}), "hooks.prestart[0].path"),
            (
                "/hooks",
                json!({"poststop": [{"path": "/bin/true", "timeout": 0}]}),
                "hooks.poststop[0].timeout",
            ),
            ("/linux/personality", json!({"domain": "WINDOWS"}), "linux.personality.domain"),
            (
                "/linux/personality",
                json!({"domain": "LINUX", "flags": ["X"]}),
                "linux.personality.flags",
            ),
            (
                "/linux/memoryPolicy",
                json!({}),
                "linux.memoryPolicy.mode: invalid memory policy mode",
            ),
            ("/linux/memoryPolicy", json!({"mode": "BIND"}), "linux.memoryPolicy.mode"),
            (
                "/linux/memoryPolicy",
                json!({"mode": "MPOL_DEFAULT", "nodes": "0-7"}),
                "linux.memoryPolicy.nodes: the MPOL_DEFAULT mode requires 0 nodes but got 8",
            ),
            ("/linux/memoryPolicy", json!({"mode": "MPOL_BIND"}), "linux.memoryPolicy.nodes"),
            (
                "/linux/memoryPolicy",
                json!({"mode": "MPOL_BIND", "nodes": "0-9876543210"}),
                "linux.memoryPolicy.nodes: invalid memory policy nodes",
            ),
            (
                "/linux/memoryPolicy",
                json!({"mode": "MPOL_PREFERRED", "flags": ["bad"]}),
                "linux.memoryPolicy.flags: invalid memory policy flag \"bad\"",
            ),
            ("/process/scheduler", json!({}), "process.scheduler.policy"),
            ("/process/scheduler", json!({"policy": "SCHED_ISO"}), "process.scheduler.policy"),
            (
                "/process/scheduler",
                json!({"policy": "SCHED_OTHER", "flags": ["FAST"]}),
                "process.scheduler.flags",
            ),
            (
                "/process/scheduler",
                json!({"policy": "SCHED_BATCH", "nice": 20}),
                "process.scheduler.nice",
            ),
            (
                "/process/scheduler",
                json!({"policy": "SCHED_OTHER", "priority": 1}),
                "process.scheduler.priority",
            ),
            ("/process/scheduler", json!({"policy": "SCHED_RR"}), "process.scheduler.priority"),
            (
                "/process/scheduler",
                json!({"policy": "SCHED_FIFO", "priority": 100}),
                "process.scheduler.priority",
            ),
            (
                "/process/scheduler",
                json!({"policy": "SCHED_RR", "priority": 1, "deadline": 1}),
                "process.scheduler.deadline",
            ),
            (
                "/process/scheduler",
                json!({"policy": "SCHED_DEADLINE", "runtime": 2048, "deadline": 1024}),
                "process.scheduler.runtime",
            ),
            (
                "/process/ioPriority",
                json!({"class": "IOPRIO_CLASS_NONE", "priority": 0}),
                "process.ioPriority.class",
            ),
            (
                "/process/ioPriority",
                json!({"class": "IOPRIO_CLASS_BE", "priority": 8}),
                "process.ioPriority.priority",
            ),
            (
                "/process/execCPUAffinity",
                json!({"initial": "x"}),
                "process.execCPUAffinity.initial",
            ),
            ("/process/execCPUAffinity", json!({"final": "1-0"}), "process.execCPUAffinity.final"),
            ("/linux/mountLabel", json!("a\"b"), "linux.mountLabel"),
            ("/linux/intelRdt", json!({"closID": "a/b"}), "linux.intelRdt.closID"),
            ("/linux/intelRdt", json!({"closID": "info"}), "linux.intelRdt.closID"),
            ("/linux/intelRdt", json!({"memBwSchema": "L3:0=1"}), "linux.intelRdt.memBwSchema"),
            (
                "/linux/intelRdt",
                json!({"l3CacheSchema": "L3:0=1\n"}),
                "linux.intelRdt.l3CacheSchema",
            ),
            ("/linux/intelRdt", json!({"schemata": ["a\nb"]}), "linux.intelRdt.schemata"),
            ("/linux/netDevices", json!({"a/b": {}}), "linux.netDevices: \"a/b\""),
            ("/linux/netDevices", json!({"eth%d": {}}), "linux.netDevices"),
            (
                "/linux/netDevices",
                json!({"eth0": {"name": "sixteen-letters-"}}),
                "linux.netDevices.eth0.name",
            ),
            ("/linux/netDevices", json!({"eth0": {"name": "a%s"}}), "linux.netDevices.eth0.name"),
            (
                "/linux/netDevices",
                json!({"eth0": {"name": "a"}, "eth1": {"name": "a"}}),
                "linux.netDevices.eth1.name: \"a\" is there twice",
            ),
        ] {
            let outcome = planned(with(pointer, value.clone()));
            let text = outcome.map(|_| String::new()).unwrap_or_else(|text| text);
            assert!(
                text.starts_with(expected),
                "{pointer} = {value}: {text:?} does not begin with {expected:?}"
            );
        }
        let mut unmapped = with("/linux/namespaces/-", json!({"type": "user"}));
        unmapped["linux"]["uidMappings"] = json!([{"containerID": 1, "hostID": 1000, "size": 1}]);
        unmapped["linux"]["gidMappings"] = id_map;
        assert!(planned(unmapped).unwrap_err().starts_with("linux.uidMappings"));
    }

    #[test]
    fn a_parameter_needs_a_namespace_of_its_own() {
        let mut configuration = default_configuration();
        configuration["linux"]["namespaces"] = json!([{"type": "mount"}]);
        configuration["hostname"] = json!("");
        let text = planned(configuration).unwrap_err();
        assert!(text.starts_with("linux.sysctl.net.ipv4.ip_unprivileged_port_start"), "{text}");
    }

    #[test]
    fn programs_are_looked_for_in_path() {
        let plan = planned(default_configuration()).unwrap();
        assert_eq!(plan.process.programs, ["/usr/bin/nginx", "/bin/nginx"]);
        let plan = planned(with("/process/args", json!(["./run"]))).unwrap();
        assert_eq!(plan.process.programs, ["./run"]);
    }
}
