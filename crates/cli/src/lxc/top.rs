//! `top`: what containers use, again and again, as a table or as lines for a file.

use std::fmt::Write;
use std::time::Duration;

use engine::Engine;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::call::Call;
use super::figures::{Figures, figures, humane};
use super::ls::entries;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::terminal::{Raw, is_terminal};

const BATCH_HEAD: &str = "time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes";
/// Cursor home, and everything behind it gone. console_codes(4).
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

struct Row {
    name: String,
    figures: Figures,
}

pub(super) fn top(call: &Call) -> Result<i32, Failure> {
    let delay = match call.matches.value("delay") {
        None => Duration::from_secs(3),
        Some(text) => text
            .parse::<f64>()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| Failure::Words(format!("--delay {text:?} is no number of seconds")))?,
    };
    let key = call.matches.value("sort").unwrap_or("n");
    if !matches!(key, "n" | "c" | "b" | "m" | "s" | "k") {
        return Err(Failure::Words(format!("--sort {key:?} is none of n, c, b, m, s and k")));
    }
    let is_batch = call.matches.on("batch");
    if !is_batch && !is_terminal() {
        return Err(Failure::NoTerminal);
    }
    let engine = call.session.engine()?;
    let _raw = (!is_batch).then(Raw::enter_with_newlines).flatten();
    if is_batch {
        output::line(BATCH_HEAD);
    }
    loop {
        let mut rows = rows(call, &engine)?;
        sort(&mut rows, key, call.matches.on("reverse"));
        output::write(&if is_batch { batch(&rows) } else { table(&rows) })?;
        if !waits(delay, !is_batch) {
            return Ok(0);
        }
    }
}

/// Waits for the next look; false where somebody types `q` meanwhile, or nobody can.
fn waits(delay: Duration, listens: bool) -> bool {
    let time = Timespec {
        tv_sec: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: delay.subsec_nanos().into(),
    };
    let stdin = rustix::stdio::stdin();
    let mut polled = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
    let polled = if listens { &mut polled[..] } else { &mut [] };
    if poll(polled, Some(&time)).unwrap_or(0) == 0 {
        return true;
    }
    let mut key = [0_u8; 1];
    !matches!((rustix::io::read(stdin, &mut key[..]), key), (Ok(0) | Err(_), _) | (_, [b'q' | 3]))
}

fn rows(call: &Call, engine: &Engine) -> Result<Vec<Row>, Failure> {
    let running = entries(call, engine, false)?.into_iter().filter_map(|entry| {
        let known = entry.known.filter(super::states::is_active)?;
        Some(Row { figures: figures(engine, &known), name: entry.name })
    });
    Ok(running.collect())
}

/// By name upwards, by numbers downwards.
fn sort(rows: &mut [Row], key: &str, is_reversed: bool) {
    let number = |row: &Row| {
        let figures = &row.figures;
        match key {
            "c" => figures.cpu_ns,
            "b" => figures.block_bytes,
            "m" => figures.memory_bytes,
            "s" => figures.with_swap_bytes,
            "k" => figures.kernel_bytes,
            _ => None,
        }
        .unwrap_or(0)
    };
    rows.sort_by(|one, other| {
        number(other).cmp(&number(one)).then_with(|| one.name.cmp(&other.name))
    });
    if is_reversed {
        rows.reverse();
    }
}

fn batch(rows: &[Row]) -> String {
    let now = engine::now_ns() / 1_000_000;
    let mut text = String::new();
    for Row { name, figures } in rows {
        let numbers = [
            figures.cpu_ns,
            figures.system_ticks,
            figures.user_ticks,
            figures.block_bytes,
            figures.block_operations,
            figures.memory_bytes,
            figures.with_swap_bytes,
            figures.kernel_bytes,
        ];
        let numbers = numbers.map(|number| number.unwrap_or(0).to_string());
        let _infallible = writeln!(text, "{now},{},{}", plain(name), numbers.join(","));
    }
    text
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{CLEAR}{:20} {:>12} {:>12} {:>12} {:>12} {:>12} {:>12}\n",
        "Container", "CPU s", "System s", "User s", "BlkIO", "Memory", "KMem"
    );
    let seconds = |ticks: Option<u64>| {
        let ticks = ticks.unwrap_or(0);
        format!("{}.{:02}", ticks / 100, ticks % 100)
    };
    let size = |bytes: Option<u64>| humane(bytes.unwrap_or(0));
    for Row { name, figures } in rows {
        let _infallible = writeln!(
            text,
            "{:20} {:>12} {:>12} {:>12} {:>12} {:>12} {:>12}",
            plain(name),
            seconds(figures.cpu_ns.map(|ns| ns / 10_000_000)),
            seconds(figures.system_ticks),
            seconds(figures.user_ticks),
            size(figures.block_bytes),
            size(figures.memory_bytes),
            size(figures.kernel_bytes),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_a_key() {
        let row = |name: &str, cpu_ns| Row {
            name: name.to_owned(),
            figures: Figures { cpu_ns: Some(cpu_ns), ..Figures::default() },
        };
        let mut rows = vec![row("b", 1), row("a", 1), row("c", 5)];
        let names = |rows: &[Row]| rows.iter().map(|row| row.name.clone()).collect::<String>();
        sort(&mut rows, "n", false);
        assert_eq!(names(&rows), "abc");
        sort(&mut rows, "c", false);
        assert_eq!(names(&rows), "cab");
        sort(&mut rows, "n", true);
        assert_eq!(names(&rows), "cba");
    }
}
