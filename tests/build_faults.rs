//! Builds that are ended, killed, run beside each other, or have no room: what was done stays, nothing else does, and secrets are nowhere.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};

    use testkit::{Corten, Leftovers, wait_until};

    const PROGRAM: &str = env!("CARGO_BIN_EXE_corten");
    const SECRET: &str = "the-horse-battery-staple";

    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn context(corten: &Corten, file: &str) -> PathBuf {
        let directory = corten.directory().join("context");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("Dockerfile"), file).unwrap();
        directory
    }

    fn begin(corten: &Corten, args: &[&str]) -> Child {
        let mut command = corten.command();
        command.args(["build", "--progress", "json"]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn until_it_runs(corten: &Corten) -> String {
        let mut id = String::new();
        wait_until("the step runs", || {
            id = corten.ok(&["ps", "-q", "--no-trunc", "--filter", "status=running"]);
            !id.is_empty()
        });
        id
    }

    fn nothing_is_left(corten: &Corten, ids: &[String]) {
        wait_until("nothing is left", || Leftovers::of(corten.directory(), ids).is_empty());
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
        let checked = corten.run(&["system", "check"]);
        assert_eq!(checked.code, 0, "{checked:#?}");
        for directory in ["root/tmp", "root/containers", "state/builds", "state/build-steps"] {
            let path = corten.directory().join(directory);
            let left: Vec<_> = fs::read_dir(&path).into_iter().flatten().flatten().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn an_interrupted_build_ends_its_steps_and_keeps_those_that_were_done() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox AS a\nRUN sleep 1000\nFROM busybox\nRUN echo done > /done\nCOPY --from=a / /a\n";
        let directory = context(&corten, file).display().to_string();
        let mut child = begin(&corten, &[&directory]);
        let id = until_it_runs(&corten);
        // Of the other stage.
        let told = BufReader::new(child.stdout.take().unwrap());
        let is_done = |line: &String| line.contains("\"done\"") && line.contains("sha256:");
        let told = told.lines().map_while(Result::ok);
        let mut told = told.skip_while(|line| !is_done(line));
        assert!(told.next().is_some());
        testkit::signal("INT", child.id());
        let rest: Vec<String> = told.collect();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(2), "{rest:?}");
        nothing_is_left(&corten, &[id]);
        let target =
            context(&corten, "FROM busybox\nRUN echo done > /done\n").display().to_string();
        let again = corten.ok(&["build", "--progress", "json", &target]);
        assert!(again.contains("\"cached\""), "{again}");
    }

    #[test]
    fn a_killed_build_leaves_what_the_next_one_takes_away() {
        let corten = Corten::with_busybox(PROGRAM);
        let file =
            "FROM busybox AS other\nFROM busybox\nRUN --mount=type=secret,id=key sleep 1000\n";
        let directory = context(&corten, file).display().to_string();
        let secret = corten.directory().join("secret");
        #[expect(clippy::disallowed_methods, reason = "a file of the test")]
        fs::write(&secret, SECRET).unwrap();
        let flag = format!("id=key,src={}", secret.display());
        let mut child = begin(&corten, &["--secret", &flag, &directory]);
        let id = until_it_runs(&corten);
        child.kill().unwrap();
        child.wait().unwrap();
        // The next one ends the step that goes on.
        corten.ok(&["build", "-q", "--target", "other", &directory]);
        nothing_is_left(&corten, &[id]);
    }

    #[test]
    fn two_builds_of_one_file_share_their_work() {
        let corten = Corten::with_busybox(PROGRAM);
        let file =
            "FROM busybox\nRUN --mount=type=cache,target=/c echo x >> /c/n; sleep 1; cp /c/n /n\n";
        let directory = context(&corten, file).display().to_string();
        let children: Vec<Child> =
            (0..3).map(|_| begin(&corten, &["-t", "one", &directory])).collect();
        let mut cached = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let all = [output.stdout, output.stderr].concat();
            cached += usize::from(String::from_utf8_lossy(&all).contains("\"cached\""));
        }
        assert_eq!(cached, 2);
        assert_eq!(corten.ok(&["run", "--rm", "--network", "none", "one", "cat", "/n"]), "x");
        nothing_is_left(&corten, &[]);
    }

    /// Whether a text is in any file below a directory, plain or as part of a compressed recipe's literal.
    fn is_below(directory: &Path, text: &str) -> String {
        let mut grep = Command::new("grep");
        let output = grep.args(["-rla", "--", text]).arg(directory).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_secret_is_nowhere() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox\nRUN --mount=type=secret,id=key,required --mount=type=secret,id=key,env=KEY,target=/k \
            test \"$(cat /run/secrets/key)\" = \"$KEY\" && cmp /k /run/secrets/key && stat -c %a /run/secrets/key > /mode && wc -c < /k > /size\n";
        let directory = context(&corten, file).display().to_string();
        let mut command = corten.command();
        let secret = ["build", "-t", "one", "--secret", "id=key,env=HORSE", &directory];
        let output = command.args(secret).env("HORSE", SECRET).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!told.contains(SECRET), "{told}");
        let shown = corten.ok(&[
            "run",
            "--rm",
            "--network",
            "none",
            "one",
            "sh",
            "-c",
            "cat /mode /size; ls /run/secrets /k 2>&1; true",
        ]);
        assert!(shown.starts_with("400\n24\n"), "{shown}");
        for place in ["root", "state"] {
            assert_eq!(is_below(&corten.directory().join(place), SECRET), "");
        }
        let archive = corten.directory().join("one.tar").display().to_string();
        corten.ok(&["save", "-o", &archive, "one"]);
        assert_eq!(is_below(Path::new(&archive), SECRET), "");
        assert!(!corten.ok(&["history", "--no-trunc", "one"]).contains(SECRET));
        let failed = corten.fails(&["build", "--no-cache", &directory], 1);
        assert!(failed.contains("there is no secret \"key\""), "{failed}");
        nothing_is_left(&corten, &[]);
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_nothing() {
        let corten = Corten::new(PROGRAM);
        let directory = context(&corten, "FROM busybox\nRUN head -c 30000000 /dev/zero > /big\n");
        #[expect(clippy::disallowed_methods, reason = "a file of the test")]
        fs::write(directory.join("Small"), "FROM busybox\nRUN echo small > /small\n").unwrap();
        let place = corten.directory().join("small");
        fs::create_dir(&place).unwrap();
        let script = r#"mount -t tmpfs -o size=16m tmpfs "$1" || exit 99
            ip link set lo up
            C="timeout 60 $0 --root $1/root --state $1/state"
            $C template build busybox >/dev/null
            $C build "$2" 2>&1; echo "code $?"
            $C ps -aq; find "$1/root/tmp" "$1/root/containers" -mindepth 1
            $C system check
            $C build -q -f "$2/Small" "$2" && echo built"#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--propagation", "private", "sh", "-c", script, PROGRAM]);
        let output = command.arg(&place).arg(&directory).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.contains("code 1\n")
                && said.contains("RUN head")
                && said.trim_end().ends_with("built"),
            "{said}"
        );
        assert!(said.contains("the store is consistent"), "{said}");
    }
}
