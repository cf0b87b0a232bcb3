//! A container that runs and is given other places: what is new comes first, what is left goes last, and between them the tables change in one
//! transaction.

use std::os::fd::BorrowedFd;

use super::inside::{furnish, ways_out};
use super::parents::uproot;
use super::{Machine, NetworkError, link_error, of_container, settings};
use crate::attachment::Attachment;
use crate::elements::Change;
use crate::link::{Changes, Links};
use crate::nft::Batch;

impl Machine {
    /// Gives a container, whose network namespace this is, the places `after` in the stead of `before`. A place is the same when its interface on
    /// the host is; of such a one ports, and whether it leads out, may be others.
    ///
    /// # Errors
    /// When the kernel refuses; it has those that it had then.
    pub fn replace(
        &mut self,
        before: &[Attachment],
        after: &[Attachment],
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let new: Vec<_> = without(after, before).cloned().collect();
        let changed = self.bring(before, after, &new, namespace);
        if changed.is_err() {
            // The first error tells more.
            let _kept = self.exchange(after, before);
            let _kept = uproot(&new, namespace);
            let _kept = self.unplug(&new);
            return changed;
        }
        let gone: Vec<_> = without(before, after).cloned().collect();
        uproot(&gone, namespace).and(self.unplug(&gone))
    }

    fn bring(
        &mut self,
        before: &[Attachment],
        after: &[Attachment],
        new: &[Attachment],
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let mut inside = Links::inside(namespace).map_err(NetworkError::Socket)?;
        let is_bridge_filtered = settings::is_bridge_filtered();
        for attachment in new {
            self.bring_in(attachment, namespace, is_bridge_filtered)?;
        }
        self.exchange(before, after)?;
        for attachment in new {
            // The way out changes last.
            furnish(&mut inside, &Attachment { is_default: false, ..attachment.clone() })?;
            settings::of_interface(attachment, namespace)?;
        }
        lead_out(&mut inside, before, after)
    }

    /// Takes elements out of the tables and others in. Where some are missing, as after a flush, the rest goes alone.
    fn exchange(&mut self, out: &[Attachment], into: &[Attachment]) -> Result<(), NetworkError> {
        let mut batch = Batch::new();
        of_container(&mut batch, &self.rules, out, Change::Remove);
        of_container(&mut batch, &self.rules, into, Change::Add);
        let object = || "change the container's networks".to_owned();
        match self.commit(batch, object) {
            Err(NetworkError::Filter { cause, .. })
                if cause.refusal.errno.raw() == libc::ENOENT =>
            {
                self.expel(out)?;
                self.admit(into)
            }
            exchanged => exchanged,
        }
    }

    /// Removes the host's interfaces of places, as far as they are there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unplug(&mut self, places: &[Attachment]) -> Result<(), NetworkError> {
        let mut first = Ok(());
        for place in places {
            first = first.and(self.unbound(place));
            first = first.and(self.remove_interface(&place.host_interface));
        }
        first
    }
}

/// Makes the way out that of the places `after`.
fn lead_out(
    inside: &mut Links,
    before: &[Attachment],
    after: &[Attachment],
) -> Result<(), NetworkError> {
    let default = |places: &[Attachment]| places.iter().find(|place| place.is_default).cloned();
    let (old, new) = (default(before), default(after));
    let name =
        |place: &Option<Attachment>| place.as_ref().map(|place| place.host_interface.clone());
    if name(&old) == name(&new) {
        return Ok(());
    }
    for (place, comes) in [(old, false), (new, true)] {
        let Some(place) = place else { continue };
        let object = || format!("lead out by the container's interface {}", place.interface);
        let found = inside.find(&place.interface);
        let Some(found) = found.map_err(|cause| link_error(object(), cause))? else { continue };
        for route in ways_out(&place) {
            let mut changes = Changes::new();
            if comes {
                changes.route(found.index, &route);
            } else {
                changes.remove_default(found.index, &route);
            }
            match inside.carry_out(changes) {
                // Somebody in the container has done so before.
                Err(error) if !comes && error.refusal.errno.raw() == libc::ESRCH => {}
                done => done.map_err(|cause| link_error(object(), cause))?,
            }
        }
    }
    Ok(())
}

fn without<'a>(
    all: &'a [Attachment],
    others: &'a [Attachment],
) -> impl Iterator<Item = &'a Attachment> {
    all.iter().filter(|own| !others.iter().any(|other| other.host_interface == own.host_interface))
}
