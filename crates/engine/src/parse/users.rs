//! `--userns`, `--uidmap` and `--gidmap`: whose users a container has. Source: Podman's documentation of `run`; user_namespaces(7).

use spec::runtime::IdMapping;

use super::Parsed;
use crate::config::{AutoUsers, KeptUser, UserMaps, UserMode};
use crate::error::EngineError;

const WHAT: &str = "userns mode";
/// What the kernel takes for one map: user_namespaces(7), "Defining user and group ID mappings".
const MOST_RANGES: usize = 340;

/// `--userns MODE`.
///
/// # Errors
/// When there is none of that name, or an option of it is wrong.
pub fn user_namespace(text: &str) -> Parsed<UserMode> {
    let (mode, rest) = text.split_once(':').map_or((text, None), |(mode, rest)| (mode, Some(rest)));
    match (mode, rest) {
        ("", None) => Ok(UserMode::Unsaid),
        ("host", None) => Ok(UserMode::Host),
        ("private", None) => Ok(UserMode::Private(UserMaps::default())),
        ("auto", rest) => auto(rest.unwrap_or_default(), text),
        ("keep-id", rest) => keep_id(rest.unwrap_or_default(), text),
        ("container", Some(name)) if !name.is_empty() => Ok(UserMode::Container(name.to_owned())),
        ("nomap", None) => Ok(UserMode::NoMap),
        ("ns", Some(_)) => Err(EngineError::NotYet(format!("--userns {text}"))),
        _ => {
            let why = "it is not one of host, auto[:OPTIONS], keep-id[:OPTIONS], nomap, private, container:NAME";
            Err(EngineError::value(WHAT, text, why))
        }
    }
}

/// Name and value of each option.
fn options(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let given = text.split(',').filter(|option| !option.is_empty());
    given.map(|option| option.split_once('=').unwrap_or((option, "")))
}

fn auto(rest: &str, text: &str) -> Parsed<UserMode> {
    let mut auto = AutoUsers::default();
    for (name, value) in options(rest) {
        match name {
            "size" => auto.size = Some(size(value).ok_or_else(|| wrong_size(text))?),
            "uidmapping" => auto.wanted.uids.push(id_mapping("uidmapping", value)?),
            "gidmapping" => auto.wanted.gids.push(id_mapping("gidmapping", value)?),
            _ => {
                let why = format!("{name:?} is not one of size, uidmapping, gidmapping");
                return Err(EngineError::value(WHAT, text, why));
            }
        }
    }
    check("uidmapping", &auto.wanted.uids)?;
    check("gidmapping", &auto.wanted.gids)?;
    Ok(UserMode::Auto(auto))
}

fn keep_id(rest: &str, text: &str) -> Parsed<UserMode> {
    let mut kept = KeptUser::default();
    for (name, value) in options(rest) {
        let wrong = |why: &str| EngineError::value(WHAT, text, format!("{name} {why}"));
        // The largest number of all is no id.
        let id = || value.parse().ok().filter(|id| *id < u32::MAX).ok_or_else(|| wrong("is no id"));
        match name {
            "uid" => kept.uid = Some(id()?),
            "gid" => kept.gid = Some(id()?),
            "size" => kept.size = Some(size(value).ok_or_else(|| wrong_size(text))?),
            _ => return Err(wrong("is not one of uid, gid, size")),
        }
    }
    Ok(UserMode::KeepId(kept))
}

fn size(text: &str) -> Option<u32> {
    text.parse().ok().filter(|size| *size > 0)
}

fn wrong_size(text: &str) -> EngineError {
    EngineError::value(WHAT, text, "size is not a number of ids above 0")
}

