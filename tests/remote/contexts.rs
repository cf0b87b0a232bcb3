//! Contexts: their files, who rules when several say something, and that nothing half is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use testkit::Certificates;

use crate::base::{Client, Server, write};

#[test]
fn a_context_is_made_used_and_forgotten() {
    let server = Server::corten();
    let far = Client::new(&[]);
    let docker = format!("host={}", server.address());
    assert_eq!(far.ok(&["context", "show"]), "default");
    let made =
        far.run(&["context", "create", "far", "--docker", &docker, "--description", "a server"]);
    assert_eq!(
        (made.stdout.as_str(), made.stderr.as_str()),
        ("far\n", "Successfully created context \"far\"\n")
    );
    assert!(
        far.fails(&["context", "create", "far", "--docker", &docker], 1).contains("already exists")
    );
    assert_eq!(far.ok(&["--context", "far", "images", "--format", "{{.Repository}}"]), "busybox");
    assert_eq!(far.ok(&["-c", "far", "images", "-q"]).len(), 12);
    let used = far.run(&["context", "use", "far"]);
    assert_eq!(
        (used.stdout.as_str(), used.stderr.as_str()),
        ("far\n", "Current context is now \"far\"\n")
    );
    assert_eq!(far.ok(&["context", "show"]), "far");
    assert_eq!(far.ok(&["images", "--format", "{{.Repository}}"]), "busybox");
    let table = far.ok(&["context", "ls"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("NAME      DESCRIPTION"), "{table}");
    assert!(lines[1].starts_with("default ") && lines[2].starts_with("far *"), "{table}");
    assert!(lines[2].contains("a server") && lines[2].contains(&server.address()), "{table}");
    let line = far.ok(&["context", "ls", "--format", "json"]);
    let row: Value = serde_json::from_str(line.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&row["Name"], &row["Current"]), (&"far".into(), &true.into()));
    let document: Value = serde_json::from_str(&far.ok(&["context", "inspect"])).unwrap();
    assert_eq!(document[0]["Endpoints"]["docker"]["Host"], server.address().as_str());
    assert_eq!(
        far.ok(&["context", "inspect", "-f", "{{.Metadata.Description}}", "far"]),
        "a server"
    );
    assert_eq!(far.ok(&["context", "update", "--description", "other", "far"]), "far");
    assert_eq!(far.ok(&["context", "inspect", "-f", "{{.Metadata.Description}}", "far"]), "other");
    assert!(far.fails(&["context", "rm", "far"], 1).contains("in use"));
    assert_eq!(far.ok(&["context", "rm", "-f", "far"]), "far");
    assert_eq!(far.ok(&["context", "show"]), "default");
    assert_eq!(far.ok(&["context", "ls", "-q"]), "default");
    // One in use that is gone is no trap.
    far.ok(&["context", "create", "far", "--docker", &docker]);
    far.ok(&["context", "use", "far"]);
    fs::remove_file(far.home().join(".config/corten/contexts/far.json")).unwrap();
    assert!(far.fails(&["ps"], 1).contains("no such context: far"));
    far.ok(&["context", "use", "default"]);
    assert!(far.fails(&["--context", "far", "ps"], 1).contains("no such context: far"));
}

#[test]
fn who_rules() {
    let server = Server::corten();
    let Server::Corten { corten, .. } = &server else { panic!("it is Corten") };
    let (root, state) = (corten.root(), corten.state());
    let (root, state) = (root.to_str().unwrap(), state.to_str().unwrap());
    corten.ok(&["create", "--name", "here", "busybox", "true"]);
    let nobody = "unix:///nobody/is/here.sock";
    let far = Client::new(&[]).with("CORTEN_HOST", &server.address());
    let names = |far: &Client, args: &[&str]| {
        far.run(&[args, &["ps", "-a", "--format", "{{.Names}}"]].concat())
    };
    assert_eq!(names(&far, &[]).stdout, "here\n");
    // What systemd calls is the machine's own.
    let lost = Client::new(&[]).with("CORTEN_HOST", nobody);
    assert!(lost.ok(&["system", "install-units", "--print"]).contains("start-all"));
    assert_eq!(lost.fails(&["--host", nobody, "system", "start-all"], 125).lines().count(), 2);
    // A flag before the environment, and a store of this machine is one.
    assert!(names(&far, &["--host", nobody]).stderr.contains("connect to unix:///nobody"));
    assert_eq!(names(&lost, &["--root", root, "--state", state]).stdout, "here\n");
    far.ok(&["context", "create", "lost", "--docker", &format!("host={nobody}")]);
    assert!(names(&far, &["--context", "lost"]).stderr.contains("nobody"));
    far.ok(&["context", "use", "lost"]);
    assert_eq!(names(&far, &[]).stdout, "here\n", "CORTEN_HOST before the context in use");
    for (args, why) in [
        (&["--host", nobody, "--context", "lost"][..], "exclude each other"),
        (&["--host", nobody, "--root", root], "exclude each other"),
        (&["--host", ""], "--host is empty"),
        (&["--host", "here"], "none of unix:///PATH"),
        (&["--host", "tcp://localhost:1"], "without certificates"),
    ] {
        let told = names(&far, args).stderr;
        assert!(told.contains(why), "{args:?}: {told}");
    }
}

