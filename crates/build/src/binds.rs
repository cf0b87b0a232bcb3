//! Binds of a step: files of the context, a stage or an image, where the step can see them. They are mounted where they are when that shows no
//! more than is asked for; otherwise a copy is, which goes with the build. So it is where the step has an SELinux label: it may not use the
//! context's files, and those keep their own.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use dockerfile::Mount;
use engine::config::{MountConfig, MountSource};

use crate::error::StepError;
use crate::files::{Choice, PlaceRules, place};
use crate::places::Place;
use crate::stage::{At, StageRun};

impl StageRun<'_> {
    /// What is mounted for a bind.
    pub(crate) fn bind(
        &self,
        from: &Place,
        mount: &Mount,
        target: String,
    ) -> Result<MountConfig, StepError> {
        let source = mount.source.as_deref().unwrap_or("/");
        let target = PathBuf::from(target);
        let labelled = engine::containers_are_labelled();
        let config = match from {
            Place::Tree(tree) if mount.read_only && tree.ignore().is_none() && !labelled => {
                let opened = tree.open(source)?;
                let link = format!("/proc/self/fd/{}", opened.as_raw_fd());
                let path = fs::read_link(&link).map_err(|cause| StepError::Path {
                    action: "find",
                    path: source.into(),
                    cause,
                })?;
                MountConfig::new(MountSource::Bind { path, create: false }, target)
            }
            Place::Layers { layers, words } if mount.read_only && !layers.is_empty() => {
                let (name, id) = (words.clone(), String::new());
                let mut config = MountConfig::new(
                    MountSource::Image { name, id, layers: layers.clone() },
                    target,
                );
                config.subpath = source.trim_matches('/').to_owned();
                config
            }
            Place::Tree(_) | Place::Layers { .. } => {
                let directory = self.shared.lease.free_path("bind");
                fs::create_dir(&directory).map_err(|cause| StepError::Path {
                    action: "make",
                    path: directory.clone(),
                    cause,
                })?;
                self.copy_below(from, source, &directory, "/files")?;
                let path = directory.join("files");
                let source = MountSource::Bind { path, create: false };
                MountConfig { relabel: labelled, ..MountConfig::new(source, target) }
            }
        };
        Ok(MountConfig { read_only: mount.read_only, ..config })
    }

    /// What a new cache begins with.
    pub(crate) fn seed(
        &mut self,
        at: At<'_>,
        (from, source): (&str, &str),
        directory: &Path,
    ) -> Result<(), StepError> {
        let from = self.place_of(at, Some(from))?;
        self.copy_below(&from, source, directory, "/")
    }

    /// Copies what is at a path of a place to one below a directory of ours.
    fn copy_below(
        &self,
        from: &Place,
        source: &str,
        directory: &Path,
        destination: &str,
    ) -> Result<(), StepError> {
        let opened = self.open(from)?;
        let selection = self.select(&opened, Choice { sources: &[source], ..Choice::default() })?;
        let root = File::open(directory).map_err(|cause| StepError::Path {
            action: "open",
            path: directory.to_owned(),
            cause,
        })?;
        let rules =
            PlaceRules { destination, owner: None, mode: None, time_s: self.shared.epoch_s };
        place(&[&selection], root.as_fd(), &rules, self.shared.surroundings.cancel)?;
        Ok(())
    }
}
