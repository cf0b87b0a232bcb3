//! `idmap=uids=0-1000-10#20-2000-1;gids=@0-1000-10`, as Podman and crun write ranges of ids.

use crate::config::{IdRange, IdRanges};

/// What the kernel takes for one map: user_namespaces(7), "Defining user and group ID mappings".
const MOST_RANGES: usize = 340;

/// The ranges, or what is wrong with them.
pub(super) fn id_ranges(text: &str) -> Result<IdRanges, String> {
    let mut ranges = IdRanges::default();
    for part in text.split(';') {
        let of = match part.split_once('=') {
            Some(("uids", list)) => (&mut ranges.uids, list),
            Some(("gids", list)) => (&mut ranges.gids, list),
            _ => return Err(format!("{part:?} is neither uids=... nor gids=...")),
        };
        let (known, list) = of;
        if !known.is_empty() {
            return Err(format!("{part:?} comes twice"));
        }
        *known = list.split('#').map(range).collect::<Result<_, _>>()?;
        check(known)?;
    }
    Ok(ranges)
}

/// `[@]FILE-HOST-COUNT`.
fn range(text: &str) -> Result<IdRange, String> {
    let wrong = |why: &str| format!("the range {text:?} {why}");
    let (relative, numbers) =
        text.strip_prefix('@').map_or((false, text), |numbers| (true, numbers));
    let numbers: Vec<&str> = numbers.split('-').collect();
    let [file, host, count] = numbers.as_slice() else {
        return Err(wrong("is not of the form FIRST-FIRST-COUNT"));
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| {
        if !is_number(text) {
            return Err(wrong("is not of the form FIRST-FIRST-COUNT"));
        }
        text.parse::<u32>().map_err(|_large| wrong("has a number beyond 4294967295"))
    };
    let range =
        IdRange { file: number(file)?, host: number(host)?, count: number(count)?, relative };
    if range.count == 0 {
        return Err(wrong("is empty"));
    }
    // The last number of all is no id: it stands for none.
    if [range.file, range.host].iter().any(|first| first.checked_add(range.count).is_none()) {
        return Err(wrong("goes beyond the last id, 4294967294"));
    }
    Ok(range)
}

fn check(ranges: &[IdRange]) -> Result<(), String> {
    if ranges.len() > MOST_RANGES {
        return Err(format!("{} ranges are more than the kernel's {MOST_RANGES}", ranges.len()));
    }
    for first in [|range: &IdRange| range.file, |range: &IdRange| range.host] {
        let mut sorted: Vec<&IdRange> = ranges.iter().collect();
        sorted.sort_by_key(|range| first(range));
        for pair in sorted.windows(2) {
            if let [low, high] = pair
                && first(low) + low.count > first(high)
            {
                let text =
                    |range: &IdRange| format!("{}-{}-{}", range.file, range.host, range.count);
                return Err(format!("the ranges {} and {} overlap", text(low), text(high)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back_as_they_were_written() {
        for text in
            ["uids=0-1000-10", "uids=0-1-10#10-11-10;gids=0-100-10", "gids=@0-7-1#4294967294-5-1"]
        {
            assert_eq!(id_ranges(text).unwrap().to_string(), text);
        }
        let [uids, gids] = id_ranges("uids=0-1000-10").unwrap().mappings();
        assert_eq!((uids[0].container_id, uids[0].host_id, uids[0].size), (0, 1000, 10));
        assert_eq!((gids[0].container_id, gids[0].host_id, gids[0].size), (0, 0, u32::MAX));
    }

    #[test]
    fn wrong_ranges_are_refused_by_name() {
        let many = |count: u32| {
            let ranges: Vec<String> = (0..count).map(|id| format!("{id}-{id}-1")).collect();
            format!("uids={}", ranges.join("#"))
        };
        assert!(id_ranges(&many(340)).is_ok());
        for (text, part) in [
            ("uids=0-0-0", "is empty"),
            ("uids=0-1-10#5-100-10", "0-1-10 and 5-100-10 overlap"),
            ("gids=0-1-10#50-10-10", "0-1-10 and 50-10-10 overlap"),
            ("uids=0-4294967296-1", "beyond 4294967295"),
            ("uids=0-4294967295-1", "beyond the last id"),
            ("uids=4294967290-0-6", "beyond the last id"),
            ("uids=0-1", "FIRST-FIRST-COUNT"),
            ("uids=0--1-1", "FIRST-FIRST-COUNT"),
            ("uids=+0-1-1", "FIRST-FIRST-COUNT"),
            ("uids=", "FIRST-FIRST-COUNT"),
            ("uids=0-1-1;uids=5-5-1", "comes twice"),
            ("both=0-1-1", "neither"),
            ("", "neither"),
            (&many(341), "341 ranges"),
        ] {
            let told = id_ranges(text).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        }
    }
}
