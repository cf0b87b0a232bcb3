//! A build for several machines is several builds of one context beside each other. What each of them tells has numbers of its own; who listens
//! hears of one build, with the steps of all. Start at [`Parts::read`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dockerfile::Platforms;
use spec::Digest;
use spec::image::Platform;

use crate::context::Instructions;
use crate::definition::Definition;
use crate::error::BuildError;
use crate::event::{Event, Progress, Step, StepKind};
use crate::kept::FailedStep;
use crate::request::BuildRequest;

/// A build for one machine.
#[derive(Debug)]
pub(crate) struct Part {
    /// What the request says.
    pub(crate) platform: Option<Platform>,
    pub(crate) platforms: Platforms,
    pub(crate) definition: Definition,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) all: Vec<Part>,
}

impl Parts {
    /// Reads the file for each machine: arguments of platforms may choose its stages.
    pub(crate) fn read(
        request: &BuildRequest,
        instructions: &Instructions,
    ) -> Result<Self, BuildError> {
        let mut wanted: Vec<Option<Platform>> = Vec::new();
        for platform in &request.platforms {
            if !wanted.contains(&Some(platform.clone())) {
                wanted.push(Some(platform.clone()));
            }
        }
        if wanted.is_empty() {
            wanted.push(None);
        }
        let read = |platform: Option<Platform>| {
            let platforms = crate::emulation::platforms(platform.as_ref())?;
            let definition = Definition::read(
                instructions.name.clone(),
                &instructions.bytes,
                &request.arguments,
                &platforms,
                request.target.as_deref(),
            )?;
            Ok(Part { platform, platforms, definition })
        };
        Ok(Self { all: wanted.into_iter().map(read).collect::<Result<_, BuildError>>()? })
    }

    /// The steps of all. Context and file are read once.
    pub(crate) fn steps(&self) -> Vec<Step> {
        if let [alone] = self.all.as_slice() {
            return alone.definition.steps.clone();
        }
        let of = |part: &Part| {
            let platform = part.platforms.target.to_string();
            let is_alone = part.definition.needed.len() == 1;
            let steps = part.definition.steps.iter().skip(1);
            steps.map(|step| named(step, &platform, is_alone)).collect::<Vec<_>>()
        };
        let load = self.all.iter().take(1).flat_map(|part| part.definition.steps.iter().take(1));
        load.cloned().chain(self.all.iter().flat_map(of)).collect()
    }

    /// Who listens to each.
    pub(crate) fn listeners<'a>(&self, progress: &'a dyn Progress) -> Vec<Listener<'a>> {
        let mut first = 0;
        let mut listeners = Vec::new();
        for part in &self.all {
            listeners.push(Listener { progress, first, ended: Mutex::default() });
            first += part.definition.steps.len().saturating_sub(1);
        }
        listeners
    }
}

/// A step of one of several builds; a stage alone that has no name goes by none.
fn named(step: &Step, platform: &str, is_alone: bool) -> Step {
    let is_number = step.stage.bytes().all(|byte| byte.is_ascii_digit());
    let (stage, text) = match step.kind {
        StepKind::Load | StepKind::Output => {
            (String::new(), format!("{} for {platform}", step.text))
        }
        StepKind::Base
        | StepKind::Run
        | StepKind::Transfer
        | StepKind::Directory
        | StepKind::Setting => {
            let stage = match (is_number, is_alone) {
                (true, true) => platform.to_owned(),
                (true, false) => format!("{platform} stage-{}", step.stage),
                (false, _) => format!("{platform} {}", step.stage),
            };
            (stage, step.text.clone())
        }
    };
    Step { stage, text, ..step.clone() }
}

/// Hears of one part, writes down how its steps ended, and tells it on with the numbers of the whole.
pub(crate) struct Listener<'a> {
    progress: &'a dyn Progress,
    first: usize,
    ended: Mutex<BTreeMap<usize, Ended>>,
}

/// How a step ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) is_cached: bool,
    pub(crate) layer: Option<Digest>,
}

impl Listener<'_> {
    /// Steps that have ended, by their numbers in the part.
    pub(crate) fn ended(&self) -> BTreeMap<usize, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of a step in the whole.
    const fn number(&self, step: usize) -> usize {
        if step == 0 { 0 } else { self.first + step }
    }

    fn note(&self, step: usize, write: impl FnOnce(&mut Ended)) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        write(ended.entry(step).or_default());
    }
}

impl Progress for Listener<'_> {
    fn tell(&self, event: &Event<'_>) {
        let mut told = event.clone();
        match &mut told {
            Event::Cached { step } => {
                self.note(*step, |ended| ended.is_cached = true);
                *step = self.number(*step);
            }
            Event::Done { step, layer, .. } => {
                self.note(*step, |ended| ended.layer = layer.cloned());
                *step = self.number(*step);
            }
            Event::Started { step }
            | Event::Running { step, .. }
            | Event::Missed { step, .. }
            | Event::Output { step, .. }
            | Event::Transfer { step, .. }
            | Event::Failed { step, .. }
            | Event::Cancelled { step } => *step = self.number(*step),
            Event::Warnings(_) | Event::Steps(_) | Event::Image { .. } => {}
        }
        self.progress.tell(&told);
    }

    fn failed(&self, failed: &FailedStep<'_>) {
        self.progress.failed(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(platforms: &[&str]) -> Parts {
        let bytes = b"FROM scratch AS a\nCOPY x /\nFROM a\nARG TARGETARCH\n".to_vec();
        let instructions = Instructions {
            name: "Dockerfile".to_owned(),
            bytes,
            ignore: dockerfile::Ignore::default(),
        };
        let platforms = platforms.iter().map(|text| text.parse().unwrap()).collect();
        let request = BuildRequest { platforms, ..BuildRequest::default() };
        Parts::read(&request, &instructions).unwrap()
    }

    #[test]
    fn steps_of_several_have_numbers_of_their_own() {
        let parts = parts(&["linux/amd64", "linux/arm64", "linux/amd64"]);
        let shown: Vec<String> =
            parts.steps().iter().map(|step| format!("{}|{}", step.stage, step.text)).collect();
        let of = |platform: &str| {
            [
                format!("{platform} a|FROM scratch AS a"),
                format!("{platform} a|COPY x /"),
                format!("{platform} stage-1|FROM a"),
                format!("{platform} stage-1|ARG TARGETARCH"),
                format!("|make the image for {platform}"),
            ]
        };
        let load = ["|load the Dockerfile and the context".to_owned()];
        assert_eq!(shown, [&load[..], &of("linux/amd64"), &of("linux/arm64")].concat());
        struct Silent;
        impl Progress for Silent {
            fn tell(&self, _event: &Event<'_>) {}
        }
        let listeners = parts.listeners(&Silent);
        let numbers: Vec<usize> = listeners.iter().map(|one| one.number(5)).collect();
        assert_eq!((numbers, listeners[1].number(0)), (vec![5, 10], 0));
    }
}
