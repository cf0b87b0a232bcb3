//! Lines to a receiver of syslog: RFC 3164, RFC 5424, RFC 6587 (a message each line of a stream).

use std::io::Write;
use std::os::fd::BorrowedFd;

use super::socket::{Address, Link, Sent};
use super::{Line, Put, Sink, SyslogAddress, SyslogFormat, SyslogRules};
use crate::outputs::Stream;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// syslog(3).
const LOG_ERR: u8 = 3;
const LOG_INFO: u8 = 6;

pub(super) struct Syslog {
    link: Link,
    rules: SyslogRules,
    message: Vec<u8>,
}

impl Syslog {
    pub(super) fn connect(rules: &SyslogRules) -> Result<Self, String> {
        let (address, words) = match &rules.address {
            SyslogAddress::Unix(path) => (Address::Unix(path.clone()), path.display().to_string()),
            SyslogAddress::Udp(address) => (Address::Udp(*address), format!("udp://{address}")),
            SyslogAddress::Tcp(address) => (Address::Tcp(*address), format!("tcp://{address}")),
        };
        let link = Link::connect(address)
            .map_err(|errno| format!("connect to {words}: {}", sys::Errno::from(errno)))?;
        Ok(Self { link, rules: rules.clone(), message: Vec::new() })
    }
}

/// A message without its line end.
fn message(out: &mut Vec<u8>, rules: &SyslogRules, line: &Line<'_>) {
    let severity = if line.stream == Stream::Stdout { LOG_INFO } else { LOG_ERR };
    let priority = rules.facility * 8 + severity;
    let (host, tag, pid) = (&rules.hostname, &rules.tag, std::process::id());
    let time = line.time;
    // Writing to memory succeeds.
    let _memory = match rules.format {
        SyslogFormat::Local => write!(out, "<{priority}>{} {tag}[{pid}]: ", old_time(time)),
        SyslogFormat::Rfc3164 => {
            write!(out, "<{priority}>{} {host} {tag}[{pid}]: ", old_time(time))
        }
        SyslogFormat::Rfc5424 => {
            let seconds = time.get(..19).unwrap_or_default();
            write!(out, "<{priority}>1 {seconds}Z {host} {tag} {pid} {tag} - ")
        }
        SyslogFormat::Rfc5424Micro => {
            let micro = time.get(..26).unwrap_or_default();
            write!(out, "<{priority}>1 {micro}Z {host} {tag} {pid} {tag} - ")
        }
    };
    out.extend_from_slice(line.text.strip_suffix(b"\n").unwrap_or(line.text));
}

/// `Jan  1 12:00:00`, in UTC.
fn old_time(time: &str) -> String {
    let number = |range| time.get(range).and_then(|text: &str| text.parse::<usize>().ok());
    let month = number(5..7).and_then(|month| MONTHS.get(month - 1)).unwrap_or(&"Jan");
    let (day, clock) = (number(8..10).unwrap_or(1), time.get(11..19).unwrap_or_default());
    format!("{month} {day:2} {clock}")
}

impl Sink for Syslog {
    fn put(&mut self, line: &Line<'_>) -> Put {
        self.message.clear();
        message(&mut self.message, &self.rules, line);
        if self.link.is_stream() {
            self.message.push(b'\n');
        }
        match self.link.send(&[&self.message], None) {
            Sent::Put(put) => put,
            Sent::TooLarge => Put::Lost,
        }
    }

    fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        self.link.waits_for()
    }

    fn resume(&mut self) {
        self.link.resume();
    }

    fn why_lost(&self) -> &'static str {
        "the receiver of syslog was not there"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_the_standards_have_them() {
        let mut rules = SyslogRules {
            address: SyslogAddress::Unix("/dev/log".into()),
            format: SyslogFormat::Local,
            facility: 3,
            tag: "web".to_owned(),
            hostname: "host".to_owned(),
        };
        let pid = std::process::id();
        for (format, stream, expected) in [
            (SyslogFormat::Local, Stream::Stdout, format!("<30>Feb  3 12:34:56 web[{pid}]: x y")),
            (
                SyslogFormat::Rfc3164,
                Stream::Stderr,
                format!("<27>Feb  3 12:34:56 host web[{pid}]: x y"),
            ),
            (
                SyslogFormat::Rfc5424,
                Stream::Stdout,
                format!("<30>1 2026-02-03T12:34:56Z host web {pid} web - x y"),
            ),
            (
                SyslogFormat::Rfc5424Micro,
                Stream::Stdout,
                format!("<30>1 2026-02-03T12:34:56.123456Z host web {pid} web - x y"),
            ),
        ] {
            rules.format = format;
            let mut out = Vec::new();
            let line =
                Line { stream, text: b"x y\n", part: None, time: "2026-02-03T12:34:56.123456789Z" };
            message(&mut out, &rules, &line);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
