//! What the two sides of a session know of it: its streams, those that wait for a carrier, and how it ends.
//!
//! ```text
//! open ──▶ closing: either side says how many streams it has opened, and opens no more
//!            └──▶ settled: those of the peer have arrived ──▶ over: none is left
//! any  ──▶ over: the control stream is lost; every stream fails
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::Numbers;
use super::held::Held;
use super::lane::Lane;
use super::opening::{Carriers, Opening};
use super::order::{Ordered, Refused};
use super::server::Leave;
use crate::error::Error;
use crate::limits::Limits;
use crate::line::{Line, Reason};
use crate::mux::{Arrival, Ended};

/// A request that waits for a stream of the server's and fails sooner is made again after that.
const SPARE_WAIT: Duration = Duration::from_secs(1);

/// What the control stream is to say.
#[derive(Debug)]
pub(super) enum Order {
    /// Ask for a sign of life, and say when it has come.
    Ping(oneshot::Sender<()>),
    /// So many streams were opened, and no more are.
    Close(u64),
    /// The channel of that place may never come.
    Lost(u64),
    /// The session is over in good order.
    Finish,
}

/// One side of a session.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) limits: Limits,
    state: Mutex<State>,
    control: mpsc::UnboundedSender<Order>,
    /// What waits on all streams.
    pub(super) held: Arc<Held>,
    /// How the session has ended, once it has.
    pub(super) ended: watch::Sender<Ended>,
}

#[derive(Debug)]
struct State {
    lanes: BTreeMap<u64, Seat>,
    next_lane: u64,
    /// Streams that are open, of this side's and of the peer's.
    own: usize,
    theirs: usize,
    /// All that ever were, and how many of them are this side's channels.
    opened: u64,
    arrived: u64,
    channels: u64,
    is_closing: bool,
    /// How many the peer has opened, once he opens no more.
    announced: Option<u64>,
    /// Those of them that have not arrived are not waited for.
    is_impatient: bool,
    /// Nothing once none can arrive any more.
    arrivals: Option<Ordered>,
    /// Nothing once the session is over.
    carriers: Option<Carriers>,
    /// A server's place among the others, which it leaves then.
    leave: Option<Leave>,
}

/// Whose a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Own,
    Theirs,
    /// The client's that waits for one of the server's.
    Nobody,
    /// The control stream.
    Control,
}

/// Of a stream that counts.
#[derive(Debug)]
struct Seat {
    lane: Arc<Lane>,
    owner: Owner,
}

/// A stream's place in its session. Dropped before the stream is over, the stream fails.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) core: Arc<Core>,
    pub(super) lane: Arc<Lane>,
    key: u64,
    owner: Owner,
    /// Of a channel of this side's: its place among them.
    place: Option<u64>,
    since: Instant,
}

