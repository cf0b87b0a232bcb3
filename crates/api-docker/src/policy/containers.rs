//! What containers may be made, and of which images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::config::{
    ContainerConfig, IpcMode, MountSource, NetworkMode, PidMode, SeccompChoice, UserMaps, UserMode,
};
use engine::{CreateRequest, Engine};

use super::{AllowedMount, Policy, Refusal};

/// Capabilities that let nobody out of a container, beside the default ones.
const HARMLESS: [&str; 15] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SYS_CHROOT",
    "MKNOD",
    "AUDIT_WRITE",
    "SETFCAP",
    "SYS_NICE",
];

impl Policy {
    /// Refuses a container that is not allowed; a directory of the host that is, is given so that no link in it leads out, and the container gets
    /// the labels of this socket.
    ///
    /// # Errors
    /// The rule that it offends.
    pub(crate) fn limit(
        &self,
        engine: &Engine,
        request: &mut CreateRequest,
    ) -> Result<(), Refusal> {
        self.check_image(engine, &request.image)?;
        if self.limits_containers() {
            check_privileges(&request.config)?;
        }
        self.check_neighbours(engine, &mut request.config)?;
        for mount in &mut request.config.mounts {
            if let MountSource::Image { name, .. } = &mount.source {
                self.check_image(engine, name)?;
            }
            let MountSource::Bind { path, create } = &mut mount.source else { continue };
            let Some(allowed) = &self.mounts else {
                if self.limits_containers() {
                    return Err(Refusal::new(
                        "mounts",
                        format!("{} is a directory of the host", path.display()),
                    ));
                }
                continue;
            };
            let (whole, rest, read_only) = inside(allowed, path)?;
            if read_only && !mount.read_only {
                return Err(Refusal::new("mounts", format!("{} is read-only", whole.display())));
            }
            // Links in what is mounted as a part of a directory end inside the directory, and no part of it is made.
            if !rest.is_empty() {
                *create = false;
                mount.subpath = if mount.subpath.is_empty() {
                    rest
                } else {
                    format!("{rest}/{}", mount.subpath)
                };
            }
            *path = whole;
        }
        request.config.labels.extend(self.labels.clone());
        Ok(())
    }

    /// Whether the volumes and networks of a container are of this socket; a volume that is made with it gets the labels.
    fn check_neighbours(
        &self,
        engine: &Engine,
        config: &mut ContainerConfig,
    ) -> Result<(), Refusal> {
        if self.labels.is_empty() {
            return Ok(());
        }
        let is_own = |labels: &BTreeMap<String, String>| {
            self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let foreign = |what: &str| Refusal::new("labels", format!("{what} is not of this socket"));
        for mount in &mut config.mounts {
            let MountSource::Volume { name, labels, .. } = &mut mount.source else { continue };
            match engine.volumes().get(name) {
                Ok(volume) if !name.is_empty() && !is_own(&volume.labels) => {
                    return Err(foreign(&format!("the volume {name}")));
                }
                Ok(_) | Err(_) => labels.extend(self.labels.clone()),
            }
        }
        for wish in &config.networks {
            let found = engine.networks().get(&wish.network);
            let is_foreign = found.is_ok_and(|network| !is_own(&network.config.labels));
            if is_foreign && !["bridge", "default", "none"].contains(&wish.network.as_str()) {
                return Err(foreign(&format!("the network {}", wish.network)));
            }
        }
        Ok(())
    }

    /// Whether containers may be made of an image, and it may be pulled, named and removed.
    ///
    /// # Errors
    /// The rule that it offends.
    pub(super) fn check_image(&self, engine: &Engine, text: &str) -> Result<(), Refusal> {
        let Some(patterns) = &self.images else { return Ok(()) };
        let names = match engine.images().resolve(text) {
            Ok(image) => image.names.iter().map(ToString::to_string).collect(),
            Err(_not_here) => vec![text.to_owned()],
        };
        let is_allowed = names.iter().any(|name| patterns.iter().any(|own| fits(own, name)));
        if is_allowed {
            return Ok(());
        }
        Err(Refusal::new("images", format!("{text} is not among them")))
    }
}

/// Whether a name fits a pattern: the same repository and, where the pattern has one, tag; `*` at its end stands for anything.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, name) = (full(pattern), full(name));
    if let Some(start) = pattern.strip_suffix('*') {
        return name.starts_with(start);
    }
    let repository = |name: &str| {
        let name = name.split('@').next().unwrap_or_default().to_owned();
        match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
            _ => name,
        }
    };
    name == pattern || repository(&name) == pattern
}

