//! Descriptors in JSON: what one is that has come, and which one is to be sent.
//!
//! ```text
//! {"$descriptor": {"name": "1.1.Log", "kind": "file", "path": "/var/log/x", "flags": ["write", "append"], "size": 120}}
//! {"$descriptor": {"name": "1.1.At", "kind": "socket", "type": "stream", "local": "127.0.0.1:80", "listens": true, …}}
//! {"$descriptor": PATH}, {"$descriptor": {"path": PATH, "flags": ["read", "write", "create"]}}
//! ```
//!
//! What is printed of a file can be sent. Nobody who serves a file system is asked for anything, since FUSE's may never answer. Start at
//! [`describe`] and [`open`]. Sources: statx(2), fcntl(2), proc_pid_fd(5), socket(7).

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatxFlags, statx};
use rustix::net::{SocketAddrAny, SocketAddrUnix, SocketType, sockopt};

use crate::json::Json;
use crate::notation::{BadNotation, Kind};

/// What a descriptor was opened for, beside reading and writing.
const FLAGS: [(&str, OFlags); 6] = [
    ("append", OFlags::APPEND),
    ("nonblock", OFlags::NONBLOCK),
    ("create", OFlags::CREATE),
    ("truncate", OFlags::TRUNC),
    ("direct", OFlags::DIRECT),
    ("path", OFlags::PATH),
];
/// Of a file that is made, before the umask.
const MODE: u32 = 0o666;

/// A descriptor that has come.
pub(crate) struct Described {
    pub(crate) json: Json,
    /// Whether it has bytes that somebody may wait for: those of terminals and devices, and what comes to a port, are somebody else's.
    pub(crate) is_read: bool,
}

/// What a descriptor is, under a name.
pub(crate) fn describe(descriptor: impl AsFd, name: &str) -> Described {
    let descriptor = descriptor.as_fd();
    let what = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let status = statx(descriptor, c"", what, StatxFlags::TYPE | StatxFlags::SIZE).ok();
    let kind = status.map(|status| FileType::from_raw_mode(status.stx_mode.into()));
    let flags = rustix::fs::fcntl_getfl(descriptor).unwrap_or(OFlags::RDWR);
    let mut said = vec![("name", Json::text(name))];
    let mut is_read = !flags.contains(OFlags::PATH) && flags & OFlags::RWMODE != OFlags::WRONLY;
    let link = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
    let link = link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
    // What has no path is called "pipe:[123]" and the like.
    let path = Some(link.as_str()).filter(|link| link.starts_with('/'));
    said.push(("kind", Json::text(word(kind, descriptor, &link))));
    if kind == Some(FileType::Socket) {
        let (socket, has_bytes) = socket(descriptor);
        is_read &= has_bytes;
        said.extend(socket);
    } else {
        is_read &= matches!(kind, Some(FileType::RegularFile | FileType::Fifo));
        said.extend(path.map(|path| ("path", Json::text(path))));
    }
    said.push(("flags", Json::Array(flag_names(flags).map(Json::text).collect())));
    if let (Some(FileType::RegularFile), Some(status)) = (kind, status) {
        said.push(("size", crate::notation::of_unsigned(status.stx_size)));
    }
    let said = said.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Described { json: Json::pair(Kind::Descriptor.key(), Json::Object(said)), is_read }
}

fn word(kind: Option<FileType>, descriptor: BorrowedFd<'_>, link: &str) -> String {
    let word = match kind {
        Some(FileType::RegularFile) => "file",
        Some(FileType::Directory) => "directory",
        Some(FileType::Symlink) => "symlink",
        Some(FileType::Fifo) => "pipe",
        Some(FileType::Socket) => "socket",
        Some(FileType::CharacterDevice) if rustix::termios::isatty(descriptor) => "terminal",
        Some(FileType::CharacterDevice | FileType::BlockDevice) => "device",
        // "anon_inode:[eventfd]", for example.
        Some(FileType::Unknown) | None => {
            let name = link.rsplit(':').next().unwrap_or_default();
            return name.trim_matches(['[', ']']).to_owned();
        }
    };
    word.to_owned()
}

fn flag_names(flags: OFlags) -> impl Iterator<Item = &'static str> {
    let (reads, writes) = match flags & OFlags::RWMODE {
        _ if flags.contains(OFlags::PATH) => (false, false),
        OFlags::WRONLY => (false, true),
        OFlags::RDWR => (true, true),
        _ => (true, false),
    };
    let others = FLAGS.into_iter().filter(move |(_, flag)| flags.contains(*flag));
    let access = [("read", reads), ("write", writes)].into_iter().filter(|(_, on)| *on);
    access.map(|(name, _)| name).chain(others.map(|(name, _)| name))
}

/// What a socket is, and whether it has bytes of one peer's.
fn socket(socket: BorrowedFd<'_>) -> (Vec<(&'static str, Json)>, bool) {
    let kind = sockopt::socket_type(socket).ok();
    let listens = sockopt::socket_acceptconn(socket).unwrap_or(false);
    let name = match kind {
        Some(SocketType::STREAM) => "stream",
        Some(SocketType::DGRAM) => "datagram",
        Some(SocketType::SEQPACKET) => "packets",
        _ => "other",
    };
    let mut said = vec![("type", Json::text(name))];
    let (local, peer) = (rustix::net::getsockname(socket), rustix::net::getpeername(socket));
    let is_connected = peer.is_ok();
    for (key, address) in [("local", local.ok()), ("peer", peer.ok().flatten())] {
        let address = address.and_then(address_words);
        said.extend(address.map(|address| (key, Json::Text(address))));
    }
    if listens {
        said.push(("listens", Json::Bool(true)));
    }
    (said, kind == Some(SocketType::STREAM) && !listens && is_connected)
}

