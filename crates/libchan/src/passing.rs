//! Descriptors on their way through a Unix socket (SCM_RIGHTS, unix(7)): what waits to be sent with the next bytes, and what has
//! arrived and is not named yet.
//!
//! ```text
//! sender                                                    receiver
//! SYN_STREAM  libchan-descriptor: ask  (no libchan-ref)     from now on it looks for them: recvmsg(2) instead of recv(2)
//!             <── SYN_REPLY  libchan-descriptor: yes, FIN
//!   or        <── SYN_REPLY, without it                     it knows none: bytes are passed on in this session
//!
//! the descriptor, with or before the frame's first byte     it is the n-th that has come, from 0
//! SYN_STREAM  libchan-ref, libchan-parent-ref, libchan-descriptor: n    the stream waits for its message, unanswered
//! the message
//!             <── SYN_REPLY  libchan-descriptor: n, FIN     the message is read, and whoever reads it has the descriptor
//!   or        <── SYN_REPLY  libchan-descriptor: no         it did not come, or there are too many: its bytes are passed on
//! ```
//!
//! A message names it as a byte stream both ways. So a peer that knows none has what it always had, and behind something that passes on
//! bytes alone, as `ssh -L` does, nothing is wrong either. At most [`crate::Limits::descriptors`] wait for an answer; the next send
//! waits with them.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::descriptor::OpenFile;
use crate::error::Error;
use crate::line::{Line, Reason};

/// The header with the number of the descriptor that a stream stands for, or what is said of them.
pub(crate) const HEADER: &str = "libchan-descriptor";
/// Whether the peer knows it, and that he does.
const ASK: &str = "ask";
const KNOWN: &str = "yes";
/// The answer of who has no descriptor of that number.
const NONE: &str = "no";
/// What every answer has.
const STATUS: (&str, &str) = (":status", "200");
/// What one call of sendmsg(2) takes: `SCM_MAX_FD`, unix(7).
pub(crate) const MOST_PER_CALL: usize = 253;
/// So many that came without a stream are no accident.
const MOST_UNNAMED: u64 = 1024;

/// Both directions of a connection that carries descriptors.
#[derive(Debug)]
pub(crate) struct Passing {
    /// How many are on their way, each way.
    limit: usize,
    /// Whether the peer knows them, once he was asked.
    is_known: OnceCell<bool>,
    leaving: Mutex<Leaving>,
    /// Whether some wait to be sent, for who writes without the lock.
    has_leaving: AtomicBool,
    /// Whether the peer has asked.
    is_expecting: AtomicBool,
    arriving: Mutex<Arriving>,
    /// Such as came, whose stream waits to be named.
    offered: AtomicUsize,
}

#[derive(Debug, Default)]
struct Leaving {
    queue: VecDeque<OpenFile>,
    /// Of the next one.
    number: u64,
    /// Such as the peer has not answered, and places for more of them.
    unanswered: usize,
    /// Whoever waits for that to get less has waited long enough.
    is_stuck: bool,
    /// None is sent any more.
    is_over: bool,
    waiting: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Arriving {
    waiting: VecDeque<(u64, OpenFile)>,
    /// Of the next one that comes, and of the first that no stream has named or passed over.
    number: u64,
    unnamed: u64,
    /// The kernel had no room for one: what comes has no number that is known.
    has_lost: bool,
    /// More came than is right.
    is_flooded: bool,
}

/// Places for descriptors on their way, which are given back.
#[derive(Debug)]
pub(crate) struct Room {
    passing: Arc<Passing>,
    count: usize,
}

/// A descriptor that was sent and not yet answered.
#[derive(Debug)]
pub(crate) struct Offer {
    room: Room,
    number: u64,
}

/// What a stream of the peer's is that a message will name.
#[derive(Debug)]
pub(crate) enum Parked {
    Line(Line),
    /// It stands for a descriptor that is here.
    Offered(Offered),
}

/// A descriptor that has come, and its stream.
#[derive(Debug)]
pub(crate) struct Offered {
    file: OpenFile,
    number: u64,
    arrival: spdy::Arrival,
    _counted: Counted,
}

/// One of those that wait to be named.
#[derive(Debug)]
struct Counted(Arc<Passing>);

impl Counted {
    /// One more, where there may be.
    fn new(passing: &Arc<Passing>) -> Option<Self> {
        let before = passing.offered.fetch_add(1, Ordering::SeqCst);
        let counted = Self(Arc::clone(passing));
        (before < passing.limit).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.offered.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sending: places, and the queue.
impl Passing {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            is_known: OnceCell::new(),
            leaving: Mutex::default(),
            has_leaving: AtomicBool::new(false),
            is_expecting: AtomicBool::new(false),
            arriving: Mutex::default(),
            offered: AtomicUsize::new(0),
        }
    }

