//! Networks of plugins through the program, with the plugins that Debian has. Each test is a host of its own, in a network namespace that
//! ends with it.

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::process::Command;
    use std::time::Duration;

    use sys::Namespaces;
    use testkit::{Corten, Finished, wait_until};

    /// A host with lists of plugins.
    struct Host(Corten);

    /// A container that leads a port in by the list `lab`.
    const RUN: [&str; 11] = [
        "run",
        "-d",
        "--name",
        "shop",
        "--network",
        "cni:lab",
        "-p",
        "8080:80",
        "busybox",
        "sleep",
        "1000",
    ];

    impl Host {
        fn new() -> Self {
            sys::unshare_namespaces(u32::try_from(Namespaces::NETWORK.bits()).unwrap()).unwrap();
            sys::set_interface_up(b"lo").unwrap();
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            std::fs::create_dir(corten.directory().join("lists")).unwrap();
            std::fs::create_dir(corten.directory().join("plugins")).unwrap();
            Self(corten)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.directory().join(name)
        }

        /// A list `lab` with Debian's plugins, and others behind them.
        fn lab(&self, version: &str, more: &str) {
            let leases = self.path("leases");
            let list = format!(
                r#"{{"cniVersion":"{version}","name":"lab","plugins":[
                {{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,
                  "capabilities":{{"ips":true,"mac":true}},"dns":{{"nameservers":["10.77.0.1"],"search":["lab.example"]}},
                  "ipam":{{"type":"host-local","dataDir":"{}","ranges":[[{{"subnet":"10.77.0.0/24"}}]],"routes":[{{"dst":"0.0.0.0/0"}}]}}}},
                {{"type":"portmap","capabilities":{{"portMappings":true}}}}{more}]}}"#,
                leases.display()
            );
            write(&self.path("lists/10-lab.conflist"), &list);
        }

        /// A plugin that is a script: `$plugins` is where it is.
        fn plugin(&self, name: &str, script: &str) {
            let path = self.path("plugins").join(name);
            let directory = self.path("plugins").display().to_string();
            write(&path, &format!("#!/bin/sh\nplugins={directory}\n{script}\n"));
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn command(&self, args: &[&str]) -> Command {
            let mut command = self.0.command();
            let programs = format!("{}:/usr/lib/cni", self.path("plugins").display());
            command.args(args).env("NETCONFPATH", self.path("lists")).env("CNI_PATH", programs);
            command
        }

        #[track_caller]
        fn ok(&self, args: &[&str]) -> String {
            let finished = Finished::from(self.command(args).output().unwrap());
            assert!(finished.code == 0, "{args:?}: {finished:#?}");
            finished.stdout.trim_end().to_owned()
        }

        #[track_caller]
        fn fails(&self, args: &[&str], code: i32) -> String {
            let finished = Finished::from(self.command(args).output().unwrap());
            assert!(finished.code == code, "{args:?}: {finished:#?}");
            finished.stderr
        }

        /// Addresses that somebody has: host-local keeps a file for each.
        fn leases(&self) -> Vec<String> {
            let files = std::fs::read_dir(self.path("leases/lab")).into_iter().flatten().flatten();
            let names = files.map(|file| file.file_name().into_string().unwrap());
            let mut leases: Vec<_> = names.filter(|name| name.starts_with("10.")).collect();
            leases.sort();
            leases
        }
    }

    #[expect(clippy::disallowed_methods, reason = "of the test's own")]
    fn write(path: &std::path::Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    fn seen(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn ask(address: &str) -> Option<String> {
        let address = address.parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.trim_end().to_owned()).filter(|answer| !answer.is_empty())
    }

    const NETWORK: &str = "{{with index .NetworkSettings.Networks \"cni:lab\"}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}} {{.MacAddress}}{{end}}";
    /// What rules of a published port have.
    const PORT_RULE: &str = "--dport 8080";

    #[test]
    fn plugins_attach_a_container_and_take_it_out() {
        let host = Host::new();
        for version in ["0.3.1", "0.4.0", "1.0.0"] {
            host.lab(version, "");
            let server = "nc -ll -p 80 -e echo shop";
            host.ok(&[
                "run",
                "-d",
                "--name",
                "shop",
                "--hostname",
                "shop",
                "--network",
                "cni:lab",
                "-p",
                "8080:80",
                "busybox",
                "sh",
                "-c",
                server,
            ]);
            let place = host.ok(&["inspect", "-f", NETWORK, "shop"]);
            let (address, _) = place.split_once('/').unwrap();
            assert!(place.contains("/24 10.77.0.1 ") && host.leases() == [address], "{place}");
            wait_until("it answers", || ask(&format!("{address}:80")).as_deref() == Some("shop"));
            assert_eq!(ask("10.77.0.1:8080").as_deref(), Some("shop"));
            assert_eq!(host.ok(&["port", "shop"]), "80/tcp -> 0.0.0.0:8080");
            let listed = host.ok(&["ps", "--format", "{{.Ports}} {{.Networks}}"]);
            assert_eq!(listed, "0.0.0.0:8080->80/tcp cni:lab");
            let inside = host.ok(&["exec", "shop", "cat", "/sys/class/net/eth0/address"]);
            assert!(place.ends_with(&inside), "{place} {inside}");
            let hosts = host.ok(&["exec", "shop", "cat", "/etc/hosts"]);
            assert!(
                hosts.contains(&format!("{address}\tshop")) && !hosts.contains("127.0.1.1"),
                "{hosts}"
            );
            let resolver = host.ok(&["exec", "shop", "cat", "/etc/resolv.conf"]);
            assert_eq!(resolver, "nameserver 10.77.0.1\nsearch lab.example");
            // The port is had by one.
            let second =
                ["run", "--rm", "--network", "cni:lab", "-p", "8080:80", "busybox", "true"];
            assert!(host.fails(&second, 125).contains("container shop has it"));
            // Another run is another place.
            host.ok(&["restart", "-t", "0", "shop"]);
            assert_eq!(host.leases().len(), 1);
            host.ok(&["rm", "-f", "shop"]);
            assert_eq!((host.leases(), ask("10.77.0.1:8080")), (Vec::new(), None));
            let rules = seen("iptables-save", &["-t", "nat"]);
            assert!(!rules.contains(PORT_RULE) && !rules.contains("10.77.0."), "{rules}");
        }
    }

    #[test]
    fn what_is_wanted_is_given_or_refused() {
        let host = Host::new();
        host.lab("1.0.0", "");
        let long = "name=cni:lab,ip=10.77.0.50,mac-address=02:00:00:00:00:50,driver-opt=com.docker.network.endpoint.ifname=wan0";
        let show = "cat /sys/class/net/wan0/address; hostname -i";
        let said = host.ok(&["run", "--rm", "--network", long, "busybox", "sh", "-c", show]);
        assert_eq!(said, "02:00:00:00:00:50\n10.77.0.50");
        let short = [
            "run",
            "--rm",
            "--network",
            "cni:lab",
            "--ip",
            "10.77.0.51",
            "--dns",
            "10.9.9.9",
            "busybox",
            "sh",
            "-c",
            "hostname -i; cat /etc/resolv.conf",
        ];
        assert_eq!(host.ok(&short), "10.77.0.51\nnameserver 10.9.9.9\nsearch lab.example");
        let run = |flags: &[&str]| {
            host.fails(&[&["run", "--rm"][..], flags, &["busybox", "true"]].concat(), 125)
        };
        let outside = run(&["--network", "cni:lab", "--ip", "10.78.0.2"]);
        assert!(
            outside.contains("attach to network cni:lab: CNI plugin bridge: failed to allocate"),
            "{outside}"
        );
        let missing = run(&["--network", "cni:nolab"]);
        assert!(
            missing.contains("network cni:nolab: no file in ") && missing.contains("NETCONFPATH"),
            "{missing}"
        );
        assert!(run(&["--network", "name=cni:lab,gw-priority=1"]).contains("know no gw-priority"));
        write(
            &host.path("lists/20.conf"),
            r#"{"cniVersion":"1.0.0","name":"alone","type":"loopback"}"#,
        );
        let ports = run(&["--network", "cni:alone", "-p", "1:1"]);
        assert!(ports.contains("has the capability portMappings"), "{ports}");
        write(
            &host.path("lists/30.conflist"),
            r#"{"cniVersion":"1.0.0","name":"more","plugins":[{"type":"nobody"}]}"#,
        );
        let program = run(&["--network", "cni:more"]);
        assert!(program.contains("CNI plugin nobody: no such program in /"), "{program}");
        assert_eq!(host.leases(), Vec::<String>::new());
    }

    #[test]
    fn plugins_beside_another_network() {
        let host = Host::new();
        host.lab("1.0.0", "");
        host.ok(&["network", "create", "--internal", "inside"]);
        let both = [
            "run",
            "--rm",
            "--network",
            "cni:lab",
            "--network",
            "inside",
            "busybox",
            "ls",
            "/sys/class/net",
        ];
        assert_eq!(host.ok(&both), "eth0\neth1\nlo");
        assert_eq!(host.leases(), Vec::<String>::new());
    }

    #[test]
    fn another_network_comes_and_goes() {
        let host = Host::new();
        host.lab("1.0.0", "");
        host.ok(&["network", "create", "web"]);
        let server = "nc -ll -p 80 -e echo shop";
        let serving = ["--restart", "always", "busybox", "sh", "-c", server];
        host.ok(&[&RUN[..8], &serving].concat());
        let inside = |script: &str| host.ok(&["exec", "shop", "sh", "-c", script]);
        let reached = || ask("10.77.0.1:8080").as_deref() == Some("shop");
        wait_until("it answers", reached);
        let servers = inside("cat /etc/resolv.conf; ip route");
        // A default route is there.
        host.ok(&["network", "connect", "--gw-priority", "-1", "web", "shop"]);
        assert_eq!(
            inside("ls /sys/class/net; nslookup -type=a shop | grep -c ^Name"),
            "eth0\neth1\nlo\n1"
        );
        assert!(reached());
        let ports = host.fails(&["update", "--publish-add", "8081:80", "shop"], 1);
        assert!(ports.contains("plugins lead in"), "{ports}");
        host.ok(&["network", "disconnect", "web", "shop"]);
        assert_eq!(
            inside("ls /sys/class/net; cat /etc/resolv.conf; ip route"),
            format!("eth0\nlo\n{servers}")
        );
        assert!(reached());
        // A run that its monitor begins has both.
        host.ok(&["network", "connect", "web", "shop"]);
        let pid = || host.ok(&["inspect", "-f", "{{.State.Pid}}", "shop"]);
        let before = pid();
        let first = rustix::process::Pid::from_raw(before.parse().unwrap()).unwrap();
        rustix::process::kill_process(first, rustix::process::Signal::KILL).unwrap();
        wait_until("it runs again", || ![before.as_str(), "0"].contains(&pid().as_str()));
        wait_until("it answers", reached);
        assert_eq!(inside("ls /sys/class/net"), "eth0\neth1\nlo");
        host.ok(&["rm", "-f", "shop"]);
        assert_eq!((host.leases(), ask("10.77.0.1:8080")), (Vec::new(), None));
    }

    #[test]
    fn a_plugin_that_fails_leaves_nothing() {
        let host = Host::new();
        host.lab("1.0.0", r#",{"type":"moody"}"#);
        host.plugin(
            "moody",
            r#"read -r input
            echo "$CNI_COMMAND" >> "$plugins/log"
            [ -e "$plugins/bad-$CNI_COMMAND" ] || exec /usr/lib/cni/tuning << END
$input
END
            echo '{"code": 7, "msg": "not today", "details": "rain"}'; exit 1"#,
        );
        let log = || std::fs::read_to_string(host.path("plugins/log")).unwrap();
        let bad = |command: &str| host.path("plugins").join(format!("bad-{command}"));
        write(&bad("ADD"), "");
        let words = host.fails(&RUN, 125);
        assert!(
            words.contains("attach to network cni:lab: CNI plugin moody: not today: rain (code 7)"),
            "{words}"
        );
        assert_eq!((log().as_str(), host.leases()), ("ADD\nDEL\n", Vec::new()));
        assert!(!seen("iptables-save", &["-t", "nat"]).contains(PORT_RULE));
        // Its end fails: it is tried again by who removes it, and nobody is kept from looking.
        std::fs::remove_file(bad("ADD")).unwrap();
        write(&bad("DEL"), "");
        host.ok(&["start", "shop"]);
        host.ok(&["stop", "-t", "0", "shop"]);
        assert!(host.ok(&["ps", "-a"]).contains("Exited"));
        let words = host.fails(&["rm", "shop"], 1);
        assert!(
            words.contains("CNI plugin moody: not today: rain (code 7)")
                && words.contains("rm --force"),
            "{words}"
        );
        let words = host.fails(&["start", "shop"], 1);
        assert!(words.contains("CNI plugin moody"), "{words}");
        std::fs::remove_file(bad("DEL")).unwrap();
        host.ok(&["rm", "shop"]);
        assert!(log().ends_with("DEL\nDEL\nDEL\nDEL\n"), "{}", log());
        assert_eq!(host.leases(), Vec::<String>::new());
        // By force whatever they say.
        host.ok(&RUN);
        write(&bad("DEL"), "");
        host.ok(&["rm", "-f", "shop"]);
    }

    #[test]
    fn a_killed_monitors_container_is_taken_out() {
        let host = Host::new();
        host.lab("1.0.0", "");
        host.ok(&RUN);
        assert_eq!(host.leases().len(), 1);
        assert!(seen("iptables-save", &["-t", "nat"]).contains(PORT_RULE));
        host.0.kill_with_monitor("shop");
        wait_until("its end is seen", || {
            host.ok(&["inspect", "-f", "{{.State.Status}}", "shop"]) == "exited"
        });
        assert_eq!(host.leases(), Vec::<String>::new());
        let rules = seen("iptables-save", &["-t", "nat"]);
        assert!(!rules.contains(PORT_RULE) && !rules.contains("10.77.0."), "{rules}");
        assert!(!seen("ip", &["-br", "link"]).contains("veth"));
        host.ok(&["start", "shop"]);
        assert_eq!(host.leases().len(), 1);
        host.ok(&["rm", "-f", "shop"]);
        assert_eq!(host.leases(), Vec::<String>::new());
    }
}
