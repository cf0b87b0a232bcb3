//! What holds for all networks of a machine, and how containers are reached, through the program. Each test is a host of its own, with another
//! machine at the other end of a cable.

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{SocketAddr, TcpStream};
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::process::Command;
    use std::time::Duration;

    use sys::Namespaces;
    use testkit::{Corten, wait_until};

    const ROUTED: &str = "com.docker.network.bridge.gateway_mode_ipv4=routed";

    /// 10.9.0.1 is the host, 10.9.0.2 the other machine; 10.9.0.3 is its, too.
    fn scene() -> (Corten, OwnedFd) {
        testkit::enter_host();
        let here = namespace();
        let network = u32::try_from(Namespaces::NETWORK.bits()).unwrap();
        sys::unshare_namespaces(network).unwrap();
        let outside = namespace();
        sys::enter_namespace(here.as_fd(), Namespaces::NETWORK).unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), outside.as_raw_fd());
        host(&format!("ip link add wan type veth peer name far netns {path}"));
        host("ip address add 10.9.0.1/24 dev wan");
        host("ip link set wan up");
        within(&outside, || {
            host("ip link set far up");
            host("ip address add 10.9.0.2/24 dev far");
            host("ip address add 10.9.0.3/24 dev far");
            host("ip route add default via 10.9.0.1");
        });
        (Corten::with_busybox(env!("CARGO_BIN_EXE_corten")), outside)
    }

    fn namespace() -> OwnedFd {
        std::fs::File::open("/proc/thread-self/ns/net").unwrap().into()
    }

    fn within<T: Send>(place: &OwnedFd, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                sys::enter_namespace(place.as_fd(), Namespaces::NETWORK).unwrap();
                work()
            });
            thread.join().unwrap()
        })
    }

    fn host(command: &str) {
        let mut words = command.split(' ');
        let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }

    /// A container that answers connections to its port 80 with its name.
    fn server(corten: &Corten, name: &str, flags: &[&str]) {
        let answer = format!("nc -ll -p 80 -e echo {name}");
        let run = ["run", "-d", "--name", name];
        corten.ok(&[&run[..], flags, &["busybox", "sh", "-c", &answer]].concat());
    }

    fn ask(address: &str, patience: Duration) -> Option<String> {
        let address: SocketAddr = address.parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.trim_end().to_owned()).filter(|answer| !answer.is_empty())
    }

    fn answers(place: &OwnedFd, address: &str, name: &str) {
        wait_until(&format!("{name} answers at {address}"), || {
            within(place, || ask(address, Duration::from_secs(2))).as_deref() == Some(name)
        });
    }

    fn is_silent(place: &OwnedFd, address: &str) -> bool {
        within(place, || ask(address, Duration::from_millis(700))).is_none()
    }

    #[test]
    fn the_hosts_rules_hold_from_when_they_are_to() {
        let (corten, outside) = scene();
        server(&corten, "shop", &["--network", "bridge", "-p", "8080:80"]);
        host("nft add table inet filter");
        host(
            "nft add chain inet filter input { type filter hook input priority filter ; policy drop ; }",
        );
        host("nft add rule inet filter input ct state established,related accept");
        answers(&outside, "10.9.0.1:8080", "shop");
        corten.ok(&["network", "settings", "--publish-policy", "respect-host"]);
        assert!(is_silent(&outside, "10.9.0.1:8080"));
        host("nft add rule inet filter input ip saddr 10.9.0.2 tcp dport 8080 accept");
        answers(&outside, "10.9.0.1:8080", "shop");
        answers(&namespace(), "127.0.0.1:8080", "shop");
        // It holds for those that come later, and after somebody flushed the rules.
        server(&corten, "later", &["--network", "bridge", "-p", "8081:80"]);
        answers(&namespace(), "127.0.0.1:8081", "later");
        assert!(is_silent(&outside, "10.9.0.1:8081"));
        host("nft flush ruleset");
        corten.ok(&["network", "reload"]);
        answers(&outside, "10.9.0.1:8081", "later");
        host("iptables -A INPUT -p tcp --dport 8081 -j DROP");
        assert!(is_silent(&outside, "10.9.0.1:8081"));
        corten.ok(&["network", "settings", "--reset"]);
        answers(&outside, "10.9.0.1:8081", "later");
    }

    #[test]
    fn settings_hold_for_what_is_made_after_them() {
        let (corten, outside) = scene();
        for wrong in [
            ["--publish-policy", "closed"],
            ["--publish-address", "10.9.0"],
            ["--address-pool", "base=10.50.0.0/16,size=8"],
            ["--default-network", "nowhere"],
            ["--default-network", "host"],
            ["--mtu", "67"],
        ] {
            corten.fails(&[&["network", "settings"][..], &wrong].concat(), 1);
        }
        let settings = corten.ok(&["network", "settings", "--format", "json"]);
        assert!(settings.contains(r#""PublishPolicy":"open""#), "{settings}");
        corten.ok(&[
            "network",
            "settings",
            "--publish-address",
            "127.0.0.1",
            "--publish-address",
            "10.9.0.1",
            "--address-pool",
            "base=10.50.0.0/16,size=24",
            "--address-pool",
            "base=fd50::/48,size=64",
            "--mtu",
            "1400",
        ]);
        let settings = corten.ok(&["network", "settings"]);
        assert!(settings.contains("127.0.0.1 10.9.0.1"), "{settings}");
        corten.ok(&["network", "create", "web"]);
        let format = "{{range .IPAM.Config}}{{.Subnet}} {{end}}";
        assert_eq!(
            corten.ok(&["network", "inspect", "-f", format, "web"]).trim_end(),
            "10.50.0.0/24 fd50::/64"
        );
        server(&corten, "shop", &["--network", "web", "-p", "80"]);
        let ports = corten.ok(&["port", "shop"]);
        let port = ports.lines().next().unwrap().rsplit_once(':').unwrap().1.to_owned();
        assert_eq!(ports, format!("80/tcp -> 127.0.0.1:{port}\n80/tcp -> 10.9.0.1:{port}"));
        answers(&outside, &format!("10.9.0.1:{port}"), "shop");
        answers(&namespace(), &format!("127.0.0.1:{port}"), "shop");
        assert!(corten.ok(&["exec", "shop", "ip", "link", "show", "eth0"]).contains("mtu 1400"));
        // What a container says is more.
        server(&corten, "open", &["--network", "web", "-p", "0.0.0.0:8080:80"]);
        assert_eq!(corten.ok(&["port", "open"]), "80/tcp -> 0.0.0.0:8080");
        corten.ok(&["network", "settings", "--reset", "--mtu", "1300"]);
        let settings =
            corten.ok(&["network", "settings", "--format", "{{.MTU}} {{.PublishAddresses}}"]);
        assert_eq!(settings, "1300 []");
    }

    #[test]
    fn gateway_modes_through_the_program() {
        let (corten, outside) = scene();
        let create = |name: &str, options: &[&str]| {
            let flags: Vec<&str> = options.iter().flat_map(|option| ["-o", *option]).collect();
            corten.ok(&[&["network", "create"][..], &flags, &[name]].concat());
        };
        create("routed", &[ROUTED, "com.docker.network.container_iface_prefix=lan"]);
        server(&corten, "shop", &["--network", "routed", "-p", "8080:80"]);
        let format = "{{.NetworkSettings.Networks.routed.IPAddress}}";
        let address = corten.ok(&["inspect", "-f", format, "shop"]);
        answers(&outside, &format!("{address}:80"), "shop");
        assert!(is_silent(&outside, "10.9.0.1:8080"));
        let ports = corten.ok(&["inspect", "-f", "{{json .NetworkSettings.Ports}}", "shop"]);
        assert!(ports.contains(r#"{"HostIp":"0.0.0.0","HostPort":""}"#), "{ports}");
        assert!(corten.ok(&["exec", "shop", "ip", "link"]).contains("lan0"));
        // One that is trusted alone, at an address of its own when it leaves.
        create(
            "trusting",
            &[
                "com.docker.network.bridge.trusted_host_interfaces=wan:other",
                "com.docker.network.bridge.host_binding_ipv4=127.0.0.1",
            ],
        );
        server(&corten, "inner", &["--network", "trusting", "-p", "8081:80"]);
        let format = "{{.NetworkSettings.Networks.trusting.IPAddress}}";
        let address = corten.ok(&["inspect", "-f", format, "inner"]);
        answers(&outside, &format!("{address}:80"), "inner");
        assert!(is_silent(&outside, "10.9.0.1:8081"));
        answers(&namespace(), "127.0.0.1:8081", "inner");
        let isolated = "com.docker.network.bridge.gateway_mode_ipv4=isolated";
        corten.fails(&["network", "create", "-o", isolated, "alone"], 1);
        corten.ok(&["network", "create", "--internal", "--ipv6=false", "-o", isolated, "alone"]);
        let id = corten.ok(&["network", "inspect", "-f", "{{.Id}}", "alone"]);
        let bridge = format!("br-{}", &id[..12]);
        let shown = Command::new("ip").args(["address", "show", &bridge]).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains(&bridge) && !shown.contains("inet "), "{shown}");
        server(&corten, "hidden", &["--network", "alone"]);
        let found = corten.ok(&["run", "--rm", "--network", "alone", "busybox", "sh", "-c", "nc $(nslookup hidden 127.0.0.11 | tail -n 2 | grep -o '[0-9.]*$' | head -n 1) 80 || nc hidden 80"]);
        assert_eq!(found, "hidden");
        for wrong in [
            "com.docker.network.bridge.gateway_mode_ipv4=bridged",
            "com.docker.network.host_ipv4=fd00::1",
            "com.docker.network.container_iface_prefix=toolongtobeone",
            "com.docker.network.bridge.unknown=1",
            "mtu",
        ] {
            corten.fails(&["network", "create", "-o", wrong, "wrong"], 1);
        }
    }
}
