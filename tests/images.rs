//! Images through the program: where they come from, what lists and documents say of them, and how they go.

#[cfg(test)]
mod tests {
    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    fn run_with_time(corten: &Corten, time: &str, args: &[&str]) -> Finished {
        let mut command = corten.command();
        Finished::from(command.env("SOURCE_DATE_EPOCH", time).args(args).output().unwrap())
    }

    #[test]
    fn a_template_says_when_it_was_built_and_can_be_repeated() {
        let (one, other) = (corten(), corten());
        let build = ["template", "build", "busybox"];
        for corten in [&one, &other] {
            assert_eq!(run_with_time(corten, "1700000000", &build).code, 0);
        }
        let document = |corten: &Corten| corten.ok(&["inspect", "busybox"]);
        let id = |corten: &Corten| corten.ok(&["images", "-q", "--no-trunc"]);
        assert_eq!(id(&one), id(&other));
        assert!(
            document(&one).contains("\"Created\": \"2023-11-14T22:13:20"),
            "{}",
            document(&one)
        );
        let refused = run_with_time(&one, "yesterday", &build);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("SOURCE_DATE_EPOCH"), "{refused:?}");

        one.ok(&build);
        assert_ne!(id(&one), id(&other), "its time is today's");
        let layers =
            |corten: &Corten| corten.ok(&["inspect", "-f", "{{.RootFS.Layers}}", "busybox"]);
        assert_eq!(layers(&one), layers(&other), "and its layer does not know it");
        let listed = one.ok(&["images", "busybox"]);
        assert!(!listed.contains("years ago"), "{listed}");
    }

    #[test]
    fn a_template_has_every_place_that_something_is_mounted_on() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let layers = std::fs::read_dir(corten.root().join("layers")).unwrap();
        let layer = layers.map(|layer| layer.unwrap().path()).next().unwrap();
        for directory in ["dev", "proc", "run", "root", "sys", "tmp"] {
            assert!(layer.join(directory).is_dir(), "{directory}");
        }
        for file in ["hostname", "hosts", "resolv.conf"] {
            let about = std::fs::metadata(layer.join("etc").join(file)).unwrap();
            assert!(about.is_file() && about.len() == 0, "{file}");
        }
        let run =
            corten.ok(&["run", "--rm", "--hostname", "inside", "busybox", "cat", "/etc/hostname"]);
        assert_eq!(run, "inside");
    }

    #[test]
    fn a_template_of_debian_is_built_and_runs() {
        let corten = corten();
        let name = corten.ok(&["template", "build", "debian"]);
        let inside =
            "apt-get --version && cat /etc/apt/sources.list && hostname && test -s /etc/hosts";
        let run = ["run", "--rm", "--hostname", "inside", &name, "sh", "-c", inside];
        let printed = corten.ok(&run);
        assert!(printed.starts_with("apt ") && printed.contains("\ndeb "), "{printed}");
        assert!(printed.ends_with("\ninside"), "{printed}");
    }

    #[test]
    fn a_template_that_cannot_be_built_changes_nothing() {
        let corten = corten();
        let archive = corten.directory().join("empty.tar");
        std::fs::File::create(&archive).unwrap().set_len(1024).unwrap();
        let before = corten.ok(&["import", archive.to_str().unwrap(), "debian:old"]);
        let nowhere = "http://127.0.0.1:1/debian";
        let build = ["template", "build", "debian", "--suite", "old", "--mirror", nowhere];
        let said = corten.fails(&build, 1);
        assert!(said.contains("\nerror: build template debian: its builder ended with"), "{said}");
        assert_eq!(corten.ok(&["images", "-q", "--no-trunc"]), before);
        assert_eq!(std::fs::read_dir(corten.root().join("tmp")).unwrap().count(), 0);
    }
}
