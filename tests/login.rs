//! Logging in and out, through the program, against a registry that knows one user. What is kept, and what is told.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::sync::{Arc, Mutex};

    use testkit::{Corten, Finished};

    /// `me:secret` as RFC 7617 writes it.
    const AUTHORIZATION: &str = "authorization: basic bWU6c2VjcmV0";

    /// A registry's front door: `/v2/` opens to one user, by Basic authentication. It ends with the test's process.
    struct Door {
        address: String,
        requests: Arc<Mutex<Vec<String>>>,
    }

    impl Door {
        fn open() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let requests = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&requests);
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let Ok(mut stream) = stream else { continue };
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut request = String::new();
                    while reader.read_line(&mut request).is_ok_and(|length| length > 2) {}
                    let known = request.lines().any(|line| {
                        let (name, value) = line.split_once(": ").unwrap_or_default();
                        let value = value.replacen("Basic ", "basic ", 1);
                        format!("{}: {value}", name.to_lowercase()) == AUTHORIZATION
                    });
                    seen.lock().unwrap().push(request);
                    let (status, body) = if known {
                        ("200 OK", "{}")
                    } else {
                        let why =
                            r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}"#;
                        ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"door\"", why)
                    };
                    // A client that has gone has read enough.
                    let _gone = write!(
                        stream,
                        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    );
                }
            });
            Self { address, requests }
        }

        fn requests(&self) -> usize {
            self.requests.lock().unwrap().len()
        }
    }

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    /// The program with a home, and no settings but those of the test.
    fn command(corten: &Corten) -> Command {
        let mut command = corten.command();
        let directory = corten.directory();
        for name in [
            "DOCKER_CONFIG",
            "REGISTRY_AUTH_FILE",
            "XDG_RUNTIME_DIR",
            "XDG_CONFIG_HOME",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ] {
            command.env_remove(name);
        }
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env("HOME", directory).env("CORTEN_REGISTRY_CONFIG", directory.join("registries"));
        command
    }

    fn run(corten: &Corten, args: &[&str], input: &str) -> Finished {
        let mut command = command(corten);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses the line reads nothing.
        let _refused = child.stdin.take().unwrap().write_all(input.as_bytes());
        Finished::from(child.wait_with_output().unwrap())
    }

    fn config(corten: &Corten) -> PathBuf {
        corten.directory().join(".docker/config.json")
    }

    fn put(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_login_is_checked_kept_used_again_and_forgotten() {
        let (corten, door) = (corten(), Door::open());
        let server = door.address.as_str();
        let refused = run(&corten, &["login", "-u", "me", "--password-stdin", server], "wrong\n");
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
        assert!(refused.stderr.contains("401") && !refused.stderr.contains("wrong"), "{refused:?}");
        assert!(!config(&corten).exists(), "a login that was refused is not kept");

        let login = run(&corten, &["login", "-u", "me", "--password-stdin", server], "secret\n");
        assert_eq!((login.code, login.stdout.as_str()), (0, "Login Succeeded\n"), "{login:?}");
        assert!(login.stderr.starts_with("warning: the login is in "), "{login:?}");
        let text = std::fs::read_to_string(config(&corten)).unwrap();
        assert!(
            text.contains(&format!("\"{server}\": {{\n\t\t\t\"auth\": \"bWU6c2VjcmV0\"")),
            "{text}"
        );
        let mode = std::fs::metadata(config(&corten)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let before = door.requests();
        let again = run(&corten, &["login", server], "");
        assert_eq!((again.code, again.stdout.as_str()), (0, "Login Succeeded\n"), "{again:?}");
        assert!(door.requests() > before, "the registry was asked");
        let user = run(&corten, &["login", "--get-login", server], "");
        assert_eq!(user.stdout, "me\n");

        let logout = run(&corten, &["logout", server], "");
        assert_eq!(logout.stdout, format!("Removing login credentials for {server}\n"));
        let logout = run(&corten, &["logout", server], "");
        assert_eq!((logout.code, logout.stdout), (0, format!("Not logged in to {server}\n")));
        assert!(!std::fs::read_to_string(config(&corten)).unwrap().contains("auth\""));
    }

    #[test]
    fn a_password_among_the_arguments_is_warned_of() {
        let (corten, door) = (corten(), Door::open());
        let file = corten.directory().join("auth.json");
        let file = file.to_str().unwrap();
        let login = ["login", "--authfile", file, "-u", "me", "-p", "secret", &door.address];
        let login = run(&corten, &login, "");
        assert_eq!(login.code, 0, "{login:?}");
        assert!(login.stderr.contains("use --password-stdin"), "{login:?}");
        assert!(
            !config(&corten).exists() && std::fs::read_to_string(file).unwrap().contains("auths")
        );
    }

    #[test]
    fn lines_that_are_no_login_are_refused() {
        let corten = corten();
        for (args, why) in [
            (
                &["login", "localhost:1"][..],
                "cannot perform an interactive login from a non TTY device",
            ),
            (
                &["login", "-u", "me", "localhost:1"],
                "cannot perform an interactive login from a non TTY device",
            ),
            (
                &["login", "--password-stdin", "localhost:1"],
                "must provide --username with --password-stdin",
            ),
            (
                &["login", "-u", "me", "-p", "x", "--password-stdin"],
                "--password and --password-stdin are mutually exclusive",
            ),
            (
                &["login", "-u", "me", "--password-stdin"],
                "the password from standard input is empty",
            ),
            (&["login", "-u", "a:b", "-p", "x"], "a user's name may hold no colon"),
            (&["login", "me"], "\"me\" is no registry"),
            (&["login", "--get-login", "localhost:1"], "not logged in to localhost:1"),
        ] {
            let refused = run(&corten, args, "\n");
            assert_eq!(refused.code, 1, "{args:?}: {refused:?}");
            assert!(refused.stderr.contains(why), "{args:?}: {refused:?}");
        }
        assert!(!config(&corten).exists());
        let file = corten.directory().join("registries/registries.conf");
        put(&file, "\nunqualified-search-registries = 1");
        let refused = run(&corten, &["login", "-u", "me", "-p", "x", "localhost:1"], "");
        let wanted = format!("error: {}:2: unqualified-search-registries: ", file.display());
        assert!(refused.code == 1 && refused.stderr.contains(&wanted), "{refused:?}");
        // It is nobody's business but that of commands that speak with a registry.
        assert_eq!(run(&corten, &["images"], "").code, 0);
    }

    #[test]
    fn logging_out_of_everything_leaves_the_rest_of_the_file() {
        let corten = corten();
        let text = r#"{"detachKeys": "ctrl-a", "auths": {"https://index.docker.io/v1/": {"auth": "YTpi"}, "a.org": {"auth": "YTpi"}}}"#;
        put(&config(&corten), text);
        let user = run(&corten, &["login", "--get-login"], "");
        assert_eq!(user.stdout, "a\n");
        let logout = run(&corten, &["logout", "--all"], "");
        assert_eq!(
            logout.stdout,
            "Removing login credentials for a.org\nRemoving login credentials for docker.io\n"
        );
        let text = std::fs::read_to_string(config(&corten)).unwrap();
        assert_eq!(text, "{\n\t\"detachKeys\": \"ctrl-a\",\n\t\"auths\": {}\n}");
    }

    /// Types a name, and a password that is not shown; Python's pty is the terminal.
    const TYPIST: &str = r#"
import os, pty, sys
answers = [(b"Username: ", b"me\n"), (b"Password: ", sys.argv[1].encode("latin-1"))]
child, master = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try:
        more = os.read(master, 4096)
    except OSError:
        break
    if not more:
        break
    seen += more
    # The prompt comes before the terminal falls silent: that it has is seen in its settings.
    if answers and seen.endswith(answers[0][0]):
        import termios
        while answers[0][0] == b"Password: " and termios.tcgetattr(master)[3] & termios.ECHO:
            pass
        os.write(master, answers.pop(0)[1])
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.write(seen.decode().replace("\r\n", "\n") + "[code %d]" % code)
"#;

    fn typed(corten: &Corten, password: &str, server: &str) -> String {
        let program = command(corten);
        let mut driver = Command::new("python3");
        driver.args(["-c", TYPIST, password]).arg(program.get_program()).args(program.get_args());
        driver.args(["login", server]);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => driver.env(name, value),
                None => driver.env_remove(name),
            };
        }
        let output = driver.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_password_that_is_typed_is_not_shown() {
        let (corten, door) = (corten(), Door::open());
        let shown = typed(&corten, "secrets\u{7f}\r", &door.address);
        assert!(
            shown.starts_with("Username: me\nPassword: \nwarning: the login is in "),
            "{shown}"
        );
        assert!(shown.ends_with("\nLogin Succeeded\n[code 0]"), "{shown}");
    }

    #[test]
    fn the_interrupt_key_gives_up_and_asks_nobody() {
        let (corten, door) = (corten(), Door::open());
        let shown = typed(&corten, "sec\u{3}", &door.address);
        assert_eq!(shown, "Username: me\nPassword: \n[code 130]");
        assert_eq!(door.requests(), 0);
        assert!(!config(&corten).exists());
    }
}
