//! What the tools have in common with the rest of the program, and what is in a container that runs.

use std::process::Command;

use crate::ground::{containers, corten, ok, ours, succeeds, write};

#[test]
fn a_container_is_the_same_everywhere() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    ok(&corten, &path, &["start", "one"]);
    assert_eq!(corten.ok(&["ps", "--format", "{{.Names}} {{.State}}"]), "one running");
    let id = corten.ok(&["ps", "-q", "--no-trunc"]);
    // What it changes is changed in its directory, and the record is the same as long as the configuration is.
    ok(&corten, &path, &["attach", "one", "--", "/bin/sh", "-c", "echo here > /made"]);
    assert_eq!(std::fs::read_to_string(path.join("one/rootfs/made")).unwrap(), "here\n");
    ok(&corten, &path, &["stop", "one"]);
    assert_eq!(corten.ok(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]), "one exited");
    ok(&corten, &path, &["start", "one"]);
    assert_eq!(corten.ok(&["ps", "-q", "--no-trunc"]), id);
    corten.ok(&["stop", "-t", "0", "one"]);
    assert_eq!(ok(&corten, &path, &["info", "-s", "-H", "one"]), "STOPPED");
    let config = path.join("one/config");
    let text = std::fs::read_to_string(&config).unwrap();
    write(&config, format!("{text}lxc.uts.name = changed\n")).unwrap();
    ok(&corten, &path, &["start", "one"]);
    assert_eq!(ok(&corten, &path, &["attach", "one", "--", "/bin/hostname"]), "changed");
    assert_ne!(corten.ok(&["ps", "-q", "--no-trunc"]), id);
    // Another directory has no such container.
    let elsewhere = corten.directory().join("elsewhere");
    assert_eq!(ok(&corten, &elsewhere, &["ls", "-1"]), "");
    ok(&corten, &path, &["destroy", "-f", "one"]);
    assert!(!path.join("one").exists());
    assert_eq!(corten.ok(&["ps", "-a", "-q"]), "");
}

#[test]
fn snapshots_and_copies_are_containers() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let file = path.join("one/rootfs/file");
    write(&file, "before").unwrap();
    ok(&corten, &path, &["snapshot", "one"]);
    write(&file, "after").unwrap();
    let listed = ok(&corten, &path, &["snapshot", "one", "-L"]);
    assert!(listed.starts_with(&format!("snap0 ({}/one/snaps) ", path.display())), "{listed}");
    ok(&corten, &path, &["snapshot", "one", "-r", "snap0", "-N", "restored"]);
    ok(&corten, &path, &["copy", "one", "-N", "copied"]);
    ok(&corten, &path, &["copy", "one", "-N", "over", "-s"]);
    for (name, text) in [("restored", "before"), ("copied", "after"), ("over", "after")] {
        ok(&corten, &path, &["start", name]);
        assert_eq!(
            ok(&corten, &path, &["attach", name, "--", "/bin/cat", "/file"]),
            text,
            "{name}"
        );
        ok(&corten, &path, &["attach", name, "--", "/bin/sh", "-c", "echo own > /file"]);
        ok(&corten, &path, &["stop", name]);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "after");
    ok(&corten, &path, &["snapshot", "one", "-r", "snap0"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    ok(&corten, &path, &["copy", "copied", "-N", "renamed", "-R"]);
    assert_eq!(ok(&corten, &path, &["ls", "-1"]), "one\nover\nrenamed\nrestored\nthree\ntwo");
}

/// The tool inside is asked for as many levels as are left, and what it prints is put behind the container that it is in.
#[test]
fn containers_inside_are_listed() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let tool = path.join("one/rootfs/bin/lxc-ls");
    write(&tool, "#!/bin/sh\necho \"$*\" > /asked\nprintf 'NAME STATE   \\na    RUNNING \\n\\\\b   STOPPED \\n'\n").unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let listed = |words: &[&str]| {
        let text = ok(&corten, &path, words);
        text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["ls", "-1", "--nesting"]), ["one", "three", "two"]);
    ok(&corten, &path, &["start", "one"]);
    assert_eq!(listed(&["ls", "-1", "--nesting"]), ["one", "one/a", "one/a/b", "three", "two"]);
    assert_eq!(
        listed(&["ls", "-F", "NAME,STATE", "--nesting=2", "--filter=o"]),
        ["NAME STATE", "one  RUNNING", "\\a   RUNNING", " \\b  STOPPED", "two  STOPPED"]
    );
    let asked = std::fs::read_to_string(path.join("one/rootfs/asked")).unwrap();
    assert_eq!(
        asked,
        format!("-P {} -f -FNAME,NAME,STATE --filter=o --nesting=1\n", path.display())
    );
    assert_eq!(listed(&["ls", "-1", "--nesting=0"]), ["one", "three", "two"]);
    ok(&corten, &path, &["stop", "one"]);
}

