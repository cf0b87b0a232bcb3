//! Device access: rules, what they come to, and who is asked on which version.

use std::fmt;

use serde::{Deserialize, Serialize};
use spec::runtime::DeviceRule;

use super::PlanError;

/// What a set of rules comes to: a default and its exceptions.
///
/// The kernel's v1 controller works this way (security/device_cgroup.c), and v2 gets the same answer from a BPF program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRules {
    /// Whether devices without an exception are allowed.
    pub allow: bool,
    /// Sorted, each device once.
    pub exceptions: Vec<(Device, Access)>,
}

/// Which devices; `None` is any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Character or block.
    pub kind: DeviceKind,
    /// Major number.
    pub major: Option<u32>,
    /// Minor number.
    pub minor: Option<u32>,
}

/// Kind of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A character device.
    Character,
    /// A block device.
    Block,
}

/// A set of `r`, `w` and `m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// open(2) for reading.
    pub read: bool,
    /// open(2) for writing.
    pub write: bool,
    /// mknod(2).
    pub make: bool,
}

impl Access {
    /// Everything.
    pub const ALL: Self = Self { read: true, write: true, make: true };

    /// Whether every letter of `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        (self.read || !other.read) && (self.write || !other.write) && (self.make || !other.make)
    }

    /// Whether they share a letter.
    pub fn intersects(self, other: Self) -> bool {
        (self.read && other.read) || (self.write && other.write) || (self.make && other.make)
    }

    fn union(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
            make: self.make || other.make,
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            read: self.read && !other.read,
            write: self.write && !other.write,
            make: self.make && !other.make,
        }
    }

    fn parse(text: &str) -> Result<Self, PlanError> {
        text.chars().try_fold(Self::default(), |access, letter| match letter {
            'r' => Ok(Self { read: true, ..access }),
            'w' => Ok(Self { write: true, ..access }),
            'm' => Ok(Self { make: true, ..access }),
            // Means nothing, and is written by people who know the type of that name: runc passes over it.
            'a' => Ok(access),
            _ => Err(bad_rule(text, "access is made of r, w and m")),
        })
    }
}

impl Device {
    /// Whether `self` is `device` or a wildcard over it.
    pub fn covers(self, device: Self) -> bool {
        let number = |own: Option<u32>, other: Option<u32>| own.is_none() || own == other;
        self.kind == device.kind
            && number(self.major, device.major)
            && number(self.minor, device.minor)
    }

    /// Whether some device is meant by both.
    fn overlaps(self, other: Self) -> bool {
        let number =
            |one: Option<u32>, two: Option<u32>| one.is_none() || two.is_none() || one == two;
        self.kind == other.kind
            && number(self.major, other.major)
            && number(self.minor, other.minor)
    }
}

impl DeviceRules {
    /// Applies `rules` in order over "deny all". Exceptions stay in the order in which they came up: `devices.list` shows it.
    ///
    /// # Errors
    /// Unknown types or access letters, and a rule that would have to cut a hole into a wildcard: v1 kernels ignore it silently.
    pub fn from_rules(rules: &[DeviceRule]) -> Result<Self, PlanError> {
        let mut sum = Self::default();
        for rule in rules {
            sum.apply(rule)?;
        }
        Ok(sum)
    }

    /// Whether every device may be used.
    pub fn allows_all(&self) -> bool {
        self.allow && self.exceptions.is_empty()
    }

    /// Whether `wanted` on `device` (one device, no wildcard) is allowed: as security/device_cgroup.c decides.
    pub fn allows(&self, device: Device, wanted: Access) -> bool {
        let mut matching = self.exceptions.iter().filter(|(exception, _)| exception.covers(device));
        if self.allow {
            !matching.any(|(_, denied)| denied.intersects(wanted))
        } else {
            matching.any(|(_, allowed)| allowed.contains(wanted))
        }
    }

