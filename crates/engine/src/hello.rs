//! What the embedded template prints: the isolation that a process really finds around it. Reads `/proc` and decides nothing.
//! Sources: proc(5), namespaces(7), capabilities(7), cgroups(7).

mod inherited;

use std::fmt::{self, Write};
use std::fs;

/// Where the kernel keeps limits, by what they are called here: v1 file, v2 file.
const LIMITS: &[(&str, &str, &str)] = &[
    ("memory limit", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
    ("process limit", "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"),
    ("cpu quota", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max"),
    ("cpus", "/sys/fs/cgroup/cpuset/cpuset.cpus", "/sys/fs/cgroup/cpuset.cpus.effective"),
];
const NAMESPACES: &[&str] = &["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"];
/// A v1 group without a limit has the largest number that is a multiple of a page.
const NO_LIMIT: u64 = 1 << 62;

/// Writes the table.
///
/// # Errors
/// Those of `out`.
pub fn write_table(out: &mut impl Write) -> fmt::Result {
    writeln!(out, "Hello from inside a container. This is what I find around me:\n")?;
    let status = read("/proc/self/status");
    let field = |name: &str| field(&status, name).to_owned();
    let mut row = |name: &str, value: &str| writeln!(out, "  {name:<18}{value}");
    row("process", &format!("pid {}, parent {}", field("Pid"), field("PPid")))?;
    row("host name", read("/proc/sys/kernel/hostname").trim())?;
    row("kernel", read("/proc/sys/kernel/osrelease").trim())?;
    for (number, line) in namespaces().chunks(2).enumerate() {
        row(if number == 0 { "namespaces" } else { "" }, &line.join("  "))?;
    }
    row("user and group", &format!("{} / {}", first(&field("Uid")), first(&field("Gid"))))?;
    row("uid map", &id_map("/proc/self/uid_map"))?;
    row("gid map", &id_map("/proc/self/gid_map"))?;
    for (name, set) in [
        ("effective", "CapEff"),
        ("permitted", "CapPrm"),
        ("bounding", "CapBnd"),
        ("inheritable", "CapInh"),
        ("ambient", "CapAmb"),
    ] {
        row(&format!("caps {name}"), &capabilities(&field(set)))?;
    }
    row("seccomp", &seccomp(&field("Seccomp"), &field("Seccomp_filters")))?;
    row("no_new_privs", if field("NoNewPrivs") == "1" { "on" } else { "off" })?;
    row("security label", &label())?;
    for (name, v1, v2) in LIMITS {
        row(name, &limit(v1, v2))?;
    }
    let mounts = read("/proc/self/mountinfo");
    row("root", &root(&mounts))?;
    row(
        "mounts",
        &format!("{}, of which read-only: {}", mounts.lines().count(), read_only(&mounts)),
    )?;
    row("network", &interfaces())?;
    row("descriptors", &descriptors())?;
    for (name, value) in inherited::rows(&status) {
        row(name, &value)?;
    }
    writeln!(out, "\nNothing was pulled, and no daemon runs.")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A value of `/proc/self/status`.
fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or("?").trim()
}

fn first(list: &str) -> &str {
    list.split_whitespace().next().unwrap_or("?")
}

fn namespaces() -> Vec<String> {
    let name = |kind: &&str| {
        fs::read_link(format!("/proc/self/ns/{kind}")).map(|link| format!("{:<20}", link.display()))
    };
    NAMESPACES.iter().filter_map(|kind| name(kind).ok()).collect()
}

fn id_map(path: &str) -> String {
    let text = read(path);
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let words: Vec<String> = rows
        .filter_map(|row| match row.as_slice() {
            ["0", "0", "4294967295"] => Some("the host's own".to_owned()),
            [inside, outside, count] => {
                Some(format!("{inside} is {outside} of the host, {count} ids"))
            }
            _ => None,
        })
        .collect();
    words.join("; ")
}

fn capabilities(hexadecimal: &str) -> String {
    let set = u64::from_str_radix(hexadecimal, 16).unwrap_or(0);
    let names: Vec<String> = libcontainer::capability::names(set)
        .map(|name| name.trim_start_matches("CAP_").to_lowercase())
        .collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > 20 => format!("{count}, nearly all"),
        count => format!("{count}: {}", names.join(" ")),
    }
}

fn seccomp(mode: &str, filters: &str) -> String {
    match mode {
        "0" => "off".to_owned(),
        "1" => "strict".to_owned(),
        "2" => format!("filter ({filters})"),
        other => other.to_owned(),
    }
}

fn label() -> String {
    let label = read("/proc/self/attr/current");
    let label = label.trim_end_matches(['\0', '\n']);
    if label.is_empty() { "none".to_owned() } else { label.to_owned() }
}

fn limit(v1: &str, v2: &str) -> String {
    let text = Some(read(v1)).filter(|text| !text.is_empty()).unwrap_or_else(|| read(v2));
    match text.trim() {
        "" => "not visible".to_owned(),
        "max" | "-1" => "none".to_owned(),
        number if number.parse::<u64>().is_ok_and(|number| number >= NO_LIMIT) => "none".to_owned(),
        other if other.starts_with("max ") => "none".to_owned(),
        other => other.to_owned(),
    }
}

fn root(mounts: &str) -> String {
    let line = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"));
    let kind =
        line.and_then(|line| line.split_once(" - ")).and_then(|(_, right)| right.split(' ').next());
    let writable = line
        .and_then(|line| line.split(' ').nth(5))
        .is_some_and(|options| options.split(',').any(|option| option == "rw"));
    format!("{}, {}", kind.unwrap_or("?"), if writable { "writable" } else { "read-only" })
}

fn read_only(mounts: &str) -> usize {
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(5))
        .filter(|options| options.split(',').any(|option| option == "ro"))
        .count()
}

fn interfaces() -> String {
    let table = read("/proc/net/dev");
    let names: Vec<&str> =
        table.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    if names.is_empty() { "no interface".to_owned() } else { names.join(" ") }
}

fn descriptors() -> String {
    let mut numbers: Vec<u32> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    // The last one is the directory that is being read.
    numbers.pop();
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}
