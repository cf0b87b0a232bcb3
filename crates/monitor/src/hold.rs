//! The mounts of a container that does not run, for as long as somebody copies: a process of our own waits at the gate of a
//! container that is never let through it, in a mount namespace that goes with it. Nothing is left on the host, whoever is
//! killed. Start at [`hold`]; its other end is the program's hidden face `hold`, which calls [`hold_main`].
//!
//! caller                      holder
//! plan, one line  ---------->  makes the mounts
//!                 <----------  pid, or `!` and why not; one line
//! closes          ---------->  ends the process

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use libcontainer::cgroup::LayoutKind;
use libcontainer::{Plan, Step};
use rustix::fs::{Mode, OFlags, open};
use spec::runtime::NamespaceKind;

/// Mounts that are held. Dropped, they are gone.
#[derive(Debug)]
pub struct Held {
    holder: Child,
    root: OwnedFd,
}

impl Held {
    /// The root of the container's files, in its own mount namespace.
    #[must_use]
    pub fn root(&self) -> std::os::fd::BorrowedFd<'_> {
        self.root.as_fd()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // It ends by itself once nobody holds the other end.
        let _ended = self.holder.wait();
    }
}

/// Why the mounts cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The holder, or the way to it.
    #[error("{action}")]
    Process {
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// In its own words.
    #[error("{0}")]
    Told(String),
}

/// Has `program` make the mounts of a plan, of which nothing else happens: of file systems only those below `wanted`.
///
/// # Errors
/// When a mount is refused.
pub fn hold(program: &Path, plan: &Plan, wanted: &[&Path]) -> Result<Held, HoldError> {
    let failed = |action| move |cause| HoldError::Process { action, cause };
    let mut line = serde_json::to_vec(&only_mounts(plan, wanted))
        .map_err(|error| failed("write the plan")(error.into()))?;
    line.push(b'\n');
    let mut command = Command::new(program);
    // Not in the caller's group: its interrupt key ends the caller, and with it this one.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.arg("hold").env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut holder = command.spawn().map_err(failed("start the process that mounts"))?;
    let spoken = holder.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(&line));
    let mut answer = String::new();
    let heard = spoken.and_then(|()| {
        holder.stdout.take().map_or(Ok(0), |stdout| BufReader::new(stdout).read_line(&mut answer))
    });
    let opened = heard.map_err(failed("hear the process that mounts")).and_then(|_length| {
        let told = || HoldError::Told(answer.trim_start_matches('!').trim_end().to_owned());
        let pid: i32 = answer.trim_end().parse().map_err(|_words| told())?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(format!("/proc/{pid}/root"), flags, Mode::empty())
            .map_err(|errno| failed("open the container's root")(errno.into()))
    });
    match opened {
        Ok(root) => Ok(Held { holder, root }),
        Err(error) => {
            drop(holder.stdin.take());
            let _ended = holder.wait();
            Err(error)
        }
    }
}

/// The plan without what is no file of the container's: neither groups nor processes nor the kernel's own file systems.
fn only_mounts(plan: &Plan, wanted: &[&Path]) -> Plan {
    let mut plan = plan.clone();
    plan.steps.retain(|step| {
        matches!(
            step,
            Step::DetachPropagation { .. }
                | Step::OverlayRoot { .. }
                | Step::DirectoryRoot { .. }
                | Step::Part { .. }
                | Step::Bind { .. }
                | Step::PivotRoot
                | Step::ReadOnlyRoot
        ) || matches!(step, Step::Mount { target, .. } if wanted.contains(&target.as_path()))
    });
    plan.namespaces.create = vec![NamespaceKind::Mount];
    plan.namespaces.join.clear();
    with_ids_of_the_disk(&mut plan);
    // A machine without control groups has places for none: the v2 tree would have to have one.
    plan.cgroup.kind = LayoutKind::Legacy;
    plan.cgroup.unit = None;
    plan.cgroup.places.clear();
    plan.cgroup.settings.clear();
    plan.cgroup.devices = None;
    (plan.hooks, plan.resctrl) = (None, None);
    plan.net_devices.clear();
    plan.process.terminal = false;
    plan.process.init = false;
    plan
}

/// Without a user namespace: what a container with one has on the disk has the container's ids.
fn with_ids_of_the_disk(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Step::OverlayRoot { root_ids, .. } | Step::DirectoryRoot { root_ids, .. } = step {
            *root_ids = None;
        } else if let Step::Mount { lent, .. } = step {
            *lent = None;
        } else if let Step::Bind { id_map, .. } = step {
            id_map.take_if(|map| map.uid_mappings.is_empty());
        }
    }
    plan.namespaces.uid_mappings.clear();
    plan.namespaces.gid_mappings.clear();
}

/// The holder; gives its exit code.
#[must_use]
pub fn hold_main() -> i32 {
    let mut stdin = std::io::stdin().lock();
    let mut line = String::new();
    let read = stdin.read_line(&mut line).map_err(|error| error.to_string());
    let plan =
        read.and_then(|_| serde_json::from_str::<Plan>(&line).map_err(|error| error.to_string()));
    let created = plan.and_then(|plan| {
        let null = open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| format!("open /dev/null: {errno}"))?;
        let null = null.as_fd();
        let stdio = libcontainer::Stdio::Streams { stdin: null, stdout: null, stderr: null };
        libcontainer::create(&plan, stdio).map_err(|error| libcontainer::chain(&error))
    });
    let answer = match &created {
        Ok(created) => format!("{}\n", created.pid()),
        Err(why) => format!("!{}\n", why.replace('\n', " ")),
    };
    let mut out = std::io::stdout().lock();
    let told = out.write_all(answer.as_bytes()).and_then(|()| out.flush());
    if told.is_ok() && created.is_ok() {
        // Until the other end is closed, by whatever.
        let _closed = stdin.read_to_end(&mut Vec::new());
    }
    i32::from(created.is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose only tree of groups is that of v2, too.
    #[test]
    fn nothing_but_files_is_made() {
        let whole: Plan = serde_json::from_value(serde_json::json!({
            "version": 1,
            "namespaces": { "create": ["pid", "mount", "network"], "join": [] },
            "cgroup": {
                "path": "/made", "kind": "unified", "settings": [],
                "places": [{ "mount": "/nowhere", "directory": "made", "unified": true, "controllers": [] }],
            },
            "steps": [],
            "process": libcontainer::ProcessPlan::default(),
        }))
        .unwrap();
        let plan = only_mounts(&whole, &[]);
        assert_eq!(plan.namespaces.create, [NamespaceKind::Mount]);
        libcontainer::cgroup::Cgroup::create(&plan.cgroup).unwrap();
    }
}
