//! Checkpoints as far as they go without CRIU, which knows few kernels: names, states, refusals. With one that knows this kernel, the whole life.

#[cfg(test)]
mod tests {
    use std::process::Command;

    use testkit::{Corten, holds_in_time};

    /// Counts as long as it lives.
    const COUNTER: &str = "n=0; while :; do n=$((n+1)); echo $n; sleep 0.1; done";

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// Whether there is a CRIU, and it knows this kernel.
    fn has_criu() -> bool {
        let checked = Command::new("criu").arg("check").output();
        let has = checked.is_ok_and(|checked| checked.status.success());
        if !has {
            eprintln!("skipped: there is no CRIU that knows this kernel");
        }
        has
    }

    fn count(corten: &Corten, container: &str) -> u64 {
        let log = corten.ok(&["logs", container]);
        log.lines().last().and_then(|line| line.parse().ok()).unwrap_or(0)
    }

    fn state(corten: &Corten, container: &str) -> String {
        corten
            .ok(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", container])
            .trim()
            .to_owned()
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let corten = corten();
        corten.ok(&["create", "--name", "shop", "busybox", "true"]);
        for (line, words) in [
            (&["checkpoint", "create", "none", "first"][..], "no such container: none"),
            (
                &["checkpoint", "create", "shop", "first"],
                "checkpoint container shop: it is not running",
            ),
            (
                &["checkpoint", "rm", "shop", "first"],
                "checkpoint first does not exist for container shop",
            ),
            (&["checkpoint", "rm", "shop", "../first"], "invalid checkpoint name"),
            (
                &["start", "--checkpoint", "first", "shop"],
                "checkpoint first does not exist for container shop",
            ),
            (&["start", "--checkpoint-dir", "/tmp", "shop"], "--checkpoint-dir needs --checkpoint"),
            (
                &["start", "--checkpoint", "first", "shop", "other"],
                "you cannot restore multiple containers at once",
            ),
        ] {
            let failed = corten.fails(line, 1);
            assert!(failed.contains(words), "{line:?}: {failed}");
        }
        assert_eq!(corten.ok(&["checkpoint", "ls", "shop"]), "CHECKPOINT NAME");
    }

    #[test]
    fn a_container_goes_on_where_it_was() {
        if !has_criu() {
            return;
        }
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "shop",
            "--restart",
            "always",
            "busybox",
            "sh",
            "-c",
            COUNTER,
        ]);
        assert!(holds_in_time(|| count(&corten, "shop") > 5));
        corten.ok(&["checkpoint", "create", "shop", "first"]);
        assert_eq!(state(&corten, "shop"), "exited 137");
        let before = count(&corten, "shop");
        corten.ok(&["start", "--checkpoint", "first", "shop"]);
        assert!(holds_in_time(|| count(&corten, "shop") > before));
        let log = corten.ok(&["logs", "shop"]);
        let numbers: Vec<u64> = log.lines().filter_map(|line| line.parse().ok()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{log}");
        // It has its network, and takes further processes, signals and checkpoints.
        corten.ok(&["exec", "shop", "ip", "address", "show", "eth0"]);
        corten.ok(&["checkpoint", "create", "--leave-running", "shop", "second"]);
        assert_eq!(state(&corten, "shop"), "running 0");
        assert_eq!(corten.ok(&["checkpoint", "ls", "shop"]), "CHECKPOINT NAME\nfirst\nsecond");
        let taken = corten.fails(&["checkpoint", "create", "shop", "second"], 1);
        assert!(taken.contains("already exists"), "{taken}");
        corten.ok(&["rm", "-f", "shop"]);
    }
}
