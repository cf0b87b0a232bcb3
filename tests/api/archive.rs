//! Files of containers by the Docker Engine API, as bytes on its socket: what a path is, archives out of a container and into it.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{ApiServer, Corten, archive};

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    // The server ends first.
    (corten, api)
}

/// What the header tells of a path.
fn told(api: &ApiServer, path: &str) -> Value {
    let mut stream = api.connect();
    write!(stream, "HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let header = lines.find(|(name, _)| name.eq_ignore_ascii_case("x-docker-container-path-stat"));
    let Some((_, encoded)) = header else { panic!("no stat: {text}") };
    let mut decoder = Command::new("base64")
        .arg("-d")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    decoder.stdin.take().unwrap().write_all(encoded.as_bytes()).unwrap();
    serde_json::from_slice(&decoder.wait_with_output().unwrap().stdout).unwrap()
}

/// Names in an archive, as tar(1) lists them.
fn names(archive: &[u8]) -> Vec<String> {
    let mut tar = Command::new("tar")
        .args(["-t", "-P", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = tar.stdin.take().unwrap();
    let archive = archive.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&archive));
    let listed = tar.wait_with_output().unwrap();
    assert!(listed.status.success());
    writer.join().unwrap().unwrap();
    String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A container that has been, or that runs, with files of every kind.
fn boxed(corten: &Corten, runs: bool) {
    let script = "mkdir -p /d/e; echo x > /d/f; chmod 4755 /d/f; ln -s f /d/l; ln -s /no /d/dangling; ln -s /d /link; rm /etc/hosts; echo made; ";
    let script = format!("{script}{}", if runs { "exec sleep 1000" } else { "true" });
    let mut args = vec!["run", "--name", "box", "--network", "none"];
    if runs {
        args.push("-d");
    }
    corten.ok(&[&args[..], &["busybox", "sh", "-c", &script]].concat());
    if runs {
        let made = || corten.ok(&["logs", "box"]).contains("made");
        testkit::wait_until("the files are there", made);
    }
}

#[test]
fn a_path_is_told() {
    for runs in [false, true] {
        let (corten, api) = served();
        boxed(&corten, runs);
        let path = |path: &str| format!("/containers/box/archive?path={path}");
        let file = told(&api, &path("/d/f"));
        assert_eq!(
            (&file["name"], &file["size"], &file["linkTarget"]),
            (&json!("f"), &json!(2), &json!(""))
        );
        assert_eq!(file["mode"], json!((1 << 23) | 0o755));
        let link = told(&api, &path("/link"));
        assert_eq!(
            (&link["linkTarget"], &link["mode"]),
            (&json!("/d"), &json!((1_u32 << 27) | 0o777))
        );
        assert_eq!(told(&api, &path("/d/l"))["linkTarget"], "/d/f");
        assert_eq!(told(&api, &path("/d/dangling"))["linkTarget"], "/no");
        let directory = told(&api, &path("/link/"));
        assert_eq!(
            (&directory["name"], &directory["mode"]),
            (&json!("link"), &json!((1_u32 << 31) | 0o755))
        );
        assert_eq!(
            (told(&api, &path("/"))["name"].as_str(), told(&api, &path("d/."))["name"].as_str()),
            (Some("/"), Some("."))
        );
        assert_eq!(api.send("HEAD", &path("/none"), b"").status, 404);
        let none = api.get(&path("/none")).refusal(404);
        assert_eq!(none, "Could not find the file /none in container box");
        assert!(api.get("/containers/box/archive").refusal(400).contains("path"));
        assert_eq!(api.get("/containers/none/archive?path=/").status, 404);
        corten.ok(&["rm", "-f", "box"]);
    }
}

#[test]
fn archives_come_out() {
    for runs in [false, true] {
        let (corten, api) = served();
        boxed(&corten, runs);
        let get = |path: &str| {
            let answer = api.get(&format!("/v1.41/containers/box/archive?path={path}"));
            assert!(answer.head.contains("\r\nx-docker-container-path-stat: "), "{}", answer.head);
            names(&answer.body)
        };
        assert_eq!(get("/d"), ["d/", "d/dangling", "d/e/", "d/f", "d/l"]);
        assert_eq!(get("/d/."), ["./", "./dangling", "./e/", "./f", "./l"]);
        assert_eq!(get("/link"), ["link"]);
        let root = get("/");
        assert!(root.contains(&"/d/f".to_owned()) && root[0] == "/", "{root:?}");
        // What the kernel makes up is no file.
        assert!(!root.iter().any(|name| name.starts_with("/proc/1")), "{root:?}");
        let export = names(&api.get("/containers/box/export").body);
        assert!(export.contains(&"d/f".to_owned()) || export.contains(&"./d/f".to_owned()));
        assert_eq!(api.get("/containers/none/export").status, 404);
        let changes = api.get("/containers/box/changes").expect(200);
        let all = changes.as_array().unwrap();
        for (path, kind) in [("/d/f", 1), ("/link", 1)] {
            assert!(all.contains(&json!({ "Path": path, "Kind": kind })), "{changes}");
        }
        corten.ok(&["rm", "-f", "box"]);
    }
}

#[test]
fn archives_go_in() {
    for runs in [false, true] {
        let (corten, api) = served();
        boxed(&corten, runs);
        let put = |query: &str, body: &[u8]| {
            api.send("PUT", &format!("/containers/box/archive?path={query}"), body)
        };
        let get = |path: &str| api.get(&format!("/containers/box/archive?path={path}")).body;
        assert_eq!(put("/link", &archive(&[("new", b"words")])).status, 200);
        assert!(get("/d/new").windows(5).any(|five| five == b"words"));
        let none = put("/none", &archive(&[("a", b"")])).refusal(404);
        assert_eq!(none, "Could not find the file /none in container box");
        assert_eq!(put("/d/f", &archive(&[("a", b"")])).status, 400);
        assert_eq!(put("/d", b"junk").status, 400);
        // A directory gives way to a file where nobody says that it must not.
        let file = archive(&[("e", b"file")]);
        assert_eq!(put("/d&noOverwriteDirNonDir=true", &file).status, 400);
        assert_eq!(names(&get("/d/e")), ["e/"]);
        assert_eq!(put("/d", &file).status, 200);
        assert_eq!(names(&get("/d/e")), ["e"]);
        // No link leads out of the container.
        let escape = archive(&[("../../outside", b"x")]);
        let _refused_or_inside = put("/d", &escape);
        assert!(!corten.directory().join("outside").exists());
        corten.ok(&["rm", "-f", "box"]);
    }
}

#[test]
fn files_may_become_the_containers_user() {
    let (corten, api) = served();
    corten.ok(&[
        "create",
        "--name",
        "box",
        "--network",
        "none",
        "--user",
        "12:34",
        "busybox",
        "stat",
        "-c",
        "%u:%g",
        "/tmp/own",
        "/tmp/its",
    ]);
    let put = |name: &str, query: &str| {
        let path = format!("/containers/box/archive?path=/tmp{query}");
        assert_eq!(api.send("PUT", &path, &archive(&[(name, b"x")])).status, 200);
    };
    put("own", "&copyUIDGID=1");
    put("its", "");
    assert_eq!(corten.ok(&["start", "-a", "box"]), "12:34\n0:0");
}
