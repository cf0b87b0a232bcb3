//! Records of builds: what is written of them, how it is shown, and that a killed one is told from one that runs.

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use serde_json::Value;
    use testkit::{Corten, Finished, wait_until};

    struct Scene {
        corten: Corten,
        context: PathBuf,
    }

    impl Scene {
        #[expect(clippy::disallowed_methods, reason = "files of a test")]
        fn new(files: &[(&str, &str)]) -> Self {
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            let context = corten.directory().join("context");
            std::fs::create_dir(&context).unwrap();
            for (name, text) in files {
                std::fs::write(context.join(name), text).unwrap();
            }
            Self { corten, context }
        }

        fn command(&self, args: &[&str]) -> Command {
            let mut command = self.corten.command();
            command.args(["build", "--network", "none"]).args(args).arg(".");
            command.current_dir(&self.context).env("HOME", self.corten.directory());
            command.env_remove("DOCKER_CONFIG").env_remove("BUILDKIT_PROGRESS");
            command
        }

        fn build(&self, args: &[&str]) -> Finished {
            Finished::from(self.command(args).output().unwrap())
        }

        fn inspected(&self, reference: &str) -> Value {
            let args = ["builder", "history", "inspect", "--format", "json", reference];
            serde_json::from_str(&self.corten.ok(&args)).unwrap()
        }
    }

    const FILE: &str = "FROM busybox AS made\nENV A=b\nRUN echo one; echo two >&2\nFROM busybox AS bad\nRUN echo oh; exit 3\n";

    #[test]
    fn a_build_can_be_looked_at_later() {
        let scene = Scene::new(&[("Dockerfile", FILE)]);
        assert_eq!(scene.build(&["--target", "made", "-t", "app"]).code, 0);
        assert_eq!(scene.build(&["--target", "made"]).code, 0);
        assert_eq!(scene.build(&["--target", "bad"]).code, 1);
        let listed = scene.corten.ok(&["build", "history", "ls"]);
        let lines: Vec<&str> = listed.lines().collect();
        assert_eq!(lines.len(), 4, "{listed}");
        assert!(lines[0].starts_with("BUILD ID ") && lines[0].ends_with("DURATION"), "{listed}");
        assert!(lines[1].contains("context (bad)") && lines[1].contains("Error"), "{listed}");
        assert!(lines[3].contains("context (made)") && lines[3].contains("Completed"), "{listed}");
        let failed = ["buildx", "history", "ls", "--filter", "status=error", "-q"];
        let id = scene.corten.ok(&failed);
        let bad = scene.inspected(&id[..8]);
        assert_eq!((&bad["Ref"], &bad["Status"]), (&id.as_str().into(), &"error".into()));
        assert!(bad["Error"]["Message"].as_str().unwrap().contains("ended with code 3"), "{bad}");
        assert!(bad["Error"]["Sources"].as_str().unwrap().contains("RUN echo oh"), "{bad}");
        let (cached, first) = (scene.inspected("^1"), scene.inspected("^2"));
        assert_eq!((&cached["NumCachedSteps"], &first["NumCachedSteps"]), (&1.into(), &0.into()));
        assert_eq!((&first["NumTotalSteps"], &first["NumCompletedSteps"]), (&4.into(), &4.into()));
        assert_eq!((&first["Tags"][0], &first["Target"]), (&"app:latest".into(), &"made".into()));
        let image = scene.corten.ok(&["image", "inspect", "-f", "{{.Id}}", "app"]);
        assert_eq!(first["Image"], image.as_str());
        assert_eq!(first["Context"], scene.context.to_str().unwrap());
        let shown = scene.corten.ok(&["builder", "history", "inspect"]);
        for words in ["Name:           context (bad)", "Status:         Error", "RUN echo oh"] {
            assert!(shown.contains(words), "{words:?}: {shown}");
        }
        let told = scene.corten.ok(&["builder", "history", "logs", "^2"]);
        for words in ["RUN echo one; echo two >&2\n", " one\n", " two\n", "naming to app:latest"] {
            assert!(told.contains(words), "{words:?}: {told}");
        }
        let told = scene.corten.ok(&["builder", "history", "logs", "--progress", "json"]);
        let is_output = |line: &str| line.contains("\"output\"") && line.contains("\"oh\"");
        assert!(told.lines().any(is_output), "{told}");
        let none = scene.corten.fails(&["builder", "history", "logs", "nothing"], 1);
        assert!(none.contains("no build \"nothing\" is recorded"), "{none}");
        scene.corten.ok(&["builder", "history", "rm", "^0", "^1"]);
        assert_eq!(scene.corten.ok(&["builder", "history", "ls", "-q"]).lines().count(), 1);
        scene.corten.fails(&["builder", "history", "rm"], 1);
        scene.corten.ok(&["builder", "history", "rm", "--all"]);
        assert_eq!(scene.corten.ok(&["builder", "history", "ls", "-q"]), "");
        // What builds have beside it, once they have read files that are not new.
        std::fs::File::create(scene.corten.root().join("build-sums")).unwrap();
        scene.corten.ok(&["system", "check"]);
    }

    #[test]
    fn a_killed_build_is_shown_as_such() {
        let file = "FROM busybox\nRUN echo begun; sleep 1000\n";
        let scene = Scene::new(&[("Dockerfile", file), ("Small", "FROM busybox\n")]);
        let mut command = scene.command(&[]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the step runs", || !scene.corten.ok(&["ps", "-q"]).is_empty());
        assert_eq!(scene.inspected("")["Status"], "running");
        scene.corten.fails(&["builder", "history", "rm", "^0"], 1);
        child.kill().unwrap();
        child.wait().unwrap();
        let killed = scene.inspected("");
        assert_eq!((&killed["Status"], &killed["Duration"]), (&"killed".into(), &Value::Null));
        let told = scene.corten.ok(&["builder", "history", "logs"]);
        assert!(told.contains("RUN echo begun; sleep 1000"), "{told}");
        // The next one ends what was left.
        assert_eq!(scene.build(&["-f", "Small"]).code, 0);
        assert_eq!(scene.corten.ok(&["ps", "-aq"]), "");
    }

    /// Not even one that a step prints.
    #[test]
    fn secrets_are_not_written_down() {
        let file = "FROM busybox\nRUN --mount=type=secret,id=key cat /run/secrets/key; printf 'the-horse'; printf -- '-battery\\n' >&2; exit 1\n";
        let scene = Scene::new(&[("Dockerfile", file)]);
        let mut command = scene.command(&["--secret", "id=key,env=KEY"]);
        let failed = Finished::from(command.env("KEY", "the-horse-battery\n").output().unwrap());
        assert_eq!(failed.code, 1);
        let told = scene.corten.ok(&["builder", "history", "logs"]);
        assert!(told.contains("*****") && !told.contains("the-horse-battery"), "{told}");
        let mut grep = Command::new("grep");
        let found =
            grep.args(["-rl", "the-horse-battery"]).arg(scene.corten.root()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    }
}
