//! A connection to a bus: blocking, with a time limit on everything.
//!
//! Sources: D-Bus Specification, "Authentication Protocol" and "Message Bus Specification"; org.freedesktop.systemd1(5).

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

use super::message::{self, Body, Call, ERROR, FIXED, Message, RETURN, SIGNAL};
use super::{Bus, BusError, Value};

/// How long an answer may take: systemd is busy while a machine starts.
const ANSWER: Duration = Duration::from_secs(25);
/// How long a job may take: a unit's processes are given time to end.
const JOB: Duration = Duration::from_secs(30);

const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// An authenticated connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    /// Whether a bus daemon stands between us and systemd.
    bus: bool,
    serial: u32,
    /// Jobs that have ended: object path and result. They may be told of before the call that made them is answered.
    ended: VecDeque<(String, String)>,
}

impl Connection {
    /// Connects to the first place that answers.
    pub(super) fn open(bus: &Bus) -> Result<Self, BusError> {
        let mut first = None;
        for address in &bus.addresses {
            match Self::connect(address) {
                Ok(connection) => return Ok(connection),
                Err(cause) => first = first.or(Some((address.clone(), cause))),
            }
        }
        let (address, cause) = first.unwrap_or_else(|| {
            (String::new(), io::Error::new(io::ErrorKind::NotFound, "no address is known"))
        });
        Err(BusError::Connect { address, cause })
    }

    fn connect(address: &str) -> io::Result<Self> {
        let private = address == Bus::PRIVATE || address.ends_with(Bus::PRIVATE_OF_USER);
        let stream = match address.strip_prefix('@') {
            Some(name) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?,
            None => UnixStream::connect(address)?,
        };
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let mut connection = Self { stream, bus: !private, serial: 0, ended: VecDeque::new() };
        connection.authenticate()?;
        if connection.bus {
            let daemon = Call {
                destination: "org.freedesktop.DBus",
                path: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "Hello",
            };
            connection.call(daemon, &Body::default()).map_err(io::Error::other)?;
        }
        Ok(connection)
    }

    /// EXTERNAL with an empty identity: the other side takes the one that the kernel tells, also of a process in a user
    /// namespace, where ids differ on both sides.
    fn authenticate(&mut self) -> io::Result<()> {
        self.stream.write_all(b"\0AUTH EXTERNAL\r\n")?;
        let mut answer = self.line()?;
        if answer.starts_with("DATA") {
            self.stream.write_all(b"DATA\r\n")?;
            answer = self.line()?;
        }
        if !answer.starts_with("OK") {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, answer));
        }
        self.stream.write_all(b"BEGIN\r\n")
    }

    /// One line of the authentication; byte by byte, for messages follow the last one.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            if line.len() > 4096 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.stream.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Calls one of systemd's manager.
    pub(super) fn manager(&mut self, member: &str, body: &Body) -> Result<Message, BusError> {
        let call = Call {
            destination: self.destination("org.freedesktop.systemd1"),
            path: "/org/freedesktop/systemd1",
            interface: MANAGER,
            member,
        };
        self.call(call, body)
    }

    /// A text property of the manager.
    pub(super) fn manager_text(&mut self, name: &str) -> Result<String, BusError> {
        let call = Call {
            destination: self.destination("org.freedesktop.systemd1"),
            path: "/org/freedesktop/systemd1",
            interface: "org.freedesktop.DBus.Properties",
            member: "Get",
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let answer = self.call(call, &Body::default().with(&text(MANAGER)).with(&text(name)))?;
        let text = answer.reader().text_variant().map(str::to_owned);
        text.ok_or_else(|| BusError::Unexpected { member: name.to_owned() })
    }

    /// Calls a method that makes a job, and waits for the job's end; returns its result, `done` when all went well.
    pub(super) fn job(&mut self, member: &str, body: &Body) -> Result<String, BusError> {
        self.listen()?;
        let answer = self.manager(member, body)?;
        let job = answer.reader().text().map(str::to_owned);
        let job = job.ok_or_else(|| BusError::Unexpected { member: member.to_owned() })?;
        let deadline = Instant::now() + JOB;
        loop {
            if let Some(at) = self.ended.iter().position(|(ended, _)| *ended == job) {
                let ended = self.ended.remove(at);
                return Ok(ended.map(|(_, result)| result).unwrap_or_default());
            }
            let message = self.receive(deadline, member)?;
            self.note(&message);
        }
    }

    /// Asks for the signals of jobs: from the daemon, then from systemd, which is silent as long as nobody listens.
    fn listen(&mut self) -> Result<(), BusError> {
        if self.bus {
            let daemon = Call {
                destination: "org.freedesktop.DBus",
                path: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "AddMatch",
            };
            let rule = format!("type='signal',interface='{MANAGER}',member='JobRemoved'");
            self.call(daemon, &Body::default().with(&Value::Text(rule)))?;
        }
        match self.manager("Subscribe", &Body::default()) {
            Err(BusError::Refused { name, .. }) if name.ends_with(".AlreadySubscribed") => Ok(()),
            other => other.map(drop),
        }
    }

    fn destination(&self, name: &'static str) -> &'static str {
        if self.bus { name } else { "" }
    }

    fn call(&mut self, call: Call<'_>, body: &Body) -> Result<Message, BusError> {
        self.serial += 1;
        let serial = self.serial;
        let lost = |cause| BusError::Lost { member: call.member.to_owned(), cause };
        let bytes = message::call(serial, call, body)
            .ok_or_else(|| lost(io::Error::from(io::ErrorKind::InvalidInput)))?;
        self.stream.write_all(&bytes).map_err(lost)?;
        let deadline = Instant::now() + ANSWER;
        loop {
            let message = self.receive(deadline, call.member)?;
            match message.kind {
                RETURN if message.reply_to == Some(serial) => return Ok(message),
                ERROR if message.reply_to == Some(serial) => {
                    return Err(BusError::Refused {
                        member: call.member.to_owned(),
                        name: message.error.clone(),
                        text: message.first_text().to_owned(),
                    });
                }
                _ => self.note(&message),
            }
        }
    }

    /// Keeps what a signal tells of a job: `JobRemoved(id, job, unit, result)`.
    fn note(&mut self, message: &Message) {
        if message.kind != SIGNAL || message.member != "JobRemoved" || message.signature != "uoss" {
            return;
        }
        let mut reader = message.reader();
        let ended = || -> Option<(String, String)> {
            reader.u32()?;
            let job = reader.text()?.to_owned();
            reader.text()?;
            Some((job, reader.text()?.to_owned()))
        };
        self.ended.extend({ ended }());
        // Those of others pile up otherwise.
        if self.ended.len() > 256 {
            self.ended.pop_front();
        }
    }

    fn receive(&mut self, deadline: Instant, member: &str) -> Result<Message, BusError> {
        let lost = |cause| BusError::Lost { member: member.to_owned(), cause };
        let mut bytes = vec![0; FIXED];
        self.fill(&mut bytes, deadline).map_err(lost)?;
        let length = bytes.first_chunk().and_then(message::length);
        let length = length.ok_or_else(|| lost(io::ErrorKind::InvalidData.into()))?;
        bytes.resize(length, 0);
        self.fill(&mut bytes[FIXED..], deadline).map_err(lost)?;
        message::parse(&bytes).ok_or_else(|| lost(io::ErrorKind::InvalidData.into()))
    }

    fn fill(&mut self, mut bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => bytes = &mut bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
