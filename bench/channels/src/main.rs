//! Small messages over TCP on loopback: libchan beside a bidirectional stream of gRPC by tonic, in turn, medians.
//!
//! Each sends so many messages one way, of which the last one is answered, and so many that are answered one by one without waiting
//! for the answers.

#![forbid(unsafe_code)]

use std::pin::Pin;
use std::time::Instant;

use libchan::{Limits, Receiver, Sender, Session, Side};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

mod service {
    include!(concat!(env!("OUT_DIR"), "/bench.Talk.rs"));
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MESSAGES: u32 = 200_000;
const ROUNDS: usize = 9;
/// What waits in memory before a sender does, with both.
const WAITING: usize = 64;

/// The same fields in both formats.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Small {
    /// Counts the messages.
    #[prost(uint32, tag = "1")]
    number: u32,
    /// Some text.
    #[prost(string, tag = "2")]
    text: String,
}

impl Small {
    fn new(number: u32) -> Self {
        Self { number, text: "some words".to_owned() }
    }

    /// Whether nothing comes after it.
    fn is_last(&self) -> bool {
        self.number + 1 == MESSAGES
    }
}

/// Which messages are answered.
#[derive(Clone, Copy)]
enum Answered {
    Last,
    Each,
}

impl Answered {
    fn answers(self, message: &Small) -> bool {
        matches!(self, Self::Each) || message.is_last()
    }
}

fn main() -> Result<(), Failure> {
    for (name, runtime) in [
        ("one thread", Builder::new_current_thread().enable_all().build()?),
        ("two threads", Builder::new_multi_thread().worker_threads(2).enable_all().build()?),
    ] {
        for (what, answered) in [("one way", Answered::Last), ("with answers", Answered::Each)] {
            let mut rates = [const { Vec::new() }; 2];
            for _ in 0..ROUNDS {
                rates[0].push(run(&runtime, libchan_rate(answered))?);
                rates[1].push(run(&runtime, grpc_rate(answered))?);
            }
            let [ours, theirs] = rates.map(middle);
            let times = ours / theirs;
            println!(
                "{name}, {what}: libchan {ours:>9.0}/s, gRPC {theirs:>9.0}/s: {times:.1} times"
            );
        }
    }
    Ok(())
}

fn middle(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn run(
    runtime: &Runtime,
    work: impl Future<Output = Result<f64, Failure>> + Send + 'static,
) -> Result<f64, Failure> {
    runtime.block_on(runtime.spawn(work))?
}

fn rate(begin: Instant) -> f64 {
    f64::from(MESSAGES) / begin.elapsed().as_secs_f64()
}

async fn libchan_rate(answered: Answered) -> Result<f64, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let (far, _) = listener.accept().await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let near = Session::new(near, Side::Client, Limits::default());
    let far = Session::new(far, Side::Server, Limits::default());

    tokio::spawn(async move {
        let answers: Sender<Small> = far.open()?;
        let mut messages: Receiver<Small> = far.accept().await?.ok_or("no channel")?;
        while let Some(message) = messages.recv().await? {
            if answered.answers(&message) {
                answers.send(message).await?;
            }
        }
        Ok::<_, Failure>(())
    });
    let messages: Sender<Small> = near.open()?;
    let mut answers: Receiver<Small> = near.accept().await?.ok_or("no channel")?;
    let begin = Instant::now();
    tokio::spawn(async move {
        for number in 0..MESSAGES {
            messages.send(Small::new(number)).await?;
        }
        Ok::<_, Failure>(())
    });
    while let Some(answer) = answers.recv().await? {
        if answer.is_last() {
            return Ok(rate(begin));
        }
    }
    Err("the last message was not answered".into())
}

struct Talk(Answered);

#[tonic::async_trait]
impl service::talk_server::Talk for Talk {
    type TalkStream = Pin<Box<dyn Stream<Item = Result<Small, Status>> + Send>>;

    async fn talk(
        &self,
        request: Request<Streaming<Small>>,
    ) -> Result<Response<Self::TalkStream>, Status> {
        let answered = self.0;
        let messages = request.into_inner();
        let answers = messages.filter(move |message| {
            message.as_ref().is_ok_and(|message| answered.answers(message))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

async fn grpc_rate(answered: Answered) -> Result<f64, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let talk = service::talk_server::TalkServer::new(Talk(answered));
    let server = tonic::transport::Server::builder().tcp_nodelay(true).add_service(talk);
    let server = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let mut client = service::talk_client::TalkClient::connect(url).await?;
    let (send, messages) = tokio::sync::mpsc::channel(WAITING);
    let mut answers = client.talk(ReceiverStream::new(messages)).await?.into_inner();
    let begin = Instant::now();
    tokio::spawn(async move {
        for number in 0..MESSAGES {
            if send.send(Small::new(number)).await.is_err() {
                return;
            }
        }
    });
    while let Some(answer) = answers.message().await? {
        if answer.is_last() {
            server.abort();
            return Ok(rate(begin));
        }
    }
    Err("the last message was not answered".into())
}
