//! The first process: its words, user, environment and host name; limits of processes; and what hooks find in their environment.

use engine::config::Ulimit;

use crate::config::item::Value as _;
use crate::config::life::{Architecture, HookVersion, Variable};
use crate::config::limits::ProcessLimit;
use crate::hooks;

use super::carried::{ConsolePlace, root_mount};
use super::{Draft, Purpose};

/// The program that starts a system where nothing is said.
const INIT: &str = "/sbin/init";
/// SIGPWR, which asks a system to stop.
const POWER: i32 = 30;
/// What is logged where nothing is said.
const LOG_LEVEL: &str = "ERROR";
/// How readily the kernel ends a process, proc_pid_oom_score_adj(5).
const OOM_SCORES: std::ops::RangeInclusive<i32> = -1000..=1000;

pub(super) fn map(draft: &mut Draft<'_>) {
    command(draft);
    let init = &draft.config.init;
    draft.engine.user = format!("{}:{}", init.uid.unwrap_or(0), init.gid.unwrap_or(0));
    draft.engine.groups = init.groups.0.iter().map(u32::to_string).collect();
    let name = init.host_name.as_ref().map_or(draft.around.host_name, |name| &name.0);
    name.clone_into(&mut draft.engine.hostname);
    if let Some(directory) = &init.directory {
        match directory.to_str().filter(|_| directory.is_absolute()) {
            Some(text) => text.clone_into(&mut draft.engine.workdir),
            None => draft.refuse("lxc.init.cwd", "it is not absolute"),
        }
    }
    let mut env = vec!["container=lxc".to_owned()];
    env.extend(variables(draft, "lxc.environment", &init.environment));
    env.extend(variables(draft, "lxc.environment.runtime", &init.environment_runtime));
    draft.engine.env = env;
    draft.engine.stop_signal = draft.tools.signals.halt.unwrap_or(POWER);
    // What has 64 bits is what it is.
    draft.engine.bits_32 = init.architecture == Some(Architecture::Bits32);
    let died = draft.config.signals.monitor_died;
    if died.is_some_and(|signal| signal.0 != 0) {
        let why = "a container outlives its monitor, which 0 stands for";
        draft.refuse("lxc.monitor.signal.pdeath", why);
    }
    prlimits(draft);
    proc_files(draft);
}

fn command(draft: &mut Draft<'_>) {
    let init = &draft.config.init;
    let (key, line) = match draft.around.purpose {
        Purpose::Start => ("lxc.init.cmd", init.command.as_deref().unwrap_or(INIT)),
        Purpose::Execute(words) => {
            draft.engine.init = true;
            if !words.is_empty() {
                draft.engine.command = words.to_vec();
                return;
            }
            ("lxc.execute.cmd", init.execute.as_deref().unwrap_or_default())
        }
    };
    match words(line) {
        Some(words) if words.is_empty() => draft.refuse(key, "no program is named"),
        Some(words) => draft.engine.command = words,
        None => draft.refuse(key, "a quote is not closed"),
    }
}

/// Words between blanks, or between quotes that stand at the beginning of a word; nothing when one is not closed.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match first {
            '"' | '\'' => rest[1..].split_once(first)?,
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    Some(words)
}

/// `NAME=value` of each; one without a value has that of whoever starts the container.
fn variables(draft: &mut Draft<'_>, key: &str, variables: &[Variable]) -> Vec<String> {
    let mut texts = Vec::with_capacity(variables.len());
    for Variable { name, value } in variables {
        match value.clone().or_else(|| (draft.around.variable)(name)) {
            Some(value) => texts.push(format!("{name}={value}")),
            None => {
                draft.refuse(key, format!("{name} has no value where the container is started"));
            }
        }
    }
    texts
}

fn prlimits(draft: &mut Draft<'_>) {
    let config = draft.config;
    for (name, ProcessLimit { soft, hard }) in config.resources.limits.iter() {
        // What is more than the type has room for is more than any machine has.
        let number =
            |limit: Option<u64>| limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
        let (soft, hard) = (number(*soft), number(*hard));
        if hard != -1 && (soft == -1 || soft > hard) {
            draft.refuse(format!("lxc.prlimit.{name}"), "the soft limit is above the hard limit");
        } else {
            draft.engine.ulimits.push(Ulimit { name: name.to_owned(), soft, hard });
        }
    }
}

fn proc_files(draft: &mut Draft<'_>) {
    let config = draft.config;
    for (name, setting) in config.resources.proc.iter() {
        let key = || format!("lxc.proc.{name}");
        if name != "oom_score_adj" {
            draft.refuse(key(), "of a process's files only oom_score_adj is written");
            continue;
        }
        match setting.0.parse().ok().filter(|score| OOM_SCORES.contains(score)) {
            Some(score) => draft.engine.oom_score_adj = score,
            None => draft.refuse(key(), "it is no number from -1000 to 1000"),
        }
    }
}

/// What hooks find: lxc.container.conf(5), "Container hooks Environment Variables".
pub(super) fn hook_environment(draft: &mut Draft<'_>) -> Vec<String> {
    let (config, around) = (draft.config, draft.around);
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let is_by_environment = config.hooks.version == Some(HookVersion::Environment);
    let level = config.monitor.log_level.map_or_else(|| LOG_LEVEL.to_owned(), |level| level.show());
    let root = config.mounts.root.as_ref().map(|root| root.place.clone());
    let console = match &draft.tools.console.place {
        ConsolePlace::Own => None,
        ConsolePlace::None => Some("none".to_owned()),
        ConsolePlace::Device(device) => Some(path(device)),
    };
    let variables_of_lxc = [
        ("LXC_NAME", Some(around.name.to_owned())),
        ("LXC_CONFIG_FILE", Some(path(&around.directory.join("config")))),
        ("LXC_ROOTFS_MOUNT", Some(path(&root_mount(config)))),
        ("LXC_ROOTFS_PATH", root),
        ("LXC_CONSOLE", console),
        ("LXC_CONSOLE_LOGPATH", draft.tools.console.log.as_deref().map(path)),
        ("LXC_CGNS_AWARE", Some("1".to_owned())),
        ("LXC_LOG_LEVEL", Some(level)),
        ("LXC_HOOK_VERSION", Some(u8::from(is_by_environment).to_string())),
    ];
    let mut env: Vec<String> = variables_of_lxc
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
        .collect();
    env.extend(variables(draft, "lxc.environment", &config.init.environment));
    env.extend(variables(draft, "lxc.environment.hooks", &config.init.environment_hooks));
    env
}

/// Those that the engine runs.
pub(super) fn inside_hooks(draft: &mut Draft<'_>) {
    let (hooks, environment) = (&draft.config.hooks, &draft.tools.hook_environment);
    let root = root_mount(draft.config);
    draft.engine.inside_hooks = hooks::inside(hooks, draft.around.name, environment, &root);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_between_blanks_or_quotes() {
        for (line, expected) in [
            ("", &[][..]),
            ("/sbin/init", &["/sbin/init"]),
            (" a\t b  ", &["a", "b"]),
            ("/bin/echo \"one two\" 'three \"four'", &["/bin/echo", "one two", "three \"four"]),
            ("a\"b c\" ''d", &["a\"b", "c\"", "", "d"]),
        ] {
            assert_eq!(words(line).expect(line), expected, "{line}");
        }
        assert_eq!(words("a 'b"), None);
    }
}
