//! Processes as a table: of our own making, or of the host's ps(1) where options say what is wanted.

use std::process::Command;

use crate::containers::Containers;
use crate::error::EngineError;
use crate::processes::ProcessRow;

/// Columns of `ps -ef`.
const COLUMNS: [&str; 8] = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
const DAY_S: u64 = 86_400;

impl Containers<'_> {
    /// The processes of a running container as rows of words, the heads of the columns first. With options of ps(1) it is the host's ps that tells, as
    /// Docker does it.
    ///
    /// # Errors
    /// When the container does not run, or ps refuses the options or shows no ids.
    pub fn process_table(
        &self,
        text: &str,
        options: &[String],
    ) -> Result<Vec<Vec<String>>, EngineError> {
        let processes = self.processes(text)?;
        if !options.is_empty() && options != ["-ef"] {
            return ps(&processes, options);
        }
        let now = u64::try_from(crate::words::now()).unwrap_or(0);
        let heads = COLUMNS.map(str::to_owned).to_vec();
        Ok(std::iter::once(heads).chain(processes.iter().map(|own| row(own, now))).collect())
    }
}

fn row(process: &ProcessRow, now: u64) -> Vec<String> {
    let age = now.saturating_sub(process.started_at_s).max(1);
    let started = i64::try_from(process.started_at_s).unwrap_or(i64::MAX);
    let zoned = jiff::Timestamp::from_second(started)
        .map(|time| time.to_zoned_datetime(jiff::tz::TimeZone::system()));
    let time = process.cpu_time_s;
    vec![
        user_name(process.uid),
        process.pid.to_string(),
        process.parent.to_string(),
        (time * 100 / age).min(99).to_string(),
        zoned.map_or_else(
            |_out_of_range| "?".to_owned(),
            |zoned| zoned.strftime(if age < DAY_S { "%H:%M" } else { "%b%d" }).to_string(),
        ),
        process.terminal.clone(),
        format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60),
        process.command.clone(),
    ]
}

/// The host's own name for a user.
fn user_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = uid.to_string();
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines
        .find(|fields| fields.get(2) == Some(&number.as_str()))
        .and_then(|fields| fields.first().map(|&name| name.to_owned()))
        .unwrap_or(number)
}

fn ps(processes: &[ProcessRow], options: &[String]) -> Result<Vec<Vec<String>>, EngineError> {
    let wrong = |why: &str| EngineError::value("ps options", options.join(" "), why);
    let listed = Command::new("ps").args(options).output();
    let listed = listed.map_err(EngineError::file("run", "ps".as_ref()))?;
    if !listed.status.success() {
        let why = String::from_utf8_lossy(&listed.stderr);
        return Err(wrong(why.lines().next().unwrap_or("ps refuses them")));
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let mut lines = text.lines();
    let head: Vec<String> =
        lines.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let column = head.iter().position(|name| name == "PID");
    let column = column.ok_or_else(|| wrong("ps prints no column PID"))?;
    let is_own = |row: &Vec<String>| {
        let pid = row.get(column).and_then(|pid| pid.parse().ok());
        processes.iter().any(|own| Some(own.pid) == pid)
    };
    let rows = lines.map(|line| fields(line, head.len())).filter(is_own).collect::<Vec<_>>();
    Ok(std::iter::once(head).chain(rows).collect())
}

/// Words of a line, the last of which has the rest of them.
fn fields(line: &str, count: usize) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (single, rest) = words.split_at(count.saturating_sub(1).min(words.len()));
    single.iter().map(|word| (*word).to_owned()).chain([rest.join(" ")]).collect()
}
