//! Why a container could not be planned or started: each error names the step, its object and the kernel's answer, once.

use std::path::PathBuf;

use sys::Errno;

/// A configuration that no container can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A field has no value or a wrong one.
    #[error("{field}: {why}")]
    Field {
        /// Which field, as in `process.cwd`.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// The seccomp profile cannot be compiled.
    #[error("linux.seccomp")]
    Seccomp(#[source] crate::seccomp::SeccompError),
    /// A limit cannot be set here.
    #[error("linux.resources")]
    Cgroup(#[source] crate::cgroup::PlanError),
}

impl PlanError {
    pub(crate) fn field(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Field { field: field.into(), why: why.into() }
    }
}

/// A plan that the kernel refused.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A system call of the parent.
    #[error("{action}")]
    Parent {
        /// What was tried, with its object.
        action: String,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// The control groups.
    #[error("cgroup")]
    Cgroup(#[source] crate::cgroup::CgroupError),
    /// Intel RDT.
    #[error(transparent)]
    Resctrl(#[from] crate::resctrl::ResctrlError),
    /// A step of the child.
    #[error("{step}")]
    Child {
        /// The step with its object.
        step: String,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// No program of that name, or its interpreter is missing.
    #[error("exec {program}: no such program{}", if *.has_path { "" } else { " in $PATH" })]
    NotFound {
        /// As it was asked for.
        program: String,
        /// Whether it was a path.
        has_path: bool,
    },
    /// A program that cannot be executed.
    #[error("exec {program}{}{}", of_label(label.as_deref()), of_wall(*walled))]
    NotExecutable {
        /// As it was asked for.
        program: String,
        /// The SELinux label that it was to have, where the policy may be what refuses it.
        label: Option<Box<str>>,
        /// Whether rules of Landlock may be what refuses it.
        walled: bool,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// The program is the one that runs containers, reached through `/proc` (CVE-2019-5736).
    #[error("exec {program}: it is the program that runs containers")]
    OwnProgram {
        /// As it was asked for.
        program: String,
    },
    /// A configuration that nothing can be made of.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A hook that did not end well.
    #[error(transparent)]
    Hook(Box<HookError>),
    /// The child ended without a word: it was killed.
    #[error("{step}: the process ended {how}")]
    Vanished {
        /// What it was at, with its object.
        step: String,
        /// By which signal or with which code.
        how: String,
    },
    /// A setuid program that maps ids for users did not do it.
    #[error("map ids by {program}: {how}")]
    MapProgram {
        /// newuidmap or newgidmap.
        program: &'static str,
        /// What it said.
        how: String,
    },
    /// A string with a NUL byte.
    #[error("{what} holds a NUL byte")]
    Nul {
        /// Which string.
        what: &'static str,
    },
    /// A namespace to join that is none, or of another kind.
    #[error("{} is no {kind} namespace", path.display())]
    NoNamespace {
        /// The file.
        path: PathBuf,
        /// What it was to be.
        kind: spec::runtime::NamespaceKind,
    },
    /// A file that the parent needs.
    #[error("open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
}

/// A hook that did not end well.
#[derive(Debug, thiserror::Error)]
#[error("run {moment} hook #{number} ({}): {how}{}{output}", program.display(), if output.is_empty() { "" } else { ": " })]
pub struct HookError {
    /// Its list, as the specification names it.
    pub moment: &'static str,
    /// Its place in it, from 0.
    pub number: usize,
    /// Its program.
    pub program: PathBuf,
    /// How it ended.
    pub how: String,
    /// The end of what it printed.
    pub output: String,
}

impl StartError {
    /// The exit code that `run` and `exec` give for it: 127 for a missing program, 126 for one that cannot be executed, 125 else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } | Self::OwnProgram { .. } => 126,
            Self::Parent { .. }
            | Self::Cgroup(_)
            | Self::Resctrl(_)
            | Self::Child { .. }
            | Self::Vanished { .. }
            | Self::Hook(_)
            | Self::Plan(_)
            | Self::MapProgram { .. }
            | Self::Nul { .. }
            | Self::NoNamespace { .. }
            | Self::Open { .. } => 125,
        }
    }

    pub(crate) fn parent(action: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        |errno| Self::Parent { action: action.into(), errno }
    }
}

fn of_label(label: Option<&str>) -> String {
    let why = |label| format!(": the SELinux policy may not let it have the label {label}");
    label.map(why).unwrap_or_default()
}

const fn of_wall(walled: bool) -> &'static str {
    if walled {
        ": the rules of Landlock may not let it, or its interpreter, be executed"
    } else {
        ""
    }
}

/// An error and its causes on one line, each said once.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
