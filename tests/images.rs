//! Images through the program: where they come from, what lists and documents say of them, and how they go.

#[cfg(test)]
mod tests {
    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    fn run_with_time(corten: &Corten, time: &str, args: &[&str]) -> Finished {
        let mut command = corten.command();
        Finished::from(command.env("SOURCE_DATE_EPOCH", time).args(args).output().unwrap())
    }

    #[test]
    fn a_template_says_when_it_was_built_and_can_be_repeated() {
        let (one, other) = (corten(), corten());
        let build = ["template", "build", "busybox"];
        for corten in [&one, &other] {
            assert_eq!(run_with_time(corten, "1700000000", &build).code, 0);
        }
        let document = |corten: &Corten| corten.ok(&["inspect", "busybox"]);
        let id = |corten: &Corten| corten.ok(&["images", "-q", "--no-trunc"]);
        assert_eq!(id(&one), id(&other));
        assert!(
            document(&one).contains("\"Created\": \"2023-11-14T22:13:20"),
            "{}",
            document(&one)
        );
        let refused = run_with_time(&one, "yesterday", &build);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("SOURCE_DATE_EPOCH"), "{refused:?}");

        one.ok(&build);
        assert_ne!(id(&one), id(&other), "its time is today's");
        let layers =
            |corten: &Corten| corten.ok(&["inspect", "-f", "{{.RootFS.Layers}}", "busybox"]);
        assert_eq!(layers(&one), layers(&other), "and its layer does not know it");
        let listed = one.ok(&["images", "busybox"]);
        assert!(!listed.contains("years ago"), "{listed}");
    }

    #[test]
    fn a_template_has_every_place_that_something_is_mounted_on() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let layers = std::fs::read_dir(corten.root().join("layers")).unwrap();
        let layer = layers.map(|layer| layer.unwrap().path()).next().unwrap();
        for directory in ["dev", "proc", "run", "root", "sys", "tmp"] {
            assert!(layer.join(directory).is_dir(), "{directory}");
        }
        for file in ["hostname", "hosts", "resolv.conf"] {
            let about = std::fs::metadata(layer.join("etc").join(file)).unwrap();
            assert!(about.is_file() && about.len() == 0, "{file}");
        }
        let run =
            corten.ok(&["run", "--rm", "--hostname", "inside", "busybox", "cat", "/etc/hostname"]);
        assert_eq!(run, "inside");
    }

    #[test]
    fn a_template_of_debian_is_built_and_runs() {
        // It asks the machine's mirror.
        let corten = Corten::on_the_machine(env!("CARGO_BIN_EXE_corten"));
        let name = corten.ok(&["template", "build", "debian"]);
        let inside =
            "apt-get --version && cat /etc/apt/sources.list && hostname && test -s /etc/hosts";
        let run =
            ["run", "--rm", "--network", "none", "--hostname", "inside", &name, "sh", "-c", inside];
        let printed = corten.ok(&run);
        assert!(printed.starts_with("apt ") && printed.contains("\ndeb "), "{printed}");
        assert!(printed.ends_with("\ninside"), "{printed}");
    }

    #[test]
    fn a_template_that_cannot_be_built_changes_nothing() {
        let corten = corten();
        let archive = corten.directory().join("empty.tar");
        std::fs::File::create(&archive).unwrap().set_len(1024).unwrap();
        let before = corten.ok(&["import", archive.to_str().unwrap(), "debian:old"]);
        let nowhere = "http://127.0.0.1:1/debian";
        let build = ["template", "build", "debian", "--suite", "old", "--mirror", nowhere];
        let said = corten.fails(&build, 1);
        assert!(said.contains("\nerror: build template debian: its builder ended with"), "{said}");
        assert_eq!(corten.ok(&["images", "-q", "--no-trunc"]), before);
        assert_eq!(std::fs::read_dir(corten.root().join("tmp")).unwrap().count(), 0);
    }

    /// The fields of every object in the order in which they are printed, an object a line.
    fn fields(document: &str) -> String {
        let (mut path, mut objects): (Vec<&str>, Vec<(String, String)>) = (vec![], vec![]);
        for line in document.lines() {
            let text = line.trim_start();
            path.truncate(((line.len() - text.len()) / 4).saturating_sub(2));
            let field = text.strip_prefix('"').and_then(|text| text.split_once("\": "));
            let Some((name, _)) = field else { continue };
            let object = path.join(".");
            match objects.iter_mut().find(|(known, _)| *known == object) {
                Some((_, names)) => names.extend([" ", name]),
                None => objects.push((object, name.to_owned())),
            }
            path.push(name);
        }
        objects.iter().map(|(object, names)| format!("{object}: {names}\n")).collect()
    }

    #[test]
    fn the_document_of_a_container_is_dockers() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        corten.ok(&["create", "--name", "plain", "busybox", "sleep", "9"]);
        let plain = corten.ok(&["inspect", "plain"]);
        insta::assert_snapshot!(fields(&plain), @r#"
        : Id Created Path Args State Image ResolvConfPath HostnamePath HostsPath LogPath Name RestartCount Driver Platform MountLabel ProcessLabel AppArmorProfile ExecIDs HostConfig GraphDriver Mounts Config NetworkSettings
        State: Status Running Paused Restarting OOMKilled Dead Pid ExitCode Error StartedAt FinishedAt
        HostConfig: Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode Privileged PublishAllPorts ReadonlyRootfs SecurityOpt UTSMode UsernsMode ShmSize Runtime ConsoleSize Isolation CpuShares Memory NanoCpus CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems Devices DeviceCgroupRules DeviceRequests MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth MaskedPaths ReadonlyPaths
        HostConfig.LogConfig: Type Config
        HostConfig.LogConfig.Config: max-file max-size
        HostConfig.RestartPolicy: Name MaximumRetryCount
        GraphDriver: Data Name
        GraphDriver.Data: LowerDir MergedDir UpperDir WorkDir
        Config: Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd Image Volumes WorkingDir Entrypoint OnBuild Labels
        NetworkSettings: Bridge SandboxID HairpinMode LinkLocalIPv6Address LinkLocalIPv6PrefixLen Ports SandboxKey SecondaryIPAddresses SecondaryIPv6Addresses EndpointID Gateway GlobalIPv6Address GlobalIPv6PrefixLen IPAddress IPPrefixLen IPv6Gateway MacAddress Networks
        NetworkSettings.Networks: bridge
        NetworkSettings.Networks.bridge: IPAMConfig Links Aliases MacAddress DriverOpts GwPriority NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen DNSNames
        "#);
        #[rustfmt::skip]
        corten.ok(&[
            "create", "--name", "full", "-it", "--init", "--read-only", "--rm",
            "-v", "/tmp:/x:ro", "-v", "data:/v", "-v", "/anon", "--tmpfs", "/t:size=1m",
            "--mount", "type=bind,source=/etc,target=/m,readonly", "--device", "/dev/null:/dev/none:r",
            "--memory", "64m", "--cpus", "1.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "99",
            "--ulimit", "nofile=10:20", "--sysctl", "net.ipv4.ip_forward=1", "--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN",
            "--security-opt", "no-new-privileges", "--security-opt", "systempaths=unconfined",
            "--stop-signal", "INT", "--stop-timeout", "-1", "-u", "1:2", "-w", "/tmp", "--label", "a=b", "busybox",
        ]);
        let full = corten.ok(&["inspect", "full"]);
        let (plain, full) = (fields(&plain), fields(&full));
        let more: Vec<&str> =
            full.lines().filter(|object| !plain.lines().any(|plain| plain == *object)).collect();
        insta::assert_snapshot!(more.join("\n"), @r#"
        HostConfig: Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode Privileged PublishAllPorts ReadonlyRootfs SecurityOpt Tmpfs UTSMode UsernsMode ShmSize Sysctls Runtime ConsoleSize Isolation CpuShares Memory NanoCpus CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems Devices DeviceCgroupRules DeviceRequests MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth Mounts MaskedPaths ReadonlyPaths Init
        HostConfig.Tmpfs: /t
        HostConfig.Sysctls: net.ipv4.ip_forward
        HostConfig.Devices: PathOnHost
        HostConfig.Devices.PathOnHost: PathInContainer CgroupPermissions
        HostConfig.Ulimits: Name
        HostConfig.Ulimits.Name: Hard Soft
        HostConfig.Mounts: Type
        HostConfig.Mounts.Type: Source Target ReadOnly
        Mounts: Type Type Type Type
        Mounts.Type: Source Destination Mode RW Propagation Name Source Destination Driver Mode RW Propagation Name Source Destination Driver Mode RW Propagation Source Destination Mode RW Propagation
        Config: Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd Image Volumes WorkingDir Entrypoint OnBuild Labels StopSignal StopTimeout
        Config.Volumes: /anon
        Config.Labels: a
        "#);
        let format = "{{json .HostConfig.Binds}} {{.HostConfig.MemorySwap}} {{json .HostConfig.Ulimits}} \
            {{.HostConfig.Init}} {{json .HostConfig.MaskedPaths}} {{.Config.StopSignal}} {{json .Config.Volumes}} \
            {{.Config.AttachStdin}} {{(index .HostConfig.Devices 0).CgroupPermissions}} {{json .HostConfig.Tmpfs}}";
        insta::assert_snapshot!(corten.ok(&["inspect", "-f", format, "full"]), @r#"
        ["/tmp:/x:ro","data:/v"] 134217728 [{"Hard":20,"Name":"nofile","Soft":10}] true [] SIGINT {"/anon":{}} true r {"/t":"size=1m"}
        "#);
        // What is not printed is known to templates.
        let format = "{{.HostConfig.Init}} {{len .HostConfig.Tmpfs}} {{.Config.StopSignal}}|{{.State.StartedAt}}";
        insta::assert_snapshot!(corten.ok(&["inspect", "-f", format, "plain"]), @"<nil> 0 |0001-01-01T00:00:00Z");
    }

    #[test]
    fn the_document_of_an_image_is_dockers() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let document = corten.ok(&["image", "inspect", "busybox"]);
        insta::assert_snapshot!(fields(&document), @r#"
        : Id RepoTags RepoDigests Parent Comment Created DockerVersion Author Config Architecture Os Size GraphDriver RootFS Metadata
        Config: Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd Image Volumes WorkingDir Entrypoint OnBuild Labels
        GraphDriver: Data Name
        GraphDriver.Data: MergedDir UpperDir WorkDir
        RootFS: Type Layers
        Metadata: LastTagTime
        "#);
    }

    #[test]
    fn few_descriptors_are_enough_to_start() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let run = [
            "run",
            "--rm",
            "--ulimit",
            "nofile=4:4",
            "-w",
            "/tmp",
            "busybox",
            "sh",
            "-c",
            "ulimit -n",
        ];
        assert_eq!(corten.ok(&run), "4");
    }

    #[test]
    fn lists_and_histories_are_dockers() {
        let corten = corten();
        let build = ["template", "build", "busybox"];
        assert_eq!(run_with_time(&corten, "1600000000", &build).code, 0);
        corten.ok(&["tag", "busybox", "older"]);
        assert_eq!(run_with_time(&corten, "1700000000", &build).code, 0);
        corten.ok(&["tag", "older", "last:tagged"]);
        let listed = corten.ok(&["images", "--format", "{{.Repository}}:{{.Tag}} {{.CreatedAt}}"]);
        let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["busybox:latest", "last:tagged", "older:latest"], "{listed}");
        let ids = corten.ok(&["images", "-q"]);
        assert_eq!(ids.lines().count(), 2, "each image once: {ids}");
        assert_eq!(corten.ok(&["images", "-q", "--no-trunc", "older"]).len(), "sha256:".len() + 64);
        let digests = corten.ok(&["images", "--digests", "last"]);
        assert!(digests.starts_with("REPOSITORY   TAG       DIGEST    IMAGE ID "), "{digests}");

        let exact = run_with_utc(&corten, &["history", "-H=false", "busybox"]);
        let mut lines = exact.stdout.lines();
        let head = "IMAGE          CREATED AT             CREATED BY                       SIZE      COMMENT";
        assert_eq!(lines.next(), Some(head), "{exact:?}");
        let step = lines.next().unwrap();
        assert!(
            step.contains(" 2023-11-14T22:13:20Z   busybox-static of this machine   "),
            "{step}"
        );
        let bytes = step.split_whitespace().nth(6).unwrap().parse::<u64>();
        assert!(bytes.is_ok_and(|bytes| bytes > 500_000), "{step}");
        let human = corten.ok(&["history", "--format", "{{.CreatedSince}} {{.Size}}", "older"]);
        assert!(human.contains(" years ago ") && human.ends_with("MB"), "{human}");
    }

    fn run_with_utc(corten: &Corten, args: &[&str]) -> Finished {
        Finished::from(corten.command().env("TZ", "UTC").args(args).output().unwrap())
    }

    #[test]
    fn removal_by_name_and_by_id() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let id = corten.ok(&["images", "-q"]);
        corten.ok(&["tag", "busybox", "a:1"]);
        corten.ok(&["tag", "busybox", "a:2"]);
        assert_eq!(corten.ok(&["rmi", "a:1"]), "Untagged: a:1");
        let said = corten.fails(&["rmi", &id], 1);
        assert!(said.contains("several names: a:2, busybox:latest"), "{said}");
        corten.ok(&["create", "--name", "holder", "a:2", "true"]);
        assert_eq!(corten.ok(&["rmi", "busybox"]), "Untagged: busybox:latest");
        let said = corten.fails(&["rmi", "a:2"], 1);
        assert!(said.contains("image a:2 is used by container holder"), "{said}");
        assert_eq!(corten.ok(&["rmi", "-f", "a:2"]), "Untagged: a:2");
        assert_eq!(
            corten.ok(&["images", "--format", "{{.Repository}} {{.ID}}"]),
            format!("<none> {id}")
        );
        assert!(corten.fails(&["rmi", "absent", "none"], 1).matches("no such image").count() == 2);
        assert_eq!(corten.run(&["rmi", "-f", "absent"]).code, 0);
        corten.ok(&["rm", "holder"]);
        let removed = corten.ok(&["rmi", &id]);
        assert_eq!(removed.lines().filter(|line| line.starts_with("Deleted: sha256:")).count(), 2);
        assert_eq!(std::fs::read_dir(corten.root().join("layers")).unwrap().count(), 0);
    }

    #[test]
    fn what_scripts_ask_of_version_and_info() {
        let corten = corten();
        let version = env!("CARGO_PKG_VERSION");
        for side in ["Client", "Server"] {
            let format = format!("{{{{.{side}.Version}}}} {{{{.{side}.Os}}}}");
            assert_eq!(corten.ok(&["version", "-f", &format]), format!("{version} linux"));
        }
        let format = "{{.ServerVersion}} {{.CgroupDriver}} {{.Driver}} {{.LoggingDriver}} {{.Images}} {{.Swarm.LocalNodeState}}";
        let want = format!("{version} cgroupfs overlayfs json-file 0 inactive");
        assert_eq!(corten.ok(&["info", "-f", format]), want);
        let text = corten.ok(&["info"]);
        for line in [
            "Security Options:",
            " seccomp",
            "  Profile: builtin",
            " Running: 0",
            "Cgroup Driver: cgroupfs",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line}: {text}");
        }
        let memory = text.lines().find_map(|line| line.strip_prefix("Total Memory: ")).unwrap();
        assert!(memory.ends_with("iB"), "{memory}");
    }
}
