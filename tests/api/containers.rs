//! Containers by the Docker Engine API, as bytes on its socket: what is made of a request, in the words of each version.

use serde_json::{Value, json};
use testkit::{ApiServer, Corten, wait_until};

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    // The server ends first.
    (corten, api)
}

/// A request for a container that would sleep, with more.
fn sleeper(more: &Value) -> Value {
    let mut body = json!({ "Image": "busybox", "Cmd": ["sleep", "1000"] });
    let fields = more.as_object().cloned().unwrap_or_default();
    body.as_object_mut().unwrap().extend(fields);
    body
}

fn created(api: &ApiServer, version: &str, more: &Value) -> (Value, Value) {
    let made = api.post(&format!("/v{version}/containers/create"), &sleeper(more)).expect(201);
    let id = made["Id"].as_str().unwrap();
    (api.get(&format!("/v{version}/containers/{id}/json")).expect(200), made["Warnings"].clone())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one request with all of it, and what became of each")]
fn a_container_is_as_it_was_asked_for() {
    let (corten, api) = served();
    let directory = corten.directory().join("shared");
    std::fs::create_dir(&directory).unwrap();
    let shared = directory.to_str().unwrap();
    let host = json!({
        "Binds": [format!("{shared}:/b:ro"), "data:/d:nocopy"], "Tmpfs": { "/t": "size=1m" },
        "Memory": 67_108_864, "MemorySwap": 134_217_728, "NanoCpus": 500_000_000, "PidsLimit": 10,
        "CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["CAP_CHOWN"], "ReadonlyRootfs": true, "Init": true,
        "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 3 }, "ShmSize": 1_048_576,
        "Ulimits": [{ "Name": "nofile", "Soft": 100, "Hard": 200 }], "Dns": ["192.0.2.1"],
        "ExtraHosts": ["a:192.0.2.2"], "GroupAdd": ["44"], "Sysctls": { "net.ipv4.ip_forward": "1" },
        "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] },
        "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m" } },
        "MaskedPaths": [], "ReadonlyPaths": [],
        "Mounts": [
            { "Type": "volume", "Source": "deep", "Target": "/v", "VolumeOptions": { "Labels": { "a": "b" } } },
            { "Type": "tmpfs", "Target": "/m", "TmpfsOptions": { "SizeBytes": 1_048_576, "Mode": 1016 } },
        ],
    });
    let more = json!({
        "Hostname": "shop", "User": "1000", "WorkingDir": "/tmp", "Env": ["A=b", "PATH"], "Tty": true,
        "Labels": { "x": "y" }, "StopSignal": "SIGINT", "StopTimeout": 3, "Entrypoint": ["env"],
        "Healthcheck": { "Test": ["CMD", "true"], "Interval": 1_000_000_000 }, "HostConfig": host,
    });
    let (own, warnings) = created(&api, "1.52", &more);
    assert_eq!(warnings, json!([]));
    for name in [
        "Hostname",
        "User",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "StopTimeout",
        "Entrypoint",
        "Healthcheck",
    ] {
        assert_eq!(own["Config"][name], more[name], "{name}");
    }
    // A name without a value is taken out of what the image has.
    assert_eq!(own["Config"]["Env"], json!(["TERM=xterm", "A=b"]));
    for name in [
        "Binds",
        "Tmpfs",
        "Memory",
        "MemorySwap",
        "NanoCpus",
        "PidsLimit",
        "CapAdd",
        "CapDrop",
        "ReadonlyRootfs",
        "Init",
        "RestartPolicy",
        "ShmSize",
        "Ulimits",
        "Dns",
        "ExtraHosts",
        "GroupAdd",
        "Sysctls",
        "PortBindings",
        "MaskedPaths",
        "ReadonlyPaths",
        "Mounts",
    ] {
        assert_eq!(own["HostConfig"][name], more["HostConfig"][name], "{name}");
    }
    let mut targets: Vec<_> = own["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount["Destination"].as_str().unwrap())
        .collect();
    targets.sort_unstable();
    assert_eq!(targets, ["/b", "/d", "/m", "/v"]);
    assert_eq!(own["State"]["Health"], Value::Null);
    assert_eq!(own["NetworkSettings"]["Ports"], json!({}));
}

