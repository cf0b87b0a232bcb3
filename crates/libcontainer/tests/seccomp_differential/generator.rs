//! Random profiles.

use std::collections::BTreeMap;

use libcontainer::seccomp::Architecture;
use spec::runtime::{Seccomp, SeccompAction, SeccompOperator, SyscallArg, SyscallRule};

pub(crate) const LITTLE: [Architecture; 10] = [
    Architecture::X86_64,
    Architecture::X86,
    Architecture::X32,
    Architecture::Aarch64,
    Architecture::Arm,
    Architecture::Riscv64,
    Architecture::Ppc64le,
    Architecture::Mipsel,
    Architecture::Mipsel64,
    Architecture::Mipsel64n32,
];
pub(crate) const BIG: [Architecture; 6] = [
    Architecture::S390x,
    Architecture::S390,
    Architecture::Ppc64,
    Architecture::Ppc,
    Architecture::Mips,
    Architecture::Mips64,
];

pub(crate) const VALUES: [u64; 8] =
    [0, 1, 5, 9, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0005, u64::MAX];

/// splitmix64: the same numbers in each run, so that a failure comes again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Which profiles are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rules with at most one condition; all rules of a call have one action.
    Single,
    /// The same with up to three conditions.
    Several,
    /// One condition on a small value; rules of one call have different actions.
    Mixed,
}

pub(crate) fn random_profile(random: &mut Random, names: &[&str], kind: Kind) -> Seccomp {
    let actions = [
        (SeccompAction::Allow, None),
        (SeccompAction::Errno, Some(2)),
        (SeccompAction::Errno, Some(4094)),
        (SeccompAction::Trap, None),
        (SeccompAction::KillThread, None),
        (SeccompAction::KillProcess, None),
        (SeccompAction::Trace, Some(7)),
        (SeccompAction::Log, None),
        (SeccompAction::Notify, None),
    ];
    let (default_action, default_errno_ret) = random.pick(&actions[..8]);
    let family: &[Architecture] = if random.below(3) == 0 { &BIG } else { &LITTLE };
    let mut architectures: Vec<_> =
        (0..1 + random.below(4)).map(|_| random.pick(family).name()).collect();
    architectures.sort_by_key(|_| random.next());
    let mut seen = Vec::new();
    architectures.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    let pool: Vec<_> = (0..3 + random.below(12)).map(|_| random.pick(names)).collect();
    let mut action_of: BTreeMap<&str, (SeccompAction, Option<u32>)> = BTreeMap::new();
    let mut syscalls = Vec::new();
    for _ in 0..1 + random.below(40) {
        let name = random.pick(&pool);
        let drawn = random.pick(&actions);
        let (action, errno_ret) =
            if kind == Kind::Mixed { drawn } else { *action_of.entry(name).or_insert(drawn) };
        if action == SeccompAction::Notify && matches!(name, "write" | "sendmsg") {
            continue;
        }
        let args = random_args(random, kind);
        syscalls.push(SyscallRule { names: vec![name.to_owned()], action, errno_ret, args });
    }
    let listener_path = Some("/run/listener".into());
    let (flags, listener_metadata) = (Vec::new(), None);
    Seccomp {
        default_action,
        default_errno_ret,
        architectures,
        flags,
        listener_path,
        listener_metadata,
        syscalls,
    }
}

fn random_args(random: &mut Random, kind: Kind) -> Vec<SyscallArg> {
    let operators = [
        SeccompOperator::NotEqual,
        SeccompOperator::Less,
        SeccompOperator::LessOrEqual,
        SeccompOperator::Equal,
        SeccompOperator::GreaterOrEqual,
        SeccompOperator::Greater,
        SeccompOperator::MaskedEqual,
    ];
    let mut args: Vec<SyscallArg> = Vec::new();
    // Of two `!=` on one argument libseccomp prefers one or the other by the argument's upper word, and not in all versions alike;
    // here the larger value goes first.
    let operators = if kind == Kind::Mixed { &operators[1..] } else { &operators };
    let (counts, values): (&[usize], &[u64]) = match kind {
        Kind::Single => (&[0, 1, 1, 1, 1], &VALUES),
        Kind::Several => (&[0, 1, 1, 1, 2, 2, 3], &VALUES),
        Kind::Mixed => (&[1], &VALUES[..4]),
    };
    for _ in 0..random.pick(counts) {
        let index = u32::try_from(random.below(6)).unwrap();
        let (value, value_two, op) =
            (random.pick(values), random.pick(values), random.pick(operators));
        if args.iter().all(|arg| arg.index != index) {
            args.push(SyscallArg { index, value, value_two, op });
        }
    }
    args
}
