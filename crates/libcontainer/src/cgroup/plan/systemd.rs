//! OCI resources in the properties of systemd's units, as runc translates them: names, places, and the limits that systemd
//! would otherwise set back. Sources: systemd.resource-control(5), systemd.unit(5), org.freedesktop.systemd1(5).

use std::collections::BTreeMap;

use spec::runtime::{Cpu, Resources};

use super::super::systemd::{parse, parse_seconds};
use super::super::{
    CgroupPath, Device, DeviceKind, DeviceRules, LayoutKind, PlanError, Request, Systemd, Unit,
    Value,
};
use super::values::{bad_value, memory_limits, tasks};
use super::weights::{cpu_weight, io_weight};
use super::{Draft, PresentLimits, parse_path, v2};

/// Versions of systemd that brought a property.
const CPU_QUOTA_PERIOD: u32 = 242;
const ALLOWED_CPUS: u32 = 244;
const CPU_IDLE: u32 = 252;
const OOM_POLICY: u32 = 253;

/// The kernel's and systemd's period where none is given, in microseconds.
const PERIOD_US: u64 = 100_000;

/// The unit of a request, and the path of its groups.
pub(super) fn place(
    request: &Request<'_>,
    systemd: &Systemd,
) -> Result<(CgroupPath, Unit), PlanError> {
    let names = Names::parse(request.path, systemd)?;
    if systemd.user && request.layout.kind != LayoutKind::Unified {
        let reason = "an ordinary user's systemd has groups on v2 only";
        return Err(bad_value("cgroupsPath", request.path, reason));
    }
    let directory = std::iter::once(systemd.control_group.clone())
        .chain(slices(&names.slice)?)
        .chain([names.unit.clone()])
        .filter(|name| !name.is_empty())
        .map(|path| path.split('/').map(escape).collect::<Vec<_>>().join("/"))
        .collect::<Vec<_>>()
        .join("/");
    let path = parse_path(&format!("/{directory}"))?;
    let mut unit = Unit {
        bus: systemd.bus.clone(),
        version: systemd.version,
        name: names.unit,
        properties: Vec::new(),
    };
    unit.set("Description", Value::Text(format!("container {}", names.name)));
    if unit.is_slice() {
        unit.set("Wants", Value::texts(&[&names.slice]));
    } else {
        unit.set("Slice", Value::Text(names.slice));
        // What is inside is ours: systemd neither moves processes nor changes what it does not know.
        unit.set("Delegate", Value::Bool(true));
    }
    let block = if request.layout.kind == LayoutKind::Unified { "IO" } else { "BlockIO" };
    for resource in ["Memory", "CPU", block, "Tasks"] {
        unit.set(&format!("{resource}Accounting"), Value::Bool(true));
    }
    // Stopped with its slice only, not by every shutdown.target on the way.
    unit.set("DefaultDependencies", Value::Bool(false));
    for (name, value) in request.annotations.into_iter().flatten() {
        if let Some(name) = name.strip_prefix("org.systemd.property.") {
            annotate(&mut unit, name, value)?;
        }
    }
    Ok((path, unit))
}

/// The parts of `SLICE:PREFIX:NAME`.
struct Names {
    slice: String,
    name: String,
    unit: String,
}

impl Names {
    fn parse(text: &str, systemd: &Systemd) -> Result<Self, PlanError> {
        let mut parts = text.split(':');
        let (slice, prefix, name) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(slice), Some(prefix), Some(name), None) => (slice, prefix, name),
            // The runtime's own choice, for a configuration that names none.
            (Some(name), None, ..) if !name.contains('/') => ("", "runc", name),
            _ => {
                let reason = "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups";
                return Err(bad_value("cgroupsPath", text, reason));
            }
        };
        let slice = match (slice, systemd.user) {
            ("", false) => "system.slice",
            ("", true) => "user.slice",
            (slice, _) => slice,
        };
        let unit = if name.ends_with(".slice") {
            name.to_owned()
        } else {
            format!("{prefix}-{name}.scope")
        };
        // systemd.unit(5).
        let valid = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        for part in [slice, &unit] {
            if part.len() > 255 || !part.chars().all(valid) {
                return Err(bad_value("cgroupsPath", part, "it is no name of a systemd unit"));
            }
        }
        Ok(Self { slice: slice.to_owned(), name: name.to_owned(), unit })
    }
}

