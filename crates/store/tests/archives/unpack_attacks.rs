//! Hostile archives against the unpacker: nothing outside the directory changes, and each limit is named.
//!
//! Every test has a sentinel beside the directory, which the archive tries to reach.

use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use store::unpack::{Limits, Rules, UnpackError, Unpacked, remove_tree, unpack};
use tempfile::TempDir;

use crate::forge::Forge;
use crate::tree::{Tree, describe, differences, xattrs};

/// A directory to unpack into and one beside it that must stay as it is.
struct Ground {
    _top: TempDir,
    inside: PathBuf,
    outside: PathBuf,
    before: Tree,
}

impl Ground {
    fn new() -> Self {
        let top = TempDir::new().unwrap();
        let (inside, outside) = (top.path().join("inside"), top.path().join("outside"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        File::create(outside.join("secret")).unwrap().write_all(b"secret").unwrap();
        std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o700)).unwrap();
        let before = describe(&outside);
        Self { _top: top, inside, outside, before }
    }

    /// Unpacks, and looks whether the sentinel is as before.
    fn unpack_with(&self, archive: impl Read, rules: &Rules) -> Result<Unpacked, UnpackError> {
        let directory = File::open(&self.inside).unwrap();
        let outcome = unpack(archive, directory.as_fd(), rules);
        let found = differences(&self.before, &describe(&self.outside));
        assert!(found.is_empty(), "something outside was changed: {}", found.join("\n"));
        outcome
    }

    fn unpack(&self, archive: &[u8]) -> Result<Unpacked, UnpackError> {
        self.unpack_with(archive, &Rules::layer())
    }

    fn refuses(&self, archive: &[u8], words: &str) {
        let message = chain(&self.unpack(archive).unwrap_err());
        assert!(message.contains(words), "{message}");
    }

    fn outside(&self) -> &str {
        self.outside.to_str().unwrap()
    }

