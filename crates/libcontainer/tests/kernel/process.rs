//! The process of a container on the real kernel: who it is, what it may, what it was given.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use spec::runtime::Rlimit;

use crate::support::{Bed, CAPABILITIES, linux, process, put, strings};

/// Docker's default set, in the kernel's bits.
const DEFAULT_BITS: &str = "00000000a80425fb";
const NONE: &str = "0000000000000000";

fn sets(status: &str) -> Vec<&str> {
    status
        .lines()
        .filter(|line| line.starts_with("Cap"))
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect()
}

#[test]
fn capabilities_are_dockers_and_none_is_inheritable() {
    let bed = Bed::new();
    // Inheritable, permitted, effective, bounding, ambient. CVE-2022-29162: no inheritable ones.
    assert_eq!(
        sets(&bed.sh("cat /proc/self/status")),
        [NONE, DEFAULT_BITS, DEFAULT_BITS, DEFAULT_BITS, NONE]
    );
    assert_eq!(CAPABILITIES.len(), 14);
}

#[test]
fn another_user_keeps_only_the_bounding_set() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/self/status");
    process(&mut spec).user.uid = 1000;
    assert_eq!(sets(&bed.ok(&spec)), [NONE, NONE, NONE, DEFAULT_BITS, NONE]);
}

#[test]
fn ambient_capabilities_reach_another_users_program() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/self/status");
    process(&mut spec).user.uid = 1000;
    let capabilities = process(&mut spec).capabilities.as_mut().unwrap();
    let net_bind = strings(&["CAP_NET_BIND_SERVICE"]);
    capabilities.inheritable = net_bind.clone();
    capabilities.ambient = net_bind.clone();
    let bit = "0000000000000400";
    assert_eq!(sets(&bed.ok(&spec)), [bit, bit, bit, DEFAULT_BITS, bit]);
}

#[test]
fn no_capability_at_all() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/self/status");
    process(&mut spec).capabilities = Some(spec::runtime::Capabilities::default());
    assert_eq!(sets(&bed.ok(&spec)), [NONE; 5]);
}

#[test]
fn user_groups_and_umask() {
    let bed = Bed::new();
    let mut spec =
        bed.spec("id -u; id -g; id -G; umask; grep -E '^(Uid|Gid|Groups)' /proc/self/status");
    let user = &mut process(&mut spec).user;
    (user.uid, user.gid, user.umask) = (1000, 1001, Some(0o077));
    user.additional_gids = vec![5, 6, 100_000];
    assert_eq!(
        bed.ok(&spec),
        "1000\n1001\n1001 5 6 100000\n0077\nUid:\t1000\t1000\t1000\t1000\nGid:\t1001\t1001\t1001\t1001\nGroups:\t5 6 100000"
    );
}

#[test]
fn groups_of_the_caller_do_not_come_along() {
    let bed = Bed::new();
    assert_eq!(bed.sh("grep Groups /proc/self/status | tr -d ' \\t'"), "Groups:");
}

#[test]
fn no_new_privileges_and_its_absence() {
    let bed = Bed::new();
    assert_eq!(bed.sh("grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1");
    let mut spec = bed.spec("grep NoNewPrivs /proc/self/status");
    process(&mut spec).no_new_privileges = false;
    assert_eq!(bed.ok(&spec), "NoNewPrivs:\t0");
}

#[test]
fn a_filter_is_in_force() {
    let bed = Bed::new();
    let profile = serde_json::json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 75}]
    });
    for no_new_privileges in [true, false] {
        let mut spec = bed.spec("grep 'Seccomp:' /proc/self/status; mkdir /tmp/x");
        linux(&mut spec).seccomp = Some(serde_json::from_value(profile.clone()).unwrap());
        process(&mut spec).no_new_privileges = no_new_privileges;
        let finished = bed.run(&spec);
        assert_eq!(finished.stdout, "Seccomp:\t2\n");
        assert_eq!(
            finished.stderr,
            "mkdir: can't create directory '/tmp/x': Value too large for defined data type\n"
        );
    }
}

