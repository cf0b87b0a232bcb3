//! Whether the peer is still there: a connection on which nothing comes is asked by a PING, and given up when still nothing comes.
//! Never reads or writes. SPDY draft 3, section 2.6.5.

use std::task::Context;
use std::time::Duration;

use crate::driver::{Sleep, Timer};

/// What is known of it.
pub(crate) struct Alive {
    /// How long nothing may come.
    interval: Option<Duration>,
    /// Until the interval is over.
    sleep: Option<Sleep>,
    /// Whether anything has come in it, and whether it was asked for.
    heard: bool,
    asked: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    Nothing,
    Ask,
    GiveUp,
}

impl Alive {
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self { interval, sleep: None, heard: false, asked: false }
    }

    /// Something has come, or nothing is being read.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    pub(crate) fn poll(&mut self, timer: &Timer, context: &mut Context<'_>) -> Do {
        let Some(interval) = self.interval else { return Do::Nothing };
        loop {
            let sleep = self.sleep.get_or_insert_with(|| timer.sleep(interval));
            if sleep.as_mut().poll(context).is_pending() {
                return Do::Nothing;
            }
            self.sleep = None;
            if std::mem::take(&mut self.heard) {
                self.asked = false;
            } else if std::mem::replace(&mut self.asked, true) {
                return Do::GiveUp;
            } else {
                return Do::Ask;
            }
        }
    }
}
