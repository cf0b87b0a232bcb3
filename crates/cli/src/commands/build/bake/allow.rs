//! What targets may have only where the line allows it. Start at [`check`].
//!
//! A bake file may come from elsewhere: it reads and writes below the caller's directory, and what lies outside of it, agents of keys, the
//! host's network and steps without confinement are asked for, or named by `--allow`. What `--set` says, the caller has said himself.
//! Source: buildx' reference, "buildx bake --allow". `BUILDX_BAKE_ENTITLEMENTS_FS=0` leaves paths and agents out, as there.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use ::bake::{Entry, Secret, Selection, Target};

use super::super::given::{absolute, bad, fields};
use super::line::{dockerfile, is_remote, own};
use crate::arguments::Matches;
use crate::commands::prune::{Answer, answer};
use crate::config::lookup;
use crate::failure::Failure;
use crate::output;

/// Something that is not everybody's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    HostNetwork,
    Insecure,
    Device(String),
    Agent,
    Read(PathBuf),
    Write(PathBuf),
}

/// What the line allows.
#[derive(Debug, Default)]
struct Allowed {
    /// All but paths.
    rights: BTreeSet<Right>,
    /// `None` is everything.
    reads: Option<Vec<PathBuf>>,
    writes: Option<Vec<PathBuf>>,
}

/// Asks for what targets want and the line does not allow; refuses it where there is nobody to ask.
pub(super) fn check(
    matches: &Matches,
    overrides: &[String],
    selection: &Selection,
) -> Result<(), Failure> {
    let allowed = Allowed::read(matches, overrides)?;
    let mut asked = BTreeSet::new();
    for target in selection.targets.values() {
        asked.extend(wanted(target)?.into_iter().filter(|right| !allowed.has(right)));
    }
    let paths = lookup("BUILDX_BAKE_ENTITLEMENTS_FS").map(|text| text.to_ascii_lowercase());
    if matches!(paths.as_deref(), Some("0" | "f" | "false")) {
        asked.retain(|right| {
            matches!(right, Right::HostNetwork | Right::Insecure | Right::Device(_))
        });
    }
    if asked.is_empty() {
        return Ok(());
    }
    let here = real(Path::new("."))?;
    let mut text = "The targets ask for what the line does not allow:\n\n".to_owned();
    asked.iter().for_each(|right| text.push_str(&format!(" - {}\n", right.words(&here))));
    output::talk(&text);
    let flags: Vec<String> = asked.iter().map(|right| right.flag(&here)).collect();
    let is_terminal = rustix::termios::isatty(rustix::stdio::stdin())
        && rustix::termios::isatty(rustix::stdio::stderr());
    if is_terminal {
        output::talk_on("Do you want to grant them and continue? [y/N] ");
        if answer()? == Answer::Yes {
            return Ok(());
        }
    }
    let words = format!("additional privileges requested: {} grants them", flags.join(" "));
    Err(Failure::Words(words))
}

impl Right {
    fn words(&self, here: &Path) -> String {
        match self {
            Self::HostNetwork => "the host's network for steps".to_owned(),
            Self::Insecure => "steps without confinement".to_owned(),
            Self::Device(name) if name.is_empty() => "devices".to_owned(),
            Self::Device(name) => format!("device {name}"),
            Self::Agent => "the agent of your keys".to_owned(),
            Self::Read(path) => format!("reading {}", short(path, here)),
            Self::Write(path) => format!("writing {}", short(path, here)),
        }
    }

    fn flag(&self, here: &Path) -> String {
        match self {
            Self::HostNetwork => "--allow=network.host".to_owned(),
            Self::Insecure => "--allow=security.insecure".to_owned(),
            Self::Device(name) if name.is_empty() => "--allow=device".to_owned(),
            Self::Device(name) => format!("--allow=device={name}"),
            Self::Agent => "--allow=ssh".to_owned(),
            Self::Read(path) => format!("--allow=fs.read={}", short(path, here)),
            Self::Write(path) => format!("--allow=fs.write={}", short(path, here)),
        }
    }
}

/// What lies beside the caller's directory is known by its way from there.
fn short(path: &Path, here: &Path) -> String {
    let beside = here.parent().and_then(|above| path.strip_prefix(above).ok());
    let path = beside.map_or_else(|| path.to_owned(), |beside| Path::new("..").join(beside));
    crate::plain::plain(&path.display().to_string()).into_owned()
}

