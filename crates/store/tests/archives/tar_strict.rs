//! Archives that readers understand differently, damaged ones and bombs: the reader refuses them by name.

use std::io::Read as _;

use store::tar::{Limits, Reader, TarError};

use crate::forge::Forge;

/// Paths and contents of all entries.
fn list(archive: &[u8]) -> Result<Vec<(String, String)>, TarError> {
    let mut reader = Reader::new(archive, Limits::default());
    let mut found = Vec::new();
    while let Some(mut entry) = reader.next_entry()? {
        let mut contents = String::new();
        while let Some(chunk) = entry.next_chunk()? {
            contents.push_str(&String::from_utf8_lossy(chunk.bytes));
        }
        found.push((String::from_utf8_lossy(&entry.path).into_owned(), contents));
    }
    Ok(found)
}

fn error(archive: &[u8]) -> String {
    list(archive).unwrap_err().to_string()
}

fn inner_archive() -> Vec<u8> {
    Forge::default().file("hidden", b"evil").bytes
}

/// A PAX size and a header size of 0: whoever believes the header takes the contents for headers.
#[test]
fn cve_2025_62518_the_pax_size_wins() {
    let inner = inner_archive();
    let size = inner.len().to_string();
    let archive = Forge::default()
        .pax(b'x', &[("size", &size)])
        .header(b'0', "outer", 0)
        .data(&inner)
        .file("last", b"x")
        .end();
    let names: Vec<_> = list(&archive).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["outer", "last"]);
    // The reverse: the header has a size, PAX says 0.
    let archive =
        Forge::default().pax(b'x', &[("size", "0")]).header(b'0', "outer", 1024).data(&inner).end();
    let names: Vec<_> = list(&archive).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["outer", "hidden"]);
}

/// A PAX header in front of a GNU long name: whoever applies its size to the name reads another archive.
#[test]
fn rustsec_2026_0112_pax_and_gnu_headers_do_not_mix() {
    let archive = Forge::default()
        .pax(b'x', &[("size", "2048")])
        .header(b'L', "././@LongLink", 13)
        .data(b"longname.txt\0")
        .file("a", b"A")
        .file("b", b"B")
        .end();
    assert!(
        error(&archive).contains("PAX and GNU extension headers for one entry"),
        "{}",
        error(&archive)
    );
    let archive = Forge::default()
        .header(b'K', "././@LongLink", 2)
        .data(b"l\0")
        .pax(b'x', &[("size", "9")])
        .file("a", b"A")
        .end();
    assert!(error(&archive).contains("PAX and GNU extension headers for one entry"));
    let archive = Forge::default()
        .pax(b'x', &[("path", "p")])
        .pax(b'x', &[("size", "9")])
        .file("a", b"A")
        .end();
    assert!(error(&archive).contains("two PAX headers"));
    let archive = Forge::default().pax(b'g', &[("size", "2048")]).file("a", b"A").end();
    assert!(error(&archive).contains("global header sets"));
}

/// Some readers skip the contents that a link or a directory states, some do not.
#[test]
fn entries_without_contents_state_no_size() {
    for flag in [b'1', b'2', b'3', b'4', b'5', b'6'] {
        let inner = inner_archive();
        let archive = Forge::default().link(flag, "a", "b", inner.len() as u64).data(&inner).end();
        assert!(
            error(&archive).contains("size is not 0 for an entry without contents"),
            "{}",
            char::from(flag)
        );
        let size = inner.len().to_string();
        let archive = Forge::default()
            .pax(b'x', &[("size", &size)])
            .link(flag, "a", "b", 0)
            .data(&inner)
            .end();
        assert!(
            error(&archive).contains("size is not 0 for an entry without contents"),
            "{}",
            char::from(flag)
        );
    }
}

