//! Copies with what belongs to an image (`image copy --referrers`): a layout with signatures of both kinds and lists of contents goes
//! to registries without the referrers API (Debian's docker-registry) and with it, and back.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use serde_json::{Value, json};
    use testkit::{
        Corten, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, RegistryServer, Response, ScriptedServer,
        Signer, sha256,
    };

    const CORTEN: &str = env!("CARGO_BIN_EXE_corten");
    const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    const CONTENTS: &str = "application/spdx+json";
    const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
    const SIGNATURES: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
    const NAME: &str = "org.opencontainers.image.ref.name";

    /// A layout that is written by hand.
    struct Layout {
        path: PathBuf,
        entries: Vec<Value>,
    }

    impl Layout {
        fn new(path: &Path) -> Self {
            std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
            write(&path.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
            Self { path: path.to_owned(), entries: Vec::new() }
        }

        fn blob(&self, kind: &str, bytes: &[u8]) -> Value {
            let digest = sha256(bytes);
            let hex = digest.strip_prefix("sha256:").unwrap();
            write(&self.path.join("blobs/sha256").join(hex), bytes);
            json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
        }

        fn document(&self, document: &Value) -> Value {
            let kind = document["mediaType"].as_str().unwrap();
            self.blob(kind, document.to_string().as_bytes())
        }

        /// An image without layers for a machine.
        fn image(&self, architecture: &str) -> Value {
            let config = json!({
                "architecture": architecture, "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": []},
            });
            let config = self.blob(OCI_CONFIG, config.to_string().as_bytes());
            let manifest = json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [],
            });
            let mut image = self.document(&manifest);
            image["platform"] = json!({"os": "linux", "architecture": architecture});
            image
        }

        fn index(&self, images: &[&Value]) -> Value {
            let document = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": images});
            self.document(&document)
        }

        fn name(&mut self, name: &str, of: &Value) {
            let mut entry = of.clone();
            entry["annotations"] = json!({ NAME: name });
            self.entries.push(entry);
        }

        /// What names another manifest as its subject.
        fn referrer(&mut self, subject: &Value, kind: &str, layer: &Value) -> Value {
            let document = json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind,
                "config": self.blob(EMPTY, b"{}"), "layers": [layer], "subject": subject,
                "annotations": {"made.by": "the test"},
            });
            let referrer = self.document(&document);
            self.entries.push(referrer.clone());
            referrer
        }

        /// cosign's signature of a manifest, as a layer.
        fn signature(&self, signer: &Signer, of: &Value) -> Value {
            let payload = json!({
                "critical": {
                    "identity": {"docker-reference": "app"},
                    "image": {"docker-manifest-digest": of["digest"]},
                    "type": "cosign container image signature",
                },
                "optional": null,
            })
            .to_string();
            let mut layer = self.blob(PAYLOAD, payload.as_bytes());
            let signature = signer.sign_in_base64(payload.as_bytes());
            layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
            layer
        }

        /// The same under the tag that belongs to the manifest.
        fn sign_by_tag(&mut self, signer: &Signer, of: &Value) {
            let document = json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST,
                "config": self.blob(OCI_CONFIG, b"{}"), "layers": [self.signature(signer, of)],
            });
            let signatures = self.document(&document);
            self.name(&tag_of(of, ".sig"), &signatures);
        }

        fn finish(&self) {
            let index = json!({
                "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": self.entries,
            });
            write(&self.path.join("index.json"), index.to_string().as_bytes());
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    fn write(path: &Path, bytes: &[u8]) {
        std::fs::write(path, bytes).unwrap();
    }

    fn tag_of(descriptor: &Value, suffix: &str) -> String {
        format!("{}{suffix}", digest(descriptor).replace(':', "-"))
    }

    fn digest(descriptor: &Value) -> &str {
        descriptor["digest"].as_str().unwrap()
    }

    fn index_of(layout: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap()
    }

    const NATIVE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

    /// A signed index of two images; of it a list of contents, which is signed in turn; of the image for this machine a signature
    /// that names it as its subject.
    struct Ground {
        corten: Corten,
        layout: PathBuf,
        key: String,
        _signer: Signer,
        index: Value,
        native: Value,
        contents: Value,
        by_subject: Value,
    }

    impl Ground {
        fn new() -> Self {
            let (corten, signer) = (Corten::new(CORTEN), Signer::p256());
            let path = corten.directory().join("made");
            let mut layout = Layout::new(&path);
            let (native, foreign) = (layout.image(NATIVE), layout.image("s390x"));
            let index = layout.index(&[&native, &foreign]);
            layout.name("app", &index);
            layout.sign_by_tag(&signer, &index);
            let list = layout.blob(CONTENTS, br#"{"contents":[]}"#);
            let contents = layout.referrer(&index, CONTENTS, &list);
            layout.sign_by_tag(&signer, &contents);
            let signature = layout.signature(&signer, &native);
            let by_subject = layout.referrer(&native, SIGNATURES, &signature);
            layout.finish();
            let key = signer.public_key().display().to_string();
            let (layout, _signer) = (path, signer);
            Self { corten, layout, key, _signer, index, native, contents, by_subject }
        }

        fn made(&self) -> String {
            format!("oci:{}", self.layout.display())
        }

        fn place(&self, transport: &str, name: &str) -> String {
            format!("{transport}:{}", self.corten.directory().join(name).display())
        }

        #[track_caller]
        fn copy(&self, flags: &[&str], from: &str, to: &str) -> String {
            self.corten.ok(&[&["image", "copy", "-q"], flags, &[from, to]].concat())
        }

        /// Whether the image is signed there, by its index and, asked for alone, by its manifest.
        fn verifies(&self, name: &str) -> [bool; 2] {
            let bare = name.rsplit_once(':').unwrap().0;
            let manifest = format!("{bare}@{}", digest(&self.native));
            [name.to_owned(), manifest].map(|image| {
                self.corten.run(&["image", "verify", "--key", &self.key, &image]).code == 0
            })
        }
    }

    fn curl(address: &str, accept: &str) -> Option<Value> {
        let accept = format!("Accept: {accept}");
        let output = Command::new("curl").args(["-sSf", "-H", &accept, address]).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    fn curl_ok(arguments: &[&str]) {
        let output = Command::new("curl").arg("-sSf").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn signatures_and_referrers_go_along_from_place_to_place() {
        let ground = Ground::new();
        let (one, two) = (RegistryServer::start(), RegistryServer::start());
        let (first, second) = (format!("{}/app:1", one.host()), format!("{}/b/app:2", two.host()));
        let flag = &["--referrers"][..];

        // Without the flag the image goes alone.
        ground.copy(&["--all-platforms"], &ground.made(), &format!("docker://{first}"));
        assert_eq!(ground.verifies(&first), [false, false]);

        let told = ground.corten.ok(&[
            "image",
            "copy",
            "--progress",
            "plain",
            "-r",
            &ground.made(),
            &format!("docker://{first}"),
        ]);
        assert!(told.contains("Referrers: 4\n"), "{told}");
        assert_eq!(ground.verifies(&first), [true, true]);
        // The registry has no API for it: tags stand in, with what lists of referrers have.
        let listed = |host: &str, repository: &str, of: &Value| -> Option<Value> {
            curl(&format!("http://{host}/v2/{repository}/manifests/{}", tag_of(of, "")), OCI_INDEX)
        };
        let list = listed(&one.host(), "app", &ground.index).unwrap();
        assert_eq!(list["manifests"].as_array().unwrap().len(), 1, "{list}");
        assert_eq!(list["manifests"][0]["digest"], ground.contents["digest"]);
        assert_eq!(list["manifests"][0]["artifactType"], CONTENTS);
        assert_eq!(list["manifests"][0]["annotations"]["made.by"], "the test");
        // Once more: nothing is listed twice.
        ground.copy(flag, &ground.made(), &format!("docker://{first}"));
        assert_eq!(listed(&one.host(), "app", &ground.index), Some(list));

        // On to the next registry, to a layout, an archive, and back.
        let digest_of_index = digest(&ground.index).to_owned();
        let from = format!("docker://{first}");
        assert_eq!(ground.copy(flag, &from, &format!("docker://{second}")), digest_of_index);
        assert_eq!(ground.verifies(&second), [true, true]);
        assert!(listed(&two.host(), "b/app", &ground.native).is_some());
        let layout = ground.place("oci", "layout");
        ground.copy(flag, &format!("docker://{second}"), &format!("{layout}:app"));
        let index = index_of(&ground.corten.directory().join("layout"));
        let entries = index["manifests"].as_array().unwrap();
        assert_eq!(entries.len(), 5, "{index}");
        let entry = |of: &Value| entries.iter().find(|entry| entry["digest"] == of["digest"]);
        assert_eq!(entry(&ground.by_subject).unwrap()["artifactType"], SIGNATURES);
        assert_eq!(entry(&ground.contents).unwrap()["annotations"]["made.by"], "the test");
        let archive = ground.place("oci-archive", "archive.tar");
        // What stands beside the image does not make the layout one of several images.
        ground.copy(flag, &layout, &archive);
        for (number, from) in [layout, archive].iter().enumerate() {
            let back = format!("{}/back{number}/app:3", one.host());
            assert_eq!(ground.copy(flag, from, &format!("docker://{back}")), digest_of_index);
            assert_eq!(ground.verifies(&back), [true, true], "{from}");
        }
    }

    #[test]
    fn what_stands_beside_an_image_is_not_loaded() {
        let ground = Ground::new();
        ground.copy(&["-r"], &ground.made(), &format!("{}:app", ground.place("oci", "layout")));
        for layout in ["made", "layout"] {
            let path = ground.corten.directory().join(layout);
            let loaded = ground.corten.ok(&["load", "-i", path.to_str().unwrap()]);
            assert_eq!(loaded.lines().count(), 1, "{layout}: {loaded}");
        }
    }

    #[test]
    fn one_platform_takes_along_what_belongs_to_it_alone() {
        let ground = Ground::new();
        let server = RegistryServer::start();
        let name = format!("{}/app:1", server.host());
        let to = format!("docker://{name}");
        let flags = ["--referrers", "--platform", &format!("linux/{NATIVE}")];
        assert_eq!(ground.copy(&flags, &ground.made(), &to), digest(&ground.native));
        assert_eq!(ground.verifies(&name), [true, true]);
        let tags = curl(&format!("http://{}/v2/app/tags/list", server.host()), "*/*").unwrap();
        let list = tag_of(&ground.native, "");
        let mut tags: Vec<&str> =
            tags["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        tags.sort_unstable();
        assert_eq!(tags, ["1", &list]);
    }

    #[test]
    fn where_the_registry_has_the_api_no_tag_is_written() {
        let ground = Ground::new();
        let server = ScriptedServer::start(|request| match request.method.as_str() {
            "HEAD" => Response::new(200),
            "PUT" => {
                let subject = String::from_utf8_lossy(&request.body).contains("\"subject\"");
                let response = Response::new(201);
                if subject { response.header("OCI-Subject", "sha256:0") } else { response }
            }
            _ => Response::new(if request.path() == "/v2/" { 200 } else { 404 }),
        });
        let to = format!("docker://{}/app:1", server.host());
        ground.copy(&["--referrers"], &ground.made(), &to);
        let puts: Vec<String> =
            server.asked().into_iter().filter(|asked| asked.starts_with("PUT")).collect();
        let at = |name: &str| {
            let wanted = format!("PUT /v2/app/manifests/{name}");
            puts.iter().position(|put| *put == wanted)
        };
        // The name comes last; what belongs to a manifest comes after it.
        assert_eq!(at("1"), Some(puts.len() - 1), "{puts:?}");
        assert!(at(digest(&ground.contents)) > at(digest(&ground.index)), "{puts:?}");
        assert!(at(&tag_of(&ground.index, ".sig")).is_some(), "{puts:?}");
        assert_eq!(at(&tag_of(&ground.index, "")), None, "{puts:?}");
    }

    #[test]
    fn what_does_not_belong_to_it_is_left_out_and_told() {
        let ground = Ground::new();
        let server = RegistryServer::start();
        let name = format!("{}/app:1", server.host());
        ground.copy(&["--referrers"], &ground.made(), &format!("docker://{name}"));
        // Anybody who may push can write the list: here with a manifest that has another subject.
        let list = json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX,
            "manifests": [ground.by_subject, ground.contents],
        });
        let base = format!("http://{}/v2/app/manifests", server.host());
        let kind = format!("Content-Type: {OCI_INDEX}");
        let at = format!("{base}/{}", tag_of(&ground.index, ""));
        curl_ok(&["-X", "PUT", "-H", &kind, "--data-binary", &list.to_string(), &at]);
        let copy = || {
            let from = format!("docker://{name}");
            let to = ground.place("oci", "target");
            let copied = ["image", "copy", "--progress", "plain", "--referrers", &from, &to];
            let copied = ground.corten.run(&copied);
            assert_eq!(copied.code, 0, "{copied:?}");
            copied
        };
        let copied = copy();
        assert!(copied.stderr.contains("does not name"), "{copied:?}");
        assert!(copied.stdout.contains("Referrers: 4\n"), "{copied:?}");
        // It may also list what was deleted.
        curl_ok(&["-X", "DELETE", &format!("{base}/{}", digest(&ground.by_subject))]);
        let copied = copy();
        assert!(copied.stderr.contains("is left out"), "{copied:?}");
        assert!(copied.stdout.contains("Referrers: 3\n"), "{copied:?}");
    }

    #[test]
    fn the_store_and_archives_of_docker_save_keep_none() {
        let ground = Ground::new();
        let archive = ground.place("docker-archive", "a.tar");
        for (from, to) in [(ground.made(), archive), (ground.made(), "x:1".to_owned())] {
            let refused = ground.corten.fails(&["image", "copy", "-r", &from, &to], 1);
            assert!(refused.contains("keeps referrers"), "{refused}");
        }
        assert!(!ground.corten.directory().join("a.tar").exists());
    }
}
