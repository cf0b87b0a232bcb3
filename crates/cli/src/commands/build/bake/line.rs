//! A target as a line of `build`: each of its attributes is a flag, so that what `build` takes and refuses holds here, too.
//! Start at [`read`]. What no line can say comes beside it: the text of a Dockerfile, and contexts that are other targets.

use std::path::Path;

use ::bake::{Attestation, Entry, Secret, Ssh, Target};
use build::{ContextSource, DockerfileSource};

use super::super::{Order, not_yet};
use crate::arguments::{Matches, Parsed, parse};
use crate::commands::COMMANDS;
use crate::failure::Failure;
use crate::progress::build::Style;

/// What a target asks of a build. Secrets are read.
pub(super) fn read(target: &Target, style: Style) -> Result<Order, Failure> {
    let mut order = Order::read(&parsed("build", words(target)?)?, style)?;
    if let Some(text) = &target.dockerfile_inline {
        order.request.dockerfile = DockerfileSource::Text(text.clone().into_bytes());
    }
    Ok(order)
}

/// The words of a line, by the grammar of a command.
pub(super) fn parsed(command: &str, words: Vec<String>) -> Result<Matches, Failure> {
    let misspelt = || Failure::UnknownCommand {
        word: command.to_owned(),
        family: String::new(),
        closest: None,
    };
    let found = COMMANDS.iter().find(|known| known.grammar.name() == command);
    match parse(found.ok_or_else(misspelt)?.grammar, words) {
        Ok(Parsed::Call(matches)) => Ok(matches),
        Ok(Parsed::Help) => Err(misspelt()),
        Err(error) => Err(Failure::Usage { command: command.to_owned(), error }),
    }
}

/// Whether a context is fetched. What is a directory of this machine is meant, whatever its name looks like.
pub(super) fn is_remote(context: &str) -> bool {
    !Path::new(context).is_dir() && ContextSource::of_address(context).is_some()
}

/// Those contexts of a target that are other targets: their names in the Dockerfile, and the targets.
pub(super) fn links(target: &Target) -> Vec<(String, String)> {
    let link = |(name, context): (&String, &String)| {
        Some((name.clone(), context.strip_prefix("target:")?.to_owned()))
    };
    target.contexts.iter().filter_map(link).collect()
}

/// A path of the caller's, as a target writes it.
pub(super) fn own(path: &str) -> &str {
    path.strip_prefix("cwd://").unwrap_or(path)
}

fn words(target: &Target) -> Result<Vec<String>, Failure> {
    let is_in_force = |rule: &std::collections::BTreeMap<String, String>| {
        rule.get("disabled").is_none_or(|disabled| disabled != "true")
    };
    if target.policy.iter().any(is_in_force) {
        return Err(not_yet("policy"));
    }
    let context = context(target)?;
    let mut line = Line::default();
    if let Some(file) = dockerfile(target, context)? {
        line.flag("file", &file);
    }
    for (name, context) in &target.contexts {
        if !context.starts_with("target:") {
            line.flag("build-context", &format!("{name}={}", own(context)));
        }
    }
    for (flag, map) in
        [("build-arg", &target.args), ("label", &target.labels), ("add-host", &target.extra_hosts)]
    {
        map.iter().for_each(|(name, value)| line.flag(flag, &format!("{name}={value}")));
    }
    for (flag, list) in [
        ("tag", target.tags.as_deref().unwrap_or_default()),
        ("platform", target.platforms.as_deref().unwrap_or_default()),
        ("annotation", &target.annotations),
        ("no-cache-filter", &target.no_cache_filter),
        ("ulimit", &target.ulimits),
        ("allow", &target.entitlements),
    ] {
        list.iter().for_each(|value| line.flag(flag, value));
    }
    for (flag, value) in [
        ("target", &target.target),
        ("network", &target.network),
        ("shm-size", &target.shm_size),
        ("call", &target.call),
    ] {
        value.iter().for_each(|value| line.flag(flag, value));
    }
    target.resources.iter().for_each(|(name, value)| line.flag(name, value));
    for (flag, value) in [("pull", target.pull), ("no-cache", target.no_cache)] {
        value.iter().for_each(|value| line.flag(flag, &value.to_string()));
    }
    line.lists(target);
    line.words.extend(["--".to_owned(), context.to_owned()]);
    Ok(line.words)
}

