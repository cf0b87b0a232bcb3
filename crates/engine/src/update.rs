//! Other limits and another restart policy for a container that exists: at once where it runs, and in its record.
//!
//! Start at [`Containers::update`]: everything that can be refused is refused before anything is changed.

use libcontainer::cgroup::{self, CgroupPlan, Request, WhenMissing};
use monitor::RestartPolicy;
use network::cni::Record;

use crate::config::{AutostartChange, ContainerConfig, Limits, NetworkMode, PublishedPort};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::oci;
use crate::state::{Action, State};

/// What is to be other; what is nothing stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Limits; empty lists stay too.
    pub limits: Limits,
    /// When it is started again.
    pub restart: Option<RestartPolicy>,
    /// Whether and how it is started with the machine.
    pub autostart: AutostartChange,
    /// Ports of the machine that it has from now on, too.
    pub publish: Vec<PublishedPort>,
    /// Ports that it has no more.
    pub withdraw: Vec<PublishedPort>,
}

impl Containers<'_> {
    /// Changes a container's limits and restart policy. Gives what people are told about limits that it does not have.
    ///
    /// # Errors
    /// When there is no such container, the values contradict each other or what it has, or the kernel refuses one. Nothing
    /// is changed then.
    pub fn update(&self, text: &str, update: &Update) -> Result<Vec<String>, EngineError> {
        let (_lock, container) = self.locked(text)?;
        let config = changed(&container, update)?;
        let new = self.cgroup_plan(&container, &config.limits)?;
        self.publish_as(&container, &config)?;
        let told = if update.limits == Limits::default() {
            Ok(Vec::new())
        } else {
            self.limit(&container, &config.limits, &new)
        };
        if told.is_err() {
            // The first error tells more.
            let _kept = self.publish_as(&container, &container.config);
        }
        let told = told?;
        let json = config
            .to_json()
            .map_err(|cause| EngineError::Record { name: container.record.name.clone(), cause })?;
        self.engine.store.containers().set_config(&container.record.id, &json)?;
        if let Some(mut monitor) = self.monitor_of(&container)? {
            // One that has just ended starts nothing again.
            if update.limits != Limits::default() {
                let _gone = monitor.set_settings(&new.settings);
            }
            if let Some(policy) = update.restart {
                let _gone = monitor.set_restarts(policy);
            }
        }
        self.tell(&container, "update", &[]);
        Ok(told)
    }

    /// Publishes the ports of a configuration, where they are others than those of the container.
    fn publish_as(
        &self,
        container: &Container,
        config: &ContainerConfig,
    ) -> Result<(), EngineError> {
        if config.ports == container.config.ports {
            return Ok(());
        }
        let plugged = Record::all(&container.dirs.container)?;
        if let Some(port) = plugged.iter().find_map(|record| record.place.ports.first()) {
            let text = format!("{}/{}", port.port, port.transport.word());
            let why = "plugins lead in what the container has until it is stopped";
            return Err(EngineError::value("published port", text, why));
        }
        let container = Container { config: Box::new(config.clone()), ..container.clone() };
        self.change_places(&container, |_giving| Ok(()))
    }

    /// Sets the limits of one that runs: all of them or none.
    fn limit(
        &self,
        container: &Container,
        limits: &Limits,
        new: &CgroupPlan,
    ) -> Result<Vec<String>, EngineError> {
        if !matches!(container.state, State::Running { .. }) {
            return Ok(Vec::new());
        }
        let Some(mut cgroup) = self.cgroup(container, Action::Update)? else {
            return Err(container.refuse(Action::Update, "without a group"));
        };
        let failed = container.cgroup_failed(Action::Update);
        let resources = oci::resources(limits, Vec::new())?;
        let present = cgroup.present_limits().map_err(&failed)?;
        let plan = planned(cgroup::plan_update(&resources, new, present, WhenMissing::Warn))?;
        cgroup.update(&plan).map_err(&failed)?;
        Ok(plan.told(cgroup.skipped()).iter().map(|told| oci::in_flags(told)).collect())
    }

    /// The plan of a container's group by these limits, without its devices.
    fn cgroup_plan(
        &self,
        container: &Container,
        limits: &Limits,
    ) -> Result<CgroupPlan, EngineError> {
        let resources = oci::resources(limits, Vec::new())?;
        let path = self.engine.group_of_running(container);
        let request = Request {
            when_missing: WhenMissing::Warn,
            ..Request::new(&path, self.engine.layout()?)
        };
        planned(cgroup::plan(&resources, &request))
    }
}

