//! Hooks, and what goes with a container's end.

use crate::ground::{configure, containers, corten, ok, ours, write};

#[test]
fn an_ephemeral_copy_goes_with_its_end() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let file = path.join("one/rootfs/file");
    write(&file, "before").unwrap();
    let shared = corten.directory().join("shared");
    std::fs::create_dir(&shared).unwrap();
    write(shared.join("here"), "shared").unwrap();
    let mounts = format!("bind={0}:/shared:ro,overlay={0}:/over", shared.display());
    let told = ok(&corten, &path, &["copy", "one", "-N", "brief", "-e", "-m", &mounts]);
    assert_eq!(told, "Created brief as clone of one");
    let run = "cat /file /shared/here /over/here; echo own > /file; echo own > /over/here; echo own > /shared/here";
    let seen = ours(&corten, Some(&path), &["attach", "brief", "--", "/bin/sh", "-c", run]);
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "beforesharedshared", "{seen:?}");
    assert!(!seen.status.success(), "a read-only mount was written");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    assert_eq!(std::fs::read_to_string(shared.join("here")).unwrap(), "shared");
    ok(&corten, &path, &["stop", "brief"]);
    assert!(!path.join("brief").exists());
    assert_eq!(corten.ok(&["ps", "-aq"]), "");
    // Without a name it gets one, and with -D it stays.
    let told = ok(&corten, &path, &["copy", "one", "-e", "-D"]);
    let name = told.split(' ').nth(1).unwrap();
    assert!(name.starts_with("one_") && name.len() == "one_".len() + 6, "{told}");
    ok(
        &corten,
        &path,
        &["destroy", "one_", "-f"].map(|word| if word == "one_" { name } else { word }),
    );
    // One that does not start leaves nothing.
    configure(&path, "one", "lxc.hook.pre-start = /bin/false\n");
    assert_eq!(
        ours(&corten, Some(&path), &["copy", "one", "-N", "never", "-e"]).status.code(),
        Some(1)
    );
    assert!(!path.join("never").exists());
    for refused in
        [&["-e", "-t"][..], &["-D", "-N", "x"], &["-e", "-R", "-N", "x"], &["-e", "-m", "odd=/a"]]
    {
        let output = ours(&corten, Some(&path), &[&["copy", "one"][..], refused].concat());
        assert_eq!(output.status.code(), Some(1), "{refused:?}: {output:?}");
    }
    assert_eq!(ok(&corten, &path, &["ls", "-1"]), "one\nthree\ntwo");
}

#[test]
fn hooks_of_the_end_are_run_for_who_runs_by_itself() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let log = corten.directory().join("log");
    let line =
        format!("/bin/sh -c 'echo $LXC_HOOK_TYPE $LXC_NAME $LXC_TARGET >> {}'", log.display());
    configure(
        &path,
        "one",
        &format!("lxc.hook.version = 1\nlxc.hook.stop = {line}\nlxc.hook.post-stop = {line}\n"),
    );
    for halt in [&["stop", "one"][..], &["stop", "-k", "one"]] {
        ok(&corten, &path, &["start", "one"]);
        assert!(!log.exists());
        ok(&corten, &path, halt);
        let told = std::fs::read_to_string(&log).unwrap();
        assert_eq!(told, "stop one stop\npost-stop one stop\n", "{halt:?}");
        std::fs::remove_file(&log).unwrap();
    }
    // Its record stays, as that of any other.
    assert_eq!(corten.ok(&["ps", "-a", "--format", "{{.Names}}"]), "one");
}

#[test]
fn hooks_are_run_inside() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let (at, given) = (corten.directory().join("at"), corten.directory().join("given"));
    std::fs::create_dir(&at).unwrap();
    std::fs::create_dir(&given).unwrap();
    write(given.join("file"), "given").unwrap();
    let lines = format!(
        "lxc.rootfs.mount = {}\nlxc.hook.version = 1\nlxc.environment.hooks = OWN=mine\n\
         lxc.hook.mount = /bin/sh -c 'mkdir $LXC_ROOTFS_MOUNT/given && mount --bind {} $LXC_ROOTFS_MOUNT/given'\n\
         lxc.hook.autodev = /bin/sh -c 'echo $LXC_HOOK_TYPE $LXC_NAME $OWN > $LXC_ROOTFS_MOUNT/dev/told'\n\
         lxc.hook.start = /bin/sh -c 'echo $LXC_HOOK_TYPE $LXC_HOOK_SECTION > /started'\n",
        at.display(),
        given.display()
    );
    configure(&path, "one", &lines);
    ok(&corten, &path, &["start", "one"]);
    let seen = ok(
        &corten,
        &path,
        &["attach", "one", "--", "/bin/cat", "/given/file", "/dev/told", "/started"],
    );
    assert_eq!(seen, "givenautodev one mine\nstart lxc");
    // What they mount is the container's.
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(at.to_str().unwrap()) && !mounts.contains("rootfs/given"), "{mounts}");
    ok(&corten, &path, &["stop", "one"]);
    // Told by words, and one that fails keeps it from starting.
    configure(
        &path,
        "two",
        &format!(
            "lxc.rootfs.mount = {}\nlxc.hook.start = /bin/sh -c 'echo $* > /started; false' me\n",
            at.display()
        ),
    );
    let output = ours(&corten, Some(&path), &["start", "two"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        std::fs::read_to_string(path.join("two/rootfs/started")).unwrap(),
        "two lxc start\n"
    );
}

#[test]
fn keys_that_nobody_heeds_are_named() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let config = path.join("one/config");
    let text = std::fs::read_to_string(&config).unwrap();
    write(&config, format!("{text}lxc.hook.pre-mount = /bin/true\n")).unwrap();
    let output = ours(&corten, Some(&path), &["start", "one"]);
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(talk.starts_with("lxc-start: one: ") && talk.contains("lxc.hook.pre-mount"), "{talk}");
}

#[test]
fn hooks_of_the_host_are_run() {
    let corten = corten();
    let path = corten.directory().join("lxc");
    containers(&path);
    let config = path.join("one/config");
    let text = std::fs::read_to_string(&config).unwrap();
    let log = corten.directory().join("log");
    let line = format!("/bin/sh -c 'echo $LXC_HOOK_TYPE $LXC_NAME >> {}'", log.display());
    let hooks: String = ["pre-start", "start-host", "post-stop", "destroy"]
        .iter()
        .map(|name| format!("lxc.hook.{name} = {line}\n"))
        .collect();
    write(&config, format!("{text}{hooks}lxc.hook.version = 1\n")).unwrap();
    ok(&corten, &path, &["execute", "one", "--", "/bin/true"]);
    ok(&corten, &path, &["destroy", "one"]);
    let told = std::fs::read_to_string(&log).unwrap();
    assert_eq!(told, "pre-start one\nstart-host one\npost-stop one\ndestroy one\n");
}
