//! Actions as the values that a filter returns, and what can be wrong with a rule. Sources: seccomp(2), linux/seccomp.h.

use spec::runtime::{Seccomp, SeccompAction};

use super::SeccompError;

/// `SECCOMP_RET_KILL_THREAD`: what a call under a foreign architecture gets, as libseccomp does by default.
pub(super) const FOREIGN_ARCHITECTURE: u32 = KILL_THREAD;

/// `SECCOMP_RET_ERRNO` with ENOSYS: what a call gets that came after the profile was written.
pub(super) const NOT_IMPLEMENTED: u32 = ERRNO | 38;

const KILL_THREAD: u32 = 0;
const KILL_PROCESS: u32 = 0x8000_0000;
const TRAP: u32 = 0x0003_0000;
pub(super) const ERRNO: u32 = 0x0005_0000;
pub(super) const NOTIFY: u32 = 0x7fc0_0000;
const TRACE: u32 = 0x7ff0_0000;
pub(super) const LOG: u32 = 0x7ffc_0000;
pub(super) const ALLOW: u32 = 0x7fff_0000;

const EPERM: u32 = 1;
/// The kernel turns more into this. linux/err.h.
const MAX_ERRNO: u32 = 4095;
/// The data of an action has 16 bits. seccomp(2).
pub(super) const DATA: u32 = 0xffff;

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No call has so many arguments.
    #[error("argument {index} does not exist, they are 0 to 5")]
    Argument {
        /// The number given.
        index: u32,
    },
    /// More than the kernel can return.
    #[error("errnoRet {value} is more than {most}")]
    Errno {
        /// The number given.
        value: u32,
        /// The highest possible one.
        most: u32,
    },
    /// An action without a number has one.
    #[error("errnoRet needs the action SCMP_ACT_ERRNO or SCMP_ACT_TRACE")]
    ErrnoWithoutMeaning,
    /// It names no system call.
    #[error("names is empty")]
    Nameless,
    /// An earlier rule gives the same calls another action.
    #[error("contradicts an earlier rule with the same arguments and another action")]
    Contradiction,
    /// They could never fit into a program.
    #[error("too many rules for one system call")]
    TooManyRules,
    /// The agent could not tell us its answer: it needs that call itself.
    #[error(
        "SCMP_ACT_NOTIFY is impossible for write and sendmsg, which hand over the descriptor of the listener"
    )]
    NotifyOwn,
}

/// What a filter returns for an action.
pub(super) fn value(action: SeccompAction, errno: Option<u32>) -> Result<u32, Fault> {
    let data = |most: u32| match errno {
        Some(value) if value > most => Err(Fault::Errno { value, most }),
        Some(value) => Ok(value),
        None => Ok(EPERM),
    };
    let bare = match action {
        SeccompAction::Errno => return Ok(ERRNO | data(MAX_ERRNO)?),
        SeccompAction::Trace => return Ok(TRACE | data(DATA)?),
        SeccompAction::KillThread => KILL_THREAD,
        SeccompAction::KillProcess => KILL_PROCESS,
        SeccompAction::Trap => TRAP,
        SeccompAction::Notify => NOTIFY,
        SeccompAction::Log => LOG,
        SeccompAction::Allow => ALLOW,
    };
    // config-linux.md: an errnoRet that the action cannot use must be an error.
    if errno.is_some() { Err(Fault::ErrnoWithoutMeaning) } else { Ok(bare) }
}

/// What a filter returns for the default action.
pub(super) fn default_value(profile: &Seccomp) -> Result<u32, SeccompError> {
    if profile.default_action == SeccompAction::Notify {
        return Err(SeccompError::NotifyByDefault);
    }
    value(profile.default_action, profile.default_errno_ret).map_err(SeccompError::DefaultAction)
}

/// Whether a default action keeps unknown calls from happening. A tracer decides for itself.
pub(super) const fn denies(action: SeccompAction) -> bool {
    !matches!(action, SeccompAction::Allow | SeccompAction::Log | SeccompAction::Trace)
}

/// A returned value in words, as profiles name it.
pub(super) fn describe(value: u32) -> String {
    let data = value & DATA;
    match value & !DATA {
        KILL_PROCESS => "kill the process".to_owned(),
        KILL_THREAD => "kill the thread".to_owned(),
        TRAP => "send SIGSYS".to_owned(),
        ERRNO => format!("fail with errno {data}"),
        NOTIFY => "ask the listener".to_owned(),
        TRACE => format!("ask the tracer ({data})"),
        LOG => "log and allow".to_owned(),
        ALLOW => "allow".to_owned(),
        _ => format!("return {value:#x}"),
    }
}

/// The flags that a profile may give, and their bits. linux/seccomp.h.
pub(crate) const FLAGS: [(&str, u32); 4] = [
    ("SECCOMP_FILTER_FLAG_TSYNC", TSYNC),
    ("SECCOMP_FILTER_FLAG_LOG", 2),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4),
    ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", WAIT_KILLABLE),
];

/// The bit of a flag by its name.
pub(super) fn flag(name: &str) -> Option<u32> {
    FLAGS.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit)
}

/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`: loading gives the descriptor that answers SCMP_ACT_NOTIFY.
pub(super) const NEW_LISTENER: u32 = 8;
/// `SECCOMP_FILTER_FLAG_TSYNC_ESRCH`: without it TSYNC and a listener exclude each other, seccomp(2).
pub(super) const TSYNC_ESRCH: u32 = 16;
/// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`, Linux 5.19: a call that was taken is not begun again for every signal.
pub(super) const WAIT_KILLABLE: u32 = 32;
/// `SECCOMP_FILTER_FLAG_TSYNC`.
pub(super) const TSYNC: u32 = 1;
