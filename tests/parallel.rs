//! Many commands at once: none fails, every exit status is recorded, and nothing is left behind.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use testkit::{Corten, Leftovers, wait_until};

    const SHELLS: usize = 20;
    const EACH: usize = 10;

    /// Two hundred `run -d` from twenty shells; container N exits with N modulo 100.
    #[test]
    fn two_hundred_runs_from_twenty_shells() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let program = corten.command();
        let mut words: Vec<String> = vec![program.get_program().to_str().unwrap().to_owned()];
        words.extend(program.get_args().map(|arg| arg.to_str().unwrap().to_owned()));
        let corten_words = words.join(" ");

        let shells: Vec<_> = (0..SHELLS)
            .map(|shell| {
                let script = format!(
                    "for n in $(seq {first} {last}); do {corten_words} run -d --name c$n --network none busybox sh -c \"exit $((n % 100))\" || exit 1; done",
                    first = shell * EACH,
                    last = shell * EACH + EACH - 1,
                );
                Command::new("sh").arg("-c").arg(script).stdout(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut ids = BTreeSet::new();
        for shell in shells {
            let output = shell.wait_with_output().unwrap();
            assert!(
                output.status.success(),
                "a shell failed: {}",
                String::from_utf8_lossy(&output.stdout)
            );
            ids.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
        }
        assert_eq!(ids.len(), SHELLS * EACH, "every run printed its own id");

        for n in 0..SHELLS * EACH {
            assert_eq!(
                corten.ok(&["wait", &format!("c{n}")]),
                (n % 100).to_string(),
                "container c{n}"
            );
        }
        let listed = corten.ok(&["ps", "--all", "--format", "{{.Status}}"]);
        assert_eq!(
            listed.lines().filter(|status| status.starts_with("Exited (")).count(),
            SHELLS * EACH,
            "{listed}"
        );

        let ids: Vec<String> = ids.into_iter().collect();
        let mut remove = vec!["rm", "--force"];
        remove.extend(ids.iter().map(String::as_str));
        corten.ok(&remove);
        wait_until("nothing is left", || Leftovers::of(corten.directory(), &ids).is_empty());
        for directory in [
            corten.root().join("containers"),
            corten.root().join("tmp"),
            corten.state().join("containers"),
        ] {
            let left: Vec<_> = std::fs::read_dir(&directory)
                .unwrap()
                .flatten()
                .map(|entry| entry.path())
                .collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}
