//! `ps`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use engine::config::{MountConfig, MountSource};
use engine::{Filter, Row};
use serde_json::Value;

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;
use crate::table;
use crate::template::Template;
use crate::words::{duration, local_time, now, size, truncate};

/// Longest command that is shown whole.
const COMMAND_COLUMNS: usize = 20;
/// The same of a mount.
const MOUNT_COLUMNS: usize = 15;

pub(super) fn ps(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = Filter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    let engine = session.engine()?;
    show(matches, |all, sizes, see| Ok(engine.containers().visit(all, &filter, sizes, see)?))
}

/// A container in a list, wherever it is.
pub(super) trait Listed {
    fn id(&self) -> &str;
    fn image(&self) -> &str;
    fn command(&self) -> &str;
    /// Seconds since 1970.
    fn created(&self) -> i64;
    fn status(&self) -> String;
    fn state(&self) -> &str;
    fn ports(&self) -> &str;
    fn names(&self) -> String;
    fn labels(&self) -> &BTreeMap<String, String>;
    /// Sources of its mounts.
    fn mounts(&self) -> Vec<String>;
    fn local_volumes(&self) -> usize;
    fn networks(&self) -> String;
    /// Bytes that it has written, and those with its image's.
    fn sizes(&self) -> Option<(u64, u64)>;
}

