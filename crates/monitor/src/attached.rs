//! A run's places in networks: taken before its first process is made, in the network namespace that it will have, changed while it runs, and
//! given back at its end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use libcontainer::SpareNetwork;
use network::{Machine, OwnInterfaces};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno as Raw;
use sys::Cloned;

use crate::again;
use crate::forwards::Forwards;
use crate::handoff::{HandOff, NETWORKS, NameRules, NetworkPlan};
use crate::left;
use crate::message::{failure, kind};
use crate::names::Names;
use crate::plugged::Plugged;
use crate::run::Monitor;
use crate::start::Refused;

/// Places that were taken. Dropped, they are given back.
///
/// The sockets stay open as long: the kernel closes one of nf_tables when what was changed before is gone from all processors, some ten
/// milliseconds later, and nobody is to wait for that.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Nothing where it is in no network of ours.
    machine: Option<Machine>,
    /// Interfaces that nobody's records know.
    own: Option<OwnInterfaces>,
    places: Vec<network::Attachment>,
    names: Option<Names>,
    /// Places in networks of plugins.
    plugged: Option<Plugged>,
    /// Ports of the host that lead into a user's network.
    forwards: Option<Forwards>,
    has_left: bool,
    /// State directories, of all containers and of this one.
    state_dirs: [PathBuf; 2],
    /// As in the plan.
    settle: Vec<String>,
    settler: Option<Cloned>,
}

impl Attached {
    /// Takes the places of a hand-off, if it has any, in the namespace that was made ahead or in one that is made now.
    pub(crate) fn take(
        handoff: &HandOff,
        spare: Option<SpareNetwork>,
    ) -> Result<(Option<SpareNetwork>, Option<Self>), Refused> {
        if handoff.networks.is_none() && handoff.interfaces.is_empty() {
            return Ok((spare, None));
        }
        let spare = match spare {
            Some(spare) => spare,
            None => SpareNetwork::make()
                .map_err(|errno| Refused::engine("make a network namespace", errno))?,
        };
        let mut attached = Self {
            machine: None,
            own: None,
            places: Vec::new(),
            names: None,
            plugged: None,
            forwards: None,
            has_left: false,
            state_dirs: [PathBuf::new(), handoff.state_dir.clone()],
            settle: Vec::new(),
            settler: None,
        };
        if let Some(plan) = &handoff.networks {
            attached.join(handoff, plan, spare.as_fd())?;
        }
        if !handoff.interfaces.is_empty() {
            let own = OwnInterfaces::take(&handoff.interfaces, spare.as_fd());
            attached.own = Some(own.map_err(|error| Refused::chain(&error))?);
        }
        Ok((Some(spare), Some(attached)))
    }

    fn join(
        &mut self,
        handoff: &HandOff,
        plan: &NetworkPlan,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), Refused> {
        let NetworkPlan { tables, state_dir, places, names, settle, cni: _, forwarder } =
            plan.clone();
        let held = left::come(&state_dir, &handoff.state_dir);
        let mut machine = Machine::open(&tables).map_err(|error| Refused::chain(&error))?;
        machine.attach(&places, namespace).map_err(|error| Refused::chain(&error))?;
        drop(held);
        (self.machine, self.places, self.settle) = (Some(machine), places, settle);
        self.forwards = forwarder.map(Forwards::of);
        self.state_dirs = [state_dir, handoff.state_dir.clone()];
        self.serve_names(names, namespace)?;
        self.plugged = Plugged::take(handoff, plan, namespace)?;
        if let Some(forwards) = &mut self.forwards {
            forwards.change(plan.ports())?;
        }
        Ok(())
    }

    /// Has these places from now on, in the network namespace of a process.
    ///
    /// # Errors
    /// What the kernel refuses; those that it had are there then.
    pub(crate) fn change(&mut self, plan: NetworkPlan, pid: i32) -> Result<(), Refused> {
        let namespace = match namespace_of(pid) {
            Ok(namespace) => namespace,
            // It has just ended, and gives back what it had.
            Err(Raw::NOENT | Raw::SRCH) => return Ok(()),
            Err(errno) => {
                return Err(Refused::engine("open the container's network namespace", errno));
            }
        };
        let before = self.forwards.as_ref().map(Forwards::ports);
        if let Some(forwards) = &mut self.forwards {
            let plugged = self.plugged.iter().flat_map(Plugged::ports);
            forwards.change(plan.ports().chain(plugged))?;
        }
        let NetworkPlan { places, names, .. } = plan;
        let none = || Refused::engine("find the container's networks", Raw::NODEV);
        let machine = self.machine.as_mut().ok_or_else(none)?;
        let changed = machine.replace(&self.places, &places, namespace.as_fd());
        if let (Err(_), Some(forwards), Some(before)) = (&changed, &mut self.forwards, &before) {
            // The first error tells more.
            let _kept = forwards.change(before.iter());
        }
        changed.map_err(|error| Refused::chain(&error))?;
        self.places = places;
        self.serve_names(names, namespace.as_fd())
    }

