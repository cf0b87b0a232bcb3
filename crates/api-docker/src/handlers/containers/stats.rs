//! `GET /containers/{name}/stats`: what a container uses, once or each second.

use std::sync::Arc;
use std::time::Duration;

use engine::{BlockEntry, DetailedMeter, Details, InterfaceDetails, MemoryDetails};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::answer::{Answer, JSON, line};
use crate::failure::Failure;
use crate::flow::{Outgoing, outgoing};
use crate::handlers::Call;
use crate::shared::{Shared, blocking};

/// Between two looks.
const ROUND: Duration = Duration::from_secs(1);

/// A container that is looked at.
struct Watched {
    id: String,
    name: String,
    meter: Option<DetailedMeter>,
    /// Whether clients of that version are told of what machine it is.
    tells_os: bool,
}

pub(super) async fn stats(call: Call) -> Result<Answer, Failure> {
    let query = &call.query;
    let is_stream = query.is_on_or("stream", true);
    let one_shot = query.is_on("one-shot");
    if is_stream && one_shot {
        return Err(Failure::bad("cannot have stream=true and one-shot=true"));
    }
    let shared = Arc::clone(&call.shared);
    let (out, body) = outgoing();
    let watched = find(&shared, call.name(), call.routed.version.has(52)).await?;
    tokio::spawn(async move {
        tokio::select! {
            _ended = show(&shared, watched, (is_stream, one_shot), &out) => {}
            () = out.gone() => {}
        }
    });
    Ok(Answer::stream(JSON, body))
}

async fn find(shared: &Arc<Shared>, name: String, tells_os: bool) -> Result<Watched, Failure> {
    shared
        .with(move |engine| {
            let containers = engine.containers();
            let container = containers.get(&name)?;
            let meter = containers.detailed_meter(&container)?;
            let record = container.record;
            let id = record.id.as_str().to_owned();
            Ok(Watched { id, name: format!("/{}", record.name), meter, tells_os })
        })
        .await
}

async fn show(
    shared: &Arc<Shared>,
    mut watched: Watched,
    (is_stream, one_shot): (bool, bool),
    out: &Outgoing,
) -> Result<(), Failure> {
    let mut ticks = interval(ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut last = Sample::default();
    if !one_shot {
        last = look(&mut watched).await?;
        if !is_stream && watched.meter.is_some() {
            ticks.tick().await;
        }
    }
    loop {
        let now = look(&mut watched).await?;
        let document = document(&watched, &last, &now);
        if out.send(line(&document)?).await.is_err() || !is_stream {
            return Ok(());
        }
        last = now;
        ticks.tick().await;
        if watched.meter.is_none() {
            // One that is started again is looked at again, and one that is gone ends it.
            watched = find(shared, watched.id, watched.tells_os).await?;
        }
    }
}

/// One look.
#[derive(Clone, Debug, Default)]
struct Sample {
    details: Option<Details>,
    /// RFC 3339.
    at: Option<String>,
    /// CPU time of the machine.
    machine_ns: u64,
    /// Its processors.
    cpus: usize,
}

async fn look(watched: &mut Watched) -> Result<Sample, Failure> {
    let Some(meter) = watched.meter.take() else { return Ok(Sample::default()) };
    let (meter, details, machine) = blocking(move || {
        let details = meter.read();
        (meter, details, (engine::machine_cpu_ns(), engine::machine_cpus()))
    })
    .await?;
    if details.is_some() {
        watched.meter = Some(meter);
    }
    let at = details.as_ref().map(|_| engine::format_time(engine::now_ns()));
    let (machine_ns, cpus) = machine;
    Ok(Sample { details, at, machine_ns, cpus })
}

/// Docker's document.
fn document(watched: &Watched, last: &Sample, now: &Sample) -> Value {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let time = |sample: &Sample| sample.at.clone().unwrap_or_else(|| NEVER.to_owned());
    let mut document = json!({
        "name": watched.name,
        "id": watched.id,
        "read": time(now),
        "preread": time(last),
        "num_procs": 0,
        "pids_stats": {},
        "memory_stats": {},
        "storage_stats": {},
        "blkio_stats": block(now.details.as_ref()),
        "cpu_stats": cpu(now),
        "precpu_stats": cpu(last),
    });
    if watched.tells_os {
        document["os_type"] = "linux".into();
    }
    let Some(details) = &now.details else { return document };
    document["pids_stats"]["current"] = details.pids.into();
    if let Some(limit) = details.pids_limit {
        document["pids_stats"]["limit"] = limit.into();
    }
    document["memory_stats"] = memory(&details.memory);
    if !details.interfaces.is_empty() {
        document["networks"] = details.interfaces.iter().map(interface).collect();
    }
    document
}

fn memory(memory: &MemoryDetails) -> Value {
    let fields: serde_json::Map<_, _> =
        memory.fields.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
    let mut document =
        json!({ "usage": memory.bytes, "stats": fields, "limit": memory.limit_bytes });
    if let Some(bytes) = memory.largest_bytes {
        document["max_usage"] = bytes.into();
    }
    if let Some(count) = memory.failures.filter(|count| *count > 0) {
        document["failcnt"] = count.into();
    }
    document
}

fn interface(own: &InterfaceDetails) -> (String, Value) {
    let (
        [rx_bytes, rx_packets, rx_errors, rx_dropped],
        [tx_bytes, tx_packets, tx_errors, tx_dropped],
    ) = (own.received, own.sent);
    let document = json!({
        "rx_bytes": rx_bytes, "rx_packets": rx_packets, "rx_errors": rx_errors, "rx_dropped": rx_dropped,
        "tx_bytes": tx_bytes, "tx_packets": tx_packets, "tx_errors": tx_errors, "tx_dropped": tx_dropped,
    });
    (own.name.clone(), document)
}

/// What is not counted is none.
fn block(details: Option<&Details>) -> Value {
    let mut document = json!({
        "io_service_bytes_recursive": null, "io_serviced_recursive": null, "io_queue_recursive": null,
        "io_service_time_recursive": null, "io_wait_time_recursive": null, "io_merged_recursive": null,
        "io_time_recursive": null, "sectors_recursive": null,
    });
    for (name, entries) in details.into_iter().flat_map(|details| &details.block) {
        let entry = |own: &BlockEntry| json!({ "major": own.major, "minor": own.minor, "op": own.action, "value": own.value });
        document[*name] = entries.iter().map(entry).collect();
    }
    document
}

fn cpu(sample: &Sample) -> Value {
    let cpu = sample.details.as_ref().map(|details| details.cpu.clone());
    let is_known = cpu.is_some();
    let cpu = cpu.unwrap_or_default();
    let mut document = json!({
        "cpu_usage": {
            "total_usage": cpu.total_ns,
            "usage_in_kernelmode": cpu.kernel_ns,
            "usage_in_usermode": cpu.user_ns,
        },
        "throttling_data": {
            "periods": cpu.periods,
            "throttled_periods": cpu.throttled_periods,
            "throttled_time": cpu.throttled_ns,
        },
    });
    if !cpu.each_ns.is_empty() {
        document["cpu_usage"]["percpu_usage"] = cpu.each_ns.into();
    }
    if is_known {
        document["system_cpu_usage"] = sample.machine_ns.into();
        document["online_cpus"] = sample.cpus.into();
    }
    document
}
