//! Real input: a Debian system of four layers is loaded and works, and its server outlives everything of ours but its monitor.
//!
//! The image is made once by `tests/make-debian-image` and kept beside the build; see there for what is in it.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::{Corten, wait_until};

    /// The archive, made by the first test that needs it: the others wait for its lock.
    fn image() -> PathBuf {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let archive = directory.join("debian-big.tar");
        let maker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/make-debian-image");
        let status = Command::new("flock")
            .arg(directory.join("debian-big.lock"))
            .arg(maker)
            .arg(&archive)
            .status()
            .unwrap();
        assert!(status.success(), "make-debian-image: {status}");
        archive
    }

    fn loaded() -> Corten {
        // First: a test's own host reaches no mirror.
        let image = image();
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let said = corten.ok(&["load", "--input", image.to_str().unwrap()]);
        assert!(said.contains("debian:big"), "{said}");
        corten
    }

    #[test]
    fn debian_runs_its_programs() {
        let corten = loaded();
        let run = |command: &[&str]| {
            corten.ok(&[&["run", "--rm", "--network", "none", "debian:big"], command].concat())
        };

        let files = run(&["sh", "-c", "find / -xdev -type f | wc -l"]);
        assert!(files.trim().parse::<u32>().unwrap() >= 20_000, "only {files} files");
        let size = run(&["sh", "-c", "du -xsm / | cut -f1"]);
        assert!(size.trim().parse::<u32>().unwrap() >= 400, "only {size} MB");

        assert!(run(&["apt-get", "--version"]).starts_with("apt "));
        assert_eq!(run(&["perl", "-e", "print 6 * 7"]), "42");
        assert_eq!(run(&["python3", "-c", "import json, ssl; print(json.dumps([1]))"]), "[1]");
        let compile = "printf '#include <stdio.h>\\nint main(void){puts(\"compiled\");}\\n' > /tmp/a.c && gcc -O2 -o /tmp/a /tmp/a.c && /tmp/a";
        assert_eq!(run(&["sh", "-c", compile]), "compiled");
    }

    #[test]
    fn a_server_survives_all_but_its_monitor_and_its_end_is_told_truly() {
        let corten = loaded();
        let port = free_port();
        let server = ["redis-server", "--port", &port, "--bind", "127.0.0.1", "--save", ""];
        corten.ok(&[
            &["run", "--detach", "--name", "redis", "--network", "host", "debian:big"],
            &server[..],
        ]
        .concat());
        wait_until("redis answers", || ping(&port));

        // A follower of the log is a command that is killed: the server must not notice.
        let mut follower = corten.command().args(["logs", "--follow", "redis"]).spawn().unwrap();
        let mut waiter = corten.command().args(["wait", "redis"]).spawn().unwrap();
        follower.kill().unwrap();
        waiter.kill().unwrap();
        follower.wait().unwrap();
        waiter.wait().unwrap();
        assert!(ping(&port));
        assert!(corten.ok(&["ps"]).contains("Up "));

        let id = corten.ok(&["inspect", "--format", "{{.Id}}", "redis"]);
        let state =
            fs::read_to_string(corten.state().join("containers").join(&id).join("state.json"))
                .unwrap();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        let monitor = state["monitor_pid"].as_u64().unwrap().to_string();
        assert!(Command::new("kill").args(["-KILL", &monitor]).status().unwrap().success());
        wait_until("the monitor is gone", || {
            !Path::new("/proc").join(&monitor).join("exe").exists()
        });

        // Its process lives on, and the commands say what is true: it runs.
        assert!(ping(&port));
        assert_eq!(corten.ok(&["inspect", "--format", "{{.State.Running}}", "redis"]), "true");
        assert!(corten.ok(&["ps"]).contains("redis"));
        corten.ok(&["rm", "--force", "redis"]);
        wait_until("redis is gone", || !ping(&port));
        assert_eq!(corten.ok(&["ps", "--all", "--quiet"]), "");
    }

    fn ping(port: &str) -> bool {
        let answer = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", port, "ping"])
            .output()
            .unwrap();
        answer.stdout.starts_with(b"PONG")
    }

    fn free_port() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    }
}
