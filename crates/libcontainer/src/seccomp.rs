//! System call filters: from an OCI profile to a program of classic BPF.
//!
//! [`compile`] turns a profile into a [`Program`]; it loads nothing. Front end `rules` (profile to decisions, per architecture),
//! back end `tree` (decisions to a search tree), `assembler` (blocks to instructions). What a profile means is what it means to
//! libseccomp, proven by `tests/seccomp_differential.rs`. Sources: seccomp(2), config-linux.md "Seccomp", linux/seccomp.h.

mod action;
mod architecture;
mod asking;
mod assembler;
mod cache;
mod default_profile;
mod guard;
mod hardened_profile;
mod judge;
mod listener;
mod listing;
mod proposal;
mod recording;
mod rules;
mod tree;
mod wire;

use std::path::Path;

use serde::{Deserialize, Serialize};
use spec::runtime::{Seccomp, SeccompAction, SyscallRule};

pub(crate) use action::FLAGS;
pub(crate) use listener::Confined;

pub use action::Fault;
pub use architecture::{Architecture, system_call_names};
pub use asking::AskedCall;
pub use cache::FilterCache;
pub use default_profile::{default_profile, default_profile_for, default_program};
pub use hardened_profile::{hardened_profile, hardened_program};
pub use listener::{Door, Listener};
pub use proposal::{Proposal, ProposalError, propose};
pub use recording::{CallNames, Calls, Recorder};
pub use sys::FilterInstruction as Instruction;

/// The kernel takes no more, linux/bpf_common.h `BPF_MAXINSNS`.
const MOST_INSTRUCTIONS: usize = 4096;

/// A filter, ready to be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// As the kernel takes them; serialised as one string of hexadecimal digits.
    #[serde(with = "wire")]
    pub instructions: Vec<Instruction>,
    /// `SECCOMP_FILTER_FLAG_…` bits.
    pub flags: u32,
    /// Who gets the notify descriptor, with [`SeccompAction::Notify`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
}

/// Why a profile cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeccompError {
    /// A rule is wrong.
    #[error("rule {index} (\"{name}\")")]
    Rule {
        /// Its place in `syscalls`, from 0.
        index: usize,
        /// The first system call it names.
        name: String,
        /// What is wrong.
        #[source]
        fault: Fault,
    },
    /// The default action is wrong.
    #[error("defaultAction")]
    DefaultAction(#[source] Fault),
    /// Then not even the start of the container could end.
    #[error("defaultAction cannot be SCMP_ACT_NOTIFY")]
    NotifyByDefault,
    /// Nobody would answer.
    #[error("SCMP_ACT_NOTIFY needs listenerPath")]
    NoListener,
    /// An architecture that this program does not know.
    #[error("unknown architecture {name:?}")]
    UnknownArchitecture {
        /// As in the profile.
        name: String,
    },
    /// A flag that this program does not know.
    #[error("unknown flag {name:?}")]
    UnknownFlag {
        /// As in the profile.
        name: String,
    },
    /// More than the kernel takes.
    #[error("the filter has {instructions} instructions, the kernel takes {MOST_INSTRUCTIONS}")]
    TooLong {
        /// How many there are.
        instructions: usize,
    },
}

impl SeccompError {
    fn rule(index: usize, rule: &SyscallRule, fault: Fault) -> Self {
        Self::Rule { index, name: rule.names.first().cloned().unwrap_or_default(), fault }
    }
}

/// What happens to system calls that are newer than the newest one a profile names for an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewerCalls {
    /// ENOSYS, when the default action denies: programs then fall back to the older call, as they would on an older kernel. With
    /// EPERM a new C library fails under an old profile; runc does the same.
    NotImplemented,
    /// The default action, as libseccomp does.
    Default,
}

/// Compiles a profile for the native architecture and those that it names. Names that an architecture lacks are skipped there.
/// Calls newer than the profile get [`NewerCalls::NotImplemented`].
///
/// # Errors
/// Names the rule, architecture or flag that is wrong, and what is wrong with it.
pub fn compile(profile: &Seccomp) -> Result<Program, SeccompError> {
    compile_for(profile, Architecture::native(), NewerCalls::NotImplemented)
}

