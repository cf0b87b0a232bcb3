//! The root file system on the real kernel: every mount, device, link and protection is really there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use libcontainer::RootSource;
use spec::runtime::Device;

use crate::support::{Bed, bind, linux, mount, process, put, strings};

/// Mount point, options of the mount, type, options of the file system.
fn table(text: &str) -> Vec<(String, String, String, String)> {
    let row = |line: &str| {
        let (left, right) = line.split_once(" - ").unwrap();
        let (left, right): (Vec<&str>, Vec<&str>) =
            (left.split(' ').collect(), right.split(' ').collect());
        (left[4].to_owned(), left[5].to_owned(), right[0].to_owned(), right[2].to_owned())
    };
    text.lines().map(row).collect()
}

fn find<'a>(
    table: &'a [(String, String, String, String)],
    at: &str,
) -> &'a (String, String, String, String) {
    table
        .iter()
        .rev()
        .find(|row| row.0 == at)
        .unwrap_or_else(|| panic!("{at} is not mounted: {table:#?}"))
}

#[test]
fn mounts_are_as_planned_and_nothing_of_the_host_is_left() {
    let bed = Bed::new();
    let table = table(&bed.sh("cat /proc/self/mountinfo"));
    for (at, options, kind) in [
        ("/proc", "rw,nosuid,nodev,noexec,relatime", "proc"),
        ("/dev", "rw,nosuid", "tmpfs"),
        ("/dev/pts", "rw,nosuid,noexec,relatime", "devpts"),
        ("/sys", "ro,nosuid,nodev,noexec,relatime", "sysfs"),
        ("/dev/mqueue", "rw,nosuid,nodev,noexec,relatime", "mqueue"),
        ("/dev/shm", "rw,nosuid,nodev,noexec,relatime", "tmpfs"),
        ("/proc/sys", "ro,nosuid,nodev,noexec,relatime", "proc"),
        ("/proc/bus", "ro,nosuid,nodev,noexec,relatime", "proc"),
    ] {
        let row = find(&table, at);
        assert_eq!((row.1.as_str(), row.2.as_str()), (options, kind), "{at}");
    }
    assert!(find(&table, "/dev/shm").3.contains("size=65536k"), "{table:#?}");
    let outside: Vec<_> = table
        .iter()
        .filter(|row| {
            row.0 != "/"
                && !["/proc", "/dev", "/sys"]
                    .iter()
                    .any(|top| row.0 == *top || row.0.starts_with(&format!("{top}/")))
        })
        .collect();
    assert!(outside.is_empty(), "{outside:#?}");
    assert_eq!(table.iter().filter(|row| row.0 == "/").count(), 1, "{table:#?}");
    bed.assert_nothing_left();
}

#[test]
fn devices_and_links() {
    let bed = Bed::new();
    let nodes = bed.sh("cd /dev; stat -c '%n %t:%T %a %u:%g %F' null zero full random urandom tty");
    assert_eq!(
        nodes,
        "null 1:3 666 0:0 character special file\nzero 1:5 666 0:0 character special file\nfull 1:7 666 0:0 character special file\n\
         random 1:8 666 0:0 character special file\nurandom 1:9 666 0:0 character special file\ntty 5:0 666 0:0 character special file"
    );
    let links = bed.sh("cd /dev; for l in fd stdin stdout stderr core ptmx; do readlink $l; done");
    assert_eq!(
        links,
        "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\n/proc/kcore\npts/ptmx"
    );
    assert_eq!(bed.sh("echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 8 /dev/urandom | wc -c; echo out > /dev/stdout"), "3\n8\nout");
}

#[test]
fn extra_devices_are_made() {
    let bed = Bed::new();
    let mut spec = bed.spec("stat -c '%t:%T %a %u:%g %F' /dev/net/tun /dev/disk");
    let device = |kind: &str, path: &str, major, minor| Device {
        kind: kind.into(),
        path: path.into(),
        major,
        minor,
        file_mode: Some(0o640),
        uid: Some(7),
        gid: Some(8),
    };
    linux(&mut spec).devices =
        vec![device("c", "/dev/net/tun", 10, 200), device("b", "/dev/disk", 7, 0)];
    assert_eq!(
        bed.ok(&spec),
        "a:c8 640 7:8 character special file\n7:0 640 7:8 block special file"
    );
}

