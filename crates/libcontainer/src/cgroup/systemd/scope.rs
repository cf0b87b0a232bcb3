//! A unit that exists: the group itself, with systemd told of what is done to it.

use std::time::Duration;

use super::connection::Connection;
use super::message::Body;
use super::{BusError, Unit, Value};
use crate::cgroup::{
    CgroupError, CgroupPlan, ControlGroup, Entry, OomEvents, PresentLimits, Setting, Stats,
    SubGroup,
};

/// Starts the unit around process `pid`; returns once it is in the unit's groups. A failed unit of the same name, which
/// systemd keeps for people to look at, goes.
pub(in crate::cgroup) fn start(unit: &Unit, pid: Option<i32>) -> Result<(), CgroupError> {
    let mut connection = Connection::open(&unit.bus).map_err(fail)?;
    let pids = pid.and_then(|pid| u32::try_from(pid).ok()).filter(|_| !unit.is_slice());
    let pids = pids.map(|pid| Value::Array("u".to_owned(), vec![Value::Uint32(pid)]));
    let properties = unit.properties.iter().map(|one| (one.name.as_str(), &one.value));
    let properties = properties.chain(pids.as_ref().map(|pids| ("PIDs", pids)));
    let text = |text: &str| Value::Text(text.to_owned());
    let body = Body::default().with(&text(&unit.name)).with(&text("replace"));
    let body = body.with_properties(properties).with_no_units();
    let mut outcome = connection.job("StartTransientUnit", &body);
    if matches!(&outcome, Err(BusError::Refused { name, .. }) if name.ends_with(".UnitExists")) {
        if unit.is_slice() {
            return Ok(());
        }
        reset(&mut connection, unit);
        outcome = connection.job("StartTransientUnit", &body);
    }
    match outcome.map_err(fail)?.as_str() {
        "done" => Ok(()),
        result => {
            reset(&mut connection, unit);
            let (unit, result) = (unit.name.clone(), result.to_owned());
            Err(fail(BusError::Job { action: "start", unit, result }))
        }
    }
}

/// Stops the unit; no error when there is none. Its processes are killed in the way the unit says.
pub(in crate::cgroup) fn stop(unit: &Unit) -> Result<(), CgroupError> {
    let mut connection = Connection::open(&unit.bus).map_err(fail)?;
    let text = |text: &str| Value::Text(text.to_owned());
    let body = Body::default().with(&text(&unit.name)).with(&text("replace"));
    let outcome = connection.job("StopUnit", &body);
    reset(&mut connection, unit);
    match outcome {
        Ok(_result) => Ok(()),
        // Units go by themselves when their last process has ended.
        Err(BusError::Refused { name, .. }) if name.ends_with(".NoSuchUnit") => Ok(()),
        Err(cause) => Err(fail(cause)),
    }
}

/// Makes systemd forget a unit that failed; there may be none.
fn reset(connection: &mut Connection, unit: &Unit) {
    let body = Body::default().with(&Value::Text(unit.name.clone()));
    let _no_such_unit = connection.manager("ResetFailedUnit", &body);
}

/// The group's error.
fn fail(cause: BusError) -> CgroupError {
    CgroupError::Systemd { cause: Box::new(cause) }
}

fn set_properties(unit: &Unit) -> Result<(), CgroupError> {
    if unit.properties.is_empty() {
        return Ok(());
    }
    let mut connection = Connection::open(&unit.bus).map_err(fail)?;
    let properties = unit.properties.iter().map(|one| (one.name.as_str(), &one.value));
    // For this run of the machine only.
    let body = Body::default().with(&Value::Text(unit.name.clone())).with(&Value::Bool(true));
    connection.manager("SetUnitProperties", &body.with_properties(properties)).map_err(fail)?;
    Ok(())
}

/// Groups of a unit.
#[derive(Debug)]
pub(in crate::cgroup) struct Scope {
    unit: Unit,
    group: Box<dyn ControlGroup>,
    /// Whether systemd writes device rules anew, "deny all" first, whenever it changes a unit: on v1.
    rewrites_devices: bool,
}

impl Scope {
    pub(in crate::cgroup) fn new(
        plan: &CgroupPlan,
        unit: &Unit,
        group: Box<dyn ControlGroup>,
    ) -> Self {
        let rewrites_devices = plan.places.iter().any(|place| !place.unified);
        Self { unit: unit.clone(), group, rewrites_devices }
    }
}

/// How long the processes may take to stand still around a change.
const STAND_STILL: Duration = Duration::from_secs(2);

impl ControlGroup for Scope {
    fn update(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        // Before systemd has set anything.
        self.group.check(plan)?;
        if let Some(change) = plan.unit.as_ref().filter(|unit| !unit.properties.is_empty()) {
            // A process that opens a device in the wrong moment would be refused: it stands still meanwhile.
            let freeze = self.rewrites_devices && !self.group.is_frozen()?;
            if freeze {
                self.group.freeze(STAND_STILL)?;
            }
            let outcome = set_properties(change);
            if freeze {
                self.group.thaw()?;
            }
            outcome?;
        }
        self.group.update(plan)
    }

    fn remove(&self, deadline: Duration) -> Result<(), CgroupError> {
        let stopped = stop(&self.unit);
        // Goes on after an error; groups inside, and those that systemd does not know, are ours to remove.
        self.group.remove(deadline).and(stopped)
    }

    fn check(&self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        self.group.check(plan)
    }

    fn entry(&self) -> Result<Entry, CgroupError> {
        self.group.entry()
    }

    fn entry_beside(&self, pid: i32) -> Result<Entry, CgroupError> {
        self.group.entry_beside(pid)
    }

    fn entry_at(&self, groups: &[SubGroup]) -> Result<Entry, CgroupError> {
        self.group.entry_at(groups)
    }

    fn add_process(&self, pid: i32) -> Result<(), CgroupError> {
        self.group.add_process(pid)
    }

    fn freeze(&self, deadline: Duration) -> Result<(), CgroupError> {
        self.group.freeze(deadline)
    }

    fn thaw(&self) -> Result<(), CgroupError> {
        self.group.thaw()
    }

    fn is_frozen(&self) -> Result<bool, CgroupError> {
        self.group.is_frozen()
    }

    fn kill(&self) -> Result<(), CgroupError> {
        self.group.kill()
    }

    fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        self.group.processes()
    }

    fn stats(&self) -> Result<Stats, CgroupError> {
        self.group.stats()
    }

    fn oom_killed(&self) -> Result<bool, CgroupError> {
        self.group.oom_killed()
    }

    fn oom_events(&self) -> Result<OomEvents, CgroupError> {
        self.group.oom_events()
    }

    fn present_limits(&self) -> Result<PresentLimits, CgroupError> {
        self.group.present_limits()
    }

    fn skipped(&self) -> &[Setting] {
        self.group.skipped()
    }
}
