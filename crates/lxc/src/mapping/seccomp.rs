//! LXC's own language for filters of system calls, versions 1 and 2, as a profile of the runtime specification. Start at [`read`].
//!
//! Rules below the name of an architecture hold for all architectures of a machine that has it, and for none of another: so LXC reads
//! them. What LXC would take without a word and then leave out is refused, but for calls whose name nobody knows, which are told.
//! Sources: lxc.container.conf(5) "Seccomp configuration", what LXC makes of such files, seccomp_rule_add(3).

use std::collections::{BTreeSet, HashMap, HashSet};

use libcontainer::seccomp::{Architecture, system_call_names};
use spec::runtime::{Seccomp, SeccompAction, SeccompOperator, SyscallArg, SyscallRule};

/// Bytes of a file.
const MOST_BYTES: usize = 1 << 20;
/// Rules of a file.
const MOST_RULES: usize = 4096;
/// Arguments of a call.
const ARGUMENTS: u32 = 6;
/// EACCES, and the flag of umount2(2) that goes with it: MNT_FORCE.
const ACCESS_DENIED: u32 = 13;
const FORCE: u64 = 1;
/// Stands for the rule that refuses umount2(2) by force.
const NO_FORCED_UNMOUNTS: &str = "reject_force_umount";
/// The largest number of an error that a filter may give, MAX_ERRNO.
const MOST_ERRNO: u32 = 4095;

/// A profile, and names in it that no architecture has a call of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The profile.
    pub profile: Seccomp,
    /// Each once.
    pub unknown: BTreeSet<String>,
}

/// A file is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read line {line}")]
pub struct PolicyError {
    /// From one.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub cause: PolicyFault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum PolicyFault {
    #[error("a policy has no more than {0} bytes")]
    TooLong(usize),
    #[error("a policy has no more than {0} rules")]
    TooManyRules(usize),
    #[error("a policy begins with its version, 1 or 2")]
    Version,
    #[error("the second line is allowlist, or in version 2 denylist")]
    Kind,
    #[error("debug is nothing that a policy can ask for")]
    Debug,
    #[error("{0:?} is no number of a system call")]
    Number(String),
    #[error("{0:?} is no architecture")]
    Architecture(String),
    #[error("{0:?} is not one of kill, trap, allow, and errno with a number up to 4095")]
    Action(String),
    #[error("notify has nobody who would answer")]
    Notify,
    #[error("{0:?} is not of the form [INDEX,VALUE,OPERATOR] or [INDEX,VALUE,OPERATOR,MASK]")]
    Argument(String),
    #[error("argument {0} is compared twice")]
    Twice(u32),
}

use PolicyFault as Fault;

/// An action with the error that it gives.
type Action = (SeccompAction, Option<u32>);

/// Reads a policy for a machine of this architecture.
///
/// # Errors
/// With the line, for everything that is none.
pub fn read(text: &str, native: Architecture) -> Result<Policy, PolicyError> {
    let at = |line: usize| move |cause: Fault| PolicyError { line, cause };
    if text.len() > MOST_BYTES {
        return Err(at(1)(Fault::TooLong(MOST_BYTES)));
    }
    let mut lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let version = lines.next().map_or("", |(line, _)| line);
    let kind = lines.next().map_or("", |(line, _)| line);
    let (is_first, header) = match version {
        "1" => (true, header(kind, true)),
        "2" => (false, header(kind, false)),
        _ => return Err(at(1)(Fault::Version)),
    };
    let Header { default, of_rules } = header.map_err(at(2))?;
    let mut reader = Reader::new(native, default, of_rules);
    for (line, number) in lines {
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        let read = if is_first { reader.number(line) } else { reader.line(line) };
        read.map_err(at(number))?;
    }
    if is_first {
        reader.profile.architectures.truncate(1);
    }
    Ok(Policy { profile: reader.profile, unknown: reader.unknown })
}

fn without_comment(line: &str) -> &str {
    line.split_once('#').map_or(line, |(before, _)| before).trim_end()
}

/// What the second line says.
struct Header {
    /// What calls get that no rule names.
    default: Action,
    /// What rules give that do not say.
    of_rules: Action,
}

fn header(line: &str, is_first: bool) -> Result<Header, Fault> {
    const ALLOW: Action = (SeccompAction::Allow, None);
    const KILL: Action = (SeccompAction::KillThread, None);
    let mut words = without_comment(line).split_whitespace();
    let (default, of_rules) = match words.next() {
        Some("allowlist" | "whitelist") => (KILL, ALLOW),
        Some("denylist" | "blacklist") if !is_first => (ALLOW, KILL),
        _ => return Err(Fault::Kind),
    };
    let rest: Vec<&str> = words.collect();
    if rest.contains(&"debug") {
        return Err(Fault::Debug);
    }
    let said = action(&rest)?;
    if said.is_some() && is_first {
        return Err(Fault::Kind);
    }
    Ok(Header { default: said.unwrap_or(default), of_rules })
}

