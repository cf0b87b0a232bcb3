//! The field's known attacks on runtimes, each with what it once did.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;

use spec::runtime::{Namespace, NamespaceKind};

use crate::support::{Bed, bind, linux, mount, process, put, strings};

/// CVE-2024-21626: a working directory through a leaked descriptor of the host.
#[test]
fn a_working_directory_on_the_host_is_refused() {
    let bed = Bed::new();
    let leak = fs::File::open("/sys/fs/cgroup").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    for number in 0..24 {
        let mut spec = bed.spec("cd ../../../../..; ls; pwd");
        process(&mut spec).cwd = format!("/proc/self/fd/{number}").into();
        let (code, text) = bed.refused(&spec);
        assert_eq!(code, 125, "{text}");
        assert!(text.contains("/proc/self/fd"), "{text}");
    }
    symlink("/proc/self/fd/7", bed.rootfs().join("way-out")).unwrap();
    let mut spec = bed.spec("pwd");
    process(&mut spec).cwd = "/way-out".into();
    assert_eq!(bed.refused(&spec).0, 125);
}

/// CVE-2021-30465, CVE-2024-45310: targets that lead outside, by links of the image.
#[test]
fn a_target_through_a_link_stays_inside() {
    let bed = Bed::new();
    let outside = bed.path("outside");
    let source = bed.path("source");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&source).unwrap();
    put(source.join("file"), "volume");
    let host = outside.to_str().unwrap();
    symlink(host, bed.rootfs().join("absolute")).unwrap();
    symlink("../outside", bed.rootfs().join("relative")).unwrap();
    for link in ["absolute", "relative"] {
        let mut spec = bed.spec("true");
        spec.mounts.push(bind(&source, &format!("/{link}/made"), &[]));
        // Inside, the link leads to a directory that is made there, or the start is refused.
        let _refused = bed.start(&spec).map(crate::support::Running::finish);
        let mut spec = bed.spec("true");
        spec.mounts.push(bind(&source.join("file"), &format!("/{link}/file"), &[]));
        let _refused = bed.start(&spec).map(crate::support::Running::finish);
        assert_eq!(
            fs::read_dir(&outside).unwrap().count(),
            0,
            "{link}: something was made on the host"
        );
    }
    bed.assert_nothing_left();
}

/// CVE-2023-27561, CVE-2019-19921: the image's /proc is a link.
#[test]
fn a_linked_proc_is_refused() {
    let bed = Bed::new();
    for (name, to) in [("proc", "/tmp"), ("sys", "/tmp")] {
        fs::remove_dir(bed.rootfs().join(name)).unwrap();
        symlink(to, bed.rootfs().join(name)).unwrap();
        let (code, text) = bed.refused(&bed.spec("ls /proc"));
        assert_eq!(code, 125);
        assert!(text.contains(&format!("/{name}")), "{text}");
        fs::remove_file(bed.rootfs().join(name)).unwrap();
        fs::create_dir(bed.rootfs().join(name)).unwrap();
    }
}

/// CVE-2019-16884, CVE-2025-52881: a volume over /proc, so that writes to attributes and parameters land elsewhere.
#[test]
fn a_volume_over_proc_is_refused() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    for target in ["/proc", "/proc/self", "/proc/self/attr", "/proc/sys", "//proc/./sys"] {
        let mut spec = bed.spec("true");
        spec.mounts.push(bind(&source, target, &[]));
        match libcontainer::plan(&spec, &bed.context()) {
            Err(error) => assert!(error.to_string().contains("mounts[7]"), "{error}"),
            Ok(_) => {
                let (code, text) = bed.refused(&spec);
                assert_eq!(code, 125);
                assert!(text.contains("/proc"), "{text}");
            }
        }
        let mut spec = bed.spec("true");
        spec.mounts.push(mount("tmpfs", "tmpfs", target, &[]));
        assert!(libcontainer::plan(&spec, &bed.context()).is_err(), "{target}");
    }
}