impl Allowed {
    fn read(matches: &Matches, overrides: &[String]) -> Result<Self, Failure> {
        let here = real(Path::new("."))?;
        let mut allowed =
            Self { reads: Some(vec![here.clone()]), writes: Some(vec![here]), ..Self::default() };
        for text in matches.values("allow") {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            match (key, value) {
                ("network.host", "") => drop(allowed.rights.insert(Right::HostNetwork)),
                ("security.insecure", "") => drop(allowed.rights.insert(Right::Insecure)),
                ("ssh", "") => drop(allowed.rights.insert(Right::Agent)),
                ("device", name) => drop(allowed.rights.insert(Right::Device(name.to_owned()))),
                ("fs.read", path) if !path.is_empty() => add(&mut allowed.reads, path)?,
                ("fs.write", path) if !path.is_empty() => add(&mut allowed.writes, path)?,
                ("fs", path) if !path.is_empty() => {
                    add(&mut allowed.reads, path)?;
                    add(&mut allowed.writes, path)?;
                }
                _ => {
                    let known = "network.host, security.insecure, ssh, device[=NAME], fs=PATH, fs.read=PATH, fs.write=PATH";
                    return Err(bad("allow", text, &format!("it is not one of {known}")));
                }
            }
        }
        for text in overrides {
            allowed.take_over(text)?;
        }
        Ok(allowed)
    }

    /// What `--set` says need not be allowed once more: `TARGET.KEY[.NAME][+]=VALUE`.
    fn take_over(&mut self, text: &str) -> Result<(), Failure> {
        let Some((key, value)) = text.split_once('=') else { return Ok(()) };
        let key = key.split('.').nth(1).unwrap_or_default().trim_end_matches('+');
        let field = |wanted: &[&str]| -> Result<Option<String>, Failure> {
            let mut said = fields("set", value)?;
            if let [(path, None)] = said.as_slice() {
                return Ok(Some(path.clone()).filter(|_| key == "output"));
            }
            said.retain(|(name, _)| wanted.contains(&name.as_str()));
            Ok(said.into_iter().find_map(|(_, value)| value))
        };
        match key {
            "cache-to" | "output" => {
                if let Some(path) = field(&["dest"])? {
                    add(&mut self.writes, &path)?;
                }
            }
            "cache-from" | "secret" | "secrets" => {
                if let Some(path) = field(&["src", "source"])? {
                    add(&mut self.reads, &path)?;
                }
            }
            "ssh" => match value.split_once('=') {
                Some((_, paths)) => {
                    paths.split(',').try_for_each(|path| add(&mut self.reads, path))?;
                }
                None => drop(self.rights.insert(Right::Agent)),
            },
            "entitlements" if value == "network.host" => {
                self.rights.insert(Right::HostNetwork);
            }
            "entitlements" if value == "security.insecure" => {
                self.rights.insert(Right::Insecure);
            }
            _ => {}
        }
        Ok(())
    }

    fn has(&self, right: &Right) -> bool {
        let is_below = |paths: &Option<Vec<PathBuf>>, path: &Path| {
            paths.as_ref().is_none_or(|paths| paths.iter().any(|known| path.starts_with(known)))
        };
        match right {
            Right::Read(path) => is_below(&self.reads, path),
            Right::Write(path) => is_below(&self.writes, path),
            Right::Device(_) if self.rights.contains(&Right::Device(String::new())) => true,
            Right::HostNetwork | Right::Insecure | Right::Device(_) | Right::Agent => {
                self.rights.contains(right)
            }
        }
    }
}

/// Adds a path to those that are allowed; `*` are all.
fn add(paths: &mut Option<Vec<PathBuf>>, path: &str) -> Result<(), Failure> {
    if path == "*" {
        *paths = None;
    } else if let Some(paths) = paths {
        paths.push(real(Path::new(own(path)))?);
    }
    Ok(())
}

/// What a target would have.
fn wanted(target: &Target) -> Result<Vec<Right>, Failure> {
    let mut rights = Vec::new();
    for text in &target.entitlements {
        match text.split_once('=').unwrap_or((text, "")) {
            ("network.host", "") => rights.push(Right::HostNetwork),
            ("security.insecure", "") => rights.push(Right::Insecure),
            ("device", name) => rights.push(Right::Device(name.to_owned())),
            // `build` says what it is.
            _ => {}
        }
    }
    let context = own(target.context.as_deref().unwrap_or("."));
    let mut reads = Vec::new();
    if !is_remote(context) {
        reads.push(context.to_owned());
        reads.extend(dockerfile(target, context)?);
    }
    for context in target.contexts.values() {
        let is_elsewhere =
            ["target:", "docker-image://"].iter().any(|scheme| context.starts_with(scheme));
        if let Some(layout) = context.strip_prefix("oci-layout://") {
            let path = layout.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
            reads.push(path.map_or(layout, |(path, _)| path).to_owned());
        } else if !is_elsewhere && !is_remote(context) {
            reads.push(own(context).to_owned());
        }
    }
    let local = |entry: &&Entry| entry.kind == "local";
    let of = |entry: &Entry, name: &str| entry.attributes.get(name).cloned();
    reads.extend(target.cache_from.iter().filter(local).filter_map(|entry| of(entry, "src")));
    reads.extend(target.secret.iter().filter_map(file_of));
    for agent in &target.ssh {
        if agent.paths.iter().all(String::is_empty) {
            rights.push(Right::Agent);
        }
        reads.extend(agent.paths.iter().filter(|path| !path.is_empty()).cloned());
    }
    let mut writes: Vec<String> = target
        .cache_to
        .iter()
        .flatten()
        .filter(local)
        .filter_map(|entry| of(entry, "dest"))
        .collect();
    writes.extend(target.output.iter().flatten().filter_map(|entry| of(entry, "dest")));
    writes.retain(|path| path != "-");
    for path in reads {
        rights.push(Right::Read(real(Path::new(own(&path)))?));
    }
    for path in writes {
        rights.push(Right::Write(real(Path::new(&path))?));
    }
    Ok(rights)
}

