//! The log of a container that writes fast, and one whose disk is full.

use monitor::LogRules;
use monitor::log::{FileFormat, FileRules, LogDriver, Next, Reader, Selection};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use crate::Test;
use crate::bed::{Bed, hear, hear_until};

pub(crate) const TESTS: &[Test] = &[
    ("logs::a_follower_misses_nothing_over_rotations", a_follower_misses_nothing),
    ("logs::a_full_disk_stops_nobody", a_full_disk_stops_nobody),
];

fn open(directory: &std::path::Path) -> Reader {
    Reader::open(directory, (None, FileFormat::Json), Selection::default()).unwrap()
}

fn next(reader: &mut Reader) -> Option<String> {
    loop {
        match reader.next_line().unwrap() {
            Next::Line(entry) => return Some(entry.text()),
            Next::Passed => {}
            Next::End => return None,
        }
    }
}

fn a_follower_misses_nothing() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo end";
    let mut bed = Bed::new(script);
    let rules = FileRules { max_bytes: 50_000, max_files: 100, ..FileRules::default() };
    bed.handoff.log = LogRules { driver: LogDriver::Files(rules), buffer_bytes: None };
    let mut connection = bed.start();
    let mut reader = open(&bed.handoff.container_dir);
    let mut number = 0;
    // The container stands still where nobody reads; this thread follows first and reads the rest then.
    std::thread::scope(|scope| {
        scope.spawn(|| hear(&mut connection));
        loop {
            let Some(text) = next(&mut reader) else {
                reader.wait().unwrap();
                continue;
            };
            if text == "end\n" {
                break;
            }
            assert_eq!(text, format!("line {number}\n"));
            number += 1;
        }
    });
    assert_eq!(number, 20_000);
}

fn a_full_disk_stops_nobody() {
    let bed = Bed::new(
        "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo full; read x; echo more; read x; echo last; exit 8",
    )
    .with_input();
    let directory = &bed.handoff.container_dir;
    mount("tmpfs", directory, "tmpfs", MountFlags::empty(), Some(c"size=64k")).unwrap();
    let heard = std::panic::catch_unwind(|| {
        let mut connection = bed.start();
        hear_until(&mut connection, "full\n");
        connection.write_stdin(b"x\n").unwrap();
        hear_until(&mut connection, "more\n");
        mount_remount(directory, MountFlags::empty(), "size=1m").unwrap();
        connection.write_stdin(b"x\n").unwrap();
        hear(&mut connection)
    });
    let mut reader = open(directory);
    let texts: Vec<String> = std::iter::from_fn(|| next(&mut reader)).collect();
    drop(reader);
    unmount(directory, UnmountFlags::DETACH).unwrap();
    assert_eq!(heard.unwrap().code, Some(8));
    let lost = texts.iter().find(|text| text.contains("were lost")).unwrap();
    assert!(lost.starts_with("corten: "), "{lost}");
    assert_eq!(texts.first().map(String::as_str), Some("line 0\n"));
    assert_eq!(texts.last().map(String::as_str), Some("last\n"));
}
