//! Id-mapped mounts, and what a container in a user namespace binds with the help of its maker.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;
use spec::runtime::{IdMapping, Mount, Namespace, NamespaceKind, Rlimit, Spec, TimeOffset};

use crate::mounts::{HostMount, in_user_namespace};
use crate::support::{Bed, bind, linux, mount, process, put};

const fn map(container_id: u32, host_id: u32, size: u32) -> IdMapping {
    IdMapping { container_id, host_id, size }
}

fn mapped(source: &Path, at: &str, options: &[&str], uids: IdMapping, gids: IdMapping) -> Mount {
    Mount { uid_mappings: vec![uids], gid_mappings: vec![gids], ..bind(source, at, options) }
}

/// A source with a mount below it, in each a file of user 100, group 200.
fn tree(bed: &Bed) -> (PathBuf, [HostMount; 2]) {
    let outer = bed.path("source");
    let below = HostMount::tmpfs(&outer, MountFlags::empty());
    // The one on top goes first.
    let mounted = [HostMount::tmpfs(&outer.join("inner"), MountFlags::empty()), below];
    for file in ["file", "inner/file"] {
        put(outer.join(file), file);
        chown(outer.join(file), Some(100), Some(200)).unwrap();
    }
    (outer, mounted)
}

const LOOK: &str = "stat -c %u:%g /m/file /m/inner/file";

#[test]
fn ids_are_mapped_for_the_mount_or_for_its_whole_tree() {
    let bed = Bed::new();
    let (source, _mounted) = tree(&bed);
    let (uids, gids) = (map(100, 1100, 10), map(200, 1200, 10));
    for (options, below) in
        [(&[][..], "100:200"), (&["idmap"], "100:200"), (&["ridmap"], "1100:1200")]
    {
        let mut spec = bed.spec(LOOK);
        spec.mounts.push(mapped(&source, "/m", options, uids, gids));
        // The same maps a second time, and others.
        spec.mounts.push(mapped(&source, "/again", options, uids, gids));
        spec.mounts.push(mapped(&source, "/other", options, map(100, 7, 1), map(200, 8, 1)));
        assert_eq!(bed.ok(&spec), format!("1100:1200\n{below}"), "{options:?}");
    }
    let mut spec = bed.spec("touch /m/mine");
    spec.mounts.push(mapped(&source, "/m", &["idmap"], uids, gids));
    let finished = bed.run(&spec);
    assert!(finished.stderr.contains("too large"), "root has no name there: {finished:#?}");
}

#[test]
fn in_a_user_namespace_its_own_maps_are_the_default() {
    let bed = Bed::new();
    let (source, _mounted) = tree(&bed);
    for (options, below) in [(&["idmap"], "65534:65534"), (&["ridmap"], "100:200")] {
        let mut spec = bed.spec(&format!("{LOOK}; touch /m/mine; stat -c %u /m/mine"));
        in_user_namespace(&bed, &mut spec);
        spec.mounts.push(bind(&source, "/m", options));
        assert_eq!(bed.ok(&spec), format!("100:200\n{below}\n0"), "{options:?}");
        assert_eq!(
            std::os::unix::fs::MetadataExt::uid(&fs::metadata(source.join("mine")).unwrap()),
            0
        );
        fs::remove_file(source.join("mine")).unwrap();
    }
    let mut spec = bed.spec(LOOK);
    in_user_namespace(&bed, &mut spec);
    let (uids, gids) = (map(100, 101_000, 10), map(200, 102_000, 10));
    spec.mounts.push(mapped(&source, "/m", &["ridmap", "shared", "ro"], uids, gids));
    assert_eq!(bed.ok(&spec), "1000:2000\n1000:2000");
}

