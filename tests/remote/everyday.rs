//! What people do every day, the same lines at each kind of server.

use serde_json::Value;

use crate::base::{Client, Server};

#[test]
fn at_corten() {
    let server = Server::corten();
    everyday(&server, &server.client());
}

#[test]
fn at_dockerd() {
    let server = Server::docker();
    everyday(&server, &server.client());
}

fn everyday(server: &Server, far: &Client) {
    looks(server, far);
    life(far);
    replaces(far);
    lists(far);
    waits_and_logs(far);
}

fn looks(server: &Server, far: &Client) {
    let version = far.ok(&["version"]);
    assert!(version.contains("Client:\n Version:") && version.contains("Server:"), "{version}");
    let spoken = far.ok(&["version", "-f", "{{.Client.ApiVersion}}"]);
    assert_eq!(spoken, if server.is_docker() { "1.41" } else { "1.52" });
    let driver = far.ok(&["info", "-f", "{{.Driver}}"]);
    assert!(!driver.is_empty() && far.ok(&["info"]).contains("Containers: 0"), "{driver}");
    let images = far.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert_eq!(images, "busybox:latest");
    let table = far.ok(&["images"]);
    assert!(table.starts_with("REPOSITORY") && table.contains("busybox"), "{table}");
}

/// One takes the place of another, which stays where it cannot.
fn replaces(far: &Client) {
    let create = ["create", "--pull", "never", "--replace", "--name"];
    let old = far.ok(&["run", "-d", "--name", "place", "busybox", "sleep", "1000"]);
    let state = |name: &str| far.ok(&["inspect", "-f", "{{.Id}} {{.State.Status}}", name]);
    far.fails(&[&create[..], &["place", "nosuch:1"]].concat(), 1);
    assert_eq!(state("place"), format!("{old} running"));
    // The beginning of its id is another name.
    let other = far.ok(&[&create[..], &[&old[..8], "busybox"]].concat());
    assert_eq!(state("place"), format!("{old} running"));
    let new = far.ok(&[&create[..], &["place", "busybox"]].concat());
    assert_eq!(state("place"), format!("{new} created"));
    assert_eq!(far.ok(&["ps", "-aq"]).lines().count(), 2);
    far.ok(&["rm", &new, &other]);
}

fn life(far: &Client) {
    let id = far.ok(&["create", "--name", "made", "--label", "a=b", "busybox", "sleep", "1000"]);
    assert_eq!(id.len(), 64);
    assert_eq!(far.ok(&["start", "made"]), "made");
    assert_eq!(far.ok(&["pause", "made"]), "made");
    assert_eq!(far.ok(&["inspect", "-f", "{{.State.Status}}", "made"]), "paused");
    assert_eq!(far.ok(&["unpause", "made"]), "made");
    assert_eq!(far.ok(&["rename", "made", "renamed"]), "");
    assert_eq!(far.ok(&["restart", "-t", "0", "renamed"]), "renamed");
    assert_eq!(far.ok(&["update", "--cpu-shares", "512", "renamed"]), "renamed");
    assert_eq!(far.ok(&["inspect", "-f", "{{.HostConfig.CpuShares}}", "renamed"]), "512");
    let top = far.ok(&["top", "renamed"]);
    assert!(top.contains("PID") && top.contains("sleep 1000"), "{top}");
    assert_eq!(far.ok(&["kill", "-s", "KILL", "renamed"]), "renamed");
    assert_eq!(far.ok(&["wait", "renamed"]), "137");
    assert_eq!(far.ok(&["rm", "renamed"]), "renamed");
    let told = far.fails(&["rm", "renamed"], 1);
    assert!(told.contains("No such container: renamed"), "{told}");
    assert!(far.run(&["rm", "-f", "renamed"]).code == 0);
    far.fails(&["container", "exists", "renamed"], 1);
}

fn lists(far: &Client) {
    for name in ["one", "two"] {
        far.ok(&["run", "-d", "--name", name, "--label", "team=shop", "busybox", "sleep", "1000"]);
    }
    far.ok(&["create", "--name", "three", "busybox", "true"]);
    let names = |args: &[&str]| {
        let mut all: Vec<String> = far
            .ok(&[&["ps", "--format", "{{.Names}}"], args].concat())
            .lines()
            .map(str::to_owned)
            .collect();
        all.sort();
        all
    };
    assert_eq!(names(&[]), ["one", "two"]);
    assert_eq!(names(&["-a"]), ["one", "three", "two"]);
    assert_eq!(names(&["-a", "--filter", "status=created"]), ["three"]);
    assert_eq!(names(&["--filter", "label=team=shop", "--filter", "name=one"]), ["one"]);
    assert_eq!(names(&["-n", "1"]), ["three"]);
    let table = far.ok(&["ps"]);
    assert!(table.starts_with("CONTAINER ID   IMAGE     COMMAND"), "{table}");
    assert!(table.contains("\"sleep 1000\"") && table.contains("Up "), "{table}");
    let json: Value =
        serde_json::from_str(far.ok(&["ps", "--format", "json", "-l"]).trim()).unwrap();
    assert_eq!((&json["Names"], &json["Image"]), (&"three".into(), &"busybox".into()));
    let used = far.ok(&["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "one"]);
    assert_eq!(used, "one 1");
    // Several at once, chosen by what they are.
    let stopped = far.ok(&["stop", "-t", "0", "--filter", "label=team=shop"]);
    assert_eq!(stopped.lines().count(), 2, "{stopped}");
    far.ok(&["rm", "-f", "--all"]);
    assert_eq!(names(&["-a"]), Vec::<String>::new());
}

fn waits_and_logs(far: &Client) {
    let script = "echo out; echo err >&2; exit 3";
    far.ok(&["run", "-d", "--name", "said", "busybox", "sh", "-c", script]);
    assert_eq!(far.ok(&["wait", "said"]), "3");
    let logs = far.run(&["logs", "said"]);
    assert_eq!((logs.stdout.as_str(), logs.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!(far.run(&["logs", "-f", "--tail", "1", "said"]).code, 0);
    let stamped = far.run(&["logs", "-t", "--since", "1h", "said"]).stdout;
    assert!(stamped.ends_with("Z out\n"), "{stamped}");
    let events = far.ok(&[
        "events",
        "--since",
        "1h",
        "--until",
        "0s",
        "--filter",
        "container=said",
        "--format",
        "{{.Action}}",
    ]);
    assert!(events.contains("create") && events.contains("die"), "{events}");
    let lines = far.ok(&["events", "--since", "1h", "--until", "0s", "--filter", "container=said"]);
    assert!(lines.contains(" container start ") && lines.contains("name=said"), "{lines}");
    far.ok(&["rm", "said"]);
}
