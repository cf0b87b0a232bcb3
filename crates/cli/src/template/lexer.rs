//! A template's text as literal pieces and the words inside `{{ }}`.

use super::TemplateError;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Action(Vec<Word>),
}

/// A word of an action.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// `.A.B`; none is the dot itself.
    Field(Vec<String>),
    /// `$x`, perhaps with fields.
    Variable(String, Vec<String>),
    Name(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Open,
    /// A closing parenthesis, perhaps with fields of what it closes.
    Close(Vec<String>),
    Pipe,
    Declare,
    Assign,
    Comma,
}

pub(super) fn lex(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trim_next = false;
    while let Some(start) = rest.find("{{") {
        let (literal, after) =
            (rest.get(..start).unwrap_or_default(), rest.get(start + 2..).unwrap_or_default());
        let trims_left =
            after.starts_with("- ") || after.starts_with("-\t") || after.starts_with("-\n");
        push_text(&mut pieces, literal, trim_next, trims_left);
        let after = if trims_left { after.get(2..).unwrap_or_default() } else { after };
        let end = end_of_action(after)?;
        let inside = after.get(..end).unwrap_or_default();
        rest = after.get(end + 2..).unwrap_or_default();
        trim_next = inside.ends_with(" -") || inside.ends_with("\t-");
        let inside =
            if trim_next { inside.get(..inside.len() - 2).unwrap_or_default() } else { inside };
        if !inside.trim().starts_with("/*") {
            pieces.push(Piece::Action(words(inside)?));
        }
    }
    push_text(&mut pieces, rest, trim_next, false);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, trim_start: bool, trim_end: bool) {
    let text = if trim_start { text.trim_start() } else { text };
    let text = if trim_end { text.trim_end() } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Where `}}` stands outside of quotes.
fn end_of_action(text: &str) -> Result<usize, TemplateError> {
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '}') if text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => {
                return Ok(at);
            }
            (None, '"' | '`' | '\'') => quote = Some(letter),
            (Some('"' | '\''), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), letter) if open == letter && !escaped => quote = None,
            _ => {}
        }
        escaped = false;
    }
    Err(TemplateError(
        if quote.is_some() { "unterminated quoted string" } else { "unclosed action" }.to_owned(),
    ))
}

fn words(text: &str) -> Result<Vec<Word>, TemplateError> {
    let mut words = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        match letter {
            ' ' | '\t' | '\n' | '\r' => at += 1,
            '(' => push(&mut words, &mut at, Word::Open),
            '|' => push(&mut words, &mut at, Word::Pipe),
            ',' => push(&mut words, &mut at, Word::Comma),
            '=' => push(&mut words, &mut at, Word::Assign),
            ':' if letters.get(at + 1) == Some(&'=') => {
                at += 1;
                push(&mut words, &mut at, Word::Declare);
            }
            ')' => {
                at += 1;
                let fields = fields(&letters, &mut at);
                words.push(Word::Close(fields));
            }
            '.' if !letters.get(at + 1).is_some_and(char::is_ascii_digit) => {
                let fields = fields(&letters, &mut at);
                if fields.is_empty() {
                    at += 1;
                }
                words.push(Word::Field(fields));
            }
            '$' => {
                at += 1;
                let name = identifier(&letters, &mut at);
                let fields = fields(&letters, &mut at);
                words.push(Word::Variable(name, fields));
            }
            '"' => words.push(quoted(&letters, &mut at)?),
            '\'' => words.push(character(&letters, &mut at)?),
            '`' => words.push(raw(&letters, &mut at)),
            '-' | '+' | '0'..='9' | '.' => words.push(number(&letters, &mut at)?),
            letter if letter.is_alphabetic() || *letter == '_' => {
                words.push(Word::Name(identifier(&letters, &mut at)));
            }
            other => return Err(TemplateError(format!("unexpected {other:?} in an action"))),
        }
    }
    Ok(words)
}

fn push(words: &mut Vec<Word>, at: &mut usize, word: Word) {
    words.push(word);
    *at += 1;
}

