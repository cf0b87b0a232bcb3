//! A run with a user namespace: its network namespace belongs to that, so it is made by the container's first process and attached
//! to networks while that one is at its mounts; or in the user namespace that is joined, before. Sources: user_namespaces(7),
//! "Interaction of user namespaces and other types of namespaces".

use std::path::Path;

use libcontainer::{Plan, SpareNetwork, Stdio, Surroundings};
use spec::runtime::NamespaceKind;

use crate::attached::Attached;
use crate::handoff::HandOff;
use crate::restore::Restored;
use crate::start::{self, Given, Refused};

/// Whose users a container has.
pub(crate) enum Users<'a> {
    /// Those of this process.
    Host,
    /// Its own.
    Own,
    /// Those of the namespace at that path.
    Joined(&'a Path),
}

pub(crate) fn kind_of(plan: &Plan) -> Users<'_> {
    let user = NamespaceKind::User;
    if plan.namespaces.create.contains(&user) {
        return Users::Own;
    }
    let joined = plan.namespaces.join.iter().find(|(kind, _)| *kind == user);
    joined.map_or(Users::Host, |(_, path)| Users::Joined(path))
}

/// Begins one with users of its own.
pub(crate) fn begin(
    handoff: &HandOff,
    (stdio, given): (Stdio<'_>, Given<'_>),
) -> Result<(Restored, Option<Attached>), Refused> {
    let surroundings = Surroundings::new(stdio);
    if !makes_network(&handoff.plan) {
        let (_spare, attached) = Attached::take(handoff, None)?;
        return Ok((start::begin(handoff, surroundings, given)?, attached));
    }
    let mut arrived = Ok(None);
    let mut arrive = |network: SpareNetwork| {
        arrived = Attached::take(handoff, Some(network)).map(|(_network, attached)| attached);
        arrived.is_ok()
    };
    let begun = start::begin(handoff, surroundings.with_arrival(&mut arrive), given);
    // Its refusal is why the other one is.
    let attached = arrived?;
    Ok((begun?, attached))
}

/// A network namespace for one that joins the users at `path`, where it makes one.
pub(crate) fn network(handoff: &HandOff, path: &Path) -> Result<Option<SpareNetwork>, Refused> {
    let made = makes_network(&handoff.plan).then(|| SpareNetwork::make_inside(path));
    made.transpose().map_err(|errno| Refused::engine("make a network namespace", errno))
}

fn makes_network(plan: &Plan) -> bool {
    plan.namespaces.create.contains(&NamespaceKind::Network)
}
