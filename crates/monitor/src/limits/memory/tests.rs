//! Memory of groups of both versions, from their files.

use super::*;
use crate::limits::view::tests::{MEMINFO, Trees};

const MIB: u64 = 1 << 20;

#[test]
fn without_a_limit_it_is_the_machines() {
    let used = Used { current: 5 * MIB, ..Used::default() };
    assert_eq!(String::from_utf8(meminfo(&used, MEMINFO)).unwrap(), MEMINFO);
    let more = Used { limit: Some(u64::MAX / 2), ..used };
    assert_eq!(String::from_utf8(meminfo(&more, MEMINFO)).unwrap(), MEMINFO);
}

#[test]
fn v2_tells_the_smallest_limit_above_it() {
    let trees = Trees::v2();
    let used = Used::of(&trees.group);
    assert_eq!((used.limit, used.swap_limit), (Some(64 * MIB), Some(16 * MIB)));
    let memory = Memory::of(&used, MEMINFO);
    // 64 - 20 free; of that and of files 4 + 8 and slab 2 is available.
    assert_eq!([memory.total, memory.free, memory.available], [64, 44, 58].map(|size| size * MIB));
    assert_eq!([memory.swap, memory.free_swap], [16 * MIB, 12 * MIB]);
    let text = String::from_utf8(meminfo(&used, MEMINFO)).unwrap();
    assert_eq!(
        text,
        "MemTotal:          65536 kB\nMemFree:           45056 kB\nMemAvailable:      59392 kB\nBuffers:               0 kB\n\
         Cached:            12288 kB\nActive(file):       4096 kB\nSwapTotal:         16384 kB\nSwapFree:          12288 kB\n\
         Shmem:              1024 kB\nSlab:               3072 kB\nKernelStack:          16 kB\nVmallocTotal:   34359738367 kB\n\
         HugePages_Total:       0\nHugepagesize:       2048 kB\n"
    );
    let swaps = String::from_utf8(swaps(&memory)).unwrap();
    assert_eq!(
        swaps.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(),
        ["none", "virtual", "16384", "4096", "0"]
    );
}

#[test]
fn v1_counts_memory_and_swap_together() {
    let trees = Trees::v1();
    let used = Used::of(&trees.group);
    assert_eq!((used.limit, used.swap_limit), (Some(32 * MIB), Some(8 * MIB)));
    let memory = Memory::of(&used, MEMINFO);
    assert_eq!([memory.total, memory.free, memory.available], [32, 22, 28].map(|size| size * MIB));
    assert_eq!([memory.swap, memory.free_swap], [8 * MIB, 7 * MIB]);
    assert_eq!(memory.shared, MIB);
    let text = String::from_utf8(meminfo(&used, MEMINFO)).unwrap();
    assert_eq!(line(&text, "Cached"), Some(7 * MIB));
    assert_eq!(line(&text, "Slab"), Some(0), "v1 counts no slab");
}

#[test]
fn nobody_has_more_than_the_machine() {
    let machine =
        "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 20 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
    let used =
        Used { limit: Some(512_000), swap_limit: Some(MIB), current: 1024, ..Used::default() };
    let memory = Memory::of(&used, machine);
    assert_eq!([memory.total, memory.free, memory.available], [512_000, 10_240, 20_480]);
    assert_eq!([memory.swap, memory.free_swap], [0, 0]);
    assert_eq!(swaps(&memory).split(|byte| *byte == b'\n').count(), 2, "a heading alone");
}

#[test]
fn slabs_are_the_groups_own_or_two_rows() {
    let own = "slabinfo - version: 2.1\nmine\n";
    assert_eq!(slabinfo(&Used::default(), Some(own.to_owned())), own.as_bytes());
    let used = Used::of(&Trees::v2().group);
    let text = String::from_utf8(slabinfo(&used, None)).unwrap();
    let rows: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[0].starts_with("reclaimable") && rows[0].contains(" 512 "), "{rows:?}");
    let used = Used::of(&Trees::v1().group);
    assert_eq!(slabinfo(&used, Some(String::new())).split(|byte| *byte == b'\n').count(), 3);
}
