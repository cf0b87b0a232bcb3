//! docker-compose with a project of five services (`compose.yaml`): what it does is looked at over the API after each step.
//!
//! `CORTEN_COMPOSE` names another program that reads the same file, as a newer one.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::{ApiServer, Corten, Finished};

use crate::base;

/// The project's directory, and the server that it is on.
struct Project {
    /// It ends first.
    api: ApiServer,
    corten: Corten,
    directory: PathBuf,
}

impl Project {
    fn new() -> Self {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let api = ApiServer::start(&corten);
        let archive = std::fs::read(base::make(corten.directory())).unwrap();
        assert_eq!(api.send("POST", "/images/load", &archive).status, 200);
        // Its name is that of the directory.
        let directory = corten.directory().join("shop");
        base::make_directory(&directory);
        base::write(&directory.join("docker-compose.yml"), include_str!("compose.yaml"));
        Self { api, corten, directory }
    }

    fn run(&self, line: &str, variables: &[(&str, &str)]) -> Finished {
        let program = std::env::var_os("CORTEN_COMPOSE").unwrap_or_else(|| "docker-compose".into());
        let program = program.to_str().unwrap();
        let line = format!("{program} {line}");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(&self.directory).stdin(Stdio::null());
        let socket = self.corten.directory().join("api.sock");
        command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        command.env("HOME", self.corten.directory()).env("LC_ALL", "C.UTF-8");
        command.env_remove("DOCKER_API_VERSION").envs(variables.iter().copied());
        Finished::from(command.output().unwrap())
    }

    #[track_caller]
    fn ok(&self, line: &str) -> String {
        self.ok_with(line, &[])
    }

    #[track_caller]
    fn ok_with(&self, line: &str, variables: &[(&str, &str)]) -> String {
        let finished = self.run(line, variables);
        assert_eq!(finished.code, 0, "compose {line}: {}{}", finished.stdout, finished.stderr);
        finished.stdout
    }

    fn list(&self, path: &str) -> Vec<Value> {
        self.api.get(path).expect(200).as_array().cloned().unwrap_or_default()
    }

    /// A service's containers.
    fn of(&self, service: &str) -> Vec<Value> {
        let mut all = self.list("/containers/json?all=1");
        all.retain(|one| one["Labels"]["com.docker.compose.service"] == service);
        all
    }

    /// How many of each service are in that state.
    fn count(&self, state: &str) -> [usize; 5] {
        ["store", "seed", "web", "worker", "tool"]
            .map(|service| self.of(service).iter().filter(|one| one["State"] == state).count())
    }

    /// The first container of a service, as `inspect` has it.
    fn inspect(&self, service: &str) -> Value {
        let id = self.of(service)[0]["Id"].as_str().unwrap().to_owned();
        self.api.get(&format!("/containers/{id}/json")).expect(200)
    }
}

#[test]
fn a_project_of_five_services_lives_and_goes() {
    let project = Project::new();
    comes_up(&project);
    is_seen_and_asked(&project);
    is_scaled_and_changed(&project);
    stops_and_goes(&project);
}

fn comes_up(project: &Project) {
    assert!(project.ok("config --services").lines().count() >= 4);
    project.ok("up -d");
    assert_eq!(project.count("running"), [1, 0, 1, 1, 0], "who waits for whom");
    assert_eq!(project.count("exited"), [0, 1, 0, 0, 0]);
    assert_eq!(project.inspect("store")["State"]["Health"]["Status"], "healthy");
    assert_eq!(project.inspect("web")["State"]["Health"]["Status"], "healthy");
    assert_eq!(project.inspect("seed")["State"]["ExitCode"], 0);
    let networks = project.list("/networks?filters=%7B%22type%22%3A%5B%22custom%22%5D%7D");
    let mut names: Vec<(&str, bool)> = networks
        .iter()
        .map(|one| (one["Name"].as_str().unwrap(), one["Internal"].as_bool().unwrap()))
        .collect();
    names.sort_unstable();
    assert_eq!(names, [("shop_back", true), ("shop_front", false)]);
    let volumes = project.api.get("/volumes").expect(200);
    assert_eq!(volumes["Volumes"][0]["Name"], "shop_data");
    let web = project.inspect("web");
    let bound = &web["NetworkSettings"]["Ports"]["80/tcp"][0];
    assert_eq!((&bound["HostIp"], &bound["HostPort"]), (&"127.0.0.1".into(), &"8088".into()));
    let aliases = web["NetworkSettings"]["Networks"]["shop_front"]["Aliases"].to_string();
    assert!(aliases.contains("\"shop\"") && aliases.contains("\"web\""), "{aliases}");
}

