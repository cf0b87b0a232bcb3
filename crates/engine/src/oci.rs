//! A container's configuration as an OCI runtime configuration, with Docker's defaults. Pure but for the users, which are
//! looked up in the layers. Sources: OCI config.md and config-linux.md; Docker's documentation of `run`.

use spec::runtime::{
    Capabilities, Device, DeviceRule, Linux, Mount, Personality, Process, Rlimit, Root, Spec, User,
};

use crate::config::{ContainerConfig, NetworkMode, Ulimit};
use crate::error::EngineError;
use crate::mounts::Origin;
use crate::users::Account;

pub(crate) mod cdi;
mod devices;
mod host_files;
mod mounts;
mod namespaces;
mod paths;
mod resources;
mod users;

pub(crate) use host_files::{HostFiles, HostLinks, names_of};
pub(crate) use mounts::{SHM_BYTES, share_devices_memory, share_memory, targets, volume_names};
pub(crate) use namespaces::Joined;
pub(crate) use paths::{MASKED, READ_ONLY, masked, read_only};
pub(crate) use resources::{in_flags, resources};
pub(crate) use users::Users;

/// What the configuration alone does not say.
pub(crate) struct Surroundings<'a> {
    /// The container's host name.
    pub(crate) hostname: &'a str,
    /// Who runs in it.
    pub(crate) account: &'a Account,
    /// Files of the host that are bound into `/etc`.
    pub(crate) files: Option<&'a HostFiles>,
    /// Whose namespaces are shared.
    pub(crate) joined: Joined,
    /// Its users, where it has not the machine's.
    pub(crate) users: Option<&'a Users>,
    /// The AppArmor profile that its processes enter.
    pub(crate) apparmor: Option<&'a str>,
    /// Where each of the mounts comes from that were asked for.
    pub(crate) origins: &'a [Origin],
}

/// The OCI configuration.
pub(crate) fn spec(
    config: &ContainerConfig,
    surroundings: &Surroundings<'_>,
) -> Result<Spec, EngineError> {
    let capabilities = capabilities(config)?;
    let mut mounts = mounts::standard(config);
    let users = surroundings.users;
    let files = surroundings.files.iter().flat_map(|files| files.mounts());
    mounts.extend(files.map(|mount| users::mapped(mount, users)));
    let account = surroundings.account;
    let user = (account.uid, account.gid);
    mounts.extend(mounts::requested(config, surroundings.origins, (user, users)));
    let (devices, device_rules) = devices::of(config)?;
    // The names of a namespace that is the host's are the host's to set.
    let own_names = !config.sharing.uts_host;
    let mut spec = Spec {
        oci_version: "1.3.0".to_owned(),
        process: Some(process(config, surroundings, &capabilities)),
        root: Some(Root { path: "/".into(), readonly: config.read_only }),
        hostname: own_names.then(|| surroundings.hostname.to_owned()),
        domainname: Some(config.domainname.clone()).filter(|name| own_names && !name.is_empty()),
        mounts,
        annotations: config.annotations.clone(),
        linux: Some(linux(config, surroundings, devices, device_rules)?),
        ..Spec::default()
    };
    cdi::inject(&config.cdi_devices, &mut spec)?;
    config.inside_hooks.add_to(&mut spec);
    if let Some(users) = users {
        users::enter(&mut spec, config, users);
    }
    spec.mounts = sorted(spec.mounts);
    Ok(spec)
}

/// A mount comes after the one it lies in.
fn sorted(mut mounts: Vec<Mount>) -> Vec<Mount> {
    mounts.sort_by_key(|mount| mount.destination.components().count());
    mounts
}

/// Without what names ids that a user's namespace may not have: the terminal group of devpts, and all groups' right to send echo requests.
/// Processes of the container may have them all the same.
pub(crate) fn for_a_user(spec: &mut Spec, config: &ContainerConfig) {
    for mount in spec.mounts.iter_mut().filter(|mount| mount.kind.as_deref() == Some("devpts")) {
        mount.options.retain(|option| !option.starts_with("gid="));
    }
    let name = "net.ipv4.ping_group_range";
    if let Some(linux) = spec.linux.as_mut().filter(|_| !config.sysctls.contains_key(name)) {
        linux.sysctl.remove(name);
    }
}

