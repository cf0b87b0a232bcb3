//! `pause`, `resume`, `update`.

use std::io::Read;

use spec::runtime::{BlockIo, Cpu, Memory, Pids, Resources};

use super::Session;
use crate::arguments::Matches;
use crate::failure::Failure;

pub(super) fn pause(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.container(matches)?.pause()?;
    Ok(0)
}

pub(super) fn resume(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.container(matches)?.resume()?;
    Ok(0)
}

pub(super) fn update(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let container = session.container(matches)?;
    let resources = match matches.value("resources") {
        Some(file) => read(file)?,
        None => given(matches)?,
    };
    for passed_over in container.update(&resources)? {
        session.warn(&passed_over);
    }
    Ok(0)
}

fn read(file: &str) -> Result<Resources, Failure> {
    let mut text = Vec::new();
    let read = if file == "-" {
        std::io::stdin().read_to_end(&mut text).map(drop)
    } else {
        std::fs::read(file).map(|read| text = read)
    };
    read.map_err(Failure::file("read", file))?;
    Resources::from_json(&text).map_err(|error| Failure::Words(format!("read {file}: {error}")))
}

/// The limits that single flags name.
fn given(matches: &Matches) -> Result<Resources, Failure> {
    let memory = Memory {
        limit: size(matches, "memory")?,
        reservation: size(matches, "memory-reservation")?,
        swap: size(matches, "memory-swap")?,
        ..Memory::default()
    };
    let list = |flag| matches.text(flag).map(str::to_owned);
    let cpu = Cpu {
        shares: number(matches, "cpu-share")?,
        quota: number(matches, "cpu-quota")?,
        burst: number(matches, "cpu-burst")?,
        period: number(matches, "cpu-period")?,
        realtime_runtime: number(matches, "cpu-rt-runtime")?,
        realtime_period: number(matches, "cpu-rt-period")?,
        cpus: list("cpuset-cpus"),
        mems: list("cpuset-mems"),
        idle: number(matches, "cpu-idle")?,
    };
    let weight = number(matches, "blkio-weight")?;
    Ok(Resources {
        memory: Some(memory).filter(|memory| *memory != Memory::default()),
        cpu: Some(cpu).filter(|cpu| *cpu != Cpu::default()),
        pids: number(matches, "pids-limit")?.map(|limit| Pids { limit: Some(limit) }),
        block_io: weight.map(|weight| BlockIo { weight: Some(weight), ..BlockIo::default() }),
        ..Resources::default()
    })
}

fn number<T: std::str::FromStr>(matches: &Matches, flag: &str) -> Result<Option<T>, Failure> {
    let parsed = matches.value(flag).map(|text| {
        text.parse()
            .map_err(|_wrong| Failure::Words(format!("--{flag} {text}: it is no such number")))
    });
    parsed.transpose()
}

/// Bytes, with Docker's units; -1 for no limit.
fn size(matches: &Matches, flag: &'static str) -> Result<Option<i64>, Failure> {
    match matches.value(flag) {
        None => Ok(None),
        Some("-1") => Ok(Some(-1)),
        Some(text) => {
            Ok(Some(i64::try_from(engine::parse::bytes(flag, text)?).unwrap_or(i64::MAX)))
        }
    }
}
