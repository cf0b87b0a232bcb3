//! Times, durations and sizes in the words that Docker uses.

pub(crate) use engine::times::{duration_ns, time_ns};
pub(crate) use engine::words::{duration, now, seconds_of};

/// A time that an image has, without its fractions.
pub(crate) fn whole_seconds(rfc3339: &str) -> String {
    let time = jiff::Timestamp::from_second(seconds_of(rfc3339));
    time.map_or_else(|_out_of_range| rfc3339.to_owned(), |time| time.to_string())
}

/// A time as Go writes it, in the zone of the caller: `2026-11-24 12:19:55 +0000 UTC`.
pub(crate) fn local_time(seconds: i64) -> String {
    let zoned = jiff::Timestamp::from_second(seconds)
        .map(|time| time.to_zoned_datetime(jiff::tz::TimeZone::system()));
    zoned.map_or_else(
        |_out_of_range| String::new(),
        |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string(),
    )
}

/// A time with nine digits of its second in the zone of the caller, as Docker writes it: `2026-11-24T12:19:55.000000000Z`.
pub(crate) fn zoned_nanoseconds(time_ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(time_ns.into())
        .map(|time| time.to_zoned_datetime(jiff::tz::TimeZone::system()));
    let zoned = match time {
        Ok(time) => time,
        Err(_out_of_range) => return String::new(),
    };
    let offset = if zoned.offset().is_zero() { "Z" } else { "%:z" };
    zoned.strftime(&format!("%Y-%m-%dT%H:%M:%S.%9f{offset}")).to_string()
}

/// The beginning of an id, as people are shown it; a name stays whole.
pub(crate) fn short(id: &str) -> &str {
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.get(..12).filter(|_| is_id).unwrap_or(id)
}

/// "1.5GiB": powers of 1024, as Docker tells memory.
pub(crate) fn memory(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 || unit == "TiB" {
            // Four digits, without zeros at the end: Go's %.4g.
            let digits = if value >= 1000.0 {
                0
            } else if value >= 100.0 {
                1
            } else if value >= 10.0 {
                2
            } else {
                3
            };
            let text = format!("{value:.digits$}");
            let text =
                if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            return format!("{text}{unit}");
        }
        value /= 1024.0;
    }
    String::new()
}

/// "12.3MB": powers of 1000, three or four digits.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB", "TB", "PB"] {
        if value < 1000.0 || unit == "PB" {
            let digits = if unit == "B" || value >= 100.0 {
                0
            } else if value >= 10.0 {
                1
            } else {
                2
            };
            let text = format!("{value:.digits$}");
            let text =
                if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            return format!("{text}{unit}");
        }
        value /= 1000.0;
    }
    format!("{bytes}B")
}

/// At most so many characters, the last of which says that there are more.
pub(crate) fn truncate(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A time as [`time_ns`] reads it, in the form of the log.
pub(crate) fn log_time(text: &str) -> Option<String> {
    time_ns(text).map(engine::format_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_dockers() {
        for (seconds, words) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (180, "3 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (86_400 * 3, "3 days"),
            (86_400 * 20, "2 weeks"),
            (86_400 * 90, "3 months"),
            (86_400 * 800, "2 years"),
        ] {
            assert_eq!(duration(seconds), words);
        }
        for (bytes, words) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1kB"),
            (1_230_000, "1.23MB"),
            (77_800_000, "77.8MB"),
            (449_000_000, "449MB"),
        ] {
            assert_eq!(size(bytes), words);
        }
        assert_eq!(log_time("0").as_deref(), Some("1970-01-01T00:00:00.000000000Z"));
    }
}
