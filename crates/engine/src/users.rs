//! Who `--user` means: names and numbers looked up in the container's own `/etc/passwd` and `/etc/group`. Source: passwd(5), group(5).

use store::RootView;

use crate::error::EngineError;

/// A user with its groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

/// Looks up `user[:group]`; nothing is root.
pub(crate) fn lookup(user: &str, root: &RootView) -> Result<Account, EngineError> {
    let read = |path| String::from_utf8_lossy(&root.read(path).unwrap_or_default()).into_owned();
    resolve(user, &read("/etc/passwd"), || read("/etc/group"))
}

/// Further groups, names or numbers, as `--group-add` gives them.
pub(crate) fn add_groups(
    account: &mut Account,
    groups: &[String],
    root: &RootView,
) -> Result<(), EngineError> {
    if groups.is_empty() {
        return Ok(());
    }
    let read = root.read("/etc/group").unwrap_or_default();
    let text = String::from_utf8_lossy(&read);
    for name in groups {
        let id = group_id(name, &text).filter(|id| *id <= i32::MAX as u32).ok_or_else(|| {
            let why = "it is neither a number nor a group in the container's /etc/group";
            EngineError::value("group-add", name, why)
        })?;
        if !account.groups.contains(&id) {
            account.groups.push(id);
        }
    }
    Ok(())
}

/// The first group is a supplementary one too: else a set-group-ID program would take it away, and with it a refusal that the
/// mode of a file means for that group. CVE-2022-36109.
fn resolve(
    user: &str,
    passwd: &str,
    group: impl FnOnce() -> String,
) -> Result<Account, EngineError> {
    let mut account = find(user, passwd, group)?;
    account.groups.insert(0, account.gid);
    Ok(account)
}

fn find(user: &str, passwd: &str, group: impl FnOnce() -> String) -> Result<Account, EngineError> {
    let wrong = |why: &str| EngineError::value("user", user, why);
    let (name, group_name) =
        user.split_once(':').map_or((user, None), |(name, group)| (name, Some(group)));
    let name = if name.is_empty() { "0" } else { name };
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = lines.find(|fields| fields.first() == Some(&name) || fields.get(2) == Some(&name));
    let field = |number: usize| entry.as_ref().and_then(|fields| fields.get(number)).copied();
    let uid = match field(2).or(Some(name)).map(str::parse::<u32>) {
        Some(Ok(uid)) if uid <= i32::MAX as u32 => uid,
        Some(Ok(_)) => return Err(wrong("the number is not within 0 to 2147483647")),
        _ => return Err(wrong("there is no such user in the container's /etc/passwd")),
    };
    let mut account = Account {
        uid,
        gid: field(3).and_then(|gid| gid.parse().ok()).unwrap_or(0),
        ..Account::default()
    };
    account.home = field(5).filter(|home| !home.is_empty()).unwrap_or("/").to_owned();
    let user_name = field(0).map(str::to_owned);
    // Nothing more to look up for plain root, the usual case.
    if group_name.is_none() && user_name.is_none() {
        return Ok(account);
    }
    let group = group();
    match group_name.filter(|name| !name.is_empty()) {
        Some(name) => {
            account.gid = group_id(name, &group)
                .ok_or_else(|| wrong("there is no such group in the container's /etc/group"))?;
        }
        None => {
            account.groups =
                user_name.map(|name| groups_of(&name, account.gid, &group)).unwrap_or_default();
        }
    }
    Ok(account)
}

fn group_id(name: &str, group: &str) -> Option<u32> {
    let by_name = group
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name));
    by_name.and_then(|fields| fields.get(2)?.parse().ok()).or_else(|| name.parse().ok())
}

fn groups_of(name: &str, primary: u32, group: &str) -> Vec<u32> {
    let mut groups = Vec::new();
    for fields in group.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
        let member =
            fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name));
        let gid =
            fields.get(2).and_then(|gid| gid.parse::<u32>().ok()).filter(|gid| *gid != primary);
        groups.extend(gid.filter(|_| member));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/false\n";
    const GROUP: &str = "root:x:0:\nwww:x:34:\nssl:x:50:web,mail\n";

    fn of(user: &str) -> Option<(u32, u32, Vec<u32>, String)> {
        resolve(user, PASSWD, || GROUP.to_owned())
            .ok()
            .map(|account| (account.uid, account.gid, account.groups, account.home))
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(of(""), Some((0, 0, vec![0], "/root".into())));
        assert_eq!(of("web"), Some((33, 34, vec![34, 50], "/srv".into())));
        assert_eq!(of("33"), Some((33, 34, vec![34, 50], "/srv".into())));
        assert_eq!(of("web:ssl"), Some((33, 50, vec![50], "/srv".into())));
        assert_eq!(of("1000:1001"), Some((1000, 1001, vec![1001], "/".into())));
        assert_eq!(of("nobody"), None);
        assert_eq!(of("web:nothing"), None);
        assert_eq!(of("4294967295"), None);
    }
}
