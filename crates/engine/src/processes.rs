//! The processes of a container, seen from the host: what `top` shows. Source: proc(5).

mod table;

use std::fs;

use crate::containers::Containers;
use crate::error::EngineError;
use crate::state::Action;

/// Clock ticks in a second; the kernel tells times to programs in these whatever its own clock is.
const TICKS_PER_SECOND: u64 = 100;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRow {
    /// User id on the host.
    pub uid: u32,
    /// Process id on the host.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// When it was made, seconds since 1970.
    pub started_at_s: u64,
    /// Its terminal, `?` for none.
    pub terminal: String,
    /// Seconds of CPU time.
    pub cpu_time_s: u64,
    /// Program and arguments.
    pub command: String,
}

impl Containers<'_> {
    /// The processes of a running container.
    ///
    /// # Errors
    /// When it does not run.
    pub fn processes(&self, text: &str) -> Result<Vec<ProcessRow>, EngineError> {
        let container = self.get(text)?;
        container.allow(Action::ListProcesses)?;
        let action = Action::ListProcesses;
        // It may have ended since it was looked at.
        let cgroup = self
            .cgroup(&container, action)?
            .ok_or_else(|| container.refuse(action, "not running"))?;
        let pids = cgroup.processes().map_err(container.cgroup_failed(action))?;
        self.tell(&container, "top", &[]);
        let booted = boot_time_s();
        Ok(pids.into_iter().filter_map(|pid| row(pid, booted)).collect())
    }
}

/// A process that ends meanwhile is left out.
fn row(pid: i32, booted: u64) -> Option<ProcessRow> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Counted from field 3, the state.
    let number = |place: usize| fields.get(place - 3).and_then(|field| field.parse::<u64>().ok());
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " ");
    let name = head.split_once('(').map_or("", |(_, name)| name);
    use std::os::unix::fs::MetadataExt;
    Some(ProcessRow {
        uid: fs::metadata(format!("/proc/{pid}")).ok()?.uid(),
        pid,
        parent: fields.get(1)?.parse().ok()?,
        started_at_s: booted + number(22)? / TICKS_PER_SECOND,
        terminal: terminal(number(7)?),
        cpu_time_s: (number(14)? + number(15)?) / TICKS_PER_SECOND,
        command: if command.is_empty() { format!("[{name}]") } else { command },
    })
}

/// Unix98 terminals have the major numbers 136 to 143. Documentation/admin-guide/devices.txt.
fn terminal(number: u64) -> String {
    let (major, minor) = (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xfff00);
    match major {
        136..=143 => format!("pts/{}", minor + (major - 136) * 256),
        4 => format!("tty{minor}"),
        _ => "?".to_owned(),
    }
}

fn boot_time_s() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))
        .and_then(|time| time.trim().parse().ok())
        .unwrap_or(0)
}
