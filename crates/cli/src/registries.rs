//! What the environment and the machine's files say on registries, as [`registry::Settings`]: only commands that speak with a
//! registry come here. Start at [`settings`]. A file that is not there says nothing; one that cannot be read or understood is an
//! error that names it.
//!
//! Who rules, in this order: for a repository the rule of the longest prefix, whatever file it is in. For one and the same
//! prefix `hosts.toml` before `registries.conf` before `daemon.json`: the first that names mirrors, or a location, counts;
//! `blocked`, `insecure` and certificates count from all of them. `hosts.toml` is looked for in `certs.d/REGISTRY/` below
//! `/etc/corten`, `/etc/containerd`, `/etc/docker`; `registries.conf` is the file that `CONTAINERS_REGISTRIES_CONF` names, else the
//! user's, else the machine's, and then the drop-ins of the machine and of the user over it. Directories of certificates count
//! all. With `CORTEN_REGISTRY_CONFIG=DIR` nothing but `DIR/certs.d`, `DIR/registries.conf`, `DIR/registries.conf.d` and
//! `DIR/daemon.json` is read.
//!
//! Logins are in the file that `--authfile` names, else `REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else
//! `~/.docker/config.json`; where only the last two are asked, Podman's files come behind them. Proxies: the environment before
//! `daemon.json`; `proxies` of `config.json` is for containers and not ours.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry::{
    Daemon, DockerConfig, HostRules, Progress, Proxies, RegistriesConf, RegistryRule, Settings,
    TransferLimits, hosts_toml, registry_of_directory,
};

use crate::config::lookup;
use crate::failure::Failure;

/// Where distributions keep the certificates that they trust, as one file: Debian, Arch and Alpine; Fedora; openSUSE; CentOS;
/// OpenWrt and others.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
];

/// A variable of the environment by its name.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that a client of registries is told. `tls_verify` and `authfile` are what flags say, where they were given.
pub(crate) fn settings(
    progress: Arc<Progress>,
    tls_verify: Option<bool>,
    authfile: Option<&str>,
) -> Result<Settings, Failure> {
    let lookup: Lookup<'_> = &set;
    let (mut rules, of_daemon) = rules(&Places::find(lookup))?;
    match tls_verify {
        None => {}
        Some(true) => demand_tls(&mut rules),
        Some(false) => allow_everything(&mut rules),
    }
    let proxies = proxies(lookup, of_daemon);
    let ca_files = trusted(lookup, &mut rules)?;
    Ok(Settings {
        rules,
        credentials: Arc::new(logins(authfile)?),
        http_proxy: proxies.http,
        https_proxy: proxies.https,
        no_proxy: proxies.none,
        ca_files,
        limits: TransferLimits::default(),
        progress,
    })
}

/// The file that logins are kept in.
pub(crate) fn auth_file(flag: Option<&str>) -> Result<PathBuf, Failure> {
    let home = || Some(PathBuf::from(set("HOME")?).join(".docker"));
    let directory = || set("DOCKER_CONFIG").map(PathBuf::from).or_else(home);
    let named = flag.map(str::to_owned).or_else(|| set("REGISTRY_AUTH_FILE")).map(PathBuf::from);
    let file = named.or_else(|| Some(directory()?.join("config.json")));
    file.ok_or_else(|| {
        let why = "neither HOME nor DOCKER_CONFIG is set: no place for logins is known; name one with --authfile";
        Failure::Words(why.to_owned())
    })
}

/// A file of logins, which may not be there yet.
pub(crate) fn auth_config(path: PathBuf) -> Result<DockerConfig, Failure> {
    let text = read(&path)?.unwrap_or_default();
    Ok(DockerConfig::parse(&text, path)?)
}

/// Every file that has logins, the one that counts first.
fn logins(flag: Option<&str>) -> Result<Vec<DockerConfig>, Failure> {
    let mut paths: Vec<PathBuf> = auth_file(flag).ok().into_iter().collect();
    if flag.is_none() && set("REGISTRY_AUTH_FILE").is_none() {
        // containers-auth.json(5), FILES.
        let runtime = set("XDG_RUNTIME_DIR").map(PathBuf::from);
        let directories = runtime.into_iter().chain(config_home(&set));
        paths.extend(directories.map(|directory| directory.join("containers/auth.json")));
    }
    paths.into_iter().map(auth_config).collect()
}

/// A variable that says something.
fn set(name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.is_empty())
}

