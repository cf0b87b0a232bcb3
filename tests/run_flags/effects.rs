//! Flags seen from inside a container.

use testkit::{Corten, Finished};

fn corten() -> Corten {
    Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
}

/// What the script prints in a container with these flags.
fn seen(corten: &Corten, flags: &[&str], script: &str) -> String {
    let line = [&["run", "--rm", "--pull", "never"][..], flags, &["busybox", "sh", "-c", script]];
    corten.ok(&line.concat())
}

#[test]
fn names_of_hosts_and_servers() {
    let corten = corten();
    let flags = [
        "--dns",
        "192.0.2.9",
        "--dns=::1",
        "--dns-search",
        "a.example",
        "--dns-option",
        "ndots:3",
        "--add-host",
        "db:192.0.2.7",
        "--add-host=six=[2001:db8::1]",
        "--domainname",
        "example.org",
        "-h",
        "web",
    ];
    let resolver = seen(&corten, &flags, "cat /etc/resolv.conf");
    assert_eq!(resolver, "nameserver 192.0.2.9\nnameserver ::1\nsearch a.example\noptions ndots:3");
    let alone = [&["--network", "none"][..], &flags].concat();
    let hosts = seen(&corten, &alone, "tail -n 3 /etc/hosts");
    assert_eq!(hosts, "127.0.1.1\tweb.example.org web\n192.0.2.7\tdb\n2001:db8::1\tsix");
    let names = seen(
        &corten,
        &flags,
        "hostname; cat /proc/sys/kernel/domainname; nslookup db 2>&1 | tail -n 0; ping -c1 -W1 db 2>&1 | head -n 1",
    );
    assert!(names.starts_with("web\nexample.org\nPING db (192.0.2.7)"), "{names}");
    let none = seen(&corten, &["--dns-search", "."], "grep -c search /etc/resolv.conf; true");
    assert_eq!(none, "0");
    // The image has neither.
    let flags = ["--no-hosts", "--no-hostname"];
    let mounted =
        seen(&corten, &flags, "grep -c -e /etc/hosts -e /etc/hostname /proc/mounts; true");
    assert_eq!(mounted, "0");
}

#[test]
fn who_the_first_process_is() {
    let corten = corten();
    let flags =
        ["--group-add", "77", "--group-add=root", "--umask", "077", "--oom-score-adj", "321"];
    let script = "id -G; umask; cat /proc/self/oom_score_adj";
    assert_eq!(seen(&corten, &flags, script), "0 77\n0077\n321");
    corten.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "--group-add",
        "77",
        "--umask",
        "027",
        "busybox",
        "sleep",
        "99",
    ]);
    assert_eq!(corten.ok(&["exec", "web", "sh", "-c", "id -G; umask"]), "0 77\n0027");
}

#[test]
fn memory_that_is_shared() {
    let corten = corten();
    assert!(seen(&corten, &["--shm-size", "3m"], "df -k /dev/shm").contains(" 3072 "));
    assert_eq!(
        seen(&corten, &["--ipc", "none"], "ls -d /dev/shm 2>&1; grep -c shm /proc/mounts; true"),
        "ls: /dev/shm: No such file or directory\n0"
    );
    corten.ok(&[
        "run",
        "-d",
        "--name",
        "giver",
        "--ipc",
        "shareable",
        "busybox",
        "sh",
        "-c",
        "echo it > /dev/shm/file; sleep 99",
    ]);
    testkit::wait_until("it is written", || {
        corten.run(&["exec", "giver", "cat", "/dev/shm/file"]).code == 0
    });
    let joined = ["--ipc", "container:giver"];
    let ours = seen(
        &corten,
        &joined,
        "cat /dev/shm/file; readlink /proc/self/ns/ipc; echo back > /dev/shm/answer",
    );
    let theirs =
        corten.ok(&["exec", "giver", "sh", "-c", "cat /dev/shm/file; readlink /proc/self/ns/ipc"]);
    assert_eq!(ours, theirs);
    assert_eq!(corten.ok(&["exec", "giver", "cat", "/dev/shm/answer"]), "back");
    corten.ok(&["run", "-d", "--name", "private", "busybox", "sleep", "99"]);
    let refused = corten.run(&["run", "--rm", "--ipc", "container:private", "busybox", "true"]);
    assert!(refused.code == 125 && refused.stderr.contains("--ipc shareable"), "{refused:?}");
}

fn own(namespace: &str) -> String {
    std::fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap().display().to_string()
}