    /// File and text, in order, that bring a new v1 group (which allows what its parent allows) to these rules.
    pub(crate) fn v1_writes(&self) -> impl Iterator<Item = (&'static str, String)> {
        let first = (!self.allow).then(|| ("devices.deny", "a".to_owned()));
        let file = if self.allow { "devices.deny" } else { "devices.allow" };
        first.into_iter().chain(
            self.exceptions
                .iter()
                .map(move |(device, access)| (file, format!("{device} {access}"))),
        )
    }

    fn apply(&mut self, rule: &DeviceRule) -> Result<(), PlanError> {
        let access = Access::parse(rule.access.as_deref().unwrap_or("rwm"))?;
        let kind = match rule.kind.as_deref().unwrap_or("a") {
            // Always every device with every access, whatever else the rule says: so does the kernel.
            "" | "a" => {
                *self = Self { allow: rule.allow, exceptions: Vec::new() };
                return Ok(());
            }
            // An unbuffered character device; mknod(1).
            "c" | "u" => DeviceKind::Character,
            "b" => DeviceKind::Block,
            other => return Err(bad_rule(other, "the type is one of a, b and c")),
        };
        let device = Device { kind, major: number(rule.major)?, minor: number(rule.minor)? };
        if access == Access::default() {
            return Err(bad_rule(&device.to_string(), "access is empty"));
        }
        if rule.allow == self.allow {
            self.take_back(device, access)
        } else {
            self.except(device, access)
        }
    }

    fn except(&mut self, device: Device, access: Access) -> Result<(), PlanError> {
        match self.exceptions.iter_mut().find(|(known, _)| *known == device) {
            Some((_, known)) => *known = known.union(access),
            None => self.exceptions.push((device, access)),
        }
        Ok(())
    }

    /// The kernel's v1 controller takes back exactly the same device only and ignores all else without a word. What a rule
    /// says is kept here: it goes for every device that it covers, and is refused where that would need a hole.
    fn take_back(&mut self, device: Device, access: Access) -> Result<(), PlanError> {
        let touched = |(known, accesses): &(Device, Access)| {
            known.overlaps(device) && accesses.intersects(access)
        };
        if self
            .exceptions
            .iter()
            .filter(|known| touched(known))
            .any(|(known, _)| !device.covers(*known))
        {
            return Err(bad_rule(
                &format!("{device} {access}"),
                "it would cut a hole into an earlier rule with a wildcard",
            ));
        }
        for (known, accesses) in &mut self.exceptions {
            if device.covers(*known) {
                *accesses = accesses.without(access);
            }
        }
        self.exceptions.retain(|(_, access)| *access != Access::default());
        Ok(())
    }
}

fn number(number: Option<i64>) -> Result<Option<u32>, PlanError> {
    // Docker writes a wildcard as -1 or leaves it out.
    match number {
        None | Some(-1) => Ok(None),
        Some(number) => u32::try_from(number)
            .map(Some)
            .map_err(|_odd| bad_rule(&number.to_string(), "it is no device number")),
    }
}

fn bad_rule(value: &str, reason: &'static str) -> PlanError {
    PlanError::Value { setting: "devices", value: value.to_owned(), reason }
}

/// The rules that every OCI container gets after its own (config-linux.md, "Default Devices"), mknod of anything, and
/// pseudo terminals. `/dev/net/tun` is among them as in Docker: VPN images make it themselves and still need `CAP_NET_ADMIN`
/// (opencontainers/runc#4555).
pub fn default_device_rules() -> Vec<DeviceRule> {
    let rule = |kind: &str, major, minor, access: &str| DeviceRule {
        allow: true,
        kind: Some(kind.to_owned()),
        major,
        minor,
        access: Some(access.to_owned()),
    };
    let memory = [3, 5, 7, 8, 9].map(|minor| rule("c", Some(1), Some(minor), "rwm"));
    let terminals = [(5, Some(0)), (5, Some(2)), (10, Some(200)), (136, None)]
        .map(|(major, minor)| rule("c", Some(major), minor, "rwm"));
    let make = [rule("c", None, None, "m"), rule("b", None, None, "m")];
    make.into_iter().chain(memory).chain(terminals).collect()
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(self.read, "r"), (self.write, "w"), (self.make, "m")];
        letters.iter().filter(|(set, _)| *set).try_for_each(|(_, letter)| f.write_str(letter))
    }
}

