//! `RUN --mount`: what a step has beside its layers, and what of it is in the step's key. Secrets and agents are never in it.

use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dockerfile::{Mount, MountKind, Sharing};
use engine::config::{HiddenContent, MountConfig, MountSource, SecretConfig, SecretPlace};
use engine::{CACHE_MOUNT_LABEL, CACHE_MOUNT_LOCKS, SecretKind, VolumeRequest};
use rustix::fs::{FlockOperation, flock};

use crate::cache::BETWEEN_LOOKS;
use crate::error::StepError;
use crate::files::Part;
use crate::key::digest_of;
use crate::places::Place;
use crate::relay::Relay;
use crate::settings::joined;
use crate::stage::{At, StageRun};

/// What names of volumes that are caches begin with.
pub(crate) const CACHE_PREFIX: &str = "build-cache-";
/// The variable that says where an agent is. ssh(1).
const AGENT: &str = "SSH_AUTH_SOCK";

/// What a step wants, looked at: enough for its key.
pub(crate) struct Mounted {
    wanted: Vec<Wanted>,
}

struct Wanted {
    mount: Mount,
    /// Of a bind: where its files are from, and what they are.
    bind: Option<(Place, String)>,
    parts: Vec<Part>,
}

/// What a step is given. Dropped, it is taken away.
#[derive(Default)]
pub(crate) struct Ready {
    pub(crate) mounts: Vec<MountConfig>,
    pub(crate) environment: Vec<String>,
    /// They go from memory to memory: no file and no record has them.
    pub(crate) secrets: Vec<SecretConfig>,
    /// Caches that it has, by the names of their volumes.
    locks: Vec<(String, File)>,
    /// Files that go with the step.
    files: Vec<PathBuf>,
    /// Ways to sockets that end with it.
    relays: Vec<Relay>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        for path in &self.files {
            let _gone = fs::remove_file(path);
        }
    }
}

impl Mounted {
    /// What of them is in the step's key.
    pub(crate) fn inputs(&self) -> Vec<(String, String)> {
        let mut inputs = Vec::new();
        for (number, Wanted { mount, bind, .. }) in self.wanted.iter().enumerate() {
            let target = mount.target.as_deref().unwrap_or_default();
            let words = match (&mount.kind, bind) {
                (MountKind::Bind, Some((_, digest))) => {
                    inputs.push((format!("files mounted at {target}"), digest.clone()));
                    format!("bind {target} {}", mount.read_only)
                }
                (MountKind::Cache { .. }, _) => {
                    format!(
                        "cache {target} {} {}",
                        mount.id.as_deref().unwrap_or_default(),
                        mount.read_only
                    )
                }
                (MountKind::Tmpfs { size_bytes }, _) => format!("tmpfs {target} {size_bytes:?}"),
                (MountKind::Secret { variable, .. }, _) => {
                    format!(
                        "secret {target} {} {variable:?}",
                        mount.id.as_deref().unwrap_or_default()
                    )
                }
                (MountKind::Ssh { .. } | MountKind::Bind, _) => {
                    format!("agent {target} {}", mount.id.as_deref().unwrap_or_default())
                }
            };
            inputs.push((format!("mount {number}"), words));
        }
        inputs
    }

    /// What the files of binds are.
    pub(crate) fn parts(&self) -> Vec<Part> {
        self.wanted.iter().flat_map(|wanted| wanted.parts.clone()).collect()
    }
}

