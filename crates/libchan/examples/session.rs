//! What channels over a session cost: messages a second on one channel, and round trips, over a Unix socket, TCP and HTTP/2 on loopback.

use std::time::{Duration, Instant};

use libchan::{Limits, Listener, Options, Sender, Session, Side, connect, pipe};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};

const MESSAGES: u32 = 300_000;
const TRIPS: u32 = 20_000;

#[derive(Serialize, Deserialize)]
struct Small {
    number: u32,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Question {
    number: u32,
    answer: Sender<u32>,
}

#[expect(clippy::print_stdout, reason = "the figures are its output")]
fn main() -> std::io::Result<()> {
    for (name, runtime) in [
        ("one thread", Builder::new_current_thread().enable_all().build()?),
        ("two threads", Builder::new_multi_thread().worker_threads(2).enable_all().build()?),
    ] {
        for transport in ["unix", "tcp", "http2"] {
            let rate = run(&runtime, rate(transport))?;
            println!("{name}: {transport}: {rate:>9.0} messages/s on one channel");
            let mut trips = run(&runtime, trips(transport))?;
            trips.sort_unstable();
            println!(
                "{name}: {transport}: {:?} and {:?} a round trip (50 and 99 of 100)",
                middle(&trips, 50),
                middle(&trips, 99)
            );
            let mut trips = run(&runtime, nested(transport))?;
            trips.sort_unstable();
            println!(
                "{name}: {transport}: {:?} a round trip with a return channel of its own",
                middle(&trips, 50)
            );
        }
    }
    Ok(())
}

/// What so many of a hundred are not above.
fn middle(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

fn run<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = std::io::Result<T>> + Send + 'static,
) -> std::io::Result<T> {
    runtime.block_on(runtime.spawn(work))?
}

async fn pair(transport: &str) -> std::io::Result<(Session, Session)> {
    let limits = Limits::default();
    Ok(if transport == "unix" {
        let (near, far) = UnixStream::pair()?;
        let near = Session::over_unix(near, Side::Client, limits.clone());
        (near, Session::over_unix(far, Side::Server, limits))
    } else if transport == "http2" {
        let (url, options) = ("http://127.0.0.1:0/", Options::default());
        let listener = Listener::bind(url, options.clone()).await.map_err(std::io::Error::other)?;
        let url = listener.address().to_string();
        let far = async { listener.accept().await?.session().await };
        tokio::try_join!(connect(&url, &options), far).map_err(std::io::Error::other)?
    } else {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let near = TcpStream::connect(listener.local_addr()?).await?;
        let (far, _) = listener.accept().await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        (Session::new(near, Side::Client, limits.clone()), Session::new(far, Side::Server, limits))
    })
}

fn broken(error: libchan::Error) -> std::io::Error {
    std::io::Error::other(error)
}

async fn rate(transport: &str) -> std::io::Result<f64> {
    let (near, far) = pair(transport).await?;
    let sender = near.open::<Small>().map_err(broken)?;
    let begin = Instant::now();
    let sends = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let _sent = sender.send(Small { number, text: "some words".to_owned() }).await;
        }
    });
    let mut receiver =
        far.accept::<Small>().await.map_err(broken)?.ok_or(std::io::ErrorKind::BrokenPipe)?;
    let mut count = 0;
    while let Some(message) = receiver.recv().await.map_err(broken)? {
        count += u32::from(message.text.len() == 10);
    }
    let time = begin.elapsed();
    let _joined = sends.await;
    Ok(f64::from(count) / time.as_secs_f64())
}

async fn trips(transport: &str) -> std::io::Result<Vec<Duration>> {
    let (near, far) = pair(transport).await?;
    let there = near.open::<u32>().map_err(broken)?;
    let back = far.open::<u32>().map_err(broken)?;
    let mut answers =
        near.accept::<u32>().await.map_err(broken)?.ok_or(std::io::ErrorKind::BrokenPipe)?;
    let echo = tokio::spawn(async move {
        let Ok(Some(mut questions)) = far.accept::<u32>().await else { return };
        while let Ok(Some(number)) = questions.recv().await {
            let _sent = back.send(number).await;
        }
    });
    let mut times = Vec::new();
    for number in 0..TRIPS {
        let begin = Instant::now();
        let _sent = there.send(number).await;
        let _answer = answers.recv().await.map_err(broken)?;
        times.push(begin.elapsed());
    }
    drop(there);
    let _joined = echo.await;
    Ok(times)
}

async fn nested(transport: &str) -> std::io::Result<Vec<Duration>> {
    let (near, far) = pair(transport).await?;
    let there = near.open::<Question>().map_err(broken)?;
    let echo = tokio::spawn(async move {
        let Ok(Some(mut questions)) = far.accept::<Question>().await else { return };
        while let Ok(Some(question)) = questions.recv().await {
            let _sent = question.answer.send(question.number).await;
        }
    });
    let mut times = Vec::new();
    for number in 0..TRIPS / 10 {
        let (answer, mut answered) = pipe();
        let begin = Instant::now();
        let _sent = there.send(Question { number, answer }).await;
        let _answer = answered.recv().await.map_err(broken)?;
        times.push(begin.elapsed());
    }
    drop(there);
    let _joined = echo.await;
    Ok(times)
}
