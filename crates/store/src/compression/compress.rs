//! Archives that are compressed as they are read: the same bytes for the same input, whatever the number of threads.
//!
//! A push that was killed makes its stream again and goes on at the byte where the registry stands, so what is made here must not
//! depend on the machine, nor on how its input comes in pieces. [`STREAM_VERSION`] says which bytes they are.
//! Never holds more than a few blocks in memory. Start at [`compress`]. Sources: RFC 1952, RFC 8878.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use super::{Compression, gzip_writer, read_ahead};

/// Changes with the bytes that a given input becomes, with a new release of a compressor as well. A test holds their digests.
pub const STREAM_VERSION: u32 = 1;

/// What gzip(1) takes when nothing is said.
const GZIP_LEVEL: u8 = 6;
/// What zstd(1) takes when nothing is said.
const ZSTD_LEVEL: u8 = 3;
/// Bytes that are moved at once where nothing is compressed, and that zstd is given at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// How an archive is to be compressed. It is written `gzip:6`, `zstd:3`, `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compress {
    method: Compression,
    level: u8,
}

/// Why nothing can be compressed like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCompress {
    /// A level that the method does not have.
    #[error("{method} has no compression level {level}: use {least} to {most}")]
    Level {
        /// Which method.
        method: &'static str,
        /// What was asked for.
        level: u32,
        /// The fastest.
        least: u8,
        /// The smallest.
        most: u8,
    },
    /// A level for what is not compressed.
    #[error("there is no level without compression")]
    NoLevel,
    /// No method.
    #[error("unknown compression {0:?}: use gzip, zstd or none")]
    Unknown(String),
}

impl Compress {
    /// A method, with its usual level where none is said.
    ///
    /// # Errors
    /// When the method has no such level.
    pub fn new(method: Compression, level: Option<u32>) -> Result<Self, BadCompress> {
        let (usual, most) = match method {
            Compression::Gzip => (GZIP_LEVEL, 9),
            // Above 19 the window grows to 128 MiB and its tables to much more: zstd(1), --ultra.
            Compression::Zstd => (ZSTD_LEVEL, 19),
            Compression::Plain => {
                return level.map_or(Ok(Self::none()), |_| Err(BadCompress::NoLevel));
            }
        };
        let Some(level) = level else { return Ok(Self { method, level: usual }) };
        match u8::try_from(level) {
            Ok(level) if (1..=most).contains(&level) => Ok(Self { method, level }),
            _ => Err(BadCompress::Level { method: name(method), level, least: 1, most }),
        }
    }

    /// As it is.
    #[must_use]
    pub const fn none() -> Self {
        Self { method: Compression::Plain, level: 0 }
    }

    /// The method.
    #[must_use]
    pub const fn method(self) -> Compression {
        self.method
    }
}

impl Default for Compress {
    /// What every engine reads.
    fn default() -> Self {
        Self { method: Compression::Gzip, level: GZIP_LEVEL }
    }
}

/// What people call a method.
const fn name(method: Compression) -> &'static str {
    match method {
        Compression::Plain => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

impl fmt::Display for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Compression::Plain => f.write_str("none"),
            Compression::Gzip | Compression::Zstd => {
                write!(f, "{}:{}", name(self.method), self.level)
            }
        }
    }
}

impl FromStr for Compress {
    type Err = BadCompress;

    /// A method alone, or with its level: `zstd`, `zstd:7`.
    fn from_str(text: &str) -> Result<Self, BadCompress> {
        let unknown = || BadCompress::Unknown(text.chars().take(80).collect());
        let (method, level) = match text.split_once(':') {
            Some((method, level)) => (method, Some(level.parse().map_err(|_bad| unknown())?)),
            None => (text, None),
        };
        let methods = [Compression::Plain, Compression::Gzip, Compression::Zstd];
        let known = methods.into_iter().find(|known| name(*known) == method);
        Self::new(known.ok_or_else(unknown)?, level)
    }
}

/// Compresses all of `reader` into `writer`, on `threads` threads where the method can use them; gives `reader` back, read to its
/// end.
///
/// # Errors
/// Those of `reader` and of `writer`.
pub fn compress<R: Read + Send>(
    mut reader: R,
    writer: &mut impl Write,
    how: Compress,
    threads: usize,
) -> io::Result<R> {
    let level = u32::from(how.level);
    match how.method {
        Compression::Plain => {
            let mut buffer = vec![0; BUFFER_BYTES];
            copy(&mut reader, writer, &mut buffer)?;
            Ok(reader)
        }
        Compression::Gzip => gzip_writer::write(reader, writer, level, threads.max(1)),
        Compression::Zstd => {
            let (done, reader) = read_ahead(reader, |mut ahead| -> io::Result<()> {
                let level = i32::from(how.level);
                let mut encoder = zstd::stream::write::Encoder::new(writer, level)?;
                let mut buffer = vec![0; BUFFER_BYTES];
                copy(&mut ahead, &mut encoder, &mut buffer)?;
                encoder.finish().map(drop)
            });
            done.map(|()| reader)
        }
    }
}

