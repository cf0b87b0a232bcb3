//! `--system`: a whole system in the place of a program. The image's own init is the first process and finds what it expects of a machine:
//!
//! - It is root on a terminal, which is the system's console, in a user namespace of its own (`--userns auto`) unless somebody says otherwise.
//! - It may write settings of the kernel that its namespaces have for themselves.
//! - It has every capability there but [`WITHHELD`]: what they are about belongs to the machine.
//! - `/run` is empty at each start, and its own control groups are its to divide.
//! - It is told that it is in a container (`container=corten`), what its machine-id is (`container_uuid`) and which terminals it has beside
//!   the console (`container_ttys`): systemd's CONTAINER_INTERFACE, see [`crate::console`].
//! - Its boot has a name of its own, a new one at each start.
//! - sysinfo(2), and files of `/proc` and `/sys`, tell the container's own limits.
//! - `stop` asks it by the signal that its kind of init takes for a shutdown, and its reboot is one: see [`crate::start`] and the monitor.
//!
//! What was said by name stays. Sources: systemd.io/CONTAINER_INTERFACE; init(1) of systemd, "Signals"; lxc.container.conf(5).

use std::path::Path;

use libcontainer::Plan;
use libcontainer::seccomp::AskedCall;
use spec::image::RunConfig;
use store::RootView;

use crate::config::{AutoUsers, ContainerConfig, UserMode};
use crate::containers::CreateRequest;
use crate::error::EngineError;
use crate::parse;

/// What is the first process where nobody names one.
pub(crate) const INIT: &str = "/sbin/init";

/// What a system has no use for that would be its own: security modules, kernel modules, ports of the machine, its clock.
const WITHHELD: [&str; 5] =
    ["CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_TIME"];

/// Memory that it finds empty. What is below is its init's to make: tmpfiles.d(5), `legacy.conf`, has `/run/lock`.
const EMPTY: &str = "/run";

/// A system has services to stop.
const PATIENCE_S: i64 = 60;

/// Ids of a system with containers in it: for sixteen times as many users as one distribution has.
const NESTING_IDS: u32 = 1 << 20;

/// The signal by which each kind of init is asked to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Init {
    Systemd,
    Busybox,
    Runit,
    /// sysvinit and those that take its place.
    Other,
}

impl Init {
    /// What the program is that a path leads to.
    fn of(view: &RootView, path: &str) -> Self {
        let places = view.places(Path::new(path)).unwrap_or_default();
        let name = places.first().and_then(|place| place.file_name()).unwrap_or_default();
        match name.as_encoded_bytes() {
            b"systemd" => Self::Systemd,
            b"busybox" => Self::Busybox,
            b"runit" | b"runit-init" => Self::Runit,
            _ => Self::Other,
        }
    }

    const fn halt(self) -> &'static str {
        match self {
            // init(1): as `systemctl start halt.target`, after which the kernel says that it is off.
            Self::Systemd => "RTMIN+3",
            // busybox, init/init.c: poweroff.
            Self::Busybox => "USR2",
            // runit(8).
            Self::Runit => "CONT",
            // lxc.container.conf(5), lxc.signal.halt.
            Self::Other => "PWR",
        }
    }
}