/// The slices above, each in the one that its name tells: `a-b.slice` is in `a.slice`.
fn slices(slice: &str) -> Result<Vec<String>, PlanError> {
    let bad = || bad_value("cgroupsPath", slice, "it is no name of a slice");
    let name = slice.strip_suffix(".slice").ok_or_else(bad)?;
    if name == "-" {
        return Ok(Vec::new());
    }
    let mut above: Vec<String> = Vec::new();
    let mut whole = String::new();
    for part in name.split('-') {
        if part.is_empty() {
            return Err(bad());
        }
        whole.push_str(if above.is_empty() { "" } else { "-" });
        whole.push_str(part);
        above.push(format!("{whole}.slice"));
    }
    Ok(above)
}

/// What systemd names the directory of a unit whose name could be a file of the kernel's.
fn escape(name: &str) -> String {
    let files = ["cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids"];
    let is_file = name.split_once('.').is_some_and(|(prefix, _)| files.contains(&prefix));
    if is_file || name.starts_with(['_', '.']) { format!("_{name}") } else { name.to_owned() }
}

fn annotate(unit: &mut Unit, name: &str, text: &str) -> Result<(), PlanError> {
    let bad =
        |reason| bad_value("annotations", &format!("org.systemd.property.{name}={text}"), reason);
    if name.len() < 3 || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(bad("a property's name is three letters or more"));
    }
    // Units of D-Bus are microseconds where those of unit files are seconds: `TimeoutStopSec` is `TimeoutStopUSec`.
    let seconds =
        name.strip_suffix("Sec").filter(|front| front.ends_with(|c: char| c.is_ascii_lowercase()));
    match seconds {
        Some(front) => unit.set(&format!("{front}USec"), parse_seconds(text).map_err(bad)?),
        None => unit.set(name, parse(text).map_err(bad)?),
    }
    Ok(())
}

/// systemd knows a quota as whole percents of a processor, so it is rounded up for the kernel too: the two would differ else.
pub(super) fn round_quota(resources: &Resources, present: Option<PresentLimits>) -> Resources {
    let mut rounded = resources.clone();
    if let Some(cpu) = &mut rounded.cpu {
        let (quota, period) = quota_and_period(cpu, present);
        if let Some(quota) = quota.filter(|quota| *quota > 0) {
            let period = period.unwrap_or(PERIOD_US);
            let per_second = Some(per_second(quota, period)).filter(|time| *time != u64::MAX);
            let exact = per_second.map(|time| u128::from(time) * u128::from(period) / 1_000_000);
            // What is beyond every number is beyond the kernel's too, which says so.
            let exact = exact.and_then(|exact| i64::try_from(exact).ok());
            cpu.quota = Some(exact.unwrap_or(quota));
        }
    }
    rounded
}

/// A weight that systemd was not told of, since the group is idle, is not written either: the kernel refuses it there.
pub(super) fn leave_idle(resources: &mut Resources, unified: bool, unit: &Unit) {
    if let Some(cpu) = resources.cpu.as_mut().filter(|cpu| is_idle(cpu, unified, unit)) {
        cpu.shares = None;
    }
    if is_idle_by_file(&resources.unified, unit) {
        resources.unified.remove("cpu.weight");
    }
}

fn is_idle(cpu: &Cpu, unified: bool, unit: &Unit) -> bool {
    unified && cpu.idle == Some(1) && unit.version >= CPU_IDLE
}

fn is_idle_by_file(files: &BTreeMap<String, String>, unit: &Unit) -> bool {
    let idle = files.get("cpu.idle").is_some_and(|value| value.trim() == "1");
    idle && unit.version >= CPU_IDLE
}

/// Both, where one of them is given.
fn quota_and_period(cpu: &Cpu, present: Option<PresentLimits>) -> (Option<i64>, Option<u64>) {
    let quota = cpu.quota.filter(|quota| *quota != 0);
    let period = cpu.period.filter(|period| *period != 0);
    if quota.is_none() && period.is_none() {
        return (None, None);
    }
    let present = present.unwrap_or_default();
    (quota.or(present.cpu_quota_us), period.or(present.cpu_period_us))
}

