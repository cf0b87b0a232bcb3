//! What builds need of the engine and its store: the files of layers with room for changes above them, layers of those changes, and images of
//! layers. Nothing here knows what an instruction is.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libcontainer::Step;
use monitor::Held;
use spec::image::ImageConfig;
use spec::{Digest, Reference};
use store::{AddedLayer, Beside, BuildLease, Builds, ContainerDirs, Image, NewLayer};

use crate::config::ContainerConfig;
use crate::containers::Made;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::names;

/// The label of containers that are steps of a build: its name in the records.
pub const STEP_LABEL: &str = "corten.build";

/// Handle on what builds need.
#[derive(Clone, Copy, Debug)]
pub struct Building<'a> {
    pub(crate) engine: &'a Engine,
}

/// The files of layers, and what is changed of them. Dropped, it is unmounted, and the changes are gone.
#[derive(Debug)]
pub struct Workspace {
    // The mount goes before its directories.
    root: Root,
    directory: Temporary,
    lower: Vec<PathBuf>,
}

/// A directory of a build, removed when it is dropped: not first at the build's end, since what is in it is a layer by then as well.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays goes with the build.
        let _kept = fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
enum Root {
    /// An overlay, in a mount namespace of its own.
    Held(Held),
    /// There are no layers: the changes are all there is.
    Plain(File),
}

impl Workspace {
    /// The root directory; paths in it are looked up with openat2(2) and this root.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        match &self.root {
            Root::Held(held) => held.root(),
            Root::Plain(directory) => directory.as_fd(),
        }
    }
}