fn copy(reader: &mut impl Read, writer: &mut impl Write, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        match reader.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => writer.write_all(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::super::Decoder;
    use super::*;

    /// Text that repeats itself near and far, and noise between: what matches across blocks look like.
    fn sample(bytes: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut made = Vec::with_capacity(bytes + 64);
        while made.len() < bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state.is_multiple_of(5) {
                made.extend_from_slice(&state.to_le_bytes());
            } else {
                made.extend_from_slice(format!("usr/lib/{:03}/", state % 300).as_bytes());
            }
        }
        made.truncate(bytes);
        made
    }

    fn packed(bytes: &[u8], how: &str, threads: usize) -> Vec<u8> {
        let mut packed = Vec::new();
        compress(bytes, &mut packed, how.parse().unwrap(), threads).unwrap();
        packed
    }

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Decoder::new(packed).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Gives one byte less than it is asked for, every other time: nothing may depend on how input comes.
    struct Crumbs<'a>(&'a [u8], bool);

    impl Read for Crumbs<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            let most = buffer.len().saturating_sub(usize::from(self.1)).max(1);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn threads_and_pieces_change_nothing() {
        for size in [0, 1, 70_000, gzip_writer::BLOCK_BYTES, 5 * gzip_writer::BLOCK_BYTES + 77] {
            let bytes = sample(size);
            for how in ["gzip", "gzip:1", "zstd", "none"] {
                let one = packed(&bytes, how, 1);
                for threads in [2, 7] {
                    assert!(packed(&bytes, how, threads) == one, "{how} {size} {threads}");
                }
                let mut crumbs = Vec::new();
                compress(Crumbs(&bytes, false), &mut crumbs, how.parse().unwrap(), 2).unwrap();
                assert!(crumbs == one, "{how} {size} in crumbs");
                if how != "none" {
                    assert!(unpacked(&one) == bytes, "{how} {size}");
                }
            }
        }
    }

    /// When this fails, the compressors make other bytes than before: [`STREAM_VERSION`] has to change, so that no push goes on
    /// with what an earlier release began.
    #[test]
    fn the_bytes_are_those_of_this_version() {
        let bytes = sample(3 * gzip_writer::BLOCK_BYTES + 5);
        let digests = ["gzip", "zstd"]
            .map(|how| spec::digest::hex(&Sha256::digest(packed(&bytes, how, 2)))[..16].to_owned());
        assert_eq!(
            (STREAM_VERSION, digests.join(" ").as_str()),
            (1, "213a568e9974a7aa e4f3ae6c18ba30b8")
        );
    }

    #[test]
    fn other_programs_read_it() {
        let bytes = sample(2 * gzip_writer::BLOCK_BYTES + 12_345);
        for (program, how) in [("gzip", "gzip"), ("zstd", "zstd"), ("gzip", "gzip:9")] {
            let mut child = Command::new(program)
                .args(["-dc"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            let packed = packed(&bytes, how, 2);
            let writer = std::thread::spawn(move || input.write_all(&packed));
            let output = child.wait_with_output().unwrap();
            writer.join().unwrap().unwrap();
            assert!(output.status.success() && output.stdout == bytes, "{program} {how}");
        }
    }

    #[test]
    fn failures_come_through() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = buffer.len().min(self.0);
                self.0 -= count;
                if count == 0 { Err(io::Error::other("torn")) } else { Ok(count) }
            }
        }
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for how in ["gzip", "zstd", "none"] {
            let how: Compress = how.parse().unwrap();
            let broken = compress(Broken(3_000_000), &mut Vec::new(), how, 2).err().unwrap();
            assert_eq!(broken.to_string(), "torn", "{how}");
            let endless = io::repeat(7).take(1 << 30);
            let full = compress(endless, &mut Full(5000), how, 3).err().unwrap();
            assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{how}");
        }
    }

    #[test]
    fn levels_are_those_of_the_method() {
        for (text, shown) in
            [("gzip", "gzip:6"), ("gzip:9", "gzip:9"), ("zstd", "zstd:3"), ("none", "none")]
        {
            assert_eq!(text.parse::<Compress>().unwrap().to_string(), shown);
        }
        for bad in ["", "xz", "gzip:0", "gzip:10", "zstd:20", "none:1", "gzip:", "GZIP"] {
            assert!(bad.parse::<Compress>().is_err(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn round_trip(
            pieces in prop::collection::vec((any::<u8>(), 0_usize..400_000), 0..8),
            noise in prop::collection::vec(any::<u8>(), 0..3000),
            level in 1_u32..=9,
            threads in 1_usize..5,
        ) {
            let mut bytes = noise.clone();
            for (byte, count) in pieces {
                bytes.extend(std::iter::repeat_n(byte, count));
                bytes.extend_from_slice(&noise);
            }
            for method in [Compression::Gzip, Compression::Zstd] {
                let how = Compress::new(method, Some(level)).unwrap();
                let mut packed = Vec::new();
                compress(bytes.as_slice(), &mut packed, how, threads).unwrap();
                prop_assert!(unpacked(&packed) == bytes);
            }
        }
    }
}
