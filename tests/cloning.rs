//! `container clone`: a new container by the configuration of another one, and nothing new where it fails.

#[cfg(test)]
mod tests {
    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn told(corten: &Corten, name: &str, format: &str) -> String {
        corten.ok(&["inspect", "-f", format, name]).trim().to_owned()
    }

    /// Names of all containers, and how many volumes there are.
    fn everything(corten: &Corten) -> (String, usize) {
        let names = corten.ok(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
        (names, corten.ok(&["volume", "ls", "-q"]).lines().count())
    }

    fn original(corten: &Corten, more: &[&str]) {
        let fixed = [
            "--name",
            "box",
            "-e",
            "A=1",
            "-l",
            "b=2",
            "-w",
            "/tmp",
            "-m",
            "64m",
            "--cpu-shares",
            "512",
            "-v",
            "data:/data",
            "-v",
            "/own",
            "busybox",
            "sh",
            "-c",
            "echo $A > /data/said; echo x > /own/x; exec sleep 1000",
        ];
        corten.ok(&[&["run", "-d"], more, &fixed].concat());
        testkit::wait_until("it has written", || {
            corten.run(&["exec", "box", "cat", "/own/x"]).stdout == "x\n"
        });
    }

    #[test]
    fn the_configuration_is_the_same_and_the_files_are_not() {
        let corten = corten();
        original(
            &corten,
            &["--restart", "on-failure:3", "--cap-add", "NET_ADMIN", "--read-only=false"],
        );
        corten.ok(&["exec", "box", "touch", "/in-layer"]);
        let id = corten.ok(&["container", "clone", "box"]);
        assert_eq!(id, corten.ok(&["inspect", "-f", "{{.Id}}", "box-clone"]));
        for format in [
            "{{json .Config.Env}} {{json .Config.Labels}} {{.Config.WorkingDir}} {{json .Config.Cmd}}",
            "{{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{json .HostConfig.RestartPolicy}}",
            "{{json .HostConfig.CapAdd}} {{.Image}} {{.Config.Image}}",
        ] {
            assert_eq!(told(&corten, "box", format), told(&corten, "box-clone", format));
        }
        let hostname = |name| told(&corten, name, "{{.Config.Hostname}}");
        assert_eq!(hostname("box-clone"), id[..12]);
        let volumes =
            |name| told(&corten, name, "{{range .Mounts}}{{.Destination}}={{.Name}} {{end}}");
        let of = |name, target: &str| {
            volumes(name).split(' ').find(|one| one.starts_with(target)).unwrap().to_owned()
        };
        assert_eq!(of("box", "/data"), of("box-clone", "/data"));
        assert_ne!(of("box", "/own"), of("box-clone", "/own"));
        assert_eq!(told(&corten, "box-clone", "{{.State.Status}}"), "created");
        corten.ok(&["start", "box-clone"]);
        assert_eq!(corten.run(&["exec", "box-clone", "ls", "/in-layer"]).code, 1);
        // The next ones, and a name that was asked for.
        for (words, name) in [
            (&["box"][..], "box-clone1"),
            (&["box-clone"], "box-clone2"),
            (&["box", "mine"], "mine"),
            (&["--name", "yours", "box"], "yours"),
        ] {
            corten.ok(&[&["container", "clone"], words].concat());
            corten.ok(&["container", "exists", name]);
        }
        corten.ok(&["rm", "-f", "box"]);
        assert_eq!(corten.ok(&["exec", "box-clone", "cat", "/data/said"]), "1", "it needs nobody");
    }

    #[test]
    fn limits_and_image_may_be_other() {
        let corten = corten();
        original(&corten, &[]);
        corten.ok(&["exec", "box", "touch", "/in-image"]);
        corten.ok(&["commit", "-c", "VOLUME /more", "box", "other"]);
        corten.ok(&[
            "container",
            "clone",
            "--run",
            "-m",
            "32m",
            "--pids-limit",
            "50",
            "box",
            "new",
            "other",
        ]);
        let limits = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}";
        assert_eq!(told(&corten, "new", limits), "33554432 50 512");
        assert_eq!(told(&corten, "new", "{{.Config.Image}} {{.State.Status}}"), "other running");
        corten.ok(&["exec", "new", "ls", "/in-image"]);
        assert!(told(&corten, "new", "{{json .Mounts}}").contains(r#""/more""#));
    }

    #[test]
    fn the_original_goes_when_asked() {
        let corten = corten();
        original(&corten, &[]);
        let destroyed = corten.ok(&["inspect", "-f", "{{.Id}}", "box"]);
        let before = everything(&corten);
        let done = corten.run(&["container", "clone", "--destroy", "--run", "box"]);
        assert!(done.code == 1 && done.stderr.contains("it is running\nhint: "), "{done:?}");
        assert_eq!(everything(&corten), before);
        corten.ok(&["container", "clone", "--destroy", "--force", "--run", "box"]);
        assert_eq!(everything(&corten).0, "box-clone running");
        assert_eq!(corten.run(&["container", "exists", destroyed.trim()]).code, 1);
    }

    #[test]
    fn errors_leave_the_original_and_nothing_new() {
        let corten = corten();
        let source = corten.directory().join("source");
        std::fs::create_dir(&source).unwrap();
        let bind = format!("type=bind,src={},dst=/bound", source.display());
        original(&corten, &["--mount", &bind]);
        corten.ok(&["create", "--name", "taken", "busybox"]);
        // A program that is not there is known at its start only.
        corten.ok(&["create", "--name", "broken", "-v", "/own", "busybox", "/nothing"]);
        corten.ok(&["create", "--name", "vanishing", "--rm", "-v", "/own", "busybox", "/nothing"]);
        let before = everything(&corten);
        for (words, why) in [
            (&["none"][..], "no such container"),
            (&["box", "taken"], "taken"),
            (&["box", "a b"], "invalid container name"),
            (&["box", "new", "NONE"], "invalid reference"),
            (&["--force", "box"], "needs --destroy"),
            (&["--name", "x1", "box", "x2"], "--name"),
            (&["--cpus", "0.5", "--cpu-quota", "1000", "box"], "cpu"),
            (&["-m", "1g", "box"], "memory"),
            (&["-m", "1k", "box"], "memory"),
            (&["--run", "--destroy", "--force", "broken"], "/nothing"),
            (&["--run", "--destroy", "--force", "vanishing"], "/nothing"),
        ] {
            let done = corten.run(&[&["container", "clone"], words].concat());
            assert!(done.code != 0 && done.stderr.contains(why), "{words:?}: {done:?}");
            assert_eq!(everything(&corten), before, "{words:?}");
        }
        std::fs::remove_dir(&source).unwrap();
        let done = corten.run(&["container", "clone", "box"]);
        assert!(done.code == 1 && done.stderr.contains("the source does not exist"), "{done:?}");
        assert_eq!(everything(&corten), before);
        std::fs::create_dir(&source).unwrap();
    }
}