#[test]
fn what_no_container_can_be_is_refused() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "web", "busybox", "true"]);
    let taken = api.post("/containers/create?name=web", &sleeper(&json!({}))).refusal(409);
    assert!(
        taken.starts_with("Conflict. The container name \"/web\" is already in use by container")
    );
    let missing = api.post("/containers/create", &json!({ "Image": "nothing" })).refusal(404);
    assert!(missing.starts_with("No such image: nothing"), "{missing}");
    let other =
        api.post("/containers/create?platform=linux/s390x", &sleeper(&json!({}))).refusal(404);
    assert!(other.contains("does not match the specified platform"), "{other}");
    for host in [
        // Who hears 404 pulls the image.
        json!({ "NetworkMode": "nowhere" }),
        json!({ "PidMode": "container:nobody" }),
        json!({ "VolumesFrom": ["nobody"] }),
        json!({ "AutoRemove": true, "RestartPolicy": { "Name": "always" } }),
        json!({ "Binds": ["a1:/x", "b1:/x"] }),
        json!({ "Mounts": [{ "Type": "volume", "Target": "/x", "BindOptions": {} }] }),
        json!({ "Mounts": [{ "Type": "volume", "Source": "data", "Target": "/x/../y" }] }),
        json!({ "Mounts": [{ "Type": "volume", "Source": "data", "Target": "/x", "VolumeOptions": { "Subpath": "../../.." } }] }),
        json!({ "Mounts": [{ "Type": "bind", "Source": "/nowhere-at-all", "Target": "/x" }] }),
        // Profiles are sent, not named.
        json!({ "SecurityOpt": ["seccomp=/etc/passwd"] }),
        json!({ "Runtime": "nope" }),
        json!({ "Memory": 1024 }),
        json!({ "Memory": "1024" }),
        json!({ "MaskedPaths": ["../x"] }),
    ] {
        let answer = api.post("/containers/create", &sleeper(&json!({ "HostConfig": host })));
        assert_eq!(answer.status, 400, "{host}: {}", answer.json());
    }
    for body in
        ["", "null", "[]", "{", r#"{"Image":1}"#, r#"{"Image":"busybox","Env":"A=b"}"#, "{}"]
    {
        assert_eq!(api.send("POST", "/containers/create", body.as_bytes()).status, 400, "{body}");
    }
    assert_eq!(corten.ok(&["ps", "-a", "--format", "{{.Names}}"]), "web");
}

#[test]
fn requests_mean_what_their_version_means() {
    let (corten, api) = served();
    corten.ok(&["network", "create", "web"]);
    let hardware = "02:42:ac:11:00:09";
    let wide = json!({ "MacAddress": hardware });
    let words = |warnings: &Value| warnings.as_array().unwrap().len();
    for (version, told) in [("1.24", 0), ("1.43", 0), ("1.44", 1), ("1.51", 1)] {
        let (own, warnings) = created(&api, version, &wide);
        assert_eq!(
            (words(&warnings), &own["Config"]["MacAddress"]),
            (told, &json!(hardware)),
            "{version}"
        );
    }
    assert_eq!(api.post("/v1.52/containers/create", &sleeper(&wide)).status, 400);
    let two = json!({ "NetworkingConfig": { "EndpointsConfig": { "web": {}, "bridge": {} } } });
    assert_eq!(api.post("/v1.43/containers/create", &sleeper(&two.clone())).status, 400);
    let (own, _) = created(&api, "1.44", &two);
    assert_eq!(own["NetworkSettings"]["Networks"].as_object().unwrap().len(), 2);
    let ipc = |version| created(&api, version, &json!({})).0["HostConfig"]["IpcMode"].clone();
    assert_eq!((ipc("1.39"), ipc("1.40")), (json!("shareable"), json!("private")));
    let annotated = json!({ "HostConfig": { "Annotations": { "a": "b" } } });
    let annotations =
        |version| created(&api, version, &annotated).0["HostConfig"]["Annotations"].clone();
    assert_eq!((annotations("1.42"), annotations("1.43")), (Value::Null, json!({ "a": "b" })));
    let subpath = json!({ "HostConfig": { "Mounts": [{
        "Type": "volume", "Source": "data", "Target": "/x", "VolumeOptions": { "Subpath": "a" },
    }] } });
    assert_eq!(api.post("/v1.44/containers/create", &sleeper(&subpath)).status, 400);
    // An entry point that is no word leaves the image its command, and an empty word does not.
    let words = |entrypoint: Value| {
        let body = json!({ "Image": "busybox", "Entrypoint": entrypoint });
        api.post("/containers/create", &body).status
    };
    assert_eq!((words(json!([])), words(json!([""]))), (201, 400));
}

