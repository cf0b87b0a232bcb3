//! Files that are given in memory: where they come to be, whose they are, and what an image or a volume cannot make of that.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use libcontainer::{Gift, GivenFile, StartError, Surroundings, chain, create_with, seal_contents};
use spec::runtime::Spec;

use crate::mounts::in_user_namespace;
use crate::support::{Bed, Finished, Running, mount, pipes, put};

fn file(path: &str, content: u32) -> GivenFile {
    GivenFile { path: path.into(), content, uid: 0, gid: 0, mode: 0o444 }
}

fn gift(target: &str, files: &[GivenFile]) -> Gift {
    Gift { target: target.into(), files: files.to_vec() }
}

fn start(bed: &Bed, spec: &Spec, gifts: &[Gift]) -> Result<Running, StartError> {
    let (streams, stdout, stderr) = pipes();
    let mut plan = bed.plan(spec);
    plan.give(gifts.to_vec()).unwrap();
    let contents = seal_contents(&["first\n", "second\n"]).unwrap();
    let surroundings = Surroundings::new(streams.borrow()).with_contents(Some(contents.as_fd()));
    let (process, cgroup) = create_with(&plan, surroundings)?.start()?;
    Ok(Running { process, cgroup, stdout, stderr })
}

fn run(bed: &Bed, spec: &Spec, gifts: &[Gift]) -> Finished {
    start(bed, spec, gifts).unwrap_or_else(|error| panic!("{}", chain(&error))).finish()
}

fn ok(bed: &Bed, spec: &Spec, gifts: &[Gift]) -> String {
    let finished = run(bed, spec, gifts);
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{finished:#?}");
    bed.assert_nothing_left();
    finished.stdout
}

fn refused(bed: &Bed, spec: &Spec, gifts: &[Gift]) -> String {
    match start(bed, spec, gifts) {
        Ok(running) => panic!("it was to be refused, and ran: {:#?}", running.finish()),
        Err(error) => {
            bed.assert_nothing_left();
            chain(&error)
        }
    }
}

#[test]
fn they_are_there_with_owner_and_mode_and_cannot_be_changed() {
    let bed = Bed::new();
    let script = "cd /given; cat a b/c /etc/one; stat -c '%n %u:%g %a' . a b b/c /etc/one; \
        for at in a b/c new /etc/one; do echo x > $at; rm -f /etc/one; done 2>/dev/null; cat a /etc/one; \
        awk '$5 ~ /given|one/ { print $5, $6 }' /proc/self/mountinfo; cat /proc/self/mountinfo | wc -l";
    let owned = GivenFile { uid: 33, gid: 34, mode: 0o4400, ..file("b/c", 1) };
    let one = GivenFile { mode: 0o600, ..file("", 1) };
    let gifts = [gift("/given", &[file("a", 0), owned]), gift("/etc/one", &[one])];
    let plain = bed.sh("cat /proc/self/mountinfo | wc -l");
    let more: u32 = plain.parse().unwrap();
    assert_eq!(
        ok(&bed, &bed.spec(script), &gifts),
        format!(
            "first\nsecond\nsecond\n. 0:0 755\na 0:0 444\nb 0:0 755\nb/c 33:34 4400\n/etc/one 0:0 600\nfirst\nsecond\n\
             /given ro,nosuid,nodev,noexec,relatime\n/etc/one ro,nosuid,nodev,noexec,relatime\n{}\n",
            more + 2
        )
    );
    assert_eq!(fs::read(bed.rootfs().join("etc/one")).unwrap(), b"", "a place to mount on");
    assert_eq!(fs::read_dir(bed.rootfs().join("given")).unwrap().count(), 0);
}

#[test]
fn they_lie_over_what_is_mounted_and_in_a_root_that_is_read_only() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /run/given/a /run/one; echo x > /run/y && cat /run/y");
    spec.mounts.push(mount("tmpfs", "tmpfs", "/run", &["mode=755"]));
    spec.root.as_mut().unwrap().readonly = true;
    let gifts = [gift("/run/given", &[file("a", 0)]), gift("/run/one", &[file("", 1)])];
    assert_eq!(ok(&bed, &spec, &gifts), "first\nsecond\nx\n");
}

#[test]
fn in_a_user_namespace_owners_are_those_inside() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /given/a /one; stat -c '%u:%g %a' /given/a /one");
    in_user_namespace(&bed, &mut spec);
    let owned = GivenFile { uid: 33, gid: 34, mode: 0o444, ..file("a", 0) };
    let gifts = [gift("/given", &[owned]), gift("/one", &[file("", 1)])];
    assert_eq!(ok(&bed, &spec, &gifts), "first\nsecond\n33:34 444\n0:0 444\n");
}

/// CVE-2021-30465 and its like: a target behind links stays inside, whatever they say.
#[test]
fn links_lead_neither_out_nor_into_procfs() {
    let bed = Bed::new();
    let outside = bed.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o777)).unwrap();
    symlink(&outside, bed.rootfs().join("away")).unwrap();
    symlink("../../../../../..", bed.rootfs().join("up")).unwrap();
    symlink("/proc/sys/kernel", bed.rootfs().join("kernel")).unwrap();
    symlink("/", bed.rootfs().join("top")).unwrap();
    let spec = bed.spec("cat /away/given/a /away/one /up/in/a");
    let gifts = [
        gift("/away/given", &[file("a", 0)]),
        gift("/away/one", &[file("", 1)]),
        gift("/up/in", &[file("a", 0)]),
    ];
    assert_eq!(ok(&bed, &spec, &gifts), "first\nsecond\nfirst\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "nothing was made on the host");
    assert!(bed.rootfs().join("in").is_dir());
    for target in ["/kernel", "/top", "/kernel/hostname"] {
        let files = [file(if target.ends_with("hostname") { "" } else { "a" }, 0)];
        let told = refused(&bed, &bed.spec("true"), &[gift(target, &files)]);
        assert!(told.contains(target) && told.contains("EXDEV"), "{told}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let bed = Bed::new();
    let mut plan = bed.plan(&bed.spec("true"));
    for target in ["/", "/proc", "/proc/sys/x", "relative", "/a/../b"] {
        assert!(plan.give([gift(target, &[file("a", 0)])]).is_err(), "{target}");
    }
    assert!(plan.give([gift("/a", &[file("../b", 0)])]).is_err());
    put(bed.rootfs().join("plain"), "");
    let told = refused(&bed, &bed.spec("true"), &[gift("/plain", &[file("a", 0)])]);
    assert!(told.ends_with("mount the given a on /plain, in memory: ENOTDIR"), "{told}");
    let told = refused(&bed, &bed.spec("true"), &[gift("/etc", &[file("", 0)])]);
    assert!(told.ends_with("mount a given file on /etc, in memory: EISDIR"), "{told}");
    // No content of that number, and no contents at all.
    let told = refused(&bed, &bed.spec("true"), &[gift("/given", &[file("a", 9)])]);
    assert!(told.contains("mount the given a on /given"), "{told}");
    let mut plan = bed.plan(&bed.spec("true"));
    plan.give([gift("/given", &[file("a", 0)])]).unwrap();
    let (streams, ..) = pipes();
    let error = create_with(&plan, Surroundings::new(streams.borrow())).unwrap_err();
    assert!(chain(&error).ends_with("EBADF"), "{}", chain(&error));
    bed.assert_nothing_left();
    assert!(!Path::new("/given").exists());
}
