//! Searching memory by the C library, which chooses the processor's widest instructions when the program starts.

/// Where the first such byte is. memchr(3).
#[must_use]
pub fn find_byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    let start = bytes.as_ptr();
    // SAFETY: exactly the bytes of the slice are read, which outlives the call.
    let found = unsafe { libc::memchr(start.cast(), i32::from(byte), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - start.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_and_reads_no_further() {
        assert_eq!(find_byte(b'x', b"abxcx"), Some(2));
        assert_eq!(find_byte(b'x', &b"abx"[..2]), None);
        assert_eq!(find_byte(0xff, &[0, 0xff]), Some(1));
        assert_eq!(find_byte(0, &[]), None);
    }
}
