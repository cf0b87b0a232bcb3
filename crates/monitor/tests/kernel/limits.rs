//! What a container sees of its limits: a real FUSE file system over its own `/proc` and `/sys`.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Instant;

use monitor::{Connection, FromMonitor, LIMIT_FILES, Life, Received};
use spec::runtime::{
    Cpu, Hook, IdMapping, Memory, Mount, Namespace, NamespaceKind, Resources, Spec,
};

use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::process::{Pid, WaitOptions, waitpid};
use sys::Namespaces;

use crate::Test;
use crate::bed::{Bed, hear, hear_until, kill};
use crate::memory::anonymous_kib;

pub(crate) const TESTS: &[Test] = &[
    ("limits::a_container_sees_its_own", a_container_sees_its_own),
    ("limits::with_users_of_its_own_too", with_users_of_its_own_too),
    ("limits::thousands_of_readers_cost_little", thousands_of_readers_cost_little),
    ("limits::a_container_that_reads_stands_still", a_container_that_reads_stands_still),
    ("limits::without_its_monitor_nobody_waits", without_its_monitor_nobody_waits),
    ("limits::a_hook_inside_is_answered", a_hook_inside_is_answered),
    ("limits::without_fuse_it_starts_with_a_warning", without_fuse_it_starts_with_a_warning),
];

const LIMIT_KIB: u64 = 65_536;

fn limited(spec: &mut Spec) {
    let linux = spec.linux.as_mut().unwrap();
    let memory = i64::try_from(LIMIT_KIB * 1024).unwrap();
    linux.resources = Some(Resources {
        memory: Some(Memory { limit: Some(memory), ..Memory::default() }),
        cpu: Some(Cpu { quota: Some(50_000), period: Some(100_000), ..Cpu::default() }),
        ..Resources::default()
    });
    spec.mounts.push(Mount {
        destination: "/sys".into(),
        kind: Some("sysfs".to_owned()),
        source: Some(PathBuf::from("sysfs")),
        options: vec!["ro".to_owned()],
        ..Mount::default()
    });
}

fn bed(script: &str, change: impl FnOnce(&mut Spec)) -> Bed {
    let mut bed = Bed::changed(&["/bin/sh", "-c", script], None, |spec| {
        limited(spec);
        change(spec);
    });
    bed.handoff.plan.show(LIMIT_FILES).unwrap();
    bed
}

/// Everything by the tools of busybox.
const LOOK: &str = "head -n1 /proc/meminfo; awk '/MemAvailable/ {print ($2 <= 65536)}' /proc/meminfo; grep -c ^processor /proc/cpuinfo; \
    cat /sys/devices/system/cpu/online; grep -c '^cpu[0-9]' /proc/stat; wc -l < /proc/swaps; cut -d. -f1 /proc/uptime; \
    awk '{print NF}' /proc/loadavg; cat /proc/diskstats > /dev/null && head -n1 /proc/slabinfo; \
    cat /proc/pressure/* | grep -c ^some; dd if=/proc/meminfo bs=7 2>/dev/null | tail -n1 | awk '{print $3}'; \
    i=0; while [ $i -lt 1000 ]; do read line < /proc/uptime || exit 1; i=$((i+1)); done; echo $i; \
    (echo x > /proc/meminfo) 2>/dev/null; echo $?; uptime > /dev/null; awk '$5 ~ /meminfo|online/ {print $5, $6}' /proc/self/mountinfo";

fn looks_right(heard: &str) {
    let lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines.len(), 15, "{heard}");
    assert_eq!(lines[0].split_whitespace().nth(1), Some("65536"), "{heard}");
    assert_eq!(lines[1..5], ["1", "1", "0", "1"], "{heard}");
    assert!(lines[6].parse::<u64>().unwrap() < 100, "{heard}");
    assert_eq!(lines[7], "5", "{heard}");
    assert_eq!(lines[8], "slabinfo - version: 2.1", "{heard}");
    assert!(lines[9].parse::<u64>().unwrap() >= 3, "{heard}");
    assert_eq!(lines[10..13], ["kB", "1000", "1"], "{heard}");
    for (line, path) in lines[13..].iter().zip(["/proc/meminfo", "/sys/devices/system/cpu/online"])
    {
        assert_eq!(*line, format!("{path} ro,nosuid,nodev,noexec,relatime"), "{heard}");
    }
}

fn machines_mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines().filter(|line| line.contains(" - fuse ")).map(str::to_owned).collect()
}

fn a_container_sees_its_own() {
    let before = machines_mounts();
    let bed = bed(LOOK, |_spec| {});
    let mut connection = bed.start();
    let heard = hear(&mut connection);
    assert_eq!(heard.code, Some(0), "{heard:?}");
    assert_eq!(String::from_utf8_lossy(&heard.stderr), "");
    looks_right(std::str::from_utf8(&heard.stdout).unwrap());
    bed.wait_for_groups();
    assert_eq!(machines_mounts(), before);
}

fn with_users_of_its_own_too() {
    let bed = bed(LOOK, |spec| {
        let linux = spec.linux.as_mut().unwrap();
        let map = IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
        for kind in [NamespaceKind::User, NamespaceKind::Network] {
            linux.namespaces.push(Namespace { kind, path: None });
        }
        (linux.uid_mappings, linux.gid_mappings) = (vec![map], vec![map]);
    });
    bed.open_to(100_000);
    let heard = hear(&mut bed.start());
    assert_eq!((heard.code, &heard.failure), (Some(0), &None), "{heard:?}");
    assert_eq!(String::from_utf8_lossy(&heard.stderr), "");
    looks_right(std::str::from_utf8(&heard.stdout).unwrap());
}

