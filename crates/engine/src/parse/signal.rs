//! Signals by name and number. Source: signal(7), x86 and ARM numbers.

use crate::error::EngineError;

#[rustfmt::skip]
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
    "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
/// The C library keeps the first two real-time signals to itself.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// The number of a signal: `9`, `KILL`, `SIGKILL`, `SIGRTMIN+3`, `RTMAX-1`, in either case.
///
/// # Errors
/// When there is no such signal.
pub fn signal_number(text: &str) -> Result<i32, EngineError> {
    let unknown = || EngineError::value("signal", text, "there is no such signal");
    if let Ok(number) = text.parse::<i32>() {
        return if (1..=RTMAX).contains(&number) { Ok(number) } else { Err(unknown()) };
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(place) = NAMES.iter().position(|known| *known == name) {
        return Ok(i32::try_from(place).unwrap_or(0) + 1);
    }
    let real_time = match name {
        "IOT" => Some(6),
        "POLL" => Some(29),
        "CLD" => Some(17),
        "RTMIN" => Some(RTMIN),
        "RTMAX" => Some(RTMAX),
        _ => {
            let plus = name
                .strip_prefix("RTMIN+")
                .and_then(|offset| offset.parse::<i32>().ok())
                .map(|offset| RTMIN + offset);
            plus.or_else(|| {
                name.strip_prefix("RTMAX-")
                    .and_then(|offset| offset.parse::<i32>().ok())
                    .map(|offset| RTMAX - offset)
            })
        }
    };
    real_time.filter(|number| (1..=RTMAX).contains(number)).ok_or_else(unknown)
}

/// `SIGTERM` for 15; real-time signals by their number.
#[must_use]
pub fn signal_name(number: i32) -> String {
    let place = usize::try_from(number - 1).ok();
    place
        .and_then(|place| NAMES.get(place))
        .map_or_else(|| number.to_string(), |name| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, want) in [
            ("9", 9),
            ("kill", 9),
            ("SIGTERM", 15),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
            ("sigsys", 31),
        ] {
            assert_eq!(signal_number(text).unwrap(), want, "{text}");
        }
        for bad in ["0", "65", "SIGNOTHING", "", "RTMIN+99"] {
            assert!(signal_number(bad).is_err(), "{bad}");
        }
        assert_eq!(signal_name(15), "SIGTERM");
    }
}
