//! What channels in memory cost, beside tokio's: nanoseconds for a value and for a round trip, medians of runs in turn.

use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

const VALUES: u64 = 200_000;
const ROUNDS: usize = 21;
const CAPACITY: usize = 64;

type Measure = (&'static str, fn(&Runtime) -> f64);

const MEASURES: &[Measure] = &[
    ("one way, libchan", one_way),
    ("one way, tokio", one_way_tokio),
    ("round trip, libchan", round_trip),
    ("round trip, tokio", round_trip_tokio),
    ("round trip, libchan unbuffered", round_trip_unbuffered),
];

#[expect(clippy::print_stdout, reason = "the figures are its output")]
fn main() -> std::io::Result<()> {
    for (name, runtime) in [
        ("one thread", Builder::new_current_thread().build()?),
        ("two threads", Builder::new_multi_thread().worker_threads(2).build()?),
    ] {
        let mut times: Vec<Vec<f64>> = MEASURES.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for ((_, measure), times) in MEASURES.iter().zip(&mut times) {
                times.push(measure(&runtime));
            }
        }
        for ((what, _), mut times) in MEASURES.iter().zip(times) {
            times.sort_by(f64::total_cmp);
            println!("{name}: {what:<32} {:>7.1} ns", times[ROUNDS / 2]);
        }
    }
    Ok(())
}

fn timed(runtime: &Runtime, work: impl Future<Output = ()> + Send + 'static) -> f64 {
    let begin = Instant::now();
    let _joined = runtime.block_on(runtime.spawn(work));
    begin.elapsed().as_secs_f64() * 1e9 / VALUES as f64
}

fn one_way(runtime: &Runtime) -> f64 {
    timed(runtime, async {
        let (sender, mut receiver) = libchan::buffered(CAPACITY);
        let sends = tokio::spawn(async move {
            for value in 0..VALUES {
                let _sent = sender.send(value).await;
            }
        });
        while let Ok(Some(_)) = receiver.recv().await {}
        let _joined = sends.await;
    })
}

fn one_way_tokio(runtime: &Runtime) -> f64 {
    timed(runtime, async {
        let (sender, mut receiver) = mpsc::channel(CAPACITY);
        let sends = tokio::spawn(async move {
            for value in 0..VALUES {
                let _sent = sender.send(value).await;
            }
        });
        while receiver.recv().await.is_some() {}
        let _joined = sends.await;
    })
}

fn round_trip(runtime: &Runtime) -> f64 {
    timed(runtime, trips(1))
}

fn round_trip_unbuffered(runtime: &Runtime) -> f64 {
    timed(runtime, trips(0))
}

async fn trips(capacity: usize) {
    let (there, mut far) = libchan::buffered(capacity);
    let (back, mut near) = libchan::buffered(capacity);
    let echo = tokio::spawn(async move {
        while let Ok(Some(value)) = far.recv().await {
            let _sent = back.send(value).await;
        }
    });
    for value in 0..VALUES {
        let _sent = there.send(value).await;
        let _received = near.recv().await;
    }
    drop(there);
    let _joined = echo.await;
}

fn round_trip_tokio(runtime: &Runtime) -> f64 {
    timed(runtime, async {
        let (there, mut far) = mpsc::channel(1);
        let (back, mut near) = mpsc::channel(1);
        let echo = tokio::spawn(async move {
            while let Some(value) = far.recv().await {
                let _sent = back.send(value).await;
            }
        });
        for value in 0..VALUES {
            let _sent = there.send(value).await;
            let _received: Option<u64> = near.recv().await;
        }
        drop(there);
        let _joined = echo.await;
    })
}
