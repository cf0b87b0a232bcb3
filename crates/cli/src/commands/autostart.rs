//! `autostart`: starts, restarts, stops or kills what starts with the machine, in turn. Source: lxc-autostart(1).

use engine::{Attach, AutostartChoice, Container, Containers, Phase};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::request::number;

/// What is done to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Start,
    Reboot,
    Shutdown,
    Kill,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reboot => "reboot",
            Self::Shutdown => "shutdown",
            Self::Kill => "kill",
        }
    }

    /// Whether it is done to a container in this phase.
    const fn concerns(self, phase: Phase) -> bool {
        let stands_still = matches!(phase, Phase::Created | Phase::Exited);
        match self {
            Self::Start => stands_still,
            Self::Reboot | Self::Shutdown | Self::Kill => !stands_still,
        }
    }

    /// Whether the next one waits.
    const fn has_delay(self) -> bool {
        matches!(self, Self::Start | Self::Reboot)
    }
}

pub(super) fn autostart(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let deed = deed(matches)?;
    let choice = AutostartChoice {
        groups: matches
            .values("groups")
            .flat_map(|list| list.split(','))
            .map(str::to_owned)
            .collect(),
        all: matches.on("all"),
        ignore_auto: matches.on("ignore-auto"),
    };
    let timeout: Option<i64> = number(matches, "timeout")?;
    let engine = session.engine()?;
    let containers = engine.containers();
    let mut chosen = containers.autostarted(&choice)?;
    chosen.retain(|container| deed.concerns(container.state.phase()));
    if matches.on("list") {
        for Container { record, config, .. } in &chosen {
            match deed.has_delay() {
                true => output::line(&format!("{} {}", record.name, config.autostart.delay_s)),
                false => output::line(&record.name),
            }
        }
        return Ok(0);
    }
    let mut code = 0;
    for (place, container) in chosen.iter().enumerate() {
        match act(&containers, container, (deed, timeout)) {
            Ok(()) => {
                output::line(&container.record.name);
                if deed.has_delay() && place + 1 < chosen.len() {
                    container.wait_for_next();
                }
            }
            Err(failure) => {
                output::error(&failure.line(), failure.hint().as_deref());
                code = 1;
            }
        }
    }
    Ok(code)
}

fn deed(matches: &Matches) -> Result<Deed, Failure> {
    let said: Vec<Deed> = [Deed::Reboot, Deed::Shutdown, Deed::Kill]
        .into_iter()
        .filter(|deed| matches.on(deed.word()))
        .collect();
    match said.as_slice() {
        [] => Ok(Deed::Start),
        [deed] => Ok(*deed),
        [one, other, ..] => {
            let words = format!("--{} and --{} exclude each other", one.word(), other.word());
            Err(Failure::Words(words))
        }
    }
}

fn act(
    containers: &Containers<'_>,
    container: &Container,
    (deed, timeout): (Deed, Option<i64>),
) -> Result<(), Failure> {
    let (id, name) = (&container.record.id, &container.record.name);
    match deed {
        Deed::Start => {
            if let Some(mut connection) = containers.start(id.as_str(), Attach::default())? {
                super::run::warn(&containers.started(id, name, &mut connection)?);
            }
        }
        Deed::Reboot => {
            let (id, mut connection) = containers.restart(id.as_str(), None, timeout)?;
            super::run::warn(&containers.restarted(&id, name, &mut connection)?);
        }
        Deed::Shutdown => {
            containers.stop(id.as_str(), None, timeout)?;
        }
        Deed::Kill => {
            containers.stop(id.as_str(), None, Some(0))?;
        }
    }
    Ok(())
}
