//! What a build may be given beside its context: directories as bases, devices, keys; and what the file says it takes (`--call`).

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use serde_json::Value;
    use testkit::{Corten, Finished};

    struct Scene {
        corten: Corten,
        context: PathBuf,
    }

    impl Scene {
        fn new(dockerfile: &str) -> Self {
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            let context = corten.directory().join("context");
            std::fs::create_dir(&context).unwrap();
            write(&context.join("Dockerfile"), dockerfile);
            Self { corten, context }
        }

        fn command(&self, args: &[&str]) -> Command {
            let mut command = self.corten.command();
            command.args(["build", "--network", "none"]).args(args).arg(".");
            command.current_dir(&self.context).env("HOME", self.corten.directory());
            command.env_remove("DOCKER_CONFIG").env_remove("BUILDKIT_PROGRESS");
            command.env_remove("SSH_AUTH_SOCK");
            command
        }

        fn build(&self, args: &[&str]) -> Finished {
            Finished::from(self.command(args).output().unwrap())
        }

        #[track_caller]
        fn ok(&self, args: &[&str]) -> Finished {
            let built = self.build(args);
            assert_eq!(built.code, 0, "{args:?}: {}{}", built.stdout, built.stderr);
            built
        }

        fn shown(&self, script: &str) -> String {
            self.corten.ok(&["run", "--rm", "--network", "none", "app", "sh", "-c", script])
        }
    }

    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_directory_takes_the_place_of_a_base() {
        let file =
            "FROM base AS made\nRUN echo more > /more\nFROM base\nCOPY --from=made /more /more\n";
        let scene = Scene::new(file);
        let root = scene.corten.directory().join("files");
        std::fs::create_dir(&root).unwrap();
        testkit::busybox_rootfs(&root);
        write(&root.join("etc/word"), "first\n");
        write(&root.join("left/out"), "x\n");
        write(&root.join(".dockerignore"), "left\n");
        std::fs::set_permissions(root.join("etc/word"), std::fs::Permissions::from_mode(0o640))
            .unwrap();
        std::os::unix::fs::chown(root.join("etc/word"), Some(7), Some(7)).unwrap();
        let given = format!("base={}", root.display());
        let args = ["--build-context", &given, "-t", "app"];
        let first = scene.ok(&args);
        // One of the two stages finds what the other one has made.
        assert_eq!(first.stderr.matches(" CACHED\n").count(), 1, "{}", first.stderr);
        let script =
            "cat /etc/word /more; stat -c '%a %u:%g' /etc/word; test -e /left || echo $PATH";
        assert_eq!(
            scene.shown(script),
            "first\nmore\n640 0:0\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        );
        let history = scene.corten.ok(&["history", "--format", "{{.CreatedBy}}", "app"]);
        assert!(history.ends_with("FROM base"), "{history}");
        let again = scene.ok(&args);
        assert_eq!(again.stderr.matches(" CACHED\n").count(), 4, "{}", again.stderr);
        write(&scene.context.join("Dockerfile"), "FROM base\nLABEL a=b\n");
        scene.ok(&args);
        write(&root.join("etc/word"), "second\n");
        scene.ok(&args);
        write(&root.join("etc/word"), "third\n");
        let changed = scene.ok(&[&args[..], &["--explain"]].concat());
        assert!(changed.stderr.contains("etc/word"), "{}", changed.stderr);
        assert_eq!(scene.shown("cat /etc/word"), "third");
    }

    /// Where a description of a device is that nobody else sees.
    fn with_device(scene: &Scene, args: &[&str]) -> Finished {
        let file = scene.corten.directory().join("cdi.json");
        let text = r#"{"cdiVersion": "0.6.0", "kind": "example.org/null", "devices": [
            {"name": "one", "containerEdits": {"env": ["ONE=1"], "deviceNodes": [{"path": "/dev/nothing", "hostPath": "/dev/null"}]}},
            {"name": "two", "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"}, "containerEdits": {"env": ["TWO=2"]}}]}"#;
        write(&file, text);
        let mut build = scene.command(args);
        build.current_dir(&scene.context);
        Finished::from(testkit::with_device_description(&build, &file).output().unwrap())
    }

    #[test]
    fn devices_have_to_be_allowed() {
        let one =
            "FROM busybox\nRUN --device=example.org/null=one test -c /dev/nothing; echo one $ONE\n";
        let scene = Scene::new(one);
        let refused = with_device(&scene, &[]);
        assert_eq!(refused.code, 1);
        for words in
            ["device example.org/null=one is not allowed", "--allow device=example.org/null=one"]
        {
            assert!(refused.stderr.contains(words), "{}", refused.stderr);
        }
        assert_eq!(with_device(&scene, &["--allow", "device=example.org/null=two"]).code, 1);
        for allowed in ["device", "device=example.org/null=one"] {
            let built = with_device(&scene, &["--no-cache", "--allow", allowed]);
            assert!(built.code == 0 && built.stderr.contains("one 1\n"), "{}", built.stderr);
        }
        write(
            &scene.context.join("Dockerfile"),
            "FROM busybox\nRUN --device=example.org/null=two echo two $TWO\n",
        );
        let free = with_device(&scene, &[]);
        assert!(free.code == 0 && free.stderr.contains("two 2\n"), "{}", free.stderr);
        // A device that may be missing is no reason to fail, one that is required is.
        write(
            &scene.context.join("Dockerfile"),
            "FROM busybox\nRUN --device=example.org/none echo without\n",
        );
        assert_eq!(with_device(&scene, &[]).code, 0);
        write(
            &scene.context.join("Dockerfile"),
            "FROM busybox\nRUN --device=example.org/none,required true\n",
        );
        let missing = with_device(&scene, &["--allow", "device"]);
        assert!(
            missing.code == 1 && missing.stderr.contains("no description"),
            "{}",
            missing.stderr
        );
    }

    fn keygen(path: &Path, passphrase: &str) {
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-t", "ed25519", "-C", "of the test", "-N", passphrase, "-f"])
            .arg(path);
        assert!(command.status().unwrap().success());
    }

    /// A directory with a program and what it is linked with.
    fn program_of_the_host(name: &str, directory: &Path) -> String {
        let into = directory.join("tools");
        std::fs::create_dir(&into).unwrap();
        let path = format!("/usr/bin/{name}");
        let linked = Command::new("ldd").arg(&path).output().unwrap();
        let linked = String::from_utf8(linked.stdout).unwrap();
        let files = linked.split_whitespace().filter(|word| word.starts_with('/'));
        for file in files.chain([path.as_str()]) {
            std::fs::copy(file, into.join(file.rsplit('/').next().unwrap())).unwrap();
        }
        into.display().to_string()
    }

    fn agents() -> usize {
        let entries = std::fs::read_dir("/tmp").unwrap().flatten();
        let own =
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("corten-ssh-"));
        own.count()
    }

    #[test]
    fn files_of_keys_are_served_by_an_agent_of_the_builds_own() {
        let file = "FROM busybox\nRUN --mount=type=bind,from=tools,target=/t --mount=type=ssh,id=work,required \
            $(echo /t/ld-linux*) --library-path /t /t/ssh-add -l\n";
        let scene = Scene::new(file);
        let tools = format!("tools={}", program_of_the_host("ssh-add", scene.corten.directory()));
        let (one, other) =
            (scene.corten.directory().join("one"), scene.corten.directory().join("other"));
        keygen(&one, "");
        keygen(&other, "secret");
        let before = agents();
        let given = format!("work={0},{0}", one.display());
        let built = scene.ok(&["--ssh", &given, "--build-context", &tools]);
        assert!(built.stderr.contains(" of the test (ED25519)"), "{}", built.stderr);
        let refused = scene.build(&["--ssh", &format!("work={}", other.display())]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(
            refused.stderr.contains("passphrase") && refused.stderr.contains("--ssh default"),
            "{}",
            refused.stderr
        );
        assert_eq!(agents(), before);
        // Without OpenSSH it is said.
        let mut command = scene.command(&["--ssh", &given]);
        let absent = Finished::from(command.env("PATH", "/nowhere").output().unwrap());
        assert!(absent.code == 1 && absent.stderr.contains("not installed"), "{}", absent.stderr);
        // However the build ends.
        write(
            &scene.context.join("Dockerfile"),
            "FROM busybox\nRUN --mount=type=ssh,id=work sleep 1000\n",
        );
        let mut child = scene.command(&["--ssh", &given]).spawn().unwrap();
        testkit::wait_until("the step runs", || !scene.corten.ok(&["ps", "-q"]).is_empty());
        assert_eq!(agents(), before + 1);
        child.kill().unwrap();
        child.wait().unwrap();
        testkit::wait_until("the agent is gone", || agents() == before);
        write(&scene.context.join("Dockerfile"), "FROM busybox\n");
        scene.ok(&[]);
    }

    const OFFER: &str = "ARG BASE=busybox\n# made is made first\nFROM $BASE AS made\n# WHO it is for\nARG WHO=nobody\nRUN --mount=type=secret,id=key,required --mount=type=ssh true\nFROM made\nARG MORE\nRUN false\n";

    #[test]
    fn what_a_file_offers_is_told_and_nothing_is_built() {
        let scene = Scene::new(OFFER);
        let targets = scene.ok(&["--call", "targets"]);
        assert_eq!(targets.stdout, "TARGET    DESCRIPTION\nmade      is made first\n(default)\n");
        let outline = scene.ok(&["--call=outline", "--target", "made", "--build-arg", "WHO=me"]);
        assert_eq!(
            outline.stdout,
            "TARGET:      made\nDESCRIPTION: is made first\n\n\
             BUILD ARG   VALUE     DESCRIPTION\nBASE        busybox\nWHO         me        it is for\n\n\
             SECRET   REQUIRED\nkey      true\n\nSSH       REQUIRED\ndefault\n\n"
        );
        let json: Value =
            serde_json::from_str(&scene.ok(&["--call", "outline,format=json"]).stdout).unwrap();
        assert_eq!(
            (&json["args"][2]["name"], &json["args"][2]["value"]),
            (&"MORE".into(), &Value::Null)
        );
        assert_eq!(json["secrets"][0]["location"]["ranges"][0]["start"]["line"], 6);
        let json: Value =
            serde_json::from_str(&scene.ok(&["--call", "targets,format=json"]).stdout).unwrap();
        assert_eq!(
            (&json["targets"][0]["base"], &json["targets"][1]["default"]),
            (&"$BASE".into(), &true.into())
        );
        assert!(json["sources"][0].is_string());
        assert_eq!(scene.corten.ok(&["builder", "history", "ls", "-q"]), "");
        for (call, code) in [("outlines", 125), ("outline,format=xml", 125)] {
            assert_eq!(scene.build(&["--call", call]).code, code, "{call}");
        }
        assert_eq!(scene.build(&["--call", "outline", "--target", "none"]).code, 1);
        write(&scene.context.join("Dockerfile"), "from busybox AS Made\n");
        assert_eq!(scene.build(&["--call", "check"]).code, 1);
        assert_eq!(scene.build(&["--call", "check,ignorestatus=true"]).code, 0);
    }
}
