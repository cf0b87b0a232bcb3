//! Ids that change on the way between two sides of which one has a user namespace.

/// A version stands before the entries: of tag, rights and id.
const ACL_HEADER: usize = 4;
const ACL_USER: u16 = 2;
const ACL_GROUP: u16 = 8;

const CAPABILITY: &[u8] = b"security.capability";
/// Its revision 2; revision 3 has the root's id behind that.
const CAPABILITY_2_BYTES: usize = 20;
const CAPABILITY_3_BYTES: usize = 24;

/// Which ids become which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdShift {
    uids: Vec<Shifted>,
    gids: Vec<Shifted>,
    others: (u32, u32),
}

/// Ids that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shifted {
    /// The first one.
    pub from: u32,
    /// What it becomes.
    pub to: u32,
    /// How many.
    pub count: u32,
}

impl IdShift {
    /// By these ranges of users and of groups; what is in none becomes one of `others`.
    #[must_use]
    pub const fn new(uids: Vec<Shifted>, gids: Vec<Shifted>, others: (u32, u32)) -> Self {
        Self { uids, gids, others }
    }

    /// A name for it: the same for all that do the same in the same words.
    #[must_use]
    pub fn key(&self) -> String {
        use sha2::Digest as _;
        let ranges = |kind: char, ranges: &[Shifted]| {
            let line =
                |range: &Shifted| format!("{kind} {} {} {}\n", range.from, range.to, range.count);
            ranges.iter().map(line).collect::<String>()
        };
        let (uid, gid) = self.others;
        let text = ranges('u', &self.uids) + &ranges('g', &self.gids) + &format!("o {uid} {gid}\n");
        let digest = sha2::Sha256::digest(text.as_bytes());
        spec::digest::hex(digest.get(..16).unwrap_or_default())
    }

    /// What an extended attribute says of ids, with the others: an ACL of users and groups, and for whose root a program has
    /// capabilities. Sources: linux/posix_acl_xattr.h; capabilities(7), "Namespaced file capabilities".
    pub(crate) fn attribute(&self, name: &[u8], mut value: Vec<u8>) -> Vec<u8> {
        match name {
            b"system.posix_acl_access" | b"system.posix_acl_default" => {
                for entry in value.get_mut(ACL_HEADER..).unwrap_or_default().chunks_exact_mut(8) {
                    let id = number(entry, 4);
                    let shifted = match u16::from_le_bytes([entry[0], entry[1]]) {
                        ACL_USER => self.of((id, 0)).0,
                        ACL_GROUP => self.of((0, id)).1,
                        _ => continue,
                    };
                    entry[4..8].copy_from_slice(&shifted.to_le_bytes());
                }
            }
            CAPABILITY if value.len() == CAPABILITY_3_BYTES => {
                let root = self.of((number(&value, CAPABILITY_2_BYTES), 0)).0;
                if root == 0 {
                    // Of whoever is root where it is read: the form that archives have.
                    value.truncate(CAPABILITY_2_BYTES);
                    value[3] = 2;
                } else {
                    value[CAPABILITY_2_BYTES..].copy_from_slice(&root.to_le_bytes());
                }
            }
            _ => {}
        }
        value
    }

    /// What a user and a group become.
    #[must_use]
    pub fn of(&self, (uid, gid): (u32, u32)) -> (u32, u32) {
        (
            shift(&self.uids, uid).unwrap_or(self.others.0),
            shift(&self.gids, gid).unwrap_or(self.others.1),
        )
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn shift(ranges: &[Shifted], id: u32) -> Option<u32> {
    ranges.iter().find_map(|range| {
        let offset = id.checked_sub(range.from).filter(|offset| *offset < range.count)?;
        range.to.checked_add(offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_no_range_becomes_somebody() {
        let range = |from, to, count| Shifted { from, to, count };
        let shift = IdShift::new(vec![range(0, 1000, 10)], vec![range(5, 7, 1)], (65, 66));
        assert_eq!(shift.of((0, 5)), (1000, 7));
        assert_eq!(shift.of((9, 6)), (1009, 66));
        assert_eq!(shift.of((10, 4)), (65, 66));
    }

    #[test]
    fn attributes_name_ids_too() {
        let range = |from, to, count| Shifted { from, to, count };
        let shift = IdShift::new(vec![range(0, 1000, 10)], vec![range(0, 2000, 10)], (65, 66));
        let acl = |user: u32, group: u32| {
            let entry = |tag: u16, id: u32| {
                [&tag.to_le_bytes()[..], &7_u16.to_le_bytes(), &id.to_le_bytes()].concat()
            };
            let none = u32::MAX;
            let entries = [entry(1, none), entry(2, user), entry(4, none), entry(8, group)];
            [&2_u32.to_le_bytes()[..], &entries.concat(), &entry(0x10, none)].concat()
        };
        let of = |name: &[u8], value: Vec<u8>| shift.attribute(name, value);
        assert_eq!(of(b"system.posix_acl_access", acl(5, 6)), acl(1005, 2006));
        assert_eq!(of(b"user.x", acl(5, 6)), acl(5, 6));
        let capability = |revision: u8, root: Option<u32>| {
            let mut value = vec![1, 0, 0, revision];
            value.resize(20, 9);
            value.extend(root.iter().flat_map(|root| root.to_le_bytes()));
            value
        };
        assert_eq!(of(CAPABILITY, capability(2, None)), capability(2, None));
        assert_eq!(of(CAPABILITY, capability(3, Some(3))), capability(3, Some(1003)));
        let back = IdShift::new(vec![range(1000, 0, 10)], Vec::new(), (65, 66));
        assert_eq!(back.attribute(CAPABILITY, capability(3, Some(1000))), capability(2, None));
    }
}