#[test]
fn nothing_follows_the_end() {
    let mut archive = Forge::default().file("a", b"A").end();
    archive.extend_from_slice(&inner_archive());
    assert!(error(&archive).contains("after the end of the archive"));
    let mut archive = Forge::default().file("a", b"A").bytes;
    archive.extend_from_slice(&[0; 512]);
    archive.extend_from_slice(&inner_archive());
    assert!(error(&archive).contains("after the end of the archive"));
    // As other tools: no zeros at all, or one block.
    assert_eq!(list(&Forge::default().file("a", b"A").bytes).unwrap().len(), 1);
    assert_eq!(list(&[]).unwrap().len(), 0);
}

#[test]
fn unknown_kinds_and_lonely_extensions_are_refused() {
    for flag in *b"DMNVXA8z" {
        let archive = Forge::default().header(flag, "a", 0).end();
        assert!(error(&archive).contains("is not supported"), "{}", char::from(flag));
    }
    assert!(
        error(&Forge::default().pax(b'x', &[("path", "a")]).end()).contains("no entry follows")
    );
    assert!(error(&Forge::default().pax(b'x', &[("path", "a")]).bytes).contains("truncated"));
    assert!(error(&Forge::default().header(b'0', "", 0).end()).contains("path is empty"));
    assert!(error(&Forge::default().header(b'2', "a", 0).end()).contains("link is empty"));
    assert!(error(b"#!/bin/sh\n".repeat(100).as_slice()).contains("header at byte 0"));
}

#[test]
fn bombs_meet_limits_with_names() {
    let long = "n".repeat(1 << 20);
    let archive = Forge::default().pax(b'x', &[("path", &long[..5000])]).file("a", b"").end();
    assert!(error(&archive).contains("length of a path over the limit of 4095"));
    let archive = Forge::default()
        .header(b'L', "l", 5001)
        .data(&long.as_bytes()[..5001])
        .file("a", b"")
        .end();
    assert!(error(&archive).contains("length of a path over the limit of 4095"));
    let archive = Forge::default()
        .header(b'K', "l", 5001)
        .data(&long.as_bytes()[..5001])
        .link(b'2', "a", "b", 0)
        .end();
    assert!(error(&archive).contains("length of a link over the limit of 4095"));
    let archive = Forge::default().pax(b'x', &[("path", &long)]).file("a", b"").end();
    assert!(error(&archive).contains("size of an extension header over the limit of 1048576"));
    let archive = Forge::default().header(b'0', "a", 0o77777777777).end();
    let archive_of_8_eib = Forge::default()
        .block(b'0', "a", 0, |block| {
            block[124..136].copy_from_slice(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
        })
        .end();
    assert!(error(&archive).contains("truncated"));
    assert!(error(&archive_of_8_eib).contains("size of a file over the limit of 1099511627776"));
    let sparse = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.realsize", "9223372036854775807"),
    ];
    let archive = Forge::default().pax(b'x', &sparse).header(b'0', "a", 512).data(b"0\n").end();
    assert!(error(&archive).contains("size of a file over the limit of 1099511627776"));
    let sparse =
        [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "99")];
    let archive =
        Forge::default().pax(b'x', &sparse).header(b'0', "a", 512).data(b"99999999999\n").end();
    assert!(error(&archive).contains("sparse segments over the limit of 262144"));
    let mut archive = Forge::default().file("a", b"").end();
    archive.resize(17 << 20, 0);
    assert!(error(&archive).contains("padding after the end over the limit of 16777216"));
    let archive = Forge::default().pax(b'g', &[("comment", "x")]).bytes.repeat(11);
    let limits = Limits { headers: 10, ..Limits::default() };
    let message = Reader::new(&archive[..], limits).next_entry().unwrap_err().to_string();
    assert!(message.contains("number of headers over the limit of 10"), "{message}");
}

