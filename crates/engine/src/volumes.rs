//! Volumes as people have them: made, listed, copied, kept as snapshots, removed. What a container mounts of them is in
//! [`crate::mounts`].

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use monitor::events::Actor;
use store::layer::TreeArchive;
use store::{NewVolume, Volume, Volumes};

use crate::documents::Document;
use crate::engine::Engine;
use crate::error::{EngineError, Kind};
use crate::image_filter::Labels;
use crate::names;
use crate::state::State;

/// Label of a snapshot: the volume that it is one of.
pub const SNAPSHOT_OF: &str = "corten.snapshot-of";

/// A volume that is wanted.
#[derive(Clone, Debug, Default)]
pub struct VolumeRequest {
    /// Its name; one is made up otherwise.
    pub name: Option<String>,
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// `type`, `device` and `o`.
    pub options: BTreeMap<String, String>,
}

/// Which volumes are listed; every kind that is given must be met, by one of its values.
#[derive(Clone, Debug, Default)]
pub struct VolumeFilter {
    dangling: Option<bool>,
    drivers: Vec<String>,
    names: Vec<String>,
    labels: Labels,
}

impl VolumeFilter {
    /// Adds a condition: `dangling=BOOL`, `driver=NAME`, `label=NAME[=VALUE]`, `name=PART`.
    ///
    /// # Errors
    /// For another kind, or a value that it cannot have.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("filter", text, why);
        let (kind, value) =
            text.split_once('=').ok_or_else(|| wrong("it is not of the form KIND=VALUE"))?;
        match (kind, value) {
            ("dangling", "1" | "t" | "true") => self.dangling = Some(true),
            ("dangling", "0" | "f" | "false") => self.dangling = Some(false),
            ("dangling", _) => return Err(wrong("it is not true or false")),
            ("driver", _) => self.drivers.push(value.to_owned()),
            ("name", _) => self.names.push(value.to_owned()),
            ("label", _) => self.labels.add(value, true),
            _ => return Err(wrong("the kind is not one of dangling, driver, label, name")),
        }
        Ok(())
    }

    fn allows(&self, volume: &Volume, held: &HashSet<String>) -> bool {
        let any = |list: &[String], fits: &dyn Fn(&str) -> bool| {
            list.is_empty() || list.iter().any(|text| fits(text))
        };
        self.dangling.is_none_or(|dangling| dangling != held.contains(&volume.name))
            && any(&self.drivers, &|driver| driver == "local")
            && any(&self.names, &|part| volume.name.contains(part))
            && self.labels.are_met_by(Some(&volume.labels))
    }
}

/// Handle on the volumes.
#[derive(Clone, Copy, Debug)]
pub struct VolumesHandle<'a> {
    pub(crate) engine: &'a Engine,
}

