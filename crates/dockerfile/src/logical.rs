//! Instructions as they are written over several lines, joined to one, with the way back to where each byte was.
//!
//! A line goes on when its last character before blanks is the escape character and the one before that is not. Comments between
//! are passed over, and empty lines, which are told. Start at [`Reader::next`].

use std::ops::Range;

use crate::source::{Source, Span, Spanned};

/// One instruction's line, joined.
#[derive(Clone, Debug)]
pub(crate) struct Logical {
    pub(crate) text: String,
    pieces: Vec<Piece>,
    /// From its first character to its last, in the source.
    pub(crate) span: Span,
    /// Empty lines in it.
    pub(crate) empty_lines: Vec<Span>,
}

/// From `at` on, the joined text stands in the source from `source` on.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    source: usize,
}

impl Logical {
    /// Where a part of the joined text is written.
    pub(crate) fn place(&self, part: Range<usize>) -> Span {
        let start = self.place_of(part.start);
        let end = if part.end > part.start { self.place_of(part.end - 1) + 1 } else { start };
        Span::new(start, end)
    }

    /// A part of the text with its place.
    pub(crate) fn part(&self, part: Range<usize>) -> Spanned<String> {
        let value = self.text.get(part.clone()).unwrap_or_default().to_owned();
        Spanned::new(value, self.place(part))
    }

    /// The parts of the source that the text is made of; comments between are in none.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Span> {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.at).chain([self.text.len()]);
        self.pieces
            .iter()
            .zip(ends)
            .map(|(piece, end)| Span::new(piece.source, piece.source + (end - piece.at)))
    }

    fn place_of(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|piece| piece.at <= at).saturating_sub(1);
        self.pieces.get(piece).map_or(self.span.start, |piece| piece.source + (at - piece.at))
    }
}

/// What stands next in a file.
#[derive(Debug)]
pub(crate) enum Item {
    /// A comment's words, without `#`.
    Comment(Spanned<String>),
    /// A line of nothing.
    Blank,
    /// An instruction.
    Instruction(Logical),
}

/// Walks over the lines of a text.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    source: &'a Source,
    next: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, next: 0 }
    }

    /// Passes over so many lines.
    pub(crate) fn skip(&mut self, lines: usize) {
        self.next += lines;
    }

    /// One line as it is, with its end, for heredocs.
    pub(crate) fn line(&mut self) -> Option<(usize, &'a str)> {
        let line = self.source.whole_line(self.next)?;
        self.next += 1;
        Some(line)
    }

    /// What stands next, `None` at the end.
    pub(crate) fn next(&mut self, escape: char) -> Option<Item> {
        let (start, line) = self.line()?;
        let line = line.trim_end_matches(['\r', '\n']);
        let text = line.trim_start();
        if text.is_empty() {
            return Some(Item::Blank);
        }
        let start = start + (line.len() - text.len());
        if let Some(comment) = text.strip_prefix('#') {
            let words = comment.trim();
            let at = start + 1 + (comment.len() - comment.trim_start().len());
            return Some(Item::Comment(Spanned::new(
                words.to_owned(),
                Span::new(at, at + words.len()),
            )));
        }
        Some(Item::Instruction(self.joined(start, text, escape)))
    }

    fn joined(&mut self, start: usize, text: &str, escape: char) -> Logical {
        let (content, mut goes_on) = continued(text, escape);
        let mut logical = Logical {
            text: content.to_owned(),
            pieces: vec![Piece { at: 0, source: start }],
            span: Span::new(start, start + content.trim_end().len()),
            empty_lines: Vec::new(),
        };
        while goes_on {
            let Some((start, line)) = self.line() else { break };
            let line = line.trim_end_matches(['\r', '\n']);
            let words = line.trim_start();
            if words.starts_with('#') {
                continue;
            }
            if words.is_empty() {
                logical.empty_lines.push(Span::new(start, start));
                continue;
            }
            let (content, more) = continued(line, escape);
            goes_on = more;
            if !content.is_empty() {
                logical.pieces.push(Piece { at: logical.text.len(), source: start });
                logical.text.push_str(content);
            }
            if !content.trim().is_empty() {
                logical.span.end = start + content.trim_end().len();
            }
        }
        logical
    }
}

/// The line without the escape character that makes it go on, and whether it does.
fn continued(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(before) if !before.ends_with(escape) => (before, true),
        _ => (line, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str, escape: char) -> Logical {
        let source = Source::new(text.as_bytes());
        match Reader::new(&source).next(escape) {
            Some(Item::Instruction(logical)) => logical,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_are_joined() {
        assert_eq!(only("RUN a\\\n  b \\  \nc", '\\').text, "RUN a  b c");
        assert_eq!(only("  RUN a \\\n# no\n\n \t# no\\\nb\nRUN c", '\\').text, "RUN a b");
        assert_eq!(only("RUN a \\\n\n  \nb", '\\').empty_lines.len(), 2);
        assert_eq!(only("RUN a \\", '\\').text, "RUN a ");
        assert_eq!(only("ENV C trailing\\\\\nENV D", '\\').text, "ENV C trailing\\\\");
        assert_eq!(only("RUN dir c:\\\nx", '`').text, "RUN dir c:\\");
        assert_eq!(only("RUN a `\r\nb\r\n", '`').text, "RUN a b");
    }

    #[test]
    fn every_byte_knows_where_it_was() {
        let text = "  RUN one \\\n# comment\n\n  two\\\nthree";
        let logical = only(text, '\\');
        assert_eq!(logical.text, "RUN one   twothree");
        for word in ["RUN", "one", "two", "three"] {
            let at = logical.text.find(word).unwrap();
            let span = logical.place(at..at + word.len());
            assert_eq!(&text[span.start..span.end], word);
        }
        assert_eq!(logical.span, Span::new(2, text.len()));
    }
}
