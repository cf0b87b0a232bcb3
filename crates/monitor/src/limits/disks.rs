//! What the container has read from and written to block devices: diskstats. Source: kernel Documentation/admin-guide/iostats.rst,
//! cgroup-v1/blkio-controller.rst, cgroup-v2.rst "IO Interface Files".

use std::collections::BTreeMap;
use std::fmt::Write;

use libcontainer::cgroup::Controller;

use super::group::Group;

/// Figures of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Transfers {
    reads: u64,
    read_bytes: u64,
    writes: u64,
    written_bytes: u64,
    discards: u64,
    discarded_bytes: u64,
}

type Devices<'a> = BTreeMap<&'a str, Transfers>;

/// A sector is 512 bytes whatever the device's are.
const SECTOR: u64 = 512;

/// The machine's devices that the group has used, by their names. How long requests took and waited nobody counts for a group.
pub(super) fn diskstats(group: &Group, machine: &str) -> Vec<u8> {
    let texts = match group.place(Controller::Blkio) {
        Some((_, true)) => [group.read(Controller::Blkio, ["", "io.stat"]), None],
        // By the throttle, which counts whatever the scheduler is.
        Some((_, false)) => ["io_serviced", "io_service_bytes"].map(|file| {
            let file = format!("blkio.throttle.{file}_recursive");
            group.read(Controller::Blkio, [&file, ""])
        }),
        None => [None, None],
    };
    let mut devices = Devices::new();
    match &texts {
        [Some(requests), Some(bytes)] => {
            for line in requests.lines() {
                v1_line(line, &mut devices, false);
            }
            for line in bytes.lines() {
                v1_line(line, &mut devices, true);
            }
        }
        [Some(stat), None] => stat.lines().for_each(|line| v2_line(line, &mut devices)),
        _ => {}
    }
    let mut text = String::new();
    for row in machine.lines() {
        let mut words = row.split_whitespace();
        let (Some(major), Some(minor), Some(name)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Some(used) = devices.get(format!("{major}:{minor}").as_str()) else { continue };
        let Transfers { reads, writes, discards, .. } = used;
        let sectors = [used.read_bytes, used.written_bytes, used.discarded_bytes];
        let [read, written, discarded] = sectors.map(|bytes| bytes / SECTOR);
        let _written = writeln!(
            text,
            "{major:>4} {minor:>7} {name} {reads} 0 {read} 0 {writes} 0 {written} 0 0 0 0 {discards} 0 {discarded} 0 0 0"
        );
    }
    text.into_bytes()
}

/// `MAJOR:MINOR OPERATION NUMBER`; reads and writes are among synchronous and other ones, which are not added once more.
fn v1_line<'a>(line: &'a str, devices: &mut Devices<'a>, is_bytes: bool) {
    let mut words = line.split_whitespace();
    let (Some(device), Some(operation), Some(value)) = (words.next(), words.next(), words.next())
    else {
        return;
    };
    let value: u64 = value.parse().unwrap_or(0);
    let mut known = devices.get(device).copied().unwrap_or_default();
    match (operation, is_bytes) {
        ("Read", false) => known.reads = value,
        ("Read", true) => known.read_bytes = value,
        ("Write", false) => known.writes = value,
        ("Write", true) => known.written_bytes = value,
        ("Discard", false) => known.discards = value,
        ("Discard", true) => known.discarded_bytes = value,
        _ => return,
    }
    devices.insert(device, known);
}

/// `MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N`.
fn v2_line<'a>(line: &'a str, devices: &mut Devices<'a>) {
    let mut words = line.split_whitespace();
    let Some(device) = words.next() else { return };
    let mut known = Transfers::default();
    for word in words {
        let Some((key, value)) = word.split_once('=') else { continue };
        let value = value.parse().unwrap_or(0);
        match key {
            "rios" => known.reads = value,
            "rbytes" => known.read_bytes = value,
            "wios" => known.writes = value,
            "wbytes" => known.written_bytes = value,
            "dios" => known.discards = value,
            "dbytes" => known.discarded_bytes = value,
            _ => {}
        }
    }
    devices.insert(device, known);
}