impl Core {
    /// Open, with the queue of what arrives.
    pub(super) fn new(
        limits: Limits,
        carriers: Carriers,
        control: mpsc::UnboundedSender<Order>,
        leave: Option<Leave>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Arrival>) {
        let (arrivals, arrived) = mpsc::unbounded_channel();
        let state = State {
            lanes: BTreeMap::new(),
            next_lane: 0,
            own: 0,
            theirs: 0,
            opened: 0,
            arrived: 0,
            channels: 0,
            is_closing: false,
            announced: None,
            is_impatient: false,
            arrivals: Some(Ordered::new(arrivals, limits.streams)),
            carriers: Some(carriers),
            leave,
        };
        let (ended, _nobody) = watch::channel(None);
        let held = Arc::new(Held::new(limits.session_bytes));
        let core = Self { limits, state: Mutex::new(state), control, held, ended };
        (Arc::new(core), arrived)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The control stream, which is no part of the session's end.
    pub(super) fn control(self: &Arc<Self>) -> Ticket {
        let lane = Lane::new(self.limits.queue_bytes, &self.held);
        let since = Instant::now();
        let (key, owner) = (u64::MAX, Owner::Control);
        Ticket { core: Arc::clone(self), lane, key, owner, place: None, since }
    }

    /// Opens a stream of this side's.
    pub(super) fn open(self: &Arc<Self>, own: u64, parent: Option<u64>) -> Result<Line, Error> {
        let mut state = self.lock();
        if state.is_closing || state.carriers.is_none() {
            return Err(Error::Closed);
        }
        state.make_room(Owner::Own, self.limits.streams)?;
        state.opened += 1;
        let mut ticket = state.register(self, Owner::Own);
        if parent.is_none() {
            state.channels += 1;
            ticket.place = Some(state.channels);
        }
        let numbers = Numbers { own, parent, place: ticket.place };
        let lane = Arc::clone(&ticket.lane);
        let refused = state.hand(Opening::new(ticket, Some(numbers)));
        drop(state);
        drop(refused);
        Ok(lane.ends().into())
    }

    /// A stream of the peer's is there.
    ///
    /// # Errors
    /// There are too many, or none is wanted any more.
    pub(super) fn arrive(self: &Arc<Self>, numbers: Numbers) -> Result<Ticket, Error> {
        let mut state = self.lock();
        state.count_arrival()?;
        state.make_room(Owner::Theirs, self.limits.streams)?;
        let ticket = state.register(self, Owner::Theirs);
        self.deliver(state, &ticket, numbers);
        Ok(ticket)
    }

    /// One that waited for a stream of the peer's has become it.
    ///
    /// # Errors
    /// As [`Core::arrive`].
    pub(super) fn become_theirs(
        self: &Arc<Self>,
        ticket: &mut Ticket,
        numbers: Numbers,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        state.count_arrival()?;
        state.make_room(Owner::Theirs, self.limits.streams)?;
        ticket.owner = Owner::Theirs;
        if let Some(seat) = state.lanes.get_mut(&ticket.key) {
            seat.owner = Owner::Theirs;
            state.theirs += 1;
        }
        self.deliver(state, ticket, numbers);
        Ok(())
    }

    /// Gives a stream to whoever accepts, when it is its turn. Where nobody does it is reset as it is dropped.
    fn deliver(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        ticket: &Ticket,
        numbers: Numbers,
    ) {
        let parked = Line::from(ticket.lane.ends()).into();
        let arrival = Arrival { parked, place: Some(numbers.place()) };
        let Some(arrivals) = &mut state.arrivals else { return };
        let refused = arrivals.arrive(numbers.place, arrival);
        self.await_turn(state, refused);
    }

    /// The peer says that a channel of his may never come.
    pub(super) fn skip(self: &Arc<Self>, place: u64) {
        let mut state = self.lock();
        let Some(arrivals) = &mut state.arrivals else { return };
        let refused = arrivals.skip(place);
        self.await_turn(state, refused);
    }

    /// What has come before its turn does not wait for ever.
    fn await_turn(self: &Arc<Self>, mut state: MutexGuard<'_, State>, refused: Refused) {
        let place = state.arrivals.as_mut().and_then(Ordered::newly_missing);
        drop(state);
        drop(refused);
        // Where no runtime is, no session goes on.
        let (Some(place), Ok(runtime)) = (place, Handle::try_current()) else { return };
        let (core, wait) = (Arc::downgrade(self), self.limits.reference_wait);
        runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            let Some(core) = core.upgrade() else { return };
            let mut state = core.lock();
            let Some(arrivals) = &mut state.arrivals else { return };
            let refused = arrivals.give_up(place);
            core.await_turn(state, refused);
        });
    }

    /// Makes a request that waits for a stream of the server's, while any can come.
    pub(super) fn want_spare(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.arrivals.is_none() {
            return;
        }
        let ticket = state.register(self, Owner::Nobody);
        let refused = state.hand(Opening::new(ticket, None));
        drop(state);
        drop(refused);
    }

    /// Makes a request again.
    pub(super) fn open_again(&self, opening: Opening) {
        let mut state = self.lock();
        let refused = state.hand(opening);
        drop(state);
        drop(refused);
    }

    /// A request of the client's waits for a stream of ours. The client may keep only so many.
    pub(super) fn offer_spare(&self, most: usize) -> Option<oneshot::Receiver<Opening>> {
        let mut state = self.lock();
        let Some(Carriers::Server { spares, waiting }) = &mut state.carriers else { return None };
        spares.retain(|spare| !spare.is_closed());
        if spares.len() >= most {
            return None;
        }
        let (spare, given) = oneshot::channel();
        let given = match waiting.pop_front() {
            Some(opening) => spare.send(opening).map(|()| given),
            None => {
                spares.push_back(spare);
                return Some(given);
            }
        };
        drop(state);
        given.ok()
    }

    /// This side opens no more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if !state.is_closing {
            state.is_closing = true;
            let _over = self.control.send(Order::Close(state.opened));
        }
        self.settle(state);
    }

    /// Nor does the peer, who has opened so many.
    pub(super) fn closed_by_peer(&self, announced: u64) {
        self.lock().announced = Some(announced);
        self.close();
    }

    /// The peer was given time: what has not arrived by now never does, and who has not answered a close never will.
    pub(super) fn lose_patience(&self) {
        let mut state = self.lock();
        state.is_impatient = true;
        self.settle(state);
    }

    /// The control stream is lost, and why; once the session is over that counts no more.
    pub(super) fn lose(&self, why: &Error) {
        end(self.lock());
        self.tell(Err(why.clone()));
    }

    /// The first end counts.
    fn tell(&self, end: Result<(), Error>) {
        self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert(end);
            is_first
        });
    }

    /// Whether this side opens no more.
    pub(super) fn is_closing(&self) -> bool {
        let state = self.lock();
        state.is_closing || state.carriers.is_none()
    }

    /// From here on it is seen who reads.
    pub(super) fn begin_stall(&self) {
        for seat in self.lock().lanes.values() {
            let _so_far = seat.lane.unread();
        }
    }

    /// Time was given: of the streams that nobody has read since, the fullest go, until there is not too much.
    pub(super) fn end_stall(&self) {
        let state = self.lock();
        let lanes = state.lanes.values().map(|seat| Arc::clone(&seat.lane));
        let mut unread: Vec<_> = lanes.map(|lane| (lane.unread(), lane)).collect();
        drop(state);
        unread.retain(|(bytes, _)| *bytes > 0);
        unread.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (_, lane) in unread {
            if !self.held.is_too_much() {
                return;
            }
            lane.give_up();
        }
    }

    /// Asks for a sign of life.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let (ping, pong) = oneshot::channel();
        self.control.send(Order::Ping(ping)).map_err(|_over| Error::Closed)?;
        pong.await.map_err(|_over| Error::Closed)
    }

    /// Ends what nothing can come of any more.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        let all = |announced| state.is_impatient || state.arrived >= announced;
        let is_settled = state.is_closing && state.announced.map_or(state.is_impatient, all);
        if !is_settled {
            return;
        }
        state.arrivals = None;
        if state.own == 0 && state.theirs == 0 && state.carriers.is_some() {
            // Before whoever serves the control stream hears of it, who tells that it is lost.
            self.tell(Ok(()));
            let _over = self.control.send(Order::Finish);
            end(state);
        }
    }
}

