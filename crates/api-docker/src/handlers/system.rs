//! The machine, and the engine itself.

mod registries;
mod usage;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::Call;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::version::{ApiVersion, NEWEST, OLDEST};

use registries::document as registry_config;
pub(super) use usage::usage;

/// `GET /_ping`, and `HEAD /_ping` without a body.
pub(super) fn ping(has_body: bool) -> Answer {
    let answer = if has_body {
        Answer::text("OK")
    } else {
        Answer::empty(StatusCode::OK)
            .with("content-type", "text/plain; charset=utf-8")
            .with("content-length", "0")
    };
    answer
        .with("cache-control", "no-cache, no-store, must-revalidate")
        .with("pragma", "no-cache")
        .with("builder-version", "1")
        .with("swarm", "inactive")
}

/// `GET /info`.
pub(super) async fn info(call: Call) -> Result<Answer, Failure> {
    let version = call.routed.version;
    let listeners = call.shared.listeners();
    let registries = call.shared.registries;
    call.shared
        .with(move |engine| {
            let mut facts = engine.facts()?;
            // Names that stand for this one, too.
            for name in ["runc", "io.containerd.runc.v2"] {
                facts["Runtimes"][name] = facts["Runtimes"]["corten"].clone();
            }
            facts["NEventsListener"] = listeners.into();
            facts["NFd"] = entries("/proc/self/fd").into();
            facts["NGoroutines"] = entries("/proc/self/task").into();
            facts["RegistryConfig"] = registry_config(&registries.rules()?);
            if let Some(lines) = facts["Warnings"].as_array() {
                let warnings = lines.iter().filter_map(Value::as_str);
                facts["Warnings"] = warnings.map(|line| format!("WARNING: {line}")).collect();
            }
            of_version(&mut facts, version);
            Answer::json(&facts)
        })
        .await
}

fn entries(directory: &str) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

/// What clients of a version are told besides, and what not.
fn of_version(facts: &mut Value, version: ApiVersion) {
    if !version.has(42) {
        // What a kernel is asked for no more.
        for (name, value) in [
            ("KernelMemory", Value::from(false)),
            ("ClusterStore", "".into()),
            ("ClusterAdvertise", "".into()),
            ("SystemStatus", Value::Null),
        ] {
            facts[name] = value;
        }
    }
    if !version.has(52) {
        facts["KernelMemoryTCP"] = false.into();
    }
    if !version.has(50) {
        facts["BridgeNfIptables"] = false.into();
        facts["BridgeNfIp6tables"] = false.into();
    }
    if !version.has(49) {
        if let Some(facts) = facts.as_object_mut() {
            facts.remove("FirewallBackend");
        }
        for commit in ["ContainerdCommit", "RuncCommit", "InitCommit"] {
            facts[commit]["Expected"] = facts[commit]["ID"].clone();
        }
        facts["RegistryConfig"]["AllowNondistributableArtifactsCIDRs"] = Value::Null;
        facts["RegistryConfig"]["AllowNondistributableArtifactsHostnames"] = Value::Null;
    }
}

/// `GET /version`.
pub(super) fn version() -> Result<Answer, Failure> {
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
        "Experimental": "true",
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
        "Experimental": true,
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