fn planned(
    plan: Result<CgroupPlan, libcontainer::cgroup::PlanError>,
) -> Result<CgroupPlan, EngineError> {
    plan.map_err(|error| EngineError::Plan(libcontainer::PlanError::Cgroup(error)))
}

/// The configuration with the change in it.
fn changed(container: &Container, update: &Update) -> Result<ContainerConfig, EngineError> {
    let mut config = container.config.clone();
    if let Some(policy) = update.restart {
        if config.auto_remove && policy != RestartPolicy::No {
            let (name, _) = crate::parse::restart_words(policy);
            let why = "the container is removed when it ends (--rm)";
            return Err(EngineError::value("restart policy", name, why));
        }
        config.restart = policy;
    }
    if config.auto_remove && update.autostart.on == Some(true) {
        let why = "the container is removed when it ends (--rm)";
        return Err(EngineError::value("autostart", "true", why));
    }
    update.autostart.apply(&mut config.autostart);
    merge(&mut config.limits, &update.limits)?;
    change_ports(&mut config, update)?;
    Ok(*config)
}

fn change_ports(config: &mut ContainerConfig, update: &Update) -> Result<(), EngineError> {
    for port in &update.withdraw {
        let before = config.ports.len();
        // What is not said of it may be anything.
        config.ports.retain(|own| {
            (own.port, own.transport) != (port.port, port.transport)
                || port.host_address.is_some_and(|address| own.host_address != Some(address))
                || port.host_ports.is_some_and(|range| own.host_ports != Some(range))
        });
        if config.ports.len() == before {
            let text = format!("{}/{}", port.port, port.transport.word());
            return Err(EngineError::value("published port", text, "the container has none such"));
        }
    }
    if let Some(port) = update.publish.first()
        && !matches!(config.network, NetworkMode::Networks(_))
    {
        let text = format!("{}/{}", port.port, port.transport.word());
        return Err(EngineError::value("published port", text, "the container is in no network"));
    }
    let is_new = |port: &&PublishedPort| !config.ports.contains(port);
    let new: Vec<_> = update.publish.iter().filter(is_new).cloned().collect();
    config.ports.extend(new);
    Ok(())
}

/// As Docker has it 0 says nothing, but of processes, where it is no limit as -1 is: the kernel keeps what it has, and so does
/// the record.
fn said(new: &Limits) -> Limits {
    fn number<T: Copy + Default + PartialEq>(number: Option<T>) -> Option<T> {
        number.filter(|number| *number != T::default())
    }
    let mut new = new.clone();
    new.memory_bytes = number(new.memory_bytes);
    new.memory_swap_bytes = number(new.memory_swap_bytes);
    new.memory_reservation_bytes = number(new.memory_reservation_bytes);
    new.nano_cpus = number(new.nano_cpus);
    new.cpu_shares = number(new.cpu_shares);
    new.cpu_period_us = number(new.cpu_period_us);
    new.cpu_quota_us = number(new.cpu_quota_us);
    new.cpu_rt_period_us = number(new.cpu_rt_period_us);
    new.cpu_rt_runtime_us = number(new.cpu_rt_runtime_us);
    new.block_io.weight = number(new.block_io.weight);
    new
}

