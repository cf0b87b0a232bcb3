//! Files as Docker and Podman write them, helpers that are real programs, and what is left on disk.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::*;

/// A file with everything that has nothing to do with us, in an order that is not that of the alphabet.
const CONFIG: &str = r#"{
	"psFormat": "table {{.ID}}\t{{.Image}}",
	"auths": {
		"quay.io": {
			"auth": "bWU6cGFzczp3b3Jk",
			"email": "me@example.org"
		},
		"https://index.docker.io/v1/": {
			"auth": "aHViOnNlY3JldA=="
		},
		"https://old.example.org/v2/": {
			"auth": "b2xkOnNlY3JldAAA"
		},
		"token.example.org:5000": {
			"identitytoken": "refresh-me",
			"auth": "MDAwOg=="
		},
		"access.example.org": {
			"registrytoken": "bearer-me"
		},
		"quay.io/team/app": {
			"auth": "YXBwOnNlY3JldA=="
		},
		"helper.example.org": {}
	},
	"HttpHeaders": {
		"b": "2",
		"a": "1"
	},
	"detachKeys": "ctrl-p,ctrl-q",
	"big": 123456789012345678901234567890,
	"list": [1,2 , {"z": 1, "a": 2}],
	"aliases": {
		"z": "y"
	}
}"#;

fn config(text: &str, path: &Path) -> DockerConfig {
    DockerConfig::parse(text, path.to_owned()).unwrap()
}

fn basic(user: &str, password: &str) -> Login {
    Login::Basic { user: user.to_owned(), password: password.to_owned() }
}

