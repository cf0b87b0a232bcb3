//! Archives that files come in: contexts, and what `ADD` unpacks. They are known by their contents, whatever they are called.
//!
//! Start at [`is_archive`] and [`unpack`]. Sources: Docker's "Dockerfile reference", "Adding local tar archives"; pax(1), "ustar Interchange Format".

use std::io::{self, Read};
use std::os::fd::BorrowedFd;

use store::compression::{expand, read_ahead};
use store::unpack::{Form, Rules, UnpackError, Unpacked};

const HEADER_BYTES: usize = 512;

/// Why something could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// It cannot be read or expanded.
    #[error("read archive")]
    Read(#[source] io::Error),
    /// What is in it is refused, or the disk is.
    #[error("unpack archive")]
    Unpack(#[from] UnpackError),
}

/// How an archive of a whole context is unpacked: whose files they are does not matter, `COPY` says it.
pub(crate) fn context_rules() -> Rules {
    Rules { owners: false, form: Form::RootFs, ..Rules::root_fs() }
}

/// How `ADD` unpacks: like `tar -x` as root.
pub(crate) fn add_rules(owner: Option<(u32, u32)>, time_s: Option<i64>) -> Rules {
    Rules { owner, time_s, takes_root: true, keep_kinds: false, ..Rules::beside_others() }
}

/// Whether a stream is an archive: a header stands at its beginning, once it is expanded. One that cannot be expanded is none.
pub(crate) fn is_archive(reader: impl Read + Send) -> bool {
    let Ok(expanded) = expand(reader) else { return false };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    let whole = expanded.take(HEADER_BYTES as u64).read_to_end(&mut header);
    whole.is_ok() && header.len() == HEADER_BYTES && is_header(&header)
}

/// Bytes that [`begins_archive`] wants to see.
pub const LOOK_BYTES: u64 = HEADER_BYTES as u64;

/// Whether a stream is an archive by its first [`LOOK_BYTES`], where it cannot be read twice: it is compressed, or has the header of an archive, or
/// is an empty one.
#[must_use]
pub fn begins_archive(start: &[u8]) -> bool {
    let compressed: [&[u8]; 4] =
        [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], b"BZh", &[0xfd, b'7', b'z', b'X', b'Z', 0]];
    let is_whole = start.len() == HEADER_BYTES;
    compressed.iter().any(|magic| start.starts_with(magic))
        || (is_whole && (is_header(start) || start.iter().all(|byte| *byte == 0)))
}

/// Whether its sum is the one that it names; older programs added signed bytes.
fn is_header(header: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let named = header[SUM].split(|byte| matches!(byte, 0 | b' ')).find(|part| !part.is_empty());
    let named = named
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| i64::from_str_radix(digits, 8).ok());
    let bytes = header.iter().enumerate();
    let bytes = bytes.map(|(at, byte)| if SUM.contains(&at) { b' ' } else { *byte });
    let (unsigned, signed) = bytes.fold((0, 0), |(unsigned, signed), byte| {
        (unsigned + i64::from(byte), signed + i64::from(byte.cast_signed()))
    });
    named.is_some_and(|named| named == unsigned || named == signed)
}

/// Expands and unpacks a stream, and reads it to its end.
///
/// # Errors
/// [`ArchiveError`]; what was unpacked by then stays.
pub(crate) fn unpack(
    reader: impl Read + Send,
    into: BorrowedFd<'_>,
    rules: &Rules,
) -> Result<Unpacked, ArchiveError> {
    let expanded = expand(reader).map_err(ArchiveError::Read)?;
    let (unpacked, _rest) = read_ahead(expanded, |tar| store::unpack::unpack(tar, into, rules));
    Ok(unpacked?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::*;

    /// An archive of a directory with one file, packed by the machine's tar.
    fn packed(flag: &str) -> Vec<u8> {
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join("d")).unwrap();
        File::create(files.path().join("d/x")).unwrap().set_len(300_000).unwrap();
        let mut tar = Command::new("tar");
        tar.arg(format!("-c{flag}")).arg("-C").arg(files.path()).arg("--owner=7").arg(".");
        tar.output().unwrap().stdout
    }

    #[test]
    fn every_format_is_known_by_its_contents() {
        let mut twice = Vec::new();
        for flag in ["", "z", "j", "J", "-zstd"] {
            let archive = if flag == "-zstd" { zstd(&packed("")) } else { packed(flag) };
            assert!(is_archive(&archive[..]), "{flag}");
            let into = tempfile::tempdir().unwrap();
            let directory = File::open(into.path()).unwrap();
            unpack(&archive[..], directory.as_fd(), &context_rules()).unwrap();
            let file = into.path().join("d/x").metadata().unwrap();
            assert_eq!((file.len(), file.uid()), (300_000, 0), "{flag}");
            assert!(
                unpack(&archive[..archive.len() / 2], directory.as_fd(), &context_rules()).is_err()
            );
            twice = archive;
        }
        assert!(!is_archive(&twice[..20]));
        for text in [&b""[..], &[0; 1024], b"PK\x03\x04", b"BZh9", b"FROM scratch\n", &[b'x'; 4096]]
        {
            assert!(!is_archive(text), "{text:?}");
        }
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let mut child = Command::new("zstd")
            .arg("-c")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    #[test]
    fn an_xz_stream_cannot_ask_for_gigabytes() {
        let mut archive = Vec::new();
        let mut child = Command::new("xz")
            .args(["-c", "--lzma2=dict=1GiB"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        io::Write::write_all(&mut child.stdin.take().unwrap(), &packed("")).unwrap();
        child.stdout.take().unwrap().read_to_end(&mut archive).unwrap();
        child.wait().unwrap();
        assert!(!is_archive(&archive[..]));
    }

    #[test]
    fn what_adds_like_tar() {
        let into = tempfile::tempdir().unwrap();
        let directory = File::open(into.path()).unwrap();
        File::create(into.path().join("d")).unwrap();
        let archive = packed("");
        unpack(&archive[..], directory.as_fd(), &add_rules(None, Some(1_000_000_000))).unwrap();
        let file = into.path().join("d/x").metadata().unwrap();
        assert_eq!((file.uid(), file.mtime()), (7, 1_000_000_000));
        assert_eq!(into.path().metadata().unwrap().uid(), 7);
        unpack(&archive[..], directory.as_fd(), &add_rules(Some((5, 6)), None)).unwrap();
        let file = into.path().join("d/x").metadata().unwrap();
        assert_eq!((file.uid(), file.gid()), (5, 6));
    }
}
