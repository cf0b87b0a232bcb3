//! Times: RFC 3339 as text, seconds since 1970 as numbers.

use std::collections::BTreeMap;

use super::{Arguments, Native};
use crate::number::Number;
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("formatdate", 2, 2, |arguments| {
        format(&arguments.text(0)?, &Time::read(&arguments.text(1)?)?).map(Value::Text)
    }),
    ("formattimestamp", 2, 2, |arguments| {
        let time = if let Value::Number(_) = arguments.value(1) {
            Time::at(seconds(arguments, 1)?)
        } else {
            Time::read(&arguments.text(1)?)?
        };
        match arguments.text(0)?.as_str() {
            "X" => Ok(Value::Text(time.seconds.to_string())),
            pattern => format(pattern, &time).map(Value::Text),
        }
    }),
    ("timeadd", 2, 2, |arguments| {
        let time = Time::read(&arguments.text(0)?)?;
        let nanoseconds = duration(&arguments.text(1)?)?;
        let sum =
            i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds) + nanoseconds;
        let seconds = i64::try_from(sum.div_euclid(1_000_000_000)).or(Err("it is too far"))?;
        Ok(Value::Text(Time { seconds, nanoseconds: 0, ..time }.show()))
    }),
    ("timestamp", 0, 0, |arguments| Ok(Value::Text(Time::at(arguments.machine.now).show()))),
    ("unixtimestampparse", 1, 1, |arguments| Ok(parts(&Time::at(seconds(arguments, 0)?)))),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY: i64 = 86_400;
/// Beyond these years nothing is written in four digits.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// A moment, and how far its clock is ahead of UTC.
#[derive(Clone, Copy)]
struct Time {
    seconds: i64,
    nanoseconds: u32,
    offset: i64,
}

/// A moment on its clock.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    /// From Sunday.
    weekday: i64,
    /// From one.
    year_day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

fn seconds(arguments: &Arguments<'_>, at: usize) -> Result<i64, String> {
    let seconds = i64::try_from(arguments.whole(at)?).ok();
    seconds.filter(|at| (FIRST..=LAST).contains(at)).ok_or_else(|| "it is too far".to_owned())
}

impl Time {
    fn at(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0, offset: 0 }
    }

    /// `2006-01-02T15:04:05.999+07:00`.
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time as RFC 3339 has them");
        let field = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let sign = |at: usize, wanted: &str| {
            text.get(at..=at).filter(|found| wanted.contains(found)).map(|_| ())
        };
        let read = || -> Option<(i64, &str)> {
            sign(4, "-")?;
            sign(7, "-")?;
            sign(10, "Tt")?;
            sign(13, ":")?;
            sign(16, ":")?;
            let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
            let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
            let is_sound = (1..=12).contains(&month)
                && (1..=month_length(year, month)).contains(&day)
                && hour < 24
                && minute < 60
                && second < 60;
            let clock = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
            is_sound.then_some((clock, text.get(19..)?))
        };
        let (clock, rest) = read().ok_or_else(wrong)?;
        let (nanoseconds, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(fraction) => {
                let end = fraction.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(0);
                let (digits, zone) = fraction.split_at(end);
                let padded = format!("{digits:0<9}");
                let nanoseconds = padded.get(..9).and_then(|digits| digits.parse().ok());
                (nanoseconds.filter(|_| end > 0).ok_or_else(wrong)?, zone)
            }
        };
        let offset = zone_offset(zone).ok_or_else(wrong)?;
        Ok(Self { seconds: clock - offset, nanoseconds, offset })
    }

    fn show(&self) -> String {
        format("YYYY-MM-DD'T'hh:mm:ssZ", self).unwrap_or_default()
    }

    /// Days to dates in eras of 400 years, which begin in March: then a leap day is the last one.
    fn civil(&self) -> Civil {
        let clock = self.seconds + self.offset;
        let (day_number, rest) = (clock.div_euclid(DAY), clock.rem_euclid(DAY));
        let shifted = day_number + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil {
            year,
            month,
            day,
            weekday: (day_number + 4).rem_euclid(7),
            year_day: day_number - days(year, 1, 1) + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

/// Days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn month_length(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// `Z` or `+07:00`.
fn zone_offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u32>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

/// By a pattern: runs of a letter are parts of the time, other letters stand in single quotes.
fn format(pattern: &str, time: &Time) -> Result<String, String> {
    let civil = time.civil();
    let mut out = String::new();
    let letters: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        if letter == '\'' {
            at += 1;
            loop {
                match (letters.get(at), letters.get(at + 1)) {
                    (Some('\''), Some('\'')) => {
                        out.push('\'');
                        at += 2;
                    }
                    (Some('\''), _) => {
                        at += 1;
                        break;
                    }
                    (Some(other), _) => {
                        out.push(*other);
                        at += 1;
                    }
                    (None, _) => return Err("a quote of the pattern is not closed".to_owned()),
                }
            }
            continue;
        }
        let run = letters.iter().skip(at).take_while(|other| **other == letter).count();
        at += run;
        if letter.is_ascii_alphabetic() {
            let part = part(letter, run, &civil, time.offset);
            out.push_str(&part.ok_or_else(|| {
                format!("{} means no part of a time", letter.to_string().repeat(run.min(8)))
            })?);
        } else {
            out.extend(std::iter::repeat_n(letter, run));
        }
    }
    Ok(out)
}

fn part(letter: char, run: usize, civil: &Civil, offset: i64) -> Option<String> {
    let name = |names: &[&str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).map(|name| (*name).to_owned())
    };
    let short = |name: Option<String>| name.map(|name| name.chars().take(3).collect::<String>());
    let two = |number: i64| Some(format!("{number:02}"));
    let plain = |number: i64| Some(number.to_string());
    let twelve = (civil.hour + 11) % 12 + 1;
    let zone = |colon: &str| {
        let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        format!("{sign}{:02}{colon}{:02}", offset / 3600, offset / 60 % 60)
    };
    match (letter, run) {
        ('Y', 4) => Some(format!("{:04}", civil.year)),
        ('Y', 2) => two(civil.year.rem_euclid(100)),
        ('M', 4) => name(&MONTHS, civil.month - 1),
        ('M', 3) => short(name(&MONTHS, civil.month - 1)),
        ('M', 2) => two(civil.month),
        ('M', 1) => plain(civil.month),
        ('D', 2) => two(civil.day),
        ('D', 1) => plain(civil.day),
        ('E', 4) => name(&DAYS, civil.weekday),
        ('E', 3) => short(name(&DAYS, civil.weekday)),
        ('h', 2) => two(civil.hour),
        ('h', 1) => plain(civil.hour),
        ('H', 2) => two(twelve),
        ('H', 1) => plain(twelve),
        ('A', 2) => Some(if civil.hour < 12 { "AM" } else { "PM" }.to_owned()),
        ('a', 2) => Some(if civil.hour < 12 { "am" } else { "pm" }.to_owned()),
        ('m', 2) => two(civil.minute),
        ('m', 1) => plain(civil.minute),
        ('s', 2) => two(civil.second),
        ('s', 1) => plain(civil.second),
        ('Z', 5) => Some(zone(":")),
        ('Z', 4) => Some(zone("")),
        ('Z', 3) => Some(if offset == 0 { "UTC".to_owned() } else { zone("") }),
        ('Z', 1) => Some(if offset == 0 { "Z".to_owned() } else { zone(":") }),
        _ => None,
    }
}

