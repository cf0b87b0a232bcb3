//! Variables in words: `$name`, `${name}` and its operators, quotes and escapes. Start at [`Lexer::word`].
//!
//! `${x:-w}` `${x-w}` `${x:+w}` `${x+w}` `${x:?w}` `${x?w}` `${x#p}` `${x##p}` `${x%p}` `${x%%p}` `${x/p/r}` `${x//p/r}`; `w`, `p`
//! and `r` may hold variables themselves. In patterns `*` is any text and `?` any character, and `\` escapes, whatever the file's
//! escape character is. Sources: "Dockerfile reference", "Environment replacement"; POSIX shell, "Parameter Expansion".

mod braces;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

pub use pattern::BadPattern;

/// Operators may hold operators so deep.
const DEEPEST: usize = 64;

/// So many bytes of values go into one word. A process cannot be given a longer text than 128 KiB (execve(2), `MAX_ARG_STRLEN`), and a
/// few words that repeat each other would fill any memory.
const MOST_BYTES: usize = 256 << 10;

/// Where values come from.
pub trait Variables {
    /// The variable's value, `None` when there is none of that name.
    fn value(&self, name: &str) -> Option<&str>;
}

impl Variables for BTreeMap<String, String> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

/// No variables.
impl Variables for () {
    fn value(&self, _name: &str) -> Option<&str> {
        None
    }
}

/// What happens to quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// They mean something and are taken away.
    Remove,
    /// They mean something and stay, as in what is shown of a step.
    Keep,
    /// They are characters like others, as in heredocs.
    Literal,
}

/// How words are read.
#[derive(Clone, Copy, Debug)]
pub struct Lexer {
    /// The character that takes a special meaning away: `\` or `` ` ``.
    pub escape: char,
    /// What happens to quotes.
    pub quotes: Quotes,
    /// Escape characters stay.
    pub keep_escapes: bool,
    /// Variables without a value stay as they are written.
    pub keep_undefined: bool,
}

/// Names that a text asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Those that have a value.
    pub used: BTreeSet<String>,
    /// Those that have none.
    pub undefined: BTreeSet<String>,
}

/// A word with its variables put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The word as one.
    pub text: String,
    /// The word cut at white space that is neither quoted nor escaped; values are cut, too.
    pub words: Vec<String>,
    /// What it asked for.
    pub uses: Uses,
}

/// Why a word cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A quote has no end.
    #[error("quote {0} has no end")]
    Quote(char),
    /// A brace has no end.
    #[error("'${{' has no '}}'")]
    Brace,
    /// A replacement has no second slash.
    #[error("'${{…/…' has no second '/'")]
    Slash,
    /// There is no variable's name.
    #[error("'${{' is followed by no name")]
    Name,
    /// An operator that there is not.
    #[error("operator {0:?} is unknown")]
    Operator(String),
    /// `${x:?words}` of a variable that has no value.
    #[error("variable {name} {message}")]
    Missing {
        /// The variable.
        name: String,
        /// What the file says about it, or that it is unset or empty.
        message: String,
    },
    /// A pattern that means nothing.
    #[error("pattern {text:?} is wrong")]
    Pattern {
        /// The pattern.
        text: String,
        /// Why.
        #[source]
        problem: BadPattern,
    },
    /// Operators in operators.
    #[error("operators are nested deeper than {DEEPEST}")]
    Deep,
    /// More than fits.
    #[error("its values have more than {MOST_BYTES} bytes")]
    Large,
}

impl Uses {
    /// Takes another word's names in.
    pub fn join(&mut self, other: Self) {
        self.used.extend(other.used);
        self.undefined.extend(other.undefined);
    }
}

impl Lexer {
    /// As instructions are read: quotes and escapes are taken away, what is undefined is empty.
    #[must_use]
    pub fn new(escape: char) -> Self {
        Self { escape, quotes: Quotes::Remove, keep_escapes: false, keep_undefined: false }
    }

    /// As heredocs are read: quotes are characters, and `\` escapes whatever the file says.
    #[must_use]
    pub fn document() -> Self {
        Self { quotes: Quotes::Literal, ..Self::new('\\') }
    }

    /// Puts variables in.
    ///
    /// # Errors
    /// When a quote or brace has no end, an operator or pattern is wrong, or `${x?}` finds nothing.
    pub fn word(&self, text: &str, variables: &dyn Variables) -> Result<Expansion, ExpandError> {
        if !text.contains(['$', '\'', '"', '<', self.escape]) {
            let words = text.split_whitespace().map(str::to_owned).collect();
            return Ok(Expansion { text: text.to_owned(), words, uses: Uses::default() });
        }
        let mut walk =
            Walk { lexer: *self, rest: text, variables, uses: Uses::default(), depth: 0, bytes: 0 };
        let piece = walk.until(None, self.keep_escapes)?;
        Ok(Expansion { text: piece.text, words: piece.words.finish(), uses: walk.uses })
    }
}

/// A walk over a text.
struct Walk<'a> {
    lexer: Lexer,
    rest: &'a str,
    variables: &'a dyn Variables,
    uses: Uses,
    depth: usize,
    /// Of values, so far.
    bytes: usize,
}

