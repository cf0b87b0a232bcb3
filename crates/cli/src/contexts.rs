//! Contexts: servers that have names, each one file of the user's below `$XDG_CONFIG_HOME/corten/contexts`. A file has everything of its
//! context, certificates and key, too, and is its owner's alone; it takes the place of the one before in one step, so that whoever is killed
//! leaves the old one or the new one. Which one is in use is the text of a file beside the directory, `context`.
//!
//! The document is Docker's `meta.json` with the certificates in it. Start at [`Contexts`].

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use client_docker::{Host, Pem, TlsMaterial};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, open, renameat_with};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::lookup;
use crate::failure::Failure;
use crate::host::FILES;

pub(crate) mod archive;

/// This machine: no file says anything of it.
pub(crate) const DEFAULT: &str = "default";
const CURRENT: &str = "context";
const ENDING: &str = ".json";

/// A server with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) host: Host,
    pub(crate) tls: Option<TlsMaterial>,
}

/// What is in a file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
struct Written {
    name: String,
    metadata: Metadata,
    endpoints: Endpoints,
    #[serde(rename = "TLS", skip_serializing_if = "Option::is_none")]
    tls: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
struct Metadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Endpoints {
    docker: Endpoint,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
struct Endpoint {
    host: String,
    #[serde(rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// Those of a user.
#[derive(Debug)]
pub(crate) struct Contexts {
    directory: PathBuf,
}

impl Contexts {
    /// Nothing where no place of the user's is known. XDG Base Directory Specification.
    pub(crate) fn of_user() -> Option<Self> {
        let named = |name| lookup(name).filter(|text| text.starts_with('/')).map(PathBuf::from);
        let home = || Some(named("HOME")?.join(".config"));
        Some(Self { directory: named("XDG_CONFIG_HOME").or_else(home)?.join("corten") })
    }

    /// The same for commands that need them.
    pub(crate) fn demand() -> Result<Self, Failure> {
        Self::of_user().ok_or_else(|| {
            let words = "neither HOME nor XDG_CONFIG_HOME is set: no place for contexts is known";
            Failure::Words(words.to_owned())
        })
    }

    /// The name of the one in use; nothing where it is this machine.
    pub(crate) fn current(&self) -> Result<Option<String>, Failure> {
        let path = self.directory.join(CURRENT);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|name| !name.is_empty())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Failure::file("read", path.display())(error)),
        }
    }

    /// Puts one in use.
    pub(crate) fn set_current(&self, name: &str) -> Result<(), Failure> {
        let path = self.directory.join(CURRENT);
        if name == DEFAULT {
            return match std::fs::remove_file(&path) {
                Err(error) if !is_absent(&error) => {
                    Err(Failure::file("remove", path.display())(error))
                }
                _ => Ok(()),
            };
        }
        self.get(name)?;
        replace(&path, format!("{name}\n").as_bytes(), false)
    }

    fn place(&self) -> PathBuf {
        self.directory.join("contexts")
    }

    /// The file of one.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place().join(format!("{name}{ENDING}"))
    }

    /// Names of all, in their order.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        let place = self.place();
        let failed = || Failure::file("read", place.display());
        let entries = match std::fs::read_dir(&place) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries.map_err(failed())?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed())?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(ENDING));
            names.extend(name.filter(|name| check_name(name).is_ok()).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// One by its name.
    pub(crate) fn get(&self, name: &str) -> Result<Context, Failure> {
        check_name(name)?;
        let path = self.path(name);
        let text = match std::fs::read(&path) {
            Err(error) if is_absent(&error) => {
                return Err(Failure::Words(format!("no such context: {name}")));
            }
            text => text.map_err(Failure::file("read", path.display()))?,
        };
        let written: Written = serde_json::from_slice(&text)
            .map_err(|error| Failure::Words(format!("read {}: {error}", path.display())))?;
        written.context(name, &path)
    }

    /// Keeps one that is new.
    pub(crate) fn add(&self, context: &Context) -> Result<(), Failure> {
        self.write(context, true)
    }

    /// Keeps one in the place of the one before.
    pub(crate) fn replace(&self, context: &Context) -> Result<(), Failure> {
        self.write(context, false)
    }

    fn write(&self, context: &Context, is_new: bool) -> Result<(), Failure> {
        check_name(&context.name)?;
        let path = self.path(&context.name);
        let text = serde_json::to_vec_pretty(&Written::of(context)).unwrap_or_default();
        match replace(&path, &text, is_new) {
            Err(Failure::File { cause, .. }) if cause.kind() == ErrorKind::AlreadyExists => {
                Err(Failure::Words(format!("context {:?} already exists", context.name)))
            }
            done => done,
        }
    }

    /// Forgets one.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        check_name(name)?;
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if is_absent(&error) => {
                Err(Failure::Words(format!("no such context: {name}")))
            }
            done => done.map_err(Failure::file("remove", path.display())),
        }
    }
}

impl Written {
    fn of(context: &Context) -> Self {
        let material = context.tls.as_ref().map(|tls| {
            let parts = [&tls.authority, &tls.certificate, &tls.key];
            let parts = FILES.iter().zip(parts).map(|(name, pem)| {
                ((*name).to_owned(), String::from_utf8_lossy(&pem.text).into_owned())
            });
            parts.collect()
        });
        Self {
            name: context.name.clone(),
            metadata: Metadata { description: context.description.clone() },
            endpoints: Endpoints {
                docker: Endpoint { host: context.host.to_string(), skip_tls_verify: false },
            },
            tls: material,
        }
    }

