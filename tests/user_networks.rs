//! Networks of a user without rights. Each test is a host of its own with a peer, in namespaces that end with it; the user has no entry in
//! any file but those that the test gives him.

#[cfg(test)]
mod tests {
    use testkit::USER_RANGES as RANGES;

    /// What a script prints on a host where the user may begin.
    fn on_host(script: &str) -> String {
        testkit::on_user_host(env!("CARGO_BIN_EXE_corten"), script)
    }

    #[test]
    fn a_user_reaches_out_and_is_reached() {
        let script = r#"
            corten template build busybox > /dev/null
            corten run --rm --network bridge busybox sh -c 'id -u; nc 192.0.2.2 81 < /dev/null'
            corten run --rm busybox ip link show eth0 | grep -o 'mtu [0-9]*'
            corten network settings --reset; corten network settings | grep -o '^mtu .*'
            corten run -d --network bridge --name web -p 8080:80 busybox nc -ll -p 80 -e echo inside > /dev/null
            for at in 127.0.0.1 [::1]; do socat -u tcp:$at:8080 -; done
            nsenter -t $peer -n socat -u tcp:192.0.2.1:8080 -
            corten update --publish-add 8081:80 --publish-rm 8080:80 web > /dev/null
            socat -u tcp:192.0.2.1:8081 -; socat -u tcp:192.0.2.1:8080 - 2> /dev/null || echo shut
            for at in 127.0.0.1:8082 192.0.2.1:8083 [::1]:8084; do
                corten run -d --name own -p $at:80 busybox nc -ll -p 80 -e echo $at > /dev/null
                socat -u tcp:$at -; corten port own; corten rm -f own > /dev/null
            done
            corten run --rm --network bridge -p 80:80 busybox true; echo $?
            keeper=$(cat run/corten/keeper.pid)
            corten rm -f web > /dev/null
            tail --pid=$keeper -f /dev/null; echo ended
            until ! pgrep slirp4netns; do :; done
        "#;
        let told = "error: invalid published port \"80\": a user may have ports from 1024 on: net.ipv4.ip_unprivileged_port_start\n";
        let own = ["127.0.0.1:8082", "192.0.2.1:8083", "[::1]:8084"]
            .map(|at| format!("{at}\n80/tcp -> {at}\n"))
            .concat();
        let inside = "inside\n".repeat(4);
        let mtu = "mtu 65520\nmtu               65520\n";
        let seen = format!("0\noutside\n{mtu}{inside}shut\n{own}125\nended\n");
        // Once, though namespaces were made several times.
        let warning = "warning: /etc/subuid has no line for 1500: containers have one id, and images whose files have other owners cannot be unpacked (usermod --add-subuids and --add-subgids give more)\n";
        assert_eq!(on_host(script), format!("{seen}{warning}{told}"));
        assert_eq!(on_host(&format!("{RANGES}{script}")), format!("{seen}{told}"));
    }

    #[test]
    fn what_a_user_lacks_is_named() {
        let without = on_host(
            r#"
            for name in slirp4netns pasta; do mount --bind /dev/null /usr/bin/$name; done
            corten template build busybox > /dev/null
            corten run --rm --network none busybox echo alone
            corten run --rm busybox true
            user env -u XDG_RUNTIME_DIR ./corten ps
        "#,
        );
        assert!(without.starts_with("alone\n"), "{without}");
        assert!(
            without.contains("neither pasta (package passt) nor slirp4netns is installed"),
            "{without}"
        );
        assert!(without.contains("XDG_RUNTIME_DIR is not set"), "{without}");
    }

    /// Debian's pasta of 2023 does not always tell who reads that the other end has closed: the answer counts.
    #[test]
    fn pasta_reaches_out() {
        let script = r#"
            mount --bind /dev/null /usr/bin/slirp4netns
            corten template build busybox > /dev/null
            corten run --rm --network bridge busybox sh -c '(timeout 5 nc 192.0.2.2 81 < /dev/null); true'
            pgrep -c '^pasta'
        "#;
        let said = on_host(script);
        assert!(said.starts_with("outside\n"), "{said}");
        assert!(on_host(&format!("{script}{PORTS}")).contains(LED), "{said}");
    }

    /// `web` answers with what it is sent, by TCP until its end and by datagrams.
    const PORTS: &str = r#"
        corten run -d --network bridge --name web -p 8080:80 -p 8080:80/udp busybox sleep 1000 > /dev/null
        web=$(corten inspect -f '{{.State.Pid}}' web)
        nsenter -t $web -n socat TCP-LISTEN:80,fork,reuseaddr EXEC:cat &
        nsenter -t $web -n socat UDP-LISTEN:80,fork,reuseaddr EXEC:cat &
        until [ "$(nsenter -t $web -n ss -Hlntu 'sport = 80' | wc -l)" = 2 ]; do :; done
        head -c 20000000 /dev/urandom > blob
        socat -t 20 - tcp:127.0.0.1:8080 < blob | cmp - blob && echo whole
        for at in 127.0.0.1 192.0.2.1; do echo datagram | socat -T 2 - udp:$at:8080; done
    "#;
    const LED: &str = "whole\ndatagram\ndatagram\n";

