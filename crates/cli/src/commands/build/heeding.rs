//! Signals during a build: the first one ends it in order, a second one ends this program at once. Start at [`heeding`].

use rustix::event::{PollFd, PollFlags, poll};

use build::Cancel;

use crate::output;
use crate::signals::{Held, Order};

/// Works while another thread listens for signals. `stop` is called for the first one, whose number comes with what the work gives.
pub(super) fn heeding<T>(
    held: Held,
    stop: &(dyn Fn() + Sync),
    work: impl FnOnce() -> T,
) -> (T, Option<i32>) {
    // Only a descriptor that becomes readable.
    let Ok(over) = Cancel::new() else {
        held.release();
        return (work(), None);
    };
    std::thread::scope(|scope| {
        let ending = Ending(over.clone());
        let over = &over;
        let listening = scope.spawn(move || listen(held, over, stop));
        let done = work();
        drop(ending);
        // It has nothing that could panic.
        let (held, number) = listening.join().unwrap_or((None, None));
        if let Some(held) = held {
            held.release();
        }
        (done, number)
    })
}

/// Tells the thread that the work is done, whatever became of it.
struct Ending(Cancel);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Until the work is done; what is still held after it, and the first signal.
fn listen(held: Held, over: &Cancel, stop: &(dyn Fn() + Sync)) -> (Option<Held>, Option<i32>) {
    loop {
        let Some(signals) = held.as_fd() else { return (Some(held), None) };
        let mut ready =
            [PollFd::from_borrowed_fd(signals, PollFlags::IN), PollFd::new(over, PollFlags::IN)];
        let polled = rustix::io::retry_on_intr(|| poll(&mut ready, None));
        let has_signal = ready.first().is_some_and(|fd| !fd.revents().is_empty());
        if polled.is_err() || !has_signal {
            return (Some(held), None);
        }
        if let Some(Order::End(number) | Order::PassOn(number)) = held.next() {
            output::talk("cancelling; once more ends at once");
            stop();
            // From here on this thread takes signals as they come: the next one ends the program.
            held.release();
            let mut ready = [PollFd::new(over, PollFlags::IN)];
            let _done = rustix::io::retry_on_intr(|| poll(&mut ready, None));
            return (None, Some(number));
        }
    }
}
