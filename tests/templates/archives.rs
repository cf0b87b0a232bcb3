//! Root file systems in archives and in images of registries: `local` and `oci`.

use std::fs;
use std::process::Command;

use testkit::Corten;

use crate::{archives, build, corten, nothing_is_left, refused};

#[test]
fn an_archive_becomes_a_system() {
    let corten = corten();
    let made = corten.directory().join("made");
    fs::create_dir(&made).unwrap();
    let (root, meta) = archives(&made);
    let (root, meta) = (root.to_str().unwrap(), meta.to_str().unwrap());
    let built = build(&corten, &["local", "--rootfs", root, "--metadata", meta, "-t", "sys:1"]);
    assert_eq!((built.code, built.stdout.as_str()), (0, "sys:1\n"), "{built:?}");
    assert!(built.stderr.contains("welcome[2J") && !built.stderr.contains('\u{1b}'), "{built:?}");
    let labels = corten.ok(&["image", "inspect", "-f", "{{json .Config.Labels}}", "sys:1"]);
    let labels: serde_json::Value = serde_json::from_str(&labels).unwrap();
    assert_eq!(labels["corten.lxc.expiry"], "4102444800");
    assert_eq!(labels["corten.lxc.templates"], "/etc/hostname");
    let config = "lxc.include = LXC_TEMPLATE_CONFIG/common.conf\nlxc.arch = x86_64\n";
    assert_eq!(labels["corten.lxc.config"], config);
    assert!(corten.run(&["run", "--rm", "sys:1", "cat", "/etc/left"]).code == 1, "excluded");
    let owner = ["run", "--rm", "sys:1", "sh", "-c", "busybox stat -c %u:%g /etc/made"];
    assert_eq!(corten.ok(&owner), "7:8");

    let bzip2 = made.join("rootfs.tar.bz2");
    let built = build(&corten, &["local", "--rootfs", bzip2.to_str().unwrap()]);
    assert_eq!(built.stdout, "local:latest\n", "{built:?}");
    corten.ok(&["rmi", "sys:1", "local"]);

    // Cut, of another kind, missing, hostile.
    let cut = corten.directory().join("cut.tar.xz");
    let whole = fs::read(root).unwrap();
    testkit::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let squash = corten.directory().join("root.squashfs");
    testkit::write(&squash, [b"hsqs".as_slice(), &[0; 96]].concat()).unwrap();
    let evil = corten.directory().join("evil.tar");
    let pack = "cd \"$1\" && echo x > ../outside-$$ && tar -cPf evil.tar ../outside-$$; rm -f ../outside-$$";
    Command::new("sh").args(["-c", pack, "sh"]).arg(corten.directory()).status().unwrap();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (cut, squash, evil) = (path(&cut), path(&squash), path(&evil));
    refused(&corten, &["local", "--rootfs", &cut], "error: ");
    refused(&corten, &["local", "--rootfs", &squash], "squashfs");
    refused(&corten, &["local", "--rootfs", "/nothing"], "open /nothing");
    refused(&corten, &["local", "--rootfs", root, "--metadata", &cut], "metadata");
    refused(&corten, &["local", "--rootfs", &evil], "error: ");
    refused(&corten, &["local"], "needs --rootfs");
    nothing_is_left(&corten);
}

#[test]
fn any_image_is_a_system() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let path = |name: &str| corten.directory().join(name).to_str().unwrap().to_owned();
    let archive = path("busybox.tar");
    corten.ok(&["save", "-o", &archive, "busybox"]);
    let layout = path("layout");
    fs::create_dir(&layout).unwrap();
    let unpacked = Command::new("tar").args(["-xf", &archive, "-C", &layout]).status();
    assert!(unpacked.unwrap().success());
    corten.ok(&["rmi", "busybox"]);
    for from in
        [format!("oci-archive:{archive}"), archive.clone(), format!("oci:{layout}"), layout.clone()]
    {
        let built = build(&corten, &["oci", &from, "-t", "sys:oci"]);
        assert_eq!((built.code, built.stdout.as_str()), (0, "sys:oci\n"), "{built:?}");
        assert!(!built.stderr.contains("note:"), "busybox has an init: {built:?}");
        assert_eq!(corten.ok(&["run", "--rm", "sys:oci", "echo", "runs"]), "runs");
        corten.ok(&["rmi", "-f", "sys:oci", "busybox"]);
    }
    refused(&corten, &["oci"], "needs an image");
    refused(&corten, &["oci", "/nothing"], "open /nothing");
    refused(&corten, &["oci", "a", "b"], "takes no \"b\"");
    refused(&corten, &["oci", &archive, "-t", "A B"], "error: ");
}

/// The disk is a file system in memory, in a mount namespace of its own.
#[test]
fn a_full_disk_leaves_nothing() {
    let corten = corten();
    let small = corten.directory().join("small");
    fs::create_dir_all(corten.directory().join("big")).unwrap();
    fs::create_dir(&small).unwrap();
    let text = "mount -t tmpfs -o size=12m tmpfs \"$1\" || exit 99; D=$(dirname \"$1\"); exec 2>&1\n\
        C=\"timeout 60 $0 --root $1/root --state $1/state\"\n\
        head -c 30000000 /dev/urandom > \"$D/big/file\"; tar -cf \"$D/big.tar\" -C \"$D/big\" .\n\
        $C template build local --rootfs \"$D/big.tar\"; echo local $?\n\
        printf '#!/bin/sh\\ncp %s/big/file \"${3#--rootfs=}\"\\n' \"$D\" > \"$D/fills\"; chmod 755 \"$D/fills\"\n\
        $C template build \"$D/fills\"; echo script $?\n\
        $C images -q; ls \"$1/root/tmp\" \"$1/root/layers\"; $C template build busybox";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", text]);
    unshare.arg(env!("CARGO_BIN_EXE_corten")).arg(&small);
    let said = String::from_utf8(unshare.output().unwrap().stdout).unwrap();
    assert!(said.contains("local 1\n") && said.contains("script 1\n"), "{said}");
    let place = small.display();
    assert!(
        said.ends_with(&format!("{place}/root/layers:\n\n{place}/root/tmp:\nbusybox:latest\n")),
        "{said}"
    );
}
