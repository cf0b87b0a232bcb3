//! Networks through the program. Each test is a host of its own, in a network namespace that ends with it: its commands and their containers
//! are born there.

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;
    use std::time::Duration;

    use testkit::{Corten, wait_until};

    /// A host with nothing but its loopback interface.
    fn host() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// A container that answers connections to its port 80 with its name.
    fn server(corten: &Corten, name: &str, flags: &[&str]) -> String {
        let answer = format!("nc -ll -p 80 -e echo {name}");
        let run = ["run", "-d", "--name", name];
        corten.ok(&[&run[..], flags, &["busybox", "sh", "-c", &answer]].concat())
    }

    /// What answers at a port of the host.
    fn ask(address: &str) -> Option<String> {
        let address = address.parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.trim_end().to_owned()).filter(|answer| !answer.is_empty())
    }

    fn answers(address: &str, name: &str) {
        wait_until(&format!("{name} answers at {address}"), || {
            ask(address).as_deref() == Some(name)
        });
    }

    fn seen(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_network_is_made_used_and_removed() {
        let corten = host();
        let id = corten.ok(&["network", "create", "--label", "a=b", "web"]);
        assert_eq!(
            corten.ok(&["network", "ls", "--format", "{{.Name}} {{.Driver}}"]),
            "bridge bridge\nhost host\nnone null\nweb bridge"
        );
        assert_eq!(corten.ok(&["network", "ls", "-q", "--no-trunc", "-f", "label=a=b"]), id);
        let container =
            server(&corten, "shop", &["--network", "web", "-p", "8080:80", "-p", "127.0.0.1::80"]);
        answers("127.0.0.1:8080", "shop");
        let format = "{{.NetworkSettings.Networks.web.IPAddress}}";
        let address = corten.ok(&["inspect", "-f", format, "shop"]);
        answers(&format!("{address}:80"), "shop");
        let members = corten.ok(&["network", "inspect", "-f", "{{json .Containers}}", "web"]);
        assert!(members.contains(&container) && members.contains(&address), "{members}");
        assert!(corten.ok(&["port", "shop", "80"]).starts_with("0.0.0.0:8080\n127.0.0.1:"));
        let listed = corten.ok(&["ps", "--format", "{{.Ports}} {{.Networks}}"]);
        assert!(
            listed.starts_with("0.0.0.0:8080->80/tcp, ") && listed.ends_with(" web"),
            "{listed}"
        );
        // By its address and its name in /etc/hosts.
        assert!(corten.ok(&["exec", "shop", "cat", "/etc/hosts"]).contains(&address));
        assert!(corten.fails(&["network", "rm", "web"], 1).contains("used by container shop"));
        corten.ok(&["rm", "-f", "shop"]);
        assert_eq!(corten.ok(&["network", "rm", "web"]), "web");
        assert_eq!(ask("127.0.0.1:8080"), None);
        assert_eq!(seen("ip", &["-br", "link"]).lines().count(), 1);
    }

    #[test]
    fn ports_are_had_by_one() {
        let corten = host();
        server(&corten, "first", &["--network", "bridge", "-p", "8080:80"]);
        let second = ["run", "--rm", "--network", "bridge", "-p", "8080:80", "busybox", "true"];
        assert!(corten.fails(&second, 125).contains("container first has it"));
        let listener = TcpListener::bind("0.0.0.0:8081").unwrap();
        let third = ["run", "--rm", "--network", "bridge", "-p", "8081:80", "busybox", "true"];
        assert!(corten.fails(&third, 125).contains("a program of the machine listens there"));
        drop(listener);
        corten.ok(&third);
        // Of a range the first that is free; freed with the container's end.
        server(&corten, "other", &["--network", "bridge", "-p", "8080-8082:80"]);
        assert!(corten.ok(&["port", "other"]).contains("0.0.0.0:8081"));
        corten.ok(&["rm", "-f", "first"]);
        corten.ok(&second);
        // By one of its ports, too; said twice it is one, and who can be elsewhere makes room.
        fn own<'a>(ports: &[&'a str]) -> Vec<&'a str> {
            [&["run", "--rm"], ports, &["busybox", "true"]].concat()
        }
        let twice = own(&["-p", "8090:80", "-p", "8090:81"]);
        assert!(corten.fails(&twice, 125).contains("another port of the container"));
        corten.ok(&own(&["-p", "8090:80", "-p", "8090:80"]));
        server(&corten, "room", &["-p", "8090-8091:80", "-p", "8090:81"]);
        assert!(corten.ok(&["port", "room", "80"]).contains("0.0.0.0:8091"));
        // A range is had as a whole.
        server(&corten, "many", &["-p", "9000-9100:1000-1100"]);
        for port in ["9000:80", "127.0.0.1:9050:80", "9100:80"] {
            let refused = corten.fails(&own(&["-p", port]), 125);
            assert!(refused.contains("container many has it"), "{refused}");
        }
        corten.ok(&own(&["-p", "8999:80", "-p", "9101:80", "-p", "9000:80/udp"]));
        corten.ok(&["rm", "-f", "many"]);
        corten.ok(&own(&["-p", "9050:80"]));
        let shared = ["run", "--rm", "--network", "host", "-p", "1:1", "busybox", "true"];
        assert!(corten.run(&shared).stderr.contains("published ports are discarded"));
    }

    #[test]
    fn addresses_are_given_in_turn_or_as_wanted() {
        let corten = host();
        corten.ok(&["network", "create", "--subnet", "10.9.0.0/29", "--ipv6=false", "tiny"]);
        // As Docker has it, the flag takes no word of its own.
        corten.ok(&["network", "create", "--ipv6", "--attachable", "--scope", "local", "six"]);
        assert_eq!(corten.ok(&["network", "inspect", "-f", "{{.Attachable}}", "six"]), "true");
        corten.ok(&["network", "rm", "six"]);
        for (flag, value) in [("--ipam-driver", "lab"), ("--scope", "swarm")] {
            assert!(corten.fails(&["network", "create", flag, value, "no"], 1).contains("alone"));
        }
        let run = |flags: &[&str]| {
            let all =
                [&["run", "--rm", "--network", "tiny"][..], flags, &["busybox", "hostname", "-i"]];
            corten.ok(&all.concat())
        };
        assert_eq!(run(&["--ip", "10.9.0.5", "--mac-address", "02:00:00:00:00:05"]), "10.9.0.5");
        for address in ["10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6"] {
            let name = format!("c{}", &address[7..]);
            corten.ok(&[
                "run",
                "-d",
                "--network",
                "tiny",
                "--name",
                &name,
                "busybox",
                "sleep",
                "1000",
            ]);
            let format = "{{.NetworkSettings.Networks.tiny.IPAddress}}";
            assert_eq!(corten.ok(&["inspect", "-f", format, &name]), address);
        }
        let full = ["run", "--rm", "--network", "tiny", "busybox", "true"];
        assert!(corten.fails(&full, 125).contains("every address of 10.9.0.0/29 is in use"));
        let taken = ["run", "--rm", "--network", "tiny", "--ip", "10.9.0.3", "busybox", "true"];
        assert!(corten.fails(&taken, 125).contains("container c3 has it"));
        let outside = ["run", "--rm", "--network", "tiny", "--ip", "10.8.0.3", "busybox", "true"];
        assert!(corten.fails(&outside, 125).contains("network tiny has no subnet with it"));
        // One that does not run has its address until somebody needs it.
        corten.ok(&["stop", "-t", "0", "c4"]);
        corten.ok(&full);
        for wrong in [
            ["--subnet", "10.9.0.0/24"],
            ["--subnet", "10.9.1.1/24"],
            ["--gateway", "10.9.1.1"],
            ["--driver", "overlay"],
        ] {
            corten.fails(&[&["network", "create"][..], &wrong, &["more"]].concat(), 1);
        }
        assert_eq!(corten.ok(&["network", "ls", "-q"]).lines().count(), 4);
    }

    /// Rules that somebody flushed, and a container whose monitor was killed.
    #[test]
    fn what_is_lost_comes_back_and_what_is_left_goes() {
        let corten = host();
        let flags = ["--network", "bridge", "-p", "8080:80"];
        server(&corten, "first", &flags);
        answers("127.0.0.1:8080", "first");
        seen("nft", &["flush", "ruleset"]);
        assert_eq!(ask("127.0.0.1:8080"), None);
        corten.ok(&["network", "reload"]);
        answers("127.0.0.1:8080", "first");
        seen("nft", &["flush", "ruleset"]);
        server(&corten, "second", &["--network", "bridge"]);
        answers("127.0.0.1:8080", "first");
        let before = seen("nft", &["list", "ruleset"]);
        assert!(before.contains("8080"), "{before}");
        corten.kill_with_monitor("first");
        wait_until("its end is seen", || {
            corten.ok(&["inspect", "-f", "{{.State.Status}}", "first"]) == "exited"
        });
        assert!(!seen("nft", &["list", "ruleset"]).contains("8080"));
        server(&corten, "third", &flags);
        answers("127.0.0.1:8080", "third");
    }

    #[test]
    fn a_restart_has_the_same_place() {
        let corten = host();
        server(&corten, "shop", &["--network", "bridge", "-p", "8080:80", "--restart", "always"]);
        let place = || {
            let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}";
            corten.ok(&["inspect", "-f", format, "shop"])
        };
        let before = place();
        answers("127.0.0.1:8080", "shop");
        let pid = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "shop"]);
        seen("kill", &["-9", &pid]);
        wait_until("it runs again", || {
            let again = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "shop"]);
            again != pid && again != "0"
        });
        answers("127.0.0.1:8080", "shop");
        assert_eq!(place(), before);
        corten.ok(&["restart", "-t", "0", "shop"]);
        answers("127.0.0.1:8080", "shop");
        assert_eq!(place(), before);
    }
}
