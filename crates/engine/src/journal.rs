//! Lines of containers in systemd's journal, as journalctl(1) writes them. Sources: its manual page; "Journal JSON Format" and "Journal
//! Export Formats" of systemd's documentation.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};
use spec::ContainerId;

/// Fields of every entry: what is left, and not the journal's own, was asked for by the container's options.
const OURS: [&str; 14] = [
    "CONTAINER_ID",
    "CONTAINER_ID_FULL",
    "CONTAINER_NAME",
    "CONTAINER_TAG",
    "IMAGE_NAME",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_TIMESTAMP",
    "MESSAGE",
    "PRIORITY",
    "CONTAINER_PARTIAL_ID",
    "CONTAINER_PARTIAL_ORDINAL",
    "CONTAINER_PARTIAL_LAST",
    "CONTAINER_PARTIAL_MESSAGE",
    "TID",
];

/// The command that writes a container's last entries, or all, one on each line of its output; and goes on with those that come.
#[must_use]
pub fn journal_command(id: &ContainerId, tail: Option<u64>, follow: bool) -> Command {
    let lines = tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string());
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--no-pager", "--all", "--output=json"]);
    command.arg(format!("CONTAINER_ID_FULL={}", id.as_str())).args(["--lines", &lines]);
    command.args(follow.then_some("--follow")).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// An entry: a line that a container has written, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    fields: Map<String, Value>,
}

impl JournalEntry {
    /// Out of a line of that output; nothing where it is none.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().map(|fields| Self { fields })
    }

    /// When it was written, as RFC 3339 has it.
    #[must_use]
    pub fn time(&self) -> &str {
        self.text("SYSLOG_TIMESTAMP")
    }

    /// Whether it went to standard error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.text("PRIORITY") == "3"
    }

    /// What the container's options wanted beside it.
    #[must_use]
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let is_own = |name: &str| !name.starts_with('_') && !OURS.contains(&name);
        let own = self.fields.iter().filter(|(name, _)| is_own(name));
        own.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// Its bytes, with the line's end where this is it.
    pub fn append_text(&self, out: &mut Vec<u8>) {
        match self.fields.get("MESSAGE") {
            Some(Value::String(message)) => out.extend_from_slice(message.as_bytes()),
            // What is no text comes as a list of bytes.
            Some(Value::Array(bytes)) => out.extend(
                bytes
                    .iter()
                    .filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())),
            ),
            _ => {}
        }
        if self.text("CONTAINER_PARTIAL_MESSAGE") != "true" {
            out.push(b'\n');
        }
    }

    fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Vec<u8> {
        let mut out = Vec::new();
        JournalEntry::parse(line.as_bytes()).unwrap().append_text(&mut out);
        out
    }

    #[test]
    fn entries_are_read() {
        let line = r#"{"MESSAGE":"one","PRIORITY":"3","SYSLOG_TIMESTAMP":"2026-01-01T00:00:00Z","K":"v","_PID":"1"}"#;
        let entry = JournalEntry::parse(line.as_bytes()).unwrap();
        assert!(entry.is_error());
        assert_eq!(entry.time(), "2026-01-01T00:00:00Z");
        assert_eq!(entry.attributes(), BTreeMap::from([("K".to_owned(), "v".to_owned())]));
        assert_eq!(text(line), b"one\n");
        assert_eq!(text(r#"{"MESSAGE":[0,255],"CONTAINER_PARTIAL_MESSAGE":"true"}"#), [0, 255]);
        assert_eq!(JournalEntry::parse(b"-- No entries --"), None);
    }
}
