//! Networks on an interface of the machine: macvlan and ipvlan.

use std::os::fd::BorrowedFd;

use spec::network::HardwareAddress;

use crate::attachment::{Attachment, LinkKind, MacvlanMode, MadeParent, ParentPlan};
use crate::link::{Changes, Interface, LinkError, Links, NewChild, NewParent};

use super::{Machine, NetworkError, link_error};

/// What an interface that was made for a network is called: it goes with the network.
const OURS: &str = "made by corten";
impl Machine {
    /// Makes what the containers of a network have interfaces on, where it is to be made, and sees whether there can be such interfaces.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses; [`NetworkError::Lacking`] where the kernel has no such interfaces, [`NetworkError::Busy`]
    /// where somebody else uses it.
    pub fn make_parent(&mut self, plan: &ParentPlan) -> Result<(), NetworkError> {
        let made = self.restore_parent(plan)?;
        let tried = self.try_child(plan);
        if tried.is_err() && made {
            // The first error tells more.
            let _kept = self.remove_parent(plan);
        }
        tried
    }

    /// The same for a network that there has been: after a reboot, or where somebody has removed it. Says whether it was made.
    ///
    /// # Errors
    /// As [`Self::make_parent`].
    pub fn restore_parent(&mut self, plan: &ParentPlan) -> Result<bool, NetworkError> {
        let name = plan.interface.as_str();
        if self.seek(name)?.is_some() {
            return Ok(false);
        }
        let (new, what) = match &plan.made {
            None => return Err(NetworkError::NoBridge(name.to_owned())),
            Some(MadeParent::Dummy) => (NewParent::Dummy, "dummy interfaces (dummy)"),
            Some(MadeParent::Vlan { lower, id }) => {
                let lower = self.present(lower)?;
                if !lower.is_up {
                    return Err(NetworkError::Down(lower.name));
                }
                (NewParent::Vlan(lower.index, *id), "VLAN interfaces (8021q)")
            }
        };
        let mut changes = Changes::new();
        changes.parent(name, new, OURS);
        match self.links.carry_out(changes) {
            Ok(()) => Ok(true),
            // Somebody else of us was sooner.
            Err(error) if error.refusal.errno.raw() == libc::EEXIST => Ok(false),
            Err(error) => {
                let object = format!("make the network interface {name}");
                Err(lacking(what, object, error))
            }
        }
    }

    /// Who lacks it says so before a container comes.
    fn try_child(&mut self, plan: &ParentPlan) -> Result<(), NetworkError> {
        let parent = self.present(&plan.interface)?;
        let hardware = HardwareAddress::local([2, 0, 0, 0, 0, 1]);
        // Its own for each who tries.
        let trial = format!("ctntry{}", std::process::id());
        let new = NewChild {
            name: &trial,
            kind: plan.kind.into(),
            hardware,
            mtu: parent.mtu,
            parent: parent.index,
        };
        let mut changes = Changes::new();
        changes.child(&new, None);
        let object = || format!("make an interface on {}", plan.interface);
        match self.links.carry_out(changes) {
            Err(error) if error.refusal.errno.raw() == libc::EBUSY => {
                return Err(NetworkError::Busy(plan.interface.clone()));
            }
            made => made.map_err(|cause| lacking(plan.kind.word(), object(), cause))?,
        }
        let mut changes = Changes::new();
        changes.remove(&trial);
        self.links.carry_out(changes).map_err(|cause| link_error(object(), cause))
    }

    /// Removes what was made for a network, if it was and is there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_parent(&mut self, plan: &ParentPlan) -> Result<(), NetworkError> {
        let Some(found) = self.seek(&plan.interface)? else { return Ok(()) };
        let is_ours = match plan.made {
            None => false,
            Some(MadeParent::Vlan { .. }) => found.alias.as_deref() == Some(OURS),
            // Its name is the network's.
            Some(MadeParent::Dummy) => true,
        };
        if !is_ours {
            return Ok(());
        }
        let mut changes = Changes::new();
        changes.remove(&plan.interface);
        let removed = self.links.carry_out(changes);
        let object = || format!("remove the network interface {}", plan.interface);
        removed.map_err(|cause| link_error(object(), cause))
    }

    /// Makes a container's interface on another one.
    pub(super) fn plant(
        &mut self,
        attachment: &Attachment,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let parent = self.present(&attachment.bridge)?;
        let new = NewChild {
            name: &attachment.interface,
            kind: attachment.kind.into(),
            hardware: attachment.hardware,
            mtu: attachment.mtu.min(parent.mtu),
            parent: parent.index,
        };
        let mut changes = Changes::new();
        changes.child(&new, Some(namespace));
        let object = || format!("make {} on {}", attachment.interface, attachment.bridge);
        let is_alone = attachment.kind == LinkKind::Macvlan(MacvlanMode::Passthru);
        match self.links.carry_out(changes) {
            // The kernel's word for it.
            Err(error) if is_alone && error.refusal.errno.raw() == libc::EINVAL => {
                Err(NetworkError::Alone(attachment.bridge.clone()))
            }
            made => made.map_err(|cause| lacking(attachment.kind.word(), object(), cause)),
        }
    }

    fn seek(&mut self, name: &str) -> Result<Option<Interface>, NetworkError> {
        self.links.find(name).map_err(|cause| link_error(format!("look for {name}"), cause))
    }

    fn present(&mut self, name: &str) -> Result<Interface, NetworkError> {
        self.seek(name)?.ok_or_else(|| NetworkError::NoBridge(name.to_owned()))
    }
}

/// Removes those of a container's interfaces that are on others, from inside. With the container's network namespace they go by themselves.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn uproot(
    attachments: &[Attachment],
    namespace: BorrowedFd<'_>,
) -> Result<(), NetworkError> {
    let planted = || attachments.iter().filter(|attachment| !attachment.kind.is_bridge());
    if planted().next().is_none() {
        return Ok(());
    }
    let mut inside = Links::inside(namespace).map_err(NetworkError::Socket)?;
    for attachment in planted() {
        let mut changes = Changes::new();
        changes.remove(&attachment.interface);
        match inside.carry_out(changes) {
            Err(error) if error.refusal.errno.raw() != libc::ENODEV => {
                let object = format!("remove the container's interface {}", attachment.interface);
                return Err(link_error(object, error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn lacking(what: &'static str, object: String, cause: LinkError) -> NetworkError {
    if cause.refusal.errno.raw() == libc::EOPNOTSUPP {
        return NetworkError::Lacking { object, what };
    }
    link_error(object, cause)
}
