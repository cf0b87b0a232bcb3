//! Images by the Docker Engine API, as bytes on its socket: lists and documents by version, what is removed and why not, and the lines that
//! pulls, pushes and loads are told in.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    ApiAnswer, ApiServer, Catalog, Corten, Gate, MadeImage, MadeLayer, RegistryOptions,
    RegistryServer, ScriptedServer, archive, noise, wait_until,
};

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    // No settings of registries but those of the test.
    let mut command = corten.command();
    for name in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let directory = corten.directory();
    command.env("HOME", directory).env("CORTEN_REGISTRY_CONFIG", directory.join("registries"));
    let api = ApiServer::start_by(&corten, command);
    // The server ends first.
    (corten, api)
}

/// Lines of an answer that is told while the work goes on.
fn lines(answer: &ApiAnswer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let text = std::str::from_utf8(&answer.body).unwrap();
    text.split("\r\n")
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn statuses(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["status"].as_str()).collect()
}

fn post(api: &ApiServer, path: &str) -> ApiAnswer {
    api.send("POST", path, b"")
}

fn filtered(api: &ApiServer, version: &str, filters: &str) -> Vec<Value> {
    let path = format!("{version}/images/json?filters={}", filters.replace('"', "%22"));
    api.get(&path).expect(200).as_array().unwrap().clone()
}

/// `X-Registry-Auth` of a user.
fn login(user: &str, password: &str) -> String {
    let document = json!({ "username": user, "password": password }).to_string();
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in document.as_bytes().chunks(3) {
        let mut bits = 0_u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(three.get(place).copied().unwrap_or(0));
        }
        for place in 0..=three.len() {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
            text.push(char::from(digits[digit]));
        }
    }
    format!("X-Registry-Auth: {text}\r\n")
}

