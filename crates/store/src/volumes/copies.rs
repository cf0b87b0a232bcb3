//! Whole volumes from others and from archives: filled below `tmp`, flushed, and only then put in their place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::PathBuf;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{NewVolume, Volume, Volumes, check_name, insert, make};
use crate::compression::Decoder;
use crate::layer::{self, MountPoints, TreeArchive};
use crate::scratch::Scratch;
use crate::unpack::{self, Rules};
use crate::view::RootView;
use crate::{Bounded, CopyRules, StoreError, TreeCopy};

impl Volumes<'_> {
    /// Makes a volume with the contents of another one. Where the file system can, both share their blocks until one is written.
    /// What is written into the source meanwhile may be in it or not.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Exists`], or what the disk refuses: nothing is left then.
    pub fn copy(&self, from: &str, new: NewVolume) -> Result<Volume, StoreError> {
        check_name(&new.name)?;
        let source = self.get(from)?;
        self.refuse_taken(&new.name)?;
        let scratch = self.copied(&source, &new.options)?;
        self.place(scratch, new)
    }

    /// Gives a volume the contents of another one in one step; its own are gone then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or what the disk refuses: it is as it was then.
    pub fn restore(&self, name: &str, from: &str) -> Result<(), StoreError> {
        let volume = self.get(name)?;
        let scratch = self.copied(&self.get(from)?, &volume.options)?;
        self.exchange(&scratch, &volume)
    }

    /// The archive of a volume's contents, made while it is read.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or when it cannot be read.
    pub fn archive(&self, name: &str) -> Result<TreeArchive, StoreError> {
        let volume = self.get(name)?;
        let view = RootView::just(&volume.path).map_err(StoreError::file("open", &volume.path))?;
        layer::tree(&view, MountPoints::default()).map_err(|cause| unreadable(name, cause))
    }

    /// Fills a volume from an archive, plain or compressed; one that is not there is made, and one that has contents is refused.
    ///
    /// # Errors
    /// [`StoreError::Archive`], or what the disk refuses: nothing has changed then.
    pub fn import(&self, new: NewVolume, archive: impl Read) -> Result<Volume, StoreError> {
        check_name(&new.name)?;
        let found = self.find(&new.name)?;
        if let Some(volume) = &found {
            let mut entries =
                std::fs::read_dir(&volume.path).map_err(StoreError::file("read", &volume.path))?;
            if entries.next().is_some() {
                return Err(StoreError::Archive(format!("volume {} is not empty", volume.name)));
            }
        }
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| StoreError::Unpack {
            what: format!("fill volume {}", new.name),
            cause,
        };
        let scratch = Scratch::new(&self.store.paths)?;
        let options = found.as_ref().map_or(&new.options, |volume| &volume.options);
        let contents = self.empty(&scratch, options)?;
        let _bounded = Bounded::new();
        let into = File::open(&contents).map_err(StoreError::file("open", &contents))?;
        let archive = Decoder::new(archive).map_err(|error| failed(error.into()))?;
        unpack::unpack(archive, into.as_fd(), &Rules::root_fs())
            .map_err(|error| failed(error.into()))?;
        unpack::sync(into.as_fd()).map_err(StoreError::file("flush", &contents))?;
        match found {
            Some(volume) => self.exchange(&scratch, &volume).map(|()| volume),
            None => self.place(scratch, new),
        }
    }

    /// An empty directory, bounded as the volume's options say whose it will be.
    fn empty(
        &self,
        scratch: &Scratch,
        options: &BTreeMap<String, String>,
    ) -> Result<PathBuf, StoreError> {
        let contents = scratch.path().join("_data");
        make(&contents).map_err(StoreError::file("make", &contents))?;
        let transaction = self.store.write()?;
        self.bound(&transaction, &contents, options)?;
        Ok(contents)
    }

    /// A copy below `tmp`, flushed, for a volume with these options.
    fn copied(
        &self,
        source: &Volume,
        options: &BTreeMap<String, String>,
    ) -> Result<Scratch, StoreError> {
        let scratch = Scratch::new(&self.store.paths)?;
        let contents = self.empty(&scratch, options)?;
        let _bounded = Bounded::new();
        let into = File::open(&contents).map_err(StoreError::file("open", &contents))?;
        let from = File::open(&source.path).map_err(StoreError::file("open", &source.path))?;
        TreeCopy::new(into.as_fd(), CopyRules::exact())
            .contents(from.as_fd())
            .map_err(|cause| unreadable(&source.name, cause))?;
        unpack::sync(into.as_fd()).map_err(StoreError::file("flush", &contents))?;
        Ok(scratch)
    }

    fn place(&self, scratch: Scratch, new: NewVolume) -> Result<Volume, StoreError> {
        let place = self.store.paths.volume(&new.name);
        let mut orphan = None;
        self.store.durably(|connection| {
            self.refuse_taken(&new.name)?;
            insert(connection, &new)?;
            // A directory without a row was left by a crash between the two.
            orphan = Scratch::take(&self.store.paths, &place)?;
            scratch.place(&place).map(drop)
        })?;
        if let Some(orphan) = orphan {
            orphan.remove()?;
        }
        Ok(self.made(new))
    }

    fn exchange(&self, scratch: &Scratch, volume: &Volume) -> Result<(), StoreError> {
        let ours = scratch.path().join("_data");
        // Nobody removes it meanwhile.
        let _writing = self.store.write()?;
        self.get(&volume.name)?;
        renameat_with(CWD, &ours, CWD, &volume.path, RenameFlags::EXCHANGE)
            .map_err(StoreError::file("replace", &volume.path))
    }
}

fn unreadable(
    name: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unpack { what: format!("read volume {name}"), cause: cause.into() }
}