/// [`compile`] for another native architecture. The byte order of instructions is still this machine's.
///
/// # Errors
/// As [`compile`].
pub fn compile_for(
    profile: &Seccomp,
    native: Architecture,
    newer_calls: NewerCalls,
) -> Result<Program, SeccompError> {
    let default = action::default_value(profile)?;
    check_names(profile)?;
    let flags = flags(profile)?;
    let mut architectures = vec![native];
    for name in &profile.architectures {
        let named = Architecture::from_name(name)
            .ok_or_else(|| SeccompError::UnknownArchitecture { name: name.clone() })?;
        if !architectures.contains(&named) {
            architectures.push(named);
        }
    }
    let table = architecture::Table::get();
    let calls = architectures
        .into_iter()
        .map(|architecture| rules::calls(profile, architecture, &table, newer_calls))
        .collect::<Result<Vec<_>, _>>()?;
    let listener = profile.listener_path.as_ref().filter(|_| flags & action::NEW_LISTENER != 0);
    let listener = listener.map(|path| Listener {
        path: path.clone(),
        metadata: profile.listener_metadata.clone().unwrap_or_default(),
        ..Listener::default()
    });
    Ok(Program { instructions: tree::program(&calls, default, &table)?, flags, listener })
}

impl Program {
    /// The same, with what its listener, if there is one, is told about the container.
    #[must_use]
    pub fn for_container(mut self, id: &str, bundle: &Path) -> Self {
        if let Some(listener) = &mut self.listener {
            id.clone_into(&mut listener.container);
            bundle.clone_into(&mut listener.bundle);
        }
        self
    }

    /// The program in readable form, one line for each instruction.
    #[must_use]
    pub fn disassemble(&self) -> String {
        listing::disassemble(&self.instructions)
    }
}

/// What is wrong with rules whatever the architecture is.
fn check_names(profile: &Seccomp) -> Result<(), SeccompError> {
    for (index, rule) in profile.syscalls.iter().enumerate() {
        let notifies = rule.action == SeccompAction::Notify;
        let fault = if rule.names.is_empty() {
            Fault::Nameless
        } else if notifies
            && rule.names.iter().any(|name| matches!(name.as_str(), "write" | "sendmsg"))
        {
            Fault::NotifyOwn
        } else if let Some(arg) = rule.args.iter().find(|arg| arg.index > 5) {
            Fault::Argument { index: arg.index }
        } else if notifies && profile.listener_path.is_none() {
            return Err(SeccompError::NoListener);
        } else {
            continue;
        };
        return Err(SeccompError::rule(index, rule, fault));
    }
    Ok(())
}