    /// What it says, as the context of that name.
    fn context(self, name: &str, from: &Path) -> Result<Context, Failure> {
        let failed = |why: &str| Failure::Words(format!("read {}: {why}", from.display()));
        if self.endpoints.docker.skip_tls_verify {
            return Err(failed(
                "it takes any certificate for the server's (SkipTLSVerify), and none is taken so",
            ));
        }
        let host: Host = self
            .endpoints
            .docker
            .host
            .parse()
            .map_err(|bad: client_docker::BadHost| failed(&bad.to_string()))?;
        let tls = match &self.tls {
            None => None,
            Some(parts) => {
                let pem = |name: &&str| -> Result<Pem, Failure> {
                    let text =
                        parts.get(*name).ok_or_else(|| failed(&format!("it has no {name}")))?;
                    Ok(Pem { from: from.to_owned(), text: text.clone().into_bytes() })
                };
                let [authority, certificate, key] = FILES.each_ref().map(pem);
                Some(TlsMaterial { authority: authority?, certificate: certificate?, key: key? })
            }
        };
        Ok(Context { name: name.to_owned(), description: self.metadata.description, host, tls })
    }
}

impl Context {
    /// Docker's document of it, for `inspect`.
    pub(crate) fn document(&self, path: &Path) -> Value {
        let written = Written::of(self);
        let material = if self.tls.is_some() { json!({ "docker": FILES }) } else { json!({}) };
        json!({
            "Name": written.name, "Metadata": written.metadata, "Endpoints": written.endpoints,
            "TLSMaterial": material,
            "Storage": { "MetadataPath": path.display().to_string(), "TLSPath": path.display().to_string() },
        })
    }
}

/// Docker's rule; what is a name of a file, and no hidden one.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if name == DEFAULT {
        return Err(Failure::Words(format!("context {DEFAULT:?} is this machine, and stays it")));
    }
    if begins && name.len() <= 200 && name.bytes().all(is_inner) {
        return Ok(());
    }
    Err(Failure::Words(format!(
        "invalid context name {name:?}: letters, digits and _.+- behind a letter or digit"
    )))
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Writes a file of the owner's alone beside its place, and moves it there in one step.
fn replace(path: &Path, bytes: &[u8], is_new: bool) -> Result<(), Failure> {
    let failed = || Failure::file("write", path.display());
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
        .create(directory)
        .map_err(Failure::file("make", directory.display()))?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    // What a process of this number left that was killed here.
    let _absent = std::fs::remove_file(&beside);
    let written = write_beside(&beside, bytes).and_then(|()| {
        let flags = if is_new { RenameFlags::NOREPLACE } else { RenameFlags::empty() };
        renameat_with(CWD, &beside, CWD, path, flags)?;
        File::open(directory)?.sync_all()
    });
    if written.is_err() {
        let _gone = std::fs::remove_file(&beside);
    }
    written.map_err(failed())
}

fn write_beside(beside: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(open(beside, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &str) -> Context {
        let pem = |text: &str| Pem { from: "/x".into(), text: text.as_bytes().to_vec() };
        Context {
            name: name.to_owned(),
            description: "a server".to_owned(),
            host: "tcp://host:2376".parse().unwrap(),
            tls: Some(TlsMaterial {
                authority: pem("ca"),
                certificate: pem("cert"),
                key: pem("key"),
            }),
        }
    }

    #[test]
    fn what_is_kept_is_read_again_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let contexts = Contexts { directory: directory.path().join("corten") };
        assert_eq!(contexts.current().unwrap(), None);
        assert!(contexts.names().unwrap().is_empty());
        contexts.add(&context("far")).unwrap();
        let path = contexts.path("far");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let found = contexts.get("far").unwrap();
        assert_eq!(found.tls.as_ref().map(|tls| &tls.key.text[..]), Some(&b"key"[..]));
        assert_eq!((found.host, found.description), (context("far").host, "a server".to_owned()));
        assert!(contexts.add(&context("far")).unwrap_err().line().contains("already exists"));
        contexts.replace(&Context { tls: None, ..context("far") }).unwrap();
        assert_eq!(contexts.get("far").unwrap().tls, None);
        contexts.set_current("far").unwrap();
        assert_eq!(contexts.current().unwrap().as_deref(), Some("far"));
        assert!(contexts.set_current("none").is_err());
        contexts.set_current(DEFAULT).unwrap();
        assert_eq!(contexts.current().unwrap(), None);
        contexts.remove("far").unwrap();
        assert!(contexts.names().unwrap().is_empty() && contexts.remove("far").is_err());
    }

    #[test]
    fn what_was_begun_is_not_seen() {
        let directory = tempfile::tempdir().unwrap();
        let contexts = Contexts { directory: directory.path().to_owned() };
        contexts.add(&context("far")).unwrap();
        // As one that was killed before the last step leaves it.
        write_beside(&contexts.place().join(".far.json.1"), b"half").unwrap();
        write_beside(&contexts.place().join(".near.json.1"), b"half").unwrap();
        assert_eq!(contexts.names().unwrap(), ["far"]);
        assert_eq!(contexts.get("far").unwrap().description, "a server");
    }

    #[test]
    fn names_are_names_of_files() {
        for name in ["", ".x", "-x", "a/b", "a b", "..", "default"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["x", "a.b+c-d_e", "9"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }
}
