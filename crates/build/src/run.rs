//! `RUN`: a step in a container like any other. Its changes become a layer; the container goes.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use dockerfile::{CommandLine, Mount, NetworkMode, Run, SecurityMode};
use engine::config::{ContainerConfig, LogConfig};
use engine::{
    AddedLayer, Attach, Connection, CreateRequest, FromMonitor, Launch, NewLayer, Received,
    STEP_LABEL, parse,
};
use rustix::event::{PollFd, PollFlags, poll};
use spec::ContainerId;
use spec::image::Platform;

use crate::cache::Question;
use crate::error::StepError;
use crate::event::Event;
use crate::key::{Inputs, chain};
use crate::mounts::Mounted;
use crate::request::AllowedDevices;
use crate::settings;
use crate::stage::{At, Made, StageRun};

const SIGKILL: i32 = 9;
/// What a step whose monitor was killed is said to have ended with.
const LOST: i32 = 125;
/// The name that every step has: what programs write of it is the same each time.
const HOSTNAME: &str = "build";

impl StageRun<'_> {
    pub(crate) fn run_step(
        &mut self,
        at: At<'_>,
        run: &Run,
        mounts: &[Mount],
    ) -> Result<Made, StepError> {
        self.check_allowed(run)?;
        let program = self.program(run);
        let devices = self.devices(run)?;
        let environment = self.environment();
        let mounted = self.look_at_mounts(at, mounts)?;
        let mut inputs = Inputs::of("run");
        inputs.add("layers below", chain(self.layers()).to_string());
        for (number, word) in program.words.iter().enumerate() {
            inputs.add(
                if number + 1 == program.words.len() {
                    "command".to_owned()
                } else {
                    format!("word {number}")
                },
                word,
            );
        }
        inputs.add_some("document", program.script.as_deref());
        let mut sorted: Vec<&String> = environment.iter().filter(|text| !is_proxy(text)).collect();
        sorted.sort();
        for variable in sorted {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            inputs.add(format!("variable {name}"), value);
        }
        inputs.add("user", &*self.config.config.user);
        inputs.add("working directory", &*self.config.config.working_dir);
        inputs.add("network", self.network_name(run));
        inputs
            .add("security", if run.security == SecurityMode::Insecure { "insecure" } else { "" });
        for device in &devices {
            inputs.add("device", device);
        }
        for host in &self.shared.request.steps.hosts.extra_hosts {
            inputs.add("host", host);
        }
        self.add_machine(&mut inputs);
        for (name, value) in mounted.inputs() {
            inputs.add(name, value);
        }
        let question = Question { inputs, parts: mounted.parts() };
        self.cached_or(at, question, |stage| {
            stage.run_now(at, (run, &program, devices), environment, mounted)
        })
    }

    /// What every step that makes files reads of the build as a whole.
    pub(crate) fn add_machine(&self, inputs: &mut Inputs) {
        inputs.add("platform", self.shared.platforms.target.to_string());
        let epoch = self.shared.epoch_s.map(|seconds| seconds.to_string());
        inputs.add_some("SOURCE_DATE_EPOCH", epoch.as_deref());
    }

    fn check_allowed(&self, run: &Run) -> Result<(), StepError> {
        let rules = &self.shared.request.steps;
        let platform = Platform::of(&self.config);
        if !platform.architecture.is_empty() && !crate::emulation::can_run(&platform) {
            let (what, value) = ("platform", platform.to_string());
            return Err(StepError::Value {
                what,
                value,
                why: crate::emulation::refusal(&platform),
            });
        }
        if run.security == SecurityMode::Insecure && !rules.may_be_insecure {
            return Err(StepError::NotAllowed { what: "security.insecure" });
        }
        if run.network == NetworkMode::Host && !rules.may_use_host_network {
            return Err(StepError::NotAllowed { what: "network.host" });
        }
        Ok(())
    }

    /// Whole names of the devices that a step asks for. One that is not required may be missing.
    fn devices(&self, run: &Run) -> Result<Vec<String>, StepError> {
        let mut names: Vec<String> = Vec::new();
        for device in &run.devices {
            let wanted = device.name.value.as_str();
            let found = engine::step_devices(wanted)?;
            if found.is_empty() && device.required {
                let why = "no description of devices knows it".to_owned();
                return Err(StepError::Value { what: "device", value: wanted.to_owned(), why });
            }
            for found in found {
                let is_allowed = match &self.shared.request.steps.devices {
                    AllowedDevices::None => false,
                    AllowedDevices::Free => found.is_free,
                    AllowedDevices::All => true,
                    AllowedDevices::Named(allowed) => {
                        found.is_free
                            || allowed.iter().any(|own| *own == found.name || own == wanted)
                    }
                };
                if !is_allowed {
                    return Err(StepError::DeviceNotAllowed { name: found.name });
                }
                if !names.contains(&found.name) {
                    names.push(found.name);
                }
            }
        }
        Ok(names)
    }

    fn network_name(&self, run: &Run) -> &str {
        match run.network {
            NetworkMode::None => "none",
            NetworkMode::Host => "host",
            NetworkMode::Default => &self.shared.request.steps.network,
        }
    }

    /// What is run, and the document that has to be there as a file for it.
    fn program(&self, run: &Run) -> Program {
        if let Some(script) = run.script() {
            let text = script.text();
            if text.starts_with("#!") {
                let path = format!("{SCRIPTS}/{}", script.name.value);
                return Program { words: vec![path], script: Some(text) };
            }
            let mut words = settings::shell(&self.config.config);
            words.push(text);
            return Program { words, script: None };
        }
        let mut words = settings::words(&self.config.config, &run.command);
        if let (CommandLine::Shell(_), Some(last)) = (&run.command, words.last_mut()) {
            for document in &run.documents {
                // The shell reads it, as if the whole file had been given to it.
                last.push('\n');
                last.push_str(&document.text());
                last.push_str(&document.name.value);
            }
        }
        Program { words, script: None }
    }

    fn run_now(
        &mut self,
        at: At<'_>,
        (run, program, devices): (&Run, &Program, Vec<String>),
        environment: Vec<String>,
        mounted: Mounted,
    ) -> Result<AddedLayer, StepError> {
        let mut ready = self.make_mounts(at, mounted, program.file())?;
        let mut request = self.request(run, program, environment, &mut ready)?;
        request.config.cdi_devices = devices;
        let launch = Launch::begin(self.engine.paths(), &request.config)?;
        let attach = Attach { output: true, ..Attach::default() };
        let containers = self.engine.containers();
        let (id, name, mut connection) = containers.run(launch, &request, attach)?;
        let ended = match containers.started(&id, &name, &mut connection) {
            Ok(_warnings) => {
                let progress = self.shared.surroundings.progress;
                progress.tell(&Event::Running { step: at.step, container: &id });
                self.follow(at, &id, connection)
            }
            Err(error) => Err(error.into()),
        };
        let (mut held, mut kept) = (Some(ready), None);
        let layer = match ended {
            Ok(0) => self.layer_of(&id),
            Ok(code) => {
                kept = held.take().and_then(|ready| self.keep_failed(&id, request, ready));
                Err(StepError::Exit { command: shown(&program.words), code })
            }
            Err(error) => Err(error),
        };
        // Whatever it was: nothing of it stays. Why it failed tells more than why that failed.
        self.engine.building().forget_changes(id.as_str());
        let removed = containers.remove(id.as_str(), true, true);
        drop(held);
        self.failed = kept;
        let layer = layer?;
        match removed {
            Err(error) if error.kind() != engine::Kind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(layer),
        }
    }

    fn request(
        &self,
        run: &Run,
        program: &Program,
        environment: Vec<String>,
        ready: &mut crate::mounts::Ready,
    ) -> Result<CreateRequest, StepError> {
        let rules = &self.shared.request.steps;
        let network = match self.network_name(run) {
            "" | "default" => parse::DEFAULT_NETWORK,
            name => name,
        };
        let (network, wish) = parse::network(network)?;
        let directory = match &*self.config.config.working_dir {
            "" => "/",
            directory => directory,
        };
        let config = ContainerConfig {
            layers: self.layers().to_vec(),
            command: program.words.clone(),
            env: environment.into_iter().chain(std::mem::take(&mut ready.environment)).collect(),
            workdir: directory.to_owned(),
            user: self.config.config.user.clone(),
            hostname: HOSTNAME.to_owned(),
            attached: true,
            labels: BTreeMap::from([(STEP_LABEL.to_owned(), self.shared.lease.name().to_owned())]),
            mounts: std::mem::take(&mut ready.mounts),
            secrets: std::mem::take(&mut ready.secrets),
            network,
            networks: wish.into_iter().collect(),
            privileged: run.security == SecurityMode::Insecure,
            limits: rules.limits.clone(),
            ulimits: rules.ulimits.clone(),
            shm_bytes: rules.shm_bytes,
            cgroup_parent: rules.cgroup_parent.clone(),
            hosts: rules.hosts.clone(),
            security: rules.security.clone(),
            log: LogConfig { driver: "none".to_owned(), ..LogConfig::default() },
            ..ContainerConfig::default()
        };
        let image = format!("build of {}", self.shared.definition.name);
        Ok(CreateRequest {
            image,
            entrypoint: Some(Vec::new()),
            config,
            ..CreateRequest::default()
        })
    }

    /// Shows what the step writes, until it ends; gives its exit code.
    fn follow(
        &self,
        at: At<'_>,
        id: &ContainerId,
        mut connection: Connection,
    ) -> Result<i32, StepError> {
        let progress = self.shared.surroundings.progress;
        let mut is_killed = false;
        loop {
            if !is_killed && self.wait_for(&connection) {
                is_killed = true;
                // It may have ended by itself.
                let _ended = self.engine.containers().kill(id.as_str(), SIGKILL);
            }
            let (is_error, bytes) = match connection.receive() {
                Ok(Received::Message(FromMonitor::Stdout(bytes))) => (false, bytes),
                Ok(Received::Message(FromMonitor::Stderr(bytes))) => (true, bytes),
                Ok(Received::Message(FromMonitor::Exited { .. })) if is_killed => {
                    return Err(StepError::Cancelled);
                }
                Ok(Received::Message(FromMonitor::Exited { code })) => return Ok(code),
                Ok(Received::Message(_)) => continue,
                Ok(Received::Closed) | Err(_) => return Ok(LOST),
            };
            progress.tell(&Event::Output { step: at.step, is_error, bytes });
        }
    }

    /// Waits until the step says something; true when the build is over.
    fn wait_for(&self, connection: &Connection) -> bool {
        let cancels = [self.shared.surroundings.cancel, &self.shared.stop];
        let mut polled = vec![PollFd::from_borrowed_fd(connection.as_fd(), PollFlags::IN)];
        polled.extend(
            cancels.iter().map(|cancel| PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN)),
        );
        let _interrupted = poll(&mut polled, None);
        polled.iter().skip(1).any(|polled| polled.revents().contains(PollFlags::IN))
    }

    pub(crate) fn layer_of(&self, id: &ContainerId) -> Result<AddedLayer, StepError> {
        let building = self.engine.building();
        let (upper, lower, targets) = building.changes_of(id.as_str())?;
        let layer = NewLayer {
            upper: &upper,
            lower: &lower,
            targets: &targets,
            latest_s: self.shared.epoch_s,
        };
        Ok(building.add_layer(self.shared.lease, &layer)?)
    }
}

/// Where documents are that are programs.
const SCRIPTS: &str = "/run/build";

/// What a step runs.
pub(crate) struct Program {
    pub(crate) words: Vec<String>,
    /// The document that is the program, at the first word.
    pub(crate) script: Option<String>,
}

impl Program {
    /// Where the document is to be, and its text.
    fn file(&self) -> Option<(&str, &str)> {
        Some((self.words.first()?.as_str(), self.script.as_deref()?))
    }
}

fn shown(words: &[String]) -> String {
    words.join(" ")
}

fn is_proxy(variable: &str) -> bool {
    variable.split_once('=').is_some_and(|(name, _)| dockerfile::is_proxy_argument(name))
}