    fn serve_names(
        &mut self,
        rules: Option<NameRules>,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), Refused> {
        match (&mut self.names, rules) {
            (Some(names), Some(rules)) => {
                names.change(rules);
                names.settle();
            }
            (own, None) => *own = None,
            (own, Some(rules)) => {
                let names = Names::open(rules, namespace);
                *own = Some(names.map_err(|error| Refused::chain(&error))?);
            }
        }
        Ok(())
    }

    /// Has the places brought in line with the records, by this program as a command.
    pub(crate) fn settle(&mut self) {
        if self.settler.is_none() {
            self.settler = again::start(self.settle.iter().cloned().map(String::into_bytes), None);
        }
    }

    pub(crate) fn settler(&self) -> Option<BorrowedFd<'_>> {
        self.settler.as_ref().map(|child| child.pidfd.as_fd())
    }

    /// The command has ended.
    pub(crate) fn settled(&mut self) {
        again::reap(&mut self.settler, false);
    }

    pub(crate) const fn forwards(&self) -> Option<&Forwards> {
        self.forwards.as_ref()
    }

    pub(crate) const fn forwards_mut(&mut self) -> Option<&mut Forwards> {
        self.forwards.as_mut()
    }

    /// When something is to be done that no descriptor tells.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let names = self.names.as_ref().and_then(Names::deadline);
        let forwards = self.forwards.as_ref().and_then(Forwards::deadline);
        [names, forwards].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn act_in_time(&mut self, now: Instant) {
        if let Some(names) = &mut self.names {
            names.act_in_time(now);
        }
        if let Some(forwards) = &mut self.forwards {
            forwards.act_in_time(now);
        }
    }

    pub(crate) fn places(&self) -> &[network::Attachment] {
        &self.places
    }

    pub(crate) const fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    pub(crate) const fn names_mut(&mut self) -> Option<&mut Names> {
        self.names.as_mut()
    }

    /// Gives its names, addresses and ports back. The interfaces are there until this is dropped, which takes longer.
    pub(crate) fn leave(&mut self) {
        self.forwards = None;
        self.plugged = None;
        self.names = None;
        self.own = None;
        self.has_left = true;
        let Some(machine) = &mut self.machine else { return };
        let [all, own] = &self.state_dirs;
        let _held = left::leave(all, own);
        // What is left of it the next container that needs it takes away.
        let _kept = machine.expel(&self.places);
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.has_left {
            self.leave();
        }
        if let Some(machine) = &mut self.machine {
            let _kept = machine.unplug(&self.places);
        }
    }
}

impl Monitor {
    /// Gives the container the places that a client has written down, and answers it.
    pub(crate) fn change_networks(&mut self, client: u32) {
        let answer = match self.try_change_networks() {
            Ok(()) => {
                if let Some(client) = self.clients.get_mut(client) {
                    client.changes_networks = true;
                }
                vec![kind::HELD]
            }
            Err(Refused { code, words }) => failure(kind::NETWORKS_FAILED, code, &words),
        };
        sys::trim_heap();
        self.clients.owe(client, &answer, None);
    }

    fn try_change_networks(&mut self) -> Result<(), Refused> {
        let path = self.state_dir.join(NETWORKS);
        let read = std::fs::read(&path);
        let plan = read.and_then(|bytes| Ok(serde_json::from_slice::<NetworkPlan>(&bytes)?));
        let mut plan =
            plan.map_err(|error| Refused::engine(&format!("read {}", path.display()), error))?;
        let _absent = std::fs::remove_file(path);
        if let Some(run) = &mut self.run
            && let Some(attached) = &mut run.attached
        {
            attached.change(plan.clone(), run.process.pid())?;
        }
        // On a full disk the next start has those that it had.
        let _full = self.change_handoff(|handoff| {
            // Plugins' places are nobody's to change.
            plan.cni = handoff.networks.take().and_then(|before| before.cni);
            handoff.networks = Some(plan);
        });
        Ok(())
    }
}

fn namespace_of(pid: i32) -> Result<OwnedFd, Raw> {
    open(format!("/proc/{pid}/ns/net"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}
