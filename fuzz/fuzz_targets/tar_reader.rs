//! Arbitrary archives, compressed or not: the reader ends, keeps its limits and contradicts itself nowhere.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use store::compression::Decoder;
use store::tar::{Kind, Limits, Reader};

mod archive;

const LIMITS: Limits = Limits {
    headers: 1000,
    path_bytes: 4095,
    extension_bytes: 1 << 16,
    sparse_segments: 1000,
    file_bytes: 1 << 20,
    padding_bytes: 1 << 20,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(decoder) = Decoder::new(bytes) {
        read(decoder.take(1 << 22));
    }
    let mut repaired = bytes.to_vec();
    archive::repair_checksums(&mut repaired);
    read(&repaired[..]);
});

fn read(archive: impl Read) {
    let mut reader = Reader::new(archive, LIMITS);
    let mut headers = 0;
    loop {
        let mut entry = match reader.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => return,
            Err(_) => break,
        };
        headers += 1;
        assert!(headers <= LIMITS.headers);
        assert!(
            !entry.path.is_empty()
                && entry.path.len() <= LIMITS.path_bytes
                && !entry.path.contains(&0)
        );
        assert!(entry.mode <= 0o7777 && entry.uid != u32::MAX && entry.gid != u32::MAX);
        assert!(entry.mtime.nanoseconds < 1_000_000_000);
        assert!(entry.kind == Kind::File || (entry.size == 0 && entry.sparse.is_none()));
        let size = entry.size;
        if headers % 2 == 0 {
            let mut end = 0;
            while let Ok(Some(chunk)) = entry.next_chunk() {
                assert!(chunk.offset >= end && !chunk.bytes.is_empty());
                end = chunk.offset + chunk.bytes.len() as u64;
            }
            assert!(end <= size);
        } else {
            let mut contents = Vec::new();
            if entry.read_to_end(&mut contents).is_ok() {
                assert_eq!(contents.len() as u64, size);
            }
        }
    }
    assert!(reader.next_entry().is_err(), "read on after an error");
}
