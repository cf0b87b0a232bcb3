//! Flags that concern the command, the run as a whole, or other containers.

use testkit::Corten;

fn corten() -> Corten {
    Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
}

#[test]
fn streams_that_are_attached() {
    let corten = corten();
    let script = "cat; echo out; echo err >&2; exit 3";
    let run = |streams: &[&str], input: &str| {
        let streams: Vec<&str> = streams.iter().flat_map(|stream| ["-a", *stream]).collect();
        let line = [&["run"][..], &streams, &["-i", "busybox", "sh", "-c", script]].concat();
        corten.run_with(&line, input.as_bytes())
    };
    let both = run(&["STDOUT", "stderr"], "in ");
    assert_eq!((both.stdout.as_str(), both.stderr.as_str(), both.code), ("in out\n", "err\n", 3));
    let errors = run(&["stderr"], "");
    assert_eq!((errors.stdout.as_str(), errors.stderr.as_str(), errors.code), ("", "err\n", 3));
    let output = run(&["stdout"], "");
    assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), ("out\n", "", 3));
    // Docker's way to give a container its input and leave: the id is all that is said.
    let input = run(&["stdin"], "whole");
    assert_eq!((input.code, input.stdout.len(), input.stderr.as_str()), (0, 65, ""));
    let id = input.stdout.trim();
    assert_eq!(corten.ok(&["wait", id]), "3");
    let logs = corten.run(&["logs", id]);
    assert_eq!((logs.stdout.as_str(), logs.stderr.as_str()), ("wholeout\n", "err\n"));
}

#[test]
fn a_run_that_takes_too_long_is_killed() {
    let corten = corten();
    let started = std::time::Instant::now();
    let run = corten.run(&[
        "run",
        "--rm",
        "--timeout",
        "1",
        "busybox",
        "sh",
        "-c",
        "trap '' TERM; sleep 60",
    ]);
    assert_eq!(run.code, 137, "{run:?}");
    assert!(started.elapsed().as_secs() < 30);
    assert_eq!(corten.run(&["run", "--rm", "--timeout", "60", "busybox", "true"]).code, 0);
}

#[test]
fn the_pid_is_written() {
    let corten = corten();
    let file = corten.directory().join("pid");
    let path = file.to_str().unwrap();
    corten.ok(&["run", "-d", "--name", "web", "--pidfile", path, "busybox", "sleep", "99"]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Pid}}", "web"]), written);
}

#[test]
fn a_name_is_taken_over() {
    let corten = corten();
    let made = |flags: &[&str], script: &str| {
        let line = [&["run", "-d", "--name", "web"][..], flags, &["busybox", "sh", "-c", script]];
        corten.run(&line.concat())
    };
    let first = made(&[], "sleep 99").stdout;
    let taken = made(&[], "sleep 99");
    assert!(taken.code == 125 && taken.stderr.contains("web"), "{taken:?}");
    // What is refused of the new one leaves the old one as it is.
    let refused = made(&["--replace", "--user", "nobody-here"], "sleep 99");
    assert_eq!(refused.code, 125, "{refused:?}");
    assert_eq!(
        corten.ok(&["inspect", "-f", "{{.Id}} {{.State.Running}}", "web"]),
        format!("{} true", first.trim())
    );
    let second = made(&["--replace"], "sleep 98").stdout;
    assert_ne!(first, second);
    assert_eq!(corten.ok(&["ps", "-aq", "--no-trunc"]), second.trim());
    let third = corten.ok(&["create", "--replace", "--name", "web", "busybox", "true"]);
    assert_eq!(corten.ok(&["ps", "-aq", "--no-trunc"]), third);
    // Nobody has that name.
    corten.ok(&["create", "--replace", "--name", "new", "busybox", "true"]);
}

