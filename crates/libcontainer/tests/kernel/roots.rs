//! Roots that are not pivoted: moved over the host's, or changed in the host's own mount namespace.

use std::fs;

use libcontainer::{Context, Process, create, plan};
use rustix::mount::{UnmountFlags, unmount};
use spec::runtime::{NamespaceKind, Spec};

use crate::support::{
    Bed, Finished, PATIENCE, linux, mount, pipes, process, read_all, strings, wait,
};

fn moved(bed: &Bed, spec: &Spec) -> Finished {
    let context = Context { no_pivot: true, ..bed.context() };
    let (streams, stdout, stderr) = pipes();
    let plan = plan(spec, &context).unwrap();
    let (process, cgroup) = create(&plan, streams.borrow()).unwrap().start().unwrap();
    drop(streams);
    let (stdout, stderr) = (read_all(stdout), read_all(stderr));
    let code = wait(&process);
    cgroup.remove(PATIENCE).unwrap();
    Finished { code, stdout, stderr }
}

#[test]
fn a_root_is_moved_over_the_hosts() {
    let bed = Bed::new();
    let script =
        "ls / | head -1; pwd; ls /../../bin/busybox; touch /here; cat /proc/interrupts | wc -c";
    let finished = moved(&bed, &bed.spec(script));
    assert_eq!(finished.stdout, "bin\n/\n/../../bin/busybox\n0\n", "{finished:#?}");
    assert!(bed.rootfs().join("here").exists());
    bed.assert_nothing_left();
}

/// Below a root that was moved the host's is still there: a whole procfs in it would let a user namespace have its own, bare.
#[test]
fn a_moved_root_reveals_no_bare_proc() {
    let bed = Bed::new();
    let mut spec = bed.spec("unshare -mrpf mount -t proc none /proc");
    let capabilities = process(&mut spec).capabilities.as_mut().unwrap();
    for set in [&mut capabilities.bounding, &mut capabilities.permitted] {
        set.push("CAP_SETFCAP".into());
    }
    let finished = moved(&bed, &spec);
    assert_ne!(finished.code, 0, "{finished:#?}");
    assert!(
        finished.stderr.contains("denied") || finished.stderr.contains("permitted"),
        "{finished:#?}"
    );
}

#[test]
fn a_private_root_is_not_moved() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    linux(&mut spec).rootfs_propagation = Some("rprivate".into());
    let context = Context { no_pivot: true, ..bed.context() };
    let error = plan(&spec, &context).unwrap_err();
    assert!(error.to_string().starts_with("linux.rootfsPropagation"), "{error}");
}

/// Without a mount namespace, and without what would need one.
fn in_the_hosts(bed: &Bed, script: &str) -> Spec {
    let mut spec = bed.spec(script);
    linux(&mut spec).namespaces.retain(|namespace| namespace.kind != NamespaceKind::Mount);
    linux(&mut spec).masked_paths.clear();
    linux(&mut spec).readonly_paths.clear();
    spec
}

#[test]
fn without_a_mount_namespace_its_mounts_are_the_hosts() {
    let bed = Bed::new();
    let spec = in_the_hosts(&bed, "readlink /proc/self/ns/mnt; ls /; echo ready; exec sleep 1000");
    let running = bed.start(&spec).unwrap();
    let said = running.read_until("ready");
    let own = fs::read_link("/proc/self/ns/mnt").unwrap();
    assert!(said.starts_with(own.to_str().unwrap()) && said.contains("\nbin\n"), "{said}");
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(table.contains(bed.rootfs().join("proc").to_str().unwrap()), "{table}");
    // Another process finds the container's root all the same.
    let (streams, stdout, stderr) = pipes();
    let mut further = bed.spec("").process.unwrap();
    further.args = strings(&["/bin/sh", "-c", "ls /; hostname"]);
    let further = libcontainer::plan_process(&further).unwrap();
    let joined =
        libcontainer::join(&running.process, &running.cgroup, &further, streams.borrow()).unwrap();
    drop(streams);
    let text = read_all(stdout);
    assert_eq!(wait(&joined.process), 0, "{}", read_all(stderr));
    assert!(text.starts_with("bin\n") && text.ends_with("\nbox\n"), "{text}");
    running.process.signal(9).unwrap();
    running.finish();
    while unmount(bed.rootfs(), UnmountFlags::DETACH).is_ok() {}
    bed.assert_nothing_left();
}

#[test]
fn a_start_in_the_hosts_mount_namespace_that_fails_leaves_no_mount() {
    let bed = Bed::new();
    let mut spec = in_the_hosts(&bed, "true");
    spec.mounts.push(mount("nonesuchfs", "none", "/mnt", &[]));
    assert!(bed.refused(&spec).1.ends_with("ENODEV"));
    let mut spec = in_the_hosts(&bed, "true");
    process(&mut spec).args = strings(&["/no/such/program"]);
    assert_eq!(bed.refused(&spec).0, 127);
    // What needs mounts of the container's own is refused before.
    let mut spec = in_the_hosts(&bed, "true");
    linux(&mut spec).masked_paths.push("/proc/kcore".into());
    assert!(plan(&spec, &bed.context()).unwrap_err().to_string().starts_with("linux.maskedPaths"));
}

#[test]
fn a_process_whose_root_is_ours_is_no_container() {
    let bed = Bed::new();
    let running = bed.start(&bed.spec("exec sleep 1000")).unwrap();
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let own = Process::find(pid, libcontainer::start_time(pid).unwrap()).unwrap();
    let (streams, _stdout, _stderr) = pipes();
    let further = libcontainer::plan_process(&bed.spec("true").process.unwrap()).unwrap();
    let error = libcontainer::join(&own, &running.cgroup, &further, streams.borrow()).unwrap_err();
    assert!(libcontainer::chain(&error).ends_with("ESRCH"), "{error}");
    running.process.signal(9).unwrap();
    running.finish();
}
