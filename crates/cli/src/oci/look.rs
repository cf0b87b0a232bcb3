//! `state`, `list`, `ps`, `plan`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::UNIX_EPOCH;

use libcontainer::{Container, Context};
use serde::Serialize;
use serde_json::json;
use spec::runtime::Status;

use super::bundle::{self, Bundle};
use super::{Session, wording};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::{output, table};

/// The specification's document, and what runc adds to it, in runc's order: scripts match the text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    oci_version: String,
    id: String,
    /// 0 once it has ended.
    pid: i32,
    status: Status,
    bundle: PathBuf,
    rootfs: PathBuf,
    created: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    owner: String,
}

impl Document {
    fn of(container: &Container) -> Self {
        let state = container.state();
        let created = container.created().duration_since(UNIX_EPOCH).unwrap_or_default();
        let created = i64::try_from(created.as_nanos()).unwrap_or(i64::MAX);
        Self {
            oci_version: state.oci_version,
            id: state.id,
            pid: state.pid.unwrap_or(0),
            status: state.status,
            bundle: state.bundle,
            rootfs: container.rootfs().to_owned(),
            created: engine::format_time(created),
            annotations: state.annotations,
            owner: owner(container.owner_uid()),
        }
    }

    /// A row of the table.
    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.pid.to_string(),
            self.status.to_string(),
            self.bundle.display().to_string(),
            self.created.clone(),
            self.owner.clone(),
        ]
    }
}

/// The user's name, as long as this machine has one.
fn owner(uid: u32) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let has_uid = |line: &&str| line.split(':').nth(2) == Some(uid.to_string().as_str());
    let name = accounts.lines().find(has_uid).and_then(|line| line.split(':').next());
    name.map_or_else(|| format!("#{uid}"), str::to_owned)
}

pub(super) fn state(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let document = Document::of(&session.container(matches)?);
    let text = serde_json::to_string_pretty(&document).map_err(|error| unwritable(&error))?;
    print(&format!("{text}\n"))
}

pub(super) fn list(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    if let Some(root) = &session.named_root {
        std::fs::metadata(root).map_err(Failure::file("read", root.display()))?;
    }
    let mut documents = Vec::new();
    for container in session.runtime.list()? {
        match container {
            Ok(container) => documents.push(Document::of(&container)),
            Err(error) => session.warn(&wording::line(&error.into())),
        }
    }
    if matches.on("quiet") {
        let ids = documents.iter().map(|document| format!("{}\n", document.id));
        return print(&ids.collect::<String>());
    }
    if is_json(matches)? {
        // Go's encoder writes an empty list so.
        let list = Some(documents).filter(|documents| !documents.is_empty());
        return print(&format!(
            "{}\n",
            serde_json::to_string(&list).map_err(|error| unwritable(&error))?
        ));
    }
    let head = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(documents.iter().map(Document::row));
    print(&table::layout(&rows, table::LIST))
}

/// The processes by their pids, or the lines of ps(1) that have one of them.
pub(super) fn ps(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let container = session.container(matches)?;
    let pids = container.processes()?;
    if is_json(matches)? {
        return print(&format!("{}\n", json!(pids)));
    }
    let options = matches.words.get(1..).unwrap_or_default();
    let mut command = Command::new("ps");
    if options.is_empty() {
        command.arg("-ef");
    }
    let listed = command.args(options).output().map_err(Failure::file("run", "ps"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut lines = listed.lines();
    let head = lines.next().unwrap_or_default();
    let column = head
        .split_whitespace()
        .position(|name| name == "PID")
        .ok_or_else(|| Failure::Words("ps: its list has no column PID".to_owned()))?;
    let pids: BTreeSet<String> = pids.iter().map(ToString::to_string).collect();
    let ours =
        |line: &&str| line.split_whitespace().nth(column).is_some_and(|pid| pids.contains(pid));
    let text: String =
        std::iter::once(head).chain(lines.filter(ours)).map(|line| format!("{line}\n")).collect();
    print(&text)
}

pub(super) fn plan(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let Bundle { path, spec } = Bundle::open(matches.word(0))?;
    let name = path
        .file_name()
        .map_or_else(|| "bundle".to_owned(), |name| name.to_string_lossy().into_owned());
    let context = Context::new(name, path, bundle::layout()?);
    print(&bundle::plan(&spec, &context)?.to_string())
}

fn is_json(matches: &Matches) -> Result<bool, Failure> {
    match matches.value("format") {
        None | Some("table") => Ok(false),
        Some("json") => Ok(true),
        Some(_) => {
            Err(Failure::Words("invalid format option: it is neither table nor json".into()))
        }
    }
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::Words(format!("write the state: {error}"))
}

fn print(text: &str) -> Result<i32, Failure> {
    output::write(text)?;
    Ok(0)
}
