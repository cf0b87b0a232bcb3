//! A configuration file as lines: what each is, and how entries are added, changed and taken away without touching the others.
//!
//! Never looks at what keys mean. Start at [`Text::read`] and [`entry`]. Source: lxc.container.conf(5), and how LXC 5 and 6 behave.

use super::problem::Problem;

/// A file's lines, without what ended them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    lines: Vec<Vec<u8>>,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'text> {
    /// Blank, or a comment.
    Silent,
    /// Not an entry of LXC's: it does not begin with `lxc.`. LXC passes over it, so others keep notes of theirs in its files.
    Foreign,
    /// `KEY = VALUE`; an empty value clears the key.
    Entry {
        /// As it is written.
        key: &'text str,
        /// Without blanks and quotes around it.
        value: &'text str,
    },
}

/// What a line is. Blanks around key and value do not count, and quotes do not that are the value's first and last character.
///
/// # Errors
/// For a line that begins like an entry and is none, and for an entry that is not UTF-8.
pub fn entry(line: &[u8]) -> Result<Line<'_>, Problem> {
    if line.contains(&0) {
        return Err(Problem::Zero);
    }
    let line = trimmed(line);
    if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')) || line.starts_with(b"#") {
        return Ok(Line::Silent);
    }
    if !line.starts_with(b"lxc.") {
        return Ok(Line::Foreign);
    }
    let line = std::str::from_utf8(line).map_err(|_utf8| Problem::NotText)?;
    let (key, value) = line.split_once('=').ok_or(Problem::NotAnEntry)?;
    let blanks = [' ', '\t'];
    Ok(Line::Entry {
        key: key.trim_end_matches(blanks),
        value: unquoted(value.trim_matches(blanks)),
    })
}

fn trimmed(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

fn unquoted(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

/// A value in such form that it is read as what it is.
#[must_use]
pub(crate) fn quoted(value: &str) -> String {
    let blank = |at: Option<char>| at.is_some_and(|letter| matches!(letter, ' ' | '\t'));
    let quotes = unquoted(value).len() != value.len();
    if quotes || blank(value.chars().next()) || blank(value.chars().next_back()) {
        format!("\"{value}\"")
    } else {
        value.to_owned()
    }
}

impl Text {
    /// The lines of a file. A line ends with a newline, a carriage return, or both.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end =
                rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
            lines.push(rest[..end].to_vec());
            let both = rest[end..].starts_with(b"\r\n");
            rest = rest.get(end + 1 + usize::from(both)..).unwrap_or_default();
        }
        Self { lines }
    }

    /// The lines, the first first.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(Vec::as_slice)
    }

    /// The file: each line with a newline after it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect()
    }

    /// Adds a line `KEY = VALUE` at the end, as LXC writes it.
    pub fn append(&mut self, key: &str, value: &str) {
        let line = if value.is_empty() {
            format!("{key} =")
        } else {
            format!("{key} = {}", quoted(value))
        };
        self.lines.push(line.into_bytes());
    }

    /// Takes away every entry whose key is to go.
    pub fn remove(&mut self, goes: &dyn Fn(&str) -> bool) {
        self.lines.retain(|line| !matches!(entry(line), Ok(Line::Entry { key, .. }) if goes(key)));
    }

    /// Puts another value into the entries of which `change` makes one; key, blanks before the value and all else stay.
    pub fn change(&mut self, change: &mut dyn FnMut(&str, &str) -> Option<String>) {
        for line in &mut self.lines {
            let Ok(Line::Entry { key, value }) = entry(line) else { continue };
            let Some(new) = change(key, value) else { continue };
            let assign = line.iter().position(|byte| *byte == b'=').map_or(line.len(), |at| at + 1);
            let blanks =
                line[assign..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            line.truncate(assign + blanks);
            line.extend_from_slice(quoted(&new).as_bytes());
        }
    }

    /// Puts another value into the last entry that has the key and takes away those before it; without one it is added.
    pub fn put(&mut self, key: &str, value: &str) {
        let entries = self.lines.iter().filter(|line| is_entry_of(line, key)).count();
        if entries == 0 {
            return self.append(key, value);
        }
        let mut seen = 0;
        self.lines.retain(|line| {
            let entry = is_entry_of(line, key);
            seen += usize::from(entry);
            !entry || seen == entries
        });
        self.change(&mut |known, _| (known == key).then(|| value.to_owned()));
    }

    /// Puts other lines in place of each: none, one, or more.
    pub(crate) fn replace(&mut self, with: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>) {
        self.lines = self.lines.iter().filter_map(|line| with(line)).collect();
    }
}

