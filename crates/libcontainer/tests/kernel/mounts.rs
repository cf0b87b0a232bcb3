//! What a mount of the configuration becomes: where it is put, which attributes it has, what it keeps of its source.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags as Spread, UnmountFlags};
use spec::runtime::{Device, IdMapping, Mount, Namespace, NamespaceKind, Spec};

use crate::support::{Bed, bind, linux, mount, put};

/// A mount of the host for the time of a test.
pub(crate) struct HostMount(PathBuf);

impl HostMount {
    pub(crate) fn tmpfs(at: &Path, flags: MountFlags) -> Self {
        fs::create_dir_all(at).unwrap();
        rustix::mount::mount("tmpfs", at, "tmpfs", MountFlags::empty(), None).unwrap();
        // Of the mount, not of the file system: the latter could not be taken back by a bind.
        let bits = MountFlags::BIND | flags;
        rustix::mount::mount_remount(at, bits, "").unwrap();
        Self(at.to_owned())
    }
}

impl Drop for HostMount {
    fn drop(&mut self) {
        let gone = rustix::mount::unmount(&self.0, UnmountFlags::DETACH);
        assert!(gone.is_ok() || std::thread::panicking(), "unmount {}: {gone:?}", self.0.display());
    }
}

/// The options of what is mounted last on `at`, as the container tells them.
fn options_at(bed: &Bed, spec: &mut Spec, at: &str) -> Result<String, String> {
    let script = format!("awk '$5 == \"{at}\" {{ print $6 }}' /proc/self/mountinfo | tail -n 1");
    spec.process.as_mut().unwrap().args = crate::support::strings(&["/bin/sh", "-c", &script]);
    let running = bed.start(spec).map_err(|error| libcontainer::chain(&error))?;
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{finished:#?}");
    Ok(finished.stdout.trim().to_owned())
}

pub(crate) fn in_user_namespace(bed: &Bed, spec: &mut Spec) {
    let map = IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
    linux(spec).namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    linux(spec).uid_mappings = vec![map];
    linux(spec).gid_mappings = vec![map];
    bed.open_to(100_000);
}

#[test]
fn a_tmpfs_keeps_the_mode_of_what_it_covers() {
    let bed = Bed::new();
    let (covered, all) = (bed.rootfs().join("covered"), bed.rootfs().join("all"));
    for (directory, mode) in [(&covered, 0o710), (&all, 0o7777)] {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut spec = bed.spec(
        "stat -c %a /covered /all /missing/deep; grep -E ' /(covered|missing/deep) ' /proc/self/mounts | cut -d' ' -f4",
    );
    for target in ["/covered", "/all", "/missing/deep"] {
        spec.mounts.push(mount("tmpfs", "tmpfs", target, &["nosuid", "nr_blocks=1k"]));
    }
    let inside = bed.ok(&spec);
    let lines: Vec<&str> = inside.lines().collect();
    assert_eq!(lines[..3], ["710", "7777", "1777"], "{inside}");
    assert!(lines[3].contains("mode=710") && !lines[4].contains("mode="), "{inside}");
    let mut spec = bed.spec("stat -c %a /covered");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/covered", &["mode=1500"]));
    assert_eq!(bed.ok(&spec), "1500");
    assert_eq!(fs::metadata(&covered).unwrap().permissions().mode() & 0o7777, 0o710);
}

#[test]
fn what_is_read_only_is_filled_first() {
    let bed = Bed::new();
    let mut spec = bed.spec(
        "ls /dev/null /m; touch /dev/x /m/x /m/inner/x 2>&1 | grep -c Read-only; touch /m/inner/y",
    );
    for mount in &mut spec.mounts {
        if mount.destination == Path::new("/dev") {
            mount.options.push("ro".into());
        }
    }
    spec.mounts.push(mount("tmpfs", "tmpfs", "/m", &["ro", "nodev"]));
    spec.mounts.push(mount("tmpfs", "tmpfs", "/m/inner", &[]));
    assert_eq!(bed.ok(&spec), "/dev/null\n\n/m:\ninner\n2");
}

#[test]
fn a_target_behind_links_that_lead_nowhere_is_made_where_they_lead() {
    let bed = Bed::new();
    let root = bed.rootfs();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    put(source.join("file"), "seen");
    symlink("/tmp/foo/bar", root.join("jump")).unwrap();
    fs::remove_file(root.join("etc/hosts")).unwrap();
    symlink("/jump/baz/hosts", root.join("etc/hosts")).unwrap();
    symlink("../../../../var/./made", root.join("etc/relative")).unwrap();
    symlink("/loop", root.join("loop")).unwrap();
    let mut spec = bed.spec("cat /tmp/foo/bar/baz/hosts; cat /var/made/file");
    spec.mounts.push(bind(&source.join("file"), "/etc/hosts", &[]));
    spec.mounts.push(bind(&source, "/etc/relative", &[]));
    assert_eq!(bed.ok(&spec), "seenseen");
    let mut spec = bed.spec("true");
    spec.mounts.push(bind(&source, "/loop/made", &[]));
    let (_, text) = bed.refused(&spec);
    assert!(text.ends_with("ELOOP"), "{text}");
}

#[test]
fn directories_that_are_made_inherit_the_group() {
    let bed = Bed::new();
    let parent = bed.rootfs().join("setgid");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o7755)).unwrap();
    let mut spec = bed.spec("true");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/setgid/a/b", &[]));
    bed.ok(&spec);
    for made in ["a", "a/b"] {
        let mode = fs::metadata(parent.join(made)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o2755, "{made}");
    }
}

