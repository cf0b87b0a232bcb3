//! Lines into systemd's journal: a datagram for each entry, see systemd.journal-fields(7) and "Native Journal Protocol" of systemd's
//! documentation. An entry that no datagram carries goes as a sealed file of memory.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::socket::{Address, Link, Sent};
use super::{JournaldRules, Line, Put, Sink};
use crate::outputs::Stream;

const SOCKET: &str = "/run/systemd/journal/socket";

pub(super) struct Journald {
    link: Link,
    /// The fields that all entries have.
    fields: Vec<u8>,
    entry: Vec<u8>,
}

impl Journald {
    pub(super) fn connect(rules: &JournaldRules) -> Result<Self, String> {
        let link = Link::connect(Address::UnixDatagram(SOCKET.into())).map_err(|errno| {
            format!(
                "journald is not enabled on this host: connect to {SOCKET}: {}",
                sys::Errno::from(errno)
            )
        })?;
        let mut fields = Vec::new();
        for (name, value) in &rules.fields {
            field(&mut fields, name, value.as_bytes());
        }
        Ok(Self { link, fields, entry: Vec::new() })
    }
}

/// `NAME=value`, or with its length where it has line ends.
fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn entry(out: &mut Vec<u8>, line: &Line<'_>) {
    field(out, "MESSAGE", line.text.strip_suffix(b"\n").unwrap_or(line.text));
    // syslog(3): LOG_INFO, LOG_ERR.
    field(out, "PRIORITY", if line.stream == Stream::Stdout { b"6" } else { b"3" });
    field(out, "SYSLOG_TIMESTAMP", line.time.as_bytes());
    let Some(part) = line.part else { return };
    field(out, "CONTAINER_PARTIAL_ID", format!("{:016x}", part.line).as_bytes());
    field(out, "CONTAINER_PARTIAL_ORDINAL", part.ordinal.to_string().as_bytes());
    field(out, "CONTAINER_PARTIAL_LAST", if part.is_last { b"true" } else { b"false" });
    if !part.is_last {
        field(out, "CONTAINER_PARTIAL_MESSAGE", b"true");
    }
}

fn sealed(parts: &[&[u8]]) -> rustix::io::Result<OwnedFd> {
    let file = memfd_create("journal-entry", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let count = rustix::io::write(&file, rest)?;
            rest = rest.get(count..).unwrap_or_default();
        }
    }
    fcntl_add_seals(
        &file,
        SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
    )?;
    Ok(file)
}

impl Sink for Journald {
    fn put(&mut self, line: &Line<'_>) -> Put {
        self.entry.clear();
        entry(&mut self.entry, line);
        let parts: [&[u8]; 2] = [&self.entry, &self.fields];
        match self.link.send(&parts, None) {
            Sent::Put(put) => put,
            Sent::TooLarge => {
                let Ok(file) = sealed(&parts) else { return Put::Lost };
                match self.link.send(&[&[]], Some(file.as_fd())) {
                    Sent::Put(put) => put,
                    Sent::TooLarge => Put::Lost,
                }
            }
        }
    }

    fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        self.link.waits_for()
    }

    fn resume(&mut self) {
        self.link.resume();
    }

    fn why_lost(&self) -> &'static str {
        "journald was not there"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Part;

    #[test]
    fn entries_have_the_journals_form() {
        let mut out = Vec::new();
        let part = Some(Part { line: 255, ordinal: 2, is_last: false });
        let line = Line { stream: Stream::Stderr, text: b"a=b", part, time: "T" };
        entry(&mut out, &line);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "MESSAGE=a=b\nPRIORITY=3\nSYSLOG_TIMESTAMP=T\nCONTAINER_PARTIAL_ID=00000000000000ff\n\
             CONTAINER_PARTIAL_ORDINAL=2\nCONTAINER_PARTIAL_LAST=false\nCONTAINER_PARTIAL_MESSAGE=true\n"
        );
        out.clear();
        field(&mut out, "LABEL", b"x\ny");
        assert_eq!(out, b"LABEL\n\x03\0\0\0\0\0\0\0x\ny\n");
    }

    #[test]
    fn a_large_entry_is_sealed() {
        let file = sealed(&[b"ab", b"cd"]).unwrap();
        assert!(rustix::io::write(&file, b"e").is_err());
        let mut bytes = [0; 8];
        assert_eq!(rustix::io::pread(&file, &mut bytes, 0).unwrap(), 4);
        assert_eq!(&bytes[..4], b"abcd");
    }
}