/// CVE-2025-52881: parameters are written to procfs, or not at all.
#[test]
fn a_parameter_is_not_written_to_another_file() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    spec.mounts.retain(|mount| mount.destination != std::path::Path::new("/proc"));
    let fake = bed.rootfs().join("proc/sys/net/ipv4");
    fs::create_dir_all(&fake).unwrap();
    put(fake.join("ip_forward"), "untouched");
    linux(&mut spec).sysctl = [("net.ipv4.ip_forward".to_owned(), "1".to_owned())].into();
    linux(&mut spec).masked_paths.clear();
    linux(&mut spec).readonly_paths.clear();
    let _outcome = bed.start(&spec).map(crate::support::Running::finish);
    assert_eq!(fs::read_to_string(fake.join("ip_forward")).unwrap(), "untouched");
    bed.assert_nothing_left();
}

/// CVE-2025-31133: /dev/null is something else while masks are made: a file whose words would be read, a link, a device that
/// speaks.
#[test]
fn a_mask_is_the_null_device_and_nothing_else() {
    let bed = Bed::new();
    let dev = bed.path("dev");
    let null = dev.join("null");
    fs::create_dir(&dev).unwrap();
    let zero = || {
        use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
        mknodat(CWD, &null, FileType::CharacterDevice, Mode::RWXU, makedev(1, 5)).unwrap();
    };
    let kinds: [&dyn Fn(); 3] =
        [&|| put(&null, "words"), &|| symlink("/etc/passwd", &null).unwrap(), &zero];
    for make in kinds {
        make();
        let mut spec = bed.spec("head -c 5 /proc/interrupts");
        // Whoever brings a whole /dev has filled it.
        spec.mounts.retain(|mount| !mount.destination.starts_with("/dev"));
        spec.mounts.push(bind(&dev, "/dev", &[]));
        let (code, text) = bed.refused(&spec);
        assert_eq!(code, 125);
        assert!(text.starts_with("mask /") && text.ends_with("ENODEV"), "{text}");
        fs::remove_file(&null).unwrap();
    }
}

/// CVE-2023-28642, CVE-2019-16884: a link of the image leads a volume over /proc, past the plan's own look.
#[test]
fn a_volume_over_proc_by_a_link_is_refused() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    put(source.join("file"), "fake");
    symlink("/proc", bed.rootfs().join("link")).unwrap();
    symlink("../link/self", bed.rootfs().join("tmp/deep")).unwrap();
    for (from, target) in [
        (source.clone(), "/link"),
        (source.clone(), "/link/self/attr"),
        (source.clone(), "/tmp/deep/attr"),
        (source.join("file"), "/link/sys/kernel/core_pattern"),
    ] {
        let mut spec = bed.spec("true");
        // The masks, which would find that /proc is not what it was, are not what is tested.
        linux(&mut spec).masked_paths.clear();
        linux(&mut spec).readonly_paths.clear();
        spec.mounts.push(bind(&from, target, &[]));
        let (code, text) = bed.refused(&spec);
        assert_eq!(code, 125);
        assert!(text.ends_with("EXDEV"), "{target}: {text}");
        let mut spec = bed.spec("true");
        linux(&mut spec).masked_paths.clear();
        linux(&mut spec).readonly_paths.clear();
        spec.mounts.push(mount("tmpfs", "tmpfs", target, &[]));
        assert_eq!(bed.refused(&spec).0, 125, "{target}");
    }
}

/// CVE-2023-25809: a user namespace without a cgroup namespace is given the host's tree, which the kernel lets it not mount anew.
#[test]
fn the_hosts_groups_are_read_only_in_a_user_namespace() {
    let bed = Bed::new();
    let map = spec::runtime::IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
    let mut spec = bed.spec("awk '$5 == \"/groups\" { print $6 }' /proc/self/mountinfo");
    linux(&mut spec).namespaces.retain(|namespace| namespace.kind != NamespaceKind::Cgroup);
    linux(&mut spec).namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    linux(&mut spec).uid_mappings = vec![map];
    linux(&mut spec).gid_mappings = vec![map];
    spec.mounts.push(mount("cgroup2", "cgroup", "/groups", &["nosuid", "noexec", "nodev"]));
    bed.open_to(100_000);
    let options = bed.ok(&spec);
    assert!(options.starts_with("ro,"), "{options}");
}