#[test]
fn an_interface_goes_in_and_comes_back() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let ip = |words: &[&str]| Command::new("ip").args(words).output().unwrap();
    let made = ip(&["link", "add", "lxcin0", "type", "veth", "peer", "name", "lxcfar0"]);
    assert!(made.status.success(), "{made:?}");
    ok(&corten, &path, &["start", "one"]);
    let inside = |name: &str| {
        let step = ["attach", "one", "--", "/bin/ip", "link", "show", name];
        succeeds(&corten, &path, &step)
    };
    let here = |name: &str| ip(&["link", "show", name]).status.success();
    ok(&corten, &path, &["device", "-n", "one", "add", "lxcin0", "eth7"]);
    assert!(inside("eth7") && !here("lxcin0"));
    ok(&corten, &path, &["device", "-n", "one", "del", "eth7", "lxcin1"]);
    assert!(!inside("eth7") && here("lxcin1"));
    ok(&corten, &path, &["device", "one", "--", "add", "lxcin1"]);
    assert!(inside("lxcin1"));
    for wrong in [&["add", "nosuch0"][..], &["add", "lxcfar0", "lxcin1"], &["odd", "lxcfar0"]] {
        let output = ours(&corten, Some(&path), &[&["device", "one", "--"][..], wrong].concat());
        assert_eq!(output.status.code(), Some(1), "{wrong:?}: {output:?}");
    }
    assert!(here("lxcfar0"));
    ok(&corten, &path, &["stop", "one"]);
    let _removed = ip(&["link", "del", "lxcfar0"]);
}

#[test]
fn it_is_called_by_lxcs_names() {
    let corten = corten();
    let links = corten.directory().join("links");
    std::fs::create_dir(&links).unwrap();
    corten.ok(&["lxc", "install-links", links.to_str().unwrap()]);
    corten.ok(&["lxc", "install-links", links.to_str().unwrap()]);
    let mut command = Command::new(links.join("lxc-ls"));
    command.env("CORTEN_ROOT", corten.root()).env("CORTEN_STATE", corten.state());
    let output =
        command.arg("-P").arg(corten.directory().join("lxc")).arg("--bogus").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("lxc-ls: "), "{output:?}");
    let output = Command::new(links.join("lxc-start")).arg("--version").output().unwrap();
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
}

#[test]
fn templates_fill_a_root_in_place() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    let script = corten.directory().join("template");
    let text = "#!/bin/sh\nfor word; do case $word in --rootfs=*) root=${word#*=};; --path=*) path=${word#*=};; --fail) exit 4;; esac; done\n\
                mkdir \"$root/bin\"; echo made > \"$root/made\"; echo lxc.tty.max = 0 >> \"$path/config\"\n";
    write(&script, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let script = script.to_str().unwrap();
    ok(&corten, &path, &["create", "new", "-f", "/dev/null", "-t", script, "--", "--mine"]);
    assert_eq!(std::fs::read_to_string(path.join("new/rootfs/made")).unwrap(), "made\n");
    let config = std::fs::read_to_string(path.join("new/config")).unwrap();
    let root = path.join("new/rootfs");
    assert_eq!(config, format!("lxc.rootfs.path = dir:{}\nlxc.tty.max = 0\n", root.display()));
    let path_text = path.to_str().unwrap();
    corten.fails(&["lxc", "create", "-P", path_text, "bad", "-t", script, "--", "--fail"], 1);
    assert!(!path.join("bad").exists(), "something is left of a template that failed");
}