/// Nothing where there are no words.
fn action(words: &[&str]) -> Result<Option<Action>, Fault> {
    let unknown = || Fault::Action(words.join(" "));
    Ok(Some(match words {
        [] => return Ok(None),
        ["kill"] => (SeccompAction::KillThread, None),
        ["trap"] => (SeccompAction::Trap, None),
        ["allow"] => (SeccompAction::Allow, None),
        ["notify"] => return Err(Fault::Notify),
        ["errno", number] => {
            let errno = number.parse().ok().filter(|errno| *errno <= MOST_ERRNO);
            (SeccompAction::Errno, Some(errno.ok_or_else(unknown)?))
        }
        _ => return Err(unknown()),
    }))
}

struct Reader {
    native: Architecture,
    of_rules: Action,
    profile: Seccomp,
    unknown: BTreeSet<String>,
    known: HashSet<&'static str>,
    numbers: HashMap<u32, &'static str>,
    /// Whether rules are for this machine.
    counts: bool,
}

impl Reader {
    fn new(native: Architecture, default: Action, of_rules: Action) -> Self {
        let known: HashSet<&'static str> = system_call_names().collect();
        let architectures = std::iter::once(native).chain(companions(native).iter().copied());
        Self {
            native,
            of_rules,
            profile: Seccomp {
                default_action: default.0,
                default_errno_ret: default.1,
                architectures: architectures.map(Architecture::name).collect(),
                flags: Vec::new(),
                listener_path: None,
                listener_metadata: None,
                syscalls: Vec::new(),
            },
            unknown: BTreeSet::new(),
            known,
            numbers: HashMap::new(),
            counts: true,
        }
    }

    /// A line of version 1.
    fn number(&mut self, line: &str) -> Result<(), Fault> {
        if self.numbers.is_empty() {
            // Looking one up reads the table of them all.
            let named =
                self.known.iter().filter_map(|name| Some((self.native.number(name)?, *name)));
            self.numbers = named.collect();
        }
        let number: Option<u32> = line.parse().ok();
        let name = number.and_then(|number| self.numbers.get(&number));
        let name = *name.ok_or_else(|| Fault::Number(line.to_owned()))?;
        self.push(name, self.of_rules, Vec::new())
    }

    /// A line of version 2.
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        if line.starts_with('[') {
            self.counts =
                is_of(self.native, line).ok_or_else(|| Fault::Architecture(line.to_owned()))?;
            return Ok(());
        }
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (words, comparisons) = match rest.find('[') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let args = arguments(comparisons)?;
        // An action stands before arguments.
        let action = match action(&words)? {
            Some(action) => action,
            None if args.is_empty() => self.of_rules,
            None => return Err(Fault::Action(rest.to_owned())),
        };
        if !self.counts {
            return Ok(());
        }
        if name == NO_FORCED_UNMOUNTS {
            let op = SeccompOperator::MaskedEqual;
            let flag = SyscallArg { index: 1, value: FORCE, value_two: FORCE, op };
            return self.push("umount2", (SeccompAction::Errno, Some(ACCESS_DENIED)), vec![flag]);
        }
        if !self.known.contains(name) {
            self.unknown.insert(name.to_owned());
            return Ok(());
        }
        self.push(name, action, args)
    }

    fn push(
        &mut self,
        name: &str,
        (action, errno_ret): Action,
        args: Vec<SyscallArg>,
    ) -> Result<(), Fault> {
        if self.profile.syscalls.len() >= MOST_RULES {
            return Err(Fault::TooManyRules(MOST_RULES));
        }
        let names = vec![name.to_owned()];
        self.profile.syscalls.push(SyscallRule { names, action, errno_ret, args });
        Ok(())
    }
}

const OPERATORS: [(&str, &str, SeccompOperator); 7] = [
    ("SCMP_CMP_NE", "!=", SeccompOperator::NotEqual),
    ("SCMP_CMP_LT", "<", SeccompOperator::Less),
    ("SCMP_CMP_LE", "<=", SeccompOperator::LessOrEqual),
    ("SCMP_CMP_EQ", "==", SeccompOperator::Equal),
    ("SCMP_CMP_GE", ">=", SeccompOperator::GreaterOrEqual),
    ("SCMP_CMP_GT", ">", SeccompOperator::Greater),
    ("SCMP_CMP_MASKED_EQ", "&=", SeccompOperator::MaskedEqual),
];

