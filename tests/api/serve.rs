//! Sockets of a server: who may use them, what they are limited to, and what becomes of them.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use serde_json::json;
use testkit::{ApiServer, Certificates, Corten, signal, wait_until};

fn made() -> Corten {
    Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
}

#[test]
fn a_sockets_file_is_as_it_was_asked_for_and_goes_with_its_server() {
    let corten = made();
    let flags = ["--mode", "0640", "--group", "daemon"];
    let mut api = ApiServer::start_with(&corten, corten.command(), &flags);
    let path = corten.directory().join("api.sock");
    let about = fs::metadata(&path).unwrap();
    assert_eq!((about.permissions().mode() & 0o777, about.gid()), (0o640, 1));
    let address = format!("unix://{}", path.display());
    let told = corten.fails(&["serve", "--listen", &address], 1);
    assert!(told.contains("another server answers there"), "{told}");
    signal("TERM", api.pid());
    assert_eq!(api.wait(), Some(0));
    assert!(!path.exists());
    // What a killed one leaves is no hindrance.
    let mut killed = ApiServer::start(&corten);
    signal("KILL", killed.pid());
    killed.wait();
    assert!(path.exists());
    let again = ApiServer::start(&corten);
    assert_eq!(again.get("/_ping").status, 200);
    for (flags, why) in [
        (["--listen", "tcp://127.0.0.1:0"], "--tlscacert is missing"),
        (["--listen", "http://x"], "none of unix:///PATH"),
        (["--listen", "fd://"], "LISTEN_FDS"),
        (["--mode", "8"], "in octal"),
        (["--group", "no such group"], "none of that name"),
        (["--idle-exit", "soon"], "no duration"),
    ] {
        let told = corten.fails(&["serve", flags[0], flags[1]], 1);
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_server_that_nobody_uses_ends() {
    let corten = made();
    let mut api = ApiServer::start_with(&corten, corten.command(), &["--idle-exit", "3s"]);
    let kept = api.connect();
    #[expect(clippy::disallowed_methods, reason = "longer than nobody may be there")]
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(api.get("/_ping").status, 200, "somebody is connected");
    drop(kept);
    assert_eq!(api.wait(), Some(0));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one rule after the other, on one server")]
fn a_limited_socket_shows_and_does_what_it_allows() {
    let corten = made();
    let directory = corten.directory().to_owned();
    let allowed = directory.join("allowed");
    fs::create_dir(&allowed).unwrap();
    std::os::unix::fs::symlink("/etc", allowed.join("out")).unwrap();
    let place = |name: &str| directory.join(name);
    let policy = format!(
        "[[socket]]\npath = {:?}\noperations = [\"reads\"]\n[[socket]]\npath = {:?}\noperations = [\"all\"]\nlabels = {{ team = \"shop\" }}\nimages = [\"busybox\"]\nmounts = [\"{}:ro\"]\n[[socket]]\npath = {:?}\noperations = [\"all\"]\nusers = [\"nobody\"]\n",
        place("read.sock"),
        place("shop.sock"),
        allowed.display(),
        place("nobody.sock"),
    );
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fs::write(place("policy.toml"), policy).unwrap();
    let file = place("policy.toml").display().to_string();
    let log = fs::File::create(place("log")).unwrap();
    let mut command = corten.command();
    command.stderr(log);
    let api = ApiServer::start_with(&corten, command, &["--policy", &file]);
    wait_until("its last socket is there", || place("nobody.sock").exists());
    corten.ok(&["run", "-d", "--name", "other", "busybox", "sleep", "1000"]);
    let body = |more: serde_json::Value| json!({ "Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": more });

    let read = api.at(place("read.sock"));
    let post = |socket: &testkit::ApiSocket, path: &str, body: &serde_json::Value| {
        socket.send("POST", path, body.to_string().as_bytes())
    };
    assert_eq!(read.send("GET", "/containers/json", b"").json().as_array().unwrap().len(), 1);
    let refused = post(&read, "/containers/create", &body(json!({}))).refusal(403);
    assert!(refused.contains("\"operations\""), "{refused}");
    assert_eq!(read.send("DELETE", "/containers/other?force=1", b"").status, 403);

    let shop = api.at(place("shop.sock"));
    assert_eq!(shop.send("GET", "/containers/json?all=1", b"").json(), json!([]));
    for (method, path) in [
        ("GET", "/containers/other/json"),
        ("GET", "/containers/other/logs?stdout=1"),
        ("POST", "/containers/other/exec"),
        ("DELETE", "/containers/other?force=1"),
    ] {
        assert_eq!(shop.send(method, path, b"{}").status, 404, "{method} {path}");
    }
    for (more, rule) in [
        (json!({ "Privileged": true }), "privileged"),
        (json!({ "PidMode": "host" }), "privileged"),
        (json!({ "NetworkMode": "host" }), "privileged"),
        (json!({ "CapAdd": ["SYS_ADMIN"] }), "privileged"),
        (json!({ "SecurityOpt": ["seccomp=unconfined"] }), "privileged"),
        (
            json!({ "Devices": [{ "PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r" }] }),
            "privileged",
        ),
        (json!({ "Binds": ["/etc:/x:ro"] }), "mounts"),
        (json!({ "Binds": [format!("{}:/x", allowed.display())] }), "mounts"),
    ] {
        let refused = post(&shop, "/containers/create", &body(more)).refusal(403);
        assert!(refused.contains(&format!("{rule:?}")), "{refused}");
    }
    // A link in what is allowed leads nowhere.
    let out = json!({ "Binds": [format!("{}/out:/x:ro", allowed.display())] });
    let made = post(&shop, "/containers/create?name=out", &body(out)).expect(201);
    assert_ne!(made["Id"], "");
    assert!(post(&shop, "/containers/out/start", &json!({})).status >= 400);
    let own = json!({ "Binds": [format!("{}:/x:ro", allowed.display())] });
    let _made = post(&shop, "/containers/create?name=own", &body(own)).expect(201);
    assert_eq!(post(&shop, "/containers/own/start", &json!({})).status, 204);
    // Images that somebody else has written would make processes of every kind.
    let there = json!({ "CheckpointID": "first", "CheckpointDir": "/tmp" }).to_string();
    for (method, path) in [
        ("POST", "/containers/own/checkpoints"),
        ("GET", "/containers/own/checkpoints?dir=/tmp"),
        ("DELETE", "/containers/own/checkpoints/first?dir=/tmp"),
        ("POST", "/containers/own/start?checkpoint=first&checkpoint-dir=/tmp"),
    ] {
        let refused = shop.send(method, path, there.as_bytes()).refusal(403);
        assert!(refused.contains("\"checkpoints\""), "{method} {path}: {refused}");
    }
    let label = corten.ok(&["inspect", "-f", "{{.Config.Labels.team}}", "own"]);
    assert_eq!(label.trim(), "shop");
    let network = post(&shop, "/networks/create", &json!({ "Name": "theirs" })).expect(201);
    assert_ne!(network["Id"], "");
    let label = corten.ok(&["network", "inspect", "-f", "{{.Labels.team}}", "theirs"]);
    assert_eq!(label.trim(), "shop");
    for body in [
        json!({ "Name": "wide", "Driver": "macvlan" }),
        json!({ "Name": "wide", "Options": { "com.docker.network.bridge.name": "eth0" } }),
    ] {
        let refused = post(&shop, "/networks/create", &body).refusal(403);
        assert!(refused.contains("\"privileged\""), "{refused}");
    }
    let image = json!({ "Mounts": [{ "Type": "image", "Source": "evil", "Target": "/x" }] });
    let refused = post(&shop, "/containers/create", &body(image)).refusal(403);
    assert!(refused.contains("\"images\""), "{refused}");
    let join = json!({ "Container": "other" });
    assert_eq!(post(&shop, "/networks/theirs/connect", &join).status, 404);
    assert_eq!(post(&shop, "/images/create?fromImage=evil", &json!({})).status, 403);

    let nobody = api.at(place("nobody.sock"));
    let refused = nobody.send("GET", "/containers/json", b"").refusal(403);
    assert!(refused.contains("\"users\""), "{refused}");
    let told = fs::read_to_string(place("log")).unwrap();
    for line in [
        "ContainerCreate by 0:0: refused by the rule \"mounts\"",
        "ContainerList by 0:0: refused by the rule \"users\"",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let wrong = directory.join("wrong.toml");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fs::write(&wrong, "[[socket]]\npath = \"/x\"\noperations = [\"everything\"]\n").unwrap();
    let told = corten.fails(&["serve", "--policy", wrong.to_str().unwrap()], 1);
    assert!(told.contains("\"everything\" is no operation"), "{told}");
}

#[test]
fn over_tcp_nobody_is_answered_without_a_certificate() {
    let corten = made();
    let certificates = Certificates::new();
    let (certificate, key) = certificates.server();
    let text = |path: &std::path::Path| path.display().to_string();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let flags = [
        "--listen".to_owned(),
        format!("tcp://127.0.0.1:{port}"),
        "--tlscacert".to_owned(),
        text(&certificates.ca()),
        "--tlscert".to_owned(),
        text(&certificate),
        "--tlskey".to_owned(),
        text(&key),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _api = ApiServer::start_with(&corten, corten.command(), &flags);
    let url = format!("https://localhost:{port}/_ping");
    let (client, client_key) = certificates.client();
    let ask = |args: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--resolve"]);
        curl.arg(format!("localhost:{port}:127.0.0.1")).arg("--cacert").arg(certificates.ca());
        let output = curl.args(args).arg(&url).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let own = ["--cert", &text(&client), "--key", &text(&client_key)];
    wait_until("it answers", || ask(&own) == "OK");
    assert_eq!(ask(&[]), "");
    let page = ask(&[&own[..], &["--header", "Origin: https://evil.example"]].concat());
    assert!(page.contains("browsers are not answered"), "{page}");
}

#[test]
fn a_client_may_come_over_standard_streams() {
    let corten = made();
    let _api = ApiServer::start(&corten);
    let mut dial = corten.command();
    dial.args(["system", "dial-stdio"]);
    dial.env("DOCKER_HOST", format!("unix://{}", corten.directory().join("api.sock").display()));
    dial.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = dial.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\nOK"), "{said}");
}

#[test]
fn metrics_count_and_the_description_is_whole() {
    let corten = made();
    let api = ApiServer::start(&corten);
    corten.ok(&["create", "busybox", "true"]);
    assert_eq!(api.get("/v1.41/containers/json").status, 200);
    let metrics = String::from_utf8(api.get("/metrics").body).unwrap();
    assert!(
        metrics.contains(
            "corten_api_request_seconds_count{operation=\"ContainerList\",code=\"200\"} 1"
        ),
        "{metrics}"
    );
    assert!(metrics.contains("corten_containers{state=\"created\"} 1"), "{metrics}");
    let description = api.get("/openapi.json").expect(200);
    assert_eq!(
        description["paths"]["/containers/create"]["post"]["operationId"],
        "ContainerCreate"
    );
    for path in ["/swarm", "/services", "/nodes", "/tasks", "/secrets", "/configs"] {
        let refused = api.get(path).refusal(503);
        assert!(refused.starts_with("This node is not a swarm manager"), "{refused}");
    }
}
