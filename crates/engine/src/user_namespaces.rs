//! User namespaces of containers: which ids of the machine each has, and what cannot be together with one.
//!
//! Files have the container's ids on the disk, in its own layer and in volumes; id-mapped mounts make those of the machine of them.
//! So a volume is the same for containers of different ids, and nothing is copied. Where the kernel cannot, see [`crate::shifted`]. The maps
//! themselves are in [`crate::id_maps`]. Start at [`Containers::settle_users`], when a
//! container is made, and [`Containers::users`], when it is started. Sources: user_namespaces(7), subuid(5).

use std::path::Path;

use spec::ContainerId;
use spec::runtime::IdMapping;
use store::{IdShift, IdSpan, Image, RootView, WantedIds};

use crate::config::{
    AutoUsers, ContainerConfig, IpcMode, KeptUser, NetworkMode, PidMode, UserMaps, UserMode,
};
use crate::containers::{Containers, CreateRequest, Made};
use crate::error::EngineError;
use crate::id_maps;
use crate::id_pool::OwnIds;
use crate::life::Container;
use crate::oci::Users;

/// As many ids as images are made for: all that 16 bits can tell, and with them nobody, 65534.
const USUAL_SIZE: u32 = 65_536;
/// As many containers as each other's namespace may lead to.
const MOST_JOINS: usize = 64;
const WHAT: &str = "userns mode";

/// What is written down of a new container's ids.
#[derive(Debug)]
pub(crate) enum NewIds {
    Leased { pool: Vec<IdSpan>, size: u32 },
    Chosen(Vec<IdSpan>),
}

