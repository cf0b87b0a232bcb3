//! `ls --nesting`: containers inside of containers that run.
//!
//! Nothing of this program runs in there: the container's own `lxc-ls`, or `corten`, is asked, and what it prints is no more than text.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Stdio;

use super::call::Call;
use super::ls::Entry;
use crate::failure::Failure;

/// Levels where no number is named, as with LXC.
const LEVELS: usize = 5;
/// Bytes of a list.
const MOST_LISTED: u64 = 1 << 20;
/// Behind its name are the words for the tool, whichever there is.
const ASK: &str = "command -v lxc-ls > /dev/null && exec lxc-ls \"$@\"; command -v corten > /dev/null && exec corten lxc ls \"$@\"";

/// What a tool inside says of a container.
pub(super) struct Inside {
    cells: BTreeMap<String, String>,
}

impl Inside {
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(String::as_str)
    }
}

/// Adds what is inside of those that run, each behind the one that it is in. `format` has the columns of a table.
pub(super) fn with(
    call: &Call,
    entries: Vec<Entry>,
    format: Option<&str>,
) -> Result<Vec<Entry>, Failure> {
    let levels = match call.matches.value("nesting") {
        None => return Ok(entries),
        Some(text) => text.parse().unwrap_or(LEVELS),
    };
    let mut all = Vec::new();
    for entry in entries {
        let is_asked = levels > 0 && entry.state == "RUNNING";
        let parent = entry.name.clone();
        all.push(entry);
        if is_asked {
            let text = ask(call, &parent, format.unwrap_or_default(), levels - 1)?;
            all.extend(read(&text, &parent, format.is_some()));
        }
    }
    Ok(all)
}

/// What the tool inside prints; nothing where there is none.
fn ask(call: &Call, name: &str, format: &str, levels: usize) -> Result<String, Failure> {
    let matches = &call.matches;
    let mut command = call.command()?;
    command.arg("attach").arg("-P").arg(call.directory()?.path());
    command.args(["-n", name, "--clear-env", "--", "/bin/sh", "-c", ASK, "sh"]);
    // The same directory inside, where one is named.
    if let Some(path) = matches.values("lxcpath").next() {
        command.args(["-P", path]);
    }
    command.arg("-f").arg(format!("-FNAME,{format}").trim_end_matches(','));
    for flag in ["active", "running", "frozen", "stopped", "defined"] {
        command.args(matches.on(flag).then(|| format!("--{flag}")));
    }
    let pattern = matches.value("filter").or(call.words.first().map(String::as_str));
    command.args(pattern.map(|pattern| format!("--filter={pattern}")));
    command.args(matches.value("groups").map(|groups| format!("--groups={groups}")));
    if levels > 0 {
        command.arg(format!("--nesting={levels}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let program = command.get_program().to_owned();
    let failed = |error| Failure::file("run", program.display())(error);
    let mut child = command.spawn().map_err(failed)?;
    let mut bytes = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(MOST_LISTED).read_to_end(&mut bytes).map_err(failed)?;
    }
    // How it ended says whether there is such a tool, and that says the text, too.
    child.wait().map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Rows of a table, whose columns begin where their names do. A name stands behind a backslash, one column further right at each level.
fn read(text: &str, parent: &str, is_table: bool) -> Vec<Entry> {
    let mut lines = text.lines().map(|line| line.chars().collect::<Vec<char>>());
    let Some(head) = lines.next() else { return Vec::new() };
    let begins_word = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| head.get(before));
        head.get(*at).is_some_and(|own| *own != ' ') && before.is_none_or(|before| *before == ' ')
    };
    let starts: Vec<usize> = (0..head.len()).filter(begins_word).collect();
    let cell = |line: &[char], column: usize| {
        let from = starts.get(column).copied().unwrap_or(line.len()).min(line.len());
        let to = starts.get(column + 1).copied().unwrap_or(line.len()).clamp(from, line.len());
        line[from..to].iter().collect::<String>().trim_end().to_owned()
    };
    let mut path = Vec::new();
    let mut entries = Vec::new();
    for line in lines {
        let shown = cell(&line, 0);
        let (level, name) = match shown.split_once('\\') {
            Some((blanks, name)) if blanks.trim().is_empty() => (blanks.len() + 1, name),
            _ => (0, shown.as_str()),
        };
        if name.is_empty() {
            continue;
        }
        path.truncate(level);
        path.push(name.to_owned());
        let mut cells: BTreeMap<String, String> = (0..starts.len())
            .map(|column| (cell(&head, column), cell(&line, column).trim_start().to_owned()))
            .collect();
        cells.insert("NAME".to_owned(), format!("{:>width$}{name}", "\\", width = path.len()));
        let name = if is_table { name.to_owned() } else { format!("{parent}/{}", path.join("/")) };
        let inside = Some(Inside { cells });
        entries.push(Entry { name, state: "", document: None, known: None, inside });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_its_columns() {
        let text = "NAME    STATE   IPV4              \nweb     RUNNING 10.0.0.1, 10.0.0.2 \n\\inner  STOPPED -                 \n \\deep  RUNNING -                 \nother   STOPPED -                 \n";
        let entries = read(text, "one", false);
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["one/web", "one/web/inner", "one/web/inner/deep", "one/other"]);
        let cells = |column: &str| {
            let cell = |entry: &Entry| entry.inside.as_ref()?.cell(column).map(str::to_owned);
            entries.iter().map(|entry| cell(entry).unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(cells("NAME"), ["\\web", " \\inner", "  \\deep", "\\other"]);
        assert_eq!(cells("STATE"), ["RUNNING", "STOPPED", "RUNNING", "STOPPED"]);
        assert_eq!(cells("IPV4"), ["10.0.0.1, 10.0.0.2", "-", "-", "-"]);
        assert!(read("", "one", true).is_empty());
    }
}