/// XDG Base Directory Specification.
fn config_home(lookup: Lookup<'_>) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(lookup("HOME")?).join(".config"));
    lookup("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)
}

/// Where files on hosts are.
#[derive(Debug, PartialEq, Eq)]
struct Places {
    hosts: Vec<PathBuf>,
    registries: Vec<PathBuf>,
    drop_ins: Vec<PathBuf>,
    daemon: PathBuf,
    certificates: Vec<PathBuf>,
}

impl Places {
    fn find(lookup: Lookup<'_>) -> Self {
        if let Some(directory) = lookup("CORTEN_REGISTRY_CONFIG").map(PathBuf::from) {
            return Self {
                hosts: vec![directory.join("certs.d")],
                registries: vec![directory.join("registries.conf")],
                drop_ins: vec![directory.join("registries.conf.d")],
                daemon: directory.join("daemon.json"),
                certificates: vec![directory.join("certs.d")],
            };
        }
        let user = config_home(lookup).map(|directory| directory.join("containers"));
        let of_user = |name: &str| user.iter().map(|directory| directory.join(name)).collect();
        let etc = |names: &[&str]| names.iter().map(|name| Path::new("/etc").join(name)).collect();
        let mut registries: Vec<PathBuf> = of_user("registries.conf");
        registries.push("/etc/containers/registries.conf".into());
        if let Some(file) = lookup("CONTAINERS_REGISTRIES_CONF") {
            registries = vec![file.into()];
        }
        let mut drop_ins: Vec<PathBuf> = etc(&["containers/registries.conf.d"]);
        drop_ins.extend::<Vec<_>>(of_user("registries.conf.d"));
        let mut certificates: Vec<PathBuf> =
            etc(&["corten/certs.d", "docker/certs.d", "containers/certs.d"]);
        certificates.extend::<Vec<_>>(of_user("certs.d"));
        Self {
            hosts: etc(&["corten/certs.d", "containerd/certs.d", "docker/certs.d"]),
            registries,
            drop_ins,
            daemon: "/etc/docker/daemon.json".into(),
            certificates,
        }
    }
}

/// What the files say on hosts, and the proxies of Docker's daemon.
fn rules(places: &Places) -> Result<(HostRules, Proxies), Failure> {
    let mut rules = HostRules::default();
    for directory in &places.hosts {
        for entry in entries(directory)? {
            let file = entry.join("hosts.toml");
            let Some(text) = read(&file)? else { continue };
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            let rule = hosts_toml(&text, &file, &registry_of_directory(&name))?;
            rules.merge(HostRules { registries: vec![rule], ..HostRules::default() });
        }
    }
    let mut conf = RegistriesConf::default();
    for file in &places.registries {
        if let Some(text) = read(file)? {
            conf.add(&text, file)?;
            break;
        }
    }
    for directory in &places.drop_ins {
        for file in entries(directory)?
            .iter()
            .filter(|file| file.extension().is_some_and(|end| end == "conf"))
        {
            if let Some(text) = read(file)? {
                conf.add(&text, file)?;
            }
        }
    }
    rules.merge(conf.into_rules());
    let daemon = Daemon::parse(&read(&places.daemon)?.unwrap_or_default(), &places.daemon)?;
    rules.merge(daemon.rules);
    rules.certs_d.clone_from(&places.certificates);
    Ok((rules, daemon.proxies))
}

/// A text; nothing where there is no such file.
fn read(file: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Failure::file("read", file.display())(error)),
    }
}

/// What is in a directory, by name.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = || Failure::file("read", directory.display());
    let listed = match std::fs::read_dir(directory) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        listed => listed.map_err(failed())?,
    };
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(failed())?.path());
    }
    paths.sort();
    Ok(paths)
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// `--tls-verify`: nothing that a file allows counts.
fn demand_tls(rules: &mut HostRules) {
    rules.insecure.clear();
    set_insecure(rules, false);
}

/// `--tls-verify=false`: every host may be spoken to without TLS, or with certificates that nobody knows.
fn allow_everything(rules: &mut HostRules) {
    let every = RegistryRule { prefix: "*".to_owned(), ..RegistryRule::default() };
    rules.merge(HostRules { registries: vec![every], ..HostRules::default() });
    set_insecure(rules, true);
}

fn set_insecure(rules: &mut HostRules, insecure: bool) {
    for rule in &mut rules.registries {
        rule.tls.insecure = insecure;
        for mirror in &mut rule.mirrors {
            mirror.tls.insecure = insecure;
        }
    }
}

/// The small name before the large one. `HTTP_PROXY` is not heard where a web server runs us: there it is a header of the
/// request (CVE-2016-5385, "httpoxy").
fn proxies(lookup: Lookup<'_>, daemon: Proxies) -> Proxies {
    let pair = |small: &str, large: &str| lookup(small).or_else(|| lookup(large));
    let is_request = lookup("REQUEST_METHOD").is_some();
    let http =
        lookup("http_proxy").or_else(|| if is_request { None } else { lookup("HTTP_PROXY") });
    let all = || pair("all_proxy", "ALL_PROXY");
    Proxies {
        http: http.or_else(all).unwrap_or(daemon.http),
        https: pair("https_proxy", "HTTPS_PROXY").or_else(all).unwrap_or(daemon.https),
        none: pair("no_proxy", "NO_PROXY").unwrap_or(daemon.none),
    }
}

/// Files of certificates: `SSL_CERT_FILE`, else the distribution's. What the directories of `SSL_CERT_DIR` hold comes to it.
fn trusted(lookup: Lookup<'_>, rules: &mut HostRules) -> Result<Vec<PathBuf>, Failure> {
    for directory in lookup("SSL_CERT_DIR").iter().flat_map(|list| list.split(':')) {
        // The others are links to these, named by hash for OpenSSL.
        let is_file = |file: &PathBuf| {
            file.extension().is_some_and(|end| end == "pem" || end == "crt") && file.is_file()
        };
        rules.ca.extend(entries(Path::new(directory))?.into_iter().filter(is_file));
    }
    let Some(file) = lookup("SSL_CERT_FILE").map(PathBuf::from) else {
        return Ok(BUNDLES.map(PathBuf::from).to_vec());
    };
    // Without it no host would be trusted, and each refusal would be a riddle.
    std::fs::File::open(&file).map_err(Failure::file("read", file.display()))?;
    Ok(vec![file])
}

#[cfg(test)]
mod tests;
