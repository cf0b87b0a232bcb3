//! Distributions: Alpine from a mirror and by its installer, Debian and Ubuntu by one builder.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::{Corten, Finished};

use crate::{archives, build, by_http, corten, nothing_is_left, refused, script};

/// A mirror with one release, whose root is a small one of ours.
fn mirror(corten: &Corten) -> std::path::PathBuf {
    let made = corten.directory().join("made");
    fs::create_dir(&made).unwrap();
    archives(&made);
    let mirror = corten.directory().join("mirror");
    let releases = mirror.join("v3.20/releases/x86_64");
    fs::create_dir_all(&releases).unwrap();
    let file = releases.join("alpine-minirootfs-3.20.3-x86_64.tar.gz");
    let packed = Command::new("tar")
        .arg("-czf")
        .arg(&file)
        .arg("-C")
        .arg(made.join("root"))
        .arg(".")
        .status();
    assert!(packed.unwrap().success());
    let sum = Command::new("sha256sum").arg(&file).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    let sum = sum.split(' ').next().unwrap();
    let list = format!(
        "---\n-\n  flavor: alpine-virt\n  file: alpine-virt-3.20.3-x86_64.iso\n  sha256: {sum}\n-\n  version: 3.20.3\n  \
         flavor: alpine-minirootfs\n  file: alpine-minirootfs-3.20.3-x86_64.tar.gz\n  sha256: {sum}\n"
    );
    testkit::write(releases.join("latest-releases.yaml"), list).unwrap();
    mirror
}

#[test]
fn alpine_is_the_root_of_its_release() {
    let corten = corten();
    let mirror = mirror(&corten);
    let path = mirror.to_str().unwrap();
    let words = ["alpine", "-r", "3.20", "-a", "amd64", "--mirror"];
    let built = build(&corten, &[&words[..], &[path]].concat());
    assert_eq!((built.code, built.stdout.as_str()), (0, "alpine:3.20\n"), "{built:?}");
    assert_eq!(corten.ok(&["run", "--rm", "alpine:3.20", "cat", "/etc/made"]), "made");
    corten.ok(&["rmi", "alpine:3.20"]);

    let web = by_http(&mirror);
    let url = format!("http://{}", web.host());
    refused(&corten, &[&words[..], &[url.as_str()]].concat(), "the connection is open to changes");
    let built = build(&corten, &[&words[..], &[url.as_str(), "--no-validate"]].concat());
    assert_eq!(built.stdout, "alpine:3.20\n", "{built:?}");
    corten.ok(&["rmi", "alpine:3.20"]);

    refused(&corten, &["alpine", "-r", "9.9", "--mirror", path], "has no v9.9/releases");
    refused(&corten, &["alpine", "-r", "../x", "--mirror", path], "invalid release");
    if !["/usr/sbin/apk", "/sbin/apk", "/usr/bin/apk"].iter().any(|apk| Path::new(apk).exists()) {
        let words = [&words[..], &[path, "--package", "openrc"]].concat();
        refused(&corten, &words, "--apk FILE");
    }
    let file = mirror.join("v3.20/releases/x86_64/alpine-minirootfs-3.20.3-x86_64.tar.gz");
    let mut bytes = fs::read(&file).unwrap();
    bytes.push(0);
    testkit::write(&file, bytes).unwrap();
    refused(&corten, &[&words[..], &[path]].concat(), "has the SHA-256");
    nothing_is_left(&corten);
}