#[test]
fn lists_are_those_of_the_version() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "one", "busybox", "true"]);
    let id = corten.ok(&["image", "inspect", "--format", "{{.Id}}", "busybox"]);
    let old = &filtered(&api, "/v1.41", "{}")[0];
    assert_eq!((&old["Id"], &old["RepoTags"]), (&json!(id.trim()), &json!(["busybox:latest"])));
    assert_eq!((&old["RepoDigests"], &old["Labels"]), (&Value::Null, &Value::Null));
    assert_eq!(old["VirtualSize"], old["Size"]);
    assert_eq!((&old["Containers"], &old["SharedSize"]), (&json!(-1), &json!(-1)));
    assert!(old["Created"].as_i64().unwrap() > 0 && old["ParentId"] == "");
    let new = &api.get("/images/json?shared-size=1").expect(200)[0];
    assert_eq!((new.get("VirtualSize"), &new["RepoDigests"]), (None, &json!([])));
    assert_eq!((&new["Containers"], &new["SharedSize"]), (&json!(1), &json!(0)));
    corten.ok(&["tag", "busybox", "other:1"]);
    let names = |filters: &str| -> Vec<Value> {
        filtered(&api, "", filters).iter().map(|image| image["RepoTags"].clone()).collect()
    };
    assert_eq!(names(r#"{"reference":["oth*"]}"#), [json!(["other:1"])]);
    assert!(names(r#"{"reference":{"none":true}}"#).is_empty());
    assert_eq!(names("{}").len(), 1);
    assert!(names(r#"{"dangling":["true"]}"#).is_empty());
    assert!(names(r#"{"until":["1h"]}"#).is_empty());
    assert!(names(r#"{"since":["busybox"]}"#).is_empty());
    assert_eq!(
        api.get("/v1.40/images/json?filter=other").expect(200)[0]["RepoTags"],
        json!(["other:1"])
    );
    assert_eq!(api.get("/v1.41/images/json?filter=none").expect(200).as_array().unwrap().len(), 1);
    let unknown = api.get("/images/json?filters=%7B%22bad%22:[%221%22]%7D");
    assert_eq!(unknown.refusal(400), "invalid filter 'bad'");
    corten.ok(&["rmi", "--force", "busybox", "other:1"]);
    let old = &filtered(&api, "/v1.42", "{}")[0];
    assert_eq!(
        (&old["RepoTags"], &old["RepoDigests"]),
        (&json!(["<none>:<none>"]), &json!(["<none>@<none>"]))
    );
    assert_eq!(filtered(&api, "/v1.43", "{}")[0]["RepoTags"], json!([]));
}

#[test]
fn an_image_is_shown_named_and_removed() {
    let (corten, api) = served();
    let old = api.get("/v1.41/images/busybox/json").expect(200);
    assert_eq!((&old["VirtualSize"], &old["Container"]), (&old["Size"], &json!("")));
    assert_eq!((&old["Config"]["Hostname"], &old["Config"]["Cmd"]), (&json!(""), &json!(["sh"])));
    let new = api.get("/images/busybox:latest/json").expect(200);
    assert!(new.get("VirtualSize").is_none() && new["Config"].get("Env").is_none());
    assert_eq!(api.get("/images/nope/json").refusal(404), "No such image: nope:latest");
    let other = api.get(
        "/images/busybox/json?platform=%7B%22os%22:%22linux%22,%22architecture%22:%22s390x%22%7D",
    );
    assert!(other.refusal(404).contains("does not provide the specified platform (linux/s390x)"));
    let history = api.get("/images/busybox/history").expect(200);
    assert_eq!((&history[0]["Id"], &history[0]["Tags"]), (&new["Id"], &json!(["busybox:latest"])));

    assert_eq!(post(&api, "/images/busybox/tag?repo=localhost:5000/a/b&tag=x").status, 201);
    assert_eq!(post(&api, "/images/nope/tag?repo=a").status, 404);
    assert_eq!(post(&api, "/images/busybox/tag?repo=A").status, 400);
    assert_eq!(post(&api, "/images/busybox/tag").status, 400);
    assert!(post(&api, "/images/busybox/tag?repo=sha256").refusal(400).contains("ambiguous"));
    let id = new["Id"].as_str().unwrap();
    let short = &id[7..19];
    assert_eq!(
        api.delete(&format!("/images/{short}")).refusal(409),
        format!(
            "conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
        )
    );
    let gone = api.delete("/images/localhost:5000/a/b:x").expect(200);
    assert_eq!(gone, json!([{ "Untagged": "localhost:5000/a/b:x" }]));
    corten.ok(&["create", "--name", "user", "busybox", "true"]);
    let words = api.delete("/images/busybox").refusal(409);
    assert!(
        words.starts_with(
            "conflict: unable to remove repository reference \"busybox\" (must force) - container "
        ),
        "{words}"
    );
    let words = api.delete(&format!("/images/{short}")).refusal(409);
    assert!(
        words.contains("(must be forced) - image is being used by stopped container"),
        "{words}"
    );
    corten.ok(&["rm", "user"]);
    let gone = api.delete("/images/busybox").expect(200);
    assert_eq!(
        (&gone[0], &gone[1]),
        (&json!({ "Untagged": "busybox:latest" }), &json!({ "Deleted": id }))
    );
    assert_eq!(api.delete("/images/busybox").status, 404);
    let pruned = post(&api, "/images/prune").expect(200);
    assert_eq!(pruned, json!({ "ImagesDeleted": null, "SpaceReclaimed": 0 }));
}

#[test]
fn a_prune_takes_images_with_names_where_dangling_is_false() {
    let (_corten, api) = served();
    let prune = |filters: &str| {
        let path = format!("/images/prune?filters={}", filters.replace('"', "%22"));
        post(&api, &path)
    };
    assert_eq!(prune("{}").expect(200)["ImagesDeleted"], Value::Null);
    assert_eq!(prune(r#"{"dangling":["x"]}"#).status, 400);
    assert_eq!(prune(r#"{"until":["x"]}"#).status, 400);
    let kept = prune(r#"{"dangling":["false"],"label":["none"]}"#).expect(200);
    assert_eq!(kept["ImagesDeleted"], Value::Null);
    let pruned = prune(r#"{"dangling":{"false":true}}"#).expect(200);
    assert_eq!(pruned["ImagesDeleted"][0], json!({ "Untagged": "busybox:latest" }));
    assert!(pruned["SpaceReclaimed"].as_u64().unwrap() > 0);
}

#[test]
fn a_push_and_a_pull_are_told_line_by_line() {
    let (corten, api) = served();
    let registry = RegistryServer::start();
    let name = format!("{}/team/bb", registry.host());
    corten.ok(&["tag", "busybox", &format!("{name}:1")]);
    let pushed = lines(&post(&api, &format!("/images/{name}/push?tag=1")));
    let told = statuses(&pushed);
    assert_eq!(told[0], format!("The push refers to repository [{name}]"));
    assert_eq!((told[1], told[told.len() - 2]), ("Preparing", "Pushed"), "{told:?}");
    let last = pushed.last().unwrap();
    let digest = last["aux"]["Digest"].as_str().unwrap();
    assert_eq!(last["aux"]["Tag"], "1");
    assert!(told.last().unwrap().starts_with(&format!("1: digest: {digest} size: ")));
    let again = lines(&post(&api, &format!("/images/{name}/push?tag=1")));
    assert!(statuses(&again).contains(&"Layer already exists"), "{again:?}");
    let missing = lines(&post(&api, &format!("/images/{name}/push?tag=2")));
    let words = format!("tag does not exist: {name}:2");
    assert_eq!(
        missing.last().unwrap(),
        &json!({ "error": words, "errorDetail": { "message": words } })
    );

    let about = api.get(&format!("/distribution/{name}:1/json")).expect(200);
    assert_eq!(about["Descriptor"]["digest"], digest);
    assert_eq!(about["Platforms"][0]["os"], "linux");
    corten.ok(&["rmi", &format!("{name}:1"), "busybox"]);
    let path = format!("/images/create?fromImage={name}&tag=1");
    let pulled = lines(&post(&api, &path));
    assert_eq!(pulled[0], json!({ "status": "Pulling from team/bb", "id": "1" }));
    let told = statuses(&pulled);
    assert_eq!(told[1], "Pulling fs layer");
    assert!(told.contains(&"Download complete"), "{told:?}");
    let status = format!("Status: Downloaded newer image for {name}:1");
    assert_eq!(&told[told.len() - 3..], ["Pull complete", &format!("Digest: {digest}"), &status]);
    let there = lines(&post(&api, &path));
    assert_eq!(statuses(&there)[2], format!("Status: Image is up to date for {name}:1"));
    let image = api.get(&format!("/images/{name}:1/json")).expect(200);
    assert_eq!(image["RepoDigests"], json!([format!("{name}@{digest}")]));

    let all = lines(&post(&api, &format!("/images/create?fromImage={name}")));
    assert_eq!(statuses(&all).last().unwrap(), &format!("Status: Image is up to date for {name}"));
    let none = post(&api, &format!("/images/create?fromImage={name}&tag=none")).refusal(404);
    assert!(
        none.starts_with(&format!("manifest for {name}:none not found: manifest unknown: ")),
        "{none}"
    );
    assert_eq!(post(&api, "/images/create?fromImage=A").status, 400);
    assert_eq!(post(&api, "/images/create?fromImage=scratch").status, 403);
    assert_eq!(post(&api, "/images/create").status, 400);
}

#[test]
fn a_login_is_the_requests_own() {
    let (corten, api) = served();
    let options = RegistryOptions { basic: Some(("me", "secret")), ..RegistryOptions::default() };
    let registry = RegistryServer::with(&options);
    let name = format!("{}/own", registry.host());
    corten.ok(&["tag", "busybox", &name]);
    let path = format!("/images/{name}/push?tag=latest");
    let pushed = lines(&api.send_with("POST", &path, &login("me", "secret"), b""));
    assert_eq!(pushed.last().unwrap()["aux"]["Tag"], "latest");
    let path = format!("/images/create?fromImage={name}&tag=latest");
    let denied = api.send_with("POST", &path, "", b"").refusal(404);
    assert!(denied.starts_with("pull access denied for "), "{denied}");
    assert_eq!(api.send_with("POST", &path, &login("me", "wrong"), b"").status, 404);
    assert!(lines(&api.send_with("POST", &path, &login("me", "secret"), b"")).len() > 2);

    let who = |password: &str| json!({ "username": "me", "password": password, "serveraddress": registry.host() });
    let taken = api.post("/auth", &who("secret")).expect(200);
    assert_eq!(taken, json!({ "Status": "Login Succeeded", "IdentityToken": "" }));
    assert_eq!(api.post("/auth", &who("wrong")).status, 401);
    assert_eq!(api.post("/auth", &json!({ "serveraddress": "not a registry" })).status, 400);
}

#[test]
fn a_client_that_leaves_ends_its_pull() {
    let catalog = Arc::new(Catalog::default());
    let layer = MadeLayer::plain(archive(&[("file", &noise(1 << 20, 7))]));
    catalog.image("latest", &MadeImage::new(vec![layer]));
    let gate = Arc::new(Gate::default());
    let server = ScriptedServer::start({
        let gate = Arc::clone(&gate);
        move |request| match request.target.contains("/blobs/") {
            true => catalog.answer(request).hold_after(300, &gate),
            false => catalog.answer(request),
        }
    });
    let (_corten, api) = served();
    let mut stream = api.connect();
    let path = format!("/images/create?fromImage={}/a&tag=latest", server.host());
    write!(stream, "POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut begun = [0; 64];
    stream.read_exact(&mut begun).unwrap();
    let asked = || server.asked().iter().any(|asked| asked.contains("/blobs/"));
    wait_until("a layer is asked for", asked);
    let port = format!(":{:04X} ", server.port());
    let connections = || {
        let table = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        // 01 is an established one.
        let is_open = |line: &&str| line.contains(&port) && line.contains(" 01 ");
        table.lines().filter(is_open).count()
    };
    assert!(connections() > 0);
    drop(stream);
    let left = Instant::now();
    wait_until("nothing is fetched any more", || connections() == 0);
    // After half a minute of silence it would end by itself.
    assert!(left.elapsed() < Duration::from_secs(20), "it was tired of waiting");
    drop(gate);
    assert_eq!(api.get("/_ping").status, 200);
}

#[test]
fn archives_go_out_and_come_in() {
    let (corten, api) = served();
    let id = api.get("/images/busybox/json").expect(200)["Id"].clone();
    corten.ok(&["tag", "busybox", "second:2"]);
    let saved = api.get("/images/get?names=busybox&names=second:2");
    assert_eq!(saved.status, 200);
    assert!(saved.head.contains("content-type: application/x-tar"));
    assert_eq!(api.get("/images/busybox/get").status, 200);
    assert_eq!(api.get("/images/nope/get").refusal(404), "No such image: nope:latest");
    assert_eq!(api.get("/images/get").status, 400);
    corten.ok(&["rmi", "busybox", "second:2"]);
    let loaded = lines(&api.send("POST", "/images/load?quiet=0", &saved.body));
    assert!(statuses(&loaded).contains(&"Loading layer"), "{loaded:?}");
    let streams: Vec<_> = loaded.iter().filter_map(|line| line["stream"].as_str()).collect();
    assert_eq!(streams, ["Loaded image: busybox:latest\n", "Loaded image: second:2\n"]);
    assert_eq!(api.get("/images/second:2/json").expect(200)["Id"], id);
    let quiet = lines(&api.send("POST", "/images/load", &saved.body));
    assert_eq!(quiet.len(), 2, "{quiet:?}");
    // What is wrong with an archive is said in the answer.
    let broken = lines(&api.send("POST", "/images/load", &saved.body[..2000]));
    assert!(broken[0]["errorDetail"]["message"].is_string(), "{broken:?}");

    let root = archive(&[("etc/name", b"x")]);
    let path = "/images/create?fromSrc=-&repo=made&tag=1&message=words&changes=CMD%20%5B%22x%22%5D&changes=ENV%20A=b";
    let imported = lines(&api.send("POST", path, &root));
    let made = api.get("/images/made:1/json").expect(200);
    assert_eq!(imported, [json!({ "status": made["Id"] })]);
    assert_eq!((&made["Comment"], &made["Config"]["Cmd"]), (&json!("words"), &json!(["x"])));
    assert_eq!(made["Config"]["Env"], json!(["A=b"]));
    assert_eq!(api.send("POST", "/images/create?fromSrc=-&changes=FOO", &root).status, 400);
    assert_eq!(api.send("POST", "/images/create?fromSrc=-", b"junk").status, 400);
}

#[test]
fn an_import_may_come_from_an_address() {
    let (_corten, api) = served();
    let root = archive(&[("file", &noise(3 << 20, 1))]);
    let server = ScriptedServer::start(move |request| match request.path() {
        "/root.tar" => testkit::Response::new(200).body(root.clone()),
        _ => testkit::Response::new(404),
    });
    let path =
        |file: &str| format!("/images/create?fromSrc=http://{}/{file}&repo=far", server.host());
    let told = lines(&post(&api, &path("root.tar")));
    assert!(told[0]["status"].as_str().unwrap().starts_with("Downloading from http://"));
    assert!(statuses(&told).contains(&"Importing"), "{told:?}");
    assert_eq!(told.last().unwrap()["status"], api.get("/images/far/json").expect(200)["Id"]);
    assert_eq!(post(&api, &path("none")).status, 404);
}

#[test]
fn a_container_becomes_an_image() {
    let (corten, api) = served();
    corten.ok(&[
        "run",
        "--name",
        "box",
        "--network",
        "none",
        "-e",
        "A=1",
        "busybox",
        "touch",
        "/new",
    ]);
    let path = "/commit?container=box&repo=made&tag=1&author=me&comment=words&changes=LABEL%20a=b";
    let made = api.post(path, &json!({ "Env": ["B=2"], "Cmd": ["ls", "/new"], "Volumes": null }));
    let id = made.expect(201)["Id"].clone();
    let image = api.get("/images/made:1/json").expect(200);
    assert_eq!((&image["Id"], &image["Author"]), (&id, &json!("me")));
    let config = &image["Config"];
    assert_eq!((&config["Cmd"], &config["Labels"]), (&json!(["ls", "/new"]), &json!({ "a": "b" })));
    let env = config["Env"].as_array().unwrap();
    assert!(env.contains(&json!("A=1")) && env.contains(&json!("B=2")), "{env:?}");
    assert_eq!(corten.ok(&["run", "--rm", "--network", "none", "made:1"]), "/new");
    assert_eq!(api.send("POST", "/commit?container=box", b"null").status, 201);
    assert_eq!(post(&api, "/commit?container=box&pause=0").status, 201);
    assert_eq!(post(&api, "/commit?container=nope").status, 404);
    assert_eq!(api.post("/commit?container=box", &json!({ "Env": 1 })).status, 400);
}
