//! What goes out of the store and what containers leave in it: saved images, exported root file systems, committed containers,
//! and the list of what a container changed.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::slice;

use spec::image::{Platform, RunConfig};
use spec::{Digest, Reference};
use store::compression::{Compress, HashingReader};
use store::layer::{self, Change, MountPoints, TreeArchive, TreeError};
use store::tar;
use store::unpack::{Rules, unpack};
use store::{Commit, IdShift, Image, RootView, Saved, StoreError};

use crate::changes::{changes, over};
use crate::config::MountSource;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::images::{ImagesHandle, refuse_other};
use crate::life::Container;
use crate::parse::signal_name;
use crate::state::State;

const SIGTERM: i32 = 15;
/// Of tar.
const BLOCK_BYTES: u64 = 512;
/// What `merge` gives a container with a terminal.
const TERM: &str = "TERM=xterm";

/// An image that is wanted of a container.
#[derive(Clone, Debug, Default)]
pub struct CommitRequest {
    /// Its name; none is needed.
    pub reference: Option<Reference>,
    /// Who made it.
    pub author: String,
    /// Words for its history.
    pub message: String,
    /// Instructions of a Dockerfile over what the container says.
    pub changes: Vec<String>,
    /// Whether the container's processes stand still meanwhile.
    pub pause: bool,
    /// What the image says over what the container says; the instructions are over both.
    pub config: Option<RunConfig>,
}

/// A root file system among several.
#[derive(Clone, Copy, Debug)]
pub struct RootPart<'a> {
    /// Whose it is.
    pub image: &'a Image,
    /// The directory that it is in; empty is none.
    pub directory: &'a str,
    /// Files in it that the image does not have, by their names.
    pub files: &'a [(String, Vec<u8>)],
}