/// What a walk has read.
#[derive(Default)]
struct Piece {
    text: String,
    words: Words,
}

/// Words that are being cut.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    open: String,
}

impl Words {
    fn letter(&mut self, letter: char) {
        if letter.is_whitespace() {
            self.end();
        } else {
            self.open.push(letter);
        }
    }

    fn end(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.end();
        self.done
    }
}

impl Piece {
    fn free(&mut self, text: &str) {
        self.text.push_str(text);
        text.chars().for_each(|letter| self.words.letter(letter));
    }

    fn held(&mut self, text: &str) {
        self.text.push_str(text);
        self.words.open.push_str(text);
    }

    fn held_letter(&mut self, letter: char) {
        self.text.push(letter);
        self.words.open.push(letter);
    }
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    /// The longest beginning of letters that are so.
    fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !is(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Up to `stop`, which is passed over, or to the end where there is none.
    fn until(&mut self, stop: Option<char>, keep_escapes: bool) -> Result<Piece, ExpandError> {
        let mut piece = Piece::default();
        let quotes = self.lexer.quotes != Quotes::Literal;
        while let Some(letter) = self.peek() {
            if stop == Some(letter) {
                self.next();
                return Ok(piece);
            }
            match letter {
                '$' => piece.free(&self.dollar()?),
                '<' => piece.held(self.heredoc()),
                '\'' if quotes => piece.held(&self.single()?),
                '"' if quotes => piece.held(&self.double(keep_escapes)?),
                _ => {
                    self.next();
                    if letter != self.lexer.escape {
                        piece.free(letter.encode_utf8(&mut [0; 4]));
                        continue;
                    }
                    if keep_escapes {
                        piece.held_letter(letter);
                    }
                    if let Some(escaped) = self.next() {
                        piece.held_letter(escaped);
                    }
                }
            }
        }
        match stop {
            Some('/') => Err(ExpandError::Slash),
            Some(_) => Err(ExpandError::Brace),
            None => Ok(piece),
        }
    }

    /// `<<` and the blanks behind it stay together, for the word of a heredoc follows.
    fn heredoc(&mut self) -> &'a str {
        let whole = self.rest;
        self.next();
        if self.peek() == Some('<') {
            self.next();
            self.take_while(|letter| matches!(letter, ' ' | '\t' | '\r'));
        }
        whole.get(..whole.len() - self.rest.len()).unwrap_or_default()
    }

    /// From one single quote to the next, as it is.
    fn single(&mut self) -> Result<String, ExpandError> {
        self.next();
        let text = self.take_while(|letter| letter != '\'');
        self.next().ok_or(ExpandError::Quote('\''))?;
        Ok(if self.lexer.quotes == Quotes::Keep { format!("'{text}'") } else { text.to_owned() })
    }

    /// Between double quotes only `$` and the escapes of `"`, `$` and the escape character itself mean something.
    fn double(&mut self, keep_escapes: bool) -> Result<String, ExpandError> {
        let mut text = String::new();
        let keep = self.lexer.quotes == Quotes::Keep;
        self.next();
        text.extend(keep.then_some('"'));
        loop {
            match self.peek() {
                None => return Err(ExpandError::Quote('"')),
                Some('"') => {
                    self.next();
                    text.extend(keep.then_some('"'));
                    return Ok(text);
                }
                Some('$') => text.push_str(&self.dollar()?),
                Some(letter) if letter == self.lexer.escape => {
                    self.next();
                    text.extend(keep_escapes.then_some(letter));
                    match self.peek() {
                        None => {}
                        Some(escaped) if matches!(escaped, '"' | '$') || escaped == letter => {
                            self.next();
                            text.push(escaped);
                        }
                        Some(_) => text.push(letter),
                    }
                }
                Some(letter) => {
                    self.next();
                    text.push(letter);
                }
            }
        }
    }

    /// `$name` or what stands in braces.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        let value = self.reference()?;
        self.bytes += value.len();
        if self.bytes > MOST_BYTES { Err(ExpandError::Large) } else { Ok(value) }
    }

    fn reference(&mut self) -> Result<String, ExpandError> {
        self.next();
        if self.peek() == Some('{') {
            self.next();
            return self.braces();
        }
        let name = self.name();
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        match self.value(name) {
            None if self.lexer.keep_undefined => Ok(format!("${name}")),
            value => Ok(value.unwrap_or_default().to_owned()),
        }
    }

    /// A name: letters, digits and `_`, or digits alone, or one of the shell's own, which have no value here.
    fn name(&mut self) -> &'a str {
        match self.peek() {
            Some(letter) if letter.is_numeric() => self.take_while(char::is_numeric),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => {
                let (name, rest) = self.rest.split_at(1);
                self.rest = rest;
                name
            }
            _ => self.take_while(|letter| letter.is_alphanumeric() || letter == '_'),
        }
    }

    fn value(&mut self, name: &str) -> Option<&'a str> {
        let value = self.variables.value(name);
        let names = if value.is_some() { &mut self.uses.used } else { &mut self.uses.undefined };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
        value
    }
}