    #[test]
    fn ports_lead_in_whatever_connects_the_network() {
        let script = r#"
            corten template build busybox > /dev/null
            socat TCP-LISTEN:8100,fork /dev/null &
            until ss -Hlnt 'sport = 8100' | grep -q .; do :; done
        "#;
        let rest = r#"
            corten run --rm -p 8100:80 busybox true
            corten run -d --name range -p 8100-8101:80 busybox sleep 1000 > /dev/null; corten port range
            kill -9 $(corten inspect -f '{{.State.Pid}}' web)
            corten wait web > /dev/null; ss -Hlntu 'sport = 8080' | wc -l
            corten run --rm -p 8080:80/sctp busybox true
        "#;
        let said = on_host(&format!("{script}{PORTS}{rest}"));
        let range = "80/tcp -> 0.0.0.0:8101\n80/tcp -> [::]:8101\n";
        assert!(said.starts_with(&format!("{LED}{range}0\n")), "{said}");
        assert!(said.contains("a program of the machine listens there"), "{said}");
        assert!(said.contains("a user's ports lead in for TCP and UDP alone"), "{said}");
    }

    #[test]
    fn what_was_killed_comes_again() {
        let script = r#"
            corten template build busybox > /dev/null
            corten run -d --network bridge --name web -p 8080:80 busybox nc -ll -p 80 -e echo inside > /dev/null
            keeper=$(cat run/corten/keeper.pid); before=$(readlink /proc/$keeper/ns/net)
            kill -9 $keeper; tail --pid=$keeper -f /dev/null
            corten exec web nc 192.0.2.2 81 < /dev/null
            [ $before = $(readlink /proc/$(cat run/corten/keeper.pid)/ns/net) ] && echo rejoined
            corten run -d --network bridge --name other -p 8081:80 busybox nc -ll -p 80 -e echo other > /dev/null
            for port in 8080 8081; do socat -u tcp:127.0.0.1:$port -; done
            forwarder=$(pgrep -f 'monitor [f]orwarder'); kill -9 $forwarder; tail --pid=$forwarder -f /dev/null
            for port in 8080 8081; do until socat -u tcp:127.0.0.1:$port - 2> /dev/null; do :; done; done
            outside=$(pgrep -f 'corten [o]utside'); kill -9 $outside; tail --pid=$outside -f /dev/null
            corten update --publish-add 8082:80 web > /dev/null; socat -u tcp:127.0.0.1:8082 -
            corten rm -f web other > /dev/null
            for name in corten slirp4netns pas; do until ! pgrep ^$name > /dev/null; do :; done; done; echo ended
        "#;
        let seen = "outside\nrejoined\ninside\nother\ninside\nother\ninside\nended\n";
        assert_eq!(on_host(&format!("{RANGES}{script}")), seen);
        // By pasta alone; Debian's of 2023 gives the same again and again, and never the end.
        let asked = "exec web nc 192.0.2.2 81 < /dev/null";
        let once = format!("{} | head -1", asked.replace("nc", "timeout 2 nc"));
        let script = format!("{RANGES}{PASTA_ALONE}{}", script.replace(asked, &once));
        assert_eq!(on_host(&script), seen);
    }

    const PASTA_ALONE: &str = "mount --bind /dev/null /usr/bin/slirp4netns\n";

    #[test]
    fn every_exposed_port_leads_in_by_pasta() {
        let script = r#"
            corten template build busybox > /dev/null
            corten run -d --network bridge --name all --expose 80 --expose 90/udp -P busybox nc -ll -p 80 -e echo inside > /dev/null
            corten port all | cut -d ' ' -f 1
            port=$(corten port all 80/tcp | head -1); port=${port##*:}
            for at in 127.0.0.1 [::1] 192.0.2.1; do socat -u tcp:$at:$port -; done
            nsenter -t $peer -n socat -u tcp:192.0.2.1:$port -
        "#;
        let seen = "80/tcp\n80/tcp\n90/udp\n90/udp\n".to_owned() + &"inside\n".repeat(4);
        assert_eq!(on_host(&format!("{RANGES}{PASTA_ALONE}{script}")), seen);
    }

    /// As systemd-resolved has it: the host's name server is at a loopback address of the host.
    #[test]
    fn names_are_asked_of_a_loopback_address_of_the_host() {
        let script = r#"
            printf 'nameserver 127.0.0.53\n' > resolv; mount --bind resolv /etc/resolv.conf
            perl -MIO::Socket::INET -e '
                $s = IO::Socket::INET->new(LocalAddr => "127.0.0.53", LocalPort => 53, Proto => "udp") or die;
                while (defined $s->recv($q, 512)) {
                    $q =~ /^.{12}(.*?\0(..)..)/s or next;
                    $is_a = unpack("n", $2) == 1;
                    $s->send(substr($q, 0, 2) . pack("n5", 0x8180, 1, $is_a, 0, 0) . $1
                        . ($is_a ? "\xc0\x0c" . pack("nnNnC4", 1, 1, 60, 4, 198, 51, 100, 7) : ""));
                }' &
            until ss -Hlnu 'sport = 53' | grep -q .; do :; done
            corten template build busybox > /dev/null
            corten network create own > /dev/null
            for network in bridge own host; do
                corten run --rm --network $network busybox nslookup www.example.test | grep -o 198.51.100.7
            done
        "#;
        assert_eq!(on_host(&format!("{RANGES}{script}")), "198.51.100.7\n".repeat(3));
        assert_eq!(on_host(&format!("{RANGES}{PASTA_ALONE}{script}")), "198.51.100.7\n".repeat(3));
    }
}
