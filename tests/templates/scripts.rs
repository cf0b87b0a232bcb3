//! Scripts with LXC's template interface, those of the package lxc among them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use testkit::{Finished, wait_until};

use crate::{ROOT, build, corten, nothing_is_left, refused, script};

#[test]
fn a_script_is_called_as_by_lxc_and_what_it_writes_is_kept() {
    let corten = corten();
    let told = corten.directory().join("told");
    let text = format!(
        "for word; do echo \"$word\"; done > {told}\n\
         P=${{1#--path=}}; R=${{3#--rootfs=}}\n\
         cat \"$P/config\" >> {told}; stat -c %a \"$P\" \"$R\" >> {told}; echo to-stdout\n\
         {ROOT}\
         mount -t tmpfs none \"$R/proc\"; touch \"$R/proc/hidden\"\n\
         echo 'lxc.uts.name = my' >> \"$P/config\"; echo \"lxc.mount.fstab = $P/fstab\" >> \"$P/config\"\n\
         echo 'lxc.tty.max = 5' >> \"$P/config\"; echo \"$R/x x none bind 0 0\" > \"$P/fstab\"\n",
        told = told.display()
    );
    let path = script(&corten, "lxc-my", &text);
    let built = build(&corten, &[&path, "--", "--own", "a b"]);
    assert_eq!((built.code, built.stdout.as_str()), (0, "lxc-my:latest\n"), "{built:?}");
    assert!(built.stderr.contains("to-stdout"), "{built:?}");
    let told = fs::read_to_string(told).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    let at = lines[0].strip_prefix("--path=").unwrap();
    assert!(at.ends_with("/my"), "{told}");
    let expected = [
        format!("--path={at}"),
        "--name=my".to_owned(),
        format!("--rootfs={at}/rootfs"),
        "--own".to_owned(),
        "a b".to_owned(),
        format!("lxc.rootfs.path = dir:{at}/rootfs"),
        "770".to_owned(),
        "755".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert!(!Path::new(at).exists(), "its directory is gone");

    let run = corten.ok(&["run", "--rm", "lxc-my", "cat", "/etc/made"]);
    assert_eq!(run, "made");
    let label = |name: &str| {
        let format = format!("{{{{index .Config.Labels \"corten.lxc.{name}\"}}}}");
        corten.ok(&["image", "inspect", "-f", &format, "lxc-my"])
    };
    assert_eq!(label("config"), "lxc.mount.fstab = LXC_PATH/fstab\nlxc.tty.max = 5");
    assert_eq!(label("fstab"), "LXC_ROOTFS/x x none bind 0 0");
    // Its mounts were its own: nothing of them is in the image, or on the machine.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(at), "{mounts}");
    let saved = corten.command().args(["image", "save", "lxc-my"]).output().unwrap().stdout;
    assert!(!saved.windows(11).any(|bytes| bytes == b"proc/hidden"));
    assert_eq!(build(&corten, &[&path, "--tag", "own:1", "--name", "c9"]).stdout, "own:1\n");
}

#[test]
fn a_script_that_fails_leaves_nothing() {
    let corten = corten();
    let half = script(&corten, "half", &format!("R=${{3#--rootfs=}}; {ROOT} exit 3"));
    let said = corten.fails(&["template", "build", &half], 1);
    assert!(said.trim_end().ends_with("half: it ended with exit code 3"), "{said}");
    nothing_is_left(&corten);
    let empty = script(&corten, "empty", "exit 0");
    let said = corten.fails(&["template", "build", &empty], 1);
    assert!(said.trim_end().ends_with("empty: it has made no files"), "{said}");
    let long = script(
        &corten,
        "long",
        &format!("R=${{3#--rootfs=}}; {ROOT} yes lxc.x | head -c 100000 > ${{1#--path=}}/config"),
    );
    let said = corten.fails(&["template", "build", &long], 1);
    assert!(said.contains("65536 bytes"), "{said}");
    nothing_is_left(&corten);

    refused(&corten, &[&half, "--name", "a/b"], "invalid name \"a/b\"");
    refused(&corten, &[&half, "--name", ".."], "invalid name \"..\"");
    refused(&corten, &[&half, "--tag", "A/B"], "invalid image name \"A/B\"");
    refused(&corten, &[&half, "--suite", "x"], "half has no --suite");
    refused(&corten, &["/nothing/there"], "invalid template \"/nothing/there\"");
    refused(&corten, &["no-such-template"], "invalid template \"no-such-template\"");
    refused(&corten, &["../busybox"], "invalid template \"../busybox\"");
    refused(&corten, &["busybox", "--rootfs", "x"], "the template busybox has no --rootfs");
    refused(&corten, &["busybox", "word"], "the template busybox takes no \"word\"");
    nothing_is_left(&corten);
}

#[test]
fn an_interrupted_script_leaves_neither_files_nor_processes() {
    let corten = corten();
    let begun = corten.directory().join("begun");
    let text = format!(
        "R=${{3#--rootfs=}}; {ROOT} (setsid sleep 4711 &) ; sleep 4712 & echo $! > {0}.tmp; mv {0}.tmp {0}; wait",
        begun.display()
    );
    let path = script(&corten, "slow", &text);
    for name in ["INT", "TERM", "HUP"] {
        let _first = fs::remove_file(&begun);
        let mut child = corten.command();
        let child = child.args(["template", "build", &path]).stderr(Stdio::piped());
        let child = child.stdout(Stdio::piped()).spawn().unwrap();
        wait_until("the script works", || begun.exists());
        testkit::signal(name, child.id());
        let ended = Finished::from(child.wait_with_output().unwrap());
        assert!(ended.code == 1 && ended.stderr.contains("interrupted by signal"), "{ended:?}");
        nothing_is_left(&corten);
        let pid = fs::read_to_string(&begun).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists(), "{name}");
        assert!(!lives("sleep\u{0}4711"), "{name}");
    }
}

