//! Compressed layers in one pass: digests of both forms, every cut noticed, bombs stopped by a named limit.

use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use store::compression::{Compression, Decoder};
use store::unpack::{Limits, Rules, StreamError, Streamed, unpack_stream};
use tempfile::TempDir;

use crate::forge::Forge;

fn archive() -> Vec<u8> {
    let noise: Vec<u8> = (0_u32..2_000_000)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    Forge::default().file("noise", &noise).file("etc/passwd", b"root").end()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    pipe(Command::new("gzip").arg("-1"), bytes)
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn pipe(command: &mut Command, bytes: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(bytes).unwrap());
        child.wait_with_output().unwrap().stdout
    })
}

fn sha256(bytes: &[u8]) -> spec::Digest {
    spec::Digest::sha256(Sha256::digest(bytes).into())
}

fn stream(source: impl Read + Send, limits: Limits) -> Result<Streamed, String> {
    let directory = TempDir::new().unwrap();
    let opened = File::open(directory.path()).unwrap();
    unpack_stream(source, opened.as_fd(), &Rules { limits, ..Rules::layer() })
        .map_err(|error: StreamError| chain(&error))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

#[test]
fn digests_of_both_forms() {
    let archive = archive();
    let (first, second) = archive.split_at(100_000);
    let several_members = [gzip(first), gzip(second)].concat();
    let several_frames =
        [zstd(first), vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], zstd(second)].concat();
    let skippable_first = [vec![0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 1], zstd(&archive)].concat();
    for (stored, compression) in [
        (archive.clone(), Compression::Plain),
        (gzip(&archive), Compression::Gzip),
        (several_members, Compression::Gzip),
        (zstd(&archive), Compression::Zstd),
        (several_frames, Compression::Zstd),
        (skippable_first, Compression::Zstd),
    ] {
        let found = stream(&stored[..], Limits::default()).unwrap();
        assert_eq!(found.compression, compression);
        assert_eq!(
            (found.stored.digest, found.stored.bytes),
            (sha256(&stored), stored.len() as u64)
        );
        assert_eq!(
            (found.archive.digest, found.archive.bytes),
            (sha256(&archive), archive.len() as u64)
        );
        assert_eq!((found.unpacked.entries, found.unpacked.bytes), (3, 8_000_004));
    }
}

#[test]
fn every_cut_of_a_compressed_stream_is_noticed() {
    let small = Forge::default().file("a", b"contents").end();
    for (stored, words) in
        [(gzip(&small), "truncated gzip stream"), (zstd(&small), "truncated zstd stream")]
    {
        for length in 6..stored.len() {
            let error = stream(&stored[..length], Limits::default())
                .expect_err(&format!("cut at {length}"));
            assert!(error.contains(words), "cut at {length}: {error}");
        }
        for at in 6..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 0x10;
            // A gzip header's fields may change without harm; nothing may panic.
            let _ = stream(&changed[..], Limits::default());
        }
        let mut changed = stored.clone();
        let last = changed.len() - 3;
        changed[last] ^= 0x10;
        let error = stream(&changed[..], Limits::default()).unwrap_err();
        assert!(error.contains("corrupt") && error.contains("stream"), "{error}");
        let error = stream(&[&stored[..], b"rubbish behind it"].concat()[..], Limits::default())
            .unwrap_err();
        assert!(error.contains("corrupt"), "{error}");
    }
}

#[test]
fn bombs_end_at_a_limit() {
    // 1 GiB of zeros in a few KiB, as the contents of a file and behind the end.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&Forge::default().header(b'0', "zeros", 1 << 30).bytes).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(1 << 30), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    let error = stream(&bomb[..], Limits { bytes: 1 << 20, ..Limits::default() }).unwrap_err();
    assert!(error.contains("bytes in files over the limit of 1048576"), "{error}");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&Forge::default().file("a", b"").bytes).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(1 << 30), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    let error = stream(&bomb[..], Limits::default()).unwrap_err();
    assert!(error.contains("padding after the end over the limit of 16777216"), "{error}");
}

#[test]
fn a_large_zstd_window_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&[7; 1 << 20]).unwrap();
    let stored = encoder.finish().unwrap();
    let error = stream(&stored[..], Limits::default()).unwrap_err();
    assert!(error.contains("zstd window is larger than 128 MiB"), "{error}");
}

#[test]
fn other_formats_are_named() {
    for (start, words) in
        [(&b"BZh91AY&SY"[..], "bzip2"), (b"\xfd7zXZ\0\0", "xz"), (b"\x04\x22\x4d\x18\0\0", "lz4")]
    {
        let error =
            Decoder::new(start).err().unwrap_or_else(|| panic!("{words} accepted")).to_string();
        assert!(error.contains(words) && error.contains("use gzip, zstd or none"), "{error}");
    }
}

/// The reader's own error is not mistaken for damage, and a consumer that stops early does not hang.
#[test]
fn errors_of_the_source_pass_and_nothing_hangs() {
    struct Broken<'b>(&'b [u8]);
    impl Read for Broken<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                count => Ok(count),
            }
        }
    }
    let archive = archive();
    for stored in [archive.clone(), gzip(&archive), zstd(&archive)] {
        let error = stream(Broken(&stored[..stored.len() / 2]), Limits::default()).unwrap_err();
        assert!(error.contains("connection reset"), "{error}");
        let error = stream(std::io::repeat(1).take(1 << 30), Limits::default()).unwrap_err();
        assert!(error.contains("header at byte 0"), "{error}");
    }
}
