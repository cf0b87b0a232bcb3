//! `version`, `info`, `completion`.

use std::path::Path;

use engine::{Engine, State, VERSION};
use libcontainer::cgroup::Layout;
use serde_json::{Value, json};

use crate::arguments::Matches;
use crate::completion::{Shell, script};
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::template::Template;

/// Client and server are this one program; scripts ask for either.
pub(super) fn version(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let uname = rustix::system::uname();
    let (kernel, platform) = (uname.release().to_string_lossy(), spec::image::Platform::native());
    let arch = &platform.architecture;
    let details = json!({ "Arch": arch, "KernelVersion": kernel, "Os": "linux" });
    let value = json!({
        "Client": { "Version": VERSION, "Os": "linux", "Arch": arch, "KernelVersion": kernel },
        "Server": {
            "Platform": { "Name": "Corten" },
            "Components": [{ "Name": "Engine", "Version": VERSION, "Details": details }],
            "Version": VERSION, "Os": "linux", "Arch": arch, "KernelVersion": kernel,
        },
    });
    print(matches, &value, || {
        format!(
            "Client:\n Version:           {VERSION}\n OS/Arch:           linux/{arch}\n\n\
             Server:\n Engine:\n  Version:          {VERSION}\n  OS/Arch:          linux/{arch}\n  \
             Kernel Version:   {kernel}\n"
        )
    })
}

pub(super) fn info(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let value = facts(&session.engine()?)?;
    print(matches, &value, || {
        let line = |(title, name): &(&str, &str)| {
            let text = shown(&value, name);
            let space = if text.starts_with('\n') { "" } else { " " };
            format!("{title}:{space}{text}\n")
        };
        LINES.iter().map(line).collect()
    })?;
    // As Docker does: talk, not data. JSON and templates have it among the rest.
    if matches.text("format").is_none() {
        for lack in value["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            output::talk(&format!("WARNING: {lack}"));
        }
    }
    Ok(0)
}

/// What `info` prints: Docker's words for it.
const LINES: &[(&str, &str)] = &[
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Paused", "ContainersPaused"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Server Version", "ServerVersion"),
    ("Storage Driver", "Driver"),
    (" Backing Filesystem", "DriverStatus"),
    ("Logging Driver", "LoggingDriver"),
    ("Cgroup Driver", "CgroupDriver"),
    ("Cgroup Version", "CgroupVersion"),
    ("Cgroup Layout", "CgroupLayout"),
    ("Default Runtime", "DefaultRuntime"),
    ("Security Options", "SecurityOptions"),
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("OSType", "OSType"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
    ("Total Memory", "MemTotal"),
    ("Name", "Name"),
    ("Docker Root Dir", "DockerRootDir"),
    ("State Dir", "StateDir"),
    ("Live Restore Enabled", "LiveRestoreEnabled"),
];

fn facts(engine: &Engine) -> Result<Value, Failure> {
    let containers = engine.containers().all()?;
    let count = |word: &str| {
        let mut words = containers.iter().map(|container| container.state.word());
        words.by_ref().filter(|state| *state == word).count()
    };
    let stopped = containers
        .iter()
        .filter(|container| matches!(container.state, State::Exited(_) | State::Created { .. }))
        .count();
    let uname = rustix::system::uname();
    let layout = Layout::detect().map_or_else(
        |error| engine::chain(&error),
        |layout| format!("{:?}", layout.kind).to_lowercase(),
    );
    Ok(json!({
        "Containers": containers.len(), "ContainersRunning": count("running"), "ContainersPaused": count("paused"),
        "ContainersStopped": stopped, "Images": engine.images().list()?.len(), "Driver": "overlayfs",
        "DriverStatus": [["Backing Filesystem", backing_file_system(&engine.paths().root)]],
        "CgroupDriver": "cgroupfs", "CgroupVersion": if layout == "unified" { "2" } else { "1" }, "CgroupLayout": layout,
        "KernelVersion": uname.release().to_string_lossy(), "OperatingSystem": operating_system(), "OSType": "linux",
        "Architecture": uname.machine().to_string_lossy(),
        "NCPU": std::thread::available_parallelism().map_or(1, usize::from),
        "MemTotal": memory_total_bytes(), "Name": uname.nodename().to_string_lossy(), "ServerVersion": VERSION,
        "DockerRootDir": engine.paths().root, "StateDir": engine.paths().state, "SecurityOptions": security_options(),
        "LoggingDriver": "json-file", "DefaultRuntime": "corten", "Runtimes": { "corten": {} },
        "Plugins": { "Volume": ["local"], "Network": ["host", "null"], "Log": engine::parse::log_drivers() },
        // Containers never need a server that runs.
        "LiveRestoreEnabled": true, "ExperimentalBuild": false, "Debug": false, "Labels": [],
        "Warnings": super::lacks::lacks(&engine.paths().root),
        "Swarm": { "LocalNodeState": "inactive" }, "SystemTime": engine::format_time(engine::now_ns()),
    }))
}

fn shown(value: &Value, name: &str) -> String {
    match (name, &value[name]) {
        ("MemTotal", memory) => crate::words::memory(memory.as_u64().unwrap_or(0)),
        ("DriverStatus", status) => status[0][1].as_str().unwrap_or_default().to_owned(),
        ("SecurityOptions", options) => options
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|option| match option.trim_start_matches("name=").split_once(",profile=") {
                Some((name, profile)) => format!("\n {name}\n  Profile: {profile}"),
                None => format!("\n {}", option.trim_start_matches("name=")),
            })
            .collect(),
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// The type of the file system that the store is on, as mountinfo names it. proc(5), statfs(2).
fn backing_file_system(root: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let Ok(about) = std::fs::metadata(root) else { return "unknown".to_owned() };
    let device = format!("{}:{}", rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device));
    mount
        .and_then(|line| line.split_once(" - ")?.1.split(' ').next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

fn print(matches: &Matches, value: &Value, text: impl FnOnce() -> String) -> Result<i32, Failure> {
    let text = match matches.value("format") {
        None | Some("") => text(),
        Some("json") => format!("{value}\n"),
        Some(format) => {
            let template = Template::parse(format).map_err(Failure::Unreadable)?;
            format!("{}\n", template.render(value)?)
        }
    };
    output::write(&text)?;
    Ok(0)
}

fn operating_system() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}

fn memory_total_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes * 1024)
}

/// What this kernel can confine containers with.
fn security_options() -> Vec<String> {
    let mut options = vec!["name=seccomp,profile=builtin".to_owned()];
    let modules = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    options.extend(
        modules
            .split(',')
            .map(str::trim)
            .filter(|module| matches!(*module, "apparmor" | "selinux"))
            .map(|module| format!("name={module}")),
    );
    options
}

pub(super) fn completion(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.word(0);
    let shell = Shell::named(name).ok_or_else(|| {
        Failure::Words(format!("no completion for {name:?}: there are bash, fish and zsh"))
    })?;
    output::write(&script(shell))?;
    Ok(0)
}