/// `1h30m`, `-1.5s`, in nanoseconds.
fn duration(text: &str) -> Result<i128, String> {
    let wrong = || format!("{text:?} is no duration");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let mut sum = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, unit) = rest.split_at(end.ok_or_else(wrong)?);
        let length = unit.find(|letter: char| letter.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, next) = unit.split_at(length);
        let factor: f64 = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(wrong()),
        };
        let value = number.parse::<f64>().or(Err(wrong()))? * factor;
        if value > 1e19 {
            return Err(wrong());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is below 10¹⁹")]
        let value = value.round() as i128;
        sum += value;
        rest = next;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(sign * sum) }
}

fn parts(time: &Time) -> Value {
    let civil = time.civil();
    // The week belongs to the year that has its Thursday. ISO 8601.
    let thursday = time.seconds + (4 - (civil.weekday + 6) % 7 - 1) * DAY;
    let week = Time::at(thursday).civil();
    let number = |value: i64| Value::Number(Number::Whole(value.into()));
    let name = |names: &[&str], at: i64| {
        Value::text(usize::try_from(at).ok().and_then(|at| names.get(at)).unwrap_or(&""))
    };
    let members = [
        ("year", number(civil.year)),
        ("year_day", number(civil.year_day)),
        ("day", number(civil.day)),
        ("month", number(civil.month)),
        ("month_name", name(&MONTHS, civil.month - 1)),
        ("weekday", number(civil.weekday)),
        ("weekday_name", name(&DAYS, civil.weekday)),
        ("hour", number(civil.hour)),
        ("minute", number(civil.minute)),
        ("second", number(civil.second)),
        ("rfc3339", Value::Text(time.show())),
        ("iso_year", number(week.year)),
        ("iso_week", number((week.year_day - 1) / 7 + 1)),
    ];
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Map(members.collect::<BTreeMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let time = Time::read("2024-02-29T23:59:58.5+02:00").unwrap();
        assert_eq!(time.seconds, 1_709_243_998);
        assert_eq!(time.show(), "2024-02-29T23:59:58+02:00");
        assert_eq!(
            format("EEE, DD MMM YYYY 'o''clock' H:mm AA ZZZZ", &time).unwrap(),
            "Thu, 29 Feb 2024 o'clock 11:59 PM +0200"
        );
        assert!(Time::read("2023-02-29T00:00:00Z").is_err() && Time::read("2023-02-28").is_err());
        assert!(format("QQ", &time).is_err() && format("'x", &time).is_err());
    }

    #[test]
    fn weeks_belong_to_the_year_of_their_thursday() {
        for (text, wanted) in [
            ("2021-01-03T00:00:00Z", (2020, 53)),
            ("2024-12-30T12:00:00Z", (2025, 1)),
            ("1970-01-01T00:00:00Z", (1970, 1)),
        ] {
            let Value::Map(members) = parts(&Time::read(text).unwrap()) else { panic!() };
            let number = |name: &str| members[name].as_number().unwrap().as_whole().unwrap();
            assert_eq!((number("iso_year"), number("iso_week")), wanted, "{text}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(duration("-1.5s"), Ok(-1_500_000_000));
        assert!(duration("1").is_err() && duration("").is_err() && duration("1x").is_err());
    }
}
