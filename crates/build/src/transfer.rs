//! `COPY`, `ADD` and `WORKDIR`: files that come into a layer without a container.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use dockerfile::{Add, Copy, Mode, Spanned, Transfer, TransferSource};
use engine::{AddedLayer, NewLayer, Workspace};

use crate::cache::Question;
use crate::error::StepError;
use crate::files::{self, Choice, Part, PlaceRules, Selection, Tree, TreeKind};
use crate::key::{Inputs, chain};
use crate::places::{Opened, Place};
use crate::settings::joined;
use crate::stage::{At, Made, StageRun};

/// What is copied, from where.
struct Source<'t> {
    place: Place,
    choice: Choice<'t>,
}

impl StageRun<'_> {
    pub(crate) fn copy_step(&mut self, at: At<'_>, copy: &Copy) -> Result<Option<Made>, StepError> {
        let from = copy.from.as_ref().map(|from| from.value.as_str());
        let place = self.place_of(at, from)?;
        let extra = self.documents(&copy.transfer)?;
        let paths: Vec<&str> = copy.transfer.paths().map(|path| path.value.as_str()).collect();
        let exclude: Vec<&str> = values(&copy.transfer.exclude);
        let choice = Choice { sources: &paths, exclude: &exclude, parents: copy.parents };
        let mut sources = Vec::new();
        if !paths.is_empty() {
            sources.push(Source { place, choice });
        }
        let names: Vec<[&str; 1]> = extra.iter().map(|(_, name)| [name.as_str()]).collect();
        for ((place, _), name) in extra.iter().zip(&names) {
            let choice = Choice { sources: name, ..Choice::default() };
            sources.push(Source { place: place.clone(), choice });
        }
        self.transfer(at, "copy", &copy.transfer, &sources).map(Some)
    }

    /// Documents of the file itself, each a place of its own, and its name there.
    fn documents(&self, transfer: &Transfer) -> Result<Vec<(Place, String)>, StepError> {
        let documents = transfer.sources.iter().filter_map(|source| match source {
            TransferSource::Document(document) => Some(document),
            TransferSource::Path(_) => None,
        });
        let mut places = Vec::new();
        for document in documents {
            let directory = self.shared.lease.free_path("document");
            let name = document.name.value.clone();
            let path = directory.join(&name);
            let failed = |cause| StepError::Path { action: "write", path: path.clone(), cause };
            std::fs::create_dir(&directory).map_err(failed)?;
            let mut file = File::create_new(&path).map_err(failed)?;
            file.write_all(document.text().as_bytes()).map_err(failed)?;
            file.set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
            let root = File::open(&directory).map_err(failed)?;
            let tree = Tree::new(root.into(), TreeKind::Context, "the Dockerfile");
            places.push((Place::Tree(tree), name));
        }
        Ok(places)
    }

    pub(crate) fn add_step(&mut self, at: At<'_>, add: &Add) -> Result<Option<Made>, StepError> {
        let copy = Copy { transfer: add.transfer.clone(), from: None, parents: false };
        self.copy_step(at, &copy)
    }

    /// Files of these places, by the rules of one instruction.
    fn transfer(
        &mut self,
        at: At<'_>,
        kind: &str,
        transfer: &Transfer,
        sources: &[Source<'_>],
    ) -> Result<Made, StepError> {
        let owner = transfer.chown.as_ref().map(|owner| owner.value.as_str());
        let mut inputs = Inputs::of(kind);
        let names_owner = owner.is_some_and(|owner| {
            owner.split(':').any(|word| word.parse::<u32>().is_err() && !word.is_empty())
        });
        if !transfer.link || names_owner {
            inputs.add("layers below", chain(self.layers()).to_string());
        }
        let mut parts: Vec<Part> = Vec::new();
        for source in sources {
            let owners = owner.is_none() && matches!(source.place, Place::Layers { .. });
            let (digest, own) = self.digest_of(&source.place, source.choice, owners)?;
            inputs.add("files", digest.to_string());
            parts.extend(own);
        }
        let destination = self.destination(&transfer.destination.value);
        inputs.add("destination", &*destination).add("link", transfer.link.to_string());
        inputs.add_some("--chown", owner);
        let mode = transfer.chmod.as_ref().map(|mode| mode.value.as_str());
        inputs.add_some("--chmod", mode);
        self.add_machine(&mut inputs);
        let question = Question { inputs, parts };
        self.cached_or(at, question, |stage| stage.copy_now(transfer, sources, &destination))
    }

    fn copy_now(
        &mut self,
        transfer: &Transfer,
        sources: &[Source<'_>],
        destination: &str,
    ) -> Result<AddedLayer, StepError> {
        let opened: Vec<Opened> =
            sources.iter().map(|source| self.open(&source.place)).collect::<Result<_, _>>()?;
        let selections: Vec<Selection> = sources
            .iter()
            .zip(&opened)
            .map(|(source, opened)| self.select(opened, source.choice))
            .collect::<Result<_, _>>()?;
        let below = if transfer.link { &[] } else { self.layers() };
        let space = self.engine.building().workspace(&self.shared.lease, below)?;
        let owner = transfer.chown.as_ref().map(|owner| self.owner(&owner.value)).transpose()?;
        let mode = transfer.chmod.as_ref().map(|mode| parse_mode(&mode.value)).transpose()?;
        let rules =
            PlaceRules { destination, owner, mode: mode.as_ref(), time_s: self.shared.epoch_s };
        let selections: Vec<&Selection> = selections.iter().collect();
        files::place(&selections, space.root(), &rules, self.shared.surroundings.cancel)?;
        self.close(space)
    }

    /// The layer of what was changed.
    fn close(&self, space: Workspace) -> Result<AddedLayer, StepError> {
        let (upper, lower) = space.close();
        let latest_s = self.shared.epoch_s;
        let layer = NewLayer { upper: &upper, lower: &lower, targets: &[], latest_s };
        Ok(self.engine.building().add_layer(&self.shared.lease, &layer)?)
    }

    /// Where files go: from the working directory, with the slash at the end that says that it is a directory.
    fn destination(&self, written: &str) -> String {
        let mut whole = joined(&self.config.config.working_dir, written);
        let is_directory = written.ends_with('/') || written.ends_with("/.") || written == ".";
        if is_directory && !whole.ends_with('/') {
            whole.push('/');
        }
        whole
    }

    /// Numbers of `--chown`, by the files of the stage.
    fn owner(&self, text: &str) -> Result<(u32, u32), StepError> {
        let read = |path: &str| {
            let bytes = self.engine.building().read(self.layers(), Path::new(path));
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        let fields = |path: &str, name: &str| {
            let text = read(path);
            let mut lines =
                text.lines().map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>());
            lines.find(|fields| fields.first().is_some_and(|first| first == name))
        };
        let number = |fields: &[String], at: usize| fields.get(at)?.parse::<u32>().ok();
        let user = |name: &str| {
            let fields = fields("/etc/passwd", name)?;
            Some((number(&fields, 2)?, number(&fields, 3)?))
        };
        let group = |name: &str| number(&fields("/etc/group", name)?, 2);
        files::owner(text, &user, &group)
    }

    /// `WORKDIR`: the directory is made where it is not there.
    pub(crate) fn directory_step(
        &mut self,
        at: At<'_>,
        path: &str,
    ) -> Result<Option<Made>, StepError> {
        let whole = joined(&self.config.config.working_dir, path);
        self.config.config.working_dir.clone_from(&whole);
        let mut inputs = Inputs::of("directory");
        inputs.add("layers below", chain(self.layers()).to_string()).add("directory", &*whole);
        self.add_machine(&mut inputs);
        if self.engine.building().is_directory(self.layers(), Path::new(&whole)) {
            return Ok(None);
        }
        let question = Question { inputs, parts: Vec::new() };
        let made = self.cached_or(at, question, |stage| {
            let space = stage.engine.building().workspace(&stage.shared.lease, stage.layers())?;
            let empty = Place::Layers { layers: Vec::new(), words: "nothing".to_owned() };
            let opened = stage.open(&empty)?;
            let selection =
                stage.select(&opened, Choice { sources: &["/"], ..Choice::default() })?;
            let time_s = stage.shared.epoch_s;
            let rules = PlaceRules { destination: &whole, owner: Some((0, 0)), mode: None, time_s };
            let cancel = stage.shared.surroundings.cancel;
            files::place(&[&selection], space.root(), &rules, cancel)?;
            stage.close(space)
        })?;
        Ok(Some(made))
    }
}

fn values(words: &[Spanned<String>]) -> Vec<&str> {
    words.iter().map(|word| word.value.as_str()).collect()
}

fn parse_mode(text: &str) -> Result<Mode, StepError> {
    text.parse().map_err(|problem: dockerfile::BadMode| StepError::Value {
        what: "--chmod",
        value: text.to_owned(),
        why: problem.to_string(),
    })
}
