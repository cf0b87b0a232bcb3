//! What a container may do: capabilities, AppArmor, SELinux, system calls, and rights that programs do not gain.

use engine::config::{SeccompChoice, UserMode};
use libcontainer::capability;

use crate::config::Switch;
use crate::config::security::Capability;

use super::{Draft, seccomp};

const ALL: &str = "ALL";
/// The type that stands for leaving labels as they are.
const UNCONFINED_TYPE: &str = "unconfined_t";
/// A profile that is made for the container, and one that is not changed.
const GENERATED: &str = "generated";
const UNCHANGED: &str = "unchanged";

pub(super) fn map(draft: &mut Draft<'_>) {
    capabilities(draft);
    apparmor(draft);
    selinux(draft);
    filter(draft);
    let security = &draft.config.security;
    let is_on = |switch: Option<Switch>| switch.is_some_and(|switch| switch.0);
    draft.engine.security.no_new_privileges = is_on(security.no_new_privileges);
    if is_on(security.without_session_keyring) {
        let why =
            "every container has a session keyring of its own, so that it finds no keys of others";
        draft.refuse("lxc.keyring.session", why);
    }
}

/// All but those that are dropped, or those that are kept.
fn capabilities(draft: &mut Draft<'_>) {
    let security = &draft.config.security;
    let (key, named) = match &security.kept.capabilities {
        Some(kept) => ("lxc.cap.keep", kept),
        None => ("lxc.cap.drop", &security.dropped.0),
    };
    let mut names = Vec::with_capacity(named.len());
    for Capability { name, number } in named {
        match capability::names(1 << u32::from(*number)).next() {
            Some(known) => names.push(known),
            None => draft.tell(key, format!("no kernel has capability {name}")),
        }
    }
    let all = vec![ALL.to_owned()];
    let (add, drop) =
        if security.kept.capabilities.is_some() { (names, all) } else { (all, names) };
    (draft.engine.cap_add, draft.engine.cap_drop) = (add, drop);
}

fn apparmor(draft: &mut Draft<'_>) {
    const KEY: &str = "lxc.apparmor.profile";
    let security = &draft.config.security;
    match security.apparmor_profile.as_deref() {
        // The engine has one for all containers, which it makes itself.
        None | Some(GENERATED) => {}
        Some(UNCHANGED) => {
            let why =
                "no container keeps the profile of whoever starts it: name one, or unconfined";
            draft.refuse(KEY, why);
        }
        Some(name) => draft.engine.security.apparmor = Some(name.to_owned()),
    }
    let is_own = matches!(security.apparmor_profile.as_deref(), None | Some(GENERATED));
    if !security.apparmor_allow_nesting.is_some_and(|switch| switch.0) {
        return;
    }
    if is_own {
        draft.engine.security.profile_of_systems = true;
    } else {
        // It is about generated ones, in LXC too.
        draft.tell("lxc.apparmor.allow_nesting", "the profile is not a generated one");
    }
}

/// A container with users of its own can make others where it sees `/proc` and `/sys` whole; one without can as it is, as with LXC.
pub(super) fn nesting(draft: &mut Draft<'_>) {
    let is_asked = draft.config.security.apparmor_allow_nesting.is_some_and(|switch| switch.0);
    draft.engine.security.nesting =
        is_asked && matches!(draft.engine.sharing.users, UserMode::Private(_));
}

/// `user:role:type[:level]`.
fn selinux(draft: &mut Draft<'_>) {
    const KEY: &str = "lxc.selinux.context";
    let context = match draft.config.security.selinux_context.as_deref() {
        None | Some(UNCONFINED_TYPE) => {
            draft.engine.security.labels = vec!["disable".to_owned()];
            return;
        }
        Some(context) => context,
    };
    let parts: Vec<&str> = context.splitn(4, ':').collect();
    if parts.len() < 3 {
        draft.refuse(KEY, "it is not of the form USER:ROLE:TYPE[:LEVEL]");
        return;
    }
    let options = ["user", "role", "type", "level"].iter().zip(parts);
    for (part, value) in options {
        let option = format!("label={part}:{value}");
        match engine::parse::security_option(&mut draft.engine.security, &option) {
            Ok(()) => {}
            Err(error) => draft.refuse(KEY, engine::chain(&error)),
        }
    }
}

/// A filter where a file names one, and else none.
fn filter(draft: &mut Draft<'_>) {
    const KEY: &str = "lxc.seccomp.profile";
    draft.engine.security.seccomp = SeccompChoice::Unconfined;
    let Some(path) = &draft.config.security.seccomp_profile else { return };
    let Some(text) = draft.around.seccomp else {
        draft.refuse(KEY, format!("{} was not read", path.display()));
        return;
    };
    let read = seccomp::read(text, draft.around.architecture);
    let written = match read {
        Ok(policy) => {
            for name in policy.unknown {
                draft.tell(KEY, format!("no kernel has a call {name}"));
            }
            serde_json::to_string(&policy.profile).map_err(|error| error.to_string())
        }
        Err(error) => Err(engine::chain(&error)),
    };
    match written {
        Ok(text) => draft.engine.security.seccomp = SeccompChoice::Profile(text),
        Err(why) => draft.refuse(KEY, format!("{}: {why}", path.display())),
    }
}
