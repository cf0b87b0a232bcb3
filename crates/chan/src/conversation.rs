//! What all parts of a command share while it runs: output, input, what is attached to messages, and how it ends. Start at [`run`].

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libchan::Session;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::error::ChanError;
use crate::json::Json;
use crate::sink::Sink;

/// How long a peer, or who reads the output, may take for the end of it all.
pub(crate) const PARTING: Duration = Duration::from_secs(2);

/// What a command has of its process.
pub struct Ground {
    /// Standard input.
    pub input: Box<dyn Read + Send>,
    /// Standard output: data.
    pub output: Box<dyn Write + Send>,
    /// A line for people.
    pub talk: fn(&str),
    /// An error that is not the command's end.
    pub report: fn(&ChanError),
    /// Readable once the command is to end, a signalfd(2) for example.
    pub stop: Option<OwnedFd>,
    /// Whether it tells how channels begin and end.
    pub is_verbose: bool,
    /// How long all of it may take.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ground").finish_non_exhaustive()
    }
}

/// How a command has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All was done.
    Done,
    /// Errors were reported.
    Failed,
    /// It was told to stop.
    Stopped,
}

/// What the parts of a command share.
pub(crate) struct Conversation {
    pub(crate) output: Sink,
    input: Mutex<Option<Box<dyn Read + Send>>>,
    talk: fn(&str),
    report: fn(&ChanError),
    is_verbose: bool,
    has_failed: AtomicBool,
    has_descriptors: AtomicBool,
    quota: Option<Quota>,
    is_enough: Notify,
    attached: Mutex<JoinSet<()>>,
    sessions: Mutex<Vec<Session>>,
    /// Told when no task is left.
    alone: Arc<Notify>,
}

/// How many messages are wanted.
struct Quota {
    count: u64,
    /// Those that will be printed.
    taken: AtomicU64,
    printed: AtomicU64,
}

impl Quota {
    fn of(count: u64) -> Self {
        Self { count, taken: AtomicU64::new(0), printed: AtomicU64::new(0) }
    }
}