/// Microseconds of CPU time per second, in whole percents; `u64::MAX` is more than any machine has.
fn per_second(quota: i64, period: u64) -> u64 {
    let exact = u128::from(quota.max(0).unsigned_abs()) * 1_000_000 / u128::from(period.max(1));
    u64::try_from(exact.next_multiple_of(10_000)).unwrap_or(u64::MAX)
}

/// What systemd has to know of the limits.
pub(super) fn limit(
    resources: &Resources,
    unified: bool,
    unit: &mut Unit,
    draft: &mut Draft<'_>,
) -> Result<(), PlanError> {
    memory(resources, unified, unit, draft)?;
    if let Some(cpu_) = &resources.cpu {
        cpu(cpu_, unified, unit, draft)?;
    }
    if let Some(limit) = resources.pids.as_ref().and_then(|pids| pids.limit) {
        unit.set("TasksMax", number(tasks(limit).unwrap_or(-1)));
    }
    let weight = resources.block_io.as_ref().and_then(|block| block.weight);
    if let Some(weight) = weight.filter(|weight| *weight != 0) {
        match unified {
            true => unit.set("IOWeight", Value::Uint64(io_weight(weight))),
            false => unit.set("BlockIOWeight", Value::Uint64(weight.into())),
        }
    }
    files(&resources.unified, unit, draft)
}

/// −1 is no limit.
fn number(limit: i64) -> Value {
    Value::Uint64(u64::try_from(limit).unwrap_or(u64::MAX))
}

fn memory(
    resources: &Resources,
    unified: bool,
    unit: &mut Unit,
    draft: &Draft<'_>,
) -> Result<(), PlanError> {
    let Some(memory) = &resources.memory else { return Ok(()) };
    if !unified {
        if let Some(limit) = memory.limit.filter(|limit| *limit != 0) {
            unit.set("MemoryLimit", number(limit));
        }
        return Ok(());
    }
    let present = draft.present.and_then(|present| present.memory_bytes);
    let (limit, both) = memory_limits(memory, present)?;
    if let Some(limit) = limit {
        unit.set("MemoryMax", number(limit));
    }
    if let Some(reservation) = memory.reservation.filter(|reservation| *reservation != 0) {
        unit.set("MemoryLow", number(reservation));
    }
    if let Some(both) = both {
        unit.set("MemorySwapMax", number(v2::swap(limit.or(present), both)));
    }
    Ok(())
}

fn cpu(cpu: &Cpu, unified: bool, unit: &mut Unit, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    let shares = cpu.shares.filter(|shares| *shares != 0);
    let idle = is_idle(cpu, unified, unit);
    if idle {
        unit.set("CPUWeight", Value::Uint64(0));
    }
    match shares {
        Some(_) if idle => {
            draft.warn("cpu.shares", "unable to apply both it and cpu.idle by systemd");
        }
        Some(shares) if unified => unit.set("CPUWeight", Value::Uint64(cpu_weight(shares))),
        Some(shares) => unit.set("CPUShares", Value::Uint64(shares)),
        None => {}
    }
    let (quota, period) = quota_and_period(cpu, draft.present);
    quota_properties(unit, quota, period);
    for (name, setting, list) in
        [("AllowedCPUs", "cpu.cpus", &cpu.cpus), ("AllowedMemoryNodes", "cpu.mems", &cpu.mems)]
    {
        if let Some(list) = list.as_deref().filter(|list| !list.is_empty()) {
            allowed(unit, name, setting, list)?;
        }
    }
    Ok(())
}

fn quota_properties(unit: &mut Unit, quota: Option<i64>, period: Option<u64>) {
    if let Some(period) = period.filter(|_| unit.version >= CPU_QUOTA_PERIOD) {
        unit.set("CPUQuotaPeriodUSec", Value::Uint64(period));
    }
    if quota.is_some() || period.is_some() {
        let per_second = quota.filter(|quota| *quota > 0);
        let per_second = per_second.map_or(u64::MAX, |quota| per_second_of(quota, period));
        unit.set("CPUQuotaPerSecUSec", Value::Uint64(per_second));
    }
}

fn per_second_of(quota: i64, period: Option<u64>) -> u64 {
    per_second(quota, period.unwrap_or(PERIOD_US))
}

fn allowed(
    unit: &mut Unit,
    name: &str,
    setting: &'static str,
    list: &str,
) -> Result<(), PlanError> {
    if unit.version >= ALLOWED_CPUS {
        let bits =
            bits(list).ok_or_else(|| bad_value(setting, list, "it is no list like 0-3,7"))?;
        unit.set(name, Value::Bytes(bits));
    }
    Ok(())
}