fn put(path: &Path, text: &str, mode: u32) {
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn logins_are_found_under_every_spelling() {
    let config = config(CONFIG, Path::new("c"));
    for (registry, repository, login) in [
        ("docker.io", "library/x", Some(basic("hub", "secret"))),
        ("quay.io", "other/app", Some(basic("me", "pass:word"))),
        ("quay.io", "team/app", Some(basic("app", "secret"))),
        ("quay.io", "team/app/part", Some(basic("app", "secret"))),
        ("quay.io", "team/apple", Some(basic("me", "pass:word"))),
        ("old.example.org", "x", Some(basic("old", "secret"))),
        ("token.example.org:5000", "x", Some(Login::Refresh("refresh-me".into()))),
        ("access.example.org", "x", Some(Login::Bearer("bearer-me".into()))),
        ("token.example.org", "x", None),
        ("helper.example.org", "x", None),
        ("nowhere.example.org", "x", None),
    ] {
        let found = config.login_for(registry, repository).unwrap();
        assert!(found == login, "{registry}/{repository}");
    }
    assert!(config.login("quay.io").unwrap() == Some(basic("me", "pass:word")));
    assert_eq!(format!("{config:?} {:?}", config.login("quay.io")).matches("word").count(), 0);
    let first = DockerConfig::parse("", "first".into()).unwrap();
    let files = vec![first, config];
    assert!(files.login("docker.io").unwrap() == Some(basic("hub", "secret")));
}

#[test]
fn what_is_wrong_is_told_without_the_secret() {
    let at = |text: &str| {
        let config = DockerConfig::parse(text, "/c.json".into());
        let error = config.and_then(|config| config.login("a.org").map(|_| ())).unwrap_err();
        error.to_string()
    };
    for (text, wanted) in [
        ("[\"secret\"]", "/c.json: it is no JSON object"),
        (
            "{\"auths\": {\"a.org\": {\"auth\": \"secret",
            "/c.json: it is no JSON: line 1, column 36",
        ),
        ("{\"auths\": \"secret\"}", "/c.json: auths: it is no object"),
        (
            "{\"auths\": {\"a.org\": {\"auth\": [\"secret\"]}}}",
            "/c.json: auths: a.org: auth: it is no string",
        ),
        (
            "{\"auths\": {\"a.org\": {\"auth\": \"secret!\"}}}",
            "/c.json: auths: a.org: auth: it is no text in base64",
        ),
        (
            "{\"auths\": {\"a.org\": {\"auth\": \"c2VjcmV0\"}}}",
            "/c.json: auths: a.org: auth: it has no colon between name and password",
        ),
        (
            "{\"credsStore\": \"../secret\"}",
            "credential helper docker-credential-../secret: its name may hold letters, digits, '.', '_' and '-' only",
        ),
        (
            "{\"credsStore\": \"corten-is-not-there\"}",
            "credential helper docker-credential-corten-is-not-there: it is not in PATH",
        ),
    ] {
        assert_eq!(at(text), wanted);
    }
}

#[test]
fn a_login_is_kept_and_everything_else_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new").join("config.json");
    let mut fresh = config("", &path);
    assert_eq!(fresh.store("docker.io", &basic("me", "pw")).unwrap(), Kept::File(path.clone()));
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"bWU6cHc=\"\n\t\t}\n\t}\n}"
    );

    let real = directory.path().join("real.json");
    put(&real, CONFIG, 0o644);
    let link = directory.path().join("config.json");
    symlink("real.json", &link).unwrap();
    // Not what the file says by now: that counts.
    let mut config = config("{\"auths\": {}}", &link);
    config.store("quay.io", &basic("you", "new")).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(mode(&real), 0o600);
    let after = std::fs::read_to_string(&real).unwrap();
    assert_eq!(
        after,
        CONFIG.replace(
            "\"auth\": \"bWU6cGFzczp3b3Jk\",\n\t\t\t\"email\": \"me@example.org\"",
            "\"email\": \"me@example.org\",\n\t\t\t\"auth\": \"eW91Om5ldw==\""
        )
    );
    assert!(config.erase("old.example.org").unwrap());
    assert!(!config.erase("old.example.org").unwrap());
    config.store("new.example.org", &Login::Refresh("t".into())).unwrap();
    assert!(config.login("new.example.org").unwrap() == Some(Login::Refresh("t".into())));
    assert!(config.store("a.org", &basic("a:b", "c")).is_err());
    let names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn commands_that_store_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let path = &path;
            scope.spawn(move || {
                config("", path).store(&format!("r{number}.org"), &basic("a", "b")).unwrap();
            });
        }
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(config(&text, &path).registries().unwrap().len(), 16);
}

/// A keychain in a directory; `docker-credential-KIND` is found in PATH, so each test runs again in a process of its own.
const HELPER: &str = r#"#!/bin/sh
cd "$KEYCHAIN" || exit 1
echo "$0 $*" >> arguments
case "$1" in
get) read -r server; name=$(printf %s "$server" | tr / _)
    if [ -f "$name" ]; then cat "$name"; else echo "credentials not found in native keychain"; exit 1; fi ;;
store) input=$(cat); name=$(printf %s "$input" | sed -n 's/.*"ServerURL": "\([^"]*\)".*/\1/p' | tr / _); printf %s "$input" > "$name" ;;
erase) read -r server; rm -f "$(printf %s "$server" | tr / _)" ;;
list) echo '{"https://index.docker.io/v1/": "me", "https://index.docker.io/v1/access-token": "me", "listed.org": "you"}' ;;
esac
"#;
const OTHERS: [(&str, &str); 4] = [
    (
        "docker-credential-broken",
        "#!/bin/sh\necho 'the keychain\u{1b}[2J is locked'\necho 'and more' >&2\nexit 3\n",
    ),
    ("docker-credential-leaky", "#!/bin/sh\necho '{\"Secret\": \"hidden\"}'\nexit 1\n"),
    ("docker-credential-odd", "#!/bin/sh\necho 'hidden'\n"),
    ("docker-credential-stuck", "#!/bin/sh\nexec 3<>fifo\nread -r never <&3\n"),
];

