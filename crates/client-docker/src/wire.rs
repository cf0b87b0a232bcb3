//! HTTP/1.1 on a connection: heads are read, bodies framed. RFC 9112.

use std::io::{self, ErrorKind, Read};

use crate::link::Link;

/// No head is longer.
const MOST_HEAD: usize = 64 * 1024;
/// No line of a chunk's length is longer.
const MOST_LINE: usize = 1024;
const MOST_HEADERS: usize = 100;
const CHUNK: usize = 32 * 1024;

/// A connection, and what was read of it too far.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) link: Link,
    buffer: Vec<u8>,
    at: usize,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Names in small letters.
    headers: Vec<(String, String)>,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes more.
    Length(u64),
    /// Chunks: bytes left of this one; nothing before the first.
    Chunked(Option<u64>),
    /// Until the connection ends.
    ToEnd,
    /// It has been read.
    Over,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// How the body is framed; that of an answer to HEAD is not there. RFC 9112, 6.3.
    pub(crate) fn framing(&self, is_head: bool) -> Result<Framing, &'static str> {
        if is_head || matches!(self.status, 100..200 | 204 | 304) {
            return Ok(Framing::Over);
        }
        if self.header("transfer-encoding").is_some_and(|how| how.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked(None));
        }
        match self.header("content-length") {
            Some(text) => match text.parse() {
                Ok(0) => Ok(Framing::Over),
                Ok(length) => Ok(Framing::Length(length)),
                Err(_no_number) => Err("its length is no number"),
            },
            None => Ok(Framing::ToEnd),
        }
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|how| how.eq_ignore_ascii_case("close"))
    }
}

impl Wire {
    pub(crate) const fn new(link: Link) -> Self {
        Self { link, buffer: Vec::new(), at: 0 }
    }

    /// What was read too far.
    pub(crate) fn into_parts(self) -> (Link, Vec<u8>) {
        let rest = self.buffer.get(self.at..).unwrap_or_default().to_vec();
        (self.link, rest)
    }

    /// Whether nothing was read too far: another request may follow.
    pub(crate) fn is_clean(&self) -> bool {
        self.at == self.buffer.len()
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Reads on; gives how much came.
    fn fill(&mut self) -> io::Result<usize> {
        if self.is_clean() {
            self.buffer.clear();
            self.at = 0;
        }
        let length = self.buffer.len();
        self.buffer.resize(length + CHUNK, 0);
        let read = loop {
            match self.link.stream.read(self.buffer.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(length + read.as_ref().copied().unwrap_or(0));
        read
    }

    /// The next head that is no `100 Continue`.
    pub(crate) fn head(&mut self) -> io::Result<Head> {
        loop {
            let head = self.any_head()?;
            if head.status != 100 {
                return Ok(head);
            }
        }
    }

    fn any_head(&mut self) -> io::Result<Head> {
        let foreign = |why: &str| io::Error::new(ErrorKind::InvalidData, why.to_owned());
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut parsed = httparse::Response::new(&mut headers);
            match parsed.parse(self.rest()) {
                Ok(httparse::Status::Complete(length)) => {
                    let headers = parsed.headers.iter().map(|header| {
                        let value = String::from_utf8_lossy(header.value).trim().to_owned();
                        (header.name.to_ascii_lowercase(), value)
                    });
                    let head =
                        Head { status: parsed.code.unwrap_or(0), headers: headers.collect() };
                    self.at += length;
                    return Ok(head);
                }
                Ok(httparse::Status::Partial) if self.rest().len() > MOST_HEAD => {
                    return Err(foreign("the head of its answer has no end"));
                }
                Ok(httparse::Status::Partial) => {
                    if self.fill()? == 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(_foreign) => return Err(foreign("what it answers is no HTTP")),
            }
        }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.rest().iter().position(|byte| *byte == b'\n') {
                let line = self.rest().get(..end).unwrap_or_default().trim_ascii().to_vec();
                self.at += end + 1;
                return Ok(line);
            }
            if self.rest().len() > MOST_LINE {
                return Err(io::Error::new(ErrorKind::InvalidData, "a chunk has no length"));
            }
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_clean() && self.fill()? == 0 {
            return Ok(0);
        }
        let rest = self.rest();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }

    /// Reads of a body.
    pub(crate) fn body(&mut self, framing: &mut Framing, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Framing::Chunked(None | Some(0)) = framing {
            self.next_chunk(framing)?;
        }
        let left = match framing {
            Framing::Over => return Ok(0),
            Framing::ToEnd => {
                let count = self.some(buffer)?;
                if count == 0 {
                    *framing = Framing::Over;
                }
                return Ok(count);
            }
            Framing::Length(left) | Framing::Chunked(Some(left)) => left,
            Framing::Chunked(None) => return Err(ErrorKind::InvalidData.into()),
        };
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.some(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        *left -= count as u64;
        if *framing == Framing::Length(0) {
            *framing = Framing::Over;
        }
        Ok(count)
    }

    fn next_chunk(&mut self, framing: &mut Framing) -> io::Result<()> {
        if *framing == Framing::Chunked(Some(0)) {
            // The end of the line behind the one before.
            self.line()?;
        }
        let line = self.line()?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        let length = u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
        let length = length
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a chunk has no length"))?;
        *framing = Framing::Chunked(Some(length));
        if length == 0 {
            while !self.line()?.is_empty() {}
            *framing = Framing::Over;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn wire(text: &[u8]) -> Wire {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(text).unwrap();
        Wire::new(Link::over(ours))
    }

    fn whole(text: &[u8]) -> io::Result<(u16, String)> {
        let mut wire = wire(text);
        let head = wire.head()?;
        let mut framing = head.framing(false).map_err(io::Error::other)?;
        let (mut body, mut buffer) = (Vec::new(), [0; 3]);
        loop {
            match wire.body(&mut framing, &mut buffer)? {
                0 => return Ok((head.status, String::from_utf8(body).unwrap())),
                count => body.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn bodies_are_framed() {
        for (text, body) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellomore"[..], "hello"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n", "hello"),
            (b"HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        ] {
            assert_eq!(whole(text).unwrap(), (200, body.to_owned()));
        }
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\n\r\nxx").unwrap(), (204, String::new()));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in [
            &b""[..],
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nhel\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel",
        ] {
            assert!(whole(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
