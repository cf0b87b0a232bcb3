//! Documents that stand in the file: `<<WORD`, `<<-WORD`, `3<<WORD`, with a quoted word when nothing is to be expanded.

use std::ops::Range;

use crate::error::Cause;
use crate::expand::{ExpandError, Lexer, Quotes};
use crate::logical::{Logical, Reader};
use crate::source::{Span, Spanned};

/// A document of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// Its word, which is the name of the file that `COPY` and `ADD` make of it.
    pub name: Spanned<String>,
    /// Its lines as they are written.
    pub body: Spanned<String>,
    /// Whether variables are put in; a quoted word says no.
    pub expand: bool,
    /// `<<-`: tabs at the beginning of lines go.
    pub strip_tabs: bool,
    /// The descriptor before `<<`, 0 when there is none.
    pub descriptor: u32,
}

impl Heredoc {
    /// The document's text, without tabs that go.
    #[must_use]
    pub fn text(&self) -> String {
        if !self.strip_tabs {
            return self.body.value.clone();
        }
        self.body.value.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
    }
}

/// A word that begins a document.
pub(crate) struct Opening {
    pub(crate) name: String,
    pub(crate) expand: bool,
    pub(crate) strip_tabs: bool,
    pub(crate) descriptor: u32,
}

/// Reads `<<WORD`, alone. `None` when the text is something else.
pub(crate) fn opening(text: &str) -> Result<Option<Opening>, ExpandError> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let Some(rest) = text[digits..].strip_prefix("<<") else { return Ok(None) };
    let (strip_tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let word = rest.trim_start();
    if word.is_empty() || word.contains('<') {
        return Ok(None);
    }
    let lexer = Lexer { keep_undefined: true, ..Lexer::new('\\') };
    let plain = lexer.word(word, &())?.words;
    let kept = Lexer { quotes: Quotes::Keep, ..lexer }.word(word, &())?.words;
    let ([name], [kept]) = (plain.as_slice(), kept.as_slice()) else { return Ok(None) };
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    Ok(Some(Opening {
        expand: quotes(name) == quotes(kept),
        name: name.clone(),
        strip_tabs,
        descriptor: text[..digits].parse().unwrap_or(0),
    }))
}

/// The documents that an instruction's line begins, in order. Words that cannot be read begin none.
fn openings(line: &str) -> Result<Vec<Opening>, ExpandError> {
    let lexer = Lexer {
        quotes: Quotes::Keep,
        keep_escapes: true,
        keep_undefined: true,
        ..Lexer::new('\\')
    };
    let words = lexer.word(line, &()).map(|found| found.words).unwrap_or_default();
    words.iter().filter_map(|word| opening(word).transpose()).collect()
}

/// Reads the documents of an instruction from the lines that follow it.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    logical: &Logical,
) -> Result<Vec<Heredoc>, (Span, Cause)> {
    if !logical.text.contains("<<") {
        return Ok(Vec::new());
    }
    let openings = openings(&logical.text).map_err(|problem| {
        (logical.span, Cause::Expand { text: logical.text.clone(), problem: Box::new(problem) })
    })?;
    let mut found = Vec::new();
    let mut from = 0;
    for opening in openings {
        let part = part_of(&logical.text, from, &opening.name);
        from = part.end;
        let place = logical.place(part);
        found.push(body(reader, opening, place)?);
    }
    Ok(found)
}

/// Where the opening of that name stands, from `from` on.
fn part_of(line: &str, from: usize, name: &str) -> Range<usize> {
    let rest = &line[from..];
    for (at, _) in rest.match_indices("<<") {
        let behind = rest[at..].trim_start_matches(['<', '-', ' ', '\t', '\r']);
        let length = match behind.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                behind[1..].find(quote).map_or(behind.len(), |end| end + 2)
            }
            _ => 0,
        };
        let more = behind[length..].find(char::is_whitespace).unwrap_or(behind.len() - length);
        let end = rest.len() - behind.len() + length + more;
        if opening(&rest[at..end]).is_ok_and(|found| found.is_some_and(|found| found.name == name))
        {
            return from + at..from + end;
        }
    }
    from..line.len()
}

fn body(reader: &mut Reader<'_>, opening: Opening, place: Span) -> Result<Heredoc, (Span, Cause)> {
    let mut text = String::new();
    let mut span: Option<Span> = None;
    while let Some((start, line)) = reader.line() {
        let bare = line.trim_end_matches(['\r', '\n']);
        let end = if opening.strip_tabs { bare.trim_start_matches('\t') } else { bare };
        if end == opening.name {
            return Ok(Heredoc {
                name: Spanned::new(opening.name, place),
                body: Spanned::new(text, span.unwrap_or(Span::new(start, start))),
                expand: opening.expand,
                strip_tabs: opening.strip_tabs,
                descriptor: opening.descriptor,
            });
        }
        text.push_str(line);
        let here = Span::new(start, start + line.len());
        span = Some(span.map_or(here, |span| span.join(here)));
    }
    Err((place, Cause::HeredocOpen { name: opening.name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_begin_a_document() {
        let name =
            |text: &str| opening(text).map(|found| found.map(|found| (found.name, found.expand)));
        let some = |name: &str, expand| Ok(Some((name.to_owned(), expand)));
        for text in ["<<EOF", "<<-EOF", "<< EOF", "<<- EOF", "7<<EOF"] {
            assert_eq!(name(text), some("EOF", true), "{text}");
        }
        for text in ["<<'EOF'", "<<\"EOF\"", "<<-'EOF'", "<<EO\"F\""] {
            assert_eq!(name(text), some("EOF", false), "{text}");
        }
        assert_eq!(name(r"<<eo\'f"), some("eo'f", true));
        assert_eq!(name(r"<<'e'o\'f"), some("eo'f", false));
        assert_eq!(name("<<'one two'"), some("one two", false));
        assert_eq!(name("<<$EOF"), some("$EOF", true));
        for text in ["", "EOF", "<<", "<<-", "<EOF", "<<<EOF", "<<EOF sh", "x<<EOF"] {
            assert_eq!(name(text), Ok(None), "{text}");
        }
        for text in ["<<'EOF", "<<\"EOF", "<<EOF'", "<<EOF\""] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