impl<'a> Building<'a> {
    /// Steps that were done, and what builds hold.
    #[must_use]
    pub const fn steps(&self) -> Builds<'a> {
        self.engine.store.builds()
    }

    /// Begins a build. Steps of builds that were killed are ended, and go.
    ///
    /// # Errors
    /// When the disk, the database or the kernel refuses.
    pub fn begin(&self) -> Result<BuildLease, EngineError> {
        let (lease, killed) = self.steps().begin()?;
        if killed.is_empty() {
            return Ok(lease);
        }
        let containers = self.engine.containers();
        for container in containers.all()? {
            let build = container.config.labels.get(STEP_LABEL);
            if build.is_some_and(|build| killed.contains(build)) {
                match containers.remove(container.record.id.as_str(), true, true) {
                    // Another build was sooner.
                    Err(error) if error.kind() == crate::error::Kind::NotFound => {}
                    done => done?,
                }
            }
        }
        Ok(lease)
    }

    /// Directories of layers, the top one first.
    #[must_use]
    pub fn directories(&self, layers: &[Digest]) -> Vec<PathBuf> {
        self.engine.store.images().directories_of(layers)
    }

    /// The files of these layers, the lowest first, with room for changes.
    ///
    /// # Errors
    /// When the disk or a mount refuses.
    pub fn workspace(
        &self,
        lease: &BuildLease,
        layers: &[Digest],
    ) -> Result<Workspace, EngineError> {
        let directory = lease.free_path("work");
        let dirs = ContainerDirs {
            container: directory.clone(),
            upper: directory.join("upper"),
            work: directory.join("work"),
            state: directory.join("root"),
        };
        for path in [&dirs.container, &dirs.upper, &dirs.work, &dirs.state] {
            fs::create_dir(path).map_err(EngineError::file("make", path))?;
        }
        // The root of whatever has this layer: umask(2) must not decide its mode.
        fs::set_permissions(&dirs.upper, fs::Permissions::from_mode(0o755))
            .map_err(EngineError::file("make", &dirs.upper))?;
        let (directory, lower) = (Temporary(directory), self.directories(layers));
        if lower.is_empty() {
            let opened = File::open(&dirs.upper).map_err(EngineError::file("open", &dirs.upper))?;
            return Ok(Workspace { root: Root::Plain(opened), directory, lower });
        }
        let held = self.hold(dirs, layers)?;
        Ok(Workspace { root: Root::Held(held), directory, lower })
    }

    /// Makes a layer of what was changed in a workspace, in which nothing is younger than `latest_s`, in seconds since 1970.
    ///
    /// # Errors
    /// As [`Building::add_layer`].
    pub fn add_changes(
        &self,
        lease: &BuildLease,
        workspace: Workspace,
        latest_s: Option<i64>,
    ) -> Result<AddedLayer, EngineError> {
        let Workspace { root, directory, lower } = workspace;
        drop(root);
        let upper = directory.0.join("upper");
        self.add_layer(lease, &NewLayer { upper: &upper, lower: &lower, targets: &[], latest_s })
    }

    fn hold(&self, dirs: ContainerDirs, layers: &[Digest]) -> Result<Held, EngineError> {
        let name = String::from("the build");
        let config = ContainerConfig {
            layers: layers.to_vec(),
            command: vec!["/".to_owned()],
            workdir: "/".to_owned(),
            ..ContainerConfig::default()
        };
        let (id, image_name) = (names::random_id()?, String::new());
        let made =
            Made { id, name: name.clone(), config, image_name, image: None, dirs, _lock: None };
        let (mut plan, _files) = self.engine.containers().plan(&made, &[])?;
        plan.steps.retain(|step| {
            matches!(
                step,
                Step::DetachPropagation { .. } | Step::OverlayRoot { .. } | Step::PivotRoot
            )
        });
        monitor::hold(&self.engine.program, &plan, &[])
            .map_err(|cause| EngineError::Hold { name, cause })
    }

    /// Makes a layer, which the build holds from then on.
    ///
    /// # Errors
    /// When the changes cannot be read or are what no layer holds, or the disk refuses.
    pub fn add_layer(
        &self,
        lease: &BuildLease,
        layer: &NewLayer<'_>,
    ) -> Result<AddedLayer, EngineError> {
        Ok(self.engine.store.images().add_layer(lease, layer, monitor::now_ns())?)
    }

    /// Makes one layer that does to those below it what several do, the lowest first. The build holds it from then on.
    ///
    /// # Errors
    /// As [`Building::add_layer`].
    pub fn squash(
        &self,
        lease: &BuildLease,
        layers: (&[Digest], &[Digest]),
    ) -> Result<AddedLayer, EngineError> {
        Ok(self.engine.store.images().squash(lease, layers, monitor::now_ns())?)
    }

    /// The changes of a step that ran in a container, and has ended: its upper directory, the lower ones, and what was mounted in it.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn changes_of(
        &self,
        container: &str,
    ) -> Result<(PathBuf, Vec<PathBuf>, Vec<PathBuf>), EngineError> {
        let container = self.engine.containers().get(container)?;
        let lower = self.directories(&container.config.layers);
        Ok((container.dirs.upper, lower, crate::oci::targets(&container.config)))
    }

    /// Takes what a step has changed off the disk, before its container goes: on a full one not even a record can be removed.
    pub fn forget_changes(&self, container: &str) {
        if let Ok(container) = self.engine.containers().get(container) {
            // What stays goes with the container.
            let _kept = fs::remove_dir_all(&container.dirs.upper);
        }
    }

    /// An image of layers that the build holds, under these names. It outlives a power cut a moment later.
    ///
    /// # Errors
    /// When a layer is not here, or the disk refuses.
    pub fn image(&self, config: &ImageConfig, names: &[Reference]) -> Result<Image, EngineError> {
        let image = self.engine.store.images().made_of(config, names, monitor::now_ns())?;
        for name in names {
            let name = name.familiar();
            self.engine.tell_image("tag", &image.id.to_string(), &name, Some(&image));
        }
        self.engine.settle_later()?;
        Ok(image)
    }

    /// Writes down what belongs to an image beside its layers, in place of what did.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn say(&self, image: &Digest, beside: &Beside) -> Result<(), EngineError> {
        let images = self.engine.store.images();
        // Most images have nothing, and had nothing.
        if !beside.is_empty() || images.beside(image)?.is_some() {
            images.set_beside(image, beside)?;
        }
        Ok(())
    }

    /// The files of layers, as a container sees them.
    #[must_use]
    pub fn view(&self, layers: &[Digest]) -> store::RootView {
        store::RootView::of(&self.directories(layers))
    }

    /// Whether layers show a directory at a path.
    #[must_use]
    pub fn is_directory(&self, layers: &[Digest], path: &Path) -> bool {
        store::RootView::of(&self.directories(layers)).is_directory(path)
    }

    /// A file of layers, as a container sees it; nothing when it is none.
    #[must_use]
    pub fn read(&self, layers: &[Digest], path: &Path) -> Option<Vec<u8>> {
        store::RootView::of(&self.directories(layers)).read(path)
    }
}
