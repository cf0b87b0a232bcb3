//! A further process in a running container.

use std::os::fd::BorrowedFd;
use std::path::Path;

use libcontainer::ProcessPlan;
use monitor::{Connection, EMULATION_SOCKET};
use serde::{Deserialize, Serialize};
use spec::runtime::{Process, User};
use store::RootView;

use crate::containers::Containers;
use crate::error::EngineError;
use crate::state::{Action, State};
use crate::{landlock, oci, recording, seccomp, start, users};

/// The process that is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExecRequest {
    /// Program and arguments.
    pub command: Vec<String>,
    /// `NAME=value`, beside the container's own.
    pub env: Vec<String>,
    /// Empty is the container's own.
    pub workdir: String,
    /// Empty is the container's own.
    pub user: String,
    /// A terminal is wanted.
    pub tty: bool,
    /// First size of the terminal: rows and columns.
    pub size: Option<(u16, u16)>,
    /// Every capability, no system call filter.
    pub privileged: bool,
    /// AppArmor profile, `unconfined` for none; nothing is the container's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparmor: Option<String>,
    /// What events call it: 64 hexadecimal digits; nothing is an id of the monitor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Containers<'_> {
    /// Starts a process; the connection hears whether it runs and how it ends. Without streams and terminal it has none.
    ///
    /// # Errors
    /// When the container does not run or is paused, its monitor is gone, or a value is wrong.
    pub fn exec(
        &self,
        text: &str,
        request: &ExecRequest,
        streams: Option<[BorrowedFd<'_>; 3]>,
    ) -> Result<(String, Connection), EngineError> {
        let mut container = self.get(text)?;
        container.allow(Action::Exec)?;
        let State::Running { pid, .. } = container.state else {
            return Err(container.refuse(Action::Exec, "not running"));
        };
        let hostname = start::hostname(&container.config, &container.record.id);
        let root = RootView::of_process(pid);
        container.config.security.recorder = recording::recorder_of(&container);
        let mut plan = self.exec_plan(&container.config, request, (&root, &hostname))?;
        let id = container.record.id.as_str();
        self.add_variables(&container.config.secrets, request, &mut plan.env)?;
        plan.seccomp = plan.seccomp.map(|filter| {
            let filter = filter.for_container(id, Path::new("/"));
            filter.asking_at(|| container.dirs.state.join(EMULATION_SOCKET))
        });
        self.engine.apparmor().demand(plan.apparmor_profile.as_deref())?;
        let connection = self.reach(&container)?;
        let name = container.record.name;
        let failed = |why: String| EngineError::Exec { name: name.clone(), why, code: 125 };
        connection
            .exec(&plan, streams, request.id.as_deref())
            .map_err(|errno| failed(format!("ask its monitor: {errno}")))?;
        Ok((name, connection))
    }

    /// A further process of a container with that root and that host name.
    pub(crate) fn exec_plan(
        &self,
        config: &crate::config::ContainerConfig,
        request: &ExecRequest,
        (root, hostname): (&RootView, &str),
    ) -> Result<ProcessPlan, EngineError> {
        if request.command.is_empty() {
            return Err(EngineError::value("command", "", "it names no program"));
        }
        let user = if request.user.is_empty() { &config.user } else { &request.user };
        let mut account = users::lookup(user, root)?;
        users::add_groups(&mut account, &config.groups, root)?;
        let mut confined = config.clone();
        confined.privileged |= request.privileged;
        // The rights of `--privileged` are others: Docker leaves the profile as well.
        let mut entering = config.clone();
        entering.security.apparmor = request.apparmor.clone().or(entering.security.apparmor);
        let capabilities = oci::capabilities(&confined)?;
        let mut env = config.env.clone();
        for variable in &request.env {
            let name = variable.split('=').next().unwrap_or_default();
            match env.iter_mut().find(|known| known.split('=').next() == Some(name)) {
                Some(known) => known.clone_from(variable),
                None => env.push(variable.clone()),
            }
        }
        // What nobody has said.
        let terminal = request.tty.then_some(("TERM", "xterm"));
        let known = [("HOSTNAME", hostname), ("HOME", account.home.as_str())];
        for (name, value) in known.into_iter().chain(terminal) {
            if !env.iter().any(|variable| variable.split('=').next() == Some(name)) {
                env.push(format!("{name}={value}"));
            }
        }
        let workdir = if request.workdir.is_empty() { &config.workdir } else { &request.workdir };
        let process = Process {
            terminal: request.tty,
            console_size: request
                .size
                .map(|(height, width)| spec::runtime::ConsoleSize { height, width }),
            user: User {
                uid: account.uid,
                gid: account.gid,
                umask: config.umask,
                additional_gids: account.groups,
            },
            args: request.command.clone(),
            env,
            cwd: workdir.into(),
            capabilities: Some(oci::sets(&capabilities)),
            no_new_privileges: config.security.no_new_privileges,
            selinux_label: crate::labels::labels(config).map(|labels| labels.process.clone()),
            apparmor_profile: self.apparmor_profile(&entering)?,
            ..Process::default()
        };
        let mut plan = libcontainer::plan_process(&process)?;
        plan.personality = config.bits_32.then_some(libcontainer::LINUX32);
        plan.scheduling.core = config.own_cores.then_some(libcontainer::CoreGroup::First);
        plan.landlock = landlock::plan(config, &mut plan.warnings)?;
        plan.seccomp = seccomp::program(self.engine, &confined, self.is_bounded(config)?)?;
        Ok(plan)
    }
}