/// The file of a secret; an id alone is one where there is no variable of that name.
fn file_of(Secret { id, source, environment }: &Secret) -> Option<String> {
    if !source.is_empty() {
        return Some(source.clone());
    }
    (environment.is_empty() && lookup(id).is_none()).then(|| id.clone())
}

/// Where a path leads: links followed as far as it is there, and none behind that.
#[expect(clippy::disallowed_methods, reason = "a path of the caller's, in no container")]
fn real(path: &Path) -> Result<PathBuf, Failure> {
    let path = absolute(path)?;
    for known in path.ancestors() {
        let Ok(mut real) = std::fs::canonicalize(known) else { continue };
        let rest = path.strip_prefix(known).unwrap_or(Path::new(""));
        for part in rest.components() {
            match part {
                Component::ParentDir => drop(real.pop()),
                Component::Normal(name) => real.push(name),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        return Ok(real);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::super::line::{parsed, tests::target};
    use super::*;

    fn allowed(line: &[&str], overrides: &[&str]) -> Result<Allowed, Failure> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Allowed::read(&parsed("bake", own(line))?, &own(overrides))
    }

    #[test]
    fn what_lies_outside_is_asked_for() {
        let text = r#"target "a" {
            context = "/usr/lib/"
            dockerfile = "../File"
            contexts = { b = "target:b", c = "docker-image://c", d = "https://example.org/d.git", e = "oci-layout:///l:t", f = "src", g = "docker-image:x/../.." }
            cache-from = ["type=local,src=/cache", "type=registry,ref=src"]
            cache-to = ["type=local,dest=missing/../../../x"]
            secret = ["id=/etc/no-such-file", "id=HOME", "id=x,env=Y", "id=z,src=/z"]
            ssh = ["default", "k=/key"]
            output = ["out", "type=tar,dest=-", "type=oci,dest=/o.tar"]
            network = "host"
        }
        target "b" {}"#;
        let rights = wanted(&target(text, "a")).unwrap();
        let none = allowed(&[], &[]).unwrap();
        let asked: BTreeSet<&Right> = rights.iter().filter(|right| !none.has(right)).collect();
        let above = real(Path::new("../..")).unwrap().join("x");
        let (read, write) =
            (|path: &str| Right::Read(path.into()), |path: &str| Right::Write(path.into()));
        let wanted = [
            Right::HostNetwork,
            Right::Agent,
            read("/usr/lib"),
            read(real(Path::new("..")).unwrap().to_str().unwrap()),
            read("/usr/File"),
            read("/l"),
            read("/cache"),
            read("/etc/no-such-file"),
            read("/z"),
            read("/key"),
            write(above.to_str().unwrap()),
            write("/o.tar"),
        ];
        assert_eq!(asked, wanted.iter().collect());
        let all = ["--allow=network.host", "--allow=ssh", "--allow=fs.read=*", "--allow=fs=/"];
        let all = allowed(&all, &[]).unwrap();
        assert!(rights.iter().all(|right| all.has(right)));
    }

    #[test]
    fn what_the_line_says_itself_is_allowed() {
        let overrides = [
            "*.output=/o",
            "a.cache-to+=type=local,dest=/c",
            "a.cache-from=type=local,src=/f",
            "a.secrets=id=s,src=/s",
            "a.ssh=k=/k",
            "a.entitlements=security.insecure",
        ];
        let allowed = allowed(&[], &overrides).unwrap();
        for right in [
            Right::Write("/o/x".into()),
            Right::Write("/c".into()),
            Right::Read("/f".into()),
            Right::Read("/s".into()),
            Right::Read("/k".into()),
            Right::Insecure,
        ] {
            assert!(allowed.has(&right), "{right:?}");
        }
        assert!(!allowed.has(&Right::Write("/other".into())) && !allowed.has(&Right::Agent));
    }

    #[test]
    fn links_lead_outside() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/usr", &link).unwrap();
        assert_eq!(real(&link.join("lib")).unwrap(), real(Path::new("/usr/lib")).unwrap());
        assert_eq!(real(&link.join("no/../../x")).unwrap(), Path::new("/x"));
        for text in ["--allow=everything", "--allow=fs.read", "--allow=ssh=x"] {
            assert!(self::allowed(&[text], &[]).is_err(), "{text}");
        }
    }
}