#[test]
fn targets_may_be_relative_or_begin_with_the_root_on_the_host() {
    let bed = Bed::new();
    let root = bed.rootfs();
    for (directory, file) in [("a/x", "a"), ("b/y", "b"), ("c/z", "c")] {
        fs::create_dir_all(bed.path("source").join(directory)).unwrap();
        put(bed.path("source").join(directory).join("file"), file);
    }
    symlink("b", bed.path("source/link-b")).unwrap();
    let mut spec = bed.spec("cat /final/x/y/z/z/x/y/z/x/file");
    spec.mounts.push(bind(&bed.path("source/a"), "mnt", &["rprivate"]));
    spec.mounts.push(bind(&bed.path("source/link-b"), "/mnt/x", &["rprivate"]));
    spec.mounts.push(bind(&bed.path("source/c"), "/mnt/x/y", &["rprivate"]));
    spec.mounts.push(bind(&bed.path("source/a"), "/mnt/x/y/z", &["rprivate"]));
    // Parts of what is mounted by then, at places told by their path on the host.
    for (from, to) in [("mnt/x", "mnt/x/y/z/x"), ("mnt/x/y", "mnt/x/y/z"), ("mnt", "final")] {
        spec.mounts.push(bind(&root.join(from), root.join(to).to_str().unwrap(), &["rprivate"]));
    }
    assert_eq!(bed.ok(&spec), "a");
    bed.assert_nothing_left();
}

#[test]
fn a_mount_on_the_root_is_refused() {
    let bed = Bed::new();
    symlink("/", bed.rootfs().join("here")).unwrap();
    let mut spec = bed.spec("true");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/here", &[]));
    let (_, text) = bed.refused(&spec);
    assert!(text.starts_with("mount tmpfs on /here: ") && text.ends_with("EXDEV"), "{text}");
}

