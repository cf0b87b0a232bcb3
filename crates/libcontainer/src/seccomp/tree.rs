//! The back end: from what happens to each system call to a program.
//!
//! For each audit architecture the numbers from 0 to 2^32 - 1 are cut into ranges of equal decisions. A binary search tree over
//! the ranges is balanced by weight, so that calls which programs make all the time stand near its root. Nothing is loaded but
//! the architecture and the number until a call's arguments matter: since Linux 5.11 the kernel tries such filters out once and
//! remembers which calls they always allow (kernel/seccomp.c, `seccomp_is_const_allow`).

use std::collections::BTreeMap;

use spec::runtime::SeccompOperator;

use super::action::{FOREIGN_ARCHITECTURE, NOT_IMPLEMENTED};
use super::architecture::{Architecture, Table, X32_BIT};
use super::assembler::{Ask, Assembler, Label};
use super::rules::{Calls, Condition, Decision, Rule};
use super::{Instruction, MOST_INSTRUCTIONS, SeccompError};

/// Offsets in `seccomp_data`. linux/seccomp.h.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// Calls that programs make all the time, and how much more often than an ordinary one: estimates that only shape the tree.
const HOT: [(&str, u64); 21] = [
    ("read", 200),
    ("write", 200),
    ("futex", 200),
    ("epoll_wait", 100),
    ("epoll_pwait", 100),
    ("recvmsg", 60),
    ("sendmsg", 60),
    ("recvfrom", 100),
    ("sendto", 100),
    ("poll", 40),
    ("ppoll", 40),
    ("readv", 40),
    ("writev", 60),
    ("pread64", 60),
    ("pwrite64", 60),
    ("openat", 40),
    ("close", 60),
    ("fcntl", 40),
    ("clock_gettime", 40),
    ("io_getevents", 20),
    ("sched_yield", 40),
];

/// Numbers from `start` to the next range's start.
#[derive(Debug)]
struct Range {
    start: u32,
    decision: Decision,
    weight: u64,
}

/// Builds the program for all architectures, the first one first.
pub(super) fn program(
    calls: &[Calls],
    default: u32,
    table: &Table,
) -> Result<Vec<Instruction>, SeccompError> {
    let mut assembler = Assembler::default();
    let mut next = assembler.give(FOREIGN_ARCHITECTURE);
    let mut entries: Vec<(u32, Vec<&Calls>)> = Vec::new();
    for calls in calls {
        let audit = calls.architecture.audit();
        match entries.iter_mut().find(|(other, _)| *other == audit) {
            Some((_, together)) => together.push(calls),
            None => entries.push((audit, vec![calls])),
        }
    }
    let mut trees = Vec::with_capacity(entries.len());
    for (audit, together) in entries.iter().rev() {
        let ranges = ranges(together, default, table);
        let tree = search(&mut assembler, &ranges);
        trees.push((*audit, assembler.load(NUMBER, tree)));
    }
    for (audit, tree) in trees {
        next = assembler.branch(Ask::Equal(audit), tree, next);
    }
    assembler.load(ARCHITECTURE, next);
    match assembler.len() {
        length if length > MOST_INSTRUCTIONS => Err(SeccompError::TooLong { instructions: length }),
        _ => Ok(assembler.finish()),
    }
}

/// Cuts all numbers into ranges of equal decisions. x32 calls come under the audit architecture of x86_64; when the profile has
/// only one of the two, the other's numbers are foreign, but not -1, by which a tracer skips a call. seccomp(2).
fn ranges(together: &[&Calls], default: u32, table: &Table) -> Vec<Range> {
    let has = |architecture| together.iter().any(|calls| calls.architecture == architecture);
    let mut starts: BTreeMap<u32, Decision> = BTreeMap::from([(0, Decision::Return(default))]);
    let mut cover = |start: u32, end: u32, value: u32| {
        starts.insert(start, Decision::Return(value));
        starts.insert(end, Decision::Return(default));
    };
    if has(Architecture::X86_64) && !has(Architecture::X32) {
        cover(X32_BIT, u32::MAX, FOREIGN_ARCHITECTURE);
    }
    if has(Architecture::X32) && !has(Architecture::X86_64) {
        cover(0, X32_BIT, FOREIGN_ARCHITECTURE);
    }
    for (first, end) in together.iter().filter_map(|calls| calls.newer) {
        let after = starts.range(..=end).next_back().map(|(_, decision)| decision.clone());
        starts.insert(first, Decision::Return(NOT_IMPLEMENTED));
        starts.extend(after.map(|after| (end, after)));
    }
    for (number, decision) in together.iter().flat_map(|calls| &calls.decisions) {
        let after = starts.range(..=number).next_back().map(|(_, decision)| decision.clone());
        starts.insert(*number, decision.clone());
        if let (Some(after), Some(next)) = (after, number.checked_add(1)) {
            starts.entry(next).or_insert(after);
        }
    }
    let mut ranges: Vec<Range> = Vec::with_capacity(starts.len());
    for (start, decision) in starts {
        if ranges.last().is_none_or(|last| last.decision != decision) {
            ranges.push(Range { start, decision, weight: 1 });
        }
    }
    for calls in together {
        for (name, weight) in HOT {
            let Some(number) = table.number(calls.architecture, name) else { continue };
            let place = ranges.partition_point(|range| range.start <= number);
            if let Some(range) = place.checked_sub(1).and_then(|place| ranges.get_mut(place)) {
                range.weight += weight;
            }
        }
    }
    ranges
}

