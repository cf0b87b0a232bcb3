//! `corten seccomp record`: what is proposed works, and refuses what was not recorded.

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    const SCRIPT: &str = "echo text > /tmp/x && cat /tmp/x && ls / > /dev/null";

    /// A container under a profile in a file.
    fn under(corten: &Corten, profile: &str, flags: &[&str], script: &str) -> testkit::Finished {
        let option = format!("seccomp={profile}");
        corten.script(&[&["--security-opt", &option], flags].concat(), script)
    }

    fn made(corten: &Corten, name: &str, script: &str) {
        corten.ok(&["create", "--network", "none", "--name", name, "busybox", "sh", "-c", script]);
    }

    /// A recording in the background, once its container takes further processes.
    fn recording(corten: &Corten, flags: &[&str], name: &str) -> Child {
        let mut command = corten.command();
        command.args(["seccomp", "record"]).args(flags).arg(name);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().unwrap();
        wait_until("the container runs", || corten.run(&["exec", name, "true"]).code == 0);
        child
    }

    #[test]
    fn what_is_proposed_works_and_refuses_the_rest() {
        let corten = corten();
        made(&corten, "job", SCRIPT);
        let file = corten.directory().join("profile.json");
        let profile = file.to_str().unwrap();
        let recorded = corten.run(&["seccomp", "record", "-o", profile, "job"]);
        assert_eq!((recorded.code, recorded.stdout.as_str()), (0, ""), "{recorded:?}");
        assert!(recorded.stderr.contains("system calls\n"), "{recorded:?}");
        assert_eq!(corten.ok(&["logs", "job"]), "text");
        // The filter comes earlier or later than the user: with no new privileges it has less to allow.
        for flags in [&[][..], &["--security-opt", "no-new-privileges"]] {
            let run = under(&corten, profile, flags, SCRIPT);
            assert_eq!((run.code, run.stdout.as_str()), (0, "text\n"), "{flags:?}: {run:?}");
        }
        let refused = under(&corten, profile, &[], "mkdir /new");
        assert!(refused.stderr.contains("Operation not permitted"), "{refused:?}");
        // Why a program cannot be begun is told as ever.
        let option = format!("seccomp={profile}");
        let missing = corten.run(&[
            "run",
            "--rm",
            "--network",
            "none",
            "--security-opt",
            &option,
            "busybox",
            "missing",
        ]);
        assert_eq!(missing.code, 127, "{missing:?}");
        // The recording is over: the container runs as before.
        corten.ok(&["start", "job"]);
        assert_eq!(corten.ok(&["wait", "job"]), "0");
    }

    #[test]
    fn further_processes_are_recorded_and_an_interrupt_ends_it() {
        let corten = corten();
        made(&corten, "web", "trap 'exit 0' TERM; while sleep 0.1; do :; done");
        let base = corten.directory().join("base.json");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(
            &base,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5,
            "syscalls": [{"names": ["link"], "action": "SCMP_ACT_ALLOW", "comment": "by hand"}]}"#,
        )
        .unwrap();
        let child = recording(&corten, &["--base", base.to_str().unwrap()], "web");
        assert_eq!(corten.run(&["exec", "web", "mkdir", "/new"]).code, 0);
        assert_eq!(corten.run(&["exec", "--privileged", "web", "rmdir", "/new"]).code, 0);
        let twice = corten.fails(&["seccomp", "record", "web"], 1);
        assert!(twice.contains("running"), "{twice}");
        testkit::signal("INT", child.id());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        let profile = String::from_utf8(ended.stdout).unwrap();
        for words in ["\"mkdir\"", "\"rmdir\"", "\"link\"", "by hand", "\"defaultErrnoRet\": 5"] {
            assert!(profile.contains(words), "{words}: {profile}");
        }
        assert!(!profile.contains("\"symlink\""), "{profile}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("of them new"));
        let state = corten.ok(&["inspect", "--format", "{{.State.Status}}", "web"]);
        assert_eq!(state, "exited");
    }

    /// What its own filter refuses stays refused while it is recorded, and is told.
    #[test]
    fn what_is_refused_is_told_and_not_proposed() {
        let corten = corten();
        let script = "unshare -n true; mkdir /new; unshare -m true; chroot / true; echo end";
        let file = corten.directory().join("no-directories.json");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(
            &file,
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
                {"names": ["unshare"], "action": "SCMP_ACT_ERRNO"}]}"#,
        )
        .unwrap();
        let own = format!("seccomp={}", file.display());
        for (flags, refused) in [
            (&["--cap-drop", "SYS_CHROOT"][..], &["EPERM", " chroot unshare\n"][..]),
            (
                &["--security-opt", &own],
                &["ENOSPC, and not proposed: mkdir\n", "EPERM", ": unshare\n"],
            ),
        ] {
            let made = [&["create", "--name", "job", "--network", "none"], flags];
            corten.ok(&[&made.concat()[..], &["busybox", "sh", "-c", script]].concat());
            let recorded = corten.run(&["seccomp", "record", "job"]);
            assert_eq!(recorded.code, 0, "{recorded:?}");
            for words in refused {
                assert!(recorded.stderr.contains(words), "{words:?}: {recorded:?}");
            }
            assert!(!recorded.stdout.contains("\"unshare\""), "{recorded:?}");
            // Both in the container's words, and as they are without a recording.
            let log = corten.run(&["logs", "job"]);
            assert_eq!(log.stderr, corten.script(flags, script).stderr, "{flags:?}");
            assert!(log.stderr.contains("Operation not permitted"), "{log:?}");
            corten.ok(&["rm", "job"]);
        }
    }

    /// What is printed is what a container is under, and can be given back.
    #[test]
    fn a_profile_is_printed() {
        let corten = corten();
        let file = corten.directory().join("printed.json");
        let profile = file.to_str().unwrap();
        let tries = "chroot / true && echo -n chroot; unshare -n true 2>&1; hostname x 2>&1";
        for flags in [&[][..], &["--cap-drop", "SYS_CHROOT"], &["--cap-add", "SYS_ADMIN"]] {
            for name in ["builtin", "hardened"] {
                let printed = corten.ok(&[&["seccomp", "print"], flags, &[name]].concat());
                #[expect(clippy::disallowed_methods, reason = "a test's own file")]
                std::fs::write(&file, &printed).unwrap();
                let own = format!("seccomp={name}");
                let with = |option: &str| {
                    corten.script(&[flags, &["--security-opt", option]].concat(), tries)
                };
                let again = under(&corten, profile, flags, tries);
                assert_eq!(again.stdout, with(&own).stdout, "{flags:?} {name}");
                // A printed profile printed is the same.
                assert_eq!(corten.ok(&["seccomp", "print", profile]), printed, "{flags:?} {name}");
            }
        }
        let refused = corten.fails(&["seccomp", "print", "unconfined"], 1);
        assert!(refused.contains("nothing to print"), "{refused}");
    }

    /// Without anybody who answers it could make no call any more.
    #[test]
    fn a_container_ends_with_who_records_it() {
        let corten = corten();
        made(&corten, "web", "while sleep 0.1; do :; done");
        let mut child = recording(&corten, &[], "web");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(corten.ok(&["wait", "web"]), "137");
        // What it left is in nobody's way.
        corten.ok(&["start", "web"]);
        corten.ok(&["exec", "web", "true"]);
        corten.ok(&["rm", "-f", "web"]);
    }

    #[test]
    fn restarts_are_recorded_until_the_end() {
        let corten = corten();
        let script = "test -e /again && rmdir /again && exit 0; mkdir /again; exit 1";
        corten.ok(&[
            "create",
            "--network",
            "none",
            "--name",
            "job",
            "--restart",
            "on-failure:3",
            "busybox",
            "sh",
            "-c",
            script,
        ]);
        let profile = corten.ok(&["seccomp", "record", "job"]);
        assert!(profile.contains("\"rmdir\"") && profile.contains("\"mkdir\""), "{profile}");
    }

    #[test]
    fn what_is_wrong_is_found_before_anything_runs() {
        let corten = corten();
        made(&corten, "job", "touch /ran");
        let base = corten.directory().join("base.json");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&base, r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
        for (flags, words) in [
            (["--base", base.to_str().unwrap()], "it allows what it does not name"),
            (["--base", "/missing"], "read the profile /missing: ENOENT"),
            (["-o", "/missing/file"], "there is no directory /missing"),
        ] {
            let said = corten.run(&[&["seccomp", "record"], &flags[..], &["job"]].concat());
            assert!(said.code != 0 && said.stderr.contains(words), "{words}: {said:?}");
        }
        let missing = corten.run(&["seccomp", "record", "missing"]);
        assert!(missing.stderr.contains("no such container: missing"), "{missing:?}");
        assert_eq!(corten.ok(&["diff", "job"]), "");
    }

    /// A profile is compiled once: its compiled form is kept in the state directory.
    #[test]
    fn a_compiled_profile_is_kept() {
        let corten = corten();
        let file = corten.directory().join("profile.json");
        let rule = r#"{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}"#;
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(
            &file,
            format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}]}}"#),
        )
        .unwrap();
        let filters = corten.state().join("filters");
        let count = || std::fs::read_dir(&filters).map_or(0, Iterator::count);
        assert_eq!(count(), 0);
        for _again in 0..2 {
            let run = under(&corten, file.to_str().unwrap(), &[], "mkdir /x");
            assert!(run.stderr.contains("No space left"), "{run:?}");
            assert_eq!(count(), 1);
        }
        let mode = Command::new("stat").args(["-c", "%a"]).arg(&filters).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&mode.stdout).trim(), "700");
    }
}