fn thousands_of_readers_cost_little() {
    let bed = bed("echo ready; sleep 1000", |_spec| {});
    let mut connection = bed.start();
    hear_until(&mut connection, "ready");
    let (container, monitor) = bed.pids();
    let path = |file: &str| format!("/proc/{container}/root{file}");
    let mut first = String::new();
    File::open(path("/proc/meminfo")).unwrap().read_to_string(&mut first).unwrap();
    assert!(first.starts_with("MemTotal:          65536 kB\n"), "{first}");
    let before = anonymous_kib(monitor).unwrap();
    let begin = Instant::now();
    for _ in 0..1000 {
        fs::read(path("/proc/uptime")).unwrap();
    }
    println!("open, read and close: {:?}", begin.elapsed() / 1000);
    let open: Vec<File> = (0..1000).map(|_| File::open(path("/proc/meminfo")).unwrap()).collect();
    let mut byte = [0];
    for file in &open {
        assert_eq!(file.read_at(&mut byte, 0).unwrap(), 1);
    }
    // Odd places and sizes, of readers whose content has gone meanwhile, too.
    let mut space = vec![0; 1 << 20];
    for (number, file) in open.iter().enumerate() {
        let at = number as u64;
        let length = file.read_at(&mut space, at).unwrap();
        assert_eq!(length, first.len().saturating_sub(number), "from {at}");
        assert_eq!(file.read_at(&mut space, u64::MAX / 4).unwrap(), 0);
    }
    let after = anonymous_kib(monitor).unwrap();
    assert!(after < before + 1024, "{before} KiB, then {after}");
    println!("1,000 readers: {before} KiB before, {after} KiB after");
    drop(open);
    // All else goes on.
    connection.signal(9).unwrap();
    assert_eq!(hear(&mut connection).code, Some(137));
}

fn answered(connection: &mut Connection, wanted: impl Fn(&FromMonitor<'_>) -> bool) {
    loop {
        match connection.receive().unwrap() {
            Received::Message(message) if wanted(&message) => return,
            Received::Message(FromMonitor::Stdout(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A process that waits for an answer stops for nobody: somebody answers while the monitor waits for the group.
fn a_container_that_reads_stands_still() {
    let reads = "while :; do read line < /proc/uptime; done";
    let bed = bed(&format!("({reads}) & ({reads}) & echo ready; {reads}"), |_spec| {});
    let mut connection = bed.start();
    hear_until(&mut connection, "ready");
    for _ in 0..20 {
        connection.freeze().unwrap();
        answered(&mut connection, |message| matches!(message, FromMonitor::Frozen));
        connection.thaw().unwrap();
        answered(&mut connection, |message| matches!(message, FromMonitor::Thawed));
    }
    connection.signal(9).unwrap();
    assert_eq!(hear(&mut connection).code, Some(137));
    bed.wait_for_groups();
}

fn without_its_monitor_nobody_waits() {
    let bed = bed("echo ready; sleep 1000", |_spec| {});
    let mut connection = bed.start();
    hear_until(&mut connection, "ready");
    let (container, monitor) = bed.pids();
    let path = format!("/proc/{container}/root/proc/meminfo");
    let open = File::open(&path).unwrap();
    kill(monitor);
    bed.wait_until(|life| matches!(life, Life::Running { monitored: false, .. }));
    let gone = |error: std::io::Error| error.raw_os_error() == Some(libc::ENOTCONN);
    assert!(gone(open.read_at(&mut [0], 0).unwrap_err()));
    assert!(gone(File::open(&path).unwrap_err()));
    waitpid(Pid::from_raw(monitor), WaitOptions::empty()).unwrap();
    kill(container);
    bed.wait_until(|life| matches!(life, Life::Lost { .. }));
    // It starts again, over what was left.
    let mut again = bed.start();
    hear_until(&mut again, "ready");
    again.signal(9).unwrap();
    assert_eq!(hear(&mut again).code, Some(137));
    bed.wait_for_groups();
}

/// It runs while the monitor waits for the container.
fn a_hook_inside_is_answered() {
    let script = "head -n1 /proc/meminfo > /tmp/seen";
    let hook = Hook {
        path: "/bin/sh".into(),
        args: ["sh", "-c", script].map(str::to_owned).into(),
        env: vec!["PATH=/bin".to_owned()],
        timeout: Some(60),
    };
    let bed = bed("cat /tmp/seen", |spec| {
        spec.hooks.get_or_insert_default().start_container.push(hook);
    });
    let heard = hear(&mut bed.start());
    let seen = String::from_utf8(heard.stdout).unwrap();
    assert_eq!(seen.split_whitespace().nth(1), Some("65536"), "{seen}");
}

fn without_fuse_it_starts_with_a_warning() {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let home = open("/proc/self/ns/mnt", flags, Mode::empty()).unwrap();
    let directory = std::env::current_dir().unwrap();
    sys::unshare_namespaces(u32::try_from(Namespaces::MOUNT.bits()).unwrap()).unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
    mount_bind("/dev/null", "/dev/fuse").unwrap();
    let bed = bed("head -n1 /proc/meminfo", |_spec| {});
    let mut connection = bed.spawn();
    match connection.receive().unwrap() {
        Received::Message(FromMonitor::Started { warnings, .. }) => {
            assert_eq!(warnings.matches("/proc/meminfo").count(), 1, "{warnings}");
        }
        other => panic!("{other:?}"),
    }
    let heard = hear(&mut connection);
    let machine = fs::read_to_string("/proc/meminfo").unwrap();
    let first = machine.lines().next().unwrap();
    assert_eq!(String::from_utf8(heard.stdout).unwrap().trim_end(), first);
    drop(bed);
    sys::enter_namespace(home.as_fd(), Namespaces::MOUNT).unwrap();
    // setns(2) leads to the root.
    rustix::process::chdir(directory).unwrap();
}
