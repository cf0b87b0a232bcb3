//! `builder history`: records of builds, listed, looked at, told again and removed.

use std::fmt::Write as _;

use build::{BuildRecord, BuildState, History, HistoryError};
use serde_json::{Value, json};

use super::super::list::print;
use super::since;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;
use crate::progress::build::{Style, replayed};
use crate::request::wrong;
use crate::template::Template;
use crate::words::{local_time, truncate};

/// Longest name that is shown whole.
const NAME_COLUMNS: usize = 36;
const SECOND_NS: u64 = 1_000_000_000;

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        Self::Words(engine::chain(&error))
    }
}

fn history(session: &Session) -> Result<History, Failure> {
    Ok(History::of(&session.paths()?.root))
}

pub(in crate::commands) fn list(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut records = history(session)?.list()?;
    for text in matches.values("filter") {
        let filter = Filter::parse(text)?;
        records.retain(|record| filter.allows(record));
    }
    if matches.on("quiet") {
        let ids: String = records.iter().map(|record| format!("{}\n", record.id)).collect();
        output::write(&ids)?;
        return Ok(0);
    }
    let columns = [
        ("ID", "BUILD ID"),
        ("Name", "NAME"),
        ("Status", "STATUS"),
        ("CreatedSince", "CREATED AT"),
        ("Duration", "DURATION"),
    ];
    let is_whole = matches.on("no-trunc");
    let value = |record: &BuildRecord| {
        let name =
            if is_whole { record.name.clone() } else { truncate(&record.name, NAME_COLUMNS) };
        json!({
            "ID": record.id, "Name": name, "Status": record.state.word(),
            "CreatedSince": since(record.begun_ns), "CreatedAt": engine::format_time(record.begun_ns),
            "Duration": took(record), "Error": record.error, "Image": record.image,
        })
    };
    let values: Vec<Value> = records.iter().map(value).collect();
    print(matches.value("format"), &columns, &values)
}

/// What `--filter` says.
struct Filter {
    kind: String,
    value: String,
    wanted: bool,
}

impl Filter {
    fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: &str| Failure::Values(Box::new(wrong("filter", text, why)));
        let (kind, value) =
            text.split_once('=').ok_or_else(|| bad("it is not of the form KIND=VALUE"))?;
        let (kind, wanted) = kind.strip_suffix('!').map_or((kind, true), |kind| (kind, false));
        let value = match (kind, value.to_ascii_lowercase().as_str()) {
            ("status", "error" | "failed") => "error".to_owned(),
            ("status", "completed" | "success") => "completed".to_owned(),
            ("status", "canceled" | "cancelled") => "canceled".to_owned(),
            ("status", known @ ("running" | "killed")) => known.to_owned(),
            ("status", _) => {
                return Err(bad(
                    "the status is not one of completed, error, running, canceled, killed",
                ));
            }
            ("ref" | "name", _) => value.to_owned(),
            _ => return Err(bad("the kind is not one of status, ref, name")),
        };
        Ok(Self { kind: kind.to_owned(), value, wanted })
    }

    fn allows(&self, record: &BuildRecord) -> bool {
        let is_met = match self.kind.as_str() {
            "status" => record.state.word().eq_ignore_ascii_case(&self.value),
            "ref" => record.id.starts_with(&self.value),
            _ => record.name.contains(&self.value),
        };
        is_met == self.wanted
    }
}

/// "1.4s", "1m 1s".
fn took(record: &BuildRecord) -> String {
    let Some(took_ns) = record.took_ns else { return String::new() };
    let tenths = took_ns / (SECOND_NS / 10);
    match tenths / 600 {
        0 => format!("{}.{}s", tenths / 10, tenths % 10),
        minutes => format!("{minutes}m {}s", tenths / 10 % 60),
    }
}

pub(in crate::commands) fn inspect(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let record = history(session)?.find(matches.word(0))?;
    let text = match matches.value("format") {
        None | Some("" | "pretty") => pretty(&record),
        Some("json") => format!("{:#}\n", document(&record)),
        Some(format) => {
            let template = Template::parse(format).map_err(Failure::Unreadable)?;
            format!("{}\n", template.render(&document(&record))?)
        }
    };
    output::write(&text)?;
    Ok(0)
}

