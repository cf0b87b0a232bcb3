//! `build` by its command line: what is printed in each style, what it exits with, files that it writes, and where the result goes.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use serde_json::Value;
    use testkit::{Corten, Finished, signal};

    /// A store, and a directory with a Dockerfile in it.
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

        /// The program in the context's directory, without what this machine's user has set.
        fn command(&self, args: &[&str]) -> Command {
            let mut command = self.corten.command();
            command.arg("build").args(["--network", "none"]).args(args);
            command.current_dir(&self.context).env("HOME", self.corten.directory());
            command.env_remove("DOCKER_CONFIG").env_remove("BUILDKIT_PROGRESS");
            command.stdin(Stdio::null());
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
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    const TWO_STAGES: &str = "FROM busybox AS made\nENV A=b\nRUN echo one; echo $A > /made\n\
        FROM busybox\nCOPY --from=made /made /made\nLABEL of=tests\nCMD [\"cat\", \"/made\"]\n";

    #[test]
    fn lines_say_what_each_step_did() {
        let scene = Scene::new(TWO_STAGES);
        let first = scene.ok(&["-t", "app", "-t", "example.test/app:2", "."]);
        assert_eq!(first.stdout, "");
        for words in [
            "[internal] ",
            "[made 1/2] FROM busybox AS made\n",
            "[made 2/2] RUN echo one; echo $A > /made\n",
            " one\n",
            "[stage-1 2/2] COPY --from=made /made /made\n",
            " DONE 0.",
            " naming to app:latest\n",
            " naming to example.test/app:2\n",
        ] {
            assert!(first.stderr.contains(words), "{words:?}: {}", first.stderr);
        }
        assert!(!first.stderr.contains("ENV"), "{}", first.stderr);
        assert_eq!(scene.corten.ok(&["run", "--rm", "--network", "none", "app"]), "b");
        let label = ["image", "inspect", "-f", "{{.Config.Labels.of}}", "example.test/app:2"];
        assert_eq!(scene.corten.ok(&label), "tests");
        let second = scene.ok(&["--explain", "."]);
        assert_eq!(second.stderr.matches(" CACHED\n").count(), 2, "{}", second.stderr);
        assert_eq!(second.stderr.matches("RUN echo").count(), 1, "{}", second.stderr);
        write(&scene.context.join("Dockerfile"), &TWO_STAGES.replace("A=b", "A=c"));
        let third = scene.ok(&["--explain", "."]);
        assert!(third.stderr.contains(" MISSED "), "{}", third.stderr);
    }

    #[test]
    fn json_is_an_object_for_each_event() {
        let scene = Scene::new(TWO_STAGES);
        let built = scene.ok(&["--progress", "json", "-t", "app", "."]);
        let events: Vec<Value> =
            built.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |name: &str| events.iter().filter(|event| event["event"] == name).count();
        assert_eq!((of("steps"), of("image"), of("failed")), (1, 1, 0), "{}", built.stdout);
        let line = events.iter().find(|event| event["event"] == "output").unwrap();
        assert_eq!((&line["line"], &line["stream"]), (&"one".into(), &"stdout".into()));
        let image = events.iter().find(|event| event["event"] == "image").unwrap();
        let id = scene.corten.ok(&["image", "inspect", "-f", "{{.Id}}", "app"]);
        assert_eq!(image["id"], id.as_str());
        assert_eq!(built.stderr, "");
        let raw = scene.ok(&["--progress", "rawjson", "."]);
        for line in raw.stderr.lines() {
            assert!(serde_json::from_str::<Value>(line).unwrap().is_object(), "{line}");
        }
    }

    #[test]
    fn a_failure_shows_its_last_lines_and_its_place() {
        let scene =
            Scene::new("FROM busybox\nRUN for i in $(seq 30); do echo line $i; done; exit 3\n");
        let failed = scene.build(&["-t", "app", "."]);
        assert_eq!((failed.code, failed.stdout.as_str()), (1, ""));
        let (_before, end) = failed.stderr.split_once("------\n").unwrap();
        assert!(end.starts_with(" > [2/2] RUN for i"), "{end}");
        assert!(
            !end.contains("line 10\n") && end.contains("line 11\n") && end.contains("line 30\n")
        );
        assert!(end.contains("Dockerfile:2:1: ") && end.contains("ended with code 3"), "{end}");
        assert!(!scene.corten.run(&["image", "inspect", "app"]).stderr.is_empty());
        let misspelt = Scene::new("FORM busybox\n").build(&["."]);
        assert_eq!(misspelt.code, 1);
        assert!(
            misspelt.stderr.contains("Dockerfile:1:1: ")
                && misspelt.stderr.contains("did you mean FROM?")
        );
    }

    #[test]
    fn quiet_says_the_id_alone_and_files_are_written() {
        let scene = Scene::new(TWO_STAGES);
        let (id_file, about) = (scene.context.join("id"), scene.context.join("about.json"));
        let args = ["-q", "-t", "app", "--iidfile", "id", "--metadata-file", "about.json", "."];
        let built = scene.ok(&args);
        let id = built.stdout.trim_end();
        assert_eq!((built.stderr.as_str(), read(&id_file).as_str()), ("", id));
        let about: Value = serde_json::from_str(&read(&about)).unwrap();
        assert_eq!(about["containerimage.config.digest"], id);
        assert_eq!(about["image.name"], "docker.io/library/app:latest");
        write(&scene.context.join("Dockerfile"), "FROM busybox\nRUN false\n");
        assert_eq!(scene.build(&args).code, 1);
        assert!(!id_file.exists(), "an id of an earlier build is not taken for this one's");
    }

    #[test]
    fn the_result_goes_where_it_is_asked_to() {
        let scene = Scene::new(TWO_STAGES);
        let before = scene.corten.ok(&["images", "-a", "-q"]);
        scene.ok(&["-o", "out", "."]);
        assert_eq!(read(&scene.context.join("out/made")), "b\n");
        scene.ok(&["-o", "type=tar,dest=root.tar", "."]);
        let mut list = Command::new("tar");
        let listed = list.args(["-tf", "root.tar"]).current_dir(&scene.context).output().unwrap();
        assert!(
            String::from_utf8_lossy(&listed.stdout)
                .lines()
                .any(|line| line.trim_start_matches("./") == "made")
        );
        scene.ok(&["-o", "type=docker,dest=image.tar", "-t", "app:1", "."]);
        assert_eq!(scene.corten.ok(&["images", "-a", "-q"]), before, "no image stays");
        let archive = scene.context.join("image.tar");
        scene.corten.ok(&["load", "-i", archive.to_str().unwrap()]);
        assert_eq!(scene.corten.ok(&["run", "--rm", "--network", "none", "app:1"]), "b");
        let to_stdout = scene.build(&["-o", "-", "."]);
        assert!(to_stdout.code == 0 && to_stdout.stdout.len() > 1024);
    }

    #[test]
    fn checks_alone_build_nothing() {
        let scene = Scene::new("from busybox AS Made\nRUN true\n");
        let found = scene.build(&["--check", "."]);
        assert_eq!(found.code, 1);
        assert!(found.stdout.starts_with("Check complete, "), "{}", found.stdout);
        assert!(found.stdout.contains("\nWARNING: StageNameCasing\n"), "{}", found.stdout);
        write(&scene.context.join("Dockerfile"), "FROM busybox\nRUN true\n");
        let clean = scene.ok(&["--call", "check", "."]);
        assert_eq!(clean.stdout, "Check complete, no warnings found.\n");
    }

    #[test]
    fn another_file_and_standard_input() {
        let scene = Scene::new("FROM busybox\nRUN false\n");
        write(
            &scene.corten.directory().join("other"),
            "FROM busybox\nARG WHO=nobody\nRUN echo for $WHO\n",
        );
        // From the caller's directory, not the context's.
        let built = scene.ok(&["-f", "../other", "--build-arg", "WHO=me", "."]);
        assert!(built.stderr.contains(" for me\n"), "{}", built.stderr);
        let mut command = scene.command(&["-f", "-", "."]);
        let file = std::fs::File::open(scene.corten.directory().join("other")).unwrap();
        let built = Finished::from(command.stdin(file).output().unwrap());
        assert!(built.code == 0 && built.stderr.contains(" for nobody\n"), "{}", built.stderr);
        let both = scene.build(&["-f", "-", "-"]);
        assert_eq!(both.code, 1);
        assert!(both.stderr.contains("can't use stdin for both"), "{}", both.stderr);
    }

    #[test]
    fn what_is_not_there_is_refused_with_dockers_codes() {
        let scene = Scene::new("FROM busybox\n");
        for (args, code, words) in [
            (&["--sbom", "generator=x", "."][..], 125, "there is no generator to choose"),
            (&["--annotation", "a", "."], 125, "[TYPE:]KEY=VALUE"),
            (&["--builder", "other", "."], 125, "there is none to choose"),
            (&["-t", "UPPER", "."], 125, "must be lower-case"),
            (&["--nope", "."], 125, "unknown flag"),
            (&[], 1, "requires 1 argument"),
            (&["none"], 1, "unable to prepare context: path \"none\" not found"),
            (&["--push", "."], 1, "tag is needed"),
            (&["--target", "nope", "."], 1, "target stage nope"),
        ] {
            let refused = scene.build(args);
            assert_eq!(refused.code, code, "{args:?}: {}", refused.stderr);
            assert!(refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
        }
    }

    #[test]
    fn a_signal_ends_a_build_and_leaves_nothing() {
        let scene = Scene::new("FROM busybox\nRUN echo begun; sleep 1000\n");
        for (name, code) in [("INT", 2), ("TERM", 15)] {
            let mut command = scene.command(&["--progress", "json", "."]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut lines = lines.map(Result::unwrap);
            assert!(lines.any(|line| line.contains("\"line\":\"begun\"")));
            signal(name, child.id());
            assert!(lines.any(|line| line.contains("\"event\":\"cancelled\"")));
            let status = child.wait().unwrap();
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(code));
            assert_eq!(scene.corten.ok(&["ps", "-a", "-q"]), "");
        }
    }
}
