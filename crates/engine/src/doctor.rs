//! What whoever calls needs of this machine, and what of it is not there: `system doctor`. Each check says what is found, and the one line that
//! mends it. Looks only, but for the last check of a user, which tries namespaces on this very process. Opens no store. Start at [`examine`].

mod groups;
mod ids;
mod machine;
mod namespaces;
mod outside;
mod places;

use std::path::PathBuf;

use libcontainer::cgroup::Bus;
use monitor::keeper::find_program;
use serde::Serialize;
use serde_json::{Value, json};

/// Who asks, and what his environment says.
#[derive(Clone, Debug)]
pub struct Patient {
    /// His number; 0 is root of the machine.
    pub user: u32,
    /// Where the store is, or would be; nothing where nothing says so.
    pub root: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_directory: Option<PathBuf>,
    /// Where his systemd is reached.
    pub bus: Option<Bus>,
    /// The program that runs.
    pub program: PathBuf,
}

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Containers run; something is not there that some of them want.
    Note,
    /// Something does not work that people expect.
    Broken,
}

impl Verdict {
    /// For people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Broken => "broken",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Check {
    /// What it is about.
    pub subject: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What is found.
    pub finding: String,
    /// What mends it; empty where nothing need or can be done.
    pub remedy: String,
}

/// All that was looked at.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Whose.
    pub user: u32,
    /// What was found.
    pub checks: Vec<Check>,
}

impl Examination {
    /// As programs read it.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "User": self.user, "Broken": self.is_broken(), "Checks": self.checks })
    }

    /// Whether something does not work that people expect.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.checks.iter().any(|check| check.verdict == Verdict::Broken)
    }
}

impl Check {
    fn ok(subject: &'static str, finding: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Ok, finding: finding.into(), remedy: String::new() }
    }

    fn note(subject: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (finding, remedy) = (finding.into(), remedy.into());
        Self { subject, verdict: Verdict::Note, finding, remedy }
    }

    fn broken(
        subject: &'static str,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Broken, ..Self::note(subject, finding, remedy) }
    }
}

/// Looks at everything. For a user it comes last in this process, which has one thread: it is in namespaces of its own afterwards.
#[must_use]
pub fn examine(patient: &Patient) -> Examination {
    let checks = if patient.user == 0 {
        [places::store(patient), machine::checks(patient)].concat()
    } else {
        [
            ids::checks(patient.user),
            places::runtime_directory(patient),
            places::store(patient),
            groups::checks(patient),
            outside::checks(),
            namespaces::checks(&patient.program),
        ]
        .concat()
    };
    Examination { user: patient.user, checks }
}

/// A file's text without white space around it; empty where there is none.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// What sets a kernel setting, now and at each start of the machine.
fn set(setting: &str) -> String {
    format!(
        "echo '{setting}' | sudo tee -a /etc/sysctl.d/60-corten.conf && sudo sysctl -p /etc/sysctl.d/60-corten.conf"
    )
}

/// What installs a program, whose package Debian and Ubuntu call so; the others know others.
fn install(debian: &str, others: &str) -> String {
    if find_program("apt-get").is_some() {
        return format!("sudo apt-get install {debian}");
    }
    let tools = [("dnf", "install"), ("zypper", "install"), ("pacman", "-S"), ("apk", "add")];
    let tool = tools.iter().find(|(tool, _)| find_program(tool).is_some());
    tool.map_or_else(
        || format!("install the package {others}"),
        |(tool, word)| format!("sudo {tool} {word} {others}"),
    )
}

/// What a user is called in a line of a shell.
fn name_of(user: u32) -> String {
    monitor::keeper::ids_of(user).name.unwrap_or_else(|| user.to_string())
}
