//! Templates: images made of scripts, archives, image servers and distributions, as users of LXC know them.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod distributions;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod servers;

#[cfg(test)]
use std::fs;
#[cfg(test)]
use std::os::unix::fs::PermissionsExt;
#[cfg(test)]
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::process::Command;

#[cfg(test)]
use testkit::{Corten, Finished, Response, ScriptedServer};

#[cfg(test)]
fn corten() -> Corten {
    Corten::new(env!("CARGO_BIN_EXE_corten"))
}

/// A script beside the store.
#[cfg(test)]
fn script(corten: &Corten, name: &str, text: &str) -> String {
    let path = corten.directory().join(name);
    testkit::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[cfg(test)]
fn build(corten: &Corten, words: &[&str]) -> Finished {
    corten.run(&[&["template", "build"], words].concat())
}

#[cfg(test)]
#[track_caller]
fn refused(corten: &Corten, words: &[&str], expected: &str) {
    let ended = build(corten, words);
    assert!(ended.code == 1 && ended.stderr.contains(expected), "{words:?} {ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

#[cfg(test)]
#[track_caller]
fn nothing_is_left(corten: &Corten) {
    assert_eq!(corten.ok(&["images", "-q"]), "");
    assert_eq!(fs::read_dir(corten.root().join("tmp")).unwrap().count(), 0);
}

/// Files of a small root in `$R`: a busybox that runs, and one file more.
#[cfg(test)]
const ROOT: &str = "mkdir -p \"$R/bin\" \"$R/etc\" \"$R/dev\" \"$R/proc\" \"$R/sys\"\n\
    cp \"$(command -v busybox)\" \"$R/bin/busybox\"; ln -s busybox \"$R/bin/sh\"; ln -s busybox \"$R/bin/cat\"\n\
    echo made > \"$R/etc/made\"\n";

/// A root and LXC's metadata for it, packed with the machine's tar.
#[cfg(test)]
fn archives(directory: &Path) -> (PathBuf, PathBuf) {
    let pack = "set -e; cd \"$1\"; R=$1/root\n".to_owned()
        + ROOT
        + "touch \"$R/etc/left\"; chown 7:8 \"$R/etc/made\"; mkdir meta; cd meta\n\
           printf 'lxc.include = LXC_TEMPLATE_CONFIG/common.conf\\nlxc.arch = x86_64\\n' > config\n\
           cp config config-user; echo 4102444800 > expiry; echo /etc/hostname > templates; echo ./etc/left > excludes\n\
           printf 'welcome\\033[2J\\n' > create-message; cd ..\n\
           tar -cJf meta.tar.xz -C meta .; tar -cJf rootfs.tar.xz -C root .; tar -cjf rootfs.tar.bz2 -C root .";
    let packed = Command::new("sh").args(["-c", &pack, "sh"]).arg(directory).status().unwrap();
    assert!(packed.success());
    (directory.join("rootfs.tar.xz"), directory.join("meta.tar.xz"))
}

/// A directory by HTTP.
#[cfg(test)]
fn by_http(served: &Path) -> ScriptedServer {
    let served = served.to_owned();
    ScriptedServer::start(move |request| {
        match fs::read(served.join(request.path().trim_start_matches('/'))) {
            Ok(bytes) => Response::new(200).body(bytes),
            Err(_) => Response::new(404),
        }
    })
}
