//! Builds that end half way: killed ones, those whose builder or server goes, and those for which there is no room.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;

use testkit::{Corten, Finished, Gate, Response, ScriptedServer, wait_until};

use crate::scripts::lives;
use crate::servers::{TINY, server};
use crate::{ROOT, corten, nothing_is_left, refused, script};

/// What is there and belongs to no image.
fn half_done(corten: &Corten) -> usize {
    fs::read_dir(corten.root().join("tmp")).map_or(0, Iterator::count)
}

/// What a killed command has left goes with the next one that writes, and its own image is whole.
fn goes_with_the_next(corten: &Corten) {
    assert_eq!(corten.ok(&["images", "-q"]), "");
    corten.ok(&["template", "build", "busybox"]);
    assert_eq!(half_done(corten), 0);
    assert_eq!(corten.ok(&["run", "--rm", "--network", "none", "busybox", "echo", "x"]), "x");
    corten.ok(&["rmi", "busybox"]);
    assert!(corten.ok(&["system", "check"]).contains("consistent"));
    nothing_is_left(corten);
}

#[test]
fn a_script_that_is_killed_leaves_nothing() {
    let corten = corten();
    let text = format!("R=${{3#--rootfs=}}; {ROOT} kill -KILL $$");
    let path = script(&corten, "killed", &text);
    refused(&corten, &[&path], "signal 9 ended it");
    nothing_is_left(&corten);
}

#[test]
fn what_a_killed_build_has_made_goes_with_the_next() {
    let corten = corten();
    let begun = corten.directory().join("begun");
    let text = format!("R=${{3#--rootfs=}}; {ROOT} : > {0}; exec sleep 4713", begun.display());
    let path = script(&corten, "slow", &text);
    let mut child = corten.command();
    let child = child.args(["template", "build", &path]).stderr(Stdio::null());
    let mut child = child.stdout(Stdio::null()).spawn().unwrap();
    wait_until("the script works", || begun.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    // The script ends with its caller.
    wait_until("nobody works for it", || !lives("sleep\u{0}4713"));
    assert_eq!(half_done(&corten), 1);
    goes_with_the_next(&corten);
}

/// By a signal that asks, and by one that does not.
#[test]
fn a_download_that_is_interrupted_leaves_no_image() {
    let corten = corten();
    let served = server(&corten, true);
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let web = ScriptedServer::start(move |request| {
        let bytes = fs::read(served.join(request.path().trim_start_matches('/')));
        let Ok(bytes) = bytes else { return Response::new(404) };
        let half = bytes.len() / 2;
        let answer = Response::new(200).body(bytes);
        let is_root = request.path().ends_with("rootfs.tar.xz");
        if is_root { answer.hold_after(half, &held) } else { answer }
    });
    let url = format!("http://{}", web.host());
    for (asked, name) in ["INT", "TERM", "KILL"].iter().enumerate() {
        let mut child = corten.command();
        child.args(["template", "build"]).args(TINY).args(["--server", &url, "--no-validate"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("half of it is there", || {
            let roots = web.requests();
            roots.iter().filter(|request| request.path().ends_with("rootfs.tar.xz")).count() > asked
                && half_done(&corten) > 0
        });
        testkit::signal(name, child.id());
        assert!(!child.wait().unwrap().success(), "{name}");
        goes_with_the_next(&corten);
    }
}

/// A program in the place of the machine's builder of distributions.
fn built_by(corten: &Corten, text: &str) -> Finished {
    let programs = corten.directory().join("programs");
    fs::create_dir_all(&programs).unwrap();
    fs::rename(script(corten, "builder", text), programs.join("mmdebstrap")).unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display());
    let words = ["template", "build", "debian", "--mirror", "http://m/debian", "--keyring", "/k"];
    Finished::from(corten.command().env("PATH", path).args(words).output().unwrap())
}

#[test]
fn a_builder_that_fails_half_way_leaves_nothing() {
    let corten = corten();
    let root = corten.directory().join("filled");
    let files = format!("R={}\n{ROOT}", root.display());
    let pack = "tar -C \"$R\" -cf - .";
    for (end, told) in [
        // All is there, and yet it was not well.
        (format!("{pack}; exit 25"), "25"),
        (format!("{pack} | head -c 20000; exit 25"), "error: "),
        (format!("{pack} | head -c 20000"), "error: "),
        (format!("{pack} | head -c 20000; kill -KILL $$"), "error: "),
    ] {
        let _again = fs::remove_dir_all(&root);
        let ended = built_by(&corten, &format!("{files}{end}\n"));
        assert!(ended.code == 1 && ended.stderr.contains(told), "{end}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        nothing_is_left(&corten);
    }
}

/// The disk is a file system in memory, in a mount namespace of its own.
#[test]
fn whoever_builds_has_ended_when_the_disk_is_full() {
    let corten = corten();
    let served = server(&corten, false);
    let big = "head -c 30000000 /dev/urandom > \"$1/big\"; tar -cf - -C \"$1\" big | xz -0 > \"$2/rootfs.tar.xz\"";
    let mut pack = Command::new("sh");
    pack.args(["-c", big, "sh"]).arg(corten.directory()).arg(served.join(crate::servers::PLACE));
    assert!(pack.status().unwrap().success());
    let programs = corten.directory().join("programs");
    fs::create_dir(&programs).unwrap();
    let text =
        "#!/bin/sh\nD=$(dirname \"$0\"); echo $$ > \"$D/pid\"; exec tar -cf - -C \"$D/..\" big\n";
    let builder = script(&corten, "builder", text);
    fs::rename(builder, programs.join("mmdebstrap")).unwrap();
    let small = corten.directory().join("small");
    fs::create_dir(&small).unwrap();
    let text = "mount -t tmpfs -o size=12m tmpfs \"$1\" || exit 99; exec 2>&1\n\
        C=\"timeout 60 $0 --root $1/root --state $1/state\"\n\
        $C template build download -d tiny -r 1.0 -a amd64 --server \"$2\"; echo download $?\n\
        PATH=$3:$PATH $C template build debian --mirror http://m/debian --keyring /k; echo debian $?\n\
        kill -0 $(cat \"$3/pid\") && echo it lives\n\
        $C images -q; ls \"$1/root/tmp\" \"$1/root/layers\"; $C template build busybox";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", text]);
    unshare.arg(env!("CARGO_BIN_EXE_corten")).args([&small, &served, &programs]);
    let said = String::from_utf8(unshare.output().unwrap().stdout).unwrap();
    assert!(said.contains("download 1\n") && said.contains("debian 1\n"), "{said}");
    assert!(said.contains("the disk is full") && !said.contains("it lives"), "{said}");
    let place = small.display();
    assert!(
        said.ends_with(&format!("{place}/root/layers:\n\n{place}/root/tmp:\nbusybox:latest\n")),
        "{said}"
    );
}