/// The fields that buildx has, and those of this program's own.
fn document(record: &BuildRecord) -> Value {
    let took_ns = record.took_ns.map(|took| i64::try_from(took).unwrap_or(i64::MAX));
    let ended = took_ns.map(|took| engine::format_time(record.begun_ns.saturating_add(took)));
    json!({
        "Name": record.name, "Ref": record.id, "Context": record.context, "Dockerfile": record.dockerfile,
        "VCSRevision": record.commit, "Target": record.target, "Platform": record.platform.iter().collect::<Vec<_>>(),
        "Tags": record.tags, "StartedAt": engine::format_time(record.begun_ns), "CompletedAt": ended,
        "Duration": record.took_ns, "Status": record.state.word().to_ascii_lowercase(),
        "NumCompletedSteps": record.ended, "NumTotalSteps": record.steps, "NumCachedSteps": record.cached,
        "NumWarnings": record.warnings, "Image": record.image,
        "Error": record.error.as_ref().map(|error| json!({ "Message": error, "Sources": record.shown })),
    })
}

fn pretty(record: &BuildRecord) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _infallible = writeln!(text, "{:<16}{}", format!("{name}:"), plain(value));
        }
    };
    line("Name", &record.name);
    line("Context", if record.context.is_empty() { "-" } else { &record.context });
    line("Dockerfile", &record.dockerfile);
    line("VCS Revision", record.commit.as_deref().unwrap_or_default());
    line("Target", record.target.as_deref().unwrap_or_default());
    line("Platform", record.platform.as_deref().unwrap_or_default());
    line("Tags", &record.tags.join(", "));
    line("Image", record.image.as_deref().unwrap_or_default());
    let seconds = record.begun_ns / i64::try_from(SECOND_NS).unwrap_or(1);
    line("Started", &local_time(seconds));
    line("Duration", &took(record));
    line("Status", record.state.word());
    let percent = record.cached.saturating_mul(100) / record.ended.max(1);
    line("Build Steps", &format!("{}/{} ({percent}% cached)", record.ended, record.steps));
    if record.warnings > 0 {
        line("Warnings", &record.warnings.to_string());
    }
    if let Some(error) = &record.error {
        let shown = record.shown.as_deref().unwrap_or_default().trim_end();
        let between = if shown.is_empty() { "" } else { "\n" };
        let _infallible = write!(text, "\nError: {}\n{shown}{between}", plain(error));
    }
    let _infallible =
        writeln!(text, "\nPrint build logs: corten builder history logs {}", record.id);
    text
}

pub(in crate::commands) fn logs(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let style = match matches.text("progress").unwrap_or("plain") {
        "plain" | "auto" | "tty" => Style::Plain,
        "json" => Style::Json,
        "rawjson" => Style::RawJson,
        other => {
            let failure = wrong("progress", other, "it is not one of plain, json, rawjson");
            return Err(Failure::Values(Box::new(failure)));
        }
    };
    let history = history(session)?;
    let record = history.find(matches.word(0))?;
    let mut told = Ok(());
    let text = replayed(style, record.begun_ns, |hears| told = history.tell(&record, hears));
    told?;
    output::write(&text)?;
    Ok(0)
}

pub(in crate::commands) fn remove(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let history = history(session)?;
    match (matches.on("all"), matches.words.is_empty()) {
        (true, true) => {
            for record in history.list()? {
                // One that runs is not over.
                if record.state != BuildState::Running {
                    history.remove(&record)?;
                }
            }
            return Ok(0);
        }
        (true, false) => {
            return Err(Failure::Words("--all and builds exclude each other".to_owned()));
        }
        (false, true) => {
            return Err(Failure::Words(
                "no build is named: give ids, ^N for the Nth before the last, or --all".to_owned(),
            ));
        }
        (false, false) => {}
    }
    // All of them first: what `^1` means changes with each that goes.
    let found: Vec<_> = matches.words.iter().map(|word| history.find(word)).collect();
    let mut code = 0;
    for record in found {
        if let Err(error) = record.and_then(|record| history.remove(&record)) {
            output::error(&Failure::from(error).line(), None);
            code = 1;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let of = |took_ns| took(&BuildRecord { took_ns, ..BuildRecord::default() });
        assert_eq!(of(None), "");
        assert_eq!(of(Some(1_449_000_000)), "1.4s");
        assert_eq!(of(Some(61_900_000_000)), "1m 1s");
    }

    #[test]
    fn filters_choose() {
        let failed = BuildRecord {
            id: "abc".to_owned(),
            name: "app (test)".to_owned(),
            state: BuildState::Failed,
            ..BuildRecord::default()
        };
        for (text, expected) in [
            ("status=error", true),
            ("status!=error", false),
            ("status=success", false),
            ("ref=ab", true),
            ("name=test", true),
            ("name!=test", false),
        ] {
            assert_eq!(Filter::parse(text).unwrap().allows(&failed), expected, "{text}");
        }
        for wrong in ["status=fine", "x=y", "ref"] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
    }
}
