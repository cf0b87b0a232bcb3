//! Networks, volumes, what is used and what is pruned, at a server.

use serde_json::Value;

use crate::base::{Client, Server};

#[test]
fn at_corten() {
    let server = Server::corten();
    objects(&server.client());
}

#[test]
fn at_dockerd() {
    let server = Server::docker();
    objects(&server.client());
}

fn objects(far: &Client) {
    networks(far);
    volumes(far);
    ports(far);
    rooms(far);
}

fn networks(far: &Client) {
    let id = far.ok(&["network", "create", "--subnet", "10.99.0.0/24", "--label", "a=b", "web"]);
    assert_eq!(id.len(), 64);
    assert_eq!(
        far.ok(&["network", "ls", "--filter", "name=web", "--format", "{{.Name}} {{.Driver}}"]),
        "web bridge"
    );
    let subnet = "{{(index .IPAM.Config 0).Subnet}}";
    assert_eq!(far.ok(&["network", "inspect", "-f", subnet, "web"]), "10.99.0.0/24");
    let line = [
        "run",
        "-d",
        "--name",
        "nn",
        "--network",
        "web",
        "--ip",
        "10.99.0.7",
        "busybox",
        "sleep",
        "1000",
    ];
    far.ok(&line);
    let address = "{{.NetworkSettings.Networks.web.IPAddress}}";
    assert_eq!(far.ok(&["inspect", "-f", address, "nn"]), "10.99.0.7");
    far.ok(&["network", "create", "second"]);
    far.ok(&["network", "connect", "--alias", "other", "second", "nn"]);
    assert_eq!(far.ok(&["ps", "--format", "{{.Networks}}"]), "second,web");
    far.ok(&["network", "disconnect", "second", "nn"]);
    let told = far.fails(&["network", "rm", "web"], 1);
    assert!(told.contains("web"), "{told}");
    far.ok(&["rm", "-f", "nn"]);
    // Two places from the beginning, which old servers do not take at once.
    let line = [
        "run",
        "--rm",
        "--network",
        "web",
        "--network",
        "second",
        "busybox",
        "ls",
        "/sys/class/net",
    ];
    let seen = far.ok(&line);
    assert!(seen.contains("eth0"), "{seen}");
    assert_eq!(far.ok(&["network", "rm", "web", "second"]), "web\nsecond");
}

fn volumes(far: &Client) {
    assert_eq!(far.ok(&["volume", "create", "--label", "a=b", "data"]), "data");
    assert_eq!(far.ok(&["volume", "ls", "-q"]), "data");
    assert_eq!(
        far.ok(&["volume", "ls", "--format", "{{.Driver}} {{.Name}} {{.Labels}}"]),
        "local data a=b"
    );
    far.ok(&["run", "--rm", "-v", "data:/d", "busybox", "sh", "-c", "echo kept > /d/x"]);
    assert_eq!(
        far.ok(&[
            "run",
            "--rm",
            "--mount",
            "type=volume,src=data,dst=/d,readonly",
            "busybox",
            "cat",
            "/d/x"
        ]),
        "kept"
    );
    assert_eq!(far.ok(&["volume", "inspect", "-f", "{{.Labels.a}}", "data"]), "b");
    let document: Value = serde_json::from_str(&far.ok(&["volume", "inspect", "data"])).unwrap();
    assert_eq!(document[0]["Name"], "data");
    far.ok(&["volume", "exists", "data"]);
    assert_eq!(far.ok(&["volume", "rm", "data"]), "data");
    far.fails(&["volume", "exists", "data"], 1);
    far.fails(&["volume", "rm", "data"], 1);
}

fn ports(far: &Client) {
    far.ok(&["run", "-d", "--name", "pp", "-p", "127.0.0.1:18080:80", "busybox", "sleep", "1000"]);
    assert_eq!(far.ok(&["port", "pp"]), "80/tcp -> 127.0.0.1:18080");
    assert_eq!(far.ok(&["port", "pp", "80"]), "127.0.0.1:18080");
    assert_eq!(far.ok(&["ps", "--format", "{{.Ports}}"]), "127.0.0.1:18080->80/tcp");
    far.fails(&["port", "pp", "81"], 1);
    far.ok(&["rm", "-f", "pp"]);
}

fn rooms(far: &Client) {
    let table = far.ok(&["system", "df"]);
    assert!(table.starts_with("TYPE") && table.contains("Local Volumes"), "{table}");
    let verbose = far.ok(&["system", "df", "-v"]);
    assert!(verbose.contains("Images space usage:") && verbose.contains("busybox"), "{verbose}");
    far.ok(&["create", "--name", "old", "busybox", "true"]);
    let told = far.fails(&["container", "prune"], 1);
    assert!(told.contains("cancelled"), "{told}");
    let pruned = far.ok(&["container", "prune", "-f"]);
    assert!(
        pruned.contains("Deleted Containers:") && pruned.contains("Total reclaimed space:"),
        "{pruned}"
    );
    far.ok(&["network", "create", "unused"]);
    assert!(far.ok(&["network", "prune", "-f"]).contains("unused"));
    far.ok(&["volume", "create", "unused"]);
    assert!(far.ok(&["volume", "prune", "-f", "-a"]).contains("Total reclaimed space"));
    assert_eq!(far.ok(&["volume", "ls", "-q"]), "");
    assert!(far.ok(&["image", "prune", "-f"]).contains("Total reclaimed space"));
    assert!(far.ok(&["system", "prune", "-f"]).contains("Total reclaimed space"));
    let cache = ["builder", "prune", "-f", "--keep-storage", "1g", "--filter", "until=1h"];
    assert_eq!(far.ok(&cache), "Total reclaimed space: 0B");
    assert!(far.fails(&["builder", "prune", "-f", "--filter", "x=y"], 1).contains("kind"));
    assert_eq!(far.ok(&["images", "-q"]).lines().count(), 1);
}
