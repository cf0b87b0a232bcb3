//! Devices by the descriptions of the Container Device Interface: as a vendor's tool writes them, and against images that are hostile to what
//! they bring.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn write(corten: &Corten, name: &str, text: &str) -> PathBuf {
        let path = corten.directory().join(name);
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        fs::write(&path, text).unwrap();
        path
    }

    /// The program where a description of that name is.
    fn described(corten: &Corten, (name, text): (&str, &str), args: &[&str]) -> Finished {
        let file = write(corten, name, text);
        let mut command = corten.command();
        command.args(args);
        Finished::from(testkit::with_device_description(&command, &file).output().unwrap())
    }

    fn run(corten: &Corten, file: (&str, &str), flags: &[&str], words: &[&str]) -> Finished {
        let line = [&["run", "--rm", "--network", "none"], flags, words];
        described(corten, file, &line.concat())
    }

    /// The shape of what nvidia-ctk writes, with devices that every machine has.
    const YAML: &str = r#"---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidiactl
    hostPath: /dev/zero
    fileMode: 0640
    permissions: rw
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - true
    - create-symlinks
    - --link
    - ../libvendor.so.1::/usr/lib/libvendor.so
    env:
    - NVIDIA_CTK_DEBUG=false
    hookName: createContainer
    path: /bin/true
  mounts:
  - containerPath: /usr/share/vendor
    hostPath: /usr/share/zoneinfo
    options: &options
    - ro
    - nosuid
    - nodev
    - rbind
    - rprivate
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
      hostPath: /dev/null
  name: "0"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
      hostPath: /dev/null
    mounts:
    - {containerPath: /all, hostPath: /usr/share/zoneinfo, options: *options}
  name: all