/// A search tree over the ranges for the number in the accumulator.
fn search(assembler: &mut Assembler, ranges: &[Range]) -> Label {
    match ranges {
        [] => assembler.give(FOREIGN_ARCHITECTURE),
        [only] => decide(assembler, &only.decision),
        [around, only, after]
            if around.decision == after.decision && only.start + 1 == after.start =>
        {
            let around = decide(assembler, &around.decision);
            let inside = decide(assembler, &only.decision);
            assembler.branch(Ask::Equal(only.start), inside, around)
        }
        _ => {
            let (below, from) = ranges.split_at(middle(ranges));
            let start = from.first().map_or(0, |range| range.start);
            let from = search(assembler, from);
            let below = search(assembler, below);
            assembler.branch(Ask::GreaterOrEqual(start), from, below)
        }
    }
}

/// Where a row of at least two ranges falls into halves of about the same weight.
fn middle(ranges: &[Range]) -> usize {
    let total: u64 = ranges.iter().map(|range| range.weight).sum();
    let mut below = 0;
    let imbalance = |(index, range): (usize, &Range)| {
        below += range.weight;
        (below.abs_diff(total - below), index + 1)
    };
    let inner = &ranges[..ranges.len() - 1];
    inner.iter().enumerate().map(imbalance).min().map_or(1, |(_, middle)| middle)
}

/// What happens to a call once its number is known.
fn decide(assembler: &mut Assembler, decision: &Decision) -> Label {
    match decision {
        Decision::Return(value) => assembler.give(*value),
        Decision::Rules { architecture, rules, otherwise } => {
            let otherwise = assembler.give(*otherwise);
            rules
                .iter()
                .rev()
                .fold(otherwise, |next, rule| try_rule(assembler, *architecture, rule, next))
        }
    }
}

/// All conditions of a rule, else the next rule.
fn try_rule(
    assembler: &mut Assembler,
    architecture: Architecture,
    rule: &Rule,
    next: Label,
) -> Label {
    let holds = assembler.give(rule.value);
    rule.conditions
        .iter()
        .rev()
        .fold(holds, |holds, condition| compare(assembler, architecture, *condition, holds, next))
}

/// One comparison: the upper word first, the lower one where the upper ones are equal.
fn compare(
    assembler: &mut Assembler,
    architecture: Architecture,
    condition: Condition,
    holds: Label,
    fails: Label,
) -> Label {
    use SeccompOperator::{
        Equal, Greater, GreaterOrEqual, Less, LessOrEqual, MaskedEqual, NotEqual,
    };
    let low_word = architecture.low_word(condition.argument);
    let high_word = architecture.high_word(condition.argument);
    let [high, low] = words(condition.datum);
    let wide = architecture.is_wide();
    let (ask, yes, no) = match condition.operator {
        MaskedEqual => {
            let [high_mask, low_mask] = words(condition.mask);
            let low = masked(assembler, low_word, (low_mask, low), holds, fails);
            return masked(assembler, high_word, (high_mask, high), low, fails);
        }
        Equal => (Ask::Equal(low), holds, fails),
        NotEqual => (Ask::Equal(low), fails, holds),
        GreaterOrEqual => (Ask::GreaterOrEqual(low), holds, fails),
        Less => (Ask::GreaterOrEqual(low), fails, holds),
        Greater => (Ask::Greater(low), holds, fails),
        LessOrEqual => (Ask::Greater(low), fails, holds),
    };
    let below = assembler.branch(ask, yes, no);
    let below = assembler.load(low_word, below);
    if !wide {
        return below;
    }
    let above = match ask {
        Ask::Greater(_) | Ask::GreaterOrEqual(_) if high == 0 => {
            assembler.branch(Ask::Equal(0), below, yes)
        }
        Ask::Greater(_) | Ask::GreaterOrEqual(_) => {
            let equal = assembler.branch(Ask::Equal(high), below, no);
            assembler.branch(Ask::Greater(high), yes, equal)
        }
        Ask::Equal(_) | Ask::AnyBit(_) => assembler.branch(Ask::Equal(high), below, no),
    };
    assembler.load(high_word, above)
}

/// Upper and lower word.
const fn words(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

/// Compares one word's bits that are in the mask.
fn masked(
    assembler: &mut Assembler,
    word: u32,
    (mask, datum): (u32, u32),
    holds: Label,
    fails: Label,
) -> Label {
    let label = match (mask, datum) {
        (0, _) => return holds,
        (_, 0) => assembler.branch(Ask::AnyBit(mask), fails, holds),
        (u32::MAX, _) => assembler.branch(Ask::Equal(datum), holds, fails),
        _ => {
            let equal = assembler.branch(Ask::Equal(datum), holds, fails);
            assembler.mask(mask, equal)
        }
    };
    assembler.load(word, label)
}