/// Something that goes on beside.
pub(crate) type Task = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Conversation {
    /// Standard input, for the first who asks.
    pub(crate) fn take_input(&self) -> Option<Box<dyn Read + Send>> {
        lock(&self.input).take()
    }

    /// Tells people who want to know.
    pub(crate) fn tell(&self, words: impl FnOnce() -> String) {
        if self.is_verbose {
            (self.talk)(&words());
        }
    }

    /// Tells people.
    pub(crate) fn say(&self, words: &str) {
        (self.talk)(words);
    }

    /// Tells an error, and goes on.
    pub(crate) fn fail(&self, error: &ChanError) {
        self.has_failed.store(true, Ordering::SeqCst);
        (self.report)(error);
    }

    /// One is in a message that will be sent: its bytes may have to be passed on.
    pub(crate) fn sends_descriptor(&self) {
        self.has_descriptors.store(true, Ordering::SeqCst);
    }

    /// Whether one was in a message.
    pub(crate) fn has_sent_descriptor(&self) -> bool {
        self.has_descriptors.load(Ordering::SeqCst)
    }

    /// Does something beside, until it ends or the command does.
    pub(crate) fn attach(&self, task: Task) {
        let mut attached = lock(&self.attached);
        // Those that are over would pile up.
        while attached.try_join_next().is_some() {}
        attached.spawn(task);
    }

    /// Returns once all that is done beside is over.
    pub(crate) async fn all_attached(&self) {
        let more = || std::future::poll_fn(|context| lock(&self.attached).poll_join_next(context));
        while more().await.is_some() {}
    }

    /// Prints a message; false once nobody reads it, or there were as many as are wanted.
    pub(crate) async fn print(&self, message: Json) -> bool {
        if let Some(quota) = &self.quota
            && quota.taken.fetch_add(1, Ordering::SeqCst) >= quota.count
        {
            return false;
        }
        let printed = self.output.line(message).await;
        if let Some(quota) = &self.quota {
            quota.printed.fetch_add(1, Ordering::SeqCst);
        }
        printed.is_ok()
    }

    /// Whether as many messages were printed as are wanted.
    pub(crate) fn has_enough(&self) -> bool {
        let has = |quota: &Quota| quota.printed.load(Ordering::SeqCst) >= quota.count;
        let has = self.quota.as_ref().is_some_and(has);
        if has {
            self.is_enough.notify_one();
        }
        has
    }

    /// Returns once [`Self::has_enough`] was true.
    pub(crate) async fn enough(&self) {
        self.is_enough.notified().await;
    }

    /// A session, which is closed in good order when the command ends.
    pub(crate) fn add(&self, session: &Session) {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|session| !session.is_closed());
        sessions.push(session.clone());
    }

    /// Ends what is left: peers hear it, and what was sent arrives.
    async fn part(&self) {
        let mut attached = std::mem::take(&mut *lock(&self.attached));
        attached.shutdown().await;
        let sessions = std::mem::take(&mut *lock(&self.sessions));
        sessions.iter().for_each(Session::close);
        drop(sessions);
        // A session is over before its last bytes are written: those who write them, and nobody else, are the tasks that are left.
        let parting = async {
            while tasks() > 0 {
                self.alone.notified().await;
            }
        };
        let _in_vain = tokio::time::timeout(PARTING, parting).await;
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a command until it is over, is told to stop, is late, or nobody reads its output.
pub(crate) fn run<F: Future<Output = Result<(), ChanError>>>(
    ground: Ground,
    count: Option<u64>,
    work: impl FnOnce(Arc<Conversation>) -> F,
) -> Result<Outcome, ChanError> {
    let alone = Arc::new(Notify::new());
    let runtime = runtime(Arc::clone(&alone));
    let runtime = runtime.map_err(|cause| ChanError::System("begin", cause))?;
    let outcome = runtime.block_on(async {
        let Ground { input, output, talk, report, stop, is_verbose, timeout } = ground;
        let conversation = Arc::new(Conversation {
            output: Sink::to(output),
            input: Mutex::new(Some(input)),
            talk,
            report,
            is_verbose,
            has_failed: AtomicBool::new(false),
            has_descriptors: AtomicBool::new(false),
            quota: count.map(Quota::of),
            is_enough: Notify::new(),
            attached: Mutex::default(),
            sessions: Mutex::default(),
            alone,
        });
        let stop = stop.map(waited).transpose();
        let stop = stop.map_err(|cause| ChanError::System("wait for signals", cause))?;
        let ended = tokio::select! {
            biased;
            () = stopped(stop.as_ref()) => Ok(Outcome::Stopped),
            () = conversation.output.gone() => Ok(Outcome::Failed),
            () = late(timeout) => Err(ChanError::Late("the conversation".to_owned())),
            done = work(Arc::clone(&conversation)) => done.map(|()| Outcome::Done),
        };
        conversation.part().await;
        let has_failed = conversation.has_failed.load(Ordering::SeqCst);
        let written = tokio::time::timeout(PARTING, conversation.output.end()).await;
        match (ended?, written) {
            (_, Ok(Err(cause))) => Err(ChanError::Output(cause)),
            (Outcome::Done, _) if has_failed => Ok(Outcome::Failed),
            (outcome, _) => Ok(outcome),
        }
    });
    // A thread that reads standard input is not waited for.
    runtime.shutdown_background();
    outcome
}

/// What runs the command, and tells when none of its tasks is left.
fn runtime(alone: Arc<Notify>) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // Whenever there is nothing to do: the end of the last task was something.
    builder.enable_all().on_thread_park(move || {
        if tasks() == 0 {
            alone.notify_one();
        }
    });
    builder.build()
}

/// How many tasks there are in this runtime.
fn tasks() -> usize {
    tokio::runtime::Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
}

/// Waits for a descriptor from now on.
#[expect(
    deprecated,
    reason = "its successor is unsafe for types that change their descriptor, which this one does not"
)]
pub(crate) fn waited(descriptor: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

async fn stopped(stop: Option<&AsyncFd<OwnedFd>>) {
    match stop {
        Some(stop) => drop(stop.readable().await),
        None => std::future::pending().await,
    }
}

async fn late(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}
