//! `--chown`: from words to numbers. Start at [`owner`].

use crate::StepError;

/// Reads `USER`, `USER:GROUP` or `:GROUP`, each a name or a number. A user alone brings the group of its line in the file of users; a number
/// alone is the group's as well. The look-ups are those of the root that is written to.
///
/// # Errors
/// [`StepError::Value`] for a name that is not there.
pub(crate) fn owner(
    text: &str,
    user: &dyn Fn(&str) -> Option<(u32, u32)>,
    group: &dyn Fn(&str) -> Option<u32>,
) -> Result<(u32, u32), StepError> {
    let unknown = |why: String| StepError::Value { what: "--chown", value: text.to_owned(), why };
    let (user_word, group_word) = text.split_once(':').unwrap_or((text, ""));
    let (uid, gid) = match user_word.parse() {
        Ok(number) => (number, number),
        Err(_) if user_word.is_empty() && !group_word.is_empty() => (0, 0),
        Err(_) => user(user_word).ok_or_else(|| unknown(format!("no user {user_word:?}")))?,
    };
    let gid = match group_word.parse() {
        Ok(number) => number,
        Err(_) if group_word.is_empty() => gid,
        Err(_) => group(group_word).ok_or_else(|| unknown(format!("no group {group_word:?}")))?,
    };
    Ok((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let user = |name: &str| (name == "web").then_some((33, 34));
        let group = |name: &str| (name == "staff").then_some(50);
        for (text, expected) in [
            ("web", Some((33, 34))),
            ("7", Some((7, 7))),
            ("7:8", Some((7, 8))),
            ("web:staff", Some((33, 50))),
            ("web:9", Some((33, 9))),
            ("7:", Some((7, 7))),
            (":staff", Some((0, 50))),
            ("nobody", None),
            ("web:nobody", None),
            ("", None),
            ("-1", None),
            ("4294967296", None),
        ] {
            assert_eq!(owner(text, &user, &group).ok(), expected, "{text}");
        }
    }
}