#[derive(Default)]
struct Line {
    words: Vec<String>,
}

impl Line {
    fn flag(&mut self, name: &str, value: &str) {
        self.words.push(format!("--{name}={value}"));
    }

    /// What has fields.
    fn lists(&mut self, target: &Target) {
        let entries = |list: &Option<Vec<Entry>>| list.clone().unwrap_or_default();
        for (flag, list) in [
            ("cache-from", target.cache_from.clone()),
            ("cache-to", entries(&target.cache_to)),
            ("output", entries(&target.output)),
        ] {
            list.iter().for_each(|entry| self.flag(flag, &fields(Some(&entry.kind), entry)));
        }
        target.secret.iter().for_each(|one| self.flag("secret", &secret(one)));
        for Ssh { id, paths } in &target.ssh {
            let is_bare = paths.iter().all(String::is_empty);
            let paths = paths.join(",");
            self.flag("ssh", &if is_bare { id.clone() } else { format!("{id}={paths}") });
        }
        target.attest.iter().for_each(|one| self.attestation(one));
    }

    /// Those that have flags of their own are said by them.
    fn attestation(&mut self, attestation: &Attestation) {
        let entry = &attestation.0;
        match entry.kind.as_str() {
            kind @ ("provenance" | "sbom") if attestation.is_disabled() => self.flag(kind, "false"),
            kind @ ("provenance" | "sbom") if entry.attributes.is_empty() => {
                self.flag(kind, "true");
            }
            kind @ ("provenance" | "sbom") => self.flag(kind, &fields(None, entry)),
            kind => self.flag("attest", &fields(Some(kind), entry)),
        }
    }
}

fn context(target: &Target) -> Result<&str, Failure> {
    match target.context.as_deref().unwrap_or(".") {
        "-" => Err(Failure::Words("a context cannot be standard input here".to_owned())),
        context => Ok(own(context)),
    }
}

/// The file from the caller's directory; nothing where it is the usual one of the context, or its text is here.
pub(super) fn dockerfile(target: &Target, context: &str) -> Result<Option<String>, Failure> {
    let file = target.dockerfile.as_deref().unwrap_or_default();
    if matches!(file, "" | "Dockerfile") || target.dockerfile_inline.is_some() {
        return Ok(None);
    }
    if file == "-" {
        let words = "a Dockerfile cannot be standard input here: dockerfile-inline has its text";
        return Err(Failure::Words(words.to_owned()));
    }
    if is_remote(file) {
        return Err(not_yet("a dockerfile at an address"));
    }
    match (file.strip_prefix("cwd://"), is_remote(context)) {
        (Some(_), true) => Err(not_yet("a dockerfile of this machine for a context at an address")),
        (Some(file), false) => Ok(Some(file.to_owned())),
        (None, true) => Ok(Some(file.to_owned())),
        (None, false) => Ok(Some(Path::new(context).join(file).display().to_string())),
    }
}

fn secret(Secret { id, source, environment }: &Secret) -> String {
    let parts = [("id", id), ("src", source), ("env", environment)];
    let said = parts.iter().filter(|(_, value)| !value.is_empty());
    joined(said.map(|(name, value)| format!("{name}={value}")))
}

fn fields(kind: Option<&str>, entry: &Entry) -> String {
    let kind = kind.map(|kind| format!("type={kind}"));
    let attributes = entry.attributes.iter().map(|(name, value)| format!("{name}={value}"));
    joined(kind.into_iter().chain(attributes))
}