/// In a container with users of its own, which has so many groups: none beyond them may be named. icmp(7).
pub(crate) fn for_a_part(spec: &mut Spec, config: &ContainerConfig, groups: u32) {
    let name = "net.ipv4.ping_group_range";
    if let Some(linux) = spec.linux.as_mut().filter(|_| !config.sysctls.contains_key(name))
        && let Some(range) = linux.sysctl.get_mut(name)
    {
        *range = format!("0 {}", groups.saturating_sub(1));
    }
}

/// The process that joins or begins a container.
pub(crate) fn process(
    config: &ContainerConfig,
    surroundings: &Surroundings<'_>,
    capabilities: &[String],
) -> Process {
    let account = surroundings.account;
    let mut env = config.env.clone();
    for (name, value) in [("HOSTNAME", surroundings.hostname), ("HOME", account.home.as_str())] {
        if !env.iter().any(|variable| variable.split('=').next() == Some(name)) {
            env.push(format!("{name}={value}"));
        }
    }
    Process {
        terminal: config.tty,
        user: User {
            uid: account.uid,
            gid: account.gid,
            umask: config.umask,
            additional_gids: account.groups.clone(),
        },
        args: [config.entrypoint.clone(), config.command.clone()].concat(),
        env,
        cwd: config.workdir.clone().into(),
        capabilities: Some(sets(capabilities)),
        rlimits: config.ulimits.iter().map(rlimit).collect(),
        no_new_privileges: config.security.no_new_privileges,
        selinux_label: crate::labels::labels(config).map(|labels| labels.process.clone()),
        apparmor_profile: surroundings.apparmor.map(str::to_owned),
        oom_score_adj: Some(config.oom_score_adj).filter(|value| *value != 0),
        ..Process::default()
    }
}

/// Inheritable and ambient are empty: a program of another user gains nothing at exec (CVE-2022-24769).
pub(crate) fn sets(names: &[String]) -> Capabilities {
    let names = names.to_vec();
    Capabilities {
        bounding: names.clone(),
        effective: names.clone(),
        permitted: names,
        ..Capabilities::default()
    }
}

/// The names of the capabilities that a container of this configuration has.
pub(crate) fn capabilities(config: &ContainerConfig) -> Result<Vec<String>, EngineError> {
    use libcontainer::capability::{DEFAULT, all, bit, names};
    if config.privileged {
        return Ok(names(all()).collect());
    }
    let bits = |list: &[String]| {
        list.iter().try_fold(0, |bits, name| {
            let bit = if name == "ALL" { Some(all()) } else { bit(name) };
            bit.map(|bit| bits | bit).ok_or_else(|| {
                EngineError::value("capability", name.clone(), "there is none of that name")
            })
        })
    };
    let default: u64 = DEFAULT.iter().filter_map(|name| bit(name)).sum();
    let (add, drop) = (bits(&config.cap_add)?, bits(&config.cap_drop)?);
    // Docker's order: dropping ALL leaves what is added by name.
    let base = if config.cap_drop.iter().any(|name| name == "ALL") { 0 } else { default };
    let dropped = if config.cap_drop.iter().any(|name| name == "ALL") { 0 } else { drop };
    Ok(names((base | add) & !dropped).collect())
}

