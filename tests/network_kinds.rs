//! Networks of other kinds than bridges, and what is said of single interfaces: rates, parameters, counters. Each test is a host of its own.

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;
    use std::process::Command;
    use std::time::Duration;

    use testkit::{Corten, wait_until};

    fn own_host() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn seen(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    /// A cable whose other end is the host's, too.
    fn wire() {
        seen("ip", &["link", "add", "wan", "type", "veth", "peer", "name", "far"]);
        seen("ip", &["address", "add", "10.9.0.2/24", "dev", "far"]);
        for end in ["wan", "far"] {
            assert_eq!(seen("ip", &["link", "set", end, "up"]), "");
        }
    }

    fn create<'a>(driver: &'a str, options: &[&'a str], name: &'a str) -> Vec<&'a str> {
        let options = options.iter().flat_map(|option| ["-o", option]);
        ["network", "create", "-d", driver].into_iter().chain(options).chain([name]).collect()
    }

    #[test]
    fn a_container_is_on_the_cable_itself() {
        let corten = own_host();
        wire();
        let addresses = ["--subnet", "10.9.0.0/24", "--gateway", "10.9.0.2"];
        let lan = create("macvlan", &["parent=wan", "macvlan_mode=bridge"], "lan");
        corten.ok(&[&lan[..], &addresses].concat());
        let format = "{{.Driver}} {{.Internal}} {{.EnableIPv6}} {{index .Options \"parent\"}}";
        assert_eq!(
            corten.ok(&["network", "inspect", "-f", format, "lan"]),
            "macvlan false false wan"
        );
        let script = "ping -c 1 -W 5 10.9.0.2 && ip route";
        let run = ["run", "--rm", "--network", "lan", "--ip", "10.9.0.77", "-p", "80:80"];
        let shown = corten.ok(&[&run[..], &["busybox", "sh", "-c", script]].concat());
        assert!(shown.contains("1 packets received"), "{shown}");
        assert!(shown.contains("default via 10.9.0.2 dev eth0"), "{shown}");
        // Live, beside a bridge.
        corten.ok(&["run", "-d", "--name", "both", "busybox", "sleep", "1000"]);
        corten.ok(&["network", "connect", "lan", "both"]);
        corten.ok(&["exec", "both", "ping", "-c", "1", "-W", "5", "10.9.0.2"]);
        corten.ok(&["network", "doctor"]);
        seen("ip", &["link", "set", "wan", "down"]);
        let doctor = corten.run(&["network", "doctor"]);
        assert!(doctor.stdout.contains("interface wan, which its own is on, is not there or down"));
        assert_eq!(doctor.code, 1);
        seen("ip", &["link", "set", "wan", "up"]);
        corten.ok(&["network", "disconnect", "lan", "both"]);
        assert!(!corten.ok(&["exec", "both", "ip", "addr"]).contains("10.9.0."));
        corten.ok(&["rm", "-f", "both"]);
        let second = create("macvlan", &["parent=wan"], "second");
        assert!(corten.fails(&second, 1).contains("network lan has it"));
        corten.ok(&["network", "rm", "lan"]);
        assert!(seen("ip", &["link"]).contains("wan@far"));
        // Those of a bridge arrive, too.
        let named = create("bridge", &["com.docker.network.bridge.name=own0"], "named");
        corten.ok(&named);
        assert!(seen("ip", &["link"]).contains("own0"));
        corten.ok(&["network", "rm", "named"]);
        for wrong in
            [["parent=wan", "macvlan_mode=l2"], ["parent=wan", "x=y"], ["parent=lo", "y=x"]]
        {
            corten.fails(&create("macvlan", &wrong, "other"), 1);
        }
        assert_eq!(corten.ok(&["network", "ls", "-q", "-f", "type=custom"]), "");
    }

    /// Interfaces go with the one that they are on, and do not come back with it.
    #[test]
    fn the_doctor_misses_an_interface_that_went_with_the_cable() {
        let corten = own_host();
        wire();
        let lan = create("macvlan", &["parent=wan"], "lan");
        corten.ok(&[&lan[..], &["--subnet", "10.9.0.0/24"]].concat());
        corten.ok(&["run", "-d", "--name", "user", "--network", "lan", "busybox", "sleep", "1000"]);
        corten.ok(&["network", "doctor"]);
        seen("ip", &["link", "delete", "wan"]);
        wire();
        corten.ok(&["network", "reload"]);
        let doctor = corten.run(&["network", "doctor"]);
        assert!(doctor.stdout.contains("it has no interface eth0 any more"), "{doctor:?}");
        assert!(doctor.stdout.contains("corten restart user"), "{doctor:?}");
        assert_eq!(doctor.code, 1);
        // The other way that it names.
        corten.ok(&["network", "disconnect", "lan", "user"]);
        corten.ok(&["network", "connect", "lan", "user"]);
        corten.ok(&["network", "doctor"]);
    }

    /// What this kernel lacks is named, and on one that has it the network is there and goes again.
    #[test]
    fn what_the_kernel_lacks_is_named() {
        let corten = own_host();
        wire();
        for (driver, options, why) in [
            ("ipvlan", &["parent=wan", "ipvlan_mode=l3", "ipvlan_flag=private"][..], "no ipvlan"),
            ("macvlan", &["parent=wan.10"], "no VLAN interfaces (8021q)"),
            ("macvlan", &[], "no dummy interfaces (dummy)"),
        ] {
            let made = corten.run(&create(driver, options, "other"));
            if made.code == 0 {
                corten.ok(&["network", "rm", "other"]);
            } else {
                let words = made.stderr;
                assert!(words.contains(&format!("this kernel has {why}")), "{words}");
            }
        }
        let absent = corten.fails(&create("macvlan", &["parent=none0"], "other"), 1);
        assert!(absent.contains("the interface none0 is not there"), "{absent}");
        assert_eq!(corten.ok(&["network", "ls", "-q", "-f", "type=custom"]), "");
        assert_eq!(seen("ip", &["-br", "link"]).lines().count(), 3);
    }

    /// Nothing of a network is left, and nothing of others is taken, on a kernel that has such interfaces.
    #[test]
    fn an_interface_that_was_made_for_a_network_goes_with_it() {
        let corten = own_host();
        wire();
        let has = |name: &str| seen("ip", &["-br", "link"]).contains(name);
        let vlan = create("macvlan", &["parent=wan.10"], "vlan");
        let made = corten.run(&vlan);
        if made.code != 0 {
            return eprintln!("skipped: {}", made.stderr);
        }
        assert!(has("wan.10@wan"));
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "user",
            "--network",
            "vlan",
            "busybox",
            "sleep",
            "1000",
        ]);
        assert!(corten.fails(&["network", "rm", "vlan"], 1).contains("is used by container user"));
        // What somebody has removed comes back, for who runs next and for who asks.
        seen("ip", &["link", "delete", "wan.10"]);
        corten.ok(&["restart", "-t", "0", "user"]);
        assert!(has("wan.10@wan"));
        seen("ip", &["link", "delete", "wan.10"]);
        corten.ok(&["network", "reload"]);
        assert!(has("wan.10@wan"));
        corten.ok(&["rm", "-f", "user"]);
        corten.ok(&["network", "rm", "vlan"]);
        assert!(!has("wan.10"));
        let add = ["link", "add", "link", "wan", "name", "wan.10", "type", "vlan", "id", "10"];
        assert_eq!(seen("ip", &add), "");
        corten.ok(&vlan);
        corten.ok(&["network", "rm", "vlan"]);
        assert!(has("wan.10@wan"), "it was somebody's");
        seen("ip", &["link", "delete", "wan.10"]);
        seen("ip", &["link", "set", "wan", "down"]);
        assert!(corten.fails(&vlan, 1).contains("the interface wan is down"));
        seen("ip", &["link", "set", "wan", "up"]);
        let dummy = corten.run(&create("macvlan", &[], "dummy"));
        if dummy.code != 0 {
            return eprintln!("skipped: {}", dummy.stderr);
        }
        assert!(has("dm-"));
        corten.ok(&["network", "rm", "dummy"]);
        assert!(!has("dm-"));
    }

    #[test]
    fn a_container_has_addresses_of_its_own_on_the_cable() {
        let corten = own_host();
        wire();
        let modes = ["ipvlan_mode=l2", "ipvlan_mode=l3", "ipvlan_mode=l3s"];
        for mode in modes {
            let addresses = ["--subnet", "10.9.0.0/24", "--gateway", "10.9.0.2"];
            let addresses = [&addresses[..], &["--subnet", "fd00:9::/64"]].concat();
            let lan = create("ipvlan", &["parent=wan", mode], "lan");
            let made = corten.run(&[&lan[..], &addresses].concat());
            if made.code != 0 {
                return eprintln!("skipped: {}", made.stderr);
            }
            let run = ["run", "-d", "--network", "lan", "--name"];
            for name in ["first", "second"] {
                corten.ok(&[&run[..], &[name, "busybox", "sleep", "1000"]].concat());
            }
            let ping = ["exec", "first", "ping", "-c", "1", "-W", "5"];
            let format = "{{with .NetworkSettings.Networks.lan}}{{.IPAddress}} {{.GlobalIPv6Address}} \
                          {{.MacAddress}}{{end}}";
            let shown = corten.ok(&["inspect", "-f", format, "second"]);
            let [v4, v6] = shown.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{mode}: {shown}");
            };
            let answers = |address: &str| corten.run(&[&ping[..], &[address]].concat()).code == 0;
            for address in [v4, v6, "second"] {
                // One packet may be late: an emulated machine stands still now and then.
                wait_until("it answers", || answers(address));
            }
            let routes = corten.ok(&["exec", "first", "ip", "route"]);
            let way =
                if mode.ends_with("l2") { "default via 10.9.0.2" } else { "default dev eth0" };
            assert!(routes.contains(way), "{mode}: {routes}");
            corten.ok(&["network", "disconnect", "lan", "second"]);
            assert!(!corten.ok(&["exec", "second", "ip", "link"]).contains("eth0"));
            corten.ok(&["network", "connect", "lan", "second"]);
            wait_until("it answers", || answers("second"));
            let other = ["run", "--rm", "--network", "lan", "--mac-address", "02:00:00:00:00:07"];
            let refused = corten.fails(&[&other[..], &["busybox", "true"]].concat(), 125);
            assert!(refused.contains("the hardware address of the interface"), "{refused}");
            corten.ok(&["rm", "-f", "first", "second"]);
            corten.ok(&["network", "rm", "lan"]);
        }
    }

    #[test]
    fn a_container_is_as_fast_as_was_said() {
        let corten = own_host();
        let run = ["run", "-d", "--name", "slow", "--network", "bridge,bandwidth=20mbit"];
        corten.ok(&[&run[..], &["busybox", "sleep", "1000"]].concat());
        let queues = seen("tc", &["qdisc", "show"]);
        assert_eq!(queues.matches("rate 20Mbit").count(), 2, "{queues}");
        corten.ok(&["rm", "-f", "slow"]);
        wait_until("nothing is left of it", || seen("ip", &["-br", "link"]).lines().count() == 2);
        for wrong in ["bandwidth=fast", "bandwidth=0", "ingress=10parsec", "egress="] {
            let network = format!("name=bridge,{wrong}");
            corten.fails(&["run", "--rm", "--network", &network, "busybox", "true"], 125);
        }
    }

    #[test]
    fn an_interface_has_parameters_and_counters() {
        let corten = own_host();
        let option = "driver-opt=com.docker.network.endpoint.sysctls";
        let settings = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.accept_local=1";
        let network = format!("name=bridge,\"{option}={settings}\"");
        let run = ["run", "-d", "--name", "seen", "--cap-add", "NET_ADMIN", "--network", &network];
        corten.ok(&[&run[..], &["busybox", "sleep", "1000"]].concat());
        for name in ["log_martians", "accept_local"] {
            let path = format!("/proc/sys/net/ipv4/conf/eth0/{name}");
            assert_eq!(corten.ok(&["exec", "seen", "cat", &path]), "1");
        }
        let gateway =
            corten.ok(&["inspect", "-f", "{{.NetworkSettings.Networks.bridge.Gateway}}", "seen"]);
        corten.ok(&["exec", "seen", "ping", "-c", "3", "-i", "0.1", &gateway]);
        corten.ok(&["exec", "seen", "ip", "addr", "add", "10.77.0.1/32", "dev", "eth0"]);
        let members = corten.ok(&["network", "inspect", "-f", "{{json .Containers}}", "bridge"]);
        let members: serde_json::Value = serde_json::from_str(&members).unwrap();
        let member = members.as_object().unwrap().values().next().unwrap();
        let interface = &member["Interface"];
        assert!(interface["TxPackets"].as_u64().unwrap() >= 3, "{interface}");
        assert!(interface["Addresses"].to_string().contains("10.77.0.1/32"), "{interface}");
        let network = format!("name=bridge,{option}=net.ipv4.ip_forward=1");
        corten.fails(&["run", "--rm", "--network", &network, "busybox", "true"], 125);
        corten.ok(&["rm", "-f", "seen"]);
    }

    #[test]
    fn a_published_port_is_at_the_loopback_address_of_ipv6() {
        let corten = own_host();
        seen("sysctl", &["-w", "net.bridge.bridge-nf-call-ip6tables=0"]);
        let run = ["run", "-d", "--name", "shop", "-p", "8080:80", "busybox"];
        corten.ok(&[&run[..], &["nc", "-ll", "-p", "80", "-e", "echo", "shop"]].concat());
        let answer = || {
            let address = "[::1]:8080".parse().unwrap();
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            Some(answer)
        };
        wait_until("it answers at ::1", || answer().as_deref() == Some("shop\n"));
        corten.ok(&["rm", "-f", "shop"]);
    }
}
