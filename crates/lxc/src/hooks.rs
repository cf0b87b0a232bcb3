//! Programs of a configuration that are run on the way, on the host: `lxc.hook.*`. Start at [`run`].
//!
//! Those that run inside, or at an end that nobody may see, are refused by name ([`refused`]). Source: lxc.container.conf(5), "CONTAINER
//! HOOKS".

use std::process::{Command, ExitStatus, Stdio};

use crate::config::life::{HookVersion, Hooks};
use crate::mapping::Remark;

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

/// A line is a program and words of its own; what it is told by words stands behind them.
fn command(hooks: &Hooks, line: &str, moment: Moment, told: &Told<'_>) -> Command {
    const SECTION: &str = "lxc";
    let mut command = Command::new("/bin/sh");
    if hooks.version == Some(HookVersion::Environment) {
        command.arg("-c").arg(format!("exec {line}"));
    } else {
        command.arg("-c").arg(format!("exec {line} \"$@\"")).arg("sh");
        command.arg(told.name).arg(SECTION).arg(moment.name()).args(told.words);
    }
    let pairs = told.environment.iter().filter_map(|pair| pair.split_once('='));
    command.envs(pairs).env("LXC_HOOK_TYPE", moment.name()).env("LXC_HOOK_SECTION", SECTION);
    command.envs(told.more.iter().map(|(name, value)| (*name, value)));
    command.stdin(Stdio::null());
    command
}

/// Hooks that nobody would run, each with the reason: inside there is nobody to do it, and the end of a container that runs by itself
/// is seen by its monitor alone.
#[must_use]
pub fn refused(hooks: &Hooks, is_watched: bool) -> Vec<Remark> {
    const INSIDE: &str = "no hook is run inside of a container yet";
    const AT_END: &str =
        "it is run by lxc-execute and lxc-start --foreground alone, which see the end";
    let said = [
        ("pre-mount", &hooks.pre_mount, INSIDE),
        ("mount", &hooks.mount, INSIDE),
        ("autodev", &hooks.autodev, INSIDE),
        ("start", &hooks.start, INSIDE),
    ];
    let at_end = [("stop", &hooks.stop, AT_END), ("post-stop", &hooks.post_stop, AT_END)];
    let at_end = at_end.into_iter().filter(|_| !is_watched);
    let said = said.into_iter().chain(at_end).filter(|(_, lines, _)| !lines.is_empty());
    said.map(|(name, _, why)| Remark { key: format!("lxc.hook.{name}"), why: why.to_owned() })
        .collect()
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
