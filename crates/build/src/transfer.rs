//! `COPY`, `ADD` and `WORKDIR`: files that come into a layer without a container.

use std::path::Path;

use dockerfile::{Add, Copy, Mode, Spanned, Transfer, TransferSource};
use engine::{AddedLayer, Workspace};
use spec::Digest;

use crate::cache::Question;
use crate::error::StepError;
use crate::event::Event;
use crate::fetching::Fetching;
use crate::files::{self, Choice, DigestRules, Part, PlaceRules, Selection, Tree};
use crate::key::{Inputs, chain};
use crate::places::{Opened, Place};
use crate::settings::joined;
use crate::stage::{At, Made, StageRun};
use crate::{add, git};

/// What is copied.
enum Source<'t> {
    /// Files of a place.
    Files {
        place: Place,
        choice: Choice<'t>,
        /// Whether archives among them are unpacked.
        unpacks: bool,
    },
    /// What is here already: a document, what was fetched.
    Here(Selection),
    /// A file of a web server whose contents are known before.
    Known { url: &'t str, checksum: &'t str, unpacks: bool },
}

impl StageRun<'_> {
    pub(crate) fn copy_step(&mut self, at: At<'_>, copy: &Copy) -> Result<Option<Made>, StepError> {
        let from = copy.from.as_ref().map(|from| from.value.as_str());
        let paths: Vec<&str> = copy.transfer.paths().map(|path| path.value.as_str()).collect();
        let exclude = values(&copy.transfer.exclude);
        let mut sources = Vec::new();
        if !paths.is_empty() {
            let place = self.place_of(at, from)?;
            let choice = Choice { sources: &paths, exclude: &exclude, parents: copy.parents };
            sources.push(Source::Files { place, choice, unpacks: false });
        }
        sources.extend(self.documents(at, &copy.transfer)?);
        self.transfer(at, "copy", &copy.transfer, &sources).map(Some)
    }

    pub(crate) fn add_step(&mut self, at: At<'_>, add: &Add) -> Result<Option<Made>, StepError> {
        let transfer = &add.transfer;
        let checksum = add.checksum.as_ref().map(|checksum| checksum.value.as_str());
        let exclude = values(&transfer.exclude);
        let (mut paths, mut further) = (Vec::new(), Vec::new());
        for path in transfer.paths() {
            let text = path.value.as_str();
            if git::is_git(text) {
                let keeps = add.keep_git_dir;
                let found = self.fetching(at, |fetching| {
                    add::repository(text, checksum, keeps, &exclude, fetching)
                })?;
                further.push(Source::Here(found));
            } else if text.starts_with("http://") || text.starts_with("https://") {
                further.push(self.url(at, text, checksum, add.unpack.unwrap_or(false))?);
            } else {
                paths.push(text);
            }
        }
        let mut sources = Vec::new();
        if !paths.is_empty() {
            let place = self.place_of(at, None)?;
            let choice = Choice { sources: &paths, exclude: &exclude, parents: false };
            sources.push(Source::Files { place, choice, unpacks: add.unpack.unwrap_or(true) });
        }
        sources.extend(further);
        sources.extend(self.documents(at, transfer)?);
        self.transfer(at, "add", transfer, &sources).map(Some)
    }

    /// All files of a directory: what a stage begins with.
    pub(crate) fn root_step(&mut self, at: At<'_>, tree: Tree) -> Result<Made, StepError> {
        let choice = Choice { sources: &["/"], ..Choice::default() };
        let sources = [Source::Files { place: Place::Tree(tree), choice, unpacks: false }];
        let mut inputs = Inputs::of("root");
        let mut parts = Vec::new();
        for source in &sources {
            let (digest, _, own) = self.contents_of(source, false)?;
            inputs.add("files", digest);
            parts.extend(own);
        }
        self.add_machine(&mut inputs);
        let question = Question { inputs, parts };
        let time_s = self.shared.epoch_s;
        let rules = PlaceRules { destination: "/", owner: None, mode: None, time_s };
        self.cached_or(at, question, |stage| stage.place_now(at, &sources, (&[], &rules)))
    }

    /// A file of a web server: what its checksum says it is need not be fetched to be known.
    fn url<'t>(
        &self,
        at: At<'_>,
        url: &'t str,
        checksum: Option<&'t str>,
        unpacks: bool,
    ) -> Result<Source<'t>, StepError> {
        match checksum {
            Some(checksum) => Ok(Source::Known { url, checksum, unpacks }),
            None => self.fetch(at, url, None, unpacks).map(Source::Here),
        }
    }

    fn fetch(
        &self,
        at: At<'_>,
        url: &str,
        checksum: Option<&str>,
        unpacks: bool,
    ) -> Result<Selection, StepError> {
        let found = self.fetching(at, |fetching| add::url(url, checksum, fetching))?;
        Ok(found.unpacking(unpacks))
    }

    /// Does what brings files from elsewhere, in a directory of its own.
    fn fetching<T>(
        &self,
        at: At<'_>,
        work: impl FnOnce(&Fetching<'_>) -> Result<T, StepError>,
    ) -> Result<T, StepError> {
        let shared = self.shared;
        let directory = shared.private_directory()?;
        let (progress, step) = (shared.surroundings.progress, at.step);
        let heard =
            |what: &str, bytes, of| progress.tell(&Event::Transfer { step, what, bytes, of });
        work(&Fetching {
            outside: shared.surroundings.outside,
            heard: &heard,
            git: &shared.request.git,
            notes: shared.notes,
            cancel: shared.surroundings.cancel,
            directory: &directory,
        })
    }

    /// Documents of the file itself.
    fn documents<'t>(&self, at: At<'_>, transfer: &Transfer) -> Result<Vec<Source<'t>>, StepError> {
        let documents = transfer.sources.iter().filter_map(|source| match source {
            TransferSource::Document(document) => Some(document),
            TransferSource::Path(_) => None,
        });
        documents
            .map(|document| {
                let (name, text) = (&document.name.value, document.text());
                self.fetching(at, |fetching| add::document(name, text.as_bytes(), fetching))
                    .map(Source::Here)
            })
            .collect()
    }

    /// Files of these sources, by the rules of one instruction.
    fn transfer(
        &mut self,
        at: At<'_>,
        kind: &str,
        transfer: &Transfer,
        sources: &[Source<'_>],
    ) -> Result<Made, StepError> {
        let owner = transfer.chown.as_ref().map(|owner| owner.value.as_str());
        let mut inputs = Inputs::of(kind);
        // Names of owners are those of the stage.
        if !transfer.link || owner.is_some_and(has_names) {
            inputs.add("layers below", chain(self.layers()).to_string());
        }
        let mut parts: Vec<Part> = Vec::new();
        for source in sources {
            let (digest, unpacks, own) = self.contents_of(source, owner.is_none())?;
            inputs.add("files", digest);
            if unpacks {
                inputs.add("unpacked", "true");
            }
            parts.extend(own);
        }
        let destination = self.destination(&transfer.destination.value);
        inputs.add("destination", &*destination).add("link", transfer.link.to_string());
        inputs.add_some("--chown", owner);
        let mode = transfer.chmod.as_ref().map(|mode| mode.value.as_str());
        inputs.add_some("--chmod", mode);
        self.add_machine(&mut inputs);
        let question = Question { inputs, parts };
        self.cached_or(at, question, |stage| stage.copy_now(at, transfer, sources, &destination))
    }

    /// What a source is, for the key.
    fn contents_of(
        &self,
        source: &Source<'_>,
        keeps_owners: bool,
    ) -> Result<(String, bool, Vec<Part>), StepError> {
        match source {
            Source::Files { place, choice, unpacks } => {
                let owners = keeps_owners && matches!(place, Place::Layers { .. });
                let (digest, parts) = self.digest_of(place, *choice, owners)?;
                Ok((digest.to_string(), *unpacks, parts))
            }
            Source::Here(selection) => {
                let cancel = self.shared.surroundings.cancel;
                let found = files::digest(selection, DigestRules::default(), cancel)?;
                Ok((found.digest.to_string(), selection.is_unpacking(), found.parts))
            }
            Source::Known { url, checksum, unpacks } => {
                Ok((format!("{url} {checksum}"), *unpacks, Vec::new()))
            }
        }
    }

    fn copy_now(
        &mut self,
        at: At<'_>,
        transfer: &Transfer,
        sources: &[Source<'_>],
        destination: &str,
    ) -> Result<AddedLayer, StepError> {
        let below: &[Digest] = if transfer.link { &[] } else { self.layers() };
        let owner = transfer.chown.as_ref().map(|owner| self.owner(&owner.value)).transpose()?;
        let mode = transfer.chmod.as_ref().map(|mode| parse_mode(&mode.value)).transpose()?;
        let rules =
            PlaceRules { destination, owner, mode: mode.as_ref(), time_s: self.shared.epoch_s };
        self.place_now(at, sources, (below, &rules))
    }

    /// Puts files of these sources over layers.
    fn place_now(
        &self,
        at: At<'_>,
        sources: &[Source<'_>],
        (below, rules): (&[Digest], &PlaceRules<'_>),
    ) -> Result<AddedLayer, StepError> {
        // Open as long as files are read of them.
        let mut opened: Vec<Opened> = Vec::new();
        let mut selections: Vec<Selection> = Vec::new();
        for source in sources {
            selections.push(match source {
                Source::Files { place, choice, unpacks } => {
                    let place = self.open(place)?;
                    let found = self.select(&place, *choice)?.unpacking(*unpacks);
                    opened.push(place);
                    found
                }
                Source::Here(selection) => selection.clone(),
                Source::Known { url, checksum, unpacks } => {
                    self.fetch(at, url, Some(checksum), *unpacks)?
                }
            });
        }
        let space = self.engine.building().workspace(self.shared.lease, below)?;
        let selections: Vec<&Selection> = selections.iter().collect();
        files::place(&selections, space.root(), rules, self.shared.surroundings.cancel)?;
        drop(opened);
        self.close(space)
    }

    /// The layer of what was changed.
    fn close(&self, space: Workspace) -> Result<AddedLayer, StepError> {
        let shared = self.shared;
        Ok(self.engine.building().add_changes(shared.lease, space, shared.epoch_s)?)
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
        // As BuildKit has it: who works there may write there.
        let user = self.config.config.user.clone();
        inputs.add("user", &*user);
        let question = Question { inputs, parts: Vec::new() };
        let made = self.cached_or(at, question, |stage| {
            let owner = if user.is_empty() { (0, 0) } else { stage.owner(&user)? };
            let space = stage.engine.building().workspace(stage.shared.lease, stage.layers())?;
            let empty = Place::Layers { layers: Vec::new(), words: "nothing".to_owned() };
            let opened = stage.open(&empty)?;
            let selection =
                stage.select(&opened, Choice { sources: &["/"], ..Choice::default() })?;
            let time_s = stage.shared.epoch_s;
            let rules = PlaceRules { destination: &whole, owner: Some(owner), mode: None, time_s };
            let cancel = stage.shared.surroundings.cancel;
            files::place(&[&selection], space.root(), &rules, cancel)?;
            stage.close(space)
        })?;
        Ok(Some(made))
    }
}

/// Whether owners are given by names.
fn has_names(owner: &str) -> bool {
    owner.split(':').any(|word| !word.is_empty() && word.parse::<u32>().is_err())
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