/// What apk is told, and that what it makes is taken: the installer itself is no package of Debian's.
#[test]
fn alpine_is_installed_by_apk_where_it_is_given() {
    let corten = corten();
    let told = corten.directory().join("told");
    let text = format!(
        "echo \"$*\" > {told}; [ \"$1\" = --root ] || exit 9; R=$2\n{root}mkdir -p \"$R/etc/apk\"; exit ${{APK_ENDS:-0}}\n",
        told = told.display(),
        root = crate::ROOT
    );
    let apk = script(&corten, "apk.static", &text);
    let keys = corten.directory().join("keys");
    fs::create_dir(&keys).unwrap();
    let keys = keys.to_str().unwrap();
    let words = [
        "alpine",
        "-r",
        "edge",
        "--apk",
        &apk,
        "--mirror",
        "http://m/alpine",
        "--package",
        "openssh",
        "--keyring",
        keys,
    ];
    let built = build(&corten, &words);
    assert_eq!((built.code, built.stdout.as_str()), (0, "alpine:edge\n"), "{built:?}");
    let told = fs::read_to_string(told).unwrap();
    assert!(
        told.contains(
            "--repository http://m/alpine/edge/main --repository http://m/alpine/edge/community"
        ),
        "{told}"
    );
    assert!(
        told.ends_with(&format!(
            "--keys-dir {keys} --initdb --no-cache --no-progress add alpine-base openssh\n"
        )),
        "{told}"
    );
    let list = corten.ok(&["run", "--rm", "alpine:edge", "cat", "/etc/apk/repositories"]);
    assert_eq!(list, "http://m/alpine/edge/main\nhttp://m/alpine/edge/community");
    corten.ok(&["rmi", "alpine:edge"]);

    let mut failing = corten.command();
    let failing = failing.args(["template", "build"]).args(words).env("APK_ENDS", "7");
    let ended = Finished::from(failing.output().unwrap());
    assert!(ended.code == 1 && ended.stderr.contains("apk ended with exit code 7"), "{ended:?}");
    nothing_is_left(&corten);
}

/// What the builder is told on a machine that is another distribution's: a program of that name before the machine's own, which Ubuntu's mirror does not reach.
#[test]
fn ubuntu_is_built_with_its_own_archive_and_keys() {
    let corten = corten();
    let programs = corten.directory().join("programs");
    let told = corten.directory().join("told");
    fs::create_dir(&programs).unwrap();
    let text = format!(
        "for word; do echo \"$word\"; done > {told}; R={root}\n{files}tar -C \"$R\" -cf - .\n",
        told = told.display(),
        root = corten.directory().join("filled").display(),
        files = crate::ROOT
    );
    let builder = script(&corten, "mmdebstrap", &text);
    fs::rename(builder, programs.join("mmdebstrap")).unwrap();
    let keyring = corten.directory().join("keys.gpg");
    testkit::write(&keyring, "").unwrap();
    let run = |words: &[&str]| {
        let path = format!(
            "{}:{}",
            programs.display(),
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        );
        let mut command = corten.command();
        let command = command.env("PATH", path).args(["template", "build", "ubuntu"]).args(words);
        Finished::from(command.output().unwrap())
    };
    let os = fs::read_to_string("/etc/os-release").unwrap();
    if os.lines().any(|line| line == "ID=ubuntu") {
        eprintln!("passed over: the machine is Ubuntu's itself");
        return;
    }
    if !Path::new("/usr/bin/mmdebstrap").exists() {
        eprintln!("passed over: there is no mmdebstrap");
        return;
    }
    if !Path::new("/usr/share/keyrings/ubuntu-archive-keyring.gpg").exists() {
        let ended = run(&[]);
        assert!(
            ended.code == 1 && ended.stderr.contains("install the package ubuntu-keyring"),
            "{ended:?}"
        );
        let shown = corten.ok(&["template", "show", "ubuntu"]);
        assert!(shown.contains("Missing:      ubuntu-keyring, or --keyring"), "{shown}");
    }
    let keys = keyring.to_str().unwrap();
    let ended = run(&["--keyring", keys, "--package", "nginx", "--suite", "jammy"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "ubuntu:jammy\n"), "{ended:?}");
    let told = fs::read_to_string(told).unwrap();
    let expected =
        format!("--include=nginx\n--keyring={keys}\n--components=main,universe\njammy\n-\n");
    // Which archive has a release the builder knows.
    assert!(told.ends_with(&expected), "{told}");
    assert_eq!(corten.ok(&["run", "--rm", "ubuntu:jammy", "cat", "/etc/made"]), "made");
}
