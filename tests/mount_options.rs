//! What a mount is told beside where it is: ids that are others in a container, labels of SELinux, and what `inspect` shows.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, chown};
    use std::path::Path;
    use std::process::Command;

    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    #[test]
    fn ids_have_ranges_of_their_own() {
        let corten = corten();
        let source = corten.directory().join("source");
        std::fs::create_dir(&source).unwrap();
        for (name, uid, gid) in [("first", 0, 0), ("fourth", 3, 5), ("far", 700, 700)] {
            std::fs::File::create(source.join(name)).unwrap();
            chown(source.join(name), Some(uid), Some(gid)).unwrap();
        }
        let path = source.display();
        let map = "idmap=uids=0-1000-10#700-50-1;gids=@0-2000-10";
        let list = "cd /h; stat -c '%n %u:%g' first fourth far; touch new && stat -c '%u:%g' new";
        let words = [&["run", "--rm", "-u", "1002:2003"], &["-v"][..]].concat();
        for mount in [
            vec!["-v".to_owned(), format!("{path}:/h:{map}")],
            vec!["--mount".to_owned(), format!("type=bind,src={path},dst=/h,{map}")],
        ] {
            chown(&source, Some(2), Some(3)).unwrap();
            let mount: Vec<&str> = mount.iter().map(String::as_str).collect();
            let words = [&words[..4], &mount, &["busybox", "sh", "-c", list]].concat();
            // A group beyond the ranges is nobody's.
            let seen = "first 1000:2000\nfourth 1003:2005\nfar 50:65534\n1002:2003";
            assert_eq!(corten.ok(&words), seen);
            let made = std::fs::metadata(source.join("new")).unwrap();
            assert_eq!((made.uid(), made.gid()), (2, 3));
            std::fs::remove_file(source.join("new")).unwrap();
        }
        // What is said of users alone leaves groups as they are.
        let mount = format!("{path}:/h:idmap=uids=0-1000-10");
        let seen = corten.ok(&[
            "run",
            "--rm",
            "-v",
            &mount,
            "busybox",
            "stat",
            "-c",
            "%u:%g",
            "/h/fourth",
            "/h/far",
        ]);
        assert_eq!(seen, "1003:5\n65534:700");
        for (map, part) in [
            ("uids=0-0-0", "\"0-0-0\" is empty"),
            ("uids=0-0-5#4-100-5", "overlap"),
            ("gids=0-0-4294967296", "beyond 4294967295"),
        ] {
            let mount = format!("{path}:/h:idmap={map}");
            let told = corten.fails(&["create", "-v", &mount, "busybox", "true"], 125);
            assert!(told.contains(part) && told.contains(&mount), "{told}");
        }
    }

    #[test]
    fn inspect_shows_what_was_asked_for() {
        let corten = corten();
        let source = corten.directory().display().to_string();
        let bind = format!("{source}:/a:ro,U,z");
        // `U` gives what is writable.
        let told = corten.fails(&["create", "-v", &bind, "busybox", "true"], 125);
        assert!(told.contains("writable"), "{told}");
        let id = corten.ok(&[
            "create",
            "-v",
            &format!("{source}:/a:ro,Z"),
            "-v",
            &format!("{source}:/b:idmap=uids=0-1000-10"),
            "--mount",
            &format!("type=bind,src={source},dst=/c,relabel=shared,idmap"),
            "--mount",
            "type=volume,src=data,dst=/d,volume-subpath=x/y",
            "busybox",
            "true",
        ]);
        let format = "{{range .Mounts}}{{.Destination}} {{.Mode}} {{json .}}\n{{end}}";
        let shown = corten.ok(&["inspect", "-f", format, &id]);
        let line = |target: &str| {
            let mut lines = shown.lines();
            lines.find(|line| line.starts_with(target)).unwrap_or_else(|| panic!("{shown}"))
        };
        assert!(line("/a ro,Z ").contains(r#""Relabel":"private""#), "{shown}");
        assert!(line("/b idmap=uids=0-1000-10 ").contains(r#""IDMap":"uids=0-1000-10""#));
        let requested = line("/c");
        assert!(requested.contains(r#""IDMap":"true""#) && requested.contains("shared"));
        assert!(line("/d").contains(r#""SubPath":"x/y""#), "{shown}");
        // Who asked for nothing reads what Docker says.
        let document = corten.ok(&["inspect", &id]);
        assert_eq!(document.matches("\"Relabel\"").count(), 2, "{document}");
        assert_eq!(document.matches("\"SubPath\"").count(), 1, "{document}");
    }

    /// The label of a file, which only a machine with SELinux gives.
    fn label(path: &Path) -> String {
        let words = ["--absolute-names", "--only-values", "-n", "security.selinux"];
        let told = Command::new("getfattr").args(words).arg(path).output().unwrap();
        String::from_utf8_lossy(&told.stdout).trim_end_matches('\0').to_owned()
    }

    fn has_selinux() -> bool {
        let is_there = Path::new("/sys/fs/selinux/enforce").exists();
        if !is_there {
            eprintln!("skipped: this machine runs without SELinux");
        }
        is_there
    }

    /// Nothing happens, and nothing is refused.
    #[test]
    fn without_selinux_there_are_no_labels() {
        if Path::new("/sys/fs/selinux/enforce").exists() {
            return;
        }
        let corten = corten();
        let source = corten.directory().join("source");
        std::fs::create_dir(&source).unwrap();
        let mount = |option: &str| format!("{}:/h:{option}", source.display());
        for options in
            [["-v", &mount("z")], ["-v", &mount("Z")], ["--security-opt", "label=level:s0:c1"]]
        {
            corten.ok(&[&["run", "--rm"], &options[..], &["busybox", "true"]].concat());
        }
        assert_eq!(label(&source), "");
    }

    #[test]
    fn labels_are_for_all_or_for_one() {
        let corten = corten();
        let place = |name: &str| corten.directory().join(name);
        for name in ["shared", "private", "other"] {
            std::fs::create_dir(place(name)).unwrap();
            std::fs::File::create(place(name).join("file")).unwrap();
        }
        std::os::unix::fs::symlink(place("other/file"), place("shared/link")).unwrap();
        let mount =
            |name: &str, option: &str| format!("{}:/{name}:{option}", place(name).display());
        if !has_selinux() {
            return;
        }
        let before = label(&place("other/file"));
        corten.ok(&["run", "--rm", "-v", &mount("shared", "z"), "busybox", "true"]);
        let files = "system_u:object_r:container_file_t:s0";
        assert_eq!(label(&place("shared/file")), files);
        assert_eq!(label(&place("shared")), files);
        assert_eq!(label(&place("other/file")), before, "a link is not followed");
        // Its own level is its processes', and nobody else's.
        let current = "cat /proc/self/attr/current; echo; cat /private/file";
        let words =
            ["run", "--name", "one", "-v", &mount("private", "Z"), "busybox", "sh", "-c", current];
        let process = corten.ok(&words).trim_matches(['\0', '\n']).to_owned();
        let level = process.strip_prefix("system_u:system_r:container_t:").unwrap().to_owned();
        assert!(level.starts_with("s0:c") && level.contains(','), "{process}");
        assert_eq!(
            label(&place("private/file")),
            format!("system_u:object_r:container_file_t:{level}")
        );
        let shown = corten.ok(&["inspect", "-f", "{{.ProcessLabel}}", "one"]);
        assert_eq!(shown, process);
        corten.ok(&["run", "--name", "two", "-v", &mount("other", "Z"), "busybox", "true"]);
        assert_ne!(label(&place("other/file")), label(&place("private/file")));
        // One that was chosen, and further processes.
        let given = ["--security-opt", "label=level:s0:c7,c9", "-v", &mount("other", "Z")];
        let words =
            [&["run", "-d", "--name", "given"], &given[..], &["busybox", "sleep", "1000"]].concat();
        corten.ok(&words);
        assert!(label(&place("other/file")).ends_with(":s0:c7,c9"));
        let further = corten.ok(&["exec", "given", "cat", "/proc/self/attr/current"]);
        assert_eq!(further.trim_matches(['\0', '\n']), "system_u:system_r:container_t:s0:c7,c9");
        // Its root and the files of its names are labelled for it too: else nothing of it could be executed.
        let pid = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "given"]);
        for file in ["", "bin/busybox", "etc/hosts", "dev/null"] {
            let label = label(&Path::new("/proc").join(&pid).join("root").join(file));
            assert_eq!(label, "system_u:object_r:container_file_t:s0:c7,c9", "{file}");
        }
        corten.ok(&["rm", "-f", "given"]);
        // Who has no labels gives none.
        let words = [
            "run",
            "--rm",
            "--security-opt",
            "label=disable",
            "-v",
            &mount("other", "z"),
            "busybox",
            "true",
        ];
        corten.ok(&words);
        assert!(label(&place("other/file")).ends_with(":s0:c7,c9"));
    }

    #[test]
    fn places_of_the_system_are_not_labelled() {
        if !has_selinux() {
            return;
        }
        let corten = corten();
        for never in ["/", "/etc", "/usr", "/home", "/root"] {
            let before = label(Path::new(never));
            let mount = format!("{never}:/h:z");
            let told = corten.fails(&["run", "--rm", "-v", &mount, "busybox", "true"], 125);
            assert!(told.contains("taken away from everybody else"), "{told}");
            assert_eq!(label(Path::new(never)), before);
        }
    }
}
