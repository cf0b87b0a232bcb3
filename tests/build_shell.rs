//! `build --on-error shell`: a shell where a step failed, on a real pseudo-terminal, and that nothing is left of it.

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use testkit::{Corten, Finished, TerminalStep, on_terminal};

    struct Scene {
        corten: Corten,
        context: PathBuf,
    }

    impl Scene {
        #[expect(clippy::disallowed_methods, reason = "files of a test")]
        fn new(dockerfile: &str) -> Self {
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            let context = corten.directory().join("context");
            std::fs::create_dir(&context).unwrap();
            std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
            Self { corten, context }
        }

        fn command(&self, args: &[&str]) -> Command {
            let mut command = self.corten.command();
            command.args(["build", "--network", "none", "--on-error", "shell"]).args(args).arg(".");
            command.current_dir(&self.context).env("HOME", self.corten.directory());
            command.env_remove("DOCKER_CONFIG").env_remove("BUILDKIT_PROGRESS");
            command
        }

        fn on_terminal(&self, args: &[&str], steps: &[TerminalStep<'_>]) -> String {
            on_terminal(&self.command(args), steps)
        }

        /// Neither a container nor anything of the build's.
        #[track_caller]
        fn is_clean(&self) {
            assert_eq!(self.corten.ok(&["ps", "-aq"]), "");
            for directory in ["root/tmp", "root/containers", "state/builds"] {
                let path = self.corten.directory().join(directory);
                let left: Vec<_> =
                    std::fs::read_dir(&path).into_iter().flatten().flatten().collect();
                assert!(left.is_empty(), "{left:?}");
            }
            self.corten.ok(&["system", "check"]);
        }
    }

    const FAILING: &str = "FROM busybox AS slow\nRUN sleep 1000\n\
        FROM busybox\nARG WORD=none\nENV E=env\nWORKDIR /work\nRUN echo me:x:1000:1000::/:/bin/sh >> /etc/passwd\nUSER me\n\
        RUN --mount=type=secret,id=key,mode=0444 --mount=type=tmpfs,target=/t \
        echo began; echo left > /tmp/left; exit 7\nCOPY --from=slow / /x\n";

    #[test]
    fn a_shell_is_where_the_step_failed() {
        let scene = Scene::new(FAILING);
        let looked = "cat /tmp/left; id -un; pwd; echo $E $WORD; cat /run/secrets/key; grep -c ' /t ' /proc/mounts; stty size; exit 5\r";
        let steps = [("leaving it ends the build", "raw", "type", looked.into())];
        let mut command = scene.command(&["--secret", "id=key,env=KEY", "--build-arg", "WORD=arg"]);
        command.env("KEY", "horse\n");
        let seen = on_terminal(&command, &steps);
        for words in ["Dockerfile:9:1: ", "\nleft\nme\n/work\nenv arg\nhorse\n1\n30 90\n"] {
            assert!(seen.contains(words), "{words:?}: {seen}");
        }
        let (before, _) = seen.split_once("leaving it ends the build").unwrap();
        assert!(before.contains("began") && before.contains("ended with code 7"), "{seen}");
        assert!(seen.ends_with("[code 1, restored]"), "{seen}");
        scene.is_clean();
    }

    /// Lines for logs are as silent as a terminal that is drawn over while somebody else has it.
    #[test]
    fn interrupts_are_the_shells_and_signals_end_it() {
        let scene = Scene::new("FROM busybox\nRUN echo x > /x; false\n");
        // What says that it has begun is in the foreground by then.
        let steps = [
            (
                "leaving it ends the build",
                "raw",
                "type",
                "sh -c 'echo be\"\"gun; exec sleep 1000'\r".into(),
            ),
            ("begun", "raw", "type", "\x03".into()),
            ("#", "raw", "type", "cat /x; exit\r".into()),
        ];
        let seen = scene.on_terminal(&["--progress", "plain"], &steps);
        assert!(seen.contains("\nx\n") && seen.ends_with("[code 1, restored]"), "{seen}");
        for (signal, code) in [(15, -15), (1, -1)] {
            let steps = [("# ", "raw", "kill", signal.into())];
            let seen = scene.on_terminal(&["--progress", "plain"], &steps);
            assert!(seen.ends_with(&format!("[code {code}, restored]")), "{seen}");
            scene.is_clean();
        }
        let seen = scene.on_terminal(&[], &[("# ", "raw", "hangup", 0.into())]);
        assert!(seen.ends_with(", hung up]"), "{seen}");
        scene.is_clean();
    }

    #[test]
    fn without_a_terminal_or_a_shell_it_is_said() {
        let scene = Scene::new("FROM scratch\nCOPY Dockerfile /\nRUN [\"/none\"]\n");
        let refused = Finished::from(scene.command(&[]).output().unwrap());
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("needs a terminal"), "{}", refused.stderr);
        let failed = scene.on_terminal(&[], &[]);
        assert!(failed.ends_with("[code 1, restored]"), "{failed}");
        let mut other = scene.corten.command();
        let other = other.args(["build", "--on-error", "sing", "."]).current_dir(&scene.context);
        let other = Finished::from(other.output().unwrap());
        assert_eq!(other.code, 125, "{}", other.stderr);
        scene.is_clean();
    }
}
