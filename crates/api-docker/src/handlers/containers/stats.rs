//! `GET /containers/{name}/stats`: what a container uses, once or each second.

use std::sync::Arc;
use std::time::Duration;

use engine::{Meter, Reading};
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
    meter: Option<Meter>,
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
    let watched = find(&shared, call.name()).await?;
    tokio::spawn(async move {
        tokio::select! {
            _ended = show(&shared, watched, (is_stream, one_shot), &out) => {}
            () = out.gone() => {}
        }
    });
    Ok(Answer::stream(JSON, body))
}

async fn find(shared: &Arc<Shared>, name: String) -> Result<Watched, Failure> {
    shared
        .with(move |engine| {
            let containers = engine.containers();
            let container = containers.get(&name)?;
            let meter = containers.meter(&container)?;
            let record = container.record;
            let id = record.id.as_str().to_owned();
            Ok(Watched { id, name: format!("/{}", record.name), meter })
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
            watched = find(shared, watched.id).await?;
        }
    }
}

/// One look.
#[derive(Clone, Debug, Default)]
struct Sample {
    reading: Option<Reading>,
    /// RFC 3339.
    at: Option<String>,
    /// CPU time of the machine.
    machine_ns: u64,
}

async fn look(watched: &mut Watched) -> Result<Sample, Failure> {
    let Some(meter) = watched.meter.take() else { return Ok(Sample::default()) };
    let (meter, reading, machine_ns) = blocking(move || {
        let reading = meter.read(&mut Vec::new());
        (meter, reading, engine::machine_cpu_ns())
    })
    .await?;
    if reading.is_some() {
        watched.meter = Some(meter);
    }
    let at = reading.as_ref().map(|_| engine::format_time(engine::now_ns()));
    Ok(Sample { reading, at, machine_ns })
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
        "blkio_stats": empty_block(),
        "cpu_stats": cpu(now),
        "precpu_stats": cpu(last),
    });
    let Some(reading) = &now.reading else { return document };
    document["pids_stats"] = json!({ "current": reading.pids });
    document["memory_stats"] = json!({
        "usage": reading.memory_bytes,
        "stats": {},
        "limit": reading.memory_limit_bytes,
    });
    document["blkio_stats"]["io_service_bytes_recursive"] = json!([
        { "major": 0, "minor": 0, "op": "read", "value": reading.read_bytes },
        { "major": 0, "minor": 0, "op": "write", "value": reading.written_bytes },
    ]);
    if reading.received_bytes > 0 || reading.sent_bytes > 0 {
        document["networks"] = json!({ "eth0": {
            "rx_bytes": reading.received_bytes, "rx_packets": 0, "rx_errors": 0, "rx_dropped": 0,
            "tx_bytes": reading.sent_bytes, "tx_packets": 0, "tx_errors": 0, "tx_dropped": 0,
        } });
    }
    document
}

fn empty_block() -> Value {
    json!({
        "io_service_bytes_recursive": null, "io_serviced_recursive": null, "io_queue_recursive": null,
        "io_service_time_recursive": null, "io_wait_time_recursive": null, "io_merged_recursive": null,
        "io_time_recursive": null, "sectors_recursive": null,
    })
}

fn cpu(sample: &Sample) -> Value {
    let throttling = json!({ "periods": 0, "throttled_periods": 0, "throttled_time": 0 });
    let Some(reading) = &sample.reading else {
        return json!({
            "cpu_usage": { "total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0 },
            "throttling_data": throttling,
        });
    };
    json!({
        "cpu_usage": {
            "total_usage": reading.cpu_ns, "usage_in_kernelmode": 0, "usage_in_usermode": 0,
        },
        "system_cpu_usage": sample.machine_ns,
        "online_cpus": std::thread::available_parallelism().map_or(1, usize::from),
        "throttling_data": throttling,
    })
}
