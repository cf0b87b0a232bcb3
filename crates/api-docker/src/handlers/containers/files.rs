//! A container's files: what a path is, archives out of it and into it, its whole root, and what of it was changed.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::{ChangeKind, PathStat, PutRules};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::answer::{Answer, TAR};
use crate::failure::Failure;
use crate::flow::BodyReader;
use crate::handlers::Call;
use crate::lines::written;
use crate::query::Query;

/// The header that tells what a path is.
const STAT: &str = "x-docker-container-path-stat";

/// Types and permissions of files as inode(7) and Go's `os.FileMode` have them.
const KINDS: &[(u32, u32)] = &[
    (0o040_000, 1 << 31),
    (0o120_000, 1 << 27),
    (0o060_000, 1 << 26),
    (0o020_000, (1 << 26) | (1 << 21)),
    (0o010_000, 1 << 25),
    (0o140_000, 1 << 24),
];
const BITS: &[(u32, u32)] = &[(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];

fn path(query: &Query) -> Result<String, Failure> {
    let path = query.text("path").map(str::to_owned);
    path.ok_or_else(|| Failure::bad("bad parameter: 'path' cannot be empty"))
}

/// `HEAD /containers/{name}/archive`.
pub(super) async fn info(call: Call) -> Result<Answer, Failure> {
    let (name, path) = (call.name(), path(&call.query)?);
    call.shared
        .with(move |engine| {
            let stat = engine.containers().path_stat(&name, Path::new(&path))?;
            Ok(Answer::empty(StatusCode::OK).with(STAT, &header(&stat)))
        })
        .await
}

/// `GET /containers/{name}/archive`.
pub(super) async fn get(call: Call) -> Result<Answer, Failure> {
    let (name, path) = (call.name(), path(&call.query)?);
    let found = Arc::new(OnceLock::new());
    let told = Arc::clone(&found);
    let answer = written(&call.shared, TAR, move |engine, pieces| {
        let (stat, archive) = engine.containers().path_archive(&name, Path::new(&path))?;
        let _first = told.set(header(&stat));
        pieces.pour(archive)
    })
    .await?;
    Ok(answer.with(STAT, found.get().map(String::as_str).unwrap_or_default()))
}

/// `PUT /containers/{name}/archive`.
pub(super) async fn put(call: Call) -> Result<Answer, Failure> {
    let name = call.name();
    let query = call.query;
    let archive = BodyReader::of(call.request.into_body(), call.half);
    let path = path(&query)?;
    let put = PutRules {
        exchange_kinds: !query.is_on("noOverwriteDirNonDir"),
        own_user: query.is_on("copyUIDGID"),
    };
    call.shared
        .paced(move |engine| {
            engine.containers().put_archive(archive, (&name, Path::new(&path)), put)?;
            Ok(Answer::empty(StatusCode::OK))
        })
        .await
}

/// `GET /containers/{name}/export`.
pub(super) async fn export(call: Call) -> Result<Answer, Failure> {
    let name = call.name();
    written(&call.shared, TAR, move |engine, pieces| {
        pieces.pour(engine.containers().export(&name)?)
    })
    .await
}

/// `GET /containers/{name}/changes`.
pub(super) async fn changes(call: Call) -> Result<Answer, Failure> {
    let name = call.name();
    call.shared
        .with(move |engine| {
            let changes = engine.containers().changes(&name)?;
            let rows: Vec<Value> = changes
                .iter()
                .map(|change| {
                    let path = String::from_utf8_lossy(&change.path);
                    json!({ "Path": format!("/{path}"), "Kind": kind(change.kind) })
                })
                .collect();
            // Go writes a list that was never made as null.
            if rows.is_empty() { Answer::json(&Value::Null) } else { Answer::json(&rows) }
        })
        .await
}

const fn kind(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::Changed => 0,
        ChangeKind::Added => 1,
        ChangeKind::Deleted => 2,
    }
}

fn header(stat: &PathStat) -> String {
    let link = stat.link_target.as_deref().map(Path::to_string_lossy).unwrap_or_default();
    let document = json!({
        "name": stat.name,
        "size": stat.size,
        "mode": mode(stat.mode),
        "mtime": engine::format_time(stat.mtime_ns),
        "linkTarget": link,
    });
    BASE64_STANDARD.encode(document.to_string())
}

/// As Go's `os.FileMode`.
fn mode(mode: u32) -> u32 {
    let kind = KINDS.iter().find(|(kind, _)| mode & 0o170_000 == *kind).map_or(0, |(_, go)| *go);
    let bits = BITS.iter().filter(|(bit, _)| mode & bit != 0).map(|(_, go)| go);
    bits.fold(kind | (mode & 0o777), |all, bit| all | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        for (inode, go) in [
            (0o100_644, 0o644),
            (0o104_755, (1 << 23) | 0o755),
            (0o040_755, (1 << 31) | 0o755),
            (0o041_777, (1 << 31) | (1 << 20) | 0o777),
            (0o120_777, (1 << 27) | 0o777),
            (0o020_666, (1 << 26) | (1 << 21) | 0o666),
            (0o010_600, (1 << 25) | 0o600),
        ] {
            assert_eq!(mode(inode), go, "{inode:o}");
        }
    }

    #[test]
    fn a_path_is_told_in_a_header() {
        let stat = PathStat {
            name: "etc".to_owned(),
            size: 4,
            mode: 0o120_777,
            mtime_ns: 1_000_000_000,
            link_target: Some("/usr/etc".into()),
        };
        let bytes = BASE64_STANDARD.decode(header(&stat)).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let wanted = json!({
            "name": "etc", "size": 4, "mode": (1_u32 << 27) | 0o777,
            "mtime": "1970-01-01T00:00:01.000000000Z", "linkTarget": "/usr/etc",
        });
        assert_eq!(document, wanted);
    }
}