/// What the host has, what the configuration asks for, what is seen; and in a user namespace, nothing where it is refused.
type Attributes<'a> = (MountFlags, &'a [&'a str], &'a str, Option<&'a str>);

#[test]
fn a_bind_has_what_is_listed_and_what_the_kernel_holds_on_to() {
    let (ro, nosuid, nodev, noexec) =
        (MountFlags::RDONLY, MountFlags::NOSUID, MountFlags::NODEV, MountFlags::NOEXEC);
    let relatime = MountFlags::RELATIME;
    let cases: &[Attributes<'_>] = &[
        // Without options the source's.
        (ro | noexec | relatime, &["bind"], "ro,noexec,relatime", Some("ro,noexec,relatime")),
        // With one, what is listed; in a user namespace also what is locked.
        (ro | noexec | relatime, &["bind", "dev"], "rw,relatime", Some("ro,noexec,relatime")),
        (
            nosuid | nodev | relatime,
            &["bind", "ro"],
            "ro,relatime",
            Some("ro,nosuid,nodev,relatime"),
        ),
        // Asked for by name it is cleared, or refused.
        (ro | relatime, &["bind", "rw", "nosuid"], "rw,nosuid,relatime", None),
        // Access times stay unless one is asked for.
        (MountFlags::NOATIME, &["bind", "atime"], "rw,noatime", Some("rw,noatime")),
        (MountFlags::NOATIME, &["bind", "relatime"], "rw,relatime", None),
        (MountFlags::NOATIME, &["bind", "nodiratime"], "rw,nodiratime,relatime", None),
        (MountFlags::NODIRATIME, &["bind", "strictatime"], "rw", None),
        (MountFlags::NOATIME, &["bind", "nodiratime", "strictatime"], "rw,nodiratime", None),
    ];
    let bed = Bed::new();
    for (flags, options, plain, inside) in cases {
        let source = bed.path("source");
        let _mounted = HostMount::tmpfs(&source, *flags);
        let mut spec = bed.spec("");
        spec.mounts.push(mount("bind", source.to_str().unwrap(), "/m", options));
        assert_eq!(options_at(&bed, &mut spec, "/m").as_deref(), Ok(*plain), "{options:?}");
        in_user_namespace(&bed, &mut spec);
        let seen = options_at(&bed, &mut spec, "/m");
        match inside {
            Some(expected) => assert_eq!(seen.as_deref(), Ok(*expected), "{options:?}"),
            None => assert!(seen.as_ref().is_err_and(|text| text.ends_with("EPERM")), "{seen:?}"),
        }
    }
    bed.assert_nothing_left();
}

#[test]
fn attributes_of_a_tree_reach_below_and_those_of_the_mount_do_not() {
    let bed = Bed::new();
    let outer = bed.path("outer");
    let _outer = HostMount::tmpfs(&outer, MountFlags::RELATIME);
    let _inner = HostMount::tmpfs(&outer.join("inner"), MountFlags::RELATIME | MountFlags::NODEV);
    for (options, top, below) in [
        (&["ro"][..], "ro,relatime", "rw,nodev,relatime"),
        (&["rro"], "ro,relatime", "ro,nodev,relatime"),
        (&["ro", "rro"], "ro,relatime", "ro,nodev,relatime"),
        (&["ro", "rnosuid", "rdev"], "ro,nosuid,relatime", "rw,nosuid,relatime"),
        (
            &["rnoexec", "rnosymfollow"],
            "rw,noexec,relatime,nosymfollow",
            "rw,nodev,noexec,relatime,nosymfollow",
        ),
        (&["rnoatime"], "rw,noatime", "rw,nodev,noatime"),
        (&["rstrictatime"], "rw", "rw,nodev"),
        (&["ratime"], "rw,relatime", "rw,nodev,relatime"),
        (&["rnostrictatime"], "rw,relatime", "rw,nodev,relatime"),
        (&["rrelatime"], "rw,relatime", "rw,nodev,relatime"),
        (&["rnodiratime"], "rw,nodiratime,relatime", "rw,nodev,nodiratime,relatime"),
    ] {
        let mut spec = bed.spec("");
        spec.mounts.push(bind(&outer, "/m", options));
        assert_eq!(options_at(&bed, &mut spec, "/m").as_deref(), Ok(top), "{options:?}");
        assert_eq!(options_at(&bed, &mut spec, "/m/inner").as_deref(), Ok(below), "{options:?}");
    }
}

fn device(kind: &str, path: &str, major: u32, minor: u32) -> Device {
    Device {
        kind: kind.into(),
        path: path.into(),
        major,
        minor,
        file_mode: Some(0o640),
        ..Device::default()
    }
}

#[test]
fn devices_may_be_pipes_and_elsewhere() {
    let bed = Bed::new();
    let mut spec =
        bed.spec("stat -c '%n %t:%T %a %F' /dev/pipe /srv/made/node; readlink /dev/ptmx");
    linux(&mut spec).devices = vec![
        device("p", "/dev/pipe", 0, 0),
        device("c", "/srv/made/node", 1, 3),
        device("c", "/dev/ptmx", 5, 2),
    ];
    let inside = bed.ok(&spec);
    assert_eq!(
        inside,
        "/dev/pipe 0:0 640 fifo\n/srv/made/node 1:3 640 character special file\npts/ptmx"
    );
}

#[test]
fn a_whole_dev_of_the_host_is_left_as_it_is() {
    let bed = Bed::new();
    let dev = bed.path("dev");
    fs::create_dir(&dev).unwrap();
    put(dev.join("mine"), "");
    let mut spec = bed.spec("ls /dev");
    spec.mounts.retain(|mount| !mount.destination.starts_with("/dev"));
    linux(&mut spec).masked_paths.clear();
    spec.mounts.push(bind(&dev, "/dev", &[]));
    assert_eq!(bed.ok(&spec), "mine");
}

#[test]
fn a_root_without_a_mount_on_dev_gets_the_devices_all_the_same() {
    let bed = Bed::new();
    let mut spec = bed.spec("stat -c '%n %t:%T' /dev/null /dev/zero; readlink /dev/stdout");
    spec.mounts.retain(|mount| !mount.destination.starts_with("/dev"));
    fs::remove_dir(bed.rootfs().join("dev")).unwrap();
    for _again in 0..2 {
        assert_eq!(bed.ok(&spec), "/dev/null 1:3\n/dev/zero 1:5\n/proc/self/fd/1");
    }
    fs::remove_file(bed.rootfs().join("dev/tty")).unwrap();
    put(bed.rootfs().join("dev/tty"), "no device");
    let (_, text) = bed.refused(&spec);
    assert!(text.starts_with("fill /dev with") && text.ends_with("EEXIST"), "{text}");
}

#[test]
fn a_device_of_a_user_namespace_is_the_hosts_of_the_same_number() {
    let bed = Bed::new();
    let mut spec = bed.spec("head -c 2 /dev/zero | wc -c");
    in_user_namespace(&bed, &mut spec);
    assert_eq!(bed.ok(&spec), "2");
    linux(&mut spec).devices = vec![device("c", "/dev/null", 1, 5)];
    let (_, text) = bed.refused(&spec);
    assert!(text.ends_with("ENODEV"), "{text}");
}

#[test]
fn covered_directories_share_one_file_system_and_each_is_covered_once() {
    let bed = Bed::new();
    for name in ["one", "two", "two/below"] {
        fs::create_dir(bed.rootfs().join(name)).unwrap();
    }
    put(bed.rootfs().join("two/below/secret"), "secret");
    let mut spec = bed.spec(
        "stat -c %d /one /two | uniq | wc -l; grep -c -E ' /(one|two) ' /proc/self/mountinfo; ls /two /two/below 2>&1; touch /one/x 2>&1",
    );
    let more = ["/one", "/two", "/two/below", "/one", "//two/.", "/no/such/path"];
    linux(&mut spec).masked_paths.extend(more.map(PathBuf::from));
    let finished = bed.run(&spec);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines[..2], ["1", "2"], "{finished:#?}");
    assert!(!finished.stdout.contains("secret"), "{finished:#?}");
    // EROFS of a tmpfs, ENOENT of a directory that sysfs keeps empty.
    let refused = lines.last().is_some_and(|line| line.starts_with("touch: /one/x: "));
    assert!(finished.code == 1 && refused, "{finished:#?}");
}

