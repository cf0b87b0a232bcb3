//! What byte streams cost beside a bare copy over TCP on loopback, in turn, and what 10,000 open channels hold.
//!
//! `cargo run --release -p libchan --example bytes`

use std::time::Instant;

use libchan::{ByteReader, ByteStream, Limits, Receiver, Sender, Session, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const BULK: usize = 1 << 30;
const PIECE: usize = 64 << 10;
const ROUNDS: usize = 7;
const CHANNELS: usize = 10_000;

#[expect(clippy::print_stdout, reason = "the figures are its output")]
fn main() -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let bytes = runtime.block_on(channels())?;
    println!("{CHANNELS} open channels, both ends: {:.1} MB", megabytes(bytes));
    for (name, runtime) in [
        ("one thread", Builder::new_current_thread().enable_all().build()?),
        ("two threads", Builder::new_multi_thread().worker_threads(2).enable_all().build()?),
    ] {
        let mut rates = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            rates[0].push(run(&runtime, bare())?);
            rates[1].push(run(&runtime, received())?);
            rates[2].push(run(&runtime, sent())?);
        }
        let [bare, received, sent] = rates.map(middle);
        println!("{name}: bare TCP {bare:.0} MB/s");
        for (what, rate) in [("that arrived", received), ("of a pair", sent)] {
            let share = 100.0 * rate / bare;
            println!("{name}: written to a stream {what}: {rate:.0} MB/s, {share:.0} % of that");
        }
    }
    Ok(())
}

fn middle(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn run(
    runtime: &Runtime,
    work: impl Future<Output = Result<f64, Failure>> + Send + 'static,
) -> Result<f64, Failure> {
    runtime.block_on(runtime.spawn(work))?
}

async fn tcp() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let (far, _) = listener.accept().await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

async fn sessions(limits: &Limits) -> Result<(Session, Session), Failure> {
    let (near, far) = tcp().await?;
    let near = Session::new(near, Side::Client, limits.clone());
    Ok((near, Session::new(far, Side::Server, limits.clone())))
}

/// Megabytes a second from one end to the other.
async fn copied(
    mut from: impl AsyncWrite + Send + Unpin + 'static,
    mut to: impl AsyncRead + Unpin,
) -> Result<f64, Failure> {
    let begin = Instant::now();
    let writes = tokio::spawn(async move {
        let piece = vec![7; PIECE];
        for _ in 0..BULK / PIECE {
            from.write_all(&piece).await?;
        }
        from.shutdown().await
    });
    let mut piece = vec![0; PIECE];
    let mut count = 0;
    while let size @ 1.. = to.read(&mut piece).await? {
        count += size;
    }
    writes.await??;
    Ok(megabytes(count) / begin.elapsed().as_secs_f64())
}

async fn bare() -> Result<f64, Failure> {
    let (near, far) = tcp().await?;
    copied(near, far).await
}

/// The end that arrived is written to; what comes is read of the other end of a pair.
async fn received() -> Result<f64, Failure> {
    let (near, far) = sessions(&Limits::default()).await?;
    let (own, theirs) = ByteStream::pair();
    near.open()?.send(theirs).await?;
    let arrived: ByteStream = first(&far).await?.recv().await?.ok_or("no stream")?;
    copied(arrived, own).await
}

/// One end of a pair is written to; the end that arrived is read.
async fn sent() -> Result<f64, Failure> {
    let (near, far) = sessions(&Limits::default()).await?;
    let (own, theirs) = ByteStream::pair();
    near.open()?.send(ByteReader::new(theirs)).await?;
    let arrived: ByteReader = first(&far).await?.recv().await?.ok_or("no stream")?;
    copied(own, arrived).await
}

async fn first<T: serde::de::DeserializeOwned + Send + 'static>(
    session: &Session,
) -> Result<Receiver<T>, Failure> {
    Ok(session.accept().await?.ok_or("no channel")?)
}

/// Bytes that this process holds more when so many channels are open and have carried a message.
async fn channels() -> Result<usize, Failure> {
    let mut limits = Limits::default();
    limits.streams = CHANNELS;
    let before = resident()?;
    let (near, far) = sessions(&limits).await?;
    let mut ends: Vec<(Sender<u32>, Receiver<u32>)> = Vec::with_capacity(CHANNELS);
    for number in 0..CHANNELS {
        let sender = near.open()?;
        sender.send(u32::try_from(number)?).await?;
        let mut receiver = first(&far).await?;
        receiver.recv().await?;
        ends.push((sender, receiver));
    }
    let bytes = resident()?.saturating_sub(before);
    drop(ends);
    Ok(bytes)
}

/// Resident memory of this process in bytes, proc(5).
fn resident() -> Result<usize, Failure> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4096)
}