pub(crate) fn merge(own: &mut Limits, new: &Limits) -> Result<(), EngineError> {
    let new = &said(new);
    let is_set = |quota: Option<i64>, period: Option<u64>| {
        quota.is_some_and(|quota| quota != 0) || period.is_some_and(|period| period != 0)
    };
    let wrong = |what, value: String, why| Err(EngineError::value(what, value, why));
    if let Some(cpus) = new.nano_cpus
        && is_set(own.cpu_quota_us, own.cpu_period_us)
    {
        let cpus = crate::parse::cpus_text(cpus);
        return wrong("cpus", cpus, "the container has a CPU period or quota, which says the same");
    }
    if is_set(new.cpu_quota_us, new.cpu_period_us)
        && (own.nano_cpus.is_some_and(|cpus| cpus > 0) || new.nano_cpus.is_some())
    {
        let (what, value) = match (new.cpu_quota_us, new.cpu_period_us) {
            (Some(quota), _) => ("cpu-quota", quota.to_string()),
            (None, period) => ("cpu-period", period.unwrap_or_default().to_string()),
        };
        return wrong(what, value, "the container has a number of CPUs, which says the same");
    }
    if let (Some(memory), None | Some(0)) = (new.memory_bytes, new.memory_swap_bytes)
        && let Some(bytes) = own.memory_bytes.filter(|bytes| *bytes > 0)
    {
        // As Docker keeps it: twice the memory that the container began with.
        let sum = own
            .memory_swap_bytes
            .filter(|sum| *sum != 0)
            .unwrap_or_else(|| i64::try_from(bytes.saturating_mul(2)).unwrap_or(i64::MAX));
        if sum >= 0 && i64::try_from(memory).unwrap_or(i64::MAX) > sum {
            return wrong(
                "memory limit",
                memory.to_string(),
                "it is above the limit of memory and swap: change --memory-swap at the same time",
            );
        }
        own.memory_swap_bytes = Some(sum);
    }
    fn take<T: Clone>(own: &mut Option<T>, new: &Option<T>) {
        if new.is_some() {
            own.clone_from(new);
        }
    }
    take(&mut own.memory_bytes, &new.memory_bytes);
    take(&mut own.memory_swap_bytes, &new.memory_swap_bytes);
    take(&mut own.memory_reservation_bytes, &new.memory_reservation_bytes);
    take(&mut own.nano_cpus, &new.nano_cpus);
    take(&mut own.cpu_shares, &new.cpu_shares);
    take(&mut own.cpu_period_us, &new.cpu_period_us);
    take(&mut own.cpu_quota_us, &new.cpu_quota_us);
    take(&mut own.cpu_rt_period_us, &new.cpu_rt_period_us);
    take(&mut own.cpu_rt_runtime_us, &new.cpu_rt_runtime_us);
    take(&mut own.pids, &new.pids);
    take(&mut own.block_io.weight, &new.block_io.weight);
    for (own, new) in
        [(&mut own.cpuset_cpus, &new.cpuset_cpus), (&mut own.cpuset_mems, &new.cpuset_mems)]
    {
        if !new.is_empty() {
            own.clone_from(new);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_is_refused_and_the_rest_is_kept() {
        let mut own = Limits {
            memory_bytes: Some(64 << 20),
            nano_cpus: Some(1_000_000_000),
            cpuset_cpus: "0".to_owned(),
            ..Limits::default()
        };
        let quota = Limits { cpu_quota_us: Some(50_000), ..Limits::default() };
        assert!(merge(&mut own.clone(), &quota).is_err());
        let memory = |bytes| Limits { memory_bytes: Some(bytes), ..Limits::default() };
        assert!(merge(&mut own.clone(), &memory(129 << 20)).is_err());
        merge(&mut own, &memory(100 << 20)).unwrap();
        assert_eq!((own.memory_bytes, own.memory_swap_bytes), (Some(100 << 20), Some(128 << 20)));
        assert_eq!((own.nano_cpus, own.cpuset_cpus.as_str()), (Some(1_000_000_000), "0"));
        let nothing = Limits {
            memory_bytes: Some(0),
            nano_cpus: Some(0),
            memory_reservation_bytes: Some(0),
            ..Limits::default()
        };
        let before = own.clone();
        merge(&mut own, &nothing).unwrap();
        assert_eq!(own, before, "0 says nothing, to the kernel neither");
        merge(&mut own, &Limits { pids: Some(0), ..Limits::default() }).unwrap();
        assert_eq!(own.pids, Some(0));
    }
}
