//! The host's name servers, as its resolv.conf names them at the time. Sources: resolv.conf(5).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::resolver::upstream::Servers;

/// Port of name servers.
pub(crate) const PORT: u16 = 53;
/// Bytes of the file that are read.
const LARGEST: u64 = 64 << 10;
/// More than the C library's three: a list that is longer does no harm.
const MOST: usize = 8;
const LONGEST_SECONDS: u8 = 30;
const MOST_ATTEMPTS: u8 = 5;

/// What such a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) timeout: Option<u8>,
    pub(crate) attempts: Option<u8>,
}

/// The file that names the host's servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where servers at loopback addresses are reached instead: those of the host are not those of a user's network.
    pub loopback: Option<IpAddr>,
}

impl<P: AsRef<Path> + ?Sized> From<&P> for HostFile {
    fn from(path: &P) -> Self {
        Self { path: path.as_ref().to_owned(), loopback: None }
    }
}

/// The servers of the file, and which state of the file they are of.
#[derive(Debug)]
pub(crate) struct HostServers {
    file: HostFile,
    state: Option<State>,
    servers: Rc<Servers>,
}

/// Which file it is and when it was changed; of what a link leads to, which systemd-resolved and resolvconf replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    device: u64,
    inode: u64,
    size: i64,
    changed: (i64, i64),
}

impl HostServers {
    pub(crate) fn of(file: HostFile) -> Self {
        let servers = Rc::new(Servers::of(&Configuration::default()));
        Self { file, state: None, servers }
    }

    /// Those of now: a stat(2) for each question that is handed on, which is a hundredth of what that costs.
    pub(crate) fn current(&mut self) -> Rc<Servers> {
        let state = self.look();
        // While it is being replaced there may be none; what was said last holds on.
        if state.is_some() && state != self.state {
            if let Ok(text) = self.read() {
                self.servers = Rc::new(Servers::of(&self.reached(Configuration::parse(&text))));
            }
            self.state = state;
        }
        if self.servers.addresses.is_empty() {
            self.servers = Rc::new(Servers::of(&self.reached(Configuration::default())));
        }
        Rc::clone(&self.servers)
    }

    fn reached(&self, configuration: Configuration) -> Configuration {
        let mut configuration = configuration.or_local();
        if let Some(instead) = self.file.loopback {
            for server in &mut configuration.servers {
                if server.ip().is_loopback() {
                    *server = SocketAddr::new(instead, PORT);
                }
            }
        }
        configuration
    }

    #[expect(
        clippy::cast_possible_wrap,
        clippy::useless_conversion,
        reason = "types differ by machine"
    )]
    fn look(&self) -> Option<State> {
        let state = rustix::fs::stat(&self.file.path).ok()?;
        Some(State {
            device: state.st_dev.into(),
            inode: state.st_ino.into(),
            size: state.st_size.into(),
            changed: (state.st_ctime.into(), state.st_ctime_nsec as i64),
        })
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        use std::io::Read;
        let mut text = Vec::new();
        std::fs::File::open(&self.file.path)?.take(LARGEST).read_to_end(&mut text)?;
        Ok(text)
    }
}

impl Configuration {
    /// Reads a file. What is not understood is passed over, as the C library does.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut found = Self::default();
        for line in String::from_utf8_lossy(text).lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(server);
                    found.servers.extend(server.filter(|_| found.servers.len() < MOST));
                }
                Some("options") => words.for_each(|option| found.option(option)),
                _ => {}
            }
        }
        found
    }

    fn option(&mut self, option: &str) {
        match option.split_once(':') {
            Some(("timeout", value)) => self.timeout = value.parse().ok(),
            Some(("attempts", value)) => self.attempts = value.parse().ok(),
            _ => {}
        }
    }

    /// Without servers it is the one of this machine.
    fn or_local(mut self) -> Self {
        if self.servers.is_empty() {
            self.servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        }
        self
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        let seconds = self.timeout?.clamp(1, LONGEST_SECONDS);
        Some(Duration::from_secs(seconds.into()))
    }

    pub(crate) fn attempts(&self) -> Option<usize> {
        self.attempts.map(|attempts| attempts.clamp(1, MOST_ATTEMPTS).into())
    }
}

/// An address, for one of a link with the interface's name or number behind a `%`. RFC 4007, 11.
fn server(text: &str) -> Option<SocketAddr> {
    let Some((address, zone)) = text.split_once('%') else {
        return text.parse().ok().map(|address: IpAddr| SocketAddr::new(address, PORT));
    };
    let index = zone.parse().ok().or_else(|| interface(zone))?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, index).into())
}

fn interface(name: &str) -> Option<u32> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
    let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
    let socket = socket_with(AddressFamily::INET, kind, flags, None).ok()?;
    netdevice::name_to_index(socket, name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_options_are_read_as_the_c_library_does() {
        let text = b"# nameserver 1.1.1.1\nsearch a b\nnameserver 127.0.0.53 # here\n\
            nameserver\tfe80::1%1\nnameserver none\noptions edns0 timeout:99 attempts:0 x:y\n\xff\n";
        let read = Configuration::parse(text);
        let servers: Vec<_> = read.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["127.0.0.53:53", "[fe80::1%1]:53"]);
        assert_eq!(read.timeout(), Some(Duration::from_secs(30)));
        assert_eq!(read.attempts(), Some(1));
    }

    #[test]
    fn a_file_that_changes_is_read_again_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let write = |name: &str, text: &str| {
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            std::fs::write(at(name), text).unwrap();
        };
        std::os::unix::fs::symlink(at("real"), at("resolv.conf")).unwrap();
        let mut host = HostServers::of(HostFile::from(&at("resolv.conf")));
        let mut first = || host.current().addresses[0].ip().to_string();
        assert_eq!(first(), "127.0.0.1");
        write("real", "nameserver 10.0.0.1");
        assert_eq!(first(), "10.0.0.1");
        write("other", "nameserver 10.0.0.2");
        std::fs::rename(at("other"), at("real")).unwrap();
        assert_eq!(first(), "10.0.0.2");
        std::fs::remove_file(at("real")).unwrap();
        assert_eq!(first(), "10.0.0.2");
        write("real", "nameserver 127.0.0.53\nnameserver 10.0.0.3");
        let loopback = Some([10, 0, 2, 3].into());
        let file = HostFile { path: at("resolv.conf"), loopback };
        let servers = HostServers::of(file).current();
        let servers: Vec<_> =
            servers.addresses.iter().map(|server| server.ip().to_string()).collect();
        assert_eq!(servers, ["10.0.2.3", "10.0.0.3"]);
    }
}