    fn tree(&self) -> Tree {
        describe(&self.inside)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

#[test]
fn cve_2014_9356_a_symlink_as_parent_stays_inside() {
    for target in ["", "../outside", "../../../../../../../../../../"] {
        let ground = Ground::new();
        let target =
            if target.is_empty() { ground.outside().to_owned() } else { target.to_owned() };
        let archive =
            Forge::default().link(b'2', "link", &target, 0).file("link/owned", b"x").end();
        // Inside the root the target is missing, or it is the root itself.
        let _ = ground.unpack(&archive);
        let made = Forge::default()
            .header(b'5', "outside", 0)
            .link(b'2', "link", "../outside", 0)
            .file("link/owned", b"x")
            .end();
        ground.unpack(&made).unwrap();
        assert!(ground.tree().contains_key("./outside/owned"));
    }
}

#[test]
fn a_process_root_link_is_no_way_out() {
    let ground = Ground::new();
    // A magic link leads out of any root: proc_pid_root(5). There is no procfs inside a layer, but one may be mounted.
    let archive =
        Forge::default().link(b'2', "link", "/proc/self/root", 0).file("link/owned", b"x").end();
    ground.refuses(&archive, "dangling symbolic link");
}

#[test]
fn cve_2014_6407_hard_links_lead_nowhere_outside() {
    let ground = Ground::new();
    let secret = format!("{}/secret", ground.outside());
    ground.refuses(
        &Forge::default().link(b'1', "a", &secret, 0).end(),
        "target of a hard link is not in this archive",
    );
    ground.refuses(
        &Forge::default().link(b'1', "a", "../outside/secret", 0).end(),
        "\"..\" in a path",
    );
    let through = Forge::default()
        .link(b'2', "way", ground.outside(), 0)
        .link(b'1', "a", "way/secret", 0)
        .end();
    ground.refuses(&through, "target of a hard link is not in this archive");
    // A hard link to a symbolic link, then a file of that name: written through the link it would be outside.
    let archive = Forge::default()
        .link(b'2', "s", &secret, 0)
        .link(b'1', "h", "s", 0)
        .file("h", b"changed")
        .file("s", b"changed")
        .end();
    ground.unpack(&archive).unwrap();
    assert!(ground.tree()["./h"].contains("7 bytes"));
    ground.refuses(&Forge::default().link(b'1', "h", "./h", 0).end(), "hard link to itself");
}

#[test]
fn cve_2014_9357_names_stay_below_the_root() {
    let ground = Ground::new();
    for name in ["../outside/owned", "a/../../outside/owned", "/../outside/owned", "..", "a/.."] {
        ground.refuses(&Forge::default().file(name, b"x").end(), "\"..\" in a path");
    }
    ground.unpack(&Forge::default().file("/absolute", b"x").file("//./twice", b"x").end()).unwrap();
    assert!(ground.tree().contains_key("./absolute") && ground.tree().contains_key("./twice"));
    ground.refuses(
        &Forge::default().file("./", b"").link(b'2', "./", "x", 0).end(),
        "the root must be a directory",
    );
}

/// RUSTSEC-2026-0067, RUSTSEC-2026-0113: an entry for a directory where a symbolic link is.
#[test]
fn metadata_follows_no_link() {
    let ground = Ground::new();
    let secret = format!("{}/secret", ground.outside());
    let archive = Forge::default()
        .link(b'2', "d", ground.outside(), 0)
        .header(b'5', "d", 0)
        .link(b'2', "f", &secret, 0)
        .file("f", b"x")
        .link(b'2', "p", &secret, 0)
        .header(b'6', "p", 0)
        .end();
    ground.unpack(&archive).unwrap();
    assert!(ground.tree()["./d"].starts_with("40755"));
}

/// Times of directories are set at the end, when the directory may have become a link.
#[test]
fn late_times_follow_no_link() {
    let ground = Ground::new();
    let inner =
        Forge::default().header(b'5', "other", 0).header(b'5', "d", 0).link(b'2', "d", "other", 0);
    let archive = inner.header(b'5', "e", 0).link(b'2', "e", ground.outside(), 0).end();
    ground.unpack(&archive).unwrap();
    assert!(ground.tree()["./d"].contains("-> other"));
}

#[test]
fn replaced_parents_are_not_remembered() {
    let ground = Ground::new();
    // Files go into "d" while it is a directory, then it becomes a link to another.
    let archive = Forge::default()
        .header(b'5', "other", 0)
        .file("d/a", b"x")
        .link(b'2', "d", "other", 0)
        .file("d/b", b"x")
        .file("other", b"now a file")
        .end();
    ground.unpack(&archive).unwrap();
    let archive = Forge::default().file("other/c", b"x").end();
    ground.refuses(&archive, "leads through something that is no directory");
    let again = Forge::default()
        .header(b'5', "other", 0)
        .link(b'2', "d", "other", 0)
        .file("d/b", b"x")
        .end();
    ground.unpack(&again).unwrap();
    assert!(ground.tree().contains_key("./other/b"));
}

#[test]
fn overlayfs_is_not_told_anything_by_an_archive() {
    let ground = Ground::new();
    for name in ["trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.metacopy"] {
        let archive = Forge::default()
            .pax(b'x', &[(&format!("SCHILY.xattr.{name}"), "/etc")])
            .header(b'5', "d", 0)
            .end();
        ground.refuses(&archive, "extended attribute of overlayfs");
    }
    ground
        .refuses(&Forge::default().header(b'3', "d/whiteout", 0).end(), "device 0/0 is a whiteout");
    let device = |block: &mut [u8; 512]| block[329..336].copy_from_slice(b"0000001");
    let archive = Forge::default().block(b'3', "mem", 0, device).end();
    let rules = Rules { devices: false, ..Rules::layer() };
    let message = ground.unpack_with(&archive[..], &rules).unwrap_err().to_string();
    assert!(message.contains("device nodes are not allowed here"), "{message}");
    assert!(!ground.tree().contains_key("./mem"));
}

#[test]
fn whiteouts_hide_a_sibling_and_nothing_else() {
    let ground = Ground::new();
    for name in [".wh...", ".wh..", ".wh.", "a/.wh..."] {
        ground.refuses(&Forge::default().file(name, b"").end(), "whiteout without a name");
    }
    let archive =
        Forge::default().link(b'2', "way", ground.outside(), 0).file("way/.wh.secret", b"").end();
    let _ = ground.unpack(&archive);
    let archive =
        Forge::default().link(b'2', "way", ground.outside(), 0).file("way/.wh..wh..opq", b"").end();
    let _ = ground.unpack(&archive);
    let archive = Forge::default()
        .file("usr/.wh.gone", b"")
        .file("usr/.wh..wh..opq", b"")
        // Away and anew: the new directory hides the old one's contents, in both orders.
        .file(".wh.anew", b"")
        .header(b'5', "anew", 0)
        .header(b'5', "anew-too", 0)
        .file(".wh.anew-too", b"")
        .file("file", b"x")
        .file(".wh.file", b"")
        .file(".wh..wh.aufs", b"")
        .end();
    ground.unpack(&archive).unwrap();
    let tree = ground.tree();
    assert!(
        tree["./usr/gone"].starts_with("20000") && tree["./usr/gone"].contains("device 0"),
        "{}",
        tree["./usr/gone"]
    );
    assert!(!tree.keys().any(|path| path.contains(".wh.")));
    for opaque in ["usr", "anew", "anew-too"] {
        assert_eq!(
            xattrs(&ground.inside.join(opaque)).get("trusted.overlay.opaque").map(Vec::as_slice),
            Some(&b"y"[..]),
            "{opaque}"
        );
    }
    assert!(tree["./file"].contains("1 bytes"));
    // In a whole root file system they are names.
    let ground = Ground::new();
    ground
        .unpack_with(&Forge::default().file("a/.wh.b", b"x").end()[..], &Rules::root_fs())
        .unwrap();
    assert!(ground.tree()["./a/.wh.b"].contains("1 bytes"));
}

/// The kernel's overlayfs reads what the unpacker wrote as the image meant it.
#[test]
fn overlayfs_understands_the_whiteouts() {
    let (lower, upper) = (Ground::new(), Ground::new());
    let below = Forge::default()
        .file("gone", b"1")
        .file("kept", b"2")
        .file("opaque/old", b"3")
        .file("anew/old", b"4");
    lower.unpack(&below.end()).unwrap();
    let above = Forge::default()
        .file(".wh.gone", b"")
        .file("opaque/.wh..wh..opq", b"")
        .file("opaque/new", b"5")
        .file(".wh.anew", b"")
        .header(b'5', "anew", 0)
        .file("anew/new", b"6");
    upper.unpack(&above.end()).unwrap();
    // In a mount namespace that ends with the command, so nothing is left mounted.
    let output = std::process::Command::new("unshare")
        .args(["-m", "sh", "-ec"])
        .arg("mount -t overlay overlay -o lowerdir=\"$1\":\"$2\" \"$3\"; cd \"$3\"; find . -type f | sort")
        .args([std::ffi::OsStr::new("sh"), upper.inside.as_os_str(), lower.inside.as_os_str(), upper.outside.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "./anew/new\n./kept\n./opaque/new\n");
}

#[test]
fn limits_are_named() {
    let ground = Ground::new();
    let limited = |archive: &[u8], limits| {
        let rules = Rules { limits, ..Rules::layer() };
        chain(&ground.unpack_with(archive, &rules).unwrap_err())
    };
    let many =
        (0..20).fold(Forge::default(), |forge, number| forge.file(&format!("{number}"), b"")).end();
    assert!(
        limited(&many, Limits { entries: 10, ..Limits::default() })
            .contains("number of entries over the limit of 10")
    );
    // Parents that nobody wrote count as well.
    let deep = Forge::default().file("p/2/3/4/5/6/7/8/9/10/11/12", b"").end();
    assert!(
        limited(&deep, Limits { entries: 10, ..Limits::default() })
            .contains("number of entries over the limit of 10")
    );
    assert!(
        limited(&deep, Limits { depth: 8, ..Limits::default() })
            .contains("depth of a path over the limit of 8")
    );
    let large = Forge::default().file("a", &[1; 600]).file("b", &[1; 600]).end();
    assert!(
        limited(&large, Limits { bytes: 1000, ..Limits::default() })
            .contains("bytes in files over the limit of 1000")
    );
    let directories = (0..20)
        .fold(Forge::default(), |forge, number| forge.header(b'5', &format!("d{number}"), 0))
        .end();
    let limits = Limits { directory_bytes: 300, ..Limits::default() };
    assert!(limited(&directories, limits).contains("memory for directories over the limit of 300"));
}

#[test]
fn two_hundred_directories_in_each_other_are_too_deep() {
    let ground = Ground::new();
    let name = "d/".repeat(200);
    let archive = Forge::default().pax(b'x', &[("path", &name)]).header(b'5', "d", 0).end();
    ground.refuses(&archive, "depth of a path over the limit of 128");
}

/// Links make a tree deeper than any path in the archive; it must still go away.
#[test]
fn a_very_deep_tree_is_removed() {
    let ground = Ground::new();
    let hundred = "d/".repeat(100);
    let mut forge = Forge::default();
    let mut bottom = String::new();
    // Fewer than 20 links: a path walk that the kernel starts anew counts the first walk's links again, and 40 are allowed.
    for step in 0..18 {
        forge = forge.pax(b'x', &[("path", &format!("{bottom}{hundred}file"))]).file("f", b"x");
        // The next link lies in the root and leads to the bottom through the one before.
        let target = format!("{bottom}{hundred}");
        forge = forge.pax(b'x', &[("linkpath", target.trim_end_matches('/'))]).link(
            b'2',
            &format!("s{step}"),
            "x",
            0,
        );
        bottom = format!("s{step}/");
    }
    ground.unpack(&forge.end()).unwrap();
    // As many descriptors as a process has by default, fewer than the tree has levels.
    let limit = rustix::process::Rlimit {
        current: Some(1024),
        ..rustix::process::getrlimit(rustix::process::Resource::Nofile)
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let parent = File::open(ground.inside.parent().unwrap()).unwrap();
    remove_tree(parent.as_fd(), "inside").unwrap();
    assert!(!ground.inside.exists());
    assert!(differences(&ground.before, &describe(&ground.outside)).is_empty());
}

#[test]
fn what_is_in_the_way_is_replaced() {
    let kinds = |forge: Forge, kind: usize| match kind {
        0 => forge.file("x", b"file"),
        1 => forge.header(b'5', "x", 0).file("x/below", b"y"),
        2 => forge.link(b'2', "x", "target", 0),
        3 => forge.link(b'1', "x", "target", 0),
        _ => forge.header(b'6', "x", 0),
    };
    for first in 0..5 {
        for second in 0..5 {
            let ground = Ground::new();
            let archive = kinds(kinds(Forge::default().file("target", b"t"), first), second).end();
            ground.unpack(&archive).unwrap();
            let alone = Ground::new();
            alone.unpack(&kinds(Forge::default().file("target", b"t"), second).end()).unwrap();
            assert_eq!(
                ground.tree()["./x"].split(' ').next(),
                alone.tree()["./x"].split(' ').next(),
                "{first} then {second}"
            );
        }
    }
}

/// Any damage: never a panic, never a change outside.
#[test]
fn every_changed_byte_stays_inside() {
    let whole = Forge::default()
        .header(b'5', "d", 0)
        .pax(b'x', &[("path", "d/where"), ("SCHILY.xattr.user.a", "b")])
        .file("a", &[b'x'; 10])
        .link(b'2', "l", "../outside", 0)
        .link(b'1', "h", "d/where", 0)
        .file("l2/f", b"c")
        .end();
    let ground = Ground::new();
    let directory = File::open(&ground.inside).unwrap();
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            repair_checksums(&mut changed);
            let _ = unpack(&changed[..], directory.as_fd(), &Rules::layer());
        }
    }
    assert!(differences(&ground.before, &describe(&ground.outside)).is_empty());
}

/// Makes damage in headers count.
fn repair_checksums(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
}

#[test]
fn two_that_remove_the_same_tree_do_not_disturb_each_other() {
    let bench = tempfile::tempdir().unwrap();
    let parent = std::fs::File::open(bench.path()).unwrap();
    for _ in 0..8 {
        for number in 0..60 {
            let directory = bench.path().join(format!("tree/{number}/a/b/c"));
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::File::create(directory.join("file")).unwrap();
        }
        std::thread::scope(|scope| {
            let removers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| remove_tree(parent.as_fd(), "tree"))).collect();
            for remover in removers {
                remover.join().unwrap().unwrap();
            }
        });
        assert!(!bench.path().join("tree").exists());
    }
}
