//! What a key's value is to the rest: something that text can be added to, that can be cleared, shown and written again.
//!
//! A model's field is an [`Item`]: `Option` for keys that hold one value, `Vec` for those that collect, [`Table`] for those that
//! have names of their own behind them. What one value is says [`Value`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::problem::{BadValue, not_one_of};

/// One value of a key.
pub(crate) trait Value: Sized {
    /// Whether a list of such values is shown with a newline after its last, too, as LXC does for most.
    const ENDED: bool = true;

    /// The value that a text stands for; the text is not empty.
    fn read(text: &str) -> Result<Self, BadValue>;

    /// As LXC's tools show it.
    fn show(&self) -> String;

    /// As it is written into a file, if it is shown otherwise.
    fn write(&self) -> String {
        self.show()
    }
}

/// What a key holds.
pub(crate) trait Item {
    /// Takes the text, which is not empty, in: instead of what there is, or in addition.
    fn set(&mut self, text: &str) -> Result<(), BadValue>;
    /// Forgets everything.
    fn clear(&mut self);
    /// As LXC's tools show it; nothing when it was not set.
    fn show(&self) -> Option<String>;
    /// Texts that make an empty item this one, one after the other.
    fn write(&self) -> Vec<String>;
}

impl<T: Value> Item for Option<T> {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        *self = Some(T::read(text)?);
        Ok(())
    }

    fn clear(&mut self) {
        *self = None;
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(Value::show)
    }

    fn write(&self) -> Vec<String> {
        self.iter().map(Value::write).collect()
    }
}

impl<T: Value> Item for Vec<T> {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        self.push(T::read(text)?);
        Ok(())
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn show(&self) -> Option<String> {
        (!self.is_empty()).then(|| lines(self))
    }

    fn write(&self) -> Vec<String> {
        self.iter().map(Value::write).collect()
    }
}

/// Values of which a line may hold several, between blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<T>(pub Vec<T>);

impl<T> Default for Words<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Value> Item for Words<T> {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        let read: Vec<T> = blanks(text).map(T::read).collect::<Result<_, _>>()?;
        self.0.extend(read);
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn show(&self) -> Option<String> {
        Item::show(&self.0)
    }

    fn write(&self) -> Vec<String> {
        Item::write(&self.0)
    }
}

/// Values by names that stand behind the key's own, `lxc.sysctl.NAME`, in the order in which they came.
///
/// A file has as many names as it likes, so that finding one must not look at all others.
#[derive(Clone, Debug)]
pub struct Table<T> {
    values: BTreeMap<u64, (String, T)>,
    names: HashMap<String, BTreeSet<u64>>,
    next: u64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), names: HashMap::new(), next: 0 }
    }
}

impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        self.values.values().eq(other.values.values())
    }
}

impl<T: Eq> Eq for Table<T> {}

impl<T> Table<T> {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.values.values().map(|(name, value)| (name.as_str(), value))
    }

    /// Values of one name.
    pub fn of<'table>(&'table self, name: &str) -> impl Iterator<Item = &'table T> {
        let numbers = self.names.get(name).into_iter().flatten();
        numbers.filter_map(|number| self.values.get(number)).map(|(_, value)| value)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// What a key holds that takes names behind its own.
pub(crate) trait NamedItem {
    /// Adds a value, or takes it instead of the one that has the name.
    fn set(&mut self, name: &str, text: &str, replace: bool) -> Result<(), BadValue>;
    /// Forgets what has the name, or everything.
    fn clear(&mut self, name: Option<&str>);
    /// Values of one name as LXC shows them, or all as lines of a file.
    fn show(&self, key: &str, name: Option<&str>) -> String;
    /// Names and texts in the order in which they came.
    fn write(&self) -> Vec<(String, String)>;
}

impl<T: Value> NamedItem for Table<T> {
    fn set(&mut self, name: &str, text: &str, replace: bool) -> Result<(), BadValue> {
        let value = T::read(text)?;
        let there = self.names.get(name).and_then(BTreeSet::first).filter(|_| replace);
        if let Some(entry) = there.and_then(|number| self.values.get_mut(number)) {
            entry.1 = value;
            return Ok(());
        }
        self.names.entry(name.to_owned()).or_default().insert(self.next);
        self.values.insert(self.next, (name.to_owned(), value));
        self.next += 1;
        Ok(())
    }

    fn clear(&mut self, name: Option<&str>) {
        let Some(name) = name else {
            *self = Self::default();
            return;
        };
        for number in self.names.remove(name).unwrap_or_default() {
            self.values.remove(&number);
        }
    }

    fn show(&self, key: &str, name: Option<&str>) -> String {
        match name {
            None => self
                .iter()
                .map(|(name, value)| format!("{key}.{name} = {}\n", value.show()))
                .collect(),
            Some(name) if T::ENDED => self.of(name).map(|value| value.show() + "\n").collect(),
            Some(name) => self.of(name).map(Value::show).collect(),
        }
    }

    fn write(&self) -> Vec<(String, String)> {
        self.iter().map(|(name, value)| (name.to_owned(), value.write())).collect()
    }
}

impl Value for String {
    fn read(text: &str) -> Result<Self, BadValue> {
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// Parts of a text between blanks.
pub(crate) fn blanks(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t']).filter(|word| !word.is_empty())
}

/// Values one a line.
pub(crate) fn lines<T: Value>(values: &[T]) -> String {
    let shown: Vec<String> = values.iter().map(Value::show).collect();
    let mut text = shown.join("\n");
    if T::ENDED && !values.is_empty() {
        text.push('\n');
    }
    text
}

/// What a word stands for in a table of words.
pub(crate) fn word<T: Copy>(table: &[(&str, T)], text: &str) -> Result<T, BadValue> {
    let found = table.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| not_one_of(table))
}

/// The first word that stands for a value in a table of words.
pub(crate) fn name_of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

/// A type that a word of a table stands for.
macro_rules! words {
    ($type:ty, $table:expr) => {
        impl $crate::config::item::Value for $type {
            fn read(text: &str) -> Result<Self, $crate::config::problem::BadValue> {
                $crate::config::item::word($table, text)
            }

            fn show(&self) -> String {
                $crate::config::item::name_of($table, self).to_owned()
            }
        }
    };
}

/// Which field holds which key: once to look at, once to change.
macro_rules! items {
    ($model:ty, $kind:path, $look:ident, $change:ident { $($name:literal => $($field:ident).+),+ $(,)? }) => {
        impl $model {
            fn $look(&self, name: &str) -> Option<&dyn $kind> {
                match name { $($name => Some(&self.$($field).+),)+ _ => None }
            }

            fn $change(&mut self, name: &str) -> Option<&mut dyn $kind> {
                match name { $($name => Some(&mut self.$($field).+),)+ _ => None }
            }
        }
    };
}

pub(crate) use {items, words};
