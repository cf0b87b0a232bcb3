//! Programs of a configuration that are run on the way: `lxc.hook.*`. Start at [`run`], and for those inside at [`inside`].
//!
//! Source: lxc.container.conf(5), "CONTAINER
//! HOOKS".

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use engine::config::InsideHooks;
use spec::runtime::Hook;

use crate::config::life::{HookVersion, Hooks};

const SHELL: &str = "/bin/sh";
const SECTION: &str = "lxc";
/// Of hooks inside, which have nothing of whoever starts the container.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// When a hook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before anything is made.
    PreStart,
    /// When it runs.
    StartHost,
    /// When it has ended.
    Stop,
    /// After that.
    PostStop,
    /// For a copy.
    Clone,
    /// Before it is removed.
    Destroy,
}

impl Moment {
    /// The last part of its key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreStart => "pre-start",
            Self::StartHost => "start-host",
            Self::Stop => "stop",
            Self::PostStop => "post-stop",
            Self::Clone => "clone",
            Self::Destroy => "destroy",
        }
    }

    fn lines(self, hooks: &Hooks) -> &[String] {
        match self {
            Self::PreStart => &hooks.pre_start,
            Self::StartHost => &hooks.start_host,
            Self::Stop => &hooks.stop,
            Self::PostStop => &hooks.post_stop,
            Self::Clone => &hooks.clone,
            Self::Destroy => &hooks.destroy,
        }
    }
}

/// Whose hooks they are, and what they find.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The container.
    pub name: &'a str,
    /// `NAME=value`.
    pub environment: &'a [String],
    /// What this moment adds, by name.
    pub more: &'a [(&'a str, String)],
    /// Words of the caller's that go behind the usual ones.
    pub words: &'a [String],
}

/// A hook that came to nothing.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum HookError {
    #[error("run lxc.hook.{moment}: {line}")]
    Start {
        moment: &'static str,
        line: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("run lxc.hook.{moment}: {line}: {how}")]
    Failed { moment: &'static str, line: String, how: ExitStatus },
}

/// Runs the hooks of a moment one after the other, each by the shell, and returns once all have ended.
///
/// # Errors
/// With the first that cannot be run or does not succeed; later ones are not run then.
pub fn run(hooks: &Hooks, moment: Moment, told: &Told<'_>) -> Result<(), HookError> {
    for line in moment.lines(hooks) {
        let failed = |cause| HookError::Start { moment: moment.name(), line: line.clone(), cause };
        let how = command(hooks, line, moment, told).status().map_err(failed)?;
        if !how.success() {
            return Err(HookError::Failed { moment: moment.name(), line: line.clone(), how });
        }
    }
    Ok(())
}

/// A line is a program and words of its own; what it is told by words stands behind them. The first word is the shell's name.
fn shell_words(hooks: &Hooks, line: &str, (name, moment): (&str, &str)) -> Vec<String> {
    if hooks.version == Some(HookVersion::Environment) {
        return ["sh", "-c", &format!("exec {line}")].map(str::to_owned).to_vec();
    }
    let run = format!("exec {line} \"$@\"");
    ["sh", "-c", &run, "sh", name, SECTION, moment].map(str::to_owned).to_vec()
}

fn command(hooks: &Hooks, line: &str, moment: Moment, told: &Told<'_>) -> Command {
    let mut command = Command::new(SHELL);
    command.args(shell_words(hooks, line, (told.name, moment.name())).iter().skip(1));
    if hooks.version != Some(HookVersion::Environment) {
        command.args(told.words);
    }
    let pairs = told.environment.iter().filter_map(|pair| pair.split_once('='));
    command.envs(pairs).env("LXC_HOOK_TYPE", moment.name()).env("LXC_HOOK_SECTION", SECTION);
    command.envs(told.more.iter().map(|(name, value)| (*name, value)));
    command.stdin(Stdio::null());
    command
}

/// The word of `corten lxc` by which a hook of mounts is run: behind it the directory where the root is shown, and the command.
pub const SHOW_ROOT: &str = "show-root";

/// Hooks that the engine runs in the container's namespaces. LXC's `environment` is theirs alone: nothing of who starts the container.
#[must_use]
pub fn inside(hooks: &Hooks, name: &str, environment: &[String], root: &Path) -> InsideHooks {
    let hook = |moment: &str, line: &String, before: &[&str], path: &str| {
        let words = shell_words(hooks, line, (name, moment));
        let mut env = environment.to_vec();
        env.push(format!("LXC_HOOK_TYPE={moment}"));
        env.push(format!("LXC_HOOK_SECTION={SECTION}"));
        env.push(PATH.to_owned());
        let args = before.iter().map(|word| (*word).to_owned()).chain(words).collect();
        Hook { path: path.into(), args, env, timeout: None }
    };
    let root = root.to_string_lossy();
    let before: [&str; 4] = ["corten", "lxc", SHOW_ROOT, &root];
    let mut mounted = Vec::new();
    for (moment, lines) in [("mount", &hooks.mount), ("autodev", &hooks.autodev)] {
        mounted.extend(lines.iter().map(|line| hook(moment, line, &before, "/proc/self/exe")));
    }
    let start = hooks.start.iter().map(|line| hook("start", line, &[], SHELL));
    InsideHooks { mounted, before: start.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_told_by_words_or_by_variables() {
        let place = tempfile::tempdir().expect("a directory");
        let seen = place.path().join("seen");
        let line = format!(
            "/bin/sh -c 'echo \"$0 $* $LXC_HOOK_TYPE $LXC_NAME $LXC_MORE\" >> {}' mine",
            seen.display()
        );
        let environment = ["LXC_NAME=web".to_owned()];
        let told = Told {
            name: "web",
            environment: &environment,
            more: &[("LXC_MORE", "more".to_owned())],
            words: &["x y".to_owned()],
        };
        for version in [HookVersion::Arguments, HookVersion::Environment] {
            let hooks =
                Hooks { version: Some(version), clone: vec![line.clone()], ..Hooks::default() };
            run(&hooks, Moment::Clone, &told).expect("it runs");
            run(&hooks, Moment::Stop, &told).expect("there is none");
        }
        let text = std::fs::read_to_string(&seen).expect("lines");
        assert_eq!(text, "mine web lxc clone x y clone web more\nmine  clone web more\n");
        let hooks = Hooks { destroy: vec!["false".to_owned(), line], ..Hooks::default() };
        let error = run(&hooks, Moment::Destroy, &told).expect_err("it fails");
        assert!(error.to_string().contains("lxc.hook.destroy: false"), "{error}");
    }
}
