//! `system doctor` before a machine on which something is missing for a user, and for root.

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use testkit::{Corten, USER_RANGES as RANGES};

    fn on_host(script: &str) -> String {
        testkit::on_user_host(env!("CARGO_BIN_EXE_corten"), script)
    }

    /// The verdict and the line below it, of a subject.
    fn of<'a>(told: &'a str, subject: &str) -> (&'a str, &'a str) {
        let lines: Vec<&str> = told.lines().collect();
        let is = |line: &&str| line.get(8..).is_some_and(|rest| rest.starts_with(subject));
        let at = lines.iter().position(|line| is(line) && !line.starts_with(' '));
        let at = at.unwrap_or_else(|| panic!("{subject}: {told}"));
        let verdict = lines[at].split(' ').next().unwrap_or_default();
        let below = lines.get(at + 1).filter(|line| line.starts_with("        "));
        (verdict, below.map_or("", |line| line.trim()))
    }

    #[test]
    fn what_a_user_has_is_told() {
        let told = on_host(&format!("{RANGES} chmod 700 run; corten system doctor"));
        for subject in ["ids", "newuidmap", "newgidmap", "XDG_RUNTIME_DIR", "store", "network"] {
            assert_eq!(of(&told, subject), ("ok", ""), "{subject}: {told}");
        }
        assert_eq!(of(&told, "user namespaces").0, "ok", "{told}");
        assert_eq!(of(&told, "overlay").0, "ok", "{told}");
    }

    #[test]
    fn each_lack_has_the_line_that_mends_it() {
        let told = on_host(
            r#"
            for name in slirp4netns pasta newuidmap; do mount --bind /dev/null /usr/bin/$name; done
            chmod 600 tun; chmod 755 run
            corten system doctor; echo $?
            user env -u XDG_RUNTIME_DIR -u HOME ./corten system doctor | grep -A 1 -e XDG -e ' store'
        "#,
        );
        assert!(told.contains("\n1\n"), "{told}");
        let ids = of(&told, "ids");
        assert_eq!(ids.0, "broken");
        assert!(ids.1.starts_with("sudo usermod --add-subuids "), "{told}");
        assert!(of(&told, "newuidmap").1.contains("install"), "{told}");
        assert!(of(&told, "XDG_RUNTIME_DIR").1.starts_with("chmod 700 "), "{told}");
        assert!(of(&told, "network").1.contains("passt"), "{told}");
        assert_eq!(of(&told, "/dev/net/tun"), ("broken", "sudo chmod 666 /dev/net/tun"));
        let (_, unset) = told.split_once("\n1\n").unwrap();
        assert!(of(unset, "XDG_RUNTIME_DIR").1.contains("export XDG_RUNTIME_DIR="), "{unset}");
        assert!(of(unset, "store").1.starts_with("export HOME="), "{unset}");
    }

    #[test]
    fn programs_read_the_same() {
        let told = on_host(
            "corten system doctor --format json; echo $?; corten system doctor --format '{{.User}}'",
        );
        let (document, rest) = told.split_once('\n').unwrap();
        let document: Value = serde_json::from_str(document).unwrap();
        let broken = document["Checks"].as_array().unwrap().iter();
        let broken = broken.filter(|check| check["Verdict"] == "broken").count();
        // Nobody gave him ids.
        assert!(broken >= 1 && document["Broken"] == true, "{document}");
        assert_eq!((document["User"].as_u64(), rest), (Some(1500), "1\n1500\n"));
    }

    #[test]
    fn root_is_told_what_the_kernel_lacks() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let told = corten.run(&["system", "doctor", "--format", "json"]);
        let document: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(told.code, i32::from(document["Broken"] == true), "{told:?}");
        let checks = document["Checks"].as_array().unwrap();
        assert_eq!(checks[0]["Subject"], "store", "{document}");
        let info = corten.ok(&["info", "--format", "{{json .Warnings}}"]);
        let warnings: Vec<String> = serde_json::from_str(&info).unwrap();
        let findings: Vec<&str> =
            checks.iter().filter_map(|check| check["Finding"].as_str()).collect();
        for warning in &warnings {
            assert!(findings.contains(&warning.as_str()), "{warning}: {findings:?}");
        }
        let wrong = corten.fails(&["system", "doctor", "now"], 1);
        assert!(wrong.contains("accepts no arguments"), "{wrong}");
    }
}
