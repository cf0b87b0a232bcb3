//! Parameters of `POST /build`, as a request of the builder. What only BuildKit has is refused as a server without it does.

use std::collections::BTreeMap;

use build::{
    AllowedDevices, BuildRequest, Caching, ContextSource, DockerfileSource, PullBases, Squash,
    StepRules,
};
use engine::config::{HostRules, Limits, Security, Ulimit};
use engine::parse;
use serde::Deserialize;
use spec::Reference;
use spec::image::Platform;

use crate::failure::Failure;
use crate::query::Query;

/// A limit of a process, as clients write it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bound {
    name: String,
    #[serde(default)]
    soft: i64,
    #[serde(default)]
    hard: i64,
}

/// What a client wants to have built.
pub(super) fn request(query: &Query, context: ContextSource) -> Result<BuildRequest, Failure> {
    refuse(query)?;
    let arguments: Option<BTreeMap<String, Option<String>>> = query.json("buildargs")?;
    let labels: Option<BTreeMap<String, String>> = query.json("labels")?;
    let dockerfile = query.text("dockerfile").map(|name| {
        // A name that is none here would be one of the server's files.
        DockerfileSource::InContext(name.to_owned())
    });
    let platform = query.text("platform").map(str::parse::<Platform>).transpose();
    Ok(BuildRequest {
        context,
        dockerfile: dockerfile.unwrap_or_default(),
        // A name without a value is the client's to fill in, which it has not.
        arguments: arguments
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
        target: query.text("target").map(str::to_owned),
        platforms: platform.map_err(|error| Failure::bad(error.to_string()))?.into_iter().collect(),
        labels: labels.unwrap_or_default(),
        tags: query.all("t").filter(|name| !name.is_empty()).map(tag).collect::<Result<_, _>>()?,
        // `cachefrom` names images that may help: what was built of them here, the cache knows by itself.
        caching: Caching { none: query.is_on("nocache"), ..Caching::default() },
        pull: if query.is_on("pull") { PullBases::Always } else { PullBases::Missing },
        steps: steps(query)?,
        squash: if query.is_on("squash") { Squash::New } else { Squash::No },
        ..BuildRequest::default()
    })
}

/// Where a context is that the client does not send.
pub(super) fn remote(text: &str) -> Result<ContextSource, Failure> {
    ContextSource::of_address(text).ok_or_else(|| {
        let words = "it is neither a repository of git nor an address of http or https";
        Failure::bad(format!("remote context {text:?}: {words}"))
    })
}

fn refuse(query: &Query) -> Result<(), Failure> {
    match query.text("version") {
        None | Some("1") => {}
        Some("2") => {
            return Err(Failure::bad(
                "BuildKit is not supported: use version 1 (DOCKER_BUILDKIT=0)",
            ));
        }
        Some(other) => return Err(Failure::bad(format!("invalid version {other}"))),
    }
    if query.text("outputs").is_some_and(|outputs| !matches!(outputs, "null" | "[]")) {
        return Err(Failure::bad("outputs need BuildKit, which is not supported"));
    }
    match query.text("isolation") {
        None | Some("default") => Ok(()),
        Some(other) => Err(Failure::bad(format!("unsupported isolation: {other:?}"))),
    }
}

fn tag(text: &str) -> Result<Reference, Failure> {
    let name: Reference = text.parse().map_err(|error: spec::reference::BadReference| {
        Failure::bad(format!("invalid reference format: {error}"))
    })?;
    if name.digest().is_some() {
        return Err(Failure::bad("build tag cannot contain a digest"));
    }
    Ok(name.pinned())
}

fn steps(query: &Query) -> Result<StepRules, Failure> {
    let text = |name: &str| query.text(name).unwrap_or_default();
    let ulimits: Option<Vec<Bound>> = query.json("ulimits")?;
    let ulimit = |bound: Bound| -> Result<Ulimit, Failure> {
        Ok(parse::ulimit(&format!("{}={}:{}", bound.name, bound.soft, bound.hard))?)
    };
    let mut security = Security::default();
    let options: Option<Vec<String>> = query.json("securityopt")?;
    for option in options.unwrap_or_default() {
        // A profile comes whole: its name would be one of the server's files.
        match option.strip_prefix("seccomp=").filter(|profile| profile.starts_with('{')) {
            Some(profile) => parse::seccomp_profile(&mut security, profile.to_owned())?,
            None if option.starts_with("seccomp=") && option != "seccomp=unconfined" => {
                return Err(Failure::bad(format!("invalid security option {option:?}")));
            }
            None => parse::security_option(&mut security, &option)?,
        }
    }
    let cgroup_parent = text("cgroupparent");
    let network = text("networkmode");
    Ok(StepRules {
        network: if network == "default" { "" } else { network }.to_owned(),
        limits: limits(query)?,
        ulimits: ulimits.unwrap_or_default().into_iter().map(ulimit).collect::<Result<_, _>>()?,
        shm_bytes: query.number::<u64>("shmsize")?.filter(|bytes| *bytes > 0),
        cgroup_parent: cgroup_parent.to_owned(),
        hosts: HostRules {
            extra_hosts: query
                .all("extrahosts")
                .filter(|text| !text.is_empty())
                .map(parse::extra_host)
                .collect::<Result<_, _>>()?,
            ..HostRules::default()
        },
        may_use_host_network: false,
        may_be_insecure: false,
        devices: AllowedDevices::Free,
        security,
    })
}