impl State {
    fn register(&mut self, core: &Arc<Core>, owner: Owner) -> Ticket {
        let lane = Lane::new(core.limits.queue_bytes, &core.held);
        let key = self.next_lane;
        self.next_lane += 1;
        self.lanes.insert(key, Seat { lane: Arc::clone(&lane), owner });
        match owner {
            Owner::Own => self.own += 1,
            Owner::Theirs => self.theirs += 1,
            Owner::Nobody | Owner::Control => {}
        }
        let since = Instant::now();
        Ticket { core: Arc::clone(core), lane, key, owner, place: None, since }
    }

    /// Makes sure that there can be one more of an owner's. A stream that is over here, and whose peer does not end it, goes for it: the
    /// oldest such one.
    fn make_room(&mut self, owner: Owner, most: usize) -> Result<(), Error> {
        let count = if owner == Owner::Own { self.own } else { self.theirs };
        if count < most {
            return Ok(());
        }
        let is_left = |seat: &Seat| seat.owner == owner && seat.lane.is_left();
        let oldest = self.lanes.iter().find(|(_, seat)| is_left(seat)).map(|(key, _)| *key);
        let seat = oldest.and_then(|oldest| self.remove(oldest));
        let Seat { lane, .. } = seat.ok_or(Error::Limit("streams"))?;
        lane.reset(Reason::Cancelled);
        Ok(())
    }

    /// It counts no more.
    fn remove(&mut self, key: u64) -> Option<Seat> {
        let seat = self.lanes.remove(&key)?;
        match seat.owner {
            Owner::Own => self.own -= 1,
            Owner::Theirs => self.theirs -= 1,
            Owner::Nobody | Owner::Control => {}
        }
        Some(seat)
    }

    /// Gives a stream to whoever carries it; back where nobody does.
    fn hand(&mut self, mut opening: Opening) -> Option<Opening> {
        match &mut self.carriers {
            None => Some(opening),
            Some(Carriers::Client(requests)) => {
                requests.send(opening).err().map(|refused| refused.0)
            }
            Some(Carriers::Server { spares, waiting }) => {
                while let Some(spare) = spares.pop_front() {
                    match spare.send(opening) {
                        Ok(()) => return None,
                        // It was given up meanwhile.
                        Err(back) => opening = back,
                    }
                }
                waiting.push_back(opening);
                None
            }
        }
    }

    /// Counts one of the peer's.
    fn count_arrival(&mut self) -> Result<(), Error> {
        self.arrived += 1;
        if self.arrivals.is_none() { Err(Error::Closed) } else { Ok(()) }
    }
}

/// All that is left fails.
fn end(mut state: MutexGuard<'_, State>) {
    state.is_closing = true;
    state.arrivals = None;
    let carriers = state.carriers.take();
    let leave = state.leave.take();
    let lanes = std::mem::take(&mut state.lanes);
    drop(state);
    drop((carriers, leave));
    lanes.into_values().for_each(|seat| seat.lane.fail(Error::Closed));
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lane.fail(Error::Closed);
        let is_lost = !self.lane.is_done();
        if let Some(place) = self.place.filter(|_| is_lost) {
            // The peer may have seen it, or never will.
            let _over = self.core.control.send(Order::Lost(place));
        }
        let mut state = self.core.lock();
        let _seat = state.remove(self.key);
        self.core.settle(state);
        if self.owner == Owner::Nobody {
            self.replace_spare();
        }
    }
}

impl Ticket {
    /// A request that waited for a stream of the server's has failed: another one is made, though not at once where it was refused at once.
    fn replace_spare(&self) {
        let wait = SPARE_WAIT.saturating_sub(self.since.elapsed());
        let core = Arc::downgrade(&self.core);
        // Where no runtime is, no session goes on.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(core) = core.upgrade() {
                core.want_spare();
            }
        });
    }
}
