//! A bundle: its configuration, and what the machine and the flags add to a plan for it.

use std::path::PathBuf;

use libcontainer::cgroup::{Bus, Choices, Layout, Manager, Systemd};
use libcontainer::{ContainerName, Context, Plan};
use spec::runtime::Spec;

use super::Session;
use crate::arguments::Matches;
use crate::config;
use crate::failure::Failure;

pub(super) struct Bundle {
    /// Absolute.
    pub(super) path: PathBuf,
    pub(super) spec: Spec,
}

impl Bundle {
    pub(super) fn open(path: &str) -> Result<Self, Failure> {
        let path = std::path::absolute(path).map_err(Failure::file("find", path))?;
        let file = path.join("config.json");
        let text = std::fs::read(&file).map_err(Failure::file("read", file.display()))?;
        let spec: Spec = Spec::from_json(&text)
            .map_err(|error| Failure::Words(format!("read {}: {error}", file.display())))?;
        Ok(Self { path, spec })
    }

    /// What is to be made of it, whatever the flags are.
    pub(super) fn plan_alone(
        &self,
        session: &Session,
        name: &ContainerName,
    ) -> Result<Plan, Failure> {
        plan(&self.spec, &self.context(session, name)?)
    }

    /// What is to be made of it, with the flags of `create`.
    pub(super) fn plan(
        &self,
        session: &Session,
        name: &ContainerName,
        matches: &Matches,
    ) -> Result<Plan, Failure> {
        let context = Context { no_pivot: matches.on("no-pivot"), ..self.context(session, name)? };
        let mut plan = plan(&self.spec, &context)?;
        plan.process.keep_keyring = matches.on("no-new-keyring");
        let passed = passed_sockets();
        plan.process.preserved_descriptors = super::process::preserved(session, matches, passed)?;
        if passed > 0 {
            // sd_listen_fds(3); the program is process 1.
            plan.process.env.extend([format!("LISTEN_FDS={passed}"), "LISTEN_PID=1".to_owned()]);
        }
        Ok(plan)
    }

    fn context(&self, session: &Session, name: &ContainerName) -> Result<Context, Failure> {
        let profile = self.spec.linux.as_ref().and_then(|linux| linux.seccomp.as_ref());
        let compiled = profile.map(|profile| session.runtime.filters().compile(profile));
        let seccomp = compiled.transpose().map_err(|error| {
            Failure::Words(format!("linux.seccomp: {}", libcontainer::chain(&error)))
        })?;
        let context = Context::new(name.as_str(), &self.path, layout()?);
        let manager = if session.systemd_cgroup {
            Manager::Systemd(systemd(session)?)
        } else {
            Manager::Direct
        };
        let cgroups = Choices { manager, unprivileged: session.unprivileged, ..context.cgroups };
        Ok(Context { seccomp, cgroups, ..context })
    }
}

/// Plans, and says which configuration cannot be.
pub(super) fn plan(spec: &Spec, context: &Context) -> Result<Plan, Failure> {
    let path = context.bundle.join("config.json");
    libcontainer::plan(spec, context).map_err(|error| {
        Failure::Words(format!(
            "invalid configuration {}: {}",
            path.display(),
            libcontainer::chain(&error)
        ))
    })
}

/// The machine's systemd, or the user's own.
fn systemd(session: &Session) -> Result<Systemd, Failure> {
    let user = session.unprivileged;
    let bus = if user {
        config::user_bus().ok_or_else(|| {
            Failure::Words(
                "find the user's systemd: DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR name none"
                    .to_owned(),
            )
        })?
    } else {
        Bus::system()
    };
    Systemd::detect(bus, user).map_err(|error| Failure::Words(libcontainer::chain(&error)))
}

pub(super) fn layout() -> Result<Layout, Failure> {
    Layout::detect().map_err(|error| Failure::Words(libcontainer::chain(&error)))
}

/// How many sockets a service manager passed to this program, which is not the one that listens: sd_listen_fds(3).
fn passed_sockets() -> u32 {
    config::lookup("LISTEN_FDS").and_then(|count| count.parse().ok()).unwrap_or(0)
}