/// Makes a configuration that asks for it what it asked for.
///
/// # Errors
/// When it asks for what a system cannot have, or nothing is there to be its first process.
pub(crate) fn prepare(
    request: &CreateRequest,
    image: &RunConfig,
    mut config: ContainerConfig,
    may_map: bool,
    view: impl FnOnce(&ContainerConfig) -> RootView,
) -> Result<ContainerConfig, EngineError> {
    if !config.system {
        return Ok(config);
    }
    refuse(request, &config)?;
    if request.entrypoint.is_none() {
        config.entrypoint = Vec::new();
        config.command.clone_from(&request.config.command);
    }
    let view = view(&config);
    if config.entrypoint.is_empty() && config.command.is_empty() {
        if view.places(Path::new(INIT)).is_err() {
            let why = "the image has none: name the system's first process behind the image";
            return Err(EngineError::value("init", INIT, why));
        }
        config.command = vec![INIT.to_owned()];
    }
    let program = config.entrypoint.first().or(config.command.first());
    let init = program.map_or(Init::Other, |program| Init::of(&view, program));
    if request.config.stop_signal == 0 && image.stop_signal.is_none() {
        config.stop_signal = parse::signal_number(init.halt())?;
    }
    if request.stop_timeout_s.is_none() {
        config.stop_timeout_s = PATIENCE_S;
    }
    "0".clone_into(&mut config.user);
    config.tty = true;
    if let Some(name) = request.name.as_ref().filter(|_| config.hostname.is_empty()) {
        config.hostname.clone_from(name);
    }
    set_default(&mut config.env, "container", "corten");
    if may_map && config.sharing.users == UserMode::Unsaid && !config.sharing.users_host {
        // Its containers have ids of their own, too.
        let size = config.security.nesting.then_some(NESTING_IDS);
        config.sharing.users = UserMode::Auto(AutoUsers { size, ..AutoUsers::default() });
    }
    if config.sharing.users.is_inside() {
        // Its own settings, those of its network above all, are its root's to change, and the kernel keeps the machine's from it.
        config.security.unmasked.push("/proc/sys".to_owned());
    }
    give_capabilities(&mut config);
    if !config.mounts.iter().any(|mount| mount.target == Path::new(EMPTY)) {
        config.mounts.push(parse::tmpfs(&format!("{EMPTY}:mode=755"))?);
    }
    if !config.security.emulate.contains(&AskedCall::Sysinfo) {
        config.security.emulate.push(AskedCall::Sysinfo);
    }
    Ok(config)
}

/// Makes the plan of a system one: its init opens the console itself, the files that tell of a machine tell of its limits, and its shared
/// memory is in the same file system as its devices, unless a size of its own was asked for.
///
/// # Errors
/// When such a file cannot be shown.
pub(crate) fn complete(plan: &mut Plan, config: &ContainerConfig) -> Result<(), EngineError> {
    if config.system {
        plan.process.leaves_terminal = true;
        if config.shm_bytes.is_none() {
            crate::oci::share_devices_memory(plan);
        }
        plan.show(monitor::LIMIT_FILES)?;
        plan.name_boot()?;
    }
    Ok(())
}

fn refuse(request: &CreateRequest, config: &ContainerConfig) -> Result<(), EngineError> {
    let clash = |option: &str, why: &str| Err(EngineError::value("system", option, why));
    if config.init {
        return clash("--init", "the system's own init is the first process");
    }
    if config.security.hardened {
        return clash("--hardened", "it makes the root read-only and takes every capability away");
    }
    if !matches!(request.config.user.as_str(), "" | "0" | "root" | "0:0" | "root:root") {
        return clash(&request.config.user, "its first process is root");
    }
    if config.sharing.cgroup_host {
        return clash("--cgroupns host", "it would divide the machine's control groups");
    }
    if config.sharing.pid != crate::config::PidMode::Private {
        return clash("--pid", "its init is the first process of its own");
    }
    Ok(())
}

/// A variable that nobody has given another value.
pub(crate) fn set_default(env: &mut Vec<String>, name: &str, value: &str) {
    let is_it = |variable: &String| variable.split('=').next() == Some(name);
    if !env.iter().any(is_it) {
        env.push(format!("{name}={value}"));
    }
}

/// All, where nobody has named those that are added.
fn give_capabilities(config: &mut ContainerConfig) {
    if config.privileged || !config.cap_add.is_empty() {
        return;
    }
    config.cap_add.push("ALL".to_owned());
    let withheld = WITHHELD.iter().map(|name| (*name).to_owned());
    config.cap_drop.extend(withheld);
}
