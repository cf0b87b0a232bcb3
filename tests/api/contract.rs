//! What is served is what is described: schemathesis asks for everything that `/openapi.json` says, in every way that it says and in others, and looks
//! at the answers. Its settings, with their reasons, are tests/clients/schemathesis.toml; `scripts/prepare check` installs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{ApiServer, Certificates, Corten};

/// Seconds of requests: whatever was not asked by then is asked elsewhere.
const SECONDS: &str = "30";
/// Requests of each operation beside those that cover its parameters.
const EXAMPLES: &str = "4";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn everything_is_answered_as_it_is_described() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let certificates = Certificates::new();
    let (certificate, key) = certificates.server();
    let text = |path: &Path| path.display().to_string();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("tcp://127.0.0.1:{port}");
    let (authority, certificate, key) = (text(&certificates.ca()), text(&certificate), text(&key));
    let flags = [
        ["--listen", &address],
        ["--tlscacert", &authority],
        ["--tlscert", &certificate],
        ["--tlskey", &key],
    ];
    let api = ApiServer::start_with(&corten, corten.command(), flags.as_flattened());
    let settings = repository().join("tests/clients");
    let program = repository().join("target/clients/python/bin/schemathesis");
    let (client, client_key) = certificates.client();
    let output = Command::new(&program)
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .args(["run", &format!("https://localhost:{port}/openapi.json"), "--no-color"])
        .args(["--seed", "1", "--max-examples", EXAMPLES, "--max-time", SECONDS])
        .args(["--generation-database", "none", "--phases", "coverage,fuzzing"])
        .args(["--tls-verify", &authority, "--request-cert", &text(&client)])
        .args(["--request-cert-key", &text(&client_key)])
        .env("PYTHONPATH", &settings)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CORTEN_SOCKET", corten.directory().join("api.sock"))
        // Only what is on this machine is asked.
        .env("no_proxy", "*")
        .current_dir(corten.directory())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => panic!("run {} (scripts/prepare check): {error}", program.display()),
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}\n{error}");
    assert_eq!(api.get("/_ping").status, 200, "the server lives");
    // What it has made runs perhaps.
    corten.ok(&["rm", "--force", "--all"]);
}
