//! `ps`.

use engine::{Filter, Row, State};
use serde_json::{Value, json};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::table;
use crate::template::Template;
use crate::words::{duration, now, seconds_of, size, truncate};

/// Longest command that is shown whole.
const COMMAND_COLUMNS: usize = 20;

pub(super) fn ps(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = Filter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    let last = match matches.value("last") {
        Some(text) => Some(text.parse::<usize>().map_err(|_no_number| {
            Failure::Words(format!("invalid number {text:?} of containers"))
        })?),
        None => matches.on("latest").then_some(1),
    };
    let engine = session.engine()?;
    let mut rows = engine.containers().list(
        matches.on("all") || last.is_some(),
        &filter,
        matches.on("size"),
    )?;
    rows.truncate(last.unwrap_or(usize::MAX));
    let whole = matches.on("no-trunc");
    if matches.on("quiet") {
        let ids: String = rows.iter().map(|row| format!("{}\n", id(row, whole))).collect();
        output::write(&ids).map_err(Failure::file("write", "standard output"))?;
        return Ok(0);
    }
    let values: Vec<Value> = rows.iter().map(|row| value(row, whole)).collect();
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
    print(matches.value("format"), &columns, &values)
}

/// A table, a template for each, or JSON lines.
pub(super) fn print(
    format: Option<&str>,
    columns: &[(&str, &str)],
    values: &[Value],
) -> Result<i32, Failure> {
    let text = match format {
        None | Some("" | "table") => {
            let mut rows =
                vec![columns.iter().map(|(_, title)| (*title).to_owned()).collect::<Vec<_>>()];
            rows.extend(
                values
                    .iter()
                    .map(|value| columns.iter().map(|(field, _)| text(value, field)).collect()),
            );
            table::layout(&rows, table::LIST)
        }
        Some("json") => values.iter().map(|value| format!("{value}\n")).collect(),
        Some(format) => match format.strip_prefix("table ") {
            Some(format) => template_table(format, columns, values)?,
            None => {
                let template = Template::parse(format)?;
                let lines = values.iter().map(|value| Ok(format!("{}\n", template.render(value)?)));
                lines.collect::<Result<String, Failure>>()?
            }
        },
    };
    output::write(&text).map_err(Failure::file("write", "standard output"))?;
    Ok(0)
}

/// The titles of the columns that a template names stand above it.
fn template_table(
    format: &str,
    columns: &[(&str, &str)],
    values: &[Value],
) -> Result<String, Failure> {
    let template = Template::parse(format)?;
    let titles: serde_json::Map<String, Value> = values
        .first()
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|object| object.keys())
        .chain(&columns.iter().map(|(field, _)| (*field).to_owned()).collect::<Vec<_>>())
        .map(|field| {
            let title = columns
                .iter()
                .find(|(own, _)| own == field)
                .map_or_else(|| field.to_uppercase(), |(_, title)| (*title).to_owned());
            (field.clone(), title.into())
        })
        .collect();
    let cells = |text: String| text.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let mut rows = vec![cells(template.render(&Value::Object(titles))?)];
    for value in values {
        rows.push(cells(template.render(value)?));
    }
    Ok(table::layout(&rows, table::LIST))
}

fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn id(row: &Row, whole: bool) -> &str {
    let id = &row.container.record.id;
    if whole { id.as_str() } else { id.short() }
}

fn value(row: &Row, whole: bool) -> Value {
    let record = &row.container.record;
    let created = record.created_ns / 1_000_000_000;
    let command = if whole { row.command.clone() } else { truncate(&row.command, COMMAND_COLUMNS) };
    let labels: Vec<String> =
        row.container.config.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mounts: Vec<String> = row
        .container
        .config
        .mounts
        .iter()
        .map(|mount| mount.target.display().to_string())
        .collect();
    let size = match (row.size_bytes, row.virtual_size_bytes) {
        (Some(own), Some(all)) => format!("{} (virtual {})", size(own), size(all)),
        _ => "0B".to_owned(),
    };
    json!({
        "ID": id(row, whole),
        "Image": record.image_name,
        "Command": format!("\"{command}\""),
        "CreatedAt": engine::format_time(record.created_ns),
        "RunningFor": format!("{} ago", duration(now() - created)),
        "Status": status(&row.container.state),
        "State": row.container.state.word(),
        "Ports": "",
        "Names": record.name,
        "Labels": labels.join(","),
        "Mounts": mounts.join(","),
        "Networks": network(&row.container),
        "LocalVolumes": "0",
        "Size": size,
    })
}

fn network(container: &engine::Container) -> String {
    use engine::config::NetworkMode;
    match &container.config.network {
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(id) => format!("container:{id}"),
    }
}

fn status(state: &State) -> String {
    match state {
        State::Created { .. } | State::Starting => "Created".to_owned(),
        State::Running { started_at, paused, monitored, .. } => {
            let mark = if *paused {
                " (Paused)"
            } else if *monitored {
                ""
            } else {
                " (no monitor)"
            };
            format!("Up {}{mark}", duration(now() - seconds_of(started_at)))
        }
        State::Exited(ended) => format!(
            "Exited ({}) {} ago",
            ended.code,
            duration(now() - seconds_of(&ended.finished_at))
        ),
    }
}
