//! Builds by the Docker Engine API: the classic builder's stream, what is refused and how, what the cache takes and how it goes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{ApiAnswer, ApiServer, Corten, wait_until};

struct Scene {
    /// The server ends first.
    api: ApiServer,
    corten: Corten,
}

impl Scene {
    fn new() -> Self {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let mut command = corten.command();
        command.env("HOME", corten.directory()).env_remove("DOCKER_CONFIG");
        let api = ApiServer::start_by(&corten, command);
        Self { api, corten }
    }

    /// Sends a context that has these files.
    fn build(&self, query: &str, files: &[(&str, &str)]) -> ApiAnswer {
        let body = archive(self.corten.directory(), files);
        self.api.send("POST", &format!("/v1.41/build?networkmode=none&{query}"), &body)
    }
}

fn archive(directory: &Path, files: &[(&str, &str)]) -> Vec<u8> {
    let place = tempfile::tempdir_in(directory).unwrap();
    for (name, text) in files {
        let mut file = std::fs::File::create(place.path().join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    let mut command = std::process::Command::new("tar");
    command.arg("-C").arg(place.path()).args(["-cf", "-", "."]);
    command.output().unwrap().stdout
}

fn lines(answer: &ApiAnswer) -> Vec<Value> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{text}");
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn stream(lines: &[Value]) -> String {
    lines.iter().filter_map(|line| line["stream"].as_str()).collect()
}

const FILE: &str = "FROM busybox AS made\nARG WHO=nobody\nRUN sleep 0.2; echo for $WHO > /made; echo done\n\
    FROM busybox\nCOPY --from=made /made /made\nCMD [\"cat\", \"/made\"]\n";

#[test]
fn a_build_is_told_in_the_order_of_the_file() {
    let scene = Scene::new();
    let query = "t=app&t=example.test/app:2&buildargs=%7B%22WHO%22%3A%22me%22%7D&labels=%7B%22a%22%3A%22b%22%7D";
    let built = lines(&scene.build(query, &[("Dockerfile", FILE)]));
    let text = stream(&built);
    let mut rest = text.as_str();
    for words in [
        "Step 1/6 : FROM busybox AS made\n",
        "Step 2/6 : ARG WHO=nobody\n",
        "Step 3/6 : RUN sleep 0.2; echo for $WHO > /made; echo done\n",
        " ---> Running in ",
        "done\n",
        "Removing intermediate container ",
        " ---> ",
        "Step 4/6 : FROM busybox\n",
        "Step 5/6 : COPY --from=made /made /made\n",
        "Step 6/6 : CMD [\"cat\", \"/made\"]\n",
        "Successfully built ",
        "Successfully tagged app:latest\n",
        "Successfully tagged example.test/app:2\n",
    ] {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words:?} in its place: {text}"));
        rest = &rest[at + words.len()..];
    }
    let id = built.iter().find_map(|line| line["aux"]["ID"].as_str()).unwrap();
    let image = scene.api.get("/images/app/json").expect(200);
    assert_eq!((&image["Id"], &image["Config"]["Labels"]["a"]), (&id.into(), &"b".into()));
    assert_eq!(scene.corten.ok(&["run", "--rm", "--network", "none", "app"]), "for me");
    let again = stream(&lines(&scene.build(query, &[("Dockerfile", FILE)])));
    assert_eq!(again.matches(" ---> Using cache\n").count(), 2, "{again}");
    let quiet = lines(&scene.build(&format!("q=1&{query}"), &[("Dockerfile", FILE)]));
    assert_eq!(quiet, [json!({ "stream": format!("{id}\n") })]);
}

#[test]
fn layers_become_one_where_they_are_to() {
    let scene = Scene::new();
    let layers = |name: &str| {
        let image = scene.api.get(&format!("/images/{name}/json")).expect(200);
        image["RootFS"]["Layers"].as_array().unwrap().len()
    };
    let file = "FROM busybox\nRUN echo 1 > /a\nRUN echo 2 > /b\nCMD [\"cat\", \"/a\", \"/b\"]\n";
    lines(&scene.build("t=whole", &[("Dockerfile", file)]));
    let squashed = lines(&scene.build("t=one&squash=true", &[("Dockerfile", file)]));
    assert!(stream(&squashed).contains("Successfully tagged one:latest\n"), "{squashed:?}");
    assert_eq!(layers("one") + 1, layers("whole"));
    assert_eq!(scene.corten.ok(&["run", "--rm", "--network", "none", "one"]), "1\n2");
    let history = scene.api.get("/images/one/history").expect(200);
    assert!(history[0]["Comment"].as_str().unwrap().starts_with("merge sha256:"), "{history}");
}

#[test]
fn failures_have_dockers_words_and_codes() {
    let scene = Scene::new();
    let failed = lines(&scene.build("", &[("Dockerfile", "FROM busybox\nRUN echo so; exit 3\n")]));
    let last = failed.last().unwrap();
    let words = "The command '/bin/sh -c echo so; exit 3' returned a non-zero code: 3";
    assert_eq!(*last, json!({ "errorDetail": { "code": 3, "message": words }, "error": words }));
    assert!(stream(&failed).contains("so\n"));
    for (query, file, status, words) in [
        ("", "FORM busybox\n", 400, "dockerfile parse error: Dockerfile:1:1: "),
        ("dockerfile=other", "FROM busybox\n", 400, "Cannot locate specified Dockerfile"),
        ("target=nope", "FROM busybox\n", 400, "failed to reach build target nope in Dockerfile"),
        ("version=2", "FROM busybox\n", 400, "BuildKit"),
        ("t=UPPER", "FROM busybox\n", 400, "invalid reference format"),
        ("remote=client-session", "FROM busybox\n", 400, "remote context"),
    ] {
        let refusal = scene.build(query, &[("Dockerfile", file)]).refusal(status);
        assert!(refusal.contains(words), "{query}: {refusal}");
    }
    for path in ["/session", "/build/cancel?id=x"] {
        assert!(scene.api.send("POST", path, b"").refusal(501).contains("BuildKit"), "{path}");
    }
}

#[test]
fn a_client_that_leaves_ends_its_build() {
    let scene = Scene::new();
    let body = archive(
        scene.corten.directory(),
        &[("Dockerfile", "FROM busybox\nRUN echo begun; sleep 1000\n")],
    );
    let mut socket = scene.api.connect();
    let head = format!(
        "POST /build?networkmode=none HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&body).unwrap();
    let runs = || !scene.corten.ok(&["ps", "-q"]).is_empty();
    wait_until("the step runs", runs);
    drop(socket);
    wait_until("nothing is left of it", || scene.corten.ok(&["ps", "-a", "-q"]).is_empty());
}

#[test]
fn the_cache_is_told_and_goes() {
    let scene = Scene::new();
    let file = "FROM busybox\nRUN head -c 100000 /dev/urandom > /big\n";
    lines(&scene.build("t=app", &[("Dockerfile", file)]));
    let usage = || scene.api.get("/v1.44/system/df").expect(200)["BuildCache"].clone();
    let steps = usage();
    let step = &steps.as_array().unwrap()[0];
    assert_eq!(
        (&step["Shared"], &step["InUse"], &step["UsageCount"].is_number()),
        (&true.into(), &false.into(), &true)
    );
    assert!(step["Description"].as_str().unwrap().contains("RUN head"), "{step}");
    let prune =
        |query: &str| scene.api.send("POST", &format!("/build/prune{query}"), b"").expect(200);
    let none = json!({ "CachesDeleted": [], "SpaceReclaimed": 0 });
    assert_eq!(prune(""), none, "an image has it");
    assert_eq!(scene.api.delete("/images/app").status, 200);
    assert_eq!(prune("?filters=%7B%22until%22%3A%7B%221h%22%3Atrue%7D%7D"), none);
    assert_eq!(prune("?keep-storage=10000000"), none);
    let other = "%7B%22description~%22%3A%7B%22nothing%22%3Atrue%7D%7D";
    assert_eq!(prune(&format!("?filters={other}")), none);
    let pruned = prune("");
    assert!(pruned["SpaceReclaimed"].as_u64().unwrap() >= 100_000, "{pruned}");
    assert_eq!(usage().as_array().map(Vec::len), Some(0));
    let wrong =
        scene.api.send("POST", "/build/prune?filters=%7B%22x%22%3A%7B%22y%22%3Atrue%7D%7D", b"");
    assert_eq!(wrong.status, 400);
}

/// What the server fetches it fetches as itself: by HTTP, and by git.
#[test]
fn a_limited_socket_has_nothing_fetched() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let socket = corten.directory().join("limited.sock");
    let policy = format!(
        "[[socket]]\npath = {socket:?}\noperations = [\"all\"]\nimages = [\"busybox\", \"out\"]\n"
    );
    let file = corten.directory().join("policy.toml");
    std::fs::File::create(&file).unwrap().write_all(policy.as_bytes()).unwrap();
    let file = file.display().to_string();
    let api = ApiServer::start_with(&corten, corten.command(), &["--policy", &file]);
    wait_until("its socket is there", || socket.exists());
    let limited = api.at(socket);
    for source in ["http://127.0.0.1:9/x", "git://127.0.0.1:9/x.git", "https://127.0.0.1:9/x.git"] {
        let file = format!("FROM busybox\nADD {source} /x\n");
        let body = archive(corten.directory(), &[("Dockerfile", &file)]);
        let answer = limited.send("POST", "/v1.41/build?t=out", &body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("by the server is not allowed"), "{source}: {text}");
    }
    let remote = limited.send("POST", "/v1.41/build?t=out&remote=git://127.0.0.1:9/x.git", b"");
    assert!(remote.status >= 400, "{}", remote.status);
}

/// The name of a file in the context, which every client sends, says nothing where the context is a Dockerfile and nothing else.
#[test]
fn a_remote_dockerfile_is_the_whole_context() {
    let scene = Scene::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        let mut asked = BufReader::new(client.try_clone().unwrap()).lines().map(Result::unwrap);
        assert!(asked.next().unwrap().starts_with("GET /some "));
        let _head = asked.take_while(|line| !line.is_empty()).count();
        let text = "FROM busybox\nRUN echo far > /far\n";
        write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).unwrap();
    });
    let path = format!(
        "/v1.41/build?networkmode=none&t=far&dockerfile=Dockerfile&remote=http://{address}/some"
    );
    let told = stream(&lines(&scene.api.send("POST", &path, b"")));
    serving.join().unwrap();
    assert!(told.contains("Successfully tagged far:latest"), "{told}");
    let shown = scene.corten.ok(&["run", "--rm", "--network", "none", "far", "cat", "/far"]);
    assert_eq!(shown, "far");
}

