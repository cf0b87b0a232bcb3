//! The program under test, with a private store.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Leftovers;

/// The program with a root and a state directory of its own. Dropping it removes every container and fails the test when
/// anything of them is left on the machine.
#[derive(Debug)]
pub struct Corten {
    program: PathBuf,
    directory: tempfile::TempDir,
    state: PathBuf,
}

/// A command that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Exit code; 128 + n where signal n ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Sends a process a signal, by its name.
///
/// # Panics
/// When there is no such process.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -s {name} {pid}");
}

impl Corten {
    /// A new empty store for `program`: pass `env!("CARGO_BIN_EXE_corten")`.
    ///
    /// # Panics
    /// When no temporary directory can be made, or the test does not run as root.
    #[must_use]
    pub fn new(program: &str) -> Self {
        crate::host::enter();
        Self::on_the_machine(program)
    }

    /// The same in the machine's own network: its containers are to be in none.
    ///
    /// # Panics
    /// As [`Corten::new`].
    #[must_use]
    pub fn on_the_machine(program: &str) -> Self {
        let directory = match tempfile::Builder::new().prefix("corten-").tempdir() {
            Ok(directory) => directory,
            Err(error) => panic!("make a temporary directory: {error}"),
        };
        let state = directory.path().join("state");
        Self { program: program.into(), directory, state }
    }

    /// The same with the state elsewhere, for example in memory.
    #[must_use]
    pub fn with_state(program: &str, state: &Path) -> Self {
        let mut corten = Self::new(program);
        state.clone_into(&mut corten.state);
        corten
    }

    /// The same with the image `busybox` in it.
    #[must_use]
    pub fn with_busybox(program: &str) -> Self {
        let corten = Self::new(program);
        corten.ok(&["template", "build", "busybox"]);
        corten
    }

    /// The directory that holds both the root and the state, and whatever the test puts beside them.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What `--root` is.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// What `--state` is.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.state.clone()
    }

    /// The program with its private directories, ready for more arguments.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(self.root()).arg("--state").arg(self.state());
        command.stdin(Stdio::null());
        command
    }

    /// The process that answers for names of its containers, if it runs.
    #[must_use]
    pub fn resolver(&self) -> Option<u32> {
        let state = self.state().display().to_string();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.find(|pid: &u32| {
            let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split('\0').eq(["corten", "monitor", "resolver", &state, ""])
        })
    }

    /// Kills a container's monitor and then its first process: nobody sees its end.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill_with_monitor(&self, container: &str) {
        for pid in self.pids(container) {
            signal("KILL", pid);
        }
    }

    /// Process ids of a container's monitor and of its first process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pids(&self, container: &str) -> [u32; 2] {
        let id = self.ok(&["inspect", "-f", "{{.Id}}", container]);
        let state = self.state().join("containers").join(id).join("state.json");
        let state = std::fs::read(state).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let state: serde_json::Value = state.unwrap_or_default();
        ["monitor_pid", "pid"].map(|field| {
            let pid = state[field].as_u64().and_then(|pid| u32::try_from(pid).ok());
            pid.unwrap_or_else(|| panic!("{container} does not run: {state}"))
        })
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Finished {
        match self.command().args(args).output() {
            Ok(output) => Finished::from(output),
            Err(error) => panic!("run {}: {error}", self.program.display()),
        }
    }

    /// Runs a script in a container of busybox's image, which is gone afterwards and has no network but by a flag.
    #[must_use]
    pub fn script(&self, flags: &[&str], script: &str) -> Finished {
        let image = ["busybox", "sh", "-c", script];
        self.run(&[&["run", "--rm", "--network", "none"], flags, &image].concat())
    }

    /// Runs it to its end with `input` on its standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Finished {
        let mut command = self.command();
        command.args(args);
        fed(command, input)
    }

    /// Runs another program, which is told this one's whole command line behind its own arguments and executes it.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn run_behind(&self, mut other: Command, args: &[&str], input: &[u8]) -> Finished {
        let own = self.command();
        other.arg(own.get_program()).args(own.get_args()).args(args);
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => other.env(name, value),
                None => other.env_remove(name),
            };
        }
        fed(other, input)
    }

    /// Runs it, demands success, and gives standard output without its last newline.
    ///
    /// # Panics
    /// When it does not exit with 0.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let finished = self.run(args);
        assert!(finished.code == 0, "corten {}: {finished:#?}", args.join(" "));
        finished.stdout.trim_end_matches('\n').to_owned()
    }

    /// Runs it, demands the exit code `code`, and gives standard error.
    ///
    /// # Panics
    /// When it exits otherwise.
    #[track_caller]
    pub fn fails(&self, args: &[&str], code: i32) -> String {
        let finished = self.run(args);
        assert!(
            finished.code == code,
            "corten {} was to exit with {code}: {finished:#?}",
            args.join(" ")
        );
        finished.stderr
    }

    /// Removes every container and gives their ids.
    ///
    /// # Panics
    /// When one cannot be removed.
    pub fn remove_containers(&self) -> Vec<String> {
        let listed = self.run(&["ps", "--all", "--quiet", "--no-trunc"]);
        let ids: Vec<String> = listed.stdout.lines().map(str::to_owned).collect();
        if !ids.is_empty() {
            let mut args = vec!["rm", "--force", "--volumes"];
            args.extend(ids.iter().map(String::as_str));
            let removed = self.run(&args);
            assert!(removed.code == 0 || std::thread::panicking(), "{removed:#?}");
        }
        ids
    }
}

/// Runs a command that reads this.
fn fed(mut command: Command, input: &[u8]) -> Finished {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("run {}: {error}", command.get_program().display()),
    };
    let input = input.to_owned();
    let stdin = child.stdin.take();
    let feeder = std::thread::spawn(move || {
        // A program that stops reading is the test's business, not ours.
        let _closed_early = stdin.map(|mut stdin| stdin.write_all(&input));
    });
    let output = match child.wait_with_output() {
        Ok(output) => output,
        Err(error) => panic!("wait for {}: {error}", command.get_program().display()),
    };
    let _panicked = feeder.join();
    Finished::from(output)
}

impl Drop for Corten {
    fn drop(&mut self) {
        let ids = self.remove_containers();
        if std::thread::panicking() {
            return;
        }
        // A monitor may still be on its way out after its container was removed.
        crate::wait_until("nothing of the test's containers is left", || {
            Leftovers::of(self.directory.path(), &ids).is_empty()
        });
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output
            .status
            .code()
            .or_else(|| output.status.signal().map(|signal| 128 + signal))
            .unwrap_or(-1);
        Self {
            code,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