/// `[INDEX,VALUE,OPERATOR]` and its like, one behind the other.
fn arguments(text: &str) -> Result<Vec<SyscallArg>, Fault> {
    let mut arguments: Vec<SyscallArg> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let wrong = || Fault::Argument(rest.to_owned());
        let inner = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
        let (inner, behind) = inner.ok_or_else(wrong)?;
        let argument = argument(inner).ok_or_else(wrong)?;
        // libseccomp refuses it, too; the runtime specification would take either.
        if arguments.iter().any(|known| known.index == argument.index) {
            return Err(Fault::Twice(argument.index));
        }
        arguments.push(argument);
        rest = behind.trim_start();
    }
    Ok(arguments)
}

fn argument(text: &str) -> Option<SyscallArg> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let (index, value, operator, mask) = match fields[..] {
        [index, value, operator] => (index, value, operator, None),
        [index, value, operator, mask] => (index, value, operator, Some(mask)),
        _ => return None,
    };
    let number = |text: &str| crate::config::numbers::unsigned(text).ok();
    let index = u32::try_from(number(index)?).ok().filter(|index| *index < ARGUMENTS)?;
    let (value, mask) = (number(value)?, mask.map_or(Some(0), number)?);
    let found = OPERATORS.iter().find(|(name, sign, _)| [*name, *sign].contains(&operator));
    let op = found.map(|(_, _, op)| *op)?;
    Some(if op == SeccompOperator::MaskedEqual {
        SyscallArg { index, value: mask, value_two: value, op }
    } else {
        SyscallArg { index, value, value_two: 0, op }
    })
}

/// Architectures whose programs a machine runs beside its own.
const fn companions(native: Architecture) -> &'static [Architecture] {
    use Architecture as A;
    match native {
        A::X86_64 => &[A::X86, A::X32],
        A::Aarch64 => &[A::Arm],
        A::Ppc64 => &[A::Ppc],
        A::Mips64 => &[A::Mips, A::Mips64n32],
        A::Mipsel64 => &[A::Mipsel, A::Mipsel64n32],
        A::X86
        | A::X32
        | A::Arm
        | A::Loongarch64
        | A::M68k
        | A::Mips
        | A::Mips64n32
        | A::Mipsel
        | A::Mipsel64n32
        | A::Parisc
        | A::Parisc64
        | A::Ppc
        | A::Ppc64le
        | A::Riscv64
        | A::S390
        | A::S390x
        | A::Sh
        | A::Sheb => &[],
    }
}

/// Names of architectures between brackets, in small letters; capital ones mean the same.
const SECTIONS: [(&str, Architecture); 17] = [
    ("[x86]", Architecture::X86),
    ("[x32]", Architecture::X32),
    ("[x86_64]", Architecture::X86_64),
    ("[arm]", Architecture::Arm),
    ("[arm64]", Architecture::Aarch64),
    ("[ppc64le]", Architecture::Ppc64le),
    ("[ppc64]", Architecture::Ppc64),
    ("[ppc]", Architecture::Ppc),
    ("[mips64]", Architecture::Mips64),
    ("[mips64n32]", Architecture::Mips64n32),
    ("[mips]", Architecture::Mips),
    ("[mipsel64]", Architecture::Mipsel64),
    ("[mipsel64n32]", Architecture::Mipsel64n32),
    ("[mipsel]", Architecture::Mipsel),
    ("[s390x]", Architecture::S390x),
    ("[s390]", Architecture::S390),
    ("[loongarch64]", Architecture::Loongarch64),
];