fn is_entry_of(line: &[u8], wanted: &str) -> bool {
    matches!(entry(line), Ok(Line::Entry { key, .. }) if key == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Line<'_> {
        entry(line.as_bytes()).expect(line)
    }

    #[test]
    fn lines_are_what_lxc_takes_them_for() {
        assert_eq!(read(""), Line::Silent);
        assert_eq!(read(" \t\u{c}"), Line::Silent);
        assert_eq!(read("  # lxc.uts.name = a"), Line::Silent);
        assert_eq!(read("security.level = high"), Line::Foreign);
        for (line, key, value) in [
            ("lxc.uts.name = web", "lxc.uts.name", "web"),
            ("\t lxc.uts.name\t=\tweb\t ", "lxc.uts.name", "web"),
            ("lxc.uts.name=web", "lxc.uts.name", "web"),
            ("lxc.uts.name =", "lxc.uts.name", ""),
            ("lxc.uts.name = ''", "lxc.uts.name", ""),
            ("lxc.uts.name = \" a b \"", "lxc.uts.name", " a b "),
            ("lxc.uts.name = 'a\"", "lxc.uts.name", "'a\""),
            ("lxc.uts.name = '", "lxc.uts.name", "'"),
            ("lxc.environment = A=B=C # D", "lxc.environment", "A=B=C # D"),
        ] {
            assert_eq!(read(line), Line::Entry { key, value }, "{line}");
        }
        assert!(matches!(entry(b"lxc.uts.name web"), Err(Problem::NotAnEntry)));
        assert!(matches!(entry(b"lxc.uts.name = \xff"), Err(Problem::NotText)));
        assert!(matches!(entry(b"lxc.uts\0"), Err(Problem::Zero)));
        assert_eq!(entry(b"# caf\xe9").ok(), Some(Line::Silent));
    }

    #[test]
    fn lines_end_in_three_ways() {
        let text = Text::read(b"a\r\nb\rc\n\nd");
        assert_eq!(text.lines().collect::<Vec<_>>(), [&b"a"[..], b"b", b"c", b"", b"d"]);
        assert_eq!(text.to_bytes(), b"a\nb\nc\n\nd\n");
        assert_eq!(Text::read(b"").to_bytes(), b"");
    }

    #[test]
    fn changes_leave_the_rest() {
        let mut text = Text::read(b"# a \xe9\nlxc.uts.name=old\nnote = 1\nlxc.net.0.type = veth\nlxc.net.01.type = none\n");
        text.change(&mut |key, value| (key == "lxc.uts.name").then(|| format!("{value}er")));
        text.append("lxc.tty.max", "4");
        text.append("lxc.environment", " A=\" B\" ");
        text.append("lxc.group", "");
        text.remove(&|key| key.starts_with("lxc.net.0."));
        assert_eq!(
            text.to_bytes(),
            b"# a \xe9\nlxc.uts.name=older\nnote = 1\nlxc.net.01.type = none\nlxc.tty.max = 4\nlxc.environment = \" A=\" B\" \"\nlxc.group =\n"
        );
    }

    #[test]
    fn a_value_is_put_where_the_last_one_stood() {
        let mut text = Text::read(b"lxc.tty.max = 1\n# a\n lxc.tty.max=2\nlxc.tty.dir = b\n");
        text.put("lxc.tty.max", "3");
        text.put("lxc.pty.max", "4");
        assert_eq!(text.to_bytes(), b"# a\n lxc.tty.max=3\nlxc.tty.dir = b\nlxc.pty.max = 4\n");
    }
}