#[test]
fn environment_is_the_specs_alone() {
    let bed = Bed::new();
    let mut spec = bed.spec("");
    process(&mut spec).args = strings(&["/bin/env"]);
    process(&mut spec).env = strings(&["PATH=/bin", "A=1", "HOME=/", "B=with space=and="]);
    assert_eq!(bed.ok(&spec), "PATH=/bin\nA=1\nHOME=/\nB=with space=and=");
}

#[test]
fn home_is_what_the_containers_passwd_says() {
    let bed = Bed::new();
    put(
        bed.rootfs().join("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:",
    );
    let home = |uid: u32, env: &[&str]| {
        let mut spec = bed.spec("");
        process(&mut spec).args = strings(&["/bin/env"]);
        process(&mut spec).env = strings(env);
        process(&mut spec).user.uid = uid;
        bed.ok(&spec)
    };
    assert_eq!(home(0, &["A=1"]), "A=1\nHOME=/root");
    assert_eq!(home(1000, &["HOME=/x", "HOME=", "A=1"]), "A=1\nHOME=/home/user");
    assert_eq!(home(1001, &[]), "HOME=/");
    assert_eq!(home(0, &["HOME=/override"]), "HOME=/override");
    // Nothing of the host is read, and nobody waits at a pipe.
    for file in [None, Some("/proc/1/fd/0"), Some("/dev/zero"), Some("/etc/fifo")] {
        fs::remove_file(bed.rootfs().join("etc/passwd")).unwrap();
        let at = bed.rootfs().join("etc/passwd");
        match file {
            Some(file) => std::os::unix::fs::symlink(file, &at).unwrap(),
            None => rustix::fs::mknodat(
                rustix::fs::CWD,
                &at,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RWXU,
                0,
            )
            .unwrap(),
        }
        assert_eq!(home(0, &[]), "HOME=/");
    }
}

#[test]
fn a_directory_that_only_the_user_may_enter_is_entered() {
    use std::os::unix::fs::chown;
    let bed = Bed::new();
    let own = bed.rootfs().join("own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(42), Some(42)).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
    // Root without the right to pass by permissions, and the user himself in a user namespace where root is nobody to him.
    for uid in [0, 42] {
        let mut spec = bed.spec("pwd");
        process(&mut spec).cwd = "/own".into();
        process(&mut spec).user.uid = uid;
        let capabilities = process(&mut spec).capabilities.as_mut().unwrap();
        capabilities.effective = strings(&["CAP_KILL"]);
        assert_eq!(bed.ok(&spec), "/own", "{uid}");
    }
}

#[test]
fn unknown_capabilities_are_passed_over() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/self/status");
    let capabilities = process(&mut spec).capabilities.as_mut().unwrap();
    capabilities.bounding = strings(&["CAP_UNKNOWN", "CAP_KILL"]);
    capabilities.ambient = strings(&["CAP_CHOWN"]);
    let bit = "0000000000000020";
    assert_eq!(sets(&bed.ok(&spec)), [NONE, bit, bit, bit, NONE]);
}

#[test]
fn a_limit_that_cannot_be_raised_is_named_with_its_cause() {
    let bed = Bed::new();
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let Some(hard) = own.maximum else { return };
    let mut spec = bed.spec("ulimit -Hn");
    let more = Rlimit { kind: "RLIMIT_NOFILE".into(), soft: hard + 1, hard: hard + 1 };
    process(&mut spec).rlimits = vec![more];
    match bed.start(&spec) {
        Ok(running) => assert_eq!(running.finish().stdout.trim(), (hard + 1).to_string()),
        Err(error) => assert_eq!(
            libcontainer::chain(&error),
            "set the resource limit nofile: to raise it takes CAP_SYS_RESOURCE: EPERM"
        ),
    }
}

#[test]
fn the_mask_is_what_it_is_told() {
    let bed = Bed::new();
    for (umask, expected) in [(Some(0o077), "Umask:\t0077"), (None, "Umask:\t0022")] {
        let mut spec = bed.spec("grep Umask /proc/self/status");
        process(&mut spec).user.umask = umask;
        assert_eq!(bed.ok(&spec), expected);
    }
}

#[test]
fn a_class_of_service_needs_its_file_system() {
    if std::path::Path::new("/sys/fs/resctrl/schemata").exists() {
        return;
    }
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    linux(&mut spec).intel_rdt = Some(spec::runtime::IntelRdt::default());
    let refusal = "linux.intelRdt: no resctrl file system is mounted".to_owned();
    assert_eq!(bed.refused(&spec), (125, refusal));
}

#[test]
fn labels_need_selinux_and_those_of_mounts_are_passed_over_without() {
    if std::path::Path::new("/sys/fs/selinux/enforce").exists() {
        return;
    }
    let bed = Bed::new();
    let label = "system_u:system_r:container_t:s0:c1,c2".to_owned();
    let mut spec = bed.spec("echo ran");
    linux(&mut spec).mount_label = Some(label.clone());
    assert_eq!(bed.ok(&spec), "ran");
    process(&mut spec).selinux_label = Some(label);
    let (code, text) = bed.refused(&spec);
    assert!(code == 125 && text.contains("this machine runs without SELinux"), "{text}");
}

#[test]
fn working_directory_is_entered_and_made() {
    let bed = Bed::new();
    for directory in ["/tmp", "/made/deep/below", "/"] {
        let mut spec = bed.spec("pwd; stat -c %a .");
        process(&mut spec).cwd = directory.into();
        assert_eq!(bed.ok(&spec).lines().next(), Some(directory));
    }
}

#[test]
fn limits_are_set() {
    let bed = Bed::new();
    let mut spec = bed.spec("ulimit -Sn; ulimit -Hn; ulimit -c");
    process(&mut spec).rlimits = vec![
        Rlimit { kind: "RLIMIT_NOFILE".into(), soft: 128, hard: 256 },
        Rlimit { kind: "RLIMIT_CORE".into(), soft: 0, hard: 0 },
    ];
    assert_eq!(bed.ok(&spec), "128\n256\n0");
}

#[test]
fn oom_score_is_adjusted() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/self/oom_score_adj");
    process(&mut spec).oom_score_adj = Some(500);
    assert_eq!(bed.ok(&spec), "500");
}

