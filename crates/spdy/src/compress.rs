//! Compression of headers: one zlib stream for each direction of a session, with SPDY's dictionary, flushed after each block.
//! Never knows what is in a block. Source: SPDY draft 3, section 2.6.10.1.

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::Fault;

/// 1423 bytes that both sides pretend to have compressed before. SPDY draft 3, section 2.6.10.1.
const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");

/// Its checksum (Adler-32), which the first block names.
const DICTIONARY_ID: u32 = 0xe3c6_a7c2;

/// What is inflated and thrown away, so that the stream can go on, in multiples of what is kept of a block.
const OVERRUN: usize = 16;

/// The sender's direction. Its state, some 270 kB, is made for the first block.
pub(crate) struct Deflater {
    level: Compression,
    state: Option<Box<Compress>>,
}

impl Deflater {
    pub(crate) fn new(compress: bool) -> Self {
        let level = if compress { Compression::fast() } else { Compression::none() };
        Self { level, state: None }
    }

    /// Appends the compressed form of `parts` to `out`, ended by a flush.
    pub(crate) fn block(&mut self, parts: [&[u8]; 2], out: &mut Vec<u8>) -> Result<(), Fault> {
        let level = self.level;
        let state = match &mut self.state {
            Some(state) => state,
            state => {
                let mut made = Box::new(Compress::new(level, true));
                made.set_dictionary(DICTIONARY).ok().ok_or(Fault::Compression)?;
                state.insert(made)
            }
        };
        let [head, rest] = parts;
        append(state, head, FlushCompress::None, out)?;
        append(state, rest, FlushCompress::Sync, out)
    }
}

fn append(
    state: &mut Compress,
    mut input: &[u8],
    flush: FlushCompress,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    loop {
        out.reserve(64 + input.len() / 2);
        let before = state.total_in();
        state.compress_vec(input, out, flush).ok().ok_or(Fault::Compression)?;
        let taken = usize::try_from(state.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(taken..).unwrap_or_default();
        // Room that is left says that nothing is held back.
        if input.is_empty() && out.len() < out.capacity() {
            return Ok(());
        }
    }
}

/// The recipient's direction.
pub(crate) struct Inflater {
    state: Option<Box<Decompress>>,
}

/// A block on its way: what it inflates to, up to a limit, and how much it was.
pub(crate) struct Plain {
    pub(crate) bytes: Vec<u8>,
    pub(crate) total: usize,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { state: None }
    }

    /// Inflates a further part of a block; keeps `limit` bytes of the whole block at most.
    pub(crate) fn part(
        &mut self,
        mut input: &[u8],
        plain: &mut Plain,
        limit: usize,
    ) -> Result<(), Fault> {
        let state = self.state.get_or_insert_with(|| Box::new(Decompress::new(true)));
        let mut scratch = [0; 2048];
        loop {
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let done = state.decompress(input, &mut scratch, FlushDecompress::Sync);
            let taken = usize::try_from(state.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(state.total_out() - before_out).unwrap_or(usize::MAX);
            input = input.get(taken..).unwrap_or_default();
            keep(&scratch[..made], plain, limit)?;
            match done {
                // The peer ends the stream that all further headers need.
                Ok(Status::StreamEnd) => return Err(Fault::Compression),
                Ok(Status::Ok | Status::BufError) if input.is_empty() && made < scratch.len() => {
                    return Ok(());
                }
                Ok(Status::Ok | Status::BufError) if taken == 0 && made == 0 => {
                    return Err(Fault::Compression);
                }
                Ok(Status::Ok | Status::BufError) => {}
                Err(error) => match error.needs_dictionary() {
                    Some(DICTIONARY_ID) => {
                        state.set_dictionary(DICTIONARY).ok().ok_or(Fault::Compression)?;
                    }
                    Some(other) => return Err(Fault::Dictionary(other)),
                    None => return Err(Fault::Compression),
                },
            }
        }
    }
}

fn keep(made: &[u8], plain: &mut Plain, limit: usize) -> Result<(), Fault> {
    plain.total += made.len();
    if plain.total > limit.saturating_mul(OVERRUN) {
        return Err(Fault::Limit { name: "header_bytes" });
    }
    if plain.total <= limit {
        plain.bytes.extend_from_slice(made);
    }
    Ok(())
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflate(inflater: &mut Inflater, block: &[u8], limit: usize) -> Result<Plain, Fault> {
        let mut plain = Plain { bytes: Vec::new(), total: 0 };
        inflater.part(block, &mut plain, limit).map(|()| plain)
    }

    #[test]
    fn blocks_share_one_stream_and_end_where_they_end() {
        for compress in [true, false] {
            let (mut deflater, mut inflater) = (Deflater::new(compress), Inflater::new());
            for round in 0..50 {
                let text = vec![b'a' + round; usize::from(round) * 97];
                let mut block = Vec::new();
                deflater.block([b"head", &text], &mut block).unwrap();
                assert!(block.ends_with(&[0, 0, 0xff, 0xff]), "{compress} {round}");
                assert_eq!(round == 0, block[2..].starts_with(&DICTIONARY_ID.to_be_bytes()));
                let plain = inflate(&mut inflater, &block, 1 << 16).unwrap();
                assert_eq!(plain.bytes, [b"head", &text[..]].concat());
            }
        }
    }

    #[test]
    fn a_bomb_is_a_limit_and_a_large_block_is_not() {
        let (mut deflater, mut inflater) = (Deflater::new(true), Inflater::new());
        let mut block = Vec::new();
        deflater.block([b"", &vec![0; 16_000]], &mut block).unwrap();
        let plain = inflate(&mut inflater, &block, 1000).unwrap();
        assert_eq!(plain.total, 16_000);
        assert!(plain.bytes.len() <= 1000);
        block.clear();
        deflater.block([b"", &vec![0; 16_001]], &mut block).unwrap();
        let bomb = inflate(&mut inflater, &block, 1000).err();
        assert_eq!(bomb, Some(Fault::Limit { name: "header_bytes" }));
    }

    #[test]
    fn another_dictionary_none_and_an_end_break_the_stream() {
        let mut state = Compress::new(Compression::fast(), true);
        state.set_dictionary(b"another").unwrap();
        let mut block = Vec::with_capacity(100);
        state.compress_vec(b"x", &mut block, FlushCompress::Sync).unwrap();
        let fault = inflate(&mut Inflater::new(), &block, 100).err().unwrap();
        assert!(matches!(fault, Fault::Dictionary(_)), "{fault}");
        let mut ended = Vec::with_capacity(2000);
        let mut state = Compress::new(Compression::fast(), true);
        state.set_dictionary(DICTIONARY).unwrap();
        state.compress_vec(b"x", &mut ended, FlushCompress::Finish).unwrap();
        for bad in [&ended[..], b"GET / HTTP/1.1"] {
            assert_eq!(inflate(&mut Inflater::new(), bad, 100).err(), Some(Fault::Compression));
        }
        // Without a dictionary the text says all: nothing is wrong with it.
        let mut block = Vec::with_capacity(100);
        let mut state = Compress::new(Compression::fast(), true);
        state.compress_vec(b"x", &mut block, FlushCompress::Sync).unwrap();
        assert_eq!(inflate(&mut Inflater::new(), &block, 100).unwrap().bytes, b"x");
    }
}
