//! A start that fails half-way leaves nothing, and its error names the step, its object and the kernel's answer.

use spec::runtime::{Namespace, NamespaceKind, Rlimit};

use crate::support::{Bed, linux, mount, process};

#[test]
fn the_kth_mount_fails_and_nothing_is_left() {
    let bed = Bed::new();
    for position in 0..=7 {
        let mut spec = bed.spec("true");
        spec.mounts.insert(position, mount("nonesuchfs", "none", "/mnt", &[]));
        assert_eq!(
            bed.refused(&spec),
            (125, "mount nonesuchfs on /mnt: ENODEV".to_owned()),
            "position {position}"
        );
    }
}

#[test]
fn a_missing_source_is_named() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    spec.mounts.push(mount("bind", "/no/such/directory", "/mnt", &["rbind"]));
    let (code, text) = bed.refused(&spec);
    assert_eq!(code, 125);
    assert!(text.contains("/no/such/directory") && text.ends_with("ENOENT"), "{text}");
}

#[test]
fn a_wrong_option_is_named() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/tmp", &["nonesuch=1"]));
    let (_, text) = bed.refused(&spec);
    assert_eq!(text, "mount tmpfs on /tmp (nonesuch=1): EINVAL");
}

#[test]
fn a_wrong_parameter_is_named() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    linux(&mut spec).sysctl = [("net.ipv4.nonesuch".to_owned(), "1".to_owned())].into();
    let (_, text) = bed.refused(&spec);
    assert!(text.contains("net/ipv4/nonesuch") && text.ends_with("ENOENT"), "{text}");
}

#[test]
fn a_path_that_is_no_such_namespace_is_named() {
    let bed = Bed::new();
    for (path, kind) in [
        ("/proc/self/ns/ipc", NamespaceKind::Cgroup),
        ("/proc/self/ns/mnt", NamespaceKind::Network),
        ("/etc/hostname", NamespaceKind::Uts),
    ] {
        let mut spec = bed.spec("true");
        let namespaces = &mut linux(&mut spec).namespaces;
        namespaces.retain(|namespace| namespace.kind != kind);
        namespaces.push(Namespace { kind, path: Some(path.into()) });
        if kind == NamespaceKind::Uts {
            spec.hostname = None;
        }
        assert_eq!(bed.refused(&spec).1, format!("{path} is no {kind} namespace"));
    }
}

#[test]
fn a_missing_root_is_named() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    spec.root.as_mut().unwrap().path = "nowhere".into();
    let (_, text) = bed.refused(&spec);
    assert!(text.contains("nowhere") && text.ends_with("ENOENT"), "{text}");
}

#[test]
fn a_limit_that_the_kernel_refuses_is_named() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    process(&mut spec).rlimits =
        vec![Rlimit { kind: "RLIMIT_NOFILE".into(), soft: 1 << 40, hard: 1 << 40 }];
    let (_, text) = bed.refused(&spec);
    assert!(text.contains("nofile") && text.ends_with("EPERM"), "{text}");
}

#[test]
fn a_created_container_that_is_dropped_leaves_nothing() {
    let bed = Bed::new();
    let (stdio, _stdout, _stderr) = crate::support::pipes();
    let created = libcontainer::create(&bed.plan(&bed.spec("true")), stdio.borrow()).unwrap();
    drop(created);
    bed.assert_nothing_left();
}
