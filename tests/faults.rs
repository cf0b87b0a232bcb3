//! Runs in which the kernel refuses a call: whichever it is, the error is one line that names the step, the exit code is the
//! engine's, and nothing is left. strace(1) makes the kernel refuse, in the command, its monitor and the container's first process.

#[cfg(test)]
mod tests {
    use std::process::Command;

    use testkit::{Corten, Finished, Leftovers, wait_until};

    /// What the start of a container asks the kernel for. Not unlinkat(2): a removal that the kernel refuses is told, and what it
    /// was to remove stays.
    const CALLS: &[&str] = &[
        "bind",
        "capset",
        "clone3",
        "execve",
        "execveat",
        "fchdir",
        "listen",
        "mkdir",
        "mkdirat",
        "mknodat",
        "mount",
        "mount_setattr",
        "move_mount",
        "open_tree",
        "openat2",
        "pipe2",
        "pivot_root",
        "pwrite64",
        "recvmsg",
        "rename",
        "seccomp",
        "sendmsg",
        "setgroups",
        "sethostname",
        "setns",
        "setsid",
        "socketpair",
        "symlinkat",
        "umount2",
        "unshare",
        "write",
    ];
    /// Each process's first, second … call of a kind.
    const WHEN: &[usize] = &[1, 2, 3, 5, 8];

    fn run(corten: &Corten, call: &str, when: usize) -> Finished {
        let plain = corten.command();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
        command.arg(format!("inject={call}:error=EPERM:when={when}"));
        command.arg(plain.get_program()).args(plain.get_args());
        command.args(["run", "--rm", "--network", "none", "busybox", "true"]);
        Finished::from(command.output().unwrap())
    }

    #[test]
    fn a_refused_call_is_told_and_leaves_nothing() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let mut refused = 0;
        for call in CALLS {
            for &when in WHEN {
                let finished = run(&corten, call, when);
                let what = format!("{call} {when}: {finished:?}");
                // Some calls are dispensable, and the program itself makes some too.
                if finished.code == 0 {
                    continue;
                }
                refused += 1;
                assert!(matches!(finished.code, 1 | 125..=127), "{what}");
                assert!(!finished.stderr.contains("panicked"), "{what}");
                // The error itself is written by write(2), too.
                let told = finished.stderr.starts_with("error: ") || *call == "write";
                assert!(told || finished.code == 1, "{what}");
            }
        }
        assert!(refused > CALLS.len(), "calls are refused at all");
        let left = corten.ok(&["ps", "--all", "--quiet", "--no-trunc"]);
        let ids: Vec<String> = left.lines().map(str::to_owned).collect();
        for id in &ids {
            corten.ok(&["rm", "--force", id]);
        }
        wait_until("nothing is left", || Leftovers::of(corten.directory(), &ids).is_empty());
        for directory in [corten.root().join("containers"), corten.state().join("containers")] {
            assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "{directory:?}");
        }
    }
}