/// Noughts are what clients send for nothing.
fn limits(query: &Query) -> Result<Limits, Failure> {
    let some = |name: &str| -> Result<Option<u64>, Failure> {
        Ok(query.number::<u64>(name)?.filter(|number| *number > 0))
    };
    let signed = |name: &str| -> Result<Option<i64>, Failure> {
        Ok(query.number::<i64>(name)?.filter(|number| *number != 0))
    };
    let list = |name: &str| query.text(name).map(parse::cpu_list).transpose();
    let limits = Limits {
        memory_bytes: some("memory")?,
        memory_swap_bytes: signed("memswap")?,
        cpu_shares: some("cpushares")?,
        cpu_period_us: some("cpuperiod")?,
        cpu_quota_us: signed("cpuquota")?,
        cpuset_cpus: list("cpusetcpus")?.unwrap_or_default(),
        cpuset_mems: list("cpusetmems")?.unwrap_or_default(),
        ..Limits::default()
    };
    parse::check_limits(&limits)?;
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BuildRequest, Failure> {
        request(&Query::parse(text).unwrap(), ContextSource::Empty)
    }

    #[test]
    fn parameters_are_a_request() {
        let text = "t=app&t=example.com/app%3A2&dockerfile=sub/Dockerfile&nocache=1&pull=1&rm=1&forcerm=0&q=0\
            &buildargs=%7B%22A%22%3A%22b%22%2C%22C%22%3Anull%7D&labels=%7B%22x%22%3A%22y%22%7D&memory=67108864&memswap=-1\
            &cpushares=0&networkmode=none&extrahosts=db%3A10.0.0.1&shmsize=1048576&target=run&platform=linux/amd64&version=1\
            &ulimits=%5B%7B%22Name%22%3A%22nofile%22%2C%22Soft%22%3A5%2C%22Hard%22%3A6%7D%5D&squash=1&cachefrom=%5B%22a%22%5D";
        let request = read(text).unwrap();
        let tags: Vec<String> = request.tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["docker.io/library/app:latest", "example.com/app:2"]);
        assert_eq!(request.arguments, BTreeMap::from([("A".to_owned(), "b".to_owned())]));
        assert_eq!(request.dockerfile, DockerfileSource::InContext("sub/Dockerfile".to_owned()));
        let limits = &request.steps.limits;
        assert_eq!((limits.memory_bytes, limits.memory_swap_bytes), (Some(64 << 20), Some(-1)));
        assert_eq!((limits.cpu_shares, request.steps.shm_bytes), (None, Some(1 << 20)));
        assert_eq!(request.steps.ulimits.len(), 1);
        assert_eq!((request.squash, request.pull), (Squash::New, PullBases::Always));
        assert!(request.caching.none && request.caching.from.is_empty());
        assert_eq!(read("").unwrap().dockerfile, DockerfileSource::Usual);
    }

    #[test]
    fn what_needs_buildkit_or_makes_no_sense_is_refused() {
        for text in [
            "version=2",
            "version=3",
            "outputs=%5B%7B%22Type%22%3A%22tar%22%7D%5D",
            "isolation=hyperv",
            "t=UPPER",
            "t=a%40sha256%3A0000000000000000000000000000000000000000000000000000000000000000",
            "buildargs=x",
            "memory=lots",
            "platform=a/b/c/d",
            "securityopt=%5B%22seccomp%3D/etc/passwd%22%5D",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn contexts_from_elsewhere() {
        for text in ["https://x/a.git#main:sub", "git://x/a", "git@x:a", "github.com/a/b"] {
            assert!(matches!(remote(text), Ok(ContextSource::Git(_))), "{text}");
        }
        assert!(matches!(remote("https://x/a.tar"), Ok(ContextSource::Url(_))));
        for text in ["client-session", "/etc", "file:///etc"] {
            assert!(remote(text).is_err(), "{text}");
        }
    }
}
