//! Fields that are named by a number: 61 that are always there, and those that a direction has had last. Source: RFC 7541, section 2.3 and
//! appendix A.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Field;

/// What an entry counts beside its bytes. RFC 7541, section 4.1.
const ENTRY: usize = 32;
/// The size that a table begins with. RFC 9113, section 6.5.2.
const BEGIN: usize = 4096;

/// The fields of one direction.
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<Field>,
    size: usize,
    most: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, most: BEGIN }
    }
}

impl Table {
    /// The field of a number, the first of which is 1.
    pub(super) fn get(&self, number: usize) -> Option<Field> {
        let at = number.checked_sub(1)?;
        if let Some((name, value)) = ALWAYS.get(at) {
            return Some((Bytes::from_static(name), Bytes::from_static(value)));
        }
        self.entries.get(at - ALWAYS.len()).cloned()
    }

    /// One that is larger than the table leaves it empty. RFC 7541, section 4.4.
    pub(super) fn add(&mut self, field: Field) {
        self.size += size(&field);
        self.entries.push_front(field);
        self.evict();
    }

    pub(super) fn resize(&mut self, most: usize) {
        self.most = most;
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.most
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= size(&oldest);
        }
    }
}

/// What a field counts.
pub(super) fn size((name, value): &Field) -> usize {
    name.len() + value.len() + ENTRY
}

const ALWAYS: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];
