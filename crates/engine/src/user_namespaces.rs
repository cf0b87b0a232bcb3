//! User namespaces of containers: which ids of the machine each has, and what cannot be together with one.
//!
//! Files have the container's ids on the disk, in its own layer and in volumes; id-mapped mounts make those of the machine of them.
//! So a volume is the same for containers of different ids, and nothing is copied. Start at [`Containers::settle_users`], when a
//! container is made, and [`Containers::users`], when it is started. Sources: user_namespaces(7), subuid(5).

use spec::ContainerId;
use spec::runtime::IdMapping;
use store::{IdSpan, Image, RootView, WantedIds};

use crate::config::{
    AutoUsers, ContainerConfig, IpcMode, KeptUser, NetworkMode, PidMode, UserMaps, UserMode,
};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::id_pool;
use crate::life::Container;
use crate::oci::Users;

/// As many ids as images are made for: all that 16 bits can tell, and with them nobody, 65534.
const USUAL_SIZE: u32 = 65_536;
/// As many containers as each other's namespace may lead to.
const MOST_JOINS: usize = 64;
const WHAT: &str = "userns mode";

/// What is written down of a new container's ids.
#[derive(Debug)]
pub(crate) enum OwnIds {
    Leased { pool: Vec<IdSpan>, size: u32 },
    Chosen(Vec<IdSpan>),
}

impl OwnIds {
    pub(crate) fn wanted(&self) -> WantedIds<'_> {
        match self {
            Self::Leased { pool, size } => WantedIds::Leased { pool, size: *size },
            Self::Chosen(spans) => WantedIds::Chosen(spans),
        }
    }
}