/// Runs this test again with the helpers in PATH; whether this is that run.
fn with_helpers(test: &str, act: impl FnOnce(&Path)) {
    if let Some(directory) = std::env::var_os("KEYCHAIN") {
        return act(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let kept = [("docker-credential-test", HELPER)];
    for (name, text) in kept.iter().chain(&OTHERS) {
        put(&directory.path().join(name), text, 0o755);
    }
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .current_dir(directory.path())
        .env("PATH", path)
        .env("KEYCHAIN", directory.path())
        .output()
        .unwrap();
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stdout) + String::from_utf8_lossy(&again.stderr)
    );
    assert!(String::from_utf8_lossy(&again.stdout).contains("1 passed"), "{test} did not run");
}

#[test]
fn a_helper_keeps_what_the_file_does_not() {
    with_helpers(
        "credentials::config::tests::a_helper_keeps_what_the_file_does_not",
        |directory| {
            let path = directory.join("config.json");
            put(&path, "{\"credsStore\": \"test\", \"credHelpers\": {\"plain.org\": \"\"}}", 0o600);
            let mut config = config("", &path);
            let helper = Kept::Helper("docker-credential-test".to_owned());
            assert_eq!(config.store("docker.io", &basic("me", "hunter2\"\\")).unwrap(), helper);
            assert_eq!(
                config.store("a.org:5000", &Login::Refresh("fresh".into())).unwrap(),
                helper
            );
            assert!(matches!(config.store("plain.org", &basic("p", "q")).unwrap(), Kept::File(_)));
            assert!(config.store("b.org", &Login::Bearer("t".into())).is_err());
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("hunter2") && !text.contains("fresh"), "{text}");
            assert!(text.contains("\"https://index.docker.io/v1/\": {}"), "{text}");
            assert!(config.login("docker.io").unwrap() == Some(basic("me", "hunter2\"\\")));
            assert!(
                config.login_for("a.org:5000", "x/y").unwrap()
                    == Some(Login::Refresh("fresh".into()))
            );
            assert!(config.login("plain.org").unwrap() == Some(basic("p", "q")));
            assert!(config.login("nowhere.org").unwrap().is_none());
            let names = ["a.org:5000", "docker.io", "listed.org", "plain.org"];
            assert_eq!(config.registries().unwrap(), names);
            assert!(config.erase("docker.io").unwrap() && !config.erase("docker.io").unwrap());
            assert!(config.login("docker.io").unwrap().is_none());
            let arguments = std::fs::read_to_string(directory.join("arguments")).unwrap();
            let verb = |line: &str| {
                line.rsplit_once("docker-credential-test ")
                    .is_some_and(|(_, verb)| ["get", "store", "erase", "list"].contains(&verb))
            };
            assert!(arguments.lines().all(verb), "{arguments}");
        },
    );
}

#[test]
fn a_helper_that_fails_says_why_and_one_that_hangs_is_ended() {
    let name =
        "credentials::config::tests::a_helper_that_fails_says_why_and_one_that_hangs_is_ended";
    with_helpers(name, |directory| {
        let said = |helper: &str| {
            let text = format!("{{\"credHelpers\": {{\"a.org\": \"{helper}\"}}}}");
            let config =
                config(&text, &directory.join("c")).with_patience(Duration::from_millis(300));
            config.login("a.org").unwrap_err().to_string()
        };
        assert_eq!(
            said("broken"),
            "credential helper docker-credential-broken: get: exit status: 3: the keychain[2J is locked and more"
        );
        assert_eq!(said("leaky"), "credential helper docker-credential-leaky: get: exit status: 1");
        assert_eq!(
            said("odd"),
            "credential helper docker-credential-odd: its answer: it is no JSON: line 1, column 1"
        );
        assert_eq!(
            said("stuck"),
            "credential helper docker-credential-stuck: get: it did not end within 0.3 s and was killed"
        );
    });
}
