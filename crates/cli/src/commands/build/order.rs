//! What a line of `build` asks for. Start at [`request`]. Files of secrets are read here; contexts are opened by the build.

use std::collections::BTreeMap;

use build::{AllowedDevices, BuildRequest, Caching, GitSettings, PullBases, Squash, StepRules};
use engine::config::{HostRules, Limits};
use engine::parse;
use spec::Reference;
use spec::image::Platform;

use super::given::{agent, bad, cache, secret};
use super::said::said;
use super::source::{named, sources};
use crate::arguments::Matches;
use crate::config::lookup;
use crate::failure::Failure;
use crate::request::{cgroup_parent, changeable, docker_proxies, security, shm_bytes};

/// The request of a line.
pub(super) fn request(matches: &Matches) -> Result<BuildRequest, Failure> {
    let steps = steps(matches)?;
    let (context, dockerfile) = sources(matches)?;
    let mut request = BuildRequest {
        context,
        dockerfile,
        contexts: matches.values("build-context").map(named).collect::<Result<_, _>>()?,
        arguments: arguments(matches)?,
        target: matches.text("target").map(str::to_owned),
        platforms: platforms(matches)?,
        labels: matches.values("label").map(parse::label).collect::<Result<_, _>>()?,
        tags: matches.values("tag").map(tag).collect::<Result<_, _>>()?,
        caching: caching(matches)?,
        pull: pull(matches)?,
        secrets: matches.values("secret").map(secret).collect::<Result<_, _>>()?,
        agents: matches.values("ssh").map(agent).collect::<Result<_, _>>()?,
        git: GitSettings::of(lookup),
        steps,
        squash: squash(matches),
        ..BuildRequest::default()
    };
    said(matches, &mut request)?;
    Ok(request)
}

