//! `bake` by its command line: which targets are built, in which order and beside each other, what is printed, and what ends all of them.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use serde_json::Value;
    use testkit::{Corten, Finished, signal};

    /// A store, and a directory with files in it.
    struct Scene {
        corten: Corten,
        directory: PathBuf,
    }

    impl Scene {
        fn new(files: &[(&str, &str)]) -> Self {
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            let directory = corten.directory().join("work");
            std::fs::create_dir(&directory).unwrap();
            let scene = Self { corten, directory };
            files.iter().for_each(|(name, text)| scene.write(name, text));
            scene
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.join(name)
        }

        #[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        /// The program in the directory, without what this machine's user has set.
        fn command(&self, args: &[&str]) -> Command {
            let mut command = self.corten.command();
            command.args(args).current_dir(&self.directory).env("HOME", self.corten.directory());
            for name in
                ["DOCKER_CONFIG", "BUILDKIT_PROGRESS", "BUILDX_BAKE_FILE", "SOURCE_DATE_EPOCH"]
            {
                command.env_remove(name);
            }
            command
        }

        fn run(&self, args: &[&str]) -> Finished {
            Finished::from(self.command(args).output().unwrap())
        }

        #[track_caller]
        fn ok(&self, args: &[&str]) -> Finished {
            let ended = self.run(args);
            assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.stdout, ended.stderr);
            ended
        }

        /// What a container of an image says.
        #[track_caller]
        fn says(&self, image: &str) -> String {
            self.corten.ok(&["run", "--rm", "--network", "none", image])
        }

        fn images(&self) -> String {
            self.corten.ok(&["images", "-a", "-q"])
        }
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    const DOCKERFILE: &str =
        "FROM busybox\nARG WHO=nobody\nRUN echo \"for $WHO\" > /made\nCMD [\"cat\", \"/made\"]\n";

    const FILE: &str = r#"
        variable "WHO" { default = "me" }
        group "default" { targets = ["app", "kinds"] }
        target "_common" {
          network = "none"
          args = { WHO = WHO }
          labels = { of = "tests" }
        }
        target "app" {
          inherits = ["_common"]
          description = "The program"
          tags = ["app:1", "example.test/app:2"]
        }
        target "kinds" {
          name = "kind-${kind}"
          matrix = { kind = ["a", "b"] }
          inherits = ["_common"]
          args = { WHO = kind }
          tags = ["kind:${kind}"]
        }
    "#;

    #[test]
    fn groups_matrices_and_what_targets_inherit() {
        let scene = Scene::new(&[("docker-bake.hcl", FILE), ("Dockerfile", DOCKERFILE)]);
        let built = scene.ok(&["bake", "--metadata-file", "about.json"]);
        assert_eq!(built.stdout, "");
        for words in
            ["[app 2/2] RUN", "[kind-a 2/2] RUN", "[kind-b internal] ", " naming to kind:b\n"]
        {
            assert!(built.stderr.contains(words), "{words:?}: {}", built.stderr);
        }
        assert_eq!(scene.says("example.test/app:2"), "for me");
        assert_eq!((scene.says("kind:a"), scene.says("kind:b")), ("for a".into(), "for b".into()));
        let label = ["image", "inspect", "-f", "{{.Config.Labels.of}} {{.Id}}", "kind:a"];
        let shown = scene.corten.ok(&label);
        let about: Value = serde_json::from_str(&read(&scene.path("about.json"))).unwrap();
        let id = about["kind-a"]["containerimage.config.digest"].as_str().unwrap();
        assert_eq!(shown, format!("tests {id}"));
        assert_eq!(about["app"]["image.name"], "docker.io/library/app:1,example.test/app:2");
        assert_eq!(about.as_object().unwrap().len(), 3);
    }

    #[test]
    fn the_line_and_the_environment_change_targets() {
        let scene = Scene::new(&[("bake.hcl", FILE), ("Dockerfile", DOCKERFILE)]);
        let mut command = scene.command(&["build", "-f", "bake.hcl", "-q", "app"]);
        let built = Finished::from(command.env("WHO", "the environment").output().unwrap());
        assert_eq!((built.code, built.stderr.as_str()), (0, ""));
        assert_eq!(scene.says("app:1"), "for the environment");
        let id = scene.corten.ok(&["image", "inspect", "-f", "{{.Id}}", "app:1"]);
        assert_eq!(built.stdout.trim_end(), id);
        scene.ok(&["bake", "-f", "bake.hcl", "--var", "WHO=the line", "app"]);
        assert_eq!(scene.says("app:1"), "for the line");
        let sets = ["--set", "*.args.WHO=all", "--set", "app.args.WHO=app", "--set", "app.tags=x"];
        scene.ok(&[&["buildx", "bake", "-f", "bake.hcl"], &sets[..]].concat());
        assert_eq!((scene.says("x"), scene.says("kind:a")), ("for app".into(), "for all".into()));
        let input = std::fs::File::open(scene.path("bake.hcl")).unwrap();
        scene.write("more.json", "{\"target\": {\"app\": {\"args\": {\"WHO\": \"more\"}}}}");
        let mut command = scene.command(&["bake", "-f", "-", "-f", "more.json", "app"]);
        let built = Finished::from(command.stdin(input).output().unwrap());
        assert_eq!(built.code, 0, "{}", built.stderr);
        assert_eq!(scene.says("app:1"), "for more");
    }

    #[test]
    fn print_is_what_buildx_prints() {
        let scene = Scene::new(&[("docker-bake.hcl", FILE)]);
        let printed =
            scene.ok(&["bake", "--print", "--push", "--set", "app.platform=linux/amd64", "app"]);
        insta::assert_snapshot!(printed.stdout, @r#"
        {
          "group": {
            "default": {
              "targets": [
                "app"
              ]
            }
          },
          "target": {
            "app": {
              "description": "The program",
              "context": ".",
              "dockerfile": "Dockerfile",
              "args": {
                "WHO": "me"
              },
              "labels": {
                "of": "tests"
              },
              "tags": [
                "app:1",
                "example.test/app:2"
              ],
              "platforms": [
                "linux/amd64"
              ],
              "output": [
                {
                  "push": "true",
                  "type": "image"
                }
              ],
              "network": "none"
            }
          }
        }
        "#);
        let printed = scene.ok(&["bake", "--print", "kind-a"]);
        let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
        assert_eq!(printed["target"]["kind-a"]["args"]["WHO"], "a");
        let mut command = scene.command(&["bake", "--print", "app"]);
        let printed = Finished::from(command.env("SOURCE_DATE_EPOCH", "5").output().unwrap());
        assert!(printed.stdout.contains("\"SOURCE_DATE_EPOCH\": \"5\""), "{}", printed.stdout);
    }

    #[test]
    fn lists_say_what_files_have() {
        let scene = Scene::new(&[("docker-bake.hcl", FILE)]);
        let targets = scene.ok(&["bake", "--list", "targets"]).stdout;
        assert_eq!(
            targets
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>(),
            [
                "TARGET DESCRIPTION",
                "app The program",
                "default app, kinds",
                "kind-a",
                "kind-b",
                "kinds kind-a, kind-b"
            ]
        );
        let variables = scene.ok(&["bake", "--list", "type=variables,format=json"]).stdout;
        let variables: Value = serde_json::from_str(&variables).unwrap();
        assert_eq!((&variables[0]["name"], &variables[0]["value"]), (&"WHO".into(), &"me".into()));
        assert_eq!(scene.images().lines().count(), 1, "nothing was built");
    }

    /// `made` is built before what is made of it, and stays no image of its own.
    #[test]
    fn targets_are_contexts_of_others() {
        let file = r#"
            target "made" {
              network = "none"
              dockerfile-inline = "FROM busybox\nRUN echo linked > /made\n"
            }
            target "app" {
              network = "none"
              contexts = { base = "target:made", data = "data" }
              dockerfile = "files/App"
              tags = ["app"]
              pull = PULL
            }
            variable "PULL" { default = false }
        "#;
        let app = "FROM base\nCOPY --from=data word /word\nRUN --mount=from=base,target=/m cat /m/made /word > /all\nCMD [\"cat\", \"/all\"]\n";
        let files = [("docker-bake.hcl", file), ("files/App", app), ("data/word", "word\n")];
        let scene = Scene::new(&files);
        let before = scene.images().lines().count();
        let built = scene.ok(&["bake", "app"]);
        assert_eq!(scene.says("app"), "linked\nword");
        assert!(built.stderr.contains("[made 2/2] RUN echo"), "{}", built.stderr);
        assert_eq!(scene.images().lines().count(), before + 1);
        let again = scene.ok(&["bake", "app"]);
        assert_eq!(again.stderr.matches(" CACHED\n").count(), 3, "{}", again.stderr);
        // What is here only is not asked for at a registry; what the link is made of would be.
        scene.ok(&["bake", "app", "--var", "PULL=true"]);
        let circle = "target \"a\" { contexts = { x = \"target:b\" } }\ntarget \"b\" { contexts = { x = \"target:a\" } }\n";
        scene.write("circle.hcl", circle);
        let refused = scene.run(&["bake", "-f", "circle.hcl", "a"]);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("depends on itself"), "{}", refused.stderr);
    }

    /// Two targets of which each waits until the other one runs.
    const MEETING: &str = r#"
        group "default" { targets = ["one", "two"] }
        target "one" {
          network = "none"
          dockerfile-inline = "FROM busybox\nRUN --mount=type=cache,id=meet,target=/c touch /c/one; until [ -e /c/two ]; do sleep 0.1; done; ONE\n"
        }
        target "two" {
          network = "none"
          dockerfile-inline = "FROM busybox\nRUN --mount=type=cache,id=meet,target=/c touch /c/two; until [ -e /c/one ]; do sleep 0.1; done; TWO\n"
        }
    "#;

    #[test]
    fn targets_run_beside_each_other() {
        let file = MEETING.replace("ONE", "echo first").replace("TWO", "echo second");
        let scene = Scene::new(&[("docker-bake.hcl", &file)]);
        let built = scene.ok(&["bake", "--progress", "json"]);
        let events: Vec<Value> =
            built.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (target, line) in [("one", "first"), ("two", "second")] {
            let of = |name: &str| {
                let is_it = |event: &&Value| event["target"] == target && event["event"] == name;
                events.iter().filter(is_it).collect::<Vec<_>>()
            };
            assert_eq!((of("steps").len(), of("image").len()), (1, 1), "{}", built.stdout);
            assert_eq!(
                (&of("output")[0]["line"], &of("output")[0]["step"]),
                (&line.into(), &2.into())
            );
        }
        let raw = scene.ok(&["bake", "--progress", "rawjson"]);
        for line in raw.stderr.lines() {
            assert!(serde_json::from_str::<Value>(line).unwrap().is_object(), "{line}");
        }
    }

    #[test]
    fn steps_in_common_run_once() {
        let file = "group \"default\" { targets = [\"kinds\"] }\ntarget \"kinds\" {\n  name = \"kind-${kind}\"\n  matrix = { kind = [\"a\", \"b\", \"c\"] }\n  network = \"none\"\n  dockerfile-inline = \"FROM busybox\\nRUN cat /proc/sys/kernel/random/uuid > /id\\nCMD [\\\"cat\\\", \\\"/id\\\"]\\n\"\n  tags = [\"kind:${kind}\"]\n}\n";
        let scene = Scene::new(&[("docker-bake.hcl", file)]);
        let built = scene.ok(&["bake"]);
        assert_eq!(scene.says("kind:a"), scene.says("kind:b"));
        assert_eq!(scene.says("kind:a"), scene.says("kind:c"));
        assert_eq!(built.stderr.matches(" CACHED\n").count(), 2, "{}", built.stderr);
    }

    #[test]
    fn one_that_fails_ends_the_others_and_names_itself() {
        let file = MEETING.replace("ONE", "sleep 1000").replace("TWO", "echo so; exit 3");
        let scene = Scene::new(&[("docker-bake.hcl", &file)]);
        let before = scene.images();
        let failed = scene.run(&["bake"]);
        assert_eq!((failed.code, failed.stdout.as_str()), (1, ""));
        let (told, end) = failed.stderr.split_once("------\n").unwrap();
        assert!(end.starts_with(" > [two 2/2] RUN "), "{end}");
        assert!(end.contains("error: target two: Dockerfile:2: RUN "), "{end}");
        assert!(end.contains("ended with code 3"), "{end}");
        assert!(told.contains(" CANCELED\n"), "{told}");
        assert_eq!((scene.corten.ok(&["ps", "-a", "-q"]), scene.images()), (String::new(), before));
    }

    #[test]
    fn a_signal_ends_all_and_leaves_nothing() {
        let file = MEETING.replace("ONE", "echo begun; sleep 1000").replace("TWO", "sleep 1000");
        let scene = Scene::new(&[("docker-bake.hcl", &file)]);
        let mut command = scene.command(&["bake", "--progress", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        assert!(lines.any(|line| line.contains("\"line\":\"begun\"")));
        signal("INT", child.id());
        let cancelled = lines.filter(|line| line.contains("\"event\":\"cancelled\"")).count();
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2));
        assert!(cancelled >= 2, "{cancelled}");
        assert_eq!(scene.corten.ok(&["ps", "-a", "-q"]), "");
        let sleeps = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let state = scene.corten.state().display().to_string();
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&state)
        });
        assert_eq!(sleeps.count(), 0);
    }

    #[test]
    fn compose_files_are_baked_with_their_variables() {
        let file = "services:\n  web:\n    build:\n      dockerfile_inline: |\n        FROM busybox\n        ARG WHO\n        RUN echo for $$WHO > /made\n        CMD [\"cat\", \"/made\"]\n      network: none\n      args:\n        WHO: \"${WHO}\"\n    image: \"web:${TAG:-none}\"\n";
        let scene =
            Scene::new(&[("compose.yaml", file), (".env", "WHO='the file' # a comment\nTAG=7\n")]);
        scene.ok(&["bake"]);
        assert_eq!(scene.says("web:7"), "for the file");
        scene.write(".env", "WHO='open\n");
        let refused = scene.run(&["bake", "--print"]);
        assert!(refused.stderr.contains("error: .env:1:1: "), "{}", refused.stderr);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let scene = Scene::new(&[("Dockerfile", DOCKERFILE), ("docker-bake.hcl", FILE)]);
        scene.write(
            "a.hcl",
            "target \"default\" {\n  tags = [VERSON]\n}\nvariable \"VERSION\" {}\n",
        );
        scene.write("b.json", "{\"target\": {\"default\": {\"tag\": []}}}");
        scene.write("c.hcl", "target \"default\" {\n  context = \"none\"\n}\n");
        scene.write("d.hcl", "target \"default\" {\n  tags = [\"UPPER\"]\n}\n");
        scene.write("e.hcl", "target \"default\" {");
        for (args, words) in [
            (
                &["-f", "a.hcl"][..],
                &[
                    "  2 |   tags = [VERSON]\n    |           ^\n",
                    "error: a.hcl:2:11: there is no variable VERSON\nhint: did you mean VERSION?\n",
                ][..],
            ),
            (&["-f", "b.json"], &["error: b.json:1:25: attribute tag is unknown"]),
            (
                &["-f", "c.hcl"],
                &["error: target default: unable to prepare context: path \"none\" not found"],
            ),
            (&["-f", "d.hcl"], &["error: target default: invalid tag \"UPPER\""]),
            (&["-f", "e.hcl"], &["error: e.hcl:1:"]),
            (&["-f", "none.hcl"], &["error: read none.hcl: ENOENT"]),
            (&["ap"], &["there is no target ap\nhint: did you mean app?\n"]),
            (
                &["--set", "app.tag=x", "app"],
                &["override \"app.tag=x\": key tag is unknown, did you mean tags?"],
            ),
            (&["--list", "builds"], &["it is not targets or variables"]),
            (&["--print", "--list", "targets"], &["exclude each other"]),
        ] {
            let refused = scene.run(&[&["bake"], args].concat());
            assert_ne!(refused.code, 0, "{args:?}");
            for words in words {
                assert!(refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
            }
        }
        std::fs::remove_file(scene.path("docker-bake.hcl")).unwrap();
        let refused = scene.run(&["bake"]);
        assert!(refused.stderr.contains("there is no bake file here"), "{}", refused.stderr);
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        let scene = Scene::new(&[("docker-bake.hcl", FILE), ("Dockerfile", DOCKERFILE)]);
        for (args, words) in [
            (
                &["bake", "https://example.test/a.git"][..],
                "at an address (https://example.test/a.git) is not supported yet",
            ),
            (&["bake", "-f", "https://example.test/b.hcl"], "is not supported yet"),
            (&["bake", "--policy", "strict=true"], "--policy is not supported yet"),
            (&["bake", "--builder", "other"], "there is none to choose"),
            (
                &["bake", "--set", "app.policy=filename=x", "app"],
                "target app: policy is not supported yet",
            ),
            (&["bake", "--set", "app.dockerfile=-", "app"], "cannot be standard input"),
            (
                &["bake", "--set", "*.output=type=tar"],
                "outputs of two targets go to standard output",
            ),
            (&["bake", "."], "\".\" is no target"),
            (&["build", "-f", "docker-bake.hcl", "-t", "x"], "--tag is not taken with a bake file"),
            (&["build", "-f", "Dockerfile"], "requires 1 argument"),
        ] {
            let refused = scene.run(args);
            assert_ne!(refused.code, 0, "{args:?}");
            assert!(refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
        }
    }

    #[test]
    fn what_lies_outside_is_allowed_first() {
        let file = "target \"default\" {\n  context = \"../other\"\n  network = \"none\"\n  secret = [\"id=s,src=../token\"]\n  output = [\"../out\"]\n}\n";
        let scene = Scene::new(&[
            ("docker-bake.hcl", file),
            (
                "../other/Dockerfile",
                "FROM busybox\nRUN --mount=type=secret,id=s,target=/s test -s /s && echo made > /made\n",
            ),
            ("../token", "s3"),
        ]);
        let refused = scene.run(&["bake"]);
        assert_eq!(refused.code, 1);
        let flags = "--allow=fs.read=../other --allow=fs.read=../token --allow=fs.write=../out";
        let words = format!("error: additional privileges requested: {flags} grants them\n");
        assert!(refused.stderr.ends_with(&words), "{}", refused.stderr);
        let flags: Vec<&str> = flags.split(' ').collect();
        scene.ok(&[&["bake"], flags.as_slice()].concat());
        assert_eq!(read(&scene.path("../out/made")), "made\n");
        scene.ok(&["bake", "--allow", "fs.read=..", "--set", "*.output=../more"]);
        assert_eq!(read(&scene.path("../more/made")), "made\n");
        scene.write("host.hcl", "target \"default\" { network = \"host\" }\n");
        let refused = scene.run(&["bake", "-f", "host.hcl"]);
        assert!(refused.stderr.contains("--allow=network.host grants them"), "{}", refused.stderr);
        let unknown = scene.run(&["bake", "--allow", "everything"]);
        assert_eq!(unknown.code, 125);
    }

    #[test]
    fn checks_of_every_target() {
        let file = "group \"default\" { targets = [\"a\", \"b\"] }\ntarget \"a\" {\n  description = \"The first\"\n  dockerfile-inline = \"from busybox AS Made\\nRUN true\\n\"\n}\ntarget \"b\" {\n  contexts = { base = \"target:c\" }\n  dockerfile-inline = \"FROM base\\n\"\n}\ntarget \"c\" { dockerfile-inline = \"FROM busybox\\n\" }\n";
        let scene = Scene::new(&[("docker-bake.hcl", file)]);
        let found = scene.run(&["bake", "--check"]);
        assert_eq!(found.code, 1, "{}", found.stderr);
        assert!(found.stdout.starts_with("a\nThe first\n\nCheck complete, "), "{}", found.stdout);
        assert!(found.stdout.contains("\nWARNING: StageNameCasing\n"), "{}", found.stdout);
        assert!(
            found.stdout.contains("\n\nb\n\nCheck complete, no warnings found.\n\nc\n\n"),
            "{}",
            found.stdout
        );
        let clean = scene.ok(&["bake", "--call", "check,format=json", "b"]);
        let clean: Value = serde_json::from_str(&clean.stdout).unwrap();
        assert_eq!(clean["target"]["b"]["check"]["warnings"], Value::Array(Vec::new()));
        assert_eq!(clean["target"]["b"]["build"]["contexts"]["base"], "target:c");
        // One that is built, one that is only looked at.
        let both = scene.run(&["bake", "--set", "a.call=check"]);
        assert!(both.code == 1 && !both.stderr.contains(" naming to "), "{}", both.stderr);
        assert!(
            both.stdout.starts_with("a\n") && !both.stdout.contains("\nb\n"),
            "{}",
            both.stdout
        );
    }
}
