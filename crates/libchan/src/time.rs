//! Moments, as messages have them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::msgpack::extension::{self, TIME};

/// A moment, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since 1970-01-01 in UTC; before it less than zero.
    pub seconds: i64,
    /// Nanoseconds after that second, less than a thousand million.
    pub nanoseconds: u32,
}

impl Time {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self { seconds: seconds(after), nanoseconds: after.subsec_nanos() },
            Err(error) => {
                let before = error.duration();
                match before.subsec_nanos() {
                    0 => Self { seconds: -seconds(before), nanoseconds: 0 },
                    part => {
                        Self { seconds: -seconds(before) - 1, nanoseconds: 1_000_000_000 - part }
                    }
                }
            }
        }
    }
}

impl TryFrom<Time> for SystemTime {
    type Error = OutOfRange;

    fn try_from(time: Time) -> Result<Self, OutOfRange> {
        let whole = Duration::from_secs(time.seconds.unsigned_abs());
        let second = if time.seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)
        } else {
            UNIX_EPOCH.checked_add(whole)
        };
        second
            .and_then(|second| second.checked_add(Duration::from_nanos(time.nanoseconds.into())))
            .ok_or(OutOfRange)
    }
}

/// A moment that the system's clock cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time is beyond what the system's clock tells")]
pub struct OutOfRange;

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut payload = [0; 12];
        payload[..8].copy_from_slice(&self.seconds.to_be_bytes());
        payload[8..].copy_from_slice(&self.nanoseconds.to_be_bytes());
        extension::serialize(serializer, TIME, &payload)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(extension::NAME, TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time")
    }

    fn visit_bytes<E: Error>(self, coded: &[u8]) -> Result<Time, E> {
        of_extension(coded).ok_or_else(|| E::custom("extension is no time"))
    }
}

/// The moment that an extension is, the code first.
pub(crate) fn of_extension(coded: &[u8]) -> Option<Time> {
    let payload: &[u8; 12] = coded.strip_prefix(&[TIME.cast_unsigned()])?.try_into().ok()?;
    let nanoseconds = u32::from_be_bytes(*payload.last_chunk()?);
    let seconds = i64::from_be_bytes(*payload.first_chunk()?);
    (nanoseconds < 1_000_000_000).then_some(Time { seconds, nanoseconds })
}
