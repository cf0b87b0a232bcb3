//! What a profile says of a call, by its rules one by one: the judge where two filters differ.

use std::collections::BTreeMap;

use libcontainer::seccomp::Architecture;
use spec::runtime::{Seccomp, SeccompOperator, SyscallArg};

use crate::interpreter::Call;
use crate::oracle;

/// What a profile says, straight from its words.
pub(crate) struct Meaning<'a> {
    profile: &'a Seccomp,
    pub(crate) architectures: Vec<Architecture>,
    /// Rules of each call by their places.
    rules: BTreeMap<(Architecture, u32), Vec<usize>>,
    carriers: Vec<(Architecture, u32)>,
}

impl<'a> Meaning<'a> {
    pub(crate) fn new(profile: &'a Seccomp) -> Self {
        let architectures: Vec<_> = profile
            .architectures
            .iter()
            .map(|name| Architecture::from_name(name).unwrap())
            .collect();
        let mut rules: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut carriers = Vec::new();
        for architecture in architectures.iter().copied() {
            let number = |name: &str| Some((architecture, architecture.number(name)?));
            carriers.extend(["socketcall", "ipc"].into_iter().filter_map(number));
            for (index, rule) in profile.syscalls.iter().enumerate() {
                for place in rule.names.iter().filter_map(|name| number(name)) {
                    rules.entry(place).or_default().push(index);
                }
            }
        }
        Self { profile, architectures, rules, carriers }
    }

    /// The verdicts that a rule gives; nothing for foreign calls and for those that carry others.
    pub(crate) fn of(&self, call: &Call) -> Option<Vec<u32>> {
        let is_x32 = call.number >= 0x4000_0000;
        let owns = |architecture: &Architecture| match *architecture == Architecture::X32 {
            true => is_x32,
            false => !is_x32 || *architecture != Architecture::X86_64,
        };
        let mut candidates = self.architectures.iter().copied().filter(owns);
        let architecture =
            candidates.find(|architecture| architecture.audit() == call.architecture)?;
        let place = (architecture, call.number);
        if self.carriers.contains(&place) {
            return None;
        }
        let narrow = [Architecture::X32, Architecture::Mipsel64n32].contains(&architecture);
        let wide = architecture.audit() >> 31 == 1 && !narrow;
        let width = if wide { u64::MAX } else { u64::from(u32::MAX) };
        let default = oracle::value(self.profile.default_action, self.profile.default_errno_ret);
        let (mut told, mut always) = (Vec::new(), Vec::new());
        for index in self.rules.get(&place).into_iter().flatten() {
            let rule = &self.profile.syscalls[*index];
            let value = oracle::value(rule.action, rule.errno_ret);
            if value == default {
                continue;
            }
            if rule
                .args
                .iter()
                .all(|arg| arg.op == SeccompOperator::MaskedEqual && arg.value & width == 0)
            {
                always.push(value);
            }
            if rule.args.iter().all(|arg| holds(arg, call, width)) {
                told.push(value);
            }
        }
        if told.is_empty() {
            told.push(default);
        }
        // The first rule without conditions decides alone.
        always.first().map(|first| vec![*first]).or(Some(told))
    }
}

fn holds(arg: &SyscallArg, call: &Call, width: u64) -> bool {
    let (given, value) = (call.args[arg.index as usize] & width, arg.value & width);
    match arg.op {
        SeccompOperator::NotEqual => given != value,
        SeccompOperator::Less => given < value,
        SeccompOperator::LessOrEqual => given <= value,
        SeccompOperator::Equal => given == value,
        SeccompOperator::GreaterOrEqual => given >= value,
        SeccompOperator::Greater => given > value,
        SeccompOperator::MaskedEqual => given & value == arg.value_two & value,
    }
}
