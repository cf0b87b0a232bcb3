//! A call of a tool: which container it is about, in which directory, and what the engine knows of it.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use ::lxc::config::read::Limits;
use ::lxc::config::system::{Owner, System};
use ::lxc::config::{Document, life::LogLevel};
use ::lxc::containers::Directory;
use ::lxc::start::PATH_LABEL;
use engine::{Container, Engine, Kind, chain};

use super::Tool;
use crate::arguments::Matches;
use crate::config::{self, RawConfig};
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;

/// What a tool is given.
pub(super) struct Call {
    pub(super) matches: Matches,
    /// The container; empty for tools that are about none.
    pub(super) name: String,
    /// The words behind it.
    pub(super) words: Vec<String>,
    pub(super) session: Session,
    /// Where containers are; the first counts where there is to be one.
    pub(super) directories: Vec<Directory>,
    program: String,
    log: Option<std::fs::File>,
    is_quiet: bool,
}

impl Call {
    pub(super) fn new(
        tool: &'static Tool,
        mut matches: Matches,
        config: RawConfig,
    ) -> Result<Self, Failure> {
        let has = |flag: &str| tool.grammar.all_flags().any(|own| own.long == flag);
        let is_common = has("lxcpath");
        let mut words = std::mem::take(&mut matches.words);
        let given = has("name").then(|| matches.text("name").map(str::to_owned)).flatten();
        let name = match given {
            Some(name) => name,
            None if tool.is_named && !words.is_empty() => words.remove(0),
            None if tool.is_named => {
                return Err(Failure::Words("no container is named".to_owned()));
            }
            None => String::new(),
        };
        if is_common && let Some(level) = matches.value("logpriority") {
            check_level(level)?;
        }
        let directories =
            if is_common { directories(matches.values("lxcpath"))? } else { Vec::new() };
        let log = match is_common.then(|| matches.value("logfile")).flatten() {
            Some(path) => {
                let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
                Some(opened.map_err(Failure::file("open", path))?)
            }
            None => None,
        };
        let is_quiet = is_common && matches.on("quiet");
        let (session, program) = (Session::new(config), tool.program());
        Ok(Self { matches, name, words, session, directories, program, log, is_quiet })
    }

    /// The directory that a container is in, or is to be in.
    pub(super) fn directory(&self) -> Result<&Directory, Failure> {
        self.directories
            .first()
            .ok_or_else(|| Failure::Words("no directory of containers is known".to_owned()))
    }

    /// This program once more, for another tool of LXC's with the same store.
    pub(super) fn command(&self) -> Result<Command, Failure> {
        let engine = self.session.engine_config()?;
        let mut command = Command::new(&engine.program);
        command.arg("--root").arg(&engine.paths.root);
        command.arg("--state").arg(&engine.paths.state).arg("lxc");
        Ok(command)
    }

    /// A line of talk that begins as LXC's do, on standard error and in the log.
    pub(super) fn say(&self, words: &str) {
        let about = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        let line = format!("{}: {about}{words}", self.program);
        let line = plain(&line);
        if !self.is_quiet {
            output::talk(&line);
        }
        if let Some(mut log) = self.log.as_ref() {
            // A log that is full or gone keeps nobody from working.
            let _lost = writeln!(log, "{line}");
        }
    }

    /// Tells of a failure; gives the exit code for it.
    pub(super) fn report(&self, failure: &Failure) -> i32 {
        if matches!(failure, Failure::Unread) {
            return output::UNREAD;
        }
        self.say(&failure.line());
        if let Some(hint) = failure.hint().filter(|_| !self.is_quiet) {
            output::talk(&format!("hint: {}", plain(&hint)));
        }
        1
    }

    /// The container's configuration: the file that `--rcfile` names, or its own; an empty one where there is none.
    pub(super) fn document(&self) -> Result<Option<Document>, Failure> {
        let rcfile = self.matches.value("rcfile").map(PathBuf::from);
        let directory = self.directory()?;
        let path = match rcfile {
            Some(path) => path,
            None if directory.has(&self.name) => directory.config_file(&self.name),
            None => return Ok(None),
        };
        Document::open(&path, &Limits::default())
            .map(Some)
            .map_err(|error| Failure::Words(chain(&error)))
    }

    /// What the engine knows of the container: one of this directory, or one that belongs to none.
    pub(super) fn known(&self, engine: &Engine) -> Result<Option<Container>, Failure> {
        self.known_as(engine, &self.name)
    }

    /// The same of another one.
    pub(super) fn known_as(
        &self,
        engine: &Engine,
        name: &str,
    ) -> Result<Option<Container>, Failure> {
        match engine.containers().get(name) {
            // It may have been found by its id.
            Ok(container) if container.record.name != name => Ok(None),
            Ok(container) if !self.is_ours(&container) => Ok(None),
            Ok(container) => Ok(Some(container)),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a container is in one of the directories, or in none at all.
    pub(super) fn is_ours(&self, container: &Container) -> bool {
        let path = container.config.labels.get(PATH_LABEL);
        path.is_none_or(|path| {
            self.directories.iter().any(|own| own.path().as_os_str() == path.as_str())
        })
    }

    /// The container, which is to run.
    pub(super) fn running(&self, engine: &Engine) -> Result<Container, Failure> {
        let running = self.known(engine)?.filter(super::states::is_active);
        running.ok_or_else(|| Failure::Words("it is not running".to_owned()))
    }
}

/// As LXC has it: a level that there is not is refused, whatever becomes of it.
fn check_level(text: &str) -> Result<(), Failure> {
    use ::lxc::config::Config;
    let mut config = Config::default();
    config.set("lxc.log.level", text).map_err(|error| Failure::Words(chain(&error)))?;
    let _level: Option<LogLevel> = config.monitor.log_level;
    Ok(())
}

/// Those that are named, each once, or the one of LXC's configuration.
fn directories<'a>(named: impl Iterator<Item = &'a str>) -> Result<Vec<Directory>, Failure> {
    let mut all: Vec<Directory> = Vec::new();
    for text in named {
        let path = std::path::absolute(text).map_err(Failure::file("find", text))?;
        let text = path.to_string_lossy().into_owned();
        let trimmed = text.trim_end_matches('/');
        let path = PathBuf::from(if trimmed.is_empty() { "/" } else { trimmed });
        let directory = Directory::new(path);
        if !all.contains(&directory) {
            all.push(directory);
        }
    }
    if all.is_empty() {
        all.push(Directory::new(system()?.containers));
    }
    Ok(all)
}

/// LXC's own configuration, the machine's or the user's.
pub(super) fn system() -> Result<System, Failure> {
    let owner = if rustix::process::geteuid().is_root() {
        Owner::Root
    } else {
        Owner::User(config::lookup("HOME").unwrap_or_default().into())
    };
    let path = owner.file();
    match std::fs::read(&path) {
        Ok(bytes) => {
            System::read(&path, &bytes, &owner).map_err(|error| Failure::Words(chain(&error)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(System::defaults(&owner)),
        Err(error) => Err(Failure::file("read", path.display())(error)),
    }
}