pub(crate) fn lives(words: &str) -> bool {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = all.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.any(|line| line.starts_with(words))
}

#[test]
fn scripts_of_lxc_and_of_the_user_have_names() {
    let corten = corten();
    let config = corten.directory().join("config");
    let own = config.join("corten/templates");
    fs::create_dir_all(&own).unwrap();
    let path = script(&corten, "lxc-mine", &format!("R=${{3#--rootfs=}}; {ROOT}"));
    fs::rename(path, own.join("lxc-mine")).unwrap();
    let with = |words: &[&str]| {
        let mut command = corten.command();
        let command = command.env("XDG_CONFIG_HOME", &config).args(words);
        Finished::from(command.output().unwrap())
    };
    let built = with(&["template", "build", "mine"]);
    assert_eq!((built.code, built.stdout.as_str()), (0, "lxc-mine:latest\n"), "{built:?}");
    assert_eq!(corten.ok(&["run", "--rm", "lxc-mine", "cat", "/etc/made"]), "made");
    let listed = with(&["template", "list", "--format", "{{.Name}} {{.Available}}"]).stdout;
    assert!(listed.contains("lxc-mine yes\n") && listed.contains("local yes\n"), "{listed}");
    let shown = with(&["template", "show", "mine"]).stdout;
    assert!(shown.contains(own.join("lxc-mine").to_str().unwrap()), "{shown}");
    assert!(shown.contains("  --name"), "{shown}");
    let names = with(&["template", "ls", "-q"]).stdout;
    assert!(names.lines().any(|name| name == "busybox"), "{names}");
}

#[test]
fn debians_busybox_script_makes_a_system() {
    let lxc = Path::new("/usr/share/lxc/templates/lxc-busybox");
    if !lxc.exists() {
        eprintln!("passed over: the package lxc is not installed");
        return;
    }
    let corten = corten();
    let built = build(&corten, &["lxc-busybox"]);
    assert_eq!((built.code, built.stdout.as_str()), (0, "lxc-busybox:latest\n"), "{built:?}");
    let format = "{{index .Config.Labels \"corten.lxc.config\"}}";
    let config = corten.ok(&["image", "inspect", "-f", format, "lxc-busybox"]);
    assert!(config.starts_with("lxc.signal.halt = SIGUSR1\n"), "{config}");
    assert!(!config.contains("lxc.uts.name") && !config.contains("rootfs.path"), "{config}");
    let said =
        corten.ok(&["run", "--rm", "lxc-busybox", "sh", "-c", "echo $((6*7)); cat /etc/inittab"]);
    assert!(said.starts_with("42\n") && said.contains("tty1::respawn"), "{said}");
    let help = build(&corten, &["lxc-busybox", "--", "--help"]);
    assert!(help.code == 0 && help.stdout.contains("--busybox-path"), "{help:?}");
}