kind: nvidia.com/gpu
"#;

    #[test]
    fn a_vendors_yaml_is_read() {
        let corten = corten();
        let script = "stat -c '%t:%T %a' /dev/nvidiactl /dev/nvidia0; echo $NVIDIA_VISIBLE_DEVICES; ls -d /usr/share/vendor/UTC; \
            touch /usr/share/vendor/x 2>&1 | grep -o 'Read-only'; ls -d /all/UTC 2>/dev/null; true";
        let words = ["busybox", "sh", "-c", script];
        let one = "1:5 640\n1:3 666\nvoid\n/usr/share/vendor/UTC\nRead-only\n";
        for (name, flags, expected) in [
            ("nvidia.yaml", &["--device", "nvidia.com/gpu=0"][..], one.to_owned()),
            ("nvidia.yml", &["--gpus", "all"], format!("{one}/all/UTC\n")),
        ] {
            let seen = run(&corten, (name, YAML), flags, &words);
            assert_eq!((seen.stdout, seen.stderr), (expected, String::new()), "{name}");
        }
    }

    #[test]
    fn what_is_no_description_is_refused_by_its_line() {
        let corten = corten();
        let refused = |text: &str| {
            let flags = ["--device", "nvidia.com/gpu=0"];
            let said = run(&corten, ("x.yaml", text), &flags, &["busybox", "true"]);
            assert_ne!(said.code, 0, "{said:?}");
            said.stderr
        };
        let wrong = YAML.replace("fileMode: 0640", "fileMode: many");
        let said = refused(&wrong);
        assert!(said.contains("\"/var/run/cdi/x.yaml\"") && said.contains("at line 7"), "{said}");
        let said = refused(&YAML.replace("hookName: createContainer", "hookName: whenever"));
        assert!(said.contains("\"whenever\""), "{said}");
        let mut laughs = "x0: &x0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let aliases = vec![format!("*x{}", level - 1); 9].join(", ");
            laughs.push_str(&format!("x{level}: &x{level} [{aliases}]\n"));
        }
        let said = refused(&laughs);
        assert!(said.contains("too deep or too large"), "{said}");
        let said = refused(&format!("{YAML}# {}", "x".repeat(5 << 20)));
        assert!(said.contains("longer than"), "{said}");
    }

    /// An image of busybox in which a script has been at work, with what `commit` is told to change.
    fn image(corten: &Corten, script: &str, change: &str) {
        corten.ok(&["run", "--name", "made", "--network", "none", "busybox", "sh", "-c", script]);
        corten.ok(&["commit", "--change", change, "made", "hostile"]);
        corten.ok(&["rm", "made"]);
    }

    /// Hooks at these moments, each the script `hook` of the test's directory.
    fn hooks(corten: &Corten, moments: &[&str]) -> String {
        let path = corten.directory().join("hook").display().to_string();
        let hooks = moments.iter();
        let hooks = hooks.map(|name| format!(r#"{{"hookName": "{name}", "path": "{path}"}}"#));
        let hooks = hooks.collect::<Vec<_>>().join(", ");
        format!(
            r#"{{"cdiVersion": "0.6.0", "kind": "v/d", "devices": [{{"name": "x", "containerEdits": {{"hooks": [{hooks}]}}}}]}}"#
        )
    }

    /// CVE-2025-23266: the image's environment reaches a program of the host, which loads what the image says.
    #[test]
    fn a_hook_has_nothing_of_the_images_environment() {
        let corten = corten();
        image(&corten, "cp /bin/busybox /evil.so", "ENV LD_PRELOAD=./evil.so BASH_ENV=/evil");
        let told = corten.directory().join("told");
        let text = format!("#!/bin/sh\nenv >> {}\n", told.display());
        let hook = write(&corten, "hook", &text);
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let text = hooks(&corten, &["prestart", "createRuntime", "createContainer"]);
        let device = ["--device", "v/d=x"];
        let ran = run(&corten, ("x.json", &text), &device, &["hostile", "/bin/busybox", "true"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let told = fs::read_to_string(told).unwrap();
        let own = told.lines().filter(|line| line.starts_with("PATH=/usr/local/sbin:"));
        assert_eq!(own.count(), 3, "{told}");
        for words in ["LD_PRELOAD", "BASH_ENV", "HOSTNAME="] {
            assert!(!told.contains(words), "{words}: {told}");
        }
        // What is not run is not passed over.
        let text = hooks(&corten, &["poststop"]);
        let refused = run(&corten, ("x.json", &text), &device, &["hostile", "true"]);
        assert!(refused.stderr.contains("poststop hooks of CDI"), "{refused:?}");
    }

    /// CVE-2024-0132, CVE-2025-23359: where a mount goes is a link of the image, to a place of the host.
    #[test]
    fn a_mount_does_not_leave_the_container_by_a_link() {
        let corten = corten();
        let place = corten.directory().join("host");
        fs::create_dir(&place).unwrap();
        let links = [
            ("relative", "../".repeat(12)),
            ("absolute", "/".to_owned()),
            ("nodes", "/".to_owned()),
            ("files", "/".to_owned()),
        ];
        let bare = place.display().to_string();
        let mut script = format!("ln -s /proc/1/root{bare} /usr/lib/magic");
        for (name, up) in &links {
            fs::create_dir(place.join(name)).unwrap();
            script.push_str(&format!(
                "; ln -s {up}{}/{name} /usr/lib/{name}",
                bare.trim_start_matches('/')
            ));
        }
        let is_untouched = || {
            links.iter().all(|(name, _)| fs::read_dir(place.join(name)).unwrap().count() == 0)
                && fs::read_dir(&place).unwrap().count() == links.len()
        };
        let script = format!("mkdir -p /usr/lib; {script}");
        image(&corten, &script, "ENV A=b");
        write(&corten, "library", "the host's");
        let file = corten.directory().join("library");
        let mounts: Vec<String> = [
            ("/usr/share/zoneinfo", "relative"),
            ("/usr/share/zoneinfo", "absolute/new"),
            (file.to_str().unwrap(), "files/file"),
        ]
        .iter()
        .map(|(from, to)| {
            format!(r#"{{"hostPath": "{from}", "containerPath": "/usr/lib/{to}", "options": ["ro", "rbind", "rprivate"]}}"#)
        })
        .collect();
        let text = |mounts: &str| {
            format!(
                r#"{{"cdiVersion": "0.6.0", "kind": "v/d", "devices": [{{"name": "x", "containerEdits": {{"mounts": [{mounts}],
                    "deviceNodes": [{{"path": "/usr/lib/nodes/node", "hostPath": "/dev/null"}}]}}}}]}}"#
            )
        };
        let device = ["--device", "v/d=x"];
        let script = "ls -d /usr/lib/relative/UTC /usr/lib/absolute/new/UTC; cat /usr/lib/files/file; stat -c %t:%T /usr/lib/nodes/node";
        let words = ["hostile", "sh", "-c", script];
        let seen = run(&corten, ("x.json", &text(&mounts.join(", "))), &device, &words);
        assert_eq!(
            seen.stdout, "/usr/lib/absolute/new/UTC\n/usr/lib/relative/UTC\nthe host's1:3\n",
            "{seen:?}"
        );
        assert!(is_untouched(), "something was made on the host");
        let magic = r#"{"hostPath": "/usr/share/zoneinfo", "containerPath": "/usr/lib/magic/x"}"#;
        let _refused = run(&corten, ("x.json", &text(magic)), &device, &["hostile", "true"]);
        assert!(is_untouched(), "something was made on the host");
    }
}