/// What was done before is in the cache of the next build, which ends what went on.
#[test]
fn a_server_that_is_killed_leaves_what_the_next_build_takes_away() {
    let scene = Scene::new();
    let steps = "FROM busybox\nRUN echo done > /done\n";
    let slow = format!("{steps}RUN echo begun; sleep 1000\n");
    let body = archive(scene.corten.directory(), &[("Dockerfile", &slow)]);
    let mut socket = scene.api.connect();
    let head = format!(
        "POST /build?networkmode=none HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&body).unwrap();
    let told = BufReader::new(socket).lines().map_while(Result::ok);
    let begun = told.take_while(|line| !line.contains("\"begun")).count();
    let Scene { mut api, corten } = scene;
    assert!(begun > 0);
    let step = corten.ok(&["ps", "-q", "--no-trunc"]);
    assert_eq!(step.lines().count(), 1, "{step}");
    testkit::signal("KILL", api.pid());
    api.wait();
    drop(api);
    // A step is an ordinary container: nobody's death is its own.
    assert_eq!(corten.ok(&["ps", "-q", "--no-trunc"]), step);
    let ls = ["builder", "history", "ls", "--format", "{{.Status}}"];
    assert_eq!(corten.ok(&ls), "Killed");
    let mut command = corten.command();
    command.env("HOME", corten.directory()).env_remove("DOCKER_CONFIG");
    let scene = Scene { api: ApiServer::start_by(&corten, command), corten };
    let again = stream(&lines(&scene.build("", &[("Dockerfile", steps)])));
    assert_eq!(again.matches(" ---> Using cache\n").count(), 1, "{again}");
    assert_eq!(scene.corten.ok(&["ps", "-aq"]), "");
    assert_eq!(scene.corten.ok(&ls), "Completed\nKilled");
    for directory in ["root/tmp", "root/containers", "state/builds"] {
        let path = scene.corten.directory().join(directory);
        let left: Vec<_> = std::fs::read_dir(&path).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
    scene.corten.ok(&["system", "check"]);
}