#[test]
fn a_context_goes_to_docker_and_comes_back() {
    let certificates = Certificates::new();
    let far = Client::new(&[]);
    let (certificate, key) = certificates.client();
    let docker = format!(
        "host=tcp://localhost:2376,ca={},cert={},key={}",
        certificates.ca().display(),
        certificate.display(),
        key.display()
    );
    far.ok(&["context", "create", "far", "--docker", &docker]);
    let file = far.home().join(".config/corten/contexts/far.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    far.ok(&["context", "export", "far"]);
    let archive = far.home().join("far.dockercontext");
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    far.ok(&["context", "import", "again", archive.to_str().unwrap()]);
    let both = far.ok(&["context", "inspect", "-f", "{{.Endpoints.docker.Host}}", "far", "again"]);
    assert_eq!(both, "tcp://localhost:2376\ntcp://localhost:2376");
    // Docker's own command line takes it, and its archive comes back.
    let docker = |args: &[&str]| {
        let mut command = std::process::Command::new("docker");
        command.env("DOCKER_CONFIG", far.home().join("docker")).env_remove("DOCKER_HOST");
        let output = command.args(args).current_dir(far.home()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    docker(&["context", "import", "theirs", archive.to_str().unwrap()]);
    let host = docker(&["context", "inspect", "-f", "{{.Endpoints.docker.Host}}", "theirs"]);
    assert_eq!(host.trim(), "tcp://localhost:2376");
    docker(&["context", "export", "theirs", "back.tar"]);
    far.ok(&["context", "import", "back", "back.tar"]);
    let text = |name: &str| -> Value {
        let file = far.home().join(format!(".config/corten/contexts/{name}.json"));
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    };
    assert_eq!(text("back")["TLS"], text("far")["TLS"]);
    assert!(text("far")["TLS"]["key.pem"].as_str().unwrap().contains("PRIVATE KEY"));
    write(&far.home().join("none.tar"), b"no archive");
    far.fails(&["context", "import", "none", "none.tar"], 1);
    assert_eq!(far.ok(&["context", "ls", "-q"]), "default\nagain\nback\nfar");
}

/// The whole file is there, or the one before: at each system call that a write makes, it is ended there.
#[test]
fn a_write_that_is_killed_leaves_the_old_one() {
    let far = Client::new(&[]);
    far.ok(&["context", "create", "far", "--docker", "host=unix:///old.sock"]);
    let host = || far.ok(&["context", "inspect", "-f", "{{.Endpoints.docker.Host}}", "far"]);
    let mut killed = 0;
    for (call, number) in [("openat", 1..40), ("write", 1..4), ("fsync", 1..3), ("renameat2", 1..2)]
        .into_iter()
        .flat_map(|(call, numbers)| numbers.map(move |number| (call, number)))
    {
        let own = far.command();
        let mut command = std::process::Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        command.arg("-e").arg(format!("inject={call}:signal=KILL:when={number}"));
        command.arg(own.get_program());
        command.args(["context", "update", "far", "--docker", "host=unix:///new.sock"]);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let status = command.output().unwrap().status;
        if status.success() {
            far.ok(&["context", "update", "far", "--docker", "host=unix:///old.sock"]);
            continue;
        }
        killed += 1;
        let found = host();
        assert!(
            matches!(found.as_str(), "unix:///old.sock" | "unix:///new.sock"),
            "{call} {number}: {found}"
        );
        // The first bytes, and the first time that they are flushed, are those of the file beside.
        if number == 1 && matches!(call, "write" | "fsync") {
            assert_eq!(found, "unix:///old.sock", "{call}");
        }
        assert_eq!(far.ok(&["context", "ls", "-q"]), "default\nfar");
        far.ok(&["context", "update", "far", "--docker", "host=unix:///old.sock"]);
    }
    assert!(killed >= 4, "it was killed {killed} times");
}
