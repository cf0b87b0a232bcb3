//! Where the group of a container is: root's below one of the machine's, a user's below the scope that his systemd delegates to him. Start at
//! [`Engine::group_for`]; [`Engine::group_of_running`] asks the kernel. Source: kernel cgroup-v2.rst, "Delegation".

use std::path::PathBuf;

use libcontainer::cgroup::{LayoutKind, adopt};
use libcontainer::chain;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, openat};
use spec::ContainerId;

use crate::config::ContainerConfig;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::life::{Container, group_of};
use crate::state::State;

/// Of all containers of a user.
const SCOPE: &str = "corten.scope";
/// What a user is told whose limits nothing can enforce.
pub(crate) const NO_GROUP: &str = "limits need a control group, and none is delegated to this user";
/// By these words OCI runtimes know the same.
const REFUSED: &str = "when no permission is granted for cgroups";
/// Where the monitors are in it, beside the group of the containers: it holds processes, so it hands nothing down.
const MONITORS: &str = "monitors";
/// In the state directory: held by who makes the scope.
const LOCK: &str = "delegation.lock";

impl Engine {
    /// The group of a container that is about to start. The user's systemd moves its monitor, which may make groups from then on. Without one,
    /// the container has a group only where its user may make one: limits are refused by name.
    pub(crate) fn group_for(
        &self,
        config: &ContainerConfig,
        id: &ContainerId,
        monitor: i32,
    ) -> Result<String, EngineError> {
        let own = group_of(config, id);
        Ok(match self.move_in(monitor)? {
            Some(scope) => format!("/{scope}{own}"),
            None => own,
        })
    }

    /// The path of the scope, if there is one.
    fn move_in(&self, monitor: i32) -> Result<Option<String>, EngineError> {
        let Some(bus) = self.bus.as_ref().filter(|_| self.keeper.is_some()) else {
            return Ok(None);
        };
        let layout = self.layout()?;
        let Some(tree) = layout.hierarchies.first().filter(|_| layout.kind == LayoutKind::Unified)
        else {
            return Ok(None);
        };
        let path = self.paths().state.join(LOCK);
        let _turn =
            locked(&path).map_err(|errno| EngineError::file("lock", &path)(errno.into()))?;
        let adopted = adopt(bus, (SCOPE, MONITORS), monitor, &tree.mount);
        *self.no_scope.borrow_mut() = adopted.as_ref().err().map(|error| chain(error));
        Ok(adopted.ok())
    }

    /// The group of a container that runs: a user's is where the kernel says that its first process is.
    pub(crate) fn group_of_running(&self, container: &Container) -> String {
        let own = group_of(&container.config, &container.record.id);
        let (true, State::Running { pid, .. }) = (self.keeper.is_some(), &container.state) else {
            return own;
        };
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        in_membership(&text, container.record.id.as_str()).unwrap_or(own)
    }
}

impl Engine {
    /// A monitor's words, as people understand them: with what the user's systemd said, where it was asked.
    pub(crate) fn words_of_monitor(&self, why: &str) -> String {
        match self.no_scope.borrow().as_ref() {
            _ if !why.contains(REFUSED) => why.to_owned(),
            Some(reason) => format!("{NO_GROUP}: {reason}"),
            None => NO_GROUP.to_owned(),
        }
    }
}

/// The group that is named by the container's id, which the process may be below. cgroups(7), `/proc/PID/cgroup`.
fn in_membership(text: &str, id: &str) -> Option<String> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let end = path.find(&format!("/{id}"))? + 1 + id.len();
    path.get(..end).map(str::to_owned)
}

fn locked(path: &PathBuf) -> rustix::io::Result<rustix::fd::OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::in_membership;

    #[test]
    fn a_process_is_in_the_group_of_its_container_or_below() {
        let scope = "/user.slice/user-7.slice/user@7.service/user.slice/corten.scope";
        let of = |rest: &str| in_membership(&format!("1:name=x:/y\n0::{scope}{rest}\n"), "abc");
        assert_eq!(of("/corten/abc"), Some(format!("{scope}/corten/abc")));
        assert_eq!(of("/corten/abc/init.scope"), Some(format!("{scope}/corten/abc")));
        assert_eq!(of("/corten/other"), None);
        assert_eq!(in_membership("4:memory:/corten/abc\n", "abc"), None);
    }
}