impl fmt::Display for Device {
    /// As `devices.allow` takes it: `c 1:3`, `b 8:*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u32>| {
            number.map_or_else(|| "*".to_owned(), |number| number.to_string())
        };
        let kind = match self.kind {
            DeviceKind::Character => 'c',
            DeviceKind::Block => 'b',
        };
        write!(f, "{kind} {}:{}", number(self.major), number(self.minor))
    }
}

impl fmt::Display for DeviceRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.allow { "allow all" } else { "deny all" })?;
        self.exceptions.iter().enumerate().try_for_each(|(at, (device, access))| {
            write!(f, "{} {device} {access}", if at == 0 { " but" } else { "," })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: bool, text: &str) -> DeviceRule {
        let words: Vec<&str> = text.split([' ', ':']).collect();
        let number = |text: &str| text.parse().ok();
        DeviceRule {
            allow,
            kind: Some(words[0].to_owned()),
            major: words.get(1).and_then(|word| number(word)),
            minor: words.get(2).and_then(|word| number(word)),
            access: words.get(3).map(|word| (*word).to_owned()),
        }
    }

    fn sum(rules: &[(bool, &str)]) -> Result<String, String> {
        let rules: Vec<_> = rules.iter().map(|(allow, text)| rule(*allow, text)).collect();
        DeviceRules::from_rules(&rules)
            .map(|sum| sum.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn rules_add_up_as_in_the_kernel() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(sum(&[]), ok("deny all"));
        assert_eq!(sum(&[(true, "a")]), ok("allow all"));
        assert_eq!(sum(&[(true, "c 1:3 r"), (true, "c 1:3 w")]), ok("deny all but c 1:3 rw"));
        assert_eq!(sum(&[(true, "c 1:3 rwm"), (false, "c 1:3 w")]), ok("deny all but c 1:3 rm"));
        assert_eq!(sum(&[(true, "c 1:3 rwm"), (false, "c 1:3 rwm")]), ok("deny all"));
        assert_eq!(
            sum(&[(false, "b 8:1 rwm"), (true, "a"), (false, "b 8:2 rwm")]),
            ok("allow all but b 8:2 rwm")
        );
        assert_eq!(
            sum(&[(true, "c 1:3 rwm"), (false, "a"), (true, "b 8:* r")]),
            ok("deny all but b 8:* r")
        );
        // What is said of a wildcard goes for the single device too.
        assert_eq!(
            sum(&[(true, "c 1:3 rwm"), (true, "c 1:* m"), (false, "c 1:* m")]),
            ok("deny all but c 1:3 rw")
        );
    }

    #[test]
    fn odd_rules_are_refused() {
        let hole =
            r#"set devices to "c 1:3 w": it would cut a hole into an earlier rule with a wildcard"#;
        assert_eq!(sum(&[(true, "c *:* rwm"), (false, "c 1:3 w")]), Err(hole.to_owned()));
        assert_eq!(
            sum(&[(true, "x 1:3 r")]),
            Err(r#"set devices to "x": the type is one of a, b and c"#.to_owned())
        );
        assert_eq!(
            sum(&[(true, "c 1:3 rx")]),
            Err(r#"set devices to "rx": access is made of r, w and m"#.to_owned())
        );
        assert_eq!(
            sum(&[(true, "c 1:3 ")]),
            Err(r#"set devices to "c 1:3": access is empty"#.to_owned())
        );
        assert_eq!(
            sum(&[(true, "c -5:3 r")]),
            Err(r#"set devices to "-5": it is no device number"#.to_owned())
        );
        assert!(sum(&[(true, "c 4294967296:3 r")]).is_err());
    }
}
