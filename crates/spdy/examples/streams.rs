//! How fast a session is: small messages, round trips, bulk beside a bare copy, and what idle streams cost.
//!
//! `cargo run --release -p spdy --example streams`

use std::io::Write as _;
use std::time::{Duration, Instant};

use spdy::{Headers, Incoming, Limits, Opening, Role, Session, Stream, Timer, session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MESSAGES: u32 = 2_000_000;
const TRIPS: usize = 50_000;
const BULK: usize = 2 << 30;
const PIECE: usize = 64 << 10;
const IDLE: usize = 10_000;

fn main() -> Result<(), Failure> {
    let mut out = std::io::stdout();
    for (name, runtime) in [
        ("current thread", Builder::new_current_thread().enable_all().build()?),
        ("two threads", Builder::new_multi_thread().worker_threads(2).enable_all().build()?),
    ] {
        writeln!(out, "{name}")?;
        for size in [20, 60] {
            let rate = messages(&runtime, size)?;
            writeln!(out, "  {size}-byte messages over TCP: {rate:.0}/s")?;
        }
        let bare = trip(runtime.block_on(bare_trips())?);
        writeln!(out, "  round trip, bare TCP: p50 {bare:.1} µs")?;
        let unix = trip(runtime.block_on(async { trips(UnixStream::pair()?).await })?);
        writeln!(out, "  round trip, Unix socket: p50 {unix:.1} µs")?;
        let tcp = trip(runtime.block_on(async { trips(tcp_pair().await?).await })?);
        writeln!(out, "  round trip, TCP: p50 {tcp:.1} µs")?;
        let bare = runtime.block_on(bare_copy())?;
        writeln!(out, "  bulk, bare TCP: {bare:.0} MB/s")?;
        for windows in [true, false] {
            let ours = runtime.block_on(bulk(windows))?;
            let share = 100.0 * ours / bare;
            writeln!(out, "  bulk, windows {windows}: {ours:.0} MB/s, {share:.0} % of that")?;
        }
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let bytes = runtime.block_on(idle())?;
    writeln!(out, "{IDLE} idle streams, both ends: {:.1} MB", megabytes(bytes))?;
    Ok(())
}

async fn tcp_pair() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let (far, _) = listener.accept().await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

fn start<IO>(io: IO, role: Role, limits: &Limits) -> (Session, Incoming)
where
    IO: AsyncRead + AsyncWrite + Send + 'static,
{
    let (session, incoming, driver) =
        session(io, role, limits.clone(), Timer::new(tokio::time::sleep));
    tokio::spawn(driver);
    (session, incoming)
}

/// One stream with both its ends; the sessions live as long as they do.
async fn pair<IO>((near, far): (IO, IO), limits: &Limits) -> Result<(Stream, Stream), Failure>
where
    IO: AsyncRead + AsyncWrite + Send + 'static,
{
    let (client, _nobody) = start(near, Role::Client, limits);
    let (_server, mut incoming) = start(far, Role::Server, limits);
    let mut here = client.open(Headers::new(), Opening::default())?;
    let there = incoming.accept().await.ok_or("no stream")?.reply(Headers::new())?;
    here.receive.replied().await?;
    Ok((here, there))
}

fn messages(runtime: &Runtime, size: usize) -> Result<f64, Failure> {
    runtime.block_on(async {
        let (mut here, mut there) = pair(tcp_pair().await?, &Limits::default()).await?;
        let start = Instant::now();
        let sending = tokio::spawn(async move {
            let message = vec![7; size];
            for _ in 0..MESSAGES {
                here.send.send_slice(&message).await?;
            }
            here.send.finish().map(|()| here)
        });
        let receiving = tokio::spawn(async move {
            let mut bytes = 0;
            while let Some(data) = there.receive.receive().await? {
                bytes += data.len();
            }
            Ok::<_, spdy::Error>(bytes)
        });
        let bytes = receiving.await??;
        drop(sending.await??);
        if bytes != size * MESSAGES as usize {
            return Err("bytes are missing".into());
        }
        Ok(f64::from(MESSAGES) / start.elapsed().as_secs_f64())
    })
}

async fn trips<IO>(io: (IO, IO)) -> Result<Vec<Duration>, Failure>
where
    IO: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut here, mut there) = pair(io, &Limits::default()).await?;
    tokio::spawn(async move {
        while let Ok(Some(data)) = there.receive.receive().await {
            if there.send.send_slice(&data).await.is_err() {
                return;
            }
        }
    });
    let asking = tokio::spawn(async move {
        let mut times = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let start = Instant::now();
            here.send.send_slice(&[7; 40]).await?;
            here.receive.receive().await?;
            times.push(start.elapsed());
        }
        Ok::<_, spdy::Error>(times)
    });
    Ok(asking.await??)
}