#[test]
fn those_that_are_required_are_started_first() {
    let corten = corten();
    corten.ok(&["create", "--name", "store", "busybox", "sleep", "99"]);
    corten.ok(&["create", "--name", "cache", "--requires", "store", "busybox", "sleep", "99"]);
    corten.ok(&["create", "--name", "web", "--requires", "cache,store", "busybox", "sleep", "99"]);
    assert_eq!(corten.ok(&["ps", "-q"]), "");
    corten.ok(&["start", "web"]);
    assert_eq!(corten.ok(&["ps", "-q"]).lines().count(), 3);
    corten.ok(&["create", "--name", "broken", "busybox", "/no/such/program"]);
    let run = corten.run(&["run", "--rm", "--requires", "broken", "busybox", "true"]);
    assert!(run.code != 0 && run.stderr.contains("broken"), "{run:?}");
    corten.ok(&["pause", "cache"]);
    let run = corten.run(&["run", "--rm", "--requires", "cache", "busybox", "true"]);
    assert!(run.code == 125 && run.stderr.contains("paused"), "{run:?}");
}

#[test]
fn labels_of_a_file() {
    let corten = corten();
    let file = corten.directory().join("labels");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&file, "# comment\n\na=1\nb\nc=of the file\n").unwrap();
    let path = file.to_str().unwrap();
    let id = corten.ok(&["create", "--label-file", path, "-l", "c=2", "busybox", "true"]);
    let labels = corten.ok(&["inspect", "-f", "{{json .Config.Labels}}", &id]);
    assert_eq!(labels, r#"{"a":"1","b":"","c":"2"}"#);
}

/// Each line of what is missing is true here: the probe finds what this machine has.
#[test]
fn what_this_kernel_lacks_is_said() {
    let corten = corten();
    let info = corten.run(&["info"]);
    assert_eq!(info.code, 0, "{info:?}");
    let warnings =
        corten.ok(&["system", "info", "--format", "{{range .Warnings}}{{println .}}{{end}}"]);
    let said: Vec<&str> =
        info.stderr.lines().filter_map(|line| line.strip_prefix("WARNING: ")).collect();
    assert_eq!(said, warnings.lines().collect::<Vec<_>>());
    let modules = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let lacks = |words: &str| said.iter().any(|line| line.starts_with(words));
    assert_eq!(lacks("no AppArmor:"), !modules.contains("apparmor"));
    assert_eq!(lacks("no SELinux:"), !modules.contains("selinux"));
    let v1 = std::path::Path::new("/sys/fs/cgroup/memory").exists();
    assert_eq!(lacks("no control groups v2:"), v1);
    if v1 {
        let accounts =
            std::path::Path::new("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists();
        assert_eq!(lacks("no swap accounting:"), !accounts);
    }
}

/// A directory as root: what the container does stays with the container.
#[test]
fn a_directory_is_a_root() {
    let corten = corten();
    let tree = corten.directory().join("tree");
    let archive = corten.directory().join("tree.tar");
    corten.ok(&["create", "--name", "from", "busybox", "true"]);
    corten.ok(&["export", "-o", archive.to_str().unwrap(), "from"]);
    std::fs::create_dir(&tree).unwrap();
    let untar =
        std::process::Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&tree).status();
    assert!(untar.unwrap().success());
    let path = tree.to_str().unwrap();
    let written = corten.run(&[
        "run",
        "--name",
        "web",
        "--rootfs",
        path,
        "sh",
        "-c",
        "echo a > /new; cat /new; id -un",
    ]);
    assert_eq!((written.stdout.as_str(), written.code), ("a\nroot\n", 0), "{written:?}");
    assert!(!tree.join("new").exists());
    assert!(corten.ok(&["diff", "web"]).lines().any(|line| line == "A /new"));
    corten.ok(&["start", "-a", "web"]);
    let listed = corten.ok(&["ps", "-a", "--filter", "name=web", "--format", "{{.Image}}"]);
    assert_eq!(listed, path);
    assert_eq!(corten.ok(&["inspect", "-f", "{{.Image}}", "web"]), "");
    let overlay = format!("{path}:O");
    assert_eq!(corten.run(&["run", "--rm", "--rootfs", &overlay, "/bin/true"]).code, 0);
    let missing = corten.run(&["run", "--rm", "--rootfs", "/no/such", "true"]);
    assert!(
        missing.code == 125 && missing.stderr.contains("there is no such directory"),
        "{missing:?}"
    );
    let committed = corten.run(&["commit", "web"]);
    assert!(committed.code == 1 && committed.stderr.contains("not supported yet"), "{committed:?}");
}