fn linux(
    config: &ContainerConfig,
    surroundings: &Surroundings<'_>,
    devices: Vec<Device>,
    device_rules: Vec<DeviceRule>,
) -> Result<Linux, EngineError> {
    let paths = |paths: Vec<String>| {
        if config.privileged {
            Vec::new()
        } else {
            paths.into_iter().map(Into::into).collect::<Vec<std::path::PathBuf>>()
        }
    };
    let mut sysctl = config.sysctls.clone();
    let is_own = matches!(config.network, NetworkMode::None | NetworkMode::Networks(_));
    if is_own && !config.plain_network {
        // Inside its own network nobody is harmed by a port below 1024 or an echo request, as Docker has it since 20.10.
        for (name, value) in [
            ("net.ipv4.ip_unprivileged_port_start", "0"),
            ("net.ipv4.ping_group_range", "0 2147483647"),
        ] {
            sysctl.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    Ok(Linux {
        namespaces: namespaces::namespaces(config, surroundings.joined),
        devices,
        resources: Some(resources::resources(&config.limits, device_rules)?),
        sysctl,
        mount_label: crate::labels::labels(config).map(|labels| labels.files.clone()),
        masked_paths: paths(masked(config)),
        readonly_paths: paths(read_only(config)),
        personality: config
            .bits_32
            .then(|| Personality { domain: "LINUX32".to_owned(), flags: Vec::new() }),
        time_offsets: config.clocks.clone(),
        ..Linux::default()
    })
}

fn rlimit(ulimit: &Ulimit) -> Rlimit {
    let value = |value: i64| u64::try_from(value).unwrap_or(u64::MAX);
    let kind = format!("RLIMIT_{}", ulimit.name.to_ascii_uppercase());
    Rlimit { kind, hard: value(ulimit.hard), soft: value(ulimit.soft) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_as_docker() {
        let of = |add: &[&str], drop: &[&str]| {
            let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
            let config = ContainerConfig {
                cap_add: words(add),
                cap_drop: words(drop),
                ..ContainerConfig::default()
            };
            capabilities(&config).unwrap()
        };
        assert_eq!(of(&[], &[]).len(), 14);
        assert_eq!(of(&["CAP_NET_ADMIN"], &["ALL"]), ["CAP_NET_ADMIN"]);
        assert_eq!(of(&["ALL"], &["CAP_SYS_ADMIN"]).len(), 40);
        assert!(!of(&[], &["CAP_CHOWN"]).contains(&"CAP_CHOWN".to_owned()));
    }

    fn document(change: impl FnOnce(&mut ContainerConfig)) -> String {
        let mut config = ContainerConfig {
            command: vec!["true".to_owned()],
            workdir: "/".to_owned(),
            ..ContainerConfig::default()
        };
        change(&mut config);
        let account = Account { home: "/root".to_owned(), ..Account::default() };
        let surroundings = Surroundings {
            hostname: "web",
            account: &account,
            files: Some(&HostFiles::of("/c".as_ref(), &config)),
            joined: Joined::default(),
            users: None,
            apparmor: None,
            origins: &[
                Origin::Memory,
                Origin::Path { path: "/v/data/_data".into(), owner: (0, 0), of_containers: true },
                Origin::Path { path: "/srv".into(), owner: (0, 0), of_containers: false },
            ],
        };
        let mut spec = spec(&config, &surroundings).unwrap();
        if config.privileged {
            // Which ones there are is up to the machine.
            spec.linux.as_mut().unwrap().devices.clear();
        }
        serde_json::to_string_pretty(&spec).unwrap()
    }

    #[test]
    fn documents_are_dockers() {
        insta::assert_snapshot!("default", document(|_| {}));
        insta::assert_snapshot!("privileged", document(|config| config.privileged = true));
        insta::assert_snapshot!(
            "read_only",
            document(|config| {
                config.read_only = true;
                config.tty = true;
                config.network = NetworkMode::Host;
                config.security.no_new_privileges = true;
                config.mounts = vec![
                    crate::parse::tmpfs("/run:size=1m").unwrap(),
                    crate::parse::volume("data:/data:ro").unwrap(),
                    crate::parse::volume("/srv:/srv").unwrap(),
                ];
                config.ulimits = vec![crate::parse::ulimit("nofile=1024:2048").unwrap()];
            })
        );
    }
}