/// `--uidmap` and `--gidmap`: `INSIDE:OUTSIDE:COUNT`, each of which `--userns` private is given; groups are mapped as users are
/// where nothing else is said, and users as groups.
///
/// # Errors
/// When a map is wrong, ranges overlap, or another mode was asked for.
pub fn id_maps<'a>(
    mode: UserMode,
    uids: impl Iterator<Item = &'a str>,
    gids: impl Iterator<Item = &'a str>,
) -> Parsed<UserMode> {
    let parse = |what, texts: Vec<&str>| {
        let maps: Vec<_> =
            texts.into_iter().map(|text| id_mapping(what, text)).collect::<Result<_, _>>()?;
        check(what, &maps)?;
        Ok::<_, EngineError>(maps)
    };
    let mut maps =
        UserMaps { uids: parse("uidmap", uids.collect())?, gids: parse("gidmap", gids.collect())? };
    if maps == UserMaps::default() {
        return Ok(mode);
    }
    if !matches!(mode, UserMode::Unsaid | UserMode::Private(_)) {
        let why = "uidmap and gidmap are for a private one";
        return Err(EngineError::value(WHAT, mode.to_string(), why));
    }
    for (what, maps) in [("uidmap", &maps.uids), ("gidmap", &maps.gids)] {
        if !maps.is_empty() && !maps.iter().any(|map| map.container_id == 0) {
            let text = maps.iter().map(crate::config::map_text).collect::<Vec<_>>().join(" ");
            let why = "id 0 inside is not mapped: nobody could set the container up";
            return Err(EngineError::value(what, text, why));
        }
    }
    if maps.uids.is_empty() {
        maps.uids.clone_from(&maps.gids);
    } else if maps.gids.is_empty() {
        maps.gids.clone_from(&maps.uids);
    }
    Ok(UserMode::Private(maps))
}

/// `--subuidname` and `--subgidname`: the same with the ids that `/etc/subuid` and `/etc/subgid` give to these names, from 0 on. One
/// name holds for both files.
///
/// # Errors
/// When a name has none, or something else was asked for.
pub fn named_ids(mode: UserMode, uids: Option<&str>, gids: Option<&str>) -> Parsed<UserMode> {
    let (Some(user), Some(group)) = (uids.or(gids), gids.or(uids)) else { return Ok(mode) };
    if !matches!(&mode, UserMode::Unsaid) && mode != UserMode::Private(UserMaps::default()) {
        let why = "subuidname and subgidname are for a private one without other maps";
        return Err(EngineError::value(WHAT, mode.to_string(), why));
    }
    let of = |what, file: &str, name: &str| {
        let mut next = 0_u32;
        let map = |span: store::IdSpan| {
            let container_id = next;
            next = next.saturating_add(span.size);
            IdMapping { container_id, host_id: span.first, size: span.size }
        };
        let maps: Vec<_> = crate::id_pool::of_name(file, name).into_iter().map(map).collect();
        if maps.is_empty() {
            return Err(EngineError::value(what, name, format!("{file} has no line for it")));
        }
        check(what, &maps)?;
        Ok(maps)
    };
    let (for_users, for_groups) = match (uids, gids) {
        (Some(_), Some(_)) => ("subuidname", "subgidname"),
        (Some(_), None) => ("subuidname", "subuidname"),
        (None, _) => ("subgidname", "subgidname"),
    };
    let uids = of(for_users, "/etc/subuid", user)?;
    Ok(UserMode::Private(UserMaps { uids, gids: of(for_groups, "/etc/subgid", group)? }))
}

/// `INSIDE:OUTSIDE[:COUNT]`.
fn id_mapping(what: &'static str, text: &str) -> Parsed<IdMapping> {
    let wrong = |why: &str| EngineError::value(what, text, why);
    let form = || wrong("it is not of the form INSIDE:OUTSIDE:COUNT");
    let numbers: Vec<&str> = text.split(':').collect();
    let (inside, outside, count) = match numbers.as_slice() {
        [inside, outside] => (inside, outside, &"1"),
        [inside, outside, count] => (inside, outside, count),
        _ => return Err(form()),
    };
    let number = |text: &str| text.parse::<u32>().map_err(|_digits| form());
    let (container_id, host_id, size) = (number(inside)?, number(outside)?, number(count)?);
    if size == 0 {
        return Err(wrong("the range is empty"));
    }
    // The last number of all is no id: it stands for none.
    if [container_id, host_id].iter().any(|first| first.checked_add(size).is_none()) {
        return Err(wrong("it goes beyond the last id, 4294967294"));
    }
    Ok(IdMapping { container_id, host_id, size })
}