impl ImagesHandle<'_> {
    /// Writes images into one archive. A repository without a tag means all its tags; an id, the image without a name.
    ///
    /// # Errors
    /// When there is no such image, or it is for another platform, or the writer refuses: what was written is not whole then.
    pub fn save(
        &self,
        names: &[String],
        platform: Option<&Platform>,
        writer: impl Write,
    ) -> Result<(), EngineError> {
        let mut saved: Vec<Saved> = Vec::new();
        for text in names {
            for (image, name) in self.named(text)? {
                // One platform is that image alone.
                let (image, is_alone) = match platform {
                    Some(platform) => (self.for_platform(image, platform)?, true),
                    None => (image, false),
                };
                refuse_other(text, &image, platform.map_or(&[], slice::from_ref))?;
                let known = saved.iter_mut().find(|known| known.image.id == image.id);
                let entry = match known {
                    Some(entry) => entry,
                    None => saved.push_mut(Saved { image, names: Vec::new(), is_alone }),
                };
                entry.names.extend(name.filter(|name| !entry.names.contains(name)));
            }
        }
        self.store().save(&saved, writer)?;
        for Saved { image, .. } in &saved {
            let id = image.id.to_string();
            self.engine.tell_image("save", &id, &id, Some(image));
        }
        Ok(())
    }

    /// Writes an image into an archive under names that it need not have here.
    ///
    /// # Errors
    /// As [`ImagesHandle::save`].
    pub fn save_as(
        &self,
        image: &Image,
        names: &[Reference],
        how: Compress,
        writer: impl Write,
    ) -> Result<(), EngineError> {
        let saved = Saved { image: image.clone(), names: names.to_vec(), is_alone: false };
        Ok(self.store().save_compressed(&[saved], how, writer)?)
    }

    /// Of the images that were built with this one, that for a platform; itself where none is.
    fn for_platform(&self, image: Image, platform: &Platform) -> Result<Image, EngineError> {
        let Some(beside) = self.store().beside(&image.id)? else { return Ok(image) };
        let mut best = platform.fit(&Platform::of(&image.config)).map(|fit| (fit, image.clone()));
        for member in &beside.members {
            let member = self.store().resolve(&member.image.to_string())?;
            let fit = platform.fit(&Platform::of(&member.config));
            if let Some(fit) = fit.filter(|fit| best.as_ref().is_none_or(|(most, _)| fit > most)) {
                best = Some((fit, member));
            }
        }
        Ok(best.map_or(image, |(_, best)| best))
    }

    /// The archive of an image's root file system, made while it is read.
    ///
    /// # Errors
    /// When the files of a layer cannot be read.
    pub fn root_archive(&self, image: &Image) -> Result<Box<dyn Read>, EngineError> {
        let directories = self.layer_directories(image);
        if directories.is_empty() {
            // The end of an archive in which nothing is. tar(5).
            return Ok(Box::new(std::io::repeat(0).take(2 * BLOCK_BYTES)));
        }
        let archive = layer::tree(&RootView::of(&directories), MountPoints::default());
        Ok(Box::new(archive.map_err(unreadable_image(image))?))
    }

    /// Writes the root file systems of images into one archive, each below a directory of its own, with files beside its own.
    ///
    /// # Errors
    /// When the files of a layer cannot be read, or the writer refuses.
    pub fn root_archives(
        &self,
        parts: &[RootPart<'_>],
        mut writer: impl Write,
    ) -> Result<(), EngineError> {
        for RootPart { image, directory, .. } in parts {
            let directories = self.layer_directories(image);
            if directories.is_empty() {
                continue;
            }
            let archive = layer::tree(&RootView::of(&directories), MountPoints::default());
            let mut archive = archive.map_err(unreadable_image(image))?.below(directory);
            std::io::copy(&mut archive, &mut writer).map_err(unreadable_image(image))?;
        }
        let mut archive = tar::Writer::new(writer);
        for RootPart { image, directory, files } in parts {
            for (name, bytes) in *files {
                let path =
                    if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
                let (path, size) = (path.into_bytes(), bytes.len() as u64);
                let metadata =
                    tar::Metadata { path, mode: 0o644, size, ..tar::Metadata::default() };
                archive.append(&metadata, &bytes[..]).map_err(unreadable_image(image))?;
            }
        }
        let ended = archive.finish().and_then(|mut writer| writer.flush());
        ended.map_err(EngineError::file("write", std::path::Path::new("the archive")))
    }

    /// Every plain file of an image's root file system, and its digest.
    ///
    /// # Errors
    /// When the files of a layer cannot be read.
    pub fn file_digests(&self, image: &Image) -> Result<Vec<(String, Digest)>, EngineError> {
        let mut reader = tar::Reader::new(self.root_archive(image)?, tar::Limits::default());
        let mut found = Vec::new();
        while let Some(entry) = reader.next_entry().map_err(unreadable_image(image))? {
            let metadata = tar::Metadata::clone(&entry);
            if metadata.kind == tar::Kind::File {
                let mut contents = HashingReader::new(entry);
                std::io::copy(&mut contents, &mut std::io::sink())
                    .map_err(unreadable_image(image))?;
                let path = String::from_utf8_lossy(&metadata.path);
                found.push((path.trim_start_matches("./").to_owned(), contents.finish().digest));
            }
        }
        Ok(found)
    }

    /// Puts an image's root file system into a directory, over what is there. Files are the caller's.
    ///
    /// # Errors
    /// When the files of a layer cannot be read, or what is there is of another kind.
    pub fn root_into(&self, image: &Image, directory: BorrowedFd<'_>) -> Result<(), EngineError> {
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let rules = Rules { owner: Some(own), ..Rules::beside_others() };
        let unpacked = unpack(self.root_archive(image)?, directory, &rules);
        unpacked.map_err(unreadable_image(image))?;
        Ok(())
    }

    /// What one word of `save` means.
    fn named(&self, text: &str) -> Result<Vec<(Image, Option<Reference>)>, EngineError> {
        let reference = text.parse::<Reference>().ok();
        if let Some(repository) =
            reference.as_ref().filter(|name| name.tag().is_none() && name.digest().is_none())
        {
            let is_of = |name: &Reference| name.familiar_name() == repository.familiar_name();
            let mut found = Vec::new();
            for image in self.list()? {
                let names: Vec<_> =
                    image.names.iter().filter(|name| is_of(name)).cloned().collect();
                found.extend(names.into_iter().map(|name| (image.clone(), Some(name))));
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let image = self.resolve(text)?;
        let pinned = reference.map(|name| name.pinned());
        let name = pinned.filter(|name| image.names.contains(name));
        Ok(vec![(image, name)])
    }
}

impl Containers<'_> {
    /// The archive of everything that a container sees of its own: not its volumes, nor what else is mounted.
    ///
    /// # Errors
    /// When there is no such container, or its root cannot be read.
    pub fn export(&self, text: &str) -> Result<TreeArchive, EngineError> {
        let container = self.get(text)?;
        let (_image, layers) = self.layers(&container)?;
        let ids = self.ids_read(&container.config, &container.record.id)?;
        let mount_points = mount_points(&container, &layers, ids.as_ref())?;
        let mut directories = vec![container.dirs.upper.clone()];
        directories.extend(layers);
        let archive = layer::tree(&RootView::of(&directories), mount_points)
            .map_err(unreadable(&container))?
            .with_ids(ids);
        self.tell(&container, "export", &[]);
        Ok(archive)
    }

    /// The number of a container's user and of its group; nothing where none was said, which is root.
    pub(crate) fn user_of(&self, text: &str) -> Result<Option<(u32, u32)>, EngineError> {
        let container = self.get(text)?;
        if container.config.user.is_empty() {
            return Ok(None);
        }
        let (_image, layers) = self.layers(&container)?;
        let mut directories = vec![container.dirs.upper.clone()];
        directories.extend(layers);
        let account = crate::users::lookup(&container.config.user, &RootView::of(&directories))?;
        Ok(Some((account.uid, account.gid)))
    }

    /// What a container changed of its image's files, sorted by path.
    ///
    /// # Errors
    /// As [`Containers::export`].
    pub fn changes(&self, text: &str) -> Result<Vec<Change>, EngineError> {
        let container = self.get(text)?;
        crate::roots::demand_layer(&container.config, "diff")?;
        let (_image, layers) = self.layers(&container)?;
        let ids = self.ids_read(&container.config, &container.record.id)?;
        let mount_points = mount_points(&container, &layers, ids.as_ref())?;
        let lower = RootView::of(&layers);
        layer::changes(&container.dirs.upper, &lower, (&mount_points, ids.as_ref()))
            .map_err(unreadable(&container))
    }

    /// Makes an image of a container's image and what the container changed.
    ///
    /// # Errors
    /// When there is no such container, an instruction is none, or the disk refuses; nothing is left then.
    pub fn commit(&self, text: &str, request: &CommitRequest) -> Result<Image, EngineError> {
        let container = self.get(text)?;
        crate::roots::demand_layer(&container.config, "commit")?;
        if container.config.rootfs.is_some() {
            let what = "commit of a container of --rootfs, which has no image to add to,";
            return Err(EngineError::NotYet(what.to_owned()));
        }
        let (image, _layers) = self.layers(&container)?;
        let mut said = run_config(&container, image.as_ref());
        if let Some(own) = &request.config {
            said = over(said, own);
        }
        let config = changes(&said, request.changes.iter().map(String::as_str))?;
        let now = monitor::now_ns();
        let commit = Commit {
            parent: image.as_ref(),
            upper: &container.dirs.upper,
            ids: self.ids_read(&container.config, &container.record.id)?,
            targets: &crate::oci::targets(&container.config),
            reference: request.reference.clone(),
            config,
            author: request.author.clone(),
            comment: request.message.clone(),
            created_by: container.config.command.join(" "),
            created: monitor::format_time(now),
        };
        let make = || {
            let made = self.engine.store.images().commit(&commit, now)?;
            let name = request.reference.as_ref().map(ToString::to_string).unwrap_or_default();
            let told = [
                ("comment", request.message.clone()),
                ("imageID", made.id.to_string()),
                ("imageRef", name),
            ];
            self.tell(&container, "commit", &told);
            Ok(made)
        };
        let runs = matches!(container.state, State::Running { paused: false, .. });
        if !(runs && request.pause) {
            return make();
        }
        self.while_it_stands_still(&container, make)
    }

    /// The container's image and its layers, the top one first, each of which must be there.
    fn layers(&self, container: &Container) -> Result<(Option<Image>, Vec<PathBuf>), EngineError> {
        let images = self.engine.store.images();
        let id = container.record.image.as_ref();
        let image = id.map(|id| images.resolve(&id.to_string())).transpose()?;
        let layers = self.lower(&container.config, image.as_ref());
        for layer in &layers {
            std::fs::metadata(layer).map_err(EngineError::file("open", layer))?;
        }
        Ok((image, layers))
    }
}

/// What the container's start made to mount on.
fn mount_points(
    container: &Container,
    layers: &[PathBuf],
    ids: Option<&IdShift>,
) -> Result<MountPoints, EngineError> {
    let targets = crate::oci::targets(&container.config);
    let upper = (container.dirs.upper.as_path(), ids);
    MountPoints::find(upper, layers, targets).map_err(unreadable(container))
}

fn unreadable(container: &Container) -> impl FnOnce(TreeError) -> EngineError {
    let what = format!("read the files of container {}", container.record.name);
    move |cause| StoreError::Unpack { what, cause: Box::new(cause) }.into()
}

fn unreadable_image<E: std::error::Error + Send + Sync + 'static>(
    image: &Image,
) -> impl FnOnce(E) -> EngineError {
    let what = format!("copy the files of image {}", image.id);
    move |cause| StoreError::Unpack { what, cause: Box::new(cause) }.into()
}