#[test]
fn sparse_maps_must_fit() {
    let of = |map: &str, realsize: &str, stored: usize| {
        let records = [("GNU.sparse.size", realsize), ("GNU.sparse.map", map)];
        let archive = Forge::default()
            .pax(b'x', &records)
            .header(b'0', "a", stored as u64)
            .data(&vec![b'x'; stored])
            .end();
        list(&archive).map(|found| found[0].1.len()).map_err(|error| error.to_string())
    };
    assert_eq!(of("0,4,10,6", "20", 10), Ok(10));
    for (map, realsize, stored) in [
        ("0,4,10,6", "15", 10),
        ("10,6,0,4", "20", 10),
        ("0,4,3,6", "20", 10),
        ("0,4,10,6", "20", 11),
        ("0,4,10,6", "20", 9),
        ("18446744073709551615,10", "20", 10),
        ("0,4,10", "20", 4),
        ("0,-4", "20", 4),
    ] {
        assert!(of(map, realsize, stored).is_err(), "{map} {realsize} {stored}");
    }
    // Map longer than what is stored, and parts in two forms at once.
    let records =
        [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "20")];
    let archive =
        Forge::default().pax(b'x', &records).header(b'0', "a", 300).data(&[b'1'; 300]).end();
    assert!(error(&archive).contains("longer than what is stored"));
    let old = |block: &mut [u8; 512]| {
        block[257..265].copy_from_slice(b"ustar  \0");
        block[386..397].copy_from_slice(b"00000000000");
        block[398..409].copy_from_slice(b"00000000012");
        block[483..494].copy_from_slice(b"00000000024");
    };
    let archive = Forge::default().block(b'S', "a", 10, old).data(b"0123456789").end();
    assert_eq!(list(&archive).unwrap()[0].1, "0123456789");
    let archive = Forge::default()
        .pax(b'x', &[("GNU.sparse.size", "20"), ("GNU.sparse.map", "0,10")])
        .block(b'S', "a", 10, old)
        .data(b"0123456789")
        .end();
    assert!(error(&archive).contains("two forms"));
}

/// `Read` gives holes as zeros.
#[test]
fn a_sparse_file_reads_whole() {
    let records = [("GNU.sparse.size", "20"), ("GNU.sparse.map", "3,4,10,6")];
    let archive =
        Forge::default().pax(b'x', &records).header(b'0', "a", 10).data(b"abcdefghij").end();
    let mut reader = Reader::new(&archive[..], Limits::default());
    let mut entry = reader.next_entry().unwrap().unwrap();
    let mut contents = Vec::new();
    entry.read_to_end(&mut contents).unwrap();
    assert_eq!(contents, b"\0\0\0abcd\0\0\0efghij\0\0\0\0");
}

/// Cut anywhere but between entries or right behind contents (umoci's insert writes such), an archive is an error; with any byte changed it never panics, and a changed header is
/// always noticed.
#[test]
fn every_cut_and_every_changed_byte() {
    let whole = Forge::default()
        .pax(b'x', &[("path", "some/where"), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "b")])
        .file("a", &[b'x'; 600])
        .header(b'L', "l", 4)
        .data(b"abc\0")
        .file("b", b"c")
        .end();
    let entries = list(&whole).unwrap();
    let between = [0, whole.len() - 1024 - 512 * 4, whole.len() - 1024, whole.len() - 512];
    let behind_contents = [1536 + 600, whole.len() - 1536 + 1];
    for length in 0..whole.len() {
        // After one block of zeros nothing more is needed.
        let is_whole = between.contains(&length)
            || behind_contents.contains(&length)
            || length > whole.len() - 512;
        assert_eq!(list(&whole[..length]).is_ok(), is_whole, "cut at {length}");
    }
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            let outcome = list(&changed);
            let is_contents = (1536..1536 + 1024).contains(&at)
                || (whole.len() - 1536..whole.len() - 1024).contains(&at);
            // The padding of extension headers is nobody's business; their records may change to others that are valid.
            let is_extension = (512..1024).contains(&at) || (3072..3584).contains(&at);
            if !is_contents && !is_extension {
                assert!(outcome.is_err(), "byte {at} changed and nobody noticed");
            } else if let Ok(found) = outcome {
                assert_eq!(found.len(), entries.len());
            }
        }
    }
}
