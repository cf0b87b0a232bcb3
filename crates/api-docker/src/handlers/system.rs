//! The machine, and the engine itself.

use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::version::{ApiVersion, NEWEST, OLDEST};

/// `GET /version`.
pub(super) fn version(_version: ApiVersion) -> Result<Answer, Failure> {
    let system = rustix::system::uname();
    let kernel = system.release().to_string_lossy().into_owned();
    let machine = system.machine().to_string_lossy().into_owned();
    let arch = architecture(&machine);
    let details = json!({
        "ApiVersion": NEWEST.to_string(),
        "MinAPIVersion": OLDEST.to_string(),
        "Arch": arch,
        "Os": "linux",
        "KernelVersion": kernel,
        "Experimental": "false",
    });
    Answer::json(&json!({
        "Platform": { "Name": "Corten" },
        "Components": [{ "Name": "Engine", "Version": engine::VERSION, "Details": details }],
        "Version": engine::VERSION,
        "ApiVersion": NEWEST.to_string(),
        "MinAPIVersion": OLDEST.to_string(),
        "GitCommit": "",
        "GoVersion": "",
        "Os": "linux",
        "Arch": arch,
        "KernelVersion": kernel,
        "BuildTime": "",
    }))
}

/// The machine's architecture by Go's name, as images have it.
fn architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