/// Fields in one line; those with commas or quotes in double quotes. RFC 4180.
fn joined(fields: impl Iterator<Item = String>) -> String {
    let quoted = fields.map(|field| {
        if field.contains([',', '"']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const ALL: &str = r#"
        target "a" {
          context = "/"
          dockerfile = "d/File"
          contexts = { base = "target:b", img = "docker-image://x:1" }
          args = { A = "b=c", E = "" }
          labels = { l = "-v" }
          annotations = ["index:k=v"]
          tags = ["t:1"]
          platforms = ["linux/amd64"]
          cache-from = ["user/cache", "type=local,src=/c"]
          cache-to = ["type=inline"]
          target = "stage"
          secret = ["id=s,env=HOME", { id = "f", src = "/a,b" }]
          ssh = ["default", "k=/p,/q"]
          output = ["type=docker", { type = "local", dest = "out\"put" }]
          pull = true
          no-cache = false
          network = "host"
          no-cache-filter = ["x"]
          shm-size = "64m"
          ulimits = ["nofile=5"]
          resources = { memory = "1g", cpu-shares = 3 }
          call = "check"
          extra-hosts = { db = "10.0.0.1" }
          attest = ["type=sbom", "type=provenance,mode=max,builder-id=x", "type=sbom,disabled=true"]
          entitlements = ["security.insecure"]
        }
        target "b" {}
    "#;

    pub(in super::super) fn target(text: &str, name: &str) -> Target {
        let none = std::collections::BTreeMap::new();
        let machine = ::bake::Machine {
            environment: &none,
            compose_environment: &none,
            command_context: "cwd://",
            local_platform: "linux/amd64",
            now: 0,
            home: "",
            random: &|| [0; 16],
            is_address: &is_remote,
        };
        let file = ::bake::BakeFile { name: "b.hcl".to_owned(), text: text.to_owned() };
        let read = ::bake::Definition::read(&[file], &machine).unwrap();
        read.select(&[name.to_owned()], &[], &machine).unwrap().targets.remove(name).unwrap()
    }

    /// An attribute that is not in the words would be ignored.
    #[test]
    fn every_attribute_is_a_flag() {
        let target = target(ALL, "a");
        insta::assert_snapshot!(words(&target).unwrap().join("\n"), @r#"
        --file=/d/File
        --build-context=img=docker-image://x:1
        --build-arg=A=b=c
        --build-arg=E=
        --label=l=-v
        --add-host=db=10.0.0.1
        --tag=t:1
        --platform=linux/amd64
        --annotation=index:k=v
        --no-cache-filter=x
        --ulimit=nofile=5
        --allow=security.insecure
        --allow=network.host
        --target=stage
        --network=host
        --shm-size=64m
        --call=check
        --cpu-shares=3
        --memory=1g
        --pull=true
        --no-cache=false
        --cache-from=type=registry,ref=user/cache
        --cache-from=type=local,src=/c
        --cache-to=type=inline
        --output=type=docker
        --output=type=local,"dest=out""put"
        --secret=id=s,env=HOME
        --secret=id=f,"src=/a,b"
        --ssh=default
        --ssh=k=/p,/q
        --sbom=false
        --provenance=builder-id=x,mode=max
        --
        /
        "#);
        assert_eq!(links(&target), [("base".to_owned(), "b".to_owned())]);
        assert!(parsed("build", words(&target).unwrap()).is_ok());
    }

    #[test]
    fn files_are_found_from_the_context() {
        for (context, file, wanted) in [
            ("sub", "Dockerfile", Some(None)),
            ("sub", "x/File", Some(Some("sub/x/File"))),
            ("sub", "/x", Some(Some("/x"))),
            ("sub", "cwd://x", Some(Some("x"))),
            ("https://example.org/a.git", "x", Some(Some("x"))),
            ("https://example.org/a.git", "cwd://x", None),
            ("sub", "https://example.org/File", None),
            ("sub", "-", None),
        ] {
            let mut target = Target { dockerfile: Some(file.to_owned()), ..Target::default() };
            let found = dockerfile(&target, context);
            assert_eq!(found.ok().as_ref().map(Option::as_deref), wanted, "{context} {file}");
            target.dockerfile_inline = Some("FROM scratch".to_owned());
            assert!(dockerfile(&target, context).unwrap().is_none());
        }
        let target = Target { context: Some("-".to_owned()), ..Target::default() };
        assert!(words(&target).is_err());
    }
}
