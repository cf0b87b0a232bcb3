//! What `network doctor` finds, through the program: each finding is made to be true, seen, and mended as it says.

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::Command;

    use serde_json::Value;
    use testkit::{Corten, signal, wait_until};

    fn host() -> Corten {
        testkit::enter_host();
        run("sysctl -qw net.bridge.bridge-nf-call-ip6tables=0");
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        corten.ok(&["network", "create", "--subnet", "10.77.0.0/24", "web"]);
        let flags = ["run", "-d", "--name", "shop", "--network", "web", "-p", "8080:80"];
        corten.ok(&[&flags[..], &["busybox", "sleep", "1000"]].concat());
        corten
    }

    fn run(command: &str) {
        let mut words = command.split(' ');
        let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }

    fn seen(corten: &Corten, code: i32) -> Value {
        let finished = corten.run(&["network", "doctor", "--format", "json"]);
        assert_eq!(finished.code, code, "{finished:?}");
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// The finding whose object this is part of.
    fn finding(seen: &Value, object: &str) -> Value {
        let findings = seen["Findings"].as_array().unwrap();
        let has = |found: &&Value| found["Object"].as_str().unwrap().contains(object);
        findings.iter().find(has).unwrap_or_else(|| panic!("{object}: {seen:#}")).clone()
    }

    /// Who reaches port 8080 of IPv4: the host, containers, others.
    fn reach(seen: &Value) -> (bool, bool, String) {
        let ports = seen["Ports"].as_array().unwrap();
        let port = ports.iter().find(|port| port["Port"] == "0.0.0.0:8080/tcp").unwrap();
        let outside = port["Outside"].as_str().unwrap().to_owned();
        (port["Host"].as_bool().unwrap(), port["Containers"].as_bool().unwrap(), outside)
    }

    #[test]
    fn a_host_that_is_well() {
        let corten = host();
        let seen = seen(&corten, 0);
        assert_eq!(seen["Findings"].as_array().unwrap().len(), 0, "{seen:#}");
        assert_eq!(reach(&seen), (true, true, "everybody".to_owned()));
        let text = corten.ok(&["network", "doctor"]);
        assert!(text.contains("0.0.0.0:8080/tcp") && text.contains("Nothing is wrong."), "{text}");
    }

    #[test]
    fn a_resolver_that_nobody_starts_again() {
        let corten = host();
        let [monitor, _] = corten.pids("shop");
        // Who would start it stands still.
        signal("STOP", monitor);
        signal("KILL", corten.resolver().unwrap());
        wait_until("it is gone", || corten.resolver().is_none());
        assert_eq!(finding(&seen(&corten, 1), "the resolver")["IsBroken"], true);
        signal("CONT", monitor);
        wait_until("it is back", || corten.run(&["network", "doctor"]).code == 0);
        assert!(corten.resolver().is_some());
    }

    #[test]
    fn rules_that_are_gone_come_back_by_what_it_says() {
        let corten = host();
        run("nft flush ruleset");
        let found = seen(&corten, 1);
        assert_eq!(finding(&found, "rules")["Remedy"], "corten network reload");
        assert_eq!(reach(&found), (false, false, "no".to_owned()));
        corten.ok(&["network", "reload"]);
        seen(&corten, 0);
        // A single element.
        let tables = Command::new("nft").args(["list", "tables", "inet"]).output().unwrap();
        let tables = String::from_utf8(tables.stdout).unwrap();
        let table = tables.trim().rsplit(' ').next().unwrap();
        run(&format!("nft delete element inet {table} ports4 {{ tcp . 8080 }}"));
        let found = seen(&corten, 1);
        assert_eq!(finding(&found, "0.0.0.0:8080/tcp")["Remedy"], "corten network reload");
        corten.ok(&["network", "reload"]);
        seen(&corten, 0);
        // What respect-host takes.
        corten.ok(&["network", "settings", "--publish-policy", "respect-host"]);
        seen(&corten, 0);
        let links = Command::new("ip").args(["-br", "link"]).output().unwrap();
        let links = String::from_utf8(links.stdout).unwrap();
        let out = links
            .lines()
            .find_map(|line| line.split(['@', ' ']).next().filter(|name| name.starts_with("out-")));
        let out = out.unwrap_or_else(|| panic!("{links}")).to_owned();
        run(&format!("ip link delete {out}"));
        assert!(
            finding(&seen(&corten, 1), "rules")["Finding"]
                .as_str()
                .unwrap()
                .contains("is not there")
        );
        corten.ok(&["network", "reload"]);
        seen(&corten, 0);
        let back = out.replace("out-", "in-");
        run("sysctl -qw net.ipv4.conf.all.rp_filter=1");
        run(&format!("sysctl -qw net.ipv4.conf.{back}.rp_filter=0"));
        let remedy = finding(&seen(&corten, 1), "rp_filter")["Remedy"].as_str().unwrap().to_owned();
        run(&remedy.replace("-w", "-qw"));
        seen(&corten, 0);
    }

    #[test]
    fn what_others_do() {
        let corten = host();
        run("sysctl -qw net.ipv4.ip_forward=0");
        let found = seen(&corten, 1);
        assert_eq!(finding(&found, "ip_forward")["Remedy"], "sysctl -w net.ipv4.ip_forward=1");
        assert_eq!(reach(&found), (true, false, "no".to_owned()));
        run("sysctl -qw net.ipv4.ip_forward=1");
        run("sysctl -qw net.ipv6.conf.all.forwarding=0");
        assert_eq!(reach(&seen(&corten, 1)), (true, true, "everybody".to_owned()));
        run("sysctl -qw net.ipv6.conf.all.forwarding=1");
        run("sysctl -qw net.bridge.bridge-nf-call-ip6tables=1");
        assert_eq!(finding(&seen(&corten, 0), "bridge-nf")["IsBroken"], false);
        run("sysctl -qw net.bridge.bridge-nf-call-ip6tables=0");
        let listener = TcpListener::bind("0.0.0.0:8080").unwrap();
        let found = finding(&seen(&corten, 0), "0.0.0.0:8080/tcp");
        assert!(found["Finding"].as_str().unwrap().contains("a program of the machine"));
        drop(listener);
        // A VPN that came later.
        run("ip link add vpn type veth peer name far");
        run("ip link set vpn up");
        run("ip link set far up");
        run("ip route add 10.77.0.128/25 dev vpn");
        let found = seen(&corten, 1);
        assert!(finding(&found, "network web")["Finding"].as_str().unwrap().contains("vpn"));
        run("ip link delete vpn");
        seen(&corten, 0);
    }

    /// Whether the port is reached from the host at ::1 as well as it says.
    #[test]
    fn what_stood_in_the_way_of_loopback() {
        let corten = host();
        let reason = |seen: &Value| {
            let ports = seen["Ports"].as_array().unwrap();
            let port = ports.iter().find(|port| port["Port"] == "[::]:8080/tcp").unwrap();
            port["Why"].to_string().contains("not at [::1]")
        };
        let set =
            |value: u8| run(&format!("sysctl -qw net.bridge.bridge-nf-call-ip6tables={value}"));
        assert!(!reason(&seen(&corten, 0)));
        set(1);
        corten.ok(&["network", "reload"]);
        assert!(reason(&seen(&corten, 0)));
        set(0);
        let found = seen(&corten, 0);
        assert!(reason(&found), "{found:#}");
        assert_eq!(finding(&found, "bridge-nf")["Remedy"], "corten network reload");
        corten.ok(&["network", "reload"]);
        let found = seen(&corten, 0);
        assert!(!reason(&found) && found["Findings"].as_array().unwrap().is_empty(), "{found:#}");
    }

    #[test]
    fn chains_that_let_nothing_through() {
        let corten = host();
        run("iptables -P FORWARD DROP");
        let found = seen(&corten, 1);
        assert_eq!(reach(&found), (true, false, "no".to_owned()));
        let chain = finding(&found, "chain ip filter FORWARD");
        // As it says.
        let remedy = chain["Remedy"].as_str().unwrap().split(" (with").next().unwrap().to_owned();
        remedy.split("; ").for_each(run);
        assert_eq!(reach(&seen(&corten, 0)), (true, true, "everybody".to_owned()));
        run("nft add table inet firewalld");
        run(
            "nft add chain inet firewalld filter_FORWARD { type filter hook forward priority 10 ; policy accept ; }",
        );
        seen(&corten, 0);
        run(
            "nft add rule inet firewalld filter_FORWARD counter reject with icmpx admin-prohibited",
        );
        let found = seen(&corten, 1);
        let remedy = finding(&found, "chain inet firewalld")["Remedy"].as_str().unwrap().to_owned();
        assert!(remedy.starts_with("firewall-cmd"), "{remedy}");
        run("nft delete table inet firewalld");
        // Input chains decide where they are asked.
        run("nft add table inet own");
        run(
            "nft add chain inet own input { type filter hook input priority filter ; policy drop ; }",
        );
        assert_eq!(reach(&seen(&corten, 0)).2, "everybody");
        corten.ok(&["network", "settings", "--publish-policy", "respect-host"]);
        assert_eq!(reach(&seen(&corten, 0)).2, "some");
    }

    #[test]
    fn interfaces_that_somebody_removed() {
        let corten = host();
        let id = corten.ok(&["network", "inspect", "-f", "{{.Id}}", "web"]);
        let bridge = format!("br-{}", &id[..12]);
        run(&format!("ip link set {bridge} down"));
        assert_eq!(finding(&seen(&corten, 1), "network web")["Remedy"], "corten network reload");
        corten.ok(&["network", "reload"]);
        seen(&corten, 0);
        let ports = Command::new("ip").args(["-br", "link", "show", "master", &bridge]).output();
        let ports = String::from_utf8(ports.unwrap().stdout).unwrap();
        run(&format!("ip link delete {}", ports.split('@').next().unwrap()));
        assert_eq!(finding(&seen(&corten, 1), "container shop")["Remedy"], "corten restart shop");
        corten.ok(&["restart", "-t", "0", "shop"]);
        seen(&corten, 0);
    }
}
