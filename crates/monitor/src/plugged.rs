//! A run's places in networks of plugins (CNI). The network namespace has a name in the file system while it has them: plugins are told a
//! path, and what a killed monitor has left can be taken back in it. Start at [`Plugged::take`].

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use network::PortMapping;
use network::cni::{self, Answer, CniError, Dns, Place, Record};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use serde::{Deserialize, Serialize};

use crate::handoff::{HandOff, NetworkPlan};
use crate::start::Refused;

/// In the state directory: the network namespace.
const NAMESPACE: &str = "netns";

/// What a container wants of networks of plugins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CniRules {
    /// Its places.
    pub places: Vec<Place>,
    /// Its names as `/etc/hosts` has them.
    pub names: String,
    /// Name servers that it asks, whatever plugins say.
    pub servers: Vec<String>,
    /// Where it looks for short names, whatever plugins say.
    pub search: Vec<String>,
    /// Options of its resolver, whatever plugins say.
    pub options: Vec<String>,
}

/// Places that were taken. Dropped, they are given back.
#[derive(Debug)]
pub(crate) struct Plugged {
    state: PathBuf,
    container: PathBuf,
    ports: Vec<PortMapping>,
}

impl Plugged {
    /// Takes the places of a plan, if it has any, in a network namespace.
    pub(crate) fn take(
        handoff: &HandOff,
        plan: &NetworkPlan,
        namespace: BorrowedFd<'_>,
    ) -> Result<Option<Self>, Refused> {
        let Some(rules) = &plan.cni else { return Ok(None) };
        let (state, container) = (&handoff.state_dir, &handoff.container_dir);
        // Of a run before, whose plugins failed at its end.
        unplug(state, container, false).map_err(|error| Refused::chain(&error))?;
        let path = state.join(NAMESPACE);
        name(namespace, &path)
            .map_err(|cause| Refused::engine("name the network namespace", cause))?;
        // From here on: what one place took is given back when the next one cannot be taken.
        let ports = rules.places.iter().flat_map(|place| place.ports.clone()).collect();
        let plugged = Self { state: state.clone(), container: container.clone(), ports };
        let mut answers = Vec::new();
        for place in &rules.places {
            let answer = cni::attach(place, &path, container);
            answers.push(answer.map_err(|error| {
                let Refused { code, words } = Refused::chain(&error);
                Refused { code, words: format!("attach to network {}: {words}", place.network()) }
            })?);
        }
        write_files(container, plan, rules, &answers)
            .map_err(|cause| Refused::engine("write the container's names", cause))?;
        Ok(Some(plugged))
    }

    /// Ports of the machine that lead in by them.
    pub(crate) fn ports(&self) -> &[PortMapping] {
        &self.ports
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        // What could not be given back is tried again when the container is started or removed.
        let _kept = unplug(&self.state, &self.container, false);
    }
}

/// Gives places back that a run took, as far as there are any. The namespace keeps its name where a plugin fails, unless nobody will try again.
///
/// # Errors
/// What a plugin says.
pub fn unplug(state_dir: &Path, container_dir: &Path, is_last: bool) -> Result<(), CniError> {
    let path = state_dir.join(NAMESPACE);
    // It has no name after a reboot.
    let is_there = path.exists();
    let detached = cni::detach_all(is_there.then_some(path.as_path()), container_dir);
    if !is_there || (detached.is_err() && !is_last) {
        return detached;
    }
    let _not_mounted = unmount(&path, UnmountFlags::DETACH);
    let removed = match fs::remove_file(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(CniError::Record { action: "remove", path, cause })
        }
        // Another command was sooner.
        _ => Ok(()),
    };
    detached.and(removed)
}

/// As ip-netns(8) does it.
fn name(namespace: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    File::options().write(true).create(true).truncate(false).open(path)?;
    let source = format!("/proc/self/fd/{}", namespace.as_raw_fd());
    mount_bind(source.as_str(), path).map_err(|errno| {
        let _empty = fs::remove_file(path);
        errno.into()
    })
}

/// The container's addresses and name servers are known now: its files were written before.
fn write_files(
    directory: &Path,
    plan: &NetworkPlan,
    rules: &CniRules,
    answers: &[Answer],
) -> io::Result<()> {
    let others = plan.places.iter().flat_map(|place| &place.addresses);
    let own = answers.iter().flat_map(|answer| &answer.addresses);
    let addresses: Vec<IpAddr> = others.chain(own).map(|own| own.address()).collect();
    if !addresses.is_empty() {
        rewrite(&directory.join("hosts"), |text| hosts(text, &rules.names, &addresses))?;
    }
    // Who asks the resolver knows no other.
    if plan.names.is_some() {
        return Ok(());
    }
    write_resolver(directory, rules, answers)
}

