//! `image verify` through the program: an image and its signature, put into Debian's docker-registry by curl, signed by openssl.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use testkit::{Corten, RegistryServer, Signer};

    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

    fn curl(arguments: &[&str]) -> String {
        let output = Command::new("curl").args(["-sSf"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn digest(bytes: &str, directory: &Path) -> String {
        put(&directory.join("bytes"), bytes);
        let output = Command::new("sha256sum").arg(directory.join("bytes")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        format!("sha256:{}", text.split_whitespace().next().unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    fn put(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    /// Sends a blob; gives its descriptor without the closing brace.
    fn blob(repository: &str, kind: &str, bytes: &str, directory: &Path) -> String {
        let digest = digest(bytes, directory);
        let post = ["-X", "POST", "-o", "/dev/null", "-w", "%header{location}"];
        let location = curl(&[&post[..], &[&format!("{repository}/blobs/uploads/")]].concat());
        let file = format!("@{}", directory.join("bytes").display());
        let kind_of_body = ["-H", "Content-Type: application/octet-stream", "--data-binary", &file];
        curl(
            &[&["-X", "PUT"], &kind_of_body[..], &[&format!("{location}&digest={digest}")]]
                .concat(),
        );
        format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{}"#, bytes.len())
    }

    fn manifest(repository: &str, tag: &str, config: &str, layers: &str) -> String {
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config}}},"layers":[{layers}]}}"#
        );
        let kind = format!("Content-Type: {MANIFEST}");
        let address = format!("{repository}/manifests/{tag}");
        curl(&["-X", "PUT", "-H", &kind, "--data-binary", &text, &address]);
        text
    }

    /// Pushes an image `app:TAG` and a signature of it; gives its digest.
    fn push(server: &RegistryServer, tag: &str, signer: &Signer, directory: &Path) -> String {
        let repository = format!("http://{}/v2/app", server.host());
        let config = format!(
            r#"{{"architecture":"{}","os":"linux","author":"{tag}","rootfs":{{"type":"layers","diff_ids":[]}}}}"#,
            if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
        );
        let kind = "application/vnd.oci.image.config.v1+json";
        let config = blob(&repository, kind, &config, directory);
        let image = digest(&manifest(&repository, tag, &config, ""), directory);
        let payload = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"app"}},"image":{{"docker-manifest-digest":"{image}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        let layer_kind = "application/vnd.dev.cosign.simplesigning.v1+json";
        let layer = blob(&repository, layer_kind, &payload, directory);
        let signature = base64(&signer.sign(payload.as_bytes()), directory);
        let annotations =
            format!(r#""annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}"#);
        let sig = format!("{}.sig", image.replace(':', "-"));
        manifest(&repository, &sig, &config, &format!("{layer},{annotations}}}"));
        image
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    fn base64(bytes: &[u8], directory: &Path) -> String {
        std::fs::write(directory.join("signature"), bytes).unwrap();
        let output =
            Command::new("base64").arg("-w0").arg(directory.join("signature")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn image_verify_says_who_signed_or_which_rule_refuses() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let (server, signer, other) = (RegistryServer::start(), Signer::p256(), Signer::ed25519());
        let directory = tempfile::tempdir().unwrap();
        let digest = push(&server, "1", &signer, directory.path());
        let image = format!("{}/app:1", server.host());
        let key = signer.public_key().display().to_string();
        let wrong = other.public_key().display().to_string();
        let policy = directory.path().join("policy.toml");
        let rules = format!(
            "default = \"reject\"\n[[rule]]\nname = \"ours\"\nmatch = \"{}/*\"\nkeys = [{key:?}]\n",
            server.host()
        );
        put(&policy, &rules);
        let run = |policy: &Path, words: &[&str]| {
            let mut command = corten.command();
            command.env("CORTEN_POLICY", policy).env("CORTEN_REGISTRY_CONFIG", directory.path());
            command.env("HOME", directory.path());
            let output = command.args(["image", "verify"]).args(words).output().unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            (output.status.code(), text(output.stdout), text(output.stderr))
        };

        let (code, out, err) = run(&policy, &["--key", &wrong, "--key", &key, &image]);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.starts_with(&format!("{image}: verification accepts {digest}\nKEY")), "{out}");
        assert!(out.contains(&format!("{key}   name ")), "{out}");
        let (code, out, err) = run(&policy, &["--key", &wrong, &image]);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        let refusal = format!("verification refuses {image}: no valid signature by {wrong} (1 ");
        assert!(err.contains(&refusal) && err.contains("made by another key"), "{err}");

        // The policy in force.
        let (code, out, err) = run(&policy, &["--format", "json", &image]);
        assert_eq!(code, Some(0), "{err}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["By"], "policy rule \"ours\"");
        assert_eq!((&value["Accepted"], &value["Digest"]), (&true.into(), &digest.into()));
        assert_eq!(value["Signatures"][0]["Key"], key.as_str());
        put(&policy, &rules.replace(&key, &wrong));
        let (code, out, err) = run(&policy, &["--format", "json", &image]);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &value["Accepted"]), (Some(1), &false.into()));
        assert!(value["Why"].as_str().unwrap().starts_with("no valid signature by"), "{out}");
        assert!(err.contains("policy rule \"ours\" refuses"), "{err}");
        let (code, _, err) = run(Path::new("/nonexistent"), &[&image]);
        assert_eq!(code, Some(1));
        assert!(err.contains("a policy that cannot be used refuses"), "{err}");
        assert!(err.contains("read /nonexistent: ENOENT"), "{err}");

        for (flag, value, why) in [
            ("--signatures-in", "a.org/b", "needs --key"),
            ("--platform", "linux/", "invalid platform"),
        ] {
            let (code, _, err) = run(&policy, &[flag, value, &image]);
            assert!(code == Some(1) && err.contains(why), "{flag}: {err}");
        }
        let both = ["--key", &key, "--policy", "x", &image];
        assert!(run(&policy, &both).2.contains("exclude each other"));
    }
}