/// Whether a machine has what is named between brackets; nothing for what is no name.
fn is_of(native: Architecture, name: &str) -> Option<bool> {
    let is_it = |known: &str| name == known || name == known.to_ascii_uppercase();
    if is_it("[all]") {
        return Some(true);
    }
    let (_, named) = SECTIONS.iter().find(|(known, _)| is_it(known))?;
    Some(*named == native || companions(native).contains(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Seccomp {
        read(text, Architecture::X86_64).expect(text).profile
    }

    fn refusal(text: &str) -> String {
        let error = read(text, Architecture::X86_64).expect_err(text);
        format!("{}: {}", error.line, error.cause)
    }

    #[test]
    fn lists_deny_or_allow() {
        let denied = profile(
            "2\ndenylist\n# a comment\n\nkexec_load errno 1  # and one\nptrace\nmknod trap\n",
        );
        assert_eq!(denied.default_action, SeccompAction::Allow);
        let rules: Vec<_> = denied
            .syscalls
            .iter()
            .map(|rule| (rule.names.join(" "), rule.action, rule.errno_ret))
            .collect();
        assert_eq!(
            rules,
            [
                ("kexec_load".to_owned(), SeccompAction::Errno, Some(1)),
                ("ptrace".to_owned(), SeccompAction::KillThread, None),
                ("mknod".to_owned(), SeccompAction::Trap, None)
            ]
        );
        assert_eq!(denied.architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
        let allowed = profile("2\nwhitelist errno 38\nread\n");
        assert_eq!(
            (allowed.default_action, allowed.default_errno_ret, allowed.syscalls[0].action),
            (SeccompAction::Errno, Some(38), SeccompAction::Allow)
        );
    }

    #[test]
    fn version_one_has_numbers_of_this_machine() {
        let numbers = profile("1\nallowlist\n0\n1\n231\n");
        let names: Vec<_> = numbers.syscalls.iter().flat_map(|rule| rule.names.clone()).collect();
        assert_eq!(names, ["read", "write", "exit_group"]);
        assert_eq!(numbers.default_action, SeccompAction::KillThread);
        assert_eq!(numbers.architectures, ["SCMP_ARCH_X86_64"]);
        assert_eq!(refusal("1\nallowlist\n99999\n"), "3: \"99999\" is no number of a system call");
        assert!(refusal("1\ndenylist\n").starts_with("2: "));
    }

    #[test]
    fn arguments_are_compared() {
        let rules = profile("2\ndenylist\nioctl errno 1 [1,0x5401,==][0,3,SCMP_CMP_GE]\nclone errno 1 [0,0x10000000,&=,0x10000000]\nreject_force_umount\n").syscalls;
        let of = |at: usize| {
            let rule: &SyscallRule = &rules[at];
            rule.args
                .iter()
                .map(|arg| (arg.index, arg.value, arg.value_two, arg.op))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(0),
            [(1, 0x5401, 0, SeccompOperator::Equal), (0, 3, 0, SeccompOperator::GreaterOrEqual)]
        );
        assert_eq!(of(1), [(0, 1 << 28, 1 << 28, SeccompOperator::MaskedEqual)]);
        assert_eq!((rules[2].names[0].as_str(), rules[2].errno_ret), ("umount2", Some(13)));
        assert_eq!(of(2), [(1, 1, 1, SeccompOperator::MaskedEqual)]);
        for (bad, why) in [
            ("ioctl errno 1 [6,0,==]", "form"),
            ("ioctl errno 1 [0,0]", "form"),
            ("ioctl errno 1 [0,0,=]", "form"),
            ("ioctl errno 1 [0,x,==]", "form"),
            ("ioctl errno 1 [0,0,==", "form"),
            ("ioctl errno 1 [0,0,==] x", "form"),
            ("ioctl errno 1 [0,0,==][0,1,==]", "twice"),
            ("ioctl [0,0,==]", "not one of"),
            ("ioctl errno", "not one of"),
            ("ioctl errno 4096", "not one of"),
            ("ioctl notify", "answer"),
            ("ioctl log", "not one of"),
            ("[mars]", "no architecture"),
        ] {
            let said = refusal(&format!("2\ndenylist\n{bad}\n"));
            assert!(said.starts_with("3: ") && said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn rules_of_other_machines_are_none() {
        let text = "2\ndenylist\n[arm]\nread\n[X86]\nwrite\n[x32]\nopen\n[all]\nclose\n";
        let names = |native| {
            let policy = read(text, native).expect(text);
            policy.profile.syscalls.iter().map(|rule| rule.names[0].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(Architecture::X86_64), ["write", "open", "close"]);
        assert_eq!(names(Architecture::Aarch64), ["read", "close"]);
        assert_eq!(names(Architecture::Riscv64), ["close"]);
    }

    #[test]
    fn calls_that_nobody_knows_are_told() {
        let policy =
            read("2\ndenylist\nsing\nread\nsing\n", Architecture::X86_64).expect("a policy");
        assert_eq!(policy.unknown.into_iter().collect::<Vec<_>>(), ["sing"]);
        assert_eq!(policy.profile.syscalls.len(), 1);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "3\ndenylist\n",
            "denylist\n",
            "2",
            "2\nlist\n",
            "2\ndenylist debug\n",
            "2\nallowlist sing\n",
        ] {
            refusal(text);
        }
        let many = format!("2\ndenylist\n{}", "read\n".repeat(MOST_RULES + 1));
        assert_eq!(
            refusal(&many),
            format!("{}: a policy has no more than 4096 rules", MOST_RULES + 3)
        );
        assert!(refusal(&" ".repeat(MOST_BYTES + 1)).contains("bytes"));
    }
}
