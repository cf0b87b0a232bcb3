//! `version`, `info`, `completion`.

use engine::VERSION;
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
    show_info(matches, &session.engine()?.facts()?)
}

pub(super) fn show_info(matches: &Matches, value: &Value) -> Result<i32, Failure> {
    print(matches, value, || {
        let line = |(title, name): &(&str, &str)| {
            let text = shown(value, name);
            let space = if text.starts_with('\n') { "" } else { " " };
            format!("{title}:{space}{text}\n")
        };
        let told = LINES.iter().filter(|(_, name)| !value[*name].is_null());
        told.map(line).collect()
    })?;
    // As Docker does: talk, not data. JSON and templates have it among the rest.
    if matches.text("format").is_none() {
        for lack in value["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            // A server has put the word before it.
            output::talk(&format!("WARNING: {}", lack.trim_start_matches("WARNING: ")));
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

pub(super) fn print(
    matches: &Matches,
    value: &Value,
    text: impl FnOnce() -> String,
) -> Result<i32, Failure> {
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

pub(super) fn completion(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.word(0);
    let shell = Shell::named(name).ok_or_else(|| {
        Failure::Words(format!("no completion for {name:?}: there are bash, fish and zsh"))
    })?;
    output::write(&script(shell))?;
    Ok(0)
}
