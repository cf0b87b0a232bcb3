//! Archives that no honest writer makes: header blocks field by field.

use store::tar::BLOCK_BYTES;

/// An archive in the making.
#[derive(Default)]
pub(crate) struct Forge {
    pub(crate) bytes: Vec<u8>,
}

impl Forge {
    /// A header as POSIX writers make it; its contents are the caller's business.
    pub(crate) fn header(self, flag: u8, name: &str, size: u64) -> Self {
        self.link(flag, name, "", size)
    }

    pub(crate) fn link(self, flag: u8, name: &str, link: &str, size: u64) -> Self {
        self.block(flag, name, size, |block| {
            block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        })
    }

    /// The same with a hand on the block before its checksum is made.
    pub(crate) fn block(
        mut self,
        flag: u8,
        name: &str,
        size: u64,
        change: impl Fn(&mut [u8; BLOCK_BYTES]),
    ) -> Self {
        let mut block = [0; BLOCK_BYTES];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(b"0000755");
        block[108..115].copy_from_slice(b"0000000");
        block[116..123].copy_from_slice(b"0000000");
        block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        block[136..147].copy_from_slice(b"07777777777");
        block[156] = flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut block);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.bytes.extend_from_slice(&block);
        self
    }

    /// Bytes, filled up to a block.
    pub(crate) fn data(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        self
    }

    pub(crate) fn file(self, name: &str, contents: &[u8]) -> Self {
        self.header(b'0', name, contents.len() as u64).data(contents)
    }

    /// A PAX header with these records.
    pub(crate) fn pax(self, flag: u8, records: &[(&str, &str)]) -> Self {
        let mut bytes = Vec::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length = (1..)
                .find(|length: &usize| length.to_string().len() + rest.len() == *length)
                .unwrap_or(0);
            bytes.extend_from_slice(format!("{length}{rest}").as_bytes());
        }
        self.header(flag, "pax", bytes.len() as u64).data(&bytes)
    }

    /// The archive with its end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK_BYTES, 0);
        self.bytes
    }
}