impl NewIds {
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
        let may_have = config.layers.is_empty();
        if config.sharing.users == UserMode::Unsaid && may_have {
            config.sharing.users = self.engine.settings()?.users;
        }
        if !config.sharing.users.is_inside() {
            return Ok(());
        }
        let is_users = self.engine.keeper.is_some();
        if config.sharing.users == UserMode::NoMap && !is_users {
            let why = "it leaves out the id of a user who is not root: the machine's root has all";
            return Err(EngineError::value(WHAT, "nomap", why));
        }
        refuse_the_machines(config, is_users)?;
        self.refuse_others(config)?;
        if is_users {
            self.refuse_foreign(config)?;
        }
        config.sharing.shifted = match &config.sharing.users {
            UserMode::Container(id) if crate::roots::in_place(config).is_none() => {
                let owner = self.users_owner(id)?.map(|owner| self.get(owner.as_str()));
                owner.transpose()?.is_some_and(|owner| owner.config.sharing.shifted)
            }
            UserMode::Unsaid
            | UserMode::Host
            | UserMode::Auto(_)
            | UserMode::KeepId(_)
            | UserMode::NoMap
            | UserMode::Container(_)
            | UserMode::Private(_) => self.shifts_ids_of(config)?,
        };
        Ok(())
    }

    /// A user can give ids only that are his, by the numbers that they have in his own namespace.
    fn refuse_foreign(&self, config: &ContainerConfig) -> Result<(), EngineError> {
        let own = OwnIds::read();
        if own.uids.min(own.gids) < 2 {
            return Err(EngineError::NoOwnIds);
        }
        let nothing = UserMaps::default();
        let maps = match &config.sharing.users {
            UserMode::Private(maps) | UserMode::Auto(AutoUsers { wanted: maps, .. }) => maps,
            UserMode::Unsaid
            | UserMode::Host
            | UserMode::KeepId(_)
            | UserMode::NoMap
            | UserMode::Container(_) => &nothing,
        };
        for (maps, count) in [(&maps.uids, own.uids), (&maps.gids, own.gids)] {
            let is_foreign = |map: &&IdMapping| map.host_id.saturating_add(map.size) > count;
            if let Some(map) = maps.iter().find(is_foreign) {
                let text = crate::config::map_text(map);
                let why = format!(
                    "a user's ids are 0, himself, and those that /etc/subuid and /etc/subgid give him: 1 to {}",
                    count - 1
                );
                return Err(EngineError::value("id map", text, why));
            }
        }
        Ok(())
    }

    /// Has a container run as whom its namespace keeps, unless somebody says otherwise: as Podman does, whatever the image says.
    pub(crate) fn keep_user(&self, request: &CreateRequest, config: &mut ContainerConfig) {
        let UserMode::KeepId(kept) = &config.sharing.users else { return };
        let is_said = kept.uid.is_some() || kept.gid.is_some();
        if request.config.user.is_empty() && (is_said || self.engine.keeper.is_some()) {
            let (uid, gid) = id_maps::kept_ids(kept, self.own_ids_of_user());
            config.user = format!("{uid}:{gid}");
        }
    }

    /// Writes the name of a user whom his container keeps into the container's `/etc/passwd` and `/etc/group`, where the image knows nobody
    /// of his ids.
    pub(crate) fn name_kept_user(
        &self,
        made: &Made,
        view: &RootView,
        ids: Option<&IdShift>,
    ) -> Result<(), EngineError> {
        let (UserMode::KeepId(KeptUser { uid: None, gid: None, .. }), Some(own)) =
            (&made.config.sharing.users, self.own_ids_of_user())
        else {
            return Ok(());
        };
        let (uid, gid) = own.user;
        let name = monitor::keeper::ids_of(uid).name.unwrap_or_else(|| uid.to_string());
        let lines = [
            ("passwd", uid, format!("{name}:*:{uid}:{gid}:{name}:/:/bin/sh")),
            ("group", gid, format!("{name}:*:{gid}:")),
        ];
        for (file, id, line) in lines {
            let text = view.read(Path::new("etc").join(file)).unwrap_or_default();
            let is_known = String::from_utf8_lossy(&text).lines().any(|line| {
                let mut fields = line.split(':');
                fields.next() == Some(&name)
                    || fields.nth(1).is_some_and(|own| own == id.to_string())
            });
            if !is_known {
                store::append_line(view, &made.dirs.upper, (("etc", file), &line), ids)?;
            }
        }
        Ok(())
    }

    /// The user's own ids; nothing of the machine's root.
    fn own_ids_of_user(&self) -> Option<OwnIds> {
        self.engine.keeper.as_ref().map(|_| OwnIds::read())
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
                UserMode::Auto(_)
                | UserMode::KeepId(_)
                | UserMode::NoMap
                | UserMode::Private(_) => {
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
    ) -> Result<Option<NewIds>, EngineError> {
        let chosen = |maps: &UserMaps| {
            let spans = maps.uids.iter().chain(&maps.gids);
            let spans = spans.map(|map| IdSpan { first: map.host_id, size: map.size });
            Some(NewIds::Chosen(spans.collect()))
        };
        Ok(match &config.sharing.users {
            UserMode::Unsaid
            | UserMode::Host
            | UserMode::Container(_)
            | UserMode::NoMap
            | UserMode::KeepId(_) => None,
            UserMode::Private(maps) if *maps != UserMaps::default() => chosen(maps),
            UserMode::Auto(AutoUsers { size: Some(size), .. }) => {
                Some(NewIds::Leased { pool: self.engine.id_pool()?, size: *size })
            }
            UserMode::Auto(_) | UserMode::Private(_) => {
                let size = self.usual_size(config, image);
                Some(NewIds::Leased { pool: self.engine.id_pool()?, size })
            }
        })
    }

    /// More than usual where who runs in it has a larger number. One that cannot be looked up is refused elsewhere.
    fn usual_size(&self, config: &ContainerConfig, image: Option<&Image>) -> u32 {
        let view = RootView::of(&self.lower(config, image));
        let usual = match self.engine.keeper {
            // He has so many in all, mostly.
            Some(_) => id_maps::needed(&view),
            None => USUAL_SIZE,
        };
        let Ok(mut account) = crate::users::lookup(&config.user, &view) else { return usual };
        let _refused_elsewhere = crate::users::add_groups(&mut account, &config.groups, &view);
        let groups = account.groups.iter().copied();
        let largest = groups.chain([account.uid, account.gid]).max().unwrap_or(0);
        usual.max(largest.saturating_add(1))
    }

    /// The users of a container that has not the machine's.
    pub(crate) fn users(&self, made: &Made) -> Result<Option<Users>, EngineError> {
        let UserMode::Container(id) = &made.config.sharing.users else {
            let maps = self.maps(&made.config, &made.id)?;
            let shifted = made.config.sharing.shifted;
            return Ok(maps.map(|maps| Users { maps, joined: None, shifted }));
        };
        let Some(owner) = self.users_owner(id)? else { return Ok(None) };
        let (pid, _) = self.running(id)?;
        let owner = self.get(owner.as_str())?;
        let maps = self.maps(&owner.config, &owner.record.id)?;
        let shifted = owner.config.sharing.shifted;
        Ok(maps.map(|maps| Users { maps, joined: Some(pid), shifted }))
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
            UserMode::KeepId(kept) => Some(id_maps::kept(kept, self.own_ids_of_user())),
            UserMode::NoMap => Some(id_maps::without_own(OwnIds::read())),
            UserMode::Private(maps) if *maps != nothing => Some(maps.clone()),
            UserMode::Private(_) => Some(id_maps::fill(self.leased(id)?, &nothing)),
            UserMode::Auto(AutoUsers { wanted, .. }) => {
                Some(id_maps::fill(self.leased(id)?, wanted))
            }
        })
    }

    /// What it was leased; for one that is not there what could be.
    fn leased(&self, id: &ContainerId) -> Result<IdSpan, EngineError> {
        if let Some(leased) = self.engine.store.containers().leased_ids(id)? {
            return Ok(leased);
        }
        let first = self.engine.id_pool()?.first().map_or(0, |span| span.first);
        Ok(IdSpan { first, size: USUAL_SIZE })
    }
}

/// In Docker's words, with what helps.
fn refuse_the_machines(config: &ContainerConfig, is_users: bool) -> Result<(), EngineError> {
    let refused = |why: &str| {
        let why = format!("{why}: --userns host has the machine's users");
        let (what, value) = if config.security.hardened {
            ("security option", "hardened".to_owned())
        } else {
            (WHAT, config.sharing.users.to_string())
        };
        Err(EngineError::value(what, value, why))
    };
    // A user's has all rights in his namespaces alone, and none of the machine's.
    if config.privileged && !is_users {
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
