//! What the store costs: `timing` opens a private store, queries an image, inserts a container and removes it, many times, and
//! prints the median and the slowest; `timing ARCHIVE` loads an archive five times and prints the median.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use spec::{ContainerId, ContainerName};
use store::tar::{Metadata, Writer};
use store::{Import, NewContainer, Paths, Store};

const ROUNDS: usize = 1000;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    match std::env::args_os().nth(1) {
        Some(archive) => load(directory.path(), archive.as_ref()),
        None => commands(directory.path()),
    }
}

fn open(directory: &Path) -> Result<Store, Failed> {
    Ok(Store::open(Paths { root: directory.join("root"), state: directory.join("state") })?)
}

fn commands(directory: &Path) -> Result<(), Failed> {
    let mut archive = Writer::new(Vec::new());
    let file = Metadata { path: b"file".to_vec(), mode: 0o644, ..Metadata::default() };
    archive.append(&file, std::io::empty())?;
    let import = Import { reference: Some("busybox".parse()?), ..Import::default() };
    open(directory)?.images().import(&archive.finish()?[..], &import, 0)?;
    let config = "x".repeat(2000);
    let (mut records, mut whole) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut bytes = [0; 32];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let id = ContainerId::from_random(bytes);
        let name: ContainerName = format!("name-{round}").parse()?;
        let begin = Instant::now();
        let store = open(directory)?;
        let image = store.images().resolve("busybox")?;
        let opened = begin.elapsed();
        store.containers().insert(&NewContainer {
            id: &id,
            name: &name,
            image: Some(&image.id),
            image_name: "busybox",
            created_ns: 0,
            config: &config,
            volumes: &[],
            images: &[],
            secrets: &[],
            places: &[],
            level: None,
            bound_bytes: None,
            ids: None,
            inherited: store::Inherited::default(),
            active: true,
        })?;
        store.containers().remove(&id)?;
        drop(store);
        whole.push(begin.elapsed());
        records.push(opened);
    }
    report("open, query", records)?;
    report("open, query, insert with directories, remove with directories, close", whole)
}

fn load(directory: &Path, archive: &Path) -> Result<(), Failed> {
    let mut times = Vec::new();
    for round in 0..5 {
        let store = open(&directory.join(format!("{round}")))?;
        let begin = Instant::now();
        store.images().load(std::fs::File::open(archive)?, 0)?;
        times.push(begin.elapsed());
    }
    report("load", times)
}

fn report(what: &str, mut times: Vec<Duration>) -> Result<(), Failed> {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let (least, median, most) = (at(0), at(50), at(100));
    Ok(writeln!(
        std::io::stdout(),
        "{what}: least {least:?}, median {median:?}, 90 % {:?}, 99 % {:?}, slowest {most:?}",
        at(90),
        at(99)
    )?)
}