#[test]
fn documents_are_those_of_their_version() {
    let (corten, api) = served();
    corten.ok(&["network", "create", "web"]);
    corten.ok(&[
        "run",
        "-d",
        "--name",
        "shop",
        "--network",
        "web",
        "--annotation",
        "a=b",
        "busybox",
        "sleep",
        "1000",
    ]);
    let inspect = |version: &str| api.get(&format!("/v{version}/containers/shop/json")).expect(200);
    let (old, new) = (inspect("1.41"), inspect("1.52"));
    for name in ["Bridge", "IPAddress", "Gateway", "MacAddress", "SecondaryIPAddresses"] {
        assert!(old["NetworkSettings"].get(name).is_some(), "{name}");
        assert!(new["NetworkSettings"].get(name).is_none(), "{name}");
    }
    assert!(old["Config"].get("OnBuild").is_some() && new["Config"].get("OnBuild").is_none());
    assert_eq!(
        (&old["HostConfig"]["KernelMemory"], &new["HostConfig"]["KernelMemory"]),
        (&json!(0), &Value::Null)
    );
    let short = &new["Id"].as_str().unwrap()[..12];
    let aliases =
        |document: &Value| document["NetworkSettings"]["Networks"]["web"]["Aliases"].clone();
    assert_eq!((aliases(&old), aliases(&inspect("1.45"))), (json!([short]), Value::Null));
    let listed =
        |version: &str| api.get(&format!("/v{version}/containers/json")).expect(200)[0].clone();
    assert_eq!(listed("1.45")["HostConfig"], json!({ "NetworkMode": "web" }));
    assert_eq!(listed("1.46")["HostConfig"]["Annotations"], json!({ "a": "b" }));
    assert_eq!(listed("1.51")["Health"], Value::Null);
    assert_eq!(listed("1.52")["Health"], json!({ "Status": "none", "FailingStreak": 0 }));
    assert_eq!(api.get("/containers/nobody/json").refusal(404), "No such container: nobody");
}