fn is_seen_and_asked(project: &Project) {
    let listed = project.ok("ps -a");
    for service in ["store", "seed", "web", "worker"] {
        assert!(listed.contains(service), "{listed}");
    }
    assert_eq!(project.ok("ps -q web").trim(), project.of("web")[0]["Id"]);
    assert_eq!(project.ok("port web 80").trim(), "127.0.0.1:8088");
    testkit::wait_until("the worker has asked", || {
        project.ok("logs --no-color worker").contains("got first")
    });
    assert_eq!(project.ok("exec -T web cat /data/page"), "first\n");
    let refused = project.run("exec -T web sh -c 'exit 7'", &[]);
    assert_eq!(refused.code, 7, "{refused:#?}");
    let dead = project.run("exec -T seed true", &[]);
    assert_ne!(dead.code, 0, "{dead:#?}");
    assert!(project.ok("top web").contains("httpd"));
    assert!(project.ok("images").contains("base"));
    assert_eq!(project.ok("run --rm -T tool echo from a profile"), "from a profile\n");
    assert_eq!(project.count("running"), [1, 0, 1, 1, 0], "what ran once is removed");
    project.ok("pause worker");
    assert_eq!(project.count("paused"), [0, 0, 0, 1, 0]);
    project.ok("unpause worker");
    project.ok("--profile tools up -d tool");
    assert_eq!(project.count("running"), [1, 0, 1, 1, 1]);
    project.ok("kill -s KILL tool");
    project.ok("--profile tools rm -f -s tool");
    assert!(project.of("tool").is_empty());
}

fn is_scaled_and_changed(project: &Project) {
    project.ok("up -d --scale worker=3");
    assert_eq!(project.count("running"), [1, 0, 1, 3, 0]);
    let asked = project.ok("exec -T web nslookup -type=a worker");
    let answers = asked.lines().filter(|line| line.starts_with("Address") && !line.contains(":53"));
    assert_eq!(answers.count(), 3, "a name of three: {asked}");
    project.ok("up -d --scale worker=1");
    assert_eq!(project.count("running"), [1, 0, 1, 1, 0]);
    let before = ["store", "web", "worker"].map(|service| project.of(service)[0]["Id"].clone());
    project.ok_with("up -d", &[("KIND", "changed")]);
    let after = ["store", "web", "worker"].map(|service| project.of(service)[0]["Id"].clone());
    assert_eq!(
        (&before[0], before[1] == after[1]),
        (&after[0], false),
        "only what has changed is new"
    );
    assert_eq!(project.inspect("web")["Config"]["Labels"]["kind"], "changed");
    assert_eq!(project.inspect("web")["State"]["Health"]["Status"], "healthy");
}

fn stops_and_goes(project: &Project) {
    let id = project.of("web")[0]["Id"].clone();
    project.ok("stop");
    assert_eq!(project.count("exited"), [1, 1, 1, 1, 0]);
    project.ok("start store web");
    assert_eq!(project.count("running"), [1, 0, 1, 0, 0]);
    project.ok("restart -t 1 web");
    assert_eq!(project.of("web")[0]["Id"], id);
    project.ok("down");
    assert!(project.list("/containers/json?all=1").is_empty());
    assert!(project.list("/networks?filters=%7B%22type%22%3A%5B%22custom%22%5D%7D").is_empty());
    assert_eq!(project.api.get("/volumes").expect(200)["Volumes"].as_array().unwrap().len(), 1);
    // Its files are there when it comes up again.
    project.ok("up -d store");
    assert_eq!(project.ok("exec -T store cat /data/page"), "first\n");
    project.ok("down -v");
    assert!(project.list("/containers/json?all=1").is_empty());
    let volumes = project.api.get("/volumes").expect(200);
    assert_eq!(volumes["Volumes"].as_array().map_or(0, Vec::len), 0, "{volumes}");
}
