//! What belongs to an image that is built, beside its steps: layers that become one, and what is said of it.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use serde_json::Value;
    use testkit::{Corten, Finished, RegistryServer};

    /// A store, and a directory with a Dockerfile in it.
    struct Scene {
        corten: Corten,
        context: PathBuf,
    }

    impl Scene {
        fn new(dockerfile: &str) -> Self {
            let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
            let context = corten.directory().join("context");
            fs::create_dir(&context).unwrap();
            write(&context.join("Dockerfile"), dockerfile);
            Self { corten, context }
        }

        fn build(&self, args: &[&str]) -> Finished {
            let mut command = self.corten.command();
            command.arg("build").args(["--network", "none"]).args(args);
            command.current_dir(&self.context).env("HOME", self.corten.directory());
            command.env_remove("DOCKER_CONFIG").env_remove("BUILDKIT_PROGRESS");
            Finished::from(command.stdin(Stdio::null()).output().unwrap())
        }

        #[track_caller]
        fn ok(&self, args: &[&str]) -> Finished {
            let built = self.build(args);
            assert_eq!(built.code, 0, "{args:?}: {}{}", built.stdout, built.stderr);
            built
        }

        /// The id of what is built.
        #[track_caller]
        fn id(&self, args: &[&str]) -> String {
            self.ok(&[&["-q"], args, &["."]].concat()).stdout.trim_end().to_owned()
        }

        fn inspect(&self, image: &str) -> Value {
            let text = self.corten.ok(&["image", "inspect", image]);
            serde_json::from_str::<Value>(&text).unwrap()[0].clone()
        }

        /// The root file system of what is built, as GNU tar lists it.
        fn root(&self, name: &str, args: &[&str]) -> String {
            let output = format!("type=tar,dest={name}.tar");
            self.ok(&[&["-o", &output], args, &["."]].concat());
            let mut list = Command::new("tar");
            list.args(["--numeric-owner", "--full-time", "-tvf", &format!("{name}.tar")]);
            let listed = list.current_dir(&self.context).output().unwrap();
            assert!(listed.status.success());
            let text = String::from_utf8(listed.stdout).unwrap();
            // The root's own time is that of its unpacking; how wide a column is, is decided by what its widest word happens to be.
            text.lines()
                .filter(|line| !line.ends_with(" ./"))
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .fold(String::new(), |all, line| all + &line + "\n")
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
    }

    const STEPS: &str = "FROM busybox\nRUN mkdir -p /d/in && echo 1 > /d/in/a && echo 2 > /d/b && ln /d/b /d/c && chmod 4711 /d/in/a\n\
        RUN rm -r /d/in && mkdir /d/in && echo 3 > /d/in/new && rm -r /bin/true\nRUN rm /d/c && chown 12:34 /d && touch /bin/true\n\
        LABEL of=tests\nCMD [\"cat\", \"/d/in/new\"]\n";

    fn layers(image: &Value) -> Vec<String> {
        let layers = image["RootFS"]["Layers"].as_array().unwrap();
        layers.iter().map(|layer| layer.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn layers_of_the_build_become_one() {
        let scene = Scene::new(STEPS);
        let whole = scene.id(&["-t", "whole"]);
        let own = layers(&scene.inspect("whole"));
        let base = layers(&scene.inspect("busybox"));
        let id = scene.id(&["--squash", "-t", "new"]);
        let squashed = scene.inspect("new");
        let merged = layers(&squashed);
        assert_eq!((own.len(), merged.len()), (base.len() + 3, base.len() + 1));
        assert_eq!(merged[..base.len()], base);
        let whole_root = scene.root("whole", &[]);
        for (name, flag) in [("new", "--squash"), ("all", "--squash-all")] {
            let root = scene.root(name, &[flag]);
            let differs = whole_root.lines().zip(root.lines()).find(|(one, other)| one != other);
            assert_eq!((differs, whole_root.len()), (None, root.len()), "{flag}");
        }
        assert_eq!(scene.corten.ok(&["run", "--rm", "--network", "none", "new"]), "3");
        // Steps are still in the cache, and so is the layer: the same image again.
        let again = scene.ok(&["--squash", "."]);
        assert_eq!(again.stderr.matches(" CACHED\n").count(), 3, "{}", again.stderr);
        assert_eq!(scene.id(&["--squash"]), id);
        assert_eq!(scene.id(&[]), whole);
        let history = ["history", "--no-trunc", "--format", "{{.Size}} {{.Comment}}", "new"];
        let history = scene.corten.ok(&history);
        let (last, rest) = history.split_once('\n').unwrap();
        let base_id = scene.inspect("busybox")["Id"].as_str().unwrap().to_owned();
        assert!(last.ends_with(&format!("merge {whole} to {base_id}")), "{history}");
        assert_eq!(rest.lines().filter(|line| line.starts_with("0B ")).count(), 5, "{history}");
        scene.id(&["--squash-all", "-t", "all"]);
        assert_eq!(layers(&scene.inspect("all")).len(), 1);
        // What is saved is what is loaded.
        let archive = scene.context.join("new.image");
        let archive = archive.to_str().unwrap();
        scene.corten.ok(&["save", "-o", archive, "all", "new"]);
        scene.corten.ok(&["rmi", "all", "new"]);
        scene.corten.ok(&["load", "-i", archive]);
        assert_eq!(scene.inspect("new")["Id"], id.as_str());
        let refused = scene.build(&["--squash", "--cache-to", "type=inline", "."]);
        assert!(refused.code != 0 && refused.stderr.contains("inline"), "{}", refused.stderr);
    }

    /// What skopeo sees, as it is.
    fn raw(place: &str) -> Value {
        let mut command = Command::new("skopeo");
        command.args(["inspect", "--raw", "--tls-verify=false", place]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A blob of a registry.
    fn blob(server: &RegistryServer, digest: &Value) -> Value {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        let path = format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        serde_json::from_str(&fs::read_to_string(server.storage().join(path)).unwrap()).unwrap()
    }

    /// A layout that an archive is.
    fn unpacked(scene: &Scene, archive: &str) -> PathBuf {
        let directory = scene.context.join(format!("{archive}.layout"));
        fs::create_dir(&directory).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xf").arg(scene.context.join(archive)).arg("-C").arg(&directory);
        assert!(tar.status().unwrap().success());
        directory
    }

    fn of_layout(layout: &Path, digest: &Value) -> Value {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        let text = fs::read_to_string(layout.join("blobs/sha256").join(hex)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn statements_go_with_their_image() {
        let server = RegistryServer::start();
        let scene = Scene::new(
            "FROM busybox\nARG TOKEN\nADD x /x\nRUN echo 1 > /y\nCMD [\"cat\", \"/y\"]\n",
        );
        fs::create_dir_all(scene.context.join("lib/apk/db")).unwrap();
        write(&scene.context.join("x"), "x\n");
        let name = format!("{}/team/app:1", server.host());
        let plain = scene.id(&["-t", "plain"]);
        let arg = "TOKEN=https://me:hidden@example.test/x";
        let said = ["--sbom", "true", "--provenance", "mode=max", "--build-arg", arg];
        let built = scene.id(&[&said[..], &["-t", &name]].concat());
        assert_ne!(built, plain);
        assert_eq!(scene.inspect(&name)["Id"], built.as_str());
        scene.corten.ok(&["push", "-q", &name]);
        let index = raw(&format!("docker://{name}"));
        assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
        let entries = index["manifests"].as_array().unwrap();
        assert_eq!(entries.len(), 2, "{index:#}");
        assert_eq!(entries[0]["platform"]["os"], "linux");
        assert_eq!(entries[1]["platform"]["architecture"], "unknown");
        assert_eq!(entries[1]["annotations"]["vnd.docker.reference.digest"], entries[0]["digest"]);
        let manifest = blob(&server, &entries[0]["digest"]);
        assert_eq!(manifest["config"]["digest"], built.as_str());
        let attached = blob(&server, &entries[1]["digest"]);
        let statements: Vec<Value> = attached["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| blob(&server, &layer["digest"]))
            .collect();
        for statement in &statements {
            let digest = &statement["subject"][0]["digest"]["sha256"];
            assert_eq!(entries[0]["digest"], format!("sha256:{}", digest.as_str().unwrap()));
        }
        assert_eq!(statements[0]["predicate"]["spdxVersion"], "SPDX-2.3");
        let definition = &statements[1]["predicate"]["buildDefinition"];
        assert_eq!(statements[1]["predicateType"], "https://slsa.dev/provenance/v1");
        let argument = &definition["externalParameters"]["request"]["args"]["build-arg:TOKEN"];
        assert_eq!(argument, "https://example.test/x");
        assert!(!statements[1].to_string().contains("hidden"), "{:#}", statements[1]);
        let material = definition["resolvedDependencies"][0]["uri"].as_str().unwrap();
        assert!(material.starts_with("pkg:docker/busybox@latest?platform="), "{material}");
        let steps = definition["internalParameters"]["buildConfig"]["steps"].as_array().unwrap();
        let added = &steps[2];
        assert_eq!(added["instruction"], "ADD x /x");
        assert!(added["layer"].as_str().unwrap().starts_with("sha256:"), "{added}");
        // Twice is once, and another name has it, too.
        let again = scene.corten.ok(&["push", "--progress", "json", &name]);
        assert!(again.contains("up-to-date"), "{again}");
        let other = format!("{}/team/app:2", server.host());
        scene.corten.ok(&["tag", &name, &other]);
        scene.corten.ok(&["push", "-q", &other]);
        assert_eq!(raw(&format!("docker://{other}"))["manifests"][0], index["manifests"][0]);
        // Whoever pulls it has the image.
        let elsewhere = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        elsewhere.ok(&["pull", "-q", &name]);
        let id = elsewhere.ok(&["image", "inspect", "-f", "{{.Id}}", &name]);
        assert_eq!(id, built);
        assert_eq!(elsewhere.ok(&["run", "--rm", "--network", "none", &name]), "1");
    }

    #[test]
    fn archives_carry_it_and_others_read_them() {
        let scene = Scene::new("FROM busybox\nLABEL a=b\n");
        let args = ["-t", "app:1", "--sbom=true", "--annotation", "index:of=index"];
        let more = ["--annotation", "of=manifest", "--annotation", "manifest-descriptor:of=entry"];
        let end =
            ["--annotation", "index-descriptor:of=layout", "-o", "type=oci,dest=app.tar", "."];
        scene.ok(&[&args[..], &more, &end].concat());
        assert!(!scene.corten.ok(&["images"]).contains("app"), "no image stays");
        let layout = unpacked(&scene, "app.tar");
        let top: Value =
            serde_json::from_str(&fs::read_to_string(layout.join("index.json")).unwrap()).unwrap();
        let entry = &top["manifests"][0];
        assert_eq!(
            (&entry["annotations"]["of"], top["manifests"].as_array().unwrap().len()),
            (&"layout".into(), 1)
        );
        let index = of_layout(&layout, &entry["digest"]);
        assert_eq!(index["annotations"]["of"], "index");
        assert_eq!(index["manifests"][0]["annotations"]["of"], "entry");
        let manifest = of_layout(&layout, &index["manifests"][0]["digest"]);
        assert_eq!(manifest["annotations"]["of"], "manifest");
        let archive = scene.context.join("app.tar");
        let archive = archive.to_str().unwrap();
        let copied = scene.context.join("copied");
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "-q", &format!("oci-archive:{archive}")]);
        let output = skopeo.arg(format!("dir:{}", copied.display())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let seen: Value =
            serde_json::from_str(&fs::read_to_string(copied.join("manifest.json")).unwrap())
                .unwrap();
        assert_eq!(seen["config"]["digest"], manifest["config"]["digest"]);
        let plain = scene.context.join("plain");
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "-q", &format!("oci-archive:{archive}")]);
        assert!(skopeo.arg(format!("oci:{}:1", plain.display())).status().unwrap().success());
        let mut umoci = Command::new("umoci");
        umoci.args(["unpack", "--image", &format!("{}:1", plain.display())]);
        let output = umoci.arg(scene.context.join("bundle")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(scene.context.join("bundle/rootfs/bin/busybox").exists());
        scene.corten.ok(&["load", "-i", archive]);
        assert_eq!(scene.inspect("app:1")["Id"], manifest["config"]["digest"]);
        // A platform is that image alone.
        scene.ok(&["-t", "app:1", "--sbom=true", "."]);
        scene.corten.ok(&["save", "--platform", "linux", "-o", archive, "app:1"]);
        let plain = raw(&format!("oci-archive:{archive}"));
        assert_eq!(plain["config"]["digest"], manifest["config"]["digest"]);
        // What is built without has nothing.
        scene.ok(&["-t", "app:1", "."]);
        scene.corten.ok(&["save", "-o", archive, "app:1"]);
        assert!(raw(&format!("oci-archive:{archive}"))["layers"].is_array());
    }

    #[test]
    fn files_have_statements_beside_them() {
        let scene = Scene::new("FROM scratch\nCOPY Dockerfile /a/b\n");
        let said = ["--sbom", "true", "--provenance", "true"];
        scene.ok(&[&said[..], &["-o", "out", "."]].concat());
        let read = |name: &str| -> Value {
            serde_json::from_str(&fs::read_to_string(scene.context.join(name)).unwrap()).unwrap()
        };
        assert_eq!(read("out/sbom.spdx.json")["subject"][0]["name"], "a/b");
        assert_eq!(read("out/provenance.json")["predicateType"], "https://slsa.dev/provenance/v1");
        let list = scene.root("root", &said);
        assert!(list.contains("provenance.json") && list.contains(" a/b\n"), "{list}");
        let list = scene.root("two", &["--platform", "linux/amd64,linux/arm64"]);
        assert!(
            list.contains(" linux_amd64/a/b\n") && list.contains(" linux_arm64/a/b\n"),
            "{list}"
        );
    }

    #[test]
    fn layers_are_packed_as_it_is_asked_for() {
        let server = RegistryServer::start();
        let scene = Scene::new("FROM busybox\nRUN echo 1 > /a\n");
        let name = format!("{}/app:1", server.host());
        let id = scene.id(&["-t", &name]);
        scene.ok(&[
            "-o",
            "type=oci,dest=app.tar,compression=zstd,compression-level=7,name=app:2",
            ".",
        ]);
        let layout = unpacked(&scene, "app.tar");
        let archive = scene.context.join("app.tar");
        let manifest = raw(&format!("oci-archive:{}", archive.display()));
        for layer in manifest["layers"].as_array().unwrap() {
            assert!(layer["mediaType"].as_str().unwrap().ends_with("tar+zstd"), "{layer}");
            let hex = layer["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            let file = fs::metadata(layout.join("blobs/sha256").join(hex)).unwrap();
            assert_eq!(Some(file.len()), layer["size"].as_u64());
        }
        scene.corten.ok(&["load", "-i", archive.to_str().unwrap()]);
        assert_eq!(scene.inspect("app:2")["Id"], id.as_str());
        let output =
            format!("type=registry,name={name},compression=uncompressed,force-compression=true");
        scene.ok(&["-o", &output, "."]);
        let manifest = raw(&format!("docker://{name}"));
        assert!(
            manifest["layers"][0]["mediaType"].as_str().unwrap().ends_with(".tar"),
            "{manifest:#}"
        );
        for (output, words) in [
            ("type=oci,dest=x,compression=estargz", "estargz"),
            ("type=image,compression=zstd", "compression=zstd"),
            ("type=image,push=true,name-canonical=true", "name-canonical"),
            ("type=oci,dest=x,rewrite-timestamp=true", "SOURCE_DATE_EPOCH"),
        ] {
            let refused = scene.build(&["-o", output, "."]);
            assert!(
                refused.code != 0 && refused.stderr.contains(words),
                "{output}: {}",
                refused.stderr
            );
        }
        let refused = scene.build(&["--annotation", "index:a=b", "."]);
        assert!(refused.stderr.contains("single platform"), "{}", refused.stderr);
    }

    #[test]
    fn several_machines_have_an_image_each_and_one_name() {
        let server = RegistryServer::start();
        let file = "FROM scratch AS files\nARG TARGETARCH BUILDPLATFORM TARGETPLATFORM\nCOPY file-$TARGETARCH /file\n\
            LABEL built=$BUILDPLATFORM for=$TARGETPLATFORM\nFROM --platform=$BUILDPLATFORM busybox AS tools\nARG TARGETARCH\n\
            RUN echo for $TARGETARCH > /made\nFROM files\nCOPY --from=tools /made /made\n";
        let scene = Scene::new(file);
        write(&scene.context.join("file-amd64"), "amd64\n");
        write(&scene.context.join("file-arm64"), "arm64\n");
        let name = format!("{}/app:1", server.host());
        let both = ["--platform", "linux/amd64,linux/arm64"];
        let built = scene.ok(&[&both[..], &["-t", &name, "--provenance", "true", "."]].concat());
        for words in [
            "[linux/arm64 files 2/2] COPY",
            "[linux/amd64 tools 2/2] RUN",
            "make the image for linux/arm64",
        ] {
            assert!(built.stderr.contains(words), "{words}: {}", built.stderr);
        }
        let labels = scene.inspect(&name)["Config"]["Labels"].clone();
        let native = labels["built"].as_str().unwrap().to_owned();
        assert_eq!(labels["for"], native.as_str(), "the name is this machine's");
        // One row, and a prune takes nothing of it.
        assert_eq!(scene.corten.ok(&["images", "-q"]).lines().count(), 2);
        scene.corten.ok(&["image", "prune", "-f"]);
        scene.corten.ok(&["push", "-q", &name]);
        let index = raw(&format!("docker://{name}"));
        let entries = index["manifests"].as_array().unwrap();
        assert_eq!(entries.len(), 4, "{index:#}");
        for (entry, architecture) in entries.iter().zip(["amd64", "arm64"]) {
            assert_eq!(entry["platform"]["architecture"], architecture);
            let config = blob(&server, &blob(&server, &entry["digest"])["config"]["digest"]);
            assert_eq!(config["architecture"], architecture);
            let labels = &config["config"]["Labels"];
            assert_eq!(labels["for"], format!("linux/{architecture}"));
            assert_eq!(labels["built"], native.as_str());
        }
        scene.ok(&[&both[..], &["-o", "out", "."]].concat());
        for architecture in ["amd64", "arm64"] {
            let text = |name: &str| {
                let path = format!("out/linux_{architecture}/{name}");
                fs::read_to_string(scene.context.join(path)).unwrap()
            };
            assert_eq!(text("file"), format!("{architecture}\n"));
            assert_eq!(text("made"), format!("for {architecture}\n"));
        }
        let other = if native.ends_with("amd64") { "linux/arm64" } else { "linux/amd64" };
        let archive = scene.context.join("app.tar");
        let archive = archive.to_str().unwrap();
        scene.corten.ok(&["save", "-o", archive, &name]);
        let elsewhere = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        elsewhere.ok(&["load", "-i", archive, "--platform", other]);
        let shown = elsewhere.ok(&["image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", &name]);
        assert_eq!(shown, other);
        // With its name all of it goes.
        scene.corten.ok(&["rmi", &name]);
        assert_eq!(scene.corten.ok(&["images", "-a", "-q"]).lines().count(), 1);
    }

    #[test]
    fn a_base_keeps_its_name_whatever_is_built_of_it() {
        let server = RegistryServer::start();
        let scene = Scene::new("FROM scratch\nCOPY Dockerfile /base\n");
        let base = format!("{}/base:1", server.host());
        scene.ok(&["--platform", "linux/amd64,linux/arm64", "-t", &base, "--push", "."]);
        let there = Scene::new(&format!("FROM {base}\nCOPY Dockerfile /next\n"));
        there.corten.ok(&["pull", "-q", &base]);
        let native = there.inspect(&base);
        let other = if native["Architecture"] == "amd64" { "arm64" } else { "amd64" };
        let platform = format!("linux/{other}");
        there.ok(&["--platform", &platform, "-t", "next", "."]);
        assert_eq!(there.inspect("next")["Architecture"], other);
        assert_eq!(there.inspect(&base)["Id"], native["Id"]);
        there.ok(&["--pull", "--platform", "linux/amd64,linux/arm64", "-t", "next", "."]);
        assert_eq!(there.inspect("next")["Architecture"], native["Architecture"]);
        assert_eq!(there.inspect(&base)["Id"], native["Id"]);
    }

    #[test]
    fn what_another_image_needs_survives_a_prune() {
        let file = "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /file\n";
        let scene = Scene::new(file);
        write(&scene.context.join("amd64"), "1\n");
        write(&scene.context.join("arm64"), "1\n");
        let both =
            ["--platform", "linux/amd64,linux/arm64", "-t", "app", "--metadata-file", "about"];
        let built = || -> Value {
            scene.ok(&[&both[..], &["."]].concat());
            let about = fs::read_to_string(scene.context.join("about")).unwrap();
            serde_json::from_str::<Value>(&about).unwrap()["corten.images"].clone()
        };
        let first = built();
        write(&scene.context.join("amd64"), "2\n");
        let second = built();
        assert_eq!(first["linux/arm64"], second["linux/arm64"]);
        let pruned = scene.corten.ok(&["image", "prune", "-f"]);
        let gone: Vec<&str> =
            pruned.lines().filter_map(|line| line.strip_prefix("deleted: ")).collect();
        assert!(gone.contains(&first["linux/amd64"].as_str().unwrap()), "{pruned}");
        assert!(!gone.contains(&first["linux/arm64"].as_str().unwrap()), "{pruned}");
        // Those that lost their name go together, each once.
        scene.corten.ok(&["tag", "busybox", "app"]);
        let pruned = scene.corten.ok(&["image", "prune", "-f"]);
        for image in ["linux/amd64", "linux/arm64"] {
            let line = format!("deleted: {}", second[image].as_str().unwrap());
            assert_eq!(pruned.matches(&line).count(), 1, "{pruned}");
        }
    }

    #[test]
    fn what_cannot_run_here_is_named() {
        let scene = Scene::new("FROM scratch\nCOPY Dockerfile /\nRUN [\"/x\"]\n");
        let refused = scene.build(&["--platform", "linux/amd64,linux/s390x", "."]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        let refused = scene.build(&["--platform", "linux/s390x", "."]);
        let words = "the kernel has no interpreter for the other one (binfmt_misc)";
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        let refused = scene.build(&["--platform", "windows/amd64", "."]);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