#[test]
fn namespaces_of_the_host() {
    let corten = corten();
    let flags = ["--pid=host", "--ipc=host", "--uts=host", "--cgroupns=host", "--userns=host"];
    let script = "for n in pid ipc uts cgroup user; do readlink /proc/self/ns/$n; done";
    let wanted = ["pid", "ipc", "uts", "cgroup", "user"].map(own).join("\n");
    assert_eq!(seen(&corten, &flags, script), wanted);
    let shared = seen(&corten, &["--ipc=host"], "stat -c %d /dev/shm");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(shared, std::fs::metadata("/dev/shm").unwrap().dev().to_string());
    let mine = seen(&corten, &[], script);
    for (ours, theirs) in mine.lines().zip(wanted.lines()).take(4) {
        assert_ne!(ours, theirs);
    }
}

#[test]
fn processes_of_another_container() {
    let corten = corten();
    corten.ok(&["run", "-d", "--name", "web", "busybox", "sleep", "98765"]);
    let script = "ps; readlink /proc/self/ns/pid";
    let all = seen(&corten, &["--pid", "container:web"], script);
    assert!(all.contains("sleep 98765"), "{all}");
    let theirs = corten.ok(&["exec", "web", "readlink", "/proc/self/ns/pid"]);
    assert_eq!(all.lines().last(), Some(theirs.as_str()));
    assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Running}}", "web"]), "true");
}

/// This machine's own hierarchies, or those of v1 and v2.
#[test]
fn limits_are_in_the_groups() {
    let corten = corten();
    if !std::path::Path::new("/sys/fs/cgroup/memory").exists() {
        return;
    }
    let flags = [
        "--cgroupns=host",
        "--memory=32m",
        "--memory-reservation=16m",
        "--memory-swappiness=7",
        "--oom-kill-disable",
        "--cpu-period=50000",
        "--cpu-quota=25000",
        "--cpuset-mems=0",
        "--cgroup-parent=/corten-test/flags",
    ];
    let script = "cd /sys/fs/cgroup && cat memory/memory.soft_limit_in_bytes memory/memory.swappiness cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us cpuset/cpuset.mems && head -n1 memory/memory.oom_control && grep -c /corten-test/flags/ /proc/self/cgroup";
    let seen = seen(&corten, &flags, script);
    let count: usize = seen.lines().last().unwrap().parse().unwrap();
    assert!(seen.starts_with("16777216\n7\n50000\n25000\n0\noom_kill_disable 1\n"), "{seen}");
    assert!(count >= 5, "{seen}");
    // The parent stays as Docker leaves it; here it is the test's to take away.
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let parent = hierarchy.path().join("corten-test/flags");
        if parent.exists() {
            std::fs::remove_dir(&parent).unwrap();
        }
    }
}

#[test]
fn rates_of_a_disk() {
    let corten = corten();
    let partitions = std::fs::read_to_string("/proc/partitions").unwrap();
    let Some(name) = partitions
        .lines()
        .skip(2)
        .filter_map(|line| line.split_whitespace().nth(3))
        .find(|name| name.starts_with("vd") || name.starts_with("sd"))
    else {
        return;
    };
    if !std::path::Path::new("/sys/fs/cgroup/blkio").exists()
        || !std::path::Path::new("/dev").join(name).exists()
    {
        return;
    }
    let device = format!("/dev/{name}");
    let flags = [
        format!("--device-read-bps={device}:1mb"),
        format!("--device-write-bps={device}:2mb"),
        format!("--device-read-iops={device}:3"),
        format!("--device-write-iops={device}:4"),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let script = "cd /sys/fs/cgroup/blkio && cat blkio.throttle.read_bps_device blkio.throttle.write_bps_device blkio.throttle.read_iops_device blkio.throttle.write_iops_device";
    let rates = seen(&corten, &flags, script);
    let rates: Vec<&str> = rates.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(rates, ["1048576", "2097152", "3", "4"]);
}

#[test]
fn devices_by_rule() {
    let corten = corten();
    // Nobody needs rights to open it, and one that is missing is no question of permission.
    let script = "mknod /n c 10 229; dd if=/n of=/dev/null bs=1 count=0 2>&1 | head -n 1";
    let refused = seen(&corten, &[], script);
    assert!(refused.contains("not permitted"), "{refused}");
    let allowed = seen(&corten, &["--device-cgroup-rule", "c 10:229 rwm"], script);
    assert!(!allowed.contains("not permitted"), "{allowed}");
}

/// The program where `/etc/cdi` holds a description; nobody else sees it.
fn with_description(corten: &Corten, text: &str, args: &[&str]) -> Finished {
    let file = corten.directory().join("description.json");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&file, text).unwrap();
    let mut command = corten.command();
    command.args(args);
    Finished::from(testkit::with_device_description(&command, &file).output().unwrap())
}

