//! Further processes that are made first and started later, as Docker's interface has them: what is wanted, whether it runs, how it ended. Files of the
//! state directory, so that whoever answers need not be who was asked before.
//!
//! Start at [`Containers::create_exec`].

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use libcontainer::{Process, start_time};
use serde::{Deserialize, Serialize};
use spec::ContainerId;

use crate::containers::Containers;
use crate::documents::Document;
use crate::error::EngineError;
use crate::exec::ExecRequest;
use crate::names;
use crate::state::Action;

/// What has ended is known for so long.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// What was made and never started is known for so long.
const KEPT_UNSTARTED: Duration = Duration::from_secs(24 * 3600);

/// A further process that somebody has asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecRecord {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// The container's id.
    pub container: ContainerId,
    /// What is wanted.
    pub request: ExecRequest,
    /// Whether its standard input, output and error output are wanted.
    pub attach: [bool; 3],
    /// Keys that end an attachment; nothing is Docker's own.
    pub detach_keys: Option<String>,
    /// Whether it was started.
    pub is_started: bool,
    /// The process on the host, and when it was made, in clock ticks since boot; 0 before it runs.
    pub process: (i32, u64),
    /// Its exit code, once it has ended.
    pub code: Option<i32>,
}

impl ExecRecord {
    /// Whether its process lives.
    #[must_use]
    pub fn runs(&self) -> bool {
        let (pid, start_time) = self.process;
        let lives = || Process::find(pid, start_time).is_some_and(|process| !process.has_ended());
        self.code.is_none() && pid > 0 && lives()
    }
}

impl Containers<'_> {
    /// Writes down what is wanted.
    ///
    /// # Errors
    /// When the container does not run or is paused, or names no program.
    pub fn create_exec(
        &self,
        text: &str,
        request: ExecRequest,
        attach: [bool; 3],
        detach_keys: Option<String>,
    ) -> Result<ExecRecord, EngineError> {
        let container = self.get(text)?;
        container.allow(Action::Exec)?;
        if request.command.is_empty() {
            return Err(EngineError::value("command", "", "it names no program"));
        }
        let record = ExecRecord {
            id: names::random_id()?.as_str().to_owned(),
            container: container.record.id.clone(),
            request,
            attach,
            detach_keys,
            is_started: false,
            process: (0, 0),
            code: None,
        };
        self.forget_old_execs();
        self.write_exec(&record)?;
        let action = format!("exec_create: {}", record.request.command.join(" "));
        self.tell(&container, &action, &[("execID", record.id.clone())]);
        Ok(record)
    }

    /// One by its id.
    ///
    /// # Errors
    /// When there is none, or its container is gone.
    pub fn exec_record(&self, id: &str) -> Result<ExecRecord, EngineError> {
        let unknown = || EngineError::NoSuchExec { id: id.to_owned() };
        // An id is part of a path.
        if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let path = self.execs().join(id);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(unknown()),
            Err(error) => return Err(EngineError::file("read", &path)(error)),
        };
        serde_json::from_slice(&bytes).map_err(|_cut_short| unknown())
    }

    /// Claims the right to start one: it is had once.
    ///
    /// # Errors
    /// When it was started already, there is none, or its container does not run or is paused.
    pub fn claim_exec(&self, id: &str) -> Result<ExecRecord, EngineError> {
        let mut record = self.exec_record(id)?;
        let container = self.get(record.container.as_str())?;
        container.allow(Action::Exec)?;
        let claim = self.execs().join(format!("{id}.claim"));
        match fs::File::create_new(&claim) {
            Ok(_claimed) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(EngineError::ExecHasRun { id: id.to_owned() });
            }
            Err(error) => return Err(EngineError::file("make", &claim)(error)),
        }
        record.is_started = true;
        self.write_exec(&record)?;
        Ok(record)
    }

    /// Writes down that it runs.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn exec_runs(&self, record: &mut ExecRecord, pid: i32) -> Result<(), EngineError> {
        record.process = (pid, start_time(pid).unwrap_or_default());
        self.write_exec(record)
    }

    /// Writes down that it has ended.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn exec_ended(&self, record: &mut ExecRecord, code: i32) -> Result<(), EngineError> {
        record.code = Some(code);
        self.write_exec(record)
    }

    /// Docker's document of one.
    ///
    /// # Errors
    /// As [`Containers::exec_record`].
    pub fn inspect_exec(&self, id: &str) -> Result<Document, EngineError> {
        let record = self.exec_record(id)?;
        // With its container goes all that is known of it.
        if !self.engine.store.containers().dirs(&record.container).container.exists() {
            return Err(EngineError::NoSuchExec { id: id.to_owned() });
        }
        let request = &record.request;
        let (program, arguments) = match request.command.split_first() {
            Some((program, arguments)) => (program.clone(), arguments.to_vec()),
            None => (String::new(), Vec::new()),
        };
        let process = Document::new()
            .with("tty", request.tty)
            .with("entrypoint", program)
            .with("arguments", arguments)
            .with("privileged", request.privileged)
            .with_filled("user", request.user.clone());
        let [stdin, stdout, stderr] = record.attach;
        Ok(Document::new()
            .with("ID", record.id.clone())
            .with("Running", record.runs())
            .with("ExitCode", record.code)
            .with("ProcessConfig", process)
            .with("OpenStdin", stdin)
            .with("OpenStderr", stderr)
            .with("OpenStdout", stdout)
            .with("CanRemove", record.code.is_some())
            .with("ContainerID", record.container.as_str())
            .with("DetachKeys", record.detach_keys.clone().unwrap_or_default())
            .with("Pid", record.process.0))
    }

    /// Ids of those of a container that run.
    pub(crate) fn running_execs(&self, id: &ContainerId) -> Vec<String> {
        let entries = fs::read_dir(self.execs()).into_iter().flatten().flatten();
        let records = entries
            .filter_map(|entry| self.exec_record(entry.file_name().to_str()?).ok())
            .filter(|record| record.container == *id && record.runs());
        records.map(|record| record.id).collect()
    }

    fn execs(&self) -> PathBuf {
        self.engine.paths().state.join("execs")
    }

    /// Written beside and renamed: whoever reads finds it whole.
    fn write_exec(&self, record: &ExecRecord) -> Result<(), EngineError> {
        let (directory, path) = (self.execs(), self.execs().join(&record.id));
        let bytes = serde_json::to_vec(record)
            .map_err(|error| EngineError::file("write", &path)(error.into()))?;
        fs::create_dir_all(&directory).map_err(EngineError::file("make", &directory))?;
        let beside = directory.join(format!("{}.new", record.id));
        #[expect(clippy::disallowed_methods, reason = "of this boot alone, and renamed")]
        fs::write(&beside, bytes)
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(EngineError::file("write", &path))
    }

    /// Nothing depends on it: what cannot be removed is removed by the next one.
    fn forget_old_execs(&self) {
        let now = SystemTime::now();
        for entry in fs::read_dir(self.execs()).into_iter().flatten().flatten() {
            let age = entry.metadata().and_then(|about| about.modified()).ok();
            let age = age.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
            if age < KEPT {
                continue;
            }
            let name = entry.file_name();
            let record = name.to_str().and_then(|id| self.exec_record(id).ok());
            let is_over = match record {
                Some(record) if record.is_started => !record.runs(),
                Some(_) => age >= KEPT_UNSTARTED,
                // A claim, or half a record.
                None => self
                    .exec_record(name.to_str().and_then(|name| name.get(..64)).unwrap_or_default())
                    .is_err(),
            };
            if is_over {
                let _later = fs::remove_file(entry.path());
            }
        }
    }
}