fn identifier(letters: &[char], at: &mut usize) -> String {
    let name: String = letters
        .get(*at..)
        .unwrap_or_default()
        .iter()
        .take_while(|letter| letter.is_alphanumeric() || **letter == '_')
        .collect();
    *at += name.chars().count();
    name
}

/// `.A.B` from here.
fn fields(letters: &[char], at: &mut usize) -> Vec<String> {
    let mut fields = Vec::new();
    while letters.get(*at) == Some(&'.')
        && letters.get(*at + 1).is_some_and(|letter| letter.is_alphabetic() || *letter == '_')
    {
        *at += 1;
        fields.push(identifier(letters, at));
    }
    fields
}

fn quoted(letters: &[char], at: &mut usize) -> Result<Word, TemplateError> {
    let mut text = String::new();
    *at += 1;
    loop {
        let letter = letters
            .get(*at)
            .ok_or_else(|| TemplateError("unterminated quoted string".to_owned()))?;
        *at += 1;
        match letter {
            '"' => return Ok(Word::Text(text)),
            '\\' => text.push(escape(letters, at)?),
            other => text.push(*other),
        }
    }
}

/// What follows a backslash.
fn escape(letters: &[char], at: &mut usize) -> Result<char, TemplateError> {
    let bad = || TemplateError("unknown escape in a quoted string".to_owned());
    let letter = *letters.get(*at).ok_or_else(bad)?;
    *at += 1;
    let (digits, base, from) = match letter {
        'a' => return Ok('\u{7}'),
        'b' => return Ok('\u{8}'),
        'f' => return Ok('\u{c}'),
        'n' => return Ok('\n'),
        'r' => return Ok('\r'),
        't' => return Ok('\t'),
        'v' => return Ok('\u{b}'),
        '\\' | '\'' | '"' => return Ok(letter),
        'x' => (2, 16, *at),
        'u' => (4, 16, *at),
        'U' => (8, 16, *at),
        '0'..='7' => (3, 8, *at - 1),
        _ => return Err(bad()),
    };
    let text: String = letters.get(from..from + digits).ok_or_else(bad)?.iter().collect();
    *at = from + digits;
    u32::from_str_radix(&text, base).ok().and_then(char::from_u32).ok_or_else(bad)
}

/// A letter in single quotes is its number.
fn character(letters: &[char], at: &mut usize) -> Result<Word, TemplateError> {
    let bad = || TemplateError("malformed character constant".to_owned());
    *at += 1;
    let mut letter = *letters.get(*at).ok_or_else(bad)?;
    *at += 1;
    if letter == '\\' {
        letter = escape(letters, at)?;
    }
    if letters.get(*at) != Some(&'\'') {
        return Err(bad());
    }
    *at += 1;
    Ok(Word::Integer(i64::from(u32::from(letter))))
}

fn raw(letters: &[char], at: &mut usize) -> Word {
    let text: String = letters
        .get(*at + 1..)
        .unwrap_or_default()
        .iter()
        .take_while(|letter| **letter != '`')
        .collect();
    *at += text.chars().count() + 2;
    Word::Text(text)
}

fn number(letters: &[char], at: &mut usize) -> Result<Word, TemplateError> {
    let is_part =
        |letter: &&char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '+' | '.' | '_');
    let text: String = letters.get(*at..).unwrap_or_default().iter().take_while(is_part).collect();
    *at += text.chars().count();
    let plain = text.replace('_', "");
    let (sign, size) = plain.strip_prefix('-').map_or((1, plain.as_str()), |size| (-1, size));
    let lower = size.to_ascii_lowercase();
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, base)| i64::from_str_radix(lower.strip_prefix(prefix)?, base).ok());
    based
        .map(|number| sign * number)
        .or_else(|| plain.parse().ok())
        .map(Word::Integer)
        .or_else(|| plain.parse().ok().map(Word::Float))
        .ok_or_else(|| TemplateError(format!("bad number syntax: {text:?}")))
}