impl<'a> VolumesHandle<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    fn store(&self) -> Volumes<'a> {
        self.engine.store.volumes()
    }

    /// Makes a volume; one of that name stays as it is.
    ///
    /// # Errors
    /// When it is there with other options, or the disk refuses.
    pub fn create(&self, request: VolumeRequest) -> Result<Volume, EngineError> {
        let asked = request.options.clone();
        let (volume, made) = self.store().create(self.named(request)?)?;
        if made {
            self.tell(&volume, "create");
        } else if !asked.is_empty() && asked != volume.options {
            let why = "it exists already, with other options";
            return Err(EngineError::value("volume", volume.name, why));
        }
        Ok(volume)
    }

    fn named(&self, request: VolumeRequest) -> Result<NewVolume, EngineError> {
        let VolumeRequest { name, labels, options } = request;
        let anonymous = name.is_none();
        let name = name.map_or_else(names::random_volume, Ok)?;
        Ok(NewVolume { name, created_ns: monitor::now_ns(), anonymous, labels, options })
    }

    /// The volumes that meet the filter, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, filter: &VolumeFilter) -> Result<Vec<Volume>, EngineError> {
        let held = self.store().held()?;
        let mut volumes = self.store().list()?;
        volumes.retain(|volume| filter.allows(volume, &held));
        Ok(volumes)
    }

    /// The volume of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<Volume, EngineError> {
        Ok(self.store().get(name)?)
    }

    /// A volume as Docker's document.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn inspect(&self, name: &str) -> Result<Document, EngineError> {
        Ok(self.document(&self.get(name)?))
    }

    /// Docker's document of a volume.
    #[must_use]
    pub fn document(&self, volume: &Volume) -> Document {
        crate::documents::volume(volume)
    }

    /// Removes a volume that no container has; with `force` one that is not there is no error.
    ///
    /// # Errors
    /// When there is none, or a container has it.
    pub fn remove(&self, name: &str, force: bool) -> Result<(), EngineError> {
        let found = self.store().find(name)?;
        match (self.store().remove(name).map_err(EngineError::from), found) {
            (Ok(()), Some(volume)) => {
                self.hide(&volume, true)?;
                self.tell(&volume, "destroy");
                Ok(())
            }
            (Err(error), _) if force && error.kind() == Kind::NotFound => Ok(()),
            (removed, _) => removed,
        }
    }

    /// Gives a volume that no container has another name.
    ///
    /// # Errors
    /// When there is none, a container has it, or the name is taken.
    pub fn rename(&self, name: &str, to: &str) -> Result<(), EngineError> {
        self.refuse_shown(name)?;
        self.store().rename(name, to)?;
        let volume = self.get(to)?;
        self.tell_with(&volume, "rename", &[("oldName", name)]);
        Ok(())
    }

    /// Changes labels; nothing takes one away.
    ///
    /// # Errors
    /// When there is no such volume.
    pub fn label(
        &self,
        name: &str,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(), EngineError> {
        let volume = self.store().label(name, changes)?;
        self.tell(&volume, "update");
        Ok(())
    }

    /// Changes how much a volume may hold, also while containers have it; `0` is without end.
    ///
    /// # Errors
    /// When there is no such volume, something else is mounted in its place, or its file system cannot bound it.
    pub fn resize(&self, name: &str, size: &str) -> Result<(), EngineError> {
        refuse_mounted(&self.get(name)?)?;
        let volume = self.store().resize(name, size)?;
        self.tell(&volume, "update");
        Ok(())
    }

    /// Makes a volume with the contents, labels and options of another one.
    ///
    /// # Errors
    /// When the one is not there, the other is, or the disk refuses.
    pub fn copy(&self, from: &str, to: &str) -> Result<Volume, EngineError> {
        let source = self.get(from)?;
        refuse_mounted(&source)?;
        let mut labels = source.labels;
        labels.remove(SNAPSHOT_OF);
        self.copied(from, to.to_owned(), labels)
    }

    /// Keeps what a volume holds now under a name, made of the volume's and the time where none is given.
    ///
    /// # Errors
    /// As [`VolumesHandle::copy`].
    pub fn snapshot(&self, from: &str, name: Option<&str>) -> Result<Volume, EngineError> {
        refuse_mounted(&self.get(from)?)?;
        let time: String = monitor::format_time(monitor::now_ns())
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '.')
            .collect();
        let name = name.map_or_else(|| format!("{from}-{time}"), str::to_owned);
        self.copied(from, name, BTreeMap::from([(SNAPSHOT_OF.to_owned(), from.to_owned())]))
    }

    fn copied(
        &self,
        from: &str,
        name: String,
        labels: BTreeMap<String, String>,
    ) -> Result<Volume, EngineError> {
        let (created_ns, options) = (monitor::now_ns(), self.get(from)?.options);
        let new = NewVolume { name, created_ns, labels, options, ..NewVolume::default() };
        let volume = self.store().copy(from, new)?;
        self.tell(&volume, "create");
        Ok(volume)
    }

    /// Gives a volume what a snapshot of it holds, in one step.
    ///
    /// # Errors
    /// When one of them is not there, the other is no snapshot of it, or a container that has it runs.
    pub fn restore(&self, name: &str, snapshot: &str) -> Result<(), EngineError> {
        let volume = self.get(name)?;
        if self.get(snapshot)?.labels.get(SNAPSHOT_OF).map(String::as_str) != Some(name) {
            let why = format!("it is no snapshot of volume {name}");
            return Err(EngineError::value("volume", snapshot, why));
        }
        self.refuse_running(name)?;
        self.store().restore(name, snapshot)?;
        self.tell_with(&volume, "restore", &[("snapshot", snapshot)]);
        Ok(())
    }

    /// The archive of what a volume holds, made while it is read.
    ///
    /// # Errors
    /// When there is no such volume.
    pub fn export(&self, name: &str) -> Result<TreeArchive, EngineError> {
        refuse_mounted(&self.get(name)?)?;
        Ok(self.store().archive(name)?)
    }

    /// Fills an empty volume from an archive, and makes it where it is not there.
    ///
    /// # Errors
    /// When it is not empty, or the archive is none: nothing has changed then.
    pub fn import(&self, name: &str, archive: impl Read) -> Result<(), EngineError> {
        let found = self.store().find(name)?;
        found.as_ref().map_or(Ok(()), refuse_mounted)?;
        self.refuse_running(name)?;
        let request = VolumeRequest { name: Some(name.to_owned()), ..VolumeRequest::default() };
        let volume = self.store().import(self.named(request)?, archive)?;
        if found.is_none() {
            self.tell(&volume, "create");
        }
        Ok(())
    }

    /// What a container has mounted would not change under it.
    fn refuse_running(&self, name: &str) -> Result<(), EngineError> {
        for holder in self.store().holders(name)? {
            let container = self.engine.containers().get(&holder)?;
            if !matches!(container.state, State::Created { .. } | State::Exited(_)) {
                let why = format!("container {holder} runs with it");
                return Err(EngineError::value("volume", name, why));
            }
        }
        Ok(())
    }

    /// Tells what happened to a volume.
    pub(crate) fn tell(&self, volume: &Volume, action: &str) {
        self.tell_with(volume, action, &[]);
    }

    fn tell_with(&self, volume: &Volume, action: &str, more: &[(&str, &str)]) {
        let own = more.iter().chain(&[("driver", "local")]);
        let own = own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let attributes = volume.labels.clone().into_iter().chain(own).collect();
        self.engine.tell("volume", action, Actor { id: volume.name.clone(), attributes });
    }
}

/// What is elsewhere is not in the volume's directory.
fn refuse_mounted(volume: &Volume) -> Result<(), EngineError> {
    if volume.is_directory() {
        return Ok(());
    }
    let why = "its options say that something else is mounted in its place";
    Err(EngineError::value("volume", volume.name.clone(), why))
}
