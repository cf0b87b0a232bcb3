//! Cutting an instruction's line into words; nothing is unquoted here but flags.

use std::ops::Range;

/// What stands between words that are not quoted.
const BLANKS: [char; 5] = ['\t', '\u{b}', '\u{c}', '\r', ' '];

/// A flag: its text with quotes and escapes taken away, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagWord {
    pub(crate) text: String,
    pub(crate) part: Range<usize>,
}

/// Words between blanks. Quotes mean nothing.
pub(crate) fn plain(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = within;
    while let Some(word) = first(text, rest.clone()) {
        rest.start = word.end;
        found.push(word);
    }
    found
}

/// The first word between blanks.
pub(crate) fn first(text: &str, within: Range<usize>) -> Option<Range<usize>> {
    let part = text.get(within.clone())?;
    let start = part.find(|letter| !BLANKS.contains(&letter))?;
    let length = part[start..].find(BLANKS).unwrap_or(part.len() - start);
    Some(within.start + start..within.start + start + length)
}

/// The part without white space at both ends.
pub(crate) fn trimmed(text: &str, within: Range<usize>) -> Range<usize> {
    let part = text.get(within.clone()).unwrap_or_default();
    let start = within.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// Words between white space that is neither quoted nor escaped. Quotes and escapes stay in them, but for an escape character
/// at the very end.
pub(crate) fn quoted(text: &str, within: Range<usize>, escape: char) -> Vec<Range<usize>> {
    let part = text.get(within.clone()).unwrap_or_default();
    let mut found = Vec::new();
    let mut letters = part.char_indices();
    let mut begin = None;
    let mut quote = None;
    let mut end = part.len();
    while let Some((at, letter)) = letters.next() {
        if quote.is_none() && letter.is_whitespace() {
            if let Some(begin) = begin.take() {
                found.push(within.start + begin..within.start + at);
            }
            continue;
        }
        begin.get_or_insert(at);
        if letter == escape && quote != Some('\'') {
            if letters.next().is_none() {
                end = at;
            }
        } else if quote == Some(letter) {
            quote = None;
        } else if quote.is_none() && matches!(letter, '\'' | '"') {
            quote = Some(letter);
        }
    }
    if let Some(begin) = begin.filter(|begin| *begin < end) {
        found.push(within.start + begin..within.start + end);
    }
    found
}

/// The flags at the beginning, and where the rest begins. `--` ends them.
pub(crate) fn flags(text: &str, within: Range<usize>, escape: char) -> (Vec<FlagWord>, usize) {
    let mut found = Vec::new();
    let mut at = within.start;
    loop {
        let part = text.get(at..within.end).unwrap_or_default();
        at += part.len() - part.trim_start().len();
        if !text.get(at..within.end).is_some_and(|part| part.starts_with("--")) {
            return (found, at);
        }
        let word = flag(text, at..within.end, escape);
        at = word.part.end;
        if word.text == "--" {
            return (found, at);
        }
        found.push(word);
    }
}

fn flag(text: &str, within: Range<usize>, escape: char) -> FlagWord {
    let mut cooked = String::new();
    let mut quote = None;
    let mut letters = text.get(within.clone()).unwrap_or_default().char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == escape {
            cooked.extend(letters.next().map(|(_, escaped)| escaped));
        } else if quote == Some(letter) {
            quote = None;
        } else if quote.is_some() {
            cooked.push(letter);
        } else if letter.is_whitespace() {
            return FlagWord { text: cooked, part: within.start..within.start + at };
        } else if matches!(letter, '\'' | '"') {
            quote = Some(letter);
        } else {
            cooked.push(letter);
        }
    }
    FlagWord { text: cooked, part: within }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        quoted(text, 0..text.len(), '\\').into_iter().map(|part| &text[part]).collect()
    }

    #[test]
    fn quotes_and_escapes_hold_words_together() {
        assert_eq!(cut("foo bar"), ["foo", "bar"]);
        assert_eq!(cut(r"foo\ bar"), [r"foo\ bar"]);
        assert_eq!(cut("föo 'âbc xyz' \"d e\""), ["föo", "'âbc xyz'", "\"d e\""]);
        assert_eq!(cut(r"a='b\' c"), [r"a='b\'", "c"]);
        assert_eq!(cut(r#"a="b\" c" d"#), [r#"a="b\" c""#, "d"]);
        assert_eq!(cut(r"a b\"), ["a", "b"]);
        assert_eq!(cut(r"a \"), ["a"]);
        assert_eq!(cut("  \t "), [""; 0]);
        assert_eq!(cut("a='open b"), ["a='open b"]);
    }

    #[test]
    fn flags_end_at_the_first_other_word() {
        let read = |text: &str| {
            let (found, rest) = flags(text, 0..text.len(), '\\');
            let words: Vec<String> = found.into_iter().map(|word| word.text).collect();
            (words, text[rest..].to_owned())
        };
        let both = |words: &[&str], rest: &str| {
            (words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), rest.to_owned())
        };
        assert_eq!(read("--a --b=c d --e"), both(&["--a", "--b=c"], "d --e"));
        assert_eq!(read("-- [ \"a\" ]"), both(&[], " [ \"a\" ]"));
        assert_eq!(read("--a=\"x y\"'z' w"), both(&["--a=x yz"], "w"));
        assert_eq!(read(r"--a=x\ y"), both(&["--a=x y"], ""));
        assert_eq!(read("--é=ü"), both(&["--é=ü"], ""));
        assert_eq!(read("-a"), both(&[], "-a"));
    }
}