/// A name with its registry, as Docker completes it.
fn full(name: &str) -> String {
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    if first.contains(['.', ':']) || first == "localhost" {
        return name.to_owned();
    }
    if first.is_empty() && !rest.starts_with('*') {
        return format!("docker.io/library/{rest}");
    }
    format!("docker.io/{name}")
}

/// Whether nobody has chosen which ids of the host it has: where the host's settings say `auto`, the host's own are less than that.
fn is_confined(users: &UserMode) -> bool {
    match users {
        UserMode::Unsaid => true,
        UserMode::Auto(auto) => auto.wanted == UserMaps::default(),
        UserMode::Host
        | UserMode::KeepId(_)
        | UserMode::NoMap
        | UserMode::Container(_)
        | UserMode::Private(_) => false,
    }
}

fn check_privileges(config: &ContainerConfig) -> Result<(), Refusal> {
    let refuse = |what: &str| Err(Refusal::new("privileged", format!("{what} is not allowed")));
    if config.privileged {
        return refuse("a privileged container");
    }
    let added = config.cap_add.iter().map(|name| name.trim_start_matches("CAP_"));
    for name in added {
        if !HARMLESS.contains(&name) {
            return refuse(&format!("the capability {name}"));
        }
    }
    let sharing = &config.sharing;
    let shares = matches!(sharing.ipc, IpcMode::Host | IpcMode::Container(_))
        || matches!(sharing.pid, PidMode::Host | PidMode::Container(_))
        || sharing.uts_host
        || sharing.cgroup_host
        || !is_confined(&sharing.users);
    if shares || matches!(config.network, NetworkMode::Host | NetworkMode::Container(_)) {
        return refuse("a namespace of the host or of another container");
    }
    let security = &config.security;
    if security.seccomp != SeccompChoice::Default
        || security.unmasked_paths
        || !security.unmasked.is_empty()
        || !security.proc_options.is_empty()
        || security.apparmor.is_some()
        || !security.labels.is_empty()
        || !security.emulate.is_empty()
    {
        return refuse("less confinement than the default one");
    }
    for (what, is_there) in [
        ("a device of the host", !config.devices.is_empty()),
        ("a rule for devices", !config.device_rules.is_empty()),
        ("a CDI device", !config.cdi_devices.is_empty()),
        ("the volumes of another container", !config.volumes_from.is_empty()),
        ("a directory as root", config.rootfs.is_some()),
        ("a file of the host", config.pid_file.is_some() || config.time_zone.is_some()),
        ("a control group of its own choice", !config.cgroup_parent.is_empty()),
        (
            "a log of its own choice",
            !["", "json-file", "local", "none"].contains(&config.log.driver.as_str())
                || config.log.options.contains_key("path"),
        ),
        ("a kernel parameter", !config.sysctls.is_empty()),
        ("an annotation", !config.annotations.is_empty()),
        ("a network of plugins", !config.cni.is_empty()),
        ("an earlier end by lack of memory for others", config.oom_score_adj < 0),
    ] {
        if is_there {
            return refuse(what);
        }
    }
    let has_driver_options = config.mounts.iter().any(|mount| match &mount.source {
        MountSource::Volume { driver_options, .. } => !driver_options.is_empty(),
        MountSource::Bind { .. } | MountSource::Image { .. } | MountSource::Tmpfs => false,
    });
    if has_driver_options {
        return refuse("a volume with options of its driver");
    }
    Ok(())
}