/// CVE-2019-5736: the container reaches for the program that started it.
#[test]
fn our_own_program_cannot_be_written_through_its_protected_descriptor() {
    let own = libcontainer::protect::own_program().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&own));
    assert!(fs::OpenOptions::new().write(true).open(&path).is_err());
    // While the program runs the kernel refuses anyway (ETXTBSY); what stays afterwards is the mount's own flag.
    assert!(
        rustix::fs::fstatvfs(&own).unwrap().f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY)
    );
    let original = fs::metadata("/proc/self/exe").unwrap();
    let statx = rustix::fs::fstat(own.as_fd()).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(statx.st_size.cast_unsigned(), original.size());
}

/// CVE-2019-5736: the entry point is a link to the running program, which would be ours.
#[test]
fn running_our_own_program_is_refused() {
    let bed = Bed::new();
    symlink("/proc/self/exe", bed.rootfs().join("bin/evil")).unwrap();
    for program in ["/proc/self/exe", "/bin/evil", "/proc/thread-self/exe", "/proc/1/exe"] {
        let mut spec = bed.spec("");
        process(&mut spec).args = strings(&[program, "--version"]);
        let (code, text) = bed.refused(&spec);
        assert_eq!(code, 126, "{program}: {text}");
    }
}

/// CVE-2022-0492: the release agent of a v1 hierarchy.
#[test]
fn the_release_agent_is_out_of_reach() {
    let bed = Bed::new();
    let script = "for h in /sys/fs/cgroup/*; do echo x > $h/release_agent; echo 1 > $h/notify_on_release; done 2>/dev/null; \
                  mkdir /m; mount -t cgroup -o pids c /m 2>/dev/null && echo mounted; \
                  cat /sys/fs/cgroup/*/notify_on_release 2>/dev/null | grep -c 1; true";
    assert_eq!(bed.sh(script), "0");
}

/// CVE-2016-9962, CVE-2024-21626: nothing of the starting process is visible from the first moment on.
#[test]
fn no_descriptor_leaks_into_the_program() {
    let bed = Bed::new();
    // No pipeline: its descriptors would be those of process 1 for a moment.
    assert_eq!(bed.sh("ls /proc/1/fd; true"), "0\n1\n2");
}

/// A stream that is a device of the host stays the host's.
#[test]
fn the_hosts_null_device_keeps_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    process(&mut spec).user.uid = 1000;
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let streams = libcontainer::Stdio::Streams {
        stdin: null.as_fd(),
        stdout: null.as_fd(),
        stderr: null.as_fd(),
    };
    let (process, cgroup) =
        libcontainer::create(&bed.plan(&spec), streams).unwrap().start().unwrap();
    assert_eq!(crate::support::wait(&process), 0);
    cgroup.remove(crate::support::PATIENCE).unwrap();
    assert_eq!(null.metadata().unwrap().uid(), 0);
}

/// A directory that is missing below a leaked one is not made on the host.
#[test]
fn a_working_directory_is_not_made_on_the_host() {
    let bed = Bed::new();
    let outside = bed.path("outside");
    fs::create_dir(&outside).unwrap();
    let leak = fs::File::open(&outside).unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let mut spec = bed.spec("true");
    process(&mut spec).cwd =
        format!("/proc/self/fd/{}/made", std::os::fd::AsRawFd::as_raw_fd(&leak)).into();
    assert_eq!(bed.refused(&spec).0, 125);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn host_devices_are_out_of_reach() {
    let bed = Bed::new();
    let mut spec = bed.spec("mknod /tmp/loop b 7 0; head -c 1 /tmp/loop | wc -c");
    let rules = serde_json::json!({"devices": [
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}
    ]});
    linux(&mut spec).resources = Some(serde_json::from_value(rules).unwrap());
    let finished = bed.run(&spec);
    assert!(
        finished.stdout.starts_with('0') && finished.stderr.contains("not permitted"),
        "{finished:#?}"
    );
}
