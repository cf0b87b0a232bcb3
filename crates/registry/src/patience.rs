//! How long is waited before the next try: the server's wish where it has one, else longer each time, with a random part so that
//! many clients do not come back at once.
//!
//! Never sleeps blindly: a wait ends when the client is told to stop. Start at [`Patience::wait`]. Source: RFC 9110 section 10.2.3.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::client::TransferLimits;

/// Waits of a client.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Patience {
    /// Waits; whether it makes sense to go on.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(stopped, time, |stopped| !*stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the client was told to stop: then connections break because they were ended.
    pub(crate) fn is_over(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every wait, now and in future.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }
}

/// The wait after try number `tried`, which counts from 1.
pub(crate) fn wait_after(tried: u32, wish: Option<Duration>, limits: &TransferLimits) -> Duration {
    if let Some(wish) = wish {
        return wish.min(limits.most_wait);
    }
    let factor = 1_u32.checked_shl(tried.saturating_sub(1)).unwrap_or(u32::MAX);
    let most = limits.first_wait.saturating_mul(factor).min(limits.most_wait);
    // Between half of it and all of it.
    most.mul_f64(0.5 + 0.5 * random())
}

/// Something between 0 and 1; how random it is matters to nobody's security.
fn random() -> f64 {
    let mut bytes = [0_u8; 4];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

/// Reads `Retry-After`: seconds or a date.
pub(crate) fn retry_after(value: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    let left = date.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

/// A wait in words.
pub(crate) fn in_words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", time.as_secs() + u64::from(time.subsec_millis() >= 500))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_heard_within_reason() {
        let now: jiff::Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let wish = |text| retry_after(text, now);
        assert_eq!(wish("120"), Some(Duration::from_secs(120)));
        assert_eq!(wish("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(wish("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wish("soon"), None);
        let limits = TransferLimits::default();
        assert_eq!(wait_after(1, wish("120"), &limits), Duration::from_secs(60));
    }

    #[test]
    fn waits_double() {
        let limits = TransferLimits::default();
        for (tried, least, most) in
            [(1, 250, 500), (2, 500, 1000), (5, 4000, 8000), (40, 30_000, 60_000)]
        {
            let wait = wait_after(tried, None, &limits).as_millis();
            assert!((least..=most).contains(&wait), "{tried}: {wait}");
        }
    }

    #[test]
    fn a_wait_ends_when_the_client_stops() {
        let patience = Patience::default();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| patience.wait(Duration::from_secs(3600)));
            assert!(!patience.is_over());
            patience.stop();
            assert!(patience.is_over());
            assert!(!waiter.join().unwrap());
        });
    }
}