/// The profile's flags, and those that its actions need.
fn flags(profile: &Seccomp) -> Result<u32, SeccompError> {
    let mut flags = 0;
    for name in &profile.flags {
        flags |=
            action::flag(name).ok_or_else(|| SeccompError::UnknownFlag { name: name.clone() })?;
    }
    if profile.syscalls.iter().any(|rule| rule.action == SeccompAction::Notify) {
        flags |= action::NEW_LISTENER;
        if flags & action::TSYNC != 0 {
            flags |= action::TSYNC_ESRCH;
        }
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles a profile that allows by default and has these rules.
    fn rules(syscalls: &str) -> Result<Program, SeccompError> {
        profile(&format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{syscalls}]}}"#))
    }

    fn profile(text: &str) -> Result<Program, SeccompError> {
        compile_for(
            &serde_json::from_str(text).unwrap(),
            Architecture::X86_64,
            NewerCalls::NotImplemented,
        )
    }

    fn fault(syscalls: &str) -> Fault {
        let error = rules(syscalls).unwrap_err();
        let SeccompError::Rule { fault, .. } = error else { panic!("{error}") };
        fault
    }

    #[test]
    fn wrong_rules_are_refused_by_name() {
        let errno = r#"{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":4095}"#;
        assert!(rules(errno).is_ok());
        let errno = r#"{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":4096}"#;
        let error = rules(errno).unwrap_err();
        let expected = Fault::Errno { value: 4096, most: 4095 };
        assert_eq!(
            error,
            SeccompError::Rule { index: 0, name: "read".to_owned(), fault: expected }
        );
        assert_eq!(error.to_string(), r#"rule 0 ("read")"#);
        let argument = r#"{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}"#;
        assert_eq!(fault(argument), Fault::Argument { index: 6 });
        let number = r#"{"names":["read"],"action":"SCMP_ACT_KILL","errnoRet":1}"#;
        assert_eq!(fault(number), Fault::ErrnoWithoutMeaning);
        assert_eq!(fault(r#"{"names":[],"action":"SCMP_ACT_KILL"}"#), Fault::Nameless);
        assert_eq!(fault(r#"{"names":["write"],"action":"SCMP_ACT_NOTIFY"}"#), Fault::NotifyOwn);
    }

    #[test]
    fn contradictions_are_refused() {
        let rule = |action| {
            let args = r#"[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]"#;
            format!(r#"{{"names":["read"],"action":"{action}","args":{args}}}"#)
        };
        let [trap, kill] = ["SCMP_ACT_TRAP", "SCMP_ACT_KILL"].map(rule);
        assert!(rules(&format!("{trap},{trap}")).is_ok());
        assert_eq!(fault(&format!("{trap},{kill}")), Fault::Contradiction);
    }

    #[test]
    fn unknown_names_are_skipped_but_not_architectures_and_flags() {
        assert!(rules(r#"{"names":["no_such_call"],"action":"SCMP_ACT_TRAP"}"#).is_ok());
        let architecture =
            r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_PDP11"]}"#;
        let name = "SCMP_ARCH_PDP11".to_owned();
        assert_eq!(profile(architecture), Err(SeccompError::UnknownArchitecture { name }));
        let flag =
            r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}"#;
        let name = "SECCOMP_FILTER_FLAG_NEW_LISTENER".to_owned();
        assert_eq!(profile(flag), Err(SeccompError::UnknownFlag { name }));
        let flags = r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"]}"#;
        assert_eq!(profile(flags).unwrap().flags, 2);
    }

    #[test]
    fn a_listener_is_needed_to_notify_and_asked_for() {
        let rule = r#""syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]"#;
        let without = format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW",{rule}}}"#);
        assert_eq!(profile(&without), Err(SeccompError::NoListener));
        let with = format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/listener",{rule}}}"#
        );
        assert_eq!(profile(&with).unwrap().flags, 8);
        let default = r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#;
        assert_eq!(profile(default), Err(SeccompError::NotifyByDefault));
    }

    #[test]
    fn conditions_on_one_argument_are_alternatives() {
        let arg = |value| format!(r#"{{"index":0,"value":{value},"op":"SCMP_CMP_EQ"}}"#);
        let rule = |args: String| {
            format!(r#"{{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{args}]}}"#)
        };
        let together = rules(&rule(format!("{},{}", arg(1), arg(2)))).unwrap();
        let apart = rules(&format!("{},{}", rule(arg(1)), rule(arg(2)))).unwrap();
        assert_eq!(together, apart);
    }

    #[test]
    fn a_program_that_is_too_long_is_refused() {
        let rule = |value: u32| {
            let args = format!(r#"[{{"index":0,"value":{value},"op":"SCMP_CMP_EQ"}}]"#);
            format!(r#"{{"names":["read"],"action":"SCMP_ACT_TRAP","args":{args}}}"#)
        };
        let many: Vec<_> = (0..1100).map(rule).collect();
        assert!(matches!(rules(&many.join(",")), Err(SeccompError::TooLong { .. })));
    }

    #[test]
    fn a_program_can_be_read() {
        let text = rules(r#"{"names":["read"],"action":"SCMP_ACT_TRAP"}"#).unwrap().disassemble();
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        assert_eq!(
            lines[..3],
            ["0: load architecture", "1: if == SCMP_ARCH_X86_64 go to 2 else 8", "2: load number"]
        );
        assert!(lines.iter().any(|line| line.ends_with("send SIGSYS")), "{text}");
    }
}
