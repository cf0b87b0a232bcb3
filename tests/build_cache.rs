//! What builds keep: how it is listed, and how it goes.

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;
    use std::process::Stdio;

    use serde_json::Value;
    use testkit::{Corten, Finished, wait_until};

    struct Scene {
        corten: Corten,
        context: PathBuf,
    }

    const FILE: &str = "FROM busybox\nRUN --mount=type=cache,target=/c,id=packages head -c 50000 /dev/urandom > /c/x\n\
        RUN head -c 300000 /dev/urandom > /big\nRUN echo last > /last\n";

    impl Scene {
        #[expect(clippy::disallowed_methods, reason = "files of a test")]
        fn new(dockerfile: &str) -> Self {
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            let context = corten.directory().join("context");
            std::fs::create_dir(&context).unwrap();
            std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
            Self { corten, context }
        }

        fn build(&self, args: &[&str]) {
            let context = self.context.display().to_string();
            self.corten.ok(&[&["build", "-q", "--network", "none"], args, &[&context]].concat());
        }

        fn records(&self, args: &[&str]) -> Vec<Value> {
            let args = [&["builder", "du", "--format", "json"], args].concat();
            let listed = self.corten.ok(&args);
            listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }

        fn prune(&self, args: &[&str]) -> String {
            self.corten.ok(&[&["builder", "prune", "-f"], args].concat())
        }
    }

    #[test]
    fn the_cache_is_listed_and_goes_by_parts() {
        let scene = Scene::new(FILE);
        scene.build(&["-o", "type=cacheonly"]);
        let all = scene.records(&[]);
        assert_eq!(all.len(), 4, "{all:?}");
        let mounts = scene.records(&["--filter", "type=exec.cachemount"]);
        assert_eq!(
            (&mounts[0]["Description"], &mounts[0]["Mutable"]),
            (&"packages".into(), &true.into())
        );
        let shown = scene.corten.ok(&["buildx", "du"]);
        let head: Vec<&str> = shown.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(head, ["ID", "RECLAIMABLE", "SIZE", "LAST", "ACCESSED"]);
        assert!(shown.contains("\nTotal:  ") && shown.contains("\nReclaimable:  "), "{shown}");
        let whole =
            scene.corten.ok(&["builder", "du", "--verbose", "--filter", "description~=^RUN head"]);
        assert!(whole.contains("Type:         regular\n"), "{whole}");
        // Nothing is as old, as large or as rare.
        for kept in [
            &["--filter", "until=1h"][..],
            &["--max-used-space", "10g"],
            &["--keep-storage", "10g"],
            &["--min-free-space", "1"],
            &["--filter", "shared=true"],
        ] {
            assert_eq!(scene.prune(kept), "Total reclaimed space: 0B", "{kept:?}");
        }
        let id =
            scene.records(&["--filter", "description~=big"])[0]["ID"].as_str().unwrap().to_owned();
        let gone = scene.prune(&["--filter", &format!("id={id}")]);
        assert!(gone.starts_with(&format!("Deleted build cache objects:\n{id}\n\n")), "{gone}");
        assert!(!gone.contains(" 0B"), "{gone}");
        assert_eq!(scene.records(&[]).len(), 3);
        let gone = scene.prune(&["--filter", "type=exec.cachemount", "--verbose"]);
        assert!(gone.contains("Description:  packages\n"), "{gone}");
        assert_eq!(scene.corten.ok(&["volume", "ls", "-q"]), "");
        scene.prune(&[]);
        assert!(scene.records(&[]).is_empty());
        scene.corten.ok(&["system", "check"]);
    }

    #[test]
    fn what_images_have_goes_with_all_and_frees_nothing() {
        let scene = Scene::new("FROM busybox\nRUN head -c 300000 /dev/urandom > /big\n");
        scene.build(&["-t", "app"]);
        assert_eq!(scene.records(&[])[0]["Shared"], true);
        assert_eq!(scene.prune(&[]), "Total reclaimed space: 0B");
        let gone = scene.prune(&["-a"]);
        assert!(gone.ends_with("Total reclaimed space: 0B") && gone.contains("Deleted"), "{gone}");
        assert!(scene.records(&[]).is_empty());
        let shown = ["run", "--rm", "--network", "none", "app", "sh", "-c", "wc -c < /big"];
        assert_eq!(scene.corten.ok(&shown), "300000");
    }

    #[test]
    fn what_a_build_has_stays() {
        let scene =
            Scene::new("FROM busybox\nRUN --mount=type=cache,target=/c echo > /c/x; sleep 1000\n");
        let mut command = scene.corten.command();
        command.args(["build", "--network", "none"]).arg(&scene.context);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the step runs", || !scene.corten.ok(&["ps", "-q"]).is_empty());
        let records = scene.records(&[]);
        assert_eq!((records.len(), &records[0]["Reclaimable"]), (1, &false.into()));
        assert_eq!(scene.prune(&["-a"]), "Total reclaimed space: 0B");
        testkit::signal("INT", child.id());
        child.wait().unwrap();
        assert!(scene.prune(&[]).contains("Deleted"));
    }

    #[test]
    fn it_is_asked_for_and_what_is_wrong_is_said() {
        let scene = Scene::new(FILE);
        scene.build(&["-o", "type=cacheonly"]);
        let ask = |answer: &str, flags: &[&str]| {
            let mut command = scene.corten.command();
            command.args(["build", "prune"]).args(flags).stdin(Stdio::piped());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
            Finished::from(child.wait_with_output().unwrap())
        };
        let no = ask("n\n", &[]);
        assert!(no.stdout.starts_with("WARNING! This will remove all dangling build cache."));
        assert_eq!((no.code, scene.records(&[]).len()), (1, 4));
        let yes = ask("y\n", &["--all"]);
        assert!(yes.stdout.starts_with("WARNING! This will remove all build cache."));
        assert_eq!((yes.code, scene.records(&[]).len()), (0, 0), "{yes:?}");
        for wrong in
            [&["--filter", "x=y"][..], &["--filter", "until=long"], &["--max-used-space", "lots"]]
        {
            let refused = scene.corten.run(&[&["builder", "prune", "-f"], wrong].concat());
            assert!(refused.code != 0 && !refused.stderr.is_empty(), "{wrong:?}");
        }
    }
}
