//! Names with `*`, `?` and `[…]`, as the shell has them.

/// Whether `name` is one that `pattern` means. A pattern that is wrong means none.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // All ways through the pattern at once: `reached` are the places in it where the name may be.
    let mut reached = vec![false; pattern.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    skip_stars(&pattern, &mut reached);
    for letter in name {
        let mut next = vec![false; pattern.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, here)| **here) {
            let Some(rest) = pattern.get(at..) else { continue };
            let step = match rest {
                ['*', ..] => Some(0),
                ['?', ..] => Some(1),
                ['[', set @ ..] => class(set, letter).map(|length| length + 1),
                ['\\', literal, ..] => (*literal == letter).then_some(2),
                [literal, ..] => (*literal == letter).then_some(1),
                [] => None,
            };
            if let Some(place) = step.and_then(|step| next.get_mut(at + step)) {
                *place = true;
            }
        }
        skip_stars(&pattern, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

/// A star may mean nothing.
fn skip_stars(pattern: &[char], reached: &mut [bool]) {
    for (at, letter) in pattern.iter().enumerate() {
        if *letter == '*'
            && reached.get(at) == Some(&true)
            && let Some(next) = reached.get_mut(at + 1)
        {
            *next = true;
        }
    }
}

/// The length of a class up to its bracket, when the letter is of it.
fn class(set: &[char], letter: char) -> Option<usize> {
    let (is_negated, start) = if set.first() == Some(&'^') { (true, 1) } else { (false, 0) };
    let mut at = start;
    let mut is_in = false;
    loop {
        let low = *set.get(at)?;
        if low == ']' && at > start {
            return (is_in != is_negated).then_some(at + 1);
        }
        if let (Some('-'), Some(high)) = (set.get(at + 1), set.get(at + 2))
            && *high != ']'
        {
            is_in |= (low..=*high).contains(&letter);
            at += 3;
        } else {
            is_in |= low == letter;
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_questions_and_classes() {
        assert!(matches("*", "") && matches("app-*", "app-x") && matches("*a*b", "xaybab"));
        assert!(!matches("app-*", "ap") && !matches("a?", "a") && matches("a?", "ab"));
        assert!(matches("v[0-9]", "v3") && !matches("v[^0-9]", "v3") && !matches("v[", "v["));
    }
}
