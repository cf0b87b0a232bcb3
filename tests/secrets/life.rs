//! `secret` and `config` create, ls, inspect, rm, exists: Docker's words, Podman's flags.

use serde_json::{Value, json};
use testkit::Corten;

use crate::{corten, create, write};

fn document(corten: &Corten, words: &[&str]) -> Value {
    let text = corten.ok(words);
    let mut document: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    document[0].take()
}

#[test]
fn the_life_of_a_secret() {
    let corten = corten();
    let id = create(&corten, &["-l", "tier=db", "--label", "plain", "-d", "file", "db"], b"s3cr3t");
    assert_eq!(id.len(), 25);
    assert!(id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{id}");
    let file = corten.directory().join("file");
    write(&file, b"of a file\n");
    let other = corten.ok(&["secret", "create", "web.key", file.to_str().unwrap()]);
    let table = corten.ok(&["secret", "ls"]);
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "NAME", "DRIVER", "CREATED", "UPDATED"]);
    assert_eq!(lines[1][..2], [&id, "db"]);
    assert!(table.lines().nth(2).unwrap().ends_with(" ago"), "{table}");
    assert_eq!(corten.ok(&["secret", "ls", "-q"]), format!("{id}\n{other}"));
    for (filter, found) in [
        ("name=d", "db"),
        ("name=b", ""),
        (&*format!("id={}", &id[..9]), "db"),
        ("label=tier", "db"),
        ("label=tier=web", ""),
    ] {
        let listed = corten.ok(&["secret", "list", "-f", filter, "--format", "{{.Name}}"]);
        assert_eq!(listed, found, "{filter}");
    }
    let row = corten.ok(&[
        "secret",
        "ls",
        "-f",
        "name=db",
        "--format",
        "{{.Labels}} {{.Label \"tier\"}}",
    ]);
    assert_eq!(row, "plain=,tier=db db");
    assert_eq!(corten.run(&["secret", "exists", "db"]).code, 0);
    assert_eq!(corten.ok(&["secret", "rm", "db", "web.key"]), "db\nweb.key");
    assert_eq!(corten.run(&["secret", "exists", "db"]).code, 1);
    let told = corten.fails(&["secret", "rm", "db"], 1);
    assert_eq!(told, "error: no such secret: db\n");
    corten.ok(&["secret", "rm", "-i", "db"]);
    create(&corten, &["one"], b"1");
    create(&corten, &["two"], b"2");
    assert_eq!(corten.ok(&["secret", "rm", "--all"]), "one\ntwo");
    assert_eq!(corten.ok(&["secret", "ls", "-q"]), "");
    let events = corten.ok(&["events", "--since", "1", "--until", "0s", "-f", "secret=db"]);
    let actions: Vec<&str> = events.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(actions, ["create", "remove"], "{events}");
    assert!(events.contains("(name=db)"), "{events}");
}