#[test]
fn devices_that_a_vendor_describes() {
    let corten = corten();
    let text = r#"{"cdiVersion": "0.6.0", "kind": "example.org/null", "containerEdits": {"env": ["OF=all"]}, "devices": [
        {"name": "one", "containerEdits": {"env": ["OF_ONE=1"], "deviceNodes": [{"path": "/dev/nothing", "hostPath": "/dev/null"}],
         "mounts": [{"hostPath": "/usr/share", "containerPath": "/data", "options": ["ro", "rbind"]}]}}]}"#;
    let script =
        "echo $OF $OF_ONE; echo x > /dev/nothing && ls -d /data/zoneinfo; touch /data/x 2>&1";
    let line = ["run", "--rm", "--device", "example.org/null=one", "busybox", "sh", "-c", script];
    let run = with_description(&corten, text, &line);
    assert!(run.stdout.starts_with("all 1\n/data/zoneinfo\n"), "{run:?}");
    assert!(run.stdout.contains("Read-only file system"), "{run:?}");
    let line = ["create", "--device", "example.org/null=two", "busybox", "true"];
    let refused = with_description(&corten, text, &line);
    assert!(refused.code == 1 && refused.stderr.contains("example.org/null=two"), "{refused:?}");
}

#[test]
fn paths_that_are_masked_and_not() {
    let corten = corten();
    let hidden = "cat /proc/timer_list | head -c 1 | wc -c; cat /etc/passwd | wc -c";
    assert!(seen(&corten, &[], hidden).starts_with("0\n"));
    let flags = ["--security-opt", "unmask=/proc/timer_list", "--security-opt=mask=/etc/passwd"];
    let masked = seen(
        &corten,
        &flags,
        "ls -la /etc/passwd | cut -c1; wc -c < /etc/passwd; grep -c timer_list /proc/mounts; true",
    );
    assert_eq!(masked, "c\n0\n0");
    let shown = seen(
        &corten,
        &["--security-opt", "proc-opts=hidepid=2"],
        "grep '^proc /proc ' /proc/mounts",
    );
    assert!(shown.contains("hidepid=invisible") || shown.contains("hidepid=2"), "{shown}");
}

#[test]
fn the_environment() {
    let corten = corten();
    let env = |flags: &[&str]| seen(&corten, flags, "tr '\\0' '\\n' < /proc/1/environ | sort");
    let all = env(&["--unsetenv-all", "-e", "A=1", "-h", "web"]);
    assert_eq!(all, "A=1\nHOME=/root\nHOSTNAME=web");
    let merged = env(&["--env-merge", "PATH=${PATH}:/opt", "--unsetenv", "HOME", "-h", "web"]);
    assert!(merged.contains("/bin:/opt"), "{merged}");
    let docker = corten.directory().join("docker");
    std::fs::create_dir(&docker).unwrap();
    let text =
        r#"{"proxies": {"default": {"httpProxy": "http://p.example:1", "noProxy": "local"}}}"#;
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(docker.join("config.json"), text).unwrap();
    let with = |flags: &[&str]| {
        let mut command = corten.command();
        command
            .env("DOCKER_CONFIG", &docker)
            .env("https_proxy", "http://callers:2")
            .env_remove("http_proxy");
        command.args(["run", "--rm", "--pull", "never"]).args(flags);
        command.args(["busybox", "sh", "-c", "env | grep -i _proxy= | sort"]);
        Finished::from(command.output().unwrap()).stdout
    };
    let known = "HTTP_PROXY=http://p.example:1\nNO_PROXY=local\nhttp_proxy=http://p.example:1\nno_proxy=mine\n";
    assert_eq!(with(&["-e", "no_proxy=mine"]), known);
    assert_eq!(with(&["--http-proxy=false"]), "");
    let callers = with(&["--http-proxy"]);
    assert!(
        callers.contains("HTTPS_PROXY=http://callers:2\n") && !callers.contains("p.example"),
        "{callers}"
    );
}

#[test]
fn time_zones_and_places_to_write() {
    let corten = corten();
    if std::path::Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
        assert_eq!(seen(&corten, &["--tz", "Asia/Tokyo"], "tail -c 7 /etc/localtime"), "\nJST-9");
    }
    let script = "for d in /run /tmp /var/tmp; do touch $d/x && echo $d; done; touch /x 2>/dev/null || echo no";
    assert_eq!(
        seen(&corten, &["--read-only", "--read-only-tmpfs"], script),
        "/run\n/tmp\n/var/tmp\nno"
    );
}
