//! Permissions as `--chmod` takes them: `0755`, or `u=rwX,go-w`. Source: chmod(1), "symbolic mode".

use std::str::FromStr;

const ALL: u32 = 0o7777;

/// What `--chmod` does to permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They become this.
    Octal(u32),
    /// They are changed by these, one after the other.
    Symbolic(Vec<Clause>),
}

/// One change: for whom, how, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Bits of user, group and others that it is for: 0o4700, 0o2070, 0o1007 or several.
    who: u32,
    operator: char,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Bits for everybody, and `X`.
    Bits { bits: u32, execute_if_any: bool },
    /// What the user (6), group (3) or others (0) have: how far their bits are shifted.
    Of(u32),
}

/// The text is no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMode {
    /// Too large a number.
    #[error("it is no octal number up to 7777")]
    Octal,
    /// No form of chmod's.
    #[error("it is neither octal nor of the form u=rwx,go-w")]
    Symbolic,
}

impl FromStr for Mode {
    type Err = BadMode;

    fn from_str(text: &str) -> Result<Self, BadMode> {
        if text.starts_with(|letter: char| letter.is_ascii_digit()) {
            let octal = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = if octal { u32::from_str_radix(text, 8).ok() } else { None };
            return number.filter(|number| *number <= ALL).map(Self::Octal).ok_or(BadMode::Octal);
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            clauses_of(part, &mut clauses)?;
        }
        Ok(Self::Symbolic(clauses))
    }
}

impl Mode {
    /// The permissions that a file gets which has these.
    #[must_use]
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        match self {
            Self::Octal(number) => *number,
            Self::Symbolic(clauses) => {
                clauses.iter().fold(mode & ALL, |mode, clause| clause.apply(mode, is_directory))
            }
        }
    }
}

impl Clause {
    fn apply(self, mode: u32, is_directory: bool) -> u32 {
        let bits = match self.what {
            What::Bits { bits, execute_if_any } => {
                let execute = execute_if_any && (is_directory || mode & 0o111 != 0);
                bits | if execute { 0o111 } else { 0 }
            }
            What::Of(shift) => ((mode >> shift) & 0o7) * 0o111,
        };
        let bits = bits & self.who;
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            // A directory keeps set-id bits that nobody speaks of, as with chmod(1).
            _ => {
                let kept = if is_directory { 0o6000 & !bits } else { 0 };
                (mode & (!self.who | kept)) | bits
            }
        }
    }
}

/// `ugo` and then one or more of `+x`, `-w`, `=r`.
fn clauses_of(part: &str, clauses: &mut Vec<Clause>) -> Result<(), BadMode> {
    let end = part.find(['+', '-', '=']).ok_or(BadMode::Symbolic)?;
    let mut who = 0;
    for letter in part[..end].chars() {
        who |= match letter {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => ALL,
            _ => return Err(BadMode::Symbolic),
        };
    }
    if who == 0 {
        who = ALL;
    }
    let mut rest = &part[end..];
    while let Some(operator) = rest.chars().next() {
        let length = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |length| length + 1);
        clauses.push(Clause { who, operator, what: what(&rest[1..length])? });
        rest = &rest[length..];
    }
    Ok(())
}

fn what(letters: &str) -> Result<What, BadMode> {
    match letters {
        "u" => return Ok(What::Of(6)),
        "g" => return Ok(What::Of(3)),
        "o" => return Ok(What::Of(0)),
        _ => {}
    }
    let (mut bits, mut execute_if_any) = (0, false);
    for letter in letters.chars() {
        match letter {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= 0o111,
            'X' => execute_if_any = true,
            's' => bits |= 0o6000,
            't' => bits |= 0o1000,
            _ => return Err(BadMode::Symbolic),
        }
    }
    Ok(What::Bits { bits, execute_if_any })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_letters() {
        for (text, before, is_directory, after) in [
            ("755", 0, false, 0o755),
            ("04755", 0, false, 0o4755),
            ("u=rwx,go=rx", 0o600, false, 0o755),
            ("+x", 0o644, false, 0o755),
            ("a-w", 0o666, false, 0o444),
            ("u+rwX,go+rX", 0o600, true, 0o755),
            ("u+rwX,go+rX", 0o600, false, 0o644),
            ("go=u", 0o740, false, 0o777),
            ("g-w+x", 0o664, false, 0o654),
            ("u+s", 0o755, false, 0o4755),
            ("+t", 0o777, true, 0o1777),
            ("=", 0o777, false, 0),
            ("u=rwx", 0o4644, false, 0o744),
        ] {
            assert_eq!(
                text.parse::<Mode>().map(|mode| mode.apply(before, is_directory)),
                Ok(after),
                "{text}"
            );
        }
        for text in ["", "8", "10000", "rwx", "u", "u=q", "z+x", "u+x,", "7x"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }
}