fn write_resolver(directory: &Path, rules: &CniRules, answers: &[Answer]) -> io::Result<()> {
    let dns = answers.iter().map(|answer| &answer.dns).find(|dns| !dns.servers.is_empty());
    let Some(dns) = dns else { return Ok(()) };
    rewrite(&directory.join("resolv.conf"), |_hosts| resolver(rules, dns))
}

/// Has a container that runs ask the name servers of its plugins again, if they gave any.
///
/// # Errors
/// When a record cannot be read, or the file not be written.
pub fn ask_plugins_servers(container_dir: &Path, rules: &CniRules) -> Result<(), CniError> {
    let records = Record::all(container_dir)?;
    let answers = records.iter().map(Record::answer).collect::<Result<Vec<_>, _>>()?;
    write_resolver(container_dir, rules, &answers).map_err(|cause| CniError::Record {
        action: "write",
        path: container_dir.join("resolv.conf"),
        cause,
    })
}

/// The same file, which may have a label. One that is not there is not the container's.
fn rewrite(path: &Path, change: impl FnOnce(&str) -> String) -> io::Result<()> {
    match fs::read_to_string(path) {
        #[expect(clippy::disallowed_methods, reason = "read by nobody before the container starts")]
        Ok(text) => fs::write(path, change(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// With the container's addresses in the place of those that it had, or of the one of who has none.
fn hosts(text: &str, names: &str, addresses: &[IpAddr]) -> String {
    let is_own = |line: &&str| line.split_once('\t').is_some_and(|(_, held)| held == names);
    let at = text.lines().position(|line| is_own(&line)).unwrap_or(usize::MAX);
    let own = addresses.iter().map(|address| format!("{address}\t{names}"));
    let mut lines: Vec<String> =
        text.lines().filter(|line| !is_own(line)).map(str::to_owned).collect();
    let at = at.min(lines.len());
    lines.splice(at..at, own);
    lines.join("\n") + "\n"
}

/// What the caller says wins over what the plugins say.
fn resolver(rules: &CniRules, dns: &Dns) -> String {
    let or = |given: &[String], told: &[String]| {
        let words = if given.is_empty() { told } else { given };
        words.join(" ")
    };
    let told: Vec<String> = dns.servers.iter().map(ToString::to_string).collect();
    let servers = if rules.servers.is_empty() { &told } else { &rules.servers };
    let mut lines: Vec<String> =
        servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    let search = or(&rules.search, &dns.search);
    if !search.is_empty() && search != "." {
        lines.push(format!("search {search}\n"));
    }
    let options = or(&rules.options, &dns.options);
    if !options.is_empty() {
        lines.push(format!("options {options}\n"));
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_the_place_of_those_before() {
        let before = "127.0.0.1\tlocalhost\n127.0.1.1\tweb\n10.0.0.1\tdb\n";
        let first = hosts(before, "web", &["10.1.0.2".parse().unwrap()]);
        assert_eq!(first, "127.0.0.1\tlocalhost\n10.1.0.2\tweb\n10.0.0.1\tdb\n");
        let both = ["10.1.0.3".parse().unwrap(), "fd00::3".parse().unwrap()];
        let second = hosts(&first, "web", &both);
        assert_eq!(second, "127.0.0.1\tlocalhost\n10.1.0.3\tweb\nfd00::3\tweb\n10.0.0.1\tdb\n");
        assert_eq!(hosts("", "web", &both[..1]), "10.1.0.3\tweb\n");
    }

    #[test]
    fn the_caller_knows_better_than_plugins() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let dns = Dns {
            servers: vec!["10.1.0.1".parse().unwrap()],
            search: words("lab example"),
            options: words("ndots:2"),
        };
        let text = "nameserver 10.1.0.1\nsearch lab example\noptions ndots:2\n";
        assert_eq!(resolver(&CniRules::default(), &dns), text);
        let rules =
            CniRules { servers: words("10.9.9.9"), search: words("."), ..CniRules::default() };
        assert_eq!(resolver(&rules, &dns), "nameserver 10.9.9.9\noptions ndots:2\n");
    }
}
