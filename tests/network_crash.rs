//! Commands and monitors that are killed while containers come into networks and leave them: afterwards interfaces, elements of the tables and addresses
//! are those of the containers that run, and at last none.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use testkit::{Corten, signal, wait_until};

    const GATEWAYS: [&str; 2] = ["10.7.0.1", "10.8.0.1"];
    /// Moments at which somebody is killed.
    const MOMENTS: u32 = 100;

    fn seen(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a command, and kills it after a while; whether it was still there.
    fn killed_after(corten: &Corten, args: &[&str], delay: Duration) -> bool {
        let mut child = corten
            .command()
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while begun.elapsed() < delay {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        true
    }

    /// Addresses of IPv4 in a set of the table `bridge`, with a dot between what belongs together.
    fn elements(set: &str) -> BTreeSet<String> {
        let tables = seen("nft", &["list", "tables", "bridge"]);
        let name = tables.split_whitespace().last().unwrap().to_owned();
        let json = seen("nft", &["--json", "list", "set", "bridge", &name, set]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let found = json["nftables"].as_array().unwrap().iter().find_map(|row| row.get("set"));
        let elements = found.unwrap()["elem"].as_array().cloned().unwrap_or_default();
        elements.iter().map(|element| element.as_str().unwrap().to_owned()).collect()
    }

    /// Interfaces of containers on the host.
    fn links() -> usize {
        seen("ip", &["-o", "link"]).lines().filter(|line| line.contains(": ve")).count()
    }

    /// Addresses of containers that run, as the records have them.
    fn given(corten: &Corten) -> Vec<String> {
        let ids = corten.ok(&["ps", "-q", "--no-trunc"]);
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
        let shown = ids.lines().map(|id| corten.run(&["inspect", "-f", format, id]).stdout);
        shown
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    fn kill_one_with_its_monitor(corten: &Corten) {
        let all = corten.ok(&["ps", "-q", "-f", "name=^c"]);
        all.lines().take(1).for_each(|id| corten.kill_with_monitor(id));
    }

    #[test]
    fn what_is_left_is_what_runs() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        corten.ok(&["network", "create", "--subnet", "10.7.0.0/24", "web"]);
        corten.ok(&["network", "create", "--subnet", "10.8.0.0/24", "data"]);
        corten.ok(&["run", "-d", "--name", "one", "--network", "web", "busybox", "sleep", "1000"]);
        let begun = Instant::now();
        corten.ok(&["run", "--rm", "--network", "web", "busybox", "true"]);
        let whole = begun.elapsed();
        let mut struck = 0;
        for moment in 0..MOMENTS {
            // Through the whole of a command, again and again: a step that no length of it is a multiple of.
            let delay = whole * (moment * 37 % MOMENTS) / MOMENTS;
            let name = format!("c{moment:03}");
            let port = format!("{}:80", 9000 + moment);
            let run = [
                "run",
                "-d",
                "--name",
                &name,
                "--network",
                "web",
                "-p",
                &port,
                "busybox",
                "sleep",
                "1000",
            ];
            let connect = ["network", "connect", "data", "one"];
            let disconnect = ["network", "disconnect", "data", "one"];
            let is_killed = match moment % 4 {
                0 | 1 => killed_after(&corten, &run, delay),
                2 => killed_after(&corten, &connect, delay / 2),
                _ => killed_after(&corten, &disconnect, delay / 2),
            };
            struck += u32::from(is_killed);
            if moment % 10 == 5 {
                kill_one_with_its_monitor(&corten);
            }
        }
        assert!(struck > MOMENTS / 4, "only {struck} were killed");
        only_what_runs_is_there(&corten);
        corten.ok(&["rm", "-f", "--all"]);
        wait_until("no interface is left", || links() == 0);
        assert_eq!(elements("taken4"), GATEWAYS.map(str::to_owned).into());
        corten.ok(&["network", "rm", "web", "data"]);
        assert_eq!(elements("taken4"), BTreeSet::new());
    }

    fn only_what_runs_is_there(corten: &Corten) {
        // Who looks finds out who has ended, and takes back what that one had.
        wait_until("all is settled", || !corten.ok(&["ps", "-a"]).contains("Restarting"));
        wait_until("interfaces are those of who runs", || links() == given(corten).len());
        let own = given(corten);
        let gateways = GATEWAYS.map(str::to_owned);
        let expected: BTreeSet<String> = own.iter().cloned().chain(gateways).collect();
        assert_eq!(expected.len(), own.len() + 2, "one address is had by two: {own:?}");
        assert_eq!(elements("taken4"), expected);
        // And each is reached from a neighbour.
        corten.ok(&["run", "-d", "--name", "last", "--network", "web", "busybox", "sleep", "1000"]);
        for address in own.iter().filter(|address| address.starts_with("10.7.")) {
            let ping = ["exec", "last", "ping", "-c", "1", "-W", "2", address];
            assert_eq!(corten.run(&ping).code, 0, "{address}");
        }
    }

    /// Rules that are written anew, again and again, while containers come and go: who runs is in them, and nobody else.
    #[test]
    fn rules_written_anew_lose_nobody() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        corten.ok(&["network", "create", "--subnet", "10.7.0.0/24", "web"]);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    corten.ok(&["network", "reload"]);
                }
            });
            for number in 0..40 {
                let name = format!("c{number:03}");
                let run = ["run", "-d", "--name", &name, "--network", "web"];
                corten.ok(&[&run[..], &["busybox", "sleep", "1000"]].concat());
                if number % 2 == 1 {
                    corten.ok(&["rm", "-f", &name]);
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let own = given(&corten);
        assert_eq!(own.len(), 20);
        let expected: BTreeSet<String> = own.into_iter().chain(["10.7.0.1".to_owned()]).collect();
        assert_eq!(elements("taken4"), expected);
    }

    /// Between the look at a container that runs and the word to its monitor it ends: the change is as one of a container that has ended.
    #[test]
    fn a_change_of_who_has_just_ended_is_made() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        for network in ["one", "two"] {
            corten.ok(&["network", "create", network]);
        }
        let id = corten.ok(&[
            "run",
            "-d",
            "--name",
            "web",
            "--network",
            "one",
            "busybox",
            "sleep",
            "1000",
        ]);
        let asked = corten.state().join("containers").join(id).join("networks.json");
        let [_, process] = corten.pids("web");
        let connect = corten.command();
        let mut late = Command::new("strace");
        late.args(["-qq", "-o", "/dev/null", "-e", "trace=sendmsg"]);
        late.args(["-e", "inject=sendmsg:delay_enter=1000000"]);
        late.arg(connect.get_program()).args(connect.get_args());
        let late = late.args(["network", "connect", "two", "web"]).stderr(Stdio::piped()).spawn();
        wait_until("the plan is written", || asked.exists());
        signal("KILL", process);
        let late = late.unwrap().wait_with_output().unwrap();
        assert!(late.status.success(), "{}", String::from_utf8_lossy(&late.stderr));
        let networks = [
            "inspect",
            "-f",
            "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}",
            "web",
        ];
        assert_eq!(corten.ok(&networks).trim(), "one two");
        corten.ok(&["start", "web"]);
        assert!(corten.ok(&["exec", "web", "ip", "link"]).contains("eth1"));
    }
}
