//! Documents out of bytes: text that begins as JSON does is taken as it stands; all else is read as a list of changes to a
//! whole document, which is valid but for them, so that the deepest field is as near as the first.

use serde_json::Value;

/// The configuration of the tests that has nearly every field.
pub const FULL: &str = include_str!("../../crates/libcontainer/tests/mutated/config.json");

/// Changes to one document; more find nothing that these do not.
const MOST_CHANGES: usize = 16;
/// No document grows beyond this many values: what is slow by its mere size is no finding.
const MOST_VALUES: usize = 20_000;

/// A document: `bytes` themselves, or `whole` with the changes that they tell.
pub fn document(bytes: &[u8], whole: &Value) -> Vec<u8> {
    if bytes.first().is_some_and(|first| b"{[ \n".contains(first)) {
        return bytes.to_vec();
    }
    let mut document = whole.clone();
    let mut script = Script { rest: bytes };
    for _ in 0..MOST_CHANGES {
        if script.rest.is_empty() || change(&mut document, &mut script).is_none() {
            break;
        }
    }
    serde_json::to_vec(&document).expect("a value can be written")
}

/// Words that fields know: enums, options, names. What `corten oci features` tells, and field names of `whole`.
fn words() -> &'static [String] {
    static WORDS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| {
        let features = serde_json::to_value(libcontainer::features()).expect("features");
        let full = serde_json::from_str(FULL).expect("the full configuration");
        let mut words = EXTRA.map(str::to_owned).to_vec();
        collect(&features, &mut words);
        collect(&full, &mut words);
        words.sort();
        words.dedup();
        words
    })
}

const EXTRA: [&str; 40] = [
    "",
    "/",
    ".",
    "..",
    "a\0b",
    "-1",
    "0",
    "0-",
    "0-4294967295",
    "0,0-1",
    "max",
    "18446744073709551616",
    "9223372036854775808",
    "RLIMIT_CORE",
    "SCHED_DEADLINE",
    "SCHED_FIFO",
    "SCHED_IDLE",
    "IOPRIO_CLASS_RT",
    "IOPRIO_CLASS_IDLE",
    "LINUX32",
    "a",
    "b",
    "c",
    "p",
    "u",
    "rwm",
    "1GB",
    "64KB",
    "net.ipv4.ip_forward",
    "kernel.sem",
    "fs.mqueue.msg_max",
    "user.max_user_namespaces",
    "system.slice:a:b",
    "a-b.slice:c:d",
    ":a:b.slice",
    "org.systemd.property.CPUWeightSec",
    "uint64 5",
    "@as []",
    "['a', 'b']",
    "socketcall",
];

fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => words.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            words.push(name.clone());
            collect(value, words);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<usize> {
        self.take(1).map(|taken| usize::from(taken[0]))
    }

    fn number(&mut self) -> Option<usize> {
        Some(self.byte()? | self.byte()? << 8)
    }

    fn long(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.byte()?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn word(&mut self) -> Option<String> {
        let number = self.number()?;
        Some(words()[number % words().len()].clone())
    }
}

/// One change; nothing when the script ends in its midst.
fn change(document: &mut Value, script: &mut Script<'_>) -> Option<()> {
    let kind = script.byte()?;
    let count = count(document);
    let mut at = script.number()? % count;
    let place = *[at].first()?;
    let other = |script: &mut Script<'_>, document: &mut Value| {
        let mut at = script.number()? % count;
        nth(document, &mut at).cloned()
    };
    let value = match kind % 16 {
        0 => Value::String(script.text()?),
        1 => Value::from(script.long()?.cast_signed()),
        2 => Value::from(script.long()?),
        3 => Value::from(i64::from(script.take(1)?[0].cast_signed())),
        4 | 5 => Value::String(script.word()?),
        6 => Value::Null,
        7 => Value::Bool(script.byte()? & 1 == 1),
        8 => other(script, document)?,
        9 => Value::from(f64::from_bits(script.long()?)),
        _ => {
            let value = match kind % 16 {
                13 => Value::String(script.word()?),
                14 => other(script, document)?,
                _ => Value::Null,
            };
            let there = nth(document, &mut at)?;
            return edit(there, value, count, script);
        }
    };
    let mut at = place;
    *nth(document, &mut at)? = value;
    Some(())
}

/// Changes the inside of a value.
fn edit(there: &mut Value, value: Value, count: usize, script: &mut Script<'_>) -> Option<()> {
    match there {
        Value::Array(values) if values.is_empty() => values.push(value),
        Value::Array(values) => {
            let at = script.byte()? % values.len();
            let times = script.byte()?;
            match value {
                Value::Null if times == 0 => drop(values.remove(at)),
                Value::Null => {
                    let again = values[at].clone();
                    let fits = (MOST_VALUES.saturating_sub(count)) / self::count(&again);
                    values.extend(std::iter::repeat_n(again, times.min(fits)));
                }
                value => values.insert(at, value),
            }
        }
        Value::Object(fields) => {
            let name = script.word()?;
            let old = fields.keys().nth(script.byte()? % fields.len().max(1)).cloned();
            match (value, old) {
                // A field under another name, or none at all.
                (Value::Null, Some(old)) => {
                    let moved = fields.remove(&old);
                    if script.byte()? & 1 == 1 {
                        fields.insert(name, moved?);
                    }
                }
                (value, _) => drop(fields.insert(name, value)),
            }
        }
        Value::String(text) => {
            let mut at = script.byte()?.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, &script.text()?);
        }
        Value::Number(number) => {
            let step = i64::from(script.take(1)?[0].cast_signed());
            *there = Value::from(number.as_i64()?.checked_add(step)?);
        }
        Value::Null | Value::Bool(_) => {}
    }
    Some(())
}

/// How many values there are, this one included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0_usize,
    }
}

fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| nth(value, left)),
        Value::Object(fields) => fields.values_mut().find_map(|value| nth(value, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