#[test]
fn sources_out_of_reach_are_lent_and_so_are_mounts_of_the_container() {
    let bed = Bed::new();
    let (source, _mounted) = tree(&bed);
    fs::set_permissions(&source, fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["one", "two"] {
        fs::create_dir(source.join(name)).unwrap();
        put(source.join(name).join("file"), name);
    }
    symlink("one", source.join("link")).unwrap();
    let mut spec = bed.spec("cat /a/file /b/file /copy/file /mapped/inner/file");
    in_user_namespace(&bed, &mut spec);
    fs::create_dir(bed.rootfs().join("a")).unwrap();
    spec.mounts.push(bind(&source.join("link"), "/a", &[]));
    spec.mounts.push(bind(&source.join("two"), "/b", &["rprivate"]));
    spec.mounts.push(bind(&source.join("two"), "/a/inner", &[]));
    spec.mounts.push(bind(&bed.rootfs().join("a"), "/copy", &[]));
    spec.mounts.push(bind(&bed.rootfs().join("a"), "/mapped", &["idmap"]));
    fs::create_dir(source.join("one/inner")).unwrap();
    assert_eq!(bed.ok(&spec), "onetwoonetwo");
    bed.assert_groups_gone();
}

#[test]
fn no_descriptor_of_a_mapped_mount_is_left() {
    let bed = Bed::new();
    let (source, _mounted) = tree(&bed);
    for user in [false, true] {
        let mut spec = bed.spec("ls /proc/self/fd | wc -l");
        let many = |number: u32| {
            mapped(
                &source,
                &format!("/many/{number}"),
                &["ridmap"],
                map(0, 100_000 + number, 1000),
                map(0, 100_000, 1000),
            )
        };
        spec.mounts.extend((0..20).map(many));
        process(&mut spec).rlimits =
            vec![Rlimit { kind: "RLIMIT_NOFILE".into(), soft: 20, hard: 20 }];
        if user {
            in_user_namespace(&bed, &mut spec);
        }
        assert_eq!(bed.ok(&spec), "4");
    }
}

#[test]
fn a_file_system_that_cannot_map_is_told_with_the_mount() {
    let bed = Bed::new();
    for user in [false, true] {
        let mut spec = bed.spec("true");
        spec.mounts.push(mapped(
            Path::new("/proc/sys"),
            "/m",
            &["idmap"],
            map(0, 1, 1),
            map(0, 1, 1),
        ));
        if user {
            in_user_namespace(&bed, &mut spec);
        }
        let (_, text) = bed.refused(&spec);
        let expected = "bind tree /proc/sys on /m, ids mapped: its file system may not know id-mapped mounts on this kernel: EINVAL";
        assert_eq!(text, expected);
    }
}

#[test]
fn wrong_maps_are_refused_by_their_field() {
    let bed = Bed::new();
    let (one, none) = (vec![map(0, 1, 1)], Vec::new());
    for (uids, gids, kind, options) in [
        (&one, &none, "bind", &["bind"][..]),
        (&none, &one, "bind", &["bind", "idmap"]),
        (&none, &none, "bind", &["bind", "ridmap"]),
        (&one, &one, "tmpfs", &[]),
    ] {
        let mut spec = bed.spec("true");
        let mut wrong = mount(kind, "/tmp", "/m", options);
        wrong.uid_mappings.clone_from(uids);
        wrong.gid_mappings.clone_from(gids);
        spec.mounts.push(wrong);
        let error = libcontainer::plan(&spec, &bed.context()).unwrap_err();
        assert!(error.to_string().starts_with("mounts[7].uidMappings"), "{error}");
    }
}

fn join(spec: &mut Spec, kind: NamespaceKind, path: impl Into<PathBuf>) {
    linux(spec).namespaces.retain(|namespace| namespace.kind != kind);
    linux(spec).namespaces.push(Namespace { kind, path: Some(path.into()) });
}

#[test]
fn a_user_namespace_is_joined_with_others_that_are_not_its_own() {
    let (bed, holder) = (Bed::new(), Bed::new());
    let (source, _mounted) = tree(&bed);
    let mut held = holder.spec("echo ready; exec sleep 1000");
    in_user_namespace(&holder, &mut held);
    let running = holder.start(&held).unwrap();
    running.read_until("ready");
    let pid = running.process.pid();
    let mut spec =
        bed.spec(&format!("{LOOK}; readlink /proc/self/ns/net; tr -s ' ' < /proc/self/uid_map"));
    bed.open_to(100_000);
    join(&mut spec, NamespaceKind::User, format!("/proc/{pid}/ns/user"));
    // Ours, which belongs to nobody inside: no sysfs can be mounted for it.
    join(&mut spec, NamespaceKind::Network, "/proc/self/ns/net");
    spec.mounts.retain(|mount| !mount.destination.starts_with("/sys"));
    linux(&mut spec).masked_paths.clear();
    linux(&mut spec).readonly_paths.clear();
    spec.mounts.push(bind(&source, "/m", &["ridmap"]));
    let net = fs::read_link("/proc/self/ns/net").unwrap();
    let expected = format!("100:200\n100:200\n{}\n 0 100000 65536", net.display());
    assert_eq!(bed.ok(&spec), expected);
    // What cannot be mounted says why.
    spec.mounts.push(mount("sysfs", "sysfs", "/sys", &[]));
    let text = libcontainer::chain(&bed.start(&spec).map(|_| ()).unwrap_err());
    assert!(
        text.contains("network namespace that belongs to") && text.ends_with("EPERM"),
        "{text}"
    );
    running.process.signal(9).unwrap();
    running.finish();
    holder.assert_groups_gone();
}

#[test]
fn clocks_and_the_score_of_a_user_namespace_are_set() {
    let bed = Bed::new();
    let mut spec = bed.spec("tr -s ' ' < /proc/self/timens_offsets; cat /proc/self/oom_score_adj");
    in_user_namespace(&bed, &mut spec);
    linux(&mut spec).namespaces.push(Namespace { kind: NamespaceKind::Time, path: None });
    linux(&mut spec).time_offsets =
        [("monotonic".to_owned(), TimeOffset { secs: 7881, nanosecs: 2_718_281 })].into();
    process(&mut spec).oom_score_adj = Some(500);
    let inside = bed.ok(&spec);
    assert_eq!(
        inside.split_whitespace().collect::<Vec<_>>(),
        ["monotonic", "7881", "2718281", "boottime", "0", "0", "500"]
    );
}