#[test]
fn a_read_only_path_keeps_what_else_it_has() {
    let bed = Bed::new();
    fs::create_dir(bed.rootfs().join("programs")).unwrap();
    fs::copy("/bin/busybox", bed.rootfs().join("programs/echo")).unwrap();
    let mut spec = bed.spec("/programs/echo runs; touch /programs/x 2>&1; touch /programs/below/x");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/programs/below", &[]));
    linux(&mut spec).readonly_paths.push("/programs".into());
    assert_eq!(bed.ok(&spec), "runs\ntouch: /programs/x: Read-only file system");
}

#[test]
fn the_root_spreads_as_asked() {
    let bed = Bed::new();
    // The root is below a shared mount of the host's, as on most machines.
    let top = bed.directory.path();
    rustix::mount::mount_bind(top, top).unwrap();
    let _top = HostMount(top.to_owned());
    rustix::mount::mount_change(top, Spread::SHARED).unwrap();
    for (name, shared, slave, unbindable) in [
        ("private", false, false, false),
        ("rprivate", false, false, false),
        ("slave", false, true, false),
        ("rslave", false, true, false),
        ("shared", true, false, false),
        ("rshared", true, false, false),
        ("unbindable", false, false, true),
        ("runbindable", false, false, true),
    ] {
        let mut spec =
            bed.spec("grep ' / / ' /proc/self/mountinfo || grep '/rootfs / ' /proc/self/mountinfo");
        linux(&mut spec).rootfs_propagation = Some(name.into());
        let row = bed.ok(&spec);
        let fields = row.split(" - ").next().unwrap();
        assert_eq!(fields.contains("shared:"), shared, "{name}: {row}");
        assert_eq!(fields.contains("unbindable"), unbindable, "{name}: {row}");
        // A shared root is a slave of the host's too, so that mounts still arrive.
        assert!(!slave || fields.contains("master:"), "{name}: {row}");
        assert!(shared || slave || !fields.contains("master:"), "{name}: {row}");
    }
}

