//! Pulls through the program: images that other tools have pushed to a real registry, names that move, mirrors, logins, and what
//! `run` does when an image is not here.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::sync::Arc;

    use serde_json::{Value, json};
    use testkit::{
        Catalog, Certificates, Corten, Finished, Gate, MadeImage, MadeLayer, OCI_INDEX,
        OCI_MANIFEST, RegistryOptions, RegistryServer, Response, ScriptedServer, TokenServer,
        archive, busybox_rootfs, noise, sha256, wait_until,
    };

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    /// The program with no settings of registries but those of the test.
    fn command(corten: &Corten) -> Command {
        let mut command = corten.command();
        let directory = corten.directory();
        for name in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env("HOME", directory).env("CORTEN_REGISTRY_CONFIG", directory.join("registries"));
        command
    }

    fn run(corten: &Corten, args: &[&str]) -> Finished {
        Finished::from(command(corten).args(args).output().unwrap())
    }

    #[track_caller]
    fn ok(corten: &Corten, args: &[&str]) -> Finished {
        let finished = run(corten, args);
        assert_eq!(finished.code, 0, "{args:?}: {finished:#?}");
        finished
    }

    #[track_caller]
    fn refused(corten: &Corten, args: &[&str], code: i32, words: &[&str]) {
        let finished = run(corten, args);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (code, ""),
            "{args:?}: {finished:#?}"
        );
        let error: Vec<&str> =
            finished.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(error.len(), 1, "{finished:#?}");
        for word in words {
            assert!(error[0].contains(word), "{word:?} is missing: {finished:#?}");
        }
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        fs::write(path, text).unwrap();
    }

    /// A program of others; its standard output.
    #[track_caller]
    fn tool(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    #[track_caller]
    fn skopeo_copy(flags: &[&str], from: &str, to: &str) {
        let mut arguments = vec!["--insecure-policy", "copy", "--quiet"];
        arguments.extend(["--dest-tls-verify=false", "--src-tls-verify=false"]);
        arguments.extend(flags);
        arguments.extend([from, to]);
        tool("skopeo", &arguments);
    }

    /// What skopeo says of an image at a registry: digest of the manifest, and of the configuration.
    fn skopeo_says(name: &str) -> (String, String) {
        let name = format!("docker://{name}");
        let inspect = ["inspect", "--tls-verify=false"];
        let digest = tool("skopeo", &[&inspect[..], &["--format", "{{.Digest}}", &name]].concat());
        let mut raw = Command::new("skopeo");
        let raw = raw.args(inspect).args(["--config", "--raw", &name]).output().unwrap();
        assert!(raw.status.success());
        (digest, sha256(&raw.stdout))
    }

    /// An OCI layout that umoci has made: `busybox`, of two layers.
    fn layout(corten: &Corten) -> String {
        let (tree, layout) = (corten.directory().join("tree"), corten.directory().join("layout"));
        busybox_rootfs(&tree);
        let note = corten.directory().join("note");
        put(&note, "a second layer\n");
        let layout = layout.to_str().unwrap();
        let image = format!("{layout}:busybox");
        tool("umoci", &["init", "--layout", layout]);
        tool("umoci", &["new", "--image", &image]);
        tool("umoci", &["insert", "--image", &image, tree.to_str().unwrap(), "/"]);
        tool("umoci", &["insert", "--image", &image, note.to_str().unwrap(), "/note"]);
        format!("oci:{image}")
    }

    fn id_of(corten: &Corten, name: &str) -> String {
        corten.ok(&["inspect", "--format", "{{.Id}}", name])
    }

    /// Layers as gzip, zstd and plain, manifests of OCI and of Docker: all are the image that skopeo says.
    #[test]
    fn what_skopeo_pushes_is_pulled_and_runs() {
        let corten = corten();
        let source = layout(&corten);
        let plain = format!("dir:{}", corten.directory().join("plain").display());
        skopeo_copy(&["--dest-decompress"], &source, &plain);
        let recompress: &[&str] = &["--dest-compress-format", "zstd"];
        for (name, flags, from, kind) in [
            ("gzip", &["--format", "oci"][..], &source, "tar+gzip"),
            ("docker", &["--format", "v2s2"], &source, "diff.tar.gzip"),
            ("zstd", recompress, &plain, "tar+zstd"),
            ("plain", &["--preserve-digests"], &plain, "v1.tar\""),
        ] {
            // One each: skopeo knows what it has pushed, and would not send it in another form.
            let server = RegistryServer::start();
            let image = format!("{}/made/{name}:1", server.host());
            skopeo_copy(flags, from, &format!("docker://{image}"));
            let raw = tool(
                "skopeo",
                &["inspect", "--tls-verify=false", "--raw", &format!("docker://{image}")],
            );
            assert!(raw.contains(kind), "{name}: {raw}");
            let (digest, id) = skopeo_says(&image);
            let corten = self::corten();
            let pulled = ok(&corten, &["pull", &image]);
            let wanted =
                format!("Digest: {digest}\nStatus: Downloaded newer image for {image}\n{image}\n");
            assert_eq!(pulled.stdout, wanted, "{name}");
            assert_eq!(pulled.stderr.matches(": Pull complete\n").count(), 2, "{pulled:?}");
            assert_eq!(id_of(&corten, &image), id, "{name}");
            let inside = ok(&corten, &["run", "--rm", &image, "cat", "/note"]);
            assert_eq!(inside.stdout, "a second layer\n", "{inside:?}");
            let again = ok(&corten, &["pull", &image]);
            let wanted =
                format!("Digest: {digest}\nStatus: Image is up to date for {image}\n{image}\n");
            assert_eq!((again.stdout, again.stderr), (wanted, String::new()), "{name}");
        }
    }

    #[test]
    fn what_podman_pushes_is_pulled_and_runs() {
        let (corten, server) = (corten(), RegistryServer::start());
        let tree = corten.directory().join("tree");
        busybox_rootfs(&tree);
        let tar = corten.directory().join("tree.tar");
        let (tree, tar) = (tree.to_str().unwrap(), tar.to_str().unwrap());
        tool("tar", &["-C", tree, "-cf", tar, "."]);
        let place = |name: &str| corten.directory().join(name).to_str().unwrap().to_owned();
        let (root, runroot) = (place("podman"), place("podman-run"));
        let podman = |arguments: &[&str]| {
            let global = ["--root", &root, "--runroot", &runroot, "--storage-driver", "vfs"];
            tool("podman", &[&global[..], arguments].concat())
        };
        podman(&["import", "--quiet", tar, "localhost/made"]);
        for (format, tag) in [("oci", "oci"), ("v2s2", "docker")] {
            let image = format!("{}/podman:{tag}", server.host());
            let push = ["push", "--quiet", "--tls-verify=false", "--format", format];
            podman(&[&push[..], &["localhost/made", &image]].concat());
            let (digest, id) = skopeo_says(&image);
            let pulled = ok(&corten, &["pull", "--quiet", &image]);
            assert_eq!((pulled.stdout, pulled.stderr), (format!("{image}\n"), String::new()));
            assert_eq!(id_of(&corten, &image), id);
            let by_digest = format!("{}/podman@{digest}", server.host());
            assert_eq!(id_of(&corten, &by_digest), id);
            assert_eq!(ok(&corten, &["run", "--rm", &image, "echo", "hello"]).stdout, "hello\n");
        }
    }

    fn name(server: &ScriptedServer, rest: &str) -> String {
        format!("{}/{rest}", server.host())
    }

    fn serve(catalog: &Arc<Catalog>) -> ScriptedServer {
        let catalog = Arc::clone(catalog);
        ScriptedServer::start(move |request| catalog.answer(request))
    }

    fn layer(name: &str, length: usize) -> MadeLayer {
        let seed = name.bytes().map(u64::from).sum();
        MadeLayer::compressed(archive(&[(name, &noise(length, seed))]), "gzip")
    }

    fn image(names: &[&str]) -> MadeImage {
        MadeImage::new(names.iter().map(|name| layer(name, 10_000)).collect())
    }

    /// An image that runs: busybox as `/bin/sh`, and a file.
    fn runnable(text: &str) -> MadeImage {
        let busybox = fs::read("/bin/busybox").unwrap();
        let files: [(&str, &[u8]); 3] =
            [("bin/sh", &busybox), ("bin/cat", &busybox), ("text", text.as_bytes())];
        MadeImage::new(vec![MadeLayer::compressed(archive(&files), "gzip")])
    }

    /// What was asked since `from`.
    fn since(server: &ScriptedServer, from: usize) -> Vec<String> {
        let host = server.host();
        server.asked().into_iter().skip(from).map(|line| line.replace(&host, "HOST")).collect()
    }

    #[test]
    fn an_image_that_is_here_costs_one_question() {
        let catalog = Arc::new(Catalog::default());
        let digest = catalog.image("1", &image(&["one"]));
        let server = serve(&catalog);
        let (corten, by_tag) = (corten(), name(&server, "a/b:1"));
        ok(&corten, &["pull", &by_tag]);
        let before = server.asked().len();
        assert!(ok(&corten, &["pull", &by_tag]).stdout.contains("up to date"));
        assert_eq!(since(&server, before), ["HEAD /v2/a/b/manifests/1"]);
        // What a digest names can't change: nobody has to be asked.
        let by_digest = name(&server, &format!("a/b@{digest}"));
        let before = server.asked().len();
        let pulled = ok(&corten, &["pull", &by_digest]);
        assert!(pulled.stdout.starts_with(&format!("Digest: {digest}\nStatus: ")), "{pulled:?}");
        assert_eq!(since(&server, before), [""; 0]);
        // A further name of the same image is one question, too.
        catalog.image("2", &image(&["one"]));
        ok(&corten, &["pull", &name(&server, "a/b:2")]);
        assert_eq!(since(&server, before), ["HEAD /v2/a/b/manifests/2"]);
        assert_eq!(id_of(&corten, &name(&server, "a/b:2")), id_of(&corten, &by_tag));
    }

    #[test]
    fn by_digest_it_has_no_name_and_runs() {
        let catalog = Arc::new(Catalog::default());
        let made = runnable("by digest\n");
        let digest = catalog.image("moves", &made);
        let server = serve(&catalog);
        let (corten, by_digest) = (corten(), name(&server, &format!("a@{digest}")));
        let pulled = ok(&corten, &["pull", &by_digest]);
        assert_eq!(pulled.stdout.lines().last(), Some(by_digest.as_str()));
        assert_eq!(id_of(&corten, &by_digest), made.id());
        assert_eq!(ok(&corten, &["run", "--rm", &by_digest, "cat", "/text"]).stdout, "by digest\n");
        let listed = corten.ok(&["images", "--format", "{{.Tag}}"]);
        assert_eq!(listed, "<none>");
        let other = name(&server, &format!("a@{}", sha256(b"another")));
        refused(&corten, &["pull", &other], 1, &["404", &sha256(b"another")]);
    }

    #[test]
    fn one_of_several_platforms_and_no_attestation() {
        let catalog = Arc::new(Catalog::default());
        let entry = |image: &MadeImage, os: &str, architecture: &str| {
            let digest = catalog.image("part", image);
            let mut manifest = image.manifest.clone();
            let config = image.config.to_string();
            manifest["config"] = json!({"mediaType": testkit::OCI_CONFIG, "digest": image.id(), "size": config.len()});
            json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": manifest.to_string().len(),
                "platform": {"os": os, "architecture": architecture}})
        };
        let mut images = [image(&["one"]), image(&["two"]), image(&["attestation"])];
        images[0].config["architecture"] = json!("amd64");
        images[1].config["architecture"] = json!("s390x");
        let mut entries = vec![
            entry(&images[2], "unknown", "unknown"),
            entry(&images[1], "linux", "s390x"),
            entry(&images[0], "linux", "amd64"),
        ];
        entries[0]["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": entries[2]["digest"],
        });
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        let digest = catalog.document("1", OCI_INDEX, index.to_string().as_bytes());
        let server = serve(&catalog);
        let (corten, name) = (corten(), name(&server, "many:1"));
        for (platform, image) in [("linux/amd64", &images[0]), ("linux/s390x", &images[1])] {
            let pulled = ok(&corten, &["pull", "--platform", platform, &name]);
            assert!(pulled.stdout.contains(&format!("Digest: {digest}\n")), "{pulled:?}");
            assert_eq!(id_of(&corten, &name), image.id(), "{platform}");
        }
        let words = ["no image for linux/arm64", "linux/s390x, linux/amd64"];
        refused(&corten, &["pull", "--platform", "linux/arm64", &name], 1, &words);
        refused(&corten, &["pull", "--platform", "unknown/unknown", &name], 1, &["unknown"]);
        assert!(
            !server.asked().iter().any(|asked| asked.contains(&sha256(&images[2].layers[0].blob)))
        );
    }

    #[test]
    fn a_tag_that_moves_takes_the_name_along() {
        let catalog = Arc::new(Catalog::default());
        catalog.image("1", &image(&["base", "old"]));
        let server = serve(&catalog);
        let (corten, name) = (corten(), name(&server, "a:1"));
        ok(&corten, &["pull", &name]);
        let old = id_of(&corten, &name);
        let new = image(&["base", "new"]);
        catalog.image("1", &new);
        let before = server.asked().len();
        let pulled = ok(&corten, &["pull", &name]);
        assert!(pulled.stdout.contains("Downloaded newer image"), "{pulled:?}");
        assert!(pulled.stderr.contains(": Already exists\n"), "{pulled:?}");
        assert_eq!(id_of(&corten, &name), new.id());
        assert_eq!(id_of(&corten, &old), old, "it is here without a name");
        assert_eq!(corten.ok(&["images", "--quiet"]).lines().count(), 2);
        // The layer that both have did not come again.
        let asked = since(&server, before);
        let blobs: Vec<_> = asked.iter().filter(|line| line.contains("/blobs/")).collect();
        assert_eq!(blobs.len(), 2, "{asked:?}");
        assert!(blobs.iter().all(|line| !line.ends_with(&sha256(&new.layers[0].blob))));
    }

    #[test]
    fn all_tags_of_a_repository() {
        let (corten, server) = (corten(), RegistryServer::start());
        let source = layout(&corten);
        let repository = format!("{}/all", server.host());
        for tag in ["1", "2", "3"] {
            skopeo_copy(&[], &source, &format!("docker://{repository}:{tag}"));
        }
        let pulled = ok(&corten, &["pull", "--all-tags", &repository]);
        for tag in ["1", "2", "3"] {
            assert!(pulled.stdout.contains(&format!("\n{repository}:{tag}\n")), "{pulled:?}");
            id_of(&corten, &format!("{repository}:{tag}"));
        }
        let words = ["tag can't be used with --all-tags/-a"];
        refused(&corten, &["pull", "-a", &format!("{repository}:1")], 1, &words);
        let nothing = format!("{}/nothing", server.host());
        refused(&corten, &["pull", "-a", &nothing], 1, &["404"]);
    }

    #[test]
    fn json_tells_each_change_and_the_end() {
        let catalog = Arc::new(Catalog::default());
        let made = image(&["one", "two"]);
        let digest = catalog.image("latest", &made);
        let server = serve(&catalog);
        let (corten, name) = (corten(), name(&server, "a"));
        for status in ["downloaded", "up-to-date"] {
            let pulled = ok(&corten, &["pull", "--progress", "json", &name]);
            assert_eq!(pulled.stderr, "", "{pulled:?}");
            let mut lines: Vec<Value> =
                pulled.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let end = lines.pop().unwrap();
            let wanted = json!({"reference": format!("{name}:latest"), "digest": digest,
                "image": made.id(), "status": status});
            assert_eq!(end, wanted);
            if status == "downloaded" {
                for layer in &made.layers {
                    let digest = sha256(&layer.blob);
                    let last =
                        lines.iter().rfind(|line| line["digest"] == digest.as_str()).unwrap();
                    assert_eq!(last["state"], "done", "{lines:?}");
                    assert_eq!(last["current"], layer.blob.len(), "{lines:?}");
                    assert_eq!(last["unpacked"], layer.blob.len(), "{lines:?}");
                }
            }
        }
        let wrong = run(&corten, &["pull", "--progress", "loud", &name]);
        assert!(wrong.code != 0 && wrong.stderr.contains("loud"), "{wrong:?}");
    }

    /// Two commands, one image: each byte is sent once.
    #[test]
    fn two_pulls_at_once_do_the_work_once() {
        let catalog = Arc::new(Catalog::default());
        let made = MadeImage::new((1..5).map(|number| layer("part", number << 18)).collect());
        let other = MadeImage::new(vec![made.layers[3].clone(), layer("own", 5000)]);
        catalog.image("latest", &made);
        catalog.image("other", &other);
        let gate = Arc::new(Gate::default());
        let server = ScriptedServer::start({
            let gate = Arc::clone(&gate);
            move |request| match request.target.contains("/blobs/") {
                true => catalog.answer(request).hold_after(300, &gate),
                false => catalog.answer(request),
            }
        });
        let corten = corten();
        let names = ["a:latest", "a:latest", "a:latest", "a:other", "b:latest"];
        let children: Vec<_> = names
            .iter()
            .map(|rest| {
                let mut command = command(&corten);
                command.args(["pull", &name(&server, rest)]).stdin(Stdio::null());
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let configs = [made.id(), other.id()];
        let held = |id: &String| server.asked().iter().any(|asked| asked.ends_with(id));
        wait_until("both kinds have begun", || configs.iter().all(held));
        gate.open();
        for child in children {
            let finished = Finished::from(child.wait_with_output().unwrap());
            assert_eq!(finished.code, 0, "{finished:?}");
        }
        for layer in made.layers.iter().chain(&other.layers) {
            let end = sha256(&layer.blob);
            let count = server.asked().iter().filter(|asked| asked.ends_with(&end)).count();
            assert_eq!(count, 1, "{:?}", server.asked());
        }
        for rest in names {
            let wanted = if rest == "a:other" { other.id() } else { made.id() };
            assert_eq!(id_of(&corten, &name(&server, rest)), wanted);
        }
    }

    #[test]
    fn run_and_create_pull_what_is_missing() {
        let catalog = Arc::new(Catalog::default());
        catalog.image("latest", &runnable("inside\n"));
        let server = serve(&catalog);
        let (corten, name) = (corten(), name(&server, "a"));
        refused(&corten, &["run", "--pull", "never", &name, "cat", "/text"], 125, &["a"]);
        assert_eq!(server.asked(), [""; 0]);

        let ran = ok(&corten, &["run", "--rm", &name, "cat", "/text"]);
        assert_eq!(ran.stdout, "inside\n");
        let first = format!("Unable to find image '{name}:latest' locally\n");
        assert!(ran.stderr.starts_with(&first), "{ran:?}");
        let last = format!("Status: Downloaded newer image for {name}:latest\n");
        assert!(ran.stderr.ends_with(&last), "{ran:?}");

        // Now it is here.
        let before = server.asked().len();
        let ran = ok(&corten, &["run", "--rm", "--pull", "missing", &name, "cat", "/text"]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("inside\n", ""));
        assert_eq!(since(&server, before), [""; 0]);

        catalog.image("latest", &runnable("changed\n"));
        let ran = ok(&corten, &["run", "--rm", "--pull", "always", "-q", &name, "cat", "/text"]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("changed\n", ""));

        let quiet = corten.ok(&["images", "-q"]);
        assert_eq!(quiet.lines().count(), 2);
        let other = self::name(&server, "b");
        let created = ok(&corten, &["create", "--quiet", &other, "cat", "/text"]);
        assert_eq!(created.stderr, "");
        assert_eq!(ok(&corten, &["start", "-a", created.stdout.trim()]).stdout, "changed\n");
        let missing = self::name(&server, "a:missing");
        refused(&corten, &["run", &missing, "true"], 125, &["404", "missing"]);
        refused(&corten, &["create", &missing, "true"], 1, &["404", "missing"]);
        let wrong = run(&corten, &["run", "--pull", "sometimes", &name]);
        assert!(wrong.code == 125 && wrong.stderr.contains("sometimes"), "{wrong:?}");
    }

    /// Ctrl-C while `run` still pulls: nothing runs that could get the signal, so it is the command's own.
    #[test]
    fn an_interrupt_ends_a_pull() {
        let catalog = Catalog::default();
        catalog.image("latest", &image(&["one"]));
        let server = ScriptedServer::start(move |request| {
            let answer = catalog.answer(request);
            if request.target.contains("/blobs/") { answer.stall_after(10) } else { answer }
        });
        let (corten, name) = (corten(), name(&server, "a"));
        for args in [&["run", "--rm", &name, "true"][..], &["create", &name], &["pull", &name]] {
            let before = server.asked().len();
            let mut command = command(&corten);
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            wait_until("a blob is asked for", || {
                since(&server, before).iter().any(|line| line.contains("/blobs/"))
            });
            tool("kill", &["-INT", &child.id().to_string()]);
            let status = child.wait().unwrap();
            let finished = Finished::from(std::process::Output {
                status,
                stdout: Vec::new(),
                stderr: Vec::new(),
            });
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            assert_eq!(finished.code, 130, "{args:?}: {told}");
        }
        assert_eq!(corten.ok(&["ps", "--all", "--quiet"]), "");
    }

    /// `user:password` in base64.
    const AUTH: &str = "dXNlcjpwYXNzd29yZA==";

    fn log_in(corten: &Corten, host: &str) {
        let config = json!({"auths": {host: {"auth": AUTH}}});
        put(&corten.directory().join(".docker/config.json"), &config.to_string());
    }

    #[test]
    fn registries_that_want_a_login() {
        let tokens = TokenServer::start();
        for options in [
            RegistryOptions { basic: Some(("user", "password")), ..RegistryOptions::default() },
            RegistryOptions { tokens: Some(&tokens), ..RegistryOptions::default() },
        ] {
            let (corten, server) = (corten(), RegistryServer::with(&options));
            let source = layout(&corten);
            let image = format!("{}/private:1", server.host());
            let creds = ["--dest-creds", "user:password"];
            skopeo_copy(&creds, &source, &format!("docker://{image}"));
            if options.tokens.is_none() {
                refused(&corten, &["pull", &image], 1, &["401"]);
                refused(&corten, &["run", &image, "true"], 125, &["401"]);
            }
            log_in(&corten, &server.host());
            ok(&corten, &["pull", &image]);
            let ran = ok(&corten, &["run", "--rm", &image, "cat", "/note"]);
            assert_eq!(ran.stdout, "a second layer\n");
        }
    }

    #[test]
    fn tls_with_an_authority_of_certs_d() {
        let certificates = Certificates::new();
        let options = RegistryOptions { tls: Some(&certificates), ..RegistryOptions::default() };
        let (corten, server) = (corten(), RegistryServer::with(&options));
        let source = layout(&corten);
        let host = server.host().replace("127.0.0.1", "localhost");
        let image = format!("{host}/tls:1");
        skopeo_copy(&[], &source, &format!("docker://{image}"));
        refused(&corten, &["pull", &image], 1, &["certificate"]);
        let place = corten.directory().join("registries/certs.d").join(&host);
        fs::create_dir_all(&place).unwrap();
        fs::copy(certificates.ca(), place.join("ca.crt")).unwrap();
        ok(&corten, &["pull", &image]);
        let unknown = self::corten();
        ok(&unknown, &["pull", "--tls-verify=false", &image]);
    }

    fn mirror(corten: &Corten, of: &str, mirror: &str) {
        let text = format!(
            "[[registry]]\nprefix = \"{of}\"\nlocation = \"{of}\"\n[[registry.mirror]]\nlocation = \"{mirror}\"\ninsecure = true\n"
        );
        put(&corten.directory().join("registries/registries.conf"), &text);
    }

    #[test]
    fn a_mirror_serves_for_a_registry_that_is_gone() {
        let catalog = Arc::new(Catalog::default());
        let made = image(&["one"]);
        catalog.image("1", &made);
        let server = serve(&catalog);
        let corten = corten();
        // Nobody listens there: the name is for such uses (RFC 6761).
        mirror(&corten, "registry.invalid", &server.host());
        let pulled = ok(&corten, &["pull", "registry.invalid/a/b:1"]);
        assert!(pulled.stdout.ends_with("registry.invalid/a/b:1\n"), "{pulled:?}");
        assert_eq!(id_of(&corten, "registry.invalid/a/b:1"), made.id());
    }

    #[test]
    fn a_mirror_that_gives_something_else_is_passed_over() {
        let catalog = Arc::new(Catalog::default());
        let made = image(&["one", "two"]);
        catalog.image("1", &made);
        let origin = serve(&catalog);
        let wrong = sha256(&made.layers[1].blob);
        let mut other = made.layers[1].blob.clone();
        *other.last_mut().unwrap() ^= 1;
        let server = ScriptedServer::start(move |request| match request.target.contains(&wrong) {
            true => Response::new(200).body(other.clone()),
            false => catalog.answer(request),
        });
        let corten = corten();
        mirror(&corten, &origin.host(), &server.host());
        let name = name(&origin, "a:1");
        let pulled = ok(&corten, &["pull", &name]);
        assert!(pulled.stderr.contains("it is fetched anew"), "{pulled:?}");
        assert_eq!(id_of(&corten, &name), made.id());
        let asked: Vec<_> =
            origin.asked().into_iter().filter(|line| line.contains("/blobs/")).collect();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let left: Vec<PathBuf> = ["tmp", "transfers"]
            .iter()
            .flat_map(|name| fs::read_dir(corten.root().join(name)).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
