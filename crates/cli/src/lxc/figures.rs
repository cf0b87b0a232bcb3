//! What a container uses, from the files of its control groups, and as LXC writes it.

use engine::{Container, Engine};

/// Numbers; nothing where the machine does not count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) cpu_ns: Option<u64>,
    pub(super) user_ticks: Option<u64>,
    pub(super) system_ticks: Option<u64>,
    pub(super) block_bytes: Option<u64>,
    pub(super) block_operations: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) with_swap_bytes: Option<u64>,
    pub(super) kernel_bytes: Option<u64>,
}

/// Of a container that runs.
pub(super) fn figures(engine: &Engine, container: &Container) -> Figures {
    let text = |name: &str| {
        let bytes = engine.containers().read_group_file(container, name).ok()?;
        String::from_utf8(bytes).ok()
    };
    let number = |name: &str| text(name)?.trim().parse().ok();
    let field = |text: &Option<String>, name: &str| -> Option<u64> {
        let line = text.as_ref()?.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    let cpu = number("cpuacct.usage");
    let stat = if cpu.is_some() { text("cpuacct.stat") } else { text("cpu.stat") };
    // Version 2 counts microseconds; ticks are hundredths of a second.
    let micro = |name: &str| field(&stat, name).map(|microseconds| microseconds / 10_000);
    let swap = || number("memory.swap.current");
    let memory = number("memory.usage_in_bytes").or_else(|| number("memory.current"));
    let io = || text("io.stat");
    Figures {
        cpu_ns: cpu.or_else(|| field(&stat, "usage_usec ").map(|used| used.saturating_mul(1000))),
        user_ticks: field(&stat, "user ").or_else(|| micro("user_usec ")),
        system_ticks: field(&stat, "system ").or_else(|| micro("system_usec ")),
        block_bytes: text("blkio.throttle.io_service_bytes").map_or_else(
            || io().map(|text| sum(&text, &["rbytes=", "wbytes="])),
            |text| total(&text),
        ),
        block_operations: text("blkio.throttle.io_serviced")
            .map_or_else(|| io().map(|text| sum(&text, &["rios=", "wios="])), |text| total(&text)),
        memory_bytes: memory,
        with_swap_bytes: number("memory.memsw.usage_in_bytes")
            .or_else(|| Some(memory?.saturating_add(swap()?))),
        kernel_bytes: number("memory.kmem.usage_in_bytes"),
    }
}

/// The last line of version 1's files of block devices.
fn total(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("Total "))?.trim().parse().ok()
}

fn sum(text: &str, names: &[&str]) -> u64 {
    let words = text.split_whitespace();
    let numbers = words.filter_map(|word| names.iter().find_map(|name| word.strip_prefix(name)));
    numbers.filter_map(|number| number.parse::<u64>().ok()).fold(0, u64::saturating_add)
}

/// A size as LXC writes it for people: two digits behind the point, in the largest unit that it reaches.
pub(super) fn humane(bytes: u64) -> String {
    let unit = |name: &str, shift: u32| {
        let rest = bytes & ((1 << shift) - 1);
        let hundredths = ((rest >> (shift - 10)) * 100) >> 10;
        format!("{}.{hundredths:02} {name}", bytes >> shift)
    };
    match bytes {
        bytes if bytes > 1 << 40 => unit("TiB", 40),
        bytes if bytes > 1 << 30 => unit("GiB", 30),
        bytes if bytes > 1 << 20 => unit("MiB", 20),
        bytes if bytes > 1 << 10 => unit("KiB", 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_lxc_does() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1024, "1024 bytes"),
            (475_136, "464.00 KiB"),
            (1_600_000, "1.52 MiB"),
            (5 << 30, "5.00 GiB"),
        ] {
            assert_eq!(humane(bytes), text);
        }
    }

    #[test]
    fn devices_are_added_up() {
        assert_eq!(total("8:0 Read 5\n8:0 Total 7\nTotal 9\n"), Some(9));
        assert_eq!(
            sum("8:0 rbytes=5 wbytes=6 rios=1\n8:1 rbytes=1\n", &["rbytes=", "wbytes="]),
            12
        );
    }
}
