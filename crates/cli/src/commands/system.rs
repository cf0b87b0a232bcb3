//! `version`, `info`, `completion`, `oci plan`.

use std::path::Path;

use engine::{State, VERSION};
use libcontainer::cgroup::Layout;
use libcontainer::{Context, RootSource};
use serde_json::{Value, json};

use crate::arguments::Matches;
use crate::completion::{Shell, script};
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::template::Template;

pub(super) fn version(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let uname = rustix::system::uname();
    let value = json!({
        "Client": { "Version": VERSION, "Os": "linux", "Arch": spec::image::Platform::native().architecture, "KernelVersion": uname.release().to_string_lossy() },
    });
    print(matches, &value, || {
        let client = &value["Client"];
        let word = |name: &str| client[name].as_str().unwrap_or_default().to_owned();
        format!(
            "Corten\n Version:   {}\n OS/Arch:   {}/{}\n Kernel:    {}\n",
            word("Version"),
            word("Os"),
            word("Arch"),
            word("KernelVersion")
        )
    })
}

#[expect(clippy::too_many_lines, reason = "a table of facts")]
#[expect(clippy::wildcard_enum_match_arm, reason = "JSON values that are not text print as JSON")]
pub(super) fn info(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let containers = engine.containers().all()?;
    let count =
        |word: &str| containers.iter().filter(|container| container.state.word() == word).count();
    let stopped = containers
        .iter()
        .filter(|container| matches!(container.state, State::Exited(_) | State::Created { .. }))
        .count();
    let images = engine.images().list()?.len();
    let uname = rustix::system::uname();
    let layout = Layout::detect().map_or_else(
        |error| engine::chain(&error),
        |layout| format!("{:?}", layout.kind).to_lowercase(),
    );
    let value = json!({
        "Containers": containers.len(), "ContainersRunning": count("running"), "ContainersPaused": count("paused"), "ContainersStopped": stopped,
        "Images": images, "Driver": "overlayfs", "CgroupVersion": if layout == "unified" { "2" } else { "1" }, "CgroupLayout": layout,
        "KernelVersion": uname.release().to_string_lossy(), "OperatingSystem": operating_system(), "OSType": "linux",
        "Architecture": uname.machine().to_string_lossy(), "NCPU": std::thread::available_parallelism().map_or(1, usize::from),
        "MemTotal": memory_total_bytes(), "Name": uname.nodename().to_string_lossy(), "ServerVersion": VERSION,
        "DockerRootDir": engine.paths().root, "StateDir": engine.paths().state, "SecurityOptions": security_options(), "LoggingDriver": "json-file",
    });
    print(matches, &value, || {
        let word = |name: &str| match &value[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let rows = [
            ("Containers", "Containers"),
            (" Running", "ContainersRunning"),
            (" Paused", "ContainersPaused"),
            (" Stopped", "ContainersStopped"),
            ("Images", "Images"),
            ("Version", "ServerVersion"),
            ("Storage Driver", "Driver"),
            ("Logging Driver", "LoggingDriver"),
            ("Cgroup Version", "CgroupVersion"),
            ("Cgroup Layout", "CgroupLayout"),
            ("Security Options", "SecurityOptions"),
            ("Kernel Version", "KernelVersion"),
            ("Operating System", "OperatingSystem"),
            ("Architecture", "Architecture"),
            ("CPUs", "NCPU"),
            ("Total Memory", "MemTotal"),
            ("Name", "Name"),
            ("Root Dir", "DockerRootDir"),
            ("State Dir", "StateDir"),
        ];
        rows.iter()
            .map(|(title, name)| {
                format!(
                    "{title}: {}\n",
                    if *name == "MemTotal" {
                        crate::words::size(value["MemTotal"].as_u64().unwrap_or(0))
                    } else {
                        word(name)
                    }
                )
            })
            .collect()
    })
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
    output::write(&text).map_err(Failure::file("write", "standard output"))?;
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
    output::write(&script(shell)).map_err(Failure::file("write", "standard output"))?;
    Ok(0)
}

pub(super) fn oci_plan(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let bundle =
        std::path::absolute(matches.word(0)).map_err(Failure::file("find", matches.word(0)))?;
    let path = bundle.join("config.json");
    let text = std::fs::read(&path).map_err(Failure::file("read", path.display()))?;
    let spec = serde_json::from_slice(&text)
        .map_err(|error| Failure::Words(format!("read {}: {error}", path.display())))?;
    let layout = Layout::detect().map_err(|error| Failure::Words(engine::chain(&error)))?;
    let name = bundle
        .file_name()
        .map_or_else(|| "bundle".to_owned(), |name| name.to_string_lossy().into_owned());
    let context = Context {
        root: RootSource::Spec,
        cgroup_path: format!("/corten/{name}"),
        layout,
        seccomp: None,
        init: false,
        bundle: Path::new(&bundle).to_owned(),
    };
    let plan = libcontainer::plan(&spec, &context).map_err(|error| {
        Failure::Words(format!("plan {}: {}", path.display(), engine::chain(&error)))
    })?;
    output::write(&plan.to_string()).map_err(Failure::file("write", "standard output"))?;
    Ok(0)
}