/// Proxies of Docker's config.json before what the line says; a name alone takes the caller's variable, where there is one.
fn arguments(matches: &Matches) -> Result<BTreeMap<String, String>, Failure> {
    let mut arguments = BTreeMap::new();
    for text in docker_proxies() {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        arguments.insert(name.to_owned(), value.to_owned());
    }
    for text in matches.values("build-arg") {
        match text.split_once('=') {
            Some(("", _)) => {
                return Err(bad("build-arg", text, "it is not of the form NAME[=VALUE]"));
            }
            Some((name, value)) => {
                arguments.insert(name.to_owned(), value.to_owned());
            }
            None => {
                if let Some(value) = lookup(text) {
                    arguments.insert(text.to_owned(), value);
                }
            }
        }
    }
    // As buildx has it.
    let epoch = lookup("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty());
    if let Some(epoch) = epoch
        && !arguments.contains_key("SOURCE_DATE_EPOCH")
    {
        arguments.insert("SOURCE_DATE_EPOCH".to_owned(), epoch);
    }
    Ok(arguments)
}

/// A name that the image gets.
pub(super) fn tag(text: &str) -> Result<Reference, Failure> {
    let name: Reference = text
        .parse()
        .map_err(|error: spec::reference::BadReference| bad("tag", text, &error.to_string()))?;
    if name.digest().is_some() {
        return Err(bad("tag", text, "a name with a digest cannot be given"));
    }
    Ok(name.pinned())
}

fn platforms(matches: &Matches) -> Result<Vec<Platform>, Failure> {
    let all = matches.values("platform").flat_map(|text| text.split(','));
    let all = all.map(str::trim).filter(|text| !text.is_empty()).map(|text| match text {
        // As buildx has it.
        "local" => Ok(Platform::native()),
        text => text.parse::<Platform>(),
    });
    all.collect::<Result<_, _>>().map_err(|error| Failure::Words(error.to_string()))
}

fn caching(matches: &Matches) -> Result<Caching, Failure> {
    let stages = matches.values("no-cache-filter").flat_map(|text| text.split(','));
    let places = |flag: &'static str| {
        matches.values(flag).map(move |text| cache(flag, text)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Caching {
        none: matches.on("no-cache"),
        not_for: stages.filter(|stage| !stage.is_empty()).map(str::to_owned).collect(),
        from: places("cache-from")?,
        to: places("cache-to")?,
    })
}

/// A switch, as docker has it, or one of Podman's words.
fn pull(matches: &Matches) -> Result<PullBases, Failure> {
    match matches.value("pull") {
        None | Some("" | "false" | "missing" | "ifmissing") => Ok(PullBases::Missing),
        Some("true" | "always" | "newer" | "ifnewer") => Ok(PullBases::Always),
        Some("never") => Ok(PullBases::Never),
        Some(other) => Err(bad("pull", other, "it is not one of always, missing, never")),
    }
}

fn squash(matches: &Matches) -> Squash {
    if matches.on("squash-all") {
        Squash::All
    } else if matches.on("squash") {
        Squash::New
    } else {
        Squash::No
    }
}

fn steps(matches: &Matches) -> Result<StepRules, Failure> {
    let mut limits = Limits::default();
    changeable(matches, &mut limits)?;
    parse::check_limits(&limits)?;
    let (mut may_use_host_network, mut may_be_insecure) = (false, false);
    let mut devices = AllowedDevices::Free;
    for text in matches.values("allow").flat_map(|text| text.split(',')) {
        match text {
            "network.host" => may_use_host_network = true,
            "security.insecure" => may_be_insecure = true,
            "device" => devices = AllowedDevices::All,
            other if other.starts_with("device=") => {
                let name = other.trim_start_matches("device=").to_owned();
                match &mut devices {
                    AllowedDevices::All => {}
                    AllowedDevices::Named(names) => names.push(name),
                    AllowedDevices::None | AllowedDevices::Free => {
                        devices = AllowedDevices::Named(vec![name]);
                    }
                }
            }
            other => {
                let why = "it is not one of network.host, security.insecure, device[=NAME]";
                return Err(bad("allow", other, why));
            }
        }
    }
    let network = matches.value("network").filter(|name| *name != "default");
    let hosts = HostRules {
        extra_hosts: matches.values("add-host").map(parse::extra_host).collect::<Result<_, _>>()?,
        ..HostRules::default()
    };
    Ok(StepRules {
        network: network.unwrap_or_default().to_owned(),
        limits,
        ulimits: matches.values("ulimit").map(parse::ulimit).collect::<Result<_, _>>()?,
        shm_bytes: shm_bytes(matches)?,
        cgroup_parent: cgroup_parent(matches.value("cgroup-parent").unwrap_or_default())?,
        hosts,
        may_use_host_network,
        may_be_insecure,
        devices,
        security: security(matches)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Parsed, parse as parse_line};
    use crate::commands::COMMANDS;

    fn read(line: &[&str]) -> Result<BuildRequest, Failure> {
        let command = COMMANDS.iter().find(|command| command.grammar.name() == "build").unwrap();
        let words = line.iter().map(|word| (*word).to_owned()).chain(["/".to_owned()]);
        match parse_line(command.grammar, words) {
            Ok(Parsed::Call(matches)) => request(&matches),
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn a_line_is_a_request() {
        let line = [
            "-t",
            "app",
            "--tag",
            "example.com/app:2",
            "--build-arg",
            "A=b=c",
            "--build-arg",
            "PATH",
            "--build-arg",
            "NONE_OF_THESE",
            "--target",
            "run",
            "--label",
            "x=y",
            "--no-cache-filter",
            "a,b",
            "--add-host",
            "db:10.0.0.1",
            "-m",
            "64m",
            "--network",
            "none",
            "--allow",
            "network.host",
            "--platform",
            "linux/amd64",
            "--shm-size",
            "1m",
            "--ulimit",
            "nofile=5",
        ];
        let request = read(&line).unwrap();
        let tags: Vec<String> = request.tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["docker.io/library/app:latest", "example.com/app:2"]);
        assert_eq!(request.arguments["A"], "b=c");
        assert_eq!(request.arguments.get("PATH"), lookup("PATH").as_ref());
        assert!(!request.arguments.contains_key("NONE_OF_THESE"));
        assert_eq!(request.caching.not_for, ["a", "b"]);
        assert_eq!(request.steps.limits.memory_bytes, Some(64 << 20));
        assert_eq!(
            (request.steps.network.as_str(), request.steps.shm_bytes),
            ("none", Some(1 << 20))
        );
        assert!(request.steps.may_use_host_network && !request.steps.may_be_insecure);
        assert_eq!((request.squash, request.pull), (Squash::No, PullBases::Missing));
    }

    #[test]
    fn platforms_are_several() {
        let request = read(&["--platform", "linux/amd64,linux/arm64", "--platform", "linux/s390x"]);
        let platforms = request.unwrap().platforms;
        let shown: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["linux/amd64", "linux/arm64", "linux/s390x"]);
    }

    #[test]
    fn pull_is_a_switch_and_a_word() {
        for (flag, expected) in [
            ("--pull", PullBases::Always),
            ("--pull=true", PullBases::Always),
            ("--pull=always", PullBases::Always),
            ("--pull=false", PullBases::Missing),
            ("--pull=never", PullBases::Never),
        ] {
            assert_eq!(read(&[flag]).unwrap().pull, expected, "{flag}");
        }
        assert!(read(&["--pull=sometimes"]).is_err());
    }

    #[test]
    fn what_cannot_be_is_refused_with_dockers_code() {
        for line in [
            &["-t", "UPPER"][..],
            &["-t", "a@sha256:0000000000000000000000000000000000000000000000000000000000000000"],
            &["--build-arg", "=x"],
            &["--allow", "everything"],
            &["--cache-to", "type=s3"],
        ] {
            assert_eq!(read(line).unwrap_err().exit_code(false, false), 125, "{line:?}");
        }
        assert!(read(&["--platform", "linux/amd64,a/b/c/d"]).is_err());
        assert!(read(&["-m", "many"]).is_err());
    }
}