    /// Places for so many descriptors of one message, where the peer takes any and is not too slow.
    pub(crate) async fn room(
        self: &Arc<Self>,
        count: usize,
        mux: &spdy::Session,
        longest: Duration,
    ) -> Option<Room> {
        let is_over = {
            let leaving = lock(&self.leaving);
            leaving.is_over || (leaving.is_stuck && !self.is_known.initialized())
        };
        if is_over {
            return None;
        }
        let room = tokio::time::timeout(longest, async {
            if !*self.is_known.get_or_try_init(|| ask(mux)).await.ok()? {
                self.stop();
            }
            Some(std::future::poll_fn(|context| self.poll_room(count, context)).await)
        });
        room.await.unwrap_or_else(|_elapsed| {
            self.give_up_waiting();
            None
        })
    }

    /// Places for so many, or as many as there may ever be. None where waiting makes no sense.
    fn poll_room(self: &Arc<Self>, count: usize, context: &Context<'_>) -> Poll<Room> {
        let wanted = count.min(self.limit);
        let mut leaving = lock(&self.leaving);
        let count = if leaving.is_over {
            0
        } else if leaving.unanswered + wanted <= self.limit {
            wanted
        } else if leaving.is_stuck {
            0
        } else {
            if !leaving.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                leaving.waiting.push(context.waker().clone());
            }
            return Poll::Pending;
        };
        leaving.unanswered += count;
        drop(leaving);
        Poll::Ready(Room { passing: Arc::clone(self), count })
    }

    /// Nobody waits for a place any more until there is one.
    fn give_up_waiting(&self) {
        lock(&self.leaving).is_stuck = true;
        self.wake();
    }

    /// None is sent any more, and those that wait never leave.
    pub(crate) fn stop(&self) {
        let mut leaving = lock(&self.leaving);
        leaving.is_over = true;
        let unsent = std::mem::take(&mut leaving.queue);
        drop(leaving);
        drop(unsent);
        self.wake();
    }

