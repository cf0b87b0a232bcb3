//! Names and places that change, through the program. Each test is a host of its own; inside its containers busybox asks, as applications do.

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::process::{Command, Stdio};

    use testkit::{Corten, signal, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn sleeper(corten: &Corten, name: &str, flags: &[&str]) -> String {
        let run = ["run", "-d", "--name", name];
        corten.ok(&[&run[..], flags, &["busybox", "sleep", "1000"]].concat())
    }

    /// Addresses of IPv4 that a name has for a container, in their order.
    fn found(corten: &Corten, asker: &str, name: &str) -> Vec<String> {
        let said = corten.run(&["exec", asker, "nslookup", "-type=a", name]).stdout;
        let answers = said.split_once("answer:").map(|(_, answers)| answers.to_owned());
        let answers = answers.unwrap_or_default();
        let addresses = answers.lines().filter_map(|line| line.strip_prefix("Address: "));
        let mut addresses: Vec<String> = addresses.map(str::to_owned).collect();
        addresses.sort();
        addresses
    }

    fn address(corten: &Corten, container: &str, network: &str) -> String {
        let format = format!("{{{{.NetworkSettings.Networks.{network}.IPAddress}}}}");
        corten.ok(&["inspect", "-f", &format, container])
    }

    #[test]
    fn containers_of_a_network_know_each_other_by_name() {
        let corten = corten();
        corten.ok(&["network", "create", "web"]);
        corten.ok(&["network", "create", "other"]);
        let id = sleeper(&corten, "shop", &["--network", "web", "--network-alias", "www"]);
        sleeper(&corten, "mail", &["--network", "name=web,alias=www", "--link", "shop:market"]);
        sleeper(&corten, "away", &["--network", "other"]);
        let (shop, mail) = (address(&corten, "shop", "web"), address(&corten, "mail", "web"));
        for name in ["shop", "SHOP.", &id[..12], "shop.web", "market"] {
            assert_eq!(found(&corten, "mail", name), std::slice::from_ref(&shop), "{name}");
        }
        // Of two with one alias each, in an order of chance.
        assert_eq!(found(&corten, "mail", "www"), [shop.clone(), mail.clone()]);
        assert_eq!(found(&corten, "shop", "market"), [""; 0]);
        assert_eq!(found(&corten, "away", "shop"), [""; 0]);
        let reverse = corten.ok(&["exec", "mail", "nslookup", &shop]);
        assert!(reverse.contains("name = shop.web"), "{reverse}");
        let names = "{{json .NetworkSettings.Networks.web.DNSNames}}";
        let names = corten.ok(&["inspect", "-f", names, "shop"]);
        assert_eq!(names, format!("[\"shop\",\"{}\",\"www\"]", &id[..12]));
        // Another name, at once.
        corten.ok(&["rename", "shop", "store"]);
        assert_eq!(found(&corten, "mail", "store"), [shop]);
        assert_eq!(found(&corten, "mail", "shop"), [""; 0]);
        // Who ends is nobody's name any more, and who is started again has one at once.
        corten.ok(&["stop", "-t", "0", "store"]);
        assert_eq!(found(&corten, "mail", "store"), [""; 0]);
        corten.ok(&["start", "store"]);
        assert_eq!(found(&corten, "mail", "store"), [address(&corten, "store", "web")]);
        let first = corten.resolver().unwrap();
        corten.ok(&["rm", "-f", "--all"]);
        wait_until("the resolver ends", || corten.resolver() != Some(first));
    }

    #[test]
    fn a_resolver_that_is_killed_comes_back() {
        let corten = corten();
        corten.ok(&["network", "create", "web"]);
        sleeper(&corten, "shop", &["--network", "web"]);
        sleeper(&corten, "mail", &["--network", "web"]);
        for _ in 0..5 {
            let first = corten.resolver().unwrap();
            signal("KILL", first);
            // The question waits in the container's socket: nslookup itself asks again after five seconds only.
            let begun = std::time::Instant::now();
            assert_eq!(found(&corten, "mail", "shop"), [address(&corten, "shop", "web")]);
            assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
            assert_ne!(corten.resolver(), Some(first));
        }
    }

    #[test]
    fn the_default_network_asks_the_host_alone() {
        let corten = corten();
        sleeper(&corten, "shop", &[]);
        sleeper(&corten, "mail", &["--link", "shop:market", "--add-host", "out:host-gateway"]);
        assert_eq!(corten.resolver(), None, "nobody has asked anything");
        let files = corten.ok(&["exec", "mail", "cat", "/etc/resolv.conf", "/etc/hosts"]);
        assert!(files.starts_with("nameserver 127.0.0.11\n"), "{files}");
        let shop = address(&corten, "shop", "bridge");
        assert!(files.contains(&format!("\n{shop}\tmarket ")), "{files}");
        assert!(files.contains("\n172.17.0.1\tout\n"), "{files}");
        assert_eq!(found(&corten, "mail", "shop"), [""; 0]);
        assert!(corten.resolver().is_some(), "somebody has asked");
        // Servers of its own it asks itself.
        let own = ["run", "--rm", "--dns", "192.0.2.1", "busybox", "cat", "/etc/resolv.conf"];
        assert!(corten.ok(&own).starts_with("nameserver 192.0.2.1"));
        let nobody = ["run", "--rm", "--link", "nobody", "busybox", "true"];
        assert!(corten.fails(&nobody, 125).contains("no such container: nobody"));
        corten.ok(&["stop", "-t", "0", "shop"]);
        let ended = ["run", "--rm", "--link", "shop", "busybox", "true"];
        assert!(corten.fails(&ended, 125).contains("it does not run in the default network"));
    }

    #[test]
    fn a_link_to_the_default_network_comes_and_goes() {
        let corten = corten();
        corten.ok(&["network", "create", "web"]);
        sleeper(&corten, "shop", &[]);
        sleeper(&corten, "mail", &["--network", "web"]);
        let market = || {
            let files = corten.ok(&["exec", "mail", "cat", "/etc/hosts"]);
            let lines = files.lines().filter(|line| line.contains("\tmarket ")).map(str::to_owned);
            lines.collect::<Vec<_>>()
        };
        let nobody = ["network", "connect", "--link", "nobody:market", "bridge", "mail"];
        assert!(corten.fails(&nobody, 1).contains("no such container: nobody"));
        corten.ok(&["network", "connect", "--link", "shop:market", "bridge", "mail"]);
        let shop = address(&corten, "shop", "bridge");
        assert_eq!(market().len(), 2, "of each family");
        assert!(market()[0].starts_with(&format!("{shop}\t")), "{:?}", market());
        corten.ok(&["exec", "mail", "ping", "-c", "1", "-W", "5", "market"]);
        // Whatever it is told of before, it has in the next run.
        corten.ok(&["restart", "-t", "0", "mail"]);
        assert_eq!(market().len(), 2, "of each family");
        corten.ok(&["network", "disconnect", "bridge", "mail"]);
        assert_eq!(market(), [""; 0]);
        corten.ok(&["stop", "-t", "0", "mail"]);
        corten.ok(&["network", "connect", "--link", "shop:market", "bridge", "mail"]);
        corten.ok(&["start", "mail"]);
        assert_eq!(market().len(), 2, "of each family");
    }

    /// Gives this thread, and the commands that it starts from now on, another `/etc/resolv.conf`.
    fn show_as_resolv_conf(file: &std::path::Path) {
        let flags = u32::try_from(sys::Namespaces::MOUNT.bits()).unwrap();
        sys::unshare_namespaces(flags).unwrap();
        let private = ["--make-rprivate", "/"];
        let bind = ["--bind", file.to_str().unwrap(), "/etc/resolv.conf"];
        for args in [&private[..], &bind] {
            assert!(Command::new("mount").args(args).status().unwrap().success(), "{args:?}");
        }
    }

    /// A name server of the host's loopback, as systemd-resolved is one: answers every question of one name.
    fn serve_names() -> std::thread::JoinHandle<()> {
        let socket = UdpSocket::bind("127.0.0.53:53").unwrap();
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut packet) {
                let mut answer = packet[..length].to_vec();
                let is_last = answer.windows(4).any(|part| part == b"last");
                let is_a = answer[12..].windows(5).any(|part| part == [0, 0, 1, 0, 1]);
                // A response with recursion, one answer: the name again by its place, A, IN, a minute, four bytes.
                answer[2..4].copy_from_slice(&[0x81, 0x80]);
                answer[10..12].copy_from_slice(&[0, 0]);
                let question = 12 + answer[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
                answer.truncate(question);
                if is_a {
                    answer[6..8].copy_from_slice(&[0, 1]);
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
                }
                socket.send_to(&answer, peer).unwrap();
                if is_last {
                    return;
                }
            }
        })
    }

    #[test]
    fn what_nobody_is_called_the_hosts_server_is_asked() {
        let corten = corten();
        let file = corten.directory().join("resolv.conf");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&file, "nameserver 127.0.0.53\nsearch example.test\n").unwrap();
        show_as_resolv_conf(&file);
        let server = serve_names();
        corten.ok(&["network", "create", "web"]);
        corten.ok(&["network", "create", "--internal", "inner"]);
        sleeper(&corten, "shop", &["--network", "web"]);
        sleeper(&corten, "mail", &[]);
        sleeper(&corten, "vault", &["--network", "inner"]);
        for container in ["shop", "mail"] {
            assert_eq!(found(&corten, container, "www.example.test"), ["192.0.2.7"]);
            let conf = corten.ok(&["exec", container, "cat", "/etc/resolv.conf"]);
            assert_eq!(conf, "nameserver 127.0.0.11\nsearch example.test\noptions ndots:0");
        }
        assert_eq!(found(&corten, "vault", "www.example.test"), [""; 0]);
        assert_eq!(found(&corten, "shop", "last.example.test"), ["192.0.2.7"]);
        server.join().unwrap();
    }

    #[test]
    fn places_come_and_go_while_a_container_runs() {
        let corten = corten();
        for name in ["web", "data"] {
            corten.ok(&["network", "create", name]);
        }
        sleeper(&corten, "shop", &["--network", "web"]);
        sleeper(&corten, "store", &["--network", "data"]);
        let sees = |name: &str| !found(&corten, "store", name).is_empty();
        assert!(!sees("shop"));
        let lines = |what: &str| corten.ok(&["exec", "shop", "sh", "-c", what]);
        lines("echo 192.0.2.1 mine >> /etc/hosts");
        corten.ok(&[
            "network",
            "connect",
            "--alias",
            "front",
            "--gw-priority",
            "-2147483648",
            "data",
            "shop",
        ]);
        let own = address(&corten, "shop", "data");
        assert_eq!(found(&corten, "store", "front"), std::slice::from_ref(&own));
        assert_eq!(found(&corten, "store", "shop"), std::slice::from_ref(&own));
        assert_eq!(corten.run(&["exec", "store", "ping", "-c", "1", "-W", "1", "front"]).code, 0);
        let hosts = lines("cat /etc/hosts");
        assert!(hosts.contains("192.0.2.1 mine\n") && hosts.contains(&own), "{hosts}");
        assert!(lines("ip route").contains("default via 172.18.0.1 dev eth0"));
        let twice = ["network", "connect", "data", "shop"];
        assert!(corten.fails(&twice, 1).contains("it is in network data already"));
        // What leads out goes: the other one leads out.
        corten.ok(&["network", "disconnect", "web", "shop"]);
        assert_eq!(lines("ip route | grep default"), "default via 172.18.16.1 dev eth1 ");
        let hosts = lines("cat /etc/hosts");
        assert!(hosts.contains("192.0.2.1 mine") && !hosts.contains("172.18.0."), "{hosts}");
        assert!(corten.fails(&["network", "rm", "data"], 1).contains("shop, store"));
        // So it is after a restart, too.
        corten.ok(&["restart", "-t", "0", "shop"]);
        assert_eq!(found(&corten, "store", "front"), [address(&corten, "shop", "data")]);
        corten.ok(&["network", "disconnect", "data", "shop"]);
        assert!(!sees("front") && !lines("ip -o link").contains("eth"));
        corten.ok(&["network", "rm", "web"]);
        // One that does not run has its place with its next start.
        corten.ok(&["stop", "-t", "0", "shop"]);
        corten.ok(&["network", "connect", "--ip", "172.18.16.77", "data", "shop"]);
        corten.ok(&["start", "shop"]);
        assert_eq!(found(&corten, "store", "shop"), ["172.18.16.77"]);
        sleeper(&corten, "alone", &["--network", "none"]);
        let alone = ["network", "connect", "data", "alone"];
        assert!(corten.fails(&alone, 1).contains("it has no network at all"));
        for (args, words) in [
            (["network", "connect", "nowhere", "shop"], "no such network: nowhere"),
            (["network", "connect", "data", "nobody"], "no such container: nobody"),
            (["network", "disconnect", "data", "alone"], "it is not in network data"),
        ] {
            assert!(corten.fails(&args, 1).contains(words), "{args:?}");
        }
        corten.ok(&["rm", "-f", "--all"]);
        let pruned = corten.ok(&["network", "prune", "--force"]);
        assert_eq!(pruned, "Deleted Networks:\ndata");
        assert_eq!(corten.ok(&["network", "ls", "-q", "-f", "type=custom"]), "");
    }

    #[test]
    fn ports_come_and_go_while_a_container_runs() {
        let corten = corten();
        let serve = ["sh", "-c", "nc -ll -p 80 -e echo hello"];
        let run = ["run", "-d", "--name", "shop", "-p", "8080:80", "busybox"];
        corten.ok(&[&run[..], &serve].concat());
        let answers = |port: &str| {
            let ask = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && head -c 5 <&3");
            let mut bash = Command::new("timeout");
            let said = bash.args(["5", "bash", "-c", &ask]).stderr(Stdio::null()).output().unwrap();
            said.stdout == b"hello"
        };
        wait_until("it answers", || answers("8080"));
        corten.ok(&["update", "--publish-add", "9090:80", "shop"]);
        assert!(answers("9090") && answers("8080"));
        corten.ok(&["update", "--publish-rm", "8080:80", "shop"]);
        assert!(answers("9090") && !answers("8080"));
        assert_eq!(corten.ok(&["port", "shop"]), "80/tcp -> 0.0.0.0:9090\n80/tcp -> [::]:9090");
        // One that somebody else has changes nothing.
        let listener = std::net::TcpListener::bind("0.0.0.0:7070").unwrap();
        let taken = ["update", "--publish-add", "7070:80", "--pids-limit", "50", "shop"];
        assert!(corten.fails(&taken, 1).contains("a program of the machine listens there"));
        drop(listener);
        let nothing = ["update", "--publish-rm", "8080:80", "shop"];
        assert!(corten.fails(&nothing, 1).contains("the container has none such"));
        assert!(answers("9090"));
        corten.ok(&["restart", "-t", "0", "shop"]);
        wait_until("it answers again", || answers("9090"));
        assert!(!answers("8080"));
    }
}
