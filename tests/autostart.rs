//! Containers that start with the machine: in turn, by groups, after delays, beside restart policies; and Debian's lxc-autostart is
//! asked the same.

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn make(corten: &Corten, name: &str, flags: &[&str]) {
        let create = ["create", "--network", "none", "--init", "--name", name];
        corten.ok(&[&create, flags, &["busybox", "sleep", "1000"]].concat());
    }

    fn all(corten: &Corten) {
        make(
            corten,
            "aa",
            &[
                "--autostart",
                "--autostart-order",
                "5",
                "--autostart-group",
                "web",
                "--autostart-group",
                "db",
            ],
        );
        make(
            corten,
            "bb",
            &["--autostart", "--autostart-order", "1", "--autostart-group", "onboot"],
        );
        make(corten, "cc", &["--autostart", "--autostart-order", "5", "--autostart-group", "web"]);
        make(corten, "dd", &[]);
        make(corten, "ee", &["--autostart", "--autostart-delay", "1"]);
    }

    fn running(corten: &Corten) -> Vec<String> {
        let listed = corten.ok(&["ps", "--format", "{{.Names}}"]);
        let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    #[test]
    fn the_order_is_lxcs() {
        let corten = corten();
        all(&corten);
        let directory = corten.directory().join("lxc");
        for (name, order, auto, groups) in [
            ("aa", 5, 1, &["web", "db"][..]),
            ("bb", 1, 1, &["onboot"]),
            ("cc", 5, 1, &["web"]),
            ("dd", 0, 0, &[]),
            ("ee", 0, 1, &[]),
        ] {
            let own = directory.join(name);
            std::fs::create_dir_all(&own).unwrap();
            let delay = u8::from(name == "ee");
            let groups: String =
                groups.iter().map(|group| format!("lxc.group = {group}\n")).collect();
            let text = format!(
                "lxc.uts.name = {name}\nlxc.rootfs.path = dir:/none\nlxc.start.auto = {auto}\nlxc.start.order = {order}\n\
                 lxc.start.delay = {delay}\n{groups}"
            );
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            std::fs::write(own.join("config"), text).unwrap();
        }
        for flags in [
            &["-L"][..],
            &["-L", "-a"],
            &["-L", "-A"],
            &["-L", "-a", "-A"],
            &["-L", "-g", "web"],
            &["-L", "-g", "onboot,web"],
            &["-L", "-g", "onboot,"],
            &["-L", "-g", "db", "-g", "web"],
            &["-L", "-s", "-a"],
            &["-L", "-r", "-a"],
        ] {
            let own = corten.ok(&[&["autostart"], flags].concat());
            // Whoever has no LXC compares with what is written down in the engine's own test.
            let Ok(peer) = std::process::Command::new("lxc-autostart")
                .arg("-P")
                .arg(&directory)
                .args(flags)
                .output()
            else {
                continue;
            };
            assert_eq!(own, String::from_utf8(peer.stdout).unwrap().trim_end(), "{flags:?}");
        }
    }

    #[test]
    fn they_start_in_turn_and_stop() {
        let corten = corten();
        all(&corten);
        assert_eq!(corten.ok(&["autostart", "-g", "onboot,web"]), "bb\naa\ncc");
        assert_eq!(corten.ok(&["autostart", "-g", "onboot,web"]), "", "they run");
        assert_eq!(running(&corten), ["aa", "bb", "cc"]);
        assert_eq!(corten.ok(&["autostart", "-L", "-s", "-g", "web"]), "aa\ncc");
        let began = |name| corten.ok(&["inspect", "-f", "{{.State.StartedAt}}", name]);
        let before = began("aa");
        assert_eq!(corten.ok(&["autostart", "--reboot", "-t", "0", "-g", "db"]), "aa");
        assert_ne!(began("aa"), before);
        assert_eq!(corten.ok(&["autostart", "--kill", "-g", "web"]), "aa\ncc");
        assert_eq!(corten.ok(&["autostart", "--shutdown", "-a"]), "bb");
        assert_eq!(running(&corten), Vec::<String>::new());
        let refused = corten.fails(&["autostart", "-r", "-s"], 1);
        assert!(refused.contains("exclude each other"), "{refused}");
    }

    #[test]
    fn a_boot_heeds_them_beside_restart_policies() {
        let corten = corten();
        all(&corten);
        make(&corten, "ff", &["--restart", "always"]);
        corten.ok(&["start", "ff"]);
        corten.ok(&["system", "stop-all", "-t", "0"]);
        // Stopped by hand: that is no matter for one that starts with the machine.
        corten.ok(&["start", "bb"]);
        corten.ok(&["stop", "-t", "0", "bb"]);
        let began = Instant::now();
        assert_eq!(corten.ok(&["system", "start-all"]), "bb\nee\nff");
        assert!(began.elapsed() >= Duration::from_secs(1), "the one behind ee waits");
        assert_eq!(running(&corten), ["bb", "ee", "ff"]);
    }

    #[test]
    fn what_is_wanted_is_shown_and_changed() {
        let corten = corten();
        make(&corten, "box", &["--autostart", "--autostart-group", "web"]);
        let shown = || corten.ok(&["inspect", "-f", "{{json .HostConfig.Autostart}}", "box"]);
        assert_eq!(shown(), r#"{"DelayS":0,"Groups":["web"],"On":true,"Order":0}"#);
        corten.ok(&["update", "--autostart-delay", "3", "--autostart-order", "-7", "box"]);
        assert_eq!(shown(), r#"{"DelayS":3,"Groups":["web"],"On":true,"Order":-7}"#);
        corten.ok(&["update", "--autostart=false", "--autostart-group", "db", "box"]);
        assert_eq!(shown(), r#"{"DelayS":3,"Groups":["db"],"On":false,"Order":-7}"#);
        assert_eq!(corten.ok(&["autostart", "-L", "-a"]), "");
        for flags in [
            &["--autostart-delay", "-1"][..],
            &["--autostart-order", "first"],
            &["--autostart-group", "a,b"],
            &["--autostart", "--rm"],
        ] {
            let create = [&["create"], flags, &["busybox", "true"]].concat();
            corten.fails(&create, 125);
        }
    }
}
