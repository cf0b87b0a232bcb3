//! The kernel's words of FUSE, read and written byte by byte in the machine's order. Every size is looked at; nothing here knows what
//! the files say. Sources: linux/fuse.h, kernel Documentation/filesystems/fuse/fuse.rst, fuse(4).
//!
//! ```text
//! request:  length u32, operation u32, unique u64, node u64, uid u32, gid u32, pid u32, extensions u16, padding u16 | body
//! answer:   length u32, error i32, unique u64 | body
//! ```

/// The protocol's major version, and the minor one that answers here are written in; the kernel's own must be at least that of
/// [`LEAST_MINOR`], since which `INIT` is answered in its present length.
pub(super) const MAJOR: u32 = 7;
pub(super) const MINOR: u32 = 31;
pub(super) const LEAST_MINOR: u32 = 23;
/// The kernel reads into nothing smaller: `FUSE_MIN_READ_BUFFER`, which also holds the largest write that [`MOST_WRITTEN`] lets it send.
pub(super) const BUFFER: usize = 8192;
pub(super) const MOST_WRITTEN: u32 = 4096;
/// `sizeof(struct fuse_in_header)`, and that of `struct fuse_out_header`.
const IN_HEADER: usize = 40;
const OUT_HEADER: usize = 16;
/// Room for every answer but the content of a file: the list of the directory is the longest.
const MOST_OUT: usize = 1024;

/// The file does not go through the page cache; a close asks nothing.
pub(super) const DIRECT_IO: u32 = 1;
pub(super) const NO_FLUSH: u32 = 1 << 5;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    LookUp,
    Forget,
    BatchForget,
    GetAttributes,
    Open,
    Read,
    Release,
    OpenDirectory,
    ReadDirectory,
    ReleaseDirectory,
    FileSystem,
    Access,
    Begin,
    Interrupt,
    End,
    /// What is not known here.
    Other,
}

impl Operation {
    /// enum fuse_opcode.
    const fn of(number: u32) -> Self {
        match number {
            1 => Self::LookUp,
            2 => Self::Forget,
            3 => Self::GetAttributes,
            14 => Self::Open,
            15 => Self::Read,
            17 => Self::FileSystem,
            18 => Self::Release,
            26 => Self::Begin,
            27 => Self::OpenDirectory,
            28 => Self::ReadDirectory,
            29 => Self::ReleaseDirectory,
            34 => Self::Access,
            36 => Self::Interrupt,
            38 => Self::End,
            42 => Self::BatchForget,
            _ => Self::Other,
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) operation: Operation,
    pub(super) unique: u64,
    pub(super) node: u64,
    pub(super) body: Fields<'a>,
}

impl<'a> Request<'a> {
    /// What was read; nothing where it is not as long as it says.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut head = Fields(bytes.get(..IN_HEADER)?);
        let length = usize::try_from(head.u32()?).ok()?;
        let operation = Operation::of(head.u32()?);
        let (unique, node) = (head.u64()?, head.u64()?);
        if length != bytes.len() {
            return None;
        }
        Some(Self { operation, unique, node, body: Fields(bytes.get(IN_HEADER..)?) })
    }
}

/// What is left of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (first, rest) = self.0.split_first_chunk::<SIZE>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_ne_bytes)
    }

    /// A name that ends with a zero.
    pub(super) fn name(self) -> Option<&'a [u8]> {
        self.0.split(|byte| *byte == 0).next().filter(|name| name.len() < self.0.len())
    }
}

/// An answer that is being written; what does not fit marks it as one that is none.
#[derive(Debug)]
pub(super) struct Out {
    bytes: [u8; MOST_OUT],
    length: usize,
    too_long: bool,
}

