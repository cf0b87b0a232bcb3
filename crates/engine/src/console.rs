//! The console of a container and its terminals `/dev/tty1` and on: what there is of them, what an init is told of them, and who looks at
//! them. Sources: systemd.io/CONTAINER_INTERFACE; lxc.container.conf(5); lxc-console(1).

use libcontainer::TerminalChoices;
use monitor::{Connection, ConsoleRules};
use spec::ContainerId;
use spec::runtime::Spec;

use crate::config::{ContainerConfig, MOST_TERMINALS, TerminalConfig};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::Action;

/// A terminal of a container that somebody looks at.
#[derive(Debug)]
pub struct Console {
    /// The container.
    pub container: Container,
    /// 0 for its console, N for `/dev/ttyN`.
    pub number: u16,
    /// Attached to it.
    pub connection: Connection,
}

/// Terminals of a whole system, as in LXC's common.conf.
const OF_SYSTEM: u16 = 4;
/// What is kept of a system's console: what a machine shows while it comes up.
const KEPT_BYTES: u32 = 16 * 1024;
/// Who says more wants a log.
const MOST_KEPT_BYTES: u32 = 16 * 1024 * 1024;

impl ContainerConfig {
    /// How many terminals there are beside the console.
    #[must_use]
    pub fn terminals_beside(&self) -> u16 {
        self.terminals.count.unwrap_or(if self.system { OF_SYSTEM } else { 0 })
    }

    fn kept_bytes(&self) -> u32 {
        self.terminals.console_kept_bytes.unwrap_or(if self.system { KEPT_BYTES } else { 0 })
    }
}

/// What the plan says of them.
///
/// # Errors
/// For numbers and names that cannot be.
pub(crate) fn choices(config: &ContainerConfig) -> Result<TerminalChoices, EngineError> {
    let (count, directory) = (config.terminals_beside(), config.terminals.directory.clone());
    if count > MOST_TERMINALS {
        let why = format!("there are at most {MOST_TERMINALS}");
        return Err(EngineError::value("number of terminals", count.to_string(), why));
    }
    if directory.contains('/') || matches!(directory.as_str(), "." | ".." | "pts" | "shm") {
        let why = "it is the name of a new directory below /dev";
        return Err(EngineError::value("directory of terminals", directory, why));
    }
    let kept = config.kept_bytes();
    if kept > MOST_KEPT_BYTES {
        let why = format!("at most {MOST_KEPT_BYTES} bytes are kept");
        return Err(EngineError::value("console buffer", kept.to_string(), why));
    }
    let wanted = u32::from(count) + u32::from(config.tty);
    if let Some(most) = config.terminals.most_pseudo.filter(|most| *most < wanted) {
        let why = format!("the console and {count} terminals beside it are {wanted}");
        return Err(EngineError::value("number of pseudo terminals", most.to_string(), why));
    }
    Ok(TerminalChoices { count, directory })
}

/// What its monitor does with the console.
pub(crate) fn rules(config: &ContainerConfig) -> ConsoleRules {
    let terminals = &config.terminals;
    ConsoleRules {
        stays_open: config.system || *terminals != TerminalConfig::default(),
        kept_bytes: usize::try_from(config.kept_bytes()).unwrap_or(0),
        file: terminals.console_file.clone(),
        device: terminals.console_device.clone(),
    }
}

/// Tells the first process what an init wants to know, unless it was told so already.
pub(crate) fn tell_init(spec: &mut Spec, (config, id): (&ContainerConfig, &ContainerId)) {
    if let Some(process) = &mut spec.process {
        for (name, value) in variables(config, id) {
            crate::whole_system::set_default(&mut process.env, name, &value);
        }
    }
}

/// What the first process is told: `container_ttys`, pseudo terminals by which systemd makes gettys, and for a whole system `container_uuid`,
/// which becomes its machine-id where it has none yet.
fn variables(config: &ContainerConfig, id: &ContainerId) -> Vec<(&'static str, String)> {
    // The console is the first in the container's devpts, and the others follow in their order.
    let first = u16::from(config.tty);
    let ttys = (first..first + config.terminals_beside()).map(|number| format!("pts/{number}"));
    let ttys: Vec<String> = ttys.collect();
    let ttys = (!ttys.is_empty()).then(|| ("container_ttys", ttys.join(" ")));
    let uuid = config.system.then(|| ("container_uuid", uuid(id)));
    ttys.into_iter().chain(uuid).collect()
}

