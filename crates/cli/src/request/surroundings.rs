//! What a container shares with the host or with others, its devices, and what surrounds its first process.

use std::path::{Path, PathBuf};

use engine::config::{ContainerConfig, Sharing, UserMode};
use engine::parse;

use super::{number, wrong};
use crate::arguments::Matches;
use crate::failure::Failure;

/// Descriptions of time zones, tzfile(5).
const ZONES: &str = "/usr/share/zoneinfo";

pub(super) fn devices(matches: &Matches, config: &mut ContainerConfig) -> Result<(), Failure> {
    for text in matches.values("device") {
        if parse::is_cdi_name(text) {
            config.cdi_devices.push(text.to_owned());
        } else {
            config.devices.push(parse::device(text)?);
        }
    }
    for text in matches.values("gpus") {
        config.cdi_devices.extend(parse::gpus(text)?);
    }
    for text in matches.values("device-cgroup-rule") {
        parse::device_rule(text)?;
        config.device_rules.push(text.to_owned());
    }
    Ok(())
}

/// Whose users it has, said in one of three ways.
fn users(matches: &Matches) -> Result<UserMode, Failure> {
    let mode = parse::user_namespace(matches.value("userns").unwrap_or_default())?;
    let mode = parse::id_maps(mode, matches.values("uidmap"), matches.values("gidmap"))?;
    Ok(parse::named_ids(mode, matches.text("subuidname"), matches.text("subgidname"))?)
}

pub(super) fn surroundings(matches: &Matches, config: &mut ContainerConfig) -> Result<(), Failure> {
    one_kind_only(matches)?;
    let text = |flag| matches.value(flag).unwrap_or_default();
    config.sharing = Sharing {
        ipc: parse::ipc(text("ipc"))?,
        pid: parse::pid(text("pid"))?,
        uts_host: parse::is_host("uts mode", text("uts"))?,
        cgroup_host: parse::is_host("cgroupns mode", text("cgroupns"))?,
        users_host: false,
        users: users(matches)?,
        shifted: false,
    };
    super::autostart::wanted(matches)?.apply(&mut config.autostart);
    config.cgroup_parent = cgroup_parent(text("cgroup-parent"))?;
    config.shm_bytes = shm_bytes(matches)?;
    config.oom_score_adj = match number::<i32>(matches, "oom-score-adj")? {
        None => 0,
        Some(value @ -1000..=1000) => value,
        Some(value) => {
            let why = "it is not within -1000 to 1000";
            return Err(wrong("oom-score-adj", &value.to_string(), why));
        }
    };
    config.attach = attached(matches)?;
    config.terminals.count = number(matches, "ttys")?;
    config.timeout_s = number(matches, "timeout")?.unwrap_or(0);
    config.pid_file = matches.text("pidfile").map(pid_file).transpose()?;
    config.umask = matches.text("umask").map(umask).transpose()?;
    config.time_zone = matches.text("tz").map(time_zone).transpose()?;
    let required = matches.values("requires").flat_map(|names| names.split(','));
    config.requires = required.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(())
}

/// Flags that choose among kinds of which there is one.
fn one_kind_only(matches: &Matches) -> Result<(), Failure> {
    match matches.text("runtime") {
        None | Some("corten") => {}
        Some(other) => {
            let why = "there is one runtime, corten, which is part of this program";
            return Err(wrong("runtime", other, why));
        }
    }
    match matches.text("isolation") {
        None | Some("default") => Ok(()),
        Some(other) => Err(wrong("isolation", other, "there is default only: others are Windows'")),
    }
}

/// What `--shm-size` says.
pub(crate) fn shm_bytes(matches: &Matches) -> Result<Option<u64>, Failure> {
    let bytes = matches.text("shm-size").map(|text| match parse::bytes("shm-size", text)? {
        0 => Err(wrong("shm-size", text, "it must be more than 0")),
        bytes => Ok(bytes),
    });
    bytes.transpose()
}

/// The group that `--cgroup-parent` names.
pub(crate) fn cgroup_parent(text: &str) -> Result<String, Failure> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match text.parse::<libcontainer::cgroup::CgroupPath>() {
        Ok(path) => Ok(path.as_str().to_owned()),
        Err(fault) => Err(wrong("cgroup-parent", text, &fault.to_string())),
    }
}

/// Input, output and errors of `--attach`; nothing where it is not given.
fn attached(matches: &Matches) -> Result<Option<[bool; 3]>, Failure> {
    if !matches.is_given("attach") {
        return Ok(None);
    }
    let mut streams = [matches.on("interactive"), false, false];
    for name in matches.values("attach") {
        let place = match name.to_ascii_lowercase().as_str() {
            "stdin" => 0,
            "stdout" => 1,
            "stderr" => 2,
            _ => return Err(wrong("attach", name, "it is not one of STDIN, STDOUT, STDERR")),
        };
        if let Some(stream) = streams.get_mut(place) {
            *stream = true;
        }
    }
    Ok(Some(streams))
}

/// Absolute: a monitor's working directory is another one.
fn pid_file(text: &str) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(text).map_err(Failure::file("find pidfile", text))?;
    if path.is_dir() || !path.parent().is_some_and(Path::is_dir) {
        return Err(wrong("pidfile", text, "it is no file in a directory that exists"));
    }
    Ok(path)
}

fn umask(text: &str) -> Result<u32, Failure> {
    let is_octal = text.len() <= 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| is_octal && *mask <= 0o777)
        .ok_or_else(|| wrong("umask", text, "it is no octal number within 0 to 0777"))
}

fn time_zone(text: &str) -> Result<PathBuf, Failure> {
    let file = match text {
        "local" => PathBuf::from("/etc/localtime"),
        name => {
            let is_name = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
            if !is_name {
                return Err(wrong("tz", text, "it is no time zone, such as Europe/Zurich"));
            }
            Path::new(ZONES).join(name)
        }
    };
    if file.is_file() {
        return Ok(file);
    }
    Err(wrong("tz", text, &format!("it is no time zone: there is no file {}", file.display())))
}