/// Shows what `visit` sees, until it is told that this is enough: it is told whether those that do not run are wanted, too, and whether
/// sizes are.
pub(super) fn show<R: Listed>(
    matches: &Matches,
    visit: impl Fn(bool, bool, &mut dyn FnMut(R) -> ControlFlow<()>) -> Result<(), Failure>,
) -> Result<i32, Failure> {
    // The grammar takes whole numbers only; those below one ask for nothing, as in Docker.
    let last = matches.value("last").and_then(|text| text.parse::<usize>().ok());
    let last = last.filter(|last| *last > 0).or(matches.on("latest").then_some(1));
    let format = matches.value("format");
    let most = last.unwrap_or(usize::MAX);
    let all = matches.on("all") || last.is_some();
    let sizes = matches.on("size") || format.is_some_and(asks_for_size);
    let visit = |see: &mut dyn FnMut(R)| {
        let mut left = most;
        visit(all, sizes, &mut |row| {
            see(row);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    let whole = matches.on("no-trunc");
    if matches.on("quiet") {
        if format.is_some() {
            output::talk("the format is ignored: --quiet prints IDs");
        }
        let mut ids = Vec::new();
        visit(&mut |row| ids.push(format!("{}\n", id(&row, whole))))?;
        output::write(&ids.concat())?;
        return Ok(0);
    }
    let mut columns = vec![
        ("ID", "CONTAINER ID"),
        ("Image", "IMAGE"),
        ("Command", "COMMAND"),
        ("RunningFor", "CREATED"),
        ("Status", "STATUS"),
        ("Ports", "PORTS"),
        ("Names", "NAMES"),
    ];
    if matches.on("size") {
        columns.push(("Size", "SIZE"));
    }
    if matches!(format, None | Some("" | "table")) {
        let mut rows = vec![titles(&columns)];
        visit(&mut |row| {
            rows.push(columns.iter().map(|(field, _)| cell(&row, field, whole)).collect());
        })?;
        output::write(&table::layout(&rows, table::LIST))?;
        return Ok(0);
    }
    let mut rows = Vec::new();
    visit(&mut |row| rows.push(row))?;
    let values: Vec<Value> = rows.iter().map(|row| value(row, whole)).collect();
    let label = |place: usize, name: &str| {
        let labels = rows.get(place).map(Listed::labels);
        labels.and_then(|labels| labels.get(name)).cloned().unwrap_or_default()
    };
    print_with(format, &columns, &values, &label)
}

/// Sizes are expensive: they are looked at where a template shows them, or everything.
fn asks_for_size(format: &str) -> bool {
    format.contains(".Size") || format.replace(' ', "").contains("{{json.}}")
}

/// A table, a template for each, or JSON lines.
pub(super) fn print(
    format: Option<&str>,
    columns: &[(&str, &str)],
    values: &[Value],
) -> Result<i32, Failure> {
    print_with(format, columns, values, &|_, _| String::new())
}

/// A label of a row, by the row's place and the label's name.
pub(super) type Label<'a> = &'a dyn Fn(usize, &str) -> String;

pub(super) fn print_with(
    format: Option<&str>,
    columns: &[(&str, &str)],
    values: &[Value],
    label: Label<'_>,
) -> Result<i32, Failure> {
    output::write(&rows_with(format, columns, values, label)?)?;
    Ok(0)
}

/// The text of a table, a template for each, or JSON lines.
pub(super) fn format_rows(
    format: Option<&str>,
    columns: &[(&str, &str)],
    values: &[Value],
) -> Result<String, Failure> {
    rows_with(format, columns, values, &|_, _| String::new())
}

fn rows_with(
    format: Option<&str>,
    columns: &[(&str, &str)],
    values: &[Value],
    label: Label<'_>,
) -> Result<String, Failure> {
    Ok(match format {
        None | Some("" | "table") => {
            let mut rows = vec![titles(columns)];
            rows.extend(
                values
                    .iter()
                    .map(|value| columns.iter().map(|(field, _)| text(value, field)).collect()),
            );
            table::layout(&rows, table::LIST)
        }
        Some("json") => values.iter().map(|value| format!("{value}\n")).collect(),
        Some(format) => match format.strip_prefix("table") {
            Some(format) => template_table(format.trim_start(), columns, values, label)?,
            None => {
                let template = Template::parse_row(format)?;
                let lines = values.iter().enumerate().map(|(place, value)| {
                    let line = template.render_row(value, &|name| label(place, name))?;
                    Ok(format!("{line}\n"))
                });
                lines.collect::<Result<String, Failure>>()?
            }
        },
    })
}

fn titles(columns: &[(&str, &str)]) -> Vec<String> {
    columns.iter().map(|(_, title)| (*title).to_owned()).collect()
}

/// The titles of the columns that a template names stand above it.
fn template_table(
    format: &str,
    columns: &[(&str, &str)],
    values: &[Value],
    label: Label<'_>,
) -> Result<String, Failure> {
    let template = Template::parse_row(format)?;
    let values: Vec<Value> = values.iter().map(plain_fields).collect();
    let first = values.first().and_then(Value::as_object);
    let fields = first.into_iter().flat_map(|object| object.keys().map(String::as_str));
    let titles: serde_json::Map<String, Value> = fields
        .chain(FIELDS.iter().copied())
        .chain(columns.iter().map(|(field, _)| *field))
        .map(|field| {
            let title = columns.iter().find(|(own, _)| *own == field);
            let title = title.map_or_else(|| title_of(field), |(_, title)| (*title).to_owned());
            (field.to_owned(), title.into())
        })
        .collect();
    let cells = |text: String| text.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let head = template.render_row(&Value::Object(titles), &title_of_label)?;
    let mut rows = vec![cells(head)];
    for (place, value) in values.iter().enumerate() {
        let label = |name: &str| plain(&label(place, name)).into_owned();
        rows.push(cells(template.render_row(value, &label)?));
    }
    Ok(table::arrange(&rows, table::LIST))
}

/// The same document with strings that fit into a cell.
fn plain_fields(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(text).into_owned()),
        Value::Array(all) => all.iter().map(plain_fields).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), plain_fields(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Fields of containers that no column shows: a table without rows has titles too.
const FIELDS: &[&str] =
    &["CreatedAt", "State", "Size", "Labels", "Mounts", "LocalVolumes", "Networks"];

/// `LocalVolumes` is LOCAL VOLUMES.
fn title_of(field: &str) -> String {
    let mut title = String::new();
    let mut before_small = false;
    for letter in field.chars() {
        if letter.is_uppercase() && before_small {
            title.push(' ');
        }
        before_small = letter.is_lowercase();
        title.extend(letter.to_uppercase());
    }
    title
}

/// The last part of a label's name, as Docker has it.
fn title_of_label(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().replace(['-', '_'], " ")
}

fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn id<R: Listed>(row: &R, whole: bool) -> &str {
    if whole { row.id() } else { row.id().get(..12).unwrap_or(row.id()) }
}

/// Every field of a row.
const ROW: &[&str] = &[
    "ID",
    "Image",
    "Command",
    "CreatedAt",
    "RunningFor",
    "Status",
    "State",
    "Ports",
    "Names",
    "Labels",
    "Mounts",
    "Networks",
    "LocalVolumes",
    "Size",
];

pub(super) fn value<R: Listed>(row: &R, whole: bool) -> Value {
    let field = |name: &&str| ((*name).to_owned(), Value::String(cell(row, name, whole)));
    Value::Object(ROW.iter().map(field).collect())
}

/// One field of a row; one that it does not have is empty.
fn cell<R: Listed>(row: &R, field: &str, whole: bool) -> String {
    match field {
        "ID" => id(row, whole).to_owned(),
        "Image" => row.image().to_owned(),
        "Command" if whole => format!("{:?}", row.command()),
        "Command" => format!("{:?}", truncate(row.command(), COMMAND_COLUMNS)),
        "CreatedAt" => local_time(row.created()),
        "RunningFor" => format!("{} ago", duration(now() - row.created())),
        "Status" => row.status(),
        "State" => row.state().to_owned(),
        "Names" => row.names(),
        "Labels" => {
            let labels = row.labels().iter().map(|(name, value)| format!("{name}={value}"));
            labels.collect::<Vec<_>>().join(",")
        }
        "Mounts" => {
            let shown = |mount: String| if whole { mount } else { truncate(&mount, MOUNT_COLUMNS) };
            row.mounts().into_iter().map(shown).collect::<Vec<_>>().join(",")
        }
        "Networks" => row.networks(),
        "LocalVolumes" => row.local_volumes().to_string(),
        "Size" => match row.sizes() {
            Some((own, all)) => format!("{} (virtual {})", size(own), size(all)),
            None => "0B".to_owned(),
        },
        "Ports" => row.ports().to_owned(),
        _ => String::new(),
    }
}

impl Listed for Row {
    fn id(&self) -> &str {
        self.container.record.id.as_str()
    }

    fn image(&self) -> &str {
        &self.container.record.image_name
    }

    fn command(&self) -> &str {
        &self.command
    }

    fn created(&self) -> i64 {
        self.container.record.created_ns / 1_000_000_000
    }

    fn status(&self) -> String {
        Self::status(self)
    }

    fn state(&self) -> &str {
        self.container.state.word()
    }

    fn ports(&self) -> &str {
        &self.ports
    }

    fn names(&self) -> String {
        self.container.record.name.clone()
    }

    fn labels(&self) -> &BTreeMap<String, String> {
        &self.container.config.labels
    }

    fn mounts(&self) -> Vec<String> {
        self.container.config.mounts.iter().filter_map(source).collect()
    }

    fn local_volumes(&self) -> usize {
        let is_volume = |mount: &&MountConfig| matches!(mount.source, MountSource::Volume { .. });
        self.container.config.mounts.iter().filter(is_volume).count()
    }

    fn networks(&self) -> String {
        network(self)
    }

    fn sizes(&self) -> Option<(u64, u64)> {
        self.size_bytes.zip(self.virtual_size_bytes)
    }
}

fn source(mount: &MountConfig) -> Option<String> {
    match &mount.source {
        MountSource::Bind { path, .. } => Some(path.display().to_string()),
        MountSource::Volume { name, .. } | MountSource::Image { name, .. } => Some(name.clone()),
        MountSource::Tmpfs => None,
    }
}

fn network(row: &Row) -> String {
    use engine::config::NetworkMode;
    match &row.container.config.network {
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        // It has none of its own.
        NetworkMode::Container(_) => String::new(),
        NetworkMode::Networks(_) => row.networks.clone(),
    }
}
