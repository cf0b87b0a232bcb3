//! A container's record out of its row.

use rusqlite::Row;
use spec::ContainerId;

use super::{ContainerRecord, Ended, Status};

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<ContainerRecord> {
    // What is parsed is borrowed: lists read thousands.
    let image = row.get_ref(2)?.as_str_or_null()?;
    let (code, error) = (row.get(7)?, row.get(10)?);
    let status = match row.get_ref(6)?.as_str()? {
        "created" => Status::Created { code, error },
        "active" => Status::Active,
        _ => Status::Exited(Ended {
            code,
            started_at: row.get(8)?,
            finished_at: row.get(9)?,
            error,
            oom_killed: row.get(11)?,
            restarts: row.get(12)?,
        }),
    };
    Ok(ContainerRecord {
        id: id(row, 0)?,
        name: row.get(1)?,
        image: image.map(|image| parse(2, image)).transpose()?,
        image_name: row.get(3)?,
        created_ns: row.get(4)?,
        config: row.get(5)?,
        status,
        held: row.get(13)?,
    })
}

/// An id.
pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<ContainerId> {
    parse(column, row.get_ref(column)?.as_str()?)
}

fn parse<T: std::str::FromStr>(column: usize, text: &str) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}
