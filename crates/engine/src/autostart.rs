//! Containers that are started one after the other, in the turn and with the delays that they ask for, by groups. Start at
//! [`Containers::autostarted`]; what is done to them, and the waiting between, is the caller's. Source: lxc-autostart(1).

use std::time::Duration;

use rustix::event::{Timespec, poll};

use crate::config::Autostart;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;

/// The group that a boot begins with; those in no group follow.
const ON_BOOT: &str = "onboot";

/// Which containers, and in which order their groups come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutostartChoice {
    /// Groups one after the other; an empty one is of those that are in none. Nothing is that one alone.
    pub groups: Vec<String>,
    /// Whether groups do not matter.
    pub all: bool,
    /// Whether those that are not started with the machine are meant, too.
    pub ignore_auto: bool,
}

impl AutostartChoice {
    /// What a boot starts.
    #[must_use]
    pub fn of_boot() -> Self {
        Self { groups: vec![ON_BOOT.to_owned(), String::new()], ..Self::default() }
    }
}

impl Containers<'_> {
    /// The containers that are chosen, whatever their state: group by group, and in each by their order and then their names. Each is
    /// there once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn autostarted(&self, choice: &AutostartChoice) -> Result<Vec<Container>, EngineError> {
        let all = self.all()?;
        let names: Vec<(&str, &Autostart)> = all
            .iter()
            .map(|container| (container.record.name.as_str(), &container.config.autostart))
            .collect();
        let chosen = choose(&names, choice);
        Ok(chosen.into_iter().filter_map(|place| all.get(place)).cloned().collect())
    }
}

impl Container {
    /// Waits for as long as the next one is to wait that is started behind this one.
    pub fn wait_for_next(&self) {
        let delay = Duration::from_secs(self.config.autostart.delay_s.into());
        if let Ok(moment) = Timespec::try_from(delay)
            && !delay.is_zero()
        {
            // Earlier is no harm.
            let _interrupted = poll(&mut [], Some(&moment));
        }
    }
}

/// Places of those that are chosen, in their turn.
fn choose(all: &[(&str, &Autostart)], choice: &AutostartChoice) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..all.len())
        .filter(|place| all.get(*place).is_some_and(|(_, own)| own.on || choice.ignore_auto))
        .collect();
    sorted.sort_by_key(|place| all.get(*place).map(|(name, own)| (own.order, *name)));
    if choice.all {
        return sorted;
    }
    let of_none = vec![String::new()];
    let groups = if choice.groups.is_empty() { &of_none } else { &choice.groups };
    let mut chosen = Vec::new();
    for group in groups {
        let is_in = |own: &Autostart| {
            if group.is_empty() { own.groups.is_empty() } else { own.groups.contains(group) }
        };
        for place in &sorted {
            let is_meant = all.get(*place).is_some_and(|(_, own)| is_in(own));
            if is_meant && !chosen.contains(place) {
                chosen.push(*place);
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Debian's lxc-autostart lists of the same containers.
    #[test]
    fn groups_come_in_turn_and_each_container_once() {
        let own = |on, order, groups: &[&str]| Autostart {
            on,
            order,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Autostart::default()
        };
        let made = [
            ("aa", own(true, 5, &["web", "db"])),
            ("bb", own(true, 1, &["onboot"])),
            ("cc", own(true, 5, &["web"])),
            ("dd", own(false, 0, &[])),
            ("ee", own(true, 0, &[])),
        ];
        let all: Vec<(&str, &Autostart)> = made.iter().map(|(name, own)| (*name, own)).collect();
        let of = |groups: &[&str], (everyone, ignore_auto)| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let choice = AutostartChoice { groups, all: everyone, ignore_auto };
            choose(&all, &choice).into_iter().map(|place| made[place].0).collect::<Vec<_>>()
        };
        let plain = (false, false);
        assert_eq!(of(&[], plain), ["ee"]);
        assert_eq!(of(&[], (true, false)), ["ee", "bb", "aa", "cc"]);
        assert_eq!(of(&[], (false, true)), ["dd", "ee"]);
        assert_eq!(of(&[], (true, true)), ["dd", "ee", "bb", "aa", "cc"]);
        assert_eq!(of(&["onboot", "web"], plain), ["bb", "aa", "cc"]);
        assert_eq!(of(&["onboot", ""], plain), ["bb", "ee"]);
        assert_eq!(of(&["", "web"], plain), ["ee", "aa", "cc"]);
        assert_eq!(of(&["web", "db"], plain), ["aa", "cc"]);
    }
}