#[test]
fn a_secret_is_inspected() {
    let corten = corten();
    let id = create(&corten, &["-l", "tier=db", "--label", "plain", "db"], b"s3cr3t");
    let found = document(&corten, &["secret", "inspect", "db"]);
    assert_eq!(found["ID"], json!(id));
    assert_eq!(found["Version"], json!({ "Index": 1 }));
    assert_eq!(found["Spec"], json!({ "Name": "db", "Labels": { "tier": "db", "plain": "" } }));
    assert!(found["CreatedAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(found["SecretData"], Value::Null);
    for text in ["db", &id, &id[..12]] {
        let shown = document(&corten, &["secret", "inspect", "--showsecret", text]);
        assert_eq!(shown["SecretData"], json!("s3cr3t"));
    }
    let pretty = corten.ok(&["secret", "inspect", "--pretty", "db"]);
    assert!(
        pretty.starts_with(&format!("ID:                {id}\nName:              db\n")),
        "{pretty}"
    );
    assert!(pretty.contains("Labels:\n - plain\n - tier=db\nCreated at:"), "{pretty}");
    assert!(!pretty.contains("s3cr3t"), "{pretty}");
}

#[test]
fn a_name_that_is_taken() {
    let corten = corten();
    let id = create(&corten, &["db"], b"old");
    let told = corten.run_with(&["secret", "create", "db", "-"], b"new");
    assert_eq!((told.code, &*told.stderr), (1, "error: the secret db exists already\n"));
    assert_eq!(create(&corten, &["--ignore", "db"], b"new"), id);
    let shown = |corten: &Corten| {
        corten.ok(&[
            "secret",
            "inspect",
            "--showsecret",
            "-f",
            "{{.SecretData}} {{.Version.Index}}",
            "db",
        ])
    };
    assert_eq!(shown(&corten), "old 1");
    assert_eq!(create(&corten, &["--replace", "-l", "a=b", "db"], b"new"), id);
    assert_eq!(shown(&corten), "new 2");
    create(&corten, &["--replace", "fresh"], b"x");
    let told = corten.run_with(&["secret", "create", "--replace", "--ignore", "db", "-"], b"x");
    assert!(told.code == 1 && told.stderr.contains("exclude each other"), "{told:?}");
}

#[test]
fn configs_are_shown() {
    let corten = corten();
    let made = corten.run_with(&["config", "create", "app.conf", "-"], b"\xff\0binary");
    assert_eq!(made.code, 0, "{made:?}");
    // Two kinds, two sets of names.
    create(&corten, &["app.conf"], b"x");
    let found = document(&corten, &["config", "inspect", "app.conf"]);
    assert_eq!(found["Spec"]["Data"], json!("/wBiaW5hcnk="));
    assert_eq!(found["SecretData"], Value::Null);
    let table = corten.ok(&["config", "ls"]);
    let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["ID", "NAME", "CREATED", "UPDATED"]);
    let made = corten.run_with(&["config", "create", "text", "-"], b"of text");
    assert_eq!(made.code, 0);
    let pretty = corten.ok(&["config", "inspect", "--pretty", "text"]);
    assert!(pretty.ends_with("\nData:\nof text"), "{pretty}");
    assert_eq!(corten.ok(&["config", "rm", "text"]), "text");
    assert_eq!(corten.run(&["config", "exists", "text"]).code, 1);
    assert_eq!(corten.ok(&["secret", "ls", "--format", "{{.Name}}"]), "app.conf");
}

#[test]
fn a_secret_from_the_environment() {
    let corten = corten();
    let finished = corten
        .command()
        .args(["secret", "create", "--env", "token", "MY_TOKEN"])
        .env("MY_TOKEN", "of the environment")
        .output()
        .unwrap();
    assert!(finished.status.success(), "{finished:?}");
    let shown = corten.ok(&["secret", "inspect", "--showsecret", "-f", "{{.SecretData}}", "token"]);
    assert_eq!(shown, "of the environment");
    let told = corten.fails(&["secret", "create", "--env", "other", "NOT_THERE"], 1);
    assert!(told.contains("no environment variable \"NOT_THERE\""), "{told}");
}

#[test]
fn what_is_refused_is_named_and_never_shown() {
    let corten = corten();
    let longer = "n".repeat(65);
    for name in ["a b", "-a-", "a-", "a/b", "", &longer] {
        let told = corten.run_with(&["secret", "create", "--", name, "-"], b"TOPSECRET");
        assert!(
            told.code == 1 && told.stderr.starts_with("error: invalid secret name"),
            "{told:?}"
        );
    }
    let told = corten.run_with(&["secret", "create", "large", "-"], &vec![b'x'; 512_001]);
    assert_eq!(
        (told.code, &*told.stderr),
        (
            1,
            "error: secret large would have more than 512000 bytes, and 1 to 512000 bytes are allowed\n"
        )
    );
    let told = corten.run_with(&["secret", "create", "empty", "-"], b"");
    assert!(told.code == 1 && told.stderr.contains("would have 0 bytes"), "{told:?}");
    for (words, why) in [
        (&["secret", "create", "x", "/not/there"][..], "read /not/there: ENOENT"),
        (&["secret", "create", "x", "/"], "read /: EISDIR"),
        (&["secret", "create", "-d", "vault", "x", "-"], "no secret driver \"vault\""),
        (&["secret", "create", "x"], "requires"),
        (&["secret", "ls", "-f", "driver=x"], "not one of id, label, name"),
        (&["secret", "inspect", "x"], "no such secret: x"),
        (&["secret", "rm"], "or --all"),
        (&["secret", "rm", "-a", "x"], "takes no names"),
        (&["config", "inspect", "x"], "no such config: x"),
    ] {
        let finished = corten.run(words);
        assert!(finished.code != 0 && finished.stderr.contains(why), "{words:?}: {finished:?}");
    }
    assert_eq!(corten.ok(&["secret", "ls", "-q"]), "");
    create(&corten, &["database"], b"x");
    let told = corten.fails(&["secret", "inspect", "databas"], 1);
    assert!(told.contains("did you mean database?"), "{told}");
}