#[test]
fn lists_are_by_filters() {
    let (corten, api) = served();
    corten.ok(&["network", "create", "web"]);
    corten.ok(&[
        "run",
        "-d",
        "--name",
        "shop",
        "-p",
        "127.0.0.1::80",
        "--expose",
        "99",
        "busybox",
        "sleep",
        "1000",
    ]);
    corten.ok(&["network", "connect", "web", "shop"]);
    corten.ok(&["create", "--name", "made", "-l", "a=b", "busybox", "true"]);
    let names = |path: &str| -> Vec<String> {
        let list = api.get(path).expect(200);
        let names = list.as_array().unwrap().iter();
        names.map(|own| own["Names"][0].as_str().unwrap().to_owned()).collect()
    };
    let filtered =
        |filters: &str| names(&format!("/containers/json?filters={}", filters.replace('"', "%22")));
    assert_eq!(names("/containers/json"), ["/shop"]);
    assert_eq!(names("/containers/json?all=1"), ["/made", "/shop"]);
    assert_eq!(names("/containers/json?limit=1"), ["/made"]);
    assert_eq!(names("/containers/json?limit=0"), ["/shop"]);
    assert_eq!(filtered(r#"{"status":["created"]}"#), ["/made"]);
    for (filters, is_met) in [
        (r#"{"network":["web"]}"#, true),
        (r#"{"network":["bridge"]}"#, true),
        (r#"{"network":["host"]}"#, false),
        (r#"{"publish":["80"]}"#, true),
        (r#"{"publish":["80/udp"]}"#, false),
        (r#"{"expose":["90-100/tcp"]}"#, true),
        (r#"{"health":["none"],"ancestor":["busybox"]}"#, true),
        (r#"{"label":["a"]}"#, false),
    ] {
        assert_eq!(!filtered(filters).is_empty(), is_met, "{filters}");
    }
    for path in ["limit=x", "filters=x", "filters=%7B%22a%22:[%22b%22]%7D"] {
        assert_eq!(api.get(&format!("/containers/json?{path}")).status, 400, "{path}");
    }
}

#[test]
fn no_limit_is_the_servers_fault() {
    let (corten, api) = served();
    corten.ok(&["run", "-d", "--name", "shop", "busybox", "sleep", "1000"]);
    let fields = [
        "BlkioWeight",
        "CpuPeriod",
        "CpuQuota",
        "CpuShares",
        "Memory",
        "MemoryReservation",
        "MemorySwap",
        "NanoCpus",
        "PidsLimit",
    ];
    for field in fields {
        for value in [i64::MIN, -2, -1, 0, 1, 1001, 1 << 40, i64::MAX - 1, i64::MAX] {
            let status = api.post("/containers/shop/update", &json!({ field: value })).status;
            assert!([200, 400].contains(&status), "{field} {value}: {status}");
        }
    }
    let quota = api.post("/containers/shop/update", &json!({ "CpuQuota": i64::MAX }));
    assert!(quota.refusal(400).contains("9223372036854775807"));
}

#[test]
fn containers_are_looked_after() {
    let (corten, api) = served();
    corten.ok(&["run", "-d", "--name", "shop", "busybox", "sleep", "1000"]);
    let top = api.get("/containers/shop/top").expect(200);
    assert_eq!(top["Titles"][1], "PID");
    assert_eq!(top["Processes"][0][7], "sleep 1000");
    let top = api.get("/containers/shop/top?ps_args=-o%20pid,comm").expect(200);
    assert_eq!(
        (&top["Titles"], &top["Processes"][0][1]),
        (&json!(["PID", "COMMAND"]), &json!("sleep"))
    );
    assert_eq!(api.get("/containers/shop/top?ps_args=-o%20comm").status, 400);
    let update = |version: &str, body: &Value| {
        api.post(&format!("/v{version}/containers/shop/update"), body)
    };
    let body = json!({
        "Memory": 104_857_600, "MemorySwap": 209_715_200, "PidsLimit": 50,
        "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 2 },
    });
    assert_eq!(update("1.41", &body).expect(200), json!({ "Warnings": null }));
    assert_eq!(update("1.39", &json!({ "PidsLimit": 9 })).status, 200);
    let host = api.get("/containers/shop/json").expect(200)["HostConfig"].clone();
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(104_857_600), &json!(50)));
    assert_eq!(host["RestartPolicy"], body["RestartPolicy"]);
    assert_eq!(update("1.41", &json!({ "Memory": 1024 })).status, 400);
    assert_eq!(update("1.41", &json!({ "Memory": "1" })).status, 400);
    assert_eq!(api.post("/containers/nobody/update", &json!({})).status, 404);
    assert_eq!(api.get("/containers/shop/checkpoints").json(), json!([]));
    assert_eq!(api.post("/containers/shop/start?checkpoint=first", &json!({})).status, 409);
    assert_eq!(api.delete("/containers/shop/checkpoints/first").status, 404);
    let wrong = json!({ "CheckpointID": "../first", "Exit": true });
    assert_eq!(api.post("/containers/shop/checkpoints", &wrong).status, 400);
    let refusal = api.delete("/containers/shop").refusal(409);
    assert!(refusal.contains("container is running: stop the container before removing"));
    assert_eq!(api.delete("/containers/shop?link=1").status, 400);
    assert_eq!(api.delete("/containers/shop?force=1").status, 204);
    assert_eq!(api.delete("/containers/shop").status, 404);
    let id = corten.ok(&["create", "busybox", "true"]);
    let pruned = api.post("/containers/prune", &json!({})).expect(200);
    assert_eq!(pruned["ContainersDeleted"], json!([id]));
    assert_eq!(api.post("/containers/prune", &json!({})).json()["ContainersDeleted"], Value::Null);
}

#[test]
fn usage_is_told_in_detail() {
    let (corten, api) = served();
    let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 1000";
    corten.ok(&["run", "-d", "--name", "shop", "-m", "64m", "busybox", "sh", "-c", busy]);
    corten.ok(&["create", "--name", "made", "busybox", "true"]);
    wait_until("it has worked", || {
        let stats = api.get("/containers/shop/stats?stream=false&one-shot=1").expect(200);
        stats["cpu_stats"]["cpu_usage"]["usage_in_usermode"].as_u64() > Some(0)
    });
    let stats = api.get("/v1.52/containers/shop/stats?stream=false").expect(200);
    let number = |pointer: &str| stats.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!((number("/pids_stats/current"), number("/memory_stats/limit")), (1, 64 << 20));
    assert!(number("/memory_stats/usage") > 0 && number("/memory_stats/usage") < 64 << 20);
    assert!(stats["memory_stats"]["stats"].as_object().unwrap().len() > 5);
    let usage = stats["cpu_stats"]["cpu_usage"].clone();
    let at_least = |name: &str| usage[name].as_u64().unwrap_or(0);
    assert!(at_least("total_usage") >= at_least("usage_in_usermode"));
    assert!(number("/cpu_stats/system_cpu_usage") > number("/precpu_stats/system_cpu_usage"));
    assert!(number("/cpu_stats/online_cpus") > 0);
    assert!(stats["networks"]["eth0"]["rx_packets"].is_u64());
    assert_eq!(stats["os_type"], "linux");
    let none = api.get("/containers/made/stats?stream=false").expect(200);
    assert_eq!((&none["pids_stats"], &none["memory_stats"]), (&json!({}), &json!({})));
    assert_eq!(none["read"], "0001-01-01T00:00:00Z");
}

#[test]
fn events_call_a_further_process_by_its_id() {
    let (corten, api) = served();
    corten.ok(&["run", "-d", "--name", "shop", "busybox", "sleep", "1000"]);
    let body = json!({ "Cmd": ["sleep", "1000"], "AttachStdout": true });
    let made = api.post("/containers/shop/exec", &body).expect(201);
    let id = made["Id"].as_str().unwrap();
    let told = || {
        let format = "{{.Action}} {{.Actor.Attributes.execID}}";
        let since = ["--since", "1", "--until", "0s", "--filter", "event=exec_create"];
        let started = ["--filter", "event=exec_start", "--format", format];
        corten.ok(&[&["events"][..], &since, &started].concat())
    };
    // Docker tells of it before it runs.
    assert_eq!(told(), format!("exec_create: sleep 1000 {id}"));
    assert_eq!(api.post(&format!("/exec/{id}/start"), &json!({ "Detach": true })).status, 200);
    let inspected = api.get("/containers/shop/json").expect(200);
    assert_eq!(inspected["ExecIDs"], json!([id]));
    assert_eq!(told(), format!("exec_create: sleep 1000 {id}\nexec_start: sleep 1000 {id}"));
}