    fn wake(&self) {
        let woken = std::mem::take(&mut lock(&self.leaving).waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn has_leaving(&self) -> bool {
        self.has_leaving.load(Ordering::SeqCst)
    }

    /// Those that go with the next byte, and whether others have to follow with the one after it.
    pub(crate) fn leaving(&self) -> (Vec<OpenFile>, bool) {
        let leaving = lock(&self.leaving);
        let files: Vec<_> = leaving.queue.iter().take(MOST_PER_CALL).cloned().collect();
        let has_more = leaving.queue.len() > files.len();
        self.has_leaving.store(!files.is_empty(), Ordering::SeqCst);
        (files, has_more)
    }

    /// The first so many have left.
    pub(crate) fn have_left(&self, count: usize) {
        let mut leaving = lock(&self.leaving);
        let count = count.min(leaving.queue.len());
        let left: Vec<_> = leaving.queue.drain(..count).collect();
        self.has_leaving.store(!leaving.queue.is_empty(), Ordering::SeqCst);
        drop(leaving);
        drop(left);
    }
}

/// Asks the peer whether he takes descriptors.
async fn ask(mux: &spdy::Session) -> Result<bool, spdy::Error> {
    let mut stream = mux.open(headers(&[(HEADER, ASK)]), spdy::Opening::default())?;
    let answer = stream.receive.replied().await?;
    // The original has reset it already.
    let _reset = stream.send.finish();
    Ok(answer.text(HEADER) == Some(KNOWN))
}

fn headers(pairs: &[(&str, &str)]) -> spdy::Headers {
    let mut headers = spdy::Headers::new();
    for (name, value) in pairs {
        // The names are right, and so are words and digits.
        let _right = headers.push(name, value);
    }
    headers
}

impl Room {
    /// Opens a stream for a descriptor: `open` is told its number, or nothing where its bytes are to be passed on.
    pub(crate) fn offer(
        &mut self,
        file: &OpenFile,
        open: impl FnOnce(Option<u64>) -> Result<Line, Error>,
    ) -> Result<(Line, Option<Offer>), Error> {
        // Under the lock: streams are opened in the order of numbers, and who writes them finds the descriptor in the queue.
        let mut leaving = lock(&self.passing.leaving);
        if self.count == 0 || leaving.is_over {
            drop(leaving);
            return open(None).map(|line| (line, None));
        }
        let number = leaving.number;
        leaving.queue.push_back(file.clone());
        self.passing.has_leaving.store(true, Ordering::SeqCst);
        let opened = open(Some(number));
        if opened.is_ok() {
            leaving.number += 1;
        } else {
            leaving.queue.pop_back();
        }
        drop(leaving);
        let line = opened?;
        self.count -= 1;
        let room = Self { passing: Arc::clone(&self.passing), count: 1 };
        Ok((line, Some(Offer { room, number })))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.count > 0 {
            let mut leaving = lock(&self.passing.leaving);
            leaving.unanswered = leaving.unanswered.saturating_sub(self.count);
            leaving.is_stuck = false;
            drop(leaving);
            self.passing.wake();
        }
    }
}

impl Offer {
    /// Whether the peer has the descriptor.
    pub(crate) fn is_taken(&self, answer: &spdy::Headers) -> bool {
        match answer.text(HEADER) {
            Some(number) => number == self.number.to_string(),
            None => {
                self.room.passing.stop();
                false
            }
        }
    }
}

/// Receiving.
impl Passing {
    /// What has come with some bytes, and whether the kernel could not give all.
    ///
    /// # Errors
    /// The peer sends ever more that no stream names.
    pub(crate) fn arrived(
        &self,
        files: impl Iterator<Item = OwnedFd>,
        is_truncated: bool,
    ) -> std::io::Result<()> {
        let mut arriving = lock(&self.arriving);
        // Closed after the lock is released.
        let mut surplus = Vec::new();
        for file in files.map(OpenFile::of_peer) {
            if arriving.has_lost || arriving.waiting.len() >= self.limit {
                surplus.push(file);
            } else {
                let number = arriving.number;
                arriving.waiting.push_back((number, file));
            }
            arriving.number += 1;
        }
        arriving.has_lost |= is_truncated;
        arriving.is_flooded = arriving.number.saturating_sub(arriving.unnamed) > MOST_UNNAMED;
        let is_flooded = arriving.is_flooded;
        drop(arriving);
        drop(surplus);
        if is_flooded {
            return Err(std::io::Error::other(Error::Limit("descriptors")));
        }
        Ok(())
    }

    /// Whether descriptors may come.
    pub(crate) fn is_expecting(&self) -> bool {
        self.is_expecting.load(Ordering::SeqCst)
    }

    /// The descriptor that the peer opens a stream for. Those before it were opened none for, and go.
    fn take(&self, number: u64) -> Option<OpenFile> {
        let mut arriving = lock(&self.arriving);
        arriving.unnamed = arriving.unnamed.max(number.saturating_add(1));
        let before = arriving.waiting.partition_point(|(waiting, _)| *waiting < number);
        let passed_over: Vec<_> = arriving.waiting.drain(..before).collect();
        let is_there = arriving.waiting.front().is_some_and(|(waiting, _)| *waiting == number);
        let taken = if is_there { arriving.waiting.pop_front() } else { None };
        drop(arriving);
        drop(passed_over);
        taken.map(|(_, file)| file)
    }

    /// Why the session has ended, where it is for that.
    pub(crate) fn failure(&self) -> Option<Error> {
        lock(&self.arriving).is_flooded.then_some(Error::Limit("descriptors"))
    }

    /// The connection is over: nothing waits any more.
    pub(crate) fn end(&self) {
        self.stop();
        let unnamed = std::mem::take(&mut lock(&self.arriving).waiting);
        drop(unnamed);
    }
}

/// What the peer opens a stream for.
pub(crate) enum Arrived {
    /// Nothing that has to do with descriptors, or one that is not here: with what is to be answered.
    Stream(spdy::Arrival, Option<&'static str>),
    Offered(Offered),
    /// He asked, and is answered.
    Asked,
}

impl Arrived {
    /// Looks whether a stream stands for a descriptor.
    pub(crate) fn of(arrival: spdy::Arrival, passing: Option<&Arc<Passing>>) -> Self {
        let said = arrival.headers.text(HEADER);
        let (Some(passing), Some(said)) = (passing, said) else {
            return Self::Stream(arrival, None);
        };
        if said == ASK {
            // Before he hears of it.
            passing.is_expecting.store(true, Ordering::SeqCst);
            let _over = arrival.reply_finished(headers(&[STATUS, (HEADER, KNOWN)]));
            return Self::Asked;
        }
        let number = said.parse().ok();
        let file = number.and_then(|number| passing.take(number));
        match (number, file, Counted::new(passing)) {
            (Some(number), Some(file), Some(counted)) => {
                Self::Offered(Offered { file, number, arrival, _counted: counted })
            }
            _ => Self::Stream(arrival, Some(NONE)),
        }
    }
}

impl Offered {
    /// Takes the descriptor, and says so.
    pub(crate) fn accept(self) -> OpenFile {
        let number = self.number.to_string();
        // Where the peer has given up its stream meanwhile the descriptor is here all the same.
        let _given_up = self.arrival.reply_finished(headers(&[STATUS, (HEADER, &number)]));
        self.file
    }
}

impl Parked {
    /// Nobody wants it.
    pub(crate) fn reset(self, reason: Reason) {
        match self {
            Self::Line(line) => line.reset(reason),
            Self::Offered(offered) => offered.arrival.refuse(spdy::Status(reason as u32)),
        }
    }
}

impl From<Line> for Parked {
    fn from(line: Line) -> Self {
        Self::Line(line)
    }
}
