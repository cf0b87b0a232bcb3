//! Times as people write them: RFC 3339, seconds since 1970, or how long ago. Source: Docker's documentation of `--since` and `--until`.

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
const HOUR_NS: i64 = 60 * MINUTE_NS;

/// A time that people wrote: RFC 3339 with or without a zone, seconds since 1970, or a duration back from now (`10m`), in
/// nanoseconds since 1970.
#[must_use]
pub fn time_ns(text: &str) -> Option<i64> {
    let now = monitor::now_ns();
    if let Some(duration) = duration_ns(text) {
        return Some(now.saturating_sub(duration));
    }
    if let Some((seconds, nanoseconds)) = text.split_once('.').or(Some((text, "0")))
        && let (Ok(seconds), Ok(_)) = (seconds.parse::<i64>(), nanoseconds.parse::<u64>())
    {
        let nanoseconds: i64 = format!("{nanoseconds:0<9}").get(..9)?.parse().ok()?;
        return seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds);
    }
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let local = || {
        text.parse::<jiff::civil::DateTime>()
            .ok()?
            .to_zoned_datetime(jiff::tz::TimeZone::system())
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    let timestamp = zoned.or_else(local)?;
    // What is beyond the year 2262 has not come yet.
    let nanoseconds = timestamp.as_nanosecond();
    Some(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX }))
}

/// `1h30m`, `1.5h`, `-300ms`, in nanoseconds. As Go's time.ParseDuration.
#[must_use]
pub fn duration_ns(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i64;
    while !rest.is_empty() {
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
        let (number, after) = rest.split_at(rest.find(|letter| !is_number(letter))?);
        let end = after.find(is_number).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit: i64 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND_NS,
            "m" => MINUTE_NS,
            "h" => HOUR_NS,
            _ => return None,
        };
        total = total.checked_add(times(number, unit)?)?;
        rest = after;
    }
    Some(sign * total)
}

/// A decimal number of units.
fn times(number: &str, unit: i64) -> Option<i64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in part.chars() {
        place /= 10;
        total = total.checked_add(i64::from(digit.to_digit(10)?) * place)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_dates_and_durations() {
        for (text, ns) in [
            ("0", Some(0)),
            ("1.5", Some(1_500_000_000)),
            ("1970-01-01T00:00:01Z", Some(1_000_000_000)),
            ("2999-01-01T00:00:00Z", Some(i64::MAX)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(time_ns(text), ns, "{text}");
        }
        let ago = time_ns("1h30m").unwrap_or_default();
        let now = monitor::now_ns();
        assert!(ago <= now - 5_400_000_000_000 && ago > now - 5_500_000_000_000);
    }
}
