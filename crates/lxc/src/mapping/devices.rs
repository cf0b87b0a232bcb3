//! Which devices a container may use: the rules that come one after the other, as those that hold in the end.
//!
//! `a` forgets what was said before it and turns all devices on or off. Where they are off single ones are turned on, and off again as a
//! whole; where they are on, none is turned off: the engine has rules that allow, no others. Sources: lxc.container.conf(5), kernel
//! Documentation/admin-guide/cgroup-v1/devices.rst.

/// What the engine is told so that all are allowed.
const ALL: &str = "a *:* rwm";
const NUMBERS: &str = "*:*";
const ACCESS: &str = "rwm";

/// A rule: which devices, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// `c` or `b`.
    kind: String,
    /// Major and minor number, with `*` for all.
    numbers: String,
    /// Letters of [`ACCESS`], in its order.
    access: String,
}

enum Line {
    All,
    Some(Rule),
}

/// Rules that the engine takes, from pairs of `devices.allow` or `devices.deny` and a line; without any, all devices are allowed.
///
/// # Errors
/// With the name of the pair that cannot be, and why.
pub(super) fn rules<'r>(lines: &[(&'r str, &str)]) -> Result<Vec<String>, (&'r str, String)> {
    let mut are_allowed = true;
    let mut rules: Vec<Rule> = Vec::new();
    for (name, text) in lines {
        let refused = |why: &str| (*name, format!("{text:?}: {why}"));
        let allows = *name == "devices.allow";
        let line = line(text)
            .ok_or_else(|| refused("it is not of the form 'TYPE MAJOR:MINOR ACCESS', or a"))?;
        match (line, allows) {
            (Line::All, _) => {
                are_allowed = allows;
                rules.clear();
            }
            // It adds nothing.
            (Line::Some(_), true) if are_allowed => {}
            (Line::Some(rule), true) => rules.push(rule),
            (Line::Some(_), false) if are_allowed => {
                let why = "single devices are not taken from all: deny a, and allow those that it may have";
                return Err(refused(why));
            }
            (Line::Some(rule), false) => deny(&mut rules, &rule).map_err(refused)?,
        }
    }
    if are_allowed {
        return Ok(vec![ALL.to_owned()]);
    }
    Ok(rules.iter().map(|rule| format!("{} {} {}", rule.kind, rule.numbers, rule.access)).collect())
}

/// Takes from rules for the same devices what may not be done; what nobody has allowed is denied anyway.
fn deny(rules: &mut Vec<Rule>, denied: &Rule) -> Result<(), &'static str> {
    let is_same = |rule: &Rule| rule.kind == denied.kind && rule.numbers == denied.numbers;
    let concerns = |rule: &&Rule| {
        let shares = rule.access.chars().any(|letter| denied.access.contains(letter));
        rule.kind == denied.kind && shares && overlap(&rule.numbers, &denied.numbers)
    };
    if rules.iter().filter(concerns).any(|rule| !is_same(rule)) {
        return Err("it takes a part of what another rule allows: allow the others instead");
    }
    for rule in rules.iter_mut().filter(|rule| is_same(rule)) {
        rule.access.retain(|letter| !denied.access.contains(letter));
    }
    rules.retain(|rule| !rule.access.is_empty());
    Ok(())
}

fn overlap(one: &str, other: &str) -> bool {
    let pairs = one.split(':').zip(other.split(':'));
    pairs.into_iter().all(|(one, other)| one == other || one == "*" || other == "*")
}

fn line(text: &str) -> Option<Line> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (kind, numbers, access) = match words[..] {
        ["a"] => ("a", NUMBERS, ACCESS),
        [kind, numbers, access] => (kind, numbers, access),
        _ => return None,
    };
    let is_access = !access.is_empty() && access.chars().all(|letter| ACCESS.contains(letter));
    if !is_access {
        return None;
    }
    if kind == "a" {
        return Some(Line::All);
    }
    let (major, minor) = numbers.split_once(':')?;
    let number = |text: &str| match text {
        "*" => Some("*".to_owned()),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse::<u32>().ok().map(|number| number.to_string())
        }
        _ => None,
    };
    let numbers = format!("{}:{}", number(major)?, number(minor)?);
    let access = ACCESS.chars().filter(|letter| access.contains(*letter)).collect();
    matches!(kind, "b" | "c").then(|| Line::Some(Rule { kind: kind.to_owned(), numbers, access }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &str) -> Result<Vec<String>, String> {
        let lines: Vec<(&str, &str)> = lines
            .split(',')
            .filter_map(|line| line.trim().split_once(' '))
            .map(|(word, rule)| {
                (if word == "allow" { "devices.allow" } else { "devices.deny" }, rule)
            })
            .collect();
        rules(&lines).map_err(|(name, why)| format!("{name} {why}"))
    }

    #[test]
    fn the_last_word_on_a_device_counts() {
        for (lines, expected) in [
            ("", &[ALL][..]),
            ("deny a", &[]),
            ("deny a, allow c *:* m, allow c  01:3 mwr", &["c *:* m", "c 1:3 rwm"]),
            ("deny a, allow c 1:3 rwm, deny c 1:3 w, deny b 8:0 r", &["c 1:3 rm"]),
            ("deny a, allow c 1:3 w, deny c 1:3 wr", &[]),
            ("deny a, allow c 1:3 r, allow a, allow c 1:5 r", &[ALL]),
            ("allow a *:* rwm, deny a *:* rwm, allow b 8:* r", &["b 8:* r"]),
        ] {
            assert_eq!(of(lines).expect(lines), expected, "{lines}");
        }
    }

    #[test]
    fn what_the_engine_has_no_rule_for_is_refused() {
        for (lines, why) in [
            ("deny c 1:3 r", "single devices"),
            ("deny a, allow c *:* m, deny c 1:3 m", "a part"),
            ("deny a, allow c 1:3 r, deny c 1:* r", "a part"),
            ("allow x 1:3 r", "form"),
            ("allow c 1:3", "form"),
            ("allow c 1 r", "form"),
            ("allow c +1:3 r", "form"),
            ("allow c 1:3 x", "form"),
        ] {
            let error = of(lines).expect_err(lines);
            assert!(error.starts_with("devices.") && error.contains(why), "{lines}: {error}");
        }
    }
}