/// The id's first half as a UUID that says of itself that it is random, which it is: RFC 9562, section 5.4.
fn uuid(id: &ContainerId) -> String {
    let digits = id.as_str();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let variant = match part(16, 17).as_bytes() {
        [digit] => char::from(b"89ab"[usize::from(digit & 3)]),
        _ => '8',
    };
    let (low, middle, high) = (part(0, 8), part(8, 12), part(13, 16));
    format!("{low}-{middle}-4{high}-{variant}{}-{}", part(17, 20), part(20, 32))
}

impl Containers<'_> {
    /// A connection that is attached to the console of a container (0), to its `/dev/ttyN`, or to the first of these that nobody looks at: what
    /// it has shown, as far as that is kept, and what it shows comes as output, and input is typed on it. Any number of connections share one.
    ///
    /// # Errors
    /// When the container does not run, its monitor is gone, or there is no such terminal.
    pub fn console(&self, text: &str, number: Option<u16>) -> Result<Console, EngineError> {
        let container = self.get(text)?;
        container.allow(Action::Attach)?;
        let mut connection = self.reach(&container)?;
        let attached = connection.attach_to_terminal(number).map_err(|errno| {
            let path = container.dirs.state.clone();
            let cause = monitor::ConnectError::Connect { path, errno };
            EngineError::NoMonitor { name: container.record.name.clone(), cause }
        })?;
        let Some(number) = attached else {
            // It may have ended meanwhile.
            self.get(container.record.id.as_str())?.allow(Action::Attach)?;
            return Err(none_such(&container, number));
        };
        self.tell(&container, "attach", &[]);
        Ok(Console { container, number, connection })
    }
}

fn none_such(container: &Container, number: Option<u16>) -> EngineError {
    let name = &container.record.name;
    let there = match container.config.terminals_beside() {
        0 => format!("container {name} has no terminals beside its console (see --ttys)"),
        1 => format!("container {name} has tty1 alone"),
        count => format!("container {name} has tty1 to tty{count}"),
    };
    match number {
        Some(0) => {
            let why = "it has none: it was made without --tty and without --system";
            EngineError::value("console of container", name, why)
        }
        Some(number) => EngineError::value("terminal", format!("tty{number}"), there),
        None => EngineError::value("terminal", "free", format!("{there}, and somebody is at each")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: Option<u16>, change: impl FnOnce(&mut ContainerConfig)) -> ContainerConfig {
        let terminals = TerminalConfig { count, ..TerminalConfig::default() };
        let mut config = ContainerConfig { terminals, ..ContainerConfig::default() };
        change(&mut config);
        config
    }

    #[test]
    fn a_system_has_some_and_is_told_their_names() {
        let id: ContainerId = "0123456789abcdef".repeat(4).parse().unwrap();
        let system = |config: &mut ContainerConfig| (config.system, config.tty) = (true, true);
        let told = |count, change: &dyn Fn(&mut ContainerConfig)| {
            let variables = variables(&of(count, change), &id);
            variables.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let uuid = "container_uuid=01234567-89ab-4def-8123-456789abcdef";
        assert_eq!(told(None, &system), ["container_ttys=pts/1 pts/2 pts/3 pts/4", uuid]);
        assert_eq!(told(Some(0), &system), [uuid]);
        assert_eq!(told(Some(2), &|_plain| {}), ["container_ttys=pts/0 pts/1"]);
        assert_eq!(told(None, &|_plain| {}), [""; 0]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let why = |count, change: &dyn Fn(&mut ContainerConfig)| {
            choices(&of(count, change)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(why(Some(63), &|_| {}), "");
        assert!(why(Some(64), &|_| {}).contains("at most 63"));
        for name in ["a/b", "..", "pts"] {
            let directory = |config: &mut ContainerConfig| {
                name.clone_into(&mut config.terminals.directory);
            };
            assert!(why(Some(1), &directory).contains("new directory below /dev"), "{name}");
        }
        let few = |config: &mut ContainerConfig| {
            (config.tty, config.terminals.most_pseudo) = (true, Some(4));
        };
        assert!(why(Some(4), &few).contains("are 5") && why(Some(3), &few).is_empty());
    }
}
