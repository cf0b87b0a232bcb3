//! The text of a Dockerfile and places in it. Start at [`Source::new`].

/// The byte order mark, which editors on other systems put before UTF-8.
const MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// The text, and where its lines begin.
#[derive(Clone, Debug)]
pub struct Source {
    text: String,
    line_starts: Vec<usize>,
    /// Where something stands for bytes that were not UTF-8, in order.
    replaced: Vec<usize>,
}

/// A place in the text: bytes from `start` up to `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

/// A value and where it is written. What was unquoted or joined over several lines is not the same as the text of its span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spanned<T> {
    /// What is meant.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

/// Line and column as editors count them: from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From one.
    pub line: usize,
    /// From one, in characters.
    pub column: usize,
}

impl Span {
    /// From `start` up to `end`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Another value at the same place.
    pub fn with<U>(&self, value: U) -> Spanned<U> {
        Spanned { value, span: self.span }
    }
}

impl Source {
    /// Takes a file's bytes. A byte order mark is dropped. What is no UTF-8 becomes U+FFFD and is refused where it means
    /// something; in comments it does no harm.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
        let mut text = String::with_capacity(bytes.len());
        let mut replaced = Vec::new();
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                replaced.push(text.len());
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut line_starts: Vec<usize> =
            std::iter::once(0).chain(starts.map(|(at, _)| at + 1)).collect();
        if line_starts.last() == Some(&text.len()) {
            line_starts.pop();
        }
        Self { text, line_starts, replaced }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.line_starts.len()
    }

    /// The text of a span; empty when it is not of this text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// A line, counted from one, without its end.
    #[must_use]
    pub fn line(&self, number: usize) -> &str {
        let whole = self.whole_line(number.wrapping_sub(1)).map_or("", |(_, line)| line);
        whole.trim_end_matches(['\r', '\n'])
    }

    /// Where a byte is. Behind the text is the end of its last line.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }

    /// Where a span begins and ends; the end is the last character's place, not the one behind.
    #[must_use]
    pub fn range(&self, span: Span) -> (Position, Position) {
        let last = self.slice(span).char_indices().next_back().map_or(0, |(at, _)| at);
        (self.position(span.start), self.position(span.start + last))
    }

    /// A line, counted from zero, with its end, and where it begins.
    pub(crate) fn whole_line(&self, index: usize) -> Option<(usize, &str)> {
        let start = *self.line_starts.get(index)?;
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).map(|line| (start, line))
    }

    /// The first place in a span where there was no UTF-8.
    pub(crate) fn not_utf8(&self, span: Span) -> Option<Span> {
        let at = *self.replaced.get(self.replaced.partition_point(|place| *place < span.start))?;
        (at < span.end).then(|| Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let source = Source::new("\u{feff}FROM é\r\nRUN x\n".as_bytes());
        assert_eq!(source.lines(), 2);
        assert_eq!(source.line(1), "FROM é");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(7), Position { line: 1, column: 7 });
        assert_eq!(source.position(13), Position { line: 2, column: 5 });
        assert_eq!(source.position(9000), Position { line: 2, column: 7 });
        assert_eq!(source.line(0), "");
        assert_eq!(source.line(9), "");
    }

    #[test]
    fn what_is_no_utf8_is_known() {
        let source = Source::new(b"# caf\xe9\nRUN \xff\xfe x");
        assert!(source.not_utf8(Span::new(0, 5)).is_none());
        assert_eq!(source.not_utf8(Span::new(0, 9)), Some(Span::new(5, 8)));
        assert_eq!(source.not_utf8(Span::new(9, 40)), Some(Span::new(13, 16)));
    }
}