/// The allowed directory that a path is in, what of it is meant, and whether it may only be read.
fn inside(allowed: &[AllowedMount], path: &Path) -> Result<(PathBuf, String, bool), Refusal> {
    let is_plain = path.components().all(|part| {
        matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_))
    });
    let found = allowed.iter().filter(|own| is_plain && path.starts_with(&own.path));
    // The nearest one counts.
    let found = found.max_by_key(|own| own.path.components().count());
    let Some(found) = found else {
        return Err(Refusal::new("mounts", format!("{} is not among them", path.display())));
    };
    let rest = path.strip_prefix(&found.path).unwrap_or(path);
    let rest = rest.to_str().ok_or_else(|| Refusal::new("mounts", "a path is not UTF-8"))?;
    Ok((found.path.clone(), rest.to_owned(), found.read_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_fit_by_their_whole_names() {
        for (pattern, name, is_fit) in [
            ("busybox", "busybox", true),
            ("busybox", "docker.io/library/busybox:1", true),
            ("busybox:1", "busybox:2", false),
            ("busybox", "evil/busybox", false),
            ("shop/*", "shop/web:1", true),
            ("shop/*", "registry.example/shop/web", false),
            ("registry.example/*", "registry.example/shop/web@sha256:00", true),
            ("registry.example/shop", "registry.example/shop2", false),
            ("localhost:5000/a", "localhost:5000/a:1", true),
            ("*", "anything/else", true),
        ] {
            assert_eq!(fits(pattern, name), is_fit, "{pattern} {name}");
        }
    }

    #[test]
    fn only_allowed_directories_are_mounted() {
        let mount = |path: &str, read_only| AllowedMount { path: path.into(), read_only };
        let allowed = [mount("/srv", true), mount("/srv/shop", false)];
        let found = |path: &str| inside(&allowed, Path::new(path)).ok();
        assert_eq!(found("/srv/shop/a/b"), Some(("/srv/shop".into(), "a/b".to_owned(), false)));
        assert_eq!(found("/srv/other"), Some(("/srv".into(), "other".to_owned(), true)));
        for path in ["/", "/etc", "/srv2", "/srv/../etc", "srv"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn ways_out_are_refused() {
        assert_eq!(check_privileges(&ContainerConfig::default()), Ok(()));
        let with = |change: fn(&mut ContainerConfig)| {
            let mut config = ContainerConfig::default();
            change(&mut config);
            check_privileges(&config).unwrap_err().rule
        };
        for change in [
            (|config| config.privileged = true) as fn(&mut ContainerConfig),
            |config| config.cap_add = vec!["CAP_SYS_ADMIN".to_owned()],
            |config| config.cap_add = vec!["ALL".to_owned()],
            |config| config.network = NetworkMode::Host,
            |config| config.sharing.pid = PidMode::Host,
            |config| config.sharing.cgroup_host = true,
            |config| config.sharing.users = UserMode::Host,
            |config| {
                let mode = engine::parse::user_namespace("auto:uidmapping=0:0:1");
                config.sharing.users = mode.unwrap();
            },
            |config| config.security.seccomp = SeccompChoice::Unconfined,
            |config| config.security.apparmor = Some("unconfined".to_owned()),
            |config| config.device_rules = vec!["a *:* rwm".to_owned()],
            |config| config.volumes_from = vec!["other".to_owned()],
            |config| config.rootfs = Some(engine::config::RootPlace::Below("/".into())),
            |config| config.pid_file = Some("/etc/cron.d/x".into()),
            |config| config.log.driver = "syslog".to_owned(),
        ] {
            assert_eq!(with(change), "privileged");
        }
    }
}
