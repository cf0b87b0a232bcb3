//! The front end: from a profile to what happens to each system call number of one architecture.
//!
//! The order in which rules of one call are tried is libseccomp's, so that a profile means here what it means under other
//! runtimes: a rule without conditions decides alone; else equality goes before `less`, `less` before `greater`, and the
//! narrower comparison before the wider one. Sources: config-linux.md "Seccomp", seccomp_rule_add(3), "NOTES".

use std::cmp::Ordering;
use std::collections::BTreeMap;

use spec::runtime::{Seccomp, SeccompOperator, SyscallArg};

use super::action::{self, Fault};
use super::architecture::{ARM_PRIVATE, Architecture, Table, X32_BIT};
use super::{NewerCalls, SeccompError};

/// A comparison of one argument, in the width of its architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) argument: u8,
    pub(super) operator: SeccompOperator,
    pub(super) mask: u64,
    pub(super) datum: u64,
}

/// What a call gets when all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) value: u32,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The same whatever the arguments are.
    Return(u32),
    /// The first rule that holds decides.
    Rules { architecture: Architecture, rules: Vec<Rule>, otherwise: u32 },
}

/// More rules for one call can never fit into a program.
const MOST_RULES: usize = 4096;

/// What a profile says of one architecture.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) architecture: Architecture,
    /// By number, with the architecture's base.
    pub(super) decisions: BTreeMap<u32, Decision>,
    /// Numbers of calls that came after the last one the profile names, and what they get.
    pub(super) newer: Option<(u32, u32)>,
}

/// Works out what a profile says of one architecture.
pub(super) fn calls(
    profile: &Seccomp,
    architecture: Architecture,
    table: &Table,
    newer_calls: NewerCalls,
) -> Result<Calls, SeccompError> {
    let default = action::default_value(profile)?;
    let mut book = Book { architecture, table, rules: BTreeMap::new() };
    let mut last = None;
    for (index, rule) in profile.syscalls.iter().enumerate() {
        let refuse = |fault| SeccompError::rule(index, rule, fault);
        let value = action::value(rule.action, rule.errno_ret).map_err(refuse)?;
        for name in &rule.names {
            let number = table.number(architecture, name);
            let is_common = architecture != Architecture::Arm || number < Some(ARM_PRIVATE);
            last = last.max(number.filter(|_| is_common));
            // libseccomp refuses a rule that repeats the default action; runtimes leave it out.
            if value == default {
                continue;
            }
            for conditions in alternatives(&rule.args) {
                book.add(name, &conditions, value).map_err(refuse)?;
            }
        }
    }
    let decide = |rules: Vec<Rule>| match rules.as_slice() {
        [Rule { conditions, value }] if conditions.is_empty() => Decision::Return(*value),
        _ => Decision::Rules { architecture, rules, otherwise: default },
    };
    let denies =
        newer_calls == NewerCalls::NotImplemented && action::denies(profile.default_action);
    Ok(Calls {
        architecture,
        decisions: book.rules.into_iter().map(|(number, rules)| (number, decide(rules))).collect(),
        newer: last.filter(|_| denies).map(|last| (last + 1, end_of_numbers(architecture))),
    })
}

/// The number after the last one that a future call of an architecture could have. The highest of all, -1, is how a tracer
/// skips a call, seccomp(2).
fn end_of_numbers(architecture: Architecture) -> u32 {
    if architecture == Architecture::X86_64 {
        return X32_BIT;
    }
    if architecture == Architecture::Arm { ARM_PRIVATE } else { u32::MAX }
}

/// The sets of conditions of a rule. All of one set must hold; conditions on the same argument are alternatives, as runc and
/// crun have it: libseccomp refuses the same argument twice in one rule.
fn alternatives(args: &[SyscallArg]) -> Vec<Vec<SyscallArg>> {
    let repeats =
        |arg: &SyscallArg| args.iter().filter(|other| other.index == arg.index).count() > 1;
    if args.iter().any(repeats) {
        return args.iter().map(|arg| vec![arg.clone()]).collect();
    }
    vec![args.to_vec()]
}

/// The rules of each call of an architecture, in the order in which they are tried.
struct Book<'a> {
    architecture: Architecture,
    table: &'a Table,
    rules: BTreeMap<u32, Vec<Rule>>,
}