impl Containers<'_> {
    /// Has a new container what the machine's settings say where nobody says anything, and refuses what cannot be together.
    pub(crate) fn settle_users(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        let sharing = &mut config.sharing;
        if std::mem::take(&mut sharing.users_host) {
            sharing.users = UserMode::Host;
        }
        if let UserMode::Container(name) = &mut sharing.users {
            let id = self.engine.store.containers().get(name)?.id;
            id.as_str().clone_into(name);
        }
        // Steps of a build have nobody's ids: what they make becomes a layer.
        let may_have = self.engine.keeper.is_none() && config.layers.is_empty();
        if config.sharing.users == UserMode::Unsaid && may_have {
            config.sharing.users = self.engine.settings()?.users;
        }
        if !config.sharing.users.is_inside() {
            return Ok(());
        }
        if self.engine.keeper.is_some() {
            let why = "id-mapped mounts take the rights of the machine's root, and files are not copied for it";
            return Err(EngineError::value(WHAT, config.sharing.users.to_string(), why));
        }
        refuse_the_machines(config)?;
        self.refuse_others(config)
    }

    /// A namespace of another container can be joined by who has the same users: the rights over it belong to these.
    fn refuse_others(&self, config: &ContainerConfig) -> Result<(), EngineError> {
        let network = match &config.network {
            NetworkMode::Container(id) => Some(("network", id)),
            NetworkMode::None | NetworkMode::Host | NetworkMode::Networks(_) => None,
        };
        let pid = match &config.sharing.pid {
            PidMode::Container(id) => Some(("pid", id)),
            PidMode::Private | PidMode::Host => None,
        };
        let ipc = match &config.sharing.ipc {
            IpcMode::Container(id) => Some(("ipc", id)),
            IpcMode::Private | IpcMode::Shareable | IpcMode::None | IpcMode::Host => None,
        };
        let own = if let UserMode::Container(id) = &config.sharing.users {
            self.users_owner(id)?
        } else {
            None
        };
        for (what, id) in [network, pid, ipc].into_iter().flatten() {
            if own.is_none() || self.users_owner(id)? != own {
                let name = self.get(id)?.record.name;
                let why = format!(
                    "the {what} namespace of {name} belongs to other users: --userns container:{name} has the same"
                );
                return Err(EngineError::value(WHAT, config.sharing.users.to_string(), why));
            }
        }
        Ok(())
    }

    /// Whose the user namespace of a container is; nothing where it has the machine's.
    fn users_owner(&self, id: &str) -> Result<Option<ContainerId>, EngineError> {
        let mut container = self.get(id)?;
        for _ in 0..MOST_JOINS {
            match &container.config.sharing.users {
                UserMode::Unsaid | UserMode::Host => return Ok(None),
                UserMode::Container(next) => container = self.get(next)?,
                UserMode::Auto(_) | UserMode::KeepId(_) | UserMode::Private(_) => {
                    return Ok(Some(container.record.id));
                }
            }
        }
        Err(EngineError::value(WHAT, id, "containers have each other's user namespace"))
    }

    /// What a new container is leased.
    pub(crate) fn own_ids(
        &self,
        config: &ContainerConfig,
        image: Option<&Image>,
    ) -> Result<Option<OwnIds>, EngineError> {
        let chosen = |maps: &UserMaps| {
            let spans = maps.uids.iter().chain(&maps.gids);
            let spans = spans.map(|map| IdSpan { first: map.host_id, size: map.size });
            Some(OwnIds::Chosen(spans.collect()))
        };
        Ok(match &config.sharing.users {
            UserMode::Unsaid | UserMode::Host | UserMode::Container(_) | UserMode::KeepId(_) => {
                None
            }
            UserMode::Private(maps) if *maps != UserMaps::default() => chosen(maps),
            UserMode::Auto(AutoUsers { size: Some(size), .. }) => {
                Some(OwnIds::Leased { pool: id_pool::pool()?, size: *size })
            }
            UserMode::Auto(_) | UserMode::Private(_) => {
                let size = self.usual_size(config, image);
                Some(OwnIds::Leased { pool: id_pool::pool()?, size })
            }
        })
    }

    /// More than usual where who runs in it has a larger number. One that cannot be looked up is refused elsewhere.
    fn usual_size(&self, config: &ContainerConfig, image: Option<&Image>) -> u32 {
        let view = RootView::of(&self.lower(config, image));
        let Ok(mut account) = crate::users::lookup(&config.user, &view) else { return USUAL_SIZE };
        let _refused_elsewhere = crate::users::add_groups(&mut account, &config.groups, &view);
        let groups = account.groups.iter().copied();
        let largest = groups.chain([account.uid, account.gid]).max().unwrap_or(0);
        USUAL_SIZE.max(largest.saturating_add(1))
    }

    /// The users of a container that has not the machine's.
    pub(crate) fn users(&self, made: &Made) -> Result<Option<Users>, EngineError> {
        let UserMode::Container(id) = &made.config.sharing.users else {
            let maps = self.maps(&made.config, &made.id)?;
            return Ok(maps.map(|maps| Users { maps, joined: None }));
        };
        let Some(owner) = self.users_owner(id)? else { return Ok(None) };
        let (pid, _) = self.running(id)?;
        let owner = self.get(owner.as_str())?;
        let maps = self.maps(&owner.config, &owner.record.id)?;
        Ok(maps.map(|maps| Users { maps, joined: Some(pid) }))
    }

    /// The maps of a container, for whoever looks at it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn user_maps(&self, container: &Container) -> Result<Option<UserMaps>, EngineError> {
        self.users_at_rest(&container.config, &container.record.id)
    }

    /// The same whether what it joins runs or not.
    pub(crate) fn users_at_rest(
        &self,
        config: &ContainerConfig,
        id: &ContainerId,
    ) -> Result<Option<UserMaps>, EngineError> {
        let UserMode::Container(other) = &config.sharing.users else {
            return self.maps(config, id);
        };
        let Some(owner) = self.users_owner(other)? else { return Ok(None) };
        let owner = self.get(owner.as_str())?;
        self.maps(&owner.config, &owner.record.id)
    }

    fn maps(
        &self,
        config: &ContainerConfig,
        id: &ContainerId,
    ) -> Result<Option<UserMaps>, EngineError> {
        let nothing = UserMaps::default();
        Ok(match &config.sharing.users {
            UserMode::Unsaid | UserMode::Host | UserMode::Container(_) => None,
            UserMode::KeepId(kept) => Some(kept_maps(kept)),
            UserMode::Private(maps) if *maps != nothing => Some(maps.clone()),
            UserMode::Private(_) => Some(fill(self.leased(id)?, &nothing)),
            UserMode::Auto(AutoUsers { wanted, .. }) => Some(fill(self.leased(id)?, wanted)),
        })
    }

    /// What it was leased; for one that is not there what could be.
    fn leased(&self, id: &ContainerId) -> Result<IdSpan, EngineError> {
        if let Some(leased) = self.engine.store.containers().leased_ids(id)? {
            return Ok(leased);
        }
        let first = id_pool::pool()?.first().map_or(0, |span| span.first);
        Ok(IdSpan { first, size: USUAL_SIZE })
    }
}