#[test]
fn exit_codes_pass_through() {
    let bed = Bed::new();
    for (script, code) in
        [("exit 0", 0), ("exit 42", 42), ("kill -TERM $$; exit 3", 3), ("exit 255", 255)]
    {
        // Process 1 has no default action for SIGTERM: pid_namespaces(7).
        assert_eq!(bed.run(&bed.spec(script)).code, code, "{script}");
    }
}

#[test]
fn a_name_is_looked_for_in_path() {
    let bed = Bed::new();
    fs::create_dir(bed.rootfs().join("opt")).unwrap();
    put(bed.rootfs().join("opt/true"), "not executable, so it is passed over");
    let mut spec = bed.spec("");
    process(&mut spec).args = strings(&["echo", "found"]);
    process(&mut spec).env = strings(&["PATH=/nowhere:/opt:/bin"]);
    assert_eq!(bed.ok(&spec), "found");
    process(&mut spec).args = strings(&["true"]);
    assert_eq!(bed.ok(&spec), "");
}

#[test]
fn a_missing_program_is_127() {
    let bed = Bed::new();
    for program in ["nonesuch", "/bin/nonesuch", "./nonesuch", "/etc/passwd/x"] {
        let mut spec = bed.spec("");
        process(&mut spec).args = strings(&[program]);
        let (code, text) = bed.refused(&spec);
        assert_eq!(code, 127, "{text}");
        assert!(text.contains(program), "{text}");
    }
    // The interpreter of a script is missing.
    put(bed.rootfs().join("script"), "#!/no/such/interpreter\n");
    fs::set_permissions(bed.rootfs().join("script"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut spec = bed.spec("");
    process(&mut spec).args = strings(&["/script"]);
    assert_eq!(bed.refused(&spec).0, 127);
}

#[test]
fn a_program_that_cannot_be_executed_is_126() {
    let bed = Bed::new();
    put(bed.rootfs().join("data"), "text");
    put(bed.rootfs().join("garbage"), [0_u8, 1, 2, 3]);
    fs::set_permissions(bed.rootfs().join("garbage"), fs::Permissions::from_mode(0o755)).unwrap();
    for (program, errno) in
        [("/data", "EACCES"), ("/tmp", "EACCES"), ("/garbage", "ENOEXEC"), ("/bin", "EACCES")]
    {
        let mut spec = bed.spec("");
        process(&mut spec).args = strings(&[program]);
        let (code, text) = bed.refused(&spec);
        assert_eq!((code, text), (126, format!("exec {program}: {errno}")));
    }
}

#[test]
fn descriptors_inside_are_zero_one_two() {
    let bed = Bed::new();
    // One that a careless caller left open over exec.
    let leak = fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    // The fourth is the directory that `ls` reads.
    assert_eq!(bed.sh("exec ls /proc/self/fd").lines().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    drop(leak);
}

#[test]
fn signals_start_at_their_defaults() {
    let bed = Bed::new();
    assert_eq!(
        bed.sh("exec grep -E '^Sig(Blk|Ign)' /proc/self/status"),
        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"
    );
}

#[test]
fn the_program_leads_its_session_and_its_parent_is_outside() {
    let bed = Bed::new();
    assert_eq!(bed.sh("cut -d' ' -f4-6 /proc/1/stat"), "0 1 1");
}

#[test]
fn it_is_in_its_cgroup_and_sees_it_as_the_root() {
    let bed = Bed::new();
    let running =
        bed.start(&bed.spec("cat /proc/self/cgroup; echo ready; exec sleep 1000")).unwrap();
    let inside = running.read_until("ready\n");
    let outside = fs::read_to_string(format!("/proc/{}/cgroup", running.process.pid())).unwrap();
    assert!(outside.lines().all(|line| line.ends_with(&bed.cgroup_path)), "{outside}");
    let group = bed.cgroup();
    assert_eq!(group.processes().unwrap(), [running.process.pid()]);
    group.kill().unwrap();
    assert_eq!(running.finish().code, 137);
    let groups = inside.trim_end_matches("ready\n");
    assert!(groups.lines().all(|line| line.ends_with(":/")), "{inside}");
    bed.assert_nothing_left();
}

#[test]
fn limits_of_the_cgroup_are_in_force() {
    let bed = Bed::new();
    let mut spec = bed.spec("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait");
    linux(&mut spec).resources =
        Some(serde_json::from_value(serde_json::json!({"pids": {"limit": 4}})).unwrap());
    let finished = bed.run(&spec);
    assert!(finished.stderr.contains("can't fork"), "{finished:#?}");
}

#[test]
fn init_reaps_orphans_forwards_signals_and_gives_the_status() {
    let mut bed = Bed::new();
    bed.init = true;
    // An orphan that nobody reaps keeps its directory in /proc; the count only ends a test that fails.
    let script = "echo $$ $PPID; orphan=$(true >/dev/null & echo $!); looks=0
        while [ -e /proc/$orphan ] && [ $looks -lt 1000 ]; do looks=$((looks + 1)); sleep 0.01; done
        [ -e /proc/$orphan ] && echo left; exit 7";
    let finished = bed.run(&bed.spec(script));
    assert_eq!((finished.code, finished.stdout.as_str()), (7, "2 1\n"), "{finished:#?}");
    let running = bed
        .start(&bed.spec("trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.02; done"))
        .unwrap();
    let mut first = [0; 6];
    rustix::io::read(&running.stdout, &mut first).unwrap();
    running.process.signal(15).unwrap();
    let finished = running.finish();
    assert_eq!((finished.code, finished.stdout.as_str()), (9, "term\n"), "{finished:#?}");
    let finished = bed.run(&bed.spec("kill -KILL $$"));
    assert_eq!(finished.code, 137, "{finished:#?}");
    let mut spec = bed.spec("");
    process(&mut spec).args = strings(&["nonesuch"]);
    assert_eq!(bed.refused(&spec).0, 127);
}

#[test]
fn init_has_no_right_that_the_program_lacks_and_cannot_be_looked_into() {
    let mut bed = Bed::new();
    bed.init = true;
    assert_eq!(bed.sh("cat /proc/1/cmdline | tr -d '\\0'; echo; cat /proc/1/comm"), "init\ninit");
    let inside = bed.sh("exec 2>/dev/null; grep -E '^(CapBnd|NoNewPrivs)' /proc/1/status; readlink /proc/1/exe /proc/1/fd/1 /proc/1/cwd; cat /proc/1/environ /proc/1/maps; true");
    assert_eq!(inside, "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1");
}