impl Out {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; MOST_OUT], length: OUT_HEADER, too_long: false }
    }

    /// Forgets what was written.
    pub(super) const fn clear(&mut self) {
        (self.length, self.too_long) = (OUT_HEADER, false);
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.bytes.get_mut(self.length..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            None => self.too_long = true,
        }
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.put(&value.to_ne_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.put(&value.to_ne_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.put(&value.to_ne_bytes());
    }

    /// How long the body is by now.
    pub(super) const fn body(&self) -> usize {
        self.length - OUT_HEADER
    }

    /// The whole answer.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Makes it one with so many bytes of content behind it; an error has no body.
    pub(super) fn finish(&mut self, unique: u64, error: i32, content: usize) {
        let error = if self.too_long { libc::EIO } else { error };
        if error != 0 {
            self.length = OUT_HEADER;
        }
        let length = u32::try_from(self.length + content).unwrap_or(u32::MAX);
        let end = self.length;
        self.length = 0;
        self.too_long = false;
        self.u32(length);
        self.put(&(-error).to_ne_bytes());
        self.u64(unique);
        self.length = end;
    }
}

/// What the kernel knows of a node, struct fuse_attr: 88 bytes.
pub(super) fn put_attributes(out: &mut Out, (node, mode): (u64, u32), size: u64, made: u64) {
    // Number, size, blocks, three times.
    for value in [node, size, 0, made, made, made] {
        out.u64(value);
    }
    let links = if mode & libc::S_IFMT == libc::S_IFDIR { 2 } else { 1 };
    // Nanoseconds of the three times, mode, links, owner, group, device, size of a block, flags.
    for value in [0, 0, 0, mode, links, 0, 0, 0, MOST_WRITTEN, 0] {
        out.u32(value);
    }
}

/// One entry of a directory, struct fuse_dirent; `next` is the offset of the one behind it.
pub(super) fn put_entry(out: &mut Out, (node, kind): (u64, u32), next: u64, name: &[u8]) {
    out.u64(node);
    out.u64(next);
    out.u32(u32::try_from(name.len()).unwrap_or(0));
    out.u32(kind);
    out.put(name);
    out.put(&[0; 8][..name.len().next_multiple_of(8) - name.len()]);
}

/// How long such an entry is.
pub(super) const fn entry_length(name: &[u8]) -> usize {
    24 + name.len().next_multiple_of(8)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As the kernel writes it.
    pub(in super::super) fn request(operation: u32, node: u64, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(IN_HEADER + body.len()).unwrap();
        let mut bytes = Vec::new();
        bytes.extend(length.to_ne_bytes());
        bytes.extend(operation.to_ne_bytes());
        bytes.extend(77_u64.to_ne_bytes());
        bytes.extend(node.to_ne_bytes());
        bytes.extend([0; 16]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_request_is_as_long_as_it_says() {
        let whole = request(1, 1, b"meminfo\0");
        let parsed = Request::parse(&whole).unwrap();
        assert_eq!((parsed.operation, parsed.unique, parsed.node), (Operation::LookUp, 77, 1));
        assert_eq!(parsed.body.name(), Some(&b"meminfo"[..]));
        for length in 0..whole.len() {
            assert!(Request::parse(&whole[..length]).is_none(), "{length}");
        }
        assert!(Request::parse(&[&whole[..], b"x"].concat()).is_none());
        let endless = request(1, 1, b"meminfo");
        assert_eq!(Request::parse(&endless).unwrap().body.name(), None, "no end");
    }

    #[test]
    fn structures_have_the_kernels_sizes() {
        let mut out = Out::new();
        put_attributes(&mut out, (2, 0o100_444), 0, 5);
        assert_eq!(out.body(), 88, "sizeof(struct fuse_attr)");
        out.clear();
        put_entry(&mut out, (2, 8), 1, b"meminfo");
        assert_eq!(out.body(), 32);
        assert_eq!(out.body(), entry_length(b"meminfo"));
        out.clear();
        put_entry(&mut out, (2, 8), 1, b"diskstat");
        assert_eq!(out.body(), entry_length(b"diskstat"));
        assert_eq!(out.body(), 32);
        out.finish(7, libc::ENOENT, 0);
        let answer = out.bytes();
        assert_eq!(answer.len(), OUT_HEADER);
        assert_eq!(answer[..4], 16_u32.to_ne_bytes());
        assert_eq!(answer[4..8], (-libc::ENOENT).to_ne_bytes());
        out.clear();
        out.put(&[0; MOST_OUT]);
        out.finish(7, 0, 0);
        assert_eq!(out.bytes()[4..8], (-libc::EIO).to_ne_bytes(), "no room");
    }
}
