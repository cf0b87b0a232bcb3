//! Wildcards of sources: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a character that means itself, each within one name.
//! Source: Docker's "Dockerfile reference", "Pattern matching", which names Go's filepath.Match.

/// One name of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

/// Characters as numbers; a byte that is no UTF-8 is a character of its own.
type Letter = u32;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `*`.
    Any,
    /// `?`.
    One,
    /// A character.
    Is(Letter),
    /// Brackets.
    Among { negated: bool, ranges: Vec<(Letter, Letter)> },
}

/// The text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// Whether a name has a wildcard. One without is taken as it is, with its backslashes.
pub(super) fn has_wildcard(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    false
}

impl Pattern {
    pub(super) fn new(text: &[u8]) -> Result<Self, BadPattern> {
        let letters = letters(text);
        let mut rest = letters.as_slice();
        let mut tokens = Vec::new();
        while let Some((letter, behind)) = rest.split_first() {
            rest = behind;
            tokens.push(match u8::try_from(*letter).ok() {
                Some(b'*') => Token::Any,
                Some(b'?') => Token::One,
                Some(b'[') => among(&mut rest)?,
                Some(b'\\') => {
                    let (letter, behind) = rest.split_first().ok_or(BadPattern)?;
                    rest = behind;
                    Token::Is(*letter)
                }
                _ => Token::Is(*letter),
            });
        }
        Ok(Self(tokens))
    }

    /// Whether it fits a whole name. Takes time in proportion to both lengths' product at worst.
    pub(super) fn fits(&self, name: &[u8]) -> bool {
        let name = letters(name);
        let (mut at, mut token) = (0, 0);
        // The last `*`, and where what is behind it was tried.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.0.get(token) {
                None if at == name.len() => return true,
                Some(Token::Any) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                Some(one) if name.get(at).is_some_and(|letter| one.fits(*letter)) => {
                    at += 1;
                    token += 1;
                    continue;
                }
                None | Some(_) => {}
            }
            match star {
                Some((any, tried)) if tried < name.len() => {
                    star = Some((any, tried + 1));
                    at = tried + 1;
                    token = any + 1;
                }
                Some(_) | None => return false,
            }
        }
    }
}

impl Token {
    fn fits(&self, letter: Letter) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Is(other) => *other == letter,
            Self::Among { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated
            }
        }
    }
}

/// What stands in brackets.
fn among(rest: &mut &[Letter]) -> Result<Token, BadPattern> {
    let negated = rest.first() == Some(&Letter::from(b'^'));
    if negated {
        *rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    loop {
        if rest.first() == Some(&Letter::from(b']')) && !ranges.is_empty() {
            *rest = &rest[1..];
            return Ok(Token::Among { negated, ranges });
        }
        let low = member(rest)?;
        let mut high = low;
        if rest.first() == Some(&Letter::from(b'-')) {
            *rest = &rest[1..];
            high = member(rest)?;
        }
        ranges.push((low, high));
    }
}

fn member(rest: &mut &[Letter]) -> Result<Letter, BadPattern> {
    let mut take = || {
        let (letter, behind) = rest.split_first().ok_or(BadPattern)?;
        *rest = behind;
        Ok(*letter)
    };
    let letter = take()?;
    match u8::try_from(letter).ok() {
        Some(b'-' | b']') => Err(BadPattern),
        Some(b'\\') => take(),
        _ => Ok(letter),
    }
}

fn letters(bytes: &[u8]) -> Vec<Letter> {
    /// Behind the last character of Unicode.
    const NO_CHARACTER: Letter = 0x11_0000;
    let mut letters = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        letters.extend(chunk.valid().chars().map(Letter::from));
        letters.extend(chunk.invalid().iter().map(|byte| NO_CHARACTER + Letter::from(*byte)));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_patterns_fit() {
        for (pattern, fitting, others) in [
            ("*", vec!["", "a", ".x"], vec![]),
            ("*.t?t", vec!["a.txt", ".tet", "b.t.tat"], vec!["a.tt", "txt"]),
            ("a*b*c", vec!["abc", "axxbyc", "abbcc"], vec!["ab", "acb"]),
            ("[a-c]x", vec!["ax", "cx"], vec!["dx", "x", "-x"]),
            ("[^a-c]x", vec!["dx", "éx"], vec!["ax"]),
            ("arr[[]0].txt", vec!["arr[0].txt"], vec!["arr0.txt"]),
            (r"\*x*", vec!["*x", "*xy"], vec!["ax"]),
            ("??", vec!["éa"], vec!["é"]),
            ("[!a]", vec!["!", "a"], vec!["b"]),
        ] {
            let read = Pattern::new(pattern.as_bytes()).unwrap();
            for name in fitting {
                assert!(read.fits(name.as_bytes()), "{pattern} {name}");
            }
            for name in others {
                assert!(!read.fits(name.as_bytes()), "{pattern} {name}");
            }
        }
        for pattern in ["[", "[]", "[a", "[]a]", "[-a]", "[a-]", "x\\", "[^"] {
            assert_eq!(Pattern::new(pattern.as_bytes()), Err(BadPattern), "{pattern}");
        }
        assert!(Pattern::new(b"?").unwrap().fits(b"\xff"));
        assert!(!Pattern::new(b"\xff").unwrap().fits(b"\xfe"));
    }

    #[test]
    fn names_with_wildcards() {
        for (name, has) in
            [("a", false), ("a*", true), ("[", true), (r"a\*", false), (r"\a?", true)]
        {
            assert_eq!(has_wildcard(name.as_bytes()), has, "{name}");
        }
    }

    #[test]
    fn stars_take_no_exponential_time() {
        let pattern = Pattern::new(&b"a*".repeat(40)).unwrap();
        assert!(!pattern.fits(&[&b"a".repeat(4000)[..], b"b"].concat()[..1].repeat(39)));
        assert!(
            !Pattern::new(&[&b"a*".repeat(40)[..], b"c"].concat())
                .unwrap()
                .fits(&b"a".repeat(4000))
        );
    }
}