/// In Docker's words, with what helps.
fn refuse_the_machines(config: &ContainerConfig) -> Result<(), EngineError> {
    let refused = |why: &str| {
        let why = format!("{why}: --userns host has the machine's users");
        let (what, value) = if config.security.hardened {
            ("security option", "hardened".to_owned())
        } else {
            (WHAT, config.sharing.users.to_string())
        };
        Err(EngineError::value(what, value, why))
    };
    if config.privileged {
        return refused("privileged mode is incompatible with user namespaces");
    }
    if config.network == NetworkMode::Host {
        return refused(
            "cannot share the host's network namespace when user namespaces are enabled",
        );
    }
    if config.sharing.pid == PidMode::Host {
        return refused("cannot share the host PID namespace when user namespaces are enabled");
    }
    Ok(())
}

/// The caller, who is root of the machine, is somebody inside, and everybody else has the places that are left.
fn kept_maps(kept: &KeptUser) -> UserMaps {
    let size = kept.size.unwrap_or(u32::MAX);
    let maps = |own: u32| {
        let map = |container_id, host_id, size| IdMapping { container_id, host_id, size };
        let rest = size.saturating_sub(own.saturating_add(1));
        let maps = [map(0, 1, own), map(own, 0, 1), map(own.saturating_add(1), own + 1, rest)];
        if own == 0 {
            return vec![map(0, 0, size)];
        }
        maps.into_iter().filter(|map| map.size > 0).collect()
    };
    UserMaps { uids: maps(kept.uid.unwrap_or(0)), gids: maps(kept.gid.unwrap_or(0)) }
}

/// What somebody wants, and for the other ids of so many as were leased those.
fn fill(leased: IdSpan, wanted: &UserMaps) -> UserMaps {
    let of = |wanted: &[IdMapping]| {
        let mut sorted = wanted.to_vec();
        sorted.sort_by_key(|map| map.container_id);
        let (mut inside, mut outside) = (0, leased.first);
        let mut maps = Vec::with_capacity(2 * sorted.len() + 1);
        for map in &sorted {
            let before = map.container_id.min(leased.size).saturating_sub(inside);
            if before > 0 {
                maps.push(IdMapping { container_id: inside, host_id: outside, size: before });
                outside += before;
            }
            maps.push(*map);
            inside = map.container_id.saturating_add(map.size);
        }
        if inside < leased.size {
            let size = leased.size - inside;
            maps.push(IdMapping { container_id: inside, host_id: outside, size });
        }
        maps
    };
    UserMaps { uids: of(&wanted.uids), gids: of(&wanted.gids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(maps: &[IdMapping]) -> Vec<(u32, u32, u32)> {
        maps.iter().map(|map| (map.container_id, map.host_id, map.size)).collect()
    }

    #[test]
    fn leased_ids_fill_what_nobody_wants() {
        let leased = IdSpan { first: 100_000, size: 1000 };
        let of = |wanted: &[(u32, u32, u32)]| {
            let map = |&(container_id, host_id, size)| IdMapping { container_id, host_id, size };
            let uids = wanted.iter().map(map).collect();
            rows(&fill(leased, &UserMaps { uids, gids: Vec::new() }).uids)
        };
        assert_eq!(of(&[]), [(0, 100_000, 1000)]);
        assert_eq!(of(&[(0, 7, 1)]), [(0, 7, 1), (1, 100_000, 999)]);
        assert_eq!(
            of(&[(500, 7, 10), (0, 3, 1)]),
            [(0, 3, 1), (1, 100_000, 499), (500, 7, 10), (510, 100_499, 490)]
        );
        assert_eq!(of(&[(5000, 7, 10)]), [(0, 100_000, 1000), (5000, 7, 10)]);
        assert_eq!(of(&[(990, 7, 100)]), [(0, 100_000, 990), (990, 7, 100)]);
    }

    #[test]
    fn the_caller_is_somebody_inside() {
        let of = |uid, size| rows(&kept_maps(&KeptUser { uid, gid: None, size }).uids);
        assert_eq!(of(None, None), [(0, 0, u32::MAX)]);
        assert_eq!(of(Some(5), Some(100)), [(0, 1, 5), (5, 0, 1), (6, 6, 94)]);
        assert_eq!(of(Some(5), Some(3)), [(0, 1, 5), (5, 0, 1)]);
    }
}
