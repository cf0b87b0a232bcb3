//! Servers that are killed at any moment: what is visible then is whole, and who asks again gets what he wanted.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::{ApiServer, Corten, RegistryServer, signal, wait_until};

use super::started;

/// Moments of each kind; fewer of what takes longer.
const MOMENTS: u32 = 36;
const FEWER: u32 = 12;

/// Numbers that look random, and are the same again for the same seed.
struct Dice(u64);

impl Dice {
    #[expect(clippy::disallowed_methods, reason = "the seed of a test that has failed")]
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(now.subsec_nanos()) | 1);
        // Of a test that fails it is shown.
        eprintln!("SEED={seed}");
        Self(seed)
    }

    /// A moment before `most`. xorshift64.
    fn moment(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        most.mul_f64((self.0 % 10_000) as f64 / 10_000.0)
    }
}

/// A request that is not waited for.
fn sent(api: &ApiServer, path: &str, body: &str) -> UnixStream {
    let mut stream = api.connect();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

/// Asks, and kills the server some time later; the next one is there when this returns, and the answer that the first one gave, if it did.
fn killed(
    corten: &Corten,
    api: &mut Option<ApiServer>,
    (path, body): (&str, &str),
    after: Duration,
) -> String {
    let mut server = api.take().unwrap();
    let mut stream = sent(&server, path, body);
    let at = Instant::now() + after;
    while Instant::now() < at {
        std::hint::spin_loop();
    }
    signal("KILL", server.pid());
    server.wait();
    let mut answer = Vec::new();
    let _cut_short = stream.read_to_end(&mut answer);
    drop(server);
    *api = Some(ApiServer::start(corten));
    String::from_utf8_lossy(&answer).into_owned()
}

/// How long it takes where nobody is killed.
fn timed(api: &ApiServer, path: &str, body: &str) -> Duration {
    let begun = Instant::now();
    let mut answer = Vec::new();
    sent(api, path, body).read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 20"), "{path}: {text}");
    begun.elapsed() + Duration::from_millis(2)
}

fn names(api: &ApiServer, path: &str, field: &str) -> BTreeSet<String> {
    let listed = api.get(path).expect(200);
    let rows = listed.as_array().or_else(|| listed[field].as_array());
    rows.unwrap()
        .iter()
        .map(|row| row["Name"].as_str().or(row["Names"][0].as_str()).unwrap().to_owned())
        .collect()
}

fn entries(corten: &Corten, directory: &str) -> BTreeSet<String> {
    let listed = std::fs::read_dir(corten.root().join(directory)).into_iter().flatten();
    listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_create_is_whole_or_is_not() {
    let (corten, api) = super::served();
    let mut dice = Dice::new();
    let body = json!({
        "Image": "busybox", "Cmd": ["sh", "-c", "cat /v/x /etc/hostname; exit 3"], "Hostname": "made",
        "HostConfig": { "Mounts": [{ "Type": "volume", "Target": "/w" }, { "Type": "volume", "Source": "named", "Target": "/v" }] },
    })
    .to_string();
    let most = timed(&api, "/containers/create?name=first", &body);
    let (mut api, mut seen) = (Some(api), [0, 0]);
    for number in 0..MOMENTS {
        let name = format!("c{number}");
        let path = format!("/containers/create?name={name}");
        let answer = killed(&corten, &mut api, (&path, &body), dice.moment(most));
        let api = api.as_ref().unwrap();
        let is_there = names(api, "/containers/json?all=1", "").contains(&format!("/{name}"));
        seen[usize::from(is_there)] += 1;
        assert!(is_there || !answer.starts_with("HTTP/1.1 201"), "{number}: {answer}");
        if !is_there {
            // Nothing of it is in the way of the next.
            assert_eq!(api.get(&format!("/containers/{name}/json")).status, 404);
            assert_eq!(api.send("POST", &path, body.as_bytes()).status, 201, "{number}");
        }
        let whole = api.get(&format!("/containers/{name}/json")).expect(200);
        assert_eq!(
            (&whole["State"]["Status"], &whole["Mounts"].as_array().unwrap().len()),
            (&json!("created"), &2)
        );
        let started = api.post(&format!("/containers/{name}/start"), &Value::Null);
        assert_eq!(started.status, 204, "{number}: {}", String::from_utf8_lossy(&started.body));
        let ended = api.post(&format!("/containers/{name}/wait"), &Value::Null).expect(200);
        assert_eq!(ended["StatusCode"], 3);
        assert_eq!(api.delete(&format!("/containers/{name}?v=1")).status, 204);
    }
    let api = api.as_ref().unwrap();
    assert_eq!(api.delete("/containers/first?v=1").status, 204);
    // A volume that nobody has named is made before its container, as Docker's: what was left of that a prune takes.
    assert_eq!(api.post("/volumes/prune", &Value::Null).status, 200);
    assert_eq!(entries(&corten, "containers"), BTreeSet::new(), "{seen:?}");
    let volumes = names(api, "/volumes", "Volumes");
    assert_eq!(volumes, BTreeSet::from(["named".to_owned()]), "{seen:?}");
    // A directory that was made, and not written down, is found and mended.
    let _found = corten.run(&["system", "check", "--repair"]);
    corten.ok(&["system", "check"]);
}

#[test]
fn networks_and_volumes_are_whole_or_are_not() {
    let (corten, api) = super::served();
    let mut dice = Dice::new();
    let most = timed(&api, "/networks/create", "{\"Name\":\"first\"}");
    let mut api = Some(api);
    for number in 0..FEWER {
        let body = json!({ "Name": format!("n{number}") }).to_string();
        for (path, list, field) in
            [("/networks", "/networks", ""), ("/volumes", "/volumes", "Volumes")]
        {
            let make = format!("{path}/create");
            let answer = killed(&corten, &mut api, (&make, &body), dice.moment(most));
            let api = api.as_ref().unwrap();
            let name = format!("n{number}");
            let is_there = names(api, list, field).contains(&name);
            assert!(is_there || !answer.starts_with("HTTP/1.1 201"), "{path} {number}: {answer}");
            if !is_there {
                assert_eq!(api.send("POST", &make, body.as_bytes()).status, 201, "{path} {number}");
            }
            assert_eq!(api.get(&format!("{path}/{name}")).expect(200)["Name"], name);
            if path == "/networks" {
                let host = json!({ "Image": "busybox", "Cmd": ["true"], "HostConfig": { "NetworkMode": name } });
                let id = started(api, &format!("in{number}"), &host);
                assert_eq!(
                    api.post(&format!("/containers/{id}/wait"), &Value::Null).expect(200)["StatusCode"],
                    0
                );
                assert_eq!(api.delete(&format!("/containers/{id}")).status, 204);
            }
            assert_eq!(api.delete(&format!("{path}/{name}")).status, 204, "{path} {number}");
        }
    }
}

#[test]
fn a_pull_is_whole_or_is_not() {
    let (corten, api) = super::served();
    let registry = RegistryServer::start();
    let name = format!("{}/bb", registry.host());
    corten.ok(&["tag", "busybox", &name]);
    let pushed = api.post(&format!("/images/{name}/push?tag=latest"), &Value::Null);
    assert_eq!(pushed.status, 200);
    corten.ok(&["rmi", &name, "busybox"]);
    let mut dice = Dice::new();
    let path = format!("/images/create?fromImage={name}&tag=latest");
    let most = timed(&api, &path, "");
    let (mut api, mut seen) = (Some(api), [0, 0]);
    for number in 0..MOMENTS {
        corten.ok(&["rmi", &name]);
        let answer = killed(&corten, &mut api, (&path, ""), dice.moment(most));
        let api = api.as_ref().unwrap();
        let is_there = api.get(&format!("/images/{name}/json")).status == 200;
        seen[usize::from(is_there)] += 1;
        assert!(is_there || !answer.contains("Status: Downloaded"), "{number}: {answer}");
        assert_eq!(
            api.get("/images/json").expect(200).as_array().unwrap().len(),
            usize::from(is_there)
        );
        if !is_there {
            let again = api.send("POST", &path, b"");
            let told = String::from_utf8_lossy(&again.body).into_owned();
            assert!(again.status == 200 && told.contains("Status: Downloaded"), "{number}: {told}");
        }
        let ran = corten.ok(&["run", "--rm", "--network", "none", &name, "echo", "whole"]);
        assert_eq!(ran, "whole", "{number}");
        corten.ok(&["system", "check"]);
    }
    assert_eq!(entries(&corten, "tmp"), BTreeSet::new(), "{seen:?}");
}

#[test]
fn a_further_process_runs_or_does_not_and_the_next_one_does() {
    let (corten, api) = super::served();
    let id = started(&api, "box", &json!({ "Image": "busybox", "Cmd": ["sleep", "1000"] }));
    let mut dice = Dice::new();
    let create = |api: &ApiServer, words: &[&str]| {
        let body = json!({ "Cmd": words, "AttachStdout": true, "AttachStderr": true });
        let made = api.post("/containers/box/exec", &body).expect(201);
        made["Id"].as_str().unwrap().to_owned()
    };
    let first = create(&api, &["true"]);
    let most = timed(&api, &format!("/exec/{first}/start"), "{}");
    let mut api = Some(api);
    for number in 0..MOMENTS {
        let exec = create(api.as_ref().unwrap(), &["sh", "-c", "echo out; exit 4"]);
        let start = format!("/exec/{exec}/start");
        killed(&corten, &mut api, (&start, "{}"), dice.moment(most));
        let api = api.as_ref().unwrap();
        // It ends by itself, and is then known to be over, whoever has seen it.
        let known = || api.get(&format!("/exec/{exec}/json")).expect(200);
        wait_until("it does not run", || known()["Running"] == false);
        // It is started once: whether that was before is told.
        let again = api.send("POST", &start, b"{}");
        assert!(matches!(again.status, 200 | 409), "{number}: {again:?}");
        if again.status == 200 {
            assert!(String::from_utf8_lossy(&again.body).contains("out\n"), "{number}: {again:?}");
        }
        let next = create(api, &["sh", "-c", "echo next; exit 5"]);
        let said = api.send("POST", &format!("/exec/{next}/start"), b"{}");
        assert!(String::from_utf8_lossy(&said.body).contains("next\n"), "{number}: {said:?}");
        assert_eq!(api.get(&format!("/exec/{next}/json")).expect(200)["ExitCode"], 5);
        let state = api.get(&format!("/containers/{id}/json")).expect(200);
        assert_eq!((&state["State"]["Running"], &state["ExecIDs"]), (&json!(true), &Value::Null));
    }
    // Nothing of them is left in the container.
    let api = api.as_ref().unwrap();
    let count = || api.get("/containers/box/top").expect(200)["Processes"].as_array().map(Vec::len);
    wait_until("nothing of them is left in the container", || count() == Some(1));
}