impl StageRun<'_> {
    /// Looks at what a step wants.
    pub(crate) fn look_at_mounts(
        &mut self,
        at: At<'_>,
        mounts: &[Mount],
    ) -> Result<Mounted, StepError> {
        let mut wanted = Vec::new();
        for mount in mounts {
            let (mut bind, mut parts) = (None, Vec::new());
            if mount.kind == MountKind::Bind {
                let from = mount.from.as_ref().map(|from| from.value.as_str());
                let place = self.place_of(at, from)?;
                let source = mount.source.as_deref().unwrap_or("/");
                let found = self.contents(&place, source)?;
                parts = found.1;
                bind = Some((place, found.0.to_string()));
            }
            wanted.push(Wanted { mount: mount.clone(), bind, parts });
        }
        Ok(Mounted { wanted })
    }

    /// Makes it; `script` is a document that is a program, and where it is to be.
    pub(crate) fn make_mounts(
        &mut self,
        at: At<'_>,
        mounted: Mounted,
        script: Option<(&str, &str)>,
    ) -> Result<Ready, StepError> {
        let mut ready = Ready::default();
        if let Some((target, text)) = script {
            let path = self.hidden_file(text.as_bytes(), 0o755, (0, 0))?;
            ready.files.push(path.clone());
            ready.mounts.push(bound(path, target, true));
        }
        for (number, wanted) in mounted.wanted.into_iter().enumerate() {
            self.make_mount(at, (number, wanted), &mut ready)?;
        }
        Ok(ready)
    }

    fn make_mount(
        &mut self,
        at: At<'_>,
        (number, wanted): (usize, Wanted),
        ready: &mut Ready,
    ) -> Result<(), StepError> {
        let Wanted { mount, bind, .. } = wanted;
        match &mount.kind {
            MountKind::Bind => {
                if let Some((place, _)) = bind {
                    let target = self.target(&mount)?;
                    ready.mounts.push(self.bind(&place, &mount, target)?);
                }
            }
            MountKind::Cache { sharing } => self.cache(at, &mount, *sharing, ready)?,
            MountKind::Tmpfs { size_bytes } => {
                let target = self.target(&mount)?;
                let mut config = MountConfig::new(MountSource::Tmpfs, PathBuf::from(target));
                config.options.extend(size_bytes.map(|size| format!("size={size}")));
                ready.mounts.push(config);
            }
            MountKind::Secret { variable, required } => {
                self.secret(&mount, variable.as_deref(), *required, ready)?;
            }
            MountKind::Ssh { required } => self.agent(number, &mount, *required, ready)?,
        }
        Ok(())
    }

    fn target(&self, mount: &Mount) -> Result<String, StepError> {
        let target = mount.target.as_deref().unwrap_or_default();
        let joined = joined(&self.config.config.working_dir, target);
        if target.is_empty() || joined == "/" {
            let why = "it is to be a path of the step, below the root".to_owned();
            return Err(StepError::Value { what: "mount target", value: target.to_owned(), why });
        }
        Ok(joined)
    }

    fn cache(
        &mut self,
        at: At<'_>,
        mount: &Mount,
        sharing: Sharing,
        ready: &mut Ready,
    ) -> Result<(), StepError> {
        let target = self.target(mount)?;
        let space = self.shared.request.arguments.get("BUILDKIT_CACHE_MOUNT_NS");
        let id = mount.id.clone().unwrap_or_else(|| target.clone());
        let id = space.map_or_else(|| id.clone(), |space| format!("{space}/{id}"));
        let name = self.claim(&id, sharing, ready)?;
        let volumes = self.engine.volumes();
        if volumes.get(&name).is_err() {
            let labels = [(CACHE_MOUNT_LABEL.to_owned(), id.clone())].into_iter().collect();
            let made = volumes.create(VolumeRequest {
                name: Some(name.clone()),
                labels,
                ..VolumeRequest::default()
            })?;
            let owner = (mount.uid.unwrap_or(0), mount.gid.unwrap_or(0));
            dress(&made.path, mount.mode.unwrap_or(0o755), owner)?;
            if let Some(from) = &mount.from {
                let source = mount.source.as_deref().unwrap_or("/");
                self.seed(at, (&from.value, source), &made.path)?;
            }
        }
        self.shared.has_cache(&name, &id);
        let mut config = MountConfig::new(MountSource::volume(&name, false), PathBuf::from(target));
        config.read_only = mount.read_only;
        // What a cache begins with is in it already; what is asked of it later is a part of it.
        if mount.from.is_none()
            && let Some(source) = mount.source.as_deref()
        {
            config.subpath = source.trim_matches('/').to_owned();
        }
        ready.mounts.push(config);
        Ok(())
    }

    /// The volume of a cache, which is locked for as long as the step runs. A step that has it twice has it once.
    fn claim(&self, id: &str, sharing: Sharing, ready: &mut Ready) -> Result<String, StepError> {
        let hash = digest_of(id.as_bytes());
        let base = format!("{CACHE_PREFIX}{}", hash.short());
        let locks = self.shared.state.join(CACHE_MOUNT_LOCKS);
        let failed = |cause| StepError::Path { action: "lock", path: locks.clone(), cause };
        fs::create_dir_all(&locks).map_err(failed)?;
        let mut number = 0_u32;
        loop {
            let name = if number == 0 { base.clone() } else { format!("{base}-{number}") };
            if ready.locks.iter().any(|(own, _)| *own == name) {
                return Ok(name);
            }
            let file = File::options()
                .create(true)
                .append(true)
                .open(locks.join(&name))
                .map_err(failed)?;
            let wanted = match sharing {
                Sharing::Shared => FlockOperation::NonBlockingLockShared,
                Sharing::Private | Sharing::Locked => FlockOperation::NonBlockingLockExclusive,
            };
            match flock(&file, wanted) {
                Ok(()) => {
                    // For whoever asks when it was used last.
                    let _told = file.set_modified(std::time::SystemTime::now());
                    ready.locks.push((name.clone(), file));
                    return Ok(name);
                }
                Err(rustix::io::Errno::WOULDBLOCK) if sharing == Sharing::Private => {
                    number += 1;
                    continue;
                }
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            self.shared.wait_or_stop(BETWEEN_LOOKS)?;
        }
    }

    fn secret(
        &self,
        mount: &Mount,
        variable: Option<&str>,
        required: bool,
        ready: &mut Ready,
    ) -> Result<(), StepError> {
        let id = mount.id.clone().or_else(|| {
            let target = mount.target.as_deref()?;
            target.rsplit('/').next().map(str::to_owned)
        });
        let id = id.unwrap_or_default();
        let Some(secret) = self.shared.request.secrets.iter().find(|secret| secret.id == id) else {
            return if required {
                Err(StepError::Absent { what: "secret", name: id })
            } else {
                Ok(())
            };
        };
        let content = Some(HiddenContent(secret.content.clone()));
        let mut given = |place| {
            let (kind, name) = (SecretKind::Secret, id.clone());
            ready.secrets.push(SecretConfig { kind, name, place, content: content.clone() });
        };
        if let Some(variable) = variable {
            given(SecretPlace::Variable { name: variable.to_owned() });
            if mount.target.is_none() {
                return Ok(());
            }
        }
        let target = match mount.target {
            Some(_) => self.target(mount)?,
            None => format!("/run/secrets/{}", id.rsplit('/').next().unwrap_or_default()),
        };
        let (uid, gid) = (mount.uid.unwrap_or(0), mount.gid.unwrap_or(0));
        let (target, mode) = (PathBuf::from(target), mount.mode.unwrap_or(0o400));
        given(SecretPlace::File { target, uid, gid, mode });
        Ok(())
    }

    fn agent(
        &self,
        number: usize,
        mount: &Mount,
        required: bool,
        ready: &mut Ready,
    ) -> Result<(), StepError> {
        let id = mount.id.clone().unwrap_or_else(|| "default".to_owned());
        let Some(agent) = self.shared.request.agents.iter().find(|agent| agent.id == id) else {
            return if required {
                Err(StepError::Absent { what: "agent", name: id })
            } else {
                Ok(())
            };
        };
        let target = match mount.target {
            Some(_) => self.target(mount)?,
            None => format!("/run/buildkit/ssh_agent.{number}"),
        };
        ready.environment.push(format!("{AGENT}={target}"));
        let socket = match engine::containers_are_labelled() {
            true => self.relay(&agent.socket, ready)?,
            false => agent.socket.clone(),
        };
        ready.mounts.push(bound(socket, &target, false));
        Ok(())
    }

    /// A socket that a step with an SELinux label may connect to, in the place of one of the machine.
    fn relay(&self, to: &Path, ready: &mut Ready) -> Result<PathBuf, StepError> {
        let name = self.shared.lease.free_path("socket");
        let path = self.shared.hidden_directory()?.join(name.file_name().unwrap_or_default());
        let listener = engine::listen_for_containers(&path)?;
        ready.files.push(path.clone());
        let failed = |cause| StepError::Path { action: "serve", path: path.clone(), cause };
        ready.relays.push(Relay::start(listener, to.to_owned()).map_err(failed)?);
        Ok(path)
    }

    /// A file that is gone with the step, and that no reboot brings back.
    fn hidden_file(
        &self,
        content: &[u8],
        mode: u32,
        owner: (u32, u32),
    ) -> Result<PathBuf, StepError> {
        let directory = self.shared.hidden_directory()?;
        let number = self.shared.lease.free_path("file");
        let path = directory.join(number.file_name().unwrap_or_default());
        let failed = |cause| StepError::Path { action: "write", path: path.clone(), cause };
        let mut file =
            File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        std::io::Write::write_all(&mut file, content).map_err(failed)?;
        dress(&path, mode, owner)?;
        Ok(path)
    }
}

fn dress(path: &Path, mode: u32, (uid, gid): (u32, u32)) -> Result<(), StepError> {
    let failed =
        |cause| StepError::Path { action: "set the mode of", path: path.to_owned(), cause };
    std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)
}

fn bound(path: PathBuf, target: &str, read_only: bool) -> MountConfig {
    let source = MountSource::Bind { path, create: false };
    MountConfig { read_only, ..MountConfig::new(source, PathBuf::from(target)) }
}
