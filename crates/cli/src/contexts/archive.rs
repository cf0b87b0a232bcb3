//! A context as Docker's archive of one: `meta.json` and `tls/docker/{ca,cert,key}.pem` in a tar, which `docker context import` takes, and that
//! of `docker context export` is taken here.

use std::io::Read;
use std::path::Path;

use engine::tar::{Limits, Metadata, Reader, Writer};
use serde_json::Value;

use super::{Context, Written};
use crate::failure::Failure;
use crate::host::FILES;

/// More than any context has.
const MOST: u64 = 1 << 20;
const META: &str = "meta.json";
const TLS: &str = "tls/docker/";

/// The archive of a context.
pub(crate) fn write(context: &Context) -> Result<Vec<u8>, Failure> {
    let mut written = serde_json::to_value(Written::of(context))
        .map_err(|error| Failure::Words(error.to_string()))?;
    let material = written.as_object_mut().and_then(|fields| fields.remove("TLS"));
    let mut files = vec![(META.to_owned(), written.to_string())];
    for name in FILES {
        let pem = material.as_ref().and_then(|parts| parts[name].as_str());
        files.extend(pem.map(|pem| (format!("{TLS}{name}"), pem.to_owned())));
    }
    let mut writer = Writer::new(Vec::new());
    for (path, text) in files {
        let metadata = Metadata {
            path: path.into_bytes(),
            mode: 0o600,
            size: text.len() as u64,
            ..Metadata::default()
        };
        writer
            .append(&metadata, text.as_bytes())
            .map_err(|error| Failure::Words(engine::chain(&error)))?;
    }
    writer.finish().map_err(Failure::file("write", "the archive"))
}

/// The context of an archive, under a name.
pub(crate) fn read(name: &str, archive: impl Read, from: &Path) -> Result<Context, Failure> {
    let failed = |why: String| Failure::Words(format!("import {}: {why}", from.display()));
    let mut reader =
        Reader::new(archive.take(MOST), Limits { file_bytes: MOST, ..Limits::default() });
    let (mut meta, mut material) = (None, std::collections::BTreeMap::new());
    while let Some(mut entry) =
        reader.next_entry().map_err(|error| failed(engine::chain(&error)))?
    {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
        if path == META {
            meta = Some(text);
        } else if let Some(file) = path.strip_prefix(TLS).filter(|file| FILES.contains(file)) {
            material.insert(file.to_owned(), text);
        }
    }
    let meta = meta.ok_or_else(|| failed(format!("it has no {META}")))?;
    let document: Value = serde_json::from_str(&meta).map_err(|error| failed(error.to_string()))?;
    let mut written: Written =
        serde_json::from_value(document).map_err(|error| failed(error.to_string()))?;
    written.tls = Some(material).filter(|material| !material.is_empty());
    written.context(name, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_goes_and_comes() {
        let context = Context {
            name: "far".to_owned(),
            description: "x".to_owned(),
            host: "ssh://me@host".parse().unwrap(),
            tls: None,
        };
        let archive = write(&context).unwrap();
        let again = read("near", &archive[..], Path::new("x")).unwrap();
        assert_eq!(again, Context { name: "near".to_owned(), ..context });
        assert!(read("near", &b""[..], Path::new("x")).is_err());
    }
}