/// An address; nothing of a socket without a name.
fn address_words(address: SocketAddrAny) -> Option<String> {
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return Some(address.to_string());
    }
    let address = SocketAddrUnix::try_from(address).ok()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    // One without a name may come as an abstract one of no bytes.
    let name = address.abstract_name().filter(|name| !name.is_empty());
    let named = name.map(|name| format!("@{}", text(name)));
    named.or_else(|| address.path_bytes().map(text))
}

/// The descriptor that is to be sent. May block.
pub(crate) fn open(content: &Json) -> Result<libchan::Descriptor, BadNotation> {
    const WANTED: &str = "a path, or {\"path\": …, \"flags\": [\"read\", \"write\", …]}";
    let wrong = || BadNotation::Content { key: Kind::Descriptor.key(), wanted: WANTED };
    let (path, flags) = match content {
        Json::Text(path) => (path, None),
        Json::Object(pairs) => {
            let value = |name| pairs.iter().find_map(|(key, value)| (key == name).then_some(value));
            let Some(Json::Text(path)) = value("path") else { return Err(wrong()) };
            (path, value("flags"))
        }
        Json::Null
        | Json::Bool(_)
        | Json::Signed(_)
        | Json::Unsigned(_)
        | Json::Float(_)
        | Json::Array(_) => return Err(wrong()),
    };
    let flags = match flags {
        None => OFlags::RDONLY,
        Some(flags) => open_flags(flags).ok_or_else(wrong)?,
    };
    // NOCTTY: a terminal is not to become that of this program.
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::fs::open(path.as_str(), flags, Mode::from_raw_mode(MODE));
    let file =
        file.map_err(|errno| BadNotation::File { path: path.to_owned(), cause: errno.into() })?;
    Ok(file.into())
}

fn open_flags(names: &Json) -> Option<OFlags> {
    let Json::Array(names) = names else { return None };
    let (mut reads, mut writes, mut flags) = (false, false, OFlags::empty());
    for name in names {
        let Json::Text(name) = name else { return None };
        match name.as_str() {
            "read" => reads = true,
            "write" => writes = true,
            name => flags |= FLAGS.iter().find(|(known, _)| *known == name)?.1,
        }
    }
    Some(match (reads, writes) {
        (true, true) => flags | OFlags::RDWR,
        (false, true) => flags | OFlags::WRONLY,
        (_, false) => flags | OFlags::RDONLY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(descriptor: impl AsFd) -> (String, bool) {
        let Described { json, is_read } = describe(descriptor, "1.1.X");
        let text = json.to_string();
        let head = r#"{"$descriptor":{"name":"1.1.X","kind":""#;
        (text.strip_prefix(head).unwrap_or(&text).to_owned(), is_read)
    }

    #[test]
    fn what_it_is_is_told() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let words = r#"device","path":"/dev/null","flags":["read"]}}"#;
        assert_eq!(described(&null), (words.to_owned(), false));
        let directory = std::fs::File::open("/dev").unwrap();
        assert!(described(&directory).0.starts_with(r#"directory","path":"/dev","flags":["read""#));
        let (read, write) = std::io::pipe().unwrap();
        assert_eq!(described(&read), (r#"pipe","flags":["read"]}}"#.to_owned(), true));
        assert_eq!(described(&write), (r#"pipe","flags":["write"]}}"#.to_owned(), false));
        let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
        assert_eq!(described(&event), (r#"eventfd","flags":["read","write"]}}"#.to_owned(), false));
        let terminal = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).unwrap();
        let (terminal, is_read) = described(&terminal);
        assert!(terminal.starts_with(r#"terminal","path":"/dev/p"#) && !is_read, "{terminal}");
    }

    #[test]
    fn sockets_have_addresses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let flags = r#""flags":["read","write"]}}"#;
        let words = format!(r#"socket","type":"stream","local":"{local}","listens":true,{flags}"#);
        assert_eq!(described(&listener), (words, false));
        let stream = std::net::TcpStream::connect(local).unwrap();
        let own = stream.local_addr().unwrap();
        let words = format!(r#"socket","type":"stream","local":"{own}","peer":"{local}",{flags}"#);
        assert_eq!(described(&stream), (words, true));
        let packets = std::net::UdpSocket::bind("[::1]:0").unwrap();
        let local = packets.local_addr().unwrap();
        let words = format!(r#"socket","type":"datagram","local":"{local}",{flags}"#);
        assert_eq!(described(&packets), (words, false));
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let words = format!(r#"socket","type":"stream",{flags}"#);
        assert_eq!(described(&near), (words, true));
    }

    #[test]
    fn what_is_printed_of_a_file_can_be_opened() {
        let path = std::env::current_exe().unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let json = describe(&file, "1.1.X").json;
        let Json::Object(pairs) = json else { panic!("{json}") };
        let (key, content) = &pairs[0];
        assert_eq!(key, Kind::Descriptor.key());
        let again = describe(open(content).unwrap(), "1.1.X").json;
        assert_eq!(again, Json::Object(pairs));
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for text in [
            "1",
            "[]",
            "{}",
            r#"{"path":1}"#,
            r#"{"path":"/","flags":"read"}"#,
            r#"{"path":"/","flags":["x"]}"#,
        ] {
            let content: Json = serde_json::from_str(text).unwrap();
            assert!(matches!(open(&content), Err(BadNotation::Content { .. })), "{text}");
        }
    }
}
