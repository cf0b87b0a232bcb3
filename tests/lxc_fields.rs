//! What LXC's keys are in a container that runs: a configuration becomes a request, and the engine runs it.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use engine::{CniPaths, Engine, EngineConfig, Paths};
    use libcontainer::seccomp::Architecture;
    use lxc::config::Config;
    use lxc::mapping::{GroupVersion, Purpose, Surroundings, map};
    use testkit::Corten;

    const IDS: [(&str, &str); 2] =
        [("lxc.idmap", "u 0 100000 65536"), ("lxc.idmap", "g 0 100000 65536")];

    struct Scene {
        corten: Corten,
        root: PathBuf,
    }

    impl Scene {
        fn new() -> Self {
            let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
            let root = corten.directory().join("rootfs");
            testkit::busybox_rootfs(&root);
            Self { corten, root }
        }

        fn engine(&self) -> Engine {
            let paths = Paths { root: self.corten.root(), state: self.corten.state() };
            let cni = CniPaths::default();
            let program = env!("CARGO_BIN_EXE_corten").into();
            let (secret_key, keeper, bus) = (None, None, None);
            Engine::open(EngineConfig { paths, program, secret_key, cni, keeper, bus }).unwrap()
        }

        /// A container `web` of these keys that runs a script as its init and nothing else, without a console.
        fn create(&self, entries: &[(&str, &str)], script: &str) -> Result<(), String> {
            let mut config = Config::default();
            let root = self.root.to_str().unwrap();
            let init = format!("/bin/sh -c '{script}'");
            for (key, value) in [
                ("lxc.rootfs.path", root),
                ("lxc.net.0.type", "empty"),
                ("lxc.console.path", "none"),
                ("lxc.init.cmd", &init),
            ]
            .iter()
            .chain(entries)
            {
                config.set(key, value).unwrap();
            }
            let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
            let around = Surroundings {
                name: "web",
                directory: self.corten.directory(),
                purpose: Purpose::Start,
                host_name: "machine",
                groups: if unified { GroupVersion::Two } else { GroupVersion::One },
                own_group: None,
                architecture: Architecture::native(),
                fstab: None,
                seccomp: None,
                variable: &|_| None,
                is_there: &Path::exists,
            };
            let mapped = map(&config, &around).map_err(|refusals| refusals.to_string())?;
            let engine = self.engine();
            let made = engine.containers().create(&mapped.request);
            made.map(drop).map_err(|error| engine::chain(&error))
        }

        /// What the script of such a container writes, which is gone afterwards.
        fn seen(&self, entries: &[(&str, &str)], script: &str) -> String {
            self.create(entries, script).unwrap();
            let ended = self.corten.run(&["start", "-a", "web"]);
            self.corten.ok(&["rm", "-f", "web"]);
            assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
            ended.stdout.trim_end().to_owned()
        }

        fn refusal(&self, entries: &[(&str, &str)]) -> String {
            self.create(entries, "true").unwrap_err()
        }
    }

    #[test]
    fn a_directory_is_the_root_itself() {
        let scene = Scene::new();
        assert_eq!(scene.seen(&[], "echo own >/made; cat /made"), "own");
        assert_eq!(fs::read_to_string(scene.root.join("made")).unwrap(), "own\n");
        let options = [("lxc.rootfs.options", "nosuid,noatime")];
        let seen = scene.seen(&options, "head -1 /proc/self/mounts");
        assert!(seen.contains("nosuid") && seen.contains("noatime"), "{seen}");
        let why = scene.refusal(&[("lxc.rootfs.options", "subvol=a")]);
        assert!(why.contains("subvol=a"), "{why}");
        let mapped = [IDS[0], IDS[1], ("lxc.rootfs.options", "idmap=container")];
        assert_eq!(scene.seen(&mapped, "stat -c %u /made"), "0");
        assert_eq!(scene.seen(&IDS, "stat -c %u /made"), "65534");
    }

    #[test]
    fn directories_are_merged_and_changes_go_to_the_named_one() {
        let scene = Scene::new();
        let [upper, lower] = ["delta0", "lower"].map(|name| scene.corten.directory().join(name));
        fs::create_dir(&upper).unwrap();
        fs::create_dir(&lower).unwrap();
        fs::write(lower.join("below"), "below").unwrap();
        let path =
            format!("overlay:{}:{}:{}", lower.display(), scene.root.display(), upper.display());
        let overlay = [("lxc.rootfs.path", path.as_str())];
        assert_eq!(scene.seen(&overlay, "cat /below; rm /below; echo own >/made"), "below");
        assert_eq!(fs::read_to_string(upper.join("made")).unwrap(), "own\n");
        assert!(lower.join("below").exists() && !scene.root.join("made").exists());
        // What was changed is there again.
        assert_eq!(scene.seen(&overlay, "cat /made; test -e /below || echo gone"), "own\ngone");
    }

    #[test]
    fn without_a_root_it_has_the_hosts() {
        let scene = Scene::new();
        let here = scene.corten.directory().join("here");
        fs::write(&here, "here").unwrap();
        let script = format!("cat {}", here.display());
        assert_eq!(scene.seen(&[("lxc.rootfs.path", "dir:/")], &script), "here");
    }
}
