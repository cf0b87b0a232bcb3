//! What the Docker Engine API tells of the machine and of itself, as bytes on its socket.

use serde_json::{Value, json};
use testkit::{ApiServer, Corten};

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    // The server ends first.
    (corten, api)
}

#[test]
fn a_ping_tells_what_clients_begin_with() {
    let (_corten, api) = served();
    for (method, body) in [("GET", &b"OK"[..]), ("HEAD", b"")] {
        let answer = api.send(method, "/_ping", b"");
        assert_eq!((answer.status, answer.body.as_slice()), (200, body), "{method}");
        for line in [
            "api-version: 1.52",
            "builder-version: 1",
            "cache-control: no-cache, no-store, must-revalidate",
            "pragma: no-cache",
            "swarm: inactive",
            "docker-experimental: true",
            "ostype: linux",
            "content-type: text/plain; charset=utf-8",
            &format!("content-length: {}", body.len()),
        ] {
            assert!(answer.head.lines().any(|own| own == line), "{line}: {}", answer.head);
        }
    }
    let version = api.get("/v1.24/version").expect(200);
    assert_eq!(
        (&version["ApiVersion"], &version["MinAPIVersion"]),
        (&json!("1.52"), &json!("1.24"))
    );
    assert_eq!(version["Components"][0]["Name"], "Engine");
}

#[test]
fn facts_of_the_machine_are_true() {
    let (corten, api) = served();
    corten.ok(&["run", "-d", "--name", "runs", "busybox", "sleep", "1000"]);
    corten.ok(&["create", "--name", "stands", "busybox", "true"]);
    let info = api.get("/info").expect(200);
    for (name, value) in [
        ("Containers", json!(2)),
        ("ContainersRunning", json!(1)),
        ("ContainersStopped", json!(1)),
        ("Images", json!(1)),
        ("OSType", json!("linux")),
        ("LiveRestoreEnabled", json!(true)),
        ("DefaultRuntime", json!("corten")),
        ("DockerRootDir", json!(corten.root())),
    ] {
        assert_eq!(info[name], value, "{name}");
    }
    assert_eq!(info["Swarm"]["LocalNodeState"], "inactive");
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(info["KernelVersion"], release.trim());
    // The command line tells the same.
    let said: Value = serde_json::from_str(&corten.ok(&["info", "--format", "json"])).unwrap();
    for name in ["NCPU", "MemTotal", "SecurityOptions", "CgroupVersion", "OperatingSystem"] {
        assert_eq!(info[name], said[name], "{name}");
    }
    let has = |version: &str, name: &str| {
        !api.get(&format!("/v{version}/info")).expect(200)[name].is_null()
    };
    assert!(!has("1.48", "FirewallBackend") && has("1.49", "FirewallBackend"));
    assert!(has("1.51", "KernelMemoryTCP") && !has("1.52", "KernelMemoryTCP"));
    assert!(has("1.49", "BridgeNfIptables") && !has("1.50", "BridgeNfIptables"));
}

#[test]
fn room_is_told_in_both_forms() {
    let (corten, api) = served();
    corten.ok(&[
        "run",
        "--name",
        "made",
        "-v",
        "data:/d",
        "busybox",
        "sh",
        "-c",
        "echo hello > /d/file; echo hello > /file",
    ]);
    let usage = |path: &str| api.get(path).expect(200);
    let old = usage("/v1.41/system/df?type=volume");
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        fields(&old),
        ["BuildCache", "BuilderSize", "Containers", "Images", "LayersSize", "Volumes"]
    );
    assert_eq!(old["Volumes"][0]["UsageData"]["RefCount"], 1);
    assert_eq!(
        (&old["Images"][0]["Containers"], &old["Containers"][0]["SizeRw"]),
        (&json!(1), &json!(6))
    );
    assert_eq!(old["Images"][0]["VirtualSize"], old["Images"][0]["Size"]);
    assert_eq!(fields(&usage("/v1.42/system/df?type=volume")), ["Volumes"]);
    assert_eq!(
        fields(&usage("/v1.44/system/df?type=image&type=container")),
        ["Containers", "Images", "LayersSize"]
    );
    assert_eq!(api.get("/v1.42/system/df?type=x").refusal(400), "unknown object type: x");
    let both = usage("/v1.52/system/df?type=container");
    assert_eq!(fields(&both), ["ContainerUsage", "Containers"]);
    let new = usage("/v1.52/system/df?verbose=1&type=container&type=volume");
    assert_eq!(fields(&new), ["ContainerUsage", "VolumeUsage"]);
    assert_eq!(new["ContainerUsage"]["Items"][0]["Names"], json!(["/made"]));
    assert_eq!(
        (&new["ContainerUsage"]["TotalCount"], &new["ContainerUsage"]["ActiveCount"]),
        (&json!(1), &Value::Null)
    );
}

#[test]
fn there_are_no_plugins_and_no_swarm() {
    let (_corten, api) = served();
    assert_eq!(api.get("/plugins").expect(200), json!([]));
    assert_eq!(api.get("/plugins/some/thing/json").status, 404);
    assert!(api.get("/swarm").refusal(503).contains("This node is not a swarm manager."));
}
