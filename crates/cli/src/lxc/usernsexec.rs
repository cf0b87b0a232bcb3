//! `usernsexec`: a program as root of a user namespace of its own. Source: user_namespaces(7), newuidmap(1).

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::call::Call;
use crate::config::lookup;
use crate::failure::Failure;

/// Ids inside that are ids outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Map {
    inside: u32,
    outside: u32,
    count: u32,
}

/// Those of users and those of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Maps {
    users: Vec<Map>,
    groups: Vec<Map>,
}

pub(super) fn usernsexec(call: &Call) -> Result<i32, Failure> {
    let mut maps = Maps::default();
    for text in call.matches.values("map") {
        maps.add(text)?;
    }
    if maps == Maps::default() {
        maps = of_caller()?;
    }
    let mut helper = helper(&maps)?;
    super::unshare::make(sys::Namespaces::USER)
        .map_err(|errno| Failure::Words(format!("make a user namespace: {errno}")))?;
    // Its end is the word that this process has moved.
    drop(helper.stdin.take());
    let ended = helper.wait().map_err(Failure::file("run", "/bin/sh"))?;
    if !ended.success() {
        return Err(Failure::Words(
            "write the maps of ids: the kernel or newuidmap refuses".to_owned(),
        ));
    }
    let shell = || vec![lookup("SHELL").unwrap_or_else(|| "/bin/sh".to_owned())];
    let words = if call.words.is_empty() { shell() } else { call.words.clone() };
    let (program, arguments) =
        words.split_first().ok_or_else(|| Failure::Words("no program is named".to_owned()))?;
    // Child of this process, which has no ids in the namespace but those of nobody: the program's are the first of the maps.
    let mut command = Command::new(program);
    command.args(arguments);
    if maps.has(0) {
        command.uid(0).gid(0);
    }
    super::unshare::run(&mut command)
}

/// A process that writes the maps from outside once its input ends: by the kernel's files, or by the programs for users who may not.
fn helper(maps: &Maps) -> Result<std::process::Child, Failure> {
    let pid = std::process::id();
    let rows = |maps: &[Map], separator: &str| {
        let row = |map: &Map| format!("{} {} {}", map.inside, map.outside, map.count);
        maps.iter().map(row).collect::<Vec<_>>().join(separator)
    };
    let is_root = rustix::process::geteuid().is_root();
    let write = |file: &str, program: &str, maps: &[Map]| {
        if is_root {
            format!("printf '{}\\n' > /proc/{pid}/{file}", rows(maps, "\\n"))
        } else {
            format!("{program} {pid} {}", rows(maps, " "))
        }
    };
    let script = format!(
        "read nothing; {} && {}",
        write("uid_map", "newuidmap", &maps.users),
        write("gid_map", "newgidmap", &maps.groups)
    );
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).stdin(Stdio::piped());
    command.spawn().map_err(Failure::file("run", "/bin/sh"))
}

impl Maps {
    /// `[u|g|b:]INSIDE:OUTSIDE:COUNT`.
    fn add(&mut self, text: &str) -> Result<(), Failure> {
        let wrong =
            || Failure::Words(format!("--map {text:?} is not [u|g|b:]INSIDE:OUTSIDE:COUNT"));
        let (kind, rest) = match text.split_once(':') {
            Some((kind @ ("u" | "g" | "b"), rest)) => (kind, rest),
            _ => ("b", text),
        };
        let numbers: Vec<u32> = rest
            .split(':')
            .map(|number| number.parse().map_err(|_no_number| wrong()))
            .collect::<Result<_, _>>()?;
        let [inside, outside, count] = numbers[..] else { return Err(wrong()) };
        let map = Map { inside, outside, count };
        if matches!(kind, "u" | "b") {
            self.users.push(map);
        }
        if matches!(kind, "g" | "b") {
            self.groups.push(map);
        }
        Ok(())
    }

    fn has(&self, id: u32) -> bool {
        let has = |maps: &[Map]| {
            maps.iter().any(|map| id.checked_sub(map.inside).is_some_and(|above| above < map.count))
        };
        has(&self.users) && has(&self.groups)
    }
}

/// What subuid(5) and subgid(5) give the caller, counted from root.
fn of_caller() -> Result<Maps, Failure> {
    let id = rustix::process::geteuid().as_raw().to_string();
    let name = lookup("USER").unwrap_or_default();
    let first = |file: &str| -> Option<Map> {
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().find_map(|line| {
            let mut words = line.split(':');
            words.next().filter(|owner| *owner == id || *owner == name)?;
            let (outside, count) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some(Map { inside: 0, outside, count })
        })
    };
    match (first("/etc/subuid"), first("/etc/subgid")) {
        (Some(users), Some(groups)) => Ok(Maps { users: vec![users], groups: vec![groups] }),
        _ => {
            Err(Failure::Words("no ids are the caller's in /etc/subuid and /etc/subgid".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_of_users_or_groups() {
        let mut maps = Maps::default();
        for text in ["u:0:100:5", "b:10:200:2", "1:2:3"] {
            maps.add(text).unwrap();
        }
        assert_eq!((maps.users.len(), maps.groups.len()), (3, 2));
        assert!(!maps.has(0) && maps.has(10) && maps.has(3) && !maps.has(12));
        for wrong in ["", "u:1:2", "x:1:2:3", "1:2:3:4", "b:a:1:1"] {
            assert!(Maps::default().add(wrong).is_err(), "{wrong}");
        }
    }
}