impl Book<'_> {
    /// Adds a rule for a name: to the call itself, and to the one that carries it.
    fn add(&mut self, name: &str, args: &[SyscallArg], value: u32) -> Result<(), Fault> {
        let mut conditions = Vec::with_capacity(args.len());
        for arg in args {
            let argument = u8::try_from(arg.index).ok().filter(|index| *index < 6);
            let argument = argument.ok_or(Fault::Argument { index: arg.index })?;
            conditions.push(condition(arg, argument));
        }
        if let Some((carrier, selector)) = self.architecture.carrier(name) {
            // The carrier's first argument selects; what the rule asks of the carried call's first argument is behind a
            // pointer, beyond a filter's sight, and libseccomp leaves it out.
            let operator = SeccompOperator::Equal;
            let selects = Condition { argument: 0, operator, mask: u64::MAX, datum: selector };
            let others = conditions.iter().filter(|condition| condition.argument != 0).copied();
            self.insert(carrier, std::iter::once(selects).chain(others).collect(), value)?;
        }
        self.insert(name, conditions, value)
    }

    /// Puts a rule where libseccomp would try it among the others of its call.
    fn insert(
        &mut self,
        name: &str,
        mut conditions: Vec<Condition>,
        value: u32,
    ) -> Result<(), Fault> {
        let Some(number) = self.table.number(self.architecture, name) else { return Ok(()) };
        let rules = self.rules.entry(number).or_default();
        let wide = self.architecture.is_wide();
        normalise(&mut conditions, wide);
        if conditions.is_empty() {
            if !rules.iter().any(|rule| rule.conditions.is_empty()) {
                *rules = vec![Rule { conditions, value }];
            }
            return Ok(());
        }
        for rule in rules.iter() {
            if conditions.starts_with(&rule.conditions) {
                // The other is at least as wide: this one adds nothing, or contradicts it.
                let contradicts = conditions == rule.conditions && value != rule.value;
                return if contradicts { Err(Fault::Contradiction) } else { Ok(()) };
            }
            if rule.conditions.starts_with(&conditions) && rule.value != value {
                return Err(Fault::Contradiction);
            }
        }
        rules.retain(|rule| !rule.conditions.starts_with(&conditions));
        if rules.len() >= MOST_RULES {
            return Err(Fault::TooManyRules);
        }
        let orders = |rule: &Rule| order_of_rules(&conditions, &rule.conditions, wide);
        let place = rules.iter().enumerate().find_map(|(index, rule)| match orders(rule) {
            Some(Ordering::Less) => Some(index),
            Some(Ordering::Equal) => Some(index + 1),
            Some(Ordering::Greater) | None => None,
        });
        rules.insert(place.unwrap_or(rules.len()), Rule { conditions, value });
        Ok(())
    }
}

/// Bits of a datum outside its mask, and the upper word on a 32-bit architecture, are ignored: as libseccomp does.
fn normalise(conditions: &mut Vec<Condition>, wide: bool) {
    for condition in conditions.iter_mut() {
        condition.mask &= if wide { u64::MAX } else { LOWER };
        condition.datum &= condition.mask;
    }
    conditions.retain(|condition| condition.mask != 0);
    conditions.sort_by_key(|condition| condition.argument);
}

fn condition(arg: &SyscallArg, argument: u8) -> Condition {
    let (mask, datum) = match arg.op {
        SeccompOperator::MaskedEqual => (arg.value, arg.value_two),
        SeccompOperator::NotEqual
        | SeccompOperator::Less
        | SeccompOperator::LessOrEqual
        | SeccompOperator::Equal
        | SeccompOperator::GreaterOrEqual
        | SeccompOperator::Greater => (u64::MAX, arg.value),
    };
    Condition { argument, operator: arg.op, mask, datum }
}

/// Whether libseccomp tries `new` before `old`; equal when the same instruction answers both, nothing when the order in which
/// rules were added decides.
fn order_of_rules(new: &[Condition], old: &[Condition], wide: bool) -> Option<Ordering> {
    let orders = new.iter().zip(old).map(|(new, old)| order(*new, *old, wide));
    orders
        .into_iter()
        .find(|order| *order != Some(Ordering::Equal))
        .unwrap_or(Some(Ordering::Equal))
}

/// [`order_of_rules`] for conditions: later arguments go first, then the kind of comparison decides, then the datum, upper word
/// first. But comparisons whose upper words one instruction answers are tried together.
fn order(new: Condition, old: Condition, wide: bool) -> Option<Ordering> {
    let by_argument = old.argument.cmp(&new.argument);
    if by_argument.is_ne() {
        return Some(by_argument);
    }
    let by_kind = kind(new.operator).cmp(&kind(old.operator));
    let by_word = |shift: u32| {
        let (new_word, old_word) = (new.datum >> shift & LOWER, old.datum >> shift & LOWER);
        match kind(new.operator) {
            Kind::Less => new_word.cmp(&old_word),
            Kind::Equal | Kind::Greater => old_word.cmp(&new_word),
        }
    };
    if wide && !(by_word(32).is_eq() && same_upper_test(new, old)) {
        return Some(by_kind.then(by_word(32))).filter(|order| order.is_ne());
    }
    if by_word(0).is_eq() && same_test(new, old, 0) {
        return Some(Ordering::Equal);
    }
    Some(by_kind.then(by_word(0))).filter(|order| order.is_ne())
}

/// Whether one instruction asks both questions of the upper word: for all of `<`, `<=`, `>=` and `>` that is "greater".
fn same_upper_test(new: Condition, old: Condition) -> bool {
    let compares_order = |condition: Condition| kind(condition.operator) != Kind::Equal;
    compares_order(new) && compares_order(old) || same_test(new, old, 32)
}

const LOWER: u64 = 0xffff_ffff;

/// Classes of comparisons in the order in which they are tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Equal,
    Less,
    Greater,
}

const fn kind(operator: SeccompOperator) -> Kind {
    match operator {
        SeccompOperator::Equal | SeccompOperator::NotEqual | SeccompOperator::MaskedEqual => {
            Kind::Equal
        }
        SeccompOperator::Less | SeccompOperator::LessOrEqual => Kind::Less,
        SeccompOperator::GreaterOrEqual | SeccompOperator::Greater => Kind::Greater,
    }
}

/// Whether one instruction asks both questions of the word at `shift`; the answers may be opposite.
fn same_test(new: Condition, old: Condition, shift: u32) -> bool {
    use SeccompOperator::{
        Equal, Greater, GreaterOrEqual, Less, LessOrEqual, MaskedEqual, NotEqual,
    };
    let test = |operator| match operator {
        Equal | NotEqual => 0,
        GreaterOrEqual | Less => 1,
        Greater | LessOrEqual => 2,
        MaskedEqual => 3,
    };
    let word = |mask: u64| mask >> shift & LOWER;
    test(new.operator) == test(old.operator) && word(new.mask) == word(old.mask)
}