#[test]
fn masked_paths_read_as_empty() {
    let bed = Bed::new();
    let inside = bed.sh("cat /proc/kcore 2>/dev/null | head -c 10 | wc -c; cat /proc/keys /proc/timer_list /proc/interrupts 2>/dev/null | wc -c; ls /sys/firmware /proc/scsi 2>/dev/null | grep -v : | wc -w");
    assert_eq!(inside, "0\n0\n0");
    // The masks are there because of the configuration: without it the files speak.
    let mut spec = bed.spec("cat /proc/interrupts | wc -c");
    linux(&mut spec).masked_paths.clear();
    assert_ne!(bed.ok(&spec), "0");
}

#[test]
fn read_only_paths_refuse_writes() {
    let bed = Bed::new();
    let finished = bed.run(&bed.spec("echo 1 > /proc/sys/net/ipv4/ip_forward; touch /sys/x"));
    assert_eq!(finished.stderr.matches("Read-only file system").count(), 2, "{finished:#?}");
}

#[test]
fn a_read_only_root_leaves_dev_and_tmpfs_writable() {
    let bed = Bed::new();
    let mut spec = bed.spec("touch /x 2>&1; touch /tmp/x /dev/x /dev/shm/x && echo ok");
    spec.root.as_mut().unwrap().readonly = true;
    spec.mounts.push(mount("tmpfs", "tmpfs", "/tmp", &["size=1m"]));
    assert_eq!(bed.ok(&spec), "touch: /x: Read-only file system\nok");
    assert!(!bed.rootfs().join("x").exists());
}

#[test]
fn tmpfs_copies_up_what_was_there() {
    let bed = Bed::new();
    let data = bed.rootfs().join("data");
    fs::create_dir_all(data.join("sub")).unwrap();
    put(data.join("sub/file"), "content");
    fs::set_permissions(data.join("sub/file"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(data.join("sub/file"), Some(12), Some(34)).unwrap();
    symlink("sub/file", data.join("link")).unwrap();
    let mut spec = bed.spec("cd /data; cat link; stat -c '%a %u:%g' sub/file; echo changed > sub/file; cat sub/file; stat -f -c %T .");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/data", &["tmpcopyup", "size=1m"]));
    assert_eq!(bed.ok(&spec), "content640 12:34\nchanged\ntmpfs");
    assert_eq!(fs::read_to_string(data.join("sub/file")).unwrap(), "content");
    let mut spec = bed.spec("ls /data");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/data", &["size=1m"]));
    assert_eq!(bed.ok(&spec), "");
}

#[test]
fn directories_and_files_are_bound_and_targets_are_made() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    put(source.join("file"), "bound");
    let mut spec =
        bed.spec("cat /new/place/file /etc/one; echo more > /new/place/file; echo no > /etc/one");
    spec.mounts.push(bind(&source, "/new/place", &["rprivate"]));
    spec.mounts.push(bind(&source.join("file"), "/etc/one", &["ro", "rprivate"]));
    let finished = bed.run(&spec);
    assert_eq!(finished.stdout, "boundbound");
    assert!(finished.stderr.contains("Read-only"), "{finished:#?}");
    assert_eq!(fs::read_to_string(source.join("file")).unwrap(), "more\n");
}

#[test]
fn options_of_a_bind_are_its_own() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    let mut spec = bed.spec("grep ' /m ' /proc/self/mountinfo");
    spec.mounts.push(bind(&source, "/m", &["nosuid", "nodev", "noexec", "ro"]));
    let row = bed.ok(&spec);
    assert!(row.contains(" ro,nosuid,nodev,noexec,relatime "), "{row}");
}