/// How a container runs, as an image says it.
fn run_config(container: &Container, image: Option<&Image>) -> RunConfig {
    let base = image.map(|image| image.config.config.clone()).unwrap_or_default();
    let config = &container.config;
    let some = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    let of_image = |variable: &String| base.env.iter().flatten().any(|known| known == variable);
    let mut env = config.env.clone();
    env.retain(|variable| variable != TERM || of_image(variable) || !config.tty);
    let anonymous = config.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { anonymous: true, .. } => Some(mount.target.display().to_string()),
        MountSource::Volume { .. }
        | MountSource::Bind { .. }
        | MountSource::Image { .. }
        | MountSource::Tmpfs => None,
    });
    let mut volumes = base.volumes.clone().unwrap_or_default();
    volumes.extend(anonymous.map(|target| (target, serde_json::json!({}))));
    let mut ports = base.exposed_ports.clone().unwrap_or_default();
    ports.extend(config.exposed_ports.iter().map(|port| (port.clone(), serde_json::json!({}))));
    let is_default = config.stop_signal == SIGTERM;
    let workdir = if config.workdir == "/" { &base.working_dir } else { &config.workdir };
    RunConfig {
        user: crate::hardened::user_of_image(config).to_owned(),
        env: some(&env),
        entrypoint: some(&config.entrypoint),
        cmd: some(&config.command),
        volumes: Some(volumes).filter(|volumes| !volumes.is_empty()),
        working_dir: workdir.clone(),
        labels: Some(config.labels.clone()).filter(|labels| !labels.is_empty()),
        stop_signal: (!is_default).then(|| signal_name(config.stop_signal)).or(base.stop_signal),
        on_build: None,
        exposed_ports: Some(ports).filter(|ports| !ports.is_empty()),
        healthcheck: base.healthcheck,
        shell: base.shell,
    }
}