/// More processors than any kernel is built for.
const MOST_CPUS: usize = 1 << 16;

/// `0-3,7` as a bit for each, the lowest in the first byte.
fn bits(list: &str) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for range in list.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= MOST_CPUS {
            return None;
        }
        if bits.len() <= last / 8 {
            bits.resize(last / 8 + 1, 0);
        }
        (first..=last).for_each(|number| bits[number / 8] |= 1 << (number % 8));
    }
    (!bits.is_empty()).then_some(bits)
}

/// Files of v2 by name: those that systemd has a property for. The others are written only.
fn files(
    files: &BTreeMap<String, String>,
    unit: &mut Unit,
    draft: &mut Draft<'_>,
) -> Result<(), PlanError> {
    let idle = is_idle_by_file(files, unit);
    for (file, value) in files {
        let value = value.trim();
        let bad = |reason| bad_value("unified", &format!("{file}={value}"), reason);
        let amount = || match value {
            "max" => Ok(Value::Uint64(u64::MAX)),
            value => value.parse().map(Value::Uint64).map_err(|_odd| bad("it is no number")),
        };
        match file.as_str() {
            "cpu.idle" if idle => unit.set("CPUWeight", Value::Uint64(0)),
            "cpu.weight" if idle => {
                draft.warn("cpu.weight", "unable to apply both it and cpu.idle by systemd");
            }
            "cpu.weight" => unit.set("CPUWeight", amount()?),
            "cpu.max" => {
                let mut words = value.split_whitespace();
                let quota = words.next().filter(|word| *word != "max");
                let quota = quota.map(str::parse::<i64>).transpose();
                let period = words.next().map(str::parse::<u64>).transpose();
                let (Ok(quota), Ok(period)) = (quota, period) else {
                    return Err(bad("it is not QUOTA PERIOD"));
                };
                quota_properties(unit, quota.or(Some(-1)), period.or(Some(PERIOD_US)));
            }
            "cpuset.cpus" => allowed(unit, "AllowedCPUs", "unified", value)?,
            "cpuset.mems" => allowed(unit, "AllowedMemoryNodes", "unified", value)?,
            "memory.high" => unit.set("MemoryHigh", amount()?),
            "memory.low" => unit.set("MemoryLow", amount()?),
            "memory.min" => unit.set("MemoryMin", amount()?),
            "memory.max" => unit.set("MemoryMax", amount()?),
            "memory.swap.max" => unit.set("MemorySwapMax", amount()?),
            "pids.max" if value == "0" => unit.set("TasksMax", Value::Uint64(1)),
            "pids.max" => unit.set("TasksMax", amount()?),
            // systemd lets nobody change it later.
            "memory.oom.group" if unit.version >= OOM_POLICY && draft.present.is_none() => {
                let policy = if value == "1" { "kill" } else { "continue" };
                unit.set("OOMPolicy", Value::Text(policy.to_owned()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Device rules, as far as systemd can say them: it knows lists of what is allowed only. What it cannot say it forbids until
/// ours are in place, unless all is allowed but some: then it allows all.
pub(super) fn limit_devices(unit: &mut Unit, rules: &DeviceRules) {
    if rules.allow {
        return unit.set("DevicePolicy", Value::Text("auto".to_owned()));
    }
    unit.set("DevicePolicy", Value::Text("strict".to_owned()));
    let text = |text: String| Value::Text(text);
    let allowed = rules.exceptions.iter().filter_map(|(device, access)| {
        Some(Value::Struct(vec![text(name(device)?), text(access.to_string())]))
    });
    unit.set("DeviceAllow", Value::Array("(ss)".to_owned(), allowed.collect()));
}

/// systemd.resource-control(5), `DeviceAllow=`; numbers instead of names since version 240.
fn name(device: &Device) -> Option<String> {
    let kind = match device.kind {
        DeviceKind::Character => "char",
        DeviceKind::Block => "block",
    };
    match (device.major, device.minor) {
        (None, None) => Some(format!("{kind}-*")),
        (Some(major), None) => Some(format!("{kind}-{major}")),
        (Some(major), Some(minor)) => Some(format!("/dev/{kind}/{major}:{minor}")),
        (None, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests;