fn check(what: &'static str, maps: &[IdMapping]) -> Parsed<()> {
    if maps.len() > MOST_RANGES {
        let why = format!("the kernel takes {MOST_RANGES} ranges at most");
        return Err(EngineError::value(what, maps.len().to_string(), why));
    }
    for first in [|map: &IdMapping| map.container_id, |map: &IdMapping| map.host_id] {
        let mut sorted: Vec<&IdMapping> = maps.iter().collect();
        sorted.sort_by_key(|map| first(map));
        for pair in sorted.windows(2) {
            if let [low, high] = pair
                && first(low) + low.size > first(high)
            {
                let why = format!("it overlaps {}", crate::config::map_text(low));
                return Err(EngineError::value(what, crate::config::map_text(high), why));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_come_back_as_they_were_written() {
        for text in [
            "",
            "host",
            "auto",
            "auto:size=100000",
            "auto:size=1000,uidmapping=0:5000:1,gidmapping=0:6000:2",
            "keep-id",
            "keep-id:uid=200,gid=210",
            "keep-id:size=65536",
            "nomap",
            "private",
            "container:web",
        ] {
            assert_eq!(user_namespace(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_modes_are_refused_by_name() {
        for (text, part) in [
            ("yes", "it is not one of host, auto"),
            ("host:x", "it is not one of host, auto"),
            ("container:", "it is not one of host, auto"),
            ("container", "it is not one of host, auto"),
            ("auto:size=0", "size is not a number"),
            ("auto:size=x", "size is not a number"),
            ("auto:more=1", "\"more\" is not one of size, uidmapping, gidmapping"),
            ("auto:uidmapping=1:2:3:4", "INSIDE:OUTSIDE:COUNT"),
            ("auto:uidmapping=0:1:10,uidmapping=5:100:1", "overlaps 0:1:10"),
            ("keep-id:uid=-1", "uid is no id"),
            ("keep-id:uid=4294967295", "uid is no id"),
            ("keep-id:x", "x is not one of uid, gid, size"),
        ] {
            let told = user_namespace(text).unwrap_err().to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
        assert!(matches!(user_namespace("ns:/x"), Err(EngineError::NotYet(_))));
    }

    #[test]
    fn maps_of_ones_own() {
        let of = |mode: &str, uids: &[&str], gids: &[&str]| {
            id_maps(user_namespace(mode).unwrap(), uids.iter().copied(), gids.iter().copied())
        };
        let UserMode::Private(maps) = of("", &["0:100000:1000", "1000:5000"], &[]).unwrap() else {
            panic!("another mode");
        };
        assert_eq!(maps.uids, maps.gids);
        assert_eq!(maps.uids[1], IdMapping { container_id: 1000, host_id: 5000, size: 1 });
        assert_eq!(of("host", &[], &[]).unwrap(), UserMode::Host);
        for (mode, uids, part) in [
            ("auto", "0:1:1", "are for a private one"),
            ("", "1:1:1", "id 0 inside is not mapped"),
            ("", "0:1:0", "is empty"),
            ("", "0:4294967295:1", "beyond the last id"),
            ("", "0-1-1", "INSIDE:OUTSIDE:COUNT"),
        ] {
            let told = of(mode, &[uids], &[]).unwrap_err().to_string();
            assert!(told.contains(part), "{uids}: {told}");
        }
    }
}