async fn bare_trips() -> Result<Vec<Duration>, Failure> {
    let (mut near, mut far) = tcp_pair().await?;
    tokio::spawn(async move {
        let mut buffer = [0; 40];
        while far.read_exact(&mut buffer).await.is_ok() && far.write_all(&buffer).await.is_ok() {}
    });
    let asking = tokio::spawn(async move {
        let mut times = Vec::with_capacity(TRIPS);
        let mut buffer = [7; 40];
        for _ in 0..TRIPS {
            let start = Instant::now();
            near.write_all(&buffer).await?;
            near.read_exact(&mut buffer).await?;
            times.push(start.elapsed());
        }
        Ok::<_, std::io::Error>(times)
    });
    Ok(asking.await??)
}

fn trip(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

async fn bulk(windows: bool) -> Result<f64, Failure> {
    let limits = Limits { windows, ..Limits::default() };
    let (here, there) = pair(tcp_pair().await?, &limits).await?;
    let (writer, _answers) = here.split();
    let (_nothing, reader) = there.split();
    copy(writer, reader).await
}

async fn bare_copy() -> Result<f64, Failure> {
    let (near, far) = tcp_pair().await?;
    copy(near, far).await
}

async fn copy(
    mut writer: impl AsyncWrite + Unpin + Send + 'static,
    mut reader: impl AsyncRead + Unpin + Send + 'static,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let writing = tokio::spawn(async move {
        let piece = vec![7; PIECE];
        for _ in 0..BULK / PIECE {
            writer.write_all(&piece).await?;
        }
        writer.shutdown().await?;
        Ok::<_, std::io::Error>(writer)
    });
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; PIECE];
        let mut bytes = 0;
        while let read @ 1.. = reader.read(&mut buffer).await? {
            bytes += read;
        }
        Ok::<_, std::io::Error>(bytes)
    });
    let bytes = reading.await??;
    drop(writing.await??);
    Ok(megabytes(bytes) / start.elapsed().as_secs_f64())
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// What the process has more of memory once that many streams are open.
async fn idle() -> Result<usize, Failure> {
    let before = resident()?;
    let limits = Limits { streams: IDLE, ..Limits::default() };
    let (near, far) = tcp_pair().await?;
    let (client, _nobody) = start(near, Role::Client, &limits);
    let (_server, mut incoming) = start(far, Role::Server, &limits);
    let mut streams = Vec::with_capacity(2 * IDLE);
    for number in 0..IDLE {
        let mut headers = Headers::new();
        headers.push("libchan-ref", number.to_string())?;
        let mut here = client.open(headers, Opening::default())?;
        let there = incoming.accept().await.ok_or("no stream")?.reply(Headers::new())?;
        here.receive.replied().await?;
        streams.extend([here, there]);
    }
    Ok(resident()?.saturating_sub(before))
}

/// statm of proc_pid_statm(5): its second field is resident pages.
fn resident() -> Result<usize, Failure> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).ok_or("no second field")?.parse()?;
    Ok(pages * 4096)
}
