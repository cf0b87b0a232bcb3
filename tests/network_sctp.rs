//! Published ports of SCTP, on a kernel that has it; others skip these. Each test is a host of its own.

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::os::fd::OwnedFd;
    use std::process::{Command, Stdio};

    use rustix::net::{AddressFamily, SocketType, bind, ipproto, listen, socket};
    use testkit::{Corten, wait_until};

    /// Nothing where the kernel has no SCTP.
    fn own_host() -> Option<Corten> {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        match socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::SCTP)) {
            Ok(_socket) => Some(corten),
            Err(errno) => {
                eprintln!("skipped: this kernel has no SCTP: {errno}");
                None
            }
        }
    }

    fn listener(address: &str) -> OwnedFd {
        let address: SocketAddr = address.parse().unwrap();
        let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let socket = socket(family, SocketType::STREAM, Some(ipproto::SCTP)).unwrap();
        bind(&socket, &address).unwrap();
        listen(&socket, 1).unwrap();
        socket
    }

    #[test]
    fn a_port_that_a_program_listens_at_is_not_taken_from_it() {
        let Some(corten) = own_host() else { return };
        let published = |port| ["run", "--rm", "-p", port, "busybox", "true"];
        for (held, refused, free) in [
            ("0.0.0.0:9000", "9000:9000/sctp", "9001:9000/sctp"),
            ("[::]:9000", "127.0.0.1:9000:9000/sctp", "9000:9000/tcp"),
            ("127.0.0.1:9000", "9000:9000/sctp", "127.0.0.2:9000:9000/sctp"),
        ] {
            let program = listener(held);
            let told = corten.fails(&published(refused), 125);
            assert!(told.contains("/sctp\": a program of the machine listens there"), "{told}");
            corten.ok(&published(free));
            drop(program);
            corten.ok(&published(refused));
        }
        // One that comes later hears nobody.
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "shop",
            "-p",
            "9000:9000/sctp",
            "busybox",
            "sleep",
            "1000",
        ]);
        let doctor = || corten.run(&["network", "doctor"]).stdout;
        assert!(!doctor().contains("hears nobody"));
        let _program = listener("0.0.0.0:9000");
        assert!(doctor().contains("a program of the machine listens there, too, and hears nobody"));
        let second = ["run", "--rm", "-p", "9000:9001/sctp", "busybox", "true"];
        corten.fails(&second, 125);
        corten.ok(&["rm", "-f", "shop"]);
    }

    /// By both families, with the client's address, both ways.
    #[test]
    fn a_published_port_leads_in() {
        let Some(corten) = own_host() else { return };
        if !std::path::Path::new("/usr/bin/socat").exists() {
            return eprintln!("skipped: socat is not there");
        }
        let server = ["busybox", "chroot", "/host", "/usr/bin/socat"];
        let listen = "SCTP-LISTEN:7000,pf=ip6,ipv6-v6only=0,fork";
        let answer = "SYSTEM:read word; echo $word of $SOCAT_PEERADDR";
        let run =
            ["run", "-d", "--name", "shop", "-p", "9000:7000/sctp", "--expose", "7001/sctp", "-P"];
        let image = [&["-v", "/:/host:ro"][..], &server, &[listen, answer]].concat();
        corten.ok(&[&run[..], &image].concat());
        assert_eq!(corten.ok(&["port", "shop", "7000/sctp"]), "0.0.0.0:9000\n[::]:9000");
        assert!(corten.ok(&["port", "shop"]).contains("7001/sctp -> 0.0.0.0:"));
        assert_eq!(
            Command::new("ip")
                .args(["address", "add", "10.9.0.1/32", "dev", "lo"])
                .status()
                .unwrap()
                .code(),
            Some(0)
        );
        let answer = |address: &str| {
            let script = format!("echo word | socat -,ignoreeof SCTP-CONNECT:{address}:9000");
            let output = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        wait_until("it answers", || answer("10.9.0.1").starts_with("word of "));
        // Its own address, as that of a client outside; at 127.0.0.1 and ::1 it is the network's.
        assert!(answer("10.9.0.1").contains(":0a09:0001]"));
        for address in ["127.0.0.1", "[::1]"] {
            assert!(answer(address).starts_with("word of "), "{address}");
        }
        corten.ok(&["rm", "-f", "shop"]);
    }
}