#[test]
fn a_bind_below_a_shared_root_is_shared_with_the_host() {
    let bed = Bed::new();
    let source = bed.path("source");
    let _mounted = HostMount::tmpfs(&source, MountFlags::empty());
    rustix::mount::mount_change(&source, Spread::SHARED).unwrap();
    fs::create_dir(source.join("inner")).unwrap();
    let script = "mount -t tmpfs x /m/inner && touch /m/inner/from-inside; sed -n 's/.* \\/m .*\\(shared:[0-9]*\\|master:[0-9]*\\).*/\\1/p' /proc/self/mountinfo | cut -d: -f1";
    for (root, options, reaches) in [
        (Some("rshared"), &[][..], true),
        (Some("rshared"), &["rprivate"], false),
        (None, &["rshared"], true),
        (None, &["rslave", "shared"], false),
        (None, &[], false),
    ] {
        let mut spec = bed.spec(script);
        spec.process.as_mut().unwrap().capabilities.iter_mut().for_each(|sets| {
            for set in [&mut sets.bounding, &mut sets.permitted, &mut sets.effective] {
                set.push("CAP_SYS_ADMIN".into());
            }
        });
        linux(&mut spec).rootfs_propagation = root.map(str::to_owned);
        spec.mounts.push(bind(&source, "/m", options));
        let inside = bed.ok(&spec);
        let seen = source.join("inner/from-inside").exists();
        let _clean = rustix::mount::unmount(source.join("inner"), UnmountFlags::DETACH);
        assert_eq!(seen, reaches, "{root:?} {options:?}: {inside}");
        if options == ["rslave", "shared"] {
            assert_eq!(inside, "master", "both kinds of spreading: {inside}");
        }
    }
}

#[test]
fn a_mount_below_the_groups_is_on_top_of_them() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    put(source.join("file"), "on top");
    let mut spec = bed.spec("cat /sys/fs/cgroup/mine/file; ls /sys/fs/cgroup | wc -l");
    for mount in &mut spec.mounts {
        if mount.kind.as_deref() == Some("cgroup") {
            mount.options.retain(|option| option != "ro");
        }
    }
    spec.mounts.push(bind(&source, "/sys/fs/cgroup/mine", &[]));
    let inside = bed.ok(&spec);
    assert!(inside.starts_with("on top"), "{inside}");
    assert!(inside["on top".len()..].trim().parse::<u32>().unwrap() > 1, "{inside}");
}

#[test]
fn parameters_of_its_own_namespaces_are_set_with_either_separator() {
    let bed = Bed::new();
    let mut spec = bed.spec(
        "cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward /proc/sys/fs/mqueue/msg_max",
    );
    linux(&mut spec).sysctl = [
        ("kernel.domainname".to_owned(), "example.test".to_owned()),
        ("net/ipv4/ip_forward".to_owned(), "1".to_owned()),
        ("fs.mqueue.msg_max".to_owned(), "11".to_owned()),
    ]
    .into();
    assert_eq!(bed.ok(&spec), "example.test\n1\n11");
}

#[test]
fn limits_of_a_user_namespace_are_parameters_too() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/sys/user/max_net_namespaces");
    in_user_namespace(&bed, &mut spec);
    linux(&mut spec).sysctl = [("user.max_net_namespaces".to_owned(), "7".to_owned())].into();
    assert_eq!(bed.ok(&spec), "7");
}

#[test]
fn hundreds_of_mounts_are_made() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    let mut spec = bed.spec("grep -c ' /many/' /proc/self/mountinfo");
    let many = |number| -> Mount { bind(&source, &format!("/many/{number}"), &["ro"]) };
    spec.mounts.extend((0..500).map(many));
    assert_eq!(bed.ok(&spec), "500");
}