#[test]
fn read_only_reaches_below_only_when_asked() {
    let bed = Bed::new();
    let (outer, inner) = (bed.path("outer"), bed.path("outer/inner"));
    fs::create_dir_all(&inner).unwrap();
    rustix::mount::mount("tmpfs", &inner, "tmpfs", rustix::mount::MountFlags::empty(), None)
        .unwrap();
    let script =
        "touch /m/x 2>/dev/null || echo outer-ro; touch /m/inner/x 2>/dev/null || echo inner-ro";
    let mut spec = bed.spec(script);
    spec.mounts.push(bind(&outer, "/m", &["ro"]));
    let plain = bed.ok(&spec);
    let mut spec = bed.spec(script);
    spec.mounts.push(bind(&outer, "/m", &["rro"]));
    let recursive = bed.ok(&spec);
    let mut spec = bed.spec("ls -a /m/inner | wc -l; touch /m/inner/y");
    spec.mounts.push(mount("bind", outer.to_str().unwrap(), "/m", &["bind"]));
    let without = bed.ok(&spec);
    rustix::mount::unmount(&inner, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert_eq!(plain, "outer-ro");
    assert_eq!(recursive, "outer-ro\ninner-ro");
    assert_eq!(without, "2", "a bind without its sub-mounts shows the empty directory");
    bed.assert_nothing_left();
}

#[test]
fn propagation_is_as_asked() {
    let bed = Bed::new();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    // A mount of its own that is shared, so that there is something to propagate.
    rustix::mount::mount_bind(&source, &source).unwrap();
    rustix::mount::mount_change(&source, rustix::mount::MountPropagationFlags::SHARED).unwrap();
    let mut spec = bed.spec("grep -E ' /(p|s|r) ' /proc/self/mountinfo");
    spec.mounts.push(bind(&source, "/p", &["rprivate"]));
    spec.mounts.push(bind(&source, "/s", &["rslave"]));
    spec.mounts.push(bind(&source, "/r", &["rshared"]));
    let rows = bed.ok(&spec);
    rustix::mount::unmount(&source, rustix::mount::UnmountFlags::DETACH).unwrap();
    let row = |at: &str| rows.lines().find(|line| line.contains(at)).unwrap().to_owned();
    assert!(!row(" /p ").contains("shared:") && !row(" /p ").contains("master:"), "{rows}");
    assert!(row(" /s ").contains("master:") && !row(" /s ").contains("shared:"), "{rows}");
    assert!(row(" /r ").contains("shared:"), "{rows}");
    // Since Linux 6.8 they are listed by age.
    let order: Vec<_> = rows.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    assert_eq!(order, ["/p", "/s", "/r"], "{rows}");
    bed.assert_nothing_left();
}

fn layers(bed: &Bed, count: usize) -> RootSource {
    let mut lower = vec![bed.rootfs()];
    for number in 1..count {
        let layer = bed.path(&format!("layer-{number:03}-{}", "x".repeat(60)));
        fs::create_dir(&layer).unwrap();
        put(layer.join(format!("from-{number}")), "");
        put(layer.join("top"), number.to_string());
        lower.insert(0, layer);
    }
    for name in ["upper", "work", "merged"] {
        fs::create_dir(bed.path(name)).unwrap();
    }
    RootSource::Overlay {
        lower,
        upper: bed.path("upper"),
        work: bed.path("work"),
        at: bed.path("merged"),
        volatile: false,
        shared: None,
        shifted: false,
    }
}

#[test]
fn an_overlay_of_one_layer() {
    let mut bed = Bed::new();
    bed.root = layers(&bed, 1);
    assert_eq!(
        bed.sh("echo new > /file; rm /etc/group; cat /file; grep -c overlay /proc/self/mountinfo"),
        "new\n1"
    );
    assert_eq!(fs::read_to_string(bed.path("upper/file")).unwrap(), "new\n");
    assert!(bed.rootfs().join("etc/group").exists());
    assert_eq!(fs::metadata(bed.path("upper/etc/group")).unwrap().rdev(), 0);
    bed.assert_nothing_left();
}

#[test]
fn an_overlay_of_sixty_layers() {
    // Their paths together are longer than the page that mount(2) takes.
    let mut bed = Bed::new();
    bed.root = layers(&bed, 60);
    assert_eq!(bed.sh("ls / | grep -c from-; cat /top"), "59\n59");
    bed.assert_nothing_left();
}

#[test]
fn an_overlay_whose_paths_hold_commas_and_colons() {
    let mut bed = Bed::new();
    let odd = bed.path("a:b,c\\d e");
    fs::create_dir(&odd).unwrap();
    put(odd.join("odd"), "odd");
    for name in ["up:p,er", "wo:r,k", "merged"] {
        fs::create_dir(bed.path(name)).unwrap();
    }
    bed.root = RootSource::Overlay {
        lower: vec![odd, bed.rootfs()],
        upper: bed.path("up:p,er"),
        work: bed.path("wo:r,k"),
        at: bed.path("merged"),
        volatile: false,
        shared: None,
        shifted: false,
    };
    assert_eq!(bed.sh("cat /odd; touch /made"), "odd");
    assert!(bed.path("up:p,er/made").exists());
}

#[test]
fn a_read_only_overlay_root() {
    let mut bed = Bed::new();
    bed.root = layers(&bed, 2);
    let mut spec = bed.spec("touch /x 2>&1; touch /dev/shm/x");
    spec.root.as_mut().unwrap().readonly = true;
    assert_eq!(bed.ok(&spec), "touch: /x: Read-only file system");
}

#[test]
fn sysctls_are_set_inside_only() {
    let bed = Bed::new();
    let before = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    let mut spec = bed.spec("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni");
    linux(&mut spec).sysctl = [
        ("net.ipv4.ip_forward".to_owned(), "1".to_owned()),
        ("kernel.shmmni".to_owned(), "777".to_owned()),
    ]
    .into();
    assert_eq!(bed.ok(&spec), "1\n777");
    assert_eq!(fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap(), before);
}

#[test]
fn cgroups_are_visible_read_only_and_only_the_containers_own() {
    let bed = Bed::new();
    let script = "cd /sys/fs/cgroup; ls | grep -c .; find . -name cgroup.procs -maxdepth 2 | head -1; mkdir memory/x pids/x x 2>/dev/null; \
                  find . -maxdepth 2 -type d -name x | wc -l; cat pids/cgroup.procs 2>/dev/null || cat cgroup.procs";
    let inside = bed.sh(script);
    let lines: Vec<&str> = inside.lines().collect();
    assert_ne!(lines[0], "0", "{inside}");
    assert_eq!(lines[2], "0", "a group could be made: {inside}");
    assert_eq!(lines[3], "1", "{inside}");
}

#[test]
fn comma_named_hierarchies_are_linked() {
    let joined = fs::read_to_string("/proc/self/cgroup")
        .unwrap()
        .lines()
        .any(|line| line.split(':').nth(1).is_some_and(|names| names.contains(',')));
    if joined {
        let bed = Bed::new();
        assert_eq!(bed.sh("test -e /sys/fs/cgroup/cpuacct/cgroup.procs && echo yes"), "yes");
    }
}

#[test]
fn a_symlinked_working_directory_and_targets_stay_inside() {
    let bed = Bed::new();
    symlink("/home", bed.rootfs().join("house")).unwrap();
    let source = bed.path("source");
    fs::create_dir(&source).unwrap();
    put(source.join("file"), "seen");
    let mut spec = bed.spec("cat /home/here/file; pwd -P");
    process(&mut spec).cwd = "/house".into();
    spec.mounts.push(bind(&source, "/house/here", &[]));
    assert_eq!(bed.ok(&spec), "seen/home");
    process(&mut spec).args = strings(&["/bin/true"]);
    bed.ok(&spec);
}

#[test]
fn a_shared_mount_of_the_host_gets_nothing_from_inside() {
    let bed = Bed::new();
    bed.sh("mkdir /m; mount -t tmpfs x /m 2>/dev/null; true");
    bed.assert_nothing_left();
}
