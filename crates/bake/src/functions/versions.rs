//! Versions and what they are held against: `1.2.3-rc.1` (Semantic Versioning 2.0), `>= 1.2, < 2`, `^1.2 || ~3`.

use std::cmp::Ordering;

use super::Native;
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[("semvercmp", 2, 2, |arguments| {
    let version = Version::read(&arguments.text(0)?)?;
    let constraints = arguments.text(1)?;
    let mut holds = false;
    for alternative in constraints.split("||") {
        let group = group(alternative)?;
        let is_for_early = group.iter().any(|constraint| !constraint.early.is_empty());
        holds |= (version.early.is_empty() || is_for_early)
            && group.iter().all(|constraint| constraint.holds(&version));
    }
    Ok(Value::Bool(holds))
})];

/// A version; what is built of it does not count.
#[derive(Clone, Debug)]
struct Version {
    numbers: [u64; 3],
    /// What follows a hyphen: it is before the version without.
    early: String,
}

/// One condition; numbers that are not said are free.
#[derive(Clone, Debug)]
struct Constraint {
    operator: String,
    numbers: [Option<u64>; 3],
    early: String,
}

impl Version {
    fn read(text: &str) -> Result<Self, String> {
        let (numbers, early) = parts(text)?;
        Ok(Self { numbers: numbers.map(Option::unwrap_or_default), early })
    }

    fn order(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| early_order(&self.early, &other.early))
    }
}

/// Numbers before words, numbers by size; fewer parts before more; and none of it after all of them.
fn early_order(a: &str, b: &str) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.is_empty().cmp(&b.is_empty());
    }
    let key = |part: &str| match part.parse::<u64>() {
        Ok(number) => (0, number, String::new()),
        Err(_) => (1, 0, part.to_owned()),
    };
    a.split('.').map(key).cmp(b.split('.').map(key))
}

/// Up to three numbers, `x` and `*` for free ones, and what follows a hyphen.
fn parts(text: &str) -> Result<([Option<u64>; 3], String), String> {
    let wrong = || format!("{text:?} is no version");
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(text, _)| text);
    let (plain, early) = text.split_once('-').unwrap_or((text, ""));
    let mut numbers = [None; 3];
    for (count, part) in plain.split('.').enumerate() {
        let place = numbers.get_mut(count).ok_or_else(wrong)?;
        if !matches!(part, "x" | "X" | "*") {
            *place = Some(part.parse().or(Err(wrong()))?);
        }
    }
    // What follows a free number is free.
    if let Some(free) = numbers.iter().position(Option::is_none) {
        numbers.iter_mut().skip(free).for_each(|number| *number = None);
    }
    Ok((numbers, early.to_owned()))
}

/// Conditions that must all hold, separated by commas or spaces; `A - B` is a range.
fn group(text: &str) -> Result<Vec<Constraint>, String> {
    if let Some((low, high)) = text.split_once(" - ") {
        return Ok(vec![Constraint::read(">=", low)?, Constraint::read("<=", high)?]);
    }
    let mut constraints = Vec::new();
    let mut operator = String::new();
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        let end = word.find(|letter| !"=!<>~^".contains(letter)).unwrap_or(word.len());
        let (sign, version) = word.split_at(end);
        operator.push_str(sign);
        if !version.is_empty() {
            constraints.push(Constraint::read(&operator, version)?);
            operator.clear();
        }
    }
    match (constraints.is_empty(), operator.is_empty()) {
        (_, false) => Err(format!("{text:?} ends with an operator")),
        (true, true) => Ok(vec![Constraint::read("", "*")?]),
        (false, true) => Ok(constraints),
    }
}

impl Constraint {
    fn read(operator: &str, version: &str) -> Result<Self, String> {
        const KNOWN: &[&str] = &["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"];
        if !KNOWN.contains(&operator) {
            return Err(format!("{operator:?} is no operator"));
        }
        let (numbers, early) = parts(version)?;
        Ok(Self { operator: operator.to_owned(), numbers, early })
    }

    fn holds(&self, version: &Version) -> bool {
        let low = Version {
            numbers: self.numbers.map(Option::unwrap_or_default),
            early: self.early.clone(),
        };
        let order = version.order(&low);
        let said = self.numbers.iter().flatten().count();
        // Whether the version begins with the first numbers that are said.
        let shares = |count: usize| {
            let both = version.numbers.iter().zip(&low.numbers);
            both.take(count).all(|(a, b)| a == b)
        };
        let is_within = shares(said) && (said < 3 || order == Ordering::Equal);
        match self.operator.as_str() {
            "" | "=" if said < 3 => order != Ordering::Less && shares(said),
            "" | "=" => order == Ordering::Equal,
            "!=" => !is_within,
            ">" if said < 3 => order == Ordering::Greater && !shares(said),
            ">" => order == Ordering::Greater,
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" if said < 3 => order != Ordering::Greater || shares(said),
            "<=" | "=<" => order != Ordering::Greater,
            "~" | "~>" if low.numbers == [0; 3] && said == 3 => order != Ordering::Less,
            "~" | "~>" => order != Ordering::Less && shares(said.min(2)),
            // A caret keeps the first number that is not zero, or the last one that is said.
            _ => {
                let first = low.numbers.iter().position(|number| *number > 0);
                let kept = first.map_or(said, |first| (first + 1).min(said));
                order != Ordering::Less && shares(kept)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(version: &str, constraint: &str) -> bool {
        let version = Version::read(version).unwrap();
        group(constraint).unwrap().iter().all(|constraint| constraint.holds(&version))
    }

    #[test]
    fn ranges_that_operators_mean() {
        for (version, constraint, wanted) in [
            ("1.2.3", "1.2.3", true),
            ("1.2.3", "1.2", true),
            ("1.3.0", "1.2", false),
            ("1.9.9", "^1.2", true),
            ("2.0.0", "^1.2", false),
            ("0.2.9", "^0.2.3", true),
            ("0.3.0", "^0.2.3", false),
            ("0.0.4", "^0.0.3", false),
            ("0.9.0", "^0", true),
            ("1.2.9", "~1.2.3", true),
            ("1.3.0", "~1.2.3", false),
            ("1.9.0", "~1", true),
            ("11.1.0", ">11", false),
            ("12.0.0", ">11", true),
            ("11.5.0", "<=11", true),
            ("1.5.0", ">=1.2, <2", true),
            ("1.5.0", ">= 1.2 < 1.4", false),
            ("1.5.0", "1.2 - 1.5.0", true),
            ("1.2.3", "!=1.2", false),
            ("4.1.0", "*", true),
        ] {
            assert_eq!(holds(version, constraint), wanted, "{version} {constraint}");
        }
        let early = |text: &str| Version::read(text).unwrap();
        assert_eq!(early("1.0.0-rc.2").order(&early("1.0.0-rc.10")), Ordering::Less);
        assert_eq!(early("1.0.0-rc.2").order(&early("1.0.0")), Ordering::Less);
        assert_eq!(early("1.0.0-1").order(&early("1.0.0-a")), Ordering::Less);
    }
}
